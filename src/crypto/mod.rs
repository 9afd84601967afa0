//! Envelope, cipher, index terms. Pure: no key storage, no I/O, nothing of ours imported.
//!
//! - [`xaes`]: XAES-256-GCM, as the C2SP specification has it.
//! - [`kdf`]: one key per purpose out of a key, by HKDF-SHA-256.
//! - [`term`]: the equality term, HMAC-SHA-256 cut to 128 bits; the caseless term is the same over folded text.
//! - [`order`]: the order term, order-preserving encryption after Chenette, Lewi, Weis and Wu.
//! - [`tokens`]: match terms, keyed tokens of the pieces of a text.
//! - [`envelope`]: what lies in an encrypted column; see `docs/envelope.md` for the layout byte by byte.

mod error;

pub mod envelope;
pub mod kdf;
pub mod order;
pub mod term;
pub mod tokens;
pub mod xaes;

#[cfg(test)]
pub(crate) mod vectors;

pub use envelope::{Envelope, Header, Scope, Slot, Term, TermKind};
pub use error::CryptoError;
pub use order::{ORDER_HEAD_LEN, ORDER_HEAD_PLAINTEXT, OrderKey};
pub use term::{EQUALITY_TERM_LEN, EqualityKey};
pub use tokens::{MatchKey, Piece};
pub use xaes::{Key, Nonce};

/// The random name of a key: in the envelope's header for data keys, beside each term for index keys.
///
/// Random, so that the keyrings of two databases can meet (a dump restored next to another one).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl KeyId {
    /// No key's id. In slot A of an envelope it marks a filler, where only slot B has a term.
    pub const NONE: Self = Self(0);

    /// As it lies in an envelope and in `pyrite.keys`.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// As people write it: 16 hexadecimal digits, as [`std::fmt::Display`] prints it.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_id.then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }

    /// From an envelope or from `pyrite.keys`.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Fills `bytes` from the operating system's generator.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), CryptoError> {
    getrandom::fill(bytes).map_err(|_| CryptoError::Random)
}

#[test]
fn key_ids_are_read_as_they_are_printed() {
    let id = KeyId(0x0123_4567_89ab_cdef);
    assert_eq!(KeyId::parse(&id.to_string()), Some(id));
    assert_eq!(KeyId::parse("0123456789ABCDEF"), Some(id));
    for wrong in ["", "1", "+123456789abcdef", "0123456789abcdef0", "0123456789abcdeg"] {
        assert_eq!(KeyId::parse(wrong), None, "{wrong}");
    }
}
