//! Configuration: what was typed (`raw`) becomes what is meant ([`Config`]) in one fallible step.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::value::Type;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// The PostgreSQL server.
    pub upstream: Upstream,
    /// Worker threads; `None`: one per core.
    pub workers: Option<usize>,
    /// Pyrite's own login (catalog, keys).
    pub service: Service,
    /// Where the root key is.
    pub root: RootKey,
    /// Protected databases by name.
    pub databases: BTreeMap<String, Database>,
}

/// Address of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Host name or address, and port.
    Tcp(String, u16),
    /// Directory of the Unix socket, and port.
    Unix(PathBuf, u16),
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

/// A root key provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootKey {
    /// A file of mode 0600 that holds the key.
    File(PathBuf),
    /// The name of an environment variable that holds the key.
    Environment(String),
}

/// What is protected in one database.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// By schema and table name, as stored in the catalog.
    pub tables: BTreeMap<(String, String), BTreeMap<String, ColumnConfig>>,
}

/// A column that shall be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnConfig {
    /// The type that clients see.
    pub ty: Type,
    /// Whether values carry an equality term.
    pub equality: bool,
    /// Key group; by default `schema.table.column`.
    pub group: String,
}
