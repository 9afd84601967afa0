//! From an accepted socket to an authenticated session. Passwords pass through and are not looked at.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use crate::config::{CONSOLE, Upstream};
use crate::transport::{Link, Stream};
use crate::wire::frame::{self, Header};
use crate::wire::startup::{Opening, packet_size, parameter, parse};
use crate::wire::{backend, build};

use super::cancel::CancelKey;
use super::error::End;
use super::shared::Shared;

/// How long a client may take to say who it is; PostgreSQL's default `authentication_timeout`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest name that PostgreSQL keeps; the rest of a longer one is cut off there.
const NAME: usize = 63;

/// An authenticated pair of connections.
pub(super) struct Established {
    /// To the server.
    pub server: Link,
    /// Name of the database, as the server took it.
    pub database: String,
    /// The role that logged in.
    pub role: String,
    /// For the admin console: what the client calls itself.
    pub console: Option<String>,
    /// The client's cancel key, registered as long as this lives.
    pub _key: Option<CancelKey>,
}

/// What a client wants.
struct Wish {
    /// The startup packet, as it came.
    packet: Vec<u8>,
    database: String,
    role: String,
    /// For the admin console: what the client calls itself.
    console: Option<String>,
    /// Minor version of the protocol.
    minor: u16,
    replication: bool,
}

/// Connects to the server.
pub(crate) async fn dial(upstream: &Upstream) -> io::Result<Stream> {
    match upstream {
        Upstream::Tcp(host, port) => Stream::connect_tcp(host, *port).await,
        Upstream::Unix(directory, port) => Stream::connect_unix(directory, *port).await,
    }
}

/// How messages name the server.
pub(crate) fn address(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Tcp(host, port) => format!("{host}:{port}"),
        Upstream::Unix(directory, port) => format!("{}/.s.PGSQL.{port}", directory.display()),
    }
}

/// Opens a session; `Err(End::Closed)` after a cancel request.
pub(super) async fn establish(
    client: &mut Link,
    shared: &Shared,
    admitted: bool,
) -> Result<Established, End> {
    let mut wish = match tokio::time::timeout(PATIENCE, opening(client, shared)).await {
        Ok(wish) => wish?,
        Err(_) => return Err(End::Closed),
    };
    if !admitted {
        return Err(End::hinted(
            "53300",
            "sorry, too many clients already",
            "The bound is \"clients\" under \"limits\" in Pyrite's configuration.",
        ));
    }
    if wish.console.is_some() {
        let door = shared.console.door()?;
        // Nothing but the role: no option of the client's may make it another one on the way.
        wish.packet = build::startup(wish.minor, &[("user", &wish.role), ("database", &door)]);
    } else if wish.replication && shared.databases.get(&wish.database).is_some() {
        return Err(End::hinted(
            "0A000",
            format!(
                "replication of database \"{}\" does not go through Pyrite: it has encrypted columns",
                wish.database
            ),
            "Connect replication clients to the server itself; what they get there is encrypted.",
        ));
    }
    let stream = dial(&shared.upstream).await.map_err(|error| {
        End::hinted(
            "08001",
            format!("could not connect to the server at {}: {error}", address(&shared.upstream)),
            "Is PostgreSQL running there? The address is \"upstream\" in Pyrite's configuration.",
        )
    })?;
    let mut server = Link::new(stream);
    server.outbox.buffer().extend_from_slice(&wish.packet);
    let mut authentication = Authentication { quiet: wish.console.is_some(), ..Default::default() };
    poll_fn(|cx| {
        loop {
            let mut again = false;
            let full = !server.inbox.has_space();
            for link in [&mut *client, &mut server] {
                if link.inbox.has_space()
                    && let Poll::Ready(more) = link.poll_fill(cx)
                {
                    again |= more?;
                }
            }
            authentication.step(client, &mut server, shared)?;
            let (written, relayed) =
                (server.poll_write(cx, &mut client.inbox)?, client.poll_write(cx, &mut server.inbox)?);
            if authentication.ready && relayed.is_ready() {
                return Poll::Ready(Ok(()));
            }
            if client.closed && written.is_ready() {
                return Poll::Ready(Err(End::Closed));
            }
            if server.closed && relayed.is_ready() {
                return Poll::Ready(Err(authentication.server_closed()));
            }
            again |= full && server.inbox.has_space();
            if !again {
                return Poll::Pending;
            }
        }
    })
    .await?;
    let Wish { database, role, console, .. } = wish;
    Ok(Established { server, database, role, console, _key: authentication.key })
}

/// Closes the connection to the server in good order.
pub(super) async fn dismiss(established: Established) {
    let mut server = established.server;
    server.outbox.buffer().extend_from_slice(&build::TERMINATE);
    let farewell = async {
        server.flush().await?;
        server.shutdown().await
    };
    // A server that is gone needs no good-bye.
    let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
}

/// Reads packets up to the startup packet.
async fn opening(client: &mut Link, shared: &Shared) -> Result<Wish, End> {
    let (mut ssl, mut gss) = (false, false);
    loop {
        let bytes = client.inbox.pending();
        let size = packet_size(bytes).map_err(End::Client)?;
        let Some(packet) = size.and_then(|size| bytes.get(..size)) else {
            if !client.fill().await? {
                return Err(End::Closed);
            }
            continue;
        };
        let (size, more) = (packet.len(), bytes.len() > packet.len());
        match parse(packet).map_err(End::Client)? {
            encryption @ (Opening::Ssl | Opening::Gss) => {
                let seen = if encryption == Opening::Ssl { &mut ssl } else { &mut gss };
                if std::mem::replace(seen, true) {
                    return Err(End::fatal("08P01", "encryption was requested twice"));
                }
                client.inbox.skip(size, &mut client.outbox);
                client.outbox.buffer().push(b'N');
                if more {
                    // What follows was sent before our answer: by a broken client, or by somebody in between.
                    return Err(End::fatal(
                        "08P01",
                        "received data after an encryption request, before its answer",
                    ));
                }
                client.flush().await?;
            }
            Opening::Cancel { pid, secret } => {
                shared.cancels.forward(&shared.upstream, pid, secret).await;
                return Err(End::Closed);
            }
            Opening::Unsupported { major, minor } => {
                return Err(End::fatal(
                    "0A000",
                    format!(
                        "unsupported frontend protocol {major}.{minor}: Pyrite supports 3.0 and newer minor versions"
                    ),
                ));
            }
            Opening::Startup(startup) => {
                let cut = startup.database.get(..NAME).unwrap_or(startup.database);
                let console = (cut == CONSOLE.as_bytes()).then(|| {
                    let name = parameter(packet, b"application_name").unwrap_or_default();
                    String::from_utf8_lossy(name.get(..NAME).unwrap_or(name)).into_owned()
                });
                let wish = Wish {
                    packet: packet.to_vec(),
                    // A name that is not UTF-8 can be no configured one.
                    database: String::from_utf8_lossy(cut).into_owned(),
                    role: String::from_utf8_lossy(startup.user.get(..NAME).unwrap_or(startup.user))
                        .into_owned(),
                    console,
                    minor: startup.minor,
                    replication: startup.replication,
                };
                client.inbox.skip(size, &mut client.outbox);
                return Ok(wish);
            }
        }
    }
}

/// The exchange from the startup packet to the first ReadyForQuery.
#[derive(Default)]
struct Authentication {
    /// Answers that the server waits for.
    asked: bool,
    /// The server has let the client in.
    granted: bool,
    /// An error was relayed; the server closes.
    refused: bool,
    ready: bool,
    /// The client shall not hear what the server says of its session: it gets another one.
    quiet: bool,
    key: Option<CancelKey>,
}

impl Authentication {
    fn step(&mut self, client: &mut Link, server: &mut Link, shared: &Shared) -> Result<(), End> {
        while !self.ready && self.hear_server(client, server, shared)? {}
        while !self.granted && self.hear_client(client)? {}
        Ok(())
    }

    fn hear_server(&mut self, client: &mut Link, server: &mut Link, shared: &Shared) -> Result<bool, End> {
        let bytes = server.inbox.pending();
        let Some(header) = Header::read(bytes, frame::server_startup_limit).map_err(End::Server)? else {
            return Ok(false);
        };
        let Some(body) = bytes.get(frame::HEADER..header.size) else {
            server.inbox.expect(header.size);
            return Ok(false);
        };
        match header.tag {
            b'R' => match backend::authentication(body).map_err(End::Server)? {
                0 => (self.granted, self.asked) = (true, false),
                // The server's last word of SASL; no answer follows.
                12 => self.asked = false,
                _ => self.asked = true,
            },
            b'S' | b'K' | b'Z' if self.quiet && self.granted => {
                self.ready = header.tag == b'Z';
                server.inbox.skip(header.size, &mut client.outbox);
                return Ok(true);
            }
            b'K' => {
                let (pid, secret) = backend::key_data(body).map_err(End::Server)?;
                let (key, secret) = shared
                    .cancels
                    .register(pid, secret)
                    .map_err(|_| End::fatal("58000", "the system gives no random numbers"))?;
                server.inbox.skip(header.size, &mut client.outbox);
                build::key_data(client.outbox.buffer(), key.pid, &secret);
                self.key = Some(key);
                return Ok(true);
            }
            b'Z' if self.granted => self.ready = true,
            b'Z' => return Err(End::out_of_step(b'Z')),
            b'E' => self.refused = true,
            _ => {}
        }
        server.inbox.clear(header.size);
        Ok(true)
    }

    fn hear_client(&mut self, client: &mut Link) -> Result<bool, End> {
        let bytes = client.inbox.pending();
        let limit = frame::client_authentication_limit;
        let Some(header) = Header::read(bytes, limit).map_err(End::Client)? else {
            return Ok(false);
        };
        if bytes.len() < header.size {
            client.inbox.expect(header.size);
            return Ok(false);
        }
        if header.tag == b'p' && !self.asked {
            // Not asked yet: it waits for the server's question.
            return Ok(false);
        }
        self.asked = false;
        client.inbox.clear(header.size);
        Ok(true)
    }

    fn server_closed(&self) -> End {
        if self.refused {
            return End::Closed;
        }
        End::fatal("08006", "the server closed the connection during start-up")
    }
}
