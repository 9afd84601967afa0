//! Where values of a key group lie: every column of the domain's type, whether a configuration names it or not.

use std::sync::Arc;

use tokio_postgres::Client;

use super::JobError;
use crate::catalog::{Catalog, EncryptedColumn};
use crate::keys::{GroupBytes, KeyInfo, KeyPurpose, KeyState, Keyring};
use crate::transform::{Goal, stale_sql, uses_key_sql};

/// A column that may hold values of the group.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) attnum: i16,
    /// As stored.
    pub(super) name: String,
    /// Of type `pyrite.encrypted[]`.
    pub(super) is_array: bool,
    /// What the configuration says of it. `None`: nothing; values of any group may lie there.
    pub(super) column: Option<Arc<EncryptedColumn>>,
}

/// A relation with such columns.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) oid: u32,
    /// Schema and name, quoted.
    pub(super) name: String,
    /// `r`: table or partition, `m`: materialized view, `f`: foreign table.
    pub(super) kind: char,
    /// Belongs to sessions, and cannot be read by others.
    pub(super) is_temporary: bool,
    /// Pyrite's role has the owner's rights.
    pub(super) is_ours: bool,
    /// Quoted.
    pub(super) owner: String,
    /// Row security applies to the owner too.
    pub(super) is_forced: bool,
    pub(super) places: Vec<Place>,
    /// Generated columns: the server makes them anew with the row, and takes no value for them.
    pub(super) derived: Vec<Place>,
}

impl Relation {
    /// Whether it is swept row by row.
    pub(super) fn is_swept(&self) -> bool {
        self.kind == 'r' && !self.is_temporary && !self.places.is_empty()
    }
}

const QUERY: &str = "SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind::text,
        c.relpersistence = 't', pg_has_role(c.relowner, 'USAGE'), quote_ident(pg_get_userbyid(c.relowner)),
        c.relrowsecurity AND c.relforcerowsecurity, a.attnum, a.attname::text, a.atttypid = 'pyrite.encrypted[]'::regtype,
        a.attgenerated <> ''
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.atttypid IN ('pyrite.encrypted'::regtype, 'pyrite.encrypted[]'::regtype)
      AND a.attnum > 0 AND NOT a.attisdropped AND (c.relkind IN ('r', 'f') OR c.relkind = 'm' AND c.relispopulated)
    ORDER BY c.oid, a.attnum";

/// All relations where values of this group may lie.
pub(super) async fn find(
    client: &Client,
    catalog: &Catalog,
    group: &GroupBytes,
) -> Result<Vec<Relation>, JobError> {
    let fail = || JobError::database("look for encrypted columns");
    let mut found: Vec<Relation> = Vec::new();
    for row in client.query(QUERY, &[]).await.map_err(fail())? {
        let oid: u32 = row.try_get(0).map_err(fail())?;
        let name: String = row.try_get(8).map_err(fail())?;
        let known = catalog.relation_by_oid(oid).and_then(|relation| relation.column(&name));
        let column = known.and_then(|column| column.encrypted.clone());
        if column.as_ref().is_some_and(|column| column.group.0 != *group) {
            continue;
        }
        let place = Place {
            attnum: row.try_get(7).map_err(fail())?,
            name,
            is_array: row.try_get(9).map_err(fail())?,
            column,
        };
        let is_derived: bool = row.try_get(10).map_err(fail())?;
        if let Some(last) = found.last_mut().filter(|last| last.oid == oid) {
            if is_derived { &mut last.derived } else { &mut last.places }.push(place);
            continue;
        }
        let (places, derived) = if is_derived { (vec![], vec![place]) } else { (vec![place], vec![]) };
        let kind: &str = row.try_get(2).map_err(fail())?;
        found.push(Relation {
            oid,
            name: row.try_get(1).map_err(fail())?,
            kind: kind.chars().next().unwrap_or('r'),
            is_temporary: row.try_get(3).map_err(fail())?,
            is_ours: row.try_get(4).map_err(fail())?,
            owner: row.try_get(5).map_err(fail())?,
            is_forced: row.try_get(6).map_err(fail())?,
            places,
            derived,
        });
    }
    Ok(found)
}

/// What a scan looks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// Values that are not as the goal wants them.
    Stale(Goal),
    /// Values that this key is needed for.
    Uses(&'a KeyInfo),
}

impl Place {
    /// SQL text of a condition: does this column's value need to be rewritten, or does it use the key?
    pub(super) fn condition(
        &self,
        keyring: &Keyring,
        group: &GroupBytes,
        wanted: Wanted<'_>,
    ) -> Result<String, JobError> {
        let column = quoted(&self.name);
        let expression = if self.is_array { "e" } else { column.as_str() };
        let condition = match (wanted, &self.column) {
            (Wanted::Uses(key), _) => uses_key_sql(key, expression),
            (Wanted::Stale(goal), Some(known)) => stale_sql(keyring, group, Some(known), goal, expression)?,
            (Wanted::Stale(Goal::DataKey), None) => older(keyring, group, expression),
            (Wanted::Stale(Goal::IndexTerms), None) => format!(
                "({} AND {})",
                ours(keyring, group, expression),
                stale_sql(keyring, group, None, Goal::IndexTerms, expression)?
            ),
        };
        Ok(match self.is_array {
            true => format!("EXISTS (SELECT FROM unnest({column}) AS e WHERE {condition})"),
            false => condition,
        })
    }
}

/// Values under one of the group's keys that are not the primary one.
fn older(keyring: &Keyring, group: &GroupBytes, expression: &str) -> String {
    any_of(keyring.data_keys(group).filter(|key| key.state != KeyState::Primary), expression)
}

/// Values of the group.
fn ours(keyring: &Keyring, group: &GroupBytes, expression: &str) -> String {
    any_of(keyring.data_keys(group), expression)
}

fn any_of<'a>(keys: impl Iterator<Item = &'a KeyInfo>, expression: &str) -> String {
    let keys = keys.filter(|key| key.purpose == KeyPurpose::Data);
    let conditions: Vec<String> = keys.map(|key| uses_key_sql(key, expression)).collect();
    if conditions.is_empty() { "false".to_owned() } else { format!("({})", conditions.join(" OR ")) }
}

/// A stored name as SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How many values are as `wanted`, per column, all in one snapshot: a row that moves is seen exactly once.
pub(super) async fn count(
    client: &Client,
    keyring: &Keyring,
    group: &GroupBytes,
    relations: &[Relation],
    wanted: &[Wanted<'_>],
) -> Result<Vec<(String, i64)>, JobError> {
    let fail = || JobError::database("count values");
    // Rows that a policy hides would be an error, not left out.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off";
    client.batch_execute(begin).await.map_err(fail())?;
    let counted = async {
        let mut found = Vec::new();
        for relation in
            relations.iter().filter(|relation| matches!(relation.kind, 'r' | 'm') && !relation.is_temporary)
        {
            for place in relation.places.iter().chain(&relation.derived) {
                let conditions: Result<Vec<String>, JobError> =
                    wanted.iter().map(|wanted| place.condition(keyring, group, *wanted)).collect();
                let query =
                    format!("SELECT count(*) FROM ONLY {} WHERE {}", relation.name, conditions?.join(" OR "));
                let query = if relation.kind == 'm' { query.replace("FROM ONLY", "FROM") } else { query };
                match client.query_one(&query, &[]).await {
                    Ok(row) => {
                        let n: i64 = row.try_get(0).map_err(fail())?;
                        if n > 0 {
                            found.push((format!("{}.{}", relation.name, quoted(&place.name)), n));
                        }
                    }
                    // Dropped meanwhile, or never populated: nothing is there.
                    Err(error) if matches!(code(&error), Some("42P01" | "42703" | "55000")) => {
                        return Err(JobError::Again);
                    }
                    Err(error) => return Err(fail()(error)),
                }
            }
        }
        Ok(found)
    };
    let counted = counted.await;
    // Of a transaction that only read.
    let _ = client.batch_execute("ROLLBACK").await;
    counted
}

fn code(error: &tokio_postgres::Error) -> Option<&str> {
    error.code().map(tokio_postgres::error::SqlState::code)
}
