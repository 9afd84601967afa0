//! Pyrite's own connections to a database.

use std::future::poll_fn;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::config::{Config, Upstream};

/// How long the server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Notifications kept while the manager is busy. More of them would say the same again.
const NOTIFICATIONS: usize = 64;

/// Where proxies tell each other what changed.
pub(super) const CHANNEL: &str = "pyrite";

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

/// A service connection that hears what other proxies say.
pub(super) struct Line {
    pub client: Client,
    /// Payloads of notifications.
    pub heard: mpsc::Receiver<String>,
    task: JoinHandle<()>,
}

impl Line {
    /// Connects and listens. Where notifications do not come through (a transaction pooler in between), polling
    /// has to do.
    pub(super) async fn open(config: &tokio_postgres::Config) -> Result<Line, tokio_postgres::Error> {
        let (client, mut connection) = config.connect(NoTls).await?;
        let (sender, heard) = mpsc::channel(NOTIFICATIONS);
        let task = tokio::spawn(async move {
            loop {
                match poll_fn(|cx| connection.poll_message(cx)).await {
                    Some(Ok(AsyncMessage::Notification(notification))) => {
                        // Full: the manager will look at everything anyway.
                        let _ = sender.try_send(notification.payload().to_owned());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return tracing::debug!(%error, "service connection ended"),
                    None => return,
                }
            }
        });
        let line = Line { client, heard, task };
        if let Err(error) = line.client.batch_execute("LISTEN pyrite").await {
            if line.client.is_closed() {
                return Err(error);
            }
            tracing::info!(%error, "cannot listen on the service connection; changes are polled once a second");
        }
        Ok(line)
    }
}

/// A connection that does not answer must not be left behind half open.
impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}
