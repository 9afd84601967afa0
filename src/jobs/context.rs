//! What a job works with: its connection, its place in `pyrite.jobs`, and the waits that steps share.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::index::{Engine, Host};
use super::lease::Pulse;
use super::lockers::{self, Waited};
use super::store::Claimed;
use super::types::{Moment, Point, Settings};
use super::{JobError, places, sweep};
use crate::database::Database;
use crate::keys::{Change, GroupBytes, Keyring};
use crate::transform::Goal;

/// Looks in a row that must find a backend without a transaction. One that still has statements in its buffer is
/// without one for microseconds.
const PAUSES: u32 = 3;
/// Between looks at what is waited for.
const PATIENCE: Duration = Duration::from_millis(100);
/// How far a sweep has come, unless the job has become another proxy's.
const NOTE: &str =
    "UPDATE pyrite.jobs SET cursor = $3::text::jsonb, rows_done = $4, rows_total = $5, updated_at = now()
    WHERE id = $1 AND holder = $2::text::uuid AND state = $6 AND leased_until > clock_timestamp()";

/// A job under way.
pub(super) struct Context {
    database: Arc<Database>,
    client: Client,
    settings: Settings,
    holder: String,
    job: Claimed,
    pulse: Arc<Pulse>,
    step: &'static str,
    status: String,
    rows_done: i64,
    rows_total: Option<i64>,
    silences: bool,
    /// Prepared, since it comes with every batch.
    note: Option<Statement>,
}

impl Context {
    pub(super) fn new(
        database: Arc<Database>,
        client: Client,
        settings: Settings,
        holder: String,
        job: Claimed,
        pulse: Arc<Pulse>,
    ) -> Self {
        let rows_done = job.rows_done;
        Self {
            database,
            client,
            settings,
            holder,
            job,
            pulse,
            step: "",
            status: String::new(),
            rows_done,
            rows_total: None,
            silences: false,
            note: None,
        }
    }

    pub(super) fn job(&self) -> &Claimed {
        &self.job
    }

    pub(super) fn client_ref(&self) -> &Client {
        &self.client
    }

    pub(super) fn database_ref(&self) -> &Arc<Database> {
        &self.database
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Triggers are kept from firing, since the role may and the job was not asked to let them.
    pub(super) fn silences(&self) -> bool {
        self.silences
    }

    pub(super) fn set_silences(&mut self, silences: bool) {
        self.silences = silences && !self.job.spec.firing_triggers;
    }

    /// Share of the time in percent, and rows per second at most.
    pub(super) fn speed(&self) -> (u8, Option<u32>) {
        let spec = &self.job.spec;
        (spec.share.unwrap_or(self.settings.share), spec.rows_per_second.or(self.settings.rows_per_second))
    }

    pub(super) async fn connect(&self) -> Result<Client, JobError> {
        self.database.connect().await.map_err(JobError::database("connect for a job"))
    }

    /// Tells the background which backend writes.
    pub(super) async fn announce_writer(&self) -> Result<(), JobError> {
        let fail = || JobError::database("look at the own connection");
        let row = self.client.query_one("SELECT pg_backend_pid()", &[]).await.map_err(fail())?;
        self.pulse.writer.store(row.try_get(0).map_err(fail())?, Ordering::Relaxed);
        Ok(())
    }

    /// How far the present step came before.
    pub(super) fn cursor(&self) -> sweep::Cursor {
        serde_json::from_str(&self.job.cursor).unwrap_or_default()
    }

    pub(super) fn rows_done(&self) -> i64 {
        self.rows_done
    }

    /// How many rows there are still to look at, by the statistics.
    pub(super) fn left(&mut self, rows: i64) {
        self.rows_total = Some(self.rows_done + rows);
    }

    /// Notes how far a sweep has come, in the transaction that is open. An error: the job is no longer this proxy's,
    /// and the transaction must not be committed.
    pub(super) async fn note_within(&mut self, cursor: &sweep::Cursor, rows: i64) -> Result<(), JobError> {
        let text = serde_json::to_string(cursor).unwrap_or_default();
        let done = self.rows_done + rows;
        let total = self.rows_total.map(|total| total.max(done));
        let fail = || JobError::database("note how far a job is");
        let statement = match &self.note {
            Some(statement) => statement.clone(),
            None => self.note.insert(self.client.prepare(NOTE).await.map_err(fail())?).clone(),
        };
        let state = self.job.state.as_str();
        let parameters: [&(dyn ToSql + Sync); 6] = [&self.job.id, &self.holder, &text, &done, &total, &state];
        let changed = self.client.execute(&statement, &parameters).await.map_err(fail())?;
        if changed == 0 || self.pulse.is_lost() {
            return Err(JobError::LeaseLost);
        }
        self.rows_done = done;
        Ok(())
    }

    /// The same by itself, not more often than is worth a commit.
    pub(super) async fn note(&mut self, cursor: &sweep::Cursor) -> Result<(), JobError> {
        if self.pulse.is_lost() { Err(JobError::LeaseLost) } else { self.note_within(cursor, 0).await }
    }

    /// The same at the end of a pass.
    pub(super) async fn save(&mut self, cursor: &sweep::Cursor) -> Result<(), JobError> {
        self.mark("pass", Moment::Before)?;
        self.note_within(cursor, 0).await?;
        self.mark("pass", Moment::After)
    }

    /// As [`Host::point`].
    pub(super) fn mark(&self, what: &'static str, moment: Moment) -> Result<(), JobError> {
        if self.pulse.is_lost() {
            return Err(JobError::LeaseLost);
        }
        let Some(checkpoint) = &self.settings.checkpoint else { return Ok(()) };
        let point = Point { job: self.job.id, kind: self.job.kind.as_str(), step: self.step, what, moment };
        if checkpoint(&point).is_break() { Err(JobError::Stopped) } else { Ok(()) }
    }

    /// As [`Host::say`].
    pub(super) async fn tell(&mut self, status: String) -> Result<(), JobError> {
        if self.pulse.is_lost() {
            return Err(JobError::LeaseLost);
        }
        if status == self.status {
            return Ok(());
        }
        // Cancelled meanwhile, the job is no longer to be done but to be undone.
        let statement = "UPDATE pyrite.jobs SET status = $3, updated_at = now()
            WHERE id = $1 AND holder = $2::text::uuid AND state = $4";
        let state = self.job.state.as_str();
        let changed = self.client.execute(statement, &[&self.job.id, &self.holder, &status, &state]).await;
        if changed.map_err(JobError::database("say what a job does"))? == 0 {
            return Err(JobError::LeaseLost);
        }
        self.status = status;
        Ok(())
    }

    /// As [`Engine::enter`].
    pub(super) async fn begin(&mut self, step: &'static str) -> Result<(), JobError> {
        self.step = step;
        if self.job.step == step {
            // Taken over, or resumed, in the midst of it.
            return self.tell(step.to_owned()).await;
        }
        self.mark("step", Moment::Before)?;
        let statement = "WITH job AS (
                UPDATE pyrite.jobs SET step = $3, cursor = '{}', status = $3, updated_at = now()
                WHERE id = $1 AND holder = $2::text::uuid AND state = $4 RETURNING id)
            SELECT pg_notify('pyrite', 'jobs') FROM job";
        let state = self.job.state.as_str();
        let changed = self.client.query(statement, &[&self.job.id, &self.holder, &step, &state]).await;
        if changed.map_err(JobError::database("begin a step of a job"))?.is_empty() {
            return Err(JobError::LeaseLost);
        }
        self.job.step = step.to_owned();
        self.job.cursor = String::new();
        self.status = step.to_owned();
        self.mark("step", Moment::After)
    }

    /// As [`Engine::change`].
    pub(super) async fn change_keys(&mut self, changes: Vec<Change>) -> Result<Arc<Keyring>, JobError> {
        self.mark("change of keys", Moment::Before)?;
        let keyring = self.database.change_keys(changes).await?;
        self.mark("change of keys", Moment::After)?;
        Ok(keyring)
    }

    /// Waits until every proxy that runs has gone over to this keyring.
    pub(super) async fn await_proxies(&mut self, counter: u64) -> Result<(), JobError> {
        loop {
            let waiting = self.database.all_drained(&self.client, counter).await?;
            let Some(first) = waiting.first() else { return Ok(()) };
            self.tell(format!("waiting: {first}")).await?;
            tokio::time::sleep(PATIENCE).await;
        }
    }

    /// Waits until these transactions have ended.
    pub(super) async fn await_transactions(&mut self, noted: Vec<Waited>) -> Result<(), JobError> {
        if noted.is_empty() {
            return Ok(());
        }
        self.await_these(noted).await?;
        // Some of them may have been prepared meanwhile.
        let prepared = lockers::prepared(&self.client).await?;
        self.await_these(prepared).await
    }

    async fn await_these(&mut self, mut left: Vec<Waited>) -> Result<(), JobError> {
        loop {
            left = lockers::remaining(&self.client, &left).await?;
            let Some(first) = left.first() else { return Ok(()) };
            let others = match left.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            self.tell(format!("waiting for {first}{others} to end")).await?;
            tokio::time::sleep(PATIENCE).await;
        }
    }

    /// Waits until every backend that is at work now has paused or is gone, since a proxy that died may have left
    /// statements in the buffers of some.
    async fn await_pauses(&mut self) -> Result<(), JobError> {
        let mut left: Vec<(i32, u32)> =
            lockers::busy(&self.client).await?.into_iter().map(|pid| (pid, 0)).collect();
        while let Some((pid, _)) = left.first().copied() {
            let others = left.len() - 1;
            self.tell(format!(
                "a proxy died: waiting for backend {pid} and {others} more to be seen without a transaction"
            ))
            .await?;
            tokio::time::sleep(PATIENCE).await;
            let busy = lockers::busy(&self.client).await?;
            for (pid, pauses) in &mut left {
                *pauses = if busy.contains(pid) { 0 } else { *pauses + 1 };
            }
            left.retain(|(_, pauses)| *pauses < PAUSES);
        }
        Ok(())
    }

    /// As [`Engine::drain`].
    pub(super) async fn await_drained(&mut self, group: GroupBytes, counter: u64) -> Result<(), JobError> {
        self.await_proxies(counter).await?;
        if self.database.passed_over(&self.client, counter).await? {
            self.await_pauses().await?;
        }
        let catalog = self.database.refresh().await?;
        let relations = places::find(&self.client, &catalog, &group).await?;
        let mut oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
        // Statements lock the parents of partitions too, and some nothing else.
        oids.extend(catalog.relations().iter().filter(|r| r.kind == 'p' && r.is_protected()).map(|r| r.oid));
        let noted = lockers::writers(&self.client, &oids).await?;
        self.await_transactions(noted).await
    }
}

impl Host for Context {
    fn client(&self) -> &Client {
        &self.client
    }

    fn point(&self, what: &'static str, moment: Moment) -> Result<(), JobError> {
        self.mark(what, moment)
    }

    async fn say(&mut self, status: String) -> Result<(), JobError> {
        self.tell(status).await
    }
}

impl Engine for Context {
    fn database(&self) -> &Arc<Database> {
        &self.database
    }

    async fn enter(&mut self, step: &'static str) -> Result<(), JobError> {
        self.begin(step).await
    }

    async fn change(&mut self, changes: Vec<Change>) -> Result<Arc<Keyring>, JobError> {
        self.change_keys(changes).await
    }

    async fn drain(&mut self, group: GroupBytes, counter: u64) -> Result<(), JobError> {
        self.await_drained(group, counter).await
    }

    async fn sweep_terms(&mut self, group: GroupBytes) -> Result<(), JobError> {
        super::work::sweep_until_clean(self, group, &[Goal::IndexTerms]).await
    }
}
