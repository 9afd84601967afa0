//! Tables that demand the terms of a search kind of each value: what proxies take for the proof that a search by it
//! misses nothing. The constraint comes when a sweep has given all values the term, and is validated by the server.

use super::context::Context;
use super::index::{Host as _, Tries, run, try_again};
use super::places::quoted;
use super::{JobError, work};
use crate::keys::GroupBytes;
use crate::transform::Goal;

/// Times that values without the term came in between the sweep and the constraint.
const ATTEMPTS: u32 = 5;

/// Adds the constraints that the group's columns lack for their configured search kinds. Returns how many were added.
pub(super) async fn all(context: &mut Context, group: GroupBytes) -> Result<usize, JobError> {
    let catalog = context.database_ref().refresh().await?;
    let mut lacking = Vec::new();
    for relation in catalog.relations() {
        let columns = relation.columns.iter().filter_map(|column| column.encrypted.as_ref());
        // Partitions and children have their parents' constraints.
        for column in columns.filter(|c| c.group.0 == group && c.table_oid == relation.oid) {
            let table = format!("{}.{}", quoted(&relation.schema), quoted(&relation.name));
            lacking.extend(
                column
                    .incomplete()
                    .names()
                    .into_iter()
                    .map(|kind| (table.clone(), column.name.clone(), kind)),
            );
        }
    }
    for (table, column, kind) in &lacking {
        context.say(format!("demanding {kind} terms in {table}")).await?;
        one(context, group, table, column, kind).await?;
    }
    if !lacking.is_empty() {
        context.database_ref().refresh().await?;
    }
    Ok(lacking.len())
}

async fn one(
    context: &mut Context,
    group: GroupBytes,
    table: &str,
    column: &str,
    kind: &str,
) -> Result<(), JobError> {
    let name = quoted(&constraint_name(kind, column));
    let add = format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (pyrite.has_{kind}({})) NOT VALID",
        quoted(column)
    );
    let drop = format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}");
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}");
    for _ in 0..ATTEMPTS {
        // One that a crash has left is made anew.
        let tries = Tries { doing: "demand the terms of a search kind", what: "demand" };
        try_again(context, tries, &[&drop, &add]).await?;
        match run(context, "validate that all values have the terms", "validate", &validate).await {
            // Somebody wrote a value without it meanwhile. Rows with such values must stay writable.
            Err(error) if error.server_code() == Some("23514") => {
                try_again(context, tries, &[&drop]).await?;
                work::sweep_until_clean(context, group, &[Goal::IndexTerms]).await?;
            }
            other => return other,
        }
    }
    Err(JobError::refused(
        format!("values without {kind} terms are written to {table} again and again"),
        "Some proxy has a configuration without this search kind: reload it, and RESUME the job.",
    ))
}

/// As CREATE TABLE through Pyrite names it, where that is not too long.
fn constraint_name(kind: &str, column: &str) -> String {
    let mut name = format!("pyrite_{kind}_{column}");
    while name.len() > 63 && name.pop().is_some() {}
    name
}
