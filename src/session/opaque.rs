//! A session on a database without encrypted columns: bytes pass as they come.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use crate::transport::Link;

/// Relays until both sides have said all.
pub(super) async fn relay(client: &mut Link, server: &mut Link) -> io::Result<()> {
    poll_fn(|cx| {
        loop {
            for link in [&mut *client, &mut *server] {
                link.poll_fill_up(cx)?;
                link.inbox.clear(link.inbox.pending().len());
            }
            let full = [!client.inbox.has_space(), !server.inbox.has_space()];
            let to_server = server.poll_write(cx, &mut client.inbox)?;
            let to_client = client.poll_write(cx, &mut server.inbox)?;
            // Either side's end is the session's: PostgreSQL knows no half-closed connection.
            if (server.closed && to_client.is_ready()) || (client.closed && to_server.is_ready()) {
                return Poll::Ready(Ok(()));
            }
            // An inbox that was full and has room again: nobody waits for its socket yet.
            if !(full[0] && client.inbox.has_space() || full[1] && server.inbox.has_space()) {
                return Poll::Pending;
            }
        }
    })
    .await
}
