//! DISTINCT over encrypted columns: `DISTINCT ON (pyrite.eq(c), 2)`, plain outputs by their number. The rows that
//! are kept show stored envelopes, so the columns keep their origin.

use sqlparser::ast::{Distinct, Expr, Select, Spanned, Value};

use super::edits::Part;
use super::expr::{ColumnVal, Val, ident};
use super::grouping::{check_alike, prints_alike, unwrapped};
use super::parse::index_of;
use super::planner::Planner;
use super::query::Outputs;
use super::refuse::{Planned, column_in, syntax, unsupported};
use crate::catalog::{EncryptedColumn, OrderFunctions};
use crate::value::Type;

impl Planner<'_> {
    /// DISTINCT and DISTINCT ON of a select list that has been read.
    pub fn distinct(&mut self, select: &Select, outputs: &Outputs, ordered: bool) -> Planned<()> {
        match &select.distinct {
            Some(Distinct::Distinct) => self.all_distinct(select, outputs, ordered),
            Some(Distinct::On(list)) => {
                list.iter().try_for_each(|expr| self.distinct_on(unwrapped(expr), outputs, ordered))
            }
            _ => Ok(()),
        }
    }

    fn all_distinct(&mut self, select: &Select, outputs: &Outputs, ordered: bool) -> Planned<()> {
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
                Val::Column(value) => self.distinct_key(value, "DISTINCT", ordered)?,
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
    fn distinct_key(&mut self, value: &ColumnVal, clause: &str, ordered: bool) -> Planned<String> {
        let place = value.extent.map(|e| e.first);
        check_alike(&value.column, clause, place)?;
        // As text, values are equal where they are equal themselves.
        let text = |ty: Option<Type>| matches!(ty, Some(Type::Text | Type::Varchar(None)));
        let casts = value.casts.iter().all(|cast| !cast.array && text(cast.ty));
        if !casts || !prints_alike(value.column.ty) {
            return Err(column_in(&value.column, format!("a cast under {clause}")).at(place));
        }
        self.term_function(&value.column, clause, place)?;
        match self.reference(value) {
            Some(text) => Ok(distinct_terms(&value.column, &text, ordered)),
            None => Err(column_in(&value.column, clause).at(place)),
        }
    }

    /// An entry of DISTINCT ON: an output's number or name, or an expression.
    fn distinct_on(&mut self, expr: &Expr, outputs: &Outputs, ordered: bool) -> Planned<()> {
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
            Some(Val::Column(value)) if value.casts.is_empty() => self.put_terms(value, expr, ordered),
            Some(value) => match value.column() {
                Some(value) => Err(column_in(&value.column, clause).at(index_of(expr.span()))),
                None => Ok(()),
            },
            None => match self.expr(expr)? {
                Val::Column(value) if value.casts.is_empty() && self.location_of(expr).is_some() => {
                    self.put_terms(&value, expr, ordered)
                }
                Val::Column(value) if value.casts.is_empty() => self.term(value, clause),
                value => self.settle_plain(value, clause),
            },
        }
    }

    /// Terms in the place of a name or number.
    fn put_terms(&mut self, value: &ColumnVal, expr: &Expr, ordered: bool) -> Planned<()> {
        let clause = "DISTINCT ON";
        let first = index_of(expr.span());
        self.term_function(&value.column, clause, first)?;
        let last = match expr {
            Expr::CompoundIdentifier(names) => names.last().and_then(|name| index_of(name.span)),
            _ => first,
        };
        let (Some(first), Some(last), Some(text)) = (first, last, self.reference(value)) else {
            return Err(column_in(&value.column, clause).at(first));
        };
        let span = self.tokens.start(first)..self.tokens.end(last);
        self.edits.rewrite(span, vec![Part::Text(distinct_terms(&value.column, &text, ordered))]);
        Ok(())
    }
}

/// What rows are told apart by that show this column. ORDER BY demands that its keys come first in DISTINCT ON.
pub(super) fn distinct_terms(column: &EncryptedColumn, text: &str, ordered: bool) -> String {
    match column.order_functions().filter(|_| ordered) {
        Some(OrderFunctions { head: Some(head), whole }) => format!("{head}({text}), {whole}({text})"),
        Some(OrderFunctions { head: None, whole }) => format!("{whole}({text})"),
        None => format!("{}({text})", column.equality_function()),
    }
}
