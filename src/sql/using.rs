//! `JOIN … USING` and `NATURAL JOIN`. Over an encrypted column they become ON with terms on both sides. ON
//! merges nothing, so each reference to a merged column names the side that it has its value from, and `*` is
//! written out, merged columns first.

use std::sync::Arc;

use sqlparser::ast::{Join, JoinConstraint, JoinOperator, TableFactor, TableWithJoins};

use super::columns::common;
use super::consts::Extent;
use super::edits::Part;
use super::expr::{Val, object_name};
use super::from::Star;
use super::parse::index_of;
use super::planner::Planner;
use super::refuse::{Draft, Planned, column_in, full_name, syntax, unsupported};
use super::scope::{Held, Location};
use crate::catalog::EncryptedColumn;

/// A merged column of a join that is written as ON.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    /// The column that its name finds.
    item: usize,
    column: usize,
    /// What its name stands for.
    text: String,
    /// It has its value from either side: it is no column of either.
    full: bool,
    /// What it holds, if it is encrypted.
    holds: Option<Arc<EncryptedColumn>>,
}

impl Merged {
    /// Whether it stands at this entry of FROM or behind it.
    pub fn is_in(&self, start: usize) -> bool {
        self.item >= start
    }
}

/// What a joined column's name finds on both sides, and the name's token.
struct Pair {
    name: String,
    token: Option<usize>,
    left: (usize, usize),
    right: (usize, usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Left,
    Right,
    Either,
}

/// Words that may stand behind an entry of FROM, outside of parentheses; all reserved there.
const BEHIND: &[&str] = &[
    "natural",
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "on",
    "using",
    "where",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "returning",
    "set",
    "when",
];

impl Planner<'_> {
    /// The columns that a NATURAL join is over.
    fn common(&mut self, left: &Star, right: &Star) -> Planned<Vec<(String, Option<usize>)>> {
        let frame = self.frame()?;
        if frame.items.iter().any(|item| item.open) {
            return Err(unsupported("NATURAL JOIN with a function in FROM", "Write the join condition out."));
        }
        let name = |entry: &(usize, usize)| {
            frame.items.get(entry.0).and_then(|item| item.columns.get(entry.1)).map(|c| c.name.clone())
        };
        let rights: Vec<String> = right.iter().filter_map(name).collect();
        Ok(left.iter().filter_map(name).filter(|n| rights.contains(n)).map(|n| (n, None)).collect())
    }

    /// Merges the columns of USING or NATURAL; they come first in `*`.
    pub fn using(&mut self, join: &Join, kind: &JoinConstraint, left: Star, right: Star) -> Planned<Star> {
        let names = match kind {
            JoinConstraint::Using(names) => {
                let mut columns = Vec::new();
                for name in names {
                    let (mut parts, token) = object_name(name)?;
                    columns.push((parts.pop().unwrap_or_default(), Some(token)));
                }
                columns
            }
            _ => self.common(&left, &right)?,
        };
        let (mut left, mut right) = (left, right);
        let mut merged = Vec::new();
        let mut pairs = Vec::new();
        for (name, token) in names {
            let sides = [self.take(&name, &mut left)?, self.take(&name, &mut right)?];
            match sides {
                [Some(left), Some(right)] => pairs.push(Pair { name, token, left, right }),
                [kept, other] if self.frame()?.items.iter().any(|item| item.open) => {
                    if let Some(entry) = kept.or(other) {
                        self.no_encrypted(entry, token)?;
                        merged.push(entry);
                    }
                }
                [kept, _] => {
                    let side = if kept.is_none() { "left" } else { "right" };
                    return Err(Draft::new(
                        "42703",
                        format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
                    )
                    .at(token));
                }
            }
        }
        let special = pairs.iter().any(|pair| {
            [pair.left, pair.right]
                .into_iter()
                .any(|entry| self.holds_envelopes(entry) || self.is_merged(entry))
        });
        if special {
            if !merged.is_empty() {
                return Err(unsupported("USING next to a function in FROM", "Use ON."));
            }
            merged = self.write_on(join, kind, &pairs)?;
        } else {
            for pair in &pairs {
                self.hide(pair.right)?;
                merged.push(pair.left);
            }
        }
        merged.extend(left);
        merged.extend(right);
        Ok(merged)
    }

    /// Takes the column of this name out of a side.
    fn take(&mut self, name: &str, star: &mut Star) -> Planned<Option<(usize, usize)>> {
        let frame = self.frame()?;
        let named = |(item, column): &(usize, usize)| {
            frame.items.get(*item).and_then(|i| i.columns.get(*column)).is_some_and(|c| c.name == name)
        };
        Ok(star.iter().position(named).map(|index| star.remove(index)))
    }

    fn hide(&mut self, entry: (usize, usize)) -> Planned<()> {
        if let Some(column) = self.frame()?.items.get_mut(entry.0).and_then(|i| i.columns.get_mut(entry.1)) {
            column.bare = false;
        }
        Ok(())
    }

    fn own(&self, entry: (usize, usize)) -> Location {
        let frame = self.frames.len().saturating_sub(1);
        Location { frame, item: entry.0, column: entry.1, bare: true }
    }

    fn holds_envelopes(&self, entry: (usize, usize)) -> bool {
        self.held_at(self.own(entry)).is_some_and(|held| held.holds_encrypted() || held.open.is_some())
    }

    fn is_merged(&self, entry: (usize, usize)) -> bool {
        self.merged_at(self.own(entry)).is_some()
    }

    fn no_encrypted(&self, entry: (usize, usize), token: Option<usize>) -> Planned<()> {
        match self.held_at(self.own(entry)).and_then(|held| held.encrypted.as_ref()) {
            Some(column) => Err(column_in(column, "USING next to a function in FROM").at(token)),
            None => Ok(()),
        }
    }

    /// Writes the join as ON; gives the columns that are kept.
    fn write_on(&mut self, join: &Join, kind: &JoinConstraint, pairs: &[Pair]) -> Planned<Star> {
        let kept = match &join.join_operator {
            JoinOperator::Join(_)
            | JoinOperator::Inner(_)
            | JoinOperator::Left(_)
            | JoinOperator::LeftOuter(_) => Kept::Left,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => Kept::Right,
            JoinOperator::FullOuter(_) => Kept::Either,
            _ => return Err(syntax("a join")),
        };
        let mut conditions = Vec::with_capacity(pairs.len());
        let mut star = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let texts = (self.column_text(self.own(pair.left)), self.column_text(self.own(pair.right)));
            let (Some(left), Some(right)) = texts else {
                return Err(unsupported("USING or NATURAL JOIN of these tables", "Use ON.").at(pair.token));
            };
            let joined = self.joined(pair)?;
            let holds = joined.as_ref().map(|(l, r)| Arc::new(common(l, r, l.ty)));
            conditions.push(match joined {
                Some((l, r)) => {
                    format!("{}({left}) = {}({right})", l.equality_function(), r.equality_function())
                }
                None => format!("{left} = {right}"),
            });
            let (entry, hidden) =
                if kept == Kept::Right { (pair.right, pair.left) } else { (pair.left, pair.right) };
            let text = match kept {
                Kept::Left => left,
                Kept::Right => right,
                Kept::Either => format!("COALESCE({left}, {right})"),
            };
            self.hide(hidden)?;
            let full = kept == Kept::Either;
            let merged = Merged { item: entry.0, column: entry.1, text, full, holds };
            let frame = self.frame()?;
            frame.merged.retain(|m| (m.item, m.column) != entry && (m.item, m.column) != hidden);
            frame.merged.push(merged);
            star.push(entry);
        }
        let condition = format!(" ON {}", conditions.join(" AND "));
        match kind {
            JoinConstraint::Using(_) => self.replace_using(pairs, condition)?,
            _ => self.replace_natural(join, condition)?,
        }
        Ok(star)
    }

    /// Both columns of a pair, if they are encrypted. Plain ones must be of one type: the server would convert
    /// the merged column otherwise.
    fn joined(&self, pair: &Pair) -> Planned<Option<(Arc<EncryptedColumn>, Arc<EncryptedColumn>)>> {
        let sides = [pair.left, pair.right].map(|entry| self.held_at(self.own(entry)));
        let [Some(left), Some(right)] = sides else { return Err(syntax("USING").at(pair.token)) };
        if left.unmanaged.is_some() || right.unmanaged.is_some() {
            return Err(unsupported("a column of type pyrite.encrypted in USING", "Use ON.").at(pair.token));
        }
        let passed = |held: &Held| held.nested.is_some() || held.open.is_some() || !held.casts.is_empty();
        if passed(left) || passed(right) {
            return Err(unsupported(
                "USING of a column of constants, of a cast, or of a value with encrypted columns in it,",
                "Use ON.",
            )
            .at(pair.token));
        }
        match (&left.encrypted, &right.encrypted) {
            (Some(l), Some(r)) => {
                self.comparable(l, r, pair.token.map(|t| Extent { first: t, last: t }))?;
                if l.ty != r.ty {
                    return Err(unsupported(
                        format!("USING of {} and {}, whose types differ,", full_name(l), full_name(r)),
                        "Use ON, and name the column that you want to see.",
                    )
                    .at(pair.token));
                }
                self.term_function(l, "USING", pair.token)?;
                self.term_function(r, "USING", pair.token)?;
                Ok(Some((l.clone(), r.clone())))
            }
            (Some(column), None) | (None, Some(column)) => {
                Err(column_in(column, format!("USING with plain column {}", pair.name)).at(pair.token))
            }
            (None, None) => {
                let ty = |held: &Held| {
                    let (table, attnum) = held.origin?;
                    let relation = self.catalog.relation_by_oid(table)?;
                    relation.columns.iter().find(|c| c.attnum == attnum).map(|c| c.type_oid)
                };
                match (ty(left), ty(right)) {
                    (Some(l), Some(r)) if l == r => Ok(None),
                    _ => Err(unsupported(
                        format!("USING with column {} next to an encrypted column", pair.name),
                        "Use ON.",
                    )
                    .at(pair.token)),
                }
            }
        }
    }

    fn replace_using(&mut self, pairs: &[Pair], condition: String) -> Planned<()> {
        let first = pairs.first().and_then(|pair| pair.token?.checked_sub(2));
        let first = first.filter(|&i| self.tokens.is_word(i, "using") && self.tokens.is_sign(i + 1, "("));
        let close = first.and_then(|first| self.tokens.close(first + 1));
        let (Some(first), Some(last)) = (first, close) else { return Err(syntax("USING")) };
        self.replace(Extent { first, last }, vec![Part::Text(condition.trim_start().to_owned())]);
        Ok(())
    }

    fn replace_natural(&mut self, join: &Join, condition: String) -> Planned<()> {
        let unknown = || unsupported("this form of NATURAL JOIN on encrypted columns", "Use ON.");
        let first = factor_start(self, &join.relation).ok_or_else(unknown)?;
        let mut natural = first.checked_sub(1).ok_or_else(unknown)?;
        while ["only", "lateral", "join", "inner", "left", "right", "full", "outer"]
            .iter()
            .any(|word| self.tokens.is_word(natural, word))
        {
            natural = natural.checked_sub(1).ok_or_else(unknown)?;
        }
        if !self.tokens.is_word(natural, "natural") {
            return Err(unknown());
        }
        let mut last = first;
        while last + 1 < self.range.end {
            let next = last + 1;
            if self.tokens.is_sign(last, "(") {
                last = self.tokens.close(last).ok_or_else(unknown)?;
                continue;
            }
            let ended = [",", ")", ";"].iter().any(|sign| self.tokens.is_sign(next, sign))
                || BEHIND.iter().any(|word| self.tokens.is_word(next, word))
                    && !self.tokens.is_sign(last, ".");
            if ended {
                break;
            }
            last = next;
        }
        self.replace(Extent { first: natural, last: natural }, Vec::new());
        self.edits.after(self.tokens.end(last), condition);
        Ok(())
    }

    fn merged_at(&self, at: Location) -> Option<&Merged> {
        let frame = self.frames.get(at.frame)?;
        frame.merged.iter().find(|m| at.bare && m.item == at.item && m.column == at.column)
    }

    /// What the name of a merged column stands for.
    pub fn merged_text(&self, at: Location) -> Option<String> {
        self.merged_at(at).map(|merged| merged.text.clone())
    }

    /// Whether the reference is to a merged column that is neither side's.
    pub fn is_full(&self, at: Location) -> bool {
        self.frames.get(at.frame).is_some_and(|frame| {
            frame.merged.iter().any(|m| m.full && m.item == at.item && m.column == at.column)
        })
    }

    /// Whether columns are merged by our text, not by the server.
    pub fn is_merged_frame(&self, frame: usize) -> bool {
        self.frames.get(frame).is_some_and(|frame| !frame.merged.is_empty())
    }

    /// What a reference holds: a merged column of a full join has no origin.
    pub fn merged_held(&self, at: Location, held: Held) -> Held {
        match self.merged_at(at) {
            Some(merged) if merged.full => {
                Held { encrypted: merged.holds.clone(), origin: None, shown: None, ..held }
            }
            _ => held,
        }
    }

    /// A column's value at this place, with what the query around it makes of it. Writes what has to stand there.
    pub fn found_column(&mut self, held: Held, at: Location, place: Option<Extent>) -> Planned<Val> {
        let dependent = self.depend(at, place.map(|e| e.first))?;
        let mut value = self.column_value(held, at, place)?;
        if let (Val::Column(value), Some(dependent)) = (&mut value, dependent) {
            value.grouped.get_or_insert(dependent);
        }
        if let Some(text) = self.merged_text(at) {
            let extent = place.ok_or_else(|| syntax("a name"))?;
            let span = self.tokens.start(extent.first)..self.tokens.end(extent.last);
            // Some references are looked at before they are read: once is enough.
            self.edits.rewrite(span, vec![Part::Text(text)]);
        }
        Ok(value)
    }

    /// The same for whoever writes the whole expression: nothing is written.
    pub fn column_value(&self, held: Held, at: Location, place: Option<Extent>) -> Planned<Val> {
        let held = self.merged_held(at, held);
        let mut value = self.held(held, place)?;
        if let Val::Column(value) = &mut value {
            value.written = self.merged_text(at);
            value.grouped = self.representative(at, place)?;
        }
        Ok(value)
    }

    /// `COALESCE(l.c, r.c)` would be called `coalesce`: entries get the names that they had.
    pub fn name_merged(&mut self, select: &sqlparser::ast::Select) -> Planned<()> {
        let full = self.frames.last().is_some_and(|frame| frame.merged.iter().any(|m| m.full));
        if !full {
            return Ok(());
        }
        let keyword = index_of(select.select_token.0.span).ok_or_else(|| syntax("a select list"))?;
        let items = self.items(keyword, &select.projection)?;
        for (item, entry) in items.into_iter().zip(&select.projection) {
            let name = super::columns::expression(entry).and_then(super::names::figure_name);
            if let Some(name) = name {
                self.name_item(item, &name);
            }
        }
        Ok(())
    }
}

/// The first token of an entry of FROM, without ONLY and LATERAL.
fn factor_start(planner: &Planner<'_>, factor: &TableFactor) -> Option<usize> {
    match factor {
        TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
            object_name(name).ok().map(|(_, token)| token)
        }
        TableFactor::Derived { subquery, .. } => planner.open_parenthesis(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => {
            let TableWithJoins { relation, .. } = &**table_with_joins;
            let inner = factor_start(planner, relation)?;
            let mut open = inner.checked_sub(1)?;
            while ["only", "lateral"].iter().any(|word| planner.tokens.is_word(open, word)) {
                open = open.checked_sub(1)?;
            }
            planner.tokens.is_sign(open, "(").then_some(open)
        }
        _ => None,
    }
}
