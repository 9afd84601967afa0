//! What can go wrong with keys, and what to do about it.

use super::keyring::KeyringError;
use super::root::ProviderError;
use crate::crypto::CryptoError;

/// A failure around the root key, the keyring or schema `pyrite`. Holds no key.
#[derive(Debug)]
pub enum KeyError {
    /// The root key cannot be had from where it should be.
    Root {
        /// The file or variable.
        place: String,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// An outside provider did not give the root key.
    Provider(ProviderError),
    /// The keys in the database are wrapped by another root key.
    WrongRoot {
        /// Fingerprint of the root key at hand.
        given: String,
        /// Fingerprint that the database names.
        needed: String,
    },
    /// Schema `pyrite` is missing, or not as it must be.
    Schema {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Rows of schema `pyrite` were changed by someone without the root key.
    Tampered(String),
    /// The keyring in the database is older than one that was seen before.
    RolledBack {
        /// Counter seen before.
        seen: u64,
        /// Counter found now.
        found: u64,
    },
    /// A column is registered otherwise than it is configured.
    Column {
        /// `schema.table.column`.
        column: String,
        /// What differs.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A change of the keyring that the state of its keys does not allow.
    Change {
        /// What does not fit.
        message: String,
        /// What to do.
        hint: String,
    },
    /// An escrow file that cannot be written, opened or put back.
    Escrow {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The keyring does not follow the one that this proxy has seen before its last restart.
    Memory {
        /// What does not fit.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The server refused something.
    Database {
        /// What was being done.
        doing: &'static str,
        /// Its error.
        source: tokio_postgres::Error,
    },
    /// The stored keys make no keyring.
    Keyring(KeyringError),
    /// A cryptographic operation failed.
    Crypto(CryptoError),
}

impl KeyError {
    /// For `map_err`: what was being done when the server refused.
    pub(super) fn database(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Root { hint, .. }
            | Self::Schema { hint, .. }
            | Self::Column { hint, .. }
            | Self::Change { hint, .. }
            | Self::Escrow { hint, .. }
            | Self::Memory { hint, .. } => Some(hint.clone()),
            Self::Provider(error) => Some(error.hint.clone()),
            Self::WrongRoot { .. } => Some(
                "Start the proxy with the root key that wraps this database's keys now: table pyrite.roots says where \
                 it was when it was taken into use. Without it the encrypted columns cannot be read by anyone, unless \
                 `pyrite keys import` brings the keys back from an escrow file."
                    .to_owned(),
            ),
            Self::Tampered(_) => Some(
                "Find out who can write to schema pyrite, and restore its tables from a backup that you trust."
                    .to_owned(),
            ),
            Self::RolledBack { .. } => Some(
                "Find out who can write to schema pyrite. If its tables were restored on purpose, stop all proxies, \
                 run DELETE FROM pyrite.proxies, and start them again."
                    .to_owned(),
            ),
            Self::Database { source, .. } => {
                source.as_db_error().and_then(|error| error.hint()).map(str::to_owned)
            }
            Self::Keyring(_) => {
                Some("Restore the tables of schema pyrite from a backup that you trust.".to_owned())
            }
            Self::Crypto(error) => error.hint().map(str::to_owned),
        }
    }

    /// SQLSTATE, should a client have to be told.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Crypto(error) => error.sqlstate(),
            Self::Column { .. } | Self::Schema { .. } | Self::Change { .. } => "55000",
            Self::Escrow { .. } => "22023",
            Self::Tampered(_) | Self::RolledBack { .. } | Self::Keyring(_) | Self::Memory { .. } => "XX001",
            Self::Root { .. } | Self::Provider(_) | Self::WrongRoot { .. } | Self::Database { .. } => "58000",
        }
    }
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root { place, reason, .. } => write!(f, "no root key from {place}: {reason}"),
            Self::Provider(error) => error.fmt(f),
            Self::WrongRoot { given, needed } => write!(
                f,
                "root key does not fit this database: its keys are under root key {needed}, this one is {given}"
            ),
            Self::Schema { message, .. }
            | Self::Change { message, .. }
            | Self::Escrow { message, .. }
            | Self::Memory { message, .. } => f.write_str(message),
            Self::Tampered(what) => write!(f, "the keyring in the database was tampered with: {what}"),
            Self::RolledBack { seen, found } => {
                write!(f, "the keyring in the database went back from change {seen} to change {found}")
            }
            Self::Column { column, message, .. } => write!(f, "column {column} {message}"),
            Self::Database { doing, source } => match source.as_db_error() {
                Some(error) => write!(f, "cannot {doing}: {} ({})", error.message(), error.code().code()),
                None => write!(f, "cannot {doing}: {source}"),
            },
            Self::Keyring(error) => write!(f, "the keys in the database make no keyring: {error}"),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Database { source, .. } => Some(source),
            Self::Keyring(error) => Some(error),
            Self::Crypto(error) => Some(error),
            Self::Provider(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CryptoError> for KeyError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<KeyringError> for KeyError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}
