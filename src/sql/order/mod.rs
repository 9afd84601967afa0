//! Order on encrypted columns: comparisons and sort keys by order terms.
//!
//! A column's order is that of its whole term. Where that is too long for an index entry, the index is over a
//! bounded head of it; then `c < x` is `(head(c), whole(c)) < (x's head, x's whole)`, for which the server can
//! use that index, and sort keys are head and whole likewise. Where the text of a value cannot be doubled (a
//! subquery, COALESCE), the whole term alone gives the same answer.

mod alone;
mod compare;
mod extremes;
mod sort;

pub(super) use compare::is_order;

use super::consts::Extent;
use super::expr::ColumnVal;
use super::planner::{Mode, Planner};
use super::refuse::{Draft, Planned, column_in, full_name, unsupported};
use super::types::message_name;
use crate::catalog::OrderFunctions;
use crate::value::{Type, order};

/// What a sort key or an operand of a comparison is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Head and whole term, where the column has a head.
    Both,
    /// The whole term alone.
    Whole,
}

impl Planner<'_> {
    /// The functions by which the column is ordered, or why it cannot be.
    fn order_of(&self, value: &ColumnVal, clause: &str) -> Planned<OrderFunctions> {
        let column = &value.column;
        let place = value.extent.map(|e| e.first);
        let refused = |why: String, hint: String| {
            let name = full_name(column);
            Err(unsupported(format!("{clause} on encrypted column {name}, {why},"), hint).at(place))
        };
        if column.ty == Type::Json {
            return Err(Draft::new("42883", "operator does not exist: json < json").at(place));
        }
        if !order::supported(&column.ty) {
            let ty = message_name(column.ty);
            return refused(
                format!("whose type {ty} has no order terms"),
                "Order it in the application.".into(),
            );
        }
        if self.mode == Mode::View {
            return refused(
                "whose order term would be kept in a stored definition".into(),
                "Order where the view is read.".into(),
            );
        }
        if !value.casts.iter().all(|cast| !cast.array && keeps_order(&column.ty, cast.ty)) {
            return Err(column_in(column, format!("a cast under {clause}")).at(place));
        }
        let refusal = column.collation.order_refusal().filter(|_| order::uses_collation(&column.ty));
        if let Some(refusal) = refusal {
            return refused(format!("of whose collation {}", refusal.reason), refusal.hint.clone());
        }
        match column.order_functions() {
            Some(functions) => Ok(functions),
            None if column.order => refused(
                "whose stored values do not all have order terms yet".into(),
                "Run REPAIR for the column on Pyrite's console.".into(),
            ),
            None => refused(
                "which has no order search".into(),
                "Add \"order\" to the column's search list in the configuration.".into(),
            ),
        }
    }

    /// The SQL that stands for the value and may be written once more: names, and text of ours. Anything else
    /// of the client's may hold what is to be sealed.
    fn doubled(&self, value: &ColumnVal) -> Option<String> {
        if value.written.is_some() {
            return self.reference(value);
        }
        let place = value.place?;
        let names = (place.first..=place.last).enumerate().all(|(index, token)| match index % 2 {
            0 => self.tokens.name(token).is_some(),
            _ => self.tokens.is_sign(token, "."),
        });
        if names { self.reference(value) } else { None }
    }

    /// The form in which this value can be ordered at its place.
    fn form(&self, value: &ColumnVal, functions: OrderFunctions) -> Form {
        match functions.head {
            // An index is over a column: with anything else, heads are of no use.
            Some(_) if self.doubled(value).is_some_and(|text| !text.contains('(')) => Form::Both,
            _ => Form::Whole,
        }
    }

    /// Puts the functions around a value. In the form of two parts they come as a list, without parentheses.
    fn put_order(&mut self, value: &ColumnVal, functions: OrderFunctions, form: Form) -> Planned<()> {
        let Some(place) = value.place else {
            return Err(column_in(&value.column, "a comparison of order").at(value.extent.map(|e| e.first)));
        };
        let double = match (form, functions.head) {
            (Form::Both, Some(head)) => self.doubled(value).map(|text| (head, text)),
            _ => None,
        };
        let (first, last) = (self.tokens.start(place.first), self.tokens.end(place.last));
        match double {
            Some((head, text)) => {
                self.edits.before(first, format!("{head}("));
                self.edits.after(last, format!("), {}({text})", functions.whole));
            }
            None => self.wrap(place, functions.whole),
        }
        self.remove_casts(value);
        Ok(())
    }

    /// Puts parentheses around the tokens of an operand.
    fn parenthesise(&mut self, extent: Extent) {
        self.edits.before(self.tokens.start(extent.first), "(");
        self.edits.after(self.tokens.end(extent.last), ")");
    }
}

/// Whether values are ordered alike before and after a cast.
fn keeps_order(from: &Type, to: Option<Type>) -> bool {
    match (from, to) {
        (Type::Text | Type::Varchar(_), Some(Type::Text | Type::Varchar(None))) => true,
        (_, Some(to)) => to == from.base(),
        _ => false,
    }
}
