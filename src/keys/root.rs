//! The root key: where it comes from, and what is done with it.
//!
//! It is one line, `pyrite-root-1:` and 64 hexadecimal digits, in a file that only its owner can read, or in
//! an environment variable.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::keyring::KeyInfo;
use crate::config;
use crate::crypto::kdf::{self, Purpose};
use crate::crypto::xaes::{NONCE_LEN, TAG_LEN, Xaes};
use crate::crypto::{CryptoError, Key, Nonce};

const PREFIX: &str = "pyrite-root-1:";
/// More than a root key file can need: a file that is something else is not read whole.
const FILE_LIMIT: u64 = 256;
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

    /// From where the configuration says.
    pub fn load(provider: &config::RootKey) -> Result<Self, KeyError> {
        match provider {
            config::RootKey::File(path) => Self::from_file(path),
            config::RootKey::Environment(name) => Self::from_environment(name),
        }
    }

    /// From a file that nobody but its owner may read or write.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let place = format!("file {}", path.display());
        let fail = |reason: String, hint: String| KeyError::Root { place: place.clone(), reason, hint };
        let file = File::open(path).map_err(|error| {
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "Create a new root key with `pyrite init`, or put the existing one back. A new one does not \
                     open values that were encrypted under another."
                }
                _ => "The file must be readable for the user that Pyrite runs as.",
            };
            fail(error.to_string(), hint.to_owned())
        })?;
        // Of the file that is open, not of the name, which could mean another one by now.
        let meta = file.metadata().map_err(|error| fail(error.to_string(), String::new()))?;
        if !meta.is_file() {
            return Err(fail("it is not a regular file".to_owned(), "Name the root key file.".to_owned()));
        }
        if meta.mode() & 0o077 != 0 {
            let reason = format!("others may use it (mode {:04o})", meta.mode() & 0o7777);
            return Err(fail(reason, format!("Run: chmod 600 '{}'", path.display())));
        }
        // SAFETY: geteuid takes nothing, cannot fail and touches no memory.
        let user = unsafe { libc::geteuid() };
        if meta.uid() != user && meta.uid() != 0 {
            let reason = format!("it belongs to user {}, and Pyrite runs as user {user}", meta.uid());
            return Err(fail(reason, format!("Run: chown {user} '{}'", path.display())));
        }
        let mut text = Zeroizing::new(String::with_capacity(FILE_LIMIT as usize));
        file.take(FILE_LIMIT)
            .read_to_string(&mut text)
            .map_err(|_| fail("it is not a root key file".to_owned(), FORM.to_owned()))?;
        Self::parse(&text).ok_or_else(|| fail("it is not a root key file".to_owned(), FORM.to_owned()))
    }

    /// From an environment variable.
    pub fn from_environment(name: &str) -> Result<Self, KeyError> {
        let fail = |reason: &str, hint: String| KeyError::Root {
            place: format!("environment variable {name}"),
            reason: reason.to_owned(),
            hint,
        };
        let Some(value) = std::env::var_os(name) else {
            return Err(fail("it is not set", format!("Set {name} in Pyrite's environment. {FORM}")));
        };
        let value = value.into_string().map(Zeroizing::new);
        let key = value.ok().and_then(|text| Self::parse(&text));
        key.ok_or_else(|| fail("it does not hold a root key", FORM.to_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix(PREFIX)?.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut key = Zeroizing::new([0u8; 32]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                *byte = *byte << 4 | u8::try_from((*digit as char).to_digit(16)?).ok()?;
            }
        }
        Some(Self::new(&Key::new(*key)))
    }

    /// Tells root keys apart; not secret.
    pub fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    /// Wraps a key, bound to the keyring and to all that `info` says but the state, which may change.
    pub(super) fn wrap(&self, keyring: &[u8; 16], info: &KeyInfo, key: &Key) -> Result<Vec<u8>, CryptoError> {
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
    pub(super) fn unwrap(
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
    pub(super) fn seal_manifest(&self, manifest: &[u8]) -> Vec<u8> {
        self.mac(manifest).finalize().into_bytes().to_vec()
    }

    /// Whether a manifest has this seal; in constant time.
    pub(super) fn verify_manifest(&self, manifest: &[u8], seal: &[u8]) -> bool {
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

const FORM: &str =
    "It must be one line: pyrite-root-1: and 64 hexadecimal digits, as `pyrite init` writes it.";

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
pub(super) fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Writes a new random root key to a new file that only its owner may read. Never replaces a file.
pub fn generate_root_file(path: &Path) -> Result<(), KeyError> {
    let fail = |error: std::io::Error| KeyError::Root {
        place: format!("file {}", path.display()),
        hint: match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "A root key is never overwritten. Keep it, or name another file.".to_owned()
            }
            _ => "Name a file in a folder that Pyrite may write to.".to_owned(),
        },
        reason: error.to_string(),
    };
    let key = Key::generate()?;
    let mut line = Zeroizing::new(String::with_capacity(PREFIX.len() + 65));
    line.push_str(PREFIX);
    for digit in key.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        line.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
    }
    line.push('\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
    fn root_files_are_private_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("pyrite-root-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("root.key");
        let missing = RootKey::from_file(&path).unwrap_err();
        assert!(missing.hint().unwrap().contains("pyrite init"), "{missing}");

        generate_root_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let root = RootKey::from_file(&path).unwrap();
        assert_eq!(RootKey::from_file(&path).unwrap().fingerprint(), root.fingerprint());
        let again = generate_root_file(&path).unwrap_err();
        assert!(again.hint().unwrap().contains("never overwritten"));
        assert_eq!(RootKey::from_file(&path).unwrap().fingerprint(), root.fingerprint());

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = RootKey::from_file(&path).unwrap_err();
        assert!(open.to_string().contains("0640"), "{open}");
        assert!(open.hint().unwrap().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "pyrite-root-1:1234").unwrap();
        assert!(RootKey::from_file(&path).unwrap_err().hint().unwrap().contains("64 hexadecimal"));
        assert!(RootKey::from_file(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_line_is_read_strictly() {
        let digits = "0123456789abcdefABCDEF0123456789".repeat(2);
        assert!(RootKey::parse(&format!("pyrite-root-1:{digits}\n")).is_some());
        for wrong in [
            digits.clone(),
            format!("pyrite-root-2:{digits}"),
            format!("pyrite-root-1:{digits}0"),
            format!("pyrite-root-1:+{}", &digits[1..]),
            format!("pyrite-root-1:{} ", &digits[1..]),
        ] {
            assert!(RootKey::parse(&wrong).is_none(), "{wrong}");
        }
        assert!(RootKey::from_environment("PYRITE_TEST_UNSET").is_err());
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
