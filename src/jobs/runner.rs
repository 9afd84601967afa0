//! The task that looks for jobs and works on them, one after another.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;
use tokio_postgres::Client;

use super::context::Context;
use super::lease::{self, Pulse};
use super::store::{self, Claimed, holder_text};
use super::types::{JobState, Settings};
use super::{JobError, work};
use crate::database::{Database, Event};

/// Between looks for jobs, if nobody tells of one.
const POLL: Duration = Duration::from_secs(1);
/// After an error that passes.
const AGAIN: Duration = Duration::from_millis(500);
/// How long giving jobs back may take at a clean stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Works on the jobs of this database until `stop` becomes true.
pub async fn run(database: Arc<Database>, settings: Settings, mut stop: watch::Receiver<bool>) {
    let holder = holder_text(&database.proxy_id());
    let dead = tokio::select! {
        () = work_on(&database, &settings, &holder) => true,
        _ = stop.wait_for(|stop| *stop) => false,
    };
    if dead {
        return;
    }
    let release = async {
        if let Ok(client) = database.connect().await {
            // Otherwise the lease runs out by itself.
            let _ = store::release(&client, &holder).await;
        }
    };
    let _ = tokio::time::timeout(FAREWELL, release).await;
}

/// Ends only at a checkpoint that says so.
async fn work_on(database: &Arc<Database>, settings: &Settings, holder: &str) {
    let mut events = database.subscribe();
    let mut client: Option<Client> = None;
    loop {
        match turn(database, settings, holder, &mut client).await {
            Ok(true) => {}
            Ok(false) => idle(&mut events).await,
            Err(JobError::Stopped) => return,
            Err(JobError::LeaseLost) => {}
            Err(error) => {
                tracing::warn!(database = database.name(), %error, "jobs rest for a moment");
                client = None;
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn idle(events: &mut Receiver<Event>) {
    let told = async {
        loop {
            match events.recv().await {
                // Having missed some is as good as being told.
                Ok(Event::Jobs) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return,
                Ok(_) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(POLL, told).await;
}

/// Claims a job and works on it. `false`: there is none.
async fn turn(
    database: &Arc<Database>,
    settings: &Settings,
    holder: &str,
    client: &mut Option<Client>,
) -> Result<bool, JobError> {
    // A proxy that is cut off from its keys must not touch values.
    if !database.lease().holds() {
        return Ok(false);
    }
    if client.as_ref().is_none_or(Client::is_closed) {
        let connected = database.connect().await;
        *client = Some(connected.map_err(JobError::database("connect for jobs"))?);
    }
    let Some(claimer) = client else { return Ok(false) };
    let Some(job) = store::claim(claimer, holder, settings.lease).await? else { return Ok(false) };
    let pulse = Arc::new(Pulse::default());
    let _background =
        lease::start(Arc::clone(database), Arc::clone(&pulse), job.id, holder.to_owned(), settings.lease);
    tracing::info!(
        database = database.name(),
        job = job.id,
        kind = job.kind.as_str(),
        step = job.step,
        "job taken up"
    );
    let outcome = attempt(database, settings, holder, job.clone(), pulse).await;
    conclude(claimer, holder, &job, outcome).await.map(|()| true)
}

async fn attempt(
    database: &Arc<Database>,
    settings: &Settings,
    holder: &str,
    job: Claimed,
    pulse: Arc<Pulse>,
) -> Result<String, JobError> {
    let cancelling = job.state == JobState::Cancelling;
    let client = database.connect().await.map_err(JobError::database("connect for a job"))?;
    let mut context =
        Context::new(Arc::clone(database), client, settings.clone(), holder.to_owned(), job, pulse);
    if cancelling { work::cancel(&mut context).await } else { work::run(&mut context).await }
}

async fn conclude(
    client: &Client,
    holder: &str,
    job: &Claimed,
    outcome: Result<String, JobError>,
) -> Result<(), JobError> {
    match outcome {
        Ok(words) => {
            let state = if job.state == JobState::Cancelling { JobState::Cancelled } else { JobState::Done };
            tracing::info!(job = job.id, state = state.as_str(), "job ended: {words}");
            store::finish(client, job.id, holder, state, &words, None).await
        }
        Err(error @ (JobError::Stopped | JobError::LeaseLost)) => Err(error),
        // The job stays ours; the next turn goes on with it.
        Err(error) if error.is_transient() => {
            // If the server is away, that cannot be said.
            let _ = store::say(client, job.id, holder, &format!("trying again: {error}")).await;
            Err(error)
        }
        Err(error) => {
            let words = match error.hint() {
                Some(hint) => format!("{error}. {hint}"),
                None => error.to_string(),
            };
            tracing::error!(job = job.id, %error, "job failed");
            store::finish(client, job.id, holder, JobState::Failed, "failed", Some(&words)).await
        }
    }
}
