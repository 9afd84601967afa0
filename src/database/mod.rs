//! Protected databases as all sessions see them: the current catalog and keyring of each, kept fresh by one
//! manager task per database over Pyrite's own connection.
//!
//! Sessions read snapshots without a lock; only the manager replaces them. Several proxies agree on the keys in
//! use through `pyrite.proxies`: each says there once a second which keyring all its new statements use, and
//! which older ones may still be under way ([`Pin`]). A proxy that cannot do so loses its [`Lease`] and seals
//! nothing until it can.

mod connect;
mod drain;
mod error;
mod keyring;
mod lease;
mod manager;
mod open;
mod pins;
mod row;

pub use connect::{connect, service_config};
pub use drain::Waiting;
pub use error::{OpenError, RefreshError};
pub use keyring::RootChange;
pub use lease::{LEASE, Lease, MARGIN};
pub use pins::Pin;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio_postgres::Client;

use crate::catalog::{Catalog, CatalogError, catalog_query};
use crate::config::{self, Config};
use crate::keys::{Keyring, Memory, RootKey, Roots};

use keyring::Missing;
use manager::Request;
use pins::Pins;

/// How long a clean stop waits for sessions that are saying good-bye.
const FAREWELL: Duration = Duration::from_secs(8);

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
            match open::open(config, name, tables).await {
                Ok(database) => by_name.insert(name.clone(), database),
                Err(error) => {
                    Self { by_name }.close().await;
                    return Err(error);
                }
            };
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

    /// Takes this proxy off the list of those that run, once its sessions have ended. Nothing can be sealed any
    /// more.
    pub async fn close(&self) {
        for database in self.iter() {
            database.close().await;
        }
    }
}

/// Something that changed, in this proxy or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Keys or their states. This proxy uses them already.
    Keyring,
    /// A job was added, or went on.
    Jobs,
    /// Tables or what else the catalog holds.
    Catalog,
}

/// What a new statement is planned with and sealed under.
#[derive(Debug)]
pub struct Snapshot {
    /// Names and columns; its search slots are those of the keyring.
    pub catalog: Arc<Catalog>,
    /// The keys.
    pub keyring: Arc<Keyring>,
}

/// One protected database.
pub struct Database {
    name: String,
    config: ArcSwap<config::Database>,
    proxy: [u8; 16],
    address: String,
    login: tokio_postgres::Config,
    roots: ArcSwap<Roots>,
    /// The root key in use.
    root: ArcSwap<RootKey>,
    /// Distinct values that a condition is decided on.
    max_candidates: usize,
    /// Where the last keyring is remembered across restarts.
    memory: Option<Memory>,
    snapshot: ArcSwap<Snapshot>,
    /// Counter of the snapshot's keyring; written behind the snapshot.
    epoch: AtomicU64,
    pins: Arc<Pins>,
    lease: Lease,
    missing: Mutex<Missing>,
    requests: mpsc::Sender<Request>,
    nudge: Arc<Notify>,
    events: broadcast::Sender<Event>,
}

impl Database {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the configuration says of it.
    pub fn config(&self) -> Arc<config::Database> {
        self.config.load_full()
    }

    /// How many distinct values a condition on an encrypted column is decided on.
    pub fn max_candidates(&self) -> usize {
        self.max_candidates
    }

    /// The identity of this proxy, new at each start; its row in `pyrite.proxies`.
    pub fn proxy_id(&self) -> [u8; 16] {
        self.proxy
    }

    /// How Pyrite logs in.
    pub fn login(&self) -> &tokio_postgres::Config {
        &self.login
    }

    /// A new connection as the service role.
    ///
    /// # Errors
    /// As `tokio_postgres` has them.
    pub async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        connect(&self.login).await
    }

    /// The current snapshot of the catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.snapshot.load().catalog)
    }

    /// The current snapshot of the keyring.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.snapshot.load().keyring)
    }

    /// Catalog and keyring, which belong together.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Counter of the newest keyring. The snapshot is this one or newer.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Whether and how long values may be sealed.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// A session begins.
    pub fn pin(&self) -> Pin {
        self.pins.register()
    }

    /// Something that was sealed under an older keyring is done: others may be waiting for it.
    pub fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// Tells what changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Reads the catalog anew, as after DDL of a session. Returns a snapshot that is not older than the call.
    ///
    /// # Errors
    /// Pyrite's own connection to the database is away.
    pub async fn refresh(&self) -> Result<Arc<Catalog>, RefreshError> {
        self.ask(Request::Refresh).await?;
        Ok(self.catalog())
    }

    /// Makes sure that the keyring in use is the newest there is at the time of the call, and that other proxies
    /// know that this one uses it.
    ///
    /// # Errors
    /// Pyrite's own connection to the database is away, or the keyring cannot be opened.
    pub async fn confirm(&self) -> Result<Arc<Keyring>, RefreshError> {
        self.ask(Request::Confirm).await?;
        Ok(self.keyring())
    }

    /// The proxies that a step has to wait for which needs that nothing sealed or planned under a keyring older
    /// than `counter` can reach the server any more. Empty: it can go on.
    ///
    /// # Errors
    /// The server refuses the query.
    pub async fn all_drained(&self, client: &Client, counter: u64) -> Result<Vec<Waiting>, RefreshError> {
        drain::waiting(client, counter).await
    }

    /// Whether [`Database::all_drained`] gave a silent proxy up, so that what it had sent before it fell silent may
    /// still be waiting in a backend of the server.
    ///
    /// # Errors
    /// The server refuses the query.
    pub async fn passed_over(&self, client: &Client, counter: u64) -> Result<bool, RefreshError> {
        drain::passed_over(client, counter).await
    }

    /// The statement whose answer [`Database::parse_catalog`] reads.
    pub fn catalog_query(&self) -> String {
        catalog_query(&self.config.load())
    }

    /// Reads the answer to [`Database::catalog_query`], which a session asked on its own connection to
    /// see what its transaction has not yet committed.
    ///
    /// # Errors
    /// The answer is not what the query gives.
    pub fn parse_catalog(&self, json: &str, keyring: &Keyring) -> Result<Catalog, CatalogError> {
        open::parse_catalog(json, &self.config.load(), keyring)
    }

    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), RefreshError>>) -> Request,
    ) -> Result<(), RefreshError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| RefreshError::stopped(&self.name))?;
        answer.await.map_err(|_| RefreshError::stopped(&self.name))?
    }

    /// Publishes what all new statements shall use.
    fn publish(&self, snapshot: Snapshot) {
        let before = self.snapshot.load();
        let counter = snapshot.keyring.counter();
        let (keys, catalog) =
            (counter != before.keyring.counter(), snapshot.catalog.version() != before.catalog.version());
        self.snapshot.store(Arc::new(snapshot));
        // Behind the snapshot: whoever sees this number finds that keyring or a newer one.
        self.epoch.store(counter, Ordering::SeqCst);
        if keys
            && let Some(memory) = &self.memory
            && let Err(error) = memory.keep(&self.snapshot.load().keyring)
        {
            tracing::warn!(database = self.name(), "this keyring will not be remembered: {error}");
        }
        // Nobody may be listening.
        if keys {
            let _ = self.events.send(Event::Keyring);
        }
        if catalog {
            let _ = self.events.send(Event::Catalog);
        }
    }

    async fn close(&self) {
        self.lease.revoke();
        let deadline = Instant::now() + FAREWELL;
        while self.pins.sessions() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What is left behind is waited for by others, as if this proxy had been killed.
        if self.pins.quiet()
            && let Err(error) = self.ask(Request::Close).await
        {
            tracing::debug!(%error, "this proxy stays on the list of those that run, for a while");
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({:?}, {:?})", self.name, self.snapshot.load().catalog)
    }
}
