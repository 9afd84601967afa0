//! The two stages of the play: a server behind Pyrite, and the same server alone as the control.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::DemoError;
use super::data::Data;
use super::postgres::{Options, PrivateServer, ServerError};
use super::shop::{Answers, Shop};
use super::thief::Loot;

/// The shop's database.
pub const DATABASE: &str = "shop";
/// The shop's login: an ordinary role that owns the database.
pub const SHOP_USER: &str = "shop";
/// Pyrite's own login: an ordinary role that may make a schema.
pub const SERVICE_USER: &str = "pyrite";

/// A server that keeps and logs all it can, as a careless administrator has it: the best for a thief.
fn careless() -> Options {
    Options::default()
        .set("log_statement", "all")
        .set("log_duration", "on")
        .set("log_connections", "on")
        .set("log_error_verbosity", "verbose")
        .set("log_parameter_max_length", "-1")
        .set("log_parameter_max_length_on_error", "-1")
        .set("wal_level", "logical")
        .set("wal_keep_size", "2GB")
        .set("max_wal_size", "4GB")
}

/// Both servers, started side by side.
pub async fn start_servers() -> Result<(PrivateServer, PrivateServer, Duration), DemoError> {
    let started = Instant::now();
    let start = || {
        tokio::task::spawn_blocking(|| -> Result<PrivateServer, ServerError> {
            PrivateServer::start(&careless())
        })
    };
    // The first one fetches binaries if there are none; the second one then finds them.
    let ready = tokio::task::spawn_blocking(super::postgres::Binaries::find_or_fetch);
    joined(ready.await)??;
    let (guarded, alone) = (start(), start());
    let (guarded, alone) = (joined(guarded.await), joined(alone.await));
    let (guarded, alone) = (guarded??, alone??);
    for server in [&guarded, &alone] {
        create_database(server).await?;
    }
    Ok((guarded, alone, started.elapsed()))
}

fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> Result<T, DemoError> {
    outcome.map_err(|_| DemoError::Broken("a thread of the demonstration failed".to_owned()))
}

async fn create_database(server: &PrivateServer) -> Result<(), DemoError> {
    administer(
        server,
        "postgres",
        &[
            &format!("CREATE ROLE {SHOP_USER} LOGIN"),
            &format!("CREATE ROLE {SERVICE_USER} LOGIN"),
            &format!("CREATE DATABASE {DATABASE} OWNER {SHOP_USER}"),
            &format!("GRANT CREATE ON DATABASE {DATABASE} TO {SERVICE_USER}"),
        ],
    )
    .await
}

/// Statements of the administrator, sent to the server itself.
pub async fn administer(
    server: &PrivateServer,
    database: &str,
    statements: &[&str],
) -> Result<(), DemoError> {
    let failed = |error| DemoError::sql("preparing the database", error);
    let (client, connection) =
        server.connection(database).connect(tokio_postgres::NoTls).await.map_err(failed)?;
    let driver = tokio::spawn(connection);
    let mut outcome = Ok(());
    for statement in statements {
        outcome = client.batch_execute(statement).await;
        if outcome.is_err() {
            break;
        }
    }
    drop(client);
    driver.abort();
    outcome.map_err(failed)
}

/// What the shop did on one stage, and how long it took.
pub struct Act {
    /// Creating the tables.
    pub created: Duration,
    /// Storing everything.
    pub loaded: Duration,
    /// The statements, and whether their answers were right.
    pub answers: Answers,
}

/// Runs the shop against whatever listens there.
pub async fn act(port: u16, data: &Data) -> Result<Act, DemoError> {
    let mut to = tokio_postgres::Config::new();
    to.host("127.0.0.1").port(port).user(SHOP_USER).dbname(DATABASE);
    let shop = Shop::connect(&to).await.map_err(|error| DemoError::sql("connecting the shop", error))?;
    let started = Instant::now();
    shop.create_tables().await.map_err(|error| DemoError::sql("creating the shop's tables", error))?;
    let created = started.elapsed();
    let loaded = shop.load(data).await.map_err(|error| DemoError::sql("storing the shop's data", error))?;
    let answers = shop.run(data).await;
    Ok(Act { created, loaded, answers })
}

/// What was stolen from one stage.
pub struct Theft {
    /// The files.
    pub loot: Loot,
    /// How long it took.
    pub took: Duration,
}

/// Takes everything from a server.
pub async fn steal(server: &PrivateServer) -> Result<Theft, DemoError> {
    let started = Instant::now();
    let loot = Loot::steal(server, DATABASE).await.map_err(DemoError::Theft)?;
    Ok(Theft { loot, took: started.elapsed() })
}

/// One customer's fields as text, by column, as whoever connects there sees them.
pub async fn row_as_text(
    to: &tokio_postgres::Config,
    table: &str,
    columns: &[&str],
    id: i64,
) -> Result<Vec<String>, DemoError> {
    let failed = |error| DemoError::sql("reading one row", error);
    let (client, connection) = to.connect(tokio_postgres::NoTls).await.map_err(failed)?;
    let driver = tokio::spawn(connection);
    let sql = format!("SELECT {} FROM {table} WHERE id = {id}", columns.join(", "));
    let messages = client.simple_query(&sql).await;
    drop(client);
    driver.abort();
    for message in messages.map_err(failed)? {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            let field = |index| row.try_get(index).ok().flatten().unwrap_or("NULL").to_owned();
            return Ok((0..row.len()).map(field).collect());
        }
    }
    Err(DemoError::Broken(format!("table {table} has no row {id}")))
}

/// Path of `psql`: its name alone if it is on PATH.
pub fn psql(server: &PrivateServer) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join("psql").is_file()) {
        return Some(PathBuf::from("psql"));
    }
    server.bin("psql")
}
