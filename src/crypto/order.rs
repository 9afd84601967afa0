//! The order term: order-preserving encryption after Chenette, Lewi, Weis and Wu.
//!
//! Nathan Chenette, Kevin Lewi, Stephen A. Weis, David J. Wu: "Practical Order-Revealing Encryption with Limited
//! Leakage", FSE 2016 (<https://eprint.iacr.org/2015/1125>), in the form of its section on order-preserving
//! encryption: for each bit of the plaintext a number that depends on all bits before it, plus the bit. Two terms
//! agree up to the first bit in which their plaintexts differ; there they differ by one, in the right direction. So
//! comparing them byte by byte is comparing the plaintexts, and a term tells the order and the place of the first
//! differing bit of any two values, and nothing else.
//!
//! For the bit with index i of byte j:
//!
//! ```text
//! T(0)   = AES(chain, 0)                                   all bytes before byte j, as in an encrypted CBC-MAC
//! T(j+1) = AES(chain, T(j) xor (byte j in the first byte))
//! u      = AES(digit, T(j) xor node)                       node: a 1, then the i bits before it, in the last byte
//! digit  = (first 8 bytes of u, big-endian) mod 255 + bit  0..=255
//! ```
//!
//! `chain` and `digit` are AES-256 keys, each derived from the index key for itself. The modulus leaves a bias of
//! 2^-56. An empty plaintext, which comes before all others, has the term 00.

use aes_gcm::aes::Aes256Enc;
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::kdf::{self, Purpose};
use super::{Key, KeyId};

/// Bytes of a term for each byte of plaintext.
const EXPANSION: usize = 8;
/// Length of the bounded beginning of a term that an index holds: eight bytes for each of 63 of plaintext. Short enough
/// for several in one entry of a btree index, and for the server not to try to compress it.
pub const ORDER_HEAD_LEN: usize = 504;
/// Plaintexts up to this length have terms of at most [`ORDER_HEAD_LEN`].
pub const ORDER_HEAD_PLAINTEXT: usize = ORDER_HEAD_LEN / EXPANSION;
/// The term of an empty plaintext: shorter than any other, and not greater than its first byte.
const EMPTY: u8 = 0;
/// Bytes of plaintext whose digits are computed in one call, so that the processor works on many blocks at once.
const BATCH: usize = 8;
/// Digits are below this, plus one bit.
const MODULUS: u64 = 255;

type Block = Array<u8, <aes_gcm::aes::Aes256Enc as aes_gcm::aes::cipher::BlockSizeUser>::BlockSize>;

/// The keys of one group's order terms.
pub struct OrderKey {
    id: KeyId,
    chain: Aes256Enc,
    digit: Aes256Enc,
}

impl OrderKey {
    /// Derives the term keys from an index key; `context` is the scope that they are for.
    pub fn new(id: KeyId, index_key: &Key, context: &[u8]) -> Self {
        let cipher = |label: &[u8]| {
            let key = kdf::derive(index_key, Purpose::Order, &[context, label].concat());
            Aes256Enc::new(&Array(*key.as_bytes()))
        };
        Self { id, chain: cipher(b"chain"), digit: cipher(b"digit") }
    }

    /// Name of the index key; stands beside each term.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Appends the term of bytes whose unsigned order is the value's.
    pub fn term(&self, encoded: &[u8], out: &mut Vec<u8>) {
        if encoded.is_empty() {
            out.push(EMPTY);
            return;
        }
        out.reserve(encoded.len().saturating_mul(EXPANSION));
        let mut state = Block::default();
        self.chain.encrypt_block(&mut state);
        let mut blocks = [Block::default(); BATCH * EXPANSION];
        for bytes in encoded.chunks(BATCH) {
            for (byte, nodes) in bytes.iter().zip(blocks.chunks_exact_mut(EXPANSION)) {
                for (bits, node) in nodes.iter_mut().enumerate() {
                    *node = state;
                    mask_last(node, node_of(*byte, bits));
                }
                mask_first(&mut state, *byte);
                self.chain.encrypt_block(&mut state);
            }
            let used = blocks.get_mut(..bytes.len() * EXPANSION).unwrap_or_default();
            self.digit.encrypt_blocks(used);
            for (byte, digits) in bytes.iter().zip(used.chunks_exact(EXPANSION)) {
                out.extend(digits.iter().enumerate().map(|(index, block)| {
                    let bit = (byte >> (7 - index)) & 1;
                    digit_of(block).saturating_add(bit)
                }));
            }
        }
    }

    /// The beginning of a term that an index holds.
    pub fn head(term: &[u8]) -> &[u8] {
        term.get(..ORDER_HEAD_LEN).unwrap_or(term)
    }
}

/// Which of a byte's bits come before this one: a one, then those bits.
fn node_of(byte: u8, bits: usize) -> u8 {
    let before = u16::from(byte) | 0x100;
    u8::try_from(before >> (8 - bits.min(7))).unwrap_or(u8::MAX)
}

fn mask_first(block: &mut Block, mask: u8) {
    if let Some(first) = block.first_mut() {
        *first ^= mask;
    }
}

fn mask_last(block: &mut Block, mask: u8) {
    if let Some(last) = block.last_mut() {
        *last ^= mask;
    }
}

fn digit_of(block: &Block) -> u8 {
    let number = block.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    u8::try_from(number % MODULUS).unwrap_or(0)
}

impl std::fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OrderKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Scope;
    use crate::crypto::vectors::unhex;

    fn key() -> OrderKey {
        let scope = Scope::new(b"keyring uuid 016", b"group id is here", "order");
        OrderKey::new(KeyId(5), &Key::new([9; 32]), scope.as_bytes())
    }

    fn term(encoded: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        key().term(encoded, &mut out);
        out
    }

    /// Made by an independent program: indexes hold terms, so these must never change.
    #[test]
    fn terms_are_pinned() {
        let vectors = include_str!("../../tests/vectors/order_v1.txt");
        let mut count = 0;
        for line in vectors.lines().filter(|line| !line.starts_with('#')) {
            let (plain, expected) = line.split_once(':').unwrap();
            assert_eq!(term(&unhex(plain)), unhex(expected), "{plain}");
            count += 1;
        }
        assert_eq!(count, 8);
    }

    #[test]
    fn terms_compare_as_what_they_stand_for() {
        let mut values: Vec<Vec<u8>> = (0..=255u8).map(|byte| vec![byte]).collect();
        values.extend((0..600u32).map(|n| n.wrapping_mul(7_654_321).to_be_bytes().to_vec()));
        values.extend((0..40usize).map(|n| b"the same beginning, and then "[..n.min(29)].to_vec()));
        values.extend((0..40u8).map(|n| [&[0u8; 20][..], &[n]].concat()));
        values.push(vec![0; 21]);
        values.sort();
        values.dedup();
        let terms: Vec<Vec<u8>> = values.iter().map(|value| term(value)).collect();
        assert!(terms.windows(2).all(|pair| pair[0] < pair[1]));
    }

    /// Up to the first bit that differs the terms are the same, there they differ by one, and behind it they have nothing
    /// in common.
    #[test]
    fn the_first_differing_bit_is_all_that_shows() {
        for bit in 0..64 {
            let (a, b) = (0x0123_4567_89ab_cdefu64, 0x0123_4567_89ab_cdefu64 ^ (1 << (63 - bit)));
            let (low, high) = (term(&a.min(b).to_be_bytes()), term(&a.max(b).to_be_bytes()));
            assert_eq!(low[..bit], high[..bit]);
            assert_eq!(low[bit] + 1, high[bit]);
            let same = low[bit + 1..].iter().zip(&high[bit + 1..]).filter(|(l, h)| l == h).count();
            assert!(same < 8, "{same} of {} bytes behind bit {bit} are the same", 63 - bit);
        }
    }

    #[test]
    fn the_head_is_a_prefix_at_a_whole_byte_of_plaintext() {
        let long = term(&[b'x'; 100]);
        assert_eq!(OrderKey::head(&long), &term(&[b'x'; 63])[..]);
        assert_eq!(OrderKey::head(&long).len(), ORDER_HEAD_LEN);
        let short = term(b"x");
        assert_eq!(OrderKey::head(&short), &short[..]);
    }

    #[test]
    fn each_scope_has_terms_of_its_own() {
        let other = OrderKey::new(KeyId(5), &Key::new([9; 32]), b"other");
        let mut out = Vec::new();
        other.term(b"value", &mut out);
        assert_ne!(out, term(b"value"));
        assert_eq!(format!("{other:?}"), "OrderKey(0000000000000005)");
    }
}
