//! GROUP BY on encrypted columns. The server groups by equality terms. Where the column itself is to be seen,
//! an envelope of the group stands for it: `(pg_catalog.min(ARRAY[c]))[1]`, which has the right type, is NULL
//! for the group of NULLs, may stand under a window function, and needs no aggregate of ours. (Measured with
//! 300,000 rows in 100 groups: 78 ms; `array_agg` takes 67 ms, but collects all envelopes of a group.)
//!
//! - In grouping sets without the column PostgreSQL shows NULL; so does a CASE over `GROUPING`.
//! - A subquery that refers to a key of the query around it gets the representative too: the server takes
//!   terms for keys only in the query that groups by them.
//! - Which of several equal values PostgreSQL shows is the plan's choice. So where equal values print
//!   differently (numeric without scale, floats, jsonb) the key is not shown.

use sqlparser::ast::{Expr, GroupByExpr, Select, Spanned, Value};

use super::columns::Shape;
use super::consts::Extent;
use super::dependent::Dependent;
use super::edits::Part;
use super::expr::{ColumnVal, Val, ident};
use super::parse::index_of;
use super::planner::Planner;
use super::query::Outputs;
use super::refuse::{Planned, column_in, full_name, syntax, unsupported};
use super::scope::{self, Found, Held, Location};
use crate::catalog::EncryptedColumn;
use crate::value::Type;

/// By what a SELECT is grouped, as far as encrypted columns go.
#[derive(Clone, Debug, Default)]
pub(super) struct Grouping {
    /// The columns among its keys.
    keys: Vec<Location>,
    /// Tables whose primary key is among them.
    dependents: Vec<Dependent>,
    /// Plain columns of those that are to be keys too.
    added: Vec<String>,
    /// There are grouping sets: a key may be left out of a group.
    sets: bool,
    /// What is being read is evaluated for groups, not for rows.
    active: bool,
}

impl Grouping {
    /// Whether what is being read is evaluated for groups.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Whether a column is a key by itself.
    pub fn has(&self, at: Location) -> bool {
        self.keys.iter().any(|key| key.item == at.item && key.column == at.column)
    }

    /// Tables whose primary key is among the keys.
    pub fn dependents(&self) -> &[Dependent] {
        &self.dependents
    }

    /// Makes a plain column a key.
    pub fn add(&mut self, text: String) {
        if !self.added.contains(&text) {
            self.added.push(text);
        }
    }

    /// What was made a key.
    pub fn added(&self) -> &[String] {
        &self.added
    }
}

/// A key of a grouped query, where something has to stand for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Representative {
    /// Terms need it too: the query that groups is around this one, or the column is no key itself.
    outer: bool,
    sets: bool,
    /// All rows of a group have the very value.
    one: bool,
}

/// Whether equal values of a type always look the same.
pub(super) fn prints_alike(ty: Type) -> bool {
    match ty {
        Type::Float4 | Type::Float8 | Type::Json | Type::Jsonb | Type::Numeric(None) | Type::Char(0) => false,
        Type::Text
        | Type::Varchar(_)
        | Type::Char(_)
        | Type::Int2
        | Type::Int4
        | Type::Int8
        | Type::Numeric(Some(_))
        | Type::Bool
        | Type::Date
        | Type::Time(_)
        | Type::Timestamp(_)
        | Type::Timestamptz(_)
        | Type::Uuid
        | Type::Bytea => true,
    }
}

/// Refuses to show one of several equal values that may look different.
pub(super) fn check_alike(column: &EncryptedColumn, clause: &str, at: Option<usize>) -> Planned<()> {
    if prints_alike(column.ty) {
        return Ok(());
    }
    Err(unsupported(
        format!(
            "{clause} that shows encrypted column {}, whose equal values can be written differently,",
            full_name(column)
        ),
        "Which of them PostgreSQL shows is not defined. Leave the column out of the select list, or declare a \
         numeric with a scale.",
    )
    .at(at))
}

/// An entry of GROUP BY without the parentheses that mean nothing.
pub(super) fn unwrapped(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The single entries of a GROUP BY list, and whether there are grouping sets.
fn entries(list: &[Expr]) -> (Vec<&Expr>, bool) {
    let mut found = Vec::new();
    let mut sets = false;
    for expr in list {
        match unwrapped(expr) {
            Expr::Tuple(inner) => {
                let (inner, nested) = entries(inner);
                found.extend(inner);
                sets |= nested;
            }
            Expr::GroupingSets(inner) | Expr::Cube(inner) | Expr::Rollup(inner) => {
                sets = true;
                inner.iter().for_each(|set| found.extend(entries(set).0));
            }
            other => found.push(other),
        }
    }
    (found, sets)
}

fn list_of(select: &Select) -> Planned<&[Expr]> {
    match &select.group_by {
        GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => Ok(list),
        _ => Err(syntax("GROUP BY").at(index_of(select.select_token.0.span))),
    }
}

/// What an entry of GROUP BY means.
enum Meaning<'s> {
    /// The output at this index of the select list.
    Output(usize, Option<Shape<'s>>),
    /// The expression itself.
    Itself,
}

impl Planner<'_> {
    /// Looks at GROUP BY before anything is read that depends on it. From here on, groups are meant.
    pub fn begin_grouping(&mut self, select: &Select) -> Planned<()> {
        let list = list_of(select)?;
        if list.is_empty() {
            return Ok(());
        }
        let (found, sets) = entries(list);
        let mut keys = Vec::new();
        for expr in found {
            let target = match self.meaning(expr, select)? {
                Meaning::Itself => self.location_of(expr),
                Meaning::Output(_, Some(Shape::Expr(expr))) => self.location_of(expr),
                Meaning::Output(_, Some(Shape::Column(at))) => Some(at),
                Meaning::Output(_, None) => None,
            };
            keys.extend(target);
        }
        let dependents = if sets { Vec::new() } else { self.dependents(&keys) };
        if let Some(frame) = self.frames.last_mut() {
            frame.grouping = Some(Grouping { keys, dependents, added: Vec::new(), sets, active: true });
        }
        Ok(())
    }

    /// Whether what is read now belongs to groups (select list, HAVING) or to rows (WHERE, aggregates'
    /// arguments); gives what was so before.
    pub fn in_groups(&mut self, active: bool) -> bool {
        let grouping = self.frames.last_mut().and_then(|frame| frame.grouping.as_mut());
        grouping.is_some_and(|grouping| std::mem::replace(&mut grouping.active, active))
    }

    /// Reads GROUP BY, and puts representatives into the select list.
    pub fn group(&mut self, select: &Select, outputs: &mut Outputs) -> Planned<()> {
        let list = list_of(select)?;
        self.in_groups(false);
        for expr in entries(list).0 {
            self.group_entry(expr, select, outputs)?;
        }
        self.in_groups(true);
        self.represent_outputs(select, outputs)
    }

    fn meaning<'s>(&self, expr: &Expr, select: &'s Select) -> Planned<Meaning<'s>> {
        let shapes = || self.shapes(select);
        match expr {
            Expr::Value(value) => {
                let Value::Number(number, _) = &value.value else { return Ok(Meaning::Itself) };
                let Some(index) = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1)) else {
                    return Ok(Meaning::Itself);
                };
                let shape = shapes().and_then(|list| list.into_iter().nth(index)).map(|(_, shape)| shape);
                Ok(Meaning::Output(index, shape))
            }
            Expr::Identifier(name) => {
                let name = ident(name)?;
                let own = self.frames.len().saturating_sub(1);
                if self.frames.get(own..).is_some_and(|own| scope::bare(own, &name).is_ok()) {
                    return Ok(Meaning::Itself);
                }
                let found = shapes().unwrap_or_default().into_iter().enumerate();
                let mut found = found.filter(|(_, (n, _))| n.as_deref() == Some(name.as_str()));
                Ok(found.next().map_or(Meaning::Itself, |(n, (_, shape))| Meaning::Output(n, Some(shape))))
            }
            _ => Ok(Meaning::Itself),
        }
    }

    /// The column that a bare reference means; nothing for any other expression.
    pub fn location_of(&self, expr: &Expr) -> Option<Location> {
        let names = match unwrapped(expr) {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(names) => names.as_slice(),
            _ => return None,
        };
        let parts: Vec<String> = names.iter().map(ident).collect::<Planned<_>>().ok()?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let own = self.frames.len().checked_sub(1)?;
        match scope::find(&self.frames, &parts).ok()? {
            Found::Column(_, at) if at.frame == own => Some(at),
            _ => None,
        }
    }

    /// What the column at a place holds.
    pub fn held_at(&self, at: Location) -> Option<&Held> {
        let item = self.frames.get(at.frame)?.items.get(at.item)?;
        item.columns.get(at.column).map(|column| &column.held)
    }

    fn group_entry(&mut self, expr: &Expr, select: &Select, outputs: &Outputs) -> Planned<()> {
        let place = index_of(expr.span());
        let clause = "GROUP BY";
        match self.meaning(expr, select)? {
            Meaning::Itself => match self.expr(expr)? {
                Val::Column(value) if value.casts.is_empty() => self.term(value, clause),
                value => self.settle_plain(value, clause),
            },
            Meaning::Output(index, shape) => {
                if outputs.open && outputs.encrypted().is_some() {
                    return Err(unsupported(
                        "GROUP BY a number or alias next to a function's columns",
                        "Name the column.",
                    )
                    .at(place));
                }
                let Some(output) = outputs.columns.get(index) else { return Ok(()) };
                let Some(value) = output.value.column() else { return Ok(()) };
                let key = match (&output.value, shape) {
                    (Val::Column(value), Some(Shape::Column(_))) => value.casts.is_empty(),
                    (Val::Column(value), Some(Shape::Expr(expr))) => {
                        value.casts.is_empty() && self.location_of(expr).is_some()
                    }
                    _ => false,
                };
                let (Some(token), Some(text), true) = (place, self.row_text(value), key) else {
                    return Err(column_in(&value.column, "GROUP BY, under an expression,").at(place));
                };
                let function = self.term_function(&value.column, clause, place)?;
                let extent = Extent { first: token, last: token };
                self.replace(extent, vec![Part::Text(format!("{function}({text})"))]);
                Ok(())
            }
        }
    }

    /// Representatives for the keys that are shown.
    fn represent_outputs(&mut self, select: &Select, outputs: &mut Outputs) -> Planned<()> {
        let pending = |c: &super::query::OutColumn| matches!(&c.value, Val::Column(v) if v.grouped.is_some());
        if !outputs.columns.iter().any(pending) {
            return Ok(());
        }
        let keyword = index_of(select.select_token.0.span).ok_or_else(|| syntax("a select list"))?;
        let items = self.items(keyword, &select.projection)?;
        let mut index = 0;
        for (item, entry) in items.into_iter().zip(&select.projection) {
            let count = self.width(entry);
            let columns = outputs.columns.get_mut(index..index + count);
            index += count;
            let (Some([column]), Some(_)) = (columns, super::columns::expression(entry)) else { continue };
            if let Val::Column(value) = &mut column.value
                && value.grouped.is_some()
            {
                self.represent(value, "GROUP BY")?;
                self.name_item(item, &column.name);
            }
        }
        Ok(())
    }

    /// What stands for the column at this place, if it is a key of a grouped query.
    pub fn representative(&self, at: Location, place: Option<Extent>) -> Planned<Option<Representative>> {
        let Some(frame) = self.frames.get(at.frame) else { return Ok(None) };
        let Some(grouping) = frame.grouping.as_ref().filter(|g| g.active) else { return Ok(None) };
        let full = self.is_full(at);
        let key = |key: &&Location| {
            key.item == at.item && key.column == at.column && (!full || key.bare == at.bare)
        };
        if grouping.keys.iter().find(key).is_none() {
            return Ok(None);
        }
        let outer = at.frame + 1 < self.frames.len();
        let inside = self.frames.iter().skip(at.frame + 1).any(|frame| frame.aggregates > 0);
        if outer && (grouping.sets || inside) {
            let column = self.held_at(at).and_then(|held| held.encrypted.clone());
            let first = place.map(|e| e.first);
            return Err(match column {
                Some(column) => {
                    column_in(&column, "a subquery's aggregate, or under grouping sets around it,")
                }
                None => syntax("GROUP BY"),
            }
            .at(first));
        }
        Ok(Some(Representative { outer, sets: grouping.sets, one: false }))
    }

    /// The SQL that stands for the envelope of a row: names, and text of ours. Anything else of the client's may
    /// hold what is to be sealed, and is not written twice.
    pub fn row_text(&self, value: &ColumnVal) -> Option<String> {
        if let Some(text) = &value.written {
            return Some(text.clone());
        }
        let place = value.place?;
        let names = (place.first..=place.last).enumerate().all(|(index, token)| match index % 2 {
            0 => self.tokens.name(token).is_some(),
            _ => self.tokens.is_sign(token, "."),
        });
        if !names {
            return None;
        }
        let span = self.tokens.start(place.first)..self.tokens.end(place.last);
        self.tokens.text.get(span).map(str::to_owned)
    }

    /// The SQL that stands for the envelope where the value is used: to be doubled or moved within its clause.
    pub fn reference(&self, value: &ColumnVal) -> Option<String> {
        let text = self.row_text(value)?;
        Some(match value.grouped {
            Some(representative) => representative.around(&text, value.column.equality_function()),
            None => text,
        })
    }

    /// Writes a representative where a key of a grouped query is to be shown.
    pub fn represent(&mut self, value: &mut ColumnVal, clause: &str) -> Planned<()> {
        if value.grouped.is_some_and(|representative| !representative.one) {
            check_alike(&value.column, clause, value.extent.map(|e| e.first))?;
        }
        self.stand_in(value)
    }

    /// The same where only its being NULL is asked.
    pub fn represent_unseen(&mut self, mut value: ColumnVal) -> Planned<()> {
        self.stand_in(&mut value)
    }

    /// The same for several values, constants among them.
    pub fn represent_all(&mut self, values: &mut [Val], clause: &str) -> Planned<()> {
        values.iter_mut().try_for_each(|value| match value {
            Val::Column(value) => self.represent(value, clause),
            _ => Ok(()),
        })
    }

    /// The key of a query around this one, before a term is cut out of it.
    pub fn represent_outer(&mut self, value: &ColumnVal, place: Extent) {
        let representative = value.grouped.filter(|representative| representative.outer);
        if let (Some(representative), Some(text)) = (representative, self.row_text(value)) {
            self.put_around(place, representative, &text, value.column.equality_function());
        }
    }

    /// Puts what stands for a key of a grouped query around it.
    pub fn stand_in(&mut self, value: &mut ColumnVal) -> Planned<()> {
        let Some(representative) = value.grouped else { return Ok(()) };
        let (Some(place), Some(text)) = (value.place, self.row_text(value)) else {
            return Err(column_in(&value.column, "a grouped query").at(value.extent.map(|e| e.first)));
        };
        let function = value.column.equality_function();
        self.put_around(place, representative, &text, function);
        value.written = Some(representative.around(&text, function));
        value.grouped = None;
        value.shown = value.origin.take().or(value.shown);
        Ok(())
    }

    fn put_around(&mut self, place: Extent, representative: Representative, text: &str, function: &str) {
        let (before, after) = representative.sides(text, function);
        self.edits.before(self.tokens.start(place.first), before);
        self.edits.after(self.tokens.end(place.last), after);
    }
}

impl Representative {
    /// For a column that depends on the keys.
    pub fn of_one_row() -> Self {
        Self { outer: true, sets: false, one: true }
    }

    /// Whether equal values of a group may look different.
    pub fn is_of_many(self) -> bool {
        !self.one
    }

    /// What goes before and behind the column, which is written as `text` and grouped by `function` of it.
    fn sides(self, text: &str, function: &str) -> (String, &'static str) {
        if self.sets {
            let before = format!("(CASE WHEN GROUPING({function}({text})) = 0 THEN (pg_catalog.min(ARRAY[");
            (before, "]))[1] END)")
        } else {
            ("(pg_catalog.min(ARRAY[".to_owned(), "]))[1]")
        }
    }

    /// The representative of the column that is written as `text`.
    pub fn around(self, text: &str, function: &str) -> String {
        let (before, after) = self.sides(text, function);
        format!("{before}{text}{after}")
    }
}
