//! Opens the envelopes inside a JSON text. All between them stays byte for byte as the server wrote it.

use std::ops::Range;

use super::nested::other_shape;
use super::{TransformError, Transformer};
use crate::sql::plan::Json;

/// A JSON text that is being read.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), TransformError> {
        self.skip_space();
        if self.peek() != Some(byte) {
            return Err(other_shape());
        }
        self.at += 1;
        Ok(())
    }

    /// Goes behind a string, and says where it is inside its quotes.
    fn string(&mut self) -> Result<Range<usize>, TransformError> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek().ok_or_else(other_shape)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(start..self.at - 1)
    }

    /// Goes behind a value without looking into it.
    fn skip(&mut self) -> Result<(), TransformError> {
        let mut depth = 0usize;
        loop {
            self.skip_space();
            match self.peek().ok_or_else(other_shape)? {
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    depth = depth.checked_sub(1).ok_or_else(other_shape)?;
                    self.at += 1;
                }
                b'"' => {
                    self.string()?;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b',' | b':' => return Err(other_shape()),
                _ => {
                    let end = |b: &u8| matches!(b, b',' | b']' | b'}' | b':') || b.is_ascii_whitespace();
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(end).unwrap_or(rest.len());
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Whether an array or object closes here; goes behind it then, or behind the comma before a further member.
    fn closes(&mut self, close: u8, first: bool) -> Result<bool, TransformError> {
        self.skip_space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(true);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(false)
    }

    /// Whether a container holds nothing, or the value is null; goes behind it then.
    fn nothing(&mut self) -> Result<bool, TransformError> {
        self.skip_space();
        let start = self.at;
        match self.peek() {
            Some(b'n') => {
                self.skip()?;
                return match self.text.get(start..self.at) {
                    Some(b"null") => Ok(true),
                    _ => Err(other_shape()),
                };
            }
            Some(b'[' | b'{') => {
                self.at += 1;
                self.skip_space();
                if matches!(self.peek(), Some(b']' | b'}')) {
                    self.at += 1;
                    return Ok(true);
                }
            }
            _ => {}
        }
        self.at = start;
        Ok(false)
    }
}

/// What is opened goes here.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// How much of the text is written.
    written: usize,
}

impl Transformer {
    /// Appends a JSON text with its envelopes opened.
    pub(super) fn open_json(
        &mut self,
        json: &Json,
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let mut reader = Reader { text, at: 0 };
        let mut writer = Writer { out, written: 0 };
        self.json_part(json, &mut reader, &mut writer)?;
        reader.skip_space();
        if reader.at != text.len() {
            return Err(other_shape());
        }
        writer.out.extend_from_slice(text.get(writer.written..).unwrap_or_default());
        Ok(())
    }

    /// Depth is that of the shape, which the planner bounds, and an array's dimensions.
    fn json_part(
        &mut self,
        json: &Json,
        r: &mut Reader<'_>,
        w: &mut Writer<'_>,
    ) -> Result<(), TransformError> {
        match json {
            Json::Plain => return r.skip(),
            _ if !json.holds_envelopes() => return r.skip(),
            _ if r.nothing()? => return Ok(()),
            Json::Envelope { column, casts, jsonb } => {
                let inside = r.string()?;
                let quoted = inside.start - 1..inside.end + 1;
                let text = unescape(r.text.get(inside).unwrap_or_default())?;
                w.out.extend_from_slice(r.text.get(w.written..quoted.start).unwrap_or_default());
                self.json_value(column, casts, *jsonb, &text, w.out)?;
                w.written = quoted.end;
            }
            Json::Elements(element) => self.json_elements(element, r, w, 0)?,
            Json::Tuple(list) => {
                r.expect(b'[')?;
                let mut list = list.iter();
                let mut first = true;
                while !r.closes(b']', first)? {
                    self.json_part(list.next().ok_or_else(other_shape)?, r, w)?;
                    first = false;
                }
                if list.next().is_some() {
                    return Err(other_shape());
                }
            }
            Json::Members(member) => {
                r.expect(b'{')?;
                let mut first = true;
                while !r.closes(b'}', first)? {
                    r.skip_space();
                    r.string()?;
                    r.expect(b':')?;
                    self.json_part(member, r, w)?;
                    first = false;
                }
            }
            Json::Object(members) => self.json_object(members, r, w)?,
        }
        Ok(())
    }

    fn json_elements(
        &mut self,
        element: &Json,
        r: &mut Reader<'_>,
        w: &mut Writer<'_>,
        depth: usize,
    ) -> Result<(), TransformError> {
        // PostgreSQL's limit on dimensions.
        if depth > 6 {
            return Err(other_shape());
        }
        r.expect(b'[')?;
        let mut first = true;
        while !r.closes(b']', first)? {
            r.skip_space();
            if r.peek() == Some(b'[') && matches!(element, Json::Envelope { .. } | Json::Object(_)) {
                self.json_elements(element, r, w, depth + 1)?;
            } else {
                self.json_part(element, r, w)?;
            }
            first = false;
        }
        Ok(())
    }

    fn json_object(
        &mut self,
        members: &[(Option<String>, Json)],
        r: &mut Reader<'_>,
        w: &mut Writer<'_>,
    ) -> Result<(), TransformError> {
        let by_name = Json::by_name(members);
        let mut in_order = members.iter();
        r.expect(b'{')?;
        let mut first = true;
        while !r.closes(b'}', first)? {
            r.skip_space();
            let key = r.string()?;
            let key = unescape(r.text.get(key).unwrap_or_default())?;
            let is_key = |name: &Option<String>| name.as_ref().is_none_or(|name| name.as_bytes() == key);
            let member = if by_name {
                members.iter().find(|(name, _)| is_key(name))
            } else {
                in_order.next().filter(|(name, _)| is_key(name))
            };
            let (_, member) = member.ok_or_else(other_shape)?;
            r.expect(b':')?;
            self.json_part(member, r, w)?;
            first = false;
        }
        if !by_name && in_order.next().is_some() {
            return Err(other_shape());
        }
        Ok(())
    }
}

/// A string's text without its escapes.
fn unescape(text: &[u8]) -> Result<Vec<u8>, TransformError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first().ok_or_else(other_shape)?;
        rest = after;
        out.push(match escape {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                // The server escapes control characters only.
                let (digits, after) = rest.split_at_checked(4).ok_or_else(other_shape)?;
                rest = after;
                let code = std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
                code.filter(u8::is_ascii).ok_or_else(other_shape)?
            }
            other => *other,
        });
    }
    Ok(out)
}
