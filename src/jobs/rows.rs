//! Jobs as they are shown.

use tokio_postgres::{Client, Row};

use super::JobError;
use super::types::{JobRow, JobState};

const QUERY: &str =
    "SELECT id, kind, coalesce(spec->>'key', spec->>'name', ''), state, step, rows_done, rows_total,
    (cursor->>'rate')::float8,
    CASE state WHEN 'queued' THEN coalesce((SELECT 'waiting for job ' || o.id FROM pyrite.jobs AS o
        WHERE o.state IN ('running', 'cancelling') OR o.state = 'queued' AND o.id < jobs.id
        ORDER BY o.state = 'queued', o.id LIMIT 1), status) ELSE status END,
    error, holder::text, created_by, created_at, started_at, updated_at, finished_at
    FROM pyrite.jobs";

pub(super) async fn list(client: &Client) -> Result<Vec<JobRow>, JobError> {
    let rows = client.query(&format!("{QUERY} ORDER BY id DESC LIMIT 1000"), &[]).await;
    rows.map_err(JobError::database("list jobs"))?.iter().map(read).collect()
}

pub(super) async fn get(client: &Client, id: i64) -> Result<JobRow, JobError> {
    let row = client.query_opt(&format!("{QUERY} WHERE id = $1"), &[&id]).await;
    match row.map_err(JobError::database("look for a job"))? {
        Some(row) => read(&row),
        None => Err(JobError::unknown(format!("there is no job {id}"), "SHOW JOBS lists all jobs.")),
    }
}

fn read(row: &Row) -> Result<JobRow, JobError> {
    let fail = || JobError::database("read a job");
    let state: &str = row.try_get(3).map_err(fail())?;
    let state = JobState::parse(state).ok_or_else(|| {
        JobError::refused(
            "a job has a state that this version does not know",
            "Run the version that made it.",
        )
    })?;
    Ok(JobRow {
        id: row.try_get(0).map_err(fail())?,
        kind: row.try_get(1).map_err(fail())?,
        target: row.try_get(2).map_err(fail())?,
        state,
        step: row.try_get(4).map_err(fail())?,
        rows_done: row.try_get(5).map_err(fail())?,
        rows_total: row.try_get(6).map_err(fail())?,
        rate: if state == JobState::Running { row.try_get(7).map_err(fail())? } else { None },
        status: row.try_get(8).map_err(fail())?,
        error: row.try_get(9).map_err(fail())?,
        holder: row.try_get(10).map_err(fail())?,
        created_by: row.try_get(11).map_err(fail())?,
        created_at: row.try_get(12).map_err(fail())?,
        started_at: row.try_get(13).map_err(fail())?,
        updated_at: row.try_get(14).map_err(fail())?,
        finished_at: row.try_get(15).map_err(fail())?,
    })
}
