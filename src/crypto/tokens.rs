//! Match terms: keyed tokens of the short pieces that a text is made of.
//!
//! A piece is three symbols; what they are is the caller's. Its token is the first 24 bits of their encryption by
//! AES-256 under a key of this purpose. A value's term is its tokens, three bytes each, in ascending order and each
//! once. Cutting makes unrelated pieces share a token now and then, so what is found by tokens are candidates.

use aes_gcm::aes::Aes256Enc;
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::kdf::{self, Purpose};
use super::{Key, KeyId};

/// Three symbols.
pub type Piece = [u32; 3];

/// Length of a token.
pub const TOKEN_LEN: usize = 3;

/// The key of one group's match terms.
pub struct MatchKey {
    id: KeyId,
    cipher: Aes256Enc,
}

impl MatchKey {
    /// Derives the term key from an index key; `context` is the scope that it is for.
    pub fn new(id: KeyId, index_key: &Key, context: &[u8]) -> Self {
        let key = kdf::derive(index_key, Purpose::Match, context);
        Self { id, cipher: Aes256Enc::new(&Array(*key.as_bytes())) }
    }

    /// Name of the index key; stands beside each term.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The tokens of these pieces, in ascending order, each once.
    pub fn tokens(&self, pieces: &[Piece]) -> Vec<u32> {
        let mut tokens: Vec<u32> = pieces.iter().map(|piece| self.token(piece)).collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// Appends the term of a value that is made of these pieces.
    pub fn term(&self, pieces: &[Piece], out: &mut Vec<u8>) {
        for token in self.tokens(pieces) {
            let [_, bytes @ ..] = token.to_be_bytes();
            out.extend_from_slice(&bytes);
        }
    }

    fn token(&self, piece: &Piece) -> u32 {
        let mut block = Array([0u8; 16]);
        for (place, symbol) in block.chunks_exact_mut(4).zip(piece) {
            place.copy_from_slice(&symbol.to_be_bytes());
        }
        self.cipher.encrypt_block(&mut block);
        block.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first) >> 8)
    }
}

impl std::fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MatchKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Scope;
    use crate::crypto::vectors::unhex;

    fn key() -> MatchKey {
        let scope = Scope::new(b"keyring uuid 016", b"group id is here", "match");
        MatchKey::new(KeyId(6), &Key::new([9; 32]), scope.as_bytes())
    }

    fn piece(text: &str) -> Piece {
        let mut symbols = text.chars().map(u32::from);
        std::array::from_fn(|_| symbols.next().unwrap())
    }

    #[test]
    fn a_term_is_sorted_tokens_each_once() {
        let pieces = ["ana", "nas", "ana", "ban", "äöü"].map(piece);
        let tokens = key().tokens(&pieces);
        assert_eq!(tokens.len(), 4);
        assert!(tokens.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(tokens.iter().all(|token| *token < 1 << 24));
        let mut term = Vec::new();
        key().term(&pieces, &mut term);
        let back: Vec<u32> =
            term.chunks_exact(3).map(|t| u32::from_be_bytes([0, t[0], t[1], t[2]])).collect();
        assert_eq!(back, tokens);
        assert_ne!(key().tokens(&[piece("abc")]), key().tokens(&[piece("abd")]));
        assert_eq!(format!("{:?}", key()), "MatchKey(0000000000000006)");
    }

    /// Made by an independent program: indexes hold tokens, so this must never change.
    #[test]
    fn a_token_is_pinned() {
        let mut term = Vec::new();
        key().term(&[piece("abc")], &mut term);
        assert_eq!(term, unhex("152fc6"));
    }
}
