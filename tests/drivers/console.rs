//! The admin console through drivers of other languages.

use std::process::Command;

use crate::support::pyrite::Pyrite;
use crate::support::server;
use crate::{COLUMNS, here, installed, python, said};

/// Runs a program against the console; it must succeed and say so.
fn served(command: impl FnOnce(u16) -> Command) {
    let database = server::shared().database("protected");
    let tables = COLUMNS.replace("DATABASE", &database);
    let pyrite = Pyrite::start(&format!("[admin]\nroles = [\"postgres\"]\n\n{tables}"));
    let output = command(pyrite.port()).output().expect("run a driver");
    assert!(output.status.success() && said(&output).contains("is served"), "{}", said(&output));
}

#[test]
fn psycopg() {
    served(|port| {
        let mut command = python("console_psycopg.py");
        command.arg(port.to_string());
        command
    });
}

#[test]
fn asyncpg() {
    served(|port| {
        let mut command = python("console_asyncpg.py");
        command.arg(port.to_string());
        command
    });
}

#[test]
fn node_postgres() {
    served(|port| {
        let mut command = Command::new("node");
        command.arg(here().join("console_node.js")).arg(installed().join("node")).arg(port.to_string());
        command
    });
}
