//! Names as the statements before this one of the same text leave them.

use std::sync::Arc;

use super::LiveNames;
use super::plan::{Cursor, Naming, Rewrite};

/// The session's names, and what was made and removed since.
pub(super) struct Overlay<'a> {
    pub base: &'a dyn LiveNames,
    pub made: &'a [Naming],
}

impl Overlay<'_> {
    /// What became of a statement: `None` if nothing did.
    fn statement(&self, name: &str) -> Option<Option<Arc<Rewrite>>> {
        self.made.iter().rev().find_map(|naming| match naming {
            Naming::Prepare(made, prepared) if made == name => {
                Some(prepared.as_ref().map(|prepared| Arc::clone(&prepared.rewrite)))
            }
            Naming::Deallocate(removed) if removed.as_ref().is_none_or(|removed| removed == name) => {
                Some(None)
            }
            Naming::Discard => Some(None),
            _ => None,
        })
    }
}

impl LiveNames for Overlay<'_> {
    fn protected_statement(&self, name: &str) -> bool {
        self.statement(name).map_or_else(|| self.base.protected_statement(name), |made| made.is_some())
    }

    fn protected_portal(&self, name: &str) -> bool {
        self.base.protected_portal(name)
    }

    fn prepared(&self, name: &str) -> Option<Arc<Rewrite>> {
        self.statement(name).unwrap_or_else(|| self.base.prepared(name))
    }

    fn cursor(&self, name: &str) -> Option<Arc<Cursor>> {
        let made = self.made.iter().rev().find_map(|naming| match naming {
            Naming::Declare { name: made, cursor, .. } if made == name => Some(cursor.clone()),
            Naming::Close(removed) if removed.as_ref().is_none_or(|removed| removed == name) => Some(None),
            Naming::Discard => Some(None),
            _ => None,
        });
        made.unwrap_or_else(|| self.base.cursor(name))
    }
}
