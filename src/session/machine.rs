//! The session on a database with encrypted columns: one task, two sockets, one queue of what is owed.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::catalog::Catalog;
use crate::database::{Database, RefreshError, Snapshot};
use crate::keys::KeyId;
use crate::sql::plan::Refusal;
use crate::transform::Transformer;
use crate::transport::{Inbox, Link};
use crate::value::Settings;
use crate::wire::backend::Status;

use super::copy::Copying;
use super::epoch::Hold;
use super::error::End;
use super::freshness::Freshness;
use super::naming::Cursors;
use super::past::Past;
use super::pipeline::Pipeline;
use super::plans::Plans;
use super::refine::{Refining, is_lone};
use super::registry::{Names, Place};
use super::request::{Portal, Statement};
use super::roster::{Seat, Tally};

/// Bytes composed for one side above which the other is not read on.
const OUTBOX: usize = 256 * 1024;

/// Requests that may be unanswered. The server answers that many without a Sync, as its own buffer is
/// smaller than their answers.
const REQUESTS: usize = 64 * 1024;

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Goes on as it is.
    Pass,
    /// What was composed goes in its place.
    Replace,
    /// What was composed goes now; the frame is looked at again later.
    Wait,
}

/// What the session waits for, other than its two sockets.
pub(super) enum Awaited {
    /// The shared catalog was read anew.
    Catalog(Result<Arc<Catalog>, RefreshError>),
    /// The keyring was looked through for a key.
    Key(Result<(), RefreshError>),
}

/// A catalog or keyring that is being read.
type Refresh = Pin<Box<dyn Future<Output = Awaited>>>;

/// One session after its start-up.
pub(super) struct Machine {
    pub database: Arc<Database>,
    /// What names mean: the shared snapshot, or this transaction's own.
    pub catalog: Arc<Catalog>,
    pub transformer: Transformer,
    /// The shared catalog, and the keys that are in use.
    pub snapshot: Arc<Snapshot>,
    /// What is under way under which keys.
    pub hold: Hold,
    /// A data key that the keyring was looked through for, for the value at hand.
    pub asked_key: Option<KeyId>,
    pub pipeline: Pipeline,
    pub statements: Names<Statement>,
    pub portals: Names<Portal>,
    /// Cursors that SQL has declared.
    pub cursors: Cursors,
    pub plans: Plans,
    pub fresh: Freshness,
    /// Number of Syncs sent.
    pub segment: u64,
    /// Messages of the extended protocol were sent since the last Sync.
    pub open: bool,
    /// The server ignores messages up to the next Sync.
    pub skipping: bool,
    /// As of the last ReadyForQuery.
    pub status: Status,
    /// The server takes COPY data.
    pub copy_in: bool,
    /// COPY data is transformed.
    pub copying: Option<Copying>,
    /// Bytes still to come of the client's CopyData message that is transformed.
    feeding: usize,
    /// The front request of the client waits for an answer.
    pub stalled: bool,
    /// The catalog is being read for it.
    pub refresh: Option<Refresh>,
    /// The lease is over, and the keyring is being confirmed for the front request.
    pub confirming: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// That was tried for it.
    pub tried_confirming: bool,
    /// A ReadyForQuery waits for it: once a client knows that its DDL is done, every session plans with it.
    pub holding: bool,
    /// Why the last attempt to learn what planning needs failed.
    pub failed: Option<Refusal>,
    /// Bytes of a frame that passes through as it arrives.
    passing: [usize; 2],
    /// Composed for the other side.
    pub composed: Vec<u8>,
    /// Composed by the response side for the server.
    pub to_server: Vec<u8>,
    /// The client was told of an error that the server knows nothing of; answers up to ReadyForQuery are
    /// dropped.
    pub discarding: bool,
    /// The client has said "prepare" in SQL: there may be statements that were never parsed by message.
    pub prepares: bool,
    /// Names whose values must not go on even so.
    pub past: Past,
    /// The client has said good-bye.
    pub terminating: bool,
    /// The server has.
    pub dying: bool,
    /// The conditions of the request at hand that are decided here.
    pub refining: Option<Refining>,
    /// A block of ours is around the client's statement.
    pub wrapped: bool,
    /// Something was bound or run since the last Sync.
    pub bound: bool,
    /// What follows the Bind at hand runs its portal and ends the segment.
    pub lone: bool,
    /// What it has done so far.
    pub tally: Tally,
    /// Where others can see that.
    seat: Arc<Seat>,
}

impl Machine {
    /// A session of this database that has just become ready.
    pub(super) fn new(database: Arc<Database>, seat: Arc<Seat>) -> Machine {
        let hold = Hold::new(database.pin());
        let snapshot = Arc::clone(&database.snapshot());
        let catalog = Arc::clone(&snapshot.catalog);
        let transformer = Transformer::new(Arc::clone(&snapshot.keyring), Ok(Settings::default()));
        Machine {
            database,
            catalog,
            transformer,
            snapshot,
            hold,
            asked_key: None,
            pipeline: Pipeline::default(),
            statements: Names::default(),
            portals: Names::default(),
            cursors: Cursors::default(),
            plans: Plans::default(),
            fresh: Freshness::default(),
            segment: 0,
            open: false,
            skipping: false,
            status: Status::Idle,
            copy_in: false,
            copying: None,
            feeding: 0,
            stalled: false,
            refresh: None,
            confirming: None,
            tried_confirming: false,
            holding: false,
            failed: None,
            passing: [0; 2],
            composed: Vec::new(),
            to_server: Vec::new(),
            discarding: false,
            prepares: false,
            past: Past::default(),
            terminating: false,
            dying: false,
            refining: None,
            wrapped: false,
            bound: false,
            lone: false,
            tally: Tally::default(),
            seat,
        }
    }

    /// Runs the session to its end.
    pub(super) async fn run(&mut self, client: &mut Link, server: &mut Link, boundary: &Cell<bool>) -> End {
        let outcome = poll_fn(|cx| {
            let outcome = self.poll(cx, client, server);
            self.publish(client);
            boundary.set(self.passing[1] == 0);
            outcome
        })
        .await;
        match outcome {
            Ok(()) => End::Closed,
            Err(end) => end,
        }
    }

    /// Lets others see what the session has done so far.
    fn publish(&mut self, client: &Link) {
        (self.tally.sealed, self.tally.opened) = self.transformer.done();
        (self.tally.received, self.tally.sent) = (client.received, client.sent);
        self.seat.publish(&self.tally);
        self.seat.note((self.pipeline.len() == 0).then_some(self.status));
    }

    fn poll(&mut self, cx: &mut Context<'_>, client: &mut Link, server: &mut Link) -> Poll<Result<(), End>> {
        let current = self.database.snapshot();
        if !Arc::ptr_eq(&current, &self.snapshot) {
            let current = Arc::clone(&current);
            self.adopt(current);
        }
        loop {
            let mut again = self.poll_refresh(cx);
            let awaited = (self.refresh.is_some(), self.confirming.is_some());
            for link in [&mut *client, &mut *server] {
                link.poll_fill_up(cx)?;
            }
            let full = [!client.inbox.has_space(), !server.inbox.has_space()];
            // Answers first: they may be what a request waits for.
            self.responses(server, client)?;
            self.requests(client, server)?;
            // One that was begun has to be looked at once, to wake the session when it is there.
            again |= !awaited.0 && self.refresh.is_some() || !awaited.1 && self.confirming.is_some();
            let crowded = [server.outbox.len() > OUTBOX, client.outbox.len() > OUTBOX];
            let to_server = server.poll_write(cx, &mut client.inbox);
            let to_client = client.poll_write(cx, &mut server.inbox)?;
            let to_server = match to_server {
                Poll::Ready(Err(error)) if !server.closed && server.inbox.pending().is_empty() => {
                    return Poll::Ready(Err(error.into()));
                }
                // The server is gone; its last words are still to be passed on.
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => Poll::Pending,
            };
            if server.closed && to_client.is_ready() && !self.blocked(client) {
                return Poll::Ready(Ok(()));
            }
            if (client.closed || self.terminating) && to_server.is_ready() {
                return Poll::Ready(Ok(()));
            }
            // What was left lying for want of room goes on.
            again |= crowded[0] && server.outbox.len() <= OUTBOX || crowded[1] && !self.blocked(client);
            again |= full[0] && client.inbox.has_space() || full[1] && server.inbox.has_space();
            if !again {
                return Poll::Pending;
            }
        }
    }

    /// Whether answers wait for room towards the client.
    fn blocked(&self, client: &Link) -> bool {
        client.outbox.len() > OUTBOX
    }

    fn poll_refresh(&mut self, cx: &mut Context<'_>) -> bool {
        let confirmed =
            self.confirming.as_mut().is_some_and(|confirming| confirming.as_mut().poll(cx).is_ready());
        if confirmed {
            self.confirming = None;
            self.stalled = false;
        }
        let Some(refresh) = &mut self.refresh else {
            return confirmed;
        };
        let Poll::Ready(outcome) = refresh.as_mut().poll(cx) else {
            return confirmed;
        };
        self.refresh = None;
        self.stalled = false;
        self.awaited(outcome);
        true
    }

    /// Looks at the client's messages.
    fn requests(&mut self, client: &mut Link, server: &mut Link) -> Result<(), End> {
        // Out of its place, so that a frame can be read while the session changes.
        let mut inbox = std::mem::take(&mut client.inbox);
        let outcome = self.requests_in(&mut inbox, server);
        client.inbox = inbox;
        outcome
    }

    fn requests_in(&mut self, inbox: &mut Inbox, server: &mut Link) -> Result<(), End> {
        if !self.to_server.is_empty() {
            inbox.settle(&mut server.outbox);
            server.outbox.buffer().append(&mut self.to_server);
        }
        while !self.stalled && !self.holding && !self.terminating && !self.dying {
            if server.outbox.len() > OUTBOX || self.pipeline.len() > REQUESTS {
                return Ok(());
            }
            if self.pass(0, inbox) || self.feed(inbox, server) {
                continue;
            }
            if self.feeding > 0 {
                return Ok(());
            }
            let Some(header) = self.client_header(inbox.pending())? else {
                return Ok(());
            };
            if header.tag == b'd' && self.copy_in {
                if self.takes_copy() {
                    inbox.skip(crate::wire::frame::HEADER, &mut server.outbox);
                    self.feeding = header.size - crate::wire::frame::HEADER;
                } else {
                    self.passing[0] = header.size;
                }
                continue;
            }
            let Some(body) = inbox.pending().get(crate::wire::frame::HEADER..header.size) else {
                inbox.expect(header.size);
                return Ok(());
            };
            self.lone = header.tag == b'B' && is_lone(inbox.pending().get(header.size..).unwrap_or_default());
            let verdict = self.request(header.tag, body)?;
            self.settle(verdict, header.size, inbox, server);
        }
        Ok(())
    }

    /// Looks at the server's messages.
    fn responses(&mut self, server: &mut Link, client: &mut Link) -> Result<(), End> {
        let mut inbox = std::mem::take(&mut server.inbox);
        let outcome = self.responses_in(&mut inbox, client);
        server.inbox = inbox;
        outcome
    }

    fn responses_in(&mut self, inbox: &mut Inbox, client: &mut Link) -> Result<(), End> {
        while !self.holding && !self.blocked(client) {
            if self.pass(1, inbox) {
                continue;
            }
            let Some(header) = Self::server_header(inbox.pending())? else {
                return Ok(());
            };
            if self.streams(header.tag)? {
                self.passing[1] = header.size;
                continue;
            }
            let Some(body) = inbox.pending().get(crate::wire::frame::HEADER..header.size) else {
                inbox.expect(header.size);
                return Ok(());
            };
            let verdict = self.response(header.tag, body)?;
            self.settle(verdict, header.size, inbox, client);
        }
        Ok(())
    }

    /// Clears what has arrived of a frame that passes as it is. `false`: there is none, or nothing of it.
    fn pass(&mut self, side: usize, inbox: &mut Inbox) -> bool {
        let Some(left) = self.passing.get_mut(side) else {
            return false;
        };
        let n = inbox.pending().len().min(*left);
        inbox.clear(n);
        *left -= n;
        n > 0
    }

    /// Transforms what has arrived of a CopyData message. `false`: there is none, or nothing of it.
    fn feed(&mut self, inbox: &mut Inbox, server: &mut Link) -> bool {
        let n = inbox.pending().len().min(self.feeding);
        if n == 0 {
            return false;
        }
        self.copy_data(inbox.pending().get(..n).unwrap_or_default());
        self.feeding -= n;
        self.settle(Verdict::Replace, n, inbox, server);
        true
    }

    fn settle(&mut self, verdict: Verdict, size: usize, inbox: &mut Inbox, target: &mut Link) {
        match verdict {
            Verdict::Pass => inbox.clear(size),
            Verdict::Replace => inbox.skip(size, &mut target.outbox),
            Verdict::Wait => {
                self.stalled = true;
                if !self.composed.is_empty() {
                    inbox.settle(&mut target.outbox);
                }
            }
        }
        if !self.composed.is_empty() {
            target.outbox.buffer().append(&mut self.composed);
        }
        if self.composed.capacity() > OUTBOX {
            self.composed = Vec::new();
        }
    }

    /// Where the next request stands.
    pub(super) fn place(&self) -> Place {
        Place { sequence: self.pipeline.next(), segment: self.segment, answered: self.pipeline.answered() }
    }
}
