//! What can go wrong with jobs, and what to do about it.

use std::fmt;

use crate::database::RefreshError;
use crate::keys::KeyError;
use crate::transform::TransformError;

/// A job could not be submitted, controlled or brought to an end. Holds no value and no key.
#[derive(Debug)]
pub enum JobError {
    /// What was asked for is impossible or would not be sound; nothing was done.
    Refused {
        /// SQLSTATE.
        sqlstate: &'static str,
        /// What is wrong.
        message: String,
        /// The way out.
        hint: String,
    },
    /// The server refused something.
    Database {
        /// What was being done.
        doing: &'static str,
        /// Its error.
        source: tokio_postgres::Error,
    },
    /// The keyring could not be changed.
    Keys(KeyError),
    /// The catalog or the keyring could not be read.
    Refresh(RefreshError),
    /// A value could not be opened or sealed.
    Transform(TransformError),
    /// Another proxy has the job by now, or it was paused or cancelled: whoever gets this must stop.
    LeaseLost,
    /// A [`crate::jobs::Checkpoint`] said so.
    Stopped,
    /// Tables changed while they were looked at.
    Again,
}

impl JobError {
    /// For `map_err`: what was being done when the server refused.
    pub(crate) fn database(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// A refusal with 55000: the state of things does not allow it.
    pub(crate) fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { sqlstate: "55000", message: message.into(), hint: hint.into() }
    }

    /// A refusal with 42704: there is no such thing.
    pub(crate) fn unknown(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { sqlstate: "42704", message: message.into(), hint: hint.into() }
    }

    /// The server's SQLSTATE, if this comes from it.
    pub(crate) fn server_code(&self) -> Option<&str> {
        match self {
            Self::Database { source, .. } => source.code().map(tokio_postgres::error::SqlState::code),
            _ => None,
        }
    }

    /// Whether the connection or the server went away, so that trying again is all there is to do.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => match source.code() {
                // Connections, shutdown and crash of the server, serialization, deadlock, a lock that others hold, out of
                // memory or slots.
                Some(code) => {
                    let code = code.code();
                    matches!(code.get(..2), Some("08" | "53" | "40"))
                        || code.starts_with("57P")
                        || code == "55P03"
                }
                None => is_away(source),
            },
            // Anything else than a server that is away would be the same the next time.
            Self::Refresh(error) => error.sqlstate() == "58000",
            Self::Keys(KeyError::Database { source, .. }) => source
                .code()
                .is_none_or(|code| code.code().starts_with("08") || code.code().starts_with("57P")),
            Self::Again => true,
            _ => false,
        }
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { hint, .. } => Some(hint.clone()).filter(|hint| !hint.is_empty()),
            Self::Database { source, .. } => source.as_db_error()?.hint().map(str::to_owned),
            Self::Keys(error) => error.hint(),
            Self::Transform(error) => error.hint.clone(),
            Self::Refresh(error) => error.hint().map(str::to_owned),
            Self::LeaseLost | Self::Stopped | Self::Again => None,
        }
    }

    /// SQLSTATE, for the console.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Refused { sqlstate, .. } => sqlstate,
            Self::Keys(error) => error.sqlstate(),
            Self::Transform(error) => error.sqlstate,
            Self::Refresh(error) => error.sqlstate(),
            Self::Database { .. } => "58000",
            Self::LeaseLost | Self::Stopped => "57014",
            Self::Again => "40001",
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { message, .. } => f.write_str(message),
            // Only the primary message: DETAIL may quote rows.
            Self::Database { doing, source } => match source.as_db_error() {
                Some(error) => write!(f, "cannot {doing}: {} ({})", error.message(), error.code().code()),
                None => write!(f, "cannot {doing}: {source}"),
            },
            Self::Keys(error) => error.fmt(f),
            Self::Refresh(error) => error.fmt(f),
            Self::Transform(error) => error.fmt(f),
            Self::LeaseLost => f.write_str("another proxy has this job, or it was paused or cancelled"),
            Self::Stopped => f.write_str("stopped at a checkpoint"),
            Self::Again => f.write_str("tables changed while they were looked at"),
        }
    }
}

impl std::error::Error for JobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database { source, .. } => Some(source),
            Self::Keys(error) => Some(error),
            Self::Refresh(error) => Some(error),
            Self::Transform(error) => Some(error),
            _ => None,
        }
    }
}

impl From<KeyError> for JobError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

impl From<RefreshError> for JobError {
    fn from(error: RefreshError) -> Self {
        Self::Refresh(error)
    }
}

impl From<TransformError> for JobError {
    fn from(error: TransformError) -> Self {
        Self::Transform(error)
    }
}

/// Whether the connection is gone, rather than something wrong with what was sent.
fn is_away(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<std::io::Error>() {
            return true;
        }
        source = inner.source();
    }
    error.is_closed()
}
