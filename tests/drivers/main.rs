//! Real drivers and programs: a little application runs on a plain server and through Pyrite, and must see the same.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod console;
mod rust;
mod workloads;

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use support::canary::Canary;
use support::pyrite::Pyrite;
use support::server;

const SCHEMA: &str = include_str!("schema.sql");
const COLUMNS: &str = include_str!("columns.toml");

/// Two databases with the same tables, one of them behind a Pyrite.
pub struct Pair {
    pub plain: String,
    pub protected: String,
    pub pyrite: Pyrite,
}

impl Pair {
    pub fn start() -> Pair {
        let server = server::shared();
        let (plain, protected) = (server.database("plain"), server.database("protected"));
        let pyrite = Pyrite::start(&COLUMNS.replace("DATABASE", &protected));
        pyrite.watch(&[
            Canary::Text("grete.falkner@voltmail.example".into()),
            Canary::Text("Grete Falkner".into()),
            Canary::Text("12345678-90ab-cdef-1234-567890abcdef".into()),
            Canary::Bytes(0x1234567890abcdef1234567890abcdefu128.to_be_bytes().to_vec()),
            Canary::Integer(8_123_456_789_012_345),
        ]);
        let pair = Pair { plain, protected, pyrite };
        for (port, database) in pair.sides() {
            let mut client = support::raw::Client::connect(port, "postgres", database);
            SCHEMA
                .split(";\n")
                .filter(|text| !text.trim().is_empty())
                .for_each(|text| drop(client.run(text)));
        }
        pair
    }

    /// Port and database: first of the plain server, then through Pyrite.
    pub fn sides(&self) -> [(u16, &str); 2] {
        [(server::shared().port(), &self.plain), (self.pyrite.port(), &self.protected)]
    }

    /// Runs a program on both sides; both must succeed and print the same.
    pub fn compare(&self, command: impl Fn(u16, &str) -> Command) -> String {
        let [expected, actual] = self.sides().map(|(port, database)| {
            let mut command = command(port, database);
            let output = command.output().unwrap_or_else(|error| panic!("run {command:?}: {error}"));
            assert!(output.status.success(), "{command:?}\n{}", said(&output));
            String::from_utf8(output.stdout).expect("output in UTF-8")
        });
        assert!(!expected.is_empty(), "the program printed nothing");
        if let Some((a, b)) = expected.lines().zip(actual.lines()).find(|(a, b)| a != b) {
            panic!("the answers differ\nexpected {a}\ngot      {b}");
        }
        assert_eq!(expected.lines().count(), actual.lines().count(), "one printed more lines");
        actual
    }
}

/// What a program printed.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers")
}

/// The folder with Python's and Node's drivers; installed by the first test that asks.
fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("drivers");
        let output =
            Command::new(here().join("install")).arg(&folder).output().expect("run tests/drivers/install");
        assert!(output.status.success(), "cannot install the drivers:\n{}", said(&output));
        folder
    })
}

fn python(script: &str) -> Command {
    let mut command = Command::new(installed().join("venv/bin/python"));
    // Without its standard settings, so that nothing in the environment changes the connection.
    command.arg("-W").arg("error::RuntimeWarning").arg(here().join(script));
    command.env("PYTHONIOENCODING", "utf-8");
    command
}

fn psycopg(mode: &str) {
    let output = Pair::start().compare(|port, database| {
        let mut command = python("app_psycopg.py");
        command.args([mode, &port.to_string(), database]);
        command
    });
    assert!(output.contains("Grete Falkner"), "{output}");
}

#[test]
fn psycopg_text() {
    psycopg("text");
}

#[test]
fn psycopg_binary() {
    psycopg("binary");
}

#[test]
fn psycopg_prepared() {
    psycopg("prepared");
}

#[test]
fn psycopg_client_side_binding() {
    psycopg("client");
}

#[test]
fn psycopg_pipeline() {
    psycopg("pipeline");
}

#[test]
fn asyncpg() {
    let output = Pair::start().compare(|port, database| {
        let mut command = python("app_asyncpg.py");
        command.args([&port.to_string(), database]);
        command
    });
    assert!(output.contains("Grete Falkner"), "{output}");
}

#[test]
fn node_postgres() {
    let output = Pair::start().compare(|port, database| {
        let mut command = Command::new("node");
        command
            .arg(here().join("app_node.js"))
            .arg(installed().join("node"))
            .args([&port.to_string(), database]);
        command
    });
    assert!(output.contains("Grete Falkner"), "{output}");
}

#[test]
fn psql() {
    let output = Pair::start().compare(|port, database| {
        let mut command = server::shared().program("psql");
        command.args(["-X", "-v", "ON_ERROR_STOP=1", "-p", &port.to_string(), "-d", database, "-f"]);
        command.arg(here().join("app_psql.sql"));
        command
    });
    assert!(output.contains("Grete Falkner"), "{output}");
}
