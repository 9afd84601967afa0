//! Plans for human eyes, and positions between the client's text and the one that is sent.

use std::fmt::Write as _;
use std::ops::Range;

use super::explain;
use super::plan::{
    Output, Param, Piece, Plan, RefinedPart, Refinement, Rewrite, Role, Script, ScriptRewrite, Slot, Source,
};
use super::refuse::full_name;
use crate::catalog::EncryptedColumn;

fn role_text(role: &Role) -> Option<(&'static str, &EncryptedColumn)> {
    Some(match role {
        Role::Store(column) => ("sealed", column),
        Role::Equality(column) => ("term of", column),
        Role::EqualityArray(column) => ("terms of", column),
        Role::StoreArray(column) => ("each sealed of", column),
        Role::OrderWhole(column) => ("order term of", column),
        Role::OrderArray(column) => ("order terms of", column),
        Role::OrderHead(column) => ("head of the order term of", column),
        Role::Caseless(column) => ("caseless term of", column),
        Role::Refined(..) => return None,
    })
}

/// `‹terms of condition 1 that match›`.
fn refined_text(role: &Role) -> String {
    let Role::Refined(_, index, part) = role else { return String::new() };
    let number = index + 1;
    match part {
        RefinedPart::Matching => format!("‹terms for which condition {number} is true›"),
        RefinedPart::Unknown => format!("‹terms for which condition {number} is NULL›"),
        RefinedPart::Others => format!("‹other terms that condition {number} was decided for›"),
        RefinedPart::OnNull => format!("‹condition {number} for NULL›"),
    }
}

fn describe_refinements(out: &mut String, refinements: &[Refinement], slots: &[Slot], client: &str) {
    for (index, refinement) in refinements.iter().enumerate() {
        let _ = writeln!(
            out,
            "  condition {}: decided by Pyrite for each distinct value of {}, fetched with: {}",
            index + 1,
            full_name(&refinement.column),
            text_of(&refinement.candidates, slots, client)
        );
    }
}

/// `‹sealed $1 for public.customers.email›`; a literal's value is never shown.
pub(super) fn slot_text(slot: &Slot) -> String {
    let Some((what, column)) = role_text(&slot.role) else { return refined_text(&slot.role) };
    let source = match &slot.source {
        Source::Param(index) => format!("${}", index + 1),
        Source::Literal(_) => "a literal".to_owned(),
        Source::Candidates => String::new(),
    };
    let mut casts = String::new();
    for cast in &slot.casts {
        let _ = write!(casts, "::{cast}");
    }
    format!("‹{what} {source}{casts} for {}›", full_name(column))
}

fn text_of(pieces: &[Piece], slots: &[Slot], client: &str) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Source(range) => out.push_str(client.get(range.clone()).unwrap_or("")),
            Piece::Text(text) => out.push_str(text),
            Piece::Slot(index) => out.push_str(&slots.get(*index).map_or_else(String::new, slot_text)),
        }
    }
    out
}

pub(super) fn describe_outputs(out: &mut String, outputs: &[Output]) {
    for (index, output) in outputs.iter().enumerate() {
        if let Output::Computed(computation) = output {
            let _ =
                writeln!(out, "  column {}: computed from the row, {}", index + 1, computation.formula.ty());
        }
        if let Output::Open { column, casts, .. } = output {
            let _ = write!(out, "  column {}: opened as {} {}", index + 1, full_name(column), column.ty);
            for cast in casts {
                let _ = write!(out, ", cast to {cast}");
            }
            out.push('\n');
        }
        if let Output::Nested { shape, .. } = output
            && let Some(column) = shape.column()
        {
            let _ = writeln!(out, "  column {}: opened inside, {} and others", index + 1, full_name(column));
        }
    }
    explain::plain_outputs(out, outputs);
}

fn describe_params(out: &mut String, params: &[Param], slots: &[Slot]) {
    for (index, param) in params.iter().enumerate() {
        let _ = write!(out, "  ${}: ", index + 1);
        if param.slots.is_empty() {
            out.push_str("plain, as it came\n");
            continue;
        }
        let roles: Vec<String> =
            param.slots.iter().filter_map(|slot| slots.get(*slot)).map(slot_text).collect();
        let _ = writeln!(out, "{}", roles.join(", "));
    }
}

fn refusal_text(refusal: &super::plan::Refusal, client: &str) -> String {
    let mut out = format!("refused: {} (SQLSTATE {})\n", refusal.message, refusal.sqlstate);
    if let Some(hint) = &refusal.hint {
        let _ = writeln!(out, "hint: {hint}");
    }
    explain::place(&mut out, refusal, client);
    out
}

impl Plan {
    /// What happens to the statement, for people.
    pub fn describe(&self, client: &str) -> String {
        match self {
            Plan::Forward => "forwarded as it came: nothing encrypted is touched\n".to_owned(),
            Plan::Refuse(refusal) => refusal_text(refusal, client),
            Plan::Rewrite(plan) => {
                let mut out = format!("sent: {}\n", text_of(&plan.pieces, &plan.slots, client));
                describe_params(&mut out, &plan.params, &plan.slots);
                explain::literals(&mut out, &plan.pieces, &plan.slots, client);
                describe_outputs(&mut out, &plan.outputs);
                explain::special(&mut out, &plan.special);
                describe_refinements(&mut out, &plan.refinements, &plan.slots, client);
                out
            }
        }
    }
}

impl Script {
    /// What happens to the statements, for people.
    pub fn describe(&self, client: &str) -> String {
        let Script::Rewrite(plan) = self else {
            return "forwarded as it came: nothing encrypted is touched\n".to_owned();
        };
        let mut out = format!("sent: {}\n", text_of(&plan.pieces, &plan.slots, client));
        explain::literals(&mut out, &plan.pieces, &plan.slots, client);
        for (index, statement) in plan.statements.iter().enumerate() {
            if let Some(refusal) = &statement.refusal {
                let _ = write!(out, "statement {}: {}", index + 1, refusal_text(refusal, client));
            }
            describe_outputs(&mut out, &statement.outputs);
            explain::special(&mut out, &statement.special);
        }
        describe_refinements(&mut out, &plan.refinements, &plan.slots, client);
        out
    }
}

/// The client's position (in characters from 1) for one in the text that was sent.
///
/// `slot_chars` gives the length that a slot was written in. A place inside our own text becomes that of
/// the client's text behind it.
fn client_position(
    pieces: &[Piece],
    client: &str,
    server: u32,
    slot_chars: &dyn Fn(usize) -> usize,
) -> Option<u32> {
    let wanted = usize::try_from(server).ok()?.checked_sub(1)?;
    let chars = |range: &Range<usize>| client.get(range.clone()).map(|text| text.chars().count());
    let mut passed = 0;
    let mut behind = false;
    let mut last = 0;
    for piece in pieces {
        let length = match piece {
            Piece::Source(range) => chars(range)?,
            Piece::Text(text) => text.chars().count(),
            Piece::Slot(slot) => slot_chars(*slot),
        };
        if let Piece::Source(range) = piece {
            let start = chars(&(0..range.start))?;
            if behind {
                return u32::try_from(start + 1).ok();
            }
            if wanted < passed + length {
                return u32::try_from(start + (wanted - passed) + 1).ok();
            }
            last = start + length;
        } else if wanted < passed + length {
            behind = true;
        }
        passed += length;
    }
    behind.then_some(last + 1).and_then(|position| u32::try_from(position).ok())
}

impl Rewrite {
    /// Maps an error's position back to the client's text: see the module.
    pub fn client_position(
        &self,
        client: &str,
        server: u32,
        slot_chars: &dyn Fn(usize) -> usize,
    ) -> Option<u32> {
        if self.command_tag.is_some() {
            return None;
        }
        client_position(&self.pieces, client, server, slot_chars)
    }
}

impl ScriptRewrite {
    /// Maps an error's position back to the client's text: see the module.
    pub fn client_position(
        &self,
        client: &str,
        server: u32,
        slot_chars: &dyn Fn(usize) -> usize,
    ) -> Option<u32> {
        client_position(&self.pieces, client, server, slot_chars)
    }
}
