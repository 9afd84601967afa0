//! Integers, bool, uuid and bytea: text forms.

use super::strings::{is_space, trim};
use super::{ByteaOutput, ValueError};

/// Reads a decimal integer as `int2in`, `int4in` and `int8in` do: white space, sign, digits.
///
/// The limits are those of a signed type. A number beyond the lower one, whatever its sign, is reported
/// before what may follow it.
pub(crate) fn integer(text: &str, min: i64, max: i64, type_name: &str) -> Result<i64, ValueError> {
    let range = || ValueError::range(type_name);
    let mut bytes = text.bytes().skip_while(|b| is_space(*b)).peekable();
    let negative = bytes.next_if(|b| matches!(b, b'+' | b'-')) == Some(b'-');
    // Counted downwards, since there is one more number below zero than above.
    let mut value: i64 = 0;
    let mut digits = 0usize;
    while let Some(b) = bytes.next_if(u8::is_ascii_digit) {
        let next = value.checked_mul(10).and_then(|v| v.checked_sub(i64::from(b - b'0')));
        value = next.filter(|v| *v >= min).ok_or_else(range)?;
        digits += 1;
    }
    if digits == 0 || !bytes.all(is_space) {
        return Err(ValueError::syntax(type_name));
    }
    if negative {
        return Ok(value);
    }
    value.checked_neg().filter(|v| *v <= max).ok_or_else(range)
}

/// Reads `true`, `f`, `on` and so on: any unambiguous beginning, in any case.
pub(crate) fn boolean(text: &str) -> Result<bool, ValueError> {
    let word = trim(text).to_ascii_lowercase();
    let begins = |whole: &str| !word.is_empty() && whole.starts_with(&word);
    if begins("true") || begins("yes") || word == "on" || word == "1" {
        Ok(true)
    } else if begins("false") || begins("no") || word == "of" || word == "off" || word == "0" {
        Ok(false)
    } else {
        Err(ValueError::syntax("boolean"))
    }
}

/// Reads a uuid with or without braces, hyphens after any group of four digits.
pub(crate) fn uuid(text: &str) -> Result<[u8; 16], ValueError> {
    let bad = || ValueError::syntax("uuid");
    let mut rest = text.as_bytes();
    if let Some(inner) = rest.strip_prefix(b"{") {
        rest = inner.strip_suffix(b"}").ok_or_else(bad)?;
    }
    let mut out = [0u8; 16];
    for (i, slot) in out.iter_mut().enumerate() {
        let [high, low, tail @ ..] = rest else { return Err(bad()) };
        *slot = hex_digit(*high).ok_or_else(bad)? << 4 | hex_digit(*low).ok_or_else(bad)?;
        rest = tail;
        if i % 2 == 1 && i < 15 {
            rest = rest.strip_prefix(b"-").unwrap_or(rest);
        }
    }
    if rest.is_empty() { Ok(out) } else { Err(bad()) }
}

/// Appends a uuid in its usual form.
pub(crate) fn write_uuid(bytes: &[u8], out: &mut Vec<u8>) {
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        push_hex(*byte, out);
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
    out.push(digit(byte >> 4));
    out.push(digit(byte & 15));
}

/// Reads bytea in hex (`\x…`) or escape format.
pub(crate) fn bytea(text: &str) -> Result<Vec<u8>, ValueError> {
    match text.strip_prefix("\\x") {
        Some(hex) => bytea_hex(hex.as_bytes()),
        None => bytea_escape(text.as_bytes()),
    }
}

fn bytea_hex(hex: &[u8]) -> Result<Vec<u8>, ValueError> {
    let digit = |b: u8| {
        hex_digit(b).ok_or_else(|| ValueError::new("22023", "invalid hexadecimal digit in a bytea value"))
    };
    let mut out = Vec::with_capacity(hex.len() / 2);
    let mut bytes = hex.iter().copied();
    while let Some(b) = bytes.next() {
        if matches!(b, b' ' | b'\n' | b'\t' | b'\r') {
            continue;
        }
        let high = digit(b)?;
        let low = bytes
            .next()
            .ok_or_else(|| ValueError::new("22023", "invalid hexadecimal data: odd number of digits"))?;
        out.push(high << 4 | digit(low)?);
    }
    Ok(out)
}

fn bytea_escape(mut rest: &[u8]) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        (rest, out) = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => (tail, pushed(out, b'\\')),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                (tail, pushed(out, (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0')))
            }
            (b'\\', _) => return Err(ValueError::syntax("bytea")),
            (plain, tail) => (tail, pushed(out, *plain)),
        };
    }
    Ok(out)
}

fn pushed(mut out: Vec<u8>, byte: u8) -> Vec<u8> {
    out.push(byte);
    out
}

/// Appends bytea in the session's output format.
pub(crate) fn write_bytea(bytes: &[u8], format: ByteaOutput, out: &mut Vec<u8>) {
    match format {
        ByteaOutput::Hex => {
            out.reserve(2 + bytes.len() * 2);
            out.extend_from_slice(b"\\x");
            bytes.iter().for_each(|b| push_hex(*b, out));
        }
        ByteaOutput::Escape => {
            for &b in bytes {
                match b {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    0x20..=0x7e => out.push(b),
                    _ => out.extend([b'\\', b'0' + (b >> 6), b'0' + (b >> 3 & 7), b'0' + (b & 7)]),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let int2 = |text| integer(text, -32768, 32767, "smallint");
        assert_eq!(int2(" -32768\t"), Ok(-32768));
        assert_eq!(int2("+7"), Ok(7));
        assert_eq!(int2("32768").unwrap_err().sqlstate, "22003");
        assert_eq!(int2("32768x").unwrap_err().sqlstate, "22P02");
        assert_eq!(int2("99999x").unwrap_err().sqlstate, "22003");
        for text in ["", " ", "-", "1 2", "1.0", "0x1", "1_0", "- 1"] {
            assert_eq!(int2(text).unwrap_err().sqlstate, "22P02", "{text}");
        }
    }

    #[test]
    fn booleans() {
        for text in ["t", "TRUE", " tr ", "y", "yes", "on", "1"] {
            assert_eq!(boolean(text), Ok(true), "{text}");
        }
        for text in ["f", "fal", "n", "no", "of", "off", "0"] {
            assert_eq!(boolean(text), Ok(false), "{text}");
        }
        for text in ["", "o", "truee", "10", "01", "2"] {
            assert!(boolean(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bytea_escapes_come_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for format in [ByteaOutput::Hex, ByteaOutput::Escape] {
            let mut out = Vec::new();
            write_bytea(&bytes, format, &mut out);
            assert_eq!(bytea(std::str::from_utf8(&out).unwrap()).unwrap(), bytes);
        }
        assert_eq!(bytea("\\400").unwrap_err().sqlstate, "22P02");
        assert_eq!(bytea("\\x0g").unwrap_err().sqlstate, "22023");
    }
}
