//! What the console answers when it cannot do what was asked: one shape for every reason.

use std::fmt;

use pgwire::error::{ErrorInfo, PgWireError};

/// An error of the console. Holds no value and no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// SQLSTATE.
    pub sqlstate: &'static str,
    /// What is wrong.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
    /// The way out.
    pub hint: Option<String>,
    /// Byte offset in the text of the statement that it speaks of.
    pub at: Option<usize>,
}

impl Failure {
    /// An error without a place.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None, at: None }
    }

    /// A mistake in the text.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self::new("42601", message)
    }

    /// With the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With more about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With the byte of the text where the mistake begins.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.at = Some(offset);
        self
    }

    /// As the protocol carries it. `text` is what the client sent, for the position in characters.
    pub(super) fn to_info(&self, text: &str) -> ErrorInfo {
        let mut info = ErrorInfo::new("ERROR".to_owned(), self.sqlstate.to_owned(), clean(&self.message));
        info.severity_nonlocalized = Some("ERROR".to_owned());
        info.detail = self.detail.as_deref().map(clean);
        info.hint = self.hint.as_deref().map(clean);
        info.position =
            self.at.and_then(|at| text.get(..at)).map(|before| (before.chars().count() + 1).to_string());
        info
    }

    pub(super) fn to_error(&self, text: &str) -> PgWireError {
        PgWireError::UserError(Box::new(self.to_info(text)))
    }
}

/// A NUL would end a field of the message early.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.sqlstate)
    }
}

impl std::error::Error for Failure {}
