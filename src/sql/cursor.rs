//! SQL's cursors: DECLARE plans its query, FETCH opens its rows.

use std::ops::Range;
use std::sync::Arc;

use super::Scope;
use super::lexer::Tokens;
use super::parse;
use super::plan::{Cursor, Naming, Piece, Special};
use super::planner::{Finished, Mode, Planner};
use super::prepare::{hidden, unchanged};
use super::refine;
use super::refuse::{Draft, Planned, syntax, unsupported};
use super::statement::{self, Outcome, parse_refusal};

/// DECLARE.
pub(super) fn declare(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
    mode: Mode,
) -> Planned<Outcome> {
    let unknown = || syntax("DECLARE").at(Some(range.start));
    let name = tokens.name(range.start + 1).ok_or_else(unknown)?;
    let mut at = range.start + 2;
    let mut binary = false;
    while ["binary", "asensitive", "insensitive", "no", "scroll"].iter().any(|word| tokens.is_word(at, word))
    {
        binary |= tokens.is_word(at, "binary");
        at += 1;
    }
    if !tokens.is_word(at, "cursor") {
        return Err(unknown());
    }
    at += 1;
    let mut hold = false;
    if tokens.is_word(at + 1, "hold") {
        hold = tokens.is_word(at, "with");
        at += 2;
    }
    if !tokens.is_word(at, "for") || at + 1 >= range.end {
        return Err(unknown());
    }
    let query = at + 1..range.end;
    let naming = |cursor| Naming::Declare { name: name.clone(), cursor, hold };
    let (as_name, in_string) = statement::named(tokens, query.clone(), scope.catalog);
    if !as_name {
        if in_string {
            super::utility::hidden_in_strings(tokens, query, scope)?;
        }
        return Ok(unchanged(tokens, range, naming(None)));
    }
    let complexity = parse::complexity(tokens, query.clone()).map_err(|error| parse_refusal(error, None))?;
    let (catalog, environment) = (scope.catalog, scope.environment);
    let work = || -> Planned<_> {
        let mut planner = Planner::new(tokens, range.clone(), catalog, environment, mode, &[])?;
        let statement = parse::statement(tokens, query.clone())
            .map_err(|error| parse_refusal(error, Some(query.start)))?;
        if !matches!(statement, sqlparser::ast::Statement::Query(_)) {
            return Err(syntax("DECLARE").at(Some(query.start)));
        }
        let outputs = planner.dml(&statement)?;
        let outputs = planner.final_outputs(outputs)?;
        Ok((planner.finish(Vec::new())?, outputs))
    };
    let (mut done, outputs) = parse::with_stack(complexity, work)
        .unwrap_or_else(|| Err(Draft::new("54001", "the statement could not be planned")))?;
    hidden(&done.params, "DECLARE")?;
    if mode == Mode::Extended {
        refine::none_within(&done.refinements, "DECLARE")?;
    }
    let cursor = (!outputs.is_empty()).then(|| Arc::new(Cursor { outputs, binary }));
    done.special.naming = Some(naming(cursor));
    Ok(Outcome::Rewrite(Box::new(done), None))
}

/// FETCH: its rows are those of the cursor.
pub(super) fn fetch(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<Outcome> {
    let last = range.end - 1;
    let name = tokens.name(last).unwrap_or_default();
    if let Some(cursor) = scope.names.cursor(&name) {
        let span = tokens.start(range.start)..tokens.end(last);
        let special = Special { binary: cursor.binary, ..Special::default() };
        let outputs = cursor.outputs.clone();
        let done = Finished { pieces: vec![Piece::Source(span)], outputs, special, ..Finished::default() };
        return Ok(Outcome::Rewrite(Box::new(done), None));
    }
    for index in range.start + 1..range.end {
        if tokens.name(index).is_some_and(|name| scope.names.protected_portal(&name)) {
            return Err(unsupported(
                "FETCH from a portal that uses encrypted columns",
                "Fetch by Execute messages, as drivers do.",
            )
            .at(Some(index)));
        }
    }
    Ok(Outcome::Forward)
}

/// CLOSE.
pub(super) fn close(tokens: &Tokens<'_>, range: Range<usize>) -> Outcome {
    let at = range.start + 1;
    let name = tokens.name(at).filter(|_| !tokens.is_word(at, "all"));
    unchanged(tokens, range, Naming::Close(name))
}

/// DISCARD.
pub(super) fn discard(tokens: &Tokens<'_>, range: Range<usize>) -> Outcome {
    if tokens.is_word(range.start + 1, "all") {
        return unchanged(tokens, range, Naming::Discard);
    }
    Outcome::Forward
}
