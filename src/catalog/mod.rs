//! What the planner knows of the database: relations, encrypted columns, lineage of views, names that
//! could reach them. An immutable snapshot, and the environment of one session that names resolve in.

use std::sync::Arc;

use crate::value::Type;

/// The random identity of a key group: 16 bytes, stable over RENAME, dump and restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupId(pub [u8; 16]);

/// One encrypted column, as configured and found in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedColumn {
    /// OID of the table that the configuration names.
    pub table_oid: u32,
    /// Schema, as stored in the catalog (not quoted).
    pub schema: String,
    /// Table, as stored in the catalog (not quoted).
    pub table: String,
    /// Column, as stored in the catalog (not quoted).
    pub name: String,
    /// Attribute number in that table.
    pub attnum: i16,
    /// The type that the client sees.
    pub ty: Type,
    /// Whose keys it uses.
    pub group: GroupId,
    /// Name of the group in the configuration (`schema.table.column` by default); for messages.
    pub group_name: String,
    /// Whether an equality term is stored with each value.
    pub equality: bool,
}

/// A column of a relation.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name as stored in the catalog.
    pub name: String,
    /// Attribute number.
    pub attnum: i16,
    /// Type OID as the catalog has it (the domain's for an encrypted column).
    pub type_oid: u32,
    /// What it holds, if it is encrypted; for a view's column, by lineage.
    pub encrypted: Option<Arc<EncryptedColumn>>,
}
