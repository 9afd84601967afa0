//! Which keyrings the sessions' unfinished work was sealed under.
//!
//! A session sets its pin before it looks which keyring is the newest, and the manager looks at the pins after it
//! has published a newer one: either the session sees the new keyring, or the manager sees the pin.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the server may take to read what a session sent before it ended.
const LINGER: Duration = Duration::from_secs(5);

/// No pin: nothing of the session's is under way.
const NONE: u64 = u64::MAX;

/// The pins of all sessions.
#[derive(Debug, Default)]
pub(super) struct Pins {
    set: Mutex<Set>,
}

#[derive(Debug, Default)]
struct Set {
    next: u64,
    live: BTreeMap<u64, Arc<AtomicU64>>,
    /// Pins of sessions that ended with something under way.
    left: Vec<(Instant, u64)>,
}

/// One session's pin. Set and cleared without a lock; given back when dropped.
#[derive(Debug)]
pub struct Pin {
    cell: Arc<AtomicU64>,
    number: u64,
    pins: Arc<Pins>,
}

impl Pins {
    /// A pin for a session that begins.
    pub(super) fn register(self: &Arc<Self>) -> Pin {
        let cell = Arc::new(AtomicU64::new(NONE));
        let mut set = self.set();
        set.next += 1;
        let number = set.next;
        set.live.insert(number, Arc::clone(&cell));
        Pin { cell, number, pins: Arc::clone(self) }
    }

    /// The oldest keyring that something under way was sealed under; `newest` if that is it.
    pub(super) fn oldest(&self, newest: u64) -> u64 {
        let mut set = self.set();
        let now = Instant::now();
        set.left.retain(|(ended, _)| now.saturating_duration_since(*ended) < LINGER);
        let left = set.left.iter().map(|(_, epoch)| *epoch);
        let live = set.live.values().map(|cell| cell.load(Ordering::SeqCst));
        left.chain(live).fold(newest, u64::min)
    }

    /// How many sessions there are.
    pub(super) fn sessions(&self) -> usize {
        self.set().live.len()
    }

    /// Whether no session is left, nor anything of one that has ended.
    pub(super) fn quiet(&self) -> bool {
        self.oldest(NONE) == NONE && self.sessions() == 0
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        // Nothing in here panics half-way; and a pin more is on the safe side.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pin {
    /// From now on something that was sealed under this keyring may be under way. The caller has to look
    /// afterwards whether there is a newer one.
    pub fn set(&self, epoch: u64) {
        self.cell.store(epoch, Ordering::SeqCst);
    }

    /// Nothing is under way.
    pub fn clear(&self) {
        self.cell.store(NONE, Ordering::SeqCst);
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut set = self.pins.set();
        set.live.remove(&self.number);
        let epoch = self.cell.load(Ordering::SeqCst);
        if epoch != NONE {
            set.left.push((Instant::now(), epoch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pin_counts_and_outlives_its_session_for_a_while() {
        let pins = Arc::new(Pins::default());
        let (one, two) = (pins.register(), pins.register());
        assert_eq!((pins.oldest(7), pins.sessions(), pins.quiet()), (7, 2, false));
        one.set(5);
        two.set(6);
        assert_eq!(pins.oldest(7), 5);
        one.clear();
        assert_eq!(pins.oldest(7), 6);
        drop(two);
        assert_eq!(pins.oldest(7), 6, "the server may still be reading what it sent");
        drop(one);
        assert!(!pins.quiet());
        pins.set().left.iter_mut().for_each(|(ended, _)| *ended -= LINGER);
        assert!(pins.quiet());
        assert_eq!(pins.oldest(7), 7);
    }
}
