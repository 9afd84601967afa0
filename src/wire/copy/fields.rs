//! Fields of a row: taken apart, read, and written as the server writes them.

use super::{Field, Format, Layout, Malformed};

impl Format {
    /// The fields of a row's content.
    ///
    /// # Errors
    /// A quote is not closed.
    pub fn fields(&self, row: &[u8]) -> Result<Vec<Field>, Malformed> {
        let mut fields = Vec::new();
        if self.layout == Layout::Binary {
            let mut at = 2;
            while let Some(length) = row.get(at..).and_then(|r| r.first_chunk::<4>()) {
                let length = i32::from_be_bytes(*length);
                let size = usize::try_from(length).unwrap_or(0);
                fields.push(Field { raw: at + 4..at + 4 + size, quoted: false, absent: length < 0 });
                at += 4 + size;
            }
            return Ok(fields);
        }
        let mut at = 0;
        loop {
            let start = at;
            let (end, quoted) = match self.layout {
                Layout::Csv => self.csv_field(row, start)?,
                _ => (self.text_field(row, start), false),
            };
            fields.push(Field { raw: start..end, quoted, absent: false });
            if end >= row.len() {
                return Ok(fields);
            }
            at = end + 1;
        }
    }

    /// Where the field that starts at `at` ends.
    fn text_field(&self, row: &[u8], mut at: usize) -> usize {
        while let Some(&byte) = row.get(at) {
            if byte == self.delimiter {
                return at;
            }
            at += if byte == b'\\' { 2 } else { 1 };
        }
        row.len()
    }

    fn csv_field(&self, row: &[u8], mut at: usize) -> Result<(usize, bool), Malformed> {
        let mut any = false;
        let mut inside = false;
        while let Some(&byte) = row.get(at) {
            if !inside {
                if byte == self.delimiter {
                    return Ok((at, any));
                }
                inside = byte == self.quote;
                any |= inside;
            } else if byte == self.escape && row.get(at + 1).is_some_and(|n| self.is_escaped(*n)) {
                at += 1;
            } else if byte == self.quote {
                inside = false;
            }
            at += 1;
        }
        if inside { Err(Malformed("unterminated CSV quoted field")) } else { Ok((row.len(), any)) }
    }

    /// Whether an escape before it means this byte itself.
    fn is_escaped(&self, byte: u8) -> bool {
        byte == self.escape || byte == self.quote
    }

    /// Whether a field as it stands is NULL.
    pub fn is_null(&self, raw: &[u8], field: &Field) -> bool {
        match self.layout {
            Layout::Binary => field.absent,
            _ => !field.quoted && raw == self.null,
        }
    }

    /// Whether a field as it stands means its column's default.
    pub fn is_default(&self, raw: &[u8], field: &Field) -> bool {
        self.layout != Layout::Binary && !field.quoted && self.default.as_deref() == Some(raw)
    }

    /// Appends the value that a field stands for.
    pub fn value(&self, raw: &[u8], out: &mut Vec<u8>) {
        match self.layout {
            Layout::Binary => out.extend_from_slice(raw),
            Layout::Text => text_value(raw, out),
            Layout::Csv => self.csv_value(raw, out),
        }
    }

    fn csv_value(&self, raw: &[u8], out: &mut Vec<u8>) {
        let mut inside = false;
        let mut bytes = raw.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            if !inside {
                inside = byte == self.quote;
                if inside {
                    continue;
                }
            } else if byte == self.escape
                && let Some(next) = bytes.next_if(|next| self.is_escaped(*next))
            {
                out.push(next);
                continue;
            } else if byte == self.quote {
                inside = false;
                continue;
            }
            out.push(byte);
        }
    }

    /// Appends a field with this value, as the server writes it. `quoted`: FORCE_QUOTE holds for it; `alone`:
    /// there is no other in the row.
    pub fn write(&self, value: &[u8], quoted: bool, alone: bool, out: &mut Vec<u8>) {
        match self.layout {
            Layout::Binary => crate::wire::build::value(out, Some(value)),
            Layout::Text => self.write_text(value, out),
            Layout::Csv => {
                let special = |b: &u8| [self.delimiter, self.quote, b'\n', b'\r'].contains(b);
                let marker = alone && value == b"\\.";
                if quoted || value == self.null || marker || value.iter().any(special) {
                    self.write_quoted(value, out);
                } else {
                    out.extend_from_slice(value);
                }
            }
        }
    }

    fn write_text(&self, value: &[u8], out: &mut Vec<u8>) {
        for &byte in value {
            let letter = match byte {
                0x08 => b'b',
                0x0c => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x0b => b'v',
                b'\\' => b'\\',
                _ if byte == self.delimiter => byte,
                _ => {
                    out.push(byte);
                    continue;
                }
            };
            out.extend_from_slice(&[b'\\', letter]);
        }
    }

    /// Appends a field in quotes.
    pub fn write_quoted(&self, value: &[u8], out: &mut Vec<u8>) {
        out.push(self.quote);
        for &byte in value {
            if self.is_escaped(byte) {
                out.push(self.escape);
            }
            out.push(byte);
        }
        out.push(self.quote);
    }

    /// Appends a NULL.
    pub fn write_null(&self, out: &mut Vec<u8>) {
        match self.layout {
            Layout::Binary => crate::wire::build::value(out, None),
            _ => out.extend_from_slice(&self.null),
        }
    }
}

/// Resolves the escapes of the text format.
fn text_value(raw: &[u8], out: &mut Vec<u8>) {
    let digit = |byte: u8, radix: u32| char::from(byte).to_digit(radix).and_then(|d| u8::try_from(d).ok());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        // A backslash at the very end stands for itself.
        let Some(next) = (if byte == b'\\' { bytes.next() } else { None }) else {
            out.push(byte);
            continue;
        };
        let value = match next {
            b'0'..=b'7' => {
                let mut value = next - b'0';
                for _ in 0..2 {
                    let Some(d) = bytes.peek().and_then(|b| digit(*b, 8)) else { break };
                    bytes.next();
                    value = value.wrapping_mul(8).wrapping_add(d);
                }
                value
            }
            b'x' => match bytes.peek().and_then(|b| digit(*b, 16)) {
                None => b'x',
                Some(first) => {
                    bytes.next();
                    let second = bytes.peek().and_then(|b| digit(*b, 16));
                    if second.is_some() {
                        bytes.next();
                    }
                    second.map_or(first, |second| first << 4 | second)
                }
            },
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            other => other,
        };
        out.push(value);
    }
}
