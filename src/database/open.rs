//! Opening a protected database, and what opening and refreshing have in common.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::connect::Line;
use super::keyring::Missing;
use super::lease::Lease;
use super::manager::Manager;
use super::pins::Pins;
use super::row::{FINGERPRINT, Row, remove};
use super::{Database, OpenError, RefreshError, Snapshot, connect, service_config};
use crate::catalog::{Catalog, CatalogError, GroupId, KeyGroup, SearchSlot, Unprotected, catalog_query};
use crate::config::{self, Config};
use crate::keys::{
    self, ColumnRegistration, GroupWish, KeyError, KeyPurpose, Keyring, Memory, Roots, Slot, TermKinds,
};

/// Requests that may wait for the manager before the next one waits to ask.
const WAITING: usize = 64;
/// Events kept for those who are slow to look.
const EVENTS: usize = 64;

/// Opens the database and starts its manager.
pub(super) async fn open(
    config: &Config,
    name: &str,
    tables: &config::Database,
) -> Result<Arc<Database>, OpenError> {
    let login = service_config(config, name);
    let mut line = Line::open(&login).await.map_err(|source| OpenError::Connect {
        database: name.to_owned(),
        upstream: config.upstream.to_string(),
        user: config.service.user.clone(),
        source,
    })?;
    keys::install(&mut line.client)
        .await
        .map_err(|source| OpenError::Keys { database: name.to_owned(), source })?;
    let roots = Roots::new(config);
    // Before the keyring is read: whoever changes it from now on waits for this proxy.
    let announced = Instant::now();
    let outcome = async {
        let row = Row {
            id: random_id()?,
            address: config.listen.to_string(),
            seen: true,
            roots: roots.identities(),
            ..Row::default()
        };
        row.announce(&line.client).await.map(|()| row)
    };
    let row = outcome.await.map_err(|source| OpenError::Catalog { database: name.to_owned(), source })?;
    let proxy = row.id;
    let outcome = start(Opening { config, name, tables, login, roots, row, announced }, line).await;
    if outcome.is_err() {
        // Nobody is to wait for a proxy that did not start.
        let client = connect(&service_config(config, name)).await;
        if let Ok(client) = client {
            let _ = remove(&client, &proxy).await;
        }
    }
    outcome
}

/// A database that is being opened.
struct Opening<'a> {
    config: &'a Config,
    name: &'a str,
    tables: &'a config::Database,
    login: tokio_postgres::Config,
    roots: Roots,
    row: Row,
    announced: Instant,
}

/// Loads keyring and catalog, and starts the manager.
async fn start(opening: Opening<'_>, mut line: Line) -> Result<Arc<Database>, OpenError> {
    let Opening { config, name, tables, login, roots, row, announced } = opening;
    let keys_error = |source| OpenError::Keys { database: name.to_owned(), source };
    let failed = |source| OpenError::Catalog { database: name.to_owned(), source };
    let opened = roots.load_or_create(&mut line.client, &groups(tables)).await;
    let (root, keyring) = opened.map_err(keys_error)?;
    let memory = config.state.as_ref().map(|folder| Memory::new(folder, name));
    if let Some(memory) = &memory {
        memory.check(&keyring).map_err(keys_error)?;
        memory.keep(&keyring).map_err(keys_error)?;
    }
    prepare(name, &roots, &keyring).await;
    let (fingerprint, json) = read_catalog(&line.client, tables).await.map_err(failed)?;
    let catalog = parse_catalog(&json, tables, &keyring).map_err(|e| failed(e.into()))?;
    register(&mut line.client, &keyring, &catalog).await.map_err(keys_error)?;
    report(name, &catalog, &[]);

    let (requests, received) = mpsc::channel(WAITING);
    let database = Arc::new(Database {
        name: name.to_owned(),
        config: ArcSwap::from_pointee(tables.clone()),
        max_candidates: config.limits.candidates,
        proxy: row.id,
        address: row.address,
        login,
        roots: ArcSwap::from_pointee(roots),
        root: ArcSwap::new(root),
        memory,
        epoch: AtomicU64::new(keyring.counter()),
        snapshot: ArcSwap::from_pointee(Snapshot { catalog: Arc::new(catalog), keyring }),
        pins: Arc::new(Pins::default()),
        lease: Lease::new(),
        missing: Mutex::new(Missing::default()),
        requests,
        nudge: Arc::new(Notify::new()),
        events: broadcast::channel(EVENTS).0,
    });
    let mut manager = Manager::new(&database, line, fingerprint, announced);
    manager.confirm(&database).await.map_err(failed)?;
    tokio::spawn(manager.run(received));
    Ok(database)
}

/// Opens what a change of the root key needs; says and returns what is missing.
pub(super) async fn prepare(database: &str, roots: &Roots, keyring: &Keyring) -> Vec<(String, KeyError)> {
    let missing = roots.prepare(&keyring.uuid()).await;
    for (provider, error) in &missing {
        tracing::warn!(database, provider, "this proxy cannot follow a change of the root key: {error}");
    }
    missing
}

/// A version 4 UUID.
fn random_id() -> Result<[u8; 16], RefreshError> {
    let mut id = [0u8; 16];
    getrandom::fill(&mut id).map_err(|_| RefreshError::random())?;
    id[6] = id[6] & 0x0F | 0x40;
    id[8] = id[8] & 0x3F | 0x80;
    Ok(id)
}

/// The key groups that a database's columns use, with the search kinds of all of each.
pub(super) fn groups(tables: &config::Database) -> Vec<GroupWish> {
    let mut groups: BTreeMap<&str, TermKinds> = BTreeMap::new();
    for column in tables.tables.values().flat_map(|columns| columns.values()) {
        let kinds = groups.entry(&column.group).or_default();
        kinds.order |= column.order;
        kinds.caseless |= column.caseless;
        kinds.matching |= column.matching;
    }
    groups.into_iter().map(|(name, kinds)| GroupWish { name: name.to_owned(), kinds }).collect()
}

/// Writes down what is encrypted in fact, so that a proxy with another configuration finds out.
pub(super) async fn register(
    client: &mut Client,
    keyring: &Keyring,
    catalog: &Catalog,
) -> Result<(), KeyError> {
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
            search: column.kinds().names().into_iter().map(str::to_owned).collect(),
            demanded: column.complete.names().into_iter().map(str::to_owned).collect(),
            collation: column.order_rules().map(str::to_owned),
        })
        .collect();
    keys::register_columns(client, keyring, &columns).await
}

/// Says what is configured and not protected, unless it was `known` before.
pub(super) fn report(database: &str, catalog: &Catalog, known: &[Unprotected]) {
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

/// The fingerprint of the catalog, and its contents as of then or later.
pub(super) async fn read_catalog(
    client: &Client,
    tables: &config::Database,
) -> Result<(String, String), RefreshError> {
    let doing = "read the catalog";
    let query = format!("SELECT {FINGERPRINT}; {}", catalog_query(tables));
    let messages = client.simple_query(&query).await.map_err(|e| RefreshError::server(doing, &e))?;
    let mut values = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    values.next().zip(values.next()).ok_or_else(|| RefreshError::silent(doing))
}

pub(super) fn parse_catalog(
    json: &str,
    config: &config::Database,
    keyring: &Keyring,
) -> Result<Catalog, CatalogError> {
    Catalog::from_json(json, config, &|name| key_group(keyring, name))
}

/// What statements depend on of a group's keys.
fn key_group(keyring: &Keyring, name: &str) -> Option<KeyGroup> {
    let id = keyring.group_id(name)?;
    let slot = match keyring.search_slot(&id, KeyPurpose::Equality) {
        Some(Slot::B) => SearchSlot::B,
        _ => SearchSlot::A,
    };
    let written = keyring.index_keys(&id, KeyPurpose::Equality).filter(|key| key.is_written());
    Some(KeyGroup { id: GroupId(id), slot, rotating: written.count() > 1 })
}
