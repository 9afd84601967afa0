//! The forms in which a stolen value could lie about.

use super::super::data::{Date, Price};
use super::super::sql_types::{numeric_on_disk, numeric_on_the_wire};

/// A value that the thief knows to look for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Known {
    /// text, varchar, char
    Text(String),
    /// int8
    Integer(i64),
    /// date
    Day(Date),
    /// numeric
    Amount(Price),
    /// A key's bytes.
    Bytes(Vec<u8>),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Form {
    /// The text that PostgreSQL prints, in UTF-8.
    Utf8,
    /// The same in UTF-16, low byte first.
    Utf16Low,
    /// The same in UTF-16, high byte first.
    Utf16High,
    /// The UTF-8 text in hexadecimal digits, small.
    Hex,
    /// The UTF-8 text in hexadecimal digits, capital.
    HexCapital,
    /// The UTF-8 text in base64, at the three offsets it can have to the groups of three bytes.
    Base64,
    /// A number's bytes in a data page or WAL record (low byte first).
    Disk,
    /// A number's bytes in a parameter or in binary COPY (high byte first).
    Wire,
    /// Either of the two, in hexadecimal digits.
    BinaryHex,
}

impl Form {
    /// All forms.
    pub const ALL: [Form; 9] = [
        Form::Utf8,
        Form::Utf16Low,
        Form::Utf16High,
        Form::Hex,
        Form::HexCapital,
        Form::Base64,
        Form::Disk,
        Form::Wire,
        Form::BinaryHex,
    ];
}

/// What a needle must weigh. With `n` bits, bytes that look random match at a given place once in 2^n; some
/// hundred megabytes at a million needles make 2^48 tries, of which only the few needles this light count
/// in full. What is lighter (a date's four bytes) is looked for by its row instead.
pub const LIGHTEST: u32 = 56;

/// Length of the shortest needle that weighs enough.
pub const SHORTEST: usize = (LIGHTEST / 8) as usize;

/// Everything to look for in order to find a value: needles heavy enough that chance does not make them.
pub fn needles(known: &Known) -> Vec<(Form, Vec<u8>)> {
    let mut made = Vec::with_capacity(12);
    for text in texts(known) {
        text_forms(&text, &mut made);
    }
    let binary = match known {
        Known::Text(_) | Known::Day(_) => Vec::new(),
        Known::Integer(number) => {
            vec![(Form::Disk, number.to_le_bytes().to_vec()), (Form::Wire, number.to_be_bytes().to_vec())]
        }
        Known::Bytes(bytes) => {
            vec![(Form::Disk, bytes.clone()), (Form::Wire, bytes.iter().rev().copied().collect())]
        }
        Known::Amount(price) => {
            vec![(Form::Disk, numeric_on_disk(*price)), (Form::Wire, numeric_on_the_wire(*price))]
        }
    };
    if let Known::Bytes(bytes) = known {
        made.extend((0..3).map(|offset| (Form::Base64, base64_part(bytes, offset))));
    }
    for (form, bytes) in binary {
        made.push((Form::BinaryHex, hex(&bytes, false)));
        made.push((Form::BinaryHex, hex(&bytes, true)));
        made.push((form, bytes));
    }
    made.retain(|(_, needle)| weight(needle) >= LIGHTEST);
    made
}

/// How PostgreSQL, and people, write it.
fn texts(known: &Known) -> Vec<String> {
    match known {
        // A log and a dump of INSERTs show it as a literal.
        Known::Text(text) if text.contains('\'') => vec![text.clone(), text.replace('\'', "''")],
        Known::Text(text) => vec![text.clone()],
        Known::Integer(number) => vec![number.to_string()],
        Known::Bytes(_) => Vec::new(),
        Known::Amount(price) => vec![price.to_string()],
        Known::Day(day) => {
            let (year, month, date) = day.civil();
            vec![
                day.to_string(),
                format!("{date:02}.{month:02}.{year:04}"),
                format!("{month:02}/{date:02}/{year:04}"),
            ]
        }
    }
}

fn text_forms(text: &str, made: &mut Vec<(Form, Vec<u8>)>) {
    let bytes = text.as_bytes();
    made.push((Form::Utf8, bytes.to_vec()));
    made.push((Form::Utf16Low, text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    made.push((Form::Utf16High, text.encode_utf16().flat_map(u16::to_be_bytes).collect()));
    made.push((Form::Hex, hex(bytes, false)));
    made.push((Form::HexCapital, hex(bytes, true)));
    for offset in 0..3 {
        made.push((Form::Base64, base64_part(bytes, offset)));
    }
}

fn hex(bytes: &[u8], capital: bool) -> Vec<u8> {
    let digits: &[u8; 16] = if capital { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digits[usize::from(byte >> 4)]);
        text.push(digits[usize::from(byte & 15)]);
    }
    text
}

/// The base64 digits that depend on nothing but these bytes, when `offset` others stand before them.
pub(super) fn base64_part(bytes: &[u8], offset: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digits = Vec::new();
    let (mut pending, mut bits) = (0_u32, 0);
    // Bits of the first digits belong to what stands before: they are skipped below.
    for byte in std::iter::repeat_n(&0, offset).chain(bytes) {
        pending = (pending << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            digits.push(DIGITS[(pending >> bits) as usize & 63]);
        }
    }
    digits.split_off((offset * 8).div_ceil(6).min(digits.len()))
}

/// Bits of chance that stand against a needle: fewer for a byte that is a digit of hexadecimal or base64, since
/// a log is full of random bytes written in such digits.
pub fn weight(needle: &[u8]) -> u32 {
    let (mut small, mut capital, mut base64) = (true, true, true);
    for byte in needle {
        small &= matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        capital &= matches!(byte, b'0'..=b'9' | b'A'..=b'F');
        base64 &= byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        if !base64 {
            break;
        }
    }
    let each = match base64 {
        true if small || capital => 4,
        true => 6,
        false => 8,
    };
    u32::try_from(needle.len()).unwrap_or(u32::MAX / 8) * each
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_at_each_offset() {
        // printf 'secret' | base64, after none, one and two more bytes.
        assert_eq!(base64_part(b"secret", 0), b"c2VjcmV0");
        assert!("eHNlY3JldHl5".contains(std::str::from_utf8(&base64_part(b"secret", 1)).unwrap()));
        assert!("eHhzZWNyZXR5".contains(std::str::from_utf8(&base64_part(b"secret", 2)).unwrap()));
        assert_eq!(base64_part(b"", 2), b"");
    }

    #[test]
    fn light_needles_are_left_out() {
        assert_eq!(weight(b"12345678"), 32);
        assert_eq!(weight(b"1234567890ABCDEF"), 64);
        assert_eq!(weight(b"LMNOPQRS"), 48);
        assert_eq!(weight(b"48990.50"), 64);
        for known in [
            Known::Text("ab".to_owned()),
            Known::Integer(7),
            Known::Day(Date::from_days(-400)),
            Known::Amount(Price(101)),
        ] {
            assert!(needles(&known).iter().all(|(_, needle)| needle.len() >= SHORTEST));
        }
        // Four bytes of a date would be met by chance; its text is not.
        assert!(needles(&Known::Day(Date::from_days(-400))).iter().all(|(form, _)| *form < Form::Disk));
    }

    #[test]
    fn a_value_is_looked_for_in_every_form() {
        let forms = |known: Known| {
            let mut forms: Vec<Form> = needles(&known).into_iter().map(|(form, _)| form).collect();
            forms.sort();
            forms.dedup();
            forms
        };
        assert_eq!(forms(Known::Integer(9_610_000_000_000_001)), Form::ALL);
        assert_eq!(forms(Known::Text("Ελένη Μακρή".to_owned())), Form::ALL[..6]);
        assert_eq!(forms(Known::Amount(Price(4_899_050))), Form::ALL);
    }
}
