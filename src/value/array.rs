//! Arrays of values, as `= ANY($1)` takes them.

use super::strings::{is_space, utf8};
use super::{Datum, Input, Settings, Type, ValueError};

/// PostgreSQL's limit on dimensions.
const MAX_DIMENSIONS: usize = 6;

/// Reads an array's elements in order, whatever its dimensions. NULL elements are `None`.
///
/// Binary arrays say what their elements are; the values come in that type.
pub fn decode_array(
    element: &Type,
    input: Input<'_>,
    s: &Settings,
) -> Result<Vec<Option<Datum>>, ValueError> {
    match input {
        Input::Text(bytes) => decode_text(element, utf8(bytes)?, s),
        Input::Binary(bytes) => decode_binary(bytes, s),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], ValueError> {
    let (head, tail) = rest.split_at_checked(length).ok_or_else(ValueError::short)?;
    *rest = tail;
    Ok(head)
}

fn take_i32(rest: &mut &[u8]) -> Result<i32, ValueError> {
    let (head, tail) = rest.split_first_chunk::<4>().ok_or_else(ValueError::short)?;
    *rest = tail;
    Ok(i32::from_be_bytes(*head))
}

fn decode_binary(bytes: &[u8], s: &Settings) -> Result<Vec<Option<Datum>>, ValueError> {
    let mut rest = bytes;
    let dimensions = take_i32(&mut rest)?;
    let dimensions = usize::try_from(dimensions).map_err(|_| ValueError::binary("array"))?;
    if dimensions > MAX_DIMENSIONS {
        return Err(ValueError::new("54000", "number of array dimensions exceeds the maximum allowed (6)"));
    }
    if !matches!(take_i32(&mut rest)?, 0 | 1) {
        return Err(ValueError::new("22P03", "invalid array flags"));
    }
    let oid = take_i32(&mut rest)? as u32;
    let element = Type::from_oid(oid, -1).ok_or_else(|| {
        ValueError::new("42804", format!("array elements of the type with OID {oid} do not fit"))
    })?;
    let mut count: usize = if dimensions == 0 { 0 } else { 1 };
    for _ in 0..dimensions {
        let length = take_i32(&mut rest)?;
        let lower = take_i32(&mut rest)?;
        let length = usize::try_from(length).map_err(|_| ValueError::binary("array"))?;
        if i32::try_from(length).ok().and_then(|l| lower.checked_add(l)).is_none() {
            return Err(ValueError::new("54000", "array bounds are out of range"));
        }
        count = count
            .checked_mul(length)
            .ok_or_else(|| ValueError::new("54000", "array size exceeds the maximum allowed"))?;
    }
    // Every element has a length word, so a count beyond that is a lie that must not allocate.
    if count > rest.len() / 4 {
        return Err(ValueError::short());
    }
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        out.push(match take_i32(&mut rest)? {
            -1 => None,
            length => {
                let length = usize::try_from(length).map_err(|_| ValueError::short())?;
                Some(Datum::decode(&element, Input::Binary(take(&mut rest, length)?), s)?)
            }
        });
    }
    if rest.is_empty() { Ok(out) } else { Err(ValueError::binary("array")) }
}

fn malformed() -> ValueError {
    ValueError::new("22P02", "malformed array literal")
}

fn decode_text(element: &Type, text: &str, s: &Settings) -> Result<Vec<Option<Datum>>, ValueError> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    let bounds = reader.bounds()?;
    let (elements, shape) = reader.elements()?;
    reader.skip_space();
    if reader.at != reader.bytes.len() || bounds.is_some_and(|b| b != shape) {
        return Err(malformed());
    }
    let decode =
        |item: Option<Vec<u8>>| item.map(|bytes| Datum::decode(element, Input::Text(&bytes), s)).transpose();
    elements.into_iter().map(decode).collect()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Elements in order, and the length of each dimension.
type Parsed = (Vec<Option<Vec<u8>>>, Vec<usize>);

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn signed(&mut self) -> Result<i32, ValueError> {
        let start = self.at;
        if matches!(self.peek(), Some(b'+' | b'-')) {
            self.at += 1;
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let text = self.bytes.get(start..self.at).and_then(|b| std::str::from_utf8(b).ok());
        text.and_then(|t| t.parse().ok()).ok_or_else(malformed)
    }

    /// `[1:3][0:1]=` before the braces: the length of each dimension.
    fn bounds(&mut self) -> Result<Option<Vec<usize>>, ValueError> {
        let mut lengths = Vec::new();
        loop {
            self.skip_space();
            if !self.eat(b'[') {
                break;
            }
            if lengths.len() >= MAX_DIMENSIONS {
                return Err(ValueError::new(
                    "54000",
                    "number of array dimensions exceeds the maximum allowed (6)",
                ));
            }
            let first = self.signed()?;
            let (low, high) = if self.eat(b':') { (first, self.signed()?) } else { (1, first) };
            if !self.eat(b']') {
                return Err(malformed());
            }
            if high < low {
                return Err(ValueError::new("2202E", "upper bound cannot be less than lower bound"));
            }
            lengths.push(usize::try_from(i64::from(high) - i64::from(low) + 1).map_err(|_| malformed())?);
        }
        if lengths.is_empty() {
            return Ok(None);
        }
        if !self.eat(b'=') {
            return Err(malformed());
        }
        self.skip_space();
        Ok(Some(lengths))
    }

    /// The braces and what is in them.
    fn elements(&mut self) -> Result<Parsed, ValueError> {
        let mut out = Vec::new();
        // How many items each open level has, and what a level of that depth must have.
        let mut open: Vec<usize> = Vec::new();
        let mut shape: Vec<Option<usize>> = Vec::new();
        let mut leaf_depth = None;
        if !self.eat(b'{') {
            return Err(malformed());
        }
        open.push(0);
        shape.push(None);
        let mut expect_item = true;
        while let Some(depth) = open.len().checked_sub(1) {
            self.skip_space();
            let byte = self.peek().ok_or_else(malformed)?;
            let empty = open.last() == Some(&0);
            match byte {
                b'}' if !expect_item || (empty && leaf_depth.is_none() && depth == 0) => {
                    self.at += 1;
                    let count = open.pop().unwrap_or(0);
                    let slot = shape.get_mut(depth).ok_or_else(malformed)?;
                    if slot.is_some_and(|n| n != count) {
                        return Err(malformed());
                    }
                    *slot = Some(count);
                    expect_item = false;
                }
                b',' if !expect_item => {
                    self.at += 1;
                    expect_item = true;
                }
                b'{' if expect_item && leaf_depth.is_none_or(|d| depth < d) => {
                    self.at += 1;
                    if open.len() >= MAX_DIMENSIONS {
                        return Err(ValueError::new(
                            "54000",
                            "number of array dimensions exceeds the maximum allowed (6)",
                        ));
                    }
                    bump(&mut open);
                    open.push(0);
                    if shape.len() < open.len() {
                        shape.push(None);
                    }
                }
                b'{' | b'}' | b',' => return Err(malformed()),
                _ if expect_item && leaf_depth.is_none_or(|d| depth == d) => {
                    leaf_depth = Some(depth);
                    bump(&mut open);
                    out.push(self.item()?);
                    expect_item = false;
                }
                _ => return Err(malformed()),
            }
        }
        Ok((out, shape.into_iter().map(|n| n.unwrap_or(0)).collect()))
    }

    /// One element: quoted, or up to the next delimiter. An unquoted NULL is none.
    fn item(&mut self) -> Result<Option<Vec<u8>>, ValueError> {
        let mut out = Vec::new();
        // Trailing white space does not count, unless it was escaped.
        let mut keep = 0;
        let mut escaped = false;
        if self.eat(b'"') {
            loop {
                match self.next_byte()? {
                    b'"' => break,
                    b'\\' => out.push(self.next_byte()?),
                    other => out.push(other),
                }
            }
            return Ok(Some(out));
        }
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b'}' => break,
                b'{' | b'"' => return Err(malformed()),
                b'\\' => {
                    self.at += 1;
                    out.push(self.next_byte()?);
                    escaped = true;
                    keep = out.len();
                }
                other => {
                    self.at += 1;
                    out.push(other);
                    if !is_space(other) {
                        keep = out.len();
                    }
                }
            }
        }
        out.truncate(keep);
        Ok((escaped || !out.eq_ignore_ascii_case(b"null")).then_some(out))
    }

    fn next_byte(&mut self) -> Result<u8, ValueError> {
        let byte = self.peek().ok_or_else(malformed)?;
        self.at += 1;
        Ok(byte)
    }
}

fn bump(open: &mut [usize]) {
    if let Some(count) = open.last_mut() {
        *count += 1;
    }
}
