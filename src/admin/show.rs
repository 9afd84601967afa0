//! The tables of SHOW.

use super::Failure;
use super::grammar::{In, Show};
use super::run::Context;
use super::table::{Cell, Column, Kind, column};
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
        Show::Keys | Show::Jobs(_) | Show::Proxies => VERSION,
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
        other => Err(Failure::new("0A000", format!("{other:?} is not there yet"))),
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
                rows.push(vec![
                    database.name().into(),
                    schema.as_str().into(),
                    table.as_str().into(),
                    name.as_str().into(),
                    column.ty.to_string().into(),
                    column.equality.then_some("equality").into(),
                    column.group.as_str().into(),
                    gap.is_none().into(),
                    gap.map(|gap| gap.reason).into(),
                ]);
            }
        }
    }
    Ok(rows)
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
    for (name, database) in &config.databases {
        let columns: usize = database.tables.values().map(std::collections::BTreeMap::len).sum();
        rows.push((
            format!("databases.{}", crate::config::display_name(name)),
            format!("{} tables, {columns} columns", database.tables.len()).into(),
        ));
    }
    rows.into_iter().map(|(key, value)| vec![key.into(), value]).collect()
}
