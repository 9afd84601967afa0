//! Result values with envelopes inside them: their types, and their way into a row.

use crate::sql::plan::Shape;
use crate::transform::{TransformError, Transformer};
use crate::value::Format;

/// Types that users make, such as the array of a domain or a table's row type, have OIDs from here on.
const FIRST_USER_OID: u32 = 16_384;

/// Whether a value of this shape can have this type on the server.
pub(super) fn fits(shape: &Shape, as_text: bool, oid: u32) -> bool {
    let builtin: &[u32] = match shape {
        // text, varchar
        _ if as_text => return matches!(oid, 25 | 1043),
        Shape::Plain => return true,
        Shape::Envelope { .. } => &[17],
        // bytea[], record[]
        Shape::Array(_) => &[1001, 2287],
        // record
        Shape::Record(_) => &[2249],
        // json, jsonb
        Shape::Json(_) => return matches!(oid, 114 | 3802),
    };
    builtin.contains(&oid) || oid >= FIRST_USER_OID
}

/// Appends a value with its length, the envelopes in it opened.
pub(super) fn open(
    shape: &Shape,
    as_text: bool,
    value: &[u8],
    format: Format,
    transformer: &mut Transformer,
    out: &mut Vec<u8>,
) -> Result<(), TransformError> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    transformer.open_nested(shape, as_text, value, format, out)?;
    let length = i32::try_from(out.len() - at - 4).map_err(|_| TransformError {
        sqlstate: "54000",
        message: "a value with encrypted columns inside it is too long for a message".into(),
        hint: None,
    })?;
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
