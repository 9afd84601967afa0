//! The command line as a client of the admin console.

mod login;
mod passfile;
pub(super) mod progress;
pub(super) mod prompt;
pub(super) mod table;

use futures::StreamExt as _;
use tokio_postgres::{AsyncMessage, Client, NoTls, Row};

use super::args::ConsoleOptions;
use super::failure::{Failure, Outcome};
use super::output;

pub(super) use login::Login;

/// A connection to the console.
pub(super) struct Console {
    client: Client,
    login: Login,
}

/// Why a command was not carried out.
pub(super) enum Refusal {
    /// The console said no, and why; it has been printed.
    Refused,
    /// The connection is gone.
    Lost(Failure),
}

impl Console {
    /// Connects to the console of the proxy that the options name, asking for a password if there is somebody to
    /// ask.
    pub(super) async fn connect(options: &ConsoleOptions) -> Result<Console, Failure> {
        let mut login = Login::of(options)?;
        match open(&login).await {
            Ok(client) => return Ok(Console { client, login }),
            Err(error) if login.wants_password(&error) => {
                login.ask_password()?;
            }
            Err(error) => return Err(login.explain(&error)),
        }
        match open(&login).await {
            Ok(client) => Ok(Console { client, login }),
            Err(error) => Err(login.explain(&error)),
        }
    }

    /// Connects again, after the proxy was away.
    pub(super) async fn again(&mut self) -> Result<(), Failure> {
        self.client = open(&self.login).await.map_err(|error| self.login.explain(&error))?;
        Ok(())
    }

    /// Runs a command that answers rows. What the console refuses is printed.
    pub(super) async fn rows(&self, command: &str) -> Result<Vec<Row>, Refusal> {
        let outcome = self.client.query(command, &[]).await;
        outcome.map_err(|error| self.refusal(command, &error))
    }

    /// The connection, for what shows any answer.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Prints what the console said, or tells that it said nothing.
    pub(super) fn refusal(&self, command: &str, error: &tokio_postgres::Error) -> Refusal {
        match error.as_db_error() {
            Some(reply) if !reply.code().code().starts_with("57P") => {
                output::complain_of(reply, command);
                Refusal::Refused
            }
            _ => Refusal::Lost(self.login.explain(error)),
        }
    }
}

/// The outcome of a command: what was refused has been printed.
pub(super) fn refused(refusal: Refusal) -> Result<Outcome, Failure> {
    match refusal {
        Refusal::Refused => Ok(Outcome::Findings),
        Refusal::Lost(failure) => Err(failure),
    }
}

/// `IN DATABASE name`, if one is named.
pub(super) fn in_database(database: Option<&str>) -> String {
    database.map(|name| format!(" IN DATABASE {}", crate::config::display_name(name))).unwrap_or_default()
}

async fn open(login: &Login) -> Result<Client, tokio_postgres::Error> {
    let (client, mut connection) = login.config().connect(NoTls).await?;
    let mut messages = futures::stream::poll_fn(move |cx| connection.poll_message(cx));
    // Ends with the client; errors come back from the client's calls.
    tokio::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            if let AsyncMessage::Notice(notice) = message {
                output::note(&format!("{}: {}", notice.severity(), notice.message()));
            }
        }
    });
    Ok(client)
}
