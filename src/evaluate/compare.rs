//! Comparisons, as the operators of PostgreSQL's types make them.

use std::cmp::Ordering;

use super::text::wrong;
use super::{Context, EvaluateError, Evaluated};
use crate::value::{Datum, Type, moments};

/// Whether two values are equal. Their types have been brought together before.
pub(super) fn equal(left: &Datum, right: &Datum, context: Context<'_>) -> Result<bool, EvaluateError> {
    match (left, right) {
        (Datum::Jsonb(_), Datum::Jsonb(_)) => {
            let bytes = |datum: &Datum| datum.equality_bytes(&Type::Jsonb, context.settings);
            Ok(bytes(left)? == bytes(right)?)
        }
        _ => match (string(left), string(right)) {
            // Collations here are deterministic: equal is what has the same bytes.
            (Some(left), Some(right)) => Ok(left == right),
            _ => Ok(order(left, right, context)? == Ordering::Equal),
        },
    }
}

/// The text that counts: blanks at the end of `char` do not.
fn string(datum: &Datum) -> Option<&str> {
    match datum {
        Datum::Text(text) | Datum::Varchar(text) => Some(text),
        Datum::Char { text, .. } => Some(text.trim_end_matches(' ')),
        _ => None,
    }
}

/// The order of two values.
pub(super) fn order(left: &Datum, right: &Datum, context: Context<'_>) -> Result<Ordering, EvaluateError> {
    if let (Some(left), Some(right)) = (string(left), string(right)) {
        return Ok(context.collation.compare(left, right)?);
    }
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Ok(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (float(left), float(right)) {
        return Ok(floats(left, right));
    }
    if let (Some(left), Some(right)) = (moment(left, context), moment(right, context)) {
        // An instant compares with a local time by the session's zone.
        return Ok(match (left, right) {
            (Moment::Local(left), Moment::Local(right)) | (Moment::Instant(left), Moment::Instant(right)) => {
                left.cmp(&right)
            }
            (Moment::Local(left), Moment::Instant(right)) => {
                moments::instant(left, context.settings).cmp(&right)
            }
            (Moment::Instant(left), Moment::Local(right)) => {
                left.cmp(&moments::instant(right, context.settings))
            }
        });
    }
    match (left, right) {
        (Datum::Numeric(left), Datum::Numeric(right)) => Ok(super::numeric::order(left, right)),
        (Datum::Bool(left), Datum::Bool(right)) => Ok(left.cmp(right)),
        (Datum::Time(left), Datum::Time(right)) => Ok(left.cmp(right)),
        (Datum::Uuid(left), Datum::Uuid(right)) => Ok(left.cmp(right)),
        (Datum::Bytea(left), Datum::Bytea(right)) => Ok(left.as_slice().cmp(right.as_slice())),
        (Datum::Jsonb(_), Datum::Jsonb(_)) => Err(EvaluateError::unsupported("the order of jsonb values")),
        _ => Err(wrong("the other side's")),
    }
}

fn integer(datum: &Datum) -> Option<i64> {
    match datum {
        Datum::Int2(n) => Some((*n).into()),
        Datum::Int4(n) => Some((*n).into()),
        Datum::Int8(n) => Some(*n),
        _ => None,
    }
}

fn float(datum: &Datum) -> Option<f64> {
    match datum {
        Datum::Float4(n) => Some((*n).into()),
        Datum::Float8(n) => Some(*n),
        _ => None,
    }
}

/// NaN equals itself and is more than all others.
pub(super) fn floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Microseconds since 2000-01-01: wide, as dates reach further than timestamps.
enum Moment {
    Local(i128),
    Instant(i128),
}

fn moment(datum: &Datum, _: Context<'_>) -> Option<Moment> {
    match datum {
        Datum::Date(days) => Some(Moment::Local(moments::date_micros(*days))),
        Datum::Timestamp(t) => Some(Moment::Local(moments::wide(*t))),
        Datum::Timestamptz(t) => Some(Moment::Instant(moments::wide(*t))),
        _ => None,
    }
}

/// An operator that asks for the order.
fn ordered(args: &[&Datum], context: Context<'_>, test: fn(Ordering) -> bool) -> Evaluated {
    match args {
        [left, right] => Ok(Some(Datum::Bool(test(order(left, right, context)?)))),
        _ => Err(wrong("a pair's")),
    }
}

fn equality(args: &[&Datum], context: Context<'_>) -> Result<bool, EvaluateError> {
    match args {
        [left, right] => equal(left, right, context),
        _ => Err(wrong("a pair's")),
    }
}

pub(super) fn eq(args: &[&Datum], context: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Bool(equality(args, context)?)))
}

pub(super) fn ne(args: &[&Datum], context: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Bool(!equality(args, context)?)))
}

pub(super) fn lt(args: &[&Datum], context: Context<'_>) -> Evaluated {
    ordered(args, context, Ordering::is_lt)
}

pub(super) fn le(args: &[&Datum], context: Context<'_>) -> Evaluated {
    ordered(args, context, Ordering::is_le)
}

pub(super) fn gt(args: &[&Datum], context: Context<'_>) -> Evaluated {
    ordered(args, context, Ordering::is_gt)
}

pub(super) fn ge(args: &[&Datum], context: Context<'_>) -> Evaluated {
    ordered(args, context, Ordering::is_ge)
}
