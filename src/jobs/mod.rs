//! Jobs: whatever rewrites stored values, or has to look at all of them.
//!
//! A job is a row of `pyrite.jobs`. The proxy that holds its lease works on it, step by step; each step looks at what
//! is there and goes on, so that another proxy can take it over after a crash between any two commits. One job runs
//! at a time in a database. [`Jobs`] is what the console uses, [`run`] what a proxy's server keeps running.

mod context;
mod demand;
mod error;
pub mod index;
mod kind;
mod lease;
mod lockers;
mod obstacles;
mod outlook;
mod places;
mod rows;
mod runner;
mod store;
mod submit;
mod sweep;
mod throttle;
mod tid;
mod types;
mod work;

pub use error::JobError;
pub use kind::{DataStep, Kind};
pub use runner::run;
pub use types::{Checkpoint, JobRow, JobState, Moment, Options, Point, Request, Settings, Target};

use std::sync::Arc;

use crate::database::Database;

/// The jobs of one database.
#[derive(Clone, Debug)]
pub struct Jobs {
    database: Arc<Database>,
}

impl Jobs {
    /// Those of this database.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Adds a job for each key group that the request concerns, and returns their numbers. What stands in the way is
    /// found now, and then nothing is added.
    ///
    /// # Errors
    /// What was asked for does not exist, cannot be done, or another job is at it; or the server is away.
    pub async fn submit(&self, request: Request, options: Options, by: &str) -> Result<Vec<i64>, JobError> {
        let mut client = self.connect().await?;
        submit::submit(&self.database, &mut client, &request, options, by).await
    }

    /// All jobs, the newest first.
    ///
    /// # Errors
    /// The server is away.
    pub async fn list(&self) -> Result<Vec<JobRow>, JobError> {
        rows::list(&self.connect().await?).await
    }

    /// One job.
    ///
    /// # Errors
    /// There is none of this number; or the server is away.
    pub async fn get(&self, id: i64) -> Result<JobRow, JobError> {
        rows::get(&self.connect().await?, id).await
    }

    /// Lets a job rest until [`Jobs::resume`]. What it has committed stays.
    ///
    /// # Errors
    /// It is over, or there is none; or the server is away.
    pub async fn pause(&self, id: i64) -> Result<(), JobError> {
        store::pause(&self.connect().await?, id).await
    }

    /// Lets a job go on that was paused or has failed.
    ///
    /// # Errors
    /// It is neither, or there is none; or the server is away.
    pub async fn resume(&self, id: i64) -> Result<(), JobError> {
        store::resume(&mut self.connect().await?, id).await
    }

    /// Gives a job up. A rotation that is beyond the point where its new key came into use leaves that key in use, and
    /// the old one fading until the next rotation.
    ///
    /// # Errors
    /// It is over or cannot be given up any more, or there is none; or the server is away.
    pub async fn cancel(&self, id: i64) -> Result<(), JobError> {
        store::cancel(&mut self.connect().await?, id).await
    }

    async fn connect(&self) -> Result<tokio_postgres::Client, JobError> {
        self.database.connect().await.map_err(JobError::database("connect for a job"))
    }
}
