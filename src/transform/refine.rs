//! Conditions over the value of one column, decided for each value.

use std::sync::Arc;

use super::{TransformError, Transformer};
use crate::catalog::EncryptedColumn;
use crate::evaluate::{Context, Formula};
use crate::sql::plan::Refinement;
use crate::value::{Collation, Datum, Input};

/// A condition with its parameters in it.
pub struct Decision {
    column: Arc<EncryptedColumn>,
    formula: Formula,
    collation: Collation,
    on_null: Option<bool>,
}

impl Decision {
    /// What it is where the column is NULL.
    pub fn on_null(&self) -> Option<bool> {
        self.on_null
    }
}

/// Its constants may be what the application searches for.
impl std::fmt::Debug for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decision({})", self.column.name)
    }
}

impl Transformer {
    /// Makes a condition ready. `input` gives the client's parameters.
    ///
    /// # Errors
    /// What PostgreSQL would say of the constants.
    pub fn decision<'i>(
        &mut self,
        refinement: &Refinement,
        input: &dyn Fn(usize) -> Option<Input<'i>>,
    ) -> Result<Decision, TransformError> {
        let formula = self.prepare_formula(&refinement.predicate, &refinement.collation, input)?;
        let settings = self.settings.as_ref()?;
        let collation = refinement.collation.clone();
        // A formula may say something of NULL; one that fails on it does so when a row has it.
        let on_null = formula.evaluate(&[None], Context { settings, collation: &collation })?;
        Ok(Decision { column: Arc::clone(&refinement.column), formula, collation, on_null: truth(on_null) })
    }

    /// Decides for the value of an envelope; `None` is NULL.
    ///
    /// # Errors
    /// XX001 if the envelope is damaged; what PostgreSQL would say of the value.
    pub fn decide(&mut self, decision: &Decision, envelope: &[u8]) -> Result<Option<bool>, TransformError> {
        let datum = self.open_datum(&decision.column, envelope)?;
        let settings = self.settings.as_ref()?;
        let context = Context { settings, collation: &decision.collation };
        Ok(truth(decision.formula.evaluate(&[Some(datum)], context)?))
    }
}

fn truth(value: Option<Datum>) -> Option<bool> {
    match value {
        Some(Datum::Bool(value)) => Some(value),
        _ => None,
    }
}
