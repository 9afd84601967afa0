//! How many rows a sweep has still to rewrite: the statistics say so of tables that were analyzed, and of others what was
//! found so far.

/// For the relation that is being swept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outlook {
    /// Rows per block, by the statistics.
    known: Option<f64>,
    /// What was read so far, and how many rows of it were to be rewritten.
    blocks: u64,
    rows: u64,
}

impl Outlook {
    /// `density` in rows per block; `None`: nobody knows yet. Passes behind the first, and blocks that have come since
    /// the sweep began, have few rows to rewrite, whatever the statistics say: there too, nobody knows.
    pub(super) fn new(density: Option<f32>) -> Self {
        Self { known: density.map(f64::from), ..Self::default() }
    }

    /// Takes note of a batch.
    pub(super) fn saw(&mut self, blocks: u32, rows: usize) {
        self.blocks += u64::from(blocks);
        self.rows += rows as u64;
    }

    /// Rows to rewrite in so many blocks.
    pub(super) fn rows_in(&self, blocks: u64) -> i64 {
        let found = || if self.blocks == 0 { 0.0 } else { self.rows as f64 / self.blocks as f64 };
        (blocks as f64 * self.known.unwrap_or_else(found)).round() as i64
    }
}

/// The relations behind the one that is being swept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Behind {
    /// Rows of those that were analyzed.
    pub(super) rows: i64,
    /// Blocks of the others, which are taken to be like the present one.
    pub(super) blocks: u64,
}

impl Behind {
    /// Rows to rewrite there, and in so many blocks of the present relation.
    pub(super) fn left(&self, outlook: &Outlook, blocks: u32) -> i64 {
        self.rows.saturating_add(outlook.rows_in(u64::from(blocks).saturating_add(self.blocks)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_count_where_there_are_some() {
        let mut outlook = Outlook::new(Some(50.0));
        outlook.saw(10, 1);
        assert_eq!(outlook.rows_in(20), 1_000);
        assert_eq!(Behind { rows: 7, blocks: 10 }.left(&outlook, 20), 1_507);
    }

    #[test]
    fn what_was_never_analyzed_is_taken_to_be_like_what_was_seen() {
        let mut outlook = Outlook::new(None);
        assert_eq!(outlook.rows_in(1_000), 0);
        outlook.saw(10, 400);
        assert_eq!(outlook.rows_in(1_000), 40_000);
        outlook.saw(30, 0);
        assert_eq!(outlook.rows_in(1_000), 10_000);
        assert_eq!(Behind { rows: 0, blocks: 500 }.left(&outlook, 500), 10_000);
    }
}
