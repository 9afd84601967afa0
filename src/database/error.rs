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
                source.hint().map_or(Ok(()), |hint| write!(f, "\n    {hint}"))
            }
            OpenError::Catalog { database, source } => write!(f, "database {database:?}: {source}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// The catalog or the keyring could not be read anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshError {
    sqlstate: &'static str,
    message: String,
    hint: Option<String>,
}

impl RefreshError {
    fn new(message: String) -> Self {
        Self { sqlstate: "58000", message, hint: None }
    }

    /// SQLSTATE, should a client have to be told.
    pub fn sqlstate(&self) -> &'static str {
        self.sqlstate
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(super) fn stopped(database: &str) -> Self {
        Self::new(format!("the manager of database {database:?} has stopped"))
    }

    pub(super) fn server(doing: &str, source: &tokio_postgres::Error) -> Self {
        Self::new(format!("cannot {doing}: {}", reason(source)))
    }

    pub(super) fn silent(doing: &str) -> Self {
        Self::new(format!("cannot {doing}: the server gave no answer that can be read"))
    }

    pub(super) fn slow(doing: &str) -> Self {
        Self::new(format!("cannot {doing}: the server gives no answer"))
    }

    pub(super) fn away() -> Self {
        Self::new("Pyrite's own connection to the database is lost".into())
    }

    pub(super) fn random() -> Self {
        Self::new("the system gives no random numbers".into())
    }

    pub(super) fn restless() -> Self {
        Self::new("the keyring changes faster than it can be read".into())
    }

    pub(super) fn no_keyring() -> Self {
        Self::new("the keyring in the database is gone".into())
    }

    pub(super) fn lacking_root(proxies: &[String]) -> Self {
        Self {
            sqlstate: "55000",
            message: format!("proxies that run have not got the new root key: {}", proxies.join(", ")),
            hint: Some(
                "Name it under keys.next_root in their configuration too, and RELOAD or stop them; or wait 15 s, if they \
                 were killed or stopped just now. Nothing was changed."
                    .into(),
            ),
        }
    }

    pub(super) fn behind(needed: u64, found: u64) -> Self {
        Self::new(format!("the keyring is at change {found}, where {needed} was expected"))
    }
}

impl From<&KeyError> for RefreshError {
    fn from(error: &KeyError) -> Self {
        Self { sqlstate: error.sqlstate(), message: error.to_string(), hint: error.hint() }
    }
}

impl From<CatalogError> for RefreshError {
    fn from(error: CatalogError) -> Self {
        Self::new(error.to_string())
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
