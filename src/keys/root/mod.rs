//! The root key: where it comes from, and what is done with it.
//!
//! A file or an environment variable holds it as it is ([`file`]). An outside provider (PKCS#11, AWS KMS, Vault)
//! never gives out its own key: the root key is then random, and the database holds it wrapped by the provider's
//! ([`source`]). [`Roots`] is what a proxy works with: the providers that are configured, and the root keys that it
//! has opened, which it keeps in memory.

#[cfg(feature = "aws-kms")]
mod aws_kms;
#[cfg(not(feature = "aws-kms"))]
#[path = "no_aws_kms.rs"]
mod aws_kms;
mod failure;
mod file;
mod hints;
mod patience;
mod pkcs11;
mod set;
mod source;
mod vault;
mod wrapped;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keyring::KeyInfo;
use crate::config::{SecretSource, Secrets as _, SystemSecrets};
use crate::crypto::kdf::{self, Purpose};
use crate::crypto::xaes::{NONCE_LEN, TAG_LEN, Xaes};
use crate::crypto::{CryptoError, Key, Nonce};

pub use failure::{Failure, Final, Passing, ProviderError};
pub use file::generate_root_file;
pub use set::{NewRoot, Roots};
pub use source::RootSource;

/// First byte of a wrapped key: XAES-256-GCM under the root key's wrapping key.
const WRAP_VERSION: u8 = 1;
const WRAPPED_LEN: usize = 1 + NONCE_LEN + 32 + TAG_LEN;

/// The key that wraps all others. Wiped on drop; shows its fingerprint only.
pub struct RootKey {
    wrap: Xaes,
    manifest: Key,
    fingerprint: [u8; 8],
}

impl RootKey {
    /// From key bytes.
    pub fn new(key: &Key) -> Self {
        let mut fingerprint = [0; 8];
        let derived = kdf::derive(key, Purpose::Fingerprint, b"");
        fingerprint.iter_mut().zip(derived.as_bytes()).for_each(|(out, byte)| *out = *byte);
        Self {
            wrap: Xaes::new(&kdf::derive(key, Purpose::Wrap, b"")),
            manifest: kdf::derive(key, Purpose::Manifest, b""),
            fingerprint,
        }
    }

    /// Tells root keys apart; not secret.
    pub fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    /// Wraps a key, bound to the keyring and to all that `info` says but the state, which may change.
    pub(in crate::keys) fn wrap(
        &self,
        keyring: &[u8; 16],
        info: &KeyInfo,
        key: &Key,
    ) -> Result<Vec<u8>, CryptoError> {
        let nonce = Nonce::generate()?;
        let mut body = Zeroizing::new(*key.as_bytes());
        let tag = self.wrap.derive(&nonce.first).seal_in_place(
            &nonce.second,
            &binding(keyring, info),
            body.as_mut_slice(),
        )?;
        let mut out = Vec::with_capacity(WRAPPED_LEN);
        out.push(WRAP_VERSION);
        for part in [&nonce.first[..], &nonce.second, body.as_slice(), &tag] {
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    /// The inverse of [`RootKey::wrap`].
    pub(in crate::keys) fn unwrap(
        &self,
        keyring: &[u8; 16],
        info: &KeyInfo,
        wrapped: &[u8],
    ) -> Result<Key, CryptoError> {
        let malformed = || CryptoError::Malformed("a wrapped key has the wrong form");
        let (version, rest) = wrapped.split_first().ok_or_else(malformed)?;
        if *version != WRAP_VERSION {
            return Err(CryptoError::UnsupportedVersion(*version));
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(malformed)?;
        let (body, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or_else(malformed)?;
        let mut key = Zeroizing::new(<[u8; 32]>::try_from(body).map_err(|_| malformed())?);
        let nonce = Nonce::from_bytes(nonce);
        self.wrap.derive(&nonce.first).open_in_place(
            &nonce.second,
            &binding(keyring, info),
            key.as_mut_slice(),
            tag,
        )?;
        Ok(Key::new(*key))
    }

    /// Seals a manifest.
    pub(in crate::keys) fn seal_manifest(&self, manifest: &[u8]) -> Vec<u8> {
        self.mac(manifest).finalize().into_bytes().to_vec()
    }

    /// Whether a manifest has this seal; in constant time.
    pub(in crate::keys) fn verify_manifest(&self, manifest: &[u8], seal: &[u8]) -> bool {
        self.mac(manifest).verify_slice(seal).is_ok()
    }

    fn mac(&self, manifest: &[u8]) -> Hmac<Sha256> {
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(self.manifest.as_bytes()).for_each(|(out, byte)| *out = *byte);
        let mut mac = Hmac::<Sha256>::new(&block);
        zeroize::Zeroize::zeroize(block.as_mut_slice());
        mac.update(manifest);
        mac
    }
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootKey({})", hex(&self.fingerprint))
    }
}

pub(in crate::keys) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A PIN or token, read when it is needed.
fn secret(source: &SecretSource) -> Result<Zeroizing<String>, Failure> {
    SystemSecrets
        .read(source)
        .map_err(|error| Failure::Final(Final::Login, format!("{} ({})", error.message, error.way_out)))
}

fn binding(keyring: &[u8; 16], info: &KeyInfo) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, keyring);
    field(&mut out, &info.group);
    field(&mut out, info.purpose.as_str().as_bytes());
    field(&mut out, &info.version.to_be_bytes());
    field(&mut out, &info.id.to_bytes());
    out
}

/// Appends a field with its length before it.
pub(in crate::keys) fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyId;
    use crate::crypto::vectors::unhex;
    use crate::keys::{KeyPurpose, KeyState};

    fn info() -> KeyInfo {
        KeyInfo {
            id: KeyId(1),
            group: [2; 16],
            purpose: KeyPurpose::Data,
            version: 1,
            state: KeyState::Primary,
            slot: crate::crypto::Slot::A,
        }
    }

    #[test]
    fn a_wrapped_key_is_bound_to_all_that_names_it() {
        let root = RootKey::new(&Key::new([1; 32]));
        let wrapped = root.wrap(&[7; 16], &info(), &Key::new([9; 32])).unwrap();
        assert_eq!(root.unwrap(&[7; 16], &info(), &wrapped).unwrap().as_bytes(), &[9; 32]);
        let retired = KeyInfo { state: KeyState::Retired, ..info() };
        assert!(root.unwrap(&[7; 16], &retired, &wrapped).is_ok());
        let others = [
            KeyInfo { id: KeyId(2), ..info() },
            KeyInfo { group: [3; 16], ..info() },
            KeyInfo { purpose: KeyPurpose::Equality, ..info() },
            KeyInfo { version: 2, ..info() },
        ];
        for other in others {
            let opened = root.unwrap(&[7; 16], &other, &wrapped);
            assert_eq!(opened.map(|_| ()), Err(CryptoError::Authentication));
        }
        assert!(root.unwrap(&[8; 16], &info(), &wrapped).is_err());
        assert!(RootKey::new(&Key::new([2; 32])).unwrap(&[7; 16], &info(), &wrapped).is_err());
        for len in 0..wrapped.len() {
            assert!(root.unwrap(&[7; 16], &info(), &wrapped[..len]).is_err());
        }
    }

    #[test]
    fn different_root_keys_have_different_fingerprints() {
        let (one, two) = (RootKey::new(&Key::new([1; 32])), RootKey::new(&Key::new([2; 32])));
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(format!("{one:?}"), format!("RootKey({})", hex(&one.fingerprint())));
    }

    /// Made by an independent program: databases hold wrapped keys, so this must never change.
    #[test]
    fn what_is_stored_is_pinned() {
        let root = RootKey::new(&Key::new([1; 32]));
        assert_eq!(hex(&root.fingerprint()), "def711560b3e9779");
        let wrapped = unhex(
            "016162636465666768696a6b6c6d6e6f707172737475767778a5ad66b909deaf010ab1eb47\
             6e09509f32eeb555695df20f9b044ee53f54ead5c643d63b13afa459de38ed3c2cdd9eeb",
        );
        assert_eq!(root.unwrap(&[7; 16], &info(), &wrapped).unwrap().as_bytes(), &[9; 32]);
        let seal = "b2ccd3ca9fabf7cfcdd50a295bd5fbfec7f3587e2ea20018878a14ffa088b28a";
        assert_eq!(hex(&root.seal_manifest(b"manifest")), seal);
        assert!(root.verify_manifest(b"manifest", &unhex(seal)));
        assert!(!root.verify_manifest(b"manifests", &unhex(seal)));
    }
}
