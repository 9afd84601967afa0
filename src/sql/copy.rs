//! COPY of encrypted tables and of queries over them: the statement goes on, and its data is transformed row by
//! row on its way.

use std::ops::Range;
use std::sync::Arc;

use super::copy_options::{Columns, Options, options};
use super::lexer::Tokens;
use super::parse;
use super::plan::{CopyColumn, CopyDirection, CopyFormat, CopyLayout, CopyPlan, Output};
use super::planner::{Mode, Planner};
use super::refine;
use super::refuse::{Draft, Planned, syntax, unsupported};
use super::scope::{Frame, Item, relation_columns};
use super::statement::{Outcome, parse_refusal};
use super::{Scope, prepare, utility};
use crate::catalog::Relation;

/// The statement taken apart.
struct Parts {
    /// The relation's name, or the query in its parentheses.
    source: Source,
    direction: CopyDirection,
    /// `None`: the server is sure to refuse the statement.
    options: Option<Options>,
    /// Tokens of the condition.
    condition: Option<Range<usize>>,
    /// Data comes from or goes to a place on the server.
    on_server: bool,
}

enum Source {
    /// First token of the name, and the tokens between the parentheses of a column list.
    Table(usize, Option<Range<usize>>),
    Query(Range<usize>),
}

/// Plans a COPY that names something protected.
pub(super) fn plan(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
    mode: Mode,
) -> Planned<Outcome> {
    let parts = parts(tokens, range.clone())?;
    let complexity = parse::complexity(tokens, range.clone()).map_err(|error| parse_refusal(error, None))?;
    let (catalog, environment) = (scope.catalog, scope.environment);
    if let Source::Table(name, columns) = &parts.source {
        let (relation, behind) = utility::relation_at(tokens, *name, catalog, environment);
        let plain = relation.is_some_and(|r| !r.is_protected())
            || relation.is_some_and(|r| only_plain(tokens, r, columns.clone()));
        if plain && parts.condition.is_none() {
            let names = if behind == name + 1 { vec![*name] } else { Vec::new() };
            return utility::spliced(tokens, range, &names, scope, mode);
        }
    }
    let work = || -> Planned<Outcome> {
        let mut planner = Planner::new(tokens, range, catalog, environment, mode, &[])?;
        if !planner.params.is_empty() {
            return Err(Draft::new("42P02", "there is no parameter $1"));
        }
        let plan = match &parts.source {
            Source::Table(name, columns) => table(&mut planner, &parts, *name, columns.clone())?,
            Source::Query(query) => self::query(&mut planner, &parts, query.clone())?,
        };
        if plan.is_some() && parts.on_server {
            return Err(unsupported(
                "COPY of an encrypted table with a file or program of the server",
                "Use STDIN or STDOUT (\\copy in psql): data must pass through Pyrite to be encrypted or decrypted.",
            ));
        }
        let mut done = planner.finish(Vec::new())?;
        refine::none_within(&done.refinements, "COPY")?;
        prepare::written_in(&mut done);
        done.unchanged &= plan.is_none();
        done.special.copy = plan.map(Arc::new);
        if done.unchanged { Ok(Outcome::Forward) } else { Ok(Outcome::Rewrite(Box::new(done), None)) }
    };
    parse::with_stack(complexity, work)
        .unwrap_or_else(|| Err(Draft::new("54001", "the statement could not be planned")))
}

/// Whether a column list names plain columns only.
fn only_plain(tokens: &Tokens<'_>, relation: &Relation, list: Option<Range<usize>>) -> bool {
    let plain =
        |name: &str| relation.column(name).is_some_and(|c| c.encrypted.is_none() && c.unmanaged.is_none());
    list.is_some_and(|mut list| list.all(|index| tokens.name(index).is_none_or(|name| plain(&name))))
}

fn parts(tokens: &Tokens<'_>, range: Range<usize>) -> Planned<Parts> {
    let unknown = |at: usize| syntax("COPY").at(Some(at));
    let mut at = range.start + 1;
    let binary = tokens.is_word(at, "binary");
    at += usize::from(binary);
    let source = if tokens.is_sign(at, "(") {
        let close = tokens.close(at).filter(|close| *close < range.end).ok_or_else(|| unknown(at))?;
        let inner = at + 1..close;
        at = close + 1;
        Source::Query(inner)
    } else {
        let name = at;
        tokens.name(at).ok_or_else(|| unknown(at))?;
        at += 1;
        while tokens.is_sign(at, ".") {
            at += 2;
        }
        let mut list = None;
        if tokens.is_sign(at, "(") {
            let close = tokens.close(at).filter(|close| *close < range.end).ok_or_else(|| unknown(at))?;
            list = Some(at + 1..close);
            at = close + 1;
        }
        Source::Table(name, list)
    };
    let direction = match (tokens.is_word(at, "from"), &source) {
        (true, Source::Table(..)) => CopyDirection::FromClient,
        (false, _) if tokens.is_word(at, "to") => CopyDirection::ToClient,
        _ => return Err(unknown(at)),
    };
    at += 1;
    let on_server = !(tokens.is_word(at, "stdin") || tokens.is_word(at, "stdout"));
    if tokens.is_word(at, "program") {
        at += 1;
    }
    if on_server && tokens.string(at).is_none() {
        return Err(unknown(at));
    }
    at += 1;
    let condition = (direction == CopyDirection::FromClient)
        .then(|| utility::top_level(tokens, at..range.end, "where"))
        .flatten();
    let options = options(tokens, at..condition.unwrap_or(range.end), binary)?;
    let condition = condition.map(|at| at + 1..range.end);
    Ok(Parts { source, direction, options, condition, on_server })
}

/// COPY of a table; nothing is to be done with its data if it has no encrypted column.
fn table(
    planner: &mut Planner<'_>,
    parts: &Parts,
    at: usize,
    list: Option<Range<usize>>,
) -> Planned<Option<CopyPlan>> {
    let tokens = planner.tokens;
    let name = |at: usize| tokens.name(at).ok_or_else(|| syntax("COPY").at(Some(at)));
    let relation = if tokens.is_sign(at + 1, ".") {
        let mut last = at + 2;
        // The database's own name may stand before the schema's.
        while tokens.is_sign(last + 1, ".") {
            last += 2;
        }
        planner.resolve_relation(Some(&name(last - 2)?), &name(last)?, at)?
    } else {
        planner.resolve_relation(None, &name(at)?, at)?
    };
    if !matches!(relation.kind, 'r' | 'p') && parts.direction == CopyDirection::FromClient {
        return Err(unsupported(
            "COPY into a view or foreign table with encrypted columns",
            "Copy into the table itself.",
        )
        .at(Some(at)));
    }
    let columns = match list {
        None => relation.columns.clone(),
        Some(list) => {
            let mut columns = Vec::new();
            for index in list.filter(|index| !tokens.is_sign(*index, ",")) {
                let name = name(index)?;
                let Some(column) = relation.column(&name) else {
                    return Ok(Some(hopeless(parts)));
                };
                columns.push(column.clone());
            }
            columns
        }
    };
    let mut described = Vec::with_capacity(columns.len());
    for column in columns {
        if let Some(reason) = column.unmanaged {
            return Err(unsupported(
                format!("COPY of column {} of type pyrite.encrypted: {reason}; it", column.name),
                "Name the other columns, or add this one to the configuration.",
            )
            .at(Some(at)));
        }
        let value = column.encrypted.map_or(Output::Plain, |column| Output::Open {
            column,
            casts: Vec::new(),
            origin: None,
            shown: None,
        });
        described.push((column.name, column.type_oid, value));
    }
    if let Some(condition) = &parts.condition {
        let expr = parse::expression(tokens, condition.clone())
            .map_err(|error| parse_refusal(error, Some(condition.start)))?;
        planner.frames.push(Frame::default());
        planner.push_item(Item {
            name: Some(relation.name.clone()),
            schema: Some(relation.schema.clone()),
            columns: relation_columns(&relation),
            open: false,
            hidden: false,
        })?;
        planner.condition(&expr, "COPY … WHERE")?;
        planner.frames.pop();
    }
    Ok(describe(parts, &relation.name, described))
}

/// COPY of what a query gives.
fn query(planner: &mut Planner<'_>, parts: &Parts, query: Range<usize>) -> Planned<Option<CopyPlan>> {
    let statement = parse::statement(planner.tokens, query.clone())
        .map_err(|error| parse_refusal(error, Some(query.start)))?;
    let outputs = planner.dml(&statement)?;
    let names: Vec<String> = outputs.columns.iter().map(|column| column.name.clone()).collect();
    let outputs = planner.final_outputs(outputs)?;
    if let Some(at) = outputs.iter().position(|o| !matches!(o, Output::Plain | Output::Open { .. })) {
        return Err(unsupported(
            format!("COPY of computed column {}", at + 1),
            "Copy the columns themselves, and compute in the application; or SELECT.",
        ));
    }
    let described = names.into_iter().zip(outputs).map(|(name, output)| (name, 0, output)).collect();
    Ok(describe(parts, "", described))
}

/// A statement that the server is to refuse when it runs. Should it not, it gets no data.
fn hopeless(parts: &Parts) -> CopyPlan {
    let format = CopyFormat {
        layout: CopyLayout::Text,
        delimiter: b'\t',
        quote: b'"',
        escape: b'"',
        null: String::new(),
        default: None,
        header: false,
    };
    let (direction, table) = (parts.direction, String::new());
    CopyPlan { direction, table, format, header_match: false, columns: Vec::new() }
}

fn describe(parts: &Parts, table: &str, columns: Vec<(String, u32, Output)>) -> Option<CopyPlan> {
    columns.iter().find(|(_, _, value)| *value != Output::Plain)?;
    let Some(Options { format, force_quote, force_not_null, force_null, header_match }) = &parts.options
    else {
        return Some(hopeless(parts));
    };
    let named = |list: &Columns, name: &str| match list {
        Columns::All => true,
        Columns::List(names) => names.iter().any(|n| n == name),
    };
    let columns = columns.into_iter().map(|(name, type_oid, value)| CopyColumn {
        force_quote: named(force_quote, &name),
        force_not_null: named(force_not_null, &name),
        force_null: named(force_null, &name),
        name,
        type_oid,
        value,
    });
    Some(CopyPlan {
        direction: parts.direction,
        table: table.to_owned(),
        format: format.clone(),
        header_match: *header_match,
        columns: columns.collect(),
    })
}
