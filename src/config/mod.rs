//! Configuration: what was typed (`raw`) becomes what is meant ([`Config`]) in one fallible step.
//!
//! [`Config::load`] reads a file; [`Config::parse`] does no I/O of its own. Mistakes are collected, so that
//! one run reports them all, each with line, column and the way out.

mod admin;
mod error;
mod names;
mod raw;
mod resolve;
mod root;
mod search;
mod secrets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::value::Type;

pub use admin::{Admin, CONSOLE};
pub(crate) use error::nearest;
pub use error::{ConfigError, Problem};
pub(crate) use names::display as display_name;
pub use raw::KEYS;
pub use root::{AwsKmsKey, ObjectChoice, Pkcs11Key, RootKey, TokenChoice, VaultKey};
pub use secrets::{SecretError, SecretSource, Secrets, SystemSecrets};

/// Where Pyrite listens if the file does not say.
pub const DEFAULT_LISTEN_PORT: u16 = 6432;
/// Role of Pyrite's own connections if the file does not say.
pub const DEFAULT_SERVICE_USER: &str = "pyrite";
/// Longest configuration that is read, in bytes: some ten thousand columns.
const MAX_BYTES: usize = 4 << 20;

impl Config {
    /// Reads and checks a configuration file and the password that it points to.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |error| ConfigError::Read { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(read)?;
        // Relative paths in it must keep their meaning after a change of folder.
        let folder = std::path::absolute(path).map_err(read)?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        let config = Self::parse(&text, folder, &SystemSecrets).map_err(|error| match error {
            ConfigError::Invalid { problems, .. } => {
                ConfigError::Invalid { path: Some(path.to_owned()), problems }
            }
            other => other,
        })?;
        Ok(Self { path: std::path::absolute(path).ok(), ..config })
    }

    /// Checks a configuration's text. Relative paths in it are relative to `folder`.
    pub fn parse(text: &str, folder: &Path, secrets: &dyn Secrets) -> Result<Self, ConfigError> {
        let mut problems = error::Problems::new(text);
        let config = if text.len() > MAX_BYTES {
            let message = format!("the file is larger than {MAX_BYTES} bytes");
            problems.add(&(0..0), message, "is it the right one?");
            None
        } else {
            raw::RawConfig::read(text, &mut problems)
                .and_then(|raw| resolve::resolve(raw, folder, secrets, &mut problems))
        };
        match (problems.finish(), config) {
            (Ok(()), Some(config)) => Ok(config),
            (Err(problems), _) => Err(ConfigError::Invalid { path: None, problems }),
            // `resolve` notes a problem wherever it gives up.
            (Ok(()), None) => Err(ConfigError::Invalid { path: None, problems: Vec::new() }),
        }
    }
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it came from, to be read again.
    pub path: Option<PathBuf>,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The PostgreSQL server.
    pub upstream: Upstream,
    /// Worker threads; `None`: one per core.
    pub workers: Option<usize>,
    /// How much it takes on.
    pub limits: Limits,
    /// Pyrite's own login (catalog, keys).
    pub service: Service,
    /// Where the root key is.
    pub root: RootKey,
    /// Who may use the admin console.
    pub admin: Admin,
    /// The root key that `ROTATE ROOT KEY` moves to.
    pub next_root: Option<RootKey>,
    /// Folder where the counters of keyrings are remembered across restarts.
    pub state: Option<PathBuf>,
    /// Protected databases by name.
    pub databases: BTreeMap<String, Database>,
}

/// What the process takes on before it turns clients away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections at a time.
    pub clients: usize,
    /// Distinct values that a condition on an encrypted column is decided on; beyond that it is refused.
    pub candidates: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { clients: 10_000, candidates: 100_000 }
    }
}

/// Address of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Directory of the Unix socket, and port.
    Unix(PathBuf, u16),
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Upstream::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Upstream::Tcp(host, port) => write!(f, "{host}:{port}"),
            Upstream::Unix(directory, port) => write!(f, "{}:{port}", directory.display()),
        }
    }
}

/// Login of Pyrite's own connections.
#[derive(Clone)]
pub struct Service {
    /// Role name.
    pub user: String,
    /// Password, read from a file or the environment; `None` for trust and peer.
    pub password: Option<zeroize::Zeroizing<String>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Service(user {:?}, password {})",
            self.user,
            if self.password.is_some() { "set" } else { "none" }
        )
    }
}

/// What is protected in one database.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Tables with a configured column that is not encrypted in the database cannot be used, and no other table can
    /// stand in for them.
    pub enforce: bool,
    /// By schema and table name, as stored in the catalog.
    pub tables: BTreeMap<(String, String), BTreeMap<String, ColumnConfig>>,
}

/// A column that shall be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnConfig {
    /// The type that clients see.
    pub ty: Type,
    /// Whether values carry an equality term; so where they carry any.
    pub equality: bool,
    /// Whether values carry an order term.
    pub order: bool,
    /// Whether values carry a caseless term.
    pub caseless: bool,
    /// Whether values carry match terms.
    pub matching: bool,
    /// Name of the collation by which its values are compared, as stored in the catalog; `None`: the database's.
    pub collation: Option<String>,
    /// Key group; by default `schema.table.column`.
    pub group: String,
}
