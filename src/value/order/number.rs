//! Numbers.

use super::{BEHIND, undecidable};
use crate::value::numeric::Numeric;
use crate::value::{Datum, Type, ValueError};

/// From here on, neighbouring integers are the same float8.
const FLOAT_INTEGERS: f64 = 9_007_199_254_740_992.0;
/// Decimal digits that a float8 always tells apart, and the scale up to which it can.
const FLOAT_DIGITS: u16 = 15;
const FLOAT_SCALE: i16 = 290;

// First bytes of a numeric. Those of negative numbers are the complements of the positive ones'.
const MINUS_INFINITY: u8 = 0x00;
const ZERO: u8 = 0x80;
/// Positive, with a weight far below zero, which follows.
const TINY: u8 = 0x90;
/// Positive with weight 0; the weights near it have the bytes beside it.
const UNITS: u8 = 0xC0;
const NEAR: i32 = 40;
/// Positive, with a large weight, which follows.
const HUGE: u8 = 0xF0;
const INFINITY: u8 = 0xFE;
const NAN: u8 = 0xFF;
/// Added to each digit, so that none begins as the end of a negative number does.
const DIGIT: u16 = 0x0100;
/// Behind a negative number's digits: what ends first is the larger one.
const END_OF_NEGATIVE: u8 = 0xFF;

/// Most bytes of a numeric with so many digits: first byte and weight, digits, end.
pub(super) fn longest(precision: u16) -> usize {
    3 + 2 * (usize::from(precision).div_ceil(4) + 1) + 1
}

/// Where a value lies among integers.
enum Place {
    Below,
    At(i64),
    /// Between this integer and the next.
    Behind(i64),
    Above,
}

/// Encodes for a column of integers.
pub(super) fn integer(column: &Type, value: &Datum, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let place = match value {
        Datum::Int2(n) => Place::At((*n).into()),
        Datum::Int4(n) => Place::At((*n).into()),
        Datum::Int8(n) => Place::At(*n),
        Datum::Numeric(n) => of_numeric(n),
        Datum::Float4(n) => of_float(column, value, (*n).into())?,
        Datum::Float8(n) => of_float(column, value, *n)?,
        _ => return Err(undecidable(column, value, "Cast the value to the column's type.")),
    };
    let (least, most) = match column {
        Type::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Type::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    // Below all: nothing at all, which comes before everything.
    let (number, behind) = match place {
        Place::Below => return Ok(()),
        Place::Above => (most, true),
        Place::At(n) | Place::Behind(n) if n < least => return Ok(()),
        Place::At(n) | Place::Behind(n) if n > most => (most, true),
        Place::At(n) => (n, false),
        Place::Behind(n) => (n, true),
    };
    // The sign bit, flipped, puts the negative ones first.
    match column {
        Type::Int2 => out.extend((number as i16 ^ i16::MIN).to_be_bytes()),
        Type::Int4 => out.extend((number as i32 ^ i32::MIN).to_be_bytes()),
        _ => out.extend((number ^ i64::MIN).to_be_bytes()),
    }
    if behind {
        out.push(BEHIND);
    }
    Ok(())
}

fn of_numeric(value: &Numeric) -> Place {
    match value.whole_part() {
        Some((whole, true)) => Place::At(whole),
        Some((whole, false)) if value.is_negative() => {
            whole.checked_sub(1).map_or(Place::Below, Place::Behind)
        }
        Some((whole, false)) => Place::Behind(whole),
        None if value.is_negative() => Place::Below,
        None => Place::Above,
    }
}

/// A comparison of integers with a float is one of floats.
fn of_float(column: &Type, datum: &Datum, value: f64) -> Result<Place, ValueError> {
    if value.is_nan() {
        return Ok(Place::Above);
    }
    if *column == Type::Int8 && value.is_finite() && value.abs() >= FLOAT_INTEGERS {
        // All of int8 lies within.
        return match value {
            v if v > 9_223_372_036_854_775_808.0 => Ok(Place::Above),
            v if v < -9_223_372_036_854_775_808.0 => Ok(Place::Below),
            _ => Err(undecidable(column, datum, "Cast the value to the column's type.")),
        };
    }
    if value.abs() >= FLOAT_INTEGERS {
        return Ok(if value < 0.0 { Place::Below } else { Place::Above });
    }
    let floor = value.floor();
    Ok(if floor == value { Place::At(floor as i64) } else { Place::Behind(floor as i64) })
}

/// Encodes for a column of type numeric, in a form that does not depend on its modifier.
pub(super) fn numeric(column: &Type, value: &Datum, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let number = match value {
        Datum::Float4(n) => float_as_numeric(column, value, (*n).into())?,
        Datum::Float8(n) => float_as_numeric(column, value, *n)?,
        other => other.to_numeric()?,
    };
    write_numeric(&number, out);
    Ok(())
}

/// The decimal that is ordered among the column's values as the float is, both taken as float8.
fn float_as_numeric(column: &Type, datum: &Datum, value: f64) -> Result<Numeric, ValueError> {
    if value.is_nan() {
        return Ok(Numeric::nan());
    }
    if value.is_infinite() {
        // A numeric too large for a float8 is an error, and none is as large as infinity.
        return Ok(Numeric::infinity(value < 0.0));
    }
    match column {
        // With so few digits, no two decimals are the same float, and the float's shortest decimal is the
        // only one that can be.
        Type::Numeric(Some((precision, scale)))
            if *precision <= FLOAT_DIGITS && (-FLOAT_SCALE..=FLOAT_SCALE).contains(scale) =>
        {
            Numeric::parse(&format!("{value:e}"))
        }
        _ => Err(undecidable(column, datum, "Cast the value to the column's type.")),
    }
}

fn write_numeric(number: &Numeric, out: &mut Vec<u8>) {
    if number.is_nan() {
        return out.push(NAN);
    }
    if !number.is_finite() {
        return out.push(if number.is_negative() { MINUS_INFINITY } else { INFINITY });
    }
    let (weight, digits) = number.weight_and_digits();
    if digits.is_empty() {
        return out.push(ZERO);
    }
    let start = out.len();
    match weight {
        near if near.abs() <= NEAR => out.push((i32::from(UNITS) + near) as u8),
        _ => {
            out.push(if weight < 0 { TINY } else { HUGE });
            // A numeric's weight has 16 bits.
            out.extend((weight as i16 ^ i16::MIN).to_be_bytes());
        }
    }
    digits.iter().for_each(|digit| out.extend((digit + DIGIT).to_be_bytes()));
    if number.is_negative() {
        out.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
        out.push(END_OF_NEGATIVE);
    }
}

pub(super) fn float8(value: f64, out: &mut Vec<u8>) {
    // There are two zeros, which are equal, and many NaNs, which are one and the last.
    let value = if value == 0.0 { 0.0 } else { value };
    let bits = if value.is_nan() { f64::NAN.abs().to_bits() } else { value.to_bits() };
    let flipped = if bits >> 63 == 0 { bits ^ (1 << 63) } else { !bits };
    out.extend(flipped.to_be_bytes());
}

/// Encodes a float8 for a column of type float4.
pub(super) fn float4(value: f64, out: &mut Vec<u8>) {
    let mut narrow = value as f32;
    if f64::from(narrow) > value {
        narrow = narrow.next_down();
    }
    let behind = !value.is_nan() && f64::from(narrow) != value;
    let narrow = if narrow == 0.0 { 0.0 } else { narrow };
    let bits = if narrow.is_nan() { f32::NAN.abs().to_bits() } else { narrow.to_bits() };
    let flipped = if bits >> 31 == 0 { bits ^ (1 << 31) } else { !bits };
    out.extend(flipped.to_be_bytes());
    if behind {
        out.push(BEHIND);
    }
}
