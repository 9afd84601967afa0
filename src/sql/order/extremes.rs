//! min, max, GREATEST, LEAST and percentile_disc: values chosen by their order.
//!
//! The server compares arrays of an order term and the envelope, and the envelope is taken out of the array that
//! it chooses. Which of several equal values PostgreSQL shows is its plan's choice, so values that print
//! differently while they are equal are refused.

use std::sync::Arc;

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, WindowType};

use super::super::consts::Extent;
use super::super::edits::Part;
use super::super::expr::{ColumnVal, Val};
use super::super::function::plain_args;
use super::super::plan::Role;
use super::super::planner::Planner;
use super::super::refuse::{Draft, Planned, column_in, full_name, syntax, unsupported};
use super::super::types::{CastType, message_name};
use crate::catalog::OrderFunctions;
use crate::value::Type;

/// What takes the envelope out of the array that was chosen, and gives it its type.
const TAKE: &str = ")[2]::pyrite.encrypted)";

impl Planner<'_> {
    /// A function that chooses by order, if it is one and is over an encrypted column. `token` is the first one
    /// of its name, `parts` how many parts the name has.
    pub fn extreme(
        &mut self,
        function: &Function,
        name: &str,
        (token, parts): (usize, usize),
    ) -> Planned<Option<Val>> {
        match name {
            "min" | "max" => self.aggregate_extreme(function, name, (token, parts)),
            "percentile_disc" if function.within_group.len() == 1 => {
                self.percentile(function, (token, parts))
            }
            "greatest" | "least" if parts == 1 => self.greatest(function, name, token),
            _ => Ok(None),
        }
    }

    fn aggregate_extreme(
        &mut self,
        function: &Function,
        name: &str,
        at: (usize, usize),
    ) -> Planned<Option<Val>> {
        let Some(argument) = only_argument(function) else { return Ok(None) };
        // Looked at first: what it is not for must be planned by others, from the beginning.
        let Some(value) = self.peek_column(argument) else { return Ok(None) };
        self.has_extremes(&value, name, at.0)?;
        let clause = format!("function {name}");
        let functions = self.order_of(&value, &clause)?;
        self.one_print(&value, &clause)?;
        let extent = self.call(at).ok_or_else(|| syntax("a function call").at(Some(at.0)))?;
        // Nothing of the client's but names is in it, so it may be written once more: in ORDER BY.
        let plain = function.filter.is_none() && function.over.is_none() && value.casts.is_empty();
        let text = self.doubled(&value).filter(|_| plain);
        let written = text.map(|text| {
            let name: String = (at.0..at.0 + at.1 * 2 - 1).map(|token| self.tokens.raw(token)).collect();
            format!("(({name}({}){TAKE}", pair(&text, functions))
        });
        self.put_pair(&value, functions, &clause)?;
        if let Some(filter) = &function.filter {
            self.condition(filter, "FILTER")?;
        }
        if let Some(WindowType::WindowSpec(spec)) = &function.over {
            self.window(spec)?;
        }
        self.edits.before(self.tokens.start(extent.first), "((");
        self.edits.after(self.tokens.end(extent.last), TAKE);
        let mut chosen = self.chosen(value, extent);
        if let Val::Column(value) = &mut chosen {
            value.written = written;
        }
        Ok(Some(chosen))
    }

    /// `percentile_disc(fraction) WITHIN GROUP (ORDER BY column)`.
    fn percentile(&mut self, function: &Function, at: (usize, usize)) -> Planned<Option<Val>> {
        let Some(entry) = function.within_group.first() else { return Ok(None) };
        let Some(value) = self.peek_column(&entry.expr) else { return Ok(None) };
        let clause = "function percentile_disc";
        let functions = self.order_of(&value, clause)?;
        self.one_print(&value, clause)?;
        let extent = self.call(at).ok_or_else(|| syntax("a function call").at(Some(at.0)))?;
        let Some(fractions) = only_argument(function) else { return Ok(None) };
        if matches!(fractions, Expr::Array(_)) || entry.options.sort.as_ref().is_some_and(is_using) {
            return Err(column_in(&value.column, clause).at(Some(at.0)));
        }
        self.plain(fractions, clause)?;
        self.put_pair(&value, functions, clause)?;
        if let Some(filter) = &function.filter {
            self.condition(filter, "FILTER")?;
        }
        self.edits.before(self.tokens.start(extent.first), "((");
        self.edits.after(self.tokens.end(extent.last), TAKE);
        Ok(Some(self.chosen(value, extent)))
    }

    fn greatest(&mut self, function: &Function, name: &str, token: usize) -> Planned<Option<Val>> {
        let Some(arguments) = plain_args(function) else { return Ok(None) };
        if !arguments.iter().any(|argument| self.peek_column(argument).is_some()) {
            return Ok(None);
        }
        let clause = format!("function {name}");
        let extent = self.call((token, 1)).ok_or_else(|| syntax("a function call").at(Some(token)))?;
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.expr(argument)?);
        }
        let Some(target) = values.iter().find_map(|value| value.column().cloned()) else { return Ok(None) };
        let functions = self.order_of(&target, &clause)?;
        self.one_print(&target, &clause)?;
        let mut same = true;
        for value in values {
            match value {
                Val::Column(value) => {
                    let alike = value.column.group == target.column.group
                        && value.column.ty.base() == target.column.ty.base()
                        && value.column.collation.identity() == target.column.collation.identity();
                    if !alike {
                        return Err(column_in(&value.column, format!("{clause} with other columns"))
                            .at(value.extent.map(|e| e.first)));
                    }
                    same &= value.column.ty == target.column.ty;
                    self.put_pair(&value, functions, &clause)?;
                }
                Val::Const(value) => {
                    same = false;
                    self.pair_constant(value, &target, &clause)?;
                }
                Val::Null { extent, cast } => self.null(extent, cast)?,
                other => {
                    self.settle_plain(other, &clause)?;
                    return Err(column_in(&target.column, format!("{clause} with an expression"))
                        .at(target.extent.map(|e| e.first)));
                }
            }
        }
        self.edits.before(self.tokens.start(extent.first), "((");
        self.edits.after(self.tokens.end(extent.last), TAKE);
        let mut chosen = self.chosen(target.clone(), extent);
        if let (Val::Column(value), true) =
            (&mut chosen, same && !matches!(target.column.ty, Type::Varchar(_)))
        {
            value.casts.clear();
        }
        Ok(Some(chosen))
    }

    /// A constant among values that are compared: its term and its envelope. PostgreSQL does not bring it to the
    /// column's modifier, so it is taken only where there is none.
    fn pair_constant(
        &mut self,
        value: super::super::consts::Const,
        target: &ColumnVal,
        clause: &str,
    ) -> Planned<()> {
        let column = &target.column;
        let ty = self.const_type(&value);
        let fits = ty.is_none_or(|ty| ty.base() == column.ty.base()) && column.ty == column.ty.base();
        let (Some(extent), true) = (value.extent, fits) else {
            return Err(unsupported(
                format!("{clause} of {} with this constant", full_name(column)),
                "Compare in the application, or declare the column without a length or precision.",
            )
            .at(value.extent.map(|e| e.first)));
        };
        let term = self.slot(value.clone(), Role::OrderWhole(Arc::clone(column)))?;
        let envelope = self.slot(value, Role::Store(Arc::clone(column)))?;
        let text = |text: &str| Part::Text(text.to_owned());
        let parts = vec![
            text("(CASE WHEN "),
            Part::Slot(envelope),
            text(" IS NOT NULL THEN ARRAY["),
            Part::Slot(term),
            text("::pg_catalog.bytea, "),
            Part::Slot(envelope),
            text("::pg_catalog.bytea] END)"),
        ];
        self.replace(extent, parts);
        Ok(())
    }

    /// The column that an expression is, found without planning it.
    fn peek_column(&mut self, expr: &Expr) -> Option<ColumnVal> {
        let inner = match expr {
            Expr::Nested(inner) => return self.peek_column(inner),
            Expr::Cast { expr, .. } => expr,
            other => other,
        };
        match inner {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {}
            _ => return None,
        }
        // Names make no edits; what a cast does, it does when the value is used.
        match self.expr(expr) {
            Ok(Val::Column(value)) => Some(value),
            _ => None,
        }
    }

    /// The column's place gets the array that is compared: NULL where the column is.
    fn put_pair(&mut self, value: &ColumnVal, functions: OrderFunctions, clause: &str) -> Planned<()> {
        let mut value = value.clone();
        self.stand_in(&mut value)?;
        let (Some(place), Some(text)) = (value.place, self.doubled(&value)) else {
            return Err(column_in(&value.column, clause).at(value.extent.map(|e| e.first)));
        };
        let before = format!("CASE WHEN {text} IS NOT NULL THEN ARRAY[{}({text}), (", functions.whole);
        self.edits.before(self.tokens.start(place.first), before);
        self.edits.after(self.tokens.end(place.last), ")::pg_catalog.bytea] END");
        self.remove_casts(&value);
        Ok(())
    }

    /// PostgreSQL has no min and max of some types that it orders.
    pub(super) fn has_extremes(&self, value: &ColumnVal, name: &str, token: usize) -> Planned<()> {
        let ty = value.casts.last().and_then(|cast| cast.ty).unwrap_or(value.column.ty);
        match ty {
            Type::Bool | Type::Uuid | Type::Bytea | Type::Json | Type::Jsonb => {
                Err(Draft::new("42883", format!("function {name}({}) does not exist", message_name(ty)))
                    .hint("No function matches the given name and argument types. You might need to add explicit type casts.")
                    .at(Some(token)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses types whose equal values look different.
    pub(super) fn one_print(&self, value: &ColumnVal, clause: &str) -> Planned<()> {
        match value.column.ty {
            Type::Float4 | Type::Float8 | Type::Numeric(None) | Type::Char(0) => Err(unsupported(
                format!(
                    "{clause} on encrypted column {}, whose equal values can print differently,",
                    full_name(&value.column)
                ),
                "Use ORDER BY with LIMIT 1, or declare the column as numeric(precision, scale).",
            )
            .at(value.extent.map(|e| e.first))),
            _ => Ok(()),
        }
    }

    /// The tokens of a call, with FILTER and OVER.
    fn call(&self, (token, parts): (usize, usize)) -> Option<Extent> {
        let mut last = self.tokens.close(token + parts * 2 - 1)?;
        if self.tokens.is_word(last + 1, "within") && self.tokens.is_word(last + 2, "group") {
            last = self.tokens.close(last + 3)?;
        }
        if self.tokens.is_word(last + 1, "filter") {
            last = self.tokens.close(last + 2)?;
        }
        if self.tokens.is_word(last + 1, "over") {
            last = match self.tokens.is_sign(last + 2, "(") {
                true => self.tokens.close(last + 2)?,
                false => last + 2,
            };
        }
        Some(Extent { first: token, last })
    }

    /// The value that was chosen: the column's, in its type without a modifier.
    pub(super) fn chosen(&self, value: ColumnVal, extent: Extent) -> Val {
        let base = match value.column.ty.base() {
            Type::Varchar(_) => Type::Text,
            other => other,
        };
        let casts = if base == value.column.ty {
            Vec::new()
        } else {
            vec![CastType { ty: Some(base), array: false }]
        };
        Val::Column(ColumnVal {
            origin: None,
            place: Some(extent),
            extent: Some(extent),
            casts,
            cast_tokens: Vec::new(),
            shown: None,
            written: None,
            grouped: None,
            ..value
        })
    }
}

/// What is compared: the term, with the envelope behind it. NULL where the column is.
fn pair(text: &str, functions: OrderFunctions) -> String {
    format!(
        "CASE WHEN {text} IS NOT NULL THEN ARRAY[{}({text}), ({text})::pg_catalog.bytea] END",
        functions.whole
    )
}

fn is_using(sort: &sqlparser::ast::OrderBySort) -> bool {
    matches!(sort, sqlparser::ast::OrderBySort::Using(_))
}

/// The argument of a call that has one.
fn only_argument(function: &Function) -> Option<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match (list.args.as_slice(), list.clauses.is_empty()) {
        ([FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))], true) => Some(expr),
        _ => None,
    }
}
