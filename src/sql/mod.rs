//! From a statement's text to a plan. One resolver, one unification of types, one plan.
//!
//! [`screen`] decides on the raw bytes whether a text can reach anything encrypted at all. What may is cut
//! into tokens by PostgreSQL's rules ([`lexer`]), parsed, resolved against the catalog, and becomes a
//! [`plan::Plan`]: span edits on the client's own text, or a refusal.

mod access;
mod aggregate;
mod bulk;
mod choice;
mod columns;
mod compare;
mod consts;
mod copy;
mod copy_options;
mod create;
mod cursor;
mod dependent;
mod describe;
mod distinct;
mod dml;
mod edits;
mod explain;
mod expr;
mod follow;
mod formula;
mod from;
mod function;
mod grouping;
mod guard;
mod indexes;
mod items;
pub mod lexer;
mod merge;
mod names;
mod narrow;
mod nested;
mod normalise;
mod open;
mod order;
mod overlay;
mod parse;
mod passing;
pub mod plan;
mod planner;
mod prepare;
mod query;
mod refine;
mod refinement;
mod refuse;
mod reserved;
mod scope;
mod screen;
mod script;
mod sets;
mod shape;
mod slots;
mod statement;
mod types;
mod using;
mod utility;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::catalog::{Catalog, EncryptedColumn, Environment};

pub use screen::{Screen, screen};
pub use slots::{EqualityCall, equality_calls, with_slots};

/// What a statement is planned against.
pub struct Scope<'a> {
    /// The database.
    pub catalog: &'a Catalog,
    /// The session.
    pub environment: &'a Environment,
    /// Names of the protocol's statements and portals that SQL can reach.
    pub names: &'a dyn LiveNames,
}

/// Prepared statements and portals that the client made by protocol messages.
pub trait LiveNames {
    /// Whether the statement of this name was planned, not just forwarded.
    fn protected_statement(&self, name: &str) -> bool;
    /// Whether the portal of this name runs such a statement.
    fn protected_portal(&self, name: &str) -> bool;
    /// The plan of the prepared statement of this name, if it has one that still holds.
    fn prepared(&self, _name: &str) -> Option<Arc<plan::Rewrite>> {
        None
    }
    /// The cursor of this name, if it shows encrypted columns.
    fn cursor(&self, _name: &str) -> Option<Arc<plan::Cursor>> {
        None
    }
}

/// Plans the one statement of a Parse message.
pub fn plan_statement(text: &str, announced: &[u32], scope: &Scope<'_>) -> plan::Plan {
    statement::plan(text, announced, scope)
}

/// Plans the text of a Query message.
pub fn plan_script(text: &str, scope: &Scope<'_>) -> plan::Script {
    script::plan(text, scope)
}

/// What a view's columns hold.
pub(crate) struct ViewLineage {
    /// One per column; empty if they could not be told.
    pub columns: Vec<Option<Arc<EncryptedColumn>>>,
    /// OIDs of the relations that the definition names.
    pub relations: Vec<u32>,
    /// Whether any of them is protected.
    pub protected: bool,
}

/// Reads a view's definition; the error says why the view cannot be used.
pub(crate) fn view_lineage(
    definition: &str,
    catalog: &Catalog,
    environment: &Environment,
) -> Result<ViewLineage, String> {
    statement::view_lineage(definition, catalog, environment)
}
