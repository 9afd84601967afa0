//! What order encodings are made of.

use super::{Kind, Numeric};

impl Numeric {
    /// Whether it is less than zero.
    pub(crate) fn is_negative(&self) -> bool {
        matches!(self.kind, Kind::Negative | Kind::NegativeInfinity)
    }

    /// The power of 10,000 of the first digit, and the digits, most significant first, without zeros at
    /// either end.
    pub(crate) fn weight_and_digits(&self) -> (i32, &[u16]) {
        (self.weight, &self.digits)
    }

    /// The integer towards zero, if it fits, and whether that is all of the number.
    pub(crate) fn whole_part(&self) -> Option<(i64, bool)> {
        if !self.is_finite() {
            return None;
        }
        let whole = self.clone().truncated(0).normalised();
        Some((whole.to_i64()?, whole.canonical() == self.canonical()))
    }
}
