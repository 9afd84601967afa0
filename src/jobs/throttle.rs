//! How fast a sweep goes: batches of a length that nobody notices, with rests between them.

use std::time::Duration;

/// Rows in a batch at most: what it holds in memory, and locks.
pub(super) const MOST_ROWS: usize = 2_000;
/// Blocks that are read at a time, at least and at most.
const BLOCKS: std::ops::RangeInclusive<u32> = 1..=4_096;
const FIRST_BLOCKS: u32 = 16;
/// Batches are at least this long: below it, the cost of a commit rules.
const SHORTEST: Duration = Duration::from_millis(4);

/// Adapts itself to what batches take, and to who waits for them.
#[derive(Debug)]
pub(super) struct Throttle {
    share: u8,
    rows_per_second: Option<u32>,
    most: Duration,
    /// What the next batch shall take.
    target: Duration,
    blocks: u32,
}

impl Throttle {
    /// `share` in percent of the time; `most`: the length of a batch.
    pub(super) fn new(share: u8, rows_per_second: Option<u32>, most: Duration) -> Self {
        Self { share: share.clamp(1, 100), rows_per_second, most, target: most, blocks: FIRST_BLOCKS }
    }

    /// Blocks to read for the next batch.
    pub(super) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// What a batch took; returns how long to rest before the next one. `waited_for`: somebody waited for its locks.
    pub(super) fn batch(&mut self, rows: usize, took: Duration, waited_for: bool) -> Duration {
        self.target = match waited_for {
            true => (self.target / 2).max(SHORTEST),
            false => (self.target + self.target / 16).min(self.most),
        };
        self.blocks = match rows {
            // Nothing to do there: look further ahead.
            0 => self.blocks.saturating_mul(2),
            _ if took > self.target => self.blocks / 2,
            _ if took < self.target / 2 && rows < MOST_ROWS => self.blocks + self.blocks / 4 + 1,
            _ => self.blocks,
        }
        .clamp(*BLOCKS.start(), *BLOCKS.end());
        let rest = took * u32::from(100 - self.share) / u32::from(self.share);
        let paced = self.rows_per_second.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(rows as f64 / f64::from(rate.max(1))).saturating_sub(took)
        });
        let rest = rest.max(paced);
        if waited_for { rest.max(took * 2) } else { rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_share_of_the_time_is_left_to_others() {
        let mut throttle = Throttle::new(25, None, 40 * MS);
        assert_eq!(throttle.batch(100, 10 * MS, false), 30 * MS);
        let mut throttle = Throttle::new(100, None, 40 * MS);
        assert_eq!(throttle.batch(100, 10 * MS, false), Duration::ZERO);
        let mut throttle = Throttle::new(100, Some(1_000), 40 * MS);
        assert_eq!(throttle.batch(100, 10 * MS, false), 90 * MS);
    }

    #[test]
    fn batches_keep_to_their_length() {
        let mut throttle = Throttle::new(50, None, 40 * MS);
        let before = throttle.blocks();
        throttle.batch(100, 100 * MS, false);
        assert_eq!(throttle.blocks(), before / 2);
        for _ in 0..100 {
            throttle.batch(100, 100 * MS, false);
        }
        assert_eq!(throttle.blocks(), 1);
        throttle.batch(10, MS, false);
        assert!(throttle.blocks() > 1);
        for _ in 0..100 {
            throttle.batch(0, MS, false);
        }
        assert_eq!(throttle.blocks(), *BLOCKS.end());
    }

    #[test]
    fn who_is_waited_for_makes_shorter_batches_and_longer_rests() {
        let mut throttle = Throttle::new(100, None, 40 * MS);
        assert_eq!(throttle.batch(100, 10 * MS, true), 20 * MS);
        assert_eq!(throttle.target, 20 * MS);
        for _ in 0..10 {
            throttle.batch(100, 10 * MS, true);
        }
        assert_eq!(throttle.target, SHORTEST);
        for _ in 0..200 {
            throttle.batch(100, MS, false);
        }
        assert_eq!(throttle.target, 40 * MS);
    }
}
