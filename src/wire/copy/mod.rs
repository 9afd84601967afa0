//! Rows of COPY data: cut out of a stream of bytes exactly as PostgreSQL cuts them, taken apart into fields,
//! and fields written again.
//!
//! The stream arrives in pieces that have nothing to do with rows. Only the row at hand is kept. Where
//! PostgreSQL would call the data malformed, so does this: a row that both sides read differently could bring a
//! value into another column.

mod fields;
#[cfg(test)]
mod tests;

use std::ops::Range;

/// The three formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Backslash escapes.
    Text,
    /// Quotes.
    Csv,
    /// Lengths.
    Binary,
}

/// What the options of a COPY make of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Which format it is.
    pub layout: Layout,
    /// Between fields.
    pub delimiter: u8,
    /// Around fields of CSV.
    pub quote: u8,
    /// Before quotes inside of quotes.
    pub escape: u8,
    /// What stands for NULL.
    pub null: Vec<u8>,
    /// What stands for the column's default.
    pub default: Option<Vec<u8>>,
    /// Whether the first line holds names.
    pub header: bool,
}

/// Why data cannot be read: SQLSTATE 22P04, in PostgreSQL's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// How lines end; the first one settles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    Feed,
    Return,
    Both,
}

/// What was cut off the front of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The line of names, or the start of binary data. Bytes of the buffer.
    Header(Range<usize>),
    /// A row: its content without what ends it, and the end of it all.
    Row(Range<usize>, usize),
    /// The end marker. Nothing behind it counts.
    End(Range<usize>),
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it stands in the row; in binary data, its value.
    pub raw: Range<usize>,
    /// Has quotes in it.
    pub quoted: bool,
    /// Is a NULL of binary data.
    pub absent: bool,
}

/// The bytes that binary data begins with.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Longest row, as in the server.
const MAX_ROW: usize = 0x3fff_ffff;

/// Cuts a stream into rows.
#[derive(Debug)]
pub struct Cutter {
    format: Format,
    buffer: Rows,
    /// Bytes of the row at hand that were looked at.
    seen: usize,
    quoted: bool,
    escaped: bool,
    line_end: Option<LineEnd>,
    /// The header is behind us.
    begun: bool,
    ended: bool,
    /// Fields of the binary row at hand that are still to come, and where the next one begins.
    fields: Option<usize>,
}

/// Data as it arrived; what is done with is cut off the front. It holds values.
#[derive(Default)]
struct Rows {
    bytes: Vec<u8>,
    start: usize,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({} bytes)", self.bytes.len() - self.start)
    }
}

impl Cutter {
    /// At the start of a stream of this format.
    pub fn new(format: Format) -> Self {
        let begun = format.layout != Layout::Binary && !format.header;
        Self {
            format,
            buffer: Rows::default(),
            seen: 0,
            quoted: false,
            escaped: false,
            line_end: None,
            begun,
            ended: false,
            fields: None,
        }
    }

    /// The options.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Whether lines are known to end with a line feed alone.
    pub fn feeds(&self) -> bool {
        self.line_end == Some(LineEnd::Feed)
    }

    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        let Rows { bytes: held, start } = &mut self.buffer;
        if *start > 0 && (*start == held.len() || *start > held.len() / 2) {
            held.drain(..*start);
            *start = 0;
        }
        held.extend_from_slice(bytes);
    }

    /// Bytes of what was cut last.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.bytes.get(range).unwrap_or_default()
    }

    /// Whether nothing is left of the stream.
    pub fn is_empty(&self) -> bool {
        self.buffer.start == self.buffer.bytes.len()
    }

    /// The next part of the stream; `None`: more bytes are needed. `last`: no more will come.
    ///
    /// # Errors
    /// The data is malformed; nothing more can be read.
    pub fn next(&mut self, last: bool) -> Result<Option<Cut>, Malformed> {
        if self.ended {
            return self.behind_end();
        }
        let cut = match self.format.layout {
            Layout::Binary => self.binary(last),
            _ => self.line(last),
        }?;
        if cut.is_none() && self.buffer.bytes.len() - self.buffer.start > MAX_ROW {
            return Err(Malformed("a row of COPY data is too long"));
        }
        if let Some(cut) = &cut {
            self.buffer.start = match cut {
                Cut::Header(range) | Cut::End(range) => range.end,
                Cut::Row(_, end) => *end,
            };
            (self.seen, self.quoted, self.escaped, self.fields) = (0, false, false, None);
            self.begun = true;
            self.ended = matches!(cut, Cut::End(_));
        }
        Ok(cut)
    }

    /// Lines behind the end marker are ignored; binary data must not go on.
    fn behind_end(&mut self) -> Result<Option<Cut>, Malformed> {
        let more = !self.is_empty();
        self.buffer.start = self.buffer.bytes.len();
        match self.format.layout {
            Layout::Binary if more => Err(Malformed("received copy data after EOF marker")),
            _ => Ok(None),
        }
    }

    /// Bytes that are not cut off yet.
    fn rest(&self) -> &[u8] {
        self.buffer.bytes.get(self.buffer.start..).unwrap_or_default()
    }

    fn line(&mut self, last: bool) -> Result<Option<Cut>, Malformed> {
        let csv = self.format.layout == Layout::Csv;
        let quote = self.format.quote;
        // Where both are one character, it toggles.
        let escape = Some(self.format.escape).filter(|escape| *escape != quote);
        let start = self.buffer.start;
        let mut at = self.seen;
        loop {
            let rest = self.rest();
            let Some(&byte) = rest.get(at) else { break };
            let ahead = rest.get(at + 1).copied();
            if csv {
                // A carriage return or backslash is looked at with what follows it, and once only.
                let behind = match byte {
                    b'\\' if at == 0 => 3,
                    b'\\' | b'\r' => 1,
                    _ => 0,
                };
                if !last && rest.len() <= at + behind {
                    break;
                }
                if self.quoted && Some(byte) == escape {
                    self.escaped = !self.escaped;
                }
                if byte == quote && !self.escaped {
                    self.quoted = !self.quoted;
                }
                if Some(byte) != escape {
                    self.escaped = false;
                }
            }
            let free = !csv || !self.quoted;
            match byte {
                b'\r' if free => {
                    if ahead.is_none() && !last && self.line_end != Some(LineEnd::Return) {
                        break;
                    }
                    let length = self.carriage_return(ahead)?;
                    return Ok(Some(self.cut(start..start + at, start + at + length)));
                }
                b'\n' if free => {
                    if matches!(self.line_end, Some(LineEnd::Return | LineEnd::Both)) {
                        return Err(Malformed(if csv {
                            "unquoted newline found in data"
                        } else {
                            "literal newline found in data"
                        }));
                    }
                    self.line_end = Some(LineEnd::Feed);
                    return Ok(Some(self.cut(start..start + at, start + at + 1)));
                }
                b'\\' if !csv || at == 0 => {
                    let Some(ahead) = ahead else {
                        if last {
                            at += 1;
                        }
                        break;
                    };
                    if ahead == b'.' {
                        match self.end_marker(at, last)? {
                            Marker::End(end) => return Ok(Some(Cut::End(start..start + end))),
                            Marker::Short => break,
                            Marker::Data => at += 1,
                        }
                        continue;
                    }
                    // What follows a backslash means nothing more; in CSV it is looked at as any other.
                    at += if csv { 1 } else { 2 };
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        self.seen = at;
        if !last || self.rest().is_empty() {
            return Ok(None);
        }
        let end = self.buffer.bytes.len();
        Ok(Some(self.cut(start..end, end)))
    }

    fn cut(&self, content: Range<usize>, end: usize) -> Cut {
        if self.begun { Cut::Row(content, end) } else { Cut::Header(content.start..end) }
    }

    /// How many bytes a line end that begins with a carriage return has.
    fn carriage_return(&mut self, ahead: Option<u8>) -> Result<usize, Malformed> {
        let literal = Malformed(match self.format.layout {
            Layout::Csv => "unquoted carriage return found in data",
            _ => "literal carriage return found in data",
        });
        match (self.line_end, ahead) {
            (Some(LineEnd::Feed), _) => Err(literal),
            (Some(LineEnd::Return), _) => Ok(1),
            (_, Some(b'\n')) => {
                self.line_end = Some(LineEnd::Both);
                Ok(2)
            }
            (Some(LineEnd::Both), _) => Err(literal),
            (None, _) => {
                self.line_end = Some(LineEnd::Return);
                Ok(1)
            }
        }
    }

    /// Whether `\.` at `at` of the row ends the data. Older servers read the line before it as data; newer
    /// ones refuse that, and so does this.
    fn end_marker(&mut self, at: usize, last: bool) -> Result<Marker, Malformed> {
        let csv = self.format.layout == Layout::Csv;
        let rest = self.rest();
        let (one, two) = (rest.get(at + 2).copied(), rest.get(at + 3).copied());
        if one.is_none() && !last {
            return Ok(Marker::Short);
        }
        if one == Some(b'\r') && two.is_none() && !last && self.line_end != Some(LineEnd::Return) {
            return Ok(Marker::Short);
        }
        let end = match (one, two) {
            (Some(b'\n'), _) => Some((LineEnd::Feed, 3)),
            (Some(b'\r'), Some(b'\n')) if self.line_end != Some(LineEnd::Return) => Some((LineEnd::Both, 4)),
            (Some(b'\r'), _) => Some((LineEnd::Return, 3)),
            _ => None,
        };
        match end {
            None if csv => Ok(Marker::Data),
            None => Err(Malformed("end-of-copy marker corrupt")),
            Some((style, _)) if self.line_end.is_some_and(|known| known != style) => {
                if csv {
                    return Ok(Marker::Data);
                }
                Err(Malformed("end-of-copy marker does not match previous newline style"))
            }
            Some(_) if at > 0 => Err(Malformed("end-of-copy marker corrupt")),
            Some((_, length)) => Ok(Marker::End(length)),
        }
    }

    fn binary(&mut self, last: bool) -> Result<Option<Cut>, Malformed> {
        const SHORT: Malformed = Malformed("unexpected EOF in COPY data");
        let start = self.buffer.start;
        let whole = |found: Option<Cut>| match found {
            None if last => Err(SHORT),
            found => Ok(found),
        };
        let rest = self.rest();
        if !self.begun {
            return whole(match binary_header(rest)? {
                Some(length) => Some(Cut::Header(start..start + length)),
                None if last && rest.is_empty() => {
                    return Err(Malformed("COPY file signature not recognized"));
                }
                None => None,
            });
        }
        if rest.is_empty() {
            // Older clients end without a trailer.
            return Ok(None);
        }
        let (mut left, mut at) = match (self.fields, rest.first_chunk::<2>()) {
            (Some(left), _) => (left, self.seen),
            (None, None) => return whole(None),
            (None, Some(count)) => match i16::from_be_bytes(*count) {
                -1 => return Ok(Some(Cut::End(start..start + 2))),
                count => (usize::try_from(count).map_err(|_| Malformed("row field count is wrong"))?, 2),
            },
        };
        while left > 0 {
            let Some(length) = rest.get(at..).and_then(|r| r.first_chunk::<4>()) else { break };
            let length = match i32::from_be_bytes(*length) {
                -1 => 0,
                n => usize::try_from(n).map_err(|_| Malformed("invalid field size"))?,
            };
            if rest.len() - at - 4 < length {
                break;
            }
            at += 4 + length;
            left -= 1;
        }
        (self.fields, self.seen) = (Some(left), at);
        whole((left == 0).then_some(Cut::Row(start..start + at, start + at)))
    }
}

enum Marker {
    /// It does, with this many bytes.
    End(usize),
    /// More bytes are needed.
    Short,
    /// It is data.
    Data,
}

/// Length of the header of binary data, once it is all there.
fn binary_header(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes.get(..known) != SIGNATURE.get(..known) {
        return Err(Malformed("COPY file signature not recognized"));
    }
    let word = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk::<4>()).map(|b| i32::from_be_bytes(*b));
    let (Some(flags), Some(extension)) = (word(11), word(15)) else { return Ok(None) };
    if flags != 0 {
        // Row identifiers, or what no version has defined.
        return Err(Malformed("unrecognized critical flags in COPY file header"));
    }
    let extension =
        usize::try_from(extension).map_err(|_| Malformed("invalid COPY file header (missing length)"))?;
    Ok((bytes.len() >= 19 + extension).then_some(19 + extension))
}
