//! Subscripts and fields, tests for NULL, and casts that no value may have.

use sqlparser::ast::{AccessExpr, DataType, Expr, Subscript};

use super::consts::{Const, Leaf};
use super::expr::{Val, object_name};
use super::planner::Planner;
use super::refuse::{Planned, syntax, unsupported};
use super::types::CastType;
use crate::value::Type;

impl Planner<'_> {
    /// Subscripts and fields of a value.
    pub fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Planned<Val> {
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

    /// IS NULL: an envelope is NULL where its value is.
    pub fn null_test(&mut self, inner: &Expr) -> Planned<Val> {
        let value = self.expr(inner)?;
        match value {
            Val::Column(value) => {
                // A cast would be one of the envelope. Those to text are never errors.
                let text = |cast: &CastType| matches!(cast.ty, Some(Type::Text | Type::Varchar(None))) && !cast.array;
                if value.casts.iter().all(text) {
                    self.remove_casts(&value);
                } else {
                    self.passed_on(&Val::Column(value.clone()))?;
                }
                self.represent_unseen(value)?;
            }
            Val::Const(Const { leaf: Leaf::Param(index), extent: Some(extent), .. }) => {
                if let Some(param) = self.params.get_mut(index) {
                    param.null_tests.push(extent);
                }
            }
            Val::Const(value) => self.unseen_literal(&value),
            Val::Choice(choice) => {
                // Envelopes are NULL where their values are; a constant between them would need sealing.
                let constant = choice.values.iter().any(|v| matches!(v, Val::Const(_)));
                if constant || choice.values.iter().all(|v| v.column().is_none()) {
                    self.settle_plain(Val::Choice(choice), "IS NULL")?;
                } else {
                    self.bare_choice(&choice);
                }
            }
            _ => {}
        }
        Ok(Val::Plain)
    }

    /// A row of an encrypted table made of text would carry plaintext.
    pub fn no_row_type(&self, data_type: &DataType) -> Planned<()> {
        match data_type {
            DataType::Custom(name, _) => {
                let (parts, token) = object_name(name)?;
                match parts.last() {
                    Some(name) if self.catalog.is_protected_name(name) => Err(unsupported(
                        format!("a cast to the row type of encrypted table {name}"),
                        "Name the columns.",
                    )
                    .at(Some(token))),
                    _ => Ok(()),
                }
            }
            DataType::Array(
                sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)
                | sqlparser::ast::ArrayElemTypeDef::Qualified(inner, _),
            ) => self.no_row_type(inner),
            _ => Ok(()),
        }
    }
}
