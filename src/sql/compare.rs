//! Comparisons: equality in all its forms becomes equality of terms, on both sides or on none.

use sqlparser::ast::{BinaryOperator, Expr, Spanned};

use super::consts::{Const, Extent, Leaf};
use super::edits::Part;
use super::expr::{ColumnVal, Val};
use super::order::is_order;
use super::parse::index_of;
use super::passing::row_of;
use super::plan::Role;
use super::planner::Planner;
use super::refuse::{Draft, Planned, column_in, full_name, syntax, unsupported};
use super::types::{self, message_name};
use crate::catalog::EncryptedColumn;
use crate::value::{self, Family, Type};

impl Planner<'_> {
    /// Equality in any form.
    pub fn compare(&mut self, left: &Expr, right: &Expr, clause: &str) -> Planned<()> {
        if let (Some(lefts), Some(rights)) = (row(left), row(right))
            && lefts.len() == rights.len()
        {
            for (left, right) in lefts.iter().zip(rights) {
                self.compare(left, right, clause)?;
            }
            return Ok(());
        }
        if let (Some(lefts), Expr::Subquery(query)) = (row_of(left), right) {
            return self.rows_of_query(&lefts, query, clause);
        }
        let left = self.expr(left)?;
        let right = self.expr(right)?;
        self.equate(left, right, clause)
    }

    /// Both sides of an equality become terms, or both stay plain.
    pub fn equate(&mut self, left: Val, right: Val, clause: &str) -> Planned<()> {
        match (self.resolved(left), self.resolved(right)) {
            (Val::Column(column), Val::Open(open)) | (Val::Open(open), Val::Column(column)) => {
                let open = self.open_beside(open, &column.column)?;
                self.equate(Val::Column(column), Val::Column(open), clause)
            }
            (left, right) if matches!(left, Val::Choice(_)) || matches!(right, Val::Choice(_)) => {
                let target = left.column().or(right.column()).cloned();
                for value in [&left, &right] {
                    if let (Val::Choice(choice), Some(_)) = (value, &target) {
                        self.bare_choice(choice);
                    }
                }
                let mut values = left.alternatives();
                values.extend(right.alternatives());
                values.into_iter().try_for_each(|value| match &target {
                    Some(target) => self.equate_with(target, value, clause),
                    None => self.settle_plain(value, clause),
                })
            }
            (Val::Column(left), Val::Column(right)) => {
                self.comparable(&left.column, &right.column, left.extent)?;
                self.term(left, clause)?;
                self.term(right, clause)
            }
            (Val::Column(column), other) | (other, Val::Column(column)) => {
                let operator = column.extent.map(|e| e.last + 1);
                let target = column.column.clone();
                let place = column.extent.map(|e| e.first);
                self.term(column, clause)?;
                match other {
                    Val::Const(value) => self.seal_equal(value, &target, operator),
                    Val::Null { extent, cast } => self.null(extent, cast),
                    _ => Err(unsupported(
                        format!(
                            "the comparison of encrypted column {} with an expression",
                            full_name(&target)
                        ),
                        "Compare it with a parameter, a literal, or a column of its key group.",
                    )
                    .at(place)),
                }
            }
            (left, right) => {
                self.settle_plain(left, clause)?;
                self.settle_plain(right, clause)
            }
        }
    }

    /// NULL has no plaintext, but its cast would not fit an envelope or a term.
    pub fn null(&mut self, extent: Option<Extent>, cast: bool) -> Planned<()> {
        match extent {
            Some(extent) if cast => {
                self.replace(extent, vec![Part::Text("NULL".to_owned())]);
                Ok(())
            }
            None if cast => Err(syntax("a cast of NULL")),
            _ => Ok(()),
        }
    }

    /// Whether two columns' terms can be compared.
    pub fn comparable(
        &self,
        left: &EncryptedColumn,
        right: &EncryptedColumn,
        place: Option<Extent>,
    ) -> Planned<()> {
        if left.group != right.group {
            return Err(unsupported(
                format!(
                    "the comparison of {} with {}, which are in different key groups,",
                    full_name(left),
                    full_name(right)
                ),
                "Declare both columns with one group in the configuration, and encrypt them anew.",
            )
            .at(place.map(|e| e.first)));
        }
        if !value::has_equality(&left.ty, &right.ty) {
            return Err(Draft::new(
                "42883",
                format!("operator does not exist: {} = {}", message_name(left.ty), message_name(right.ty)),
            )
            .at(place.map(|e| e.last + 1)));
        }
        if !value::shares_terms(&left.ty, &right.ty) {
            return Err(unsupported(
                format!("the comparison of {} with {}", full_name(left), full_name(right)),
                "Declare both columns with types of one family.",
            )
            .at(place.map(|e| e.first)));
        }
        Ok(())
    }

    /// Turns an encrypted column into its equality term.
    pub fn term(&mut self, value: ColumnVal, clause: &str) -> Planned<()> {
        let first = value.extent.map(|e| e.first);
        let column = &value.column;
        let function = self.term_function(column, clause, first)?;
        let text = |ty: Option<Type>| matches!(ty, Some(Type::Text | Type::Varchar(None)));
        let harmless = column.ty.family() == Some(Family::Text)
            && !matches!(column.ty, Type::Char(_))
            && value.casts.iter().all(|cast| !cast.array && text(cast.ty));
        if !value.casts.is_empty() && !harmless {
            return Err(column_in(column, format!("a cast under {clause}")).at(first));
        }
        let Some(place) = value.place else {
            return Err(column_in(column, clause).at(first));
        };
        self.represent_outer(&value, place);
        self.wrap(place, function);
        self.remove_casts(&value);
        Ok(())
    }

    /// The function that cuts a column's equality term out of its envelopes.
    pub fn term_function(
        &self,
        column: &EncryptedColumn,
        clause: &str,
        first: Option<usize>,
    ) -> Planned<&'static str> {
        if column.ty.family().is_none() {
            return Err(Draft::new("42883", "operator does not exist: json = json").at(first));
        }
        if !column.equality {
            return Err(unsupported(
                format!("{clause} on encrypted column {}, which has no equality search,", full_name(column)),
                "Add \"equality\" to the column's search list in the configuration.",
            )
            .at(first));
        }
        Ok(column.equality_function())
    }

    /// Takes the casts of a column out of the text.
    pub fn remove_casts(&mut self, value: &ColumnVal) {
        for extent in &value.cast_tokens {
            self.replace(*extent, Vec::new());
        }
    }

    pub fn in_list(&mut self, left: &Expr, list: &[Expr]) -> Planned<()> {
        if let Some(lefts) = row(left) {
            return self.in_rows(lefts, list);
        }
        match self.expr(left)? {
            Val::Column(column) => {
                let target = column.clone();
                self.term(column, "IN")?;
                let mut values = Vec::with_capacity(list.len());
                for expr in list {
                    values.push(self.expr(expr)?);
                }
                self.infer_in(&target, &values);
                values.into_iter().try_for_each(|value| self.equate_with(&target, value, "IN"))
            }
            left => {
                let mut values = Vec::with_capacity(list.len());
                for expr in list {
                    values.push(self.expr(expr)?);
                }
                if let ([Val::Column(_)], Some(right)) = (values.as_slice(), values.first().cloned()) {
                    return self.equate(left, right, "IN");
                }
                self.settle_plain(left, "IN")?;
                values.into_iter().try_for_each(|value| self.settle_plain(value, "IN"))
            }
        }
    }

    /// Several values make an array, and those without a type of their own get its: the column's, or that of another
    /// value which the column's can become.
    fn infer_in(&mut self, column: &ColumnVal, values: &[Val]) {
        let constants: Vec<&Const> = values
            .iter()
            .filter_map(|value| match value {
                Val::Const(value) => Some(value),
                _ => None,
            })
            .collect();
        let listed = values.iter().filter(|value| !matches!(value, Val::Column(_))).count();
        let mut given = constants.iter().filter_map(|value| self.const_type(value));
        let common = given.try_fold(column.column.ty, types::common);
        let Some(common) = common.filter(|_| listed >= 2) else { return };
        for value in constants {
            if let Leaf::Param(index) = value.leaf
                && let Some(param) = self.params.get_mut(index)
            {
                param.inferred.get_or_insert((common, false));
            }
        }
    }

    /// Row values: each position is compared by itself.
    fn in_rows(&mut self, lefts: &[Expr], list: &[Expr]) -> Planned<()> {
        let mut values = Vec::with_capacity(lefts.len());
        for left in lefts {
            values.push(self.expr(left)?);
        }
        for value in &values {
            match value {
                Val::Column(column) => self.term(column.clone(), "IN")?,
                other => self.settle_plain(other.clone(), "IN")?,
            }
        }
        for entry in list {
            let Some(rights) = row(entry).filter(|rights| rights.len() == lefts.len()) else {
                return Err(syntax("a row comparison"));
            };
            for (left, right) in values.iter().zip(rights) {
                let right = self.expr(right)?;
                match left {
                    Val::Column(column) => self.equate_with(column, right, "IN")?,
                    _ => self.settle_plain(right, "IN")?,
                }
            }
        }
        Ok(())
    }

    /// The right side of an equality whose left side already is a term.
    pub fn equate_with(&mut self, left: &ColumnVal, right: Val, clause: &str) -> Planned<()> {
        match self.resolved(right) {
            Val::Open(open) => {
                let right = self.open_beside(open, &left.column)?;
                self.equate_with(left, Val::Column(right), clause)
            }
            Val::Column(right) => {
                self.comparable(&left.column, &right.column, right.extent)?;
                self.term(right, clause)
            }
            Val::Const(value) => {
                let operator = left.extent.map(|e| e.last + 1);
                self.seal_equal(value, &left.column.clone(), operator)
            }
            Val::Null { extent, cast } => self.null(extent, cast),
            Val::Choice(choice) => {
                self.bare_choice(&choice);
                choice.values.into_iter().try_for_each(|value| self.equate_with(left, value, clause))
            }
            Val::Computed(computed) => Err(computed.refusal),
            Val::Plain | Val::Nested(_) => Err(unsupported(
                format!("the comparison of encrypted column {} with an expression", full_name(&left.column)),
                "Compare it with a parameter, a literal, or a column of its key group.",
            )
            .at(left.extent.map(|e| e.first))),
        }
    }

    pub fn any_all(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Planned<()> {
        let clause = "ANY or ALL";
        let left = self.expr(left)?;
        let equality = matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq);
        if let Expr::Subquery(query) = right {
            if equality {
                return self.in_subquery(left, query);
            }
            let outputs = self.query(query)?;
            if is_order(op) {
                return self.any_order_subquery(left, op, outputs);
            }
            self.settle_plain(left, clause)?;
            return self.settle_outputs(outputs, clause);
        }
        if is_order(op) {
            return self.any_order(left, op, right);
        }
        let Val::Column(column) = left else {
            self.settle_plain(left, clause)?;
            return self.plain(right, clause);
        };
        if !equality {
            return Err(column_in(&column.column, format!("operator {op} ANY or ALL"))
                .at(column.extent.map(|e| e.first)));
        }
        let target = column.clone();
        self.term(column, clause)?;
        self.any_array(&target, right)
    }

    /// The array that an encrypted column is compared with.
    fn any_array(&mut self, column: &ColumnVal, right: &Expr) -> Planned<()> {
        let (array, cast) = array_of(right);
        if let Some(array) = array {
            for element in array {
                let value = self.expr(element)?;
                self.equate_with(column, value, "ANY or ALL")?;
            }
            return self.array_cast(column, array, cast);
        }
        match self.expr(right)? {
            Val::Const(value) => {
                let role = Role::EqualityArray(column.column.clone());
                let element = value.outer_type();
                if let Some(ty) = element.filter(|ty| !value::has_equality(&column.column.ty, ty)) {
                    return Err(Draft::new(
                        "42883",
                        format!(
                            "operator does not exist: {} = {}",
                            message_name(column.column.ty),
                            message_name(ty)
                        ),
                    )
                    .at(column.extent.map(|e| e.last + 1)));
                }
                self.seal(value, role)
            }
            Val::Null { extent, cast } => self.null(extent, cast),
            other => {
                self.settle_plain(other, "ANY or ALL")?;
                Err(unsupported(
                    format!("= ANY of an expression on encrypted column {}", full_name(&column.column)),
                    "Pass the array as a parameter, or as ARRAY[…] of parameters and literals.",
                )
                .at(column.extent.map(|e| e.first)))
            }
        }
    }

    /// The elements are terms now: the array's type has to be theirs.
    pub fn array_cast(&mut self, column: &ColumnVal, elements: &[Expr], cast: bool) -> Planned<()> {
        // `column = ANY ( ARRAY [`: the bracket stands a few tokens before the first element.
        let from = match elements.first() {
            Some(element) => index_of(element.span()).map(|at| (at.saturating_sub(16)..at).rev().collect()),
            None => column.extent.map(|e| (e.last..e.last + 12).collect::<Vec<_>>()),
        };
        let open = from
            .into_iter()
            .flatten()
            .find(|&at| self.tokens.is_sign(at, "[") && self.tokens.is_word(at.wrapping_sub(1), "array"));
        let close = open.and_then(|open| self.close_bracket(open));
        let Some(close) = close else { return Err(syntax("ARRAY")) };
        let ty = "::pg_catalog.bytea[]";
        if !cast {
            self.edits.after(self.tokens.end(close), ty);
            return Ok(());
        }
        match types::at(self.tokens, close + 2).filter(|_| self.tokens.is_sign(close + 1, "::")) {
            Some((_, behind)) => {
                let extent = Extent { first: close + 1, last: behind.saturating_sub(1) };
                self.replace(extent, vec![Part::Text(ty.to_owned())]);
                Ok(())
            }
            None => Err(unsupported("this form of an array", "Write it as ARRAY[…] or ARRAY[…]::type[].")),
        }
    }

    pub fn close_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in open..self.range.end {
            match self.tokens.raw(index) {
                "[" => depth += 1,
                "]" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// The entries of a row value.
pub(super) fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(list) => Some(list),
        _ => None,
    }
}

/// The elements of ARRAY[…], with a cast on it or without.
pub(super) fn array_of(expr: &Expr) -> (Option<&[Expr]>, bool) {
    match expr {
        Expr::Array(array) if array.named => (Some(&array.elem), false),
        Expr::Nested(inner) => array_of(inner),
        Expr::Cast { expr, .. } => match array_of(expr) {
            (Some(list), false) => (Some(list), true),
            _ => (None, false),
        },
        _ => (None, false),
    }
}
