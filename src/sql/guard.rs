//! Definitions that would take a configured table's protection away, or look into its columns, without
//! naming one of them.

use std::ops::Range;

use super::Scope;
use super::lexer::Tokens;
use super::refuse::{Planned, unsupported};
use super::utility::relation_at;
use crate::catalog::{PlannedColumns, Relation};

/// Refuses an ALTER that takes the name of a configured table from it, or gives it to another relation.
pub(super) fn renames(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<()> {
    let mut at = range.start + 1;
    while ["materialized", "foreign", "table", "view", "sequence", "index", "if", "exists", "only"]
        .iter()
        .any(|word| tokens.is_word(at, word))
    {
        at += 1;
    }
    let (relation, behind) = relation_at(tokens, at, scope.catalog, scope.environment);
    let behind = if tokens.is_sign(behind, "*") { behind + 1 } else { behind };
    let rename = tokens.is_word(behind, "rename") && tokens.is_word(behind + 1, "to");
    let schema = tokens.is_word(behind, "set") && tokens.is_word(behind + 1, "schema");
    if !rename && !schema {
        return Ok(());
    }
    let to = tokens.name(behind + 2).unwrap_or_default();
    let own = tokens.name(behind - 1).unwrap_or_default();
    let configured = |schema: &str, name: &str| scope.catalog.configured(schema, name).is_some();
    let takes = match relation {
        Some(r) => configured(if schema { &to } else { &r.schema }, if schema { &own } else { &to }),
        // In which schema it is, only the server knows.
        None => scope.catalog.is_protected_name(if schema { &own } else { &to }),
    };
    if takes || relation.is_some_and(|r| configured(&r.schema, &r.name)) {
        return Err(unsupported(
            "ALTER that gives or takes the name of a configured table",
            "The configuration goes by name: rename the table on a direct connection, and change the configuration with it.",
        )
        .at(Some(behind)));
    }
    Ok(())
}

/// Refuses whole rows of a protected table in a stored expression: they hold its encrypted columns.
pub(super) fn whole_rows(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<()> {
    let named: Vec<&Relation> = range
        .clone()
        .filter_map(|index| tokens.name(index))
        .filter(|name| scope.catalog.is_protected_name(name))
        .flat_map(|name| scope.catalog.relations().iter().filter(move |r| r.name == name))
        .filter(|relation| relation.is_protected())
        .collect();
    let trigger = range.clone().take(5).any(|index| tokens.is_word(index, "trigger"));
    let mut depth = 0usize;
    for index in range {
        match tokens.raw(index) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let Some(name) = tokens.name(index).filter(|_| depth > 0) else { continue };
        let row = trigger && ["new", "old"].contains(&name.as_str()) && !named.is_empty();
        let table = named.iter().any(|r| r.name == name && r.column(&name).is_none());
        if (row || table) && !is_qualifier(tokens, index) && !is_source(tokens, index) {
            return Err(unsupported(
                format!("a whole row of an encrypted table ({name}) in a definition"),
                "Name the plain columns.",
            )
            .at(Some(index)));
        }
    }
    Ok(())
}

/// `name.column`, or a schema before a table's name.
fn is_qualifier(tokens: &Tokens<'_>, index: usize) -> bool {
    tokens.is_sign(index + 1, ".") && !tokens.is_sign(index + 2, "*")
}

/// Behind FROM and the like, a table is read, and its columns have names of their own.
fn is_source(tokens: &Tokens<'_>, index: usize) -> bool {
    let start = if tokens.is_sign(index.wrapping_sub(1), ".") { index.wrapping_sub(2) } else { index };
    let before = start.wrapping_sub(1);
    ["from", "join", "only", "references", "inherits", "like"].iter().any(|word| tokens.is_word(before, word))
}

/// Refuses encrypted columns in the definition of a child of the table that has them.
pub(super) fn child(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<()> {
    for parent in parents(tokens, range.clone(), scope) {
        for index in range.clone() {
            let column = tokens.name(index).and_then(|name| parent.column(&name).cloned());
            if let Some(column) = column.filter(|c| c.encrypted.is_some() || c.unmanaged.is_some()) {
                return Err(unsupported(
                    format!("encrypted column {}.{} in a child's definition", parent.name, column.name),
                    "The child inherits the column: leave it out.",
                )
                .at(Some(index)));
            }
        }
    }
    Ok(())
}

/// Refuses a configured table that takes configured columns from another one, where they are plain.
pub(super) fn inherited(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    columns: &PlannedColumns,
    scope: &Scope<'_>,
) -> Planned<()> {
    let first = |i: usize| tokens.is_sign(i.wrapping_sub(1), "(") || tokens.is_sign(i.wrapping_sub(1), ",");
    let like: Vec<usize> = range.clone().filter(|&i| tokens.is_word(i, "like") && first(i)).collect();
    let inherits = range.clone().find(|&i| tokens.is_word(i, "inherits"));
    let found = like.iter().filter_map(|i| relation_at(tokens, i + 1, scope.catalog, scope.environment).0);
    let sources: Vec<&Relation> = found.chain(parents(tokens, range, scope)).collect();
    let known = sources.len() >= like.len() + usize::from(inherits.is_some());
    if !known || sources.iter().any(|r| columns.keys().any(|name| r.column(name).is_some())) {
        return Err(unsupported(
            "a configured table that takes configured columns from another table",
            "Write the columns out.",
        )
        .at(like.first().copied().or(inherits)));
    }
    Ok(())
}

/// The relations behind PARTITION OF and INHERITS.
fn parents<'s>(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'s>) -> Vec<&'s Relation> {
    let mut found = Vec::new();
    for index in range {
        let mut at = index + 1;
        let list = tokens.is_word(index, "inherits") && tokens.is_sign(at, "(");
        let partition = tokens.is_word(index, "partition") && tokens.is_word(at, "of");
        if !list && !partition {
            continue;
        }
        loop {
            let (relation, behind) = relation_at(tokens, at + 1, scope.catalog, scope.environment);
            found.extend(relation);
            if !list || !tokens.is_sign(behind, ",") {
                break;
            }
            at = behind;
        }
    }
    found
}
