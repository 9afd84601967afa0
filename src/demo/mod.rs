//! The demonstration: an application, a theft, and what the thief has.
//!
//! [`run`] plays it: two private PostgreSQL servers, one behind Pyrite and one alone; the same application on
//! both; then both servers' files, logs and dumps are copied and searched for everything that was stored.

pub mod data;
mod play;
pub mod postgres;
mod proxy;
mod report;
mod screen;
mod shop;
mod sql_types;
mod stage;
mod thief;

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use play::{Size, Stage};
use screen::{Look, Screen};

/// Large enough to be no toy, small enough to wait for.
const SIZE: Size = Size { customers: 10_000, sales: 10_000 };

/// How the demonstration is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemoOptions {
    /// End after the verdict, instead of staying up until Ctrl-C.
    pub once: bool,
}

/// Plays the demonstration. Succeeds only if nothing was found in what was stolen from behind Pyrite, everything
/// in the control, and all answers were right.
pub fn run(options: DemoOptions) -> ExitCode {
    let mut screen = Screen::standard();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.complain(format_args!("starting: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    match runtime.block_on(perform(options, &mut screen)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FOUND_SOMETHING),
        Err(error) => {
            screen.clear();
            screen.complain(error);
            ExitCode::from(FAILED)
        }
    }
}

/// Exit status if something was found, or an answer was wrong.
const FOUND_SOMETHING: u8 = 1;
/// Exit status if it did not come to an end.
const FAILED: u8 = 2;

async fn perform(options: DemoOptions, screen: &mut Screen) -> Result<bool, DemoError> {
    let cancel = Arc::new(AtomicBool::new(false));
    screen.line(
        screen.paint(Look::Bold, "Pyrite: an electric-car maker's customers, and the thief who copied them"),
    );
    // Whatever is dropped on the way stops its processes and removes its files.
    let stage = tokio::select! {
        stage = play::play(screen, SIZE, Arc::clone(&cancel), proxy::start) => stage?,
        () = interrupted() => {
            cancel.store(true, Ordering::Relaxed);
            return Err(DemoError::Interrupted);
        }
    };
    if !options.once {
        invite(screen, &stage);
        interrupted().await;
        screen.line("");
    }
    Ok(stage.end())
}

/// Commands to try while everything is up.
fn invite(screen: &mut Screen, stage: &Stage) {
    let sql = "SELECT name, email, iban FROM customers LIMIT 3";
    let raw = "SELECT left(name::text, 40), left(email::text, 40) FROM customers LIMIT 3";
    screen.heading("Try it yourself, until Ctrl-C ends and removes everything");
    match stage::psql(&stage.guarded) {
        Some(psql) => {
            let psql = psql.display();
            let (shop, database) = (stage::SHOP_USER, stage::DATABASE);
            let (port, behind) = (stage.front.port, stage.guarded.port());
            screen.line("   as the application:");
            screen.line(format_args!("     {psql} -h 127.0.0.1 -p {port} -U {shop} {database} -c \"{sql}\""));
            screen.line("   as the thief, past Pyrite:");
            screen.line(format_args!("     {psql} -h 127.0.0.1 -p {behind} -U {shop} {database} -c \"{raw}\""));
        }
        None => screen.line(format_args!(
            "   There is no psql here. Any client: host 127.0.0.1, port {} (past Pyrite: {}), user {}, database {}",
            stage.front.port,
            stage.guarded.port(),
            stage::SHOP_USER,
            stage::DATABASE
        )),
    }
    if let Some(files) = &stage.front.files {
        screen.line(format_args!("   Pyrite's configuration: {}", files.configuration.display()));
    }
}

/// Returns when somebody asks us to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(|context| {
        let received = signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if received { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Why the demonstration did not come to an end.
#[derive(Debug)]
pub enum DemoError {
    /// No private server.
    Server(postgres::ServerError),
    /// A statement failed that had to succeed.
    Sql {
        /// What was being done.
        doing: &'static str,
        /// SQLSTATE and message.
        reason: String,
    },
    /// The theft failed.
    Theft(thief::TheftError),
    /// Pyrite did not start.
    Proxy(String),
    /// Something else.
    Broken(String),
    /// Ctrl-C.
    Interrupted,
}

impl DemoError {
    /// Of an error, only what PostgreSQL puts no values in.
    fn sql(doing: &'static str, error: tokio_postgres::Error) -> Self {
        let reason = match error.as_db_error() {
            Some(server) => {
                let hint = server.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{}: {}{hint}", server.code().code(), server.message())
            }
            None => error.to_string(),
        };
        Self::Sql { doing, reason }
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Sql { doing, reason } => write!(f, "{doing}: {reason}"),
            Self::Theft(error) => error.fmt(f),
            Self::Proxy(reason) => write!(f, "starting Pyrite: {reason}"),
            Self::Broken(reason) => f.write_str(reason),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for DemoError {}

impl From<postgres::ServerError> for DemoError {
    fn from(error: postgres::ServerError) -> Self {
        Self::Server(error)
    }
}
