//! Whole programs of PostgreSQL's own, on tables that are not protected: they must not notice the proxy.

use std::process::{Command, Stdio};

use super::{Pair, said};
use crate::support::server;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("run {command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    said(&output)
}

#[test]
fn pgbench_in_all_query_modes() {
    let pair = Pair::start();
    let [_, (port, database)] = pair.sides();
    let pgbench = |arguments: &[&str]| {
        let mut command = server::shared().program("pgbench");
        run(command.args(["-p", &port.to_string()]).args(arguments).arg(database))
    };
    pgbench(&["-i", "-s", "1", "-q"]);
    for mode in ["simple", "extended", "prepared"] {
        let said = pgbench(&["-M", mode, "-c", "4", "-j", "2", "-t", "50", "-n"]);
        assert!(said.contains("number of transactions actually processed: 200/200"), "{mode}: {said}");
        assert!(said.contains("number of failed transactions: 0"), "{mode}: {said}");
        pgbench(&["-M", mode, "-S", "-c", "4", "-j", "2", "-t", "200", "-n"]);
    }
    let mut direct = server::shared().connect(database);
    let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches), \
                count(*) FROM pgbench_history";
    let messages = direct.run(sums);
    assert_eq!(messages[1].values(), [Some(b"t".to_vec()), Some(b"600".to_vec())]);
}

const UNPROTECTED: &str = r#"
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE SEQUENCE numbers START 100;
CREATE TABLE things (id int PRIMARY KEY DEFAULT nextval('numbers'), label text NOT NULL, how mood, data bytea, at timestamptz, CHECK (label <> ''));
CREATE TABLE parts (id int PRIMARY KEY, thing int REFERENCES things ON DELETE CASCADE, tags text[]);
CREATE INDEX ON things (lower(label));
CREATE VIEW happy_things AS SELECT id, label FROM things WHERE how = 'happy';
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper($1) || '!' $$;
INSERT INTO things (label, how, data, at) SELECT E'thing\t\\' || i || ' ü張🚗', CASE WHEN i % 3 > 0 THEN 'happy'::mood END, decode(md5(i::text), 'hex'), 'epoch'::timestamptz + i * interval '1 day' FROM generate_series(1, 3000) i;
INSERT INTO parts SELECT i, 99 + i, ARRAY['a"b', NULL, ''] FROM generate_series(1, 1000) i;
COMMENT ON TABLE things IS 'don''t panic';
"#;

#[test]
fn dump_and_restore_of_an_unprotected_database() {
    let pair = Pair::start();
    let server = server::shared();
    let (source, target) = (server.database("source"), server.database("target"));
    server.connect(&source).run(UNPROTECTED);
    let port = pair.pyrite.port().to_string();
    let dump = |port: &str, database: &str| {
        let output = server.program("pg_dump").args(["-p", port, database]).output().expect("run pg_dump");
        assert!(output.status.success(), "{}", said(&output));
        output.stdout
    };
    let through = dump(&port, &source);
    let folder = crate::support::Folder::new("dump");
    let file = folder.path().join("dump.sql");
    std::fs::write(&file, &through).expect("write the dump");
    let mut psql = server.program("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-p", &port, "-d", &target, "-f"])
        .arg(&file)
        .stdout(Stdio::null());
    run(&mut psql);
    let direct = server.port().to_string();
    let (before, after) = (dump(&direct, &source), dump(&direct, &target));
    let text = |dump: &[u8]| -> Vec<String> {
        // Newer releases write a random word into each dump.
        let whole = String::from_utf8_lossy(dump).into_owned();
        whole
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .map(str::to_string)
            .collect()
    };
    assert!(before.len() > 100_000, "the dump has its rows");
    assert!(text(&through) == text(&before), "the dump through the proxy is another one");
    assert!(text(&after) == text(&before), "the restored database is another one");
}
