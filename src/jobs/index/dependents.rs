//! Stored definitions that cut terms out of envelopes, or hold constants made under keys.

use serde::Deserialize;
use tokio_postgres::Client;

use super::definition::{self, Whose};
use super::turn::Turn;
use crate::catalog::SearchSlot;
use crate::jobs::JobError;

/// What kind of definition it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    View,
    MaterializedView,
    Rule,
    /// A function with an SQL-standard body, which the server keeps parsed.
    Function,
    /// One whose body the server keeps as text.
    TextFunction,
    Policy,
    Statistics,
    Trigger,
    Constraint,
    /// A column's default, or how it is generated.
    Default,
    /// Something else.
    Other,
}

/// One definition.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dependent {
    pub(super) kind: Kind,
    pub(super) oid: u32,
    /// As the server describes it.
    pub(super) identity: String,
    #[serde(default)]
    pub(super) definition: Option<String>,
    /// Relations that it names.
    #[serde(default)]
    pub(super) relations: Option<Vec<u32>>,
    pub(super) owner: String,
    /// Whether this role is a member of the owner.
    pub(super) may: bool,
    #[serde(default)]
    pub(super) detail: Detail,
}

/// What it takes to define it anew. Names are stored ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) options: Option<Vec<String>>,
    pub(super) using: Option<String>,
    pub(super) check: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) target: Option<i32>,
    /// What is stored by the results of this function: indexes, constraints, generated columns.
    pub(super) used_by: Option<Vec<String>>,
}

/// One row, one column of type text. Found by what the server recorded when it parsed the definitions, so that no
/// search path or quoting hides one; functions whose body is text are listed whenever it has the schema's name.
const QUERY: &str = r"
WITH eq AS (
  SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = 'pyrite' AND p.proname IN ('eq', 'eq_b', 'ord', 'ord_b', 'ord_head', 'ord_head_b', 'eq_caseless', 'eq_caseless_b',
    'match', 'match_b')
), users AS (
  SELECT DISTINCT d.classid, d.objid FROM pg_depend d
  WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM eq)
), found AS (
  SELECT 'pg_rewrite'::regclass AS classid, r.oid AS objid, c.oid AS self,
    CASE WHEN r.rulename <> '_RETURN' THEN 'rule' WHEN c.relkind = 'v' THEN 'view' ELSE 'materialized_view' END AS kind,
    CASE WHEN r.rulename = '_RETURN' THEN pg_get_viewdef(c.oid) ELSE pg_get_ruledef(r.oid) END AS definition,
    c.relowner AS owner,
    json_build_object('schema', n.nspname, 'name', c.relname, 'options', to_json(c.reloptions), 'columns',
      (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) AS detail
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 'pg_proc'::regclass, p.oid, 0, CASE WHEN p.prokind = 'a' THEN 'other' ELSE 'function' END,
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, p.proowner,
    json_build_object('used_by', (SELECT json_agg(pg_describe_object(d.classid, d.objid, 0)) FROM pg_depend d
      WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.classid IN
        ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass)))
  FROM pg_proc p WHERE p.oid IN (SELECT objid FROM users WHERE classid = 'pg_proc'::regclass)
  UNION ALL
  SELECT 'pg_policy'::regclass, y.oid, 0, 'policy',
    concat_ws(' ', pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid)), c.relowner,
    json_build_object('schema', n.nspname, 'table', c.relname, 'name', y.polname,
      'using', pg_get_expr(y.polqual, y.polrelid), 'check', pg_get_expr(y.polwithcheck, y.polrelid))
  FROM pg_policy y JOIN pg_class c ON c.oid = y.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, s.oid, 0, 'statistics', pg_get_statisticsobjdef(s.oid), s.stxowner,
    json_build_object('schema', n.nspname, 'name', s.stxname, 'target', s.stxstattarget,
      'comment', obj_description(s.oid, 'pg_statistic_ext'))
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
  UNION ALL
  SELECT 'pg_trigger'::regclass, t.oid, 0, 'trigger', pg_get_triggerdef(t.oid), c.relowner, '{}'
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'pg_constraint'::regclass, o.oid, 0, 'constraint', pg_get_constraintdef(o.oid), c.relowner, '{}'
  FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid WHERE o.contype IN ('c', 'x')
  UNION ALL
  SELECT 'pg_attrdef'::regclass, f.oid, 0, 'default', pg_get_expr(f.adbin, f.adrelid), c.relowner, '{}'
  FROM pg_attrdef f JOIN pg_class c ON c.oid = f.adrelid
  UNION ALL
  SELECT u.classid, u.objid, u.objid, 'other', NULL, (SELECT oid FROM pg_roles WHERE rolname = current_user), '{}'
  FROM users u LEFT JOIN pg_class c ON u.classid = 'pg_class'::regclass AND c.oid = u.objid
  WHERE u.classid NOT IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass,
      'pg_statistic_ext'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass)
    AND coalesce(c.relkind NOT IN ('i', 'I'), true)
)
SELECT coalesce(json_agg(json_build_object('kind', f.kind, 'oid', f.objid::int8, 'definition', f.definition,
    'identity', CASE WHEN f.kind IN ('view', 'materialized_view') THEN pg_describe_object('pg_class'::regclass, f.self, 0)
       ELSE pg_describe_object(f.classid, f.objid, 0) END,
    'owner', pg_get_userbyid(f.owner), 'may', pg_has_role(f.owner, 'USAGE'), 'detail', f.detail,
    'relations', (SELECT json_agg(DISTINCT d.refobjid::int8) FROM pg_depend d
       WHERE d.classid = f.classid AND d.objid = f.objid AND d.refclassid = 'pg_class'::regclass
         AND d.refobjid <> f.self)
  ) ORDER BY f.classid, f.objid), '[]')::text
FROM found f
WHERE (f.classid, f.objid) IN (SELECT classid, objid FROM users)";

/// The same of functions whose body is text.
const TEXT_FUNCTIONS: &str = r"
SELECT coalesce(json_agg(json_build_object('kind', 'text_function', 'oid', p.oid::int8, 'definition', p.prosrc,
    'identity', pg_describe_object('pg_proc'::regclass, p.oid, 0), 'owner', pg_get_userbyid(p.proowner),
    'may', pg_has_role(p.proowner, 'USAGE')) ORDER BY p.oid), '[]')::text
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE p.prosrc ~* 'pyrite' AND l.lanname NOT IN ('c', 'internal')
  AND n.nspname NOT IN ('pyrite', 'pg_catalog', 'information_schema')";

/// Definitions that hold the first bytes of an envelope, wherever they may be: what each is, and its text.
const CONSTANTS: &str = r"
SELECT identity, definition FROM (
  SELECT pg_describe_object('pg_attrdef'::regclass, oid, 0), pg_get_expr(adbin, adrelid) FROM pg_attrdef
  UNION ALL SELECT pg_describe_object('pg_constraint'::regclass, oid, 0), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype IN ('c', 'x')
  UNION ALL SELECT pg_describe_object('pg_class'::regclass, ev_class, 0),
      CASE WHEN rulename = '_RETURN' THEN pg_get_viewdef(ev_class) ELSE pg_get_ruledef(oid) END
    FROM pg_rewrite WHERE oid >= 16384
  UNION ALL SELECT pg_describe_object('pg_policy'::regclass, oid, 0),
      concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
  UNION ALL SELECT pg_describe_object('pg_trigger'::regclass, oid, 0), pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
  UNION ALL SELECT pg_describe_object('pg_class'::regclass, indexrelid, 0), pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
  UNION ALL SELECT pg_describe_object('pg_proc'::regclass, oid, 0),
      CASE WHEN prosrc = '' THEN pg_get_functiondef(oid) ELSE prosrc END
    FROM pg_proc WHERE oid >= 16384 AND prokind <> 'a'
) AS all_of_them (identity, definition)
WHERE definition ~* 'ff50595201'";

/// All definitions that call an equality function, of whatever group.
pub(super) async fn read(client: &Client) -> Result<Vec<Dependent>, JobError> {
    let doing = "read the definitions that use encrypted columns";
    let mut found: Vec<Dependent> = Vec::new();
    for query in [QUERY, TEXT_FUNCTIONS] {
        let row = client.query_one(query, &[]).await.map_err(JobError::database(doing))?;
        let json: &str = row.try_get(0).map_err(JobError::database(doing))?;
        let list: Vec<Dependent> = serde_json::from_str(json).map_err(|error| {
            JobError::refused(format!("cannot {doing}: {error}"), "This is a mistake in Pyrite.")
        })?;
        found.extend(list);
    }
    Ok(found)
}

/// What each definition with an envelope in it is, and its text.
pub(super) async fn with_envelopes(client: &Client) -> Result<Vec<(String, String)>, JobError> {
    let doing = "read the definitions that hold envelopes";
    let rows = client.query(CONSTANTS, &[]).await.map_err(JobError::database(doing))?;
    let pairs = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    pairs.collect::<Result<_, _>>().map_err(JobError::database(doing))
}

impl Dependent {
    /// Whose terms its calls cut out: each call's slot and what it has to do with the group.
    pub(super) fn calls(&self, turn: &Turn) -> Vec<(SearchSlot, Whose)> {
        let Some(text) = &self.definition else {
            // Nothing is known but the relations.
            return vec![(turn.from, self.whose(turn, &[]))];
        };
        let calls = match self.kind {
            Kind::TextFunction => definition::body_calls(text),
            _ => definition::calls(text),
        };
        calls.iter().map(|call| (call.slot, self.whose(turn, &call.path))).collect()
    }

    /// What a call over this path has to do with the group.
    pub(super) fn whose(&self, turn: &Turn, path: &[String]) -> Whose {
        if self.kind == Kind::TextFunction {
            let all: Vec<u32> = turn.catalog.relations().iter().map(|relation| relation.oid).collect();
            return turn.whose(&all, path);
        }
        let relations = self.relations.as_deref().unwrap_or_default();
        let whose = turn.whose(relations, path);
        // Where another column got that name, its group is the one that counts.
        let renamed = path.last().zip(self.definition.as_deref());
        match renamed.is_some_and(|(name, text)| definition::gives_name(text, name)) {
            true if turn.whose(relations, &[]) != whose => Whose::Unclear,
            _ => whose,
        }
    }

    /// Whether it is to be moved: it cuts out terms of the group in this slot.
    pub(super) fn uses(&self, turn: &Turn, slot: SearchSlot) -> bool {
        self.calls(turn).contains(&(slot, Whose::Ours))
    }
}
