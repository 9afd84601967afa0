//! The admin console: who gets in, and what it says to psql, drivers and raw protocol.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod commands;
mod line;
mod login;
mod protocol;

#[path = "../support/mod.rs"]
mod support;

use support::pyrite::Pyrite;
use support::raw::Client;
use support::server;

/// A Pyrite with an open console, in front of a database with a table.
pub struct Stage {
    pub database: String,
    pub pyrite: Pyrite,
}

impl Stage {
    pub fn start() -> Stage {
        Self::with("[admin]\nroles = [\"postgres\"]\n")
    }

    /// `more` stands before the databases in pyrite.toml.
    pub fn with(more: &str) -> Stage {
        let database = server::shared().database("console");
        let tables = format!(
            "[databases.{database}.tables.\"public.customers\"]\n\
             email = {{ type = \"text\", search = [\"equality\"], group = \"email\" }}\nphone = \"text\"\n"
        );
        let pyrite = Pyrite::start(&format!("{more}{tables}"));
        let mut client = pyrite.connect(&database);
        client.run("CREATE TABLE customers (id int PRIMARY KEY, email text UNIQUE)");
        Stage { database, pyrite }
    }

    /// Writes pyrite.toml anew, with one text in the place of another.
    pub fn edit(&self, old: &str, new: &str) {
        let path = self.pyrite.config_file();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{old:?} is not in\n{text}");
        std::fs::write(&path, text.replace(old, new)).unwrap();
    }

    /// The command line against this proxy: whether it succeeded with which status, and what it printed.
    pub fn line(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pyrite"));
        let config = self.pyrite.config_file();
        command.args(arguments).arg("-c").arg(config).env_remove("PGPASSWORD").env_remove("PGUSER");
        let output = command.stdin(std::process::Stdio::null()).output().expect("run pyrite");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.code(), text)
    }

    pub fn console(&self) -> Client {
        self.pyrite.connect("pyrite")
    }

    /// psql's output, tuples only and unaligned.
    pub fn psql(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = server::shared().program("psql");
        command.args(["-X", "-d", "pyrite", "-p", &self.pyrite.port().to_string()]).args(arguments);
        let output = command.output().expect("run psql");
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }
}
