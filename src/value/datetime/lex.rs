//! Cuts a date or time into fields, by what each looks like.

use super::words;
use crate::value::strings::is_space;

/// What a field looks like. What it means depends on its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Digits, perhaps with a decimal point.
    Number,
    /// Digits and delimiters, or digits and letters; also zone names with punctuation.
    Date,
    /// Digits and colons.
    Time,
    /// Letters.
    Word,
    /// A sign and letters.
    Special,
    /// A sign and digits.
    Zone,
}

/// One field, in lower case. ASCII only.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) look: Look,
    pub(super) text: String,
}

/// PostgreSQL gives up beyond these.
const MAX_FIELDS: usize = 25;
const MAX_LENGTH: usize = 128;

/// Which input function's buffer limits the length of the fields together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// date and time
    Small,
    /// timestamp and timestamptz
    Large,
}

struct Cutter<'a> {
    bytes: &'a [u8],
    at: usize,
    text: String,
}

impl Cutter<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self) {
        self.text.push(char::from(self.peek().to_ascii_lowercase()));
        self.at += 1;
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && accept(self.peek()) {
            self.take();
        }
    }

    /// Starts with a digit: time, date or number.
    fn digits(&mut self) -> Look {
        self.take_while(|b| b.is_ascii_digit());
        match self.peek() {
            b':' => {
                self.take_while(|b| b.is_ascii_digit() || b == b':' || b == b'.');
                Look::Time
            }
            delimiter @ (b'-' | b'/' | b'.') => {
                self.take();
                if !self.peek().is_ascii_digit() {
                    self.take_while(|b| b.is_ascii_alphanumeric() || b == delimiter);
                    return Look::Date;
                }
                self.take_while(|b| b.is_ascii_digit());
                // The delimiters of a date of three fields must be the same.
                if self.peek() == delimiter {
                    self.take_while(|b| b.is_ascii_digit() || b == delimiter);
                    Look::Date
                } else if delimiter == b'.' {
                    Look::Number
                } else {
                    Look::Date
                }
            }
            _ => Look::Number,
        }
    }

    /// Starts with a letter: a word, or a date or zone name that begins with one.
    fn letters(&mut self) -> Look {
        self.take_while(|b| b.is_ascii_alphabetic());
        let joined = match self.peek() {
            b'-' | b'/' | b'.' => true,
            // A known word ends here; something else may be a zone like "GMT+8".
            b'+' | b'0'..=b'9' => words::find(&self.text).is_none(),
            _ => false,
        };
        if !joined {
            return Look::Word;
        }
        self.take_while(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'/' | b'_' | b'.' | b':')
        });
        Look::Date
    }

    fn signed(&mut self) -> Option<Look> {
        self.take();
        while is_space(self.peek()) {
            self.at += 1;
        }
        if self.peek().is_ascii_digit() {
            self.take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-'));
            Some(Look::Zone)
        } else if self.peek().is_ascii_alphabetic() {
            self.take_while(|b| b.is_ascii_alphabetic());
            Some(Look::Special)
        } else {
            None
        }
    }
}

/// The fields of a text; `None` if it is no date or time at all.
pub(super) fn cut(text: &str, room: Room) -> Option<Vec<Field>> {
    let room = match room {
        Room::Small => MAX_LENGTH + 1,
        Room::Large => MAX_LENGTH + MAX_FIELDS,
    };
    let mut cutter = Cutter { bytes: text.as_bytes(), at: 0, text: String::new() };
    let mut fields = Vec::new();
    let mut used = 0;
    while cutter.at < cutter.bytes.len() {
        let byte = cutter.peek();
        if is_space(byte) {
            cutter.at += 1;
            continue;
        }
        if fields.len() >= MAX_FIELDS {
            return None;
        }
        let look = match byte {
            b'0'..=b'9' => cutter.digits(),
            b'.' => {
                cutter.take();
                cutter.take_while(|b| b.is_ascii_digit());
                Look::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => cutter.letters(),
            b'+' | b'-' => cutter.signed()?,
            _ if byte.is_ascii_punctuation() => {
                cutter.at += 1;
                continue;
            }
            _ => return None,
        };
        let text = std::mem::take(&mut cutter.text);
        used += text.len() + 1;
        if used > room {
            return None;
        }
        fields.push(Field { look, text });
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks() {
        use Look::*;
        for (text, looks) in [
            ("1999-01-08 04:05:06.7-8", vec![Date, Time, Zone]),
            ("Jan 8, 1999", vec![Word, Number, Number]),
            ("08-Jan-99", vec![Date]),
            ("J2451187", vec![Word, Number]),
            ("2001.360", vec![Number]),
            ("America/New_York", vec![Date]),
            ("20011225T040506-07", vec![Number, Word, Date]),
            ("- infinity", vec![Special]),
        ] {
            let fields = cut(text, Room::Large).unwrap();
            assert_eq!(fields.iter().map(|f| f.look).collect::<Vec<_>>(), looks, "{text}");
        }
        assert!(cut("é", Room::Large).is_none());
        assert!(cut(&"1".repeat(200), Room::Large).is_none());
    }
}
