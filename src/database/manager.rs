//! The task that keeps one database's snapshots fresh.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{Database, OpenError, RefreshError, connect, parse_catalog, service_config};
use crate::catalog::{CATALOG_QUERY, Catalog, Unprotected};
use crate::config::{self, Config};
use crate::keys::{self, ColumnRegistration, KeyError, Keyring, RootKey, Roots};

/// How often the database is asked whether its catalog or its keyring changed.
const POLL: Duration = Duration::from_secs(1);
/// The poll takes at most one part in this many of the server's time, however large the catalog is.
const POLL_SHARE: u32 = 50;
/// Between attempts to get a lost connection back.
const RECONNECT: Duration = Duration::from_millis(500);
/// Sessions that may wait for a refresh before the next one waits to ask.
const WAITING: usize = 64;

/// Changes whenever DDL changed something that the catalog query reads, or the key manifest moved. Row
/// versions (xmin) of the catalog tables are enough: DDL writes new ones.
const FINGERPRINT_QUERY: &str = "SELECT pg_catalog.concat_ws(',',
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_class WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_attribute WHERE attrelid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_proc WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_rewrite WHERE oid >= 16384),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_namespace),
  (SELECT pg_catalog.concat(pg_catalog.count(*), ':', pg_catalog.sum(xmin::text::int8)) FROM pg_catalog.pg_inherits),
  (SELECT counter FROM pyrite.keyring))";

type Reply = oneshot::Sender<Result<Arc<Catalog>, RefreshError>>;

/// Opens the database and starts its manager.
pub(super) async fn open(
    config: &Config,
    name: &str,
    tables: &config::Database,
) -> Result<Arc<Database>, OpenError> {
    let login = service_config(config, name);
    let mut client = connect(&login).await.map_err(|source| OpenError::Connect {
        database: name.to_owned(),
        upstream: config.upstream.to_string(),
        user: config.service.user.clone(),
        source,
    })?;
    let keys_error = |source| OpenError::Keys { database: name.to_owned(), source };
    let roots = Roots::new(config);
    keys::install(&mut client).await.map_err(keys_error)?;
    let (root, keyring) = roots.load_or_create(&mut client, &groups(tables)).await.map_err(keys_error)?;
    let catalog_error = |source| OpenError::Catalog { database: name.to_owned(), source };
    let json = read_catalog(&client).await.map_err(catalog_error)?;
    let catalog = parse_catalog(&json, tables, &keyring).map_err(|e| catalog_error(e.into()))?;
    register(&mut client, &keyring, &catalog).await.map_err(keys_error)?;
    report(name, &catalog, &[]);

    let (refresh, requests) = mpsc::channel(WAITING);
    let database = Arc::new(Database {
        name: name.to_owned(),
        config: tables.clone(),
        catalog: ArcSwap::from_pointee(catalog),
        keyring: ArcSwap::new(keyring),
        refresh,
    });
    let manager = Manager {
        database: Arc::downgrade(&database),
        login,
        roots,
        root,
        client,
        fingerprint: String::new(),
    };
    tokio::spawn(manager.run(requests));
    Ok(database)
}

/// The key groups that a database's columns use.
fn groups(tables: &config::Database) -> Vec<String> {
    let mut groups: Vec<String> =
        tables.tables.values().flat_map(|columns| columns.values().map(|c| c.group.clone())).collect();
    groups.sort();
    groups.dedup();
    groups
}

/// Writes down what is encrypted in fact, so that a proxy with another configuration finds out.
async fn register(client: &mut Client, keyring: &Keyring, catalog: &Catalog) -> Result<(), KeyError> {
    let tables = catalog.relations().iter().filter(|relation| matches!(relation.kind, 'r' | 'p'));
    let columns: Vec<ColumnRegistration> = tables
        .flat_map(|table| {
            table.columns.iter().filter_map(move |column| Some((table, column.encrypted.as_ref()?)))
        })
        // A partition's columns are its parent's, which is registered.
        .filter(|(table, column)| table.oid == column.table_oid)
        .map(|(table, column)| ColumnRegistration {
            schema: table.schema.clone(),
            table: table.name.clone(),
            column: column.name.clone(),
            declared_type: column.ty.to_string(),
            group: column.group_name.clone(),
            equality: column.equality,
        })
        .collect();
    keys::register_columns(client, keyring, &columns).await
}

/// Says what is configured and not protected, unless it was `known` before.
fn report(database: &str, catalog: &Catalog, known: &[Unprotected]) {
    for missing in catalog.unprotected().iter().filter(|missing| !known.contains(missing)) {
        tracing::warn!(
            database,
            schema = missing.schema,
            table = missing.table,
            column = missing.column,
            "configured, but not encrypted: {}",
            missing.reason
        );
    }
}

struct Manager {
    database: std::sync::Weak<Database>,
    login: tokio_postgres::Config,
    roots: Roots,
    root: Arc<RootKey>,
    client: Client,
    fingerprint: String,
}

impl Manager {
    /// Serves refreshes and polls, until the last handle of the database is gone.
    async fn run(mut self, mut requests: mpsc::Receiver<Reply>) {
        let mut pause = POLL;
        loop {
            let reply = tokio::select! {
                request = requests.recv() => match request {
                    Some(reply) => Some(reply),
                    None => return,
                },
                () = sleep(pause) => None,
            };
            let began = Instant::now();
            let outcome = match reply.is_some() {
                true => self.refresh().await,
                false => self.poll().await,
            };
            pause = POLL.max(began.elapsed() * POLL_SHARE);
            if let Err(error) = &outcome {
                tracing::warn!(%error, "catalog refresh failed");
            }
            if let Some(reply) = reply {
                let Some(database) = self.database.upgrade() else { return };
                // All who asked while this one ran asked for something newer; they are served next.
                let _ = reply.send(outcome.map(|()| database.catalog()));
            }
            if self.client.is_closed() {
                self.reconnect().await;
            }
        }
    }

    async fn poll(&mut self) -> Result<(), RefreshError> {
        let fingerprint = single_value(&self.client, FINGERPRINT_QUERY).await?;
        if fingerprint != self.fingerprint {
            self.refresh().await?;
            self.fingerprint = fingerprint;
        }
        Ok(())
    }

    async fn refresh(&mut self) -> Result<(), RefreshError> {
        if self.client.is_closed() {
            self.reconnect().await;
        }
        let Some(database) = self.database.upgrade() else { return Ok(()) };
        let current = database.keyring();
        let keyring = self.roots.reload(&mut self.client, &mut self.root, &current).await;
        let keyring = keyring.map_err(|e| RefreshError::keys(&e))?;
        if keyring.counter() != current.counter() {
            database.keyring.store(keyring);
        }
        let json = read_catalog(&self.client).await?;
        let catalog = database.parse_catalog(&json)?;
        if catalog.version() != database.catalog_guard().version() {
            register(&mut self.client, &database.keyring(), &catalog)
                .await
                .map_err(|e| RefreshError::keys(&e))?;
            report(database.name(), &catalog, database.catalog_guard().unprotected());
            database.catalog.store(Arc::new(catalog));
        }
        Ok(())
    }

    /// One attempt; the next poll makes another.
    async fn reconnect(&mut self) {
        match connect(&self.login).await {
            Ok(client) => self.client = client,
            Err(error) => {
                tracing::warn!(%error, "service connection lost");
                sleep(RECONNECT).await;
            }
        }
    }
}

async fn read_catalog(client: &Client) -> Result<String, RefreshError> {
    single_value(client, CATALOG_QUERY).await
}

/// The single value of a query's single row, in text format.
async fn single_value(client: &Client, query: &str) -> Result<String, RefreshError> {
    let messages = client.simple_query(query).await.map_err(|e| RefreshError::server(&e))?;
    let value = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    value.ok_or_else(RefreshError::silent)
}
