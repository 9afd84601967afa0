//! Expressions over encrypted columns as formulas, for the proxy to compute.
//!
//! An expression is first planned in the ordinary way. Where that refuses it, the planner goes back to where it
//! was before and looks whether a formula can be made of it, for whoever can use one: the outermost select list
//! ([`output`]), and conditions.

mod collation;
mod keywords;
mod output;
mod walk;

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};

use super::consts::Extent;
use super::expr::{ColumnVal, Val};
use super::planner::{Mode, ParamDraft, Planner};
use super::refuse::{Draft, Planned};
use crate::evaluate::Formula;
use crate::value::{Collation, Type};
use walk::Formed;

/// An expression over encrypted columns (and constants, and plain columns) that the server cannot compute.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub formula: Formula,
    /// What the formula's inputs are.
    pub inputs: Vec<ComputedInput>,
    /// By whose rules strings are compared and change case.
    pub collation: Collation,
    /// All of the expression's tokens.
    pub extent: Extent,
    /// Why it cannot be planned in the ordinary way: the refusal where no formula serves.
    pub refusal: Box<Draft>,
    /// The name that it needs as an output without an alias.
    pub name: Option<String>,
}

/// An input of a formula.
#[derive(Clone, Debug)]
pub(super) enum ComputedInput {
    /// An encrypted column.
    Column(ColumnVal),
    /// A column that is not encrypted.
    Plain {
        /// The reference.
        place: Extent,
        /// Without a modifier.
        ty: Type,
    },
}

impl Computed {
    /// The encrypted column, if the formula has no other input.
    pub fn only_column(&self) -> Option<&ColumnVal> {
        match self.inputs.as_slice() {
            [ComputedInput::Column(column)] => Some(column),
            _ => None,
        }
    }

    /// The first encrypted column.
    pub fn column(&self) -> Option<&ColumnVal> {
        self.inputs.iter().find_map(|input| match input {
            ComputedInput::Column(column) => Some(column),
            ComputedInput::Plain { .. } => None,
        })
    }
}

/// What planning an expression can have changed.
pub(super) struct Mark {
    edits: usize,
    slots: usize,
    params: Vec<ParamDraft>,
    frames: usize,
    ctes: usize,
    relations: usize,
    refinements: usize,
    protected: bool,
    open: Vec<super::open::OpenColumn>,
}

impl Planner<'_> {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            edits: self.edits.len(),
            slots: self.slots.len(),
            params: self.params.clone(),
            frames: self.frames.len(),
            ctes: self.ctes.len(),
            relations: self.relations.len(),
            refinements: self.refinements.len(),
            protected: self.protected,
            open: self.open.clone(),
        }
    }

    pub(super) fn reset(&mut self, mark: &Mark) {
        self.edits.truncate(mark.edits);
        self.slots.truncate(mark.slots);
        self.params.clone_from(&mark.params);
        self.frames.truncate(mark.frames);
        self.ctes.truncate(mark.ctes);
        self.relations.truncate(mark.relations);
        self.refinements.truncate(mark.refinements);
        self.protected = mark.protected;
        self.open.clone_from(&mark.open);
    }

    /// Walks an expression; where it is refused, makes a formula of it if there is one.
    pub(super) fn expr_or_formula(
        &mut self,
        expr: &Expr,
        walk: impl FnOnce(&mut Self) -> Planned<Val>,
    ) -> Planned<Val> {
        if self.mode == Mode::View {
            return walk(self);
        }
        // A leaf that is refused has changed nothing.
        let mark = if is_leaf(expr) { None } else { Some(self.mark()) };
        match walk(self) {
            Err(refusal) if refusal.sqlstate == "0A000" => {
                if let Some(mark) = &mark {
                    self.reset(mark);
                }
                self.formula_or(expr, refusal)
            }
            done => done,
        }
    }

    /// The formula of an expression, or why it was refused. Nothing of the statement is changed.
    pub(super) fn formula_or(&mut self, expr: &Expr, mut refusal: Box<Draft>) -> Planned<Val> {
        match self.formula_of(expr)? {
            Ok(Formed { formula, inputs, collation, extent }) => {
                let computed = Computed { formula, inputs, collation, extent, refusal, name: None };
                Ok(Val::Computed(Box::new(computed)))
            }
            Err(reason) => {
                if let Some(reason) = reason {
                    refusal.detail = Some(format!("Pyrite cannot compute it itself either: {reason}."));
                }
                Err(refusal)
            }
        }
    }

    /// Takes the formula's parameters for its own: they are not sent to the server.
    pub(super) fn claim_params(&mut self, formula: &Formula) {
        let params = &mut self.params;
        formula.params(&mut |number, ty| {
            if let Some(param) = params.get_mut(number) {
                param.computed = Some(ty);
                param.inferred.get_or_insert((ty, false));
            }
        });
    }
}

/// Whether no formula could do more than the ordinary way.
fn is_leaf(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) => true,
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_leaf(inner),
        _ => false,
    }
}

/// Conditions whose parts are looked at by themselves.
pub(super) fn is_composite(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => matches!(op, BinaryOperator::And | BinaryOperator::Or),
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::Nested(inner) => is_composite(inner),
        _ => false,
    }
}
