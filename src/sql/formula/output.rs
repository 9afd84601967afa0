//! Outputs that the proxy computes: the server sends what the formula needs, in one column.

use sqlparser::ast::Expr;

use super::{Computed, ComputedInput};
use crate::sql::consts::Extent;
use crate::sql::edits::Part;
use crate::sql::expr::Val;
use crate::sql::grouping::prints_alike;
use crate::sql::plan::{self, Output};
use crate::sql::planner::{Planner, quote_identifier};
use crate::sql::refuse::Planned;

impl Planner<'_> {
    /// An expression of a select list. Without an alias, `name` is what PostgreSQL calls it.
    pub(in crate::sql) fn output_value(&mut self, expr: &Expr, name: Option<&str>) -> Planned<Val> {
        let walk = |planner: &mut Self| {
            let value = planner.expr(expr)?;
            if let Val::Choice(choice) = &value {
                // Whether it can be an output is seen by trying.
                let mark = planner.mark();
                let tried = planner.choice_output(choice.clone());
                planner.reset(&mark);
                tried?;
            }
            Ok(value)
        };
        let mut value = self.expr_or_formula(expr, walk)?;
        if let Val::Computed(computed) = &mut value {
            computed.name = name.map(str::to_owned);
        }
        Ok(value)
    }

    /// A computed output of the whole statement: its text becomes its inputs.
    pub(in crate::sql) fn computed_output(&mut self, computed: Computed) -> Planned<Output> {
        let text = |planner: &Self, place: Extent| {
            let span = planner.tokens.start(place.first)..planner.tokens.end(place.last);
            planner.tokens.text.get(span).unwrap_or_default().to_owned()
        };
        self.claim_params(&computed.formula);
        let mut inputs = Vec::with_capacity(computed.inputs.len());
        let mut references = Vec::with_capacity(computed.inputs.len());
        for input in computed.inputs {
            match input {
                ComputedInput::Column(value) => {
                    // Which of several equal values is computed with must not be seen.
                    let alike =
                        value.grouped.is_none_or(|r| !r.is_of_many()) || prints_alike(value.column.ty);
                    let Some(text) = self.reference(&value).filter(|_| alike) else {
                        return Err(computed.refusal);
                    };
                    references.push(text);
                    inputs.push(plan::Input::Encrypted(value.column));
                }
                ComputedInput::Plain { place, ty } => {
                    references.push(text(self, place));
                    inputs.push(plan::Input::Plain(ty));
                }
            }
        }
        let mut written = match references.as_slice() {
            [one] => one.clone(),
            many => format!("ROW({})", many.join(", ")),
        };
        if let Some(name) = &computed.name {
            written.push_str(" AS ");
            written.push_str(&quoted(name));
        }
        self.replace(computed.extent, vec![Part::Text(written)]);
        let Computed { formula, collation, .. } = computed;
        Ok(Output::Computed(std::sync::Arc::new(plan::Computation { formula, inputs, collation })))
    }
}

/// The name in quotes, unless it needs none.
fn quoted(name: &str) -> String {
    let bare = quote_identifier(name);
    if bare.starts_with('"') { bare } else { format!("\"{bare}\"") }
}
