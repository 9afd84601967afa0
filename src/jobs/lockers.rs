//! Waiting for transactions, as CREATE INDEX CONCURRENTLY does: those that there are now are noted, and waited for by
//! number. No lock is taken, so nobody queues behind the wait.

use tokio_postgres::Client;

use super::JobError;

/// A transaction that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waited {
    /// As in `pg_locks.virtualtransaction`; `-1/…` for a prepared one.
    pub(super) transaction: String,
    /// Its backend; `None` for a prepared one.
    pub(super) pid: Option<i32>,
}

impl std::fmt::Display for Waited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "the transaction of backend {pid}"),
            None => write!(f, "a prepared transaction (see pg_prepared_xacts)"),
        }
    }
}

/// Transactions that write to these tables, or may: they hold a lock that goes with writing or locking rows, or are
/// making a table that is not visible yet.
pub(super) async fn writers(client: &Client, relations: &[u32]) -> Result<Vec<Waited>, JobError> {
    let query = "SELECT DISTINCT l.virtualtransaction, l.pid FROM pg_locks l
        WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.relation = ANY ($1)
                 AND l.mode IN ('RowShareLock', 'RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
               OR l.mode = 'AccessExclusiveLock' AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation))
        ORDER BY 1";
    let rows = client.query(query, &[&relations]).await;
    read(&rows.map_err(JobError::database("look for transactions that write"))?)
}

/// All transactions in this database, whatever they do, and prepared ones: each may have read a value already that it
/// will write somewhere else. Autovacuum does not, and may take hours.
pub(super) async fn all(client: &Client) -> Result<Vec<Waited>, JobError> {
    let query = "SELECT DISTINCT l.virtualtransaction, l.pid
        FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'virtualxid' AND l.granted AND l.pid <> pg_backend_pid()
          -- Autovacuum has no user; what kind of backend it is, plain roles are not told.
          AND a.usesysid IS NOT NULL
          AND a.datname = current_database() AND NOT (a.usename = current_user AND a.application_name = 'pyrite')
        UNION
        SELECT '-1/' || transaction, NULL FROM pg_prepared_xacts WHERE database = current_database()
        ORDER BY 1";
    read(&client.query(query, &[]).await.map_err(JobError::database("look for transactions"))?)
}

/// Backends that are in a transaction, other than Pyrite's own.
///
/// What a proxy that died had sent lies in a backend's own buffer, where no view shows it: it runs when the transaction
/// before it has ended, as another one. But such a backend has no pause, so whoever is seen without a transaction some
/// times in a row has nothing left of it.
pub(super) async fn busy(client: &Client) -> Result<Vec<i32>, JobError> {
    let all = all(client).await?;
    Ok(all.into_iter().filter_map(|waited| waited.pid).collect())
}

/// Prepared transactions. One that was noted while its session had it may go on under another number here (before 14.1).
pub(super) async fn prepared(client: &Client) -> Result<Vec<Waited>, JobError> {
    let query = "SELECT '-1/' || transaction, NULL::int4 FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1";
    read(&client.query(query, &[]).await.map_err(JobError::database("look for prepared transactions"))?)
}

/// Those of the noted ones that have not ended.
pub(super) async fn remaining(client: &Client, noted: &[Waited]) -> Result<Vec<Waited>, JobError> {
    if noted.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<&str> = noted.iter().map(|waited| waited.transaction.as_str()).collect();
    // Prepared meanwhile, it may have kept its number, but no longer has a backend.
    let query =
        "SELECT virtualtransaction, max(pid) FROM pg_locks WHERE virtualtransaction = ANY ($1) GROUP BY 1
        UNION SELECT '-1/' || transaction, NULL FROM pg_prepared_xacts WHERE '-1/' || transaction = ANY ($1)
        ORDER BY 1";
    read(&client.query(query, &[&names]).await.map_err(JobError::database("look for transactions"))?)
}

fn read(rows: &[tokio_postgres::Row]) -> Result<Vec<Waited>, JobError> {
    let fail = || JobError::database("look for transactions");
    let read = |row: &tokio_postgres::Row| {
        Ok(Waited { transaction: row.try_get(0).map_err(fail())?, pid: row.try_get(1).map_err(fail())? })
    };
    rows.iter().map(read).collect()
}
