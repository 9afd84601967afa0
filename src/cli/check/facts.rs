//! What the database's catalog says about the configured tables.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::terms::Terms;
use crate::catalog::SearchSlot;
use crate::cli::slots::IndexKey;

/// One row, one column of type text; `$1` and `$2` are schema and name of the configured tables. Names
/// resolve in `pg_catalog`, which the connection's search_path is. It reads no value and no expression.
pub(super) const QUERY: &str = r"
SELECT json_build_object(
  'version', current_setting('server_version'),
  'version_num', current_setting('server_version_num')::int,
  'encoding', getdatabaseencoding(),
  'installed', EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname = 'pyrite' AND t.typname = 'encrypted'),
  'may_create', has_database_privilege(current_database(), 'CREATE'),
  'user', current_user,
  'unmanaged', (SELECT coalesce(json_agg(quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.'
       || quote_ident(a.attname) ORDER BY 1), '[]')
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
     WHERE tn.nspname = 'pyrite' AND t.typname = 'encrypted' AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
       AND NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) w(s, t) WHERE w.s = n.nspname AND w.t = c.relname)),
  'tables', (SELECT coalesce(json_agg(json_build_object(
    'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
    'columns', (SELECT coalesce(json_agg(json_build_object(
         'name', a.attname,
         'type', format_type(a.atttypid, a.atttypmod),
         'encrypted', tn.nspname = 'pyrite' AND t.typname = 'encrypted',
         'generated', a.attgenerated <> '',
         'external', a.attstorage = 'e',
         'indexes', (SELECT coalesce(json_agg(json_build_array(ic.relname, f.name)
              ORDER BY i.indisunique DESC, ic.relname), '[]')
            FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
            JOIN unnest('{pyrite.eq,pyrite.eq_b,pyrite.ord,pyrite.ord_b,pyrite.ord_head,pyrite.ord_head_b,
              pyrite.eq_caseless,pyrite.eq_caseless_b,pyrite.match,pyrite.match_b}'::text[]) f(name)
              ON pg_get_indexdef(i.indexrelid, 1, true) = f.name || '(' || quote_ident(a.attname) || '::bytea)'
            WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL),
         'constraints', (SELECT coalesce(json_agg(co.conname ORDER BY co.conname), '[]') FROM pg_constraint co
            WHERE co.conrelid = c.oid AND co.contype IN ('c', 'f', 'x') AND a.attnum = ANY (co.conkey)
              AND coalesce(pg_get_expr(co.conbin, co.conrelid), '') NOT LIKE 'pyrite.has\_%'),
         'complete', (SELECT coalesce(json_agg(k.kind ORDER BY k.kind), '[]') FROM pg_constraint co
            JOIN unnest('{order,caseless,match}'::text[]) k(kind)
              ON pg_get_expr(co.conbin, co.conrelid) = format('pyrite.has_%s((%I)::bytea)', k.kind, a.attname)
            WHERE co.conrelid = c.oid AND co.contype = 'c' AND co.convalidated AND co.conkey = ARRAY[a.attnum])
         ) ORDER BY a.attnum), '[]')
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'triggers', (SELECT coalesce(json_agg(tgname ORDER BY tgname), '[]') FROM pg_trigger
       WHERE tgrelid = c.oid AND NOT tgisinternal),
    'rules', (SELECT coalesce(json_agg(rulename ORDER BY rulename), '[]') FROM pg_rewrite
       WHERE ev_class = c.oid AND rulename <> '_RETURN'),
    'policies', (SELECT coalesce(json_agg(polname ORDER BY polname), '[]') FROM pg_policy WHERE polrelid = c.oid),
    'without_usage', (SELECT coalesce(json_agg(role ORDER BY role), '[]') FROM (
         SELECT DISTINCT coalesce(r.rolname, 'public') AS role
         FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) g
         LEFT JOIN pg_roles r ON r.oid = g.grantee
         WHERE g.grantee = 0 OR r.oid IS NOT NULL) roles
       WHERE NOT has_schema_privilege(role, (SELECT oid FROM pg_namespace WHERE nspname = 'pyrite'), 'USAGE'))
    ) ORDER BY n.nspname, c.relname), '[]')
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   JOIN unnest($1::text[], $2::text[]) w(s, t) ON w.s = n.nspname AND w.t = c.relname
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f'))
)::text";

/// The answer.
#[derive(Debug, Deserialize)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) version_num: u32,
    pub(super) encoding: String,
    /// Whether schema `pyrite` with its domain is there.
    pub(super) installed: bool,
    /// Whether the service role could create it.
    pub(super) may_create: bool,
    pub(super) user: String,
    /// Encrypted columns of tables that the configuration does not name.
    pub(super) unmanaged: Vec<String>,
    pub(super) tables: Vec<TableFacts>,
    /// What is searched, by key group; read by a statement of its own.
    #[serde(skip)]
    pub(super) index_keys: BTreeMap<String, IndexKey>,
    /// What a look at values found, by schema, table and column; likewise.
    #[serde(skip)]
    pub(super) terms: BTreeMap<(String, String, String), Terms>,
}

impl Facts {
    /// Whether a column is encrypted by now.
    pub(super) fn is_encrypted(&self, schema: &str, table: &str, column: &str) -> bool {
        let mut tables = self.tables.iter();
        let table = tables.find(|facts| facts.schema == schema && facts.name == table);
        table.is_some_and(|table| table.columns.iter().any(|facts| facts.name == column && facts.encrypted))
    }

    /// The index key of a group.
    pub(super) fn index_key(&self, group: &str) -> IndexKey {
        self.index_keys.get(group).copied().unwrap_or_default()
    }
}

/// A configured table that exists.
#[derive(Debug, Deserialize)]
pub(super) struct TableFacts {
    pub(super) schema: String,
    pub(super) name: String,
    /// `relkind`
    pub(super) kind: char,
    pub(super) columns: Vec<ColumnFacts>,
    pub(super) triggers: Vec<String>,
    pub(super) rules: Vec<String>,
    pub(super) policies: Vec<String>,
    /// Roles that may use the table, but not schema `pyrite`.
    pub(super) without_usage: Vec<String>,
}

impl ColumnFacts {
    /// The index that serves equality while this slot is searched.
    pub(super) fn index(&self, slot: SearchSlot) -> Option<&str> {
        self.index_over(slot.equality_function())
    }

    /// An index that is over the results of this function.
    pub(super) fn index_over(&self, function: &str) -> Option<&str> {
        self.indexes.iter().find(|(_, over)| over == function).map(|(name, _)| name.as_str())
    }
}

/// A column of such a table.
#[derive(Debug, Deserialize)]
pub(super) struct ColumnFacts {
    pub(super) name: String,
    /// As `format_type` prints it.
    #[serde(rename = "type")]
    pub(super) ty: String,
    pub(super) encrypted: bool,
    pub(super) generated: bool,
    /// Whether its storage is EXTERNAL.
    pub(super) external: bool,
    /// Indexes that serve equality on it: name, and the function that it is over.
    pub(super) indexes: Vec<(String, String)>,
    /// Search kinds, beside equality, whose terms a constraint demands of all values.
    #[serde(default)]
    pub(super) complete: Vec<String>,
    /// CHECK, FOREIGN KEY and EXCLUDE constraints that it is part of.
    pub(super) constraints: Vec<String>,
}
