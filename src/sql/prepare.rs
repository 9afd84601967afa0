//! PREPARE, EXECUTE and DEALLOCATE: the statement inside is planned as one of a Parse message would be, and the
//! arguments of EXECUTE become its parameters. Its literals become parameters of their own, so that they are
//! sealed each time it runs.

use std::ops::Range;
use std::sync::Arc;

use super::Scope;
use super::create::split_commas;
use super::edits::Part;
use super::expr::Val;
use super::lexer::Tokens;
use super::parse;
use super::plan::{Naming, Param, Piece, Plan, Prepared, Refusal, Rewrite, Source, Special};
use super::planner::{Finished, Mode, Planner, SlotDraft};
use super::refine;
use super::refuse::{Draft, Planned, syntax, unsupported};
use super::statement::{self, Outcome, parse_refusal};
use super::types;
use crate::value;

/// A statement that goes as it came, and makes or removes a name.
pub(super) fn unchanged(tokens: &Tokens<'_>, range: Range<usize>, naming: Naming) -> Outcome {
    let span = tokens.start(range.start)..tokens.end(range.end.saturating_sub(1));
    let special = Special { naming: Some(naming), ..Special::default() };
    let done = Finished { pieces: vec![Piece::Source(span)], special, ..Finished::default() };
    Outcome::Rewrite(Box::new(done), None)
}

/// PREPARE.
pub(super) fn prepare(tokens: &Tokens<'_>, range: Range<usize>, scope: &Scope<'_>) -> Planned<Outcome> {
    let at = range.start + 1;
    if tokens.is_word(at, "transaction") {
        return Ok(Outcome::Forward);
    }
    let unknown = || syntax("PREPARE").at(Some(at));
    let name = tokens.name(at).ok_or_else(unknown)?;
    let mut types = 0..0;
    let mut from = at + 1;
    if tokens.is_sign(from, "(") {
        let close = tokens.close(from).filter(|close| *close < range.end).ok_or_else(unknown)?;
        types = from + 1..close;
        from = close + 1;
    }
    if !tokens.is_word(from, "as") || from + 1 >= range.end {
        return Err(unknown());
    }
    let inner = from + 1..range.end;
    let (as_name, in_string) = statement::named(tokens, inner.clone(), scope.catalog);
    if !as_name {
        if in_string {
            super::utility::hidden_in_strings(tokens, inner, scope)?;
        }
        return Ok(unchanged(tokens, range, Naming::Prepare(name, None)));
    }
    let preparable = ["select", "with", "values", "insert", "update", "delete", "merge", "table"];
    if !tokens.is_sign(inner.start, "(") && !preparable.iter().any(|word| tokens.is_word(inner.start, word)) {
        return Err(unknown());
    }
    let declared = split_commas(tokens, types);
    let announced: Vec<u32> = declared.iter().map(|ty| announced(tokens, ty.clone())).collect();
    let span = tokens.start(inner.start)..tokens.end(range.end - 1);
    let text = tokens.text.get(span.clone()).unwrap_or_default();
    let rewrite = match statement::plan(text, &announced, scope) {
        Plan::Forward => return Ok(unchanged(tokens, range, Naming::Prepare(name, None))),
        Plan::Refuse(refusal) => return Err(refused(tokens, inner, &refusal)),
        Plan::Rewrite(rewrite) => rewrite,
    };
    hidden(&rewrite.params, "PREPARE")?;
    refine::none_within(&rewrite.refinements, "PREPARE")?;
    let mut pieces = vec![Piece::Source(tokens.start(range.start)..tokens.end(at))];
    let list = type_list(tokens, &declared, &rewrite).ok_or_else(unknown)?;
    pieces.push(Piece::Text(format!("{list} AS ")));
    for piece in &rewrite.pieces {
        pieces.push(match piece {
            Piece::Source(part) => Piece::Source(part.start + span.start..part.end + span.start),
            Piece::Text(text) => Piece::Text(text.clone()),
            Piece::Slot(slot) => {
                let number = rewrite.slots.get(*slot).map_or(0, |slot| slot.server_param);
                Piece::Text(format!("${number}"))
            }
        });
    }
    let prepared = Prepared { text: text.to_owned(), types: announced, rewrite };
    let special =
        Special { naming: Some(Naming::Prepare(name, Some(Arc::new(prepared)))), ..Special::default() };
    Ok(Outcome::Rewrite(Box::new(Finished { pieces, special, ..Finished::default() }), None))
}

/// Refuses parameters of expressions that are computed here: rows that are fetched later would need them again.
pub(super) fn hidden(params: &[Param], statement: &str) -> Planned<()> {
    if !params.iter().any(|param| param.hidden) {
        return Ok(());
    }
    Err(unsupported(
        format!("a parameter in an expression over encrypted columns within {statement}"),
        "Write the value as a literal, or use the driver's prepared statements.",
    ))
}

/// The OID of a declared type. A type that is not known here matches no encrypted column.
fn announced(tokens: &Tokens<'_>, range: Range<usize>) -> u32 {
    const UNKNOWN: u32 = 705;
    if range.len() == 1 && tokens.is_word(range.start, "unknown") {
        return UNKNOWN;
    }
    let known = types::at(tokens, range.start).filter(|(_, behind)| *behind == range.end);
    let oid = known.and_then(|(cast, _)| Some((cast.ty?, cast.array)));
    oid.map_or(u32::MAX, |(ty, array)| if array { ty.array_oid() } else { ty.oid() })
}

/// The refusal of the inner statement, at its place in the whole one.
fn refused(tokens: &Tokens<'_>, inner: Range<usize>, refusal: &Refusal) -> Box<Draft> {
    let place = refusal.position.and_then(|position| {
        let start = tokens.start(inner.start);
        let behind = usize::try_from(position).ok()?.checked_sub(1)?;
        let text = tokens.text.get(start..)?;
        let at = start + text.char_indices().nth(behind)?.0;
        inner.clone().find(|&index| tokens.start(index) == at)
    });
    let mut draft = Draft::new(refusal.sqlstate, refusal.message.clone()).at(place);
    draft.detail.clone_from(&refusal.detail);
    draft.hint.clone_from(&refusal.hint);
    draft
}

/// The types of the server's parameters, in parentheses.
fn type_list(tokens: &Tokens<'_>, declared: &[Range<usize>], rewrite: &Rewrite) -> Option<String> {
    let mut list = Vec::new();
    for carrier in carriers(rewrite)? {
        list.push(match carrier {
            Carrier::Slot(slot) if rewrite.slots.get(slot)?.role.is_array() => {
                "pg_catalog.bytea[]".to_owned()
            }
            Carrier::Slot(_) => "pg_catalog.bytea".to_owned(),
            Carrier::Plain(param) => match declared.get(param) {
                Some(range) => {
                    let last = range.end.checked_sub(1)?;
                    tokens.text.get(tokens.start(range.start)..tokens.end(last))?.to_owned()
                }
                None => "unknown".to_owned(),
            },
        });
    }
    Some(if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) })
}

/// What a parameter of the server stands for.
#[derive(Clone, Copy)]
enum Carrier {
    Plain(usize),
    Slot(usize),
}

/// The server's parameters in order.
fn carriers(rewrite: &Rewrite) -> Option<Vec<Carrier>> {
    let slots = rewrite.slots.iter().map(|slot| usize::from(slot.server_param));
    let count = slots.chain(std::iter::once(rewrite.params.len())).max().unwrap_or(0);
    let mut list: Vec<Option<Carrier>> = vec![None; count];
    for (n, param) in rewrite.params.iter().enumerate() {
        if param.slots.is_empty() {
            *list.get_mut(n)? = Some(Carrier::Plain(n));
        }
    }
    for (n, slot) in rewrite.slots.iter().enumerate() {
        *list.get_mut(usize::from(slot.server_param).checked_sub(1)?)? = Some(Carrier::Slot(n));
    }
    list.into_iter().collect()
}

/// EXECUTE at token `at` (behind EXPLAIN, perhaps) of a statement of the session's.
pub(super) fn execute(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    at: usize,
    scope: &Scope<'_>,
    mode: Mode,
) -> Planned<Outcome> {
    let Some(name) = tokens.name(at + 1) else {
        return Err(Draft::new("42601", "syntax error at or near \"EXECUTE\"").at(Some(at)));
    };
    let Some(rewrite) = scope.names.prepared(&name) else {
        if scope.names.protected_statement(&name) {
            return Err(Draft::new("0A000", "cached plan must not change result type")
                .hint("Prepare the statement again.")
                .at(Some(at + 1)));
        }
        return Ok(Outcome::Forward);
    };
    let list = if tokens.is_sign(at + 2, "(") {
        let close = tokens.close(at + 2).filter(|close| close + 1 == range.end);
        let close = close.ok_or_else(|| syntax("EXECUTE").at(Some(at + 2)))?;
        split_commas(tokens, at + 3..close)
    } else if at + 2 == range.end {
        Vec::new()
    } else {
        return Err(syntax("EXECUTE").at(Some(at + 2)));
    };
    if list.len() != rewrite.params.len() {
        let mut draft =
            Draft::new("42601", format!("wrong number of parameters for prepared statement \"{name}\""));
        draft.detail = Some(format!("Expected {} parameters but got {}.", rewrite.params.len(), list.len()));
        return Err(draft);
    }
    let complexity = parse::complexity(tokens, range.clone()).map_err(|error| parse_refusal(error, None))?;
    let (catalog, environment) = (scope.catalog, scope.environment);
    let explained = at != range.start;
    let work = || -> Planned<Outcome> {
        let mut planner = Planner::new(tokens, range.clone(), catalog, environment, mode, &[])?;
        let parts = arguments(&mut planner, &rewrite, &list)?;
        if !parts.is_empty() {
            let first = tokens.end(at + 1);
            planner.edits.replace(first..tokens.end(range.end - 1), parts);
        }
        let outputs = if explained { Vec::new() } else { rewrite.outputs.clone() };
        let mut done = planner.finish(outputs)?;
        refine::none_within(&done.refinements, "EXECUTE")?;
        written_in(&mut done);
        if done.unchanged {
            Ok(Outcome::Forward)
        } else {
            Ok(Outcome::Rewrite(Box::new(done), rewrite.command_tag))
        }
    };
    parse::with_stack(complexity, work)
        .unwrap_or_else(|| Err(Draft::new("54001", "the statement could not be planned")))
}

/// A statement that takes no parameters: its literals are sealed in its text when it is bound.
pub(super) fn written_in(done: &mut Finished) {
    done.slots.iter_mut().for_each(|slot| slot.server_param = 0);
}

/// The arguments in the order of the server's parameters.
fn arguments(planner: &mut Planner<'_>, rewrite: &Rewrite, list: &[Range<usize>]) -> Planned<Vec<Part>> {
    let broken = || syntax("EXECUTE");
    let mut values = Vec::with_capacity(list.len());
    for (range, param) in list.iter().zip(&rewrite.params) {
        let expr = parse::expression(planner.tokens, range.clone())
            .map_err(|error| parse_refusal(error, Some(range.start)))?;
        let value = planner.expr(&expr)?;
        if param.slots.is_empty() {
            planner.settle_plain(value, "an argument of EXECUTE")?;
            values.push(Val::Plain);
        } else {
            values.push(value);
        }
    }
    let mut parts = Vec::new();
    for carrier in carriers(rewrite).ok_or_else(broken)? {
        parts.push(Part::Text(if parts.is_empty() { " (" } else { ", " }.to_owned()));
        parts.push(match carrier {
            Carrier::Plain(n) => {
                let range = list.get(n).ok_or_else(broken)?;
                let span = planner.tokens.start(range.start)..planner.tokens.end(range.end - 1);
                Part::Text(planner.tokens.text.get(span).ok_or_else(broken)?.to_owned())
            }
            Carrier::Slot(n) => argument(planner, rewrite, n, &values, list)?,
        });
    }
    if !parts.is_empty() {
        parts.push(Part::Text(")".to_owned()));
    }
    Ok(parts)
}

/// The value of a slot of the prepared statement.
fn argument(
    planner: &mut Planner<'_>,
    rewrite: &Rewrite,
    slot: usize,
    values: &[Val],
    list: &[Range<usize>],
) -> Planned<Part> {
    let slot = rewrite.slots.get(slot).ok_or_else(|| syntax("EXECUTE"))?;
    let mut draft = SlotDraft {
        source: slot.source.clone(),
        ty: slot.source_type,
        casts: slot.casts.clone(),
        role: slot.role.clone(),
    };
    if let Source::Param(param) = slot.source {
        let place = list.get(param).map(|range| range.start);
        match values.get(param) {
            Some(Val::Null { .. }) => return Ok(Part::Text("NULL".to_owned())),
            Some(Val::Const(value)) => {
                draft.source = Source::Literal(planner.literal(value.leaf)?);
                if let Some(ty) = planner.const_type(value) {
                    // An argument that has a type is assigned to the parameter.
                    let wanted = slot.source_type;
                    let array = value.casts.iter().any(|cast| cast.array);
                    let fits = wanted.is_some_and(|wanted| value::assignable(&ty, &wanted)) && !array;
                    if !fits {
                        return Err(unsupported(
                            format!("an argument of type {ty} for this parameter of EXECUTE"),
                            "Give a string literal, or a value of the parameter's type.",
                        )
                        .at(place));
                    }
                    let casts = value.casts.iter().filter_map(|cast| cast.ty).chain(wanted);
                    draft.casts = casts.chain(slot.casts.iter().copied()).collect();
                    draft.ty = value.ty;
                }
            }
            _ => {
                return Err(unsupported(
                    "an expression as value of an encrypted column in EXECUTE",
                    "Give a literal or NULL.",
                )
                .at(place));
            }
        }
    }
    planner.slots.push(draft);
    Ok(Part::Slot(planner.slots.len() - 1))
}

/// DEALLOCATE.
pub(super) fn deallocate(tokens: &Tokens<'_>, range: Range<usize>) -> Outcome {
    let at = range.start + 1;
    // A statement may be named "prepare".
    let at = if tokens.is_word(at, "prepare") && at + 1 < range.end { at + 1 } else { at };
    let name = tokens.name(at).filter(|_| !tokens.is_word(at, "all"));
    unchanged(tokens, range, Naming::Deallocate(name))
}
