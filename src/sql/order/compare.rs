//! `<`, `<=`, `>`, `>=`, BETWEEN, row comparisons, ANY and ALL.

use std::sync::Arc;

use sqlparser::ast::{BinaryOperator, Expr};

use super::super::compare::{array_of, row};
use super::super::consts::Const;
use super::super::edits::Part;
use super::super::expr::{ColumnVal, Val};
use super::super::function::{is_row, plain_args};
use super::super::plan::Role;
use super::super::planner::Planner;
use super::super::query::Outputs;
use super::super::refuse::{Draft, Planned, full_name, unsupported};
use super::super::types::message_name;
use super::Form;
use crate::catalog::EncryptedColumn;
use crate::value::{self, Type, order};

/// Whether it is one of the four comparisons of order.
pub(in crate::sql) fn is_order(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq)
}

/// The place of an operand: by itself, or an entry of a row, where its parts are entries too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Alone,
    InRow,
}

impl Planner<'_> {
    /// A comparison of order between values or rows.
    pub fn compare_order(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Planned<()> {
        let op = op.to_string();
        if let (Some(lefts), Some(rights)) = (entries(left), entries(right))
            && lefts.len() == rights.len()
        {
            // Rows are ordered by their first difference, so terms take the place of the values one by one.
            for (left, right) in lefts.into_iter().zip(rights) {
                let operands = vec![self.expr(left)?, self.expr(right)?];
                self.put_operands(operands, &op, &format!("operator {op}"), Place::InRow)?;
            }
            return Ok(());
        }
        let operands = vec![self.expr(left)?, self.expr(right)?];
        self.put_operands(operands, &op, &format!("operator {op}"), Place::Alone)
    }

    /// `value BETWEEN low AND high`.
    pub fn between(&mut self, value: &Expr, low: &Expr, high: &Expr) -> Planned<()> {
        let operands = vec![self.expr(value)?, self.expr(low)?, self.expr(high)?];
        self.put_operands(operands, ">=", "BETWEEN", Place::Alone)
    }

    /// `value op ANY (…)` and ALL, for an operator of order.
    pub fn any_order(&mut self, left: Val, op: &BinaryOperator, right: &Expr) -> Planned<()> {
        let clause = format!("operator {op} ANY or ALL");
        let op = op.to_string();
        let Some(target) = left.column().cloned() else {
            self.settle_plain(left, &clause)?;
            return self.plain(right, &clause);
        };
        self.order_of(&target, &clause)?;
        let (elements, cast) = array_of(right);
        self.put_operand(&target, left, &op, (Form::Whole, Place::Alone), false)?;
        if let Some(elements) = elements {
            for element in elements {
                let value = self.expr(element)?;
                self.put_operand(&target, value, &op, (Form::Whole, Place::Alone), false)?;
            }
            return self.array_cast(&target, elements, cast);
        }
        match self.expr(right)? {
            Val::Const(value) => {
                self.check_type(&target, value.outer_type(), &op, false)?;
                self.seal(value, Role::OrderArray(target.column.clone()))
            }
            Val::Null { extent, cast } => self.null(extent, cast),
            other => {
                self.settle_plain(other, &clause)?;
                Err(unsupported(
                    format!("{clause} of an expression on encrypted column {}", full_name(&target.column)),
                    "Pass the array as a parameter, or as ARRAY[…] of parameters and literals.",
                )
                .at(target.extent.map(|e| e.first)))
            }
        }
    }

    /// The same with a subquery.
    pub fn any_order_subquery(&mut self, left: Val, op: &BinaryOperator, outputs: Outputs) -> Planned<()> {
        let clause = format!("operator {op} ANY or ALL");
        let mut columns = outputs.columns.into_iter().map(|column| column.value);
        match (columns.next(), columns.next(), outputs.open) {
            (Some(right), None, false) => {
                let operands = vec![left, right];
                let Some(target) = target_of(&operands) else {
                    return operands.into_iter().try_for_each(|value| self.settle_plain(value, &clause));
                };
                self.order_of(&target, &clause)?;
                let op = op.to_string();
                for (index, operand) in operands.into_iter().enumerate() {
                    let form = (Form::Whole, Place::Alone);
                    self.put_operand(&target, operand, &op, form, index == 0)?;
                }
                Ok(())
            }
            (first, second, _) => {
                self.settle_plain(left, &clause)?;
                let mut rest = first.into_iter().chain(second).chain(columns);
                rest.try_for_each(|value| self.settle_plain(value, &clause))
            }
        }
    }

    /// A choice (COALESCE, CASE) as a sort key: each of its values becomes its whole term.
    pub(super) fn put_choice(&mut self, target: &ColumnVal, value: Val, clause: &str) -> Planned<()> {
        self.order_of(target, clause)?;
        self.put_operand(target, value, "<", (Form::Whole, Place::Alone), false)
    }

    /// Values that are compared with each other, one of them perhaps encrypted.
    fn put_operands(&mut self, operands: Vec<Val>, op: &str, clause: &str, place: Place) -> Planned<()> {
        let Some(target) = target_of(&operands) else {
            return operands.into_iter().try_for_each(|value| self.settle_plain(value, clause));
        };
        let form = self.common_form(&target, &operands, clause, place)?;
        for (index, operand) in operands.into_iter().enumerate() {
            self.put_operand(&target, operand, op, (form, place), index == 0)?;
        }
        Ok(())
    }

    /// Two parts only where all operands can have them.
    fn common_form(&self, target: &ColumnVal, operands: &[Val], clause: &str, place: Place) -> Planned<Form> {
        let functions = self.order_of(target, clause)?;
        let both = operands.iter().all(|operand| match operand {
            // Parentheses and CAST(…) around an entry would make a row of its parts.
            Val::Column(value) => {
                let bare = place == Place::Alone || value.extent == value.place;
                bare && self.form(value, functions) == Form::Both
            }
            Val::Const(value) => value.extent.is_some(),
            Val::Null { extent, .. } => extent.is_some(),
            _ => false,
        });
        Ok(if both && functions.head.is_some() { Form::Both } else { Form::Whole })
    }

    /// Turns one operand into terms of the target's order. `first`: it stands left of the operator.
    fn put_operand(
        &mut self,
        target: &ColumnVal,
        operand: Val,
        op: &str,
        (form, place): (Form, Place),
        first: bool,
    ) -> Planned<()> {
        match operand {
            Val::Column(mut value) => {
                self.stand_in(&mut value)?;
                // Casts are looked at before types: what they make of a value is not the column's type.
                let functions = self.order_of(&value, &format!("operator {op}"))?;
                self.ordered_alike(&target.column, &value, op)?;
                self.put_order(&value, functions, form)?;
                if let (Form::Both, Place::Alone, Some(inner)) = (form, place, value.place) {
                    self.parenthesise(inner);
                }
                Ok(())
            }
            Val::Const(value) => self.put_constant(target, value, op, (form, place), first),
            Val::Null { extent: Some(extent), .. } if form == Form::Both => {
                let pair = if place == Place::Alone { "(NULL, NULL)" } else { "NULL, NULL" };
                self.replace(extent, vec![Part::Text(pair.to_owned())]);
                Ok(())
            }
            Val::Null { extent, cast } => self.null(extent, cast),
            Val::Choice(choice) => {
                self.bare_choice(&choice);
                choice.values.into_iter().try_for_each(|value| {
                    self.put_operand(target, value, op, (Form::Whole, Place::Alone), first)
                })
            }
            _ => Err(unsupported(
                format!(
                    "the comparison of encrypted column {} with an expression",
                    full_name(&target.column)
                ),
                "Compare it with a parameter, a literal, or a column of its key group.",
            )
            .at(target.extent.map(|e| e.first))),
        }
    }

    /// The terms of a constant, in its place.
    fn put_constant(
        &mut self,
        target: &ColumnVal,
        value: Const,
        op: &str,
        (form, place): (Form, Place),
        first: bool,
    ) -> Planned<()> {
        let ty = self.const_type(&value);
        self.check_type(target, ty, op, first)?;
        let column = &target.column;
        let (Form::Both, Some(extent)) = (form, value.extent) else {
            return self.seal(value, Role::OrderWhole(Arc::clone(column)));
        };
        let head = self.slot(value.clone(), Role::OrderHead(Arc::clone(column)))?;
        let whole = self.slot(value, Role::OrderWhole(Arc::clone(column)))?;
        let (open, close) = if place == Place::Alone { ("(", ")") } else { ("", "") };
        let parts = vec![
            Part::Text(open.to_owned()),
            Part::Slot(head),
            Part::Text(", ".to_owned()),
            Part::Slot(whole),
            Part::Text(close.to_owned()),
        ];
        self.replace(extent, parts);
        Ok(())
    }

    /// Whether PostgreSQL has the operator between the column and a constant of this type.
    fn check_type(&self, target: &ColumnVal, ty: Option<Type>, op: &str, first: bool) -> Planned<()> {
        let column = message_name(target.column.ty);
        let Some(ty) = ty.filter(|ty| !value::has_equality(&target.column.ty, ty)) else { return Ok(()) };
        let (left, right) = if first { (message_name(ty), column) } else { (column, message_name(ty)) };
        Err(Draft::new("42883", format!("operator does not exist: {left} {op} {right}"))
            .hint(
                "No operator matches the given name and argument types. You might need to add explicit type casts.",
            )
            .at(target.extent.map(|e| e.last + 1)))
    }

    /// Whether the terms of two columns compare as their values do.
    fn ordered_alike(&self, left: &EncryptedColumn, value: &ColumnVal, op: &str) -> Planned<()> {
        let right = &value.column;
        let place = value.extent.map(|e| e.first);
        if !value::has_equality(&left.ty, &right.ty) {
            let (left, right) = (message_name(left.ty), message_name(right.ty));
            return Err(
                Draft::new("42883", format!("operator does not exist: {left} {op} {right}")).at(place)
            );
        }
        if left.group != right.group {
            return Err(unsupported(
                format!(
                    "the comparison of {} with {}, which are in different key groups,",
                    full_name(left),
                    full_name(right)
                ),
                "Declare both columns with one group in the configuration, and encrypt them anew.",
            )
            .at(place));
        }
        let collations =
            !order::uses_collation(&left.ty) || left.collation.identity() == right.collation.identity();
        if !order::comparable(&left.ty, &right.ty) || !collations {
            return Err(unsupported(
                format!("operator {op} between {} and {}", full_name(left), full_name(right)),
                "Declare both columns with the same type and collation.",
            )
            .at(place));
        }
        Ok(())
    }
}

/// The entries of a row value, with ROW or without.
fn entries(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Function(function) => plain_args(function).filter(|args| is_row(function, args.len())),
        other => row(other).map(|list| list.iter().collect()),
    }
}

/// The encrypted column by whose order the values are compared.
fn target_of(operands: &[Val]) -> Option<ColumnVal> {
    operands.iter().find_map(|operand| operand.column().cloned())
}
