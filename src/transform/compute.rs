//! Formulas: their parameters, and the rows that they are computed from.

use std::sync::Arc;

use super::{TransformError, Transformer};
use crate::catalog::EncryptedColumn;
use crate::evaluate::{Context, EvaluateError, Formula};
use crate::sql::plan::{self, Computation, Output};
use crate::value::{Collation, Datum, Format, Input, Settings};

impl From<EvaluateError> for TransformError {
    fn from(error: EvaluateError) -> Self {
        Self { sqlstate: error.sqlstate, message: error.message, hint: error.hint }
    }
}

/// A computation made ready for the rows of one execution.
#[derive(Clone, Debug)]
pub struct ReadyFormula {
    computation: Arc<Computation>,
    formula: Formula,
}

/// How the server sends what a formula needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// In binary format.
    Binary,
    /// In text format.
    Text,
}

impl Transformer {
    /// Puts the client's parameters into a formula. `input` gives the parameter with an index, `None` for NULL.
    ///
    /// # Errors
    /// What PostgreSQL would say of the parameters, and of what depends on nothing but them.
    pub fn prepare_formula<'i>(
        &self,
        formula: &Formula,
        collation: &Collation,
        input: &dyn Fn(usize) -> Option<Input<'i>>,
    ) -> Result<Formula, TransformError> {
        let settings = self.settings.as_ref()?;
        let context = Context { settings, collation };
        let mut params: Vec<Option<Datum>> = Vec::new();
        let mut failed = None;
        formula.params(&mut |number, ty| {
            let datum = match input(number) {
                Some(input) => Datum::decode(&ty.base(), input, settings).map(Some),
                None => Ok(None),
            };
            if params.len() <= number {
                params.resize(number + 1, None);
            }
            match (datum, params.get_mut(number)) {
                (Ok(datum), Some(param)) => *param = datum,
                (Err(error), _) => failed = Some(error),
                _ => {}
            }
        });
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(formula.prepare(&params, context)?),
        }
    }

    /// Makes the computed outputs of a statement ready: an entry for each output, if any is computed.
    ///
    /// # Errors
    /// As [`Transformer::prepare_formula`].
    pub fn prepare_outputs<'i>(
        &self,
        outputs: &[Output],
        input: &dyn Fn(usize) -> Option<Input<'i>>,
    ) -> Result<Vec<Option<ReadyFormula>>, TransformError> {
        if !outputs.iter().any(|output| matches!(output, Output::Computed(_))) {
            return Ok(Vec::new());
        }
        let ready = |output: &Output| match output {
            Output::Computed(computation) => Ok(Some(ReadyFormula {
                computation: Arc::clone(computation),
                formula: self.prepare_formula(&computation.formula, &computation.collation, input)?,
            })),
            _ => Ok(None),
        };
        outputs.iter().map(ready).collect()
    }

    /// Computes an output from what the server sent for it, and appends the value in `format`; `Ok(false)`: it is
    /// NULL, and nothing is appended.
    ///
    /// # Errors
    /// What PostgreSQL would say of the values; XX001 if an envelope cannot be opened.
    pub fn compute(
        &mut self,
        ready: &ReadyFormula,
        sent: Option<&[u8]>,
        shown: Sent,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<bool, TransformError> {
        let inputs = match ready.computation.inputs.as_slice() {
            [one] => vec![self.input(one, sent, shown)?],
            many => self.record(many, sent.ok_or_else(no_record)?, shown)?,
        };
        let settings = self.settings.as_ref()?;
        let context = Context { settings, collation: &ready.computation.collation };
        match ready.formula.evaluate(&inputs, context)? {
            Some(datum) => {
                datum.encode(format, settings, out)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// The fields of a record.
    fn record(
        &mut self,
        inputs: &[plan::Input],
        sent: &[u8],
        shown: Sent,
    ) -> Result<Vec<Option<Datum>>, TransformError> {
        let mut values = Vec::with_capacity(inputs.len());
        match shown {
            Sent::Binary => {
                let mut rest = sent;
                if usize::try_from(number(&mut rest)?) != Ok(inputs.len()) {
                    return Err(no_record());
                }
                for input in inputs {
                    // Its type comes first; the plan knows it.
                    number(&mut rest)?;
                    let field = match usize::try_from(number(&mut rest)?) {
                        Ok(length) => {
                            let (field, after) = rest.split_at_checked(length).ok_or_else(no_record)?;
                            rest = after;
                            Some(field)
                        }
                        Err(_) => None,
                    };
                    values.push(self.input(input, field, shown)?);
                }
            }
            Sent::Text => {
                let fields = record_fields(sent).ok_or_else(no_record)?;
                if fields.len() != inputs.len() {
                    return Err(no_record());
                }
                for (input, field) in inputs.iter().zip(&fields) {
                    values.push(self.input(input, field.as_deref(), shown)?);
                }
            }
        }
        Ok(values)
    }

    fn input(
        &mut self,
        input: &plan::Input,
        sent: Option<&[u8]>,
        shown: Sent,
    ) -> Result<Option<Datum>, TransformError> {
        let Some(sent) = sent else { return Ok(None) };
        match (input, shown) {
            (plan::Input::Encrypted(column), Sent::Binary) => self.open_datum(column, sent).map(Some),
            (plan::Input::Encrypted(column), Sent::Text) => {
                let envelope = bytes_of(sent).ok_or_else(no_record)?;
                self.open_datum(column, &envelope).map(Some)
            }
            (plan::Input::Plain(ty), _) => {
                let settings = self.settings.as_ref()?;
                let input = if shown == Sent::Binary { Input::Binary(sent) } else { Input::Text(sent) };
                Ok(Some(Datum::decode(ty, input, settings)?))
            }
        }
    }

    /// Opens an envelope of `column`.
    ///
    /// # Errors
    /// XX001 if it is damaged, moved from a column with other keys, or of another type.
    pub fn open_datum(&mut self, column: &EncryptedColumn, envelope: &[u8]) -> Result<Datum, TransformError> {
        self.decrypt(column, envelope)?;
        Datum::from_plaintext(&column.ty, &self.plaintext).map_err(|e| TransformError::value(column, &e))
    }
}

fn no_record() -> TransformError {
    TransformError {
        sqlstate: "XX001",
        message: "the server sent something else than was planned for a computed output".to_owned(),
        hint: None,
    }
}

/// The next number of a record in binary format.
fn number(rest: &mut &[u8]) -> Result<i32, TransformError> {
    let (bytes, after) = rest.split_first_chunk::<4>().ok_or_else(no_record)?;
    *rest = after;
    Ok(i32::from_be_bytes(*bytes))
}

/// `bytea` in text format, as [`crate::value`] reads it.
fn bytes_of(text: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    match Datum::decode(&crate::value::Type::Bytea, Input::Text(text), &Settings::default()) {
        Ok(Datum::Bytea(bytes)) => Some(bytes),
        _ => None,
    }
}

/// The fields of a record in text format; an empty one that is not quoted is NULL.
fn record_fields(text: &[u8]) -> Option<Vec<Option<Vec<u8>>>> {
    let inner = text.strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut fields = Vec::new();
    let mut field: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.next_if_eq(&b'"').is_some() => field.get_or_insert_default().push(b'"'),
            b'"' => {
                quoted = !quoted;
                field.get_or_insert_default();
            }
            b'\\' => field.get_or_insert_default().push(bytes.next()?),
            b',' if !quoted => fields.push(field.take()),
            other => field.get_or_insert_default().push(other),
        }
    }
    fields.push(field);
    (!quoted).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::record_fields;

    #[test]
    fn records_in_text_format() {
        let shown = |text: &str| {
            let fields = record_fields(text.as_bytes())?;
            let text = |field: Option<Vec<u8>>| field.map(|bytes| String::from_utf8(bytes).unwrap());
            Some(fields.into_iter().map(text).collect::<Vec<_>>())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(shown("(1,\"a,b\")"), Some(vec![some("1"), some("a,b")]));
        assert_eq!(shown("(,\"\")"), Some(vec![None, some("")]));
        assert_eq!(shown("(\"a\"\"b\",\"c\\\\d\")"), Some(vec![some("a\"b"), some("c\\d")]));
        assert_eq!(shown("(\"x)"), None);
        assert_eq!(shown("x"), None);
    }
}
