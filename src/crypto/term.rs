//! The equality term: HMAC-SHA-256 (RFC 2104) over a value's canonical bytes, cut to its first 128 bits.
//!
//! Equal values of a key group have equal terms, and that is all that a term tells. Cutting keeps indexes
//! small; at 128 bits, 2^40 distinct values collide with a probability of about 2^-49.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use super::kdf::{self, Purpose};
use super::{Key, KeyId};

/// Length of an equality term.
pub const EQUALITY_TERM_LEN: usize = 16;

/// The key of one group's equality terms, its padded blocks already hashed.
pub struct EqualityKey {
    id: KeyId,
    mac: Hmac<Sha256>,
}

impl EqualityKey {
    /// Derives the term key from an index key; `context` is the scope that it is for.
    pub fn new(id: KeyId, index_key: &Key, context: &[u8]) -> Self {
        Self::derived(id, &kdf::derive(index_key, Purpose::Equality, context))
    }

    /// The same for caseless terms: those of equality over a text in which case makes no difference.
    pub fn caseless(id: KeyId, index_key: &Key, context: &[u8]) -> Self {
        Self::derived(id, &kdf::derive(index_key, Purpose::Caseless, context))
    }

    fn derived(id: KeyId, key: &Key) -> Self {
        // HMAC's own first step for a key that is shorter than a block: zeros behind it.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(key.as_bytes()).for_each(|(out, byte)| *out = *byte);
        let mac = Hmac::new(&block);
        block.as_mut_slice().zeroize();
        Self { id, mac }
    }

    /// Name of the index key; stands beside each term.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The term of canonical bytes.
    pub fn term(&self, canonical: &[u8]) -> [u8; EQUALITY_TERM_LEN] {
        let mut mac = self.mac.clone();
        mac.update(canonical);
        let full = mac.finalize().into_bytes();
        let mut term = [0; EQUALITY_TERM_LEN];
        for (out, byte) in term.iter_mut().zip(full.iter()) {
            *out = *byte;
        }
        term
    }
}

impl std::fmt::Debug for EqualityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EqualityKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Scope;
    use crate::crypto::vectors::unhex;

    fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(data);
        mac.finalize().into_bytes().to_vec()
    }

    /// RFC 4231: (key, data, HMAC-SHA-256), test cases 1 to 4, 6 and 7; case 5 is cut to 128 bits, as ours are.
    #[test]
    fn vectors_of_rfc_4231() {
        let counting: Vec<u8> = (1..=25).collect();
        let cases: [(&[u8], &[u8], &str); 7] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. \
                  The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, data, expected) in cases {
            let expected = unhex(expected);
            assert_eq!(hmac(key, data).get(..expected.len()), Some(&expected[..]));
        }
    }

    #[test]
    fn a_term_is_the_first_half_of_the_hmac_under_the_derived_key() {
        let index_key = Key::new([9; 32]);
        let key = EqualityKey::new(KeyId(5), &index_key, b"scope");
        let derived = kdf::derive(&index_key, Purpose::Equality, b"scope");
        for canonical in [&b""[..], b"alice@example.com", &[0xff; 200]] {
            assert_eq!(key.term(canonical)[..], hmac(derived.as_bytes(), canonical)[..16]);
        }
        assert_ne!(key.term(b"a"), EqualityKey::new(KeyId(5), &index_key, b"other").term(b"a"));
        assert_eq!(format!("{key:?}"), "EqualityKey(0000000000000005)");
    }

    /// Made by an independent program: indexes hold terms, so this must never change.
    #[test]
    fn the_term_is_pinned() {
        let scope = Scope::new(b"keyring uuid 016", b"group id is here", "equality");
        let key = EqualityKey::new(KeyId(5), &Key::new([9; 32]), scope.as_bytes());
        assert_eq!(key.term(b"alice@example.com")[..], unhex("c347843b1734f4ac68d340d8c5f2ef45"));
        let scope = Scope::new(b"keyring uuid 016", b"group id is here", "caseless");
        let key = EqualityKey::caseless(KeyId(5), &Key::new([9; 32]), scope.as_bytes());
        assert_eq!(key.term(b"alice")[..], unhex("c2980706afbfee6650c5a25481b50c35"));
    }
}
