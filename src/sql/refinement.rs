//! What the plan of a statement says of a condition that the proxy decides on.

use std::sync::Arc;

use super::plan::Piece;
use crate::catalog::EncryptedColumn;
use crate::evaluate::Formula;
use crate::value::Collation;

/// In the error by which a refined statement says that it met a value that was not looked at.
pub const UNSEEN: &str = "pyrite_unseen_value";

/// What of a refinement a slot carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefinedPart {
    /// The equality terms of the values for which the predicate is true; never without an element. Server type
    /// `bytea[]`.
    Matching,
    /// Those for which it is NULL; NULL if there are none. Server type `bytea[]`.
    Unknown,
    /// Those for which it is false; NULL if the statement sees nothing but what was looked at. Server type
    /// `bytea[]`.
    Others,
    /// What the predicate is where the column is NULL. Server type `bool`.
    OnNull,
}

/// A predicate over the value of one encrypted column. The session fetches the distinct values, and the proxy
/// decides on each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refinement {
    /// The column.
    pub column: Arc<EncryptedColumn>,
    /// The query that gives the distinct values: their equality terms, then their envelopes.
    pub candidates: Vec<Piece>,
    /// Numbers (from 1) of the statement's parameters at the server that are used in it.
    pub params: Vec<u16>,
    /// What is decided: its inputs are all the column's value.
    pub predicate: Formula,
    /// The collation that it follows.
    pub collation: Collation,
    /// The statement reads, and changes or locks nothing: it sees what its snapshot shows.
    pub reads: bool,
}
