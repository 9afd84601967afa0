//! Plans of statements seen before, so that a statement is planned once however often it is parsed.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::sql::plan::{Cleared, Refusal};

use super::planned::Planned;

/// Most plans kept.
const PLANS: usize = 256;

/// Longest text kept.
const TEXT: usize = 32 * 1024;

/// A plan ready for the wire.
#[derive(Clone, Debug)]
pub(super) enum Ready {
    /// Goes as it came.
    Forward(Cleared),
    /// Is rewritten.
    Planned(Rc<Planned>),
    /// Is refused.
    Refused(Arc<Refusal>),
}

/// Plans by announced types and text, valid for one catalog and one environment.
#[derive(Debug, Default)]
pub(super) struct Plans {
    known: HashMap<Vec<u8>, (Ready, u64)>,
    /// Catalog version and number of the environment.
    valid: (u64, u64),
    clock: u64,
}

impl Plans {
    /// Forgets everything if the ground has changed.
    pub(super) fn validate(&mut self, catalog: u64, environment: u64) {
        if self.valid != (catalog, environment) {
            self.known.clear();
            self.valid = (catalog, environment);
        }
    }

    /// A plan made before.
    pub(super) fn get(&mut self, key: &[u8]) -> Option<Ready> {
        self.clock += 1;
        let (ready, used) = self.known.get_mut(key)?;
        *used = self.clock;
        Some(ready.clone())
    }

    /// Keeps a plan; the one not used for the longest time goes.
    pub(super) fn put(&mut self, key: Vec<u8>, ready: Ready) {
        if key.len() > TEXT {
            return;
        }
        if self.known.len() >= PLANS {
            let oldest = self.known.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.known.remove(&oldest);
            }
        }
        self.known.insert(key, (ready, self.clock));
    }
}

/// The key of a statement.
pub(super) fn key(text: &[u8], oids: impl ExactSizeIterator<Item = u32>) -> Vec<u8> {
    let mut key = Vec::with_capacity(4 + oids.len() * 4 + text.len());
    key.extend_from_slice(&(oids.len() as u32).to_be_bytes());
    for oid in oids {
        key.extend_from_slice(&oid.to_be_bytes());
    }
    key.extend_from_slice(text);
    key
}

#[cfg(test)]
mod tests {
    use super::super::request::broken_plan;
    use super::*;

    #[test]
    fn bounded_and_valid_for_one_ground() {
        let mut plans = Plans::default();
        plans.validate(1, 1);
        let keys: Vec<_> = (0..=PLANS).map(|n| key(n.to_string().as_bytes(), [25].into_iter())).collect();
        for k in &keys {
            plans.put(k.clone(), Ready::Refused(Arc::new(broken_plan())));
            plans.get(&keys[0]);
        }
        assert!(plans.get(&keys[0]).is_some(), "in use all the time");
        assert!(plans.get(&keys[1]).is_none(), "the oldest went");
        assert_eq!(plans.known.len(), PLANS);
        assert!(plans.get(&key(b"0", [0].into_iter())).is_none(), "other types, another plan");
        plans.validate(1, 1);
        assert!(plans.get(&keys[0]).is_some());
        plans.validate(2, 1);
        assert!(plans.get(&keys[0]).is_none());
    }
}
