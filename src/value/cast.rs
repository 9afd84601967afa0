//! Casts between types, as PostgreSQL's catalog has them.

use zeroize::Zeroizing;

use super::datetime::{self, EARLY, LATE};
use super::numeric::Numeric;
use super::strings::{self, Secret};
use super::{Datum, Settings, Type, ValueError, float, jsonb};

/// Why a value is cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastContext {
    /// It is stored in a column.
    Assignment,
    /// The statement says so.
    Explicit,
}

/// Groups of types that are alike in what they cast to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    String,
    Number,
    Bool,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Json,
    Jsonb,
    Bytea,
}

fn kind(ty: &Type) -> Kind {
    match ty {
        Type::Text | Type::Varchar(_) | Type::Char(_) => Kind::String,
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric(_) => Kind::Number,
        Type::Bool => Kind::Bool,
        Type::Date => Kind::Date,
        Type::Time(_) => Kind::Time,
        Type::Timestamp(_) => Kind::Timestamp,
        Type::Timestamptz(_) => Kind::Timestamptz,
        Type::Uuid => Kind::Uuid,
        Type::Json => Kind::Json,
        Type::Jsonb => Kind::Jsonb,
        Type::Bytea => Kind::Bytea,
    }
}

/// Whether PostgreSQL casts this on assignment to a column.
pub fn assignable(from: &Type, to: &Type) -> bool {
    use Kind::*;
    let (from, to) = (kind(from), kind(to));
    from == to
        || to == String
        || matches!(
            (from, to),
            (Date | Timestamptz, Timestamp)
                | (Date | Timestamp, Timestamptz)
                | (Timestamp | Timestamptz, Date | Time)
                | (Json, Jsonb)
                | (Jsonb, Json)
        )
}

/// Whether PostgreSQL has an explicit cast.
pub fn explicitly_castable(from: &Type, to: &Type) -> bool {
    let int4_and_bool = matches!((from, to), (Type::Int4, Type::Bool) | (Type::Bool, Type::Int4));
    assignable(from, to)
        || kind(from) == Kind::String
        || int4_and_bool
        || (kind(from) == Kind::Jsonb && matches!(kind(to), Kind::Number | Kind::Bool))
}

impl Datum {
    /// Brings the value to a type, with its modifier: what does not fit is an error, or is cut off where
    /// an explicit cast does so.
    pub fn cast(self, to: &Type, context: CastContext, s: &Settings) -> Result<Datum, ValueError> {
        let explicit = context == CastContext::Explicit;
        let from = self.ty();
        if !explicit && !assignable(&from, to) {
            return Err(ValueError::new(
                "42804",
                format!("column is of type {} but expression is of type {}", to.base(), from.base()),
            )
            .with_hint("You will need to rewrite or cast the expression."));
        }
        if !explicitly_castable(&from, to) {
            return Err(ValueError::new(
                "42846",
                format!("cannot cast type {} to {}", from.base(), to.base()),
            ));
        }
        self.converted(to, s)?.constrained(to, explicit)
    }

    /// The value in another type, without its modifier. The cast is known to exist.
    fn converted(self, to: &Type, s: &Settings) -> Result<Datum, ValueError> {
        let (from_kind, to_kind) = (kind(&self.ty()), kind(to));
        match (from_kind, to_kind) {
            (_, Kind::String) => Ok(self.into_string(to, s)),
            _ if from_kind == to_kind && to_kind != Kind::Number => Ok(self),
            (Kind::String, _) => match &self {
                Datum::Text(text) | Datum::Varchar(text) => Datum::from_text(to, text, s),
                Datum::Char { text, .. } => Datum::from_text(to, text, s),
                _ => Ok(self),
            },
            (Kind::Jsonb, Kind::Number | Kind::Bool) => self.jsonb_scalar(to),
            (Kind::Number, Kind::Number) => self.number(to),
            _ => self.other(to, s),
        }
    }

    /// The text form, except that bool is spelled out and char loses its padding.
    fn into_string(self, to: &Type, s: &Settings) -> Datum {
        let text: Secret = match self {
            Datum::Text(text) | Datum::Varchar(text) => text,
            Datum::Char { text, .. } if matches!(to, Type::Char(_)) => text,
            Datum::Char { text, .. } => Secret::new(strings::strip(&text).to_string()),
            Datum::Bool(value) => Secret::new(value.to_string()),
            other => {
                let mut out = Vec::new();
                other.write_text(s, &mut out);
                // Every text form is UTF-8.
                Zeroizing::new(String::from_utf8(out).unwrap_or_default())
            }
        };
        match to {
            Type::Varchar(_) => Datum::Varchar(text),
            Type::Char(_) => Datum::Char { text, length: 0 },
            _ => Datum::Text(text),
        }
    }

    fn other(self, to: &Type, s: &Settings) -> Result<Datum, ValueError> {
        let zone = &s.time_zone;
        let range =
            |value: Option<i64>| value.ok_or_else(|| ValueError::new("22008", "timestamp out of range"));
        let local = |t| datetime::instant_to_local(t, zone);
        let fits = |t| matches!(t, EARLY | LATE) || datetime::is_timestamp(t);
        Ok(match (&self, to) {
            (Datum::Int4(n), Type::Bool) => Datum::Bool(*n != 0),
            (Datum::Bool(b), Type::Int4) => Datum::Int4((*b).into()),
            (Datum::Date(d), Type::Timestamp(_)) => Datum::Timestamp(date_timestamp(*d)?),
            (Datum::Date(d), Type::Timestamptz(_)) => {
                Datum::Timestamptz(range(datetime::local_to_instant(date_timestamp(*d)?, zone))?)
            }
            (Datum::Timestamp(t), Type::Timestamptz(_)) => {
                Datum::Timestamptz(range(datetime::local_to_instant(*t, zone))?)
            }
            (Datum::Timestamptz(t), Type::Timestamp(_)) => {
                Datum::Timestamp(range(Some(local(*t)).filter(|t| fits(*t)))?)
            }
            (Datum::Timestamp(t), Type::Date) => Datum::Date(datetime::timestamp_to_date(*t)),
            (Datum::Timestamptz(t), Type::Date) => Datum::Date(datetime::timestamp_to_date(local(*t))),
            (Datum::Timestamp(t), Type::Time(_)) => Datum::Time(time_of(*t)?),
            (Datum::Timestamptz(t), Type::Time(_)) => Datum::Time(time_of(local(*t))?),
            (Datum::Jsonb(_), Type::Json) => match self {
                Datum::Jsonb(text) => Datum::Json(text),
                other => other,
            },
            (Datum::Json(text), Type::Jsonb) => Datum::Jsonb(Zeroizing::new(jsonb::normalise(text)?)),
            _ => return Err(ValueError::new("42846", format!("cannot cast type {} to {to}", self.ty()))),
        })
    }

    fn jsonb_scalar(self, to: &Type) -> Result<Datum, ValueError> {
        let Datum::Jsonb(text) = &self else { return Ok(self) };
        let (value, name) = match jsonb::scalar(text)? {
            jsonb::Scalar::Bool(value) => (Some(Datum::Bool(value)), "boolean"),
            jsonb::Scalar::Number(value) => (Some(Datum::Numeric(value)), "numeric"),
            jsonb::Scalar::Null => (None, "null"),
            jsonb::Scalar::String => (None, "string"),
            jsonb::Scalar::Array => (None, "array"),
            jsonb::Scalar::Object => (None, "object"),
        };
        match value {
            Some(value @ Datum::Bool(_)) if *to == Type::Bool => Ok(value),
            Some(value @ Datum::Numeric(_)) if *to != Type::Bool => value.number(to),
            _ => Err(ValueError::new("22023", format!("cannot cast jsonb {name} to type {}", to.base()))),
        }
    }

    fn number(self, to: &Type) -> Result<Datum, ValueError> {
        let range = || ValueError::new("22003", format!("{} out of range", to.base_name()));
        Ok(match to {
            Type::Int2 => Datum::Int2(i16::try_from(self.to_integer(to)?).map_err(|_| range())?),
            Type::Int4 => Datum::Int4(i32::try_from(self.to_integer(to)?).map_err(|_| range())?),
            Type::Int8 => Datum::Int8(self.to_integer(to)?),
            Type::Float4 => Datum::Float4(self.to_float4()?),
            Type::Float8 => Datum::Float8(self.to_float8()?),
            _ => Datum::Numeric(self.to_numeric()?),
        })
    }

    /// The nearest integer: halves to even from a float, away from zero from a numeric.
    fn to_integer(&self, to: &Type) -> Result<i64, ValueError> {
        let range = || ValueError::new("22003", format!("{} out of range", to.base_name()));
        let from_float = |value: f64| {
            let whole = value.round_ties_even();
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&whole);
            if fits { Ok(whole as i64) } else { Err(range()) }
        };
        match self {
            Datum::Int2(n) => Ok((*n).into()),
            Datum::Int4(n) => Ok((*n).into()),
            Datum::Int8(n) => Ok(*n),
            Datum::Float4(n) => from_float((*n).into()),
            Datum::Float8(n) => from_float(*n),
            Datum::Numeric(n) if !n.is_finite() => {
                let what = if n.is_nan() { "NaN" } else { "infinity" };
                Err(ValueError::new("0A000", format!("cannot convert {what} to {}", to.base_name())))
            }
            Datum::Numeric(n) => n.to_i64().ok_or_else(range),
            _ => Err(range()),
        }
    }

    fn to_float4(&self) -> Result<f32, ValueError> {
        match self {
            Datum::Int2(n) => Ok((*n).into()),
            Datum::Int4(n) => Ok(*n as f32),
            Datum::Int8(n) => Ok(*n as f32),
            Datum::Float4(n) => Ok(*n),
            Datum::Float8(n) => {
                let narrow = *n as f32;
                if narrow.is_infinite() && n.is_finite() {
                    return Err(ValueError::new("22003", "value out of range: overflow"));
                }
                if narrow == 0.0 && *n != 0.0 {
                    return Err(ValueError::new("22003", "value out of range: underflow"));
                }
                Ok(narrow)
            }
            other => float::parse(&other.numeric_text()),
        }
    }

    /// As a float8. Used where PostgreSQL promotes both sides of a comparison, too.
    pub(crate) fn to_float8(&self) -> Result<f64, ValueError> {
        match self {
            Datum::Int2(n) => Ok((*n).into()),
            Datum::Int4(n) => Ok((*n).into()),
            Datum::Int8(n) => Ok(*n as f64),
            Datum::Float4(n) => Ok((*n).into()),
            Datum::Float8(n) => Ok(*n),
            other => float::parse(&other.numeric_text()),
        }
    }

    fn numeric_text(&self) -> Zeroizing<String> {
        let mut out = Vec::new();
        if let Datum::Numeric(n) = self {
            n.write_text(&mut out);
        }
        Zeroizing::new(String::from_utf8(out).unwrap_or_default())
    }

    pub(crate) fn to_numeric(&self) -> Result<Numeric, ValueError> {
        let from_float = |value: f64, text: &dyn Fn() -> String| {
            if value.is_nan() {
                Ok(Numeric::nan())
            } else if value.is_infinite() {
                Ok(Numeric::infinity(value < 0.0))
            } else {
                // As many digits as the float is sure of.
                Numeric::parse(&text())
            }
        };
        match self {
            Datum::Int2(n) => Ok(Numeric::from_i64((*n).into())),
            Datum::Int4(n) => Ok(Numeric::from_i64((*n).into())),
            Datum::Int8(n) => Ok(Numeric::from_i64(*n)),
            Datum::Float4(n) => from_float((*n).into(), &|| float::general(*n, 6)),
            Datum::Float8(n) => from_float(*n, &|| float::general(*n, 15)),
            Datum::Numeric(n) => Ok(n.clone()),
            _ => Err(ValueError::range("numeric")),
        }
    }

    /// Applies the modifier of the type that the value already has.
    fn constrained(self, to: &Type, explicit: bool) -> Result<Datum, ValueError> {
        Ok(match (self, to) {
            (Datum::Varchar(text), Type::Varchar(n)) => Datum::Varchar(strings::limit(text, *n, explicit)?),
            (Datum::Char { text, .. }, Type::Char(length)) => {
                Datum::Char { text: strings::pad(text, *length, explicit)?, length: *length }
            }
            (Datum::Numeric(n), Type::Numeric(Some((precision, scale)))) => {
                Datum::Numeric(n.constrained(*precision, *scale)?)
            }
            (Datum::Time(t), Type::Time(p)) => Datum::Time(datetime::round_time(t, *p)),
            (Datum::Timestamp(t), Type::Timestamp(p)) => Datum::Timestamp(datetime::round_timestamp(t, *p)?),
            (Datum::Timestamptz(t), Type::Timestamptz(p)) => {
                Datum::Timestamptz(datetime::round_timestamp(t, *p)?)
            }
            (other, _) => other,
        })
    }
}

fn date_timestamp(date: i32) -> Result<i64, ValueError> {
    datetime::date_to_timestamp(date)
        .ok_or_else(|| ValueError::new("22008", "date out of range for timestamp"))
}

/// The time of day; infinities have none. PostgreSQL gives NULL there, which cannot be told from a value.
fn time_of(timestamp: i64) -> Result<i64, ValueError> {
    if matches!(timestamp, EARLY | LATE) {
        return Err(ValueError::unsupported(
            "an infinite timestamp has no time of day",
            "Give NULL in its place.",
        ));
    }
    Ok(datetime::time_of_timestamp(timestamp))
}
