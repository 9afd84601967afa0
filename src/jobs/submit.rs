//! From what an operator asks for to rows of `pyrite.jobs`.

use std::sync::Arc;

use tokio_postgres::Client;

use super::kind::Kind;
use super::store::Spec;
use super::types::{Options, Request, Target};
use super::{JobError, index, obstacles, places, work};
use crate::catalog::Catalog;
use crate::database::Database;
use crate::keys::{GroupBytes, KeyId, KeyState, Keyring};

/// One job to be.
struct Wish {
    kind: Kind,
    group: GroupBytes,
    name: String,
    key: Option<KeyId>,
}

/// As [`super::Jobs::submit`].
pub(super) async fn submit(
    database: &Arc<Database>,
    client: &mut Client,
    request: &Request,
    options: Options,
    by: &str,
) -> Result<Vec<i64>, JobError> {
    let keyring = database.confirm().await?;
    let catalog = database.refresh().await?;
    let wishes = wishes(&catalog, &keyring, request)?;
    for wish in &wishes {
        check(client, &catalog, &keyring, wish, options).await?;
    }
    insert(client, &wishes, options, by).await
}

fn wishes(catalog: &Catalog, keyring: &Keyring, request: &Request) -> Result<Vec<Wish>, JobError> {
    let (kind, target) = match request {
        Request::RotateKey(target) => (Kind::RotateKey, target),
        Request::RotateIndexKey(target) => (Kind::RotateIndexKey, target),
        Request::Repair(target) => (Kind::Repair, target),
        Request::RetireKey(id) => return single(keyring, *id, Kind::RetireKey),
        Request::DestroyKey(id) => return single(keyring, *id, Kind::DestroyKey),
    };
    let groups = match target {
        Target::Column { schema, table, column } => {
            vec![column_group(catalog, schema.as_deref(), table, column)?]
        }
        Target::Group(name) => {
            let id = keyring.group_id(name).ok_or_else(|| {
                JobError::unknown(format!("there is no key group \"{name}\""), "SHOW KEYS lists all groups.")
            })?;
            vec![(id, name.clone())]
        }
        Target::All => keyring.groups().map(|(id, name)| (id, name.to_owned())).collect(),
    };
    let searchable = |group: &GroupBytes| {
        let relations = catalog.relations().iter();
        let columns =
            relations.flat_map(|relation| relation.columns.iter()).filter_map(|c| c.encrypted.as_ref());
        columns.into_iter().any(|column| column.group.0 == *group && column.equality)
    };
    let all = matches!(target, Target::All);
    let wanted = groups.into_iter().filter(|(id, _)| !all || kind != Kind::RotateIndexKey || searchable(id));
    Ok(wanted.map(|(group, name)| Wish { kind, group, name, key: None }).collect())
}

fn column_group(
    catalog: &Catalog,
    schema: Option<&str>,
    table: &str,
    column: &str,
) -> Result<(GroupBytes, String), JobError> {
    let named = catalog.relations().iter().filter(|relation| {
        matches!(relation.kind, 'r' | 'p')
            && relation.name == table
            && schema.map_or(relation.is_protected(), |schema| relation.schema == schema)
    });
    let found: Vec<_> = named.collect();
    let (relation, others) = found.split_first().ok_or_else(|| {
        let shown = schema.map_or(table.to_owned(), |schema| format!("{schema}.{table}"));
        JobError::unknown(
            format!("there is no encrypted table {shown}"),
            "SHOW COLUMNS lists what is encrypted.",
        )
    })?;
    if !others.is_empty() {
        let schemas: Vec<&str> = found.iter().map(|relation| relation.schema.as_str()).collect();
        return Err(JobError::Refused {
            sqlstate: "42P09",
            message: format!("there is a table {table} in several schemas: {}", schemas.join(", ")),
            hint: "Say which: schema.table.column.".to_owned(),
        });
    }
    let encrypted =
        relation.column(column).and_then(|column| column.encrypted.as_ref()).ok_or_else(|| {
            JobError::unknown(
                format!("{}.{} has no encrypted column \"{column}\"", relation.schema, relation.name),
                "SHOW COLUMNS lists what is encrypted.",
            )
        })?;
    Ok((encrypted.group.0, encrypted.group_name.clone()))
}

fn single(keyring: &Keyring, id: KeyId, kind: Kind) -> Result<Vec<Wish>, JobError> {
    let key = keyring
        .key(id)
        .ok_or_else(|| JobError::unknown(format!("there is no key {id}"), "SHOW KEYS lists all keys."))?;
    let refuse = |message: String, hint: &str| Err(JobError::refused(message, hint));
    match (kind, key.state) {
        (Kind::RetireKey, KeyState::Fading) if work::is_data(key) => {}
        (Kind::RetireKey, KeyState::Fading) => {
            return refuse(
                format!("index key {id} is being rotated away"),
                "RESUME its job, which retires it (SHOW JOBS).",
            );
        }
        (Kind::DestroyKey, KeyState::Retired) => {}
        (_, KeyState::Destroyed) => return refuse(format!("key {id} is destroyed already"), ""),
        (Kind::RetireKey, KeyState::Retired) => return refuse(format!("key {id} is retired already"), ""),
        (Kind::RetireKey, _) => {
            return refuse(
                format!("key {id} is {}: new values need it", key.state.as_str()),
                "ROTATE its group; the rotation retires it at its end.",
            );
        }
        _ => {
            return refuse(
                format!("key {id} is {}, and only a retired key can be destroyed", key.state.as_str()),
                "ROTATE its group first; the rotation retires it at its end.",
            );
        }
    }
    let name = keyring.group_name(&key.group).unwrap_or_default().to_owned();
    Ok(vec![Wish { kind, group: key.group, name, key: Some(id) }])
}

/// What stands in the way is said now, not by a job that fails.
async fn check(
    client: &Client,
    catalog: &Arc<Catalog>,
    keyring: &Keyring,
    wish: &Wish,
    options: Options,
) -> Result<(), JobError> {
    if wish.key.is_some() {
        return Ok(());
    }
    let relations = places::find(client, catalog, &wish.group).await?;
    let mut found = obstacles::find(client, &relations, options.firing_triggers).await?;
    if wish.kind == Kind::RotateKey {
        found.extend(index::with_values(client, keyring, &wish.group).await?);
    }
    if !found.is_empty() {
        return Err(work::in_the_way(&found));
    }
    if wish.kind == Kind::RotateIndexKey {
        let found = index::obstacles(client, Arc::clone(catalog), keyring, &wish.group).await?;
        if !found.is_empty() {
            return Err(index::in_the_way(&found));
        }
    }
    Ok(())
}

async fn insert(
    client: &mut Client,
    wishes: &[Wish],
    options: Options,
    by: &str,
) -> Result<Vec<i64>, JobError> {
    let fail = || JobError::database("add a job");
    let transaction = client.transaction().await.map_err(fail())?;
    transaction
        .batch_execute("SET LOCAL lock_timeout = '5s'; LOCK TABLE pyrite.jobs IN SHARE ROW EXCLUSIVE MODE")
        .await
        .map_err(fail())?;
    let mut ids = Vec::with_capacity(wishes.len());
    for wish in wishes {
        let spec = Spec::new(&wish.group, &wish.name, wish.key, options);
        let busy = transaction
            .query_opt(
                "SELECT id FROM pyrite.jobs WHERE spec->>'group' = ($1::text::jsonb)->>'group'
                   AND state IN ('queued', 'running', 'paused', 'cancelling') LIMIT 1",
                &[&spec.text()],
            )
            .await
            .map_err(fail())?;
        if let Some(busy) = busy {
            let other: i64 = busy.try_get(0).map_err(fail())?;
            return Err(JobError::Refused {
                sqlstate: "55006",
                message: format!("job {other} is at work on key group \"{}\"", wish.name),
                hint: format!("Wait for job {other} (SHOW JOBS), or CANCEL JOB {other}."),
            });
        }
        let step = wish.kind.steps().first().copied().unwrap_or_default();
        let row = transaction
            .query_one(
                "INSERT INTO pyrite.jobs (kind, spec, step, created_by) VALUES ($1, $2::text::jsonb, $3, $4) RETURNING id",
                &[&wish.kind.as_str(), &spec.text(), &step, &by],
            )
            .await
            .map_err(fail())?;
        ids.push(row.try_get(0).map_err(fail())?);
    }
    transaction.batch_execute("SELECT pg_notify('pyrite', 'jobs')").await.map_err(fail())?;
    transaction.commit().await.map_err(fail())?;
    Ok(ids)
}
