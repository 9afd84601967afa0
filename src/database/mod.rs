//! Protected databases as all sessions see them: the current catalog and keyring of each, kept fresh by one
//! manager task per database over Pyrite's own connection.
//!
//! Sessions read snapshots without a lock; only the manager replaces them.

mod connect;
mod error;
mod manager;

pub use connect::{connect, service_config};
pub use error::{OpenError, RefreshError};

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{mpsc, oneshot};

use crate::catalog::{Catalog, CatalogError, GroupId};
use crate::config::{self, Config};
use crate::keys::Keyring;

/// The protected databases of the configuration, by name.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    by_name: BTreeMap<String, Arc<Database>>,
}

impl Databases {
    /// Connects to each configured database, installs or upgrades schema `pyrite`, loads the keyring and the
    /// catalog, and starts their managers on the current tokio runtime, which must outlive the sessions.
    ///
    /// # Errors
    /// The server is away, refuses the service role, or the root key does not fit.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let mut by_name = BTreeMap::new();
        for (name, tables) in &config.databases {
            let database = manager::open(config, name, tables).await?;
            by_name.insert(name.clone(), database);
        }
        Ok(Self { by_name })
    }

    /// The protected database of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Database>> {
        self.by_name.get(name)
    }

    /// All of them, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.by_name.values()
    }
}

/// One protected database.
pub struct Database {
    name: String,
    config: config::Database,
    catalog: ArcSwap<Catalog>,
    keyring: ArcSwap<Keyring>,
    refresh: mpsc::Sender<oneshot::Sender<Result<Arc<Catalog>, RefreshError>>>,
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the configuration says of it.
    pub fn config(&self) -> &config::Database {
        &self.config
    }

    /// The current snapshot of the catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.catalog.load_full()
    }

    /// The current snapshot of the catalog, for a look that keeps nothing.
    pub fn catalog_guard(&self) -> Guard<Arc<Catalog>> {
        self.catalog.load()
    }

    /// The current snapshot of the keyring.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keyring.load_full()
    }

    /// Reads the catalog anew, as after DDL of a session. Returns a snapshot that is not older than the call.
    ///
    /// # Errors
    /// Pyrite's own connection to the database is away.
    pub async fn refresh(&self) -> Result<Arc<Catalog>, RefreshError> {
        let (reply, answer) = oneshot::channel();
        self.refresh.send(reply).await.map_err(|_| RefreshError::stopped(&self.name))?;
        answer.await.map_err(|_| RefreshError::stopped(&self.name))?
    }

    /// Reads the answer to [`crate::catalog::CATALOG_QUERY`], which a session asked on its own connection to
    /// see what its transaction has not yet committed.
    ///
    /// # Errors
    /// The answer is not what the query gives.
    pub fn parse_catalog(&self, json: &str) -> Result<Catalog, CatalogError> {
        parse_catalog(json, &self.config, &self.keyring.load())
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({:?}, {:?})", self.name, self.catalog.load())
    }
}

fn parse_catalog(json: &str, config: &config::Database, keyring: &Keyring) -> Result<Catalog, CatalogError> {
    Catalog::from_json(json, config, &|name| keyring.group_id(name).map(|id| GroupId(id).into()))
}
