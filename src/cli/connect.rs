//! Connections of the service role, for commands.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use super::failure::Failure;
use crate::config::Config;
use crate::database::service_config;

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A runtime on this thread.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}"), "check the process limits (ulimit)"))
}

/// Runs a command's asynchronous part on this thread.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(work)
}

/// Connects to one database as the service role, with names resolving in `pg_catalog` only.
pub(super) async fn connect(config: &Config, database: &str) -> Result<Client, Failure> {
    let mut options = service_config(config, database);
    // Set below instead: what a client names at its start is what RESET goes back to, and `plan` needs the
    // database's own default.
    options.options("").connect_timeout(TIMEOUT);
    let attempt = tokio::time::timeout(TIMEOUT, options.connect(NoTls)).await;
    let (client, connection) = match attempt {
        Ok(result) => result.map_err(|error| explain(&error, config, database))?,
        Err(_) => {
            let what = format!("PostgreSQL at {} does not answer", config.upstream);
            return Err(Failure::new(what, "check `upstream`, and that the server is up"));
        }
    };
    // Ends with the client; its errors come back from the client's calls.
    tokio::spawn(connection);
    client
        .batch_execute("SET search_path = pg_catalog")
        .await
        .map_err(|error| explain(&error, config, database))?;
    Ok(client)
}

/// What went wrong with a connection, in terms of the configuration.
pub(super) fn explain(error: &tokio_postgres::Error, config: &Config, database: &str) -> Failure {
    let address = &config.upstream;
    let user = &config.service.user;
    let Some(reply) = error.as_db_error() else {
        let cause = std::error::Error::source(error).map_or(error.to_string(), ToString::to_string);
        return Failure::new(
            format!("cannot talk to PostgreSQL at {address}: {cause}"),
            "check `upstream` in the configuration, and that the server is up and accepts this machine",
        );
    };
    let way_out = match *reply.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check [service]: user, password_file or password_env; `pyrite init` prints how to create the role"
        }
        SqlState::INVALID_CATALOG_NAME => "check the name in [databases.NAME], or create the database",
        SqlState::TOO_MANY_CONNECTIONS => "raise max_connections, or wait until a connection is free",
        SqlState::CANNOT_CONNECT_NOW => "the server is starting or stopping: try again shortly",
        SqlState::INSUFFICIENT_PRIVILEGE => "grant the role what `pyrite init` prints",
        _ => "the server's log may say more",
    };
    let what = format!("{user}@{address}/{database}: {} (SQLSTATE {})", reply.message(), reply.code().code());
    Failure::new(what, way_out)
}
