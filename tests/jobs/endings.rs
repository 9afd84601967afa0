//! Jobs that cannot go on: they end and say why, and RESUME takes them the way that they were on.

use std::time::{Duration, Instant};

use pyrite::jobs::{JobState, Options, Request, Settings, Target};
use pyrite::keys::{KeyPurpose, KeyState};
use tokio_postgres::Client;

use super::run;
use super::stage::{Proxy, Stage, done, settled};

fn mail() -> Target {
    Target::Group("mail".to_owned())
}

fn quickly() -> Settings {
    Settings { share: 100, ..Settings::default() }
}

/// Changes the last byte of a value, which belongs to its tag.
async fn damage(admin: &Client, table: &str, id: i32) {
    let text = format!(
        "UPDATE {table} SET email = set_byte(email::bytea, length(email::bytea) - 1,
            get_byte(email::bytea, length(email::bytea) - 1) # 1) WHERE id = {id}"
    );
    admin.batch_execute(&text).await.unwrap();
}

async fn fill(app: &Client, rows: i32) {
    app.batch_execute("CREATE TABLE people (id int PRIMARY KEY, email text, note text)").await.unwrap();
    let insert = app.prepare("INSERT INTO people VALUES ($1, $2, 'n')").await.unwrap();
    for id in 0..rows {
        app.execute(&insert, &[&id, &format!("m{id}@b.c")]).await.unwrap();
    }
}

async fn index_keys(proxy: &Proxy) -> Vec<KeyState> {
    let keyring = proxy.database.confirm().await.unwrap();
    let group = keyring.group_id("mail").unwrap();
    keyring.index_keys(&group, KeyPurpose::Equality).map(|key| key.state).collect()
}

#[test]
fn a_damaged_value_beside_one_of_another_group_is_found() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        app.batch_execute("CREATE TABLE wide (id int PRIMARY KEY, email text, phone text, note text)")
            .await
            .unwrap();
        for id in 0..3i32 {
            let (mail, phone) = (format!("m{id}@b.c"), format!("+49 {id}"));
            app.execute("INSERT INTO wide VALUES ($1, $2, $3)", &[&id, &mail, &phone]).await.unwrap();
        }
        admin
            .batch_execute(
                "SET ROLE shop; CREATE TABLE copied AS SELECT id, email, phone FROM wide; RESET ROLE",
            )
            .await
            .unwrap();
        damage(&admin, "copied", 1).await;
        let proxy = stage.proxy(quickly()).await;
        let job = proxy.complete(Request::RotateKey(mail())).await;
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        let error = job.error.clone().unwrap();
        assert!(error.contains("public.copied.\"email\" at ctid"), "{job:?}");
        admin.batch_execute("UPDATE copied SET email = NULL WHERE id = 1").await.unwrap();
        proxy.jobs.resume(job.id).await.unwrap();
        done(&proxy.jobs, job.id).await;
        assert_eq!(stage.stale().await, []);
        let phones =
            "SELECT count(*) FROM copied JOIN wide USING (id) WHERE copied.phone::bytea = wide.phone::bytea";
        let phones: i64 = admin.query_one(phones, &[]).await.unwrap().get(0);
        assert_eq!(phones, 3, "values of another group stay as they are");
        proxy.stop(&stage).await;
    });
}

#[test]
fn a_job_that_fails_while_it_is_cancelled_goes_on_being_cancelled() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, 200).await;
        let proxy = stage.proxy(quickly()).await;
        let options = Options { rows_per_second: Some(50), ..Options::default() };
        let ids = proxy.jobs.submit(Request::RotateIndexKey(mail()), options, "test").await.unwrap();
        let both = "SELECT min(id) FROM people WHERE get_byte(substr(email::bytea, 8, 1), 0) & 3 = 3";
        let deadline = Instant::now() + Duration::from_secs(60);
        let both: i32 = loop {
            if let Some(id) = admin.query_one(both, &[]).await.unwrap().get(0) {
                break id;
            }
            assert!(Instant::now() < deadline, "no value got both terms");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // Its new term cannot be taken away again.
        damage(&admin, "people", both).await;
        proxy.jobs.cancel(ids[0]).await.unwrap();
        for _ in 0..2 {
            let job = settled(&proxy.jobs, ids[0]).await;
            assert_eq!(job.state, JobState::Failed, "{job:?}");
            assert!(job.error.as_deref().is_some_and(|error| error.contains("cannot be opened")), "{job:?}");
            proxy.jobs.resume(ids[0]).await.unwrap();
        }
        settled(&proxy.jobs, ids[0]).await;
        admin.execute("UPDATE people SET email = NULL WHERE id = $1", &[&both]).await.unwrap();
        proxy.jobs.resume(ids[0]).await.unwrap();
        let job = settled(&proxy.jobs, ids[0]).await;
        assert_eq!(job.state, JobState::Cancelled, "{job:?}");
        assert_eq!(index_keys(&proxy).await[0], KeyState::Primary);
        let left: i64 = admin
            .query_one(
                "SELECT count(*) FROM people WHERE get_byte(substr(email::bytea, 8, 1), 0) & 2 = 2",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(left, 0, "terms of the key that was given up");
        proxy.stop(&stage).await;
    });
}

#[test]
fn a_materialized_view_that_stays_as_it_was_ends_the_job() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, 3).await;
        // Values in a column of another type are not found, and come back with every refresh.
        admin
            .batch_execute(
                "SET ROLE shop; CREATE TABLE kept AS SELECT email::bytea AS bytes FROM people;
                 CREATE MATERIALIZED VIEW seen AS SELECT bytes::pyrite.encrypted AS email FROM kept; RESET ROLE",
            )
            .await
            .unwrap();
        let proxy = stage.proxy(quickly()).await;
        let job = proxy.complete(Request::RotateKey(mail())).await;
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        let error = job.error.clone().unwrap();
        assert!(error.contains("public.seen.\"email\" gets 3 values of before"), "{job:?}");
        admin.batch_execute("DROP MATERIALIZED VIEW seen").await.unwrap();
        proxy.jobs.resume(job.id).await.unwrap();
        done(&proxy.jobs, job.id).await;
        proxy.stop(&stage).await;
    });
}

#[test]
fn a_queued_job_names_the_one_it_waits_for() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        fill(&app, 100).await;
        app.batch_execute("CREATE TABLE other (phone text)").await.unwrap();
        let proxy = stage.proxy(quickly()).await;
        let slowly = Options { rows_per_second: Some(20), ..Options::default() };
        let first = proxy.jobs.submit(Request::RotateKey(mail()), slowly, "test").await.unwrap()[0];
        let other = Request::RotateKey(Target::Group("phone".to_owned()));
        let second = proxy.jobs.submit(other, Options::default(), "test").await.unwrap()[0];
        let job = proxy.jobs.get(second).await.unwrap();
        assert_eq!((job.state, job.status), (JobState::Queued, format!("waiting for job {first}")));
        proxy.jobs.cancel(first).await.unwrap();
        let job = done(&proxy.jobs, second).await;
        assert!(!job.status.contains("waiting"), "{job:?}");
        proxy.stop(&stage).await;
    });
}
