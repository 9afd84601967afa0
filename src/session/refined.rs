//! What refinements found, and how a statement carries it.

use crate::sql::plan::RefinedPart;

/// An equality term.
pub(super) type Term = [u8; 16];

/// Equal to no term, so that an array is never empty: `NULL = ANY ('{}')` would be false instead of NULL.
const NO_TERM: &[u8] = b"";

/// The values of one column that were decided on.
#[derive(Debug, Default)]
pub(super) struct Found {
    matching: Vec<Term>,
    unknown: Vec<Term>,
    others: Vec<Term>,
    /// What the predicate is where the column is NULL.
    pub on_null: Option<bool>,
    /// The statement sees no other values.
    pub complete: bool,
}

impl Found {
    /// Of a predicate that is this where the column is NULL.
    pub(super) fn new(on_null: Option<bool>) -> Found {
        Found { on_null, ..Found::default() }
    }

    /// What the predicate is for a value.
    pub(super) fn push(&mut self, term: Term, outcome: Option<bool>) {
        let list = match outcome {
            Some(true) => &mut self.matching,
            Some(false) => &mut self.others,
            None => &mut self.unknown,
        };
        list.push(term);
    }

    pub(super) fn len(&self) -> usize {
        self.matching.len() + self.unknown.len() + self.others.len()
    }

    /// The elements of an array; `None`: NULL.
    fn terms(&self, part: RefinedPart) -> Option<&[Term]> {
        match part {
            RefinedPart::Matching => Some(&self.matching),
            RefinedPart::Unknown => (!self.unknown.is_empty()).then_some(&self.unknown),
            RefinedPart::Others => (!self.complete).then_some(&self.others),
            RefinedPart::OnNull => None,
        }
    }

    /// Appends it as a parameter in binary format; `false`: NULL, and nothing is appended.
    pub(super) fn parameter(&self, part: RefinedPart, out: &mut Vec<u8>) -> bool {
        if part == RefinedPart::OnNull {
            out.extend(self.on_null.map(u8::from));
            return self.on_null.is_some();
        }
        let Some(terms) = self.terms(part) else { return false };
        let count = i32::try_from(terms.len() + 1).unwrap_or(i32::MAX);
        for word in [1, 0, 17, count, 1] {
            out.extend_from_slice(&i32::to_be_bytes(word));
        }
        for term in std::iter::once(NO_TERM).chain(terms.iter().map(|term| term.as_slice())) {
            out.extend_from_slice(&(term.len() as i32).to_be_bytes());
            out.extend_from_slice(term);
        }
        true
    }

    /// Appends it as a literal.
    pub(super) fn literal(&self, part: RefinedPart, out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let word = |value| match value {
            None => "NULL",
            Some(true) => "TRUE",
            Some(false) => "FALSE",
        };
        if part == RefinedPart::OnNull {
            out.extend_from_slice(format!("{}::pg_catalog.bool", word(self.on_null)).as_bytes());
            return;
        }
        let Some(terms) = self.terms(part) else {
            out.extend_from_slice(b"NULL::pg_catalog.bytea[]");
            return;
        };
        // An escape string means the same whatever standard_conforming_strings is; in an array a backslash is
        // escaped once more.
        out.reserve(terms.len() * 40 + 64);
        out.extend_from_slice(b"E'{\"\"");
        for term in terms {
            out.extend_from_slice(b",\"\\\\\\\\x");
            for byte in term {
                out.extend(
                    [byte >> 4, byte & 15].map(|d| DIGITS.get(usize::from(d)).copied().unwrap_or(b'0')),
                );
            }
            out.push(b'"');
        }
        out.extend_from_slice(b"}'::pg_catalog.bytea[]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(complete: bool) -> Found {
        let mut found = Found { complete, ..Found::default() };
        found.push([0xab; 16], Some(true));
        found.push([1; 16], Some(false));
        found
    }

    #[test]
    fn no_array_is_empty() {
        let mut out = Vec::new();
        assert!(Found::default().parameter(RefinedPart::Matching, &mut out));
        assert_eq!(out[..24], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(out.len(), 24);
        out.clear();
        Found::default().literal(RefinedPart::Matching, &mut out);
        assert_eq!(out, b"E'{\"\"}'::pg_catalog.bytea[]");
    }

    #[test]
    fn others_are_null_where_nothing_else_is_seen() {
        let mut out = Vec::new();
        assert!(!found(true).parameter(RefinedPart::Others, &mut out) && out.is_empty());
        assert!(found(false).parameter(RefinedPart::Others, &mut out));
        assert_eq!(out.len(), 24 + 20);
        out.clear();
        found(true).literal(RefinedPart::Others, &mut out);
        assert_eq!(out, b"NULL::pg_catalog.bytea[]");
    }

    #[test]
    fn literals_are_escaped_for_the_string_and_for_the_array() {
        let mut out = Vec::new();
        found(false).literal(RefinedPart::Matching, &mut out);
        let expected = format!("E'{{\"\",\"\\\\\\\\x{}\"}}'::pg_catalog.bytea[]", "ab".repeat(16));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn what_a_predicate_is_on_null() {
        for (value, literal, bytes) in [
            (None, "NULL::pg_catalog.bool", None),
            (Some(true), "TRUE::pg_catalog.bool", Some(1)),
            (Some(false), "FALSE::pg_catalog.bool", Some(0)),
        ] {
            let found = Found { on_null: value, ..Found::default() };
            let (mut out, mut parameter) = (Vec::new(), Vec::new());
            found.literal(RefinedPart::OnNull, &mut out);
            assert_eq!(out, literal.as_bytes());
            assert_eq!(found.parameter(RefinedPart::OnNull, &mut parameter), value.is_some());
            assert_eq!(parameter.first().copied(), bytes);
        }
    }
}
