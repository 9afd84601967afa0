//! One client connection: start-up, request side, response side, pipeline.

mod cancel;
mod epoch;
mod error;
mod errors;
mod freshness;
mod machine;
mod opaque;
mod pipeline;
mod plan;
mod planned;
mod plans;
mod registry;
mod request;
mod response;
mod shared;
mod startup;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::transport::{Link, Stream};

pub(crate) use cancel::Cancels;
pub(crate) use shared::Shared;

use error::End;
use machine::Machine;
use startup::establish;

/// How long a client may take to read its last error.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one client to its end.
pub(crate) async fn serve(stream: TcpStream, shared: &Shared) {
    let mut client = match Stream::from_tcp(stream) {
        Ok(stream) => Link::new(stream),
        Err(error) => return tracing::debug!(%error, "socket"),
    };
    let mut stop = shared.stop.clone();
    // Whether a message of ours can be put into the stream to the client.
    let boundary = Cell::new(true);
    // In this order, as drawing lots at each wake-up costs more than it is good for.
    let end = tokio::select! {
        biased;
        end = session(&mut client, shared, &boundary) => end,
        // An error means that the server is gone already.
        _ = stop.wait_for(|stop| *stop) => {
            End::fatal("57P01", "terminating connection: Pyrite is shutting down")
        }
    };
    if boundary.get() {
        end.report(client.outbox.buffer());
    }
    let _ = tokio::time::timeout(FAREWELL, async {
        client.flush().await?;
        client.shutdown().await
    })
    .await;
    match end {
        End::Io(error) => tracing::debug!(%error, "session ended by a socket error"),
        End::Client(error) => tracing::info!(%error, "client broke the protocol"),
        End::Server(error) => tracing::warn!(%error, "server broke the protocol"),
        End::Fatal(fatal) => tracing::info!(sqlstate = fatal.sqlstate, "session ended: {}", fatal.message),
        End::Closed => {}
    }
}

async fn session(client: &mut Link, shared: &Shared, boundary: &Cell<bool>) -> End {
    let admission = shared.admit();
    let mut established = match establish(client, shared, admission.is_some()).await {
        Ok(established) => established,
        Err(end) => return end,
    };
    let server = &mut established.server;
    match shared.databases.get(&established.database) {
        Some(database) => Machine::new(Arc::clone(database)).run(client, server, boundary).await,
        None => {
            boundary.set(false);
            opaque::relay(client, server).await.map_or_else(End::Io, |()| End::Closed)
        }
    }
}
