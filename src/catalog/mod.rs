//! What the planner knows of the database: relations, encrypted columns, lineage of views, names that
//! could reach them. An immutable snapshot, and the environment of one session that names resolve in.

mod environment;
mod load;
mod provisional;
mod query;
mod search;
mod slot;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use crate::value::{Collation, Type};

pub use environment::Environment;
pub(crate) use provisional::Declared;
pub use query::{ENVIRONMENT_QUERY, catalog_query};
pub use search::{OrderFunctions, SearchKinds, fits_index};
pub use slot::{COPY_PREFIX, GroupId, KeyGroup, SearchSlot, TERM_FUNCTIONS};

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
    /// Whether an equality term is stored with each value; so where any is.
    pub equality: bool,
    /// Whether an order term is stored with each new value.
    pub order: bool,
    /// Whether a caseless term is stored with each new value.
    pub caseless: bool,
    /// Whether match terms are stored with each new value.
    pub matching: bool,
    /// The kinds whose terms all stored values have, as a constraint of the table says: only by these can be searched.
    pub complete: SearchKinds,
    /// How text is ordered; for other types that of bytes, which nothing follows.
    pub collation: Collation,
    /// Which of an envelope's two equality terms is searched.
    pub slot: SearchSlot,
}

impl EncryptedColumn {
    /// The function that cuts the term to be searched out of an envelope.
    pub fn equality_function(&self) -> &'static str {
        self.slot.equality_function()
    }
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
    /// Why it cannot be used, though it holds envelopes: no configuration says what they are.
    pub unmanaged: Option<&'static str>,
}

/// A table, view or the like.
#[derive(Clone, Debug)]
pub struct Relation {
    /// OID.
    pub oid: u32,
    /// Schema, as stored.
    pub schema: String,
    /// Name, as stored.
    pub name: String,
    /// `relkind`
    pub kind: char,
    /// Columns in order, dropped ones left out.
    pub columns: Vec<Column>,
    /// Why no statement may use it (a view that does more with an encrypted column than show it).
    pub unusable: Option<String>,
}

impl Relation {
    /// The way out where it is [`unusable`](Self::unusable).
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            _ if self.oid == 0 => "Send the statements one by one.",
            'v' | 'm' => {
                "Query the encrypted tables directly, or define the view so that it only passes encrypted columns on."
            }
            _ => {
                "\"enforce\" in the configuration demands it: encrypt the column, or take it out of the configuration. \
                 `pyrite check` says what is missing."
            }
        }
    }

    /// Whether anything about it needs planning.
    pub fn is_protected(&self) -> bool {
        self.unusable.is_some() || self.columns.iter().any(|c| c.encrypted.is_some() || c.unmanaged.is_some())
    }

    /// A column by its stored name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// A configured column that is not encrypted in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprotected {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column; `None` if the whole table does not exist.
    pub column: Option<String>,
    /// What is the matter.
    pub reason: &'static str,
}

/// Configured columns of a table that does not exist yet.
pub type PlannedColumns = std::collections::BTreeMap<String, crate::config::ColumnConfig>;

/// A snapshot of the database's catalog, seen with the configuration.
#[derive(Clone)]
pub struct Catalog {
    version: u64,
    relations: Vec<Relation>,
    /// Schema, then name, to an index of `relations`.
    by_name: HashMap<String, HashMap<String, usize>>,
    by_oid: HashMap<u32, usize>,
    /// Names that in some schema mean a protected relation.
    protected_names: HashSet<String>,
    /// Configured tables, existing or not.
    configured: HashMap<(String, String), PlannedColumns>,
    /// The configured key groups that the keyring has.
    groups: HashMap<String, KeyGroup>,
    /// The collations that the configuration names, and the database's under the name "default".
    collations: HashMap<String, Collation>,
    builtins: HashSet<String>,
    /// Schema and name of indexes: they share relations' names.
    indexes: HashSet<(String, String)>,
    /// Names of indexes by OID.
    index_names: HashMap<u32, String>,
    /// Table and name of unique, primary and exclusion constraints.
    constraints: HashSet<(u32, String)>,
    /// Table and name of unique expression indexes, with what they are over.
    uniques: HashMap<(u32, String), Vec<String>>,
    sensitive_functions: HashSet<String>,
    unprotected: Vec<Unprotected>,
    matcher: aho_corasick::AhoCorasick,
    /// A configured column that is plain makes its table unusable.
    enforced: bool,
    /// Configured tables that are all plain as yet.
    waiting: Option<aho_corasick::AhoCorasick>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalog({} relations, version {:016x})", self.relations.len(), self.version)
    }
}

impl Catalog {
    /// Reads the answer to [`catalog_query`] with the configuration of this database. `groups` gives a
    /// configured key group, if the keyring has it.
    pub fn from_json(
        json: &str,
        config: &crate::config::Database,
        groups: &dyn Fn(&str) -> Option<KeyGroup>,
    ) -> Result<Catalog, CatalogError> {
        load::catalog(json, config, groups)
    }

    /// Differs between snapshots that differ: plans are cached under it.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A relation by its stored names.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        let index = *self.by_name.get(schema)?.get(name)?;
        self.relations.get(index)
    }

    /// A relation by its OID.
    pub fn relation_by_oid(&self, oid: u32) -> Option<&Relation> {
        self.relations.get(*self.by_oid.get(&oid)?)
    }

    /// Whether a relation or index has this name.
    pub fn is_taken(&self, schema: &str, name: &str) -> bool {
        self.relation(schema, name).is_some() || self.indexes.contains(&(schema.to_owned(), name.to_owned()))
    }

    /// Whether a table has a constraint of this name that ON CONFLICT can mean.
    pub fn has_constraint(&self, table: u32, name: &str) -> bool {
        self.constraints.contains(&(table, name.to_owned()))
    }

    /// What a table's unique expression index is over, as SQL.
    pub fn unique_index(&self, table: u32, name: &str) -> Option<&[String]> {
        self.uniques.get(&(table, name.to_owned())).map(Vec::as_slice)
    }

    /// A table's unique expression indexes: name, and what each is over.
    pub fn unique_indexes(&self, table: u32) -> impl Iterator<Item = (&str, &[String])> {
        let own = self.uniques.iter().filter(move |((oid, _), _)| *oid == table);
        own.map(|((_, name), columns)| (name.as_str(), columns.as_slice()))
    }

    /// The index whose place this one is to take while an index key is rotated, if it is such a one: errors are to
    /// name that.
    pub fn replaced_index(&self, name: &str) -> Option<&str> {
        let oid = name.strip_prefix(COPY_PREFIX)?.parse().ok()?;
        self.index_names.get(&oid).map(String::as_str)
    }

    /// All relations.
    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// Whether a schema of this name holds anything.
    pub fn has_schema(&self, schema: &str) -> bool {
        self.by_name.contains_key(schema)
    }

    /// Whether this name means a protected relation in some schema, or a configured table.
    pub fn is_protected_name(&self, name: &str) -> bool {
        self.protected_names.contains(name)
    }

    /// What the configuration says of a table.
    pub fn configured(&self, schema: &str, table: &str) -> Option<&PlannedColumns> {
        self.configured.get(&(schema.to_owned(), table.to_owned()))
    }

    /// Whether a relation would stand in for a configured table whose name alone a statement gives. Where the
    /// operator demands that configured columns are encrypted, a search path, a temporary table or a table in another
    /// schema must not lead their values elsewhere.
    pub fn supplants(&self, relation: &Relation) -> bool {
        let key = (relation.schema.clone(), relation.name.clone());
        self.enforced
            && !self.configured.contains_key(&key)
            && self.configured.keys().any(|(_, table)| *table == relation.name)
    }

    /// A configured key group by its name, if the keyring has it.
    pub fn key_group(&self, name: &str) -> Option<KeyGroup> {
        self.groups.get(name).copied()
    }

    /// The database's own collation, if it is known.
    pub fn default_collation(&self) -> Option<&Collation> {
        self.collations.get("default")
    }

    /// Whether `pg_catalog` has a function of this name.
    pub fn is_builtin(&self, name: &str) -> bool {
        self.builtins.contains(name)
    }

    /// Whether a function of this name has a body that names a protected relation.
    pub fn is_sensitive_function(&self, name: &str) -> bool {
        self.sensitive_functions.contains(name)
    }

    /// Configured columns that are not encrypted.
    pub fn unprotected(&self) -> &[Unprotected] {
        &self.unprotected
    }

    /// Whether a text may name anything protected. Never wrong towards "no".
    pub fn may_name_protected(&self, text: &[u8]) -> bool {
        self.matcher.is_match(text)
    }
}

impl Catalog {
    /// Whether a text that names nothing protected may name a table that the configuration wants encrypted and
    /// that is plain as yet: its statements have to be looked at again when the catalog has changed.
    pub fn may_become_protected(&self, text: &[u8]) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.is_match(text))
    }
}

/// The catalog could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError {
    /// What is wrong.
    pub message: String,
}

impl CatalogError {
    fn json(error: serde_json::Error) -> Self {
        Self { message: format!("the catalog's answer cannot be read: {error}") }
    }
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CatalogError {}
