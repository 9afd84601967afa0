//! What happens to a table, a job and a server while a sweep is under way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pyrite::jobs::{JobRow, JobState, Options, Request, Settings, Target};
use pyrite::keys::KeyState;
use tokio_postgres::Client;

use super::run;
use super::stage::{Proxy, Stage, done, settled};

fn mail() -> Request {
    Request::RotateKey(Target::Group("mail".to_owned()))
}

/// Slow enough to be met half-way.
fn slowly(rows_per_second: u32) -> Options {
    Options { rows_per_second: Some(rows_per_second), ..Options::default() }
}

fn settings() -> Settings {
    Settings { lease: Duration::from_secs(2), share: 100, ..Settings::default() }
}

async fn submit(proxy: &Proxy, options: Options) -> i64 {
    proxy.jobs.submit(mail(), options, "test").await.unwrap()[0]
}

/// A table of this many rows, a few to a block.
async fn fill(app: &Client, admin: &Client, rows: i32) {
    app.batch_execute("CREATE TABLE people (id int PRIMARY KEY, email text, note text)").await.unwrap();
    app.batch_execute("BEGIN").await.unwrap();
    let insert = app.prepare("INSERT INTO people VALUES ($1, $2, $3)").await.unwrap();
    for id in 0..rows {
        app.execute(&insert, &[&id, &format!("m{id}@b.c"), &"n".repeat(900)]).await.unwrap();
    }
    app.batch_execute("COMMIT").await.unwrap();
    admin.batch_execute("ANALYZE people").await.unwrap();
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

async fn emails(app: &Client) -> BTreeMap<i32, Option<String>> {
    let rows = app.query("SELECT id, email FROM people", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Waits for a moment of a job.
async fn when(proxy: &Proxy, id: i64, what: &str, moment: impl Fn(&JobRow) -> bool) -> JobRow {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(job) = proxy.jobs.get(id).await {
            if moment(&job) {
                return job;
            }
            assert!(!job.state.is_over(), "over before {what}: {job:?}");
            assert!(Instant::now() < deadline, "never {what}: {job:?}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn sweeping(proxy: &Proxy, id: i64) -> JobRow {
    when(proxy, id, "sweeping", |job| job.step == "sweep" && job.rows_done > 0).await
}

/// Values of the table under the primary key, and what the job says of it, both at one instant.
const TOLD: &str = "SELECT j.rows_done, (SELECT count(*) FROM people, pyrite.keys k
        WHERE k.state = 'primary' AND k.purpose = 'data' AND pyrite.key_id(email) = k.id), coalesce(j.rows_total, -1)
    FROM pyrite.jobs j ORDER BY j.id DESC LIMIT 1";

#[test]
fn progress_is_true_and_control_takes_effect_at_once() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin, 600).await;
        let before = emails(&app).await;
        server_is_gone(server).await;
        let proxy = stage.proxy(settings()).await;

        // Before it has begun: nothing has happened.
        admin.batch_execute("UPDATE pyrite.proxies SET seen_at = now()").await.unwrap();
        let id = submit(&proxy, slowly(400)).await;
        let mut seen = 0;
        while !proxy.jobs.get(id).await.unwrap().state.is_over() {
            let row = admin.query_one(TOLD, &[]).await.unwrap();
            let (told, rewritten, total): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            if proxy.jobs.get(id).await.unwrap().step == "sweep" && told > 0 && seen < 600 {
                assert_eq!(told, rewritten, "told, and rewritten");
                assert!(total >= told, "{total} in all, {told} done");
            }
            seen = seen.max(told);
            if seen > 150 && proxy.jobs.get(id).await.unwrap().step == "sweep" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        proxy.jobs.pause(id).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let resting = number(&admin, &TOLD.replace("j.rows_done, ", "")).await;
        assert!(resting < 600, "paused too late to see it: {resting}");
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(number(&admin, &TOLD.replace("j.rows_done, ", "")).await, resting);
        assert_eq!(proxy.jobs.get(id).await.unwrap().state, JobState::Paused);
        proxy.jobs.resume(id).await.unwrap();
        when(&proxy, id, "going on", |job| job.rows_done > resting).await;

        // Given up in the midst: the new key stays in use, the old one fades.
        proxy.jobs.cancel(id).await.unwrap();
        let job = settled(&proxy.jobs, id).await;
        assert_eq!(job.state, JobState::Cancelled, "{job:?}");
        let rest = stage.stale().await;
        assert!(rest.iter().any(|(column, n)| column == "people.email" && *n > 0), "{rest:?}");
        let keyring = proxy.database.confirm().await.unwrap();
        let group = keyring.group_id("mail").unwrap();
        let fading = keyring.data_keys(&group).filter(|key| key.state == KeyState::Fading).count();
        assert_eq!(fading, 1);

        // The next one takes it all with it.
        let job = proxy.complete(mail()).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert_eq!((job.rows_done, job.rows_total), (600, Some(600)), "{job:?}");
        assert_eq!(stage.stale().await, []);
        stage.assert_rotated(&proxy.database, "mail", 3).await;
        let server = stage.serve().await;
        assert_eq!(emails(&stage.app(&server).await).await, before);
        proxy.stop(&stage).await;
    });
}

/// Another proxy at the jobs would be in the way.
async fn server_is_gone(server: pyrite::server::Server) {
    tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap();
}

#[test]
fn who_has_lost_the_lease_writes_nothing_more() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin, 600).await;
        let before = emails(&app).await;
        server_is_gone(server).await;
        let proxy = stage.proxy(settings()).await;
        let id = submit(&proxy, slowly(500)).await;
        sweeping(&proxy, id).await;
        // As if another proxy had found the lease run out.
        let taken = "UPDATE pyrite.jobs SET holder = '00000000-0000-4000-8000-000000000001',
            leased_until = clock_timestamp() + interval '2 s' RETURNING rows_done";
        let at = number(&admin, taken).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let row = admin.query_one(TOLD, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (at, at));
        assert!(at < 600, "taken too late: {at}");
        // Nobody renews it: the first proxy may have it back.
        let job = done(&proxy.jobs, id).await;
        assert_eq!(job.rows_done, 600, "{job:?}");
        assert_eq!(stage.stale().await, []);
        let server = stage.serve().await;
        assert_eq!(emails(&stage.app(&server).await).await, before);
        proxy.stop(&stage).await;
    });
}

#[test]
fn a_server_that_crashes_loses_nothing() {
    run(async {
        let mut stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin, 600).await;
        admin.batch_execute("CHECKPOINT").await.unwrap();
        let before = emails(&app).await;
        server_is_gone(server).await;
        let proxy = stage.proxy(settings()).await;
        let id = submit(&proxy, slowly(400)).await;
        for more in [1, 200] {
            when(&proxy, id, "swept", |job| job.rows_done > more || job.step == "verify").await;
            stage.server.crash();
            tokio::time::sleep(Duration::from_millis(200)).await;
            stage.server.start_again().unwrap();
        }
        let job = done(&proxy.jobs, id).await;
        assert_eq!(job.rows_done, 600, "{job:?}");
        assert_eq!(stage.stale().await, []);
        let server = stage.serve().await;
        assert_eq!(emails(&stage.app(&server).await).await, before);
        proxy.stop(&stage).await;
    });
}

/// Per table: made how, what is done to it in the midst of its sweep, and rows that it has afterwards.
const DEEDS: &[(&str, &str, Option<i64>)] = &[
    ("deleted", "DELETE FROM deleted WHERE id % 2 = 0", Some(150)),
    ("truncated", "TRUNCATE truncated; INSERT INTO truncated SELECT * FROM people", Some(300)),
    ("dropped", "DROP TABLE dropped", None),
    ("renamed", "ALTER TABLE renamed RENAME TO under_another_name", None),
    ("column_renamed", "ALTER TABLE column_renamed RENAME COLUMN email TO post", Some(300)),
    ("column_dropped", "ALTER TABLE column_dropped DROP COLUMN note", Some(300)),
    ("packed", "DELETE FROM packed WHERE id < 20; VACUUM FULL packed", Some(280)),
    ("ordered", "CREATE INDEX o ON ordered (id DESC); CLUSTER ordered USING o", Some(300)),
    ("attached", "ALTER TABLE tree ATTACH PARTITION attached FOR VALUES FROM (0) TO (1000)", Some(300)),
    ("locked", "BEGIN; LOCK TABLE locked; SELECT pg_sleep(0.6); COMMIT", Some(300)),
];

#[test]
fn tables_may_change_while_they_are_swept() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin, 300).await;
        admin.batch_execute("SET ROLE shop").await.unwrap();
        for (table, ..) in DEEDS {
            let copy = format!("CREATE TABLE {table} AS SELECT * FROM people ORDER BY id; ANALYZE {table}");
            admin.batch_execute(&copy).await.unwrap();
        }
        let tree = "CREATE TABLE tree (id int, email pyrite.encrypted, note pyrite.encrypted) PARTITION BY RANGE (id); RESET ROLE";
        admin.batch_execute(tree).await.unwrap();
        server_is_gone(server).await;
        let proxy = stage.proxy(settings()).await;
        let id = submit(&proxy, slowly(1_000)).await;
        let mut late = Vec::new();
        for (table, deed, _) in DEEDS {
            let there = format!(
                "SELECT (cursor->>'relation')::int8 > '{table}'::regclass::oid::int8,
                        (cursor->>'relation')::int8 = '{table}'::regclass::oid::int8 AND (cursor->>'block')::int > 0
                 FROM pyrite.jobs WHERE id = {id}"
            );
            loop {
                let row = admin.query_one(&there, &[]).await.unwrap();
                let (past, now): (Option<bool>, Option<bool>) = (row.get(0), row.get(1));
                if past == Some(true) {
                    late.push(*table);
                }
                if past == Some(true) || now == Some(true) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            for statement in deed.split("; ") {
                admin.batch_execute(statement).await.unwrap();
            }
        }
        assert!(late.len() < 4, "the sweep was ahead of most: {late:?}");
        done(&proxy.jobs, id).await;
        assert_eq!(stage.stale().await, []);
        for (table, _, rows) in DEEDS {
            if let Some(rows) = rows {
                let left = number(&admin, &format!("SELECT count(*) FROM {table}")).await;
                assert_eq!(left, *rows, "{table}");
            }
        }
        // All of them are still the values that they were.
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        for table in ["deleted", "truncated", "under_another_name", "packed", "ordered", "attached", "locked"]
        {
            let back = format!("TRUNCATE people; INSERT INTO people SELECT id, email, note FROM {table}");
            admin.batch_execute(&back).await.unwrap();
            let found = emails(&app).await;
            assert!(found.iter().all(|(id, email)| *email == Some(format!("m{id}@b.c"))), "{table}");
        }
        proxy.stop(&stage).await;
    });
}

#[test]
fn transactions_that_hold_older_values_are_waited_for() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin, 50).await;
        admin
            .batch_execute(
                "SET ROLE shop; CREATE TABLE early AS SELECT * FROM people WHERE false;
                 CREATE TABLE late AS SELECT * FROM people WHERE false; RESET ROLE",
            )
            .await
            .unwrap();
        server_is_gone(server).await;
        let prepared = "BEGIN; INSERT INTO early SELECT * FROM people; PREPARE TRANSACTION 'one'";
        admin.batch_execute(prepared).await.unwrap();
        let reader = stage.admin("shop").await;
        reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class").await.unwrap();
        let proxy = stage.proxy(settings()).await;
        let id = submit(&proxy, Options::default()).await;
        when(&proxy, id, "waiting for it", |job| job.status.contains("prepared transaction")).await;
        admin.batch_execute("COMMIT PREPARED 'one'").await.unwrap();
        let waiting = |job: &JobRow| job.rows_done >= 100 && job.status.contains("transaction of backend");
        let job = when(&proxy, id, "waiting for the reader", waiting).await;
        assert_eq!(job.step, "await transactions");
        // By its snapshot the values are still the older ones.
        let copied = reader.execute("INSERT INTO late SELECT * FROM people", &[]).await.unwrap();
        assert_eq!(copied, 50);
        // Prepared, it goes on without its session.
        reader.batch_execute("PREPARE TRANSACTION 'two'").await.unwrap();
        when(&proxy, id, "waiting for it again", |job| job.status.contains("prepared transaction")).await;
        admin.batch_execute("COMMIT PREPARED 'two'").await.unwrap();
        done(&proxy.jobs, id).await;
        assert_eq!(stage.stale().await, []);
        assert_eq!(number(&admin, "SELECT count(email) FROM late").await, 50);
        stage.assert_rotated(&proxy.database, "mail", 2).await;
        proxy.stop(&stage).await;
    });
}

#[test]
fn writes_of_an_application_win_and_are_never_refused() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin, 400).await;
        let proxy = stage.proxy(settings()).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut writers = Vec::new();
        for lane in 0..3i32 {
            let (client, stopped) = (stage.app(&server).await, stopped.clone());
            writers.push(tokio::spawn(write(client, lane, stopped)));
        }
        let id = submit(&proxy, slowly(600)).await;
        // A row that somebody keeps locked.
        sweeping(&proxy, id).await;
        let locker = stage.app(&server).await;
        locker.batch_execute("BEGIN; SELECT id FROM people WHERE id = 399 FOR UPDATE").await.unwrap();
        let waiting = |job: &JobRow| job.status.contains("rows that others have locked");
        when(&proxy, id, "waiting for the locked row", waiting).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        locker.batch_execute("UPDATE people SET note = 'locked' WHERE id = 399").await.unwrap();
        locker.batch_execute("COMMIT").await.unwrap();
        done(&proxy.jobs, id).await;
        stop.send_replace(true);
        let mut ledger: BTreeMap<i32, Option<String>> =
            (0..400).map(|id| (id, Some(format!("m{id}@b.c")))).collect();
        let mut writes = 0;
        for writer in writers {
            let lane: BTreeMap<i32, String> = writer.await.unwrap();
            writes += lane.len();
            ledger.extend(lane.into_iter().map(|(id, email)| (id, Some(email))));
        }
        assert!(writes > 20, "{writes} rows were written meanwhile");
        assert_eq!(emails(&app).await, ledger);
        assert_eq!(stage.stale().await, []);
        proxy.stop(&stage).await;
    });
}

/// Updates two rows to a transaction, in whatever order, of those that are this lane's: a deadlock can only be with the
/// sweep. What was acknowledged goes into the ledger.
async fn write(
    client: Client,
    lane: i32,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> BTreeMap<i32, String> {
    let mut ledger = BTreeMap::new();
    let update = client.prepare("UPDATE people SET email = $2 WHERE id = $1").await.unwrap();
    let mut n = lane;
    while !*stopped.borrow() {
        n += 1;
        let ids = [(n * 7919) % 130 * 3 + lane, (n * 104_729) % 130 * 3 + lane];
        let value = format!("w{lane}-{n}@b.c");
        client.batch_execute("BEGIN").await.unwrap();
        for id in ids {
            client.execute(&update, &[&id, &value]).await.unwrap();
        }
        client.batch_execute("COMMIT").await.unwrap();
        ledger.extend(ids.map(|id| (id, value.clone())));
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    ledger
}
