//! The statements that read the database's catalog and a session's environment.
//!
//! Both also run on clients' own connections, under whatever search path these have: every name and
//! operator is qualified.

use std::collections::BTreeSet;

use crate::config::Database;

/// One statement, one row, one column of type `json`: what [`super::Catalog::from_json`] reads. It asks for the
/// collations that the configuration names: there are hundreds.
pub fn catalog_query(config: &Database) -> String {
    let columns = config.tables.values().flat_map(|columns| columns.values());
    let names: BTreeSet<&str> = columns.filter_map(|column| column.collation.as_deref()).collect();
    let list: Vec<String> = names.into_iter().map(literal).collect();
    CATALOG_QUERY.replace("{COLLATIONS}", &list.join(", "))
}

/// A text as a literal that means the same under all settings.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\0', ""))
}

const CATALOG_QUERY: &str = r#"SELECT pg_catalog.json_build_object(
  'path', pg_catalog.array_to_json(pg_catalog.current_schemas(true)),
  'domain', (SELECT t.oid::pg_catalog.int8 FROM pg_catalog.pg_type t
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
     WHERE n.nspname OPERATOR(pg_catalog.=) 'pyrite' AND t.typname OPERATOR(pg_catalog.=) 'encrypted'),
  'relations', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
       'oid', c.oid::pg_catalog.int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
       'columns', (SELECT pg_catalog.json_agg(
            pg_catalog.json_build_array(a.attname, a.attnum, a.atttypid::pg_catalog.int8) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
          WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
            AND NOT a.attisdropped),
       'parents', (SELECT pg_catalog.json_agg(i.inhparent::pg_catalog.int8 ORDER BY i.inhseqno)
          FROM pg_catalog.pg_inherits i WHERE i.inhrelid OPERATOR(pg_catalog.=) c.oid),
       'definition', CASE WHEN c.relkind OPERATOR(pg_catalog.=) ANY ('{v,m}'::pg_catalog."char"[])
            AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema}'::pg_catalog.name[])
          THEN pg_catalog.pg_get_viewdef(c.oid) END))
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])
       AND NOT n.nspname OPERATOR(pg_catalog.~) '^pg_(toast|temp_|toast_temp_)'),
  'indexes', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, c.relname, c.oid::pg_catalog.int8))
     FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{i,I}'::pg_catalog."char"[])
       AND NOT n.nspname OPERATOR(pg_catalog.~) '^(pg_|information_schema$)'),
  'constraints', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(o.conrelid::pg_catalog.int8, o.conname))
     FROM pg_catalog.pg_constraint o
     WHERE o.contype OPERATOR(pg_catalog.=) ANY ('{p,u,x}'::pg_catalog."char"[])
       AND o.conrelid::pg_catalog.int8 OPERATOR(pg_catalog.>=) 16384),
  'uniques', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(i.indrelid::pg_catalog.int8, c.relname,
       (SELECT pg_catalog.json_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, false) ORDER BY k)
          FROM pg_catalog.generate_series(1, i.indnkeyatts::pg_catalog.int4) k)))
     FROM pg_catalog.pg_index i
     JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
     WHERE i.indisunique AND i.indexprs IS NOT NULL AND i.indpred IS NULL),
  'functions', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
       'schema', n.nspname, 'name', p.proname,
       'body', CASE WHEN l.lanname OPERATOR(pg_catalog.=) 'sql' AND p.prosrc OPERATOR(pg_catalog.=) ''
          THEN pg_catalog.pg_get_functiondef(p.oid) ELSE p.prosrc END))
     FROM pg_catalog.pg_proc p
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
     JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
     WHERE n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema,pyrite}'::pg_catalog.name[])
       AND l.lanname OPERATOR(pg_catalog.<>) ALL ('{c,internal}'::pg_catalog.name[])
       AND p.prokind OPERATOR(pg_catalog.<>) 'a'),
  'complete', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(o.conrelid::pg_catalog.int8, a.attnum, k.kind))
     FROM pg_catalog.pg_constraint o
     JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) o.conrelid
       AND o.conkey OPERATOR(pg_catalog.=) ARRAY[a.attnum]
     CROSS JOIN pg_catalog.unnest('{order,caseless,match}'::pg_catalog.text[]) k(kind)
     WHERE o.contype OPERATOR(pg_catalog.=) 'c' AND o.convalidated
       AND pg_catalog.pg_get_expr(o.conbin, o.conrelid) OPERATOR(pg_catalog.=)
           pg_catalog.format('pyrite.has_%s((%I)::bytea)', k.kind, a.attname)),
  'collations', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', s.name, 'provider', s.provider,
       'collate', s.collate, 'ctype', s.ctype, 'locale', s.locale, 'rules', s.rules, 'version', s.version,
       'deterministic', s.deterministic,
       'utf8', pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'UTF8'))
     FROM (SELECT 'default' AS name, COALESCE(j.d OPERATOR(pg_catalog.->>) 'datlocprovider', 'c') AS provider,
         j.d OPERATOR(pg_catalog.->>) 'datcollate' AS collate, j.d OPERATOR(pg_catalog.->>) 'datctype' AS ctype,
         COALESCE(j.d OPERATOR(pg_catalog.->>) 'datlocale', j.d OPERATOR(pg_catalog.->>) 'daticulocale') AS locale,
         j.d OPERATOR(pg_catalog.->>) 'daticurules' AS rules,
         pg_catalog.pg_database_collation_actual_version(j.oid) AS version, true AS deterministic
       FROM (SELECT d.oid, pg_catalog.to_jsonb(d) AS d FROM pg_catalog.pg_database d
          WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) j
       UNION ALL
       (SELECT DISTINCT ON (j.name) j.name, j.c OPERATOR(pg_catalog.->>) 'collprovider',
         j.c OPERATOR(pg_catalog.->>) 'collcollate', j.c OPERATOR(pg_catalog.->>) 'collctype',
         COALESCE(j.c OPERATOR(pg_catalog.->>) 'colllocale', j.c OPERATOR(pg_catalog.->>) 'colliculocale'),
         j.c OPERATOR(pg_catalog.->>) 'collicurules', pg_catalog.pg_collation_actual_version(j.oid),
         COALESCE((j.c OPERATOR(pg_catalog.->>) 'collisdeterministic')::pg_catalog.bool, true)
       FROM (SELECT c.oid, c.collname::pg_catalog.text AS name, c.collnamespace, c.collencoding,
            pg_catalog.to_jsonb(c) AS c
          FROM pg_catalog.pg_collation c
          WHERE c.collname OPERATOR(pg_catalog.=) ANY (ARRAY[{COLLATIONS}]::pg_catalog.text[])
            AND c.collencoding OPERATOR(pg_catalog.=) ANY (ARRAY[-1, (SELECT d.encoding FROM pg_catalog.pg_database d
              WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())])) j
       ORDER BY j.name, j.collnamespace, j.collencoding DESC)) s),
  'builtins', (SELECT pg_catalog.json_agg(DISTINCT p.proname) FROM pg_catalog.pg_proc p
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
     WHERE n.nspname OPERATOR(pg_catalog.=) 'pg_catalog')
)"#;

/// One statement, one row, one column of type `json`: what [`super::Environment::from_json`] reads.
pub const ENVIRONMENT_QUERY: &str = r#"SELECT pg_catalog.json_build_object(
  'path', pg_catalog.array_to_json(pg_catalog.current_schemas(true)),
  'search_path', pg_catalog.current_setting('search_path'),
  'temporary', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
       'oid', c.oid::pg_catalog.int8, 'schema', 'pg_temp', 'name', c.relname, 'kind', c.relkind,
       'columns', (SELECT pg_catalog.json_agg(
            pg_catalog.json_build_array(a.attname, a.attnum, a.atttypid::pg_catalog.int8) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute a
          WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0
            AND NOT a.attisdropped),
       'definition', CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'v'
          THEN pg_catalog.pg_get_viewdef(c.oid) END))
     FROM pg_catalog.pg_class c
     WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
       AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog."char"[])),
  'domain', (SELECT t.oid::pg_catalog.int8 FROM pg_catalog.pg_type t
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
     WHERE n.nspname OPERATOR(pg_catalog.=) 'pyrite' AND t.typname OPERATOR(pg_catalog.=) 'encrypted'),
  'date_style', pg_catalog.current_setting('DateStyle'),
  'time_zone', pg_catalog.current_setting('TimeZone'),
  'interval_style', pg_catalog.current_setting('IntervalStyle'),
  'bytea_output', pg_catalog.current_setting('bytea_output'),
  'extra_float_digits', pg_catalog.current_setting('extra_float_digits'),
  'timezone_abbreviations', pg_catalog.current_setting('timezone_abbreviations'),
  'array_nulls', pg_catalog.current_setting('array_nulls'),
  'standard_conforming_strings', pg_catalog.current_setting('standard_conforming_strings'),
  'client_encoding', pg_catalog.current_setting('client_encoding'),
  'default_isolation', pg_catalog.current_setting('default_transaction_isolation'),
  'current_user', current_user,
  'session_user', session_user
)"#;
