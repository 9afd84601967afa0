//! Messages that the proxy composes.

/// Appends a frame whose body `fill` writes.
pub fn frame(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = begin(out, tag);
    fill(out);
    end(out, at);
}

/// Begins a frame; [`end`] with the result completes it.
pub fn begin(out: &mut Vec<u8>, tag: u8) -> usize {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    at
}

/// Puts the length of a frame that [`begin`] began.
pub fn end(out: &mut [u8], at: usize) {
    // A body beyond 4 GiB cannot be reached: each side's buffers are bounded far below.
    let length = u32::try_from(out.len().saturating_sub(at)).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(at..at + 4) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends a string and its terminator.
pub fn cstr(out: &mut Vec<u8>, text: &[u8]) {
    // A NUL inside would end the string early and give what follows another meaning.
    out.extend(text.iter().filter(|b| **b != 0));
    out.push(0);
}

/// Appends a count of 16 bits.
pub fn count(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes());
}

/// Appends a value with its length, or NULL.
pub fn value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend_from_slice(&(-1i32).to_be_bytes()),
        Some(bytes) => {
            out.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
}

/// An error or notice of ours.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// `ERROR` or `FATAL`.
    pub severity: &'a str,
    /// SQLSTATE.
    pub sqlstate: &'a str,
    /// Primary message.
    pub message: &'a str,
    /// DETAIL.
    pub detail: Option<&'a str>,
    /// HINT.
    pub hint: Option<&'a str>,
    /// Position in the client's text, in characters from 1.
    pub position: Option<u32>,
}

impl<'a> Report<'a> {
    /// An error that ends the session.
    pub fn fatal(sqlstate: &'a str, message: &'a str) -> Self {
        Self { severity: "FATAL", sqlstate, message, detail: None, hint: None, position: None }
    }

    /// With a hint.
    pub fn hint(self, hint: &'a str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// ErrorResponse.
pub fn error(out: &mut Vec<u8>, report: &Report<'_>) {
    frame(out, b'E', |out| {
        let mut field = |kind: u8, value: &str| {
            out.push(kind);
            cstr(out, value.as_bytes());
        };
        field(b'S', report.severity);
        field(b'V', report.severity);
        field(b'C', report.sqlstate);
        field(b'M', report.message);
        if let Some(detail) = report.detail {
            field(b'D', detail);
        }
        if let Some(hint) = report.hint {
            field(b'H', hint);
        }
        if let Some(position) = report.position {
            field(b'P', &position.to_string());
        }
        out.push(0);
    });
}

/// BackendKeyData.
pub fn key_data(out: &mut Vec<u8>, pid: u32, secret: &[u8]) {
    frame(out, b'K', |out| {
        out.extend_from_slice(&pid.to_be_bytes());
        out.extend_from_slice(secret);
    });
}

/// CancelRequest.
pub fn cancel_request(pid: u32, secret: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(12 + secret.len());
    out.extend_from_slice(&u32::try_from(12 + secret.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&((1234u32 << 16) | 5678).to_be_bytes());
    out.extend_from_slice(&pid.to_be_bytes());
    out.extend_from_slice(secret);
    out
}

/// StartupMessage of protocol 3, with these parameters only.
pub fn startup(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend_from_slice(&(3u32 << 16 | u32::from(minor)).to_be_bytes());
    for (name, value) in parameters {
        cstr(&mut out, name.as_bytes());
        cstr(&mut out, value.as_bytes());
    }
    out.push(0);
    end(&mut out, 0);
    out
}

/// Parse.
pub fn parse(out: &mut Vec<u8>, name: &[u8], text: impl FnOnce(&mut Vec<u8>), oids: &[u32]) {
    frame(out, b'P', |out| {
        cstr(out, name);
        text(out);
        out.push(0);
        count(out, oids.len());
        for oid in oids {
            out.extend_from_slice(&oid.to_be_bytes());
        }
    });
}

/// Bind of a statement without parameters; results in text format.
pub fn bind_plain(out: &mut Vec<u8>, portal: &[u8], statement: &[u8]) {
    frame(out, b'B', |out| {
        cstr(out, portal);
        cstr(out, statement);
        out.extend_from_slice(&[0; 6]);
    });
}

/// Execute, all rows.
pub fn execute(out: &mut Vec<u8>, portal: &[u8]) {
    frame(out, b'E', |out| {
        cstr(out, portal);
        out.extend_from_slice(&[0; 4]);
    });
}

/// Describe (`D`) or Close (`C`) of a statement.
pub fn statement(out: &mut Vec<u8>, tag: u8, name: &[u8]) {
    frame(out, tag, |out| {
        out.push(b'S');
        cstr(out, name);
    });
}

/// Describe (`D`) or Close (`C`) of a portal.
pub fn portal(out: &mut Vec<u8>, tag: u8, name: &[u8]) {
    frame(out, tag, |out| {
        out.push(b'P');
        cstr(out, name);
    });
}

/// Sync.
pub const SYNC: [u8; 5] = [b'S', 0, 0, 0, 4];

/// Flush.
pub const FLUSH: [u8; 5] = [b'H', 0, 0, 0, 4];

/// Terminate.
pub const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];
