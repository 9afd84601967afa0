//! What may be asked of jobs, and what is told of them.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::keys::KeyId;

/// What a job shall do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// A new data key, every value under it, the old one retired.
    RotateKey(Target),
    /// A new index key in the other slot, every term under it, the old one retired.
    RotateIndexKey(Target),
    /// Values and terms that an old backup brought back, brought to the present keys. No key changes.
    Repair(Target),
    /// A fading key no longer counts as needed, once a scan finds no value under it.
    RetireKey(KeyId),
    /// A retired key's bytes are deleted, once a scan finds no value under it.
    DestroyKey(KeyId),
}

/// Which key groups a rotation concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The group of this column. Without a schema the table's name must be that of one encrypted table.
    Column {
        /// Schema, as stored in the catalog.
        schema: Option<String>,
        /// Table, as stored in the catalog.
        table: String,
        /// Column, as stored in the catalog.
        column: String,
    },
    /// The group of this name.
    Group(String),
    /// Each group, a job for each.
    All,
}

/// How a job may go about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Let the tables' triggers and rules run for the sweep's updates, where they cannot be kept from it.
    pub firing_triggers: bool,
    /// Share of the time, in percent, that the sweep may keep the server busy. `None`: as configured.
    pub share: Option<u8>,
    /// Rows rewritten per second at most. `None`: as configured.
    pub rows_per_second: Option<u32>,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
    /// No proxy has begun it.
    Queued,
    /// A proxy works on it, or did until it died; then another one will.
    Running,
    /// Waits for RESUME.
    Paused,
    /// Is being undone as far as is sound.
    Cancelling,
    /// Ended by CANCEL.
    Cancelled,
    /// Ended well.
    Done,
    /// Ended by an error; RESUME tries again.
    Failed,
}

impl JobState {
    const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Cancelling,
        Self::Cancelled,
        Self::Done,
        Self::Failed,
    ];

    /// As in `pyrite.jobs`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The inverse of [`JobState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing more will come of it, unless it is resumed.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Done | Self::Failed)
    }
}

/// One job, as `SHOW JOBS` lists it.
#[derive(Clone, PartialEq, Debug)]
pub struct JobRow {
    /// Its number.
    pub id: i64,
    /// `rotate key`, `rotate index key`, `repair`, `retire key`, `destroy key`.
    pub kind: String,
    /// What it concerns: name of a key group, or id of a key.
    pub target: String,
    /// Where it stands.
    pub state: JobState,
    /// The step it is at.
    pub step: String,
    /// Values rewritten (or looked at, where nothing is rewritten) so far.
    pub rows_done: i64,
    /// How many there will be; an estimate that is corrected on the way. `None`: not known yet.
    pub rows_total: Option<i64>,
    /// Rows per second lately, while it sweeps.
    pub rate: Option<f64>,
    /// In words: what it does or waits for.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// The proxy that works on it, as in `pyrite.proxies`.
    pub holder: Option<String>,
    /// Who asked for it.
    pub created_by: String,
    /// When it was asked for.
    pub created_at: SystemTime,
    /// When a proxy began it.
    pub started_at: Option<SystemTime>,
    /// Its latest sign of life.
    pub updated_at: SystemTime,
    /// When it ended.
    pub finished_at: Option<SystemTime>,
}

impl JobRow {
    /// Time left at the present rate, while it sweeps.
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.rows_total?.saturating_sub(self.rows_done).max(0);
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        // Both are counts far below 2^52.
        Duration::try_from_secs_f64(left as f64 / rate).ok()
    }
}

/// How all jobs of a proxy go about their work.
#[derive(Clone)]
pub struct Settings {
    /// How long a job stays with a proxy that gives no sign of life.
    pub lease: Duration,
    /// Share of the time, in percent, that a sweep may keep the server busy.
    pub share: u8,
    /// Rows rewritten per second at most.
    pub rows_per_second: Option<u32>,
    /// What a batch shall take, lock to commit.
    pub batch_time: Duration,
    /// A standby this many bytes behind makes a sweep wait.
    pub most_lag: i64,
    /// Looks on at every commit.
    pub checkpoint: Option<Checkpoint>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            share: 20,
            rows_per_second: None,
            batch_time: Duration::from_millis(20),
            most_lag: 64 << 20,
            checkpoint: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("lease", &self.lease)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

/// A commit that a job makes: which, and whether it is about to come or has just been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// The job.
    pub job: i64,
    /// Its kind, as in [`JobRow`].
    pub kind: &'static str,
    /// The step that makes it.
    pub step: &'static str,
    /// What is committed.
    pub what: &'static str,
    /// Before or after it.
    pub moment: Moment,
}

/// Which side of a commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Moment {
    /// Nothing of it is in the database yet.
    Before,
    /// All of it is.
    After,
}

/// Is called before and after every commit of a job. [`ControlFlow::Break`] stops all jobs of this proxy dead
/// there, as SIGKILL would: nothing is cleaned up, and the lease runs out by itself.
pub type Checkpoint = Arc<dyn Fn(&Point) -> ControlFlow<()> + Send + Sync>;
