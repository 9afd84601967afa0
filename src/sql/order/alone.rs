//! `SELECT max(c) FROM …` by itself: `SELECT (SELECT c FROM … ORDER BY … LIMIT 1)`, which an index serves.

use sqlparser::ast::{Expr, Function, FunctionArguments, GroupByExpr, Select, SelectItem, Spanned};

use super::super::consts::Extent;
use super::super::edits::Part;
use super::super::expr::{ColumnVal, Val, ident, object_name};
use super::super::function::plain_args;
use super::super::parse::index_of;
use super::super::planner::Planner;
use super::super::query::{OutColumn, Outputs};
use super::super::refuse::Planned;

/// A query that is to be turned into a sorted one.
pub(in crate::sql) struct Alone {
    /// Name of the aggregate, up to its parenthesis.
    head: Extent,
    /// The last token of FROM and WHERE.
    last: usize,
    value: ColumnVal,
    /// The column as it may be written again.
    text: String,
    name: String,
    greatest: bool,
}

/// Words that end FROM and WHERE, all of them reserved.
const BEHIND: &[&str] = &[
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
];

impl Planner<'_> {
    /// Whether this SELECT is of that form. Nothing is changed yet.
    pub fn extreme_alone(&mut self, select: &Select) -> Option<Alone> {
        let bare = select.distinct.is_none()
            && select.having.is_none()
            && select.named_window.is_empty()
            && !select.from.is_empty()
            && matches!(&select.group_by, GroupByExpr::Expressions(list, _) if list.is_empty());
        let [item] = select.projection.as_slice() else { return None };
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, None),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(ident(alias).ok()?)),
            _ => return None,
        };
        let Expr::Function(function) = expr else { return None };
        let (parts, token) = object_name(&function.name).ok()?;
        let name = parts.last().filter(|name| bare && ["min", "max"].contains(&name.as_str()))?;
        let argument = argument(function)?;
        // A column of a query around this one makes it that query's aggregate.
        let inner = self.frames.split_off(self.frames.len().saturating_sub(1));
        let around = std::mem::replace(&mut self.frames, inner);
        let value = self.expr(argument);
        let inner = std::mem::replace(&mut self.frames, around);
        self.frames.extend(inner);
        let Ok(Val::Column(value)) = value else { return None };
        if !value.casts.is_empty() || value.place != value.extent {
            return None;
        }
        self.has_extremes(&value, name, token).ok()?;
        self.order_of(&value, "function").ok()?;
        self.one_print(&value, "function").ok()?;
        let text = self.doubled(&value)?;
        let open = token + parts.len() * 2 - 1;
        let last = self.end_of_from(open - 1);
        let locks = self.tokens.is_word(last + 1, "for");
        let known = !locks
            && self.tokens.is_sign(open, "(")
            && value.place.is_some_and(|place| place.first == open + 1);
        let head = Extent { first: token, last: open - 1 };
        let greatest = name == "max";
        let name = alias.unwrap_or_else(|| name.clone());
        known.then_some(Alone { head, last, value, text, name, greatest })
    }

    /// Its output.
    pub fn alone_output(&mut self, alone: &Alone) -> Outputs {
        let whole = Extent { first: alone.head.first, last: alone.last };
        let value = self.chosen(alone.value.clone(), whole);
        Outputs { columns: vec![OutColumn { name: alone.name.clone(), value }], open: false }
    }

    /// Turns it around, once its clauses are planned: what is put around them comes outside of theirs.
    pub fn turn_alone(&mut self, alone: &Alone, select: &Select) -> Planned<()> {
        let functions = self.order_of(&alone.value, "function")?;
        let start = select.selection.as_ref().and_then(|_| self.where_of(alone.head.last));
        self.replace(alone.head, vec![Part::Text("(SELECT ".to_owned())]);
        let text = &alone.text;
        let direction = if alone.greatest { " DESC" } else { "" };
        let keys = match functions.head {
            Some(head) => format!("{head}({text}){direction}, {}({text}){direction}", functions.whole),
            None => format!("{}({text}){direction}", functions.whole),
        };
        let name = alone.name.replace('"', "\"\"");
        let condition = match start {
            Some(start) => {
                self.edits.before(self.tokens.start(start + 1), "(");
                format!(") AND ({text} IS NOT NULL)")
            }
            None => format!(" WHERE {text} IS NOT NULL"),
        };
        let end = self.tokens.end(alone.last);
        self.edits.after(end, format!("{condition} ORDER BY {keys} LIMIT 1)"));
        // Outside of whatever else is put around.
        self.edits.name(end, format!(" AS \"{name}\""));
        Ok(())
    }

    /// The token of WHERE.
    fn where_of(&self, from: usize) -> Option<usize> {
        self.outside(from).find(|&at| self.tokens.is_word(at, "where"))
    }

    /// The last token of FROM and WHERE.
    fn end_of_from(&self, from: usize) -> usize {
        self.outside(from).last().map_or(from, |at| match self.tokens.is_sign(at, "(") {
            true => self.tokens.close(at).unwrap_or(at),
            false => at,
        })
    }

    /// The tokens behind this one that are outside of parentheses, up to what follows FROM and WHERE.
    fn outside(&self, from: usize) -> impl Iterator<Item = usize> {
        let mut at = from + 1;
        std::iter::from_fn(move || {
            let here = at;
            let ends = here >= self.range.end
                || self.tokens.is_sign(here, ")")
                || self.tokens.is_sign(here, ";")
                || (BEHIND.iter().any(|word| self.tokens.is_word(here, word))
                    && !self.tokens.is_sign(here - 1, "."));
            if ends {
                return None;
            }
            at = match self.tokens.is_sign(here, "(") {
                true => self.tokens.close(here)? + 1,
                false => here + 1,
            };
            Some(here)
        })
    }
}

/// The argument of an aggregate that has no more than that.
fn argument(function: &Function) -> Option<&Expr> {
    let bare = matches!(&function.args, FunctionArguments::List(list) if list.clauses.is_empty());
    let list = plain_args(function).filter(|_| bare)?;
    match list.as_slice() {
        [expr] if index_of(expr.span()).is_some() => Some(expr),
        _ => None,
    }
}
