//! The tables of SHOW.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::Failure;
use super::grammar::{In, Show};
use super::run::Context;
use super::table::{Cell, Column, Kind, column};
use crate::catalog::SearchKinds;
use crate::keys::KeyPurpose;
use crate::session::Count;

const COLUMNS: &[Column] = &[
    column("database", Kind::Text),
    column("schema", Kind::Text),
    column("table", Kind::Text),
    column("column", Kind::Text),
    column("type", Kind::Text),
    column("search", Kind::Text),
    column("key_group", Kind::Text),
    column("protected", Kind::Bool),
    column("note", Kind::Text),
];
const KEYS: &[Column] = &[
    column("database", Kind::Text),
    column("key_group", Kind::Text),
    column("purpose", Kind::Text),
    column("version", Kind::Int),
    column("state", Kind::Text),
    column("slot", Kind::Text),
    column("id", Kind::Text),
    column("created_at", Kind::Time),
    column("changed_at", Kind::Time),
    column("note", Kind::Text),
];
const PROXIES: &[Column] = &[
    column("database", Kind::Text),
    column("proxy", Kind::Text),
    column("this", Kind::Bool),
    column("address", Kind::Text),
    column("version", Kind::Text),
    column("started_at", Kind::Time),
    column("seen_at", Kind::Time),
    column("alive", Kind::Bool),
    column("sessions", Kind::Int),
    column("keyring", Kind::Int),
    column("drained", Kind::Int),
    column("note", Kind::Text),
];
const CLIENTS: &[Column] = &[
    column("session", Kind::Int),
    column("role", Kind::Text),
    column("database", Kind::Text),
    column("address", Kind::Text),
    column("since", Kind::Time),
    column("state", Kind::Text),
    column("statements", Kind::Int),
    column("sealed", Kind::Int),
    column("opened", Kind::Int),
    column("errors", Kind::Int),
];
const STATS: &[Column] = &[
    column("database", Kind::Text),
    column("sessions", Kind::Int),
    column("sessions_now", Kind::Int),
    column("forwarded", Kind::Int),
    column("rewritten", Kind::Int),
    column("refused", Kind::Int),
    column("sealed", Kind::Int),
    column("opened", Kind::Int),
    column("errors", Kind::Int),
    column("bytes_received", Kind::Int),
    column("bytes_sent", Kind::Int),
];
const CONFIG: &[Column] = &[column("key", Kind::Text), column("value", Kind::Text)];
const VERSION: &[Column] = &[column("version", Kind::Text)];

/// The columns of a table.
pub(super) fn columns(table: Show) -> &'static [Column] {
    match table {
        Show::Columns => COLUMNS,
        Show::Clients => CLIENTS,
        Show::Stats => STATS,
        Show::Config => CONFIG,
        Show::Version => VERSION,
        Show::Keys => KEYS,
        Show::Proxies => PROXIES,
        Show::Jobs(_) => super::act::JOBS,
    }
}

type Rows = Vec<Vec<Cell>>;

/// The rows of a table.
pub(super) async fn rows(context: &Context<'_>, table: Show, database: &In) -> Result<Rows, Failure> {
    match table {
        Show::Columns => protected_columns(context, database),
        Show::Clients => Ok(clients(context, database)),
        Show::Stats => Ok(stats(context, database)),
        Show::Config => Ok(config(context)),
        Show::Version => Ok(vec![vec![concat!("pyrite ", env!("CARGO_PKG_VERSION")).into()]]),
        Show::Keys => keys(context, database).await,
        Show::Proxies => proxies(context, database).await,
        Show::Jobs(number) => super::act::jobs(context, number, database).await,
    }
}

fn protected_columns(context: &Context<'_>, wanted: &In) -> Result<Rows, Failure> {
    let mut rows = Vec::new();
    for database in context.databases(wanted)? {
        let catalog = database.catalog();
        let config = database.config();
        for ((schema, table), columns) in &config.tables {
            for (name, column) in columns {
                let gap = catalog.unprotected().iter().find(|gap| {
                    gap.schema == *schema
                        && gap.table == *table
                        && gap.column.as_ref().is_none_or(|missing| missing == name)
                });
                let found = catalog.relation(schema, table).and_then(|relation| relation.column(name));
                let found = found.and_then(|column| column.encrypted.as_ref());
                let incomplete = found.filter(|column| !column.incomplete().is_empty()).map(|_| INCOMPLETE);
                rows.push(vec![
                    database.name().into(),
                    schema.as_str().into(),
                    table.as_str().into(),
                    name.as_str().into(),
                    column.ty.to_string().into(),
                    search(column).as_deref().into(),
                    column.group.as_str().into(),
                    gap.is_none().into(),
                    gap.map(|gap| gap.reason).or(incomplete).into(),
                ]);
            }
        }
    }
    Ok(rows)
}

/// The note on a column with a search kind that nothing is searched by yet.
const INCOMPLETE: &str = "not all values have the terms of all search kinds: REPAIR gives them to all";

/// The search kinds of a column; equality by itself, though the others imply it.
fn search(column: &crate::config::ColumnConfig) -> Option<String> {
    let kinds =
        SearchKinds { order: column.order, caseless: column.caseless, matching: column.matching }.names();
    let all: Vec<&str> = std::iter::once("equality").chain(kinds).collect();
    column.equality.then(|| all.join(", "))
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const KEY_TIMES: &str = "SELECT id, created_at, changed_at FROM pyrite.keys";
const ROOTS: &str =
    "SELECT version::int8, fingerprint, provider, since, until FROM pyrite.roots ORDER BY version";

/// What this proxy holds, which is verified; the database only adds when things happened.
async fn keys(context: &Context<'_>, wanted: &In) -> Result<Rows, Failure> {
    let mut rows = Vec::new();
    for database in context.databases(wanted)? {
        let client = context.connect(&database).await?;
        let failed = |error: tokio_postgres::Error| server(database.name(), &error);
        let mut times = BTreeMap::new();
        for row in client.query(KEY_TIMES, &[]).await.map_err(failed)? {
            let id: Vec<u8> = row.try_get(0).map_err(failed)?;
            let when: (SystemTime, SystemTime) =
                (row.try_get(1).map_err(failed)?, row.try_get(2).map_err(failed)?);
            times.insert(id, when);
        }
        let keyring = database.keyring();
        let mut keys: Vec<_> = keyring.keys().iter().collect();
        keys.sort_by_key(|key| (keyring.group_name(&key.group), key.purpose.as_str(), key.version));
        for key in keys {
            let when = times.get(key.id.to_bytes().as_slice()).copied();
            let slot = (key.purpose != KeyPurpose::Data).then(|| key.slot.as_str());
            rows.push(vec![
                database.name().into(),
                keyring.group_name(&key.group).into(),
                key.purpose.as_str().into(),
                Cell::Int(key.version.into()),
                key.state.as_str().into(),
                slot.into(),
                key.id.to_string().into(),
                when.map(|when| when.0).into(),
                when.map(|when| when.1).into(),
                Cell::Null,
            ]);
        }
        for row in client.query(ROOTS, &[]).await.map_err(failed)? {
            let until: Option<SystemTime> = row.try_get(4).map_err(failed)?;
            rows.push(vec![
                database.name().into(),
                Cell::Null,
                "root".into(),
                row.try_get::<_, i64>(0).map_err(failed)?.into(),
                if until.is_none() { "primary" } else { "former" }.into(),
                Cell::Null,
                hex(&row.try_get::<_, Vec<u8>>(1).map_err(failed)?).into(),
                row.try_get::<_, SystemTime>(3).map_err(failed)?.into(),
                until.into(),
                row.try_get::<_, String>(2).map_err(failed)?.into(),
            ]);
        }
    }
    Ok(rows)
}

/// The seconds are the lease and what clocks may differ by: a proxy that was silent for longer serves no more.
const RUNNING: &str = "SELECT id::text, address, version, started_at, seen_at,
        seen_at > pg_catalog.clock_timestamp() - interval '15 seconds', sessions::int8, counter, drained, note
    FROM pyrite.proxies ORDER BY started_at, id";

async fn proxies(context: &Context<'_>, wanted: &In) -> Result<Rows, Failure> {
    let mut rows = Vec::new();
    for database in context.databases(wanted)? {
        let client = context.connect(&database).await?;
        let failed = |error: tokio_postgres::Error| server(database.name(), &error);
        let this = hex(&database.proxy_id());
        for row in client.query(RUNNING, &[]).await.map_err(failed)? {
            let id: String = row.try_get(0).map_err(failed)?;
            rows.push(vec![
                database.name().into(),
                (id.replace('-', "") == this).into(),
                row.try_get::<_, String>(1).map_err(failed)?.into(),
                row.try_get::<_, String>(2).map_err(failed)?.into(),
                row.try_get::<_, SystemTime>(3).map_err(failed)?.into(),
                row.try_get::<_, SystemTime>(4).map_err(failed)?.into(),
                row.try_get::<_, bool>(5).map_err(failed)?.into(),
                row.try_get::<_, i64>(6).map_err(failed)?.into(),
                row.try_get::<_, i64>(7).map_err(failed)?.into(),
                row.try_get::<_, i64>(8).map_err(failed)?.into(),
                row.try_get::<_, Option<String>>(9).map_err(failed)?.into(),
            ]);
            if let Some(row) = rows.last_mut() {
                row.insert(1, id.into());
            }
        }
    }
    Ok(rows)
}

/// An error of Pyrite's own connection. DETAIL may quote rows, so it is left out.
pub(super) fn server(database: &str, error: &tokio_postgres::Error) -> Failure {
    let reason = match error.as_db_error() {
        Some(error) => format!("{} ({})", error.message(), error.code().code()),
        None => error.to_string(),
    };
    Failure::new(
        "58000",
        format!("database {}: the server says: {reason}", crate::config::display_name(database)),
    )
    .hint("pyrite check says whether the service role has what it needs.")
}

fn clients(context: &Context<'_>, wanted: &In) -> Rows {
    let seats = context.console.roster.live();
    let shown = seats.iter().filter(|seat| wanted.as_ref().is_none_or(|name| *name == seat.database));
    shown
        .map(|seat| {
            // What is said on a database without encrypted columns is not looked at, so it is not counted.
            let count = |count| if seat.planned { Cell::from(seat.get(count)) } else { Cell::Null };
            let statements = [Count::Forwarded, Count::Rewritten, Count::Refused]
                .map(|kind| seat.get(kind))
                .iter()
                .sum::<u64>();
            vec![
                seat.number.into(),
                seat.role.as_str().into(),
                seat.database.as_str().into(),
                seat.address.to_string().into(),
                seat.since.into(),
                seat.planned.then(|| seat.state()).into(),
                if seat.planned { statements.into() } else { Cell::Null },
                count(Count::Sealed),
                count(Count::Opened),
                count(Count::Errors),
            ]
        })
        .collect()
}

fn stats(context: &Context<'_>, wanted: &In) -> Rows {
    let totals = context.console.roster.totals();
    let shown = totals.iter().filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == *name));
    shown
        .map(|(name, totals)| {
            let mut row = vec![name.as_str().into(), totals.sessions.into(), totals.live.into()];
            row.extend(Count::ALL.iter().map(|count| match count {
                Count::Received | Count::Sent => Cell::from(totals.get(*count)),
                count if totals.planned => totals.get(*count).into(),
                _ => Cell::Null,
            }));
            row
        })
        .collect()
}

/// `1 table`, `2 tables`
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn root(key: &crate::config::RootKey) -> String {
    crate::keys::RootSource::new(key).describe()
}

fn config(context: &Context<'_>) -> Rows {
    let config = context.console.config.load();
    let mut rows: Vec<(String, Cell)> = vec![
        ("file".into(), config.path.as_ref().map(|path| path.display().to_string()).into()),
        ("listen".into(), config.listen.to_string().into()),
        ("upstream".into(), config.upstream.to_string().into()),
        ("workers".into(), config.workers.map(|workers| workers.to_string()).into()),
        ("limits.clients".into(), config.limits.clients.to_string().into()),
        ("service.user".into(), config.service.user.as_str().into()),
        ("service.password".into(), if config.service.password.is_some() { "set" } else { "none" }.into()),
        (
            "admin.roles".into(),
            config.admin.roles.iter().map(String::as_str).collect::<Vec<_>>().join(", ").into(),
        ),
        ("admin.database".into(), config.admin.database.as_deref().into()),
    ];
    rows.push(("keys.root".into(), root(&config.root).into()));
    rows.push(("keys.next_root".into(), config.next_root.as_ref().map(root).into()));
    let state = config.state.as_ref().map(|folder| folder.display().to_string());
    rows.push(("keys.state".into(), state.into()));
    for (name, database) in &config.databases {
        let columns: usize = database.tables.values().map(BTreeMap::len).sum();
        rows.push((
            format!("databases.{}", crate::config::display_name(name)),
            format!("{}, {}", counted(database.tables.len(), "table"), counted(columns, "column")).into(),
        ));
    }
    rows.into_iter().map(|(key, value)| vec![key.into(), value]).collect()
}
