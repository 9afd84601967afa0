//! Why a protected database cannot be opened or refreshed.

use std::fmt;

use crate::catalog::CatalogError;
use crate::keys::KeyError;

/// A protected database could not be opened at start-up.
#[derive(Debug)]
pub enum OpenError {
    /// No connection with the service role.
    Connect {
        /// The database.
        database: String,
        /// The server, as configured.
        upstream: String,
        /// The role.
        user: String,
        /// The reason.
        source: tokio_postgres::Error,
    },
    /// Schema `pyrite` or the keyring could not be installed or opened.
    Keys {
        /// The database.
        database: String,
        /// The reason.
        source: KeyError,
    },
    /// The catalog could not be read.
    Catalog {
        /// The database.
        database: String,
        /// The reason.
        source: RefreshError,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Connect { database, upstream, user, source } => write!(
                f,
                "cannot connect to database {database:?} on {upstream} as {user:?}: {}; check \"upstream\" and \
                 [service] in the configuration, and that the role exists (pyrite init prints how to create it)",
                reason(source)
            ),
            OpenError::Keys { database, source } => {
                write!(f, "database {database:?}: {source}")?;
                source.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            OpenError::Catalog { database, source } => write!(f, "database {database:?}: {source}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// The catalog or the keyring could not be read anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshError {
    message: String,
}

impl RefreshError {
    pub(super) fn stopped(database: &str) -> Self {
        Self { message: format!("the manager of database {database:?} has stopped") }
    }

    pub(super) fn server(source: &tokio_postgres::Error) -> Self {
        Self { message: format!("cannot read the catalog: {}", reason(source)) }
    }

    pub(super) fn keys(source: &KeyError) -> Self {
        Self { message: source.to_string() }
    }

    pub(super) fn silent() -> Self {
        Self { message: "the server gave no answer to the catalog query".into() }
    }
}

impl From<CatalogError> for RefreshError {
    fn from(error: CatalogError) -> Self {
        Self { message: error.to_string() }
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RefreshError {}

/// The server's own words where it has any: the library's say little more than "db error".
fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", db.message(), db.code().code());
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}
