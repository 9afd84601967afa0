//! One typed value, and its three forms: text, binary, plaintext.

use std::fmt;

use zeroize::Zeroizing;

use super::datetime::{self, DATE_EARLY, DATE_LATE, DAY, EARLY, LATE};
use super::numeric::Numeric;
use super::strings::{self, Secret, utf8};
use super::{Format, Input, Plaintext, Settings, Type, ValueError, float, json, jsonb, simple};

/// One value that is not NULL, with its type.
#[derive(Clone, PartialEq)]
pub enum Datum {
    /// `text`
    Text(Zeroizing<String>),
    /// `varchar`
    Varchar(Zeroizing<String>),
    /// `char(n)`, blanks included.
    Char {
        /// Padded to the length, if there is one.
        text: Zeroizing<String>,
        /// The declared length; 0 for none.
        length: u32,
    },
    /// `int2`
    Int2(i16),
    /// `int4`
    Int4(i32),
    /// `int8`
    Int8(i64),
    /// `float4`
    Float4(f32),
    /// `float8`
    Float8(f64),
    /// `numeric`
    Numeric(Numeric),
    /// `bool`
    Bool(bool),
    /// `date`: days since 2000-01-01; the extremes are the infinities.
    Date(i32),
    /// `time`: microseconds since midnight.
    Time(i64),
    /// `timestamp`: microseconds since 2000-01-01; the extremes are the infinities.
    Timestamp(i64),
    /// `timestamptz`: microseconds since 2000-01-01 UTC; the extremes are the infinities.
    Timestamptz(i64),
    /// `uuid`
    Uuid([u8; 16]),
    /// `json`, as written.
    Json(Zeroizing<String>),
    /// `jsonb`, as PostgreSQL prints it.
    Jsonb(Zeroizing<String>),
    /// `bytea`
    Bytea(Zeroizing<Vec<u8>>),
}

impl fmt::Debug for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Datum({})", self.ty())
    }
}

/// The first byte of binary jsonb.
const JSONB_VERSION: u8 = 1;

impl Datum {
    /// Reads a value as the type's input or receive function does. The type's modifier is not applied;
    /// [`Datum::cast`] does that.
    pub fn decode(ty: &Type, input: Input<'_>, s: &Settings) -> Result<Datum, ValueError> {
        match input {
            Input::Text(bytes) => Self::from_text(ty, utf8(bytes)?, s),
            Input::Binary(bytes) => Self::from_binary(ty, bytes),
        }
    }

    pub(crate) fn from_text(ty: &Type, text: &str, s: &Settings) -> Result<Datum, ValueError> {
        let name = ty.base_name();
        let integer = |min, max| simple::integer(text, min, max, name);
        // The narrowing casts below follow a check of the range.
        Ok(match ty {
            Type::Text => Datum::Text(secret(text)),
            Type::Varchar(_) => Datum::Varchar(secret(text)),
            Type::Char(_) => Datum::Char { text: secret(text), length: 0 },
            Type::Int2 => Datum::Int2(integer(i16::MIN.into(), i16::MAX.into())? as i16),
            Type::Int4 => Datum::Int4(integer(i32::MIN.into(), i32::MAX.into())? as i32),
            Type::Int8 => Datum::Int8(integer(i64::MIN, i64::MAX)?),
            Type::Float4 => Datum::Float4(float::parse(text)?),
            Type::Float8 => Datum::Float8(float::parse(text)?),
            Type::Numeric(_) => Datum::Numeric(Numeric::parse(text)?),
            Type::Bool => Datum::Bool(simple::boolean(text)?),
            Type::Date => Datum::Date(datetime::parse_date(text, s)?),
            Type::Time(_) => Datum::Time(datetime::parse_time(text, s)?),
            Type::Timestamp(_) => Datum::Timestamp(datetime::parse_timestamp(text, s)?),
            Type::Timestamptz(_) => Datum::Timestamptz(datetime::parse_timestamptz(text, s)?),
            Type::Uuid => Datum::Uuid(simple::uuid(text)?),
            Type::Json => {
                json::validate(text)?;
                Datum::Json(secret(text))
            }
            Type::Jsonb => Datum::Jsonb(Zeroizing::new(jsonb::normalise(text)?)),
            Type::Bytea => Datum::Bytea(Zeroizing::new(simple::bytea(text)?)),
        })
    }

    fn from_binary(ty: &Type, bytes: &[u8]) -> Result<Datum, ValueError> {
        // What a value of fixed size says is checked before what may follow it.
        let size = usize::try_from(ty.typlen()).unwrap_or(usize::MAX);
        if let Some((head, [_, ..])) = bytes.split_at_checked(size) {
            return Self::from_binary(ty, head).and(Err(ValueError::binary(ty.base_name())));
        }
        let value = match ty {
            Type::Text => Datum::Text(secret(utf8(bytes)?)),
            Type::Varchar(_) => Datum::Varchar(secret(utf8(bytes)?)),
            Type::Char(_) => Datum::Char { text: secret(utf8(bytes)?), length: 0 },
            Type::Int2 => Datum::Int2(i16::from_be_bytes(fixed(bytes)?)),
            Type::Int4 => Datum::Int4(i32::from_be_bytes(fixed(bytes)?)),
            Type::Int8 => Datum::Int8(i64::from_be_bytes(fixed(bytes)?)),
            Type::Float4 => Datum::Float4(f32::from_be_bytes(fixed(bytes)?)),
            Type::Float8 => Datum::Float8(f64::from_be_bytes(fixed(bytes)?)),
            Type::Numeric(_) => Datum::Numeric(Numeric::from_binary(bytes)?),
            Type::Bool => Datum::Bool(u8::from_be_bytes(fixed(bytes)?) != 0),
            Type::Date => Datum::Date(i32::from_be_bytes(fixed(bytes)?)),
            Type::Time(_) => Datum::Time(i64::from_be_bytes(fixed(bytes)?)),
            Type::Timestamp(_) => Datum::Timestamp(i64::from_be_bytes(fixed(bytes)?)),
            Type::Timestamptz(_) => Datum::Timestamptz(i64::from_be_bytes(fixed(bytes)?)),
            Type::Uuid => Datum::Uuid(fixed(bytes)?),
            Type::Json => return Self::from_text(ty, utf8(bytes)?, &Settings::default()),
            Type::Jsonb => {
                let (version, text) = bytes.split_first().ok_or_else(ValueError::short)?;
                if *version != JSONB_VERSION {
                    return Err(ValueError::new("XX000", "unsupported jsonb version number"));
                }
                Datum::Jsonb(Zeroizing::new(jsonb::normalise(utf8(text)?)?))
            }
            Type::Bytea => Datum::Bytea(Zeroizing::new(bytes.to_vec())),
        };
        value.in_range()
    }

    /// Checks what receive functions check: days and microseconds that the type does not have.
    fn in_range(self) -> Result<Datum, ValueError> {
        let out_of_range = |what: &str| Err(ValueError::new("22008", format!("{what} out of range")));
        match self {
            Datum::Date(d) if !matches!(d, DATE_EARLY | DATE_LATE) && !datetime::is_date(d) => {
                out_of_range("date")
            }
            Datum::Time(t) if !(0..=DAY).contains(&t) => out_of_range("time"),
            Datum::Timestamp(t) | Datum::Timestamptz(t)
                if !matches!(t, EARLY | LATE) && !datetime::is_timestamp(t) =>
            {
                out_of_range("timestamp")
            }
            valid => Ok(valid),
        }
    }

    /// The type. A modifier is known for `char` only.
    pub fn ty(&self) -> Type {
        match self {
            Datum::Text(_) => Type::Text,
            Datum::Varchar(_) => Type::Varchar(None),
            Datum::Char { length, .. } => Type::Char(*length),
            Datum::Int2(_) => Type::Int2,
            Datum::Int4(_) => Type::Int4,
            Datum::Int8(_) => Type::Int8,
            Datum::Float4(_) => Type::Float4,
            Datum::Float8(_) => Type::Float8,
            Datum::Numeric(_) => Type::Numeric(None),
            Datum::Bool(_) => Type::Bool,
            Datum::Date(_) => Type::Date,
            Datum::Time(_) => Type::Time(None),
            Datum::Timestamp(_) => Type::Timestamp(None),
            Datum::Timestamptz(_) => Type::Timestamptz(None),
            Datum::Uuid(_) => Type::Uuid,
            Datum::Json(_) => Type::Json,
            Datum::Jsonb(_) => Type::Jsonb,
            Datum::Bytea(_) => Type::Bytea,
        }
    }

    /// Appends the value in a wire format.
    pub fn encode(&self, format: Format, s: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match format {
            Format::Text => self.write_text(s, out),
            Format::Binary => self.write_binary(out),
        }
        Ok(())
    }

    pub(crate) fn write_text(&self, s: &Settings, out: &mut Vec<u8>) {
        match self {
            Datum::Text(text) | Datum::Varchar(text) | Datum::Json(text) | Datum::Jsonb(text) => {
                out.extend_from_slice(text.as_bytes());
            }
            Datum::Char { text, .. } => out.extend_from_slice(text.as_bytes()),
            Datum::Int2(n) => write_integer((*n).into(), out),
            Datum::Int4(n) => write_integer((*n).into(), out),
            Datum::Int8(n) => write_integer(*n, out),
            Datum::Float4(n) => float::write(*n, s.extra_float_digits, out),
            Datum::Float8(n) => float::write(*n, s.extra_float_digits, out),
            Datum::Numeric(n) => n.write_text(out),
            Datum::Bool(b) => out.push(if *b { b't' } else { b'f' }),
            Datum::Date(d) => datetime::write_date(*d, s, out),
            Datum::Time(t) => datetime::write_time(*t, out),
            Datum::Timestamp(t) => datetime::write_timestamp(*t, s, out),
            Datum::Timestamptz(t) => datetime::write_timestamptz(*t, s, out),
            Datum::Uuid(bytes) => simple::write_uuid(bytes, out),
            Datum::Bytea(bytes) => simple::write_bytea(bytes, s.bytea_output, out),
        }
    }

    fn write_binary(&self, out: &mut Vec<u8>) {
        match self {
            Datum::Numeric(n) => n.write_binary(out),
            Datum::Char { text, .. } => out.extend_from_slice(text.as_bytes()),
            Datum::Jsonb(text) => {
                out.push(JSONB_VERSION);
                out.extend_from_slice(text.as_bytes());
            }
            // For the others, the plaintext is the binary format.
            other => other.write_plaintext(out),
        }
    }

    /// The bytes to encrypt. Numbers, dates and times have a fixed length, or numeric's own.
    pub fn to_plaintext(&self) -> Plaintext {
        let capacity = match self {
            Datum::Text(t) | Datum::Varchar(t) | Datum::Json(t) | Datum::Jsonb(t) => t.len(),
            Datum::Char { text, .. } => text.len(),
            Datum::Bytea(b) => b.len(),
            _ => 16,
        };
        let mut out = Vec::with_capacity(capacity);
        self.write_plaintext(&mut out);
        Plaintext::new(out)
    }

    fn write_plaintext(&self, out: &mut Vec<u8>) {
        match self {
            Datum::Text(text) | Datum::Varchar(text) | Datum::Json(text) | Datum::Jsonb(text) => {
                out.extend_from_slice(text.as_bytes());
            }
            // The padding comes back from the declared length.
            Datum::Char { text, length: 0 } => out.extend_from_slice(text.as_bytes()),
            Datum::Char { text, .. } => out.extend_from_slice(strings::strip(text).as_bytes()),
            Datum::Int2(n) => out.extend(n.to_be_bytes()),
            Datum::Int4(n) => out.extend(n.to_be_bytes()),
            Datum::Int8(n) => out.extend(n.to_be_bytes()),
            Datum::Float4(n) => out.extend(n.to_be_bytes()),
            Datum::Float8(n) => out.extend(n.to_be_bytes()),
            Datum::Numeric(n) => n.write_plaintext(out),
            Datum::Bool(b) => out.push(u8::from(*b)),
            Datum::Date(d) => out.extend(d.to_be_bytes()),
            Datum::Time(t) | Datum::Timestamp(t) | Datum::Timestamptz(t) => out.extend(t.to_be_bytes()),
            Datum::Uuid(bytes) => out.extend_from_slice(bytes),
            Datum::Bytea(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Reads back what [`Datum::to_plaintext`] gave, for a column of this type.
    pub fn from_plaintext(ty: &Type, bytes: &[u8]) -> Result<Datum, ValueError> {
        match ty {
            Type::Numeric(_) => Numeric::from_plaintext(bytes).map(Datum::Numeric).ok_or_else(|| damaged(ty)),
            Type::Char(length) => {
                let text = strings::pad(secret(plain_text(ty, bytes)?), *length, false)?;
                Ok(Datum::Char { text, length: *length })
            }
            // Stored in normal form; there is no need to parse it again.
            Type::Jsonb => Ok(Datum::Jsonb(secret(plain_text(ty, bytes)?))),
            Type::Json => Ok(Datum::Json(secret(plain_text(ty, bytes)?))),
            _ => Self::from_binary(ty, bytes).map_err(|_| damaged(ty)),
        }
    }
}

/// A copy that is wiped when dropped.
fn secret(text: &str) -> Secret {
    Secret::new(text.to_string())
}

/// A decrypted value that is none of its type's: written for another type.
fn damaged(ty: &Type) -> ValueError {
    ValueError::new("XX001", format!("a stored value is not one of type {ty}"))
        .with_hint("The column's declared type in Pyrite's configuration has probably been changed.")
}

fn plain_text<'a>(ty: &Type, bytes: &'a [u8]) -> Result<&'a str, ValueError> {
    std::str::from_utf8(bytes).map_err(|_| damaged(ty))
}

/// Binary input of a type with a fixed size; that there is no more of it is known.
fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ValueError> {
    bytes.try_into().map_err(|_| ValueError::short())
}

fn write_integer(value: i64, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends a decrypted value in a wire format: the way of result rows. Strings and whatever is stored as it
/// is sent are copied without looking further.
pub fn write_plaintext(
    ty: &Type,
    plaintext: &[u8],
    format: Format,
    s: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    match (ty, format) {
        (Type::Text | Type::Varchar(_) | Type::Json, _) | (Type::Jsonb, Format::Text) => {
            out.extend_from_slice(plaintext);
            Ok(())
        }
        (Type::Jsonb, Format::Binary) => {
            out.push(JSONB_VERSION);
            out.extend_from_slice(plaintext);
            Ok(())
        }
        (Type::Bytea, Format::Binary) => {
            out.extend_from_slice(plaintext);
            Ok(())
        }
        (Type::Bytea, Format::Text) => {
            simple::write_bytea(plaintext, s.bytea_output, out);
            Ok(())
        }
        (Type::Char(length), _) => {
            let missing = strings::missing(plain_text(ty, plaintext)?, *length);
            out.extend_from_slice(plaintext);
            out.extend(std::iter::repeat_n(b' ', missing));
            Ok(())
        }
        _ => Datum::from_plaintext(ty, plaintext)?.encode(format, s, out),
    }
}
