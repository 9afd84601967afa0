//! Exact decimal numbers: arithmetic to the scale that PostgreSQL gives each result.

use std::cmp::Ordering;

use super::integer::zero_divisor;
use super::text::{datum, int, wrong};
use super::{Context, EvaluateError, Evaluated};
use crate::value::{Datum, Numeric};

/// Base of the digits.
const BASE: u32 = 10_000;
/// Most digit products of one operation: beyond it is no work for a proxy.
const MAX_WORK: usize = 20_000_000;
/// Most decimals that a result of a division has by itself.
const MAX_DIVISION_SCALE: i64 = 1_000;
/// Significant decimal digits that a quotient has at least.
const SIGNIFICANT: i64 = 16;

/// A number taken apart.
#[derive(Clone, PartialEq, Eq)]
enum Value {
    NaN,
    /// `true`: negative.
    Infinite(bool),
    Finite(Finite),
}

#[derive(Clone, PartialEq, Eq)]
struct Finite {
    negative: bool,
    /// Decimals shown.
    scale: i64,
    /// Power of 10,000 of the first digit.
    weight: i64,
    /// Most significant first, without zeros at either end.
    digits: Vec<u32>,
}

fn overflow() -> EvaluateError {
    EvaluateError::new("22003", "value overflows numeric format")
}

fn read(number: &Numeric) -> Result<Value, EvaluateError> {
    let mut bytes = Vec::new();
    number.write_plaintext(&mut bytes);
    let mut words = bytes.chunks_exact(2).filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    let header = words.next().ok_or_else(|| wrong("numeric"))?;
    match header {
        0xC000 => return Ok(Value::NaN),
        0xD000 => return Ok(Value::Infinite(false)),
        0xF000 => return Ok(Value::Infinite(true)),
        _ => {}
    }
    let weight = words.next().ok_or_else(|| wrong("numeric"))? as i16;
    Ok(Value::Finite(Finite {
        negative: header & 0x4000 != 0,
        scale: i64::from(header & 0x3fff),
        weight: weight.into(),
        digits: words.map(u32::from).collect(),
    }))
}

impl Finite {
    fn zero(scale: i64) -> Finite {
        Finite { negative: false, scale, weight: 0, digits: Vec::new() }
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The digit at a power of 10,000.
    fn digit(&self, place: i64) -> u32 {
        usize::try_from(self.weight - place).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(0)
    }

    /// Power of 10,000 of the last digit.
    fn low(&self) -> i64 {
        self.weight + 1 - i64::try_from(self.digits.len()).unwrap_or(0)
    }

    /// Without zeros at both ends.
    fn trimmed(mut self) -> Finite {
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        self.weight -= i64::try_from(leading).unwrap_or(0);
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            return Finite::zero(self.scale);
        }
        self
    }

    fn number(self) -> Result<Numeric, EvaluateError> {
        let value = self.trimmed();
        let weight = i16::try_from(value.weight).map_err(|_| overflow())?;
        let scale = u16::try_from(value.scale).ok().filter(|scale| *scale <= 0x3fff).ok_or_else(overflow)?;
        let sign = if value.negative { 0x4000 } else { 0 };
        let mut bytes = (scale | sign).to_be_bytes().to_vec();
        bytes.extend(weight.to_be_bytes());
        for digit in &value.digits {
            bytes.extend(u16::try_from(*digit).map_err(|_| overflow())?.to_be_bytes());
        }
        Numeric::from_plaintext(&bytes).ok_or_else(overflow)
    }

    /// The order of the amounts.
    fn amount(&self, other: &Finite) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.weight.cmp(&other.weight).then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    fn order(&self, other: &Finite) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.amount(other),
            (true, true) => other.amount(self),
        }
    }

    fn plus(&self, other: &Finite) -> Finite {
        let scale = self.scale.max(other.scale);
        let (large, small) = if self.amount(other).is_ge() { (self, other) } else { (other, self) };
        if small.is_zero() {
            return Finite { scale, ..large.clone() };
        }
        let (high, low) = (large.weight + 1, large.low().min(small.low()));
        let subtract = large.negative != small.negative;
        let mut digits = Vec::new();
        let mut carry = 0i64;
        for place in low..=high {
            let (left, right) = (i64::from(large.digit(place)), i64::from(small.digit(place)));
            let sum = left + carry + if subtract { -right } else { right };
            carry = sum.div_euclid(i64::from(BASE));
            digits.push(u32::try_from(sum.rem_euclid(i64::from(BASE))).unwrap_or(0));
        }
        digits.reverse();
        Finite { negative: large.negative, scale, weight: high, digits }.trimmed()
    }

    fn times(&self, other: &Finite) -> Result<Finite, EvaluateError> {
        let scale = self.scale + other.scale;
        if self.is_zero() || other.is_zero() {
            return Ok(Finite::zero(scale));
        }
        check_work(self.digits.len(), other.digits.len())?;
        let mut sums = vec![0u64; self.digits.len() + other.digits.len()];
        for (i, left) in self.digits.iter().enumerate() {
            for (j, right) in other.digits.iter().enumerate() {
                if let Some(sum) = sums.get_mut(i + j + 1) {
                    *sum += u64::from(left * right);
                }
            }
        }
        let mut carry = 0;
        for sum in sums.iter_mut().rev() {
            *sum += carry;
            carry = *sum / u64::from(BASE);
            *sum %= u64::from(BASE);
        }
        let digits = sums.into_iter().map(|sum| u32::try_from(sum).unwrap_or(0)).collect();
        let negative = self.negative != other.negative;
        Ok(Finite { negative, scale, weight: self.weight + other.weight + 1, digits }.trimmed())
    }

    /// The quotient cut off behind `groups` digits after the point. The divisor is not zero.
    fn over(&self, other: &Finite, groups: i64) -> Result<Finite, EvaluateError> {
        if self.is_zero() {
            return Ok(Finite::zero(0));
        }
        // Both become integers: of the dividend so many digits are taken that the last is the wanted one.
        let (from, below) = (self.weight, other.low() - groups);
        if below > from {
            return Ok(Finite::zero(0));
        }
        let length = usize::try_from(from - below + 1).unwrap_or(usize::MAX);
        check_work(length, other.digits.len())?;
        let divisor = &other.digits;
        let mut rest: Vec<u32> = Vec::new();
        let mut digits = Vec::with_capacity(length);
        for place in (below..=from).rev() {
            rest.push(self.digit(place));
            digits.push(subtract_multiples(&mut rest, divisor));
        }
        let weight = i64::try_from(digits.len()).unwrap_or(0) - 1 - groups;
        Ok(Finite { negative: self.negative != other.negative, scale: 0, weight, digits }.trimmed())
    }

    /// Cut off at so many decimals, which are shown.
    fn cut(&self, scale: i64) -> Finite {
        let mut value = self.clone();
        value.scale = scale.max(0);
        let lowest = -scale.div_euclid(4) - i64::from(scale.rem_euclid(4) != 0);
        let keep = usize::try_from(value.weight - lowest + 1).unwrap_or(0);
        value.digits.truncate(keep);
        let unit = match scale.rem_euclid(4) {
            1 => 1_000,
            2 => 100,
            3 => 10,
            _ => 1,
        };
        if let Some(last) = value.digits.last_mut().filter(|_| keep > 0 && self.digits.len() >= keep) {
            *last -= *last % unit;
        }
        value.trimmed()
    }
}

fn check_work(left: usize, right: usize) -> Result<(), EvaluateError> {
    if left.saturating_mul(right) > MAX_WORK {
        return Err(EvaluateError::unsupported("arithmetic on numbers of this length"));
    }
    Ok(())
}

/// How often `divisor` goes into `rest`, of which that much is taken. It is less than the base.
fn subtract_multiples(rest: &mut Vec<u32>, divisor: &[u32]) -> u32 {
    let leading = rest.iter().take_while(|digit| **digit == 0).count();
    rest.drain(..leading);
    let (mut low, mut high) = (0, BASE - 1);
    // The first digits leave little to be searched.
    let head = |digits: &[u32], count: usize| -> u64 {
        (0..count).fold(0, |sum, at| sum * u64::from(BASE) + u64::from(digits.get(at).copied().unwrap_or(0)))
    };
    if rest.len() < divisor.len() {
        return 0;
    }
    let extra = rest.len() - divisor.len();
    if extra <= 1 {
        let (top, bottom) = (head(rest, 2 + extra), head(divisor, 2));
        let guess = |n: u64| u32::try_from(n.min(u64::from(BASE - 1))).unwrap_or(BASE - 1);
        low = guess(top / (bottom + 1));
        high = guess((top + 1) / bottom.max(1)).max(low);
    }
    while low < high {
        let middle = (low + high).div_ceil(2);
        if multiple(divisor, middle, rest.len()).as_slice() <= rest.as_slice() {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let taken = multiple(divisor, low, rest.len());
    let mut borrow = 0;
    for (digit, take) in rest.iter_mut().zip(&taken).rev() {
        let take = take + borrow;
        borrow = u32::from(*digit < take);
        *digit = *digit + borrow * BASE - take;
    }
    low
}

/// `digits` times a digit, in so many digits (one more than it has at most).
fn multiple(digits: &[u32], times: u32, length: usize) -> Vec<u32> {
    let mut product = vec![0; length.max(digits.len() + 1)];
    let mut carry = 0;
    let places = product.len();
    for (at, digit) in digits.iter().rev().enumerate() {
        let value = digit * times + carry;
        carry = value / BASE;
        if let Some(place) = product.get_mut(places - 1 - at) {
            *place = value % BASE;
        }
    }
    if let Some(place) = product.get_mut(places - 1 - digits.len()) {
        *place = carry;
    }
    // A product that is longer than `length` compares as larger: its first digit is not zero then.
    if places > length && product.first() == Some(&0) {
        product.remove(0);
    } else if places > length {
        return vec![BASE; length];
    }
    product
}

/// NaN equals itself and is more than all others.
pub(super) fn order(left: &Numeric, right: &Numeric) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Infinite(true) => 0,
        Value::Finite(_) => 1,
        Value::Infinite(false) => 2,
        Value::NaN => 3,
    };
    match (read(left), read(right)) {
        (Ok(Value::Finite(left)), Ok(Value::Finite(right))) => left.order(&right),
        (Ok(left), Ok(right)) => rank(&left).cmp(&rank(&right)),
        _ => Ordering::Equal,
    }
}

fn arg<'a>(args: &[&'a Datum], at: usize) -> Result<&'a Numeric, EvaluateError> {
    match datum(args, at)? {
        Datum::Numeric(number) => Ok(number),
        _ => Err(wrong("numeric")),
    }
}

fn out(value: Value) -> Evaluated {
    Ok(Some(Datum::Numeric(match value {
        Value::NaN => Numeric::nan(),
        Value::Infinite(negative) => Numeric::infinity(negative),
        Value::Finite(value) => value.number()?,
    })))
}

fn both(args: &[&Datum]) -> Result<(Value, Value), EvaluateError> {
    Ok((read(arg(args, 0)?)?, read(arg(args, 1)?)?))
}

fn negated(value: Value) -> Value {
    match value {
        Value::NaN => Value::NaN,
        Value::Infinite(negative) => Value::Infinite(!negative),
        Value::Finite(value) => {
            let negative = !value.negative && !value.is_zero();
            Value::Finite(Finite { negative, ..value })
        }
    }
}

fn sum(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::NaN, _) | (_, Value::NaN) => Value::NaN,
        (Value::Infinite(left), Value::Infinite(right)) if left != right => Value::NaN,
        (Value::Infinite(negative), _) | (_, Value::Infinite(negative)) => Value::Infinite(negative),
        (Value::Finite(left), Value::Finite(right)) => Value::Finite(left.plus(&right)),
    }
}

pub(super) fn add(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (left, right) = both(args)?;
    out(sum(left, right))
}

pub(super) fn subtract(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (left, right) = both(args)?;
    out(sum(left, negated(right)))
}

/// The sign of a number that is not NaN: -1, 0 or 1.
fn signum(value: &Value) -> i32 {
    match value {
        Value::Infinite(true) => -1,
        Value::Finite(value) if value.is_zero() => 0,
        Value::Finite(value) if value.negative => -1,
        _ => 1,
    }
}

pub(super) fn multiply(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match both(args)? {
        (Value::NaN, _) | (_, Value::NaN) => out(Value::NaN),
        (Value::Finite(left), Value::Finite(right)) => {
            let product = left.times(&right)?;
            if product.scale > 0x3fff {
                let scale = 0x3fff;
                let number = Finite { scale, ..product }.number()?;
                return Ok(Some(Datum::Numeric(number.rounded(scale as i32))));
            }
            out(Value::Finite(product))
        }
        (left, right) => match signum(&left) * signum(&right) {
            0 => out(Value::NaN),
            sign => out(Value::Infinite(sign < 0)),
        },
    }
}

/// The first digit that counts, with its place; of zero both are 0.
fn leading(value: &Finite) -> (i64, u32) {
    value.digits.first().map_or((0, 0), |first| (value.weight, *first))
}

/// How many decimals a quotient is given.
fn quotient_scale(left: &Finite, right: &Finite) -> i64 {
    let ((left_weight, left_digit), (right_weight, right_digit)) = (leading(left), leading(right));
    let weight = left_weight - right_weight - i64::from(left_digit <= right_digit);
    (SIGNIFICANT - weight * 4).max(left.scale).max(right.scale).clamp(0, MAX_DIVISION_SCALE)
}

pub(super) fn divide(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match both(args)? {
        (Value::NaN, _) | (_, Value::NaN) => out(Value::NaN),
        (Value::Infinite(_), Value::Infinite(_)) => out(Value::NaN),
        (_, Value::Finite(right)) if right.is_zero() => Err(zero_divisor()),
        (Value::Infinite(negative), Value::Finite(right)) => out(Value::Infinite(negative != right.negative)),
        (Value::Finite(_), Value::Infinite(_)) => out(Value::Finite(Finite::zero(0))),
        (Value::Finite(left), Value::Finite(right)) => {
            let scale = quotient_scale(&left, &right);
            let quotient = left.over(&right, scale / 4 + 1)?;
            let shown = Finite { scale: (scale / 4 + 1) * 4, ..quotient };
            let scale = i32::try_from(scale).unwrap_or(0);
            Ok(Some(Datum::Numeric(shown.number()?.rounded(scale))))
        }
    }
}

pub(super) fn modulo(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match both(args)? {
        (Value::NaN, _) | (_, Value::NaN) => out(Value::NaN),
        (_, Value::Finite(right)) if right.is_zero() => Err(zero_divisor()),
        (Value::Infinite(_), _) => out(Value::NaN),
        (left, Value::Infinite(_)) => out(left),
        (Value::Finite(left), Value::Finite(right)) => {
            let whole = left.over(&right, 0)?;
            let taken = Finite { scale: right.scale, ..whole.times(&right)? };
            out(sum(Value::Finite(left), negated(Value::Finite(taken))))
        }
    }
}

pub(super) fn negate(args: &[&Datum], _: Context<'_>) -> Evaluated {
    out(negated(read(arg(args, 0)?)?))
}

pub(super) fn abs(args: &[&Datum], _: Context<'_>) -> Evaluated {
    out(match read(arg(args, 0)?)? {
        Value::Finite(value) => Value::Finite(Finite { negative: false, ..value }),
        Value::Infinite(_) => Value::Infinite(false),
        Value::NaN => Value::NaN,
    })
}

/// The wanted decimals: PostgreSQL goes to 2,000 on both sides.
fn places(args: &[&Datum]) -> Result<i64, EvaluateError> {
    if args.len() > 1 { Ok(int(args, 1)?.clamp(-2_000, 2_000)) } else { Ok(0) }
}

pub(super) fn round(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let scale = i32::try_from(places(args)?).unwrap_or(0);
    match read(&arg(args, 0)?.clone().rounded(scale))? {
        Value::Finite(value) => Ok(Some(Datum::Numeric(value.number()?))),
        special => out(special),
    }
}

fn finite(args: &[&Datum], run: impl FnOnce(Finite) -> Finite) -> Evaluated {
    out(match read(arg(args, 0)?)? {
        Value::Finite(value) => Value::Finite(run(value)),
        special => special,
    })
}

pub(super) fn trunc(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let scale = places(args)?;
    finite(args, |value| value.cut(scale))
}

fn one(negative: bool) -> Finite {
    Finite { negative, scale: 0, weight: 0, digits: vec![1] }
}

pub(super) fn floor(args: &[&Datum], _: Context<'_>) -> Evaluated {
    finite(args, |value| {
        let whole = value.cut(0);
        if value.negative && whole.order(&value).is_ne() { whole.plus(&one(true)) } else { whole }
    })
}

pub(super) fn ceil(args: &[&Datum], _: Context<'_>) -> Evaluated {
    finite(args, |value| {
        let whole = value.cut(0);
        if !value.negative && whole.order(&value).is_ne() { whole.plus(&one(false)) } else { whole }
    })
}

pub(super) fn sign(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match read(arg(args, 0)?)? {
        Value::NaN => out(Value::NaN),
        value => Ok(Some(Datum::Numeric(Numeric::from_i64(signum(&value).into())))),
    }
}

/// The decimals shown; infinities and NaN have none.
pub(super) fn scale(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match read(arg(args, 0)?)? {
        Value::Finite(value) => Ok(Some(Datum::Int4(i32::try_from(value.scale).unwrap_or(0)))),
        _ => Ok(None),
    }
}

/// Without zeros at the end of the decimals.
pub(super) fn trim_scale(args: &[&Datum], _: Context<'_>) -> Evaluated {
    finite(args, |value| {
        let mut scale = (-value.low() * 4).max(0);
        if value.is_zero() {
            scale = 0;
        }
        if let Some(last) = value.digits.last().filter(|_| value.low() < 0) {
            let zeros = [10, 100, 1_000].iter().filter(|unit| *last % **unit == 0).count();
            scale -= i64::try_from(zeros).unwrap_or(0);
        }
        Finite { scale, ..value }
    })
}
