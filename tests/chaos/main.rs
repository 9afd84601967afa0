//! Writers and readers work through two proxies while keys rotate, and proxies, the holder of the running job and the
//! server are killed with SIGKILL at random moments. Afterwards every acknowledged write must be there, exactly.
//!
//! A short run in `cargo test`; longer with `PYRITE_CHAOS_KILLS=100`, repeatable as far as threads are with
//! `PYRITE_CHAOS_SEED`.

#![allow(missing_docs, reason = "a test program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod connection;
mod fleet;
mod killer;
mod ledger;
mod random;
mod rotations;
mod together;
mod verdict;
mod workload;

#[path = "../support/mod.rs"]
mod support;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use connection::{Connection, Protocol};
use fleet::{DATABASE, Fleet, lock};
use random::Random;
use workload::World;

const TABLES: &str = r#"
[databases.chaos.tables."public.accounts"]
email = { type = "varchar(100)", search = ["equality"], group = "mail" }
note  = "text"
[databases.chaos.tables."public.contacts"]
email = { type = "text", search = ["equality"], group = "mail" }
note  = "text"
[databases.chaos.tables."public.orders"]
token = { type = "text", search = ["equality"], group = "token" }
note  = "text"
"#;

const DDL: &str = "
    CREATE TABLE accounts (id bigint PRIMARY KEY, email varchar(100) UNIQUE, note text, revision bigint);
    CREATE TABLE contacts (id bigint, email text CONSTRAINT contacts_email_key UNIQUE, note text, revision bigint);
    CREATE TABLE orders (id bigint, region int NOT NULL, token text, note text, revision bigint) PARTITION BY LIST (region);
    CREATE TABLE orders_0 PARTITION OF orders FOR VALUES IN (0);
    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES IN (1);
    CREATE TABLE orders_2 PARTITION OF orders FOR VALUES IN (2);
    CREATE UNIQUE INDEX orders_region_token_key ON orders (region, token);";

const WRITERS: i64 = 4;
const READERS: u64 = 3;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_is_lost_and_nothing_found_twice() {
    let kills = number("PYRITE_CHAOS_KILLS", 4);
    let seed = number("PYRITE_CHAOS_SEED", std::process::id().into());
    let began = Instant::now();
    let fleet = Arc::new(Fleet::start(2, TABLES));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = Arc::new(World {
        fleet: Arc::clone(&fleet),
        ledger: Mutex::default(),
        stop: false.into(),
        finishing: false.into(),
        counts: Default::default(),
        faults: Mutex::default(),
    });
    let (killed, rotated) = runtime.block_on(async {
        let mut first = Connection::to_port(fleet.proxies()[0].port()).await.expect("a proxy serves");
        for statement in DDL.split(';').filter(|statement| !statement.trim().is_empty()) {
            first.run(Protocol::Simple, statement, &[]).await.expect("create the tables");
        }
        let writers = (0..WRITERS).map(|me| {
            tokio::spawn(workload::write(Arc::clone(&world), me, WRITERS, Random::new(seed, me as u64)))
        });
        let readers = (0..READERS)
            .map(|n| tokio::spawn(workload::read(Arc::clone(&world), Random::new(seed, 100 + n))));
        let tasks: Vec<_> = writers.chain(readers).collect();
        let rotations = tokio::spawn(rotations::run(Arc::clone(&world), Random::new(seed, 200)));
        let killed = killer::run(Arc::clone(&world), Random::new(seed, 300), kills).await;
        // At least one rotation of each kind has to come to its end in quiet.
        let rotated = rotations::finish(&world, rotations).await;
        world.stop.store(true, Ordering::SeqCst);
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(180), task)
                .await
                .expect("no task hangs")
                .expect("no task fails");
        }
        if lock(&world.faults).is_empty() {
            verdict::check(&world).await;
        }
        (killed, rotated)
    });
    let mut faults = std::mem::take(&mut *lock(&world.faults));
    faults.extend(fleet.faults(&["note x", " of w"]));
    if !faults.is_empty() {
        let kept = fleet.keep_logs();
        panic!("seed {seed}: {} (logs in {})", faults.join("\n"), kept.display());
    }
    let counts = &world.counts;
    let n = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    eprintln!(
        "database {DATABASE}, seed {seed}: {killed}; writes {}, of which lost and looked up {}; lookups {}; \
         duplicates refused {}; tried again {}; rotations {rotated}; {:.0} s",
        n(&counts.writes),
        n(&counts.maybes),
        n(&counts.lookups),
        n(&counts.duplicates),
        n(&counts.again),
        began.elapsed().as_secs_f64()
    );
    assert!(n(&counts.writes) > 100 && n(&counts.lookups) > 100, "hardly anything was done");
}
