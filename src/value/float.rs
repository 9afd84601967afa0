//! Floating-point numbers as text, as glibc's `strtod` reads them and PostgreSQL prints them.

use super::ValueError;
use super::strings::is_space;

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
///
/// A number out of range is reported before what may follow it.
pub(crate) fn parse<F: Float>(text: &str) -> Result<F, ValueError> {
    let body = text.trim_start_matches(is_space_char);
    let (negative, magnitude) = match body.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix('+').unwrap_or(body)),
    };
    let word = magnitude.trim_end_matches(is_space_char);
    let (value, rest) = if ["inf", "infinity"].iter().any(|w| word.eq_ignore_ascii_case(w)) {
        (F::INFINITY, "")
    } else if word.eq_ignore_ascii_case("nan") {
        (F::NAN, "")
    } else if let Some(hex) = hexadecimal(magnitude) {
        (hex_value::<F>(&hex)?, hex.rest)
    } else {
        decimal_value::<F>(magnitude)?
    };
    if !rest.chars().all(is_space_char) {
        return Err(ValueError::syntax(F::NAME));
    }
    Ok(if negative { value.negated() } else { value })
}

fn is_space_char(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_space)
}

fn out_of_range<F: Float>() -> ValueError {
    ValueError::new("22003", format!("value is out of range for type {}", F::NAME))
}

/// How many digits a text begins with.
fn digits(text: &str, radix: u32) -> usize {
    text.chars().take_while(|c| c.is_digit(radix)).count()
}

/// The length of an exponent at the front of a text; zero if there is none that is complete.
fn exponent_length(text: &str, mark: char) -> usize {
    let Some(after) = text.strip_prefix([mark, mark.to_ascii_uppercase()]) else { return 0 };
    let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
    match digits(unsigned, 10) {
        0 => 0,
        count => text.len() - unsigned.len() + count,
    }
}

/// The number at the front of a text, and what follows it.
fn decimal_value<F: Float>(text: &str) -> Result<(F, &str), ValueError> {
    let bad = || ValueError::syntax(F::NAME);
    let whole = digits(text, 10);
    let mut length = whole;
    let mut count = whole;
    if let Some(decimals) = text.get(length..).and_then(|t| t.strip_prefix('.')) {
        let places = digits(decimals, 10);
        length += 1 + places;
        count += places;
    }
    if count == 0 {
        return Err(bad());
    }
    let (mantissa, rest) = text.split_at(length);
    let (number, rest) = text.split_at(length + exponent_length(rest, 'e'));
    let value: F = number.parse().map_err(|_| bad())?;
    let is_zero = !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    if value == F::INFINITY || (value == F::ZERO && !is_zero) {
        return Err(out_of_range::<F>());
    }
    Ok((value, rest))
}

/// A hexadecimal number at the front of a text.
struct Hexadecimal<'a> {
    mantissa: &'a str,
    exponent: &'a str,
    rest: &'a str,
}

fn hexadecimal(text: &str) -> Option<Hexadecimal<'_>> {
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let mut length = digits(text, 16);
    let mut count = length;
    if let Some(places) = text.get(length..)?.strip_prefix('.') {
        count += digits(places, 16);
        length += 1 + digits(places, 16);
    }
    let (mantissa, rest) = text.split_at(length);
    let (exponent, rest) = rest.split_at(exponent_length(rest, 'p'));
    (count > 0).then(|| Hexadecimal { mantissa, exponent: exponent.get(1..).unwrap_or(""), rest })
}

fn hex_value<F: Float>(number: &Hexadecimal<'_>) -> Result<F, ValueError> {
    let size = number.exponent.trim_start_matches(['+', '-']);
    // What does not fit is far out of range either way.
    let size = if size.is_empty() { 0 } else { size.parse::<i64>().unwrap_or(1 << 40).min(1 << 40) };
    let mut exponent = if number.exponent.starts_with('-') { -size } else { size };
    let (mut significand, mut sticky, mut point) = (0u64, false, false);
    for c in number.mantissa.chars() {
        let Some(digit) = c.to_digit(16) else {
            point = true;
            continue;
        };
        if significand >> 58 == 0 {
            significand = significand << 4 | u64::from(digit);
            exponent -= if point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            exponent += if point { 0 } else { 4 };
        }
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
