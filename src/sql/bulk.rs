//! `INSERT … SELECT … FROM (VALUES …) AS v(…)`, as ORMs write many rows at once: a column of the VALUES list
//! that does nothing but go into an encrypted column holds envelopes.

use std::sync::Arc;

use sqlparser::ast::{
    CastKind, Expr, GroupByExpr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, Spanned,
    TableAlias, TableFactor, Values,
};

use super::consts::{Const, Extent};
use super::edits::Part;
use super::expr::{Val, ident};
use super::from::alias_of;
use super::parse::index_of;
use super::planner::Planner;
use super::query::{Outputs, check_select};
use super::refuse::{Draft, Planned, full_name, syntax, unsupported};
use super::scope::{Frame, Held, Item, ScopeColumn};
use super::types::CastType;
use crate::catalog::{Column, EncryptedColumn};
use crate::value::Type;

/// Why the rest of the statement may not look at such a column.
const SEALED: &str = "its values are on their way into an encrypted column";

/// The statement's parts, if it has this form.
struct Bulk<'q> {
    values: &'q Values,
    alias: &'q TableAlias,
    select: &'q Select,
    order: Option<&'q OrderBy>,
}

/// A column of the VALUES list that goes into an encrypted one.
struct Sealed<'q> {
    /// Which of the list's.
    column: usize,
    target: Arc<EncryptedColumn>,
    /// The select list's item; `None` behind `*`.
    item: Option<&'q Expr>,
}

impl<'q> Bulk<'q> {
    fn of(source: &'q Query) -> Option<Self> {
        let SetExpr::Select(select) = &*source.body else { return None };
        let [table] = select.from.as_slice() else { return None };
        let TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None } =
            &table.relation
        else {
            return None;
        };
        let SetExpr::Values(values) = &*subquery.body else { return None };
        let ungrouped = matches!(&select.group_by,
            GroupByExpr::Expressions(list, modifiers) if list.is_empty() && modifiers.is_empty());
        let simple = |query: &Query| {
            query.with.is_none()
                && query.limit_clause.is_none()
                && query.fetch.is_none()
                && query.locks.is_empty()
        };
        let bare = table.joins.is_empty()
            && simple(source)
            && simple(subquery)
            && subquery.order_by.is_none()
            && ungrouped
            && select.distinct.is_none()
            && select.selection.is_none()
            && select.having.is_none()
            && select.named_window.is_empty()
            && check_select(select).is_ok()
            && source.order_by.as_ref().is_none_or(by_names);
        bare.then_some(Self { values, alias, select, order: source.order_by.as_ref() })
    }

    /// Which columns of the list go into encrypted targets; `None` if one of those gets something else.
    fn sealed(&self, names: &[String], alias: &str, targets: &[Column]) -> Option<Vec<Sealed<'q>>> {
        let encrypted = targets.iter().enumerate().filter_map(|(n, t)| Some((n, t.encrypted.as_ref()?)));
        if let [SelectItem::Wildcard(_)] = self.select.projection.as_slice() {
            let sealed = |(n, target): (usize, &Arc<EncryptedColumn>)| Sealed {
                column: n,
                target: Arc::clone(target),
                item: None,
            };
            return Some(encrypted.map(sealed).collect());
        }
        let mut list: Vec<Sealed<'q>> = Vec::new();
        for (n, target) in encrypted {
            let item = match self.select.projection.get(n)? {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
                _ => return None,
            };
            let column = column_of(item, alias)?;
            let column = names.iter().position(|name| *name == column)?;
            if list.iter().any(|other| other.column == column) {
                return None;
            }
            list.push(Sealed { column, target: Arc::clone(target), item: Some(item) });
        }
        Some(list)
    }
}

/// An ordinal could mean a column of envelopes.
fn by_names(order: &OrderBy) -> bool {
    matches!(&order.kind, OrderByKind::Expressions(list)
        if list.iter().all(|entry| matches!(entry.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))))
}

/// The name that an item refers to under its casts.
fn column_of(item: &Expr, alias: &str) -> Option<String> {
    match item {
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, format: None, .. } => {
            column_of(expr, alias)
        }
        Expr::Identifier(name) => ident(name).ok(),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, name] if ident(table).ok()? == alias => ident(name).ok(),
            _ => None,
        },
        _ => None,
    }
}

impl Planner<'_> {
    /// Plans the source of an INSERT if it has this form; `false`: it has not, and nothing was done.
    pub(super) fn bulk_insert(&mut self, targets: &[Column], source: &Query) -> Planned<bool> {
        let Some(bulk) = Bulk::of(source) else { return Ok(false) };
        let (Some(alias), mut names) = alias_of(Some(bulk.alias))? else { return Ok(false) };
        let width = bulk.values.rows.first().map_or(0, |row| row.content.len());
        names.extend((names.len() + 1..=width).map(|n| format!("column{n}")));
        let Some(sealed) = bulk.sealed(&names, &alias, targets) else { return Ok(false) };
        let ragged = bulk.values.rows.iter().any(|row| row.content.len() != width);
        if sealed.is_empty() || ragged || sealed.iter().any(|s| s.column >= width) {
            return Ok(false);
        }
        for column in 0..width {
            let cells = bulk.values.rows.iter().filter_map(|row| row.content.get(column));
            match sealed.iter().find(|s| s.column == column) {
                Some(sealed) => self.seal_cells(cells, sealed)?,
                None => cells.into_iter().try_for_each(|cell| self.plain(cell, "VALUES"))?,
            }
        }
        let columns = names.into_iter().enumerate().map(|(n, name)| {
            let unmanaged = sealed.iter().any(|s| s.column == n).then_some(SEALED);
            ScopeColumn { name, held: Held { unmanaged, ..Held::default() }, bare: true }
        });
        self.frames.push(Frame::default());
        let columns = columns.collect();
        self.push_item(Item { name: Some(alias), schema: None, columns, open: false, hidden: false })?;
        self.bulk_items(&bulk, &sealed, targets)?;
        if let Some(order) = bulk.order {
            self.order_by(order, &Outputs::default())?;
        }
        self.frames.pop();
        Ok(true)
    }

    /// The select list: casts of envelopes are done by the proxy, everything else stays.
    fn bulk_items(&mut self, bulk: &Bulk<'_>, sealed: &[Sealed<'_>], targets: &[Column]) -> Planned<()> {
        for (n, item) in bulk.select.projection.iter().enumerate() {
            let expr = match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
                SelectItem::Wildcard(_) if bulk.select.projection.len() == 1 => return Ok(()),
                other => return Err(syntax("a select list").at(index_of(other.span()))),
            };
            if sealed.iter().any(|s| s.item.is_some_and(|item| std::ptr::eq(item, expr))) {
                let (inner, whole, _) = self.casts_of(expr)?;
                if inner != whole {
                    let text = (inner.first..=inner.last).map(|token| self.tokens.raw(token)).collect();
                    self.replace(whole, vec![Part::Text(text)]);
                }
                continue;
            }
            let value = self.expr(expr)?;
            match targets.get(n) {
                Some(column) => self.assign(column, value)?,
                None => self.settle_plain(value, "INSERT")?,
            }
        }
        Ok(())
    }

    /// The tokens of an item without and with its casts, and the casts, innermost first.
    fn casts_of(&self, item: &Expr) -> Planned<(Extent, Extent, Vec<CastType>)> {
        let strange = || syntax("a cast in a select list").at(index_of(item.span()));
        match item {
            Expr::Cast { expr, .. } => {
                let (inner, whole, mut casts) = self.casts_of(expr)?;
                let (ty, whole) = self.cast(Some(whole)).ok_or_else(strange)?;
                casts.push(ty);
                Ok((inner, whole, casts))
            }
            Expr::Identifier(name) => {
                let extent = extent(std::slice::from_ref(name)).ok_or_else(strange)?;
                Ok((extent, extent, Vec::new()))
            }
            Expr::CompoundIdentifier(parts) => {
                let extent = extent(parts).ok_or_else(strange)?;
                Ok((extent, extent, Vec::new()))
            }
            _ => Err(strange()),
        }
    }

    /// The values of one column of the list.
    fn seal_cells<'e>(&mut self, cells: impl Iterator<Item = &'e Expr>, sealed: &Sealed<'_>) -> Planned<()> {
        let outer = match sealed.item {
            Some(item) => self.casts_of(item)?.2,
            None => Vec::new(),
        };
        let mut constants: Vec<Const> = Vec::new();
        let mut common: Option<Type> = None;
        for cell in cells {
            let place = index_of(cell.span());
            match self.expr(cell)? {
                Val::Const(value) => {
                    let own = self.const_type(&value).map(|ty| ty.base());
                    if own.is_some_and(|ty| *common.get_or_insert(ty) != ty) {
                        return Err(mixed(&sealed.target).at(place));
                    }
                    constants.push(value);
                }
                Val::Null { extent: Some(extent), .. } => {
                    // Alone in its column it would be a text.
                    self.replace(extent, vec![Part::Text("NULL::pg_catalog.bytea".to_owned())]);
                }
                _ => {
                    return Err(unsupported(
                        format!("an expression as value of encrypted column {}", full_name(&sealed.target)),
                        "Give a parameter, a literal or NULL.",
                    )
                    .at(place));
                }
            }
        }
        for mut value in constants {
            if self.const_type(&value).is_none() {
                // As PostgreSQL resolves the list: by its other rows, or else as text.
                let ty = Some(common.unwrap_or(Type::Text));
                value.casts.insert(0, CastType { ty, array: false });
            }
            value.casts.extend(outer.iter().cloned());
            self.seal_stored(value, &sealed.target)?;
        }
        Ok(())
    }
}

fn mixed(target: &EncryptedColumn) -> Box<Draft> {
    unsupported(
        format!("a VALUES list of several types for encrypted column {}", full_name(target)),
        "Cast each value to the column's type.",
    )
}

fn extent(parts: &[Ident]) -> Option<Extent> {
    Some(Extent { first: index_of(parts.first()?.span)?, last: index_of(parts.last()?.span)? })
}
