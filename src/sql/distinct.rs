//! DISTINCT over encrypted columns: `DISTINCT ON (pyrite.eq(c), 2)`, plain outputs by their number. The rows that
//! are kept show stored envelopes, so the columns keep their origin.

use sqlparser::ast::{Distinct, Expr, Select, Spanned, Value};

use super::consts::Extent;
use super::edits::Part;
use super::expr::{ColumnVal, Val, ident};
use super::grouping::{check_alike, prints_alike, unwrapped};
use super::parse::index_of;
use super::planner::Planner;
use super::query::Outputs;
use super::refuse::{Planned, column_in, syntax, unsupported};
use crate::value::Type;

impl Planner<'_> {
    /// DISTINCT and DISTINCT ON of a select list that has been read.
    pub fn distinct(&mut self, select: &Select, outputs: &Outputs) -> Planned<()> {
        match &select.distinct {
            Some(Distinct::Distinct) => self.all_distinct(select, outputs),
            Some(Distinct::On(list)) => {
                list.iter().try_for_each(|expr| self.distinct_on(unwrapped(expr), outputs))
            }
            _ => Ok(()),
        }
    }

    fn all_distinct(&mut self, select: &Select, outputs: &Outputs) -> Planned<()> {
        if outputs.encrypted().is_none() {
            return Ok(());
        }
        let first = index_of(select.select_token.0.span);
        if outputs.open {
            return Err(unsupported(
                "DISTINCT next to a function's columns that are not known",
                "Name the columns.",
            )
            .at(first));
        }
        let mut keys = Vec::with_capacity(outputs.columns.len());
        for (index, output) in outputs.columns.iter().enumerate() {
            keys.push(match &output.value {
                Val::Column(value) => self.distinct_key(value, "DISTINCT")?,
                value => match value.column() {
                    Some(value) => {
                        return Err(column_in(&value.column, "an expression under DISTINCT")
                            .at(value.extent.map(|e| e.first)));
                    }
                    None => (index + 1).to_string(),
                },
            });
        }
        let word = first.map(|first| first + 1).filter(|&word| self.tokens.is_word(word, "distinct"));
        let Some(word) = word else { return Err(syntax("DISTINCT").at(first)) };
        self.edits.after(self.tokens.end(word), format!(" ON ({})", keys.join(", ")));
        Ok(())
    }

    /// The term by which rows are told apart that show this column.
    pub fn distinct_key(&mut self, value: &ColumnVal, clause: &str) -> Planned<String> {
        let place = value.extent.map(|e| e.first);
        check_alike(&value.column, clause, place)?;
        // As text, values are equal where they are equal themselves.
        let text = |ty: Option<Type>| matches!(ty, Some(Type::Text | Type::Varchar(None)));
        let casts = value.casts.iter().all(|cast| !cast.array && text(cast.ty));
        if !casts || !prints_alike(value.column.ty) {
            return Err(column_in(&value.column, format!("a cast under {clause}")).at(place));
        }
        let function = self.term_function(&value.column, clause, place)?;
        match self.reference(value) {
            Some(text) => Ok(format!("{function}({text})")),
            None => Err(column_in(&value.column, clause).at(place)),
        }
    }

    /// An entry of DISTINCT ON: an output's number or name, or an expression.
    fn distinct_on(&mut self, expr: &Expr, outputs: &Outputs) -> Planned<()> {
        let clause = "DISTINCT ON";
        let named = match expr {
            Expr::Value(value) => match &value.value {
                Value::Number(number, _) => {
                    if outputs.open && outputs.encrypted().is_some() {
                        return Err(unsupported(
                            "DISTINCT ON by number next to a function's columns",
                            "Name the column.",
                        )
                        .at(index_of(value.span)));
                    }
                    let index = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                    match index.and_then(|index| outputs.columns.get(index)) {
                        Some(column) => Some(column),
                        None => return Ok(()),
                    }
                }
                _ => None,
            },
            Expr::Identifier(name) => {
                let name = ident(name)?;
                outputs.columns.iter().find(|column| column.name == name)
            }
            _ => None,
        };
        match named.map(|column| &column.value) {
            Some(Val::Column(value)) if value.casts.is_empty() => {
                let token = index_of(expr.span()).ok_or_else(|| syntax(clause))?;
                let function = self.term_function(&value.column, clause, Some(token))?;
                let text = self.reference(value);
                let text = text.ok_or_else(|| column_in(&value.column, clause).at(Some(token)))?;
                let extent = Extent { first: token, last: token };
                self.replace(extent, vec![Part::Text(format!("{function}({text})"))]);
                Ok(())
            }
            Some(value) => match value.column() {
                Some(value) => Err(column_in(&value.column, clause).at(index_of(expr.span()))),
                None => Ok(()),
            },
            None => match self.expr(expr)? {
                Val::Column(value) if value.casts.is_empty() => self.term(value, clause),
                value => self.settle_plain(value, clause),
            },
        }
    }
}
