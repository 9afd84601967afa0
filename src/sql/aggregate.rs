//! Aggregates and window functions that work on envelopes or terms.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments,
};

use super::columns::common;
use super::consts::Extent;
use super::edits::Part;
use super::expr::{ColumnVal, Val};
use super::function::plain_args;
use super::grouping::unwrapped;
use super::plan::{Role, Source};
use super::planner::{Mode, Planner, SlotDraft};
use super::refuse::{Planned, column_in, syntax, unsupported};
use crate::catalog::EncryptedColumn;
use crate::value::Type;
use std::sync::Arc;

/// PostgreSQL's aggregates. What is under them is read row by row, also in a grouped query.
const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
];

/// Window functions that give one of the values of their first argument.
const CHOOSING: &[&str] = &["first_value", "lag", "last_value", "lead", "nth_value"];

fn list(function: &Function) -> Option<&sqlparser::ast::FunctionArgumentList> {
    match &function.args {
        FunctionArguments::List(list) => Some(list),
        _ => None,
    }
}

/// Whether DISTINCT stands before the arguments.
pub(super) fn is_distinct(function: &Function) -> bool {
    list(function).is_some_and(|list| list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

fn is_aggregate(function: &Function, name: &str) -> bool {
    let ordered = list(function).is_some_and(|list| {
        list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)))
    });
    function.over.is_none()
        && (AGGREGATES.contains(&name)
            || ordered
            || is_distinct(function)
            || function.filter.is_some()
            || !function.within_group.is_empty())
}

impl Planner<'_> {
    /// Reads a function whose arguments may be encrypted columns; nothing if it is not one of them. `token` is the
    /// first of its name.
    pub fn column_function(&mut self, function: &Function, name: &str, token: usize) -> Planned<Option<Val>> {
        match name {
            "grouping" if function.over.is_none() && function.name.0.len() == 1 => {
                let Some(args) = plain_args(function) else { return Ok(None) };
                for arg in args {
                    match self.expr(arg)? {
                        Val::Column(value) if value.casts.is_empty() => self.term(value, "GROUPING")?,
                        value => self.settle_plain(value, "GROUPING")?,
                    }
                }
                Ok(Some(Val::Plain))
            }
            _ if CHOOSING.contains(&name) && function.over.is_some() => {
                self.choosing_function(function, name, token)
            }
            _ => Ok(None),
        }
    }

    /// Notes that an aggregate's arguments are read; gives what [`Self::leave_aggregate`] wants back.
    pub fn enter_aggregate(&mut self, function: &Function, name: &str) -> Option<bool> {
        if !is_aggregate(function, name) {
            return None;
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.aggregates += 1;
        }
        Some(self.in_groups(false))
    }

    /// The arguments have been read.
    pub fn leave_aggregate(&mut self, entered: Option<bool>) {
        let Some(before) = entered else { return };
        if let Some(frame) = self.frames.last_mut() {
            frame.aggregates = frame.aggregates.saturating_sub(1);
        }
        self.in_groups(before);
    }

    /// An argument of an aggregate that only compares: `count(DISTINCT c)`, also of a row.
    pub fn distinct_arg(&mut self, expr: &Expr, clause: &str) -> Planned<()> {
        if let Expr::Tuple(list) = unwrapped(expr) {
            return list.iter().try_for_each(|expr| self.distinct_arg(expr, clause));
        }
        match self.expr(expr)? {
            Val::Column(value) => self.term(value, clause),
            value => self.settle_plain(value, clause),
        }
    }

    /// `bool_and(c)` and its like, where `c` is an encrypted boolean: its term is compared with that of TRUE.
    pub fn bool_arg(&mut self, value: ColumnVal, clause: &str) -> Planned<()> {
        if self.mode == Mode::View {
            return Err(column_in(&value.column, format!("{clause} in a stored definition"))
                .at(value.extent.map(|e| e.first)));
        }
        let Some(place) = value.place.filter(|_| value.casts.is_empty()) else {
            return Err(column_in(&value.column, clause).at(value.extent.map(|e| e.first)));
        };
        let column = value.column.clone();
        self.term(value, clause)?;
        let slot = self.true_slot(column);
        let end = self.tokens.end(place.last);
        self.edits.replace(end..end, vec![Part::Text(" = ".to_owned()), Part::Slot(slot)]);
        Ok(())
    }

    fn true_slot(&mut self, column: Arc<EncryptedColumn>) -> usize {
        self.slots.push(SlotDraft {
            source: Source::Literal(zeroize::Zeroizing::new("true".to_owned())),
            ty: Some(Type::Bool),
            casts: Vec::new(),
            role: Role::Equality(column),
        });
        self.slots.len() - 1
    }

    /// `lag(c) OVER (…)` and its like: the envelope of another row.
    fn choosing_function(&mut self, function: &Function, name: &str, token: usize) -> Planned<Option<Val>> {
        let args =
            list(function).filter(|list| list.clauses.is_empty() && list.duplicate_treatment.is_none());
        let Some(args) = args else { return Ok(None) };
        let mut values = Vec::with_capacity(args.args.len());
        for arg in &args.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else {
                return Err(syntax("a function call"));
            };
            values.push(self.expr(expr)?);
        }
        let clause = format!("function {name}");
        let mut values = values.into_iter();
        let first = match values.next() {
            Some(Val::Column(value)) => Some(value),
            Some(value) => {
                self.settle_plain(value, &clause)?;
                None
            }
            None => None,
        };
        let over = function.over.as_ref();
        if let Some(filter) = &function.filter {
            self.condition(filter, "FILTER")?;
        }
        let Some(mut value) = first else {
            values.try_for_each(|value| self.settle_plain(value, &clause))?;
            self.over(over)?;
            return Ok(Some(Val::Plain));
        };
        let place = value.extent.map(|e| e.first);
        if !value.casts.is_empty() {
            return Err(column_in(&value.column, format!("a cast under {clause}")).at(place));
        }
        self.represent(&mut value, &clause)?;
        let base = value.column.ty.base();
        let column = if base == value.column.ty {
            value.column.clone()
        } else {
            Arc::new(EncryptedColumn { ty: base, ..EncryptedColumn::clone(&value.column) })
        };
        for (index, other) in values.enumerate() {
            match other {
                // The default of lag and lead.
                Val::Const(other) if index == 1 && !matches!(base, Type::Char(_)) => {
                    let ty = self.const_type(&other);
                    if ty.is_some_and(|ty| ty.base() != base) {
                        return Err(
                            column_in(&column, format!("{clause} with a default of another type")).at(place)
                        );
                    }
                    self.seal_stored(other, &column)?;
                }
                Val::Null { extent, cast } if index == 1 => self.null(extent, cast)?,
                Val::Column(mut other)
                    if index == 1 && other.column.group == column.group && other.casts.is_empty() =>
                {
                    let like = EncryptedColumn { ty: base, ..common(&column, &other.column, base) };
                    if other.column.ty.base() != base || like != *column {
                        return Err(
                            column_in(&column, format!("{clause} with a default of another type")).at(place)
                        );
                    }
                    self.represent(&mut other, &clause)?;
                }
                other if index == 0 => self.settle_plain(other, &clause)?,
                _ => return Err(column_in(&column, format!("{clause} with this default")).at(place)),
            }
        }
        self.over(over)?;
        let extent = self.call_extent(token);
        let Some(extent) = extent else {
            return Err(unsupported("this form of a window function", "Write it plainly.").at(Some(token)));
        };
        Ok(Some(Val::Column(ColumnVal {
            column,
            origin: None,
            shown: None,
            place: Some(extent),
            extent: Some(extent),
            casts: Vec::new(),
            cast_tokens: Vec::new(),
            written: None,
            grouped: None,
        })))
    }

    fn over(&mut self, over: Option<&sqlparser::ast::WindowType>) -> Planned<()> {
        match over {
            Some(sqlparser::ast::WindowType::WindowSpec(spec)) => self.window(spec),
            _ => Ok(()),
        }
    }

    /// The tokens of a call that begins here, FILTER and OVER included.
    pub fn call_extent(&self, token: usize) -> Option<Extent> {
        let mut open = token + 1;
        while self.tokens.is_sign(open, ".") {
            open += 2;
        }
        let mut last = self.tokens.is_sign(open, "(").then(|| self.tokens.close(open)).flatten()?;
        if self.tokens.is_word(last + 1, "within") && self.tokens.is_word(last + 2, "group") {
            last = self.tokens.close(last + 3)?;
        }
        if self.tokens.is_word(last + 1, "filter") && self.tokens.is_sign(last + 2, "(") {
            last = self.tokens.close(last + 2)?;
        }
        if self.tokens.is_word(last + 1, "over") {
            last = if self.tokens.is_sign(last + 2, "(") { self.tokens.close(last + 2)? } else { last + 2 };
        }
        Some(Extent { first: token, last })
    }
}
