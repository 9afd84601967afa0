//! `pyrite plan`: what would be sent for a statement, and why.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read as _;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::args::Plan;
use super::connect::{block_on, connect, explain};
use super::failure::{Failure, Outcome};
use super::output::print;
use crate::catalog::{Catalog, ENVIRONMENT_QUERY, Environment, GroupId, KeyGroup, catalog_query};
use crate::config::{Config, Database, display_name};
use crate::sql::{self, LiveNames, Scope, plan};

/// Longest text that is read from standard input: what the server's own tools send at once.
const MAX_INPUT: u64 = 16 << 20;

pub(super) fn run(options: &Plan) -> Result<Outcome, Failure> {
    let config = Config::load(&options.file.config)?;
    let (name, database) = database(&config, options.database.as_deref())?;
    let sql = statement(&options.sql)?;
    let (catalog, environment) = block_on(snapshot(&config, name, database, options.search_path.as_deref()))?;
    let (text, outcome) = describe(&sql, options.simple, &catalog, &environment);
    print(&text)?;
    print(&unprotected(&catalog))?;
    Ok(outcome)
}

/// The database that is meant.
fn database<'a>(config: &'a Config, wanted: Option<&str>) -> Result<(&'a str, &'a Database), Failure> {
    let names = config.databases.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = match wanted {
        Some(wanted) => config.databases.get_key_value(wanted),
        None if config.databases.len() > 1 => {
            let what = "the configuration names several databases";
            return Err(Failure::new(what, format!("add --database with one of: {names}")));
        }
        None => config.databases.iter().next(),
    };
    found.map(|(name, database)| (name.as_str(), database)).ok_or_else(|| match wanted {
        Some(wanted) => Failure::new(
            format!("the configuration names no database {wanted:?}"),
            format!("it names: {names}"),
        ),
        None => Failure::new(
            "the configuration names no database, so everything is forwarded as it comes",
            "add [databases.NAME.tables.\"SCHEMA.TABLE\"] with the columns to encrypt",
        ),
    })
}

fn statement(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text).map_err(|error| {
        Failure::new(
            format!("cannot read the statement from standard input: {error}"),
            "pipe SQL in UTF-8 into it",
        )
    })?;
    Ok(text)
}

/// Catalog and environment as a new session of the service role sees them.
async fn snapshot(
    config: &Config,
    name: &str,
    database: &Database,
    search_path: Option<&str>,
) -> Result<(Catalog, Environment), Failure> {
    let client = connect(config, name).await?;
    let failed = |error: tokio_postgres::Error| explain(&error, config, name);
    let catalog = json(&client, &catalog_query(database)).await.map_err(failed)?;
    // `connect` narrows the path for our own statements; the one that is planned gets the session's default.
    client.batch_execute("RESET search_path").await.map_err(failed)?;
    if let Some(path) = search_path {
        let set = "SELECT pg_catalog.set_config('search_path', $1, false)";
        client.query_one(set, &[&path]).await.map_err(failed)?;
    }
    let environment = json(&client, ENVIRONMENT_QUERY).await.map_err(failed)?;
    let unreadable = |error: crate::catalog::CatalogError| Failure::new(error.to_string(), "");
    let index_keys = super::slots::read(&client).await.map_err(failed)?;
    // A plan names groups and holds no key, so any identity serves that tells them apart.
    let groups = RefCell::new(BTreeMap::<String, u64>::new());
    let group = |name: &str| {
        let mut groups = groups.borrow_mut();
        let next = groups.len() as u64;
        let number = *groups.entry(name.to_owned()).or_insert(next);
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let key = index_keys.get(name).copied().unwrap_or_default();
        Some(KeyGroup { id: GroupId(id), slot: key.slot, rotating: key.rotating })
    };
    let catalog = Catalog::from_json(&catalog, database, &group).map_err(unreadable)?;
    let environment = Environment::from_json(&environment).map_err(unreadable)?;
    Ok((catalog, environment))
}

/// The one value that one of the catalog's statements gives, whatever its type.
async fn json(client: &Client, statement: &str) -> Result<String, tokio_postgres::Error> {
    let messages = client.simple_query(statement).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(row.unwrap_or_default().to_owned())
}

/// Nothing is prepared or open in a session that has only just begun.
struct NoNames;

impl LiveNames for NoNames {
    fn protected_statement(&self, _: &str) -> bool {
        false
    }

    fn protected_portal(&self, _: &str) -> bool {
        false
    }
}

fn describe(sql: &str, simple: bool, catalog: &Catalog, environment: &Environment) -> (String, Outcome) {
    if !sql::screen(catalog, sql.as_bytes()).touches {
        // The session does not even parse such a text.
        let plan = plan::Plan::Forward;
        return (plan.describe(sql), Outcome::Fine);
    }
    let scope = Scope { catalog, environment, names: &NoNames };
    if simple {
        let script = sql::plan_script(sql, &scope);
        let refused = matches!(&script, plan::Script::Rewrite(rewrite)
            if rewrite.statements.iter().any(|statement| statement.refusal.is_some()));
        return (script.describe(sql), if refused { Outcome::Findings } else { Outcome::Fine });
    }
    let plan = sql::plan_statement(sql, &[], &scope);
    let refused = matches!(plan, plan::Plan::Refuse(_));
    (plan.describe(sql), if refused { Outcome::Findings } else { Outcome::Fine })
}

/// A plan over columns that are still plain is a plan that leaves them plain: say so.
fn unprotected(catalog: &Catalog) -> String {
    let lines = catalog.unprotected().iter().map(|gap| {
        let column = gap.column.as_deref().map(|name| format!(".{}", display_name(name))).unwrap_or_default();
        format!("note: {}.{}{column}: {}\n", display_name(&gap.schema), display_name(&gap.table), gap.reason)
    });
    lines.collect()
}
