//! The canonical bytes of a value in a comparison for equality.
//!
//! Two values of columns of one family have the same bytes if and only if PostgreSQL's `=` says that they
//! are equal. Stored equality terms are made of these bytes, so their form can never change.

use super::datetime::{self, DATE_EARLY, DATE_LATE, DAY, EARLY, LATE};
use super::numeric::Numeric;
use super::strings::strip;
use super::{Datum, Family, Settings, Type, ValueError, jsonb};

/// Bytes of a value that no value of the column can equal. No canonical form is this.
const NEVER: &[u8] = &[0xFF];

/// From here on, neighbouring integers are the same float8.
const FLOAT_INTEGERS: f64 = 9_007_199_254_740_992.0;
/// The least float8 that is larger than all of int8.
const INT8_END: f64 = 9_223_372_036_854_775_808.0;
/// Decimal digits that a float8 always tells apart, and the scale up to which it can.
const FLOAT_DIGITS: u16 = 15;
const FLOAT_SCALE: i16 = 290;

/// Whether PostgreSQL has `=` between the types, implicit casts included.
pub fn has_equality(left: &Type, right: &Type) -> bool {
    use Family::*;
    match (left.family(), right.family()) {
        (Some(a), Some(b)) if a == b => true,
        (Some(Exact), Some(Float)) | (Some(Float), Some(Exact)) => true,
        (Some(Timestamp), Some(Timestamptz)) | (Some(Timestamptz), Some(Timestamp)) => true,
        _ => false,
    }
}

/// Whether the stored equality terms of two columns of one key group compare as their values do.
///
/// Between `varchar` and `char` PostgreSQL ignores trailing blanks on both sides, but the terms of a
/// `varchar` column keep them; and some types compare only after a conversion.
pub fn shares_terms(left: &Type, right: &Type) -> bool {
    let blanks = |a: &Type, b: &Type| matches!((a, b), (Type::Varchar(_), Type::Char(_)));
    left.family().is_some() && left.family() == right.family() && !blanks(left, right) && !blanks(right, left)
}

impl Datum {
    /// The bytes that stand for this value in `column = value`.
    ///
    /// A value that no value of the column can equal gives bytes that never match. What cannot be decided
    /// from the column's terms is an error with SQLSTATE 0A000.
    pub fn equality_bytes(&self, column: &Type, s: &Settings) -> Result<Vec<u8>, ValueError> {
        if !has_equality(column, &self.ty()) {
            return Err(ValueError::new(
                "42883",
                format!("operator does not exist: {} = {}", column.base(), self.ty().base()),
            )
            .with_hint("You might need to add explicit type casts."));
        }
        match column.family() {
            Some(Family::Text) => self.text_bytes(column),
            Some(Family::Exact) => self.exact_bytes(column),
            Some(Family::Float) => self.float_bytes(column),
            Some(Family::Timestamp) => self.timestamp_bytes(column, s),
            Some(Family::Timestamptz) => Ok(self.instant_bytes(s)),
            Some(Family::Jsonb) => match self {
                Datum::Jsonb(text) => jsonb::canonical(text),
                _ => Ok(NEVER.to_vec()),
            },
            // The plaintext of the others is the same for equal values, and for those only.
            _ => Ok(self.to_plaintext().as_bytes().to_vec()),
        }
    }

    fn text_bytes(&self, column: &Type) -> Result<Vec<u8>, ValueError> {
        let (text, stripped) = match self {
            Datum::Char { .. } if matches!(column, Type::Varchar(_)) => {
                return Err(undecidable(
                    "a character varying column with a value of type character",
                    "Cast the value to text or character varying.",
                ));
            }
            Datum::Char { text, .. } => (text, true),
            // Between char and varchar the blanks of both sides do not count, between char and text those
            // of the text do.
            Datum::Varchar(text) => (text, matches!(column, Type::Char(_))),
            Datum::Text(text) => (text, false),
            _ => return Ok(NEVER.to_vec()),
        };
        Ok(if stripped { strip(text) } else { text }.as_bytes().to_vec())
    }

    fn exact_bytes(&self, column: &Type) -> Result<Vec<u8>, ValueError> {
        match self {
            Datum::Float4(n) => exact_for_float((*n).into(), column),
            Datum::Float8(n) => exact_for_float(*n, column),
            other => Ok(other.to_numeric()?.canonical()),
        }
    }

    fn float_bytes(&self, column: &Type) -> Result<Vec<u8>, ValueError> {
        let value = self.to_float8()?;
        let narrow = f64::from(value as f32);
        if *column == Type::Float4 && !value.is_nan() && narrow != value {
            return Ok(NEVER.to_vec());
        }
        // There are many NaNs and two zeros, which are equal.
        let value = if value.is_nan() {
            f64::NAN.abs()
        } else if value == 0.0 {
            0.0
        } else {
            value
        };
        Ok(value.to_be_bytes().to_vec())
    }

    fn timestamp_bytes(&self, column: &Type, s: &Settings) -> Result<Vec<u8>, ValueError> {
        let Datum::Timestamptz(instant) = self else { return Ok(self.local_bytes()) };
        // The column's values are taken for local times of the session's zone.
        let mut matching = datetime::locals_of_instant(*instant, &s.time_zone);
        if *column == Type::Date {
            matching = matching_dates(*instant, s);
        }
        match matching.as_slice() {
            [] => Ok(NEVER.to_vec()),
            [local] => Ok(moment_bytes(*local)),
            _ => Err(undecidable(
                "an instant within a change of the time zone with a column without time zone",
                "Cast the value to timestamp without time zone.",
            )),
        }
    }

    /// Date and timestamp as one scale of microseconds; dates reach further than timestamps.
    fn local_bytes(&self) -> Vec<u8> {
        match self {
            Datum::Date(DATE_EARLY) => moment_bytes(EARLY),
            Datum::Date(DATE_LATE) => moment_bytes(LATE),
            Datum::Date(days) => (i128::from(*days) * i128::from(DAY)).to_be_bytes().to_vec(),
            Datum::Timestamp(t) => moment_bytes(*t),
            _ => NEVER.to_vec(),
        }
    }

    fn instant_bytes(&self, s: &Settings) -> Vec<u8> {
        let local = match self {
            Datum::Timestamptz(t) => return moment_bytes(*t),
            Datum::Timestamp(t) => Some(*t),
            Datum::Date(d) => datetime::date_to_timestamp(*d),
            _ => None,
        };
        // A date beyond the range of timestamps is later than all of them.
        let instant = local.and_then(|t| datetime::local_to_instant(t, &s.time_zone));
        instant.map_or_else(|| NEVER.to_vec(), moment_bytes)
    }
}

fn undecidable(what: &str, hint: &str) -> ValueError {
    ValueError::unsupported(format!("Pyrite cannot compare {what} exactly"), hint)
}

fn moment_bytes(timestamp: i64) -> Vec<u8> {
    match timestamp {
        EARLY => i128::MIN,
        LATE => i128::MAX,
        finite => i128::from(finite),
    }
    .to_be_bytes()
    .to_vec()
}

/// The midnights that the session's zone takes for this instant.
fn matching_dates(instant: i64, s: &Settings) -> Vec<i64> {
    if matches!(instant, EARLY | LATE) {
        return vec![instant];
    }
    let day = instant.div_euclid(DAY);
    let midnights = (day - 2..=day + 2).filter_map(|d| d.checked_mul(DAY));
    midnights.filter(|t| datetime::local_to_instant(*t, &s.time_zone) == Some(instant)).collect()
}

/// Which value of an exact column equals a float, both taken as float8.
fn exact_for_float(value: f64, column: &Type) -> Result<Vec<u8>, ValueError> {
    let never = || Ok(NEVER.to_vec());
    let unclear = || {
        Err(undecidable(
            &format!("a {} column with this value of type double precision", column.base()),
            "Cast the value to the column's type.",
        ))
    };
    match column {
        Type::Numeric(_) if value.is_nan() => Ok(Numeric::nan().canonical()),
        Type::Numeric(None) if value.is_infinite() => Ok(Numeric::infinity(value < 0.0).canonical()),
        _ if !value.is_finite() => never(),
        Type::Numeric(Some((precision, scale))) if *precision <= FLOAT_DIGITS && *scale <= FLOAT_SCALE => {
            // With so few digits, only the shortest decimal of the float can be converted to it.
            let shortest = Numeric::parse(&format!("{value:e}"))?;
            match shortest.clone().constrained(*precision, *scale) {
                Ok(fitting) if fitting.canonical() == shortest.canonical() => Ok(shortest.canonical()),
                _ => never(),
            }
        }
        Type::Numeric(_) => unclear(),
        _ if value.fract() != 0.0 || !(-INT8_END..=INT8_END).contains(&value) => never(),
        Type::Int8 if value.abs() >= FLOAT_INTEGERS => unclear(),
        _ if value.abs() >= FLOAT_INTEGERS => never(),
        _ => Ok(Numeric::from_i64(value as i64).canonical()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Input;

    fn bytes(ty: &str, text: &str, column: &str) -> Result<Vec<u8>, ValueError> {
        let (ty, column) = (Type::parse(ty).unwrap(), Type::parse(column).unwrap());
        let s = Settings::from_gucs("ISO, MDY", "America/New_York", "hex", "1").unwrap();
        Datum::decode(&ty, Input::Text(text.as_bytes()), &s)?.equality_bytes(&column, &s)
    }

    fn same(a: (&str, &str), b: (&str, &str), column: &str) -> bool {
        bytes(a.0, a.1, column).unwrap() == bytes(b.0, b.1, column).unwrap()
    }

    #[test]
    fn numbers() {
        assert!(same(("int2", "1"), ("numeric", "1.00"), "int4"));
        assert!(same(("float8", "-0"), ("float4", "0"), "float8"));
        assert!(same(("float8", "2.5"), ("numeric", "2.50"), "numeric(10,2)"));
        assert_eq!(bytes("float8", "1.5", "int4").unwrap(), NEVER);
        assert_eq!(bytes("float8", "0.1", "float4").unwrap(), NEVER);
        assert_eq!(bytes("numeric", "0.1", "float4").unwrap(), NEVER);
        assert_eq!(bytes("float8", "0.001", "numeric(10,2)").unwrap(), NEVER);
        assert_eq!(bytes("float8", "1e17", "int8").unwrap_err().sqlstate, "0A000");
        assert_eq!(bytes("float8", "0.1", "numeric").unwrap_err().sqlstate, "0A000");
        assert_eq!(bytes("float8", "1e400", "numeric").unwrap_err().sqlstate, "22003");
        assert_eq!(bytes("float8", "1e17", "int4").unwrap(), NEVER);
    }

    #[test]
    fn blanks() {
        assert!(same(("char(5)", "a  "), ("char(5)", "a"), "char(5)"));
        assert!(same(("varchar", "a  "), ("char(5)", "a"), "char(5)"));
        assert!(!same(("text", "a  "), ("char(5)", "a"), "char(5)"));
        assert_eq!(bytes("char(5)", "a", "varchar").unwrap_err().sqlstate, "0A000");
        assert!(!shares_terms(&Type::Varchar(None), &Type::Char(3)));
        assert!(shares_terms(&Type::Text, &Type::Char(3)));
    }

    #[test]
    fn moments() {
        assert!(same(("date", "2020-01-01"), ("timestamp", "2020-01-01 00:00"), "date"));
        assert!(same(("date", "infinity"), ("timestamp", "infinity"), "date"));
        assert!(same(("date", "2020-01-01"), ("timestamptz", "2020-01-01 05:00Z"), "timestamptz"));
        assert!(same(("timestamptz", "2020-07-01 04:00Z"), ("date", "2020-07-01"), "date"));
        assert_eq!(bytes("timestamptz", "2020-07-01 04:01Z", "date").unwrap(), NEVER);
        // 03:30 local time, and 02:30, which was skipped and counts as 03:30.
        let skipped = bytes("timestamptz", "2021-03-14 07:30Z", "timestamp").unwrap_err();
        assert_eq!(skipped.sqlstate, "0A000");
        // The first 01:30 of two; a local 01:30 stands for the second.
        assert_eq!(bytes("timestamptz", "2021-11-07 05:30Z", "timestamp").unwrap(), NEVER);
        assert_eq!(bytes("text", "x", "date").unwrap_err().sqlstate, "42883");
    }
}
