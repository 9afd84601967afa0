//! Bodies of messages that a client sends.

use super::{Reader, WireError};

/// Parse: a statement's text under a name.
#[derive(Clone, Copy)]
pub struct Parse<'a> {
    /// Statement name; empty: the unnamed statement.
    pub name: &'a [u8],
    /// The statement's text, in the client's encoding.
    pub text: &'a [u8],
    oids: &'a [u8],
}

impl<'a> Parse<'a> {
    /// Reads a whole body.
    #[allow(clippy::self_named_constructors, reason = "the message is named Parse in the protocol")]
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(body);
        let name = r.cstr()?;
        let text = r.cstr()?;
        let count = usize::from(r.u16()?);
        let oids = r.bytes(count * 4)?;
        r.finish()?;
        Ok(Self { name, text, oids })
    }

    /// Announced parameter types; 0 is none.
    pub fn oids(&self) -> impl ExactSizeIterator<Item = u32> + Clone + 'a {
        self.oids.as_chunks::<4>().0.iter().map(|b| u32::from_be_bytes(*b))
    }
}

/// Format codes: none (all text), one for all, or one each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Formats<'a>(&'a [u8]);

impl<'a> Formats<'a> {
    fn codes(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let count = usize::from(r.u16()?);
        Ok(Self(r.bytes(count * 2)?))
    }

    /// How many codes were sent.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether no code was sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The code that holds for item `index`. With more than one code, an index beyond them is text.
    pub fn code(&self, index: usize) -> i16 {
        let codes = self.0.as_chunks::<2>().0;
        let at = if codes.len() == 1 { 0 } else { index };
        codes.get(at).map_or(0, |b| i16::from_be_bytes(*b))
    }

    /// The codes as they were sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i16> + 'a {
        self.0.as_chunks::<2>().0.iter().map(|b| i16::from_be_bytes(*b))
    }
}

/// Bind: values for a statement's parameters.
#[derive(Clone, Copy)]
pub struct Bind<'a> {
    /// Portal name.
    pub portal: &'a [u8],
    /// Statement name.
    pub statement: &'a [u8],
    /// Formats of the values.
    pub formats: Formats<'a>,
    count: usize,
    values: &'a [u8],
    /// Formats wanted for result columns.
    pub results: Formats<'a>,
}

impl<'a> Bind<'a> {
    /// Reads a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(body);
        let portal = r.cstr()?;
        let statement = r.cstr()?;
        let formats = Formats::codes(&mut r)?;
        let count = usize::from(r.u16()?);
        let start = r.rest();
        for _ in 0..count {
            r.value()?;
        }
        let values = start.get(..start.len() - r.rest().len()).unwrap_or_default();
        let results = Formats::codes(&mut r)?;
        r.finish()?;
        if formats.len() > 1 && formats.len() != count {
            return Err(WireError::new(
                "bind message has another number of parameter formats than of parameters",
            ));
        }
        Ok(Self { portal, statement, formats, count, values, results })
    }

    /// Number of parameters.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The values in order; `None` is NULL.
    pub fn values(&self) -> Values<'a> {
        Values { reader: Reader::new(self.values), left: self.count }
    }
}

/// Portal and statement name at the front of a Bind, whose values are not looked at.
pub fn bind_names(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut r = Reader::new(body);
    Ok((r.cstr()?, r.cstr()?))
}

/// Iterator over values that were checked before.
#[derive(Clone)]
pub struct Values<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Values<'a> {
    pub(super) fn new(reader: Reader<'a>, left: usize) -> Self {
        Self { reader, left }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.reader.value().ok()
    }
}

/// What Describe and Close speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A prepared statement.
    Statement(&'a [u8]),
    /// A portal.
    Portal(&'a [u8]),
}

impl<'a> Target<'a> {
    /// Reads the whole body of a Describe or Close.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(body);
        let kind = r.u8()?;
        let name = r.cstr()?;
        r.finish()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            _ => Err(WireError::new("invalid subtype of a DESCRIBE or CLOSE message")),
        }
    }
}

/// Execute: portal name and the largest number of rows, 0 for all.
pub fn execute(body: &[u8]) -> Result<(&[u8], i32), WireError> {
    let mut r = Reader::new(body);
    let portal = r.cstr()?;
    let rows = r.i32()?;
    r.finish()?;
    Ok((portal, rows))
}

/// OID of the function that a FunctionCall calls; the rest is checked for its form.
pub fn function_call(body: &[u8]) -> Result<u32, WireError> {
    let mut r = Reader::new(body);
    let oid = r.u32()?;
    Formats::codes(&mut r)?;
    for _ in 0..r.u16()? {
        r.value()?;
    }
    r.i16()?;
    r.finish()?;
    Ok(oid)
}
