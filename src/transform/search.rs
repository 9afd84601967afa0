//! Terms of the further search kinds: what a value's terms are made of, and those of constants.

use zeroize::Zeroizing;

use super::{TransformError, Transformer, key_slot};
use crate::catalog::{EncryptedColumn, SearchKinds};
use crate::crypto::{ORDER_HEAD_PLAINTEXT, Piece};
use crate::keys::{Forms, TermKinds};
use crate::value::fold::{Literal, fold, literal_pieces, pieces};
use crate::value::{Collation, Datum, Settings, Type, ValueError, order};

/// The forms of a value that its terms are made of; wiped when dropped.
#[derive(Default)]
pub(super) struct ValueForms {
    equality: Option<Zeroizing<Vec<u8>>>,
    order: Option<Zeroizing<Vec<u8>>>,
    caseless: Option<Zeroizing<String>>,
    pieces: Option<Zeroizing<Vec<Piece>>>,
}

impl ValueForms {
    /// Those of a stored value, of each of these kinds.
    pub(super) fn of(
        ty: &Type,
        collation: &Collation,
        kinds: SearchKinds,
        datum: &Datum,
        settings: &Settings,
    ) -> Result<Self, ValueError> {
        let equality = Zeroizing::new(datum.equality_bytes(ty, settings)?);
        let mut forms = Self { equality: Some(equality), ..Self::default() };
        if kinds.order {
            let mut encoded = Zeroizing::new(Vec::new());
            order::encode(ty, collation, datum, settings, &mut encoded)?;
            forms.order = Some(encoded);
        }
        if kinds.caseless {
            forms.caseless = Some(folded(datum)?);
        }
        if kinds.matching {
            let mut list = Zeroizing::new(Vec::new());
            pieces(text(datum)?, &mut list);
            forms.pieces = Some(list);
        }
        Ok(forms)
    }

    pub(super) fn forms(&self) -> Forms<'_> {
        Forms {
            equality: self.equality.as_ref().map(|bytes| bytes.as_slice()),
            order: self.order.as_ref().map(|bytes| bytes.as_slice()),
            caseless: self.caseless.as_ref().map(|text| text.as_bytes()),
            pieces: self.pieces.as_ref().map(|list| list.as_slice()),
        }
    }
}

/// The kinds as the keyring's room names them.
pub(super) fn term_kinds(kinds: SearchKinds) -> TermKinds {
    TermKinds { order: kinds.order, caseless: kinds.caseless, matching: kinds.matching }
}

/// The text whose case is compared: that of a `char` without its padding.
fn text(datum: &Datum) -> Result<&str, ValueError> {
    match datum {
        Datum::Text(text) | Datum::Varchar(text) => Ok(text),
        Datum::Char { text, .. } => Ok(text.trim_end_matches(' ')),
        _ => Err(ValueError::unsupported("Pyrite compares the case of text only", "Cast the value to text.")),
    }
}

fn folded(datum: &Datum) -> Result<Zeroizing<String>, ValueError> {
    let mut out = Zeroizing::new(String::new());
    fold(text(datum)?, &mut out);
    Ok(out)
}

impl Transformer {
    /// Appends the order term of a constant that is compared with `column`, or its bounded beginning.
    pub(super) fn order_term(
        &self,
        column: &EncryptedColumn,
        datum: &Datum,
        head: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let settings = self.settings.as_ref()?;
        let mut encoded = Zeroizing::new(Vec::new());
        order::encode(&column.ty, &column.collation, datum, settings, &mut encoded)?;
        // A term's beginning is the term of the beginning.
        let encoded = if head { encoded.get(..ORDER_HEAD_PLAINTEXT) } else { None }.unwrap_or(&encoded);
        self.cipher
            .order_term(&column.group.0, key_slot(column.slot), encoded, out)
            .map_err(|e| TransformError::crypto(column, &e))
    }

    /// Appends the caseless term of a constant that is compared with `column`.
    pub(super) fn caseless_term(
        &self,
        column: &EncryptedColumn,
        datum: &Datum,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let folded = folded(datum)?;
        let term = self.cipher.caseless_term(&column.group.0, key_slot(column.slot), folded.as_bytes());
        out.extend_from_slice(&term.map_err(|e| TransformError::crypto(column, &e))?);
        Ok(())
    }

    /// The tokens that the values of `column` must have to match a pattern with these literal parts, for
    /// `match_function(column) @> tokens`. Empty: the parts are too short to narrow the search.
    ///
    /// # Errors
    /// 58000 or 55000 where the keys do not serve.
    pub fn match_tokens(
        &self,
        column: &EncryptedColumn,
        literals: &[Literal<'_>],
    ) -> Result<Vec<i32>, TransformError> {
        let mut list = Zeroizing::new(Vec::new());
        for literal in literals {
            literal_pieces(literal, &mut list);
        }
        let tokens = self.cipher.match_tokens(&column.group.0, key_slot(column.slot), &list);
        let tokens = tokens.map_err(|e| TransformError::crypto(column, &e))?;
        // They have 24 bits.
        Ok(tokens.into_iter().filter_map(|token| i32::try_from(token).ok()).collect())
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
