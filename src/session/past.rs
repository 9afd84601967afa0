//! Names of prepared statements under which values may have been meant for an encrypted column.
//!
//! A Bind of a name that Pyrite does not know may be of a statement that SQL's PREPARE made, so its values go on.
//! Those of a statement that was planned and has ended since, was refused, or was skipped behind an error must not.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Names that are remembered. A client that uses more has its values kept back for every name that is not known.
const MOST: usize = 4096;

/// The names, as hashes: one that is taken for another keeps values back that could have gone on, never the reverse.
#[derive(Debug, Default)]
pub(super) struct Past {
    hasher: RandomState,
    names: HashSet<u64>,
    full: bool,
}

impl Past {
    /// A statement of this name may take values of an encrypted column.
    pub(super) fn note(&mut self, name: &[u8]) {
        if name.is_empty() || self.full {
            return;
        }
        self.names.insert(self.hasher.hash_one(name));
        if self.names.len() > MOST {
            self.full = true;
            self.names = HashSet::new();
        }
    }

    /// Whether a statement of this name was ever noted, or may have been.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.full || self.names.contains(&self.hasher.hash_one(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_many_are_all_taken_for_noted() {
        let mut past = Past::default();
        past.note(b"");
        past.note(b"s");
        assert!(past.has(b"s") && !past.has(b"t") && !past.has(b""));
        for n in 0..MOST {
            past.note(n.to_string().as_bytes());
        }
        assert!(past.full && past.has(b"never seen") && past.names.is_empty());
    }
}
