//! One statement's way from text to plan.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::Statement;

use super::lexer::{self, Kind, LexError, Tokens};
use super::parse::{self, ParseError};
use super::plan::{Plan, Refusal, Rewrite};
use super::planner::{Finished, Mode, Planner};
use super::query::Outputs;
use super::refuse::{Draft, Planned, syntax, unsupported};
use super::utility::{self, Verdict};
use super::{Scope, ViewLineage, cursor, normalise, prepare};
use crate::catalog::{Catalog, EncryptedColumn, Environment};

/// What one statement came to.
pub(super) enum Outcome {
    /// Goes as it came.
    Forward,
    /// Is rewritten.
    Rewrite(Box<Finished>, Option<&'static str>),
}

/// Plans the text of a Parse message.
pub(super) fn plan(text: &str, announced: &[u32], scope: &Scope<'_>) -> Plan {
    let tokens = match tokens(text, scope.environment) {
        Ok(tokens) => tokens,
        Err(error) => return Plan::Refuse(lex_refusal(text, error)),
    };
    let statements: Vec<Range<usize>> = super::script::split(&tokens);
    let [range] = statements.as_slice() else {
        // None at all, or several: the server has its own answer to both, and it names no value. But
        // several may hold values, so they do not go.
        if statements.is_empty() {
            return Plan::Forward;
        }
        return Plan::Refuse(
            Draft::new("42601", "cannot insert multiple commands into a prepared statement").finish(|_| None),
        );
    };
    match one(&tokens, range.clone(), scope, Mode::Extended, announced) {
        Ok(Outcome::Forward) => Plan::Forward,
        Ok(Outcome::Rewrite(mut done, command_tag)) => {
            let whole = tokens.start(range.start)..tokens.end(range.end.saturating_sub(1));
            stretch(&mut done, text, whole);
            let Finished { pieces, slots, params, outputs, refinements, special, .. } = *done;
            let rewrite = Rewrite { pieces, slots, params, outputs, command_tag, refinements, special };
            Plan::Rewrite(Arc::new(rewrite))
        }
        Err(draft) => Plan::Refuse(finish(text, &tokens, *draft)),
    }
}

/// The single statement's pieces, with what the client wrote around it.
fn stretch(done: &mut Finished, text: &str, statement: Range<usize>) {
    use super::plan::Piece;
    if let Some(Piece::Source(range)) = done.pieces.first_mut()
        && range.start == statement.start
    {
        range.start = 0;
    }
    // What was cut off the end stays so.
    if let Some(Piece::Source(range)) = done.pieces.last_mut()
        && range.end == statement.end
    {
        range.end = text.len();
    }
}

pub(super) fn tokens<'t>(text: &'t str, environment: &Environment) -> Result<Tokens<'t>, LexError> {
    let standard_strings = environment.standard_conforming_strings;
    let list = lexer::tokenize(text.as_bytes(), standard_strings)?;
    Ok(Tokens { text, list, standard_strings })
}

/// PostgreSQL's error for a text that does not end.
pub(super) fn lex_refusal(text: &str, error: LexError) -> Arc<Refusal> {
    let mut refusal = Draft::new("42601", error.what).finish(|_| None);
    if let Some(refusal) = Arc::get_mut(&mut refusal) {
        refusal.position = position(text, error.at);
    }
    refusal
}

/// Characters from 1.
pub(super) fn position(text: &str, byte: usize) -> Option<u32> {
    u32::try_from(text.get(..byte)?.chars().count() + 1).ok()
}

pub(super) fn finish(text: &str, tokens: &Tokens<'_>, draft: Draft) -> Arc<Refusal> {
    draft.finish(|token| position(text, tokens.start(token)))
}

/// Plans the statement in tokens `range`.
pub(super) fn one(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
    mode: Mode,
    announced: &[u32],
) -> Planned<Outcome> {
    match utility::judge(tokens, range.clone(), scope)? {
        Verdict::Forward => Ok(Outcome::Forward),
        Verdict::Copy => super::copy::plan(tokens, range, scope, mode),
        Verdict::Prepare => prepare::prepare(tokens, range, scope),
        Verdict::Execute(at) => prepare::execute(tokens, range, at, scope, mode),
        Verdict::Deallocate => Ok(prepare::deallocate(tokens, range)),
        Verdict::Declare => cursor::declare(tokens, range, scope, mode),
        Verdict::Fetch => cursor::fetch(tokens, range, scope),
        Verdict::Close => Ok(cursor::close(tokens, range)),
        Verdict::Discard => Ok(cursor::discard(tokens, range)),
        Verdict::CreateTable => super::create::table(tokens, range, scope, mode),
        Verdict::CreateIndex => super::indexes::index(tokens, range, scope, mode),
        Verdict::CreateTableAs(query) => stored(tokens, range, query, scope, (mode, announced)),
        Verdict::CreateView(query) => view(tokens, range, query, scope),
        Verdict::Plan(from) => {
            let complexity =
                parse::complexity(tokens, from..range.end).map_err(|error| parse_refusal(error, None))?;
            let (catalog, environment) = (scope.catalog, scope.environment);
            let work = || {
                let planner = Planner::new(tokens, range.clone(), catalog, environment, mode, announced)?;
                tree(planner, from)
            };
            parse::with_stack(complexity, work)
                .unwrap_or_else(|| Err(Draft::new("54001", "the statement could not be planned")))
        }
    }
}

pub(super) fn parse_refusal(error: ParseError, near: Option<usize>) -> Box<Draft> {
    match error {
        ParseError::TooComplex => Draft::new("54001", "statement is too complex to be planned")
            .hint("Send the values as an array parameter, or in several statements."),
        ParseError::End => Draft::new("42601", "syntax error at end of input"),
        ParseError::Syntax(token) => syntax("the statement").at(token.or(near)),
    }
}

/// Parses and plans what begins at token `from` (behind EXPLAIN).
fn tree(mut planner: Planner<'_>, from: usize) -> Planned<Outcome> {
    let statement = parse::statement(planner.tokens, from..planner.range.end)
        .map_err(|error| parse_refusal(error, Some(from)))?;
    let explained = from != planner.range.start;
    let outputs = planner.dml(&statement)?;
    let range = from..planner.range.end;
    let into = range.into_iter().find(|&at| {
        planner.tokens.is_word(at, "into") && normalise::into_target(planner.tokens, at).is_some()
    });
    if let Some(into) = into {
        return copied(planner, outputs, into + 1);
    }
    let outputs = planner.final_outputs(outputs)?;
    // EXPLAIN returns its own lines; casts that were taken out do not matter to it.
    let outputs = if explained { Vec::new() } else { outputs };
    let done = planner.finish(outputs)?;
    if done.unchanged { Ok(Outcome::Forward) } else { Ok(Outcome::Rewrite(Box::new(done), None)) }
}

/// CREATE TABLE AS: only plain columns may go into the new table.
fn stored(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    query: usize,
    scope: &Scope<'_>,
    (mode, announced): (Mode, &[u32]),
) -> Planned<Outcome> {
    let mut end = range.end;
    if tokens.is_word(end - 1, "data") {
        end -= if tokens.is_word(end - 2, "no") { 3 } else { 2 };
    }
    let complexity = parse::complexity(tokens, query..end).map_err(|error| parse_refusal(error, None))?;
    let (catalog, environment) = (scope.catalog, scope.environment);
    let work = || {
        let mut planner = Planner::new(tokens, range.clone(), catalog, environment, mode, announced)?;
        let statement =
            parse::statement(tokens, query..end).map_err(|error| parse_refusal(error, Some(query)))?;
        let outputs = planner.dml(&statement)?;
        copied(planner, outputs, range.start + 1)
    };
    parse::with_stack(complexity, work)
        .unwrap_or_else(|| Err(Draft::new("54001", "the statement could not be planned")))
}

/// What a query gives goes into a new table, whose name is at token `name` or behind a few words.
fn copied(mut planner: Planner<'_>, outputs: Outputs, mut name: usize) -> Planned<Outcome> {
    let tokens = planner.tokens;
    let mut temporary = false;
    while ["local", "global", "temporary", "temp", "unlogged", "table"]
        .iter()
        .any(|w| tokens.is_word(name, w))
    {
        temporary |= tokens.is_word(name, "temporary") || tokens.is_word(name, "temp");
        name += 1;
    }
    let (schema, table) = super::create::table_name(tokens, name, planner.environment).0;
    if !temporary && planner.catalog.configured(&schema, &table).is_some() {
        return Err(unsupported(
            "SELECT INTO or CREATE TABLE AS of a configured table",
            "Create the table first, then INSERT … SELECT.",
        )
        .at(Some(name)));
    }
    if outputs.open && planner.protected {
        return Err(unsupported(
            "* over a function whose columns are not known, as a new table,",
            "Name the columns.",
        ));
    }
    planner.settle_outputs(outputs, "CREATE TABLE AS or SELECT INTO").map_err(|mut draft| {
        draft.hint = Some(
            "A new table is in no configuration, so nobody could read its values again: configure it, create it with \
             its columns, then INSERT … SELECT."
                .to_owned(),
        );
        draft
    })?;
    let done = planner.finish(Vec::new())?;
    if done.unchanged { Ok(Outcome::Forward) } else { Ok(Outcome::Rewrite(Box::new(done), None)) }
}

/// CREATE VIEW: the query may pass encrypted columns through, and gets its schemas written in.
fn view(tokens: &Tokens<'_>, range: Range<usize>, query: usize, scope: &Scope<'_>) -> Planned<Outcome> {
    let range_end = range.end;
    let (catalog, environment) = (scope.catalog, scope.environment);
    let complexity =
        parse::complexity(tokens, query..range_end).map_err(|error| parse_refusal(error, None))?;
    let work = || {
        let statement =
            parse::statement(tokens, query..range_end).map_err(|error| parse_refusal(error, Some(query)))?;
        let mut planner = Planner::new(tokens, range, catalog, environment, Mode::View, &[])?;
        let outputs = planner.dml(&statement)?;
        planner.scope_columns(&outputs, &[])?;
        planner.finish(Vec::new())
    };
    let done = parse::with_stack(complexity, work)
        .unwrap_or_else(|| Err(Draft::new("54001", "the statement could not be planned")))?;
    if done.unchanged { Ok(Outcome::Forward) } else { Ok(Outcome::Rewrite(Box::new(done), None)) }
}

/// What the columns of a view hold, by its definition.
pub(super) fn view_lineage(
    definition: &str,
    catalog: &Catalog,
    environment: &Environment,
) -> Result<ViewLineage, String> {
    let because = |draft: Box<Draft>| format!("its definition is beyond Pyrite: {}", draft.message);
    let tokens = tokens(definition, environment).map_err(|error| error.what.to_owned())?;
    let mut end = tokens.len();
    while end > 0 && tokens.is_sign(end - 1, ";") {
        end -= 1;
    }
    let complexity =
        parse::complexity(&tokens, 0..end).map_err(|error| because(parse_refusal(error, None)))?;
    let work = || -> Planned<ViewLineage> {
        let statement: Statement =
            parse::statement(&tokens, 0..end).map_err(|error| parse_refusal(error, None))?;
        let mut planner = Planner::new(&tokens, 0..end, catalog, environment, Mode::View, &[])?;
        planner.stored = true;
        let outputs = planner.dml(&statement)?;
        let open = outputs.open;
        let columns = planner.scope_columns(&outputs, &[])?;
        let columns: Vec<Option<Arc<EncryptedColumn>>> =
            columns.into_iter().map(|c| c.held.encrypted).collect();
        let columns = if open { Vec::new() } else { columns };
        Ok(ViewLineage { columns, relations: planner.relations, protected: planner.protected })
    };
    parse::with_stack(complexity, work)
        .unwrap_or_else(|| Err(Draft::new("54001", "the definition could not be planned")))
        .map_err(because)
}

/// Whether a statement's tokens name something protected outside of string literals, and inside of them.
pub(super) fn named(tokens: &Tokens<'_>, range: Range<usize>, catalog: &Catalog) -> (bool, bool) {
    let mut as_name = false;
    let mut in_string = false;
    for index in range {
        match tokens.kind(index) {
            Some(Kind::Word | Kind::Quoted | Kind::UnicodeQuoted) => {
                // An identifier with an escape character of its own is not read here.
                as_name |= tokens.is_word(index + 1, "uescape");
                as_name |= tokens
                    .name(index)
                    .is_none_or(|n| catalog.is_protected_name(&n) || catalog.is_sensitive_function(&n));
            }
            Some(Kind::Str | Kind::Escaped | Kind::UnicodeStr | Kind::Dollar | Kind::National) => {
                let text = tokens.string(index);
                let value = text.as_ref().map_or(tokens.raw(index), |t| t.as_str());
                in_string |= catalog.may_name_protected(value.as_bytes())
                    || catalog.may_name_protected(tokens.raw(index).as_bytes());
            }
            _ => {}
        }
    }
    (as_name, in_string)
}
