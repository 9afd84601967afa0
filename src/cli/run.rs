//! `pyrite run`: serves until a signal; SIGHUP makes it read its configuration again.

use tokio::signal::unix::{SignalKind, signal};

use super::args::Run;
use super::connect::runtime;
use super::dumps;
use super::failure::{Failure, Outcome};
use crate::config::Config;
use crate::server::Server;

pub(super) fn run(options: &Run) -> Result<Outcome, Failure> {
    // Before any key is in memory.
    if !options.allow_core_dumps {
        dumps::forbid().map_err(|error| {
            let hint = "use --allow-core-dumps, if keys may lie in a core dump";
            Failure::new(format!("cannot switch core dumps off: {error}"), hint)
        })?;
    }
    let config = Config::load(&options.file.config)?;
    if config.databases.values().all(|database| database.tables.is_empty()) {
        tracing::warn!("the configuration names no column: nothing will be encrypted");
    }
    // Handlers come first, so that a signal during the start ends the process in an orderly way too.
    let runtime = runtime()?;
    let entered = runtime.enter();
    let handler = |kind| {
        signal(kind).map_err(|error| {
            Failure::new(format!("cannot await signals: {error}"), "check the process limits")
        })
    };
    let (mut interrupt, mut terminate) =
        (handler(SignalKind::interrupt())?, handler(SignalKind::terminate())?);
    let mut hangup = handler(SignalKind::hangup())?;
    drop(entered);
    let server = Server::start(config).map_err(|error| Failure::new(error.to_string(), ""))?;
    tracing::info!(address = %server.local_addr(), "accepting connections");
    let name = runtime.block_on(async {
        loop {
            tokio::select! {
                _ = interrupt.recv() => return "SIGINT",
                _ = terminate.recv() => return "SIGTERM",
                _ = hangup.recv() => server.reload().await,
            }
        }
    });
    tracing::info!(signal = name, "stopping");
    server.shutdown();
    Ok(Outcome::Fine)
}
