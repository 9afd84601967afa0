//! Integers: arithmetic with PostgreSQL's errors.

use super::text::{datum, int, wrong};
use super::{Context, EvaluateError, Evaluated};
use crate::value::Datum;

/// The widest type of the arguments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Two,
    Four,
    Eight,
}

fn width(args: &[&Datum]) -> Result<Width, EvaluateError> {
    let widths = args.iter().map(|datum| match datum {
        Datum::Int2(_) => Ok(Width::Two),
        Datum::Int4(_) => Ok(Width::Four),
        Datum::Int8(_) => Ok(Width::Eight),
        _ => Err(wrong("integer")),
    });
    widths.collect::<Result<Vec<_>, _>>()?.into_iter().max().ok_or_else(|| wrong("integer"))
}

/// The result in the widest type of the arguments; `None` and what does not fit are out of range.
fn fit(value: Option<i64>, width: Width) -> Evaluated {
    let name = match width {
        Width::Two => "smallint",
        Width::Four => "integer",
        Width::Eight => "bigint",
    };
    let fitted = value.and_then(|value| match width {
        Width::Two => i16::try_from(value).ok().map(Datum::Int2),
        Width::Four => i32::try_from(value).ok().map(Datum::Int4),
        Width::Eight => Some(Datum::Int8(value)),
    });
    match fitted {
        Some(datum) => Ok(Some(datum)),
        None => Err(EvaluateError::new("22003", format!("{name} out of range"))),
    }
}

fn pair(args: &[&Datum], run: fn(i64, i64) -> Option<i64>) -> Evaluated {
    fit(run(int(args, 0)?, int(args, 1)?), width(args)?)
}

pub(super) fn add(args: &[&Datum], _: Context<'_>) -> Evaluated {
    pair(args, i64::checked_add)
}

pub(super) fn subtract(args: &[&Datum], _: Context<'_>) -> Evaluated {
    pair(args, i64::checked_sub)
}

pub(super) fn multiply(args: &[&Datum], _: Context<'_>) -> Evaluated {
    pair(args, i64::checked_mul)
}

pub(super) fn zero_divisor() -> EvaluateError {
    EvaluateError::new("22012", "division by zero")
}

pub(super) fn divide(args: &[&Datum], _: Context<'_>) -> Evaluated {
    if int(args, 1)? == 0 {
        return Err(zero_divisor());
    }
    pair(args, i64::checked_div)
}

pub(super) fn modulo(args: &[&Datum], _: Context<'_>) -> Evaluated {
    if int(args, 1)? == 0 {
        return Err(zero_divisor());
    }
    // The least number modulo -1 is 0.
    pair(args, |left, right| Some(left.wrapping_rem(right)))
}

pub(super) fn negate(args: &[&Datum], _: Context<'_>) -> Evaluated {
    fit(int(args, 0)?.checked_neg(), width(args)?)
}

pub(super) fn abs(args: &[&Datum], _: Context<'_>) -> Evaluated {
    fit(int(args, 0)?.checked_abs(), width(args)?)
}

/// The plus sign, of any number.
pub(super) fn same(args: &[&Datum], _: Context<'_>) -> Evaluated {
    Ok(Some(datum(args, 0)?.clone()))
}
