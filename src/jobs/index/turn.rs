//! What one rotation of an index key is about: the group, and the slots it goes from and to.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::{Catalog, GroupId, Relation, SearchSlot};

use super::definition::Whose;

/// A rotation, seen with the catalog as it is now.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) group: GroupId,
    /// The slot that is searched before it.
    pub(super) from: SearchSlot,
    /// The slot that is searched behind it.
    pub(super) to: SearchSlot,
    pub(super) catalog: Arc<Catalog>,
}

impl Turn {
    /// What can have indexes and has a column of the group: tables, their partitions and children, and materialized
    /// views.
    pub(super) fn tables(&self) -> Vec<u32> {
        let tables = self.catalog.relations().iter().filter(|r| matches!(r.kind, 'r' | 'p' | 'm'));
        tables.filter(|relation| self.holds(relation)).map(|relation| relation.oid).collect()
    }

    /// Whether a relation has a column of the group.
    pub(super) fn holds(&self, relation: &Relation) -> bool {
        relation.columns.iter().filter_map(|c| c.encrypted.as_ref()).any(|c| c.group == self.group)
    }

    /// What a call over this column has to do with the group, in a definition that names these relations.
    pub(super) fn whose(&self, relations: &[u32], path: &[String]) -> Whose {
        let relations = relations.iter().filter_map(|oid| self.catalog.relation_by_oid(*oid));
        let columns: Vec<(&str, GroupId)> = relations
            .flat_map(|relation| relation.columns.iter())
            .filter_map(|column| Some((column.name.as_str(), column.encrypted.as_ref()?.group)))
            .collect();
        let named: BTreeSet<GroupId> = columns
            .iter()
            .filter(|(name, _)| path.last().is_some_and(|p| p == name))
            .map(|(_, g)| *g)
            .collect();
        let groups = match named.is_empty() {
            false => named,
            // An alias, or an expression: what else could be meant?
            true if !columns.is_empty() => columns.iter().map(|(_, group)| *group).collect(),
            true => self.all_groups(),
        };
        match (groups.contains(&self.group), groups.len()) {
            (true, 1) => Whose::Ours,
            (true, _) => Whose::Unclear,
            (false, _) => Whose::Others,
        }
    }

    /// The groups of all columns that are searched.
    fn all_groups(&self) -> BTreeSet<GroupId> {
        let columns = self.catalog.relations().iter().flat_map(|relation| relation.columns.iter());
        let encrypted = columns.filter_map(|column| column.encrypted.as_ref());
        encrypted.filter(|column| column.equality).map(|column| column.group).collect()
    }
}
