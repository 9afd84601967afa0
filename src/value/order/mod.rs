//! Order encodings: bytes whose unsigned lexicographic order is PostgreSQL's order of the values.
//!
//! A type of fixed size is encoded in just that size. A constant that lies between two values of the column,
//! or beyond them all, has bytes between theirs: those of the value before it, and one byte more. So one
//! encoding of a constant is right for `<`, `<=`, `>` and `>=` alike, and equal to none of the column.
//!
//! Stored order terms are made of these bytes, so their form can never change.

mod moment;
mod number;

use super::strings::strip;
use super::{Collation, Datum, Settings, Type, ValueError, has_equality};

/// One byte more than a value of fixed size: directly behind it.
const BEHIND: u8 = 0;

/// Whether values of this type can be ordered. Texts depend on the collation too.
pub fn supported(ty: &Type) -> bool {
    !matches!(ty, Type::Json | Type::Jsonb)
}

/// Whether values of this type are ordered by a collation.
pub fn uses_collation(ty: &Type) -> bool {
    matches!(ty, Type::Text | Type::Varchar(_) | Type::Char(_))
}

/// The most bytes that a value of a column has; `None` if there is no useful limit.
pub fn longest(ty: &Type) -> Option<usize> {
    Some(match ty {
        Type::Bool => 1,
        Type::Int2 => 2,
        Type::Int4 | Type::Float4 | Type::Date => 4,
        Type::Time(_) => moment::TIME_BYTES,
        Type::Int8 | Type::Float8 | Type::Timestamp(_) | Type::Timestamptz(_) => 8,
        Type::Uuid => 16,
        Type::Numeric(Some((precision, _))) => number::longest(*precision),
        _ => return None,
    })
}

/// Whether the encodings of two columns compare as their values do.
pub fn comparable(left: &Type, right: &Type) -> bool {
    use Type::*;
    match (left, right) {
        (Text | Varchar(_), Text | Varchar(_)) | (Char(_), Char(_)) => true,
        // Against char, blanks at the end of a varchar do not count, but they are in its encoding.
        (Text, Char(_)) | (Char(_), Text) => true,
        _ => supported(left) && left.base() == right.base(),
    }
}

/// Appends the encoding of a value that is compared with a column of type `column`.
///
/// A value of the column's own type gets what the column's envelopes hold; one of another type is compared as
/// PostgreSQL would compare it. What cannot be decided from the column's encodings is an error with
/// SQLSTATE 0A000.
pub fn encode(
    column: &Type,
    collation: &Collation,
    value: &Datum,
    s: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    if !supported(column) {
        return Err(ValueError::unsupported(
            format!("values of type {} cannot be ordered", column.base()),
            "Compare a part of the value, in the application.",
        ));
    }
    // What has equality here has the whole of a btree's operators.
    if !has_equality(column, &value.ty()) {
        return Err(ValueError::new(
            "42883",
            format!("operator does not exist: {} < {}", column.base(), value.ty().base()),
        )
        .with_hint("You might need to add explicit type casts."));
    }
    match (column, value) {
        (Type::Text | Type::Varchar(_) | Type::Char(_), _) => {
            collation.write_key(comparand(column, value)?, out)?;
        }
        (Type::Int2 | Type::Int4 | Type::Int8, _) => number::integer(column, value, out)?,
        (Type::Numeric(_), _) => number::numeric(column, value, out)?,
        (Type::Float4, _) => number::float4(value.to_float8()?, out),
        (Type::Float8, _) => number::float8(value.to_float8()?, out),
        (Type::Date, _) => moment::date(value, s, out)?,
        (Type::Timestamp(_), _) => moment::timestamp(value, s, out)?,
        (Type::Timestamptz(_), _) => moment::timestamptz(value, s, out),
        (Type::Time(_), Datum::Time(time)) => moment::time(*time, out),
        (_, Datum::Bool(value)) => out.push(u8::from(*value)),
        (_, Datum::Uuid(bytes)) => out.extend_from_slice(bytes),
        (_, Datum::Bytea(bytes)) => out.extend_from_slice(bytes),
        _ => return Err(undecidable(column, value, "Cast the value to the column's type.")),
    }
    Ok(())
}

/// The text that is compared, with or without blanks at its end.
fn comparand<'a>(column: &Type, value: &'a Datum) -> Result<&'a str, ValueError> {
    Ok(match value {
        Datum::Char { .. } if matches!(column, Type::Varchar(_)) => {
            return Err(undecidable(column, value, "Cast the value to text or character varying."));
        }
        Datum::Char { text, .. } => strip(text),
        Datum::Varchar(text) if matches!(column, Type::Char(_)) => strip(text),
        Datum::Varchar(text) | Datum::Text(text) => text,
        _ => return Err(undecidable(column, value, "Cast the value to the column's type.")),
    })
}

fn undecidable(column: &Type, value: &Datum, hint: &str) -> ValueError {
    ValueError::unsupported(
        format!(
            "Pyrite cannot order a {} column against this value of type {} exactly",
            column.base(),
            value.ty().base()
        ),
        hint,
    )
}

#[cfg(test)]
mod tests;
