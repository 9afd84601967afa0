//! Which statements are planned, which go as they are, and which are refused, by their first words.

use std::ops::Range;

use super::Scope;
use super::guard;
use super::lexer::{Kind, Tokens};
use super::planner::{Mode, Planner};
use super::refuse::{Draft, Planned, unsupported};
use super::screen::{called_functions, is_builtin_call};
use super::statement::{Outcome, named};
use crate::catalog::{Catalog, Environment, Relation};

/// What is to be done with a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Goes as it came.
    Forward,
    /// A query or data-modifying statement that begins at this token (behind EXPLAIN).
    Plan(usize),
    /// COPY of something protected.
    Copy,
    /// PREPARE
    Prepare,
    /// EXECUTE at this token (behind EXPLAIN).
    Execute(usize),
    /// DEALLOCATE
    Deallocate,
    /// DECLARE
    Declare,
    /// FETCH
    Fetch,
    /// CLOSE
    Close,
    /// DISCARD
    Discard,
    /// CREATE TABLE of a configured table.
    CreateTable,
    /// CREATE TABLE AS with the query at this token.
    CreateTableAs(usize),
    /// CREATE INDEX on a protected table.
    CreateIndex,
    /// CREATE VIEW with the query at this token.
    CreateView(usize),
}

/// Statements that carry no value of an encrypted column, whatever they name.
const HARMLESS: &[&str] = &[
    "vacuum",
    "analyze",
    "analyse",
    "lock",
    "truncate",
    "grant",
    "revoke",
    "drop",
    "comment",
    "reindex",
    "cluster",
    "refresh",
    "security",
    "set",
    "reset",
    "show",
    "listen",
    "notify",
    "unlisten",
    "checkpoint",
    "load",
    "discard",
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "close",
    "deallocate",
    "move",
    "reassign",
];

/// Whether the statement carries no value of an encrypted column, whatever its names mean.
pub(super) fn is_harmless(tokens: &Tokens<'_>, range: Range<usize>) -> bool {
    HARMLESS.iter().any(|word| tokens.is_word(range.start, word))
}

/// Judges the statement in tokens `range`.
pub(super) fn judge(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<Verdict> {
    let first = range.start;
    let word = match tokens.kind(first) {
        Some(Kind::Word) => tokens.raw(first).to_ascii_lowercase(),
        _ => tokens.raw(first).to_owned(),
    };
    let (as_name, in_string) = named(tokens, range.clone(), scope.catalog);
    match word.as_str() {
        "create" | "explain" => executes(tokens, range.clone(), scope)?,
        "prepare" => return Ok(Verdict::Prepare),
        "execute" => return Ok(Verdict::Execute(first)),
        "deallocate" => return Ok(Verdict::Deallocate),
        "declare" => return Ok(Verdict::Declare),
        "fetch" => return Ok(Verdict::Fetch),
        "close" => return Ok(Verdict::Close),
        "discard" => return Ok(Verdict::Discard),
        "call" if !as_name && !in_string => return Ok(Verdict::Forward),
        _ => {}
    }
    if HARMLESS.contains(&word.as_str()) || !(as_name || in_string) {
        if word == "explain" {
            let behind = behind_explain(tokens, range.clone());
            if tokens.is_word(behind, "execute") {
                return Ok(Verdict::Execute(behind));
            }
        }
        return Ok(Verdict::Forward);
    }
    match word.as_str() {
        "select" | "with" | "values" | "insert" | "update" | "delete" | "table" | "(" | "merge" => {
            query(tokens, range.clone(), first, as_name, scope)
        }
        "explain" => {
            let from = behind_explain(tokens, range.clone());
            if tokens.is_word(from, "execute") {
                return Ok(Verdict::Execute(from));
            }
            let queries = ["select", "with", "values", "insert", "update", "delete", "table"];
            if tokens.is_sign(from, "(") || queries.iter().any(|word| tokens.is_word(from, word)) {
                return query(tokens, range, from, as_name, scope);
            }
            Err(unsupported("EXPLAIN of this statement over an encrypted table", "Explain a query instead."))
        }
        "copy" if as_name => Ok(Verdict::Copy),
        "copy" => hidden_in_strings(tokens, range, scope),
        "do" => Err(unsupported(
            "DO with a block that names an encrypted table",
            "Send the statements one by one.",
        )
        .at(Some(first))),
        "call" => Err(unsupported(
            "CALL with an encrypted table's name, or of a procedure whose body has it,",
            "Send the procedure's statements one by one.",
        )
        .at(Some(first))),
        "create" => create(tokens, range, as_name, scope),
        "import" => Err(unsupported(
            "IMPORT FOREIGN SCHEMA of a configured table",
            "Import the other tables, and leave the configured one to the protected database.",
        )),
        "alter" => {
            guard::renames(tokens, range.clone(), scope)?;
            guard::whole_rows(tokens, range.clone(), scope)?;
            mentions_encrypted(tokens, range, scope, "ALTER")?;
            Ok(Verdict::Forward)
        }
        _ => {
            Err(Draft::new("42601", format!("syntax error at or near \"{}\"", tokens.raw(first)))
                .at(Some(first)))
        }
    }
}

/// A query: it is planned if it names something protected as a name.
fn query(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    from: usize,
    as_name: bool,
    scope: &Scope<'_>,
) -> Planned<Verdict> {
    if as_name { Ok(Verdict::Plan(from)) } else { hidden_in_strings(tokens, range, scope) }
}

/// Names in string literals matter only to functions that run SQL.
pub(super) fn hidden_in_strings(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
) -> Planned<Verdict> {
    for (name, token) in called_functions(tokens, range) {
        if super::function::runs_sql(&name) || !is_builtin_call(scope.catalog, &name) {
            return Err(unsupported(
                format!("function {name} with an encrypted table's name in a string"),
                "Run the function's statements directly.",
            )
            .at(Some(token)));
        }
    }
    Ok(Verdict::Forward)
}

/// Refuses CREATE TABLE AS EXECUTE of a planned statement: its arguments could be values.
fn executes(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<()> {
    for index in range {
        let execute = tokens.is_word(index, "as") && tokens.is_word(index + 1, "execute");
        let name = tokens.name(index + 2).filter(|_| execute);
        if name.is_some_and(|name| scope.names.protected_statement(&name)) {
            return Err(unsupported(
                "CREATE TABLE AS EXECUTE of a statement that uses encrypted columns",
                "Create the table first, then INSERT … SELECT.",
            )
            .at(Some(index + 1)));
        }
    }
    Ok(())
}

/// The first token of the statement that EXPLAIN explains.
fn behind_explain(tokens: &Tokens<'_>, range: Range<usize>) -> usize {
    let mut at = range.start + 1;
    // `EXPLAIN (SELECT 1)` is a query in parentheses, not an option list.
    let queries = ["select", "with", "values", "table"];
    let option_list = tokens.is_sign(at, "(")
        && !tokens.is_sign(at + 1, "(")
        && !queries.iter().any(|word| tokens.is_word(at + 1, word));
    if option_list {
        return tokens.close(at).map_or(range.end, |close| close + 1);
    }
    while ["analyze", "analyse", "verbose"].iter().any(|word| tokens.is_word(at, word)) {
        at += 1;
    }
    at
}

/// The relation that a name at token `at` means, and the index behind the name.
pub(super) fn relation_at<'s>(
    tokens: &Tokens<'_>,
    at: usize,
    catalog: &'s Catalog,
    environment: &'s Environment,
) -> (Option<&'s Relation>, usize) {
    let Some(first) = tokens.name(at) else { return (None, at + 1) };
    if tokens.is_sign(at + 1, ".") {
        let name = tokens.name(at + 2).unwrap_or_default();
        return (catalog.relation(&first, &name), at + 3);
    }
    let found = environment.temporary(&first);
    let found =
        found.or_else(|| environment.path().iter().find_map(|schema| catalog.relation(schema, &first)));
    (found, at + 1)
}

/// CREATE of anything, by what is created.
fn create(tokens: &Tokens<'_>, range: Range<usize>, as_name: bool, scope: &Scope<'_>) -> Planned<Verdict> {
    const BEFORE: &[&str] = &[
        "or",
        "replace",
        "global",
        "local",
        "temp",
        "temporary",
        "unlogged",
        "recursive",
        "unique",
        "constraint",
        "foreign",
        "materialized",
    ];
    let mut at = range.start + 1;
    while BEFORE.iter().any(|word| tokens.is_word(at, word)) && at < range.end {
        at += 1;
    }
    let has = |word: &str| (range.start + 1..at).any(|index| tokens.is_word(index, word));
    let kind = tokens.raw(at).to_ascii_lowercase();
    match kind.as_str() {
        "table" => {
            let (schema, name) = super::create::table_name(tokens, at + 1, scope.environment).0;
            let configured = scope.catalog.configured(&schema, &name).is_some();
            let query = top_level(tokens, at..range.end, "as");
            if configured && has("foreign") {
                return Err(unsupported(
                    "a foreign table of a configured name",
                    "Make it a table of this database.",
                ));
            }
            if configured && !has("temp") && !has("temporary") {
                if query.is_some() {
                    return Err(unsupported(
                        "CREATE TABLE AS of a configured table",
                        "Create the table first, then INSERT … SELECT.",
                    ));
                }
                return Ok(Verdict::CreateTable);
            }
            match query {
                Some(query) if as_name => Ok(Verdict::CreateTableAs(query + 1)),
                Some(_) => hidden_in_strings(tokens, range, scope),
                None => {
                    let temporary = has("temp") || has("temporary");
                    references(tokens, range, temporary, scope).map(|()| Verdict::Forward)
                }
            }
        }
        "view" if is_configured(tokens, at + 1, scope) => Err(unsupported(
            "a view of a configured table's name",
            "Make it a table, or give the view another name.",
        )),
        "view" if as_name && (has("temp") || has("temporary")) => {
            Err(unsupported("a temporary view over an encrypted table", "Create a permanent view."))
        }
        "view" if has("materialized") || has("recursive") => Err(unsupported(
            "a materialized or recursive view over an encrypted table",
            "Create a plain view; a stored copy would keep envelopes under today's keys.",
        )),
        "view" => match top_level(tokens, at..range.end, "as") {
            Some(query) if as_name => Ok(Verdict::CreateView(query + 1)),
            Some(_) => hidden_in_strings(tokens, range, scope),
            None => Err(Draft::new("42601", "syntax error at end of input")),
        },
        "index" => {
            guard::whole_rows(tokens, range, scope)?;
            Ok(Verdict::CreateIndex)
        }
        "function" | "procedure" => Err(unsupported(
            format!("CREATE {} whose body names an encrypted table", kind.to_uppercase()),
            "Statements inside functions do not pass through Pyrite; run them directly.",
        )),
        "rule" => Err(unsupported("CREATE RULE on an encrypted table", "Use a trigger.")),
        "schema" => Err(unsupported(
            "CREATE SCHEMA with an encrypted table inside",
            "Create the schema and its tables by separate statements.",
        )),
        _ => {
            guard::whole_rows(tokens, range.clone(), scope)?;
            mentions_encrypted(tokens, range, scope, &format!("CREATE {}", kind.to_uppercase()))?;
            Ok(Verdict::Forward)
        }
    }
}

/// Whether the name at token `at` of what is created is that of a configured table.
fn is_configured(tokens: &Tokens<'_>, at: usize, scope: &Scope<'_>) -> bool {
    let (schema, name) = super::create::table_name(tokens, at, scope.environment).0;
    scope.catalog.configured(&schema, &name).is_some()
}

/// The first of this word outside of parentheses.
pub(super) fn top_level(tokens: &Tokens<'_>, range: Range<usize>, word: &str) -> Option<usize> {
    let mut depth = 0usize;
    for index in range {
        if tokens.is_sign(index, "(") {
            depth += 1;
        } else if tokens.is_sign(index, ")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && tokens.is_word(index, word) {
            return Some(index);
        }
    }
    None
}

/// Refuses a foreign key that points at an encrypted column, LIKE of an encrypted table, and a temporary
/// child of one.
pub(super) fn references(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    temporary: bool,
    scope: &Scope<'_>,
) -> Planned<()> {
    guard::child(tokens, range.clone(), scope)?;
    for index in range {
        let child = tokens.is_word(index, "inherits") || tokens.is_word(index, "of");
        if temporary && child {
            return Err(unsupported(
                "a temporary child of a table",
                "Create a permanent table, or a temporary one with columns of its own.",
            )
            .at(Some(index)));
        }
        let like = tokens.is_word(index, "like");
        if !like && !tokens.is_word(index, "references") {
            continue;
        }
        let (relation, behind) = relation_at(tokens, index + 1, scope.catalog, scope.environment);
        let Some(relation) = relation.filter(|r| r.is_protected()) else { continue };
        if like {
            return Err(unsupported(
                format!("LIKE of encrypted table {}", relation.name),
                "Write the columns out, and configure the new table's encrypted columns.",
            )
            .at(Some(index)));
        }
        let close = tokens.close(behind).filter(|_| tokens.is_sign(behind, "("));
        for column in close.map_or(0..0, |close| behind + 1..close) {
            let name = tokens.name(column).unwrap_or_default();
            if relation.column(&name).is_some_and(|c| c.encrypted.is_some() || c.unmanaged.is_some()) {
                return Err(unsupported(
                    format!("a foreign key to encrypted column {}.{name}", relation.name),
                    "Reference the table's plain key.",
                )
                .at(Some(column)));
            }
        }
    }
    Ok(())
}

/// Refuses a definition that mentions an encrypted or configured column of a table that it names.
fn mentions_encrypted(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
    clause: &str,
) -> Planned<()> {
    let names: Vec<(usize, String)> = range.filter_map(|index| Some((index, tokens.name(index)?))).collect();
    for relation in scope.catalog.relations() {
        if !names.iter().any(|(_, name)| *name == relation.name) {
            continue;
        }
        let configured = scope.catalog.configured(&relation.schema, &relation.name);
        for (index, name) in &names {
            let column = relation.column(name);
            let encrypted = column.is_some_and(|c| c.encrypted.is_some() || c.unmanaged.is_some());
            let planned = column.is_none() && configured.is_some_and(|c| c.contains_key(name));
            if encrypted || planned {
                return Err(unsupported(
                    format!("{clause} on encrypted column {}.{name}", relation.name),
                    "Change other columns by separate statements.",
                )
                .at(Some(*index)));
            }
        }
    }
    Ok(())
}

/// A statement that goes with schemas written to its relation names.
pub(super) fn spliced(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    names: &[usize],
    scope: &Scope<'_>,
    mode: Mode,
) -> Planned<Outcome> {
    let mut planner = Planner::new(tokens, range, scope.catalog, scope.environment, mode, &[])?;
    for token in names {
        let name = tokens.name(*token).unwrap_or_default();
        planner.resolve_relation(None, &name, *token)?;
    }
    let done = planner.finish(Vec::new())?;
    if done.unchanged { Ok(Outcome::Forward) } else { Ok(Outcome::Rewrite(Box::new(done), None)) }
}
