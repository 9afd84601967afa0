//! The background of a job: renews its lease and watches whether its batches are in somebody's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_postgres::Client;

use super::store::interval;
use crate::database::Database;

/// How often somebody who waits for the job is looked for.
const WATCH: Duration = Duration::from_millis(500);
/// Renewals per lease.
const RENEWALS: u32 = 4;

/// What the background finds out.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// The job is no longer this proxy's.
    lost: AtomicBool,
    /// Somebody waits for a lock that the job holds.
    waited_for: AtomicBool,
    /// Bytes that the slowest standby has still to replay.
    lag: AtomicI64,
    /// Backend that writes the batches; 0: none.
    pub(super) writer: AtomicI32,
}

impl Pulse {
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Whether somebody waited since this was asked last.
    pub(super) fn take_waited_for(&self) -> bool {
        self.waited_for.swap(false, Ordering::Relaxed)
    }

    pub(super) fn lag(&self) -> i64 {
        self.lag.load(Ordering::Relaxed)
    }
}

/// The task; it ends with this.
#[derive(Debug)]
pub(super) struct Background {
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts it.
pub(super) fn start(
    database: Arc<Database>,
    pulse: Arc<Pulse>,
    job: i64,
    holder: String,
    lease: Duration,
) -> Background {
    Background { task: tokio::spawn(beat(database, pulse, job, holder, lease)) }
}

async fn beat(database: Arc<Database>, pulse: Arc<Pulse>, job: i64, holder: String, lease: Duration) {
    let mut renewed = Instant::now();
    let mut client: Option<Client> = None;
    let mut due = renewed;
    let patience = lease / RENEWALS;
    loop {
        let mut hangs = false;
        if renewed.elapsed() >= lease {
            pulse.lost.store(true, Ordering::SeqCst);
            return;
        }
        if client.as_ref().is_none_or(Client::is_closed) {
            client = timeout(patience, database.connect()).await.ok().and_then(Result::ok);
        }
        if let Some(client) = &client {
            if due <= Instant::now() {
                let began = Instant::now();
                match timeout(patience, renew(client, job, &holder, lease)).await {
                    Ok(Ok(true)) => (renewed, due) = (began, began + lease / RENEWALS),
                    Ok(Ok(false)) => {
                        pulse.lost.store(true, Ordering::SeqCst);
                        return;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, job, "cannot renew a job's lease"),
                    Err(_) => hangs = true,
                }
            }
            hangs |= timeout(patience, watch(client, &pulse)).await.is_err();
        }
        // One that gives no answer would keep the loop from seeing that the lease is over.
        if hangs {
            client = None;
        }
        tokio::time::sleep(WATCH.min(lease / (2 * RENEWALS))).await;
    }
}

async fn renew(
    client: &Client,
    job: i64,
    holder: &str,
    lease: Duration,
) -> Result<bool, tokio_postgres::Error> {
    let statement = "UPDATE pyrite.jobs SET leased_until = clock_timestamp() + make_interval(secs => $3), updated_at = now()
        WHERE id = $1 AND holder = $2::text::uuid AND state IN ('running', 'cancelling')";
    Ok(client.execute(statement, &[&job, &holder, &interval(lease)]).await? > 0)
}

/// Errors mean that there is nothing to see here: without the right to read `pg_stat_replication` its figures are
/// NULL.
async fn watch(client: &Client, pulse: &Pulse) {
    let writer = pulse.writer.load(Ordering::Relaxed);
    let query = "SELECT EXISTS (
            SELECT FROM pg_locks w JOIN pg_locks h ON h.transactionid = w.transactionid
            WHERE NOT w.granted AND w.locktype = 'transactionid' AND h.granted AND h.pid = $1),
        CASE WHEN pg_is_in_recovery() THEN 0 ELSE (
            SELECT coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::int8
            FROM pg_stat_replication WHERE state = 'streaming') END";
    if let Ok(row) = client.query_one(query, &[&writer]).await {
        if row.try_get(0).unwrap_or(false) {
            pulse.waited_for.store(true, Ordering::Relaxed);
        }
        pulse.lag.store(row.try_get(1).unwrap_or(0), Ordering::Relaxed);
    }
}
