//! Schema `pyrite` and the stored keyring against a real PostgreSQL, as a role without special rights.

// Helpers outside of test functions fail like these do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod changes;
mod cluster;
mod escrow;
mod secrets;
mod stale;
mod tamper;

use cluster::{Cluster, names, opened, root, run, sealed};
use pyrite::keys::{
    ColumnRegistration, KeyError, grants, install, latest_version, load_or_create, register_columns,
    registered_columns, reload,
};

#[test]
fn installs_with_plain_rights_and_only_once() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("plain").await;
        let mut app = cluster.connect("plain_app", "plain").await;

        let refused = install(&mut app).await.unwrap_err();
        assert!(
            refused.hint().unwrap().contains("GRANT CREATE ON DATABASE plain TO plain_app;"),
            "{refused}"
        );

        let mut second = cluster.connect("plain_service", "plain").await;
        let (one, two) = tokio::join!(install(&mut service), install(&mut second));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((one.to, two.to), (latest_version(), latest_version()));
        assert_eq!(one.from + two.from, latest_version(), "one of them installed it");
        assert_eq!(install(&mut service).await.unwrap().from, latest_version());

        let refused = install(&mut app).await.unwrap_err();
        assert!(matches!(refused, KeyError::Schema { .. }), "{refused}");

        service.batch_execute("INSERT INTO pyrite.version VALUES (1000)").await.unwrap();
        assert!(install(&mut service).await.unwrap_err().to_string().contains("version 1000"));
    });
}

#[test]
fn a_foreign_schema_of_that_name_is_not_touched() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("foreign_schema").await;
        service.batch_execute("CREATE SCHEMA pyrite").await.unwrap();
        let refused = install(&mut service).await.unwrap_err();
        assert!(refused.to_string().contains("did not make"), "{refused}");
    });
}

#[test]
fn applications_get_what_they_need_and_no_keys() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("rights").await;
        install(&mut service).await.unwrap();
        let keyring = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        let admin = cluster.connect("admin", "rights").await;
        admin.batch_execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pyrite FROM PUBLIC").await.unwrap();
        admin.batch_execute("GRANT CREATE ON SCHEMA public TO rights_app").await.unwrap();
        service.batch_execute(&grants(&names(&["rights_app"]))).await.unwrap();

        let app = cluster.connect("rights_app", "rights").await;
        app.batch_execute("CREATE TABLE t (c pyrite.encrypted); CREATE INDEX ON t (pyrite.eq(c))")
            .await
            .unwrap();
        app.execute("INSERT INTO t VALUES ($1::bytea)", &[&sealed(&keyring, "g", b"v", true)]).await.unwrap();
        app.query("SELECT pyrite.eq(c), pyrite.key_id(c) FROM t", &[]).await.unwrap();
        app.query("SELECT * FROM pyrite.columns, pyrite.groups", &[]).await.unwrap();
        for table in ["keys", "keyring"] {
            let refused = app.query(&format!("SELECT * FROM pyrite.{table}"), &[]).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501");
        }
        assert!(app.execute("UPDATE pyrite.groups SET name = 'x'", &[]).await.is_err());
    });
}

#[test]
fn the_domain_accepts_envelopes_only() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("guard").await;
        install(&mut service).await.unwrap();
        let keyring = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        service.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (c pyrite.encrypted)").await.unwrap();
        let insert = service.prepare("INSERT INTO s.t VALUES ($1::bytea)").await.unwrap();

        let mut good = vec![sealed(&keyring, "g", b"", false), sealed(&keyring, "g", b"value", true)];
        let pinned =
            include_str!("../vectors/envelope_v1.txt").lines().filter_map(|line| line.split_once(':'));
        let from_hex = |digits: &str| -> Vec<u8> {
            let digit = |n: usize| u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).unwrap();
            (0..digits.len() / 2).map(digit).collect()
        };
        good.extend(pinned.filter(|(name, _)| !name.starts_with('#')).map(|(_, hex)| from_hex(hex)));
        assert_eq!(good.len(), 8);
        for envelope in &good {
            service.execute(&insert, &[envelope]).await.unwrap();
            let header = pyrite::crypto::Envelope::parse(envelope).unwrap();
            // The shortest that still parses is the shortest that is accepted.
            let shortest = envelope.len() - header.plaintext_len();
            service.execute(&insert, &[&&envelope[..shortest]]).await.unwrap();
            for len in 0..shortest {
                let refused = service.execute(&insert, &[&&envelope[..len]]).await;
                assert!(refused.is_err(), "{len} bytes of {}", envelope.len());
            }
            for bit in 0..64 {
                let mut altered = envelope.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                let accepted = service.execute(&insert, &[&altered]).await;
                let parsed = pyrite::crypto::Envelope::parse(&altered);
                assert_eq!(accepted.is_ok(), parsed.is_ok(), "bit {bit}: {accepted:?} {parsed:?}");
            }
        }
        for literal in ["'alice@example.com'", "''", "'\\xff505952'", "repeat('x', 1000)::bytea"] {
            let refused =
                service.batch_execute(&format!("INSERT INTO s.t VALUES ({literal})")).await.unwrap_err();
            let refused = refused.as_db_error().unwrap();
            assert_eq!(refused.code().code(), "23514", "{literal}");
            assert_eq!(refused.constraint(), Some("written_by_pyrite"));
        }
        service.batch_execute("INSERT INTO s.t VALUES (NULL)").await.unwrap();
    });
}

#[test]
fn an_index_on_the_term_serves_all_kinds_of_query() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("plans").await;
        install(&mut service).await.unwrap();
        let keyring = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        service
            .batch_execute(
                "CREATE SCHEMA s; SET search_path = s;
                 CREATE TABLE t (id int PRIMARY KEY, c pyrite.encrypted);
                 CREATE UNIQUE INDEX t_c ON t (pyrite.eq(c));
                 CREATE TABLE u (id int PRIMARY KEY, c pyrite.encrypted);
                 SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
                 SET enable_sort = off; SET enable_hashagg = off; SET enable_bitmapscan = off",
            )
            .await
            .unwrap();
        let insert = service.prepare("INSERT INTO t VALUES ($1, $2::bytea)").await.unwrap();
        for n in 0..100 {
            let envelope = sealed(&keyring, "g", format!("value {n}").as_bytes(), true);
            service.execute(&insert, &[&n, &envelope]).await.unwrap();
        }
        for query in [
            "SELECT id FROM t WHERE pyrite.eq(c) = '\\x00'",
            "SELECT id FROM t WHERE pyrite.eq(c) IN ('\\x00', '\\x01')",
            "SELECT id FROM t WHERE pyrite.eq(c) = ANY('{\\\\x00,\\\\x01}'::bytea[])",
            "SELECT u.id FROM u JOIN t ON pyrite.eq(t.c) = pyrite.eq(u.c)",
            "SELECT pyrite.eq(c), count(*) FROM t GROUP BY pyrite.eq(c)",
        ] {
            let plan = service.query(&format!("EXPLAIN {query}"), &[]).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
            assert!(plan.iter().any(|line| line.contains("t_c")), "{query}: {plan:#?}");
            assert!(!plan.iter().any(|line| line.contains("pyrite.")), "inlined: {plan:#?}");
        }

        let upsert =
            "INSERT INTO t VALUES (1000, $1::bytea) ON CONFLICT (pyrite.eq(c)) DO UPDATE SET id = t.id
                      RETURNING id, c::bytea";
        let row = service.query_one(upsert, &[&sealed(&keyring, "g", b"value 7", true)]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), 7);
        assert_eq!(opened(&keyring, "g", row.get(1)), b"value 7");
        let again = sealed(&keyring, "g", b"value 8", true);
        let refused = service.execute(&insert, &[&2000, &again]).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "23505");

        let id =
            service.query_one("SELECT count(*) FROM t JOIN pyrite.keys k ON k.id = pyrite.key_id(c)", &[]);
        assert_eq!(id.await.unwrap().get::<_, i64>(0), 100);
    });
}

#[test]
fn a_hostile_search_path_changes_nothing() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("paths").await;
        install(&mut service).await.unwrap();
        let keyring = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        service
            .batch_execute(
                "CREATE SCHEMA evil;
                 CREATE FUNCTION evil.substr(bytea, int, int) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT $1';
                 CREATE FUNCTION evil.octet_length(bytea) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 80';
                 CREATE FUNCTION evil.differs(bytea, bytea) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
                 CREATE OPERATOR evil.<> (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = evil.differs);
                 CREATE TABLE evil.keys AS SELECT 1 AS id;
                 SET search_path = evil, pg_catalog;
                 CREATE TABLE evil.t (c pyrite.encrypted)",
            )
            .await
            .unwrap();
        let plain = service.batch_execute("INSERT INTO evil.t VALUES ('alice@example.com')").await;
        assert_eq!(plain.unwrap_err().code().unwrap().code(), "23514");
        let envelope = sealed(&keyring, "g", b"v", true);
        let row = service.query_one("SELECT pyrite.eq($1)", &[&envelope]).await.unwrap();
        assert_eq!(row.get::<_, &[u8]>(0), &envelope[24..40]);
        assert_eq!(reload(&mut service, &root(1), &keyring).await.unwrap().uuid(), keyring.uuid());
    });
}

#[test]
fn proxies_that_start_at_once_share_one_keyring() {
    run(async {
        let cluster = Cluster::get();
        let mut one = cluster.database("together").await;
        let mut two = cluster.connect("together_service", "together").await;
        install(&mut one).await.unwrap();
        let root = root(1);
        let (a, b) = (names(&["email", "phone"]), names(&["phone", "iban"]));
        let (first, second) =
            tokio::join!(load_or_create(&mut one, &root, &a), load_or_create(&mut two, &root, &b));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.uuid(), second.uuid());
        assert_eq!(first.group_id("phone"), second.group_id("phone"));

        let envelope = sealed(&first, "phone", b"+49 30 1234", true);
        assert_eq!(opened(&second, "phone", &envelope), b"+49 30 1234");
        let all = names(&["email", "phone", "iban"]);
        let third = load_or_create(&mut two, &root, &all).await.unwrap();
        assert_eq!(third.groups().count(), 3);
        assert_eq!(third.counter(), first.counter().max(second.counter()), "nothing was left to create");
        assert_eq!(third.keys().len(), 6);
    });
}

#[test]
fn another_root_key_is_told_apart() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("roots").await;
        install(&mut service).await.unwrap();
        load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        let wrong = load_or_create(&mut service, &root(2), &names(&["g", "h"])).await.unwrap_err();
        assert!(matches!(wrong, KeyError::WrongRoot { .. }), "{wrong}");
        let groups = service.query("SELECT FROM pyrite.groups", &[]).await.unwrap();
        assert_eq!(groups.len(), 1, "nothing was created under it");
    });
}

fn email() -> ColumnRegistration {
    ColumnRegistration {
        schema: "s".to_owned(),
        table: "people".to_owned(),
        column: "email".to_owned(),
        declared_type: "character varying(254)".to_owned(),
        group: "g".to_owned(),
        equality: true,
        search: Vec::new(),
        demanded: Vec::new(),
        collation: None,
    }
}

#[test]
fn columns_are_registered_and_differences_refused() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("registry").await;
        install(&mut service).await.unwrap();
        let keyring = load_or_create(&mut service, &root(1), &names(&["g", "h"])).await.unwrap();
        service
            .batch_execute(
                "CREATE SCHEMA s; CREATE TABLE s.people (id int, email pyrite.encrypted, note text)",
            )
            .await
            .unwrap();
        register_columns(&mut service, &keyring, &[email()]).await.unwrap();
        register_columns(&mut service, &keyring, &[email()]).await.unwrap();
        let registered = registered_columns(&service).await.unwrap();
        let [column] = &registered[..] else { panic!("{registered:?}") };
        assert_eq!((column.table.as_str(), column.column.as_str(), column.attnum), ("people", "email", 2));
        assert_eq!((column.group, column.equality), (keyring.group_id("g").unwrap(), true));

        for (wrong, word) in [
            (ColumnRegistration { declared_type: "text".to_owned(), ..email() }, "configured as text"),
            (ColumnRegistration { group: "h".to_owned(), ..email() }, "group \"h\""),
            (ColumnRegistration { group: "new".to_owned(), ..email() }, "not in the keyring"),
            (ColumnRegistration { equality: false, ..email() }, "configured without"),
            (ColumnRegistration { column: "note".to_owned(), ..email() }, "its type is text"),
            (ColumnRegistration { column: "gone".to_owned(), ..email() }, "does not exist"),
        ] {
            let refused = register_columns(&mut service, &keyring, &[wrong]).await.unwrap_err();
            assert!(refused.to_string().contains(word), "{refused}");
            assert!(refused.hint().is_some());
        }

        // A rename of column, table and schema is followed; the configuration has to follow, too.
        service
            .batch_execute(
                "ALTER TABLE s.people RENAME email TO mail; ALTER TABLE s.people RENAME TO persons;
                 ALTER SCHEMA s RENAME TO s2",
            )
            .await
            .unwrap();
        let renamed = &registered_columns(&service).await.unwrap()[0];
        assert_eq!((&renamed.schema[..], &renamed.table[..], &renamed.column[..]), ("s2", "persons", "mail"));
        let moved = ColumnRegistration {
            schema: "s2".to_owned(),
            table: "persons".to_owned(),
            column: "mail".to_owned(),
            ..email()
        };
        register_columns(&mut service, &keyring, std::slice::from_ref(&moved)).await.unwrap();
        let wrong = ColumnRegistration { declared_type: "text".to_owned(), ..moved };
        assert!(register_columns(&mut service, &keyring, &[wrong]).await.is_err());

        service.batch_execute("DROP TABLE s2.persons").await.unwrap();
        register_columns(&mut service, &keyring, &[]).await.unwrap();
        let left = service.query("SELECT FROM pyrite.columns", &[]).await.unwrap();
        assert!(left.is_empty());
    });
}

#[test]
fn a_dump_restored_elsewhere_works() {
    run(async {
        let cluster = Cluster::get();
        let mut service = cluster.database("dumped").await;
        install(&mut service).await.unwrap();
        let keyring = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        service
            .batch_execute(
                "CREATE SCHEMA s; CREATE TABLE s.people (gone int, email pyrite.encrypted);
                 ALTER TABLE s.people DROP gone; CREATE UNIQUE INDEX ON s.people (pyrite.eq(email))",
            )
            .await
            .unwrap();
        register_columns(&mut service, &keyring, &[email()]).await.unwrap();
        let envelope = sealed(&keyring, "g", b"alice@example.com", true);
        service.execute("INSERT INTO s.people VALUES ($1::bytea)", &[&envelope]).await.unwrap();

        let admin = cluster.connect("admin", "postgres").await;
        admin.batch_execute("CREATE DATABASE restored OWNER dumped_service").await.unwrap();
        let socket = cluster.folder.to_str().unwrap();
        let file = cluster.folder.join("dump.sql");
        let file = file.to_str().unwrap();
        cluster.run("pg_dump", &["-h", socket, "-U", "admin", "-f", file, "dumped"]);
        let quiet = ["-h", socket, "-U", "admin", "-q", "-v", "ON_ERROR_STOP=1", "-f", file, "restored"];
        cluster.run("psql", &quiet);

        let mut restored = cluster.connect("dumped_service", "restored").await;
        assert_eq!(install(&mut restored).await.unwrap().from, latest_version());
        let keyring = load_or_create(&mut restored, &root(1), &names(&["g"])).await.unwrap();
        let before = registered_columns(&restored).await.unwrap();
        register_columns(&mut restored, &keyring, &[email()]).await.unwrap();
        let after = registered_columns(&restored).await.unwrap();
        assert_eq!(before, after);
        assert_eq!((after.len(), after[0].attnum), (1, 1), "the dropped column is not in the dump");
        let row = restored.query_one("SELECT email::bytea FROM s.people", &[]).await.unwrap();
        assert_eq!(opened(&keyring, "g", row.get(0)), b"alice@example.com");
    });
}
