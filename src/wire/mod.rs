//! Frames and messages of the PostgreSQL protocol, version 3. No I/O.
//!
//! A frame is a type byte, a length that counts itself, and a body. [`frame`] cuts frames and checks lengths
//! before anything is allocated for them; [`startup`] reads the untyped packets that open a connection;
//! [`frontend`] and [`backend`] read bodies in place, exactly: what is missing and what is left over are both
//! errors. [`copy`] cuts and writes rows of COPY data. [`build`] writes the messages that the proxy composes itself.

pub mod backend;
pub mod build;
pub mod copy;
pub mod frame;
pub mod frontend;
pub mod startup;

#[cfg(test)]
mod tests;

use std::fmt;

/// A message that breaks the protocol. SQLSTATE 08P01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError {
    /// What is wrong with it; holds nothing of the message itself.
    pub message: &'static str,
}

impl WireError {
    /// An error with this reason.
    pub const fn new(message: &'static str) -> Self {
        Self { message }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for WireError {}

const TOO_SHORT: WireError = WireError::new("insufficient data left in message");
const TRAILING: WireError = WireError::new("invalid message format: extra bytes at its end");
const NO_TERMINATOR: WireError = WireError::new("invalid string in message: no terminator");
const NEGATIVE: WireError = WireError::new("invalid message format: negative count or length");

/// Reads a body front to back; never reads outside it, never panics.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.array::<1>()?[0])
    }

    /// A 16-bit integer in network order.
    pub fn i16(&mut self) -> Result<i16, WireError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// An unsigned 16-bit integer in network order.
    pub fn u16(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// A 32-bit integer in network order.
    pub fn i32(&mut self) -> Result<i32, WireError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// An unsigned 32-bit integer in network order.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A string that ends at a NUL byte, which is consumed.
    pub fn cstr(&mut self) -> Result<&'a [u8], WireError> {
        let end = memchr::memchr(0, self.rest).ok_or(NO_TERMINATOR)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Ok(text)
    }

    /// A value with a length before it; -1 is NULL.
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.i32()? {
            -1 => Ok(None),
            n => Ok(Some(self.bytes(usize::try_from(n).map_err(|_| NEGATIVE)?)?)),
        }
    }

    /// Ends the message: anything left over is an error.
    pub fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TRAILING) }
    }
}

/// A body that is one NUL-terminated string and nothing else.
pub fn single_string(body: &[u8]) -> Result<&[u8], WireError> {
    let mut r = Reader::new(body);
    let text = r.cstr()?;
    r.finish()?;
    Ok(text)
}
