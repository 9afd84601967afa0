//! What would break, or stay under the old key, if an index key were rotated now: found before anything starts.

use serde::Deserialize;
use tokio_postgres::Client;

use super::copies::{self, Index};
use super::definition::{Constant, Whose, constants};
use super::dependents::{self, Dependent, Kind};
use super::turn::Turn;
use crate::jobs::JobError;
use crate::keys::{GroupBytes, KeyId, Keyring};

/// Tables of the group and what this role may do with them: one row, one column of type text.
const TABLES: &str = r"
SELECT coalesce(json_agg(json_build_object('name', c.oid::regclass::text, 'kind', c.relkind,
    'owner', pg_get_userbyid(c.relowner), 'may', pg_has_role(c.relowner, 'USAGE'),
    'schema', quote_ident(n.nspname), 'user', quote_ident(current_user),
    'creates', has_schema_privilege(n.oid, 'CREATE')) ORDER BY 1::text), '[]')::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY($1::oid[])";

#[derive(Deserialize)]
struct Table {
    name: String,
    owner: String,
    may: bool,
    schema: String,
    user: String,
    creates: bool,
}

/// Everything that stands in the way, each with the way out. Empty: the rotation may begin.
pub(super) async fn find(client: &Client, turn: &Turn, keyring: &Keyring) -> Result<Vec<String>, JobError> {
    let mut found = Vec::new();
    rights(client, turn, &mut found).await?;
    for index in copies::read(client, turn).await? {
        found.extend(of_index(&index, turn));
    }
    for dependent in dependents::read(client).await? {
        found.extend(of_dependent(&dependent, turn));
    }
    found.extend(with_values(client, keyring, &turn.group.0).await?);
    found.sort();
    found.dedup();
    Ok(found)
}

/// Definitions that hold an encrypted value, and the data keys of those values.
pub(in crate::jobs) async fn envelopes(client: &Client) -> Result<Vec<(String, Vec<KeyId>)>, JobError> {
    let found = dependents::with_envelopes(client).await?.into_iter().map(|(identity, text)| {
        let keys = constants(&text).into_iter().filter_map(|constant| match constant {
            Constant::Envelope(id) => Some(id),
            Constant::Term => None,
        });
        (identity, keys.collect())
    });
    Ok(found.collect())
}

/// Definitions that hold an encrypted value of the group, each with the way out: no sweep reaches them, and a default
/// would go on giving it to new rows.
pub(in crate::jobs) async fn with_values(
    client: &Client,
    keyring: &Keyring,
    group: &GroupBytes,
) -> Result<Vec<String>, JobError> {
    let is_ours = |id: &KeyId| keyring.key(*id).is_some_and(|key| key.group == *group);
    let ours = envelopes(client).await?.into_iter().filter(|(_, keys)| keys.iter().any(is_ours));
    let named = ours.map(|(identity, _)| {
        format!(
            "{identity} holds an encrypted value of the group: drop it, and define it anew through Pyrite when the \
             rotation is done"
        )
    });
    Ok(named.collect())
}

async fn rights(client: &Client, turn: &Turn, found: &mut Vec<String>) -> Result<(), JobError> {
    let doing = "read the tables of the key group";
    let row = client.query_one(TABLES, &[&turn.tables()]).await.map_err(JobError::database(doing))?;
    let json: &str = row.try_get(0).map_err(JobError::database(doing))?;
    let tables: Vec<Table> = serde_json::from_str(json).map_err(|error| {
        JobError::refused(format!("cannot {doing}: {error}"), "This is a mistake in Pyrite.")
    })?;
    for Table { name, owner, may, schema, user, creates } in tables {
        if !may {
            found.push(format!("{user} is no member of {owner}, who owns {name}: GRANT {owner} TO {user}"));
        }
        if !creates {
            found.push(format!(
                "{user} may not make indexes in schema {schema}: GRANT CREATE ON SCHEMA {schema} TO {user}"
            ));
        }
    }
    Ok(())
}

fn of_index(index: &Index, turn: &Turn) -> Option<String> {
    if !index.uses(turn, turn.from) && !index.is_unclear(turn) {
        return None;
    }
    let name = index.shown();
    if index.is_unclear(turn) {
        return Some(format!(
            "it cannot be told which column index {name} takes terms of: drop it, or make it over the plain column"
        ));
    }
    if index.constraint {
        return Some(format!(
            "index {name} belongs to an exclusion constraint: make it a unique index instead"
        ));
    }
    if constants(&index.definition).contains(&Constant::Term) {
        return Some(format!(
            "the predicate of index {name} holds a term: drop it, and make it again without"
        ));
    }
    (!index.valid).then(|| format!("index {name} is invalid: REINDEX it or drop it"))
}

fn of_dependent(dependent: &Dependent, turn: &Turn) -> Option<String> {
    let calls = dependent.calls(turn);
    let unclear = calls.iter().any(|(_, whose)| *whose == Whose::Unclear);
    let ours = calls.iter().any(|(_, whose)| *whose == Whose::Ours);
    if !ours && !unclear {
        return None;
    }
    let Dependent { identity, owner, .. } = dependent;
    let again = "drop it, and define it anew when the rotation is done";
    match dependent.kind {
        Kind::MaterializedView => {
            return Some(format!("{identity} keeps what it made of terms: {again}"));
        }
        Kind::Rule | Kind::Trigger | Kind::Constraint | Kind::Other => {
            return Some(format!("{identity} compares terms and cannot be redefined in place: {again}"));
        }
        Kind::Default => {
            return Some(format!("{identity} keeps terms in its table: drop the column or its default"));
        }
        Kind::TextFunction => {
            return Some(format!(
                "the body of {identity} is kept as text and names terms: give it an SQL-standard body (BEGIN ATOMIC), or {again}"
            ));
        }
        Kind::View | Kind::Function | Kind::Policy | Kind::Statistics => {}
    }
    if unclear {
        return Some(format!("it cannot be told which columns {identity} compares: {again}"));
    }
    let text = dependent.definition.as_deref().unwrap_or_default();
    if constants(text).contains(&Constant::Term) {
        return Some(format!("{identity} holds a term: {again}"));
    }
    if let Some(user) = dependent.detail.used_by.as_ref().and_then(|list| list.first()) {
        return Some(format!(
            "{user} keeps what {identity} gives, which compares terms: drop the one or the other"
        ));
    }
    (!dependent.may).then(|| {
        format!("{identity} belongs to {owner}: GRANT {owner} to Pyrite's role, so that it can be redefined")
    })
}
