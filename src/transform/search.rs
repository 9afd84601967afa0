//! Terms of the further search kinds: order, caseless, match.

use super::{TransformError, Transformer};
use crate::catalog::EncryptedColumn;
use crate::value::Datum;

impl Transformer {
    /// Appends the order term of a constant that is compared with `column`, or its bounded beginning.
    pub(super) fn order_term(
        &self,
        column: &EncryptedColumn,
        _datum: &Datum,
        _head: bool,
        _out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        Err(TransformError::no_order(column))
    }

    /// Appends the caseless term of a constant that is compared with `column`.
    pub(super) fn caseless_term(
        &self,
        column: &EncryptedColumn,
        _datum: &Datum,
        _out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        Err(TransformError::no_order(column))
    }
}
