//! Errors: ours in place of the server's, and the server's about text that it got from us.

use crate::sql::plan::Refusal;
use crate::transform::TransformError;
use crate::wire::{WireError, backend, build};

/// Appends a refusal as an ErrorResponse.
pub(in crate::session) fn refusal(refusal: &Refusal, out: &mut Vec<u8>) {
    build::error(
        out,
        &build::Report {
            severity: "ERROR",
            sqlstate: refusal.sqlstate,
            message: &refusal.message,
            detail: refusal.detail.as_deref(),
            hint: refusal.hint.as_deref(),
            position: refusal.position,
        },
    );
}

/// A value's error as a refusal of its statement.
pub(in crate::session) fn from_value(error: &TransformError) -> Refusal {
    Refusal {
        sqlstate: error.sqlstate,
        message: error.message.clone(),
        detail: None,
        hint: error.hint.clone(),
        position: None,
    }
}

/// Appends a server's error or notice (`tag`) about a rewritten statement as the client is to see it: its
/// position in the client's text, details without terms, and no word of a block that the client did not write.
pub(in crate::session) fn server(
    tag: u8,
    body: &[u8],
    position: impl Fn(u32) -> Option<u32>,
    wrapped: bool,
    out: &mut Vec<u8>,
) -> Result<(), WireError> {
    let fields = backend::Fields::parse(body)?;
    build::frame(out, tag, |out| {
        for (kind, text) in fields.iter() {
            match kind {
                b'P' => {
                    let mapped =
                        std::str::from_utf8(text).ok().and_then(|n| n.parse().ok()).and_then(&position);
                    if let Some(mapped) = mapped {
                        field(out, kind, mapped.to_string().as_bytes());
                    }
                }
                // The wrapping block's own text and the place in it.
                b'W' | b'p' | b'q' if wrapped => {}
                b'D' => field(out, kind, &without_terms(text)),
                _ => field(out, kind, text),
            }
        }
        out.push(0);
    });
    Ok(())
}

fn field(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    build::cstr(out, text);
}

/// `Key (pyrite.eq(email::bytea))=(\x…) already exists.` becomes `Key (email) already exists.`; other details
/// that show envelopes (`Failing row contains (…)`) lose them.
fn without_terms(detail: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(detail) else { return detail.to_vec() };
    let mut shown = text.to_owned();
    if let Some((before, rest)) = text.split_once(")=(")
        && before.contains("pyrite.eq(")
    {
        let after = rest.rfind(") ").and_then(|at| rest.get(at + 1..)).unwrap_or_default();
        let key = before.replace("pyrite.eq(", "").replace("::bytea)", "");
        shown = format!("{key}){after}");
    }
    const ENVELOPE: &str = "\\xff505952";
    while let Some(at) = shown.find(ENVELOPE) {
        let rest = shown.get(at..).unwrap_or_default();
        let length =
            rest.find(|c: char| c != '\\' && c != 'x' && !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let cut = rest
            .get(length..)
            .map_or(at + length, |tail| at + length + if tail.starts_with("...") { 3 } else { 0 });
        shown.replace_range(at..cut, "(encrypted)");
    }
    shown.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> String {
        String::from_utf8(without_terms(text.as_bytes())).unwrap()
    }

    #[test]
    fn details_show_names_and_no_ciphertext() {
        assert_eq!(
            cleaned("Key (pyrite.eq(email::bytea))=(\\x0102) already exists."),
            "Key (email) already exists."
        );
        assert_eq!(cleaned("Key (id)=(5) already exists."), "Key (id)=(5) already exists.");
        assert_eq!(
            cleaned("Failing row contains (1, null, \\xff5059520101, \\xff50595201..., x)."),
            "Failing row contains (1, null, (encrypted), (encrypted), x)."
        );
    }

    #[test]
    fn positions_are_mapped_and_the_wrapping_block_is_not_mentioned() {
        let body = b"SERROR\0VERROR\0C42703\0Mno such column\0P9\0WPL/pgSQL function\0qSELECT\0\0";
        let mut out = Vec::new();
        server(b'E', body, |at| Some(at - 2), true, &mut out).unwrap();
        assert!(out.ends_with(b"Mno such column\0P7\0\0"));
        let mut out = Vec::new();
        server(b'E', body, |_| None, false, &mut out).unwrap();
        assert!(out.ends_with(b"Mno such column\0WPL/pgSQL function\0qSELECT\0\0"));
    }
}
