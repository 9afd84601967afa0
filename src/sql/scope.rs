//! Names: what a FROM clause brings into scope, and what a column reference means in it.

use std::sync::Arc;

use super::nested::Nested;
use super::refuse::{Draft, Planned, no_column, unsupported};
use super::types::CastType;
use crate::catalog::{EncryptedColumn, Relation};

/// What a column holds, as far as planning cares.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// The encrypted column by lineage.
    pub encrypted: Option<Arc<EncryptedColumn>>,
    /// Holds envelopes that nothing is known of.
    pub unmanaged: Option<&'static str>,
    /// Table OID and attribute number that RowDescription will show, where that is certain.
    pub origin: Option<(u32, i16)>,
    /// What the client must see there, where the server shows none: another expression stands for the column.
    pub shown: Option<(u32, i16)>,
    /// Casts that the proxy does when it opens the value, innermost first.
    pub casts: Vec<CastType>,
    /// A row, an array or JSON with envelopes inside it.
    pub nested: Option<Arc<Nested>>,
    /// Constants, and which column of them it is.
    pub open: Option<usize>,
}

impl Held {
    /// Whether there is an envelope in it.
    pub fn holds_encrypted(&self) -> bool {
        self.encrypted.is_some() || self.unmanaged.is_some() || self.nested.is_some()
    }
}

/// Where a column in scope stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub frame: usize,
    pub item: usize,
    pub column: usize,
    /// Named without a qualifier: it is the merged column, if there is one.
    pub bare: bool,
}

/// A column in scope.
#[derive(Clone, Debug)]
pub(super) struct ScopeColumn {
    pub name: String,
    pub held: Held,
    /// Whether the bare name finds it (not the second column of a USING pair).
    pub bare: bool,
}

/// One entry of a FROM clause.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Alias, or the relation's name.
    pub name: Option<String>,
    /// Schema, if the relation has no alias.
    pub schema: Option<String>,
    pub columns: Vec<ScopeColumn>,
    /// There may be columns that are not known (functions).
    pub open: bool,
    /// Hidden behind the alias of the join that it is part of.
    pub hidden: bool,
}

impl Item {
    pub fn holds_encrypted(&self) -> bool {
        self.columns.iter().any(|c| c.held.holds_encrypted())
    }
}

/// Columns of a relation under its own name.
pub(super) fn relation_columns(relation: &Relation) -> Vec<ScopeColumn> {
    let columns = relation.columns.iter().map(|column| ScopeColumn {
        name: column.name.clone(),
        held: Held {
            encrypted: column.encrypted.clone(),
            unmanaged: column.unmanaged,
            // A table that the same query creates has no OID yet.
            origin: (relation.oid != 0).then_some((relation.oid, column.attnum)),
            casts: Vec::new(),
            nested: None,
            open: None,
            shown: None,
        },
        bare: true,
    });
    columns.collect()
}

/// The names that one SELECT (or other statement) brings.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub items: Vec<Item>,
    /// `*`: item and column, in order.
    pub star: Vec<(usize, usize)>,
    /// Nothing is seen of it: a FROM subquery without LATERAL is being read.
    pub closed: bool,
    /// Items before this one are not seen: a JOIN's condition is being read.
    pub from: usize,
    /// By what the SELECT is grouped, if it is.
    pub grouping: Option<super::grouping::Grouping>,
    /// Merged columns of joins that are written as ON.
    pub merged: Vec<super::using::Merged>,
    /// Entries that are relations, with their OIDs.
    pub relations: Vec<(usize, u32)>,
    /// How many aggregates are being read into.
    pub aggregates: usize,
}

impl Frame {
    /// Visible items, with their index.
    fn visible(&self) -> impl Iterator<Item = (usize, &Item)> {
        let from = if self.closed { usize::MAX } else { self.from };
        self.items.iter().enumerate().skip(from).filter(|(_, item)| !item.hidden)
    }
}

/// What a reference turned out to be.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Column(Held, Location),
    /// A system column or one of a function's result: plain.
    Plain,
    /// A relation's name as a value: its whole row, with its columns if any is encrypted.
    Row(Option<Vec<ScopeColumn>>),
}

const SYSTEM_COLUMNS: &[&str] = &["tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"];

fn ambiguous(name: &str) -> Box<Draft> {
    Draft::new("42702", format!("column reference \"{name}\" is ambiguous"))
}

/// Resolves a bare name, from the innermost frame outwards.
pub(super) fn bare(frames: &[Frame], name: &str) -> Planned<Found> {
    let mut open = false;
    for (depth, frame) in frames.iter().enumerate().rev() {
        let mut found = None;
        for (index, item) in frame.visible() {
            for (n, column) in item.columns.iter().enumerate().filter(|(_, c)| c.bare && c.name == name) {
                let at = Location { frame: depth, item: index, column: n, bare: true };
                if found.replace((column, at)).is_some() {
                    return Err(ambiguous(name));
                }
            }
        }
        if let Some((column, at)) = found {
            if open && column.held.holds_encrypted() {
                return Err(unsupported(
                    format!("the column reference \"{name}\" next to a function in FROM"),
                    "Qualify the column with its table's name or alias.",
                ));
            }
            return Ok(if open { Found::Plain } else { Found::Column(column.held.clone(), at) });
        }
        if SYSTEM_COLUMNS.contains(&name) && frame.visible().next().is_some() {
            return Ok(Found::Plain);
        }
        open |= frame.visible().any(|(_, item)| item.open);
    }
    for frame in frames.iter().rev() {
        if let Some((_, item)) = frame.visible().find(|(_, i)| i.name.as_deref() == Some(name)) {
            if item.open && item.holds_encrypted() {
                return Err(unsupported("a whole row with columns that are not known", "Name the columns."));
            }
            return Ok(Found::Row(item.holds_encrypted().then(|| item.columns.clone())));
        }
    }
    if open { Ok(Found::Plain) } else { Err(no_column(name)) }
}

/// Resolves a reference by its parts.
pub(super) fn find(frames: &[Frame], parts: &[&str]) -> Planned<Found> {
    match parts {
        [name] => bare(frames, name),
        [table, name] => qualified(frames, None, table, name),
        [schema, table, name] | [_, schema, table, name] => qualified(frames, Some(schema), table, name),
        _ => Err(super::refuse::syntax("a name")),
    }
}

/// Finds the FROM entry that a qualifier names: frame and item index.
pub(super) fn item<'f>(
    frames: &'f [Frame],
    schema: Option<&str>,
    name: &str,
) -> Planned<(usize, usize, &'f Item)> {
    for (depth, frame) in frames.iter().enumerate().rev() {
        let mut matching = frame.visible().filter(|(_, item)| {
            item.name.as_deref() == Some(name) && (schema.is_none() || item.schema.as_deref() == schema)
        });
        if let Some((index, item)) = matching.next() {
            if matching.next().is_some() {
                return Err(Draft::new("42P09", format!("table reference \"{name}\" is ambiguous")));
            }
            return Ok((depth, index, item));
        }
    }
    Err(Draft::new("42P01", format!("missing FROM-clause entry for table \"{name}\"")))
}

/// Resolves `table.column` or `schema.table.column`.
pub(super) fn qualified(frames: &[Frame], schema: Option<&str>, table: &str, column: &str) -> Planned<Found> {
    let (frame, index, item) = item(frames, schema, table)?;
    let mut matching = item.columns.iter().enumerate().filter(|(_, c)| c.name == column);
    match (matching.next(), matching.next()) {
        (Some(_), Some(_)) => Err(ambiguous(column)),
        (Some((n, found)), None) => {
            Ok(Found::Column(found.held.clone(), Location { frame, item: index, column: n, bare: false }))
        }
        (None, _) if item.open || SYSTEM_COLUMNS.contains(&column) => Ok(Found::Plain),
        (None, _) => Err(Draft::new("42703", format!("column {table}.{column} does not exist"))),
    }
}
