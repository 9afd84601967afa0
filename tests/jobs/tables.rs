//! What tables can be like: each kind goes over to new keys, or is named as an obstacle.

use std::collections::BTreeMap;

use pyrite::jobs::{JobState, Options, Request, Settings, Target};
use tokio_postgres::Client;

use super::run;
use super::stage::{Stage, done, settled};

fn group(name: &str) -> Target {
    Target::Group(name.to_owned())
}

/// Through Pyrite: an application's tables.
const APPLICATION: &str = "
    CREATE TABLE people (id int, email text, note text);
    CREATE UNLOGGED TABLE events (email text, at int);
    CREATE TABLE wide (id int PRIMARY KEY, email text UNIQUE, phone text, note text, plain text, version int NOT NULL DEFAULT 0);
    CREATE TABLE tree (id int, email text) PARTITION BY RANGE (id);
    CREATE TABLE parent (id int, email text)";

/// Past it: what a database comes to have besides.
const BESIDES: &str = "
    SET ROLE shop;
    CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (0) TO (100);
    CREATE TABLE tree_high PARTITION OF tree FOR VALUES FROM (100) TO (300) PARTITION BY LIST (id);
    CREATE TABLE tree_high_rest PARTITION OF tree_high DEFAULT;
    CREATE TABLE child () INHERITS (parent);
    CREATE TABLE \"Grand \"\"child\" () INHERITS (child);
    ALTER TABLE wide ADD COLUMN again pyrite.encrypted GENERATED ALWAYS AS (email) STORED,
        ADD COLUMN len int GENERATED ALWAYS AS (length(email)) STORED;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.version = OLD.version + 1; RETURN NEW; END';
    CREATE TRIGGER touch BEFORE UPDATE ON wide FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE RULE quiet AS ON UPDATE TO events DO INSTEAD NOTHING;
    ALTER TABLE wide ENABLE ROW LEVEL SECURITY;
    CREATE POLICY few ON wide USING (id < 3)";

/// Copies of values that no configuration names.
const COPIES: &str = "
    SET ROLE shop;
    INSERT INTO child SELECT id + 50, email FROM people LIMIT 10;
    INSERT INTO \"Grand \"\"child\" SELECT id + 90, email FROM people LIMIT 10;
    CREATE TABLE copied AS SELECT id, email AS a, phone AS b, note FROM wide;
    CREATE TABLE arrays AS SELECT id % 7 AS id, array_agg(email) AS emails, array_agg(note) AS notes FROM wide GROUP BY 1;
    INSERT INTO arrays VALUES (100, '{}', NULL), (101, NULL, '{NULL}');
    CREATE MATERIALIZED VIEW seen AS SELECT id, email FROM wide;
    CREATE MATERIALIZED VIEW seen_again AS SELECT * FROM seen;
    CREATE UNIQUE INDEX ON seen (id);
    CREATE MATERIALIZED VIEW never AS SELECT email FROM wide WITH NO DATA";

async fn fill(app: &Client, admin: &Client) {
    app.batch_execute(APPLICATION).await.unwrap();
    admin.batch_execute(BESIDES).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    for n in 0..60i32 {
        let email = format!("m{n}@example.org");
        let some = (n % 5 == 0).then(|| email.clone());
        app.execute("INSERT INTO people VALUES ($1, $2, NULL)", &[&n, &some]).await.unwrap();
        app.execute("INSERT INTO events VALUES ($1, $2)", &[&email, &n]).await.unwrap();
        app.execute("INSERT INTO tree VALUES ($1, $2)", &[&(n * 5), &email]).await.unwrap();
        app.execute("INSERT INTO parent VALUES ($1, $2)", &[&n, &email]).await.unwrap();
        let note = match n {
            0 => Some("n".repeat(1 << 20)),
            1..3 => Some("long ".repeat(8_000)),
            _ => (n % 2 == 0).then(|| format!("note {n}")),
        };
        app.execute(
            "INSERT INTO wide (id, email, phone, note, plain) VALUES ($1, $2, $3, $4, 'p')",
            &[&n, &email, &format!("+49 {n}"), &note],
        )
        .await
        .unwrap();
    }
}

type Values = BTreeMap<String, Vec<String>>;

/// Every value, as an application reads it.
async fn values(app: &Client) -> Values {
    let mut found = Values::new();
    for (table, query) in [
        ("people", "SELECT id, email, note FROM people"),
        ("events", "SELECT at, email, NULL FROM events"),
        ("tree", "SELECT id, email, NULL FROM tree"),
        ("parent", "SELECT id, email, NULL FROM parent"),
        ("wide", "SELECT id, email, note FROM wide"),
        ("phones", "SELECT id, phone, plain FROM wide"),
    ] {
        let rows = app.query(query, &[]).await.unwrap();
        let mut rows: Vec<String> = rows
            .iter()
            .map(|row| {
                let id: i32 = row.get(0);
                let (a, b): (Option<&str>, Option<&str>) = (row.get(1), row.get(2));
                format!("{id} {a:?} {b:?}")
            })
            .collect();
        rows.sort();
        found.insert(table.to_owned(), rows);
    }
    found
}

/// What lies in tables that no configuration names, read by bringing it into one that is named.
async fn copies(app: &Client, admin: &Client) -> Vec<String> {
    admin
        .batch_execute(
            "SET ROLE shop; CREATE TEMPORARY TABLE mine AS SELECT * FROM people; TRUNCATE people;
             INSERT INTO people SELECT id, a, note FROM copied;
             INSERT INTO people SELECT id + 1000, unnest(emails), NULL FROM arrays;
             INSERT INTO people SELECT id + 2000, NULL, unnest(notes) FROM arrays;
             INSERT INTO people SELECT id + 3000, email, NULL FROM seen_again",
        )
        .await
        .unwrap();
    let found = values(app).await.remove("people").unwrap();
    let back = "TRUNCATE people; INSERT INTO people SELECT * FROM mine; DROP TABLE mine; RESET ROLE";
    admin.batch_execute(back).await.unwrap();
    found
}

#[test]
fn whatever_a_table_is_like_its_values_go_over() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin).await;
        admin.batch_execute(COPIES).await.unwrap();
        // Of a session that stays: nobody else can read it, and no rotation waits for it.
        let temporary = "SET ROLE shop; CREATE TEMPORARY TABLE hidden AS SELECT email FROM wide";
        let other = stage.admin("shop").await;
        other.batch_execute(temporary).await.unwrap();
        admin.batch_execute("RESET ROLE").await.unwrap();
        let before = (values(&app).await, copies(&app, &admin).await);
        assert_eq!(before.0["parent"].len(), 80);
        assert_eq!(before.0["wide"].len(), 60, "the owner is not subject to the policy");

        let proxy = stage.proxy(Settings { share: 100, ..Settings::default() }).await;
        for request in [
            Request::RotateKey(group("mail")),
            Request::RotateKey(group("phone")),
            Request::RotateKey(group("mail")),
        ] {
            let job = proxy.complete(request.clone()).await;
            assert_eq!(job.state, JobState::Done, "{request:?}: {job:?}");
        }
        assert_eq!(stage.stale().await, []);
        assert_eq!((values(&app).await, copies(&app, &admin).await), before);
        let touched = "SELECT count(*) FROM wide WHERE version <> 0 OR again IS DISTINCT FROM email";
        assert_eq!(admin.query_one(touched, &[]).await.unwrap().get::<_, i64>(0), 0);
        // The planner's statistics do not quote older values.
        let quoted = "SELECT count(*) FROM pg_stats s, unnest(s.histogram_bounds::text::text[]) AS v
            JOIN pyrite.keys k ON k.state <> 'primary' AND k.purpose = 'data' AND pyrite.key_id(v::bytea) = k.id
            WHERE s.tablename IN ('wide', 'copied') AND s.attname IN ('email', 'phone', 'a', 'b')";
        assert_eq!(admin.query_one(quoted, &[]).await.unwrap().get::<_, i64>(0), 0);
        // A key that a hidden table may need is not destroyed.
        let old = "SELECT encode(id, 'hex') FROM pyrite.keys WHERE state = 'retired' AND purpose = 'data' ORDER BY version LIMIT 1";
        let old: String = admin.query_one(old, &[]).await.unwrap().get(0);
        let old = pyrite::keys::KeyId::parse(&old).unwrap();
        let job = proxy.complete(Request::DestroyKey(old)).await;
        assert!(job.error.as_deref().is_some_and(|error| error.contains("hidden")), "{job:?}");
        proxy.stop(&stage).await;
    });
}

#[test]
fn terms_of_whatever_table_go_over() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        fill(&app, &admin).await;
        admin
            .batch_execute(
                "SET ROLE shop; INSERT INTO child SELECT id + 50, email FROM people LIMIT 10;
                 CREATE TABLE copied AS SELECT id, email AS a, phone AS b, note FROM wide; RESET ROLE",
            )
            .await
            .unwrap();
        let before = values(&app).await;
        let proxy = stage.proxy(Settings { share: 100, ..Settings::default() }).await;
        let job = proxy.complete(Request::RotateIndexKey(group("mail"))).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert_eq!(values(&app).await, before);
        for (table, n) in [("tree", 1), ("wide", 1), ("events", 1), ("parent", 2)] {
            let query = format!("SELECT count(*) FROM {table} WHERE email = 'm5@example.org'");
            let found: i64 = app.query_one(&query, &[]).await.unwrap().get(0);
            assert!(found >= 1 && found <= n, "{table}: {found}");
        }
        // Values in the copy are found by the present terms as well.
        admin
            .batch_execute("TRUNCATE people; INSERT INTO people SELECT id, a, note FROM copied")
            .await
            .unwrap();
        let found = app.query("SELECT id FROM people WHERE email = 'm7@example.org'", &[]).await.unwrap();
        assert_eq!(found.len(), 1);
        proxy.stop(&stage).await;
    });
}

/// What is in the way, what the refusal says of it, and how it is cleared away.
const OBSTACLES: &[(&str, &str, &str)] = &[
    (
        "CREATE ROLE stranger; CREATE TABLE theirs AS SELECT * FROM people; ALTER TABLE theirs OWNER TO stranger",
        "GRANT stranger TO pyrite",
        "DROP TABLE theirs",
    ),
    (
        "CREATE TYPE pair AS (value pyrite.encrypted, n int); CREATE TABLE pairs (p pair)",
        "public.pairs.p is of type public.pair,",
        "DROP TABLE pairs",
    ),
    // As tables that note changes have them: whole rows of another table.
    ("CREATE TABLE audit (old people[])", "public.audit.old is of type public.people[],", "DROP TABLE audit"),
    (
        "CREATE DOMAIN checked AS pyrite.encrypted; CREATE TYPE deep AS (c checked);
         CREATE TYPE deeper AS (d deep); CREATE TABLE depths (d deeper)",
        "public.depths.d is of type public.deeper,",
        "DROP TABLE depths",
    ),
    (
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER always BEFORE UPDATE OF note ON people FOR EACH ROW EXECUTE FUNCTION touch();
         ALTER TABLE people ENABLE ALWAYS TRIGGER always",
        "trigger always on public.people fires for every session",
        "DROP TRIGGER always ON people",
    ),
    (
        "CREATE RULE quiet AS ON UPDATE TO people DO INSTEAD NOTHING; ALTER TABLE people ENABLE ALWAYS RULE quiet",
        "rule quiet on public.people fires for every session",
        "DROP RULE quiet ON people",
    ),
    (
        "CREATE PUBLICATION changes FOR TABLE people",
        "ALTER TABLE public.people REPLICA IDENTITY FULL",
        "ALTER TABLE people REPLICA IDENTITY FULL",
    ),
    (
        "ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON people USING (false)",
        "NO FORCE ROW LEVEL SECURITY",
        "ALTER ROLE pyrite BYPASSRLS",
    ),
];

#[test]
fn every_obstacle_is_named_and_can_be_cleared_away() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        app.batch_execute("CREATE TABLE people (id int, email text, note text)").await.unwrap();
        app.execute("INSERT INTO people VALUES (1, 'a@b.c', 'n')", &[]).await.unwrap();
        let proxy = stage.proxy(Settings { share: 100, ..Settings::default() }).await;
        for (make, said, clear) in OBSTACLES {
            admin.batch_execute(make).await.unwrap();
            let request = Request::RotateKey(group("mail"));
            let refused = proxy.jobs.submit(request, Options::default(), "test").await.unwrap_err();
            assert!(refused.to_string().contains(said), "{make}: {refused}");
            admin.batch_execute(clear).await.unwrap();
        }
        assert!(proxy.jobs.list().await.unwrap().is_empty());
        let job = proxy.complete(Request::RotateKey(group("mail"))).await;
        assert_eq!(job.state, JobState::Done, "{job:?}");
        assert_eq!(stage.stale().await, [], "a policy hides the row from its owner");
        // Old values that a policy hides are still found.
        admin.batch_execute("ALTER ROLE pyrite NOBYPASSRLS").await.unwrap();
        let old = "SELECT encode(id, 'hex') FROM pyrite.keys WHERE state = 'retired'";
        let old: String = admin.query_one(old, &[]).await.unwrap().get(0);
        let old = pyrite::keys::KeyId::parse(&old).unwrap();
        let job = proxy.complete(Request::DestroyKey(old)).await;
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        assert!(job.error.as_deref().is_some_and(|error| error.contains("BYPASSRLS")), "{job:?}");
        proxy.stop(&stage).await;
    });
}

#[test]
fn what_no_job_can_do_ends_it_and_keeps_no_other_from_being_done() {
    run(async {
        let stage = Stage::new().await;
        let server = stage.serve().await;
        let (app, admin) = (stage.app(&server).await, stage.admin("shop").await);
        app.batch_execute("CREATE TABLE people (id int PRIMARY KEY, email text, note text)").await.unwrap();
        for n in 0..20i32 {
            app.execute("INSERT INTO people VALUES ($1, $2)", &[&n, &format!("m{n}@b.c")]).await.unwrap();
        }
        let proxy = stage.proxy(Settings { share: 100, ..Settings::default() }).await;
        let later = "INSERT INTO pyrite.jobs (kind, spec, step, created_by) VALUES ('later', '{}', 'x', 't') RETURNING id";
        let later: i64 = admin.query_one(later, &[]).await.unwrap().get(0);
        let job = settled(&proxy.jobs, later).await;
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        // The last byte of a value, which belongs to its tag.
        let damage = "UPDATE people SET email = set_byte(email::bytea, length(email::bytea) - 1,
            get_byte(email::bytea, length(email::bytea) - 1) # 1) WHERE id = 7";
        admin.batch_execute(damage).await.unwrap();
        let job = proxy.complete(Request::RotateKey(group("mail"))).await;
        assert_eq!(job.state, JobState::Failed, "{job:?}");
        let error = job.error.clone().unwrap();
        assert!(error.contains("public.people.\"email\" at ctid (0,21)"), "{job:?}");
        assert_eq!(stage.stale().await, [("people.email".to_owned(), 1)]);
        admin.batch_execute("UPDATE people SET email = NULL WHERE id = 7").await.unwrap();
        proxy.jobs.resume(job.id).await.unwrap();
        done(&proxy.jobs, job.id).await;
        assert_eq!(stage.stale().await, []);
        proxy.stop(&stage).await;
    });
}
