//! The lease: how long a proxy may seal values without having confirmed its keyring.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A proxy that has not confirmed its keyring for this long seals nothing and uses no index term.
pub const LEASE: Duration = Duration::from_secs(10);

/// Behind the lease, until others stop waiting for a proxy that is silent: for what was sealed at the last moment
/// and is still on its way to the server.
pub const MARGIN: Duration = Duration::from_secs(5);

/// Until when the keyring counts as confirmed, on the monotonic clock. Read by every session, without a lock.
#[derive(Debug)]
pub struct Lease {
    origin: Instant,
    /// Nanoseconds after `origin`; 0: not held.
    until: AtomicU64,
    /// How often it was lost and won back.
    lapses: AtomicU64,
}

impl Lease {
    /// One that is not held yet.
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), until: AtomicU64::new(0), lapses: AtomicU64::new(0) }
    }

    /// Whether values may be sealed now.
    pub fn holds(&self) -> bool {
        self.nanos(Instant::now()) < self.until.load(Ordering::Acquire)
    }

    /// How long it still holds.
    pub fn left(&self) -> Duration {
        let until = self.until.load(Ordering::Acquire);
        Duration::from_nanos(until.saturating_sub(self.nanos(Instant::now())))
    }

    /// Counts how often it was lost and won back. What was sealed before a lapse may be under a key that was
    /// retired meanwhile, and must not be sent after it.
    pub fn lapses(&self) -> u64 {
        self.lapses.load(Ordering::Acquire)
    }

    /// The keyring in use was the newest one at `asked` or later.
    pub(super) fn confirm(&self, asked: Instant) {
        if !self.holds() {
            self.lapses.fetch_add(1, Ordering::AcqRel);
        }
        self.until.fetch_max(self.nanos(asked + LEASE), Ordering::AcqRel);
    }

    /// It is given back.
    pub(super) fn revoke(&self) {
        self.until.store(0, Ordering::Release);
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_from_the_question_not_from_its_answer() {
        let lease = Lease::new();
        assert!(!lease.holds() && lease.left() == Duration::ZERO);
        lease.confirm(Instant::now());
        assert!(lease.holds() && lease.left() <= LEASE);
        let lapses = lease.lapses();
        lease.confirm(Instant::now());
        assert_eq!(lease.lapses(), lapses, "held all the time");
        lease.revoke();
        assert!(!lease.holds());
        lease.confirm(Instant::now());
        assert_eq!(lease.lapses(), lapses + 1);
    }

    #[test]
    fn an_answer_that_took_too_long_confirms_nothing() {
        let mut lease = Lease::new();
        let asked = lease.origin;
        lease.origin = asked.checked_sub(2 * LEASE).unwrap();
        lease.confirm(asked.checked_sub(LEASE).unwrap());
        assert!(!lease.holds());
    }
}
