//! Subscripts and field selection.

use sqlparser::ast::{AccessExpr, Expr, Subscript, Value};

use super::expr::{ColumnVal, Val, object_name};
use super::function::plain_args;
use super::grouping::unwrapped;
use super::planner::Planner;
use super::refuse::{Planned, syntax};

impl Planner<'_> {
    /// Subscripts and fields.
    pub fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Planned<Val> {
        if let Some(value) = self.stored_representative(root, chain)? {
            return Ok(value);
        }
        let root = self.expr(root)?;
        if matches!(root, Val::Nested(_)) {
            return self.nested_steps(root, chain);
        }
        self.settle_plain(root, "a subscript or field selection")?;
        for step in chain {
            match step {
                AccessExpr::Dot(Expr::Identifier(_)) => {}
                AccessExpr::Subscript(Subscript::Index { index }) => self.plain(index, "a subscript")?,
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) => {
                    self.plain_all(lower_bound.iter().chain(upper_bound), "a subscript")?;
                }
                _ => return Err(syntax("a subscript")),
            }
        }
        Ok(Val::Plain)
    }

    /// A representative in a stored definition, as the server wrote it down: an envelope like any other.
    fn stored_representative(&mut self, root: &Expr, chain: &[AccessExpr]) -> Planned<Option<Val>> {
        let first = |index: &Expr| matches!(index, Expr::Value(v) if matches!(&v.value, Value::Number(n, _) if n == "1"));
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else { return Ok(None) };
        let Expr::Function(function) = unwrapped(root) else { return Ok(None) };
        let name = object_name(&function.name).map(|(mut parts, _)| parts.pop().unwrap_or_default())?;
        let arguments = plain_args(function).unwrap_or_default();
        let (true, true, true, [Expr::Array(array)]) =
            (self.stored, first(index), name == "min", arguments.as_slice())
        else {
            return Ok(None);
        };
        let [element] = array.elem.as_slice() else { return Ok(None) };
        match self.expr(element)? {
            Val::Column(value) if value.casts.is_empty() => Ok(Some(Val::Column(ColumnVal {
                origin: None,
                shown: None,
                place: None,
                extent: None,
                ..value
            }))),
            value => self.settle_plain(value, "min").map(|()| Some(Val::Plain)),
        }
    }
}
