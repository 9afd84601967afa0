//! The untyped packets that open a connection.

use super::{Reader, WireError};

/// The largest startup packet, as in PostgreSQL.
pub const MAX_STARTUP: u32 = 10_000;

const CANCEL: u32 = (1234 << 16) | 5678;
const SSL: u32 = (1234 << 16) | 5679;
const GSS: u32 = (1234 << 16) | 5680;

/// The first packet of a connection, or the next one after a refused encryption request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening<'a> {
    /// SSLRequest.
    Ssl,
    /// GSSENCRequest.
    Gss,
    /// CancelRequest.
    Cancel {
        /// Process id.
        pid: u32,
        /// Secret key.
        secret: &'a [u8],
    },
    /// StartupMessage of protocol 3.
    Startup(Startup<'a>),
    /// StartupMessage of another protocol version.
    Unsupported {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
}

/// What a StartupMessage says that the proxy has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Startup<'a> {
    /// Minor protocol version.
    pub minor: u16,
    /// Role name.
    pub user: &'a [u8],
    /// Database name; the role's by default.
    pub database: &'a [u8],
    /// Whether a replication connection is asked for.
    pub replication: bool,
}

/// Size of the opening packet at the front of `bytes`. `None`: more bytes are needed.
pub fn packet_size(bytes: &[u8]) -> Result<Option<usize>, WireError> {
    let Some(length) = bytes.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err(WireError::new("invalid length of startup packet"));
    }
    Ok(Some(length as usize))
}

/// Reads a whole opening packet, its length field included.
pub fn parse(packet: &[u8]) -> Result<Opening<'_>, WireError> {
    let mut r = Reader::new(packet);
    r.u32()?;
    let code = r.u32()?;
    match code {
        SSL => r.finish().map(|()| Opening::Ssl),
        GSS => r.finish().map(|()| Opening::Gss),
        CANCEL => {
            let pid = r.u32()?;
            let secret = r.rest();
            if secret.is_empty() || secret.len() > 256 {
                return Err(WireError::new("invalid length of cancel request"));
            }
            Ok(Opening::Cancel { pid, secret })
        }
        _ if code >> 16 == 3 => parameters(r, (code & 0xffff) as u16).map(Opening::Startup),
        _ => Ok(Opening::Unsupported { major: (code >> 16) as u16, minor: (code & 0xffff) as u16 }),
    }
}

fn parameters(mut r: Reader<'_>, minor: u16) -> Result<Startup<'_>, WireError> {
    let mut startup = Startup { minor, user: b"", database: b"", replication: false };
    loop {
        let name = r.cstr()?;
        if name.is_empty() {
            break;
        }
        let value = r.cstr()?;
        match name {
            b"user" => startup.user = value,
            b"database" => startup.database = value,
            b"replication" => startup.replication = !is_false(value),
            _ => {}
        }
    }
    r.finish()
        .map_err(|_| WireError::new("invalid startup packet layout: expected terminator as last byte"))?;
    if startup.database.is_empty() {
        startup.database = startup.user;
    }
    Ok(startup)
}

/// The last value that a StartupMessage, length field included, gives this parameter.
pub fn parameter<'a>(packet: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut r = Reader::new(packet.get(8..)?);
    let mut found = None;
    loop {
        let name = r.cstr().ok().filter(|name| !name.is_empty());
        let Some((name, value)) = name.zip(r.cstr().ok()) else { return found };
        if name == wanted {
            found = Some(value);
        }
    }
}

/// Whether PostgreSQL would read this boolean as false. What it would not read at all counts as true here,
/// and the server refuses it.
fn is_false(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let prefix = |word: &[u8], least: usize| lower.len() >= least && word.starts_with(&lower);
    prefix(b"false", 1) || prefix(b"no", 1) || prefix(b"off", 2) || lower == b"0"
}
