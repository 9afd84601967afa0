//! Carries commands out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Client;

use super::commands::COMMANDS;
use super::failure::Failure;
use super::grammar::{Command, In};
use super::table::{Column, Kind, Table, column};
use super::{Console, act, explain, reload, show};
use crate::config::display_name;
use crate::database::Database;
use crate::session::Visitor;

/// How long a command may take. What takes longer runs as a job.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command answers: rows, under a command tag.
#[derive(Debug)]
pub(super) struct Answer {
    pub table: Table,
    pub tag: &'static str,
}

/// An answer and what is said beside it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub answer: Answer,
    pub notices: Vec<String>,
}

impl Outcome {
    pub fn table(table: Table, tag: &'static str) -> Self {
        Self { answer: Answer { table, tag }, notices: Vec::new() }
    }
}

/// What a command works with.
pub(super) struct Context<'a> {
    pub console: &'a Arc<Console>,
    pub visitor: &'a Visitor,
    /// What the client sent.
    pub text: &'a str,
}

impl Command {
    /// Whether it changes something.
    pub(super) fn acts(&self) -> bool {
        match self {
            Command::Show(..) | Command::Help | Command::Explain(..) | Command::Chatter(_) => false,
            Command::RotateKey(..)
            | Command::RotateIndexKey(..)
            | Command::RotateRootKey(_)
            | Command::Repair(..)
            | Command::RetireKey(..)
            | Command::DestroyKey(..)
            | Command::Job(..)
            | Command::Reload => true,
        }
    }
}

const HELP: &[Column] = &[column("command", Kind::Text), column("description", Kind::Text)];
const PLAN: &[Column] = &[column("plan", Kind::Text)];

/// The columns of a command's answer; `None` if it has no rows.
pub(super) fn columns(command: &Command) -> Option<Vec<Column>> {
    let columns = match command {
        Command::Show(table, _) => show::columns(*table),
        Command::Help => HELP,
        Command::Explain(..) => PLAN,
        Command::Reload => reload::COLUMNS,
        other => return act::columns(other).map(<[_]>::to_vec),
    };
    Some(columns.to_vec())
}

impl Context<'_> {
    /// Runs a command to its end, or gives up in time.
    pub async fn run(&self, command: &Command) -> Result<Outcome, Failure> {
        match timeout(PATIENCE, self.dispatch(command)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::new("57014", "the command took too long and was given up")
                .hint("Does the server answer? SHOW PROXIES shows when this proxy last heard of it.")),
        }
    }

    async fn dispatch(&self, command: &Command) -> Result<Outcome, Failure> {
        let tag = match command {
            Command::Help => "HELP",
            Command::Explain(..) => "EXPLAIN",
            Command::Reload => "RELOAD",
            _ => "SHOW",
        };
        let rows = match command {
            Command::Show(table, database) => show::rows(self, *table, database).await?,
            Command::Help => {
                COMMANDS.iter().map(|usage| vec![usage.syntax.into(), usage.says.into()]).collect()
            }
            Command::Explain(range, database) => explain::rows(self, range, database).await?,
            Command::Reload => reload::rows(&self.console.reload().await?),
            other => return act::run(self, other).await,
        };
        Ok(Outcome::table(Table { columns: columns(command).unwrap_or_default(), rows }, tag))
    }

    /// The databases that a command speaks of: the one that it names, or all.
    pub fn databases(&self, wanted: &In) -> Result<Vec<Arc<Database>>, Failure> {
        let databases = &self.console.databases;
        match wanted {
            None => Ok(databases.iter().cloned().collect()),
            Some(name) => match databases.get(name) {
                Some(database) => Ok(vec![Arc::clone(database)]),
                None => Err(Failure::new(
                    "3D000",
                    format!("the configuration protects no database {}", display_name(name)),
                )
                .hint(format!("It protects: {}", self.names()))),
            },
        }
    }

    /// A connection of the service role.
    pub async fn connect(&self, database: &Database) -> Result<Client, Failure> {
        database.connect().await.map_err(|error| show::server(database.name(), &error))
    }

    /// The one database that a command speaks of.
    pub fn database(&self, wanted: &In) -> Result<Arc<Database>, Failure> {
        let mut databases = self.databases(wanted)?;
        match (databases.pop(), databases.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Failure::new("3D000", "the configuration protects no database")
                .hint("Add [databases.NAME.tables.\"SCHEMA.TABLE\"] to it.")),
            _ => Err(Failure::new("3D000", "the configuration protects several databases")
                .hint(format!("Add IN DATABASE with one of: {}", self.names()))),
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.console.databases.iter().map(|database| display_name(database.name())).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}
