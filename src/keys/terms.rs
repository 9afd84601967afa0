//! The terms of a value: which ones it gets, and out of what.

use crate::crypto::{
    CryptoError, Envelope, EqualityKey, KeyId, MatchKey, OrderKey, Piece, Slot, Term, TermKind,
};

use super::cell::TermPair;
use super::keyring::Group;

/// The search kinds, beside equality, whose terms a value carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TermKinds {
    /// Order terms.
    pub order: bool,
    /// Caseless terms.
    pub caseless: bool,
    /// Match terms.
    pub matching: bool,
}

impl TermKinds {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Whether a kind is among them; equality is in any case.
    pub fn has(self, kind: TermKind) -> bool {
        match kind {
            TermKind::Equality => true,
            TermKind::Order => self.order,
            TermKind::Caseless => self.caseless,
            TermKind::Match => self.matching,
            TermKind::Identity => false,
        }
    }
}

/// What a value's terms are made of, for each kind that it has.
#[derive(Clone, Copy, Default)]
pub struct Forms<'a> {
    /// The canonical form, in which equal values are equal.
    pub equality: Option<&'a [u8]>,
    /// Bytes in whose unsigned order the values are.
    pub order: Option<&'a [u8]>,
    /// The text with its case folded.
    pub caseless: Option<&'a [u8]>,
    /// The pieces of the folded text.
    pub pieces: Option<&'a [Piece]>,
}

impl<'a> Forms<'a> {
    /// Those of a value that has an equality term at most.
    pub fn equality(canonical: Option<&'a [u8]>) -> Self {
        Self { equality: canonical, ..Self::default() }
    }

    /// The kinds that there is something for.
    pub fn kinds(&self) -> TermKinds {
        TermKinds {
            order: self.order.is_some(),
            caseless: self.caseless.is_some(),
            matching: self.pieces.is_some(),
        }
    }
}

/// The kinds behind equality, in the order of an envelope.
pub(super) const FURTHER: [TermKind; 3] = [TermKind::Order, TermKind::Caseless, TermKind::Match];

/// Terms behind those of equality. Kept from value to value for their memory.
#[derive(Default)]
pub(super) struct Further {
    bytes: Vec<u8>,
    terms: Vec<(TermKind, Slot, KeyId, std::ops::Range<usize>)>,
}

impl Further {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.terms.clear();
    }

    /// Fills in the terms of these kinds under each key that is written. Those that `old` has of these keys are taken
    /// over; for the others the form is needed.
    pub(super) fn fill(
        &mut self,
        group: &Group,
        kinds: TermKinds,
        forms: &Forms<'_>,
        old: Option<&Envelope<'_>>,
    ) -> Result<(), CryptoError> {
        self.clear();
        for kind in FURTHER.into_iter().filter(|kind| kinds.has(*kind)) {
            let mut written = false;
            for slot in Slot::ALL {
                let Some(key) = group.further_key(kind, slot) else { continue };
                written = true;
                let start = self.bytes.len();
                let known = old.and_then(|old| old.term(kind, slot)).filter(|term| term.key == key);
                match known {
                    Some(term) => self.bytes.extend_from_slice(term.bytes),
                    None => group.make(kind, slot, forms, &mut self.bytes)?,
                }
                self.terms.push((kind, slot, key, start..self.bytes.len()));
            }
            if !written {
                return Err(CryptoError::UnknownGroup);
            }
        }
        Ok(())
    }

    /// All terms of a value, in the order of an envelope.
    pub(super) fn list<'l>(&'l self, equality: &'l TermPair) -> Vec<Term<'l>> {
        let mut list = Vec::with_capacity(2 + self.terms.len());
        equality.push(&mut list);
        list.extend(self.terms.iter().map(|(kind, slot, key, range)| Term {
            kind: *kind,
            slot: *slot,
            key: *key,
            bytes: self.bytes.get(range.clone()).unwrap_or_default(),
        }));
        list
    }
}

/// The keys of a group that write terms behind those of equality, by slot.
#[derive(Default)]
pub(super) struct FurtherKeys {
    pub(super) order: [Option<OrderKey>; 2],
    pub(super) caseless: [Option<EqualityKey>; 2],
    pub(super) matching: [Option<MatchKey>; 2],
}

/// The place of a slot.
fn at<T>(keys: &[Option<T>; 2], slot: Slot) -> Option<&T> {
    match slot {
        Slot::A => keys[0].as_ref(),
        Slot::B => keys[1].as_ref(),
    }
}

impl FurtherKeys {
    pub(super) fn order(&self, slot: Slot) -> Option<&OrderKey> {
        at(&self.order, slot)
    }

    pub(super) fn caseless(&self, slot: Slot) -> Option<&EqualityKey> {
        at(&self.caseless, slot)
    }

    pub(super) fn matching(&self, slot: Slot) -> Option<&MatchKey> {
        at(&self.matching, slot)
    }
}

impl Group {
    /// The key that writes terms of a kind behind equality into this slot.
    pub(super) fn further_key(&self, kind: TermKind, slot: Slot) -> Option<KeyId> {
        match kind {
            TermKind::Order => self.further.order(slot).map(OrderKey::id),
            TermKind::Caseless => self.further.caseless(slot).map(EqualityKey::id),
            TermKind::Match => self.further.matching(slot).map(MatchKey::id),
            TermKind::Equality | TermKind::Identity => None,
        }
    }

    fn make(
        &self,
        kind: TermKind,
        slot: Slot,
        forms: &Forms<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let missing = CryptoError::UnusedSlot(slot);
        match kind {
            TermKind::Order => {
                let (key, form) = self.further.order(slot).zip(forms.order).ok_or(missing)?;
                key.term(form, out);
            }
            TermKind::Caseless => {
                let (key, form) = self.further.caseless(slot).zip(forms.caseless).ok_or(missing)?;
                out.extend_from_slice(&key.term(form));
            }
            TermKind::Match => {
                let (key, form) = self.further.matching(slot).zip(forms.pieces).ok_or(missing)?;
                key.term(form, out);
            }
            TermKind::Equality | TermKind::Identity => return Err(missing),
        }
        Ok(())
    }
}
