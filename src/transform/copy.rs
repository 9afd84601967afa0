//! What COPY asks of values that go on as they are.

use super::{TransformError, Transformer};
use crate::value::{Datum, Input, Type};

impl Transformer {
    /// Whether a type's input function accepts a value.
    ///
    /// # Errors
    /// Its error.
    pub fn reads(&self, ty: &Type, input: Input<'_>) -> Result<(), TransformError> {
        let settings = self.settings.as_ref()?;
        Datum::decode(ty, input, settings)?;
        Ok(())
    }
}
