//! Bodies of messages that a server sends.

use super::frontend::Values;
use super::{Reader, WireError};

/// One column of a RowDescription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Column name.
    pub name: &'a [u8],
    /// Table of a direct column, else 0.
    pub table: u32,
    /// Its attribute number, else 0.
    pub attnum: i16,
    /// Type.
    pub type_oid: u32,
    /// `pg_type.typlen`.
    pub typlen: i16,
    /// Type modifier, -1 for none.
    pub typmod: i32,
    /// Format code.
    pub format: i16,
}

/// RowDescription.
#[derive(Clone, Copy)]
pub struct RowDescription<'a> {
    count: usize,
    fields: Reader<'a>,
}

impl<'a> RowDescription<'a> {
    /// Reads a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(body);
        let count = usize::from(r.u16()?);
        let fields = r;
        for _ in 0..count {
            field(&mut r)?;
        }
        r.finish()?;
        Ok(Self { count, fields })
    }

    /// Number of columns.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The columns in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let mut reader = self.fields;
        (0..self.count).map_while(move |_| field(&mut reader).ok())
    }
}

fn field<'a>(r: &mut Reader<'a>) -> Result<Field<'a>, WireError> {
    Ok(Field {
        name: r.cstr()?,
        table: r.u32()?,
        attnum: r.i16()?,
        type_oid: r.u32()?,
        typlen: r.i16()?,
        typmod: r.i32()?,
        format: r.i16()?,
    })
}

/// DataRow: number of columns and their values.
pub fn data_row(body: &[u8]) -> Result<Values<'_>, WireError> {
    let mut r = Reader::new(body);
    let count = usize::from(r.u16()?);
    let values = Values::new(r, count);
    for _ in 0..count {
        r.value()?;
    }
    r.finish()?;
    Ok(values)
}

/// Number of columns of a DataRow or fields of a RowDescription.
pub fn column_count(body: &[u8]) -> Result<usize, WireError> {
    Reader::new(body).u16().map(usize::from)
}

/// The fields of an ErrorResponse or NoticeResponse.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    body: Reader<'a>,
}

impl<'a> Fields<'a> {
    /// Reads a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(body);
        while r.u8()? != 0 {
            r.cstr()?;
        }
        r.finish()?;
        Ok(Self { body: Reader::new(body) })
    }

    /// Field types and their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut r = self.body;
        std::iter::from_fn(move || match r.u8() {
            Ok(0) | Err(_) => None,
            Ok(kind) => r.cstr().ok().map(|value| (kind, value)),
        })
    }

    /// The first field of this type.
    pub fn get(&self, kind: u8) -> Option<&'a [u8]> {
        self.iter().find(|(k, _)| *k == kind).map(|(_, value)| value)
    }

    /// SQLSTATE, or nothing if there is none.
    pub fn sqlstate(&self) -> &'a [u8] {
        self.get(b'C').unwrap_or_default()
    }

    /// Whether the server ends the session with this error.
    pub fn is_fatal(&self) -> bool {
        // `V` is never translated; `S` is all there is before PostgreSQL 9.6.
        matches!(self.get(b'V').or_else(|| self.get(b'S')), Some(b"FATAL" | b"PANIC"))
    }
}

/// ParameterDescription: the types of a statement's parameters.
pub fn parameter_description(body: &[u8]) -> Result<impl ExactSizeIterator<Item = u32>, WireError> {
    let mut r = Reader::new(body);
    let count = usize::from(r.u16()?);
    let oids = r.bytes(count * 4)?;
    r.finish()?;
    Ok(oids.as_chunks::<4>().0.iter().map(|b| u32::from_be_bytes(*b)))
}

/// ParameterStatus: a setting's name and value.
pub fn parameter_status(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut r = Reader::new(body);
    let pair = (r.cstr()?, r.cstr()?);
    r.finish()?;
    Ok(pair)
}

/// BackendKeyData: process id and secret, which has any length from protocol 3.2 on.
pub fn key_data(body: &[u8]) -> Result<(u32, &[u8]), WireError> {
    let mut r = Reader::new(body);
    let pid = r.u32()?;
    let secret = r.rest();
    if secret.is_empty() || secret.len() > 256 {
        return Err(WireError::new("invalid length of cancel key"));
    }
    Ok((pid, secret))
}

/// Transaction status in ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Outside a transaction block.
    Idle,
    /// In a transaction block.
    Transaction,
    /// In a failed transaction block.
    Failed,
}

/// ReadyForQuery.
pub fn ready_for_query(body: &[u8]) -> Result<Status, WireError> {
    match body {
        b"I" => Ok(Status::Idle),
        b"T" => Ok(Status::Transaction),
        b"E" => Ok(Status::Failed),
        _ => Err(WireError::new("invalid transaction status")),
    }
}

/// The kind of an authentication message.
pub fn authentication(body: &[u8]) -> Result<u32, WireError> {
    Reader::new(body).u32()
}
