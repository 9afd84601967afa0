//! UNION, INTERSECT and EXCEPT over encrypted columns. Envelopes of equal values differ, so what the server does
//! by whole rows is written out by terms, around arms that stay as they were:
//!
//! - `UNION`: `SELECT DISTINCT ON (eq(u.p1), 2) … FROM (A UNION ALL B) u`.
//! - `INTERSECT`, `EXCEPT`: the side is a last column of each arm; rows are grouped by terms, and groups chosen by
//!   the sides that are in them. With ALL, `generate_series` repeats a row as often as PostgreSQL would give it.
//! - A constant beside an encrypted column is sealed as its value. The column then has no type modifier, as with
//!   PostgreSQL.

use std::ops::Range;
use std::sync::Arc;

use sqlparser::ast::{Query, SetExpr, SetOperator, SetQuantifier, Spanned};

use super::columns::common;
use super::consts::{Const, Extent};
use super::distinct::distinct_terms;
use super::edits::Part;
use super::expr::{ColumnVal, Val};
use super::grouping::{check_alike, prints_alike};
use super::items;
use super::parse::index_of;
use super::planner::Planner;
use super::query::{OutColumn, Outputs};
use super::refuse::{Planned, column_in, syntax, unsupported};
use crate::catalog::EncryptedColumn;
use crate::value::Type;

const CLAUSE: &str = "UNION, INTERSECT or EXCEPT";
/// Names of ours inside the text. No client's column is in scope where they are.
const SET: &str = "pyrite_set";
const COLUMN: &str = "pyrite_column";
const SIDE: &str = "pyrite_side";
const TIMES: &str = "pyrite_times";

/// Where the arms of a set operation stand.
struct Arms {
    left: Range<usize>,
    /// UNION and what belongs to it.
    operator: Range<usize>,
    right: Range<usize>,
}

/// What a set operation does with equal rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    UnionAll,
    Union,
    Intersect,
    IntersectAll,
    Except,
    ExceptAll,
}

fn kind(op: SetOperator, quantifier: SetQuantifier) -> Planned<Kind> {
    let all = match quantifier {
        SetQuantifier::All => true,
        SetQuantifier::None | SetQuantifier::Distinct => false,
        _ => return Err(syntax("a set operation")),
    };
    Ok(match (op, all) {
        (SetOperator::Union, true) => Kind::UnionAll,
        (SetOperator::Union, false) => Kind::Union,
        (SetOperator::Intersect, true) => Kind::IntersectAll,
        (SetOperator::Intersect, false) => Kind::Intersect,
        (SetOperator::Except, true) => Kind::ExceptAll,
        (SetOperator::Except, false) => Kind::Except,
        _ => return Err(syntax("a set operation")),
    })
}

impl Planner<'_> {
    /// A set operation in a query's body.
    pub fn set_operation(&mut self, body: &SetExpr, within: Option<Range<usize>>) -> Planned<Outputs> {
        let SetExpr::SetOperation { left, op, set_quantifier, right } = body else {
            return self.set_expr(body);
        };
        let kind = kind(*op, *set_quantifier)?;
        let within = within.or_else(|| self.set_extent(body));
        let arms = within.and_then(|within| self.arms(within, *op));
        let lefts = self.set_operation(left, arms.as_ref().map(|arms| arms.left.clone()))?;
        let rights = self.set_operation(right, arms.as_ref().map(|arms| arms.right.clone()))?;
        if lefts.encrypted().is_none() && rights.encrypted().is_none() {
            return self.unite_plain(lefts, rights);
        }
        // A constant that the server is to find the type of has it from the other arm.
        let untyped = [self.untyped(&lefts, &rights), self.untyped(&rights, &lefts)];
        let outputs = self.unite(lefts, rights, kind)?;
        let Some(arms) = arms else {
            if kind == Kind::UnionAll {
                return Ok(outputs);
            }
            return Err(unsupported(
                "this form of a set operation",
                "Write its parts as subqueries in FROM.",
            ));
        };
        match kind {
            Kind::UnionAll if !self.sorts(&arms, &outputs) => Ok(outputs),
            Kind::UnionAll | Kind::Union => self.write_union(&arms, outputs, kind),
            _ => {
                self.tag(left, arms.left.clone(), 0, untyped[0])?;
                self.tag(right, arms.right.clone(), 1, untyped[1])?;
                self.write_grouped(&arms, outputs, kind)
            }
        }
    }

    /// The outputs of a recursive query: its arms stay as they are, since the server works through them.
    pub fn recursive_union(
        &mut self,
        first: Outputs,
        second: Outputs,
        op: SetOperator,
        quantifier: SetQuantifier,
    ) -> Planned<Outputs> {
        let kind = kind(op, quantifier)?;
        let (Some(value), false) = (first.encrypted().or(second.encrypted()), kind == Kind::UnionAll) else {
            let pairs = first.columns.iter().zip(&second.columns);
            let mixed = pairs.into_iter().find_map(|(l, r)| match (&l.value, &r.value) {
                (Val::Column(l), Val::Column(r)) if l.column.ty == r.column.ty => None,
                (l, r) => l.column().or(r.column()),
            });
            if let Some(value) = mixed {
                return Err(column_in(&value.column, "a recursive query whose parts do not have it alike")
                    .at(value.extent.map(|e| e.first)));
            }
            return self.unite(first, second, kind);
        };
        let column = value.column.clone();
        let place = value.extent.map(|e| e.first);
        Err(unsupported(
            format!(
                "encrypted column {} in a recursive UNION, which drops repeated rows while it runs,",
                super::refuse::full_name(&column)
            ),
            "Use UNION ALL and stop the recursion by a condition, or recurse over keys and join the column to the result.",
        )
        .at(place))
    }

    fn unite_plain(&mut self, left: Outputs, right: Outputs) -> Planned<Outputs> {
        let open = left.open || right.open;
        let names: Vec<String> = left.columns.iter().map(|c| c.name.clone()).collect();
        self.settle_outputs(left, CLAUSE)?;
        self.settle_outputs(right, CLAUSE)?;
        let columns = names.into_iter().map(|name| OutColumn { name, value: Val::Plain }).collect();
        Ok(Outputs { columns, open })
    }

    /// The outputs of both arms as one.
    fn unite(&mut self, left: Outputs, right: Outputs, kind: Kind) -> Planned<Outputs> {
        if left.encrypted().is_none() && right.encrypted().is_none() {
            return self.unite_plain(left, right);
        }
        if left.open || right.open || left.columns.len() != right.columns.len() {
            return Err(unsupported(
                "a set operation whose columns do not match",
                "Give both sides the same columns.",
            ));
        }
        let mut outputs = Outputs::default();
        for (left, right) in left.columns.into_iter().zip(right.columns) {
            let value = match (self.resolved(left.value), self.resolved(right.value)) {
                (Val::Nested(mut l), Val::Nested(r))
                    if kind == Kind::UnionAll
                        && l.shape == r.shape
                        && l.as_text == r.as_text
                        && l.shown == r.shown =>
                {
                    l.extent = None;
                    Val::Nested(l)
                }
                (Val::Column(l), Val::Column(r)) => Val::Column(self.unite_columns(l, r, kind)?),
                (Val::Column(value), Val::Const(constant)) => {
                    Val::Column(self.unite_constant(value, constant, false, kind)?)
                }
                (Val::Const(constant), Val::Column(value)) => {
                    Val::Column(self.unite_constant(value, constant, true, kind)?)
                }
                (Val::Column(value), Val::Null { extent, cast })
                | (Val::Null { extent, cast }, Val::Column(value)) => {
                    self.null(extent, cast)?;
                    let ty = value.column.ty;
                    let column = EncryptedColumn { ty: ty.base(), ..EncryptedColumn::clone(&value.column) };
                    Val::Column(self.united(&value, column, ty, kind)?)
                }
                (l, r) => {
                    self.settle_plain(l, CLAUSE)?;
                    self.settle_plain(r, CLAUSE)?;
                    Val::Plain
                }
            };
            outputs.push(left.name, value);
        }
        Ok(outputs)
    }

    fn unite_columns(&mut self, left: ColumnVal, right: ColumnVal, kind: Kind) -> Planned<ColumnVal> {
        let (l, r) = (&left.column, &right.column);
        let refuse = |what: &str| Err(column_in(l, what).at(left.extent.map(|e| e.first)));
        if l.group != r.group {
            return refuse("a set operation with a column of another key group");
        }
        let text = |ty: Type| matches!(ty, Type::Text | Type::Varchar(_));
        let ty = if l.ty == r.ty {
            l.ty
        } else if l.ty.base() == r.ty.base() && !matches!(l.ty, Type::Char(_)) {
            l.ty.base()
        } else if text(l.ty) && text(r.ty) {
            // Either could become the other, so PostgreSQL takes the first one.
            l.ty.base()
        } else {
            return refuse("a set operation with a column of another type");
        };
        let column = common(l, r, ty);
        if left.casts.is_empty() && right.casts.is_empty() {
            let scale = |ty: Type| match ty {
                Type::Numeric(Some((_, scale))) => Some(scale),
                _ => None,
            };
            let seen = if scale(l.ty) == scale(r.ty) { l.ty } else { ty };
            return self.united(&left, column, seen, kind);
        }
        if kind != Kind::UnionAll || left.casts != right.casts || l.ty != r.ty {
            return refuse("a cast under a set operation");
        }
        self.remove_casts(&left);
        self.remove_casts(&right);
        let casts = left.casts.clone();
        Ok(ColumnVal { casts, ..self.united(&left, column, ty, kind)? })
    }

    fn unite_constant(
        &mut self,
        value: ColumnVal,
        constant: Const,
        constant_first: bool,
        kind: Kind,
    ) -> Planned<ColumnVal> {
        let own = self.const_type(&constant);
        let text = |ty: Type| matches!(ty, Type::Text | Type::Varchar(_));
        let base = match (own, value.column.ty.base()) {
            (Some(own), base) if constant_first && text(own) && text(base) => own.base(),
            (_, base) => base,
        };
        let wider = |from: Type, to: Type| {
            let rank = |ty: Type| match ty {
                Type::Int2 => Some(1),
                Type::Int4 => Some(2),
                Type::Int8 => Some(3),
                Type::Numeric(_) => Some(4),
                _ => None,
            };
            rank(from).zip(rank(to)).is_some_and(|(from, to)| from <= to)
        };
        let fits = own.is_none_or(|ty| ty.base() == base || wider(ty, base) || (text(ty) && text(base)));
        // A constant is not padded to the column's length, which its own type does not have.
        if !fits || !value.casts.is_empty() || matches!(base, Type::Char(_)) {
            return Err(column_in(&value.column, "a set operation with a constant of another type")
                .at(value.extent.map(|e| e.first)));
        }
        let column = EncryptedColumn { ty: base, ..EncryptedColumn::clone(&value.column) };
        let united = self.united(&value, column, base, kind)?;
        self.seal_stored(constant, &united.column)?;
        Ok(united)
    }

    /// The value of a set operation, which is as `column` says; `seen` tells whether equal values of both arms look
    /// the same.
    fn united(
        &self,
        value: &ColumnVal,
        column: EncryptedColumn,
        seen: Type,
        kind: Kind,
    ) -> Planned<ColumnVal> {
        let place = value.extent.map(|e| e.first);
        if kind != Kind::UnionAll {
            if !prints_alike(seen) {
                let column = EncryptedColumn { ty: seen, ..EncryptedColumn::clone(&value.column) };
                check_alike(&column, CLAUSE, place)?;
            }
            self.term_function(&column, CLAUSE, place)?;
        }
        let column = if column == *value.column { value.column.clone() } else { Arc::new(column) };
        Ok(ColumnVal {
            column,
            origin: None,
            shown: None,
            place: None,
            extent: None,
            casts: Vec::new(),
            cast_tokens: Vec::new(),
            written: None,
            grouped: None,
        })
    }

    /// Whether an arm has a plain constant whose type the server finds in the other arm.
    fn untyped(&self, arm: &Outputs, other: &Outputs) -> bool {
        arm.columns.iter().zip(&other.columns).any(|(own, other)| match (&own.value, &other.value) {
            (_, Val::Column(_)) => false,
            (Val::Const(value), _) => self.const_type(value).is_none(),
            (Val::Null { cast, .. }, _) => !cast,
            _ => false,
        })
    }

    /// Whether ORDER BY stands behind it and may be by an encrypted column.
    fn sorts(&self, arms: &Arms, outputs: &Outputs) -> bool {
        let ordered = |output: &OutColumn| match &output.value {
            Val::Column(value) => value.column.order_functions().is_some(),
            _ => false,
        };
        self.is_ordered(arms) && outputs.columns.iter().any(ordered)
    }

    /// Whether ORDER BY stands behind it.
    fn is_ordered(&self, arms: &Arms) -> bool {
        self.tokens.is_word(arms.right.end, "order")
    }

    fn write_union(&mut self, arms: &Arms, mut outputs: Outputs, kind: Kind) -> Planned<Outputs> {
        let ordered = self.is_ordered(arms);
        let mut keys = Vec::with_capacity(outputs.columns.len());
        let mut list = Vec::with_capacity(outputs.columns.len());
        for (index, output) in outputs.columns.iter_mut().enumerate() {
            let text = format!("{SET}.{COLUMN}_{}", index + 1);
            list.push(format!("{text} AS {}", label(&output.name)));
            keys.push(match &mut output.value {
                Val::Column(value) => {
                    value.written = Some(text.clone());
                    distinct_terms(&value.column, &text, ordered)
                }
                _ => (index + 1).to_string(),
            });
        }
        let distinct = match kind {
            Kind::UnionAll => String::new(),
            _ => format!("DISTINCT ON ({}) ", keys.join(", ")),
        };
        let before = format!("SELECT {distinct}{} FROM (", list.join(", "));
        let after = format!(") AS {SET}({})", columns(list.len()).join(", "));
        self.surround(arms, before, after);
        Ok(outputs)
    }

    fn write_grouped(&mut self, arms: &Arms, mut outputs: Outputs, kind: Kind) -> Planned<Outputs> {
        let mut keys = Vec::with_capacity(outputs.columns.len());
        let mut list = Vec::with_capacity(outputs.columns.len());
        let mut last = Vec::with_capacity(outputs.columns.len());
        let repeated = matches!(kind, Kind::IntersectAll | Kind::ExceptAll);
        for (index, output) in outputs.columns.iter_mut().enumerate() {
            let name = format!("{COLUMN}_{}", index + 1);
            let text = format!("{SET}.{name}");
            let shown = match &mut output.value {
                Val::Column(value) => {
                    keys.push(format!("{}({text})", value.column.equality_function()));
                    let shown = format!("(pg_catalog.min(ARRAY[{text}]))[1]");
                    value.written = Some(if repeated { format!("{TIMES}.{name}") } else { shown.clone() });
                    shown
                }
                _ => {
                    keys.push(text.clone());
                    text
                }
            };
            let label = label(&output.name);
            list.push(if repeated { format!("{shown} AS {name}") } else { format!("{shown} AS {label}") });
            last.push(format!("{TIMES}.{name} AS {label}"));
        }
        let (list, keys) = (list.join(", "), keys.join(", "));
        let names = columns(outputs.columns.len()).join(", ");
        let from = format!(") AS {SET}({names}, {SIDE}) GROUP BY {keys}");
        let side = format!("{SET}.{SIDE}");
        let count = |n: u8| format!("pg_catalog.count(*) FILTER (WHERE {side} = {n})");
        let times = |expr: String| {
            let before = format!("SELECT {} FROM (SELECT {list}, {expr} AS {TIMES} FROM (", last.join(", "));
            (before, format!("{from}) AS {TIMES}, pg_catalog.generate_series(1, {TIMES}.{TIMES})"))
        };
        let (before, after) = match kind {
            Kind::IntersectAll => times(format!("LEAST({}, {})", count(0), count(1))),
            Kind::ExceptAll => times(format!("{} - {}", count(0), count(1))),
            Kind::Intersect => (
                format!("SELECT {list} FROM ("),
                format!("{from} HAVING pg_catalog.min({side}) <> pg_catalog.max({side})"),
            ),
            _ => (format!("SELECT {list} FROM ("), format!("{from} HAVING pg_catalog.max({side}) = 0")),
        };
        self.surround(arms, before, after);
        Ok(outputs)
    }

    /// Puts text around both arms, which become one UNION ALL.
    fn surround(&mut self, arms: &Arms, before: String, after: String) {
        let operator = Extent { first: arms.operator.start, last: arms.operator.end.saturating_sub(1) };
        self.replace(operator, vec![Part::Text("UNION ALL".to_owned())]);
        self.edits.before(self.tokens.start(arms.left.start), before);
        self.edits.close(self.tokens.end(arms.right.end.saturating_sub(1)), after);
    }

    /// Gives an arm a last column that tells its side.
    fn tag(&mut self, arm: &SetExpr, range: Range<usize>, side: u8, untyped: bool) -> Planned<()> {
        if let SetExpr::Select(select) = arm
            && let Some(keyword) = index_of(select.select_token.0.span)
            && let Some(start) = items::list_start(self.tokens, keyword)
            && let Some(entry) = items::entries(self.tokens, start, range.end).pop()
        {
            let end = self.tokens.end(entry.end.saturating_sub(1));
            self.edits.behind(end, format!(", {side}"));
            return Ok(());
        }
        if untyped {
            return Err(unsupported(
                "INTERSECT or EXCEPT of encrypted columns with a constant that has no type in a nested query",
                "Cast the constant to its type.",
            )
            .at(Some(range.start)));
        }
        let alias = format!("{SET}_{side}");
        let before = format!("SELECT {alias}.*, {side} FROM (");
        self.edits.before(self.tokens.start(range.start), before);
        self.edits.close(self.tokens.end(range.end.saturating_sub(1)), format!(") AS {alias}"));
        Ok(())
    }

    /// The tokens of a set operation that no other one is around of.
    fn set_extent(&self, body: &SetExpr) -> Option<Range<usize>> {
        let first = self.leftmost(body)?;
        let stops = ["order", "limit", "offset", "fetch", "for"];
        let mut index = first;
        while index < self.range.end {
            if self.tokens.is_sign(index, "(") {
                index = self.tokens.close(index)? + 1;
                continue;
            }
            let closed = [")", ";"].iter().any(|sign| self.tokens.is_sign(index, sign));
            let word = stops.iter().any(|word| self.tokens.is_word(index, word));
            if closed || (word && !self.is_label(index)) {
                break;
            }
            index += 1;
        }
        Some(first..index)
    }

    /// Any word can be a name behind AS and behind a dot.
    fn is_label(&self, index: usize) -> bool {
        let before = index.wrapping_sub(1);
        self.tokens.is_word(before, "as") || self.tokens.is_sign(before, ".")
    }

    /// Splits a set operation at its last operator of the weakest kind: they group from the left.
    fn arms(&self, within: Range<usize>, op: SetOperator) -> Option<Arms> {
        let mut weak = None;
        let mut strong = None;
        let mut index = within.start;
        while index < within.end {
            if self.tokens.is_sign(index, "(") {
                index = self.tokens.close(index)? + 1;
                continue;
            }
            let is = |word: &str| self.tokens.is_word(index, word) && !self.is_label(index);
            if is("union") || is("except") {
                weak = Some(index);
            } else if is("intersect") {
                strong = Some(index);
            }
            index += 1;
        }
        let at = weak.or(strong)?;
        let word = match op {
            SetOperator::Union => "union",
            SetOperator::Except => "except",
            SetOperator::Intersect => "intersect",
            _ => return None,
        };
        if !self.tokens.is_word(at, word) {
            return None;
        }
        let quantified = ["all", "distinct"].iter().any(|word| self.tokens.is_word(at + 1, word));
        let behind = at + 1 + usize::from(quantified);
        (within.start < at && behind < within.end).then_some(Arms {
            left: within.start..at,
            operator: at..behind,
            right: behind..within.end,
        })
    }

    /// The first token of a query's body.
    fn leftmost(&self, body: &SetExpr) -> Option<usize> {
        match body {
            SetExpr::Select(select) => index_of(select.select_token.0.span),
            SetExpr::Query(query) => self.open_parenthesis(query),
            SetExpr::SetOperation { left, .. } => self.leftmost(left),
            SetExpr::Values(values) => {
                let expr = values.rows.first()?.content.first()?;
                let at = index_of(expr.span())?;
                (at.saturating_sub(64)..at).rev().find(|&i| self.tokens.is_word(i, "values"))
            }
            _ => None,
        }
    }

    /// The first token of a query.
    pub fn query_start(&self, query: &Query) -> Option<usize> {
        match &query.with {
            Some(with) => index_of(with.with_token.0.span),
            None => self.leftmost(&query.body),
        }
    }

    /// The parenthesis before a query.
    pub fn open_parenthesis(&self, query: &Query) -> Option<usize> {
        let open = self.query_start(query)?.checked_sub(1)?;
        self.tokens.is_sign(open, "(").then_some(open)
    }

    /// Whether a query's text has this name in it.
    pub fn mentions(&self, query: &Query, name: &str) -> bool {
        self.parentheses_around(query)
            .is_none_or(|e| (e.first..e.last).any(|i| self.tokens.name(i).as_deref() == Some(name)))
    }

    /// The parentheses of a subquery.
    pub fn parentheses_around(&self, query: &Query) -> Option<Extent> {
        let open = self.open_parenthesis(query)?;
        Some(Extent { first: open, last: self.tokens.close(open)? })
    }

    /// `left IN (…)` where the column that the subquery gives has no place of its own: its terms are taken
    /// around the whole.
    pub fn in_whole(&mut self, left: Val, right: ColumnVal, query: &Query, clause: &str) -> Planned<()> {
        let place = right.extent.map(|e| e.first);
        let Some(extent) = self.parentheses_around(query) else {
            return Err(column_in(&right.column, clause).at(place));
        };
        if !right.casts.is_empty() {
            return Err(column_in(&right.column, format!("a cast under {clause}")).at(place));
        }
        let function = self.term_function(&right.column, clause, place)?;
        let before = format!("SELECT {function}({SET}.{COLUMN}) FROM (");
        self.edits.after(self.tokens.end(extent.first), before);
        self.edits.close(self.tokens.end(extent.last.saturating_sub(1)), format!(") AS {SET}({COLUMN})"));
        match left {
            Val::Column(left) => {
                self.comparable(&left.column, &right.column, left.extent)?;
                self.term(left, clause)
            }
            left => self.equate_with(&right, left, clause),
        }
    }
}

/// The names of the columns of a set.
fn columns(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{COLUMN}_{n}")).collect()
}

fn label(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
