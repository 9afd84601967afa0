//! `pyrite check`: compares configuration and database, and changes nothing.

mod facts;
mod report;
mod search;
mod terms;

use super::args::Check;
use super::connect::{block_on, connect, explain};
use super::failure::{Failure, Outcome};
use super::output::{complain, print};
use super::slots;
use crate::config::{Config, Database};

use facts::Facts;

pub(super) fn run(options: &Check) -> Result<Outcome, Failure> {
    let config = Config::load(&options.file.config)?;
    if config.databases.is_empty() {
        let what = format!("{} names no database: nothing is protected", options.file.config.display());
        return Err(Failure::new(
            what,
            "add [databases.NAME.tables.\"SCHEMA.TABLE\"] with the columns to encrypt",
        ));
    }
    let mut outcome = Outcome::Fine;
    for (name, database) in &config.databases {
        // One database that is away must not hide what the others lack.
        match block_on(facts(&config, name, database, options.values)) {
            Ok(facts) => {
                let report = report::compare(name, database, &facts);
                print(&report.to_string())?;
                outcome = outcome.and(report.outcome());
            }
            Err(failure) => {
                complain(&failure);
                outcome = outcome.and(Outcome::Incomplete);
            }
        }
    }
    Ok(outcome)
}

async fn facts(config: &Config, name: &str, database: &Database, all: bool) -> Result<Facts, Failure> {
    let client = connect(config, name).await?;
    let schemas: Vec<&str> = database.tables.keys().map(|(schema, _)| schema.as_str()).collect();
    let tables: Vec<&str> = database.tables.keys().map(|(_, table)| table.as_str()).collect();
    let row = client
        .query_one(facts::QUERY, &[&schemas, &tables])
        .await
        .map_err(|error| explain(&error, config, name))?;
    let unreadable = |what: String| Failure::new(what, "this is a mistake in Pyrite: please report it");
    let json: &str = row.try_get(0).map_err(|error| unreadable(error.to_string()))?;
    let mut facts: Facts = serde_json::from_str(json)
        .map_err(|error| unreadable(format!("the catalog's answer is not as expected: {error}")))?;
    let failed = |error| explain(&error, config, name);
    facts.index_keys = slots::read(&client).await.map_err(failed)?;
    for ((schema, table), columns) in &database.tables {
        for (column, configured) in columns.iter().filter(|(_, configured)| configured.equality) {
            let key = facts.index_key(&configured.group);
            if !facts.is_encrypted(schema, table, column) || key.id.is_none() {
                continue;
            }
            let found = terms::look(&client, (schema, table), column, &key, all).await.map_err(failed)?;
            facts.terms.insert((schema.clone(), table.clone(), column.clone()), found);
        }
    }
    Ok(facts)
}
