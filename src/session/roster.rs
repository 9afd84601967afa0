//! Who is connected and what they have done. A session registers once and then writes to counters of its own:
//! no lock and no allocation per statement.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::wire::backend::Status;

/// The sessions of this process.
#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    last: u64,
    live: BTreeMap<u64, Arc<Seat>>,
    /// What sessions that have ended did, by database.
    past: BTreeMap<String, Totals>,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Number of the session, from 1.
    pub number: u64,
    /// The role that logged in.
    pub role: String,
    /// The database.
    pub database: String,
    /// Where the client is.
    pub address: SocketAddr,
    /// When it had logged in.
    pub since: SystemTime,
    /// Whether its statements are looked at, and so counted.
    pub planned: bool,
    state: AtomicU8,
    counters: [AtomicU64; Count::ALL.len()],
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Statements sent as they came.
    Forwarded,
    /// Statements sent with values sealed, or whose rows are opened.
    Rewritten,
    /// Statements refused.
    Refused,
    /// Values made into envelopes or terms.
    Sealed,
    /// Envelopes opened.
    Opened,
    /// Errors that the client was told, refusals included.
    Errors,
    /// Bytes from the client.
    Received,
    /// Bytes to the client.
    Sent,
}

impl Count {
    /// All of them, in the order of their places.
    pub(crate) const ALL: [Count; 8] = [
        Count::Forwarded,
        Count::Rewritten,
        Count::Refused,
        Count::Sealed,
        Count::Opened,
        Count::Errors,
        Count::Received,
        Count::Sent,
    ];
}

/// What a session has done so far, as it counts by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// [`Count::Forwarded`]
    pub forwarded: u64,
    /// [`Count::Rewritten`]
    pub rewritten: u64,
    /// [`Count::Refused`]
    pub refused: u64,
    /// [`Count::Sealed`]
    pub sealed: u64,
    /// [`Count::Opened`]
    pub opened: u64,
    /// [`Count::Errors`]
    pub errors: u64,
    /// [`Count::Received`]
    pub received: u64,
    /// [`Count::Sent`]
    pub sent: u64,
}

impl Tally {
    /// A statement was sent, as a plan says or as it came.
    pub(crate) fn ran(&mut self, planned: bool) {
        match planned {
            true => self.rewritten += 1,
            false => self.forwarded += 1,
        }
    }
}

/// Sums over sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Sessions that began.
    pub sessions: u64,
    /// Sessions that there are.
    pub live: u64,
    /// Whether statements of this database are looked at, and so counted.
    pub planned: bool,
    counters: [u64; Count::ALL.len()],
}

impl Totals {
    /// One of the sums.
    pub(crate) fn get(&self, count: Count) -> u64 {
        self.counters.get(count as usize).copied().unwrap_or_default()
    }

    fn add(&mut self, seat: &Seat) {
        self.sessions += 1;
        self.planned |= seat.planned;
        for (sum, counter) in self.counters.iter_mut().zip(&seat.counters) {
            *sum += counter.load(Ordering::Relaxed);
        }
    }
}

/// A session's entry; gone when dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    roster: Arc<Roster>,
    /// Its place.
    pub seat: Arc<Seat>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut entries = self.roster.entries();
        entries.live.remove(&self.seat.number);
        entries.past.entry(self.seat.database.clone()).or_default().add(&self.seat);
    }
}

impl Roster {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a session that has just logged in.
    pub(crate) fn register(
        self: &Arc<Self>,
        role: &str,
        database: &str,
        address: SocketAddr,
        planned: bool,
    ) -> Registered {
        let mut entries = self.entries();
        entries.last += 1;
        let seat = Arc::new(Seat {
            number: entries.last,
            role: role.to_owned(),
            database: database.to_owned(),
            address,
            since: SystemTime::now(),
            planned,
            state: AtomicU8::new(b'I'),
            counters: Default::default(),
        });
        entries.live.insert(seat.number, Arc::clone(&seat));
        Registered { roster: Arc::clone(self), seat }
    }

    /// The sessions that there are, in the order in which they came.
    pub(crate) fn live(&self) -> Vec<Arc<Seat>> {
        self.entries().live.values().cloned().collect()
    }

    /// What was done since the process started, by database.
    pub(crate) fn totals(&self) -> BTreeMap<String, Totals> {
        let entries = self.entries();
        let mut totals = entries.past.clone();
        for seat in entries.live.values() {
            let sum = totals.entry(seat.database.clone()).or_default();
            sum.add(seat);
            sum.live += 1;
        }
        totals
    }
}

impl Seat {
    /// Counts. Only the session itself does, so that a plain load and store serve.
    pub(crate) fn count(&self, count: Count, n: u64) {
        if let Some(counter) = self.counters.get(count as usize) {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// Shows all of it; a handful of plain stores.
    pub(crate) fn publish(&self, tally: &Tally) {
        let Tally { forwarded, rewritten, refused, sealed, opened, errors, received, sent } = *tally;
        let values = [forwarded, rewritten, refused, sealed, opened, errors, received, sent];
        for (counter, value) in self.counters.iter().zip(values) {
            counter.store(value, Ordering::Relaxed);
        }
    }

    /// Notes how many bytes came from and went to the client so far.
    pub(crate) fn traffic(&self, received: u64, sent: u64) {
        for (count, total) in [(Count::Received, received), (Count::Sent, sent)] {
            if let Some(counter) = self.counters.get(count as usize) {
                counter.store(total, Ordering::Relaxed);
            }
        }
    }

    /// Notes that requests wait for answers (`None`), or what ReadyForQuery said.
    pub(crate) fn note(&self, status: Option<Status>) {
        let state = match status {
            None => b'A',
            Some(Status::Idle) => b'I',
            Some(Status::Transaction) => b'T',
            Some(Status::Failed) => b'E',
        };
        self.state.store(state, Ordering::Relaxed);
    }

    /// One of the counters.
    pub(crate) fn get(&self, count: Count) -> u64 {
        self.counters.get(count as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// What the session does, in the words of `pg_stat_activity`.
    pub(crate) fn state(&self) -> &'static str {
        match self.state.load(Ordering::Relaxed) {
            b'A' => "active",
            b'T' => "idle in transaction",
            b'E' => "idle in transaction (aborted)",
            _ => "idle",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_session_did_outlives_it() {
        let roster = Arc::new(Roster::default());
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let first = roster.register("ann", "shop", address, true);
        let second = roster.register("bob", "shop", address, true);
        first.seat.count(Count::Sealed, 3);
        second.seat.count(Count::Sealed, 4);
        second.seat.traffic(10, 20);
        second.seat.note(Some(Status::Transaction));
        assert_eq!((first.seat.state(), second.seat.state()), ("idle", "idle in transaction"));
        assert_eq!(roster.live().iter().map(|seat| seat.number).collect::<Vec<_>>(), [1, 2]);
        drop(first);
        assert_eq!(roster.live().len(), 1);
        let shop = roster.totals()["shop"];
        assert_eq!((shop.sessions, shop.live), (2, 1));
        assert_eq!((shop.get(Count::Sealed), shop.get(Count::Sent)), (7, 20));
        drop(second);
        assert_eq!(roster.totals()["shop"].get(Count::Sealed), 7);
        assert!(roster.live().is_empty());
    }

    #[test]
    fn every_count_has_its_own_place() {
        let roster = Arc::new(Roster::default());
        let address = SocketAddr::from(([127, 0, 0, 1], 7));
        let session = roster.register("ann", "shop", address, true);
        let tally = Tally {
            forwarded: 1,
            rewritten: 2,
            refused: 3,
            sealed: 4,
            opened: 5,
            errors: 6,
            received: 7,
            sent: 8,
        };
        session.seat.publish(&tally);
        assert_eq!(Count::ALL.map(|count| session.seat.get(count)), [1, 2, 3, 4, 5, 6, 7, 8]);
        for (place, count) in Count::ALL.into_iter().enumerate() {
            assert_eq!(count as usize, place);
        }
    }
}
