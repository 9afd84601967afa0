//! The server's text of a planned statement.

use std::fmt::Write;

use crate::sql::plan::{Piece, REFUSED_TEXT, Rewrite, Role, ScriptRewrite, Slot};
use crate::transform::{TransformError, Transformer};

const BYTEA_OID: u32 = 17;
const BYTEA_ARRAY_OID: u32 = 1001;

/// The text for a Parse message: values become parameters.
pub(in crate::session) fn statement(plan: &Rewrite, source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 64);
    for piece in &plan.pieces {
        match piece {
            Piece::Source(range) => out.push_str(source.get(range.clone()).unwrap_or_default()),
            Piece::Text(text) => out.push_str(text),
            Piece::Slot(index) => {
                if let Some(slot) = plan.slots.get(*index) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "${}", slot.server_param);
                }
            }
        }
    }
    out
}

/// Number of parameters that the rewritten statement has.
pub(in crate::session) fn parameter_count(plan: &Rewrite) -> usize {
    let sealed = plan.slots.iter().map(|slot| usize::from(slot.server_param)).max().unwrap_or(0);
    sealed.max(plan.params.len())
}

/// Types of the rewritten statement's parameters for its Parse message.
pub(in crate::session) fn parameter_oids(plan: &Rewrite) -> Vec<u32> {
    let mut oids: Vec<u32> = plan.params.iter().map(|param| param.announced).collect();
    oids.resize(parameter_count(plan), 0);
    for slot in &plan.slots {
        if let Some(oid) = usize::from(slot.server_param).checked_sub(1).and_then(|at| oids.get_mut(at)) {
            *oid = server_type(&slot.role);
        }
    }
    oids
}

fn server_type(role: &Role) -> u32 {
    match role {
        Role::Store(_) | Role::Equality(_) => BYTEA_OID,
        Role::EqualityArray(_) => BYTEA_ARRAY_OID,
    }
}

/// A simple query's text for the server.
#[derive(Debug)]
pub(in crate::session) struct ScriptText {
    /// The text, with sealed literals in it.
    pub text: String,
    /// The statement, by its index, that a value's error put out of the text; nothing behind it will run.
    pub failed: Option<(usize, TransformError)>,
    /// Length in characters of each slot as written, for mapping positions.
    pub slot_chars: Vec<usize>,
}

/// The text for a Query message: values are sealed now and become literals.
pub(in crate::session) fn script(
    plan: &ScriptRewrite,
    source: &str,
    transformer: &mut Transformer,
) -> ScriptText {
    let mut done = ScriptText {
        text: String::with_capacity(source.len() + 64),
        failed: None,
        slot_chars: vec![0; plan.slots.len()],
    };
    let mut at = 0;
    for (index, statement) in plan.statements.iter().enumerate() {
        let before = at..statement.pieces.start.max(at);
        // Between statements there is only the client's text, which needs no sealing.
        let _ = done.pieces(plan, before, source, transformer);
        let begin = done.text.len();
        if let Err(error) = done.pieces(plan, statement.pieces.clone(), source, transformer) {
            done.text.truncate(begin);
            done.text.push_str(REFUSED_TEXT);
            done.failed = Some((index, error));
            // The server parses the whole text before it runs any of it: what follows must be cleared
            // text too, and none is sent.
            return done;
        }
        at = statement.pieces.end.max(at);
    }
    let _ = done.pieces(plan, at..plan.pieces.len(), source, transformer);
    done
}

impl ScriptText {
    fn pieces(
        &mut self,
        plan: &ScriptRewrite,
        range: std::ops::Range<usize>,
        source: &str,
        transformer: &mut Transformer,
    ) -> Result<(), TransformError> {
        for piece in plan.pieces.get(range).unwrap_or_default() {
            match piece {
                Piece::Source(range) => self.text.push_str(source.get(range.clone()).unwrap_or_default()),
                Piece::Text(text) => self.text.push_str(text),
                Piece::Slot(index) => {
                    let Some(slot) = plan.slots.get(*index) else { continue };
                    let begin = self.text.len();
                    literal(slot, transformer, &mut self.text)?;
                    if let Some(chars) = self.slot_chars.get_mut(*index) {
                        // Nothing but ASCII is written.
                        *chars = self.text.len() - begin;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Appends a sealed literal, in a form that means the same whatever `standard_conforming_strings` says.
fn literal(slot: &Slot, transformer: &mut Transformer, text: &mut String) -> Result<(), TransformError> {
    let mut sealed = Vec::new();
    let present = transformer.seal_slot(slot, None, &mut sealed)?;
    match &slot.role {
        Role::Store(_) | Role::Equality(_) if present => bytea(&sealed, text),
        Role::Store(_) | Role::Equality(_) => text.push_str("NULL::pg_catalog.bytea"),
        Role::EqualityArray(_) => {
            text.push_str("ARRAY[");
            for (index, term) in terms(&sealed).enumerate() {
                if index > 0 {
                    text.push(',');
                }
                match term {
                    Some(term) => bytea(term, text),
                    None => text.push_str("NULL"),
                }
            }
            text.push_str("]::pg_catalog.bytea[]");
        }
    }
    Ok(())
}

fn bytea(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.reserve(bytes.len() * 2 + 24);
    text.push_str("E'\\\\x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')));
        }
    }
    text.push_str("'::pg_catalog.bytea");
}

/// The elements of a one-dimensional array in binary format that the transformer wrote.
fn terms(array: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = array.get(20..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            rest = behind;
            return Some(None);
        };
        let (term, behind) = behind.split_at_checked(length)?;
        rest = behind;
        Some(Some(term))
    })
}
