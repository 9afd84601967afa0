//! What narrows the candidates of a refinement: conditions of the same WHERE on the same relation, which a row has to
//! fulfil anyway.
//!
//! Only conditions that cannot fail and mean the same in a query of their own: comparisons of the relation's columns
//! with constants. Each is taken with the edits that were made to it.

use sqlparser::ast::{BinaryOperator, Expr, Ident, UnaryOperator};

use super::consts::Extent;
use super::expr::ident;
use super::parse::index_of;
use super::planner::Planner;

/// A condition that narrows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrowing {
    /// The entry of FROM that it is about.
    item: usize,
    pub extent: Extent,
    /// It names an encrypted column.
    pub encrypted: bool,
}

impl Narrowing {
    fn at(self, extent: Extent) -> Narrowing {
        Narrowing { extent, ..self }
    }
}

impl Planner<'_> {
    /// Notes what narrows the refinements from number `from` on, which came out of this WHERE.
    pub fn narrow(&mut self, condition: &Expr, from: usize) {
        if self.refinements.len() == from {
            return;
        }
        let mut conjuncts = Vec::new();
        flatten(condition, &mut conjuncts);
        if conjuncts.len() < 2 {
            return;
        }
        let simple: Vec<Narrowing> = conjuncts.iter().filter_map(|expr| self.narrowing(expr)).collect();
        for index in from..self.refinements.len() {
            let Some(draft) = self.refinements.get(index) else { return };
            let place = draft.column.place.filter(|_| draft.depth == self.frames.len());
            let Some(item) = place.and_then(|place| self.item_at(place)) else { continue };
            let list: Vec<Narrowing> = simple.iter().filter(|n| n.item == item).copied().collect();
            let name = self.frames.last().and_then(|f| f.items.get(item)).and_then(|i| i.name.clone());
            if let (Some(name), false) = (name, list.is_empty())
                && let Some(draft) = self.refinements.get_mut(index)
            {
                draft.narrowed = Some((name, list));
            }
        }
    }

    /// The entry of FROM that a reference at these tokens means, if it is a table by its own columns' names.
    fn item_at(&self, place: Extent) -> Option<usize> {
        let names: Option<Vec<String>> =
            (place.first..=place.last).step_by(2).map(|at| self.tokens.name(at)).collect();
        self.item_named(&names?)
    }

    fn item_named(&self, names: &[String]) -> Option<usize> {
        let frame = self.frames.last()?;
        let (table, column) = match names {
            [column] => (None, column),
            [table, column] => (Some(table), column),
            _ => return None,
        };
        let mut found = frame.items.iter().enumerate().filter(|(_, item)| {
            let named = table.is_none_or(|table| item.name.as_ref() == Some(table));
            named
                && !item.hidden
                && item.columns.iter().any(|c| c.name == *column && (c.bare || table.is_some()))
        });
        let (index, item) = found.next()?;
        // One that is not known to be alone could be another's.
        let alone = found.next().is_none() && (table.is_some() || !frame.items.iter().any(|item| item.open));
        let origin = item.columns.first().and_then(|c| c.held.origin).map(|(table, _)| table)?;
        let relation = self.catalog.relation_by_oid(origin)?;
        let own = item.columns.len() == relation.columns.len()
            && item
                .columns
                .iter()
                .zip(&relation.columns)
                .all(|(c, own)| c.name == own.name && c.held.origin == Some((relation.oid, own.attnum)));
        (alone && own && !item.open).then_some(index)
    }

    /// A condition, if it narrows.
    fn narrowing(&self, expr: &Expr) -> Option<Narrowing> {
        match expr {
            Expr::Nested(inner) => {
                let inner = self.narrowing(inner)?;
                Some(inner.at(self.nested(Some(inner.extent))?))
            }
            Expr::BinaryOp { left, op, right } if compares(op) => {
                let (reference, constant) = match (self.own_column(left), self.constant(right)) {
                    (Some(reference), Some(constant)) => (reference, constant),
                    _ => (self.own_column(right)?, self.constant(left)?),
                };
                let at = reference.extent;
                let (first, last) = (at.first.min(constant.first), at.last.max(constant.last));
                Some(reference.at(Extent { first, last }))
            }
            Expr::IsNull(inner) => self.null_tested(self.own_column(inner)?, &["is", "null"]),
            Expr::IsNotNull(inner) => self.null_tested(self.own_column(inner)?, &["is", "not", "null"]),
            Expr::InList { expr, list, negated: false } => {
                let reference = self.own_column(expr)?;
                let open = reference.extent.last + 2;
                let listed = self.tokens.is_word(open - 1, "in") && self.tokens.is_sign(open, "(");
                let constants = list.iter().all(|value| self.constant(value).is_some());
                let last = self.tokens.close(open).filter(|_| listed && constants)?;
                Some(reference.at(Extent { first: reference.extent.first, last }))
            }
            Expr::AnyOp { left, compare_op, right, .. } if compares(compare_op) => {
                let reference = self.own_column(left)?;
                let array = self.constant(right)?;
                let last = array.last + 1;
                let whole =
                    self.tokens.is_sign(last, ")") && self.tokens.is_sign(array.first.checked_sub(1)?, "(");
                whole.then_some(reference.at(Extent { first: reference.extent.first, last }))
            }
            _ => None,
        }
    }

    fn null_tested(&self, reference: Narrowing, words: &[&str]) -> Option<Narrowing> {
        let Extent { first, last } = reference.extent;
        let whole = words.iter().enumerate().all(|(n, word)| self.tokens.is_word(last + 1 + n, word));
        whole.then_some(reference.at(Extent { first, last: last + words.len() }))
    }

    /// A column of a table in the innermost FROM.
    fn own_column(&self, expr: &Expr) -> Option<Narrowing> {
        let names: &[Ident] = match expr {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(names) => names,
            Expr::Nested(inner) => {
                let inner = self.own_column(inner)?;
                return Some(inner.at(self.nested(Some(inner.extent))?));
            }
            _ => return None,
        };
        let extent = Extent { first: index_of(names.first()?.span)?, last: index_of(names.last()?.span)? };
        let names: Vec<String> = names.iter().map(|name| ident(name).ok()).collect::<Option<_>>()?;
        let item = self.item_named(&names)?;
        let columns = &self.frames.last()?.items.get(item)?.columns;
        let column = columns.iter().find(|column| Some(&column.name) == names.last())?;
        let encrypted = column.held.encrypted.is_some() || column.held.unmanaged.is_some();
        Some(Narrowing { item, extent, encrypted })
    }

    /// A parameter or literal, with a sign or casts.
    fn constant(&self, expr: &Expr) -> Option<Extent> {
        match expr {
            Expr::Value(value) => index_of(value.span).map(|at| Extent { first: at, last: at }),
            Expr::Nested(inner) => self.nested(self.constant(inner)),
            Expr::Cast { expr, .. } => {
                let extent = self.constant(expr);
                self.cast(extent).map(|(_, widened)| widened)
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                let inner = self.constant(expr)?;
                let first = inner.first.checked_sub(1)?;
                self.tokens.is_sign(first, "-").then_some(Extent { first, last: inner.last })
            }
            Expr::TypedString(typed) => {
                self.typed_literal(index_of(typed.value.span)?).and_then(|literal| literal.extent)
            }
            _ => None,
        }
    }
}

/// The conditions that AND joins.
fn flatten<'e>(expr: &'e Expr, out: &mut Vec<&'e Expr>) {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            flatten(left, out);
            flatten(right, out);
        }
        Expr::Nested(inner) if matches!(&**inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => {
            flatten(inner, out);
        }
        other => out.push(other),
    }
}

/// Operators that fail for no value.
fn compares(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}
