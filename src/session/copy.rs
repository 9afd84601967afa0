//! Data of a COPY with encrypted columns: rows are cut out of the stream, their encrypted fields sealed or
//! opened, the rest goes on byte for byte. One row is held at a time.

use std::ops::Range;
use std::sync::Arc;

use crate::sql::plan::{
    CopyColumn, CopyDirection, CopyLayout, CopyPlan, Output, Refusal, Role, Slot, Source,
};
use crate::transform::{TransformError, Transformer};
use crate::value::{Format, Input, Type};
use crate::wire::backend::Fields;
use crate::wire::build;
use crate::wire::copy::{self, Cut, Cutter, Field, Layout, Malformed};

use super::literal::bytea_from_text;
use super::plan::from_transform;

/// What goes to the server in place of a value that is refused. The column's type does not accept it, so that the
/// server fails at that very place, unless something before it fails.
const STAND_IN: &[u8] = b"refused by Pyrite";

/// A COPY under way.
#[derive(Debug)]
pub(super) enum Copying {
    /// The client sends.
    In(Box<CopyIn>),
    /// The server sends.
    Out(Box<CopyOut>),
}

/// Data from the client.
#[derive(Debug)]
pub(super) struct CopyIn {
    plan: Arc<CopyPlan>,
    cutter: Cutter,
    /// How each encrypted field is sealed.
    slots: Vec<Option<Slot>>,
    /// Why the server was made to fail.
    refusal: Option<Refusal>,
    /// What the client said when it gave up.
    farewell: Option<Vec<u8>>,
}

/// Data from the server.
#[derive(Debug)]
pub(super) struct CopyOut {
    plan: Arc<CopyPlan>,
    cutter: Cutter,
    /// What the message at hand holds.
    cuts: Vec<Cut>,
    /// The message at hand was taken apart before: it is tried again.
    taken: bool,
}

impl Copying {
    /// As the plan says.
    pub(super) fn new(plan: Arc<CopyPlan>) -> Copying {
        let cutter = Cutter::new(format(&plan));
        match plan.direction {
            CopyDirection::FromClient => {
                let slots = plan.columns.iter().map(slot).collect();
                Copying::In(Box::new(CopyIn { plan, cutter, slots, refusal: None, farewell: None }))
            }
            CopyDirection::ToClient => {
                Copying::Out(Box::new(CopyOut { plan, cutter, cuts: Vec::new(), taken: false }))
            }
        }
    }

    /// The error to show for one of the server's, if it is not its own.
    pub(super) fn error(&self, fields: &Fields<'_>, out: &mut Vec<u8>) -> bool {
        let Copying::In(copy) = self else { return false };
        let cancelled = fields.sqlstate() == b"57014";
        let refused = fields.sqlstate() == b"23514"
            && fields.get(b's') == Some(b"pyrite")
            && fields.get(b'd') == Some(b"encrypted");
        match (&copy.refusal, &copy.farewell) {
            (Some(refusal), _) if cancelled || refused => report(refusal, fields, out),
            (None, Some(farewell)) if cancelled => {
                build::frame(out, b'E', |out| {
                    for (kind, value) in fields.iter() {
                        out.push(kind);
                        match kind {
                            b'M' => build::cstr(out, &[&b"COPY from stdin failed: "[..], farewell].concat()),
                            b'W' => build::cstr(out, place(value)),
                            _ => build::cstr(out, value),
                        }
                    }
                    out.push(0);
                });
            }
            _ => return false,
        }
        true
    }
}

/// An error of ours, with the place that the server's has.
fn report(refusal: &Refusal, fields: &Fields<'_>, out: &mut Vec<u8>) {
    build::frame(out, b'E', |out| {
        let mut field = |kind: u8, value: &[u8]| {
            out.push(kind);
            build::cstr(out, value);
        };
        field(b'S', b"ERROR");
        field(b'V', b"ERROR");
        field(b'C', refusal.sqlstate.as_bytes());
        field(b'M', refusal.message.as_bytes());
        if let Some(hint) = &refusal.hint {
            field(b'H', hint.as_bytes());
        }
        if let Some(context) = fields.get(b'W') {
            field(b'W', place(context));
        }
        out.push(0);
    });
}

/// `COPY t, line 3, column c: "…"` without the value, which is one of ours.
fn place(context: &[u8]) -> &[u8] {
    memchr::memmem::find(context, b": \"").and_then(|end| context.get(..end)).unwrap_or(context)
}

/// A context line without the envelopes that the server shows of a row.
pub(super) fn context(text: &[u8]) -> &[u8] {
    let copy = text.starts_with(b"COPY ");
    let envelope = [&b"\\xff505952"[..], b"\\377PYR"].iter().any(|e| memchr::memmem::find(text, e).is_some());
    if copy && envelope { place(text) } else { text }
}

fn format(plan: &CopyPlan) -> copy::Format {
    let format = &plan.format;
    copy::Format {
        layout: match format.layout {
            CopyLayout::Text => Layout::Text,
            CopyLayout::Csv => Layout::Csv,
            CopyLayout::Binary => Layout::Binary,
        },
        delimiter: format.delimiter,
        quote: format.quote,
        escape: format.escape,
        null: format.null.clone().into_bytes(),
        default: format.default.clone().map(String::into_bytes),
        header: format.header,
    }
}

fn slot(column: &CopyColumn) -> Option<Slot> {
    let Output::Open { column, .. } = &column.value else { return None };
    Some(Slot {
        source: Source::Param(0),
        source_type: None,
        casts: Vec::new(),
        role: Role::Store(Arc::clone(column)),
        server_param: 0,
    })
}

/// 22P04, in PostgreSQL's words.
fn malformed(what: impl Into<String>) -> Refusal {
    Refusal { sqlstate: "22P04", message: what.into(), detail: None, hint: None, position: None }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        malformed(error.0)
    }
}

/// Messages to the server that make its COPY fail.
fn give_up(out: &mut Vec<u8>) {
    build::frame(out, b'f', |out| build::cstr(out, STAND_IN));
}

impl CopyIn {
    /// Takes bytes of the client's data and composes what the server gets for them. `last`: there are no more.
    /// Gives whether the server was made to fail: nothing more is to be sent to it.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        last: bool,
        transformer: &mut Transformer,
        out: &mut Vec<u8>,
    ) -> bool {
        if self.refusal.is_some() {
            return true;
        }
        self.cutter.push(bytes);
        let frame = build::begin(out, b'd');
        let outcome = self.rows(last, transformer, out);
        // An empty message says nothing.
        if out.len() == frame + 4 {
            out.truncate(frame - 1);
        } else {
            build::end(out, frame);
        }
        outcome.is_err_and(|refusal| {
            self.fail(refusal, out);
            true
        })
    }

    /// Makes the server fail, with this error over its own.
    pub(super) fn fail(&mut self, refusal: Refusal, out: &mut Vec<u8>) {
        self.refusal = Some(refusal);
        give_up(out);
    }

    /// The client has given up. What it says stays here: it may name a value.
    pub(super) fn farewell(&mut self, message: &[u8], out: &mut Vec<u8>) {
        self.farewell = Some(message.to_vec());
        build::frame(out, b'f', |out| build::cstr(out, b"the client gave up"));
    }

    fn rows(&mut self, last: bool, transformer: &mut Transformer, out: &mut Vec<u8>) -> Result<(), Refusal> {
        while let Some(cut) = self.cutter.next(last)? {
            match cut {
                Cut::Header(range) => self.header(range, out)?,
                Cut::Row(content, end) => self.row(content, end, transformer, out)?,
                Cut::End(range) => out.extend_from_slice(self.cutter.bytes(range)),
            }
        }
        Ok(())
    }

    /// The server ignores names that it is not told to compare, so they stay here: what is taken for a header
    /// may be a row.
    fn header(&self, range: Range<usize>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let bytes = self.cutter.bytes(range);
        let format = self.cutter.format();
        if format.layout == Layout::Binary {
            out.extend_from_slice(bytes.get(..11).unwrap_or_default());
            out.extend_from_slice(&[0; 8]);
            return Ok(());
        }
        let names = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let names = names.strip_suffix(b"\r").unwrap_or(names);
        if self.plan.header_match {
            let fields = format.fields(names)?;
            if fields.len() != self.plan.columns.len() {
                return Err(malformed(format!(
                    "wrong number of fields in header line: got {}, expected {}",
                    fields.len(),
                    self.plan.columns.len()
                )));
            }
            for (n, (field, column)) in fields.iter().zip(&self.plan.columns).enumerate() {
                let mut name = Vec::new();
                let raw = names.get(field.raw.clone()).unwrap_or_default();
                format.value(raw, &mut name);
                if format.is_null(raw, field) || name != column.name.as_bytes() {
                    return Err(malformed(format!(
                        "column name mismatch in header line field {}: expected \"{}\"",
                        n + 1,
                        column.name
                    )));
                }
            }
            out.extend_from_slice(bytes);
        } else {
            out.extend_from_slice(bytes.get(names.len()..).unwrap_or_default());
        }
        Ok(())
    }

    fn row(
        &self,
        content: Range<usize>,
        end: usize,
        transformer: &mut Transformer,
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let row = self.cutter.bytes(content.clone());
        let format = self.cutter.format();
        let fields = format.fields(row)?;
        self.check_count(row, &fields, transformer)?;
        let binary = format.layout == Layout::Binary;
        if binary {
            build::count(out, fields.len());
        }
        let mut error = None;
        let mut sealed = Vec::new();
        for (n, (field, column)) in fields.iter().zip(&self.plan.columns).enumerate() {
            if n > 0 && !binary {
                out.push(format.delimiter);
            }
            let raw = row.get(field.raw.clone()).unwrap_or_default();
            let slot = self.slots.get(n).and_then(Option::as_ref);
            match slot {
                _ if error.is_some() => {
                    if binary {
                        build::value(out, None);
                    }
                }
                None => write_raw(raw, field, binary, out),
                Some(slot) => match self.value(raw, field, column) {
                    None => write_raw(raw, field, binary, out),
                    Some(value) => {
                        sealed.clear();
                        let input = if binary { Input::Binary(&value) } else { Input::Text(&value) };
                        if let Err(refused) = transformer.seal_slot(slot, Some(input), &mut sealed) {
                            error = Some(from_transform(refused));
                            sealed.clear();
                            sealed.extend_from_slice(STAND_IN);
                        }
                        let lines = self.lines_in(raw);
                        write_bytea(format, &sealed, lines, out);
                    }
                },
            }
        }
        out.extend_from_slice(self.cutter.bytes(content.end..end));
        error.map_or(Ok(()), Err)
    }

    /// A row with another number of fields than columns is not shown to the server: in which of them an encrypted
    /// column's value is cannot be said.
    fn check_count(
        &self,
        row: &[u8],
        fields: &[Field],
        transformer: &mut Transformer,
    ) -> Result<(), Refusal> {
        let columns = &self.plan.columns;
        if fields.len() == columns.len() {
            return Ok(());
        }
        if self.cutter.format().layout == Layout::Binary {
            return Err(malformed(format!(
                "row field count is {}, expected {}",
                fields.len(),
                columns.len()
            )));
        }
        let Some(missing) = columns.get(fields.len()) else {
            return Err(malformed("extra data after last expected column"));
        };
        // The server reads the fields that are there before it misses one.
        for (field, column) in fields.iter().zip(columns) {
            let raw = row.get(field.raw.clone()).unwrap_or_default();
            let ty = match &column.value {
                Output::Open { column, .. } => Some(column.ty),
                _ => Type::from_oid(column.type_oid, -1),
            };
            if let (Some(ty), Some(value)) = (ty, self.value(raw, field, column)) {
                transformer.reads(&ty, Input::Text(&value)).map_err(from_transform)?;
            }
        }
        Err(malformed(format!("missing data for column \"{}\"", missing.name)))
    }

    /// The value of a field; `None`: it is NULL or the default, and goes on as it is.
    fn value(&self, raw: &[u8], field: &Field, column: &CopyColumn) -> Option<Vec<u8>> {
        let format = self.cutter.format();
        if format.is_default(raw, field) {
            return None;
        }
        let csv = format.layout == Layout::Csv;
        let null = format.is_null(raw, field);
        if null && !(csv && column.force_not_null) {
            return None;
        }
        let mut value = Vec::new();
        format.value(raw, &mut value);
        let forced = csv && column.force_null && !null && value == format.null;
        (!forced).then_some(value)
    }

    /// Line ends inside of quotes: the server counts lines by them.
    fn lines_in(&self, raw: &[u8]) -> Option<(u8, usize)> {
        let format = self.cutter.format();
        if format.layout != Layout::Csv {
            return None;
        }
        let end = if self.cutter.feeds() { b'\n' } else { b'\r' };
        Some((end, memchr::memchr_iter(end, raw).count()))
    }
}

/// A field as the client wrote it.
fn write_raw(raw: &[u8], field: &Field, binary: bool, out: &mut Vec<u8>) {
    if binary {
        build::value(out, (!field.absent).then_some(raw));
    } else {
        out.extend_from_slice(raw);
    }
}

/// Bytes as a field of type `bytea`, in hexadecimal digits. In quotes these may be followed by blank lines.
fn write_bytea(format: &copy::Format, bytes: &[u8], lines: Option<(u8, usize)>, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |out: &mut Vec<u8>| {
        out.reserve(bytes.len() * 2);
        for byte in bytes {
            out.extend([byte >> 4, byte & 15].map(|d| DIGITS.get(usize::from(d)).copied().unwrap_or(b'0')));
        }
    };
    match format.layout {
        Layout::Binary => build::value(out, Some(bytes)),
        Layout::Text => {
            out.extend_from_slice(b"\\\\x");
            digits(out);
        }
        Layout::Csv => {
            let mut text = b"\\x".to_vec();
            digits(&mut text);
            if let Some((end, count)) = lines {
                text.extend(std::iter::repeat_n(end, count));
            }
            format.write_quoted(&text, out);
        }
    }
}

impl CopyOut {
    /// Composes the message to the client for one of the server's.
    pub(super) fn open(
        &mut self,
        body: &[u8],
        transformer: &mut Transformer,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        if !self.taken {
            self.cutter.push(body);
            self.cuts.clear();
            while let Some(cut) = self.cutter.next(false).map_err(|_| broken())? {
                self.cuts.push(cut);
            }
            self.taken = true;
        }
        if !self.cuts.is_empty() {
            let frame = build::begin(out, b'd');
            for cut in &self.cuts {
                match cut {
                    Cut::Header(range) | Cut::End(range) => {
                        out.extend_from_slice(self.cutter.bytes(range.clone()));
                    }
                    Cut::Row(content, end) => {
                        self.row(content.clone(), transformer, out)?;
                        out.extend_from_slice(self.cutter.bytes(content.end..*end));
                    }
                }
            }
            build::end(out, frame);
        }
        self.taken = false;
        Ok(())
    }

    /// Whether the server may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.cutter.is_empty()
    }

    fn row(
        &self,
        content: Range<usize>,
        transformer: &mut Transformer,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let row = self.cutter.bytes(content);
        let format = self.cutter.format();
        let fields = format.fields(row).map_err(|_| broken())?;
        let columns = &self.plan.columns;
        if fields.len() != columns.len() {
            return Err(broken());
        }
        let binary = format.layout == Layout::Binary;
        if binary {
            build::count(out, fields.len());
        }
        let (mut text, mut bytes, mut opened) = (Vec::new(), Vec::new(), Vec::new());
        for (n, (field, column)) in fields.iter().zip(columns).enumerate() {
            if n > 0 && !binary {
                out.push(format.delimiter);
            }
            let raw = row.get(field.raw.clone()).unwrap_or_default();
            let Output::Open { column: encrypted, casts, .. } = &column.value else {
                write_raw(raw, field, binary, out);
                continue;
            };
            if format.is_null(raw, field) {
                write_raw(raw, field, binary, out);
                continue;
            }
            text.clear();
            format.value(raw, &mut text);
            let (envelope, shown) = match format.layout {
                Layout::Binary => (text.as_slice(), Format::Binary),
                _ => (bytea_from_text(&text, &mut bytes).ok_or_else(broken)?, Format::Text),
            };
            opened.clear();
            transformer.open(encrypted, casts, envelope, shown, &mut opened)?;
            format.write(&opened, column.force_quote, columns.len() == 1, out);
        }
        Ok(())
    }
}

fn broken() -> TransformError {
    TransformError {
        sqlstate: "58000",
        message: "the server sent COPY data in another form than was planned".into(),
        hint: Some("The table may have changed since the statement was planned; try again.".into()),
    }
}

/// The table has other columns than were planned.
pub(super) fn other_columns() -> TransformError {
    TransformError {
        sqlstate: "0A000",
        message: "COPY without a column list from or to an encrypted table with generated columns is not supported by Pyrite"
            .into(),
        hint: Some("Name the columns that are to be copied.".into()),
    }
}
