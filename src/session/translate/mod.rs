//! Between the client's messages and the server's: what a plan changes in each, as pure functions.

pub(super) mod bind;
pub(super) mod errors;
pub(super) mod rows;
pub(super) mod text;

use crate::value::Format;

/// The format that a code names.
pub(super) fn format(code: i16) -> Option<Format> {
    match code {
        0 => Some(Format::Text),
        1 => Some(Format::Binary),
        _ => None,
    }
}

/// The code of a format.
pub(super) fn code(format: Format) -> i16 {
    match format {
        Format::Text => 0,
        Format::Binary => 1,
    }
}

/// Appends a value of at most 2 GiB with its length before it; `fill` says whether it is there at all.
fn value<E>(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>) -> Result<(), E> {
    let at = out.len();
    out.extend_from_slice(&(-1i32).to_be_bytes());
    if fill(out)? {
        let length = out.len() - at - 4;
        // A body that long is refused by the frame's own limit.
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        if let Some(field) = out.get_mut(at..at + 4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
    }
    Ok(())
}
