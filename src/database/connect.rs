//! Pyrite's own connection to a database.

use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use crate::config::{Config, Upstream};

/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How Pyrite itself logs in to `database`.
pub fn service_config(config: &Config, database: &str) -> tokio_postgres::Config {
    let mut login = tokio_postgres::Config::new();
    match &config.upstream {
        Upstream::Tcp(host, port) => login.host(host).port(*port),
        Upstream::Unix(directory, port) => login.host_path(directory).port(*port),
    };
    login
        .dbname(database)
        .user(&config.service.user)
        .application_name("pyrite")
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(Duration::from_secs(60))
        // Nothing of ours may resolve to an object of somebody else.
        .options("-c search_path=pg_catalog");
    if let Some(password) = &config.service.password {
        login.password(password.as_bytes());
    }
    login
}

/// Connects as the service role. The connection's own task ends with the client.
///
/// # Errors
/// As `tokio_postgres` has them.
pub async fn connect(config: &tokio_postgres::Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "service connection ended");
        }
    });
    Ok(client)
}
