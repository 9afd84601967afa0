//! ORDER BY: of queries, windows and aggregates.

use sqlparser::ast::{Expr, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Spanned, Value, WindowSpec};

use super::super::consts::Extent;
use super::super::edits::Part;
use super::super::expr::{ColumnVal, Val, ident};
use super::super::parse::index_of;
use super::super::planner::Planner;
use super::super::query::Outputs;
use super::super::refuse::{Planned, column_in, full_name, syntax, unsupported};
use super::Form;
use crate::catalog::OrderFunctions;

/// An entry of ORDER BY in the text.
struct Entry {
    expr: Extent,
    /// ASC, DESC, USING, NULLS FIRST and LAST, with a blank before them.
    options: String,
}

/// What a sort key is.
enum Key {
    /// An output of the query, by its number or name.
    Output(Val),
    Expression,
}

impl Planner<'_> {
    /// A query's ORDER BY.
    pub fn order_by(&mut self, order: &OrderBy, outputs: &Outputs) -> Planned<()> {
        let OrderByKind::Expressions(list) = &order.kind else { return Err(syntax("ORDER BY")) };
        self.sort_list(list, Some(outputs), "ORDER BY").map(|_| ())
    }

    /// A window's ORDER BY, and what its frame demands of it.
    pub fn window_order(&mut self, spec: &WindowSpec) -> Planned<()> {
        use sqlparser::ast::{WindowFrameBound as Bound, WindowFrameUnits};
        let encrypted = self.sort_list(&spec.order_by, None, "a window's ORDER BY")?;
        let Some(frame) = spec.window_frame.as_ref().filter(|f| f.units == WindowFrameUnits::Range) else {
            return Ok(());
        };
        let offset = |bound: &Bound| matches!(bound, Bound::Preceding(Some(_)) | Bound::Following(Some(_)));
        let bounds = [Some(&frame.start_bound), frame.end_bound.as_ref()];
        match encrypted.filter(|_| bounds.into_iter().flatten().any(offset)) {
            Some(value) => Err(unsupported(
                format!("a RANGE frame with an offset over encrypted column {}", full_name(&value.column)),
                "Use ROWS or GROUPS, or a frame without offsets.",
            )
            .at(value.extent.map(|e| e.first))),
            None => Ok(()),
        }
    }

    /// A list of sort keys; the first encrypted one among them.
    pub fn sort_list(
        &mut self,
        list: &[OrderByExpr],
        outputs: Option<&Outputs>,
        clause: &str,
    ) -> Planned<Option<ColumnVal>> {
        let mut first = None;
        for (index, entry) in list.iter().enumerate() {
            if entry.with_fill.is_some() {
                return Err(syntax("ORDER BY"));
            }
            let key = match outputs {
                Some(outputs) => self.output_key(&entry.expr, outputs, clause)?,
                None => Key::Expression,
            };
            let (value, output) = match key {
                Key::Output(value) => (value, true),
                Key::Expression => (self.expr(&entry.expr)?, false),
            };
            let Some(target) = value.column().cloned() else {
                if !output {
                    self.settle_plain(value, clause)?;
                }
                continue;
            };
            let functions = self.order_of(&target, clause)?;
            self.check_operator(entry, &target)?;
            let place = self.entry_of(list, index).map_err(|draft| draft.at(index_of(entry.expr.span())))?;
            match value {
                Val::Column(value) if output => self.sort_by_output(&value, &place, functions, clause)?,
                Val::Column(mut value) => {
                    self.stand_in(&mut value)?;
                    self.sort_by_column(&value, &place, functions)?;
                }
                value if output => return Err(repeat(&target, value.column(), clause)),
                value => self.put_choice(&target, value, clause)?,
            }
            first.get_or_insert(target);
        }
        Ok(first)
    }

    /// What an entry means: a number and the name of an output are outputs, all else are expressions.
    fn output_key(&self, expr: &Expr, outputs: &Outputs, clause: &str) -> Planned<Key> {
        let place = index_of(expr.span());
        match expr {
            // PostgreSQL's parser drops the parentheses.
            Expr::Nested(inner) => self.output_key(inner, outputs, clause),
            Expr::Value(value) => {
                let Value::Number(number, _) = &value.value else { return Ok(Key::Expression) };
                if outputs.open && outputs.encrypted().is_some() {
                    return Err(unsupported(
                        format!("{clause} by number next to a function's columns"),
                        "Name the column.",
                    )
                    .at(place));
                }
                let index = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                let column = index.and_then(|index| outputs.columns.get(index));
                Ok(Key::Output(column.map_or(Val::Plain, |column| column.value.clone())))
            }
            Expr::Identifier(name) => {
                let name = ident(name)?;
                let mut named = outputs.columns.iter().filter(|c| c.name == name);
                let Some(first) = named.next() else { return Ok(Key::Expression) };
                let rest: Vec<&Val> = named.map(|c| &c.value).collect();
                if rest.is_empty()
                    || (first.value.column().is_none() && rest.iter().all(|v| v.column().is_none()))
                {
                    return Ok(Key::Output(first.value.clone()));
                }
                // Outputs of one name must be one expression.
                let text = |value: &Val| match value {
                    Val::Column(value) => self.doubled(value),
                    _ => None,
                };
                let own = text(&first.value);
                if own.is_some() && rest.iter().all(|value| text(value) == own) {
                    return Ok(Key::Output(first.value.clone()));
                }
                let value = first.value.column().or_else(|| rest.iter().find_map(|value| value.column()));
                match value {
                    Some(value) => Err(repeat(value, None, clause).at(place)),
                    None => Ok(Key::Expression),
                }
            }
            _ => Ok(Key::Expression),
        }
    }

    /// Only the two operators of btrees, which bytea has as well.
    fn check_operator(&self, entry: &OrderByExpr, target: &ColumnVal) -> Planned<()> {
        let Some(OrderBySort::Using(operator)) = &entry.options.sort else { return Ok(()) };
        let operator = operator.to_string().replace('"', "");
        if ["<", ">", "pg_catalog.<", "pg_catalog.>"].contains(&operator.as_str()) {
            return Ok(());
        }
        Err(column_in(&target.column, "ORDER BY USING this operator").at(target.extent.map(|e| e.first)))
    }

    /// Where an entry stands.
    fn entry_of(&self, list: &[OrderByExpr], index: usize) -> Planned<Entry> {
        let unknown = || syntax("ORDER BY");
        let first = list.first().and_then(|entry| index_of(entry.expr.span())).ok_or_else(unknown)?;
        let keyword = (self.range.start..first)
            .rev()
            .find(|&at| self.tokens.is_word(at, "order") && self.tokens.is_word(at + 1, "by"));
        let entries = self.list_entries(keyword.ok_or_else(unknown)?)?;
        if entries.len() != list.len() {
            return Err(unknown());
        }
        let (Some(whole), Some(entry)) = (entries.get(index).copied(), list.get(index)) else {
            return Err(unknown());
        };
        let mut last = whole.last;
        if entry.options.nulls_first.is_some() {
            last =
                last.checked_sub(2).filter(|at| self.tokens.is_word(at + 1, "nulls")).ok_or_else(unknown)?;
        }
        match &entry.options.sort {
            None => {}
            Some(OrderBySort::Asc | OrderBySort::Desc) => {
                let known = self.tokens.is_word(last, "asc") || self.tokens.is_word(last, "desc");
                last = last.checked_sub(1).filter(|_| known).ok_or_else(unknown)?;
            }
            Some(OrderBySort::Using(_)) => {
                let using = (whole.first..last).rev().find(|&at| self.tokens.is_word(at, "using"));
                last = using.and_then(|at| at.checked_sub(1)).ok_or_else(unknown)?;
            }
        }
        if last < whole.first {
            return Err(unknown());
        }
        let options: String = (last + 1..=whole.last).map(|at| format!(" {}", self.tokens.raw(at))).collect();
        Ok(Entry { expr: Extent { first: whole.first, last }, options })
    }

    /// An output's number or name becomes its terms.
    fn sort_by_output(
        &mut self,
        value: &ColumnVal,
        entry: &Entry,
        functions: OrderFunctions,
        clause: &str,
    ) -> Planned<()> {
        let Some(text) = self.doubled(value) else { return Err(repeat(value, None, clause)) };
        let whole = format!("{}({text})", functions.whole);
        let keys = match functions.head {
            Some(head) => format!("{head}({text}){}, {whole}", entry.options),
            None => whole,
        };
        self.replace(entry.expr, vec![Part::Text(keys)]);
        Ok(())
    }

    /// A column becomes its terms; its options stand behind each.
    fn sort_by_column(&mut self, value: &ColumnVal, entry: &Entry, functions: OrderFunctions) -> Planned<()> {
        let bare = value.place == Some(entry.expr);
        match (value.place, functions.head, self.doubled(value)) {
            (Some(place), Some(head), Some(text)) if bare => {
                self.edits.before(self.tokens.start(place.first), format!("{head}("));
                let rest = format!("){}, {}({text})", entry.options, functions.whole);
                self.edits.after(self.tokens.end(place.last), rest);
                Ok(())
            }
            _ => self.put_order(value, functions, Form::Whole),
        }
    }
}

fn repeat(target: &ColumnVal, place: Option<&ColumnVal>, clause: &str) -> Box<super::super::refuse::Draft> {
    let place = place.unwrap_or(target).extent.map(|e| e.first);
    unsupported(
        format!(
            "{clause} by the name or number of an output made of encrypted column {}",
            full_name(&target.column)
        ),
        "Repeat the output's expression in ORDER BY.",
    )
    .at(place)
}
