//! The steps that change definitions, on a real server, with a crash at every commit.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio_postgres::{Client, NoTls};

use super::host::Host;
use super::turn::Turn;
use super::{copies, obstacles, redefine, swap};
use crate::catalog::{Catalog, GroupId, KeyGroup, SearchSlot, catalog_query};
use crate::config::{Config, Database, SystemSecrets};
use crate::crypto::Key;
use crate::demo::postgres::{Options, PrivateServer};
use crate::jobs::{JobError, Moment};
use crate::keys::{self, KeyId, Keyring, KeyringBuilder};

const CONFIG: &str = r#"
    keys.root = { provider = "env", variable = "ROOT" }
    [databases.shop.tables."public.people"]
    email = { type = "text", search = ["equality"], group = "mail" }
    '"E Mail"' = { type = "text", search = ["equality"], group = "mail" }
    phone = { type = "text", search = ["equality"], group = "phone" }
    [databases.shop.tables."public.events"]
    email = { type = "text", search = ["equality"], group = "mail" }
    [databases.shop.tables."public.calls"]
    phone = { type = "text", search = ["equality"], group = "phone" }
"#;

/// Envelopes with terms in both slots that have the same term as others of the same text.
const TABLES: &str = r#"
CREATE FUNCTION envelope(value text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
  SELECT '\xff50595201010003'::bytea || '\x00000000000000d1' || '\x00000000000000e1' || decode(md5('a' || value), 'hex')
    || '\x00000000000000e2' || decode(md5('b' || value), 'hex') || decode(repeat('00', 41), 'hex') $$;
CREATE ROLE reader;
CREATE TABLE people (id int PRIMARY KEY, email pyrite.encrypted, "E Mail" pyrite.encrypted, phone pyrite.encrypted, region text);
CREATE UNIQUE INDEX people_email_key ON people (pyrite.eq(email));
CREATE UNIQUE INDEX "a ""strange"" one" ON people (region DESC NULLS LAST, pyrite.eq(email), pyrite.eq(phone), pyrite.eq("E Mail") DESC)
  INCLUDE (id) WITH (fillfactor = 70) WHERE region IS NOT NULL AND email IS NOT NULL;
CREATE INDEX hashed ON people USING hash (pyrite.eq("E Mail"));
CREATE INDEX people_phone_idx ON people (pyrite.eq(phone));
CREATE INDEX people_low_idx ON people (lower(region));
COMMENT ON INDEX hashed IS 'it''s \ kept';
ALTER INDEX people_email_key ALTER COLUMN 1 SET STATISTICS 321;
ALTER TABLE people CLUSTER ON people_email_key;
CREATE TABLE events (id int, email pyrite.encrypted, region text) PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu');
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us', 'ca') PARTITION BY LIST (region);
CREATE TABLE events_ca PARTITION OF events_us FOR VALUES IN ('ca');
CREATE UNIQUE INDEX events_key ON events (region, pyrite.eq(email));
CREATE INDEX events_alone ON events_eu (pyrite.eq(email), id);
CREATE TABLE calls (id int PRIMARY KEY, phone pyrite.encrypted);
CREATE INDEX calls_phone_idx ON calls (pyrite.eq(phone));
CREATE VIEW joined AS SELECT p.id, p.email, e.region FROM people p JOIN events e ON pyrite.eq(p.email) = pyrite.eq(e.email);
GRANT SELECT ON joined TO reader;
ALTER VIEW joined SET (security_barrier = true);
CREATE VIEW both_groups AS SELECT p.id, 'pyrite.eq(email)' AS "t ext" FROM people p JOIN calls c ON pyrite.eq(p.phone) = pyrite.eq(c.phone)
  WHERE pyrite.eq(p.email) = pyrite.eq(p."E Mail");
CREATE VIEW over_a_view AS SELECT j.id FROM joined j WHERE EXISTS (SELECT FROM people x WHERE pyrite.eq(x.email) = pyrite.eq(j.email))
  WITH CASCADED CHECK OPTION;
CREATE VIEW calls_only AS SELECT a.id FROM calls a JOIN calls b ON pyrite.eq(a.phone) = pyrite.eq(b.phone);
CREATE MATERIALIZED VIEW kept AS SELECT id, email FROM people;
CREATE INDEX kept_idx ON kept (pyrite.eq(email));
CREATE FUNCTION doubles() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM people p, people q
  WHERE pyrite.eq(p.email) = pyrite.eq(q."E Mail"); END;
CREATE POLICY own ON people FOR ALL TO reader USING (pyrite.eq(email) = pyrite.eq("E Mail")) WITH CHECK (pyrite.eq(email) IS NOT NULL);
CREATE STATISTICS public.together ON pyrite.eq(email), region FROM people;
COMMENT ON STATISTICS public.together IS 'counts';
ALTER STATISTICS public.together SET STATISTICS 77;
INSERT INTO people SELECT n, envelope('m' || n), envelope('x' || n % 7), envelope('p' || n % 5), 'r' || n % 3 FROM generate_series(1, 200) n;
INSERT INTO events SELECT n, envelope('m' || n % 91), CASE n % 2 WHEN 0 THEN 'eu' ELSE 'ca' END FROM generate_series(1, 180) n;
"#;

/// All that a rotation may touch, without OIDs.
const SNAPSHOT: &str = r#"
SELECT coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), '') FROM (
  SELECT concat_ws('|', 'index', c.relname, pg_get_indexdef(i.indexrelid), obj_description(c.oid), i.indisvalid, i.indisclustered,
    (SELECT string_agg(attnum || '=' || attstattarget, ',') FROM pg_attribute a WHERE a.attrelid = c.oid AND attstattarget >= 0),
    (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid)) AS line
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.oid >= 16384 AND c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws('|', 'view', relname, pg_get_viewdef(oid), relacl, reloptions) FROM pg_class
    WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat_ws('|', 'function', pg_get_functiondef(oid), proacl) FROM pg_proc WHERE proname = 'doubles'
  UNION ALL SELECT concat_ws('|', 'policy', polname, polroles::regrole[], pg_get_expr(polqual, polrelid),
    pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
  UNION ALL SELECT concat_ws('|', 'statistics', pg_get_statisticsobjdef(oid), stxstattarget, obj_description(oid)) FROM pg_statistic_ext
) AS lines"#;

struct Fixture {
    server: PrivateServer,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new(sql: &str) -> Self {
        let server = PrivateServer::start(&Options::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fixture = Self { server, runtime };
        fixture.runtime.block_on(async {
            let mut client = fixture.connect().await;
            keys::install(&mut client).await.unwrap();
            client.batch_execute("SET search_path = public").await.unwrap();
            client.batch_execute(sql).await.unwrap();
        });
        fixture
    }

    async fn connect(&self) -> Client {
        let (client, connection) = self.server.connection("postgres").connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET search_path = pg_catalog").await.unwrap();
        client
    }

    async fn turn(&self, from: SearchSlot) -> Turn {
        let json =
            text(&self.connect().await, &format!("SELECT ({})::text", catalog_query(&Database::default())))
                .await;
        let config = Config::parse(CONFIG, Path::new("/"), &SystemSecrets).unwrap();
        let group = |name: &str| Some(KeyGroup { slot: from, ..KeyGroup::from(group(name)) });
        let catalog = Catalog::from_json(&json, &config.databases["shop"], &group).unwrap();
        Turn { group: super::tests::group("mail"), from, to: from.other(), catalog: Arc::new(catalog) }
    }
}

fn group(name: &str) -> GroupId {
    let mut id = [0; 16];
    id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    GroupId(id)
}

fn keyring() -> Keyring {
    let builder = KeyringBuilder::new([1; 16]);
    let key = |id: u64| (KeyId(id), Key::new([7; 32]));
    let builder = builder.group_with_keys(group("mail").0, "mail", key(0xd1), key(0xe1));
    builder.group_with_keys(group("phone").0, "phone", key(0xd2), key(0xe3)).build().unwrap()
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Stops at each commit that it has not stopped at before.
struct Walker {
    client: Client,
    stops: bool,
    stopped: Arc<Mutex<Vec<(&'static str, Moment)>>>,
}

impl Host for Walker {
    fn client(&self) -> &Client {
        &self.client
    }

    fn point(&self, what: &'static str, moment: Moment) -> Result<(), JobError> {
        let flow = if self.stops { self.decide(what, moment) } else { ControlFlow::Continue(()) };
        match flow {
            ControlFlow::Break(()) => Err(JobError::Stopped),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    async fn say(&mut self, _: String) -> Result<(), JobError> {
        Ok(())
    }
}

impl Walker {
    /// Before a commit once, then behind it: so each commit is tried with a crash on either side.
    fn decide(&self, what: &'static str, moment: Moment) -> ControlFlow<()> {
        let mut stopped = self.stopped.lock().unwrap();
        // Some do the same each time, and would be stopped for ever.
        let often = stopped.iter().filter(|stop| **stop == (what, moment)).count() >= 12;
        if often || moment == Moment::Before && stopped.last() == Some(&(what, Moment::Before)) {
            return ControlFlow::Continue(());
        }
        stopped.push((what, moment));
        ControlFlow::Break(())
    }
}

async fn definitions(host: &mut Walker, turn: &Turn) -> Result<(), JobError> {
    copies::build(host, turn).await?;
    redefine::all(host, turn).await?;
    copies::analyze(host, turn).await?;
    swap::all(host, turn).await
}

impl Fixture {
    /// Goes from one slot to the other; with crashes, if it shall. Gives where it stopped.
    async fn rotate(&self, from: SearchSlot, stops: bool) -> Vec<(&'static str, Moment)> {
        let stopped = Arc::default();
        loop {
            let mut host = Walker { client: self.connect().await, stops, stopped: Arc::clone(&stopped) };
            let turn = self.turn(from).await;
            match definitions(&mut host, &turn).await {
                Ok(()) => break,
                Err(JobError::Stopped) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let turn = self.turn(from).await;
        assert!(swap::is_done(&self.connect().await, &turn).await.unwrap());
        stopped.lock().unwrap().clone()
    }
}

/// What a snapshot is after a rotation: calls over columns of the group cut out the other term.
fn moved(snapshot: &str) -> String {
    let columns = [
        "(email)",
        "(\"E Mail\")",
        "(p.email)",
        "(e.email)",
        "(p.\"E Mail\")",
        "(q.\"E Mail\")",
        "(x.email)",
        "(j.email)",
        "(events.email)",
    ];
    let mut text = snapshot.to_owned();
    for column in columns {
        text = text.replace(&format!("pyrite.eq({column}"), &format!("pyrite.eq_b({column}"));
    }
    text.replace("pyrite.eq(email::", "pyrite.eq_b(email::")
}

#[test]
fn definitions_go_over_and_back_with_a_crash_at_every_commit() {
    let fixture = Fixture::new(TABLES);
    fixture.runtime.block_on(async {
        let client = fixture.connect().await;
        let before = text(&client, SNAPSHOT).await;
        let found = obstacles::find(&client, &fixture.turn(SearchSlot::A).await, &keyring()).await.unwrap();
        assert_eq!(found, Vec::<String>::new());

        let stopped = fixture.rotate(SearchSlot::A, true).await;
        let after = text(&client, SNAPSHOT).await;
        assert_eq!(after, moved(&before));
        assert_ne!(after, before);
        for what in ["copy", "attach", "redefine", "analyze", "swap"] {
            for moment in [Moment::Before, Moment::After] {
                assert!(stopped.contains(&(what, moment)), "never stopped {moment:?} {what}: {stopped:?}");
            }
        }
        let doubles = "SELECT public.doubles()::text";
        assert_eq!(text(&client, doubles).await, "0");
        let unique =
            client.batch_execute("INSERT INTO public.people SELECT 999, public.envelope('m7')").await;
        let unique = unique.unwrap_err();
        assert_eq!(unique.as_db_error().unwrap().constraint(), Some("people_email_key"));

        fixture.rotate(SearchSlot::B, false).await;
        assert_eq!(text(&client, SNAPSHOT).await, before);
    });
}

#[test]
fn what_came_and_went_meanwhile_is_neither_lost_nor_left() {
    let fixture = Fixture::new(TABLES);
    fixture.runtime.block_on(async {
        let client = fixture.connect().await;
        let turn = fixture.turn(SearchSlot::A).await;
        let mut host =
            Walker { client: fixture.connect().await, stops: false, stopped: Arc::default() };
        copies::build(&mut host, &turn).await.unwrap();
        // Another partition, an index less, one more, one made anew, an invalid left-over.
        client
            .batch_execute(
                "CREATE TABLE public.events_xx PARTITION OF public.events FOR VALUES IN ('xx');
                 DROP INDEX public.hashed;
                 CREATE UNIQUE INDEX late ON public.people (pyrite.eq(email), id);
                 CREATE VIEW public.late_view AS SELECT pyrite.eq(email) AS term FROM public.events",
            )
            .await
            .unwrap();
        client.batch_execute("REINDEX INDEX CONCURRENTLY public.people_email_key").await.unwrap();
        client
            .batch_execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = (SELECT min(oid) FROM pg_class WHERE relname ~ '^pyrite_new')")
            .await
            .unwrap();
        let before = text(&client, SNAPSHOT).await;
        let before: String =
            before.lines().filter(|line| !line.contains("pyrite_new") && !line.contains("eq_b")).collect::<Vec<_>>().join("\n");
        fixture.rotate(SearchSlot::A, false).await;
        let after = text(&client, SNAPSHOT).await;
        assert_eq!(after, moved(&before));
        assert!(after.contains("late") && !after.contains("hashed"));
    });
}

#[test]
fn an_abandoned_rotation_leaves_everything_as_it_was() {
    let fixture = Fixture::new(TABLES);
    fixture.runtime.block_on(async {
        let client = fixture.connect().await;
        let before = text(&client, SNAPSHOT).await;
        let turn = fixture.turn(SearchSlot::A).await;
        let mut host = Walker { client: fixture.connect().await, stops: false, stopped: Arc::default() };
        copies::build(&mut host, &turn).await.unwrap();
        redefine::all(&mut host, &turn).await.unwrap();
        assert_ne!(text(&client, SNAPSHOT).await, before);
        super::restore(&mut host, &turn).await.unwrap();
        assert_eq!(text(&client, SNAPSHOT).await, before);
    });
}

#[test]
fn obstacles_are_named_with_the_way_out() {
    let cases: &[(&str, &str)] = &[
        (
            "CREATE MATERIALIZED VIEW m AS SELECT pyrite.eq(email) FROM people",
            "materialized view m keeps what it made",
        ),
        (
            "CREATE RULE r AS ON DELETE TO people WHERE pyrite.eq(old.email) IS NULL DO INSTEAD NOTHING",
            "rule r on table people compares",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW WHEN (pyrite.eq(new.email) <> pyrite.eq(old.email)) EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "trigger t on table people compares",
        ),
        (
            "ALTER TABLE people ADD CONSTRAINT c CHECK (pyrite.eq(email) <> pyrite.eq(\"E Mail\")) NOT VALID",
            "constraint c on table people compares",
        ),
        (
            "ALTER TABLE people ADD g bytea GENERATED ALWAYS AS (pyrite.eq(email)) STORED",
            "default value for column g of table people keeps terms",
        ),
        (
            "ALTER TABLE people ADD EXCLUDE (pyrite.eq(\"E Mail\") WITH =) WHERE (id < 0)",
            "belongs to an exclusion constraint",
        ),
        (
            "CREATE TABLE x (email pyrite.encrypted) PARTITION BY HASH (pyrite.eq(email))",
            "table x compares terms",
        ),
        (
            "CREATE VIEW v AS SELECT id FROM people WHERE pyrite.eq(email) = '\\x000102030405060708090a0b0c0d0e0f'",
            "view v holds a term",
        ),
        (
            "CREATE INDEX i ON people (pyrite.eq(email)) WHERE pyrite.eq(email) <> '\\x000102030405060708090a0b0c0d0e0f'",
            "index \"public\".\"i\" holds a term",
        ),
        (
            "CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(pyrite.eq(email)) FROM people); END'",
            "function f() is kept as text",
        ),
        (
            "CREATE FUNCTION f(c pyrite.encrypted) RETURNS bytea LANGUAGE sql RETURN pyrite.eq(c)",
            "it cannot be told which columns function f(pyrite.encrypted)",
        ),
        (
            "CREATE VIEW v AS SELECT s.email FROM (SELECT phone AS email, email AS phone FROM people) s WHERE pyrite.eq(s.email) IS NULL",
            "it cannot be told which columns view v",
        ),
        (
            "CREATE FUNCTION f(p people) RETURNS bytea IMMUTABLE LANGUAGE sql RETURN pyrite.eq((p).email); CREATE INDEX fi ON people (f(people))",
            "function f(people)",
        ),
        (
            "DO $$ BEGIN EXECUTE format('ALTER TABLE people ALTER email SET DEFAULT %L', envelope('x')::pyrite.encrypted); END $$",
            "default value for column email of table people holds an encrypted value",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'hashed'::regclass",
            "index \"public\".\"hashed\" is invalid",
        ),
    ];
    let fixture = Fixture::new(TABLES);
    fixture.runtime.block_on(async {
        let client = fixture.connect().await;
        let turn = fixture.turn(SearchSlot::A).await;
        for (sql, expected) in cases {
            client
                .batch_execute(&format!("SET search_path = public, pg_catalog; BEGIN; {sql}"))
                .await
                .unwrap();
            client.batch_execute("SET LOCAL search_path = pg_catalog, public").await.unwrap();
            let json =
                text(&client, &format!("SELECT ({})::text", catalog_query(&Database::default()))).await;
            let config = Config::parse(CONFIG, Path::new("/"), &SystemSecrets).unwrap();
            let groups = |name: &str| Some(KeyGroup::from(group(name)));
            let catalog = Catalog::from_json(&json, &config.databases["shop"], &groups).unwrap();
            let turn = Turn { catalog: Arc::new(catalog), ..turn.clone() };
            let found = obstacles::find(&client, &turn, &keyring()).await.unwrap();
            assert!(
                found.iter().any(|line| line.contains(expected)),
                "{sql}\n  lacks {expected:?}: {found:#?}"
            );
            client.batch_execute("ROLLBACK; SET search_path = pg_catalog").await.unwrap();
        }
        // Whoever is no owner may do nothing.
        client
            .batch_execute(
                "CREATE ROLE nobody; GRANT USAGE ON SCHEMA public, pyrite TO nobody; SET ROLE nobody",
            )
            .await
            .unwrap();
        let found = obstacles::find(&client, &turn, &keyring()).await.unwrap();
        assert!(found.iter().any(|line| line.contains("GRANT postgres TO nobody")), "{found:#?}");
        assert!(
            found.iter().any(|line| line.contains("GRANT CREATE ON SCHEMA public TO nobody")),
            "{found:#?}"
        );
    });
}
