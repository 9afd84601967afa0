//! Case and order of strings.

use std::cmp::Ordering;

use zeroize::Zeroizing;

use super::EvaluateError;

/// The rules of a collation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collation(());

impl Collation {
    /// By bytes; only ASCII letters have case.
    pub fn c() -> Self {
        Self(())
    }

    /// The order of two strings.
    pub(super) fn compare(&self, left: &str, right: &str) -> Result<Ordering, EvaluateError> {
        only_ascii(&[left, right])?;
        Ok(left.cmp(right))
    }

    /// `lower()`
    pub(super) fn lower(&self, text: &str) -> Result<Zeroizing<String>, EvaluateError> {
        only_ascii(&[text])?;
        Ok(Zeroizing::new(text.to_ascii_lowercase()))
    }

    /// `upper()`
    pub(super) fn upper(&self, text: &str) -> Result<Zeroizing<String>, EvaluateError> {
        only_ascii(&[text])?;
        Ok(Zeroizing::new(text.to_ascii_uppercase()))
    }

    /// `initcap()`: a word is a run of letters and digits.
    pub(super) fn initcap(&self, text: &str) -> Result<Zeroizing<String>, EvaluateError> {
        only_ascii(&[text])?;
        let mut changed = Zeroizing::new(String::with_capacity(text.len()));
        let mut inside = false;
        for c in text.chars() {
            changed.push(if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
            inside = c.is_ascii_alphanumeric();
        }
        Ok(changed)
    }
}

/// What lies beyond ASCII depends on the collation.
fn only_ascii(texts: &[&str]) -> Result<(), EvaluateError> {
    if texts.iter().all(|text| text.is_ascii()) {
        return Ok(());
    }
    Err(EvaluateError::unsupported("case or order of characters beyond ASCII"))
}
