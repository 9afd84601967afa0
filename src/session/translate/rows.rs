//! Descriptions and rows of the server, as the client is to see them.

use crate::catalog::Catalog;
use crate::sql::plan::{Output, Rewrite};
use crate::transform::{TransformError, Transformer};
use crate::value::{Format, Type};
use crate::wire::{WireError, backend, build};

use super::{code, value};

/// The base type of the domain `pyrite.encrypted`, which is what the server shows.
const BYTEA_OID: u32 = 17;

/// The server's answer does not fit the plan: nothing of it may be taken for what it seems to be.
#[derive(Debug)]
pub(in crate::session) enum Mismatch {
    /// Another number of columns or parameters.
    Count,
    /// A column that was to hold envelopes is something else, or the other way round.
    Column(usize),
    /// The message itself is malformed.
    Wire(WireError),
}

impl From<WireError> for Mismatch {
    fn from(error: WireError) -> Self {
        Mismatch::Wire(error)
    }
}

/// A row cannot be shown.
#[derive(Debug)]
pub(in crate::session) enum RowError {
    /// A value cannot be opened.
    Transform(TransformError),
    /// The row does not fit the plan.
    Mismatch(Mismatch),
}

impl From<TransformError> for RowError {
    fn from(error: TransformError) -> Self {
        RowError::Transform(error)
    }
}

impl From<WireError> for RowError {
    fn from(error: WireError) -> Self {
        RowError::Mismatch(Mismatch::Wire(error))
    }
}

/// Appends the RowDescription that the client gets. `wanted` has the formats of a portal's columns, and
/// nothing for a statement or a simple query.
pub(in crate::session) fn row_description(
    outputs: &[Output],
    wanted: &[Format],
    body: &[u8],
    catalog: &Catalog,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let description = backend::RowDescription::parse(body)?;
    if description.count() != outputs.len() {
        return Err(Mismatch::Count);
    }
    for (index, (field, output)) in description.fields().zip(outputs).enumerate() {
        let fits = match output {
            Output::Plain => !is_encrypted(catalog, &field),
            Output::Open { origin, .. } => {
                field.type_oid == BYTEA_OID && origin.is_none_or(|at| at == (field.table, field.attnum))
            }
        };
        if !fits {
            return Err(Mismatch::Column(index));
        }
    }
    build::frame(out, b'T', |out| {
        build::count(out, outputs.len());
        for (index, (field, output)) in description.fields().zip(outputs).enumerate() {
            build::cstr(out, field.name);
            let shown = match output {
                Output::Plain => field,
                Output::Open { column, casts, .. } => {
                    let ty = casts.last().unwrap_or(&column.ty);
                    // A value that was cast is no column any more.
                    let (table, attnum) = if casts.is_empty() { (field.table, field.attnum) } else { (0, 0) };
                    backend::Field {
                        table,
                        attnum,
                        type_oid: ty.oid(),
                        typlen: ty.typlen(),
                        typmod: shown_typmod(ty),
                        format: wanted.get(index).map_or(0, |format| code(*format)),
                        ..field
                    }
                }
            };
            field_bytes(&shown, out);
        }
    });
    Ok(())
}

fn shown_typmod(ty: &Type) -> i32 {
    ty.typmod()
}

fn field_bytes(field: &backend::Field<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&field.table.to_be_bytes());
    out.extend_from_slice(&field.attnum.to_be_bytes());
    out.extend_from_slice(&field.type_oid.to_be_bytes());
    out.extend_from_slice(&field.typlen.to_be_bytes());
    out.extend_from_slice(&field.typmod.to_be_bytes());
    out.extend_from_slice(&field.format.to_be_bytes());
}

fn is_encrypted(catalog: &Catalog, field: &backend::Field<'_>) -> bool {
    if field.table == 0 || field.type_oid != BYTEA_OID {
        return false;
    }
    catalog.relation_by_oid(field.table).is_some_and(|relation| {
        relation.columns.iter().any(|column| {
            column.attnum == field.attnum && (column.encrypted.is_some() || column.unmanaged.is_some())
        })
    })
}

/// Checks that a statement which was taken to touch nothing encrypted shows nothing encrypted.
pub(in crate::session) fn check_plain(body: &[u8], catalog: &Catalog) -> Result<(), Mismatch> {
    let description = backend::RowDescription::parse(body)?;
    match description.fields().position(|field| is_encrypted(catalog, &field)) {
        Some(index) => Err(Mismatch::Column(index)),
        None => Ok(()),
    }
}

/// Appends the ParameterDescription that the client gets.
pub(in crate::session) fn parameter_description(
    plan: &Rewrite,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let mut server = backend::parameter_description(body)?;
    if server.len() < plan.params.len() {
        return Err(Mismatch::Count);
    }
    build::frame(out, b't', |out| {
        build::count(out, plan.params.len());
        for param in &plan.params {
            let shown = server.next().unwrap_or(0);
            out.extend_from_slice(&param.type_oid.unwrap_or(shown).to_be_bytes());
        }
    });
    Ok(())
}

/// Appends the DataRow that the client gets. `wanted` is what the client wants each column in (missing: text);
/// `server` is what envelopes come in. On an error nothing is appended.
pub(in crate::session) fn data_row(
    outputs: &[Output],
    wanted: &[Format],
    server: Format,
    body: &[u8],
    transformer: &mut Transformer,
    out: &mut Vec<u8>,
) -> Result<(), RowError> {
    let values = backend::data_row(body)?;
    if backend::column_count(body)? != outputs.len() {
        return Err(RowError::Mismatch(Mismatch::Count));
    }
    let begin = out.len();
    let at = build::begin(out, b'D');
    build::count(out, outputs.len());
    for (index, (column, output)) in values.zip(outputs).enumerate() {
        let (Output::Open { column: encrypted, casts, .. }, Some(bytes)) = (output, column) else {
            build::value(out, column);
            continue;
        };
        let format = wanted.get(index).copied().unwrap_or(Format::Text);
        let opened = value(out, |out| {
            match server {
                Format::Binary => transformer.open(encrypted, casts, bytes, format, out)?,
                Format::Text => {
                    let envelope = bytea(bytes).ok_or(RowError::Mismatch(Mismatch::Column(index)))?;
                    transformer.open(encrypted, casts, &envelope, format, out)?;
                }
            }
            Ok::<bool, RowError>(true)
        });
        if let Err(error) = opened {
            // Values before the failing one are plaintext that nobody gets to see.
            zeroize::Zeroize::zeroize(out.get_mut(begin..).unwrap_or_default());
            out.truncate(begin);
            return Err(error);
        }
    }
    build::end(out.get_mut(..).unwrap_or_default(), at);
    Ok(())
}

/// A `bytea` value from either of its text forms; an envelope's first byte tells them apart.
fn bytea(text: &[u8]) -> Option<Vec<u8>> {
    match text.strip_prefix(b"\\x") {
        Some(digits) => hex(digits),
        None => escape(text),
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some((nibble(*high)? << 4) | nibble(*low)?)).collect()
}

fn escape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        if *first != b'\\' {
            bytes.push(*first);
            rest = behind;
        } else if let Some(behind) = behind.strip_prefix(b"\\") {
            bytes.push(b'\\');
            rest = behind;
        } else {
            let (digits, behind) = behind.split_first_chunk::<3>()?;
            let value =
                digits.iter().try_fold(0u32, |sum, digit| Some(sum * 8 + char::from(*digit).to_digit(8)?));
            bytes.push(u8::try_from(value?).ok()?);
            rest = behind;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_text_forms_of_bytea_are_read() {
        assert_eq!(bytea(b"\\xff50"), Some(vec![0xff, 0x50]));
        assert_eq!(bytea(b"\\377P\\\\\\000"), Some(vec![0xff, 0x50, b'\\', 0]));
        for broken in [&b"\\xf"[..], b"\\xfg", b"\\37", b"\\999", b"a\\"] {
            assert_eq!(bytea(broken), None, "{broken:?}");
        }
    }
}
