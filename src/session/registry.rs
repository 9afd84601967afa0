//! Names of prepared statements and portals, as the server will have them.
//!
//! Requests are looked at before the server has answered earlier ones, so a definition is provisional until
//! its answer comes. Each one is logged with what it replaced; a failure undoes what the server did not do.
//! A reference is safe if its newest definition is confirmed, or is in the same run of messages up to a
//! Sync: should the definition fail, the server skips the reference too. Otherwise it has to wait.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// What is known under names of one kind. The empty name is the unnamed one.
#[derive(Debug)]
pub(super) struct Names<T> {
    unnamed: Slot<T>,
    named: HashMap<Rc<[u8]>, Slot<T>>,
    log: VecDeque<Change<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    /// The request that defined it, and its segment.
    sequence: u64,
    segment: u64,
}

#[derive(Debug)]
struct Change<T> {
    sequence: u64,
    /// `None`: the unnamed one.
    name: Option<Rc<[u8]>>,
    previous: Option<T>,
}

/// Where a request stands in the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Number of the request.
    pub sequence: u64,
    /// Number of Syncs before it.
    pub segment: u64,
    /// Number of the oldest request that is not answered.
    pub answered: u64,
}

/// Answer to a reference.
#[derive(Debug)]
pub(super) enum Lookup<T> {
    /// What the name means; nothing that is known of, perhaps.
    Known(Option<T>),
    /// Depends on an answer that is due.
    Pending,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            unnamed: Slot { value: None, sequence: 0, segment: 0 },
            named: HashMap::new(),
            log: VecDeque::new(),
        }
    }
}

impl<T: Clone> Names<T> {
    /// Defines a name, provisionally.
    pub(super) fn define(&mut self, name: &[u8], value: Option<T>, place: Place) {
        let (slot, key) = if name.is_empty() {
            (&mut self.unnamed, None)
        } else if let Some((key, _)) = self.named.get_key_value(name) {
            let key = Rc::clone(key);
            match self.named.get_mut(name) {
                Some(slot) => (slot, Some(key)),
                None => return,
            }
        } else {
            if value.is_none() {
                return;
            }
            let key: Rc<[u8]> = Rc::from(name);
            let slot = Slot { value: None, sequence: 0, segment: 0 };
            (self.named.entry(Rc::clone(&key)).or_insert(slot), Some(key))
        };
        let previous = std::mem::replace(&mut slot.value, value);
        (slot.sequence, slot.segment) = (place.sequence, place.segment);
        self.log.push_back(Change { sequence: place.sequence, name: key, previous });
    }

    /// What a name means to a request at this place.
    pub(super) fn lookup(&self, name: &[u8], place: Place) -> Lookup<T> {
        let slot = if name.is_empty() { Some(&self.unnamed) } else { self.named.get(name) };
        match slot {
            None => Lookup::Known(None),
            Some(slot) if slot.sequence >= place.answered && slot.segment != place.segment => Lookup::Pending,
            Some(slot) => Lookup::Known(slot.value.clone()),
        }
    }

    /// The newest definition, confirmed or not.
    pub(super) fn newest(&self, name: &[u8]) -> Option<&T> {
        if name.is_empty() { self.unnamed.value.as_ref() } else { self.named.get(name)?.value.as_ref() }
    }

    /// What the unnamed one means, if no answer can change that.
    pub(super) fn confirmed_unnamed(&self, answered: u64) -> Option<&T> {
        self.unnamed.value.as_ref().filter(|_| self.unnamed.sequence < answered)
    }

    /// All names that mean something, the unnamed one left out.
    pub(super) fn named(&self) -> impl Iterator<Item = (&[u8], &T)> {
        self.named.iter().filter_map(|(name, slot)| Some((&**name, slot.value.as_ref()?)))
    }

    /// All that a name means, or will mean again should what is under way fail.
    pub(super) fn possible(&self) -> impl Iterator<Item = &T> {
        let now = self.named.values().chain(std::iter::once(&self.unnamed));
        let before = self.log.iter().filter_map(|change| change.previous.as_ref());
        now.filter_map(|slot| slot.value.as_ref()).chain(before)
    }

    /// All requests before `answered` have succeeded.
    pub(super) fn confirm(&mut self, answered: u64) {
        while self.log.front().is_some_and(|change| change.sequence < answered) {
            let Some(change) = self.log.pop_front() else { return };
            // A closed name is forgotten with its last change.
            if let Some(name) = change.name
                && self.named.get(&name).is_some_and(|s| s.value.is_none() && s.sequence == change.sequence)
            {
                self.named.remove(&name);
            }
        }
    }

    /// The requests `from..to` did not happen.
    pub(super) fn undo(&mut self, from: u64, to: u64) {
        let mut at = self.log.len();
        while let Some(index) = at.checked_sub(1) {
            at = index;
            let inside = self.log.get(index).is_some_and(|c| (from..to).contains(&c.sequence));
            let Some(change) = (if inside { self.log.remove(index) } else { None }) else {
                continue;
            };
            let later = self.log.iter_mut().skip(index).find(|c| c.name == change.name);
            match (later, &change.name) {
                // Defined again since: that definition replaced what was there before.
                (Some(later), _) => later.previous = change.previous,
                (None, None) => self.unnamed = Slot { value: change.previous, sequence: 0, segment: 0 },
                (None, Some(name)) => match change.previous {
                    None => {
                        self.named.remove(name);
                    }
                    previous => {
                        if let Some(slot) = self.named.get_mut(name) {
                            *slot = Slot { value: previous, sequence: 0, segment: 0 };
                        }
                    }
                },
            }
        }
    }

    /// Whether this request changed the unnamed one.
    pub(super) fn changes_unnamed(&self, sequence: u64) -> bool {
        self.log.iter().any(|c| c.sequence == sequence && c.name.is_none())
    }

    /// The unnamed one is gone, whatever became of its request, unless it was defined again later.
    pub(super) fn drop_unnamed(&mut self) {
        match self.log.iter_mut().find(|c| c.name.is_none()) {
            Some(later) => later.previous = None,
            None => self.unnamed = Slot { value: None, sequence: 0, segment: 0 },
        }
    }

    /// Everything confirmed is gone (portals at the end of a transaction).
    pub(super) fn drop_confirmed(&mut self, answered: u64) {
        if !self.named.is_empty() {
            self.named.retain(|_, slot| slot.sequence >= answered);
        }
        if self.unnamed.sequence < answered {
            self.unnamed.value = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sequence: u64, segment: u64, answered: u64) -> Place {
        Place { sequence, segment, answered }
    }

    fn known(names: &Names<u8>, name: &[u8], place: Place) -> Option<Option<u8>> {
        match names.lookup(name, place) {
            Lookup::Known(value) => Some(value),
            Lookup::Pending => None,
        }
    }

    #[test]
    fn a_reference_waits_for_definitions_of_earlier_segments_only() {
        let mut names = Names::default();
        names.define(b"s", Some(1), at(1, 1, 1));
        assert_eq!(known(&names, b"s", at(2, 1, 1)), Some(Some(1)));
        assert_eq!(known(&names, b"s", at(3, 2, 1)), None);
        names.confirm(2);
        assert_eq!(known(&names, b"s", at(3, 2, 2)), Some(Some(1)));
        assert_eq!(known(&names, b"t", at(3, 2, 2)), Some(None));
    }

    #[test]
    fn a_failure_brings_back_what_was_replaced() {
        let mut names = Names::default();
        names.define(b"s", Some(1), at(1, 1, 1));
        names.confirm(2);
        names.define(b"s", Some(2), at(2, 2, 2));
        names.define(b"s", None, at(3, 2, 2));
        names.undo(2, 4);
        assert_eq!(known(&names, b"s", at(5, 3, 4)), Some(Some(1)));
    }

    #[test]
    fn a_failure_below_a_later_definition_keeps_the_later_one() {
        let mut names = Names::default();
        names.define(b"", Some(1), at(1, 1, 1));
        names.confirm(2);
        names.define(b"", Some(2), at(2, 2, 2));
        names.define(b"", Some(3), at(4, 3, 2));
        names.undo(2, 3);
        assert_eq!(names.newest(b""), Some(&3));
        names.undo(4, 5);
        assert_eq!(names.newest(b""), Some(&1), "and that one's failure goes back to the first");
    }

    #[test]
    fn the_unnamed_statement_is_dropped_even_by_a_failing_parse() {
        let mut names = Names::default();
        names.define(b"", Some(1), at(1, 1, 1));
        names.confirm(2);
        names.define(b"", Some(2), at(2, 2, 2));
        names.undo(2, 3);
        names.drop_unnamed();
        assert_eq!(known(&names, b"", at(3, 3, 3)), Some(None));
    }

    #[test]
    fn closed_and_confirmed_names_leave_nothing_behind() {
        let mut names = Names::default();
        names.define(b"s", Some(1), at(1, 1, 1));
        names.define(b"s", None, at(2, 1, 1));
        names.confirm(3);
        assert!(names.named.is_empty() && names.log.is_empty());
        names.define(b"p", Some(1), at(3, 2, 3));
        names.drop_confirmed(3);
        assert_eq!(names.newest(b"p"), Some(&1), "not answered yet");
        names.confirm(4);
        names.drop_confirmed(4);
        assert_eq!(names.newest(b"p"), None);
    }
}
