//! Exact decimal numbers of any size, kept as PostgreSQL keeps them: digits of base 10,000, a weight, and
//! the number of decimals to show.

mod parts;

use super::ValueError;
use super::strings::is_space;

/// Most decimals that a numeric can show.
const MAX_DSCALE: u32 = 16_383;
/// A decimal exponent beyond this cannot give a valid number whatever its digits.
const MAX_EXPONENT: i64 = i32::MAX as i64 / 2;

const SIGN_POSITIVE: u16 = 0x0000;
const SIGN_NEGATIVE: u16 = 0x4000;
const SIGN_NAN: u16 = 0xC000;
const SIGN_INFINITY: u16 = 0xD000;
const SIGN_NEGATIVE_INFINITY: u16 = 0xF000;
/// What PostgreSQL sends as the display scale of an infinity: a bit of its sign read as scale.
const INFINITY_DSCALE: u16 = 32;

/// A numeric value.
#[derive(Clone, PartialEq, Eq)]
pub struct Numeric {
    kind: Kind,
    /// Power of 10,000 of the first digit.
    weight: i32,
    /// Decimals shown.
    dscale: u32,
    /// Base 10,000, most significant first, without zeros at either end.
    digits: Vec<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Positive,
    Negative,
    NaN,
    Infinity,
    NegativeInfinity,
}

fn overflow() -> ValueError {
    ValueError::new("22003", "value overflows numeric format")
}

impl Numeric {
    fn special(kind: Kind) -> Self {
        Self { kind, weight: 0, dscale: 0, digits: Vec::new() }
    }

    /// NaN.
    pub(crate) fn nan() -> Self {
        Self::special(Kind::NaN)
    }

    /// Plus or minus infinity.
    pub(crate) fn infinity(negative: bool) -> Self {
        Self::special(if negative { Kind::NegativeInfinity } else { Kind::Infinity })
    }

    /// Whether it is neither NaN nor an infinity.
    pub(crate) fn is_finite(&self) -> bool {
        matches!(self.kind, Kind::Positive | Kind::Negative)
    }

    /// Whether it is NaN.
    pub(crate) fn is_nan(&self) -> bool {
        self.kind == Kind::NaN
    }

    /// An integer, without decimals.
    pub(crate) fn from_i64(value: i64) -> Self {
        let mut digits = Vec::new();
        let mut rest = value.unsigned_abs();
        while rest > 0 {
            digits.push((rest % 10_000) as u16);
            rest /= 10_000;
        }
        digits.reverse();
        let weight = i32::try_from(digits.len()).unwrap_or(0) - 1;
        let kind = if value < 0 { Kind::Negative } else { Kind::Positive };
        Self { kind, weight, dscale: 0, digits }.normalised()
    }

    /// Removes zeros at both ends, and the sign of zero.
    fn normalised(mut self) -> Self {
        let leading = self.digits.iter().take_while(|d| **d == 0).count();
        self.digits.drain(..leading);
        self.weight -= i32::try_from(leading).unwrap_or(i32::MAX);
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() && self.is_finite() {
            self.kind = Kind::Positive;
            self.weight = 0;
        }
        self
    }

    /// Checks that the parts fit the stored form.
    fn checked(self) -> Result<Self, ValueError> {
        if i16::try_from(self.weight).is_err() || self.dscale > MAX_DSCALE {
            return Err(overflow());
        }
        Ok(self)
    }

    /// Reads a number as `numeric_in` does, white space around it included.
    pub(crate) fn parse(text: &str) -> Result<Self, ValueError> {
        let bad = || ValueError::syntax("numeric");
        let bytes = text.as_bytes();
        let start = bytes.iter().position(|b| !is_space(*b)).unwrap_or(bytes.len());
        let body = bytes.get(start..).unwrap_or_default();
        if let Some((value, used)) = parse_special(body) {
            let rest = body.get(used..).unwrap_or_default();
            return if rest.iter().copied().all(is_space) { Ok(value) } else { Err(bad()) };
        }
        parse_finite(body)
    }

    /// Appends the text form.
    pub(crate) fn write_text(&self, out: &mut Vec<u8>) {
        match self.kind {
            Kind::NaN => return out.extend_from_slice(b"NaN"),
            Kind::Infinity => return out.extend_from_slice(b"Infinity"),
            Kind::NegativeInfinity => return out.extend_from_slice(b"-Infinity"),
            Kind::Negative => out.push(b'-'),
            Kind::Positive => {}
        }
        let before = out.len();
        for position in (0..=self.weight.max(-1)).rev() {
            push_group(self.digit(position), out);
        }
        // Leading zeros of the first group are not shown, but one digit always is.
        let zeros = out.iter().skip(before).take_while(|b| **b == b'0').count();
        out.drain(before..before + zeros);
        if out.len() == before {
            out.push(b'0');
        }
        if self.dscale > 0 {
            out.push(b'.');
            let decimals = usize::try_from(self.dscale).unwrap_or(0);
            let end = out.len() + decimals;
            let mut position = -1;
            while out.len() < end {
                push_group(self.digit(position), out);
                position -= 1;
            }
            out.truncate(end);
        }
    }

    /// The digit that stands for this power of 10,000.
    fn digit(&self, position: i32) -> u16 {
        let index = usize::try_from(i64::from(self.weight) - i64::from(position)).ok();
        index.and_then(|i| self.digits.get(i)).copied().unwrap_or(0)
    }

    fn sign_word(&self) -> u16 {
        match self.kind {
            Kind::Positive => SIGN_POSITIVE,
            Kind::Negative => SIGN_NEGATIVE,
            Kind::NaN => SIGN_NAN,
            Kind::Infinity => SIGN_INFINITY,
            Kind::NegativeInfinity => SIGN_NEGATIVE_INFINITY,
        }
    }

    /// Appends the binary format.
    pub(crate) fn write_binary(&self, out: &mut Vec<u8>) {
        let dscale = match self.kind {
            Kind::Infinity | Kind::NegativeInfinity => INFINITY_DSCALE,
            _ => self.dscale as u16,
        };
        out.extend((self.digits.len() as u16).to_be_bytes());
        out.extend((self.weight as i16).to_be_bytes());
        out.extend(self.sign_word().to_be_bytes());
        out.extend(dscale.to_be_bytes());
        self.digits.iter().for_each(|d| out.extend(d.to_be_bytes()));
    }

    /// Reads the binary format, which must end with `bytes`.
    pub(crate) fn from_binary(bytes: &[u8]) -> Result<Self, ValueError> {
        let bad =
            |what: &str| ValueError::new("22P03", format!("invalid {what} in external \"numeric\" value"));
        let ([count, weight, sign, dscale], rest) = words::<4>(bytes).ok_or_else(ValueError::short)?;
        let kind = match sign {
            SIGN_POSITIVE => Kind::Positive,
            SIGN_NEGATIVE => Kind::Negative,
            SIGN_NAN => Kind::NaN,
            SIGN_INFINITY => Kind::Infinity,
            SIGN_NEGATIVE_INFINITY => Kind::NegativeInfinity,
            _ => return Err(bad("sign")),
        };
        if u32::from(dscale) > MAX_DSCALE {
            return Err(bad("scale"));
        }
        let mut digits = Vec::with_capacity(usize::from(count).min(rest.len() / 2));
        let mut rest = rest;
        for _ in 0..count {
            let ([digit], tail) = words::<1>(rest).ok_or_else(ValueError::short)?;
            if digit > 9999 {
                return Err(bad("digit"));
            }
            digits.push(digit);
            rest = tail;
        }
        if !matches!(kind, Kind::Positive | Kind::Negative) {
            return if rest.is_empty() {
                Ok(Self::special(kind))
            } else {
                Err(ValueError::binary("numeric"))
            };
        }
        // Digits beyond the display scale would be hidden ones; PostgreSQL drops them.
        let value = Self { kind, weight: i32::from(weight as i16), dscale: u32::from(dscale), digits };
        let value = value.truncated(i32::from(dscale)).normalised().checked()?;
        if rest.is_empty() { Ok(value) } else { Err(ValueError::binary("numeric")) }
    }

    /// Appends the compact form: sign and scale in one word, weight, digits.
    pub(crate) fn write_plaintext(&self, out: &mut Vec<u8>) {
        let header = match self.kind {
            Kind::Positive | Kind::Negative => self.sign_word() | (self.dscale as u16 & 0x3fff),
            _ => self.sign_word(),
        };
        out.extend(header.to_be_bytes());
        if self.is_finite() {
            out.extend((self.weight as i16).to_be_bytes());
            self.digits.iter().for_each(|d| out.extend(d.to_be_bytes()));
        }
    }

    /// Reads the compact form back.
    pub(crate) fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let ([header], rest) = words::<1>(bytes)?;
        let kind = match header {
            SIGN_NAN => Kind::NaN,
            SIGN_INFINITY => Kind::Infinity,
            SIGN_NEGATIVE_INFINITY => Kind::NegativeInfinity,
            _ if header & 0x8000 != 0 => return None,
            _ if header & SIGN_NEGATIVE != 0 => Kind::Negative,
            _ => Kind::Positive,
        };
        if !matches!(kind, Kind::Positive | Kind::Negative) {
            return rest.is_empty().then(|| Self::special(kind));
        }
        let ([weight], mut rest) = words::<1>(rest)?;
        let mut digits = Vec::with_capacity(rest.len() / 2);
        while let Some(([digit], tail)) = words::<1>(rest) {
            digits.push(digit);
            rest = tail;
        }
        if !rest.is_empty() || digits.iter().any(|d| *d > 9999) {
            return None;
        }
        let weight = i32::from(weight as i16);
        Some(Self { kind, weight, dscale: u32::from(header & 0x3fff), digits }.normalised())
    }

    /// The bytes by which two numbers of equal value are known, whatever their scale.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut out = self.sign_word().to_be_bytes().to_vec();
        if self.is_finite() {
            out.extend((self.weight as i16).to_be_bytes());
            self.digits.iter().for_each(|d| out.extend(d.to_be_bytes()));
        }
        out
    }

    /// Rounds half away from zero to `scale` decimals (negative: to tens, hundreds ...).
    pub(crate) fn rounded(mut self, scale: i32) -> Self {
        if !self.is_finite() {
            return self;
        }
        self.dscale = u32::try_from(scale).unwrap_or(0);
        let Some((keep, unit)) = self.cut_at(scale) else {
            self.digits.clear();
            return self.normalised();
        };
        let mut carry = false;
        if unit == 1 {
            carry = self.digits.get(keep).is_some_and(|d| *d >= 5000);
            self.digits.truncate(keep);
        } else if let Some(last) = self.digits.get_mut(keep) {
            let rest = *last % unit;
            *last -= rest;
            carry = rest >= unit / 2;
            if carry {
                *last += unit;
                carry = *last >= 10_000;
                *last -= if carry { 10_000 } else { 0 };
            }
            self.digits.truncate(keep + 1);
            if carry {
                self.carry_into(keep);
            }
            return self.normalised();
        }
        if carry {
            self.carry_into(keep);
        }
        self.normalised()
    }

    /// Drops what lies beyond `scale` decimals.
    fn truncated(mut self, scale: i32) -> Self {
        match self.cut_at(scale) {
            None => self.digits.clear(),
            Some((keep, unit)) => {
                if let Some(last) = self.digits.get_mut(keep).filter(|_| unit > 1) {
                    *last -= *last % unit;
                    self.digits.truncate(keep + 1);
                } else {
                    self.digits.truncate(keep);
                }
            }
        }
        self
    }

    /// Where `scale` decimals end: so many whole digits are kept, and of the next one multiples of the
    /// unit (1: nothing of it). `None`: it ends more than a digit before the number begins.
    fn cut_at(&self, scale: i32) -> Option<(usize, u16)> {
        let decimals = (i64::from(self.weight) + 1) * 4 + i64::from(scale);
        let keep = usize::try_from(decimals.div_euclid(4)).ok();
        let unit = match decimals.rem_euclid(4) {
            0 => 1,
            1 => 1000,
            2 => 100,
            _ => 10,
        };
        // With a negative count nothing can be kept, nor can rounding reach it: the first digit's unit
        // would have to be 10,000 or more.
        keep.map(|k| (k, unit))
    }

    /// Adds one to the digit before `index`.
    fn carry_into(&mut self, index: usize) {
        let mut i = index;
        loop {
            let Some(previous) = i.checked_sub(1) else {
                self.digits.insert(0, 1);
                self.weight += 1;
                return;
            };
            match self.digits.get_mut(previous) {
                Some(d) if *d == 9999 => *d = 0,
                Some(d) => {
                    *d += 1;
                    return;
                }
                None => {
                    // Nothing stored there yet: the digits end before it.
                    self.digits.resize(previous, 0);
                    self.digits.push(1);
                    return;
                }
            }
            i = previous;
        }
    }

    /// Applies `numeric(precision, scale)`.
    pub(crate) fn constrained(self, precision: u16, scale: i16) -> Result<Self, ValueError> {
        let field = || ValueError::new("22003", "numeric field overflow");
        match self.kind {
            Kind::NaN => return Ok(self),
            Kind::Infinity | Kind::NegativeInfinity => return Err(field()),
            _ => {}
        }
        let value = self.rounded(i32::from(scale)).checked()?;
        if value.integer_digits().is_some_and(|n| n > i64::from(precision) - i64::from(scale)) {
            return Err(field());
        }
        Ok(value)
    }

    /// Decimal digits before the point (negative: zeros after it); `None` for zero.
    pub(crate) fn integer_digits(&self) -> Option<i64> {
        let first = self.digits.first()?;
        let missing = match first {
            1000.. => 0,
            100.. => 1,
            10.. => 2,
            _ => 3,
        };
        Some((i64::from(self.weight) + 1) * 4 - missing)
    }

    /// The nearest integer; `None` if it does not fit.
    pub(crate) fn to_i64(&self) -> Option<i64> {
        let whole = self.clone().rounded(0);
        if whole.weight > 4 {
            return None;
        }
        let mut value: i64 = 0;
        for position in (0..=whole.weight).rev() {
            let digit = i64::from(whole.digit(position));
            value = value.checked_mul(10_000)?;
            value = if whole.kind == Kind::Negative {
                value.checked_sub(digit)?
            } else {
                value.checked_add(digit)?
            };
        }
        Some(value)
    }
}

/// Reads `N` big-endian words off the front.
fn words<const N: usize>(bytes: &[u8]) -> Option<([u16; N], &[u8])> {
    let mut out = [0u16; N];
    let mut rest = bytes;
    for word in &mut out {
        let (head, tail) = rest.split_first_chunk::<2>()?;
        *word = u16::from_be_bytes(*head);
        rest = tail;
    }
    Some((out, rest))
}

fn push_group(digit: u16, out: &mut Vec<u8>) {
    for unit in [1000, 100, 10, 1] {
        out.push(b'0' + (digit / unit % 10) as u8);
    }
}

/// NaN and the infinities, with the length that they take.
fn parse_special(body: &[u8]) -> Option<(Numeric, usize)> {
    let begins = |bytes: &[u8], word: &str| {
        bytes.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
    };
    if begins(body, "nan") {
        return Some((Numeric::nan(), 3));
    }
    let (negative, signed) = match body.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let word = body.get(signed..)?;
    let length = ["infinity", "inf"].iter().find(|w| begins(word, w)).map(|w| w.len())?;
    Some((Numeric::infinity(negative), signed + length))
}

fn parse_finite(body: &[u8]) -> Result<Numeric, ValueError> {
    let bad = || ValueError::syntax("numeric");
    let mut bytes = body.iter().copied().peekable();
    let sign = bytes.next_if(|b| matches!(b, b'+' | b'-'));
    let mut decimals: Vec<u8> = Vec::with_capacity(body.len());
    let mut integer_digits: i64 = 0;
    let mut dscale: i64 = 0;
    let mut point = bytes.next_if_eq(&b'.').is_some();
    if !bytes.peek().is_some_and(u8::is_ascii_digit) {
        return Err(bad());
    }
    while let Some(b) = bytes.next_if(|b| b.is_ascii_digit() || (*b == b'.' && !point)) {
        if b == b'.' {
            point = true;
        } else if point {
            dscale += 1;
            decimals.push(b - b'0');
        } else {
            integer_digits += 1;
            decimals.push(b - b'0');
        }
    }
    if bytes.next_if(|b| matches!(b, b'e' | b'E')).is_some() {
        let exponent = parse_exponent(&mut bytes).ok_or_else(bad)?;
        if exponent.abs() >= MAX_EXPONENT {
            return Err(overflow());
        }
        integer_digits += exponent;
        dscale = (dscale - exponent).max(0);
    }
    if !bytes.all(is_space) {
        return Err(bad());
    }
    from_decimals(sign == Some(b'-'), &decimals, integer_digits, dscale)
}

/// C's `strtol`: white space and a sign may come before the digits; too large is cut to the limit.
fn parse_exponent(bytes: &mut std::iter::Peekable<impl Iterator<Item = u8>>) -> Option<i64> {
    while bytes.next_if(|b| is_space(*b)).is_some() {}
    let sign = bytes.next_if(|b| matches!(b, b'+' | b'-'));
    let mut value: i64 = 0;
    let mut any = false;
    while let Some(b) = bytes.next_if(u8::is_ascii_digit) {
        value = value.saturating_mul(10).saturating_add(i64::from(b - b'0'));
        any = true;
    }
    any.then_some(if sign == Some(b'-') { -value } else { value })
}

/// Builds a number from decimal digits of which `integer_digits` stand before the point.
fn from_decimals(
    negative: bool,
    decimals: &[u8],
    integer_digits: i64,
    dscale: i64,
) -> Result<Numeric, ValueError> {
    let zeros = decimals.iter().take_while(|d| **d == 0).count();
    let decimals = decimals.get(zeros..).unwrap_or_default();
    let integer_digits = integer_digits - i64::try_from(zeros).unwrap_or(i64::MAX);
    let dscale = u32::try_from(dscale).map_err(|_| overflow())?;
    let kind = if negative { Kind::Negative } else { Kind::Positive };
    if decimals.is_empty() {
        return Numeric { kind, weight: 0, dscale, digits: Vec::new() }.normalised().checked();
    }
    let groups_before = integer_digits.div_euclid(4) + i64::from(integer_digits.rem_euclid(4) != 0);
    let pad = usize::try_from(groups_before * 4 - integer_digits).unwrap_or(0);
    let weight = i32::try_from(groups_before - 1).map_err(|_| overflow())?;
    let mut digits = Vec::with_capacity((decimals.len() + pad).div_ceil(4));
    let mut group = 0u16;
    let mut filled = pad;
    for d in decimals {
        group = group * 10 + u16::from(*d);
        filled += 1;
        if filled % 4 == 0 {
            digits.push(group);
            group = 0;
        }
    }
    if filled % 4 != 0 {
        let missing = (4 - filled % 4) as u32;
        digits.push(group * 10u16.pow(missing));
    }
    Numeric { kind, weight, dscale, digits }.normalised().checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Numeric) -> String {
        let mut out = Vec::new();
        value.write_text(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_keeps_the_scale() {
        for (input, expected) in [
            ("1.00", "1.00"),
            (" -0.0 ", "0.0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e5", "100000"),
            ("1.5e-3", "0.0015"),
            ("12345678901234567890.123", "12345678901234567890.123"),
            ("0000.00010", "0.00010"),
            ("nan", "NaN"),
            ("-Inf", "-Infinity"),
            ("1e 2", "100"),
        ] {
            let value = Numeric::parse(input).expect(input);
            assert_eq!(text(&value), expected, "{input}");
            let mut binary = Vec::new();
            value.write_binary(&mut binary);
            assert!(Numeric::from_binary(&binary).unwrap() == value, "{input}");
            let mut plain = Vec::new();
            value.write_plaintext(&mut plain);
            assert!(Numeric::from_plaintext(&plain).unwrap() == value, "{input}");
        }
        for input in ["", ".", "1.2.3", "e5", "1e", "--1", "1x", "infinit", "+nan"] {
            assert_eq!(Numeric::parse(input).err().map(|e| e.sqlstate), Some("22P02"), "{input}");
        }
        for input in ["1e131072", "1e-16384", "1e99999999999999999999"] {
            assert_eq!(Numeric::parse(input).err().map(|e| e.sqlstate), Some("22003"), "{input}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (input, scale, expected) in [
            ("0.5", 0, "1"),
            ("-0.5", 0, "-1"),
            ("0.4999", 0, "0"),
            ("9999.5", 0, "10000"),
            ("99.995", 2, "100.00"),
            ("12345", -2, "12300"),
            ("55", -2, "100"),
            ("44", -2, "0"),
            ("5000", -4, "10000"),
            ("4999", -4, "0"),
            ("0.00005", 4, "0.0001"),
            ("1", 3, "1.000"),
            ("5000", -5, "0"),
            ("99995000", -4, "100000000"),
        ] {
            let value = Numeric::parse(input).unwrap().rounded(scale);
            assert_eq!(text(&value), expected, "{input} {scale}");
        }
    }
}
