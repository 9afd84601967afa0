//! The columns of a select list before it is read, and stars that have to be written out.

use sqlparser::ast::{Expr, Select, SelectItem, SelectItemQualifiedWildcardKind};

use super::consts::Extent;
use super::edits::Part;
use super::expr::{Val, ident, object_name};
use super::names::figure_name;
use super::planner::{Planner, quote_identifier};
use super::query::Outputs;
use super::refuse::{Planned, syntax, unsupported};
use super::scope::{self, Held, Location};
use crate::catalog::{EncryptedColumn, SearchKinds};
use crate::value::Type;

/// An output column, by what the text says of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'s> {
    Expr(&'s Expr),
    /// A star brings it.
    Column(Location),
}

/// The expression of a select list's entry that is no star.
pub(super) fn expression(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

impl Planner<'_> {
    /// The output columns with their names; nothing if a star brings columns that are not known.
    pub fn shapes<'s>(&self, select: &'s Select) -> Option<Vec<(Option<String>, Shape<'s>)>> {
        let mut list = Vec::with_capacity(select.projection.len());
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => list.push((figure_name(expr), Shape::Expr(expr))),
                SelectItem::ExprWithAlias { expr, alias } => {
                    list.push((ident(alias).ok(), Shape::Expr(expr)));
                }
                _ => {
                    for at in self.star_of(item)? {
                        list.push((self.name_at(at), Shape::Column(at)));
                    }
                }
            }
        }
        Some(list)
    }

    /// How many output columns an entry of the select list has, as far as they are known.
    pub fn width(&self, item: &SelectItem) -> usize {
        if expression(item).is_some() { 1 } else { self.star_of(item).map_or(0, |list| list.len()) }
    }

    /// The columns of a star; nothing if not all are known.
    fn star_of(&self, item: &SelectItem) -> Option<Vec<Location>> {
        match item {
            SelectItem::Wildcard(_) => {
                let frame = self.frames.last()?;
                (!frame.items.iter().any(|item| item.open && !item.hidden)).then(|| self.star_locations())
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let (parts, _) = object_name(name).ok()?;
                let (schema, table) = match parts.as_slice() {
                    [table] => (None, table),
                    [.., schema, table] => (Some(schema.as_str()), table),
                    [] => return None,
                };
                let (frame, index, item) = scope::item(&self.frames, schema, table).ok()?;
                (!item.open).then(|| item_locations(frame, index, item.columns.len()))
            }
            _ => None,
        }
    }

    /// The columns that `*` brings.
    pub fn star_locations(&self) -> Vec<Location> {
        let Some(frame) = self.frames.len().checked_sub(1) else { return Vec::new() };
        let star = self.frames.get(frame).map(|f| f.star.as_slice()).unwrap_or_default();
        star.iter().map(|&(item, column)| Location { frame, item, column, bare: true }).collect()
    }

    fn name_at(&self, at: Location) -> Option<String> {
        let item = self.frames.get(at.frame)?.items.get(at.item)?;
        item.columns.get(at.column).map(|column| column.name.clone())
    }

    /// A column as one may write it in any clause of its SELECT.
    pub fn column_text(&self, at: Location) -> Option<String> {
        if let Some(text) = self.merged_text(at) {
            return Some(text);
        }
        let frame = self.frames.get(at.frame)?;
        let item = frame.items.get(at.item)?;
        let name = item.name.as_deref()?;
        let column = quote_identifier(&item.columns.get(at.column)?.name);
        let twins = frame.items.iter().filter(|i| !i.hidden && i.name.as_deref() == Some(name)).count();
        match &item.schema {
            _ if twins == 1 && !item.hidden => Some(format!("{}.{column}", quote_identifier(name))),
            Some(schema) if !item.hidden => {
                Some(format!("{}.{}.{column}", quote_identifier(schema), quote_identifier(name)))
            }
            _ => None,
        }
    }

    /// Reads a star at these tokens. Where a column needs other text than the server would give it, the whole
    /// star is written out.
    pub fn star(
        &mut self,
        outputs: &mut Outputs,
        columns: &[Location],
        extent: Option<Extent>,
    ) -> Planned<()> {
        let place = extent.map(|e| e.first);
        let mut expand = columns.iter().any(|at| at.bare && self.is_merged_frame(at.frame));
        let mut texts = Vec::with_capacity(columns.len());
        for &at in columns {
            let name = self.name_at(at).unwrap_or_default();
            let held: Held = self.held_at(at).cloned().unwrap_or_default();
            let held = self.merged_held(at, held);
            let text = self.column_text(at);
            let mut value = self.held(held, None).map_err(|draft| draft.at(place))?;
            let mut written = text.clone();
            if let Val::Column(value) = &mut value {
                value.written = text;
                let dependent = self.depend(at, place)?;
                if let Some(representative) = self.representative(at, extent)?.or(dependent) {
                    if representative.is_of_many() {
                        super::grouping::check_alike(&value.column, "GROUP BY", place)?;
                    }
                    let function = value.column.equality_function();
                    written = written.map(|text| representative.around(&text, function));
                    value.written = written.clone();
                    value.shown = value.origin.take().or(value.shown);
                    expand = true;
                }
            }
            if matches!(value, Val::Plain) {
                self.depend(at, place)?;
            }
            texts.push(written.map(|text| format!("{text} AS {}", quoted(&name))));
            outputs.push(name, value);
        }
        if expand {
            let (Some(extent), Some(texts)) = (extent, texts.into_iter().collect::<Option<Vec<_>>>()) else {
                return Err(unsupported("* over these tables", "Name the columns.").at(place));
            };
            if outputs.open || texts.is_empty() {
                return Err(syntax("a wildcard").at(place));
            }
            self.replace(extent, vec![Part::Text(texts.join(", "))]);
        }
        Ok(())
    }
}

/// A column whose values come from either of two of one key group: it is searched by what both can be searched by.
pub(super) fn common(left: &EncryptedColumn, right: &EncryptedColumn, ty: Type) -> EncryptedColumn {
    let slot = left.slot == right.slot;
    EncryptedColumn {
        ty,
        equality: left.equality && right.equality && slot,
        order: left.order && right.order && slot && left.collation == right.collation,
        caseless: left.caseless && right.caseless && slot,
        matching: left.matching && right.matching && slot,
        complete: SearchKinds {
            order: left.complete.order && right.complete.order,
            caseless: left.complete.caseless && right.complete.caseless,
            matching: left.complete.matching && right.complete.matching,
        },
        ..left.clone()
    }
}

/// All columns of an entry of FROM.
pub(super) fn item_locations(frame: usize, item: usize, columns: usize) -> Vec<Location> {
    (0..columns).map(|column| Location { frame, item, column, bare: false }).collect()
}

/// A label that any word may be.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
