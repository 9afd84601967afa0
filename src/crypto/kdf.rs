//! One key per purpose, by HKDF-SHA-256 (RFC 5869) without salt.
//!
//! The info input is `len(label) || label || context`, so that no two purposes can meet, whatever the context.

use hkdf::Hkdf;
use sha2::Sha256;

use super::Key;

/// What a derived key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// From the root key: wraps data keys and index keys.
    Wrap,
    /// From the root key: authenticates the manifest.
    Manifest,
    /// From the root key: public, tells root keys apart.
    Fingerprint,
    /// From an index key: equality terms.
    Equality,
    /// From an index key: order terms.
    Order,
    /// From an index key: caseless terms.
    Caseless,
    /// From an index key: match terms.
    Match,
    /// From an index key: identity terms.
    Identity,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::Wrap => "pyrite v1 wrap",
            Self::Manifest => "pyrite v1 manifest",
            Self::Fingerprint => "pyrite v1 fingerprint",
            Self::Equality => "pyrite v1 term equality",
            Self::Order => "pyrite v1 term order",
            Self::Caseless => "pyrite v1 term caseless",
            Self::Match => "pyrite v1 term match",
            Self::Identity => "pyrite v1 term identity",
        }
    }
}

/// Derives the key of one purpose; `context` tells keys of the same purpose apart.
pub fn derive(key: &Key, purpose: Purpose, context: &[u8]) -> Key {
    let label = purpose.label().as_bytes();
    let len = [u8::try_from(label.len()).unwrap_or(u8::MAX)];
    let mut out = [0u8; 32];
    let hkdf = Hkdf::<Sha256>::new(None, key.as_bytes());
    // HKDF-SHA-256 refuses only outputs above 8,160 bytes.
    let done = hkdf.expand_multi_info(&[&len, label, context], &mut out);
    debug_assert!(done.is_ok());
    Key::new(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::vectors::unhex;

    #[test]
    fn rfc_5869_test_case_3() {
        // SHA-256, zero-length salt and info: the shape that `derive` uses.
        let hkdf = Hkdf::<Sha256>::new(None, &[0x0b; 22]);
        let mut okm = [0u8; 42];
        hkdf.expand(b"", &mut okm).unwrap();
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
        assert_eq!(okm.as_slice(), unhex(expected));
    }

    #[test]
    fn purposes_and_contexts_give_different_keys() {
        let key = Key::new([7; 32]);
        let purposes = [
            Purpose::Wrap,
            Purpose::Manifest,
            Purpose::Fingerprint,
            Purpose::Equality,
            Purpose::Order,
            Purpose::Caseless,
            Purpose::Match,
            Purpose::Identity,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for purpose in purposes {
            for context in [&b""[..], b"a", b"b"] {
                assert!(seen.insert(*derive(&key, purpose, context).as_bytes()));
            }
        }
    }

    #[test]
    fn derivation_is_pinned() {
        let key = derive(&Key::new([1; 32]), Purpose::Equality, b"context");
        let hkdf = Hkdf::<Sha256>::new(None, &[1; 32]);
        let mut expected = [0u8; 32];
        hkdf.expand(b"\x17pyrite v1 term equalitycontext", &mut expected).unwrap();
        assert_eq!(key.as_bytes(), &expected);
    }
}
