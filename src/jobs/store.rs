//! `pyrite.jobs` as the engine uses it: claims, control, endings.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row};

use super::JobError;
use super::index;
use super::kind::Kind;
use super::types::{JobState, Options};
use crate::keys::{GroupBytes, KeyId};

/// What a job was asked for, as in the column `spec`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    /// Id of the key group, in hexadecimal digits.
    group: String,
    /// Its name, for people.
    pub(super) name: String,
    /// The key that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default)]
    pub(super) firing_triggers: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) share: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows_per_second: Option<u32>,
    /// It was to be cancelled after it had begun: from then on it goes nowhere else, whatever happens on the way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancelling: bool,
}

impl Spec {
    pub(super) fn new(group: &GroupBytes, name: &str, key: Option<KeyId>, options: Options) -> Self {
        Self {
            group: group.iter().map(|byte| format!("{byte:02x}")).collect(),
            name: name.to_owned(),
            key: key.map(|id| id.to_string()),
            firing_triggers: options.firing_triggers,
            share: options.share,
            rows_per_second: options.rows_per_second,
            cancelling: false,
        }
    }

    pub(super) fn group(&self) -> Option<GroupBytes> {
        let mut bytes = [0; 16];
        if self.group.len() != 32 || !self.group.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(self.group.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(bytes)
    }

    pub(super) fn key(&self) -> Option<KeyId> {
        self.key.as_deref().and_then(KeyId::parse)
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A job that this proxy holds.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) spec: Arc<Spec>,
    pub(super) group: GroupBytes,
    pub(super) state: JobState,
    pub(super) step: String,
    pub(super) cursor: String,
    pub(super) rows_done: i64,
}

/// A proxy's id as SQL text.
pub(super) fn holder_text(proxy: &[u8; 16]) -> String {
    proxy.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn interval(lease: Duration) -> f64 {
    lease.as_secs_f64()
}

const CLAIMABLE: &str = "state IN ('queued', 'running', 'cancelling')
    AND (holder IS NULL OR holder = $1::text::uuid OR leased_until < clock_timestamp())";

/// Takes the oldest job that nobody holds, unless another one is being worked on.
pub(super) async fn claim(
    client: &mut Client,
    holder: &str,
    lease: Duration,
) -> Result<Option<Claimed>, JobError> {
    let doing = "look for jobs";
    let fail = || JobError::database(doing);
    // Most of the time there is none, and this is all that happens.
    let query = format!("SELECT EXISTS (SELECT FROM pyrite.jobs WHERE {CLAIMABLE})");
    let row = client.query_one(&query, &[&holder]).await.map_err(fail())?;
    if !row.try_get::<_, bool>(0).map_err(fail())? {
        return Ok(None);
    }
    let transaction = client.transaction().await.map_err(fail())?;
    // One proxy at a time decides; batches of a running job wait for it shortly.
    transaction
        .batch_execute("SET LOCAL lock_timeout = '5s'; LOCK TABLE pyrite.jobs IN SHARE ROW EXCLUSIVE MODE")
        .await
        .map_err(fail())?;
    let query = format!(
        "UPDATE pyrite.jobs SET holder = $1::text::uuid, leased_until = clock_timestamp() + make_interval(secs => $2),
                state = CASE state WHEN 'queued' THEN 'running' ELSE state END,
                started_at = coalesce(started_at, now()), updated_at = now()
         WHERE id = (SELECT min(id) FROM pyrite.jobs WHERE {CLAIMABLE})
           AND NOT EXISTS (
               SELECT FROM pyrite.jobs
               WHERE state IN ('running', 'cancelling') AND holder <> $1::text::uuid AND leased_until >= clock_timestamp())
         RETURNING id, kind, spec::text, state, step, cursor::text, rows_done"
    );
    let row = transaction.query_opt(&query, &[&holder, &interval(lease)]).await.map_err(fail())?;
    transaction.commit().await.map_err(fail())?;
    let Some(row) = row else { return Ok(None) };
    match claimed(&row) {
        Err(error @ JobError::Refused { .. }) => {
            // Claimed again and again, it would keep all others from being done.
            let id: i64 = row.try_get(0).map_err(fail())?;
            let words = format!("{error}. {}", error.hint().unwrap_or_default());
            finish(client, id, holder, JobState::Failed, "failed", Some(&words)).await?;
            Err(error)
        }
        read => read.map(Some),
    }
}

fn claimed(row: &Row) -> Result<Claimed, JobError> {
    let fail = || JobError::database("read a job");
    let id: i64 = row.try_get(0).map_err(fail())?;
    let unknown = |what: &str| {
        JobError::refused(
            format!("job {id} has {what} that this version does not know"),
            "Run the version of Pyrite that made it, or CANCEL it.",
        )
    };
    let kind = Kind::parse(row.try_get(1).map_err(fail())?).ok_or_else(|| unknown("a kind"))?;
    let spec: Spec = serde_json::from_str(row.try_get(2).map_err(fail())?).map_err(|_| unknown("a form"))?;
    let group = spec.group().ok_or_else(|| unknown("a form"))?;
    let state = JobState::parse(row.try_get(3).map_err(fail())?).ok_or_else(|| unknown("a state"))?;
    Ok(Claimed {
        id,
        kind,
        spec: Arc::new(spec),
        group,
        state,
        step: row.try_get(4).map_err(fail())?,
        cursor: row.try_get(5).map_err(fail())?,
        rows_done: row.try_get(6).map_err(fail())?,
    })
}

/// Ends a job that this proxy holds.
pub(super) async fn finish(
    client: &Client,
    id: i64,
    holder: &str,
    state: JobState,
    status: &str,
    error: Option<&str>,
) -> Result<(), JobError> {
    let changed = client
        .execute(
            "WITH job AS (
                 UPDATE pyrite.jobs SET state = $3, status = $4, error = $5, holder = NULL, leased_until = NULL,
                        finished_at = now(), updated_at = now()
                 WHERE id = $1 AND holder = $2::text::uuid AND state IN ('running', 'cancelling') RETURNING id)
             SELECT pg_notify('pyrite', 'jobs') FROM job",
            &[&id, &holder, &state.as_str(), &status, &error],
        )
        .await
        .map_err(JobError::database("end a job"))?;
    if changed == 0 { Err(JobError::LeaseLost) } else { Ok(()) }
}

/// Says why a job does not go on, for the time being.
pub(super) async fn say(client: &Client, id: i64, holder: &str, status: &str) -> Result<(), JobError> {
    let statement =
        "UPDATE pyrite.jobs SET status = $3, updated_at = now() WHERE id = $1 AND holder = $2::text::uuid";
    client
        .execute(statement, &[&id, &holder, &status])
        .await
        .map_err(JobError::database("say why a job rests"))
        .map(drop)
}

/// Gives back what this proxy holds, at a clean stop.
pub(super) async fn release(client: &Client, holder: &str) -> Result<(), JobError> {
    let statement = "UPDATE pyrite.jobs SET holder = NULL, leased_until = NULL WHERE holder = $1::text::uuid";
    client.execute(statement, &[&holder]).await.map_err(JobError::database("give jobs back")).map(drop)
}

/// As [`super::Jobs::pause`].
pub(super) async fn pause(client: &Client, id: i64) -> Result<(), JobError> {
    let changed = client
        .query_opt(
            "WITH job AS (
                 UPDATE pyrite.jobs SET state = 'paused', holder = NULL, leased_until = NULL, status = 'paused',
                        updated_at = now()
                 WHERE id = $1 AND state IN ('queued', 'running') RETURNING id)
             SELECT pg_notify('pyrite', 'jobs') FROM job",
            &[&id],
        )
        .await
        .map_err(JobError::database("pause a job"))?;
    match changed {
        Some(_) => Ok(()),
        None => Err(wrong_state(client, id, "paused").await?),
    }
}

/// As [`super::Jobs::resume`].
pub(super) async fn resume(client: &mut Client, id: i64) -> Result<(), JobError> {
    let fail = || JobError::database("resume a job");
    let transaction = client.transaction().await.map_err(fail())?;
    transaction.batch_execute("LOCK TABLE pyrite.jobs IN SHARE ROW EXCLUSIVE MODE").await.map_err(fail())?;
    let other = transaction
        .query_opt(
            "SELECT o.id FROM pyrite.jobs j JOIN pyrite.jobs o ON o.spec->>'group' = j.spec->>'group'
             WHERE j.id = $1 AND j.state = 'failed' AND o.id <> j.id
               AND o.state IN ('queued', 'running', 'paused', 'cancelling') LIMIT 1",
            &[&id],
        )
        .await
        .map_err(fail())?;
    if let Some(other) = other {
        let other: i64 = other.try_get(0).map_err(fail())?;
        return Err(JobError::refused(
            format!("job {other} is at work on the same key group"),
            format!("Wait for job {other}, or CANCEL it."),
        ));
    }
    let changed = transaction
        .query_opt(
            "WITH job AS (
                 UPDATE pyrite.jobs
                 SET state = CASE WHEN spec @> jsonb '{\"cancelling\": true}' THEN 'cancelling' ELSE 'queued' END,
                     error = NULL, status = '', finished_at = NULL, updated_at = now()
                 WHERE id = $1 AND state IN ('paused', 'failed') RETURNING id)
             SELECT pg_notify('pyrite', 'jobs') FROM job",
            &[&id],
        )
        .await
        .map_err(fail())?;
    transaction.commit().await.map_err(fail())?;
    match changed {
        Some(_) => Ok(()),
        None => Err(wrong_state(client, id, "resumed").await?),
    }
}

/// As [`super::Jobs::cancel`].
pub(super) async fn cancel(client: &mut Client, id: i64) -> Result<(), JobError> {
    let fail = || JobError::database("cancel a job");
    let transaction = client.transaction().await.map_err(fail())?;
    let row = transaction
        .query_opt(
            "SELECT kind, step, started_at IS NULL FROM pyrite.jobs
             WHERE id = $1 AND state IN ('queued', 'running', 'paused', 'failed') FOR UPDATE",
            &[&id],
        )
        .await
        .map_err(fail())?;
    let Some(row) = row else {
        drop(transaction);
        return Err(wrong_state(client, id, "cancelled").await?);
    };
    let (kind, step): (&str, &str) = (row.try_get(0).map_err(fail())?, row.try_get(1).map_err(fail())?);
    let is_new: bool = row.try_get(2).map_err(fail())?;
    let past = index::Step::parse(step).is_some_and(|step| !step.can_be_undone());
    if kind == Kind::RotateIndexKey.as_str() && past {
        return Err(JobError::refused(
            format!("job {id} is past the switch to the new index key"),
            format!("Let it go on to its end (RESUME JOB {id}, if it rests); then rotate again."),
        ));
    }
    let state = if is_new { "cancelled" } else { "cancelling" };
    transaction
        .execute(
            "UPDATE pyrite.jobs SET state = $2, error = NULL, holder = NULL, leased_until = NULL, updated_at = now(),
                    spec = CASE $2 WHEN 'cancelling' THEN spec || jsonb '{\"cancelling\": true}' ELSE spec END,
                    finished_at = CASE $2 WHEN 'cancelled' THEN now() END WHERE id = $1",
            &[&id, &state],
        )
        .await
        .map_err(fail())?;
    transaction.batch_execute("SELECT pg_notify('pyrite', 'jobs')").await.map_err(fail())?;
    transaction.commit().await.map_err(fail())
}

async fn wrong_state(client: &Client, id: i64, wanted: &str) -> Result<JobError, JobError> {
    let fail = || JobError::database("look for a job");
    let row = client.query_opt("SELECT state FROM pyrite.jobs WHERE id = $1", &[&id]).await.map_err(fail())?;
    Ok(match row {
        Some(row) => {
            let state: String = row.try_get(0).map_err(fail())?;
            JobError::refused(
                format!("job {id} cannot be {wanted}: it is {state}"),
                "SHOW JOBS lists all jobs.",
            )
        }
        None => JobError::unknown(format!("there is no job {id}"), "SHOW JOBS lists all jobs."),
    })
}
