//! Opens the envelopes inside arrays, records and JSON, each in the place that the plan's shape gives it.

use zeroize::Zeroizing;

use super::{TransformError, Transformer};
use crate::catalog::EncryptedColumn;
use crate::sql::plan::{Field, Shape};
use crate::value::{self, ArrayPart, CastContext, Datum, Format, Input, Settings, Type, ValueError};

/// Plaintext that is wiped when dropped.
type Secret = Zeroizing<Vec<u8>>;

impl Transformer {
    /// Appends a value of this shape with its envelopes opened. It comes and goes in `format`; with `as_text`, it is
    /// the text format of such a value, whatever its own format is.
    ///
    /// # Errors
    /// XX001 if the value has another shape, or an envelope in it cannot be opened.
    pub fn open_nested(
        &mut self,
        shape: &Shape,
        as_text: bool,
        bytes: &[u8],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let inner = if as_text { Format::Text } else { format };
        let Some(opened) = self.part(shape, Some(bytes), inner)? else { return Ok(()) };
        out.extend_from_slice(&opened);
        Ok(())
    }

    /// One part, without the quotes of what it is in.
    fn part(
        &mut self,
        shape: &Shape,
        bytes: Option<&[u8]>,
        format: Format,
    ) -> Result<Option<Secret>, TransformError> {
        let Some(bytes) = bytes else { return Ok(None) };
        let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
        match (shape, format) {
            (Shape::Plain, _) => out.extend_from_slice(bytes),
            (Shape::Envelope { column, casts }, Format::Binary) => {
                self.open(column, casts, bytes, format, &mut out)?;
            }
            (Shape::Envelope { column, casts }, Format::Text) => {
                let envelope = bytea(column, bytes)?;
                self.open(column, casts, &envelope, format, &mut out)?;
            }
            (Shape::Array(element), Format::Text) => self.array_text(element, bytes, &mut out)?,
            (Shape::Array(element), Format::Binary) => self.array_binary(element, bytes, &mut out)?,
            (Shape::Record(fields), Format::Text) => self.record_text(fields, bytes, &mut out)?,
            (Shape::Record(fields), Format::Binary) => self.record_binary(fields, bytes, &mut out)?,
            // In binary format, jsonb has its version before the text.
            (Shape::Json(json), _) => {
                let version = usize::from(format == Format::Binary && bytes.first() == Some(&1));
                let (version, text) = bytes.split_at_checked(version).ok_or_else(other_shape)?;
                out.extend_from_slice(version);
                self.open_json(json, text, &mut out)?;
            }
        }
        Ok(Some(out))
    }

    fn array_text(&mut self, element: &Shape, bytes: &[u8], out: &mut Secret) -> Result<(), TransformError> {
        for part in value::array_parts(bytes)? {
            match part {
                ArrayPart::Mark(mark) => out.extend_from_slice(mark),
                ArrayPart::Element(value) => {
                    let value = self.part(element, value.as_deref(), Format::Text)?;
                    value::write_array_element(value.as_deref().map(Vec::as_slice), out);
                }
            }
        }
        Ok(())
    }

    fn array_binary(
        &mut self,
        element: &Shape,
        bytes: &[u8],
        out: &mut Secret,
    ) -> Result<(), TransformError> {
        let array = value::binary_array(bytes)?;
        out.extend_from_slice(array.head);
        out.extend_from_slice(&shown_type(element, array.element).to_be_bytes());
        out.extend_from_slice(array.bounds);
        for value in array.elements {
            let value = self.part(element, value, Format::Binary)?;
            sized(value.as_deref(), out)?;
        }
        Ok(())
    }

    fn record_text(
        &mut self,
        fields: &[Field],
        bytes: &[u8],
        out: &mut Secret,
    ) -> Result<(), TransformError> {
        let mut values = value::record_fields(bytes)?;
        if fields.is_empty() && values == [None] {
            values.clear();
        }
        if values.len() != fields.len() {
            return Err(other_shape());
        }
        out.push(b'(');
        for (n, (field, value)) in fields.iter().zip(values).enumerate() {
            if n > 0 {
                out.push(b',');
            }
            let value = self.part(&field.shape, value.as_deref(), Format::Text)?;
            value::write_record_field(value.as_deref().map(Vec::as_slice), out);
        }
        out.push(b')');
        Ok(())
    }

    fn record_binary(
        &mut self,
        fields: &[Field],
        bytes: &[u8],
        out: &mut Secret,
    ) -> Result<(), TransformError> {
        let values = value::record_fields_binary(bytes)?;
        if values.len() != fields.len() {
            return Err(other_shape());
        }
        out.extend_from_slice(bytes.get(..4).unwrap_or_default());
        for (field, (oid, value)) in fields.iter().zip(values) {
            out.extend_from_slice(&shown_type(&field.shape, oid).to_be_bytes());
            let value = self.part(&field.shape, value, Format::Binary)?;
            sized(value.as_deref(), out)?;
        }
        Ok(())
    }

    /// The value in a JSON string, as JSON.
    pub(super) fn json_value(
        &mut self,
        column: &EncryptedColumn,
        casts: &[Type],
        jsonb: bool,
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let envelope = bytea(column, text)?;
        let datum = self.open_datum(column, &envelope)?;
        let settings = self.settings.as_ref()?;
        let written = |datum: Datum, out: &mut Vec<u8>| {
            let cast = |datum: Datum, ty| datum.cast(ty, CastContext::Explicit, settings);
            casts.iter().try_fold(datum, cast)?.write_json(jsonb, settings, out)
        };
        written(datum, out).map_err(|e: ValueError| TransformError::value(column, &e))
    }
}

/// The type of a part as the client shall see it.
fn shown_type(shape: &Shape, server: u32) -> u32 {
    match shape {
        Shape::Envelope { column, casts } => casts.last().unwrap_or(&column.ty).oid(),
        Shape::Array(element) => match element.as_ref() {
            Shape::Envelope { column, casts } => casts.last().unwrap_or(&column.ty).array_oid(),
            _ => server,
        },
        _ => server,
    }
}

/// Reads bytea in text format. Nothing but what the server sends is read here, and it holds no plaintext.
fn bytea(column: &EncryptedColumn, text: &[u8]) -> Result<Vec<u8>, TransformError> {
    match Datum::decode(&Type::Bytea, Input::Text(text), &Settings::default()) {
        Ok(Datum::Bytea(bytes)) => Ok(bytes.to_vec()),
        _ => Err(TransformError {
            sqlstate: "XX001",
            message: format!("encrypted column {}: the server sent a value that is no bytea", column.name),
            hint: None,
        }),
    }
}

fn sized(value: Option<&Vec<u8>>, out: &mut Vec<u8>) -> Result<(), TransformError> {
    let length = match value {
        Some(value) => i32::try_from(value.len()).map_err(|_| other_shape())?,
        None => -1,
    };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value.map_or(&[], Vec::as_slice));
    Ok(())
}

/// The value is not what the plan says.
pub(super) fn other_shape() -> TransformError {
    TransformError {
        sqlstate: "XX001",
        message: "a value with encrypted columns inside it has another shape than was planned".into(),
        hint: Some("The table may have changed since the statement was planned; connect again.".into()),
    }
}
