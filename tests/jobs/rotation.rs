//! Rotation of data keys, with what tables can be like.

use std::collections::BTreeMap;

use pyrite::jobs::{JobState, Options, Request, Settings, Target};
use pyrite::keys::KeyPurpose;

use super::run;
use super::stage::{Stage, done, settled};

fn mail() -> Target {
    Target::Group("mail".to_owned())
}

#[test]
fn all_values_go_over_to_the_new_key() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        app.batch_execute(
            "CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, note text);
             CREATE TABLE events (email text, at int)",
        )
        .await
        .unwrap();
        for n in 0..500i32 {
            let (email, note) =
                (format!("m{n}@example.org"), (n % 3 != 0).then(|| "n".repeat(n as usize * 20)));
            app.execute("INSERT INTO people VALUES ($1, $2, $3)", &[&n, &email, &note]).await.unwrap();
            app.execute("INSERT INTO events VALUES ($1, $2)", &[&format!("m{}@example.org", n % 50), &n])
                .await
                .unwrap();
        }
        let before: BTreeMap<i32, (Option<String>, Option<String>)> = people(&app).await;
        let proxy = stage.proxy(Settings::default()).await;
        let first = proxy.database.keyring();
        let group = first.group_id("mail").unwrap();
        let old = first.primary(&group, KeyPurpose::Data).unwrap().id;

        let job = proxy.complete(Request::RotateKey(mail())).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert_eq!(job.rows_done, 1_000, "{job:?}");
        stage.assert_rotated(&proxy.database, "mail", 2).await;
        let keyring = proxy.database.keyring();
        let new = keyring.primary(&group, KeyPurpose::Data).unwrap().id.to_bytes();
        for (table, column) in [("people", "email"), ("people", "note"), ("events", "email")] {
            assert_eq!(stage.others_than(table, column, new).await, 0, "{table}.{column}");
        }
        assert_eq!(people(&app).await, before);
        let found = app.query("SELECT id FROM people WHERE email = 'm7@example.org'", &[]).await.unwrap();
        assert_eq!(found.len(), 1);
        let joined = "SELECT count(*) FROM people p JOIN events e ON p.email = e.email";
        assert_eq!(app.query_one(joined, &[]).await.unwrap().get::<_, i64>(0), 500);

        let job = proxy.complete(Request::DestroyKey(old)).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert!(job.status.contains("Backups"), "{job:?}");
        assert_eq!(people(&app).await, before);
        proxy.stop(&stage).await;
    });
}

async fn people(app: &tokio_postgres::Client) -> BTreeMap<i32, (Option<String>, Option<String>)> {
    let rows = app.query("SELECT id, email, note FROM people", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

#[test]
fn index_keys_rotate_and_rotate_back() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        app.batch_execute(
            "CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, note text); CREATE TABLE events (email text, at int)",
        )
        .await
        .unwrap();
        let insert = app.prepare("INSERT INTO people VALUES ($1, $2)").await.unwrap();
        let find = app.prepare("SELECT id FROM people WHERE email = $1").await.unwrap();
        for n in 0..300i32 {
            app.execute(&insert, &[&n, &format!("m{n}@example.org")]).await.unwrap();
        }
        let proxy = stage.proxy(Settings::default()).await;
        for round in 1..=2 {
            let ids =
                proxy.jobs.submit(Request::RotateIndexKey(mail()), Options::default(), "test").await.unwrap();
            loop {
                let n = app.query("SELECT id FROM people WHERE email = 'm7@example.org'", &[]).await.unwrap();
                assert_eq!(n.len(), 1);
                assert_eq!(app.query(&find, &[&"m9@example.org"]).await.unwrap().len(), 1);
                let twice = app.execute(&insert, &[&1_000, &"m9@example.org"]).await.unwrap_err();
                let twice = twice.as_db_error().unwrap();
                assert_eq!(twice.code().code(), "23505", "{twice:?}");
                assert_eq!(twice.constraint(), Some("people_email_key"));
                if proxy.jobs.get(ids[0]).await.unwrap().state.is_over() {
                    break;
                }
            }
            done(&proxy.jobs, ids[0]).await;
            let admin = stage.admin("shop").await;
            let other = if round == 1 { "pyrite.eq_b(email)" } else { "pyrite.eq(email)" };
            let query = format!("SELECT count(DISTINCT {other}) FROM people");
            assert_eq!(admin.query_one(&query, &[]).await.unwrap().get::<_, i64>(0), 300);
        }
        proxy.stop(&stage).await;
    });
}

#[test]
fn what_stands_in_the_way_is_said_before_anything_starts() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        app.batch_execute("CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, note text)")
            .await
            .unwrap();
        app.execute("INSERT INTO people VALUES (1, 'a@b.c', 'n')", &[]).await.unwrap();
        let admin = stage.admin("shop").await;
        let proxy = stage.proxy(Settings::default()).await;

        let refused = |text: &'static str| {
            let jobs = proxy.jobs.clone();
            async move {
                let refused =
                    jobs.submit(Request::RotateKey(mail()), Options::default(), "test").await.unwrap_err();
                assert!(refused.to_string().contains(text), "{refused}");
                assert!(jobs.list().await.unwrap().is_empty());
            }
        };
        admin.batch_execute("REVOKE shop FROM pyrite").await.unwrap();
        refused("GRANT shop TO pyrite").await;
        admin.batch_execute("GRANT shop TO pyrite; ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY").await.unwrap();
        refused("ALTER ROLE pyrite BYPASSRLS").await;
        admin
            .batch_execute(
                "ALTER TABLE people NO FORCE ROW LEVEL SECURITY; ALTER TABLE people ADD COLUMN touched int DEFAULT 0;
                 CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched = OLD.touched + 1; RETURN NEW; END';
                 CREATE TRIGGER touch BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
                 REVOKE SET ON PARAMETER session_replication_role FROM pyrite",
            )
            .await
            .unwrap();
        refused("GRANT SET ON PARAMETER session_replication_role TO pyrite").await;
        let options = Options { firing_triggers: true, ..Options::default() };
        let ids = proxy.jobs.submit(Request::RotateKey(mail()), options, "test").await.unwrap();
        done(&proxy.jobs, ids[0]).await;
        let touched = "SELECT touched FROM people";
        assert_eq!(admin.query_one(touched, &[]).await.unwrap().get::<_, i32>(0), 1);
        admin.batch_execute("GRANT SET ON PARAMETER session_replication_role TO pyrite").await.unwrap();
        let job = proxy.complete(Request::RotateKey(mail())).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert_eq!(admin.query_one(touched, &[]).await.unwrap().get::<_, i32>(0), 1);
        stage.assert_rotated(&proxy.database, "mail", 3).await;
        proxy.stop(&stage).await;
    });
}

#[test]
fn keys_that_are_needed_are_not_destroyed() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let app = stage.app(&server).await;
        app.batch_execute("CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE, note text)")
            .await
            .unwrap();
        app.execute("INSERT INTO people VALUES (1, 'a@b.c', 'n'), (2, 'b@b.c', NULL)", &[]).await.unwrap();
        let admin = stage.admin("shop").await;
        admin
            .batch_execute("CREATE TABLE backup AS SELECT id, email::bytea AS email FROM people")
            .await
            .unwrap();
        let proxy = stage.proxy(Settings::default()).await;
        let keyring = proxy.database.keyring();
        let group = keyring.group_id("mail").unwrap();
        let old = keyring.primary(&group, KeyPurpose::Data).unwrap().id;
        let refused =
            proxy.jobs.submit(Request::DestroyKey(old), Options::default(), "test").await.unwrap_err();
        assert!(refused.to_string().contains("is primary"), "{refused}");

        proxy.complete(Request::RotateKey(mail())).await;
        admin
            .batch_execute("UPDATE people p SET email = b.email FROM backup b WHERE b.id = p.id")
            .await
            .unwrap();
        let job = proxy.complete(Request::DestroyKey(old)).await;
        assert_eq!(job.state, JobState::Failed);
        assert!(job.error.as_deref().unwrap().contains("2 values still need key"), "{job:?}");
        assert!(job.error.as_deref().unwrap().contains("2 in public.people.\"email\""), "{job:?}");
        // What an old backup brought back is readable, and REPAIR brings it to the present key.
        assert_eq!(app.query("SELECT FROM people WHERE email = 'a@b.c'", &[]).await.unwrap().len(), 1);
        let job = proxy.complete(Request::Repair(mail())).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        let job = proxy.complete(Request::DestroyKey(old)).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        let missing = settled(&proxy.jobs, 1).await;
        assert_eq!(missing.state, JobState::Done);
        proxy.stop(&stage).await;
    });
}
