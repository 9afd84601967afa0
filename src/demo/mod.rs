//! The demonstration: an application, a theft, and what the thief has.
//!
//! [`run`] plays it: two private PostgreSQL servers, one behind Pyrite and one alone; the same application on
//! both; then both servers' files, logs and dumps are copied and searched for everything that was stored.

pub mod data;
mod play;
pub mod postgres;
mod report;
mod screen;
mod shop;
mod sql_types;
mod stage;
mod thief;

use std::fmt;

/// Why the demonstration did not come to an end.
#[derive(Debug)]
pub enum DemoError {
    /// No private server.
    Server(postgres::ServerError),
    /// A statement failed that had to succeed.
    Sql {
        /// What was being done.
        doing: &'static str,
        /// SQLSTATE and message.
        reason: String,
    },
    /// The theft failed.
    Theft(thief::TheftError),
    /// Pyrite did not start.
    Proxy(String),
    /// Something else.
    Broken(String),
    /// Ctrl-C.
    Interrupted,
}

impl DemoError {
    /// Of an error, only what PostgreSQL puts no values in.
    fn sql(doing: &'static str, error: tokio_postgres::Error) -> Self {
        let reason = match error.as_db_error() {
            Some(server) => {
                let hint = server.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{}: {}{hint}", server.code().code(), server.message())
            }
            None => error.to_string(),
        };
        Self::Sql { doing, reason }
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Sql { doing, reason } => write!(f, "{doing}: {reason}"),
            Self::Theft(error) => error.fmt(f),
            Self::Proxy(reason) => write!(f, "starting Pyrite: {reason}"),
            Self::Broken(reason) => f.write_str(reason),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for DemoError {}

impl From<postgres::ServerError> for DemoError {
    fn from(error: postgres::ServerError) -> Self {
        Self::Server(error)
    }
}
