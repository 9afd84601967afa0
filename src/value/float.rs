//! Floating-point numbers as text, as glibc's `strtod` reads them and PostgreSQL prints them.

use super::ValueError;
use super::strings::trim;

/// What float4 and float8 have in common here.
pub(crate) trait Float: Copy + PartialEq + std::str::FromStr + std::fmt::LowerExp {
    const NAME: &'static str;
    /// Decimal digits that survive text and back.
    const DIGITS: i32;
    /// From this decimal exponent on, the shortest form is written with an exponent.
    const EXPONENT_FROM: i32;
    /// Bits of the significand, the hidden one included.
    const SIGNIFICAND: u32;
    const ZERO: Self;
    const INFINITY: Self;
    const NAN: Self;
    fn negated(self) -> Self;
    fn is_nan(self) -> bool;
    /// Rounds to this format.
    fn from_scaled(significand: u64, exponent: i32) -> Self;
    /// Significand and exponent of a finite value's magnitude.
    fn parts(self) -> (u64, i32);
}

macro_rules! float {
    ($t:ty, $name:literal, $digits:literal, $from:literal, $mantissa:literal, $bias:literal) => {
        impl Float for $t {
            const NAME: &'static str = $name;
            const DIGITS: i32 = $digits;
            const EXPONENT_FROM: i32 = $from;
            const SIGNIFICAND: u32 = $mantissa + 1;
            const ZERO: Self = 0.0;
            const INFINITY: Self = <$t>::INFINITY;
            const NAN: Self = <$t>::NAN;
            fn negated(self) -> Self {
                -self
            }
            fn is_nan(self) -> bool {
                <$t>::is_nan(self)
            }
            fn from_scaled(significand: u64, exponent: i32) -> Self {
                // Multiplying by two powers is exact, except for the one rounding into the subnormals,
                // which the caller has done already.
                let mut value = significand as $t;
                let mut left = exponent;
                while left != 0 {
                    let step = left.clamp(-60, 60);
                    value *= (2.0 as $t).powi(step);
                    left -= step;
                }
                value
            }
            fn parts(self) -> (u64, i32) {
                let bits = u64::from(self.to_bits());
                let fraction = bits & ((1u64 << $mantissa) - 1);
                let exponent = (bits >> $mantissa) & ($bias * 2 + 1);
                if exponent == 0 {
                    (fraction, 1 - $bias - $mantissa)
                } else {
                    (fraction | 1u64 << $mantissa, exponent as i32 - $bias - $mantissa)
                }
            }
        }
    };
}

float!(f32, "real", 6, 6, 23, 127);
float!(f64, "double precision", 15, 15, 52, 1023);

/// Reads a number in decimal or hexadecimal form, an infinity or NaN, with white space around it.
pub(crate) fn parse<F: Float>(text: &str) -> Result<F, ValueError> {
    let body = trim(text);
    let (negative, magnitude) = match body.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix('+').unwrap_or(body)),
    };
    let value = if ["inf", "infinity"].iter().any(|w| magnitude.eq_ignore_ascii_case(w)) {
        F::INFINITY
    } else if magnitude.eq_ignore_ascii_case("nan") {
        F::NAN
    } else if let Some(hex) = magnitude.strip_prefix("0x").or_else(|| magnitude.strip_prefix("0X")) {
        parse_hex::<F>(hex)?
    } else {
        parse_decimal::<F>(magnitude)?
    };
    Ok(if negative { value.negated() } else { value })
}

fn out_of_range<F: Float>() -> ValueError {
    ValueError::new("22003", format!("value is out of range for type {}", F::NAME))
}

fn parse_decimal<F: Float>(text: &str) -> Result<F, ValueError> {
    let bad = || ValueError::syntax(F::NAME);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at).unwrap_or(""), text.get(at + 1..)),
        None => (text, None),
    };
    let well_formed = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && mantissa.bytes().filter(|b| *b == b'.').count() <= 1
        && mantissa.bytes().any(|b| b.is_ascii_digit())
        && exponent.is_none_or(|e| {
            let digits = e.strip_prefix(['+', '-']).unwrap_or(e);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        });
    if !well_formed {
        return Err(bad());
    }
    let value: F = text.parse().map_err(|_| bad())?;
    let is_zero = !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    if value == F::INFINITY || (value == F::ZERO && !is_zero) {
        return Err(out_of_range::<F>());
    }
    Ok(value)
}

/// The digits and binary exponent after `0x`.
fn parse_hex<F: Float>(text: &str) -> Result<F, ValueError> {
    let bad = || ValueError::syntax(F::NAME);
    let (mantissa, exponent) = match text.find(['p', 'P']) {
        Some(at) => (text.get(..at).unwrap_or(""), text.get(at + 1..)),
        None => (text, None),
    };
    let mut exponent = match exponent {
        Some(e) => {
            let digits = e.strip_prefix(['+', '-']).unwrap_or(e);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad());
            }
            // What does not fit is far out of range either way.
            let size = digits.parse::<i64>().unwrap_or(1 << 40).min(1 << 40);
            if e.starts_with('-') { -size } else { size }
        }
        None => 0,
    };
    let (mut significand, mut sticky, mut digits, mut point) = (0u64, false, 0usize, false);
    for c in mantissa.chars() {
        if c == '.' && !point {
            point = true;
            continue;
        }
        let digit = c.to_digit(16).ok_or_else(bad)?;
        digits += 1;
        if significand >> 58 == 0 {
            significand = significand << 4 | u64::from(digit);
            exponent -= if point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            exponent += if point { 0 } else { 4 };
        }
    }
    if digits == 0 {
        return Err(bad());
    }
    if significand == 0 {
        return Ok(F::ZERO);
    }
    scale::<F>(significand, sticky, exponent)
}

/// Rounds half to even into the format, subnormals included.
fn scale<F: Float>(significand: u64, sticky: bool, exponent: i64) -> Result<F, ValueError> {
    let least = i64::from(F::parts(F::ZERO).1);
    let bits = i64::from(64 - significand.leading_zeros());
    let drop = (bits - i64::from(F::SIGNIFICAND)).max(least - exponent).max(0);
    if drop > bits + 1 || bits + exponent > 2000 {
        return Err(out_of_range::<F>());
    }
    let wide = u128::from(significand) << 1 | u128::from(sticky);
    let cut = drop + 1;
    let (mut kept, rest, half) = (wide >> cut, wide & ((1u128 << cut) - 1), 1u128 << (cut - 1));
    if rest > half || (rest == half && kept & 1 == 1) {
        kept += 1;
    }
    let value = F::from_scaled(kept as u64, i32::try_from(exponent + drop).unwrap_or(i32::MIN / 2));
    if value == F::INFINITY || value == F::ZERO {
        return Err(out_of_range::<F>());
    }
    Ok(value)
}

/// Appends the text form under `extra_float_digits`.
pub(crate) fn write<F: Float>(value: F, extra_digits: i32, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value == F::INFINITY {
        return out.extend_from_slice(b"Infinity");
    }
    if value == F::INFINITY.negated() {
        return out.extend_from_slice(b"-Infinity");
    }
    let text = if extra_digits > 0 {
        lay_out(&shortest(value), -5, F::EXPONENT_FROM)
    } else {
        general(value, F::DIGITS + extra_digits)
    };
    out.extend_from_slice(text.as_bytes());
}

/// C's `%.{digits}g`.
pub(crate) fn general<F: Float>(value: F, digits: i32) -> String {
    let digits = digits.clamp(1, 32);
    let text = format!("{value:.*e}", usize::try_from(digits - 1).unwrap_or(0));
    lay_out(&text, -5, digits)
}

/// Turns `d.ddde7` into plain notation if the exponent is between the bounds, and into C's exponent
/// notation otherwise.
fn lay_out(text: &str, below: i32, from: i32) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    while digits.len() > 1 && digits.ends_with('0') {
        digits.pop();
    }
    if exponent <= below || exponent >= from {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{mark}{:02}", exponent.abs());
    }
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            format!("{sign}0.{}{digits}", "0".repeat(zeros))
        }
        Ok(before) if digits.len() > before + 1 => {
            let (whole, decimals) = digits.split_at(before + 1);
            format!("{sign}{whole}.{decimals}")
        }
        Ok(before) => format!("{sign}{digits}{}", "0".repeat(before + 1 - digits.len())),
    }
}

/// The fewest digits that lie strictly nearer to this value than to any other, and of those the nearest.
///
/// The standard library's shortest form may lie exactly half-way to the neighbour where reading rounds to
/// this (even) value; PostgreSQL does not rely on that and takes another digit. Of two decimals that are
/// equally near, the standard library takes the larger one and PostgreSQL the even one.
fn shortest<F: Float>(value: F) -> String {
    let mut text = format!("{value:e}");
    let mut digits = text.bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count();
    let even = format!("{value:.*e}", digits - usize::from(digits > 0));
    if even.parse::<F>().is_ok_and(|back| back == value) {
        text = even;
    }
    while digits < 17 && is_halfway(value, &text) {
        text = format!("{value:.digits$e}");
        digits += 1;
    }
    text
}

/// Whether the decimal is exactly the mean of the value and one of its neighbours.
fn is_halfway<F: Float>(value: F, text: &str) -> bool {
    let (significand, exponent) = value.parts();
    let (mantissa, decimal_exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let decimals = i32::try_from(digits.len()).unwrap_or(0) - 1;
    let power = decimal_exponent.parse::<i32>().unwrap_or(0) - decimals;
    let Ok(digits) = digits.parse::<u128>() else { return false };
    // A mean has one binary digit more than a value; beyond these powers of ten none is that short.
    if !(-3..=27).contains(&power) || digits == 0 || significand == 0 {
        return false;
    }
    let five = 5u128.pow(power.unsigned_abs());
    let (left, right) = if power >= 0 { (digits * five, 1) } else { (digits, five) };
    let odd = |n: u128| (n >> n.trailing_zeros(), n.trailing_zeros() as i32);
    let mean = |n: u128, shift: i32| {
        let (mine, my_power) = odd(left);
        let (theirs, their_power) = odd(n * right);
        mine == theirs && my_power + power == their_power + exponent - shift
    };
    let wide = u128::from(significand);
    // Below a power of two the neighbour is half as far away.
    let below = if wide.is_power_of_two() { mean(wide * 4 - 1, 2) } else { mean(wide * 2 - 1, 1) };
    below || mean(wide * 2 + 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<F: Float>(value: F, extra: i32) -> String {
        let mut out = Vec::new();
        write(value, extra, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn shortest_form() {
        for (value, text) in [
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0"),
            (1.0 / 3.0, "0.3333333333333333"),
            (f64::from_bits(1), "5e-324"),
        ] {
            assert_eq!(shown(value, 1), text);
            assert_eq!(parse::<f64>(text).unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(shown(1e6f32, 1), "1e+06");
        assert_eq!(shown(0.1f32, 3), "0.1");
        assert_eq!(shown(0.1f32, 0), "0.1");
        assert_eq!(shown(1.0f64 / 3.0, -13), "0.33");
    }

    #[test]
    fn range_and_syntax() {
        for text in ["1e400", "1e-400", "0x1p2000"] {
            assert_eq!(parse::<f64>(text).unwrap_err().sqlstate, "22003", "{text}");
        }
        for text in ["", "e1", "1e", "1.2.3", "--1", "infinit", "0x", "0xp1", "1 2"] {
            assert_eq!(parse::<f64>(text).unwrap_err().sqlstate, "22P02", "{text}");
        }
        assert_eq!(parse::<f64>("0x1.8p3").unwrap(), 12.0);
        assert_eq!(parse::<f64>("0x0.0000000000001p-1022").unwrap().to_bits(), 1);
        assert_eq!(parse::<f64>("0x1fffffffffffff8p0").unwrap(), 144_115_188_075_855_872.0);
    }
}
