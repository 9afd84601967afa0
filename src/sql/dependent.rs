//! Functional dependency: in a query that is grouped by a table's primary key PostgreSQL allows the table's other
//! columns too. A primary key with an encrypted column is a unique index over its term, of which the server infers
//! nothing. So the plain columns are added to GROUP BY, which changes no group, and for the encrypted ones a
//! representative stands: there is one row for all of them.

use sqlparser::ast::Select;

use super::grouping::Representative;
use super::parse::index_of;
use super::planner::{Planner, quote_identifier};
use super::refuse::{Planned, syntax, unsupported};
use super::scope::Location;

/// A table whose rows are told apart by the keys of the query.
#[derive(Clone, Debug)]
pub(super) struct Dependent {
    item: usize,
    /// Whether they are its primary key, as far as the index's name tells.
    primary: bool,
}

/// Types without equality: PostgreSQL does not group by them. json, xml, point, polygon.
const WITHOUT_EQUALITY: &[u32] = &[114, 142, 600, 604];

impl Planner<'_> {
    /// The tables that depend on these keys.
    pub fn dependents(&self, keys: &[Location]) -> Vec<Dependent> {
        let Some(frame) = self.frames.last() else { return Vec::new() };
        let mut found = Vec::new();
        for &(item, oid) in &frame.relations {
            let Some(relation) = self.catalog.relation_by_oid(oid) else { continue };
            let mut terms = Vec::new();
            for key in keys.iter().filter(|key| key.item == item) {
                let Some(column) = frame.items.get(item).and_then(|i| i.columns.get(key.column)) else {
                    continue;
                };
                // An alias may have renamed it.
                let attnum = column.held.origin.map(|(_, attnum)| attnum);
                let Some(stored) = relation.columns.iter().find(|c| Some(c.attnum) == attnum) else {
                    continue;
                };
                let name = quote_identifier(&stored.name);
                terms.push(match &stored.encrypted {
                    Some(column) => format!("{}(({name})::bytea)", column.equality_function()),
                    None => name,
                });
            }
            let primary = format!("{}_pkey", relation.name);
            for (name, columns) in self.catalog.unique_indexes(oid) {
                if columns.iter().all(|column| terms.contains(column)) {
                    found.push(Dependent { item, primary: name.starts_with(&primary) });
                }
            }
        }
        found
    }

    /// Whether a plain column has to be written otherwise, or made a key.
    pub fn is_rewritten(&self, at: Location) -> bool {
        let grouping = self.frames.get(at.frame).and_then(|frame| frame.grouping.as_ref());
        let depends = grouping.is_some_and(|grouping| {
            grouping.is_active()
                && !grouping.has(at)
                && grouping.dependents().iter().any(|d| d.item == at.item)
        });
        depends || self.merged_text(at).is_some()
    }

    /// What is to be done for a column that is no key, where groups are read: an encrypted one gets a
    /// representative, a plain one is added to GROUP BY.
    pub fn depend(&mut self, at: Location, place: Option<usize>) -> Planned<Option<Representative>> {
        let Some(frame) = self.frames.get(at.frame) else { return Ok(None) };
        let Some(grouping) = frame.grouping.as_ref().filter(|g| g.is_active() && !g.has(at)) else {
            return Ok(None);
        };
        let mut known = grouping.dependents().iter().filter(|dependent| dependent.item == at.item).peekable();
        if known.peek().is_none() {
            return Ok(None);
        }
        let held = self.held_at(at).cloned().unwrap_or_default();
        if !known.any(|dependent| dependent.primary) {
            return Err(unsupported(
                "a column beside the unique encrypted columns of its table in a grouped query",
                "Only a primary key brings the other columns: add the column to GROUP BY.",
            )
            .at(place));
        }
        if held.encrypted.is_some() {
            return Ok(Some(Representative::of_one_row()));
        }
        let ty = held.origin.and_then(|(table, attnum)| {
            let relation = self.catalog.relation_by_oid(table)?;
            relation.columns.iter().find(|c| c.attnum == attnum).map(|c| c.type_oid)
        });
        let text = self.column_text(at).filter(|_| ty.is_some_and(|ty| !WITHOUT_EQUALITY.contains(&ty)));
        let Some(text) = text else {
            return Err(unsupported(
                "this column beside an encrypted primary key in a grouped query",
                "Leave it out, or use it in an aggregate.",
            )
            .at(place));
        };
        if let Some(grouping) = self.frames.get_mut(at.frame).and_then(|frame| frame.grouping.as_mut()) {
            grouping.add(text);
        }
        Ok(None)
    }

    /// Writes what was added to GROUP BY, when all of the SELECT has been read.
    pub fn finish_grouping(&mut self, select: &Select) -> Planned<()> {
        let added = self.frames.last().and_then(|frame| frame.grouping.as_ref()).map(|g| g.added().to_vec());
        let Some(added) = added.filter(|added| !added.is_empty()) else { return Ok(()) };
        let first = index_of(select.select_token.0.span).ok_or_else(|| syntax("GROUP BY"))?;
        let mut at = first + 1;
        while at < self.range.end && !(self.tokens.is_word(at, "group") && self.tokens.is_word(at + 1, "by"))
        {
            if self.tokens.is_sign(at, "(") {
                at = self.tokens.close(at).ok_or_else(|| syntax("GROUP BY"))?;
            }
            at += 1;
        }
        let last = self.list_entries(at)?.last().map(|entry| entry.last);
        let last = last.ok_or_else(|| syntax("GROUP BY").at(Some(first)))?;
        self.edits.behind(self.tokens.end(last), format!(", {}", added.join(", ")));
        Ok(())
    }
}
