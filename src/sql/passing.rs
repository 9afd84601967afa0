//! Values that are passed on: out of subqueries, through CASE and COALESCE, by NULLIF, and rows of them.

use std::sync::Arc;

use sqlparser::ast::{Expr, Query};

use super::consts::{Const, Extent, Leaf};
use super::expr::{Choice, ColumnVal, Val, cast_tokens};
use super::function::{is_row, plain_args};
use super::grouping::prints_alike;
use super::open::OpenVal;
use super::parse::index_of;
use super::plan::Output;
use super::planner::{Mode, Planner};
use super::refuse::{Draft, Planned, column_in, full_name, syntax, unsupported};
use super::scope::Held;
use super::types::{CastType, message_name};
use crate::catalog::{Column, EncryptedColumn};
use crate::value::{self, Type};

impl Planner<'_> {
    /// What a subquery's or view's output holds for whoever selects from it.
    pub fn passed_on(&mut self, value: &Val) -> Planned<Held> {
        let view = self.mode == Mode::View;
        Ok(match value {
            Val::Column(value) if value.casts.is_empty() => value.as_held(),
            Val::Column(value) if !view && self.never_fails(value)? => {
                self.remove_casts(value);
                let encrypted = Some(Arc::clone(&value.column));
                Held { encrypted, casts: value.casts.clone(), ..Held::default() }
            }
            Val::Column(value) => {
                return Err(column_in(&value.column, "a cast inside a subquery or view")
                    .at(value.extent.map(|e| e.first)));
            }
            Val::Const(_) => match self.open_column(vec![value.clone()], "a subquery")? {
                Val::Open(value) => Held { open: Some(value.id), ..Held::default() },
                _ => Held::default(),
            },
            Val::Open(value) if value.casts.is_empty() => Held { open: Some(value.id), ..Held::default() },
            Val::Nested(value) if !view => Held { nested: Some(Arc::new(value.clone())), ..Held::default() },
            Val::Choice(choice) if !view => match self.choice_output(choice.clone())? {
                Output::Open { column, casts, .. } => {
                    let casts = casts.into_iter().map(|ty| CastType { ty: Some(ty), array: false });
                    Held { encrypted: Some(column), casts: casts.collect(), ..Held::default() }
                }
                _ => Held::default(),
            },
            other => {
                self.settle_plain(other.clone(), "an expression inside a subquery or view")?;
                Held::default()
            }
        })
    }

    /// Whether the casts of a column cannot be errors, which nobody might meet inside a subquery, and leave values
    /// equal that are equal, and no others: whoever groups by the output goes by the terms of the column.
    fn never_fails(&self, value: &ColumnVal) -> Planned<bool> {
        let mut from = value.column.ty;
        if !prints_alike(from) {
            return Ok(false);
        }
        for ty in self.output_casts(value)? {
            let text = matches!(ty, Type::Text | Type::Varchar(None));
            let wider = match from {
                Type::Int2 => matches!(ty, Type::Int4 | Type::Int8 | Type::Numeric(None)),
                Type::Int4 => matches!(ty, Type::Int8 | Type::Numeric(None)),
                Type::Int8 => ty == Type::Numeric(None),
                _ => false,
            };
            if !(text || wider || ty == from || (ty == from.base() && !matches!(ty, Type::Char(_)))) {
                return Ok(false);
            }
            from = ty;
        }
        Ok(true)
    }

    /// CASE in both forms.
    pub fn case(&mut self, case: &Expr) -> Planned<Val> {
        let Expr::Case { case_token, end_token, operand, conditions, else_result } = case else {
            return Err(syntax("CASE"));
        };
        let operand = operand.as_deref().map(|operand| self.expr(operand)).transpose()?;
        let compared = match operand.map(|operand| self.resolved(operand)) {
            Some(Val::Column(column)) => {
                self.term(column.clone(), "CASE")?;
                Some(column)
            }
            Some(other) => {
                self.settle_plain(other, "CASE")?;
                None
            }
            None => None,
        };
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            match &compared {
                Some(column) => {
                    let value = self.expr(&when.condition)?;
                    self.equate_with(column, value, "CASE")?;
                }
                None => self.condition(&when.condition, "CASE")?,
            }
            values.push(self.expr(&when.result)?);
        }
        values.push(match else_result {
            Some(expr) => self.expr(expr)?,
            None => Val::Null { extent: None, cast: false },
        });
        let value = self.choice(values, false, "CASE")?;
        let extent = index_of(case_token.0.span).zip(index_of(end_token.0.span));
        Ok(match value {
            Val::Choice(choice) => {
                let extent = extent.map(|(first, last)| Extent { first, last });
                Val::Choice(Choice { extent, ..choice })
            }
            other => other,
        })
    }

    /// The type of a choice before casts: that of the first alternative that has one.
    fn choice_type(&self, choice: &Choice) -> Type {
        let known = choice.values.iter().find_map(|value| match value {
            Val::Column(value) => Some(value.casts.last().map_or(Some(value.column.ty), |c| c.ty)?.base()),
            Val::Const(value) => self.const_type(value).map(|ty| ty.base()),
            _ => None,
        });
        known.unwrap_or(Type::Text)
    }

    /// A cast of CASE or COALESCE: of each alternative.
    pub fn cast_choice(&mut self, mut choice: Choice) -> Planned<Val> {
        let common = self.choice_type(&choice);
        let cast = self.cast(choice.extent).filter(|(cast, _)| !cast.array);
        let text = |ty: Type| matches!(ty, Type::Text | Type::Varchar(_));
        let fits = |ty: Type| ty.base() == common || (text(ty) && text(common));
        let own = |value: &ColumnVal, ty: Type| {
            value.casts.is_empty() && (ty == value.column.ty || ty == value.column.ty.base())
        };
        let mut columns = choice.values.iter().filter_map(|value| match value {
            Val::Column(value) => Some(value),
            _ => None,
        });
        let known = cast.as_ref().and_then(|(cast, _)| cast.ty);
        let possible = match known {
            Some(ty) if columns.clone().count() > 0 => columns.all(|value| own(value, ty)),
            Some(ty) => fits(ty) || common == Type::Text,
            None => false,
        };
        let (Some((cast, outer)), Some(inner), true) = (cast, choice.extent, possible) else {
            self.settle_plain(Val::Choice(choice), "a cast of COALESCE or CASE")?;
            return Ok(Val::Plain);
        };
        for value in &mut choice.values {
            if let Val::Const(value) = value {
                if self.const_type(value).is_none() {
                    value.casts.push(CastType { ty: Some(common), array: false });
                }
                value.casts.push(cast.clone());
            }
        }
        choice.cast_tokens.extend(cast_tokens(inner, outer));
        choice.extent = Some(outer);
        choice.typed = cast.ty;
        Ok(Val::Choice(choice))
    }

    /// Takes the casts of a choice out of the text: what is chosen is an envelope.
    pub fn bare_choice(&mut self, choice: &Choice) {
        for extent in &choice.cast_tokens {
            self.replace(*extent, Vec::new());
        }
    }

    /// CASE or COALESCE goes into an encrypted column.
    pub fn assign_choice(
        &mut self,
        column: &Column,
        target: &Arc<EncryptedColumn>,
        choice: Choice,
    ) -> Planned<()> {
        let ty = choice.typed.unwrap_or_else(|| self.choice_type(&choice));
        if !value::assignable(&ty, &target.ty) {
            return Err(Draft::new(
                "42804",
                format!(
                    "column \"{}\" is of type {} but expression is of type {}",
                    target.name,
                    message_name(target.ty),
                    message_name(ty)
                ),
            )
            .hint("You will need to rewrite or cast the expression."));
        }
        self.bare_choice(&choice);
        let (coalesce, typed) = (choice.coalesce, choice.typed);
        for (n, value) in choice.values.into_iter().enumerate() {
            let Val::Const(mut value) = value else {
                self.assign(column, value)?;
                continue;
            };
            // One that may not be chosen must not be an error for its length or precision.
            let safe = (n == 0 && coalesce)
                || target.ty == target.ty.base()
                || typed == Some(target.ty)
                || self.modifier_is_harmless(target, &value);
            if !safe {
                return Err(unsupported(
                    format!("a choice between values for encrypted column {}", full_name(target)),
                    format!("Cast the whole expression: (CASE … END)::{}.", target.ty),
                )
                .at(value.extent.map(|e| e.first)));
            }
            if self.const_type(&value).is_none() {
                value.casts.push(CastType { ty: Some(ty.base()), array: false });
            }
            self.seal_stored(value, target)?;
        }
        Ok(())
    }

    /// `NULLIF (a, b)`; `None`: nothing in it is encrypted.
    ///
    /// The second argument becomes the first one's envelope where their terms are equal, and NULL elsewhere.
    pub fn nullif(&mut self, left: Val, right: Val, extent: Option<Extent>) -> Planned<Val> {
        let (left, right) = (self.resolved(left), self.resolved(right));
        let Val::Column(value) = left else {
            self.settle_plain(left, "NULLIF")?;
            self.settle_plain(right, "NULLIF")?;
            return Ok(Val::Plain);
        };
        let column = Arc::clone(&value.column);
        let refuse = || {
            column_in(&column, "NULLIF with an expression or a value of another type")
                .at(value.extent.map(|e| e.first))
        };
        let (base, text) = (column.ty.base(), matches!(column.ty, Type::Text | Type::Varchar(_)));
        let alike = |ty: Type| ty.base() == base || (text && matches!(ty, Type::Text | Type::Varchar(_)));
        let place =
            value.place.filter(|place| (place.first..=place.last).all(|t| !self.tokens.is_sign(t, "(")));
        let Some(place) = place.filter(|_| value.casts.is_empty() && value.grouped.is_none()) else {
            return Err(refuse());
        };
        if value.written.is_some() {
            return Err(refuse());
        }
        let name = self.source(place);
        let function = column.equality_function();
        let around = match right {
            Val::Null { extent, cast } => {
                self.null(extent, cast)?;
                None
            }
            Val::Const(constant) if self.const_type(&constant).is_none_or(alike) => {
                let around = constant.extent.ok_or_else(refuse)?;
                self.check_equality(&value, "NULLIF")?;
                self.seal_equal(constant, &column, None)?;
                Some(around)
            }
            Val::Column(other) if alike(other.column.ty) && other.casts.is_empty() => {
                let around = other.place.ok_or_else(refuse)?;
                self.check_equality(&value, "NULLIF")?;
                self.equate_with(&value, Val::Column(other), "NULLIF")?;
                Some(around)
            }
            _ => return Err(refuse()),
        };
        if let Some(around) = around {
            let (start, end) = (self.tokens.start(around.first), self.tokens.end(around.last));
            self.edits.before(start, format!("CASE WHEN {function}({name}) = "));
            self.edits.after(end, format!(" THEN {name} END"));
        }
        // `varchar` compares as text, and so becomes one.
        let casts = match column.ty {
            Type::Varchar(_) => vec![CastType { ty: Some(Type::Text), array: false }],
            _ => Vec::new(),
        };
        let held = Held { encrypted: Some(column), casts, ..Held::default() };
        self.held(held, extent)
    }

    /// Refuses a column that cannot be compared; nothing is written.
    fn check_equality(&self, value: &ColumnVal, clause: &str) -> Planned<()> {
        if value.column.equality && value.column.ty.family().is_some() {
            return Ok(());
        }
        Err(column_in(&value.column, clause).at(value.extent.map(|e| e.first)))
    }

    /// The client's text of these tokens.
    fn source(&self, extent: Extent) -> String {
        let span = self.tokens.start(extent.first)..self.tokens.end(extent.last);
        self.tokens.text.get(span).unwrap_or_default().to_owned()
    }

    /// `(a, b) IN (SELECT …)` and its like: column by column.
    pub fn rows_of_query(&mut self, lefts: &[&Expr], query: &Query, clause: &str) -> Planned<()> {
        let lefts = self.values_of(lefts.iter().copied())?;
        let outputs = self.query(query)?;
        if outputs.columns.len() != lefts.len() || outputs.open {
            lefts.into_iter().try_for_each(|value| self.settle_plain(value, clause))?;
            return self.settle_outputs(outputs, clause);
        }
        for (left, right) in lefts.into_iter().zip(outputs.columns) {
            self.equate(left, right.value, clause)?;
        }
        Ok(())
    }

    /// The value of a subquery, in its parentheses.
    pub fn passed_out(&mut self, value: &Val, place: Option<Extent>) -> Planned<Val> {
        if let Val::Nested(value) = value {
            let mut value = value.clone();
            value.extent = place;
            return Ok(Val::Nested(value));
        }
        let held = Held { origin: None, shown: None, ..self.passed_on(value)? };
        match held.open {
            Some(id) => Ok(Val::Open(OpenVal::new(id, place))),
            None => self.held(held, place),
        }
    }
}

/// The entries of a row value in any form.
pub(super) fn row_of(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Tuple(list) => Some(list.iter().collect()),
        Expr::Function(function) => {
            let args = plain_args(function)?;
            is_row(function, args.len()).then_some(args)
        }
        _ => None,
    }
}

/// Whether a constant's text is known and fits.
pub(super) fn fits_as_it_is(text: &str, limit: u32) -> bool {
    text.chars().count() <= usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A string literal without casts of its own.
pub(super) fn bare_text(value: &Const) -> Option<usize> {
    match value.leaf {
        Leaf::Text(token) if value.casts.is_empty() => Some(token),
        _ => None,
    }
}
