//! One client connection: start-up, request side, response side, pipeline.

mod cancel;
mod conflict;
mod console;
mod copy;
mod copying;
mod epoch;
mod error;
mod errors;
mod freshness;
mod literal;
mod machine;
mod naming;
mod nested;
mod opaque;
mod past;
mod pipeline;
mod plan;
mod planned;
mod plans;
mod refine;
mod refined;
mod registry;
mod request;
mod response;
mod roster;
mod shared;
mod slots;
mod spans;
mod startup;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::transport::{Link, Stream};

pub(crate) use cancel::Cancels;
pub(crate) use console::{Console, Visitor};
pub(crate) use error::End;
pub(crate) use roster::{Count, Roster, Seat};
pub(crate) use shared::Shared;

use machine::Machine;
use startup::{Established, establish};

/// How long a client may take to read its last error.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves one client to its end.
pub(crate) async fn serve(stream: TcpStream, shared: &Shared) {
    let address = stream.peer_addr().unwrap_or(SocketAddr::from(([0; 4], 0)));
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
        end = session(&mut client, address, shared, &boundary) => end,
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

async fn session(client: &mut Link, address: SocketAddr, shared: &Shared, boundary: &Cell<bool>) -> End {
    let admission = shared.admit();
    let mut established = match establish(client, shared, admission.is_some()).await {
        Ok(established) => established,
        Err(end) => return end,
    };
    let Established { database, role, .. } = &established;
    let planned = established.console.is_some() || shared.databases.get(database).is_some();
    let registered = shared.roster.register(role, database, address, planned);
    if let Some(application) = established.console.take() {
        let seat = Arc::clone(&registered.seat);
        let visitor = Visitor { role: established.role.clone(), application, address, seat };
        // The server has checked the password; that was all it was asked for.
        startup::dismiss(established).await;
        if let Err(end) = shared.console.admits(&visitor.role) {
            return end;
        }
        return shared.console.serve(client, visitor).await;
    }
    let server = &mut established.server;
    match shared.databases.get(&established.database) {
        Some(database) => {
            let mut machine = Machine::new(Arc::clone(database), Arc::clone(&registered.seat));
            machine.run(client, server, boundary).await
        }
        None => {
            boundary.set(false);
            let end = opaque::relay(client, server).await.map_or_else(End::Io, |()| End::Closed);
            registered.seat.traffic(client.received, client.sent);
            end
        }
    }
}
