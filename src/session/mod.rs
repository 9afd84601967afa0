//! One client connection: start-up, request side, response side, pipeline.

mod cancel;
mod error;
mod opaque;
mod shared;
mod startup;

use std::time::Duration;

use tokio::net::TcpStream;

use crate::transport::{Link, Stream};

pub(crate) use cancel::Cancels;
pub(crate) use shared::{Protected, Shared};
pub(crate) use startup::{address, dial};

use error::End;
use startup::establish;

/// How long a client may take to read its last error.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one client to its end.
pub(crate) async fn serve(stream: TcpStream, shared: &Shared) {
    let link = match Stream::from_tcp(stream) {
        Ok(stream) => Link::new(stream),
        Err(error) => return tracing::debug!(%error, "socket"),
    };
    let mut client = Some(link);
    let mut stop = shared.stop.clone();
    let end = tokio::select! {
        end = session(&mut client, shared) => end,
        // An error means that the server is gone already.
        _ = stop.wait_for(|stop| *stop) => {
            End::fatal("57P01", "terminating connection: Pyrite is shutting down")
        }
    };
    if let Some(mut client) = client {
        end.report(client.outbox.buffer());
        let _ = tokio::time::timeout(FAREWELL, async {
            client.flush().await?;
            client.shutdown().await
        })
        .await;
    }
    match end {
        End::Io(error) => tracing::debug!(%error, "session ended by a socket error"),
        End::Client(error) => tracing::info!(%error, "client broke the protocol"),
        End::Server(error) => tracing::warn!(%error, "server broke the protocol"),
        End::Fatal(fatal) => tracing::info!(sqlstate = fatal.sqlstate, "session ended: {}", fatal.message),
        End::Closed => {}
    }
}

async fn session(slot: &mut Option<Link>, shared: &Shared) -> End {
    let mut established = match establish(slot, shared).await {
        Ok(established) => established,
        Err(end) => return end,
    };
    let key = established.key.take();
    let outcome = opaque::relay(&mut established.client, &mut established.server).await;
    drop(key);
    *slot = Some(established.client);
    outcome.map_or_else(End::Io, |()| End::Closed)
}
