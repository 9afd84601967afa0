//! Slots of a plan in a text: as literals in a simple query, as parameters elsewhere.

use crate::sql::plan::{Refinement, Refusal, Rewrite, Role, ScriptRewrite, Slot};
use crate::transform::{TransformError, Transformer};

use super::literal::literal;
use super::plan::from_transform;
use super::refined::Found;
use super::request::broken_plan;
use super::spans::render;

/// A value that was sealed, `None` being NULL, or why it was refused.
type Sealed = Result<Option<Vec<u8>>, TransformError>;

/// Writes the slot with this index as a parameter.
pub(super) fn placeholder(slots: &[Slot], n: usize, out: &mut Vec<u8>) -> Option<()> {
    let slot = slots.get(n)?;
    if slot.server_param == 0 {
        // Bind has the value written in.
        return literal(None, slot.role.is_array(), out);
    }
    out.extend_from_slice(format!("${}", slot.server_param).as_bytes());
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
