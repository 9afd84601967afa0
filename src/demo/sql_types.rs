//! The demonstration's dates and prices as parameters and results of the driver.

use std::error::Error;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::data::{Date, Price};

type BoxError = Box<dyn Error + Sync + Send>;

/// Digits of a numeric are counted in base 10,000.
const BASE: i64 = 10_000;

impl ToSql for Date {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        out.extend_from_slice(&self.days().to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(DATE);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Date {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Date::from_days(i32::from_be_bytes(raw.try_into()?)))
    }

    accepts!(DATE);
}

impl ToSql for Price {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        out.extend_from_slice(&numeric_on_the_wire(*self));
        Ok(IsNull::No)
    }

    accepts!(NUMERIC);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Price {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        let mut words = raw.chunks_exact(2).filter_map(|word| word.try_into().ok()).map(i16::from_be_bytes);
        let mut head = || words.next().ok_or("a numeric is cut short");
        let (count, weight, sign, scale) = (head()?, head()?, head()?, head()?);
        if sign != 0 || scale != 2 {
            return Err("not a price".into());
        }
        let mut cents = 0_i64;
        for (place, digit) in (0..count).zip(words) {
            // The digit's weight in units, times 100 for cents.
            let shifted = i32::from(weight) - i32::from(place);
            cents += match shifted {
                0..=2 => i64::from(digit) * 100 * BASE.pow(shifted.unsigned_abs()),
                -1 => i64::from(digit) / 100,
                _ => return Err("not a price".into()),
            };
        }
        Ok(Price(cents))
    }

    accepts!(NUMERIC);
}

/// Digits to base 10,000 without trailing zeroes, and the power of the first one.
pub fn numeric_digits(price: Price) -> (Vec<i16>, i16) {
    let (units, fraction) = (price.0 / 100, price.0 % 100);
    let mut digits = vec![units / BASE, units % BASE, fraction * 100];
    let mut weight = 1;
    while digits.first() == Some(&0) {
        digits.remove(0);
        weight -= 1;
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    // Each is below 10,000.
    (digits.into_iter().map(|digit| digit as i16).collect(), weight)
}

/// Binary format, as a parameter, a result or a field of COPY carries it.
pub fn numeric_on_the_wire(price: Price) -> Vec<u8> {
    let (digits, weight) = numeric_digits(price);
    let head = [digits.len() as i16, weight, 0, 2];
    head.iter().chain(&digits).flat_map(|word| word.to_be_bytes()).collect()
}

/// As a data page or a WAL record holds it on a little-endian machine: length, short header (scale and weight), digits.
pub fn numeric_on_disk(price: Price) -> Vec<u8> {
    let (digits, weight) = numeric_digits(price);
    let header = 0x8000_u16 | (2 << 7) | (weight as u16 & 0x3f);
    let length = 1 + 2 + 2 * digits.len();
    let mut bytes = vec![(length as u8) << 1 | 1];
    bytes.extend_from_slice(&header.to_le_bytes());
    bytes.extend(digits.iter().flat_map(|digit| digit.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_survive_the_wire() {
        for cents in [1, 99, 100, 12_345, 1_000_000, 4_899_050, 3_100_007, 12_999_999, 99_999_999] {
            let raw = numeric_on_the_wire(Price(cents));
            assert!(Price::from_sql(&Type::NUMERIC, &raw).unwrap() == Price(cents), "{cents}");
        }
    }

    #[test]
    fn forms_are_those_of_postgresql() {
        // SELECT numeric_send(48990.50)
        assert_eq!(
            numeric_on_the_wire(Price(4_899_050)),
            [0, 3, 0, 1, 0, 0, 0, 2, 0, 4, 0x23, 0x1e, 0x13, 0x88]
        );
        // The same value in a data page.
        assert_eq!(numeric_on_disk(Price(4_899_050)), [0x13, 0x01, 0x81, 0x04, 0, 0x1e, 0x23, 0x88, 0x13]);
    }

    #[test]
    fn a_cut_numeric_is_an_error() {
        assert!(Price::from_sql(&Type::NUMERIC, &[0, 3, 0]).is_err());
        assert!(Price::from_sql(&Type::NUMERIC, &[0, 1, 0, 9, 0, 0, 0, 2, 0, 1]).is_err());
        assert!(Date::from_sql(&Type::DATE, &[1, 2]).is_err());
    }
}
