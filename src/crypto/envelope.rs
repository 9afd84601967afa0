//! The envelope: what lies in an encrypted column, format version 1. `docs/envelope.md` has the reasons.
//!
//! ```text
//!  0  4  magic FF 50 59 52              FF occurs in no UTF-8 text
//!  4  1  format version, 1
//!  5  1  type tag
//!  6  2  terms present, a bit each: bit 2 kind + slot; bits 14 and 15 are 0
//!  8  8  data key id
//! 16     equality term, slot A, if present: index key id (8), term (16)
//!        equality term, slot B, if present: index key id (8), term (16)
//!        directory: for each further term present, in order of its bit:
//!            index key id (8), offset from the envelope's first byte (4), length (4)
//!        the further terms, in the same order, without gaps
//!        nonce (24)
//!        ciphertext
//!        tag (16)
//! ```
//!
//! Integers are big-endian. Any term requires the equality term in slot A, which gives it the fixed place
//! 24..40; where only slot B has a key, slot A holds a filler: key id 0 and random bytes. In an envelope without terms that range lies in the nonce and covers its whole second half, so that
//! `pyrite.eq` on a column without equality terms gives values that never repeat.
//!
//! Associated data: the scope, then everything before the nonce.

use super::xaes::{Derived, HALF_LEN, NONCE_LEN, Nonce, TAG_LEN};
use super::{CryptoError, EQUALITY_TERM_LEN, KeyId};

/// First bytes of each envelope.
pub const MAGIC: [u8; 4] = *b"\xffPYR";
/// The format version that this module writes.
pub const VERSION: u8 = 1;
/// Where the equality term of slot A begins.
pub const EQUALITY_OFFSET: usize = 24;
/// Length of an envelope without terms around an empty plaintext.
pub const MIN_LEN: usize = FIXED_LEN + NONCE_LEN + TAG_LEN;
/// The longest field that PostgreSQL stores: 1 GiB less one byte and the length word.
pub const MAX_LEN: usize = (1 << 30) - 5;

const FIXED_LEN: usize = 16;
const KEY_ID_LEN: usize = 8;
const EQUALITY_BLOCK_LEN: usize = KEY_ID_LEN + EQUALITY_TERM_LEN;
const ENTRY_LEN: usize = KEY_ID_LEN + 8;
const RESERVED_BITS: u16 = 0b1100_0000_0000_0000;
const EQUALITY_BITS: u16 = 0b11;
/// The kinds whose terms a sweep renews; those of other kinds stay as they are.
const RENEWED_BITS: u16 = 0xFF;
const TERM_BITS: u16 = 14;

/// What a term serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum TermKind {
    /// `=`, IN, joins, grouping; 16 bytes.
    Equality = 0,
    /// `<`, ORDER BY.
    Order = 1,
    /// Comparisons after lower() or upper().
    Caseless = 2,
    /// Patterns.
    Match = 3,
    /// The printed form, where equal values can print differently.
    Identity = 4,
}

/// Two terms per kind, so that an index key can be replaced while queries run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Slot {
    /// The usual one.
    A = 0,
    /// The other one: the slot of each second index key.
    B = 1,
}

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The one that this is not.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// As in `pyrite.keys`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The inverse of [`Slot::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == text)
    }
}

/// One index term.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Term<'a> {
    /// What it serves.
    pub kind: TermKind,
    /// Which of the two.
    pub slot: Slot,
    /// The index key that made it.
    pub key: KeyId,
    /// The term itself.
    pub bytes: &'a [u8],
}

impl Term<'_> {
    fn bit(&self) -> u16 {
        1 << bit_index(self.kind, self.slot)
    }
}

fn bit_index(kind: TermKind, slot: Slot) -> u16 {
    2 * (kind as u16) + (slot as u16)
}

/// What is written before the nonce.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Type and encoding of the plaintext; opaque here.
    pub type_tag: u8,
    /// The data key that encrypts.
    pub data_key: KeyId,
    /// Terms in order of kind, then slot.
    pub terms: &'a [Term<'a>],
}

impl Header<'_> {
    fn present(&self) -> Result<u16, CryptoError> {
        let mut present = 0u16;
        for term in self.terms {
            if present >= term.bit() {
                return Err(CryptoError::Malformed("terms out of order"));
            }
            let fits = match term.kind {
                TermKind::Equality => term.bytes.len() == EQUALITY_TERM_LEN,
                _ => !term.bytes.is_empty(),
            };
            if !fits {
                return Err(CryptoError::Malformed("a term has the wrong length"));
            }
            present |= term.bit();
        }
        if present != 0 && present & 1 == 0 {
            return Err(CryptoError::Malformed("terms without an equality term"));
        }
        Ok(present)
    }

    /// Length of everything before the nonce.
    fn len(&self) -> usize {
        let terms = self.terms.iter().map(|term| match term.kind {
            TermKind::Equality => EQUALITY_BLOCK_LEN,
            _ => ENTRY_LEN.saturating_add(term.bytes.len()),
        });
        terms.fold(FIXED_LEN, usize::saturating_add)
    }

    /// `kept` are terms of further kinds, which come last.
    fn write(&self, present: u16, kept: &[(KeyId, &[u8])], out: &mut Vec<u8>) -> Result<(), CryptoError> {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, self.type_tag]);
        out.extend_from_slice(&present.to_be_bytes());
        out.extend_from_slice(&self.data_key.to_bytes());
        let (equality, further) =
            self.terms.split_at(self.terms.iter().take_while(|term| term.kind == TermKind::Equality).count());
        for term in equality {
            out.extend_from_slice(&term.key.to_bytes());
            out.extend_from_slice(term.bytes);
        }
        let further = || further.iter().map(|term| (term.key, term.bytes)).chain(kept.iter().copied());
        let mut offset = FIXED_LEN + equality.len() * EQUALITY_BLOCK_LEN + further().count() * ENTRY_LEN;
        for (key, bytes) in further() {
            let (at, len) = (u32::try_from(offset), u32::try_from(bytes.len()));
            let (Ok(at), Ok(len)) = (at, len) else { return Err(CryptoError::TooLong) };
            out.extend_from_slice(&key.to_bytes());
            out.extend_from_slice(&at.to_be_bytes());
            out.extend_from_slice(&len.to_be_bytes());
            offset = offset.saturating_add(bytes.len());
        }
        for (_, bytes) in further() {
            out.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// What a value is bound to beside its header: keyring, group and purpose, each with its length before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope(Box<[u8]>);

impl Scope {
    /// The scope of values encrypted for `purpose` under the keys of `group`.
    pub fn new(keyring: &[u8; 16], group: &[u8; 16], purpose: &'static str) -> Self {
        let mut bytes = Vec::with_capacity(3 + 32 + purpose.len());
        for field in [&keyring[..], group, purpose.as_bytes()] {
            bytes.push(u8::try_from(field.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(field);
        }
        Self(bytes.into_boxed_slice())
    }

    /// The encoded scope.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Appends the envelope of `plaintext` to `out`. On an error `out` is as before. `scratch` is overwritten;
/// passing the same one each time saves allocations.
pub fn seal(
    header: &Header<'_>,
    scope: &Scope,
    derived: &Derived,
    nonce: &Nonce,
    plaintext: &[u8],
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let present = header.present()?;
    let total = header.len().saturating_add(NONCE_LEN + TAG_LEN).saturating_add(plaintext.len());
    if total > MAX_LEN {
        return Err(CryptoError::TooLong);
    }
    out.reserve(total);
    let start = out.len();
    let written = header.write(present, &[], out);
    seal_behind(start, written, scope, derived, nonce, plaintext, scratch, out)
}

/// Appends the envelope of `plaintext` with the header of `old` under another data key; if terms are given, with these
/// in place of all of the kinds up to [`TermKind::Match`]. Those of further kinds stay as they are. The caller has
/// opened `old`, so that all this is authentic. On an error `out` is as before.
#[allow(clippy::too_many_arguments)] // as for `seal`
pub fn reseal(
    old: &Envelope<'_>,
    data_key: KeyId,
    terms: Option<&[Term<'_>]>,
    scope: &Scope,
    derived: &Derived,
    nonce: &Nonce,
    plaintext: &[u8],
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let start = out.len();
    let written = match terms {
        Some(terms) => old.write_header(data_key, terms, out),
        None => {
            let (fixed, rest) = old.header.split_at_checked(FIXED_LEN).unwrap_or_default();
            out.extend_from_slice(fixed.get(..FIXED_LEN - KEY_ID_LEN).unwrap_or_default());
            out.extend_from_slice(&data_key.to_bytes());
            out.extend_from_slice(rest);
            Ok(())
        }
    };
    seal_behind(start, written, scope, derived, nonce, plaintext, scratch, out)
}

/// Appends nonce, ciphertext and tag to a header that begins at `start`, or takes the header off again.
#[allow(clippy::too_many_arguments)]
fn seal_behind(
    start: usize,
    header: Result<(), CryptoError>,
    scope: &Scope,
    derived: &Derived,
    nonce: &Nonce,
    plaintext: &[u8],
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let behind = plaintext.len().saturating_add(NONCE_LEN + TAG_LEN);
    let sealed = header.and_then(|()| {
        if out.len().saturating_sub(start).saturating_add(behind) > MAX_LEN {
            return Err(CryptoError::TooLong);
        }
        // In one step, so that no plaintext is left behind in a buffer that was too small.
        out.reserve(behind);
        associated(scope, out.get(start..).unwrap_or_default(), scratch);
        out.extend_from_slice(&nonce.first);
        out.extend_from_slice(&nonce.second);
        let body = out.len();
        out.extend_from_slice(plaintext);
        derived.seal_in_place(&nonce.second, scratch, out.get_mut(body..).unwrap_or_default())
    });
    match sealed {
        Ok(tag) => {
            out.extend_from_slice(&tag);
            Ok(())
        }
        Err(error) => {
            // What was appended may be plaintext.
            zeroize::Zeroize::zeroize(out.get_mut(start..).unwrap_or_default());
            out.truncate(start);
            Err(error)
        }
    }
}

fn associated(scope: &Scope, header: &[u8], scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend_from_slice(&scope.0);
    scratch.extend_from_slice(header);
}

/// A well-formed envelope, not yet authenticated.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    header: &'a [u8],
    present: u16,
    type_tag: u8,
    data_key: KeyId,
    nonce: &'a [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Envelope<'a> {
    /// Reads the structure; strict, and bounded whatever the bytes are.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CryptoError> {
        let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
            return Err(CryptoError::Malformed("too short"));
        };
        if *magic != MAGIC {
            return Err(CryptoError::Malformed("it does not begin as one"));
        }
        let Some((&[version, type_tag, high, low], rest)) = rest.split_first_chunk::<4>() else {
            return Err(CryptoError::Malformed("too short"));
        };
        if version != VERSION {
            return Err(CryptoError::UnsupportedVersion(version));
        }
        if bytes.len() > MAX_LEN {
            return Err(CryptoError::TooLong);
        }
        let present = u16::from_be_bytes([high, low]);
        let Some((data_key, _)) = rest.split_first_chunk::<8>() else {
            return Err(CryptoError::Malformed("too short"));
        };
        let header_len = header_len(bytes, present)?;
        let Some((header, body)) = bytes.split_at_checked(header_len) else {
            return Err(CryptoError::Malformed("too short for its terms"));
        };
        let Some((nonce, body)) = body.split_first_chunk::<NONCE_LEN>() else {
            return Err(CryptoError::Malformed("too short for its nonce"));
        };
        let Some((ciphertext, tag)) = body.split_last_chunk::<TAG_LEN>() else {
            return Err(CryptoError::Malformed("too short for its tag"));
        };
        Ok(Self { header, present, type_tag, data_key: KeyId::from_bytes(*data_key), nonce, ciphertext, tag })
    }

    /// Type and encoding of the plaintext, as claimed.
    pub fn type_tag(&self) -> u8 {
        self.type_tag
    }

    /// The data key that it names.
    pub fn data_key(&self) -> KeyId {
        self.data_key
    }

    /// The first half of its nonce, which selects the derived cipher.
    pub fn first_half(&self) -> [u8; HALF_LEN] {
        Nonce::from_bytes(self.nonce).first
    }

    /// Length of the plaintext.
    pub fn plaintext_len(&self) -> usize {
        self.ciphertext.len()
    }

    /// A term and the index key that made it, if present.
    pub fn term(&self, kind: TermKind, slot: Slot) -> Option<Term<'a>> {
        let bit = bit_index(kind, slot);
        if self.present & (1 << bit) == 0 {
            return None;
        }
        let equalities = (self.present & EQUALITY_BITS).count_ones() as usize;
        let before = (self.present & ((1 << bit) - 1)).count_ones() as usize;
        if kind == TermKind::Equality {
            let at = FIXED_LEN + before * EQUALITY_BLOCK_LEN;
            let bytes = self.header.get(at + KEY_ID_LEN..at + EQUALITY_BLOCK_LEN)?;
            return Some(Term { kind, slot, key: key_id(self.header, at)?, bytes });
        }
        let at = FIXED_LEN + equalities * EQUALITY_BLOCK_LEN + (before - equalities) * ENTRY_LEN;
        let (offset, len) = entry(self.header, at)?;
        let bytes = self.header.get(offset..offset.checked_add(len)?)?;
        Some(Term { kind, slot, key: key_id(self.header, at)?, bytes })
    }

    /// Appends this header under another data key and with these terms.
    fn write_header(
        &self,
        data_key: KeyId,
        terms: &[Term<'_>],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let header = Header { type_tag: self.type_tag, data_key, terms };
        let present = header.present()?;
        let kept = self.present & !RENEWED_BITS;
        if present & !RENEWED_BITS != 0 {
            return Err(CryptoError::Malformed("a term of a kind that is not renewed"));
        }
        if present == 0 && kept != 0 {
            return Err(CryptoError::Malformed("terms without an equality term"));
        }
        let entries = (kept.count_ones() as usize) * ENTRY_LEN;
        let blocks = (self.present & EQUALITY_BITS).count_ones() as usize * EQUALITY_BLOCK_LEN;
        let end = FIXED_LEN + blocks + (self.present >> 2).count_ones() as usize * ENTRY_LEN;
        let mut further = Vec::new();
        // The kinds that are kept are the last ones.
        for at in (end - entries..end).step_by(ENTRY_LEN) {
            let term =
                key_id(self.header, at).zip(entry(self.header, at)).and_then(|(key, (offset, len))| {
                    Some((key, self.header.get(offset..offset.checked_add(len)?)?))
                });
            further.push(term.ok_or(CryptoError::Malformed("the directory of terms is inconsistent"))?);
        }
        header.write(present | kept, &further, out)
    }

    /// The terms that are present, a bit each: bit 2 kind + slot.
    pub fn present(&self) -> u16 {
        self.present
    }

    /// Whether it carries terms at all.
    pub fn has_terms(&self) -> bool {
        self.present != 0
    }

    /// Appends the plaintext to `out`, if the envelope is authentic in this scope; otherwise `out` is as
    /// before. `scratch` is overwritten.
    pub fn open(
        &self,
        scope: &Scope,
        derived: &Derived,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        associated(scope, self.header, scratch);
        let start = out.len();
        out.extend_from_slice(self.ciphertext);
        let buffer = out.get_mut(start..).unwrap_or_default();
        let second = Nonce::from_bytes(self.nonce).second;
        derived.open_in_place(&second, scratch, buffer, self.tag).inspect_err(|_| out.truncate(start))
    }
}

/// Length of everything before the nonce, with the directory checked.
fn header_len(bytes: &[u8], present: u16) -> Result<usize, CryptoError> {
    if present & RESERVED_BITS != 0 {
        return Err(CryptoError::Malformed("reserved bits are set"));
    }
    if present != 0 && present & 1 == 0 {
        return Err(CryptoError::Malformed("terms without an equality term"));
    }
    let equalities = (present & EQUALITY_BITS).count_ones() as usize;
    let entries = (present >> 2).count_ones() as usize;
    debug_assert!(equalities + entries <= usize::from(TERM_BITS));
    let directory = FIXED_LEN + equalities * EQUALITY_BLOCK_LEN;
    let mut end = directory + entries * ENTRY_LEN;
    for at in (directory..end).step_by(ENTRY_LEN) {
        let Some((offset, len)) = entry(bytes, at) else {
            return Err(CryptoError::Malformed("too short for its terms"));
        };
        if offset != end || len == 0 {
            return Err(CryptoError::Malformed("the directory of terms is inconsistent"));
        }
        // Both are below 2^32, and bytes.len() bounds what is accepted in the end.
        end = end.saturating_add(len);
    }
    Ok(end)
}

fn key_id(bytes: &[u8], at: usize) -> Option<KeyId> {
    bytes.get(at..)?.first_chunk::<KEY_ID_LEN>().map(|id| KeyId::from_bytes(*id))
}

/// Offset and length in the directory entry at `at`.
fn entry(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (offset, rest) = bytes.get(at.checked_add(KEY_ID_LEN)?..)?.split_first_chunk::<4>()?;
    let len = rest.first_chunk::<4>()?;
    let number = |field: [u8; 4]| usize::try_from(u32::from_be_bytes(field)).ok();
    Some((number(*offset)?, number(*len)?))
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
