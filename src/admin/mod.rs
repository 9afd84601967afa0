//! The admin console: a database named `pyrite` on the proxy's own port.
//!
//! The session room relays the login to the server and hands over whoever the server let in; [`Console`] says who
//! of them may use it. `serve` frames and reads the client's messages, `handler` answers them through pgwire,
//! [`grammar`] reads commands, `run` and what is below it carry them out.

mod act;
mod chatter;
mod client;
pub mod commands;
mod explain;
mod failure;
pub mod grammar;
mod handler;
mod reload;
mod run;
mod serve;
mod show;
pub mod table;

use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

pub use failure::Failure;

use crate::config::Config;
use crate::database::Databases;
use crate::session::{End, Roster, Visitor};
use crate::transport::Link;

/// What clients are told as `server_version`. Drivers choose by it how they speak to PostgreSQL.
const SERVER_VERSION: &str = concat!("15.0 (Pyrite ", env!("CARGO_PKG_VERSION"), ")");

/// The admin console of this process.
pub(crate) struct Console {
    /// For sessions, which may outlive a call.
    me: Weak<Console>,
    /// The configuration in use.
    config: ArcSwap<Config>,
    databases: Databases,
    roster: Arc<Roster>,
    /// How many sessions there may be; the sessions look at it.
    most_clients: Arc<AtomicUsize>,
    /// Held while the configuration is read again.
    reloading: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

impl Console {
    /// A console for these databases.
    pub(crate) fn new(
        config: Config,
        databases: Databases,
        roster: Arc<Roster>,
        most_clients: Arc<AtomicUsize>,
    ) -> Arc<Console> {
        Arc::new_cyclic(|me| Console {
            me: Weak::clone(me),
            config: ArcSwap::from_pointee(config),
            databases,
            roster,
            most_clients,
            reloading: tokio::sync::Mutex::new(()),
        })
    }
}

impl crate::session::Console for Console {
    fn door(&self) -> Result<String, End> {
        let config = self.config.load();
        match &config.admin.database {
            Some(database) if !config.admin.roles.is_empty() => Ok(database.clone()),
            _ => Err(End::hinted(
                "42501",
                "the admin console is closed",
                "Name the roles that may use it in Pyrite's configuration, as in [admin] roles = [\"postgres\"], \
                 and reload it with SIGHUP.",
            )),
        }
    }

    fn admits(&self, role: &str) -> Result<(), End> {
        if self.config.load().admin.roles.contains(role) {
            return Ok(());
        }
        tracing::warn!(role, "refused at the admin console");
        Err(End::hinted(
            "42501",
            format!("role \"{role}\" may not use the admin console"),
            "The roles that may are \"roles\" under \"admin\" in Pyrite's configuration.",
        ))
    }

    fn serve<'a>(
        &'a self,
        client: &'a mut Link,
        visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = End> + 'a>> {
        Box::pin(async move {
            let Some(console) = self.me.upgrade() else {
                return End::fatal("57P01", "the admin console is gone");
            };
            tracing::info!(role = visitor.role, address = %visitor.address, "admin console opened");
            let seat = Arc::clone(&visitor.seat);
            serve::serve(client, handler::Handler::new(console, Arc::new(visitor)), seat).await
        })
    }
}
