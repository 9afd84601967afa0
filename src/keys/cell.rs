//! Sealing and opening values: one [`CellCipher`] per session or worker, without locks and, in the steady
//! state, without allocations but the output's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::crypto::envelope;
use crate::crypto::xaes::{Derived, HALF_LEN, Nonce};
use crate::crypto::{
    CryptoError, EQUALITY_TERM_LEN, Envelope, Header, KeyId, Piece, Slot, Term, TermKind, fill_random,
};

use super::keyring::{DataKey, Group, GroupBytes, Keyring};
use super::terms::{FURTHER, Forms, Further, TermKinds};

/// How long one first half of the nonce, and with it a derived cipher, is used.
const EPOCH: Duration = Duration::from_secs(1);
/// Values sealed in one epoch at most; far below what 96 random bits allow under one derived key.
const EPOCH_VALUES: u32 = 1 << 24;
/// Second halves drawn from the system at a time.
const POOL_VALUES: usize = 32;
/// How long drawn bytes are kept. Short, so that a snapshot of the machine rarely holds unused ones.
const POOL_LIFE: Duration = Duration::from_millis(5);
/// Derived ciphers kept for reading. A table that was loaded in bulk has few first halves, and each serves
/// many rows; one that grew row by row has one for each, and no cache would help.
const READ_SLOTS: usize = 32;

/// Seals and opens the values of encrypted columns.
pub struct CellCipher {
    keyring: Arc<Keyring>,
    sealer: Sealer,
    further: Further,
    read: ReadCache,
}

impl CellCipher {
    /// A cipher over this keyring.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring, sealer: Sealer::new(), further: Further::default(), read: ReadCache::new() }
    }

    /// The keyring in use.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    /// Goes over to another snapshot of the keyring, as after a reload.
    pub fn set_keyring(&mut self, keyring: Arc<Keyring>) {
        self.keyring = keyring;
        // Derived ciphers belong to keys that the new snapshot may have destroyed.
        self.sealer.epoch = None;
        self.read = ReadCache::new();
    }

    /// Appends an envelope to `out`. `equality` is the value's canonical form, where the column has equality
    /// terms: one is written for each index key of the group that is in a state to be written, into that key's
    /// slot. On an error `out` is as before.
    pub fn seal(
        &mut self,
        group: &GroupBytes,
        type_tag: u8,
        plaintext: &[u8],
        equality: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        self.seal_with(group, type_tag, plaintext, &Forms::equality(equality), out)
    }

    /// The same with terms of each kind that there is a form for.
    pub fn seal_with(
        &mut self,
        group: &GroupBytes,
        type_tag: u8,
        plaintext: &[u8],
        forms: &Forms<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        let key = self.keyring.data_key(group.primary).ok_or(CryptoError::UnknownGroup)?;
        let pair = match forms.equality {
            Some(canonical) => self.sealer.equality_terms(group, canonical)?,
            None => TermPair::default(),
        };
        let kinds = forms.kinds();
        let (mut few, many);
        let terms: &[Term<'_>] = if kinds.is_empty() {
            few = [EMPTY_TERM; 2];
            pair.list(&mut few)
        } else {
            self.further.fill(group, kinds, forms, None)?;
            many = self.further.list(&pair);
            &many
        };
        let header = Header { type_tag, data_key: key.id, terms };
        let (derived, nonce, scratch) = self.sealer.next(key)?;
        envelope::seal(&header, &group.scope, derived, &nonce, plaintext, scratch, out)
    }

    /// Appends the plaintext of an envelope that was found in a column of `group` to `out`, and returns its
    /// type tag. On an error `out` is as before.
    pub fn open(
        &mut self,
        group: &GroupBytes,
        envelope: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<u8, CryptoError> {
        let envelope = Envelope::parse(envelope)?;
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        let id = envelope.data_key();
        let key = self.keyring.find_data_key(id).ok_or(CryptoError::UnknownKey(id))?;
        if key.group != group.id {
            return Err(CryptoError::OtherGroup(id));
        }
        let derived = self.read.derived(key, &envelope.first_half())?;
        envelope.open(&group.scope, derived, &mut self.sealer.scratch, out)?;
        Ok(envelope.type_tag())
    }

    /// Appends `plaintext`, which [`CellCipher::open`] has read from `envelope`, under the group's primary data
    /// key. On an error `out` is as before.
    pub fn reseal(
        &mut self,
        group: &GroupBytes,
        envelope: &Envelope<'_>,
        plaintext: &[u8],
        terms: NewTerms<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        let key = self.keyring.data_key(group.primary).ok_or(CryptoError::UnknownGroup)?;
        let pair;
        let (mut few, many);
        let terms: Option<&[Term<'_>]> = match terms {
            NewTerms::Keep => None,
            NewTerms::Renew(kinds, forms) => {
                pair = self.sealer.renewed_terms(group, envelope, forms.equality)?;
                Some(if kinds.is_empty() {
                    few = [EMPTY_TERM; 2];
                    pair.list(&mut few)
                } else {
                    self.further.fill(group, kinds, &forms, Some(envelope))?;
                    many = self.further.list(&pair);
                    &many
                })
            }
        };
        let (derived, nonce, scratch) = self.sealer.next(key)?;
        envelope::reseal(envelope, key.id, terms, &group.scope, derived, &nonce, plaintext, scratch, out)
    }

    /// Whether the envelope lacks a term of these kinds that is written now, so that its value's forms are needed.
    pub fn lacks_term(
        &self,
        group: &GroupBytes,
        kinds: TermKinds,
        envelope: &Envelope<'_>,
    ) -> Result<bool, CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        let lacks = |slot| group.equality(slot).is_some_and(|key| found(envelope, slot, key.id()).is_none());
        let lacks_further = |kind| {
            Slot::ALL.into_iter().any(|slot| {
                let key = group.further_key(kind, slot);
                key.is_some() && envelope.term(kind, slot).map(|term| term.key) != key
            })
        };
        let mut further = FURTHER.into_iter().filter(|kind| kinds.has(*kind));
        Ok(Slot::ALL.into_iter().any(lacks) || further.any(lacks_further))
    }

    /// The equality term that a value with this canonical form has in columns of `group`, in this slot: the one
    /// that the statement's text names.
    pub fn equality_term(
        &self,
        group: &GroupBytes,
        slot: Slot,
        canonical: &[u8],
    ) -> Result<[u8; EQUALITY_TERM_LEN], CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        let key = group.equality(slot).ok_or(CryptoError::UnusedSlot(slot))?;
        Ok(key.term(canonical))
    }

    /// Appends the order term of bytes that an encoding has put in order, as values of `group` have it in this slot.
    pub fn order_term(
        &self,
        group: &GroupBytes,
        slot: Slot,
        encoded: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        group.further.order(slot).ok_or(CryptoError::UnusedSlot(slot))?.term(encoded, out);
        Ok(())
    }

    /// The caseless term of a folded text.
    pub fn caseless_term(
        &self,
        group: &GroupBytes,
        slot: Slot,
        folded: &[u8],
    ) -> Result<[u8; EQUALITY_TERM_LEN], CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        Ok(group.further.caseless(slot).ok_or(CryptoError::UnusedSlot(slot))?.term(folded))
    }

    /// The tokens of the pieces of a folded text.
    pub fn match_tokens(
        &self,
        group: &GroupBytes,
        slot: Slot,
        pieces: &[Piece],
    ) -> Result<Vec<u32>, CryptoError> {
        let group = self.keyring.group(group).ok_or(CryptoError::UnknownGroup)?;
        Ok(group.further.matching(slot).ok_or(CryptoError::UnusedSlot(slot))?.tokens(pieces))
    }
}

impl std::fmt::Debug for CellCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CellCipher({:?})", self.keyring)
    }
}

/// What sealing needs beside the keys.
struct Sealer {
    epoch: Option<Epoch>,
    seconds: Pool<HALF_LEN>,
    filler: Pool<EQUALITY_TERM_LEN>,
    scratch: Vec<u8>,
}

impl Sealer {
    fn new() -> Self {
        Self { epoch: None, seconds: Pool::new(), filler: Pool::new(), scratch: Vec::new() }
    }

    /// The cipher and the nonce of the next value under this key.
    fn next(&mut self, key: &DataKey) -> Result<(&Derived, Nonce, &mut Vec<u8>), CryptoError> {
        let now = Instant::now();
        let epoch = Epoch::current(&mut self.epoch, now)?;
        let second = stir(&self.seconds.draw(now)?, now.saturating_duration_since(epoch.began));
        let nonce = Nonce { first: epoch.first, second };
        Ok((epoch.derived(key)?, nonce, &mut self.scratch))
    }

    /// The terms of a value under the index keys that are written now.
    fn equality_terms(&mut self, group: &Group, canonical: &[u8]) -> Result<TermPair, CryptoError> {
        let of = |slot| group.equality(slot).map(|key| (key.id(), key.term(canonical)));
        let a = match of(Slot::A) {
            Some(term) => term,
            None => self.filler()?,
        };
        Ok(TermPair { a: Some(a), b: of(Slot::B) })
    }

    /// The terms of a value that has some already. Those of keys that are still written are taken over.
    fn renewed_terms(
        &mut self,
        group: &Group,
        envelope: &Envelope<'_>,
        canonical: Option<&[u8]>,
    ) -> Result<TermPair, CryptoError> {
        let of = |slot| -> Result<Option<(KeyId, [u8; EQUALITY_TERM_LEN])>, CryptoError> {
            let Some(key) = group.equality(slot) else { return Ok(None) };
            let term = found(envelope, slot, key.id()).or_else(|| Some(key.term(canonical?)));
            Ok(Some((key.id(), term.ok_or(CryptoError::UnusedSlot(slot))?)))
        };
        let a = match (of(Slot::A)?, found(envelope, Slot::A, KeyId::NONE)) {
            (Some(term), _) => term,
            (None, Some(filler)) => (KeyId::NONE, filler),
            (None, None) => self.filler()?,
        };
        Ok(TermPair { a: Some(a), b: of(Slot::B)? })
    }

    /// What slot A holds where it has no key, so that slot B is in its fixed place: random bytes, which repeat
    /// nowhere.
    fn filler(&mut self) -> Result<(KeyId, [u8; EQUALITY_TERM_LEN]), CryptoError> {
        Ok((KeyId::NONE, self.filler.draw(Instant::now())?))
    }
}

/// What becomes of the terms of a value that is sealed anew.
#[derive(Clone, Copy)]
pub enum NewTerms<'a> {
    /// They stay as they are.
    Keep,
    /// They become those of the index keys that are written now, of equality and of these kinds. With the value's forms,
    /// where [`CellCipher::lacks_term`].
    Renew(TermKinds, Forms<'a>),
}

/// The term that a key made, if the envelope has it in this slot.
fn found(envelope: &Envelope<'_>, slot: Slot, key: KeyId) -> Option<[u8; EQUALITY_TERM_LEN]> {
    let term = envelope.term(TermKind::Equality, slot).filter(|term| term.key == key)?;
    term.bytes.try_into().ok()
}

/// The equality terms of one value, each with the id of the key that made it.
#[derive(Clone, Copy, Default)]
pub(super) struct TermPair {
    a: Option<(KeyId, [u8; EQUALITY_TERM_LEN])>,
    b: Option<(KeyId, [u8; EQUALITY_TERM_LEN])>,
}

/// Fills the places of a list that are not used.
const EMPTY_TERM: Term<'static> =
    Term { kind: TermKind::Equality, slot: Slot::A, key: KeyId::NONE, bytes: &[] };

impl TermPair {
    /// As the header takes them.
    fn list<'l, 'a: 'l>(&'a self, list: &'l mut [Term<'a>; 2]) -> &'l [Term<'a>] {
        let mut count = 0;
        for (slot, term) in [(Slot::A, &self.a), (Slot::B, &self.b)] {
            if let (Some((key, bytes)), Some(place)) = (term, list.get_mut(count)) {
                *place = Term { kind: TermKind::Equality, slot, key: *key, bytes };
                count += 1;
            }
        }
        list.get(..count).unwrap_or_default()
    }

    /// Appends them to a longer list.
    pub(super) fn push<'l, 'a: 'l>(&'a self, list: &mut Vec<Term<'l>>) {
        let mut own = [EMPTY_TERM; 2];
        list.extend_from_slice(self.list(&mut own));
    }
}

/// One first half of the nonce and the ciphers derived with it.
struct Epoch {
    first: [u8; HALF_LEN],
    began: Instant,
    values: u32,
    /// One per data key that was written with in this epoch.
    ciphers: Vec<(KeyId, Derived)>,
}

impl Epoch {
    /// The epoch that `now` belongs to; a new one if need be.
    fn current(slot: &mut Option<Epoch>, now: Instant) -> Result<&mut Epoch, CryptoError> {
        let over = |epoch: &Epoch| {
            now.saturating_duration_since(epoch.began) >= EPOCH || epoch.values >= EPOCH_VALUES
        };
        if slot.as_ref().is_none_or(over) {
            let mut first = [0; HALF_LEN];
            fill_random(&mut first)?;
            let mut ciphers = slot.take().map(|old| old.ciphers).unwrap_or_default();
            ciphers.clear();
            *slot = Some(Epoch { first, began: now, values: 0, ciphers });
        }
        // Just filled; the error is for the type checker.
        let epoch = slot.as_mut().ok_or(CryptoError::Random)?;
        epoch.values = epoch.values.saturating_add(1);
        Ok(epoch)
    }

    fn derived(&mut self, key: &DataKey) -> Result<&Derived, CryptoError> {
        if let Some(at) = self.ciphers.iter().position(|(id, _)| *id == key.id) {
            return self.ciphers.get(at).map(|(_, derived)| derived).ok_or(CryptoError::UnknownGroup);
        }
        let xaes = key.xaes.as_ref().ok_or(CryptoError::DestroyedKey(key.id))?;
        self.ciphers.push((key.id, xaes.derive(&self.first)));
        self.ciphers.last().map(|(_, derived)| derived).ok_or(CryptoError::UnknownGroup)
    }
}

/// Random bytes, drawn from the system for some values at a time.
struct Pool<const LEN: usize> {
    bytes: [[u8; LEN]; POOL_VALUES],
    /// How many are left.
    left: usize,
    drawn: Option<Instant>,
}

impl<const LEN: usize> Pool<LEN> {
    fn new() -> Self {
        Self { bytes: [[0; LEN]; POOL_VALUES], left: 0, drawn: None }
    }

    /// Bytes for one value that is sealed at `now`.
    fn draw(&mut self, now: Instant) -> Result<[u8; LEN], CryptoError> {
        let fresh = self.drawn.is_some_and(|drawn| now.saturating_duration_since(drawn) < POOL_LIFE);
        if self.left == 0 || !fresh {
            self.left = 0;
            fill_random(self.bytes.as_flattened_mut())?;
            self.left = POOL_VALUES;
            self.drawn = Some(now);
        }
        self.left -= 1;
        self.bytes.get(self.left).copied().ok_or(CryptoError::Random)
    }
}

/// Adds the clock to random bytes. They stay uniformly random; but should two clones of a machine both hold
/// the same drawn bytes, they would have to use them in the same nanosecond of the epoch to repeat a nonce.
fn stir(random: &[u8; HALF_LEN], since_epoch: Duration) -> [u8; HALF_LEN] {
    let mut stirred = *random;
    let nanos = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX).to_be_bytes();
    for (byte, mask) in stirred.iter_mut().rev().zip(nanos.iter().rev()) {
        *byte ^= mask;
    }
    stirred
}

/// Derived ciphers of values that were read: each first half has one place, and the latest one stays.
struct ReadCache {
    slots: Vec<Option<ReadSlot>>,
}

struct ReadSlot {
    key: KeyId,
    first: [u8; HALF_LEN],
    derived: Derived,
}

impl ReadCache {
    /// Takes no memory until the first value is read.
    fn new() -> Self {
        Self { slots: Vec::new() }
    }

    fn derived(&mut self, key: &DataKey, first: &[u8; HALF_LEN]) -> Result<&Derived, CryptoError> {
        if self.slots.is_empty() {
            self.slots.resize_with(READ_SLOTS, || None);
        }
        // First halves are random, so any byte of theirs spreads them.
        let at = usize::from(first.last().copied().unwrap_or(0)) % READ_SLOTS;
        let slot = self.slots.get_mut(at).ok_or(CryptoError::UnknownKey(key.id))?;
        let hit = slot.as_ref().is_some_and(|slot| slot.key == key.id && slot.first == *first);
        if !hit {
            let xaes = key.xaes.as_ref().ok_or(CryptoError::DestroyedKey(key.id))?;
            *slot = Some(ReadSlot { key: key.id, first: *first, derived: xaes.derive(first) });
        }
        slot.as_ref().map(|slot| &slot.derived).ok_or(CryptoError::UnknownKey(key.id))
    }
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
