//! `bytea` as SQL text: literals for the server, and values that it shows as text.

/// A sealed value as a literal of type `bytea`, or `bytea[]`. `None` if the array is malformed.
pub(super) fn literal(sealed: Option<&[u8]>, array: bool, out: &mut Vec<u8>) -> Option<()> {
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

/// Reads `bytea` in text format: hexadecimal, or the older escapes.
pub(super) fn bytea_from_text<'a>(text: &[u8], out: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    out.clear();
    let digit = |b: &u8| char::from(*b).to_digit(16);
    if let Some(hex) = text.strip_prefix(b"\\x") {
        for pair in hex.chunks(2) {
            let [high, low] = pair else { return None };
            out.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        }
        return Some(out);
    }
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
        } else if let Some(after) = rest.strip_prefix(b"\\") {
            out.push(b'\\');
            rest = after;
        } else {
            let (octal, after) = rest.split_first_chunk::<3>()?;
            let value = octal.iter().try_fold(0, |sum, b| Some(sum * 8 + char::from(*b).to_digit(8)?))?;
            out.push(u8::try_from(value).ok()?);
            rest = after;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytea_text_formats() {
        let mut out = Vec::new();
        assert_eq!(bytea_from_text(b"\\xff00Ab", &mut out), Some(&b"\xff\x00\xab"[..]));
        assert_eq!(bytea_from_text(b"\\xf", &mut out), None);
        assert_eq!(bytea_from_text(b"\\xzz", &mut out), None);
        assert_eq!(bytea_from_text(b"a\\\\b\\377\\000", &mut out), Some(&b"a\\b\xff\x00"[..]));
        assert_eq!(bytea_from_text(b"\\40", &mut out), None);
        assert_eq!(bytea_from_text(b"\\777", &mut out), None);
        assert_eq!(bytea_from_text(b"", &mut out), Some(&b""[..]));
    }

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
