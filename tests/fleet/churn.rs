//! Applications with prepared statements go on while keys change under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{CODE, Fleet, Proxy, tags};
use crate::support::raw::Script;
use pyrite::keys::{Change, KeyPurpose};
use tokio_postgres::NoTls;
use tokio_postgres::types::ToSql;

/// Enough for a few hundred rounds of each worker.
const ROTATIONS: usize = 4;

#[test]
fn no_prepared_statement_notices_a_rotation() {
    let fleet = Fleet::start();
    let proxies = [fleet.proxy("a"), fleet.proxy("b")];
    let observer = fleet.observer();
    let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let workers: Vec<_> = (0..4)
        .map(|n| {
            let port = proxies[n % 2].server.local_addr().port();
            let (database, stop, rounds) = (fleet.database.clone(), stop.clone(), rounds.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let outcome = runtime.block_on(work(port, &database, n, &stop, &rounds));
                outcome.unwrap_or_else(|error| panic!("worker {n}: {error:?}"));
            })
        })
        .collect();
    let group = observer.group(CODE);
    for _ in 0..ROTATIONS {
        let (old, new) = observer.add_index_key(CODE);
        // What was written before has been deleted by its worker when this is over; there is no sweep here.
        std::thread::sleep(Duration::from_millis(400));
        observer.change_everywhere(&[Change::SwitchIndex { id: new }]);
        observer.change_everywhere(&[Change::Retire { id: old }]);
        let (old, _) = observer.replace_data_key(CODE);
        observer.change_everywhere(&[Change::Retire { id: old }]);
        assert!(workers.iter().all(|worker| !worker.is_finished()), "a worker gave up");
    }
    stop.store(true, Ordering::Relaxed);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert!(rounds.load(Ordering::Relaxed) > 100, "{rounds:?} rounds");
    let keyring = observer.keyring();
    let newest = keyring.primary(&group, KeyPurpose::Data).unwrap();
    assert_eq!(newest.version as usize, ROTATIONS + 1);
    // A session that was idle all the time.
    let mut idle = proxies[0].connect();
    idle.say(Script::new().parse("s", "SELECT id FROM secrets WHERE code = $1", &[]).sync());
    assert_eq!(tags(&idle.until_ready()), "1Z");
}

/// Inserts, finds and deletes values of its own, with statements that are prepared once.
async fn work(
    port: u16,
    database: &str,
    worker: usize,
    stop: &AtomicBool,
    rounds: &AtomicU64,
) -> Result<(), tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname(database);
    let (mut client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    let insert = client.prepare("INSERT INTO secrets (id, code, note) VALUES ($1, $2, 'churn')").await?;
    let find = client.prepare("SELECT id, code FROM secrets WHERE code = $1").await?;
    let literal = client.prepare("SELECT id FROM secrets WHERE code = 'nobody has this' OR id = $1").await?;
    let update = client.prepare("UPDATE secrets SET code = $2 WHERE code = $1").await?;
    let delete = client.prepare("DELETE FROM secrets WHERE code = $1").await?;
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let id = i32::try_from(worker).unwrap() * 1_000_000 + round;
        let (first, second) = (format!("value {id}"), format!("other {id}"));
        client.execute(&insert, &[&id, &first]).await?;
        let row = client.query_one(&find, &[&first]).await?;
        assert_eq!((row.get::<_, i32>(0), row.get::<_, String>(1)), (id, first.clone()));
        let transaction = client.transaction().await?;
        assert_eq!(transaction.execute(&update, &[&first, &second]).await?, 1);
        assert_eq!(transaction.query(&literal, &[&id]).await?.len(), 1);
        transaction.commit().await?;
        // A pipeline.
        let (left, right): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 1]) = ([&first], [&second]);
        let (none, one) = tokio::try_join!(client.query(&find, &left), client.query(&find, &right))?;
        assert_eq!((none.len(), one.len()), (0, 1));
        assert_eq!(client.execute(&delete, &[&second]).await?, 1);
        rounds.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[test]
fn a_service_connection_that_hangs_is_given_up_in_time() {
    let fleet = Fleet::start();
    let proxy: Proxy = fleet.proxy("hangs");
    let mut client = proxy.connect();
    let pid = fleet
        .direct()
        .column(&format!("SELECT pid FROM pg_stat_activity WHERE usename = '{}_hangs'", fleet.database));
    let pid: i32 = pid[0].as_ref().unwrap().parse().unwrap();
    // SAFETY: signals a backend of the server that this test process started.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGSTOP) }, 0);
    for n in 0..130 {
        client.run(&format!("INSERT INTO secrets (id, code) VALUES ({n}, 'magpie')"));
        std::thread::sleep(Duration::from_millis(100));
    }
    // SAFETY: as above.
    unsafe { libc::kill(pid, libc::SIGCONT) };
}
