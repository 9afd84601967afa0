//! One session with the console. Bytes from outside are framed and read here, by the rules of `wire`; pgwire gets
//! messages that are known to be sound.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::api::query::{ExtendedQueryHandler as _, SimpleQueryHandler as _};
use pgwire::api::store::{Entry, PortalStore as _};
use pgwire::api::{ClientInfo as _, DEFAULT_NAME, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{Bind, Close, Describe, Execute, Flush, Parse, Sync};
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::simplequery::Query;
use pgwire::messages::startup::ParameterStatus;

use super::client::Client;
use super::failure::Failure;
use super::handler::Handler;
use crate::session::{Count, End, Seat};
use crate::transport::Link;
use crate::wire::backend::Status;
use crate::wire::frame::{self, Header};
use crate::wire::frontend::{self, Target};
use crate::wire::{WireError, build, single_string};

/// The longest message that the console reads: its commands are short.
const MAX_MESSAGE: u32 = 1 << 20;
/// Prepared statements and portals that a session may have.
const MAX_NAMES: usize = 1000;
/// Rows that one Execute may ask for. pgwire sets memory aside for as many as are asked for.
const MAX_ROWS: i32 = 65_536;
/// Answers that are composed before they are written.
const OUTBOX: usize = 256 * 1024;
/// Settings that a client is told at the start, as PostgreSQL does.
const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

fn limit(tag: u8) -> Option<u32> {
    frame::client_limit(tag).map(|most| most.min(MAX_MESSAGE))
}

/// Serves a client that the server has let in.
pub(super) async fn serve(link: &mut Link, handler: Handler, seat: Arc<Seat>) -> End {
    match run(link, handler, &seat).await {
        Ok(()) => End::Closed,
        Err(end) => end,
    }
}

async fn run(link: &mut Link, handler: Handler, seat: &Seat) -> Result<(), End> {
    let mut client = Client::new(handler.visitor.address);
    greet(link, &handler, &mut client)?;
    loop {
        let bytes = link.inbox.pending();
        let header = Header::read(bytes, limit).map_err(End::Client)?;
        let complete = header.and_then(|header| Some((header, bytes.get(frame::HEADER..header.size)?)));
        let Some((header, body)) = complete else {
            if let Some(header) = header {
                link.inbox.expect(header.size);
            }
            link.flush().await?;
            if !link.fill().await? {
                return Ok(());
            }
            continue;
        };
        let body = body.to_vec();
        link.inbox.skip(header.size, &mut link.outbox);
        if header.tag == b'X' {
            return Ok(());
        }
        seat.note(None);
        let outcome = request(&mut client, &handler, seat, header.tag, &body).await;
        link.outbox.buffer().extend_from_slice(&client.answers.split());
        outcome?;
        if link.outbox.len() > OUTBOX {
            link.flush().await?;
        }
        seat.traffic(link.received, link.sent);
    }
}

/// What the client is told before its first request.
fn greet(link: &mut Link, handler: &Handler, client: &mut Client) -> Result<(), End> {
    for name in REPORTED {
        let value = super::failure::clean(&handler.setting(name));
        say(client, PgWireBackendMessage::ParameterStatus(ParameterStatus::new((*name).to_owned(), value)))?;
    }
    link.outbox.buffer().extend_from_slice(&client.answers.split());
    // Commands are over at once, so there is nothing that a cancel request could reach: a key that nobody knows.
    let mut key = [0; 8];
    getrandom::fill(&mut key).map_err(|_| End::fatal("58000", "the system gives no random numbers"))?;
    let (pid, secret) = key.split_at(4);
    let pid = pid.iter().fold(0u32, |pid, byte| pid << 8 | u32::from(*byte)) >> 1;
    build::key_data(link.outbox.buffer(), pid, secret);
    say(client, PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(TransactionStatus::Idle)))?;
    link.outbox.buffer().extend_from_slice(&client.answers.split());
    Ok(())
}

fn say(client: &mut Client, message: PgWireBackendMessage) -> Result<(), End> {
    client.say(message).map_err(|error| End::fatal("58000", format!("cannot write an answer: {error}")))
}

/// Deals with one message.
async fn request(
    client: &mut Client,
    handler: &Handler,
    seat: &Seat,
    tag: u8,
    body: &[u8],
) -> Result<(), End> {
    let skipping = matches!(client.state(), PgWireConnectionState::AwaitingSync);
    match tag {
        b'S' => {
            frontend_empty(body)?;
            client.set_state(PgWireConnectionState::ReadyForQuery);
            let outcome = handler.on_sync(client, Sync::new()).await;
            settle(client, seat, outcome, false)?;
            if client.transaction_status() == TransactionStatus::Idle {
                client.store.clear_portals();
            }
            seat.note(Some(status(client)));
            Ok(())
        }
        // Behind an error, all up to the next Sync is ignored.
        b'Q' | b'P' | b'B' | b'D' | b'E' | b'C' | b'H' | b'F' if skipping => Ok(()),
        b'Q' => {
            let query = Query::new(text(single_string(body).map_err(End::Client)?)?);
            let outcome = handler.on_query(client, query).await;
            settle(client, seat, outcome, true)?;
            seat.note(Some(status(client)));
            Ok(())
        }
        b'F' => {
            let failure = Failure::new("0A000", "the console has no functions to call")
                .hint("HELP lists its commands.");
            settle(client, seat, Err(failure.to_error("")), true)
        }
        // Copy data without a COPY is ignored, as PostgreSQL does.
        b'd' | b'c' | b'f' => Ok(()),
        _ => {
            let outcome = extended(client, handler, tag, body).await?;
            settle(client, seat, outcome, false)
        }
    }
}

/// A message of the extended protocol. The outer error ends the session.
async fn extended(
    client: &mut Client,
    handler: &Handler,
    tag: u8,
    body: &[u8],
) -> Result<Result<(), PgWireError>, End> {
    Ok(match tag {
        b'P' => {
            let parse = frontend::Parse::parse(body).map_err(End::Client)?;
            let name = name(parse.name)?;
            let failure = match &name {
                Some(known) if client.store.get_statement(known).is_some() => {
                    Some(Failure::new("42P05", format!("prepared statement {known:?} already exists")))
                }
                _ => crowded(client),
            };
            match failure {
                Some(failure) => Err(failure.to_error("")),
                None => {
                    handler
                        .on_parse(client, Parse::new(name, text(parse.text)?, parse.oids().collect()))
                        .await
                }
            }
        }
        b'B' => match bind(client, body)? {
            Ok(bind) => handler.on_bind(client, bind).await,
            Err(failure) => Err(failure.to_error("")),
        },
        b'D' | b'C' => {
            let (kind, target) = match Target::parse(body).map_err(End::Client)? {
                Target::Statement(target) => (b'S', target),
                Target::Portal(target) => (b'P', target),
            };
            let name = name(target)?;
            match tag {
                b'D' => handler.on_describe(client, Describe::new(kind, name)).await,
                _ => handler.on_close(client, Close::new(kind, name)).await,
            }
        }
        b'E' => {
            let (portal, rows) = frontend::execute(body).map_err(End::Client)?;
            // Zero and less mean all of them.
            handler.on_execute(client, Execute::new(name(portal)?, rows.clamp(0, MAX_ROWS))).await
        }
        _ => {
            frontend_empty(body)?;
            handler.on_flush(client, Flush::new()).await
        }
    })
}

/// Reads a Bind and checks what pgwire takes on trust. The outer error ends the session.
fn bind(client: &Client, body: &[u8]) -> Result<Result<Bind, Failure>, End> {
    let bind = frontend::Bind::parse(body).map_err(End::Client)?;
    let (portal, statement) = (name(bind.portal)?, name(bind.statement)?);
    if let Some(failure) = crowded(client) {
        return Ok(Err(failure));
    }
    if let Some(known) = portal.as_ref().filter(|name| client.store.get_portal(name).is_some()) {
        return Ok(Err(Failure::new("42P03", format!("cursor {known:?} already exists"))));
    }
    let formats = bind.results.len();
    let prepared = client.store.get_statement(statement.as_deref().unwrap_or(DEFAULT_NAME));
    if bind.count() > 0 {
        let message = format!(
            "bind message supplies {} parameters, but commands of the console have none",
            bind.count()
        );
        return Ok(Err(Failure::new("08P01", message)));
    }
    if let Some(Entry::Value(prepared)) = &prepared {
        let columns = prepared.statement.width().unwrap_or_default();
        if formats > 1 && formats != columns {
            let message =
                format!("bind message has {formats} result formats but query has {columns} columns");
            return Ok(Err(Failure::new("08P01", message)));
        }
    }
    if let Some(code) = bind.results.iter().find(|code| !(0..=1).contains(code)) {
        return Ok(Err(Failure::new("22023", format!("unsupported format code: {code}"))));
    }
    let codes = bind.results.iter().collect();
    let values = bind.values().map(|value| value.map(Bytes::copy_from_slice)).collect();
    Ok(Ok(Bind::new(portal, statement, bind.formats.iter().collect(), values, codes)))
}

fn crowded(client: &Client) -> Option<Failure> {
    (client.store.len() >= MAX_NAMES).then(|| {
        Failure::new("53400", format!("more than {MAX_NAMES} prepared statements and portals"))
            .hint("Close those that are no longer needed, or connect anew.")
    })
}

/// Tells the client of an error, and brings the session to where it goes on.
fn settle(
    client: &mut Client,
    seat: &Seat,
    outcome: Result<(), PgWireError>,
    simple: bool,
) -> Result<(), End> {
    let before = client.transaction_status();
    let failed = match outcome {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    seat.count(Count::Errors, 1);
    let info = match failed {
        PgWireError::PortalNotFound(name) => absent("34000", "portal", &name),
        PgWireError::StatementNotFound(name) => absent("26000", "prepared statement", &name),
        other => ErrorInfo::from(other),
    };
    let fatal = info.is_fatal();
    say(client, PgWireBackendMessage::ErrorResponse(info.into()))?;
    if fatal {
        return Err(End::Closed);
    }
    let status = if before == TransactionStatus::Idle { before } else { TransactionStatus::Error };
    client.set_transaction_status(status);
    client.set_state(PgWireConnectionState::AwaitingSync);
    if simple {
        client.set_state(PgWireConnectionState::ReadyForQuery);
        say(client, PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(status)))?;
    }
    Ok(())
}

fn absent(sqlstate: &'static str, what: &str, name: &str) -> ErrorInfo {
    let name = if name == DEFAULT_NAME { "" } else { name };
    Failure::new(sqlstate, format!("{what} {name:?} does not exist")).to_info("")
}

fn status(client: &Client) -> Status {
    match client.transaction_status() {
        TransactionStatus::Idle => Status::Idle,
        TransactionStatus::Transaction => Status::Transaction,
        TransactionStatus::Error => Status::Failed,
    }
}

fn frontend_empty(body: &[u8]) -> Result<(), End> {
    match body {
        [] => Ok(()),
        _ => Err(End::Client(WireError::new("invalid message format: extra bytes at its end"))),
    }
}

/// Text of the client's; the console speaks UTF-8 only.
fn text(bytes: &[u8]) -> Result<String, End> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| End::fatal("22021", "invalid byte sequence for encoding \"UTF8\""))
}

/// A statement's or portal's name; `None`: the unnamed one.
fn name(bytes: &[u8]) -> Result<Option<String>, End> {
    let name = text(bytes)?;
    // pgwire keeps the unnamed ones under this name.
    if name == DEFAULT_NAME {
        return Err(End::fatal("42602", "this name is reserved"));
    }
    Ok((!name.is_empty()).then_some(name))
}
