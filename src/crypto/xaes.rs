//! XAES-256-GCM: AES-256-GCM with a 192-bit nonce.
//!
//! Notation of the specification (<https://c2sp.org/XAES-256-GCM>), K a 256-bit key, N a 192-bit nonce:
//!
//! ```text
//! L  = AES-256_K(0^128)
//! K1 = L << 1, xor 0b10000111 in the last byte if the first bit of L was set
//! M1 = 00 01 58 00 || N[:12]          M2 = 00 02 58 00 || N[:12]
//! Kx = AES-256_K(M1 xor K1) || AES-256_K(M2 xor K1)
//! Nx = N[12:]
//! ```
//!
//! The result is AES-256-GCM under Kx with nonce Nx. [`Xaes`] holds K's schedule and K1; [`Derived`] holds
//! the cipher of one Kx, so that values that share the first half of their nonce pay for one derivation.

use aes_gcm::aead::AeadInOut;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::Aes256Enc;
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes_gcm::{AesGcm, Tag};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{CryptoError, fill_random};

/// Length of a nonce.
pub const NONCE_LEN: usize = 24;
/// Length of each half of a nonce.
pub const HALF_LEN: usize = 12;
/// Length of an authentication tag.
pub const TAG_LEN: usize = 16;

/// A 256-bit key. Wiped on drop, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// Takes key bytes over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh random key.
    pub fn generate() -> Result<Self, CryptoError> {
        let mut key = Self([0; 32]);
        fill_random(&mut key.0)?;
        Ok(key)
    }

    /// The key bytes; for wrapping and derivation only.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(32 bytes)")
    }
}

/// A 192-bit nonce: the half that selects the derived cipher, and the half that tells values apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce {
    /// First 96 bits: input of the key derivation.
    pub first: [u8; HALF_LEN],
    /// Last 96 bits: nonce of AES-256-GCM.
    pub second: [u8; HALF_LEN],
}

impl Nonce {
    /// A fresh random nonce.
    pub fn generate() -> Result<Self, CryptoError> {
        let mut nonce = Self { first: [0; HALF_LEN], second: [0; HALF_LEN] };
        fill_random(&mut nonce.first)?;
        fill_random(&mut nonce.second)?;
        Ok(nonce)
    }

    /// Both halves as they are stored.
    pub fn from_bytes(bytes: &[u8; NONCE_LEN]) -> Self {
        let mut nonce = Self { first: [0; HALF_LEN], second: [0; HALF_LEN] };
        let (first, second) = bytes.split_at(HALF_LEN);
        nonce.first.copy_from_slice(first);
        nonce.second.copy_from_slice(second);
        nonce
    }
}

/// K, ready for derivations.
pub struct Xaes {
    cipher: Aes256Enc,
    k1: Zeroizing<[u8; 16]>,
}

impl Xaes {
    /// Expands K and computes K1.
    pub fn new(key: &Key) -> Self {
        let cipher = Aes256Enc::new(&Array(key.0));
        let mut l = Array([0u8; 16]);
        cipher.encrypt_block(&mut l);
        let k1 = Zeroizing::new(double(&l.0));
        l.zeroize();
        Self { cipher, k1 }
    }

    /// The cipher for all nonces that begin with `first`.
    pub fn derive(&self, first: &[u8; HALF_LEN]) -> Derived {
        let kx = self.subkey(first);
        Derived { cipher: AesGcm::from(Aes256Enc::new(&Array(*kx))) }
    }

    /// Kx.
    fn subkey(&self, first: &[u8; HALF_LEN]) -> Zeroizing<[u8; 32]> {
        let mut kx = Zeroizing::new([0u8; 32]);
        for (counter, half) in (1u8..).zip(kx.chunks_exact_mut(16)) {
            let mut m = [0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            m[4..].copy_from_slice(first);
            for (byte, mask) in m.iter_mut().zip(self.k1.iter()) {
                *byte ^= mask;
            }
            let mut block = Array(m);
            self.cipher.encrypt_block(&mut block);
            half.copy_from_slice(&block.0);
            block.zeroize();
        }
        kx
    }
}

impl std::fmt::Debug for Xaes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Xaes")
    }
}

/// Doubling in GF(2^128), as CMAC does for its subkeys; without a branch on the secret.
fn double(l: &[u8; 16]) -> [u8; 16] {
    let l = u128::from_be_bytes(*l);
    ((l << 1) ^ ((l >> 127) * 0b1000_0111)).to_be_bytes()
}

/// AES-256-GCM under Kx. Wiped on drop.
pub struct Derived {
    // Encryption is all that GCM needs of AES; leaving the decryption schedule out makes derivation cheaper.
    cipher: AesGcm<Aes256Enc, U12>,
}

impl Derived {
    /// Encrypts `buffer` in place and returns the tag.
    pub fn seal_in_place(
        &self,
        second: &[u8; HALF_LEN],
        associated: &[u8],
        buffer: &mut [u8],
    ) -> Result<[u8; TAG_LEN], CryptoError> {
        self.cipher
            .encrypt_inout_detached(&Array(*second), associated, buffer.into())
            .map(|tag| tag.0)
            .map_err(|_| CryptoError::TooLong)
    }

    /// Decrypts `buffer` in place. On an error `buffer` still holds the ciphertext: the tag is checked first.
    pub fn open_in_place(
        &self,
        second: &[u8; HALF_LEN],
        associated: &[u8],
        buffer: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), CryptoError> {
        let tag: Tag = Array(*tag);
        self.cipher
            .decrypt_inout_detached(&Array(*second), associated, buffer.into(), &tag)
            .map_err(|_| CryptoError::Authentication)
    }
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Derived")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        crate::crypto::vectors::unhex(text)
    }

    struct Vector {
        key: u8,
        k1: &'static str,
        kx: &'static str,
        associated: &'static [u8],
        sealed: &'static str,
    }

    // The specification's two vectors: without and with the reduction in K1.
    const SPECIFICATION: [Vector; 2] = [
        Vector {
            key: 1,
            k1: "e531954aca063d5b8d9c47a47d4cc6f0",
            kx: "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
            associated: b"",
            sealed: "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
        },
        Vector {
            key: 3,
            k1: "23810ec50edb99f374409466ed1f4b7b",
            kx: "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
            associated: b"c2sp.org/XAES-256-GCM",
            sealed: "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        },
    ];

    #[test]
    fn vectors_of_the_specification() {
        for v in SPECIFICATION {
            let xaes = Xaes::new(&Key::new([v.key; 32]));
            let nonce = Nonce::from_bytes(b"ABCDEFGHIJKLMNOPQRSTUVWX");
            assert_eq!(xaes.k1.as_slice(), hex(v.k1));
            assert_eq!(xaes.subkey(&nonce.first).as_slice(), hex(v.kx));

            let derived = xaes.derive(&nonce.first);
            let mut buffer = b"XAES-256-GCM".to_vec();
            let tag = derived.seal_in_place(&nonce.second, v.associated, &mut buffer).unwrap();
            assert_eq!([&buffer[..], &tag].concat(), hex(v.sealed));

            let ciphertext = buffer.clone();
            for bit in 0..8 * TAG_LEN {
                let mut bad = tag;
                bad[bit / 8] ^= 1 << (bit % 8);
                let refused = derived.open_in_place(&nonce.second, v.associated, &mut buffer, &bad);
                assert_eq!(refused, Err(CryptoError::Authentication));
                assert_eq!(buffer, ciphertext, "nothing is decrypted under a wrong tag");
            }
            derived.open_in_place(&nonce.second, v.associated, &mut buffer, &tag).unwrap();
            assert_eq!(buffer, b"XAES-256-GCM");
        }
    }

    /// The specification's accumulated test: inputs from one SHAKE-128 stream, outputs hashed by another.
    #[test]
    fn ten_thousand_accumulated_vectors() {
        use crate::crypto::vectors::Shake128;
        let mut input = Shake128::new();
        let mut output = Shake128::new();
        for _ in 0..10_000 {
            let key: [u8; 32] = input.read(32).try_into().unwrap();
            let nonce: [u8; 24] = input.read(24).try_into().unwrap();
            let len = usize::from(input.read(1)[0]);
            let mut buffer = input.read(len);
            let len = usize::from(input.read(1)[0]);
            let associated = input.read(len);
            let nonce = Nonce::from_bytes(&nonce);
            let derived = Xaes::new(&Key::new(key)).derive(&nonce.first);
            let tag = derived.seal_in_place(&nonce.second, &associated, &mut buffer).unwrap();
            output.absorb(&buffer);
            output.absorb(&tag);
        }
        let expected = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
        assert_eq!(output.read(32), hex(expected));
    }

    #[test]
    fn aes_gcm_agrees_with_wycheproof() {
        let (mut valid, mut invalid) = (0, 0);
        for line in include_str!("../../tests/vectors/aes_256_gcm_wycheproof.txt").lines() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let fields: Vec<&str> = line.split(':').collect();
            let [kind, key, nonce, associated, plaintext, ciphertext, tag] = fields[..] else {
                panic!("a line has seven fields");
            };
            let key: [u8; 32] = hex(key).try_into().unwrap();
            let nonce: [u8; 12] = hex(nonce).try_into().unwrap();
            let tag: [u8; 16] = hex(tag).try_into().unwrap();
            let derived = Derived { cipher: AesGcm::from(Aes256Enc::new(&Array(key))) };
            let mut buffer = hex(ciphertext);
            let opened = derived.open_in_place(&nonce, &hex(associated), &mut buffer, &tag);
            if kind == "valid" {
                opened.unwrap();
                assert_eq!(buffer, hex(plaintext));
                assert_eq!(derived.seal_in_place(&nonce, &hex(associated), &mut buffer), Ok(tag));
                assert_eq!(buffer, hex(ciphertext));
                valid += 1;
            } else {
                assert_eq!(opened, Err(CryptoError::Authentication));
                invalid += 1;
            }
        }
        assert_eq!((valid, invalid), (21, 27));
    }

    #[test]
    fn keys_are_not_printed() {
        let key = Key::new([0xAB; 32]);
        let shown = format!("{key:?} {:?} {:?}", Xaes::new(&key), Xaes::new(&key).derive(&[0; 12]));
        assert_eq!(shown, "Key(32 bytes) Xaes Derived");
    }
}
