//! Where a rotation runs, and how its statements are committed.

use std::time::Duration;

use tokio_postgres::Client;

use crate::jobs::{JobError, Moment};

/// What runs a rotation's steps: the engine of jobs.
pub(crate) trait Host: Send {
    /// A connection of the service role of its own, with `search_path = pg_catalog`.
    fn client(&self) -> &Client;

    /// A commit is about to come, or has just been.
    fn point(&self, what: &'static str, moment: Moment) -> Result<(), JobError>;

    /// Shows what is being done. An error: the job is no longer this proxy's.
    fn say(&mut self, status: String) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// How long a statement waits for a lock that keeps others waiting behind it: the longest stop of an application
/// that a rotation causes.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(800);
/// Between two attempts, in multiples of the wait.
const REST: u32 = 4;

/// What is tried, for errors and checkpoints.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Tries {
    pub(in crate::jobs) doing: &'static str,
    pub(in crate::jobs) what: &'static str,
}

/// Runs one statement that commits by itself.
pub(in crate::jobs) async fn run(
    host: &mut impl Host,
    doing: &'static str,
    what: &'static str,
    statement: &str,
) -> Result<(), JobError> {
    // It may take as long as it takes, and queues where it keeps nobody waiting.
    let patient = "SET lock_timeout = 0; SET statement_timeout = 0";
    host.client().batch_execute(patient).await.map_err(JobError::database(doing))?;
    host.point(what, Moment::Before)?;
    host.client().batch_execute(statement).await.map_err(JobError::database(doing))?;
    host.point(what, Moment::After)
}

/// Runs statements in one transaction that waits for locks only shortly, until it gets them: whoever comes behind it
/// in a lock's queue waits no longer than that.
pub(in crate::jobs) async fn try_again(
    host: &mut impl Host,
    tries: Tries,
    statements: &[&str],
) -> Result<(), JobError> {
    let mut wait = SHORTEST;
    loop {
        let begin = format!("BEGIN; SET LOCAL lock_timeout = '{}ms'", wait.as_millis());
        match transaction(host, tries, &begin, statements).await {
            Err(error) if is_lock_timeout(&error) => {}
            other => return other,
        }
        host.say(format!("waiting for a lock to {}", tries.doing)).await?;
        tokio::time::sleep(wait * REST).await;
        wait = (wait * 2).min(LONGEST);
    }
}

async fn transaction(
    host: &mut impl Host,
    tries: Tries,
    begin: &str,
    statements: &[&str],
) -> Result<(), JobError> {
    let done = async {
        host.client().batch_execute(begin).await?;
        for statement in statements {
            host.client().batch_execute(statement).await?;
        }
        Ok(())
    };
    if let Err(error) = done.await.map_err(JobError::database(tries.doing)) {
        // What is left of a transaction on a connection that is gone is the server's to undo.
        let _ = host.client().batch_execute("ROLLBACK").await;
        return Err(error);
    }
    host.point(tries.what, Moment::Before)?;
    host.client().batch_execute("COMMIT").await.map_err(JobError::database(tries.doing))?;
    host.point(tries.what, Moment::After)
}

/// Whether a lock was not to be had, or somebody else had to go first.
fn is_lock_timeout(error: &JobError) -> bool {
    matches!(error.server_code(), Some("55P03" | "40P01"))
}
