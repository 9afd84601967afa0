//! Cutting a stream of bytes into frames.

use super::WireError;

/// Bytes of a type byte and a length.
pub const HEADER: usize = 5;

/// The largest length field that PostgreSQL accepts in an established session (`MaxAllocSize`).
pub const MAX_LENGTH: u32 = 0x3fff_ffff;

/// The largest length field of messages that are small by nature (Describe, Sync, Execute …); PostgreSQL's
/// own limit for them.
pub const MAX_SMALL_LENGTH: u32 = 10_000;

/// The largest length field of an authentication message, in either direction.
pub const MAX_AUTHENTICATION_LENGTH: u32 = 65_535;

/// Type and size of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message type.
    pub tag: u8,
    /// Bytes of the whole frame, type and length included.
    pub size: usize,
}

impl Header {
    /// Reads the header at the front of `bytes`. `None`: more bytes are needed.
    ///
    /// `limit` is the largest length field allowed for a type; it is asked before anything else is done
    /// with the frame, and answers `None` for a type that has no place here.
    pub fn read(bytes: &[u8], limit: impl FnOnce(u8) -> Option<u32>) -> Result<Option<Header>, WireError> {
        let Some((&tag, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        // An unknown type is refused at its first byte, as its length means nothing.
        let limit = limit(tag).ok_or(WireError::new("invalid message type"))?;
        let Some(length) = rest.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length);
        if length < 4 || length > limit {
            return Err(WireError::new("invalid message length"));
        }
        Ok(Some(Header { tag, size: length as usize + 1 }))
    }
}

/// Limit for messages of a client in an established session.
pub fn client_limit(tag: u8) -> Option<u32> {
    match tag {
        b'Q' | b'P' | b'B' | b'F' | b'd' => Some(MAX_LENGTH),
        b'D' | b'E' | b'C' | b'H' | b'S' | b'X' | b'c' | b'f' => Some(MAX_SMALL_LENGTH),
        _ => None,
    }
}

/// Limit for messages of a server in an established session.
pub fn server_limit(tag: u8) -> Option<u32> {
    match tag {
        b'D' | b'd' | b'T' | b'E' | b'N' | b'V' | b'A' | b't' | b'S' => Some(MAX_LENGTH),
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' => Some(4),
        b'Z' => Some(5),
        b'C' => Some(MAX_SMALL_LENGTH),
        b'G' | b'H' | b'W' => Some(MAX_AUTHENTICATION_LENGTH * 4),
        _ => None,
    }
}

/// Limit for messages of a client that is authenticating itself.
pub fn client_authentication_limit(tag: u8) -> Option<u32> {
    match tag {
        b'p' => Some(MAX_AUTHENTICATION_LENGTH),
        b'X' => Some(4),
        _ => None,
    }
}

/// Limit for messages of a server up to its first ReadyForQuery.
pub fn server_startup_limit(tag: u8) -> Option<u32> {
    match tag {
        b'R' | b'E' | b'N' | b'S' | b'v' => Some(MAX_AUTHENTICATION_LENGTH),
        b'K' => Some(4 + 4 + 256),
        b'Z' => Some(5),
        _ => None,
    }
}
