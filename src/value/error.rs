//! What goes wrong with a value, as the SQLSTATE and message that PostgreSQL would give.

use std::fmt;

/// Why a value was not accepted or could not be shown. Never holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// Five characters, as PostgreSQL would report them.
    pub sqlstate: &'static str,
    /// Names the type and the rule, not the value.
    pub message: String,
    /// The way out, if there is one.
    pub hint: Option<String>,
}

impl ValueError {
    /// An error without a hint.
    pub(crate) fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), hint: None }
    }

    /// The same with a way out.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// 22P02: the text does not follow the type's syntax.
    pub(crate) fn syntax(type_name: &str) -> Self {
        Self::new("22P02", format!("invalid input syntax for type {type_name}"))
    }

    /// 22003: the value does not fit the type.
    pub(crate) fn range(type_name: &str) -> Self {
        Self::new("22003", format!("value is out of range for type {type_name}"))
    }

    /// 22P03: bytes are left over or wrong in binary format.
    pub(crate) fn binary(type_name: &str) -> Self {
        Self::new("22P03", format!("incorrect binary data format for type {type_name}"))
    }

    /// 08P01: binary input ends too early.
    pub(crate) fn short() -> Self {
        Self::new("08P01", "insufficient data left in message")
    }

    /// 0A000: something that Pyrite cannot decide exactly.
    pub(crate) fn unsupported(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new("0A000", message).with_hint(hint)
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ValueError {}
