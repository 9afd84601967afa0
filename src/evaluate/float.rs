//! Floating-point numbers: arithmetic with PostgreSQL's errors.

use super::integer::zero_divisor;
use super::text::{datum, wrong};
use super::{Context, EvaluateError, Evaluated};
use crate::value::Datum;

fn overflow() -> EvaluateError {
    EvaluateError::new("22003", "value out of range: overflow")
}

fn underflow() -> EvaluateError {
    EvaluateError::new("22003", "value out of range: underflow")
}

/// Two arguments in the type of the result.
enum Pair {
    Narrow(f32, f32),
    Wide(f64, f64),
}

fn wide(datum: &Datum) -> Result<f64, EvaluateError> {
    match datum {
        Datum::Float4(n) => Ok((*n).into()),
        Datum::Float8(n) => Ok(*n),
        _ => Err(wrong("float")),
    }
}

fn pair(args: &[&Datum]) -> Result<Pair, EvaluateError> {
    match args {
        [Datum::Float4(left), Datum::Float4(right)] => Ok(Pair::Narrow(*left, *right)),
        [left, right] => Ok(Pair::Wide(wide(left)?, wide(right)?)),
        _ => Err(wrong("float")),
    }
}

/// A sum or difference: infinite only if an argument is.
macro_rules! sum {
    ($name:ident, $sign:tt) => {
        pub(super) fn $name(args: &[&Datum], _: Context<'_>) -> Evaluated {
            match pair(args)? {
                Pair::Narrow(left, right) => {
                    let result = left $sign right;
                    if result.is_infinite() && !left.is_infinite() && !right.is_infinite() {
                        return Err(overflow());
                    }
                    Ok(Some(Datum::Float4(result)))
                }
                Pair::Wide(left, right) => {
                    let result = left $sign right;
                    if result.is_infinite() && !left.is_infinite() && !right.is_infinite() {
                        return Err(overflow());
                    }
                    Ok(Some(Datum::Float8(result)))
                }
            }
        }
    };
}

sum!(add, +);
sum!(subtract, -);

pub(super) fn multiply(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match pair(args)? {
        Pair::Narrow(left, right) => {
            let result = left * right;
            if result.is_infinite() && !left.is_infinite() && !right.is_infinite() {
                return Err(overflow());
            }
            if result == 0.0 && left != 0.0 && right != 0.0 {
                return Err(underflow());
            }
            Ok(Some(Datum::Float4(result)))
        }
        Pair::Wide(left, right) => {
            let result = left * right;
            if result.is_infinite() && !left.is_infinite() && !right.is_infinite() {
                return Err(overflow());
            }
            if result == 0.0 && left != 0.0 && right != 0.0 {
                return Err(underflow());
            }
            Ok(Some(Datum::Float8(result)))
        }
    }
}

pub(super) fn divide(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match pair(args)? {
        Pair::Narrow(left, right) => {
            if right == 0.0 && !left.is_nan() {
                return Err(zero_divisor());
            }
            let result = left / right;
            if result.is_infinite() && !left.is_infinite() {
                return Err(overflow());
            }
            if result == 0.0 && left != 0.0 && !right.is_infinite() {
                return Err(underflow());
            }
            Ok(Some(Datum::Float4(result)))
        }
        Pair::Wide(left, right) => {
            if right == 0.0 && !left.is_nan() {
                return Err(zero_divisor());
            }
            let result = left / right;
            if result.is_infinite() && !left.is_infinite() {
                return Err(overflow());
            }
            if result == 0.0 && left != 0.0 && !right.is_infinite() {
                return Err(underflow());
            }
            Ok(Some(Datum::Float8(result)))
        }
    }
}

pub(super) fn negate(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match datum(args, 0)? {
        Datum::Float4(n) => Ok(Some(Datum::Float4(-n))),
        other => Ok(Some(Datum::Float8(-wide(other)?))),
    }
}

pub(super) fn abs(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match datum(args, 0)? {
        Datum::Float4(n) => Ok(Some(Datum::Float4(n.abs()))),
        other => Ok(Some(Datum::Float8(wide(other)?.abs()))),
    }
}

fn one(args: &[&Datum], run: fn(f64) -> f64) -> Evaluated {
    Ok(Some(Datum::Float8(run(wide(datum(args, 0)?)?))))
}

/// Halves to even.
pub(super) fn round(args: &[&Datum], _: Context<'_>) -> Evaluated {
    one(args, f64::round_ties_even)
}

pub(super) fn trunc(args: &[&Datum], _: Context<'_>) -> Evaluated {
    one(args, f64::trunc)
}

pub(super) fn floor(args: &[&Datum], _: Context<'_>) -> Evaluated {
    one(args, f64::floor)
}

pub(super) fn ceil(args: &[&Datum], _: Context<'_>) -> Evaluated {
    one(args, f64::ceil)
}

/// Of NaN and both zeros it is 0.
pub(super) fn sign(args: &[&Datum], _: Context<'_>) -> Evaluated {
    one(args, |n| {
        if n > 0.0 {
            1.0
        } else if n < 0.0 {
            -1.0
        } else {
            0.0
        }
    })
}

pub(super) fn sqrt(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let n = wide(datum(args, 0)?)?;
    if n < 0.0 {
        return Err(EvaluateError::new("2201F", "cannot take square root of a negative number"));
    }
    Ok(Some(Datum::Float8(n.sqrt())))
}
