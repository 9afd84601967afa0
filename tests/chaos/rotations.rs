//! Rotations, one after another, asked for on the admin console as an operator would.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::connection::{Connection, Protocol};
use crate::fleet::Fleet;
use crate::random::Random;
use crate::workload::World;

/// What is rotated, in turn.
const COMMANDS: [&str; 5] = [
    "ROTATE KEY ON public.accounts.email",
    "ROTATE INDEX KEY GROUP mail",
    "ROTATE KEY ALL",
    "ROTATE INDEX KEY GROUP token",
    "ROTATE KEY GROUP token",
];
/// A job that takes longer is stuck: a dead proxy is waited for fifteen seconds, and there are few rows.
const STUCK: Duration = Duration::from_secs(240);

/// How many came to their end.
#[derive(Default, Clone)]
pub struct Rotated {
    pub data: u64,
    pub index: u64,
}

impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of data keys, {} of index keys", self.data, self.index)
    }
}

/// Rotates until the run ends.
pub async fn run(world: Arc<World>, mut random: Random) -> Rotated {
    let mut rotated = Rotated::default();
    for command in COMMANDS.iter().cycle() {
        let enough = rotated.data > 0 && rotated.index > 0;
        if world.stopped() || enough && world.finishing.load(Ordering::SeqCst) {
            return rotated;
        }
        submit(&world, &mut random, command).await;
        if !settle(&world).await {
            return rotated;
        }
        match command.contains("INDEX") {
            true => rotated.index += 1,
            false => rotated.data += 1,
        }
    }
    rotated
}

/// Lets the rotations come to their end: each kind once at least.
pub async fn finish(world: &World, rotations: JoinHandle<Rotated>) -> Rotated {
    world.finishing.store(true, Ordering::SeqCst);
    rotations.await.expect("the rotations' task")
}

/// Asks until a proxy takes it: not at all, or once.
async fn submit(world: &World, random: &mut Random, command: &str) {
    let since = Instant::now();
    while !world.stopped() {
        let proxies = world.fleet.proxies();
        let port = proxies[random.below(proxies.len())].port();
        match console(port, command).await {
            Ok(()) => return,
            // It was taken, and the answer was lost.
            Err(error) if error.contains("is at work on key group") => return,
            Err(error) if since.elapsed() > Duration::from_secs(90) => {
                return world.fault(format!("{command}: {error}"));
            }
            Err(_) => sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn console(port: u16, command: &str) -> Result<(), String> {
    let login = format!("host=127.0.0.1 port={port} user=postgres dbname=pyrite connect_timeout=5");
    let connect = tokio::time::timeout(Duration::from_secs(10), tokio_postgres::connect(&login, NoTls));
    let (client, connection) = connect.await.map_err(|_| "no answer".to_owned())?.map_err(|e| shown(&e))?;
    let task = tokio::spawn(connection);
    let asked = tokio::time::timeout(Duration::from_secs(30), client.simple_query(command)).await;
    task.abort();
    match asked {
        Ok(Ok(messages)) => {
            let rows =
                messages.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count();
            if rows > 0 { Ok(()) } else { Err("it names no job".to_owned()) }
        }
        Ok(Err(error)) => Err(shown(&error)),
        Err(_) => Err("no answer".to_owned()),
    }
}

fn shown(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

/// Waits until no job is under way. `false`: one failed, or hangs.
async fn settle(world: &World) -> bool {
    let since = Instant::now();
    let sql = "SELECT id::text, kind, state, step, status, coalesce(error, '') FROM pyrite.jobs
               WHERE state NOT IN ('done', 'cancelled')";
    loop {
        if let Some(rows) = direct(&world.fleet, sql).await {
            if rows.is_empty() {
                return true;
            }
            let failed = rows.iter().any(|row| row.get(2) == Some(&Some("failed".to_owned())));
            if failed || since.elapsed() > STUCK {
                world.fault(format!("jobs that failed or are stuck: {rows:?}"));
                return false;
            }
        }
        if has_faults(world) {
            return false;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn has_faults(world: &World) -> bool {
    !crate::fleet::lock(&world.faults).is_empty()
}

/// Asks the server itself.
pub async fn direct(fleet: &Fleet, sql: &str) -> Option<Vec<Vec<Option<String>>>> {
    let mut connection = Connection::to_port(fleet.server_port()).await.ok()?;
    connection.run(Protocol::Simple, sql, &[]).await.ok().map(|answer| answer.rows)
}

/// The port of the proxy that holds the running job.
pub async fn holder(fleet: &Fleet) -> Option<u16> {
    let sql = "SELECT p.address FROM pyrite.jobs j JOIN pyrite.proxies p ON p.id = j.holder
               WHERE j.leased_until > now() LIMIT 1";
    let rows = direct(fleet, sql).await?;
    rows.first()?.first()?.as_deref()?.rsplit(':').next()?.parse().ok()
}
