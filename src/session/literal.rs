//! Slots of a plan in a text: as literals in a simple query, as parameters elsewhere.

use crate::sql::plan::{Refinement, Refusal, Rewrite, Role, ScriptRewrite, Slot};
use crate::transform::{TransformError, Transformer};

use super::plan::from_transform;
use super::spans::render;
use super::refined::Found;
use super::request::broken_plan;

/// A value that was sealed, `None` being NULL, or why it was refused.
type Sealed = Result<Option<Vec<u8>>, TransformError>;

/// Writes the slot with this index as a parameter.
pub(super) fn placeholder(slots: &[Slot], n: usize, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(format!("${}", slots.get(n)?.server_param).as_bytes());
    Some(())
}

/// The queries for the candidates of a statement's refinements.
pub(super) fn candidate_queries(rewrite: &Rewrite, client: &[u8]) -> Option<Vec<Vec<u8>>> {
    let query = |refinement: &Refinement| {
        let mut text = Vec::new();
        render(&refinement.candidates, client, &mut text, |n, out| placeholder(&rewrite.slots, n, out))?;
        Some(text)
    };
    rewrite.refinements.iter().map(query).collect()
}

/// What the literals of a script become; those of refinements are not known here.
pub(super) fn seal_literals(slots: &[Slot], transformer: &mut Transformer) -> Vec<Sealed> {
    let seal = |slot: &Slot| {
        if matches!(slot.role, Role::Refined(..)) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let present = transformer.seal_slot(slot, None, &mut bytes)?;
        Ok(present.then_some(bytes))
    };
    slots.iter().map(seal).collect()
}

/// Writes the slot with this index as a literal.
pub(super) fn literal_slot(
    script: &ScriptRewrite,
    sealed: &[Sealed],
    found: &[Found],
    n: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let role = &script.slots.get(n)?.role;
    if let Role::Refined(_, refinement, part) = role {
        found.get(*refinement)?.literal(*part, out);
        return Some(());
    }
    let array = role.is_array();
    literal(sealed.get(n)?.as_ref().ok()?.as_deref(), array, out)
}

/// The query for the candidates of a refinement of a script.
pub(super) fn script_candidates(
    refinement: &Refinement,
    script: &ScriptRewrite,
    client: &[u8],
    transformer: &mut Transformer,
) -> Result<Vec<u8>, Refusal> {
    let sealed = seal_literals(&script.slots, transformer);
    let mut text = Vec::new();
    let rendered = render(&refinement.candidates, client, &mut text, |n, out| {
        literal_slot(script, &sealed, &[], n, out)
    });
    // A value that is refused is in the statement, too.
    let refused = sealed.into_iter().find_map(Result::err);
    match (rendered, refused) {
        (Some(_), _) => Ok(text),
        (None, Some(error)) => Err(from_transform(error)),
        (None, None) => Err(broken_plan()),
    }
}

/// A sealed value as a literal of type `bytea`, or `bytea[]`. `None` if the array is malformed.
fn literal(sealed: Option<&[u8]>, array: bool, out: &mut Vec<u8>) -> Option<()> {
    match (sealed, array) {
        (None, false) => out.extend_from_slice(b"NULL::pg_catalog.bytea"),
        (None, true) => out.extend_from_slice(b"NULL::pg_catalog.bytea[]"),
        (Some(bytes), false) => bytea_literal(bytes, out),
        (Some(bytes), true) => {
            let mut reader = crate::wire::Reader::new(bytes);
            let dimensions = reader.i32().ok()?;
            reader.bytes(8).ok()?;
            let count = if dimensions == 0 { 0 } else { reader.i32().ok()? };
            if dimensions != 0 {
                reader.i32().ok()?;
            }
            out.extend_from_slice(b"ARRAY[");
            for n in 0..count {
                if n > 0 {
                    out.push(b',');
                }
                literal(reader.value().ok()?, false, out)?;
            }
            out.extend_from_slice(b"]::pg_catalog.bytea[]");
        }
    }
    Some(())
}

fn bytea_literal(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // An escape string means the same whatever standard_conforming_strings is.
    out.extend_from_slice(b"E'\\\\x");
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|d| DIGITS.get(usize::from(d)).copied().unwrap_or(b'0')));
    }
    out.extend_from_slice(b"'::pg_catalog.bytea");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escape_strings() {
        let mut out = Vec::new();
        literal(Some(b"\x00\xfe"), false, &mut out).unwrap();
        assert_eq!(out, b"E'\\\\x00fe'::pg_catalog.bytea");
        out.clear();
        let array =
            [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 17, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 255, 255, 255, 255];
        literal(Some(&array), true, &mut out).unwrap();
        assert_eq!(out, b"ARRAY[E'\\\\x07'::pg_catalog.bytea,NULL::pg_catalog.bytea]::pg_catalog.bytea[]");
        out.clear();
        literal(Some(&[0; 12]), true, &mut out).unwrap();
        assert_eq!(out, b"ARRAY[]::pg_catalog.bytea[]");
        assert!(literal(Some(&array[..20]), true, &mut out).is_none());
    }
}
