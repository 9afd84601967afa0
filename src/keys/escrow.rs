//! The escrow file: all keys of a keyring, under a passphrase, for the day on which the root key or the tables
//! of schema `pyrite` are lost. `docs/keys-escrow.md` has the format byte by byte.
//!
//! ```text
//!  0 16  magic "pyrite escrow 1\n"
//! 16  1  log2 N of scrypt; r = 8, p = 1
//! 17 32  salt
//! 49 24  nonce
//! 73     XAES-256-GCM under scrypt(passphrase, salt), associated data: bytes 0..49
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use tokio_postgres::Client;
use zeroize::Zeroizing;

use super::error::KeyError;
use super::keyring::{GroupBytes, KeyInfo, KeyPurpose, KeyState};
use super::root::RootKey;
use super::stored::{Stored, read_snapshot};
use crate::crypto::xaes::{NONCE_LEN, TAG_LEN, Xaes};
use crate::crypto::{Key, KeyId, Nonce, Slot, fill_random};

const MAGIC: &[u8; 16] = b"pyrite escrow 1\n";
const SALT_LEN: usize = 32;
const SALT_AT: usize = MAGIC.len() + 1;
const HEAD_LEN: usize = SALT_AT + SALT_LEN;
/// What scrypt costs for new files: 128 MiB, about half a second.
const LOG_N: u8 = 17;
/// What a file may ask for at most: 1 GiB.
const MAX_LOG_N: u8 = 20;
/// A shorter passphrase is guessed, whatever scrypt costs.
const MIN_PASSPHRASE: usize = 12;
/// Far more than the keys of a database take.
const MAX_FILE: usize = 1 << 26;

/// An escrow file that was opened. Wiped on drop; shows counts only.
pub struct Escrow {
    pub(super) uuid: [u8; 16],
    pub(super) counter: u64,
    created: u64,
    pub(super) groups: Vec<(GroupBytes, String)>,
    pub(super) keys: Vec<(KeyInfo, Option<Key>)>,
}

impl std::fmt::Debug for Escrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Escrow({} groups, {} keys)", self.groups.len(), self.keys.len())
    }
}

/// All keys of the stored keyring as an escrow file. Takes about half a second of processor time.
///
/// # Errors
/// [`KeyError::Escrow`] for a passphrase that is too short; as for [`super::reload`] otherwise.
pub async fn export(client: &mut Client, root: &RootKey, passphrase: &str) -> Result<Vec<u8>, KeyError> {
    if passphrase.len() < MIN_PASSPHRASE {
        return Err(KeyError::Escrow {
            message: format!("the passphrase has fewer than {MIN_PASSPHRASE} bytes"),
            hint: "Use several random words: whoever has the file and the passphrase has all keys."
                .to_owned(),
        });
    }
    let stored = read_snapshot(client).await?;
    let stored = stored.ok_or_else(|| KeyError::Escrow {
        message: "this database has no keyring yet".to_owned(),
        hint: "It is created when a proxy starts with this database for the first time.".to_owned(),
    })?;
    let escrow = Escrow::of(&stored, root)?;
    let mut salt = [0; SALT_LEN];
    fill_random(&mut salt)?;
    escrow.seal(passphrase, LOG_N, &salt, &Nonce::generate()?)
}

impl Escrow {
    /// Opens a file. Takes about half a second of processor time.
    ///
    /// # Errors
    /// [`KeyError::Escrow`]: it is no escrow file, or the passphrase is another one.
    pub fn open(file: &[u8], passphrase: &str) -> Result<Self, KeyError> {
        let no_file =
            || failed("it is not an escrow file, or was cut short", "Name a file that was exported.");
        let (head, sealed) = file.split_at_checked(HEAD_LEN).ok_or_else(no_file)?;
        if !head.starts_with(MAGIC) || file.len() > MAX_FILE {
            return Err(no_file());
        }
        let log_n = head.get(MAGIC.len()).copied().unwrap_or(u8::MAX);
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(no_file)?;
        let (body, tag) = body.split_last_chunk::<TAG_LEN>().ok_or_else(no_file)?;
        let xaes = derive(passphrase, head.get(SALT_AT..).unwrap_or_default(), log_n)?;
        let nonce = Nonce::from_bytes(nonce);
        let mut body = Zeroizing::new(body.to_vec());
        xaes.derive(&nonce.first).open_in_place(&nonce.second, head, &mut body, tag).map_err(|_| {
            failed("the passphrase is wrong, or the file was altered", "Check the passphrase and the file.")
        })?;
        Reader(&body).escrow().ok_or_else(|| {
            failed("it holds what this version does not know", "Use the version of Pyrite that exported it.")
        })
    }

    /// The keyring's random identity.
    pub fn keyring(&self) -> [u8; 16] {
        self.uuid
    }

    /// The counter of changes when it was exported.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// When it was exported, in seconds since 1970.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// What is told of its keys.
    pub fn keys(&self) -> impl Iterator<Item = &KeyInfo> {
        self.keys.iter().map(|(info, _)| info)
    }

    /// Its groups: id and name.
    pub fn groups(&self) -> impl Iterator<Item = (GroupBytes, &str)> {
        self.groups.iter().map(|(id, name)| (*id, name.as_str()))
    }

    fn of(stored: &Stored, root: &RootKey) -> Result<Self, KeyError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            uuid: stored.uuid,
            counter: stored.counter,
            created: now.as_secs(),
            groups: stored.groups.clone(),
            keys: stored.unwrap(root)?,
        })
    }

    fn seal(
        &self,
        passphrase: &str,
        log_n: u8,
        salt: &[u8; SALT_LEN],
        nonce: &Nonce,
    ) -> Result<Vec<u8>, KeyError> {
        let mut body = self.body();
        let mut out = Vec::with_capacity(HEAD_LEN + NONCE_LEN + body.len() + TAG_LEN);
        out.extend_from_slice(MAGIC);
        out.push(log_n);
        out.extend_from_slice(salt);
        let xaes = derive(passphrase, salt, log_n)?;
        let tag = xaes.derive(&nonce.first).seal_in_place(&nonce.second, &out, &mut body)?;
        for part in [&nonce.first[..], &nonce.second, &body, &tag] {
            out.extend_from_slice(part);
        }
        Ok(out)
    }

    fn body(&self) -> Zeroizing<Vec<u8>> {
        let names: usize = self.groups.iter().map(|(_, name)| name.len() + 20).sum();
        // In one piece, so that no key is left behind in a buffer that was too small.
        let mut out = Zeroizing::new(Vec::with_capacity(40 + names + 70 * self.keys.len()));
        out.extend_from_slice(&self.uuid);
        out.extend_from_slice(&self.counter.to_be_bytes());
        out.extend_from_slice(&self.created.to_be_bytes());
        out.extend_from_slice(&count(self.groups.len()));
        for (id, name) in &self.groups {
            out.extend_from_slice(id);
            out.extend_from_slice(&count(name.len()));
            out.extend_from_slice(name.as_bytes());
        }
        out.extend_from_slice(&count(self.keys.len()));
        for (info, key) in &self.keys {
            out.extend_from_slice(&info.id.to_bytes());
            out.extend_from_slice(&info.group);
            out.extend_from_slice(&info.version.to_be_bytes());
            let number = |place: Option<usize>| place.and_then(|n| u8::try_from(n).ok()).unwrap_or(u8::MAX);
            out.push(number(KeyPurpose::ALL.iter().position(|purpose| *purpose == info.purpose)));
            out.push(number(Slot::ALL.iter().position(|slot| *slot == info.slot)));
            out.push(number(KeyState::ALL.iter().position(|state| *state == info.state)));
            out.push(u8::from(key.is_some()));
            if let Some(key) = key {
                out.extend_from_slice(key.as_bytes());
            }
        }
        out
    }
}

fn count(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes()
}

fn failed(message: &str, hint: &str) -> KeyError {
    KeyError::Escrow {
        message: format!("the escrow file cannot be opened: {message}"),
        hint: hint.to_owned(),
    }
}

fn derive(passphrase: &str, salt: &[u8], log_n: u8) -> Result<Xaes, KeyError> {
    let params = (log_n <= MAX_LOG_N).then(|| scrypt::Params::new(log_n, 8, 1).ok()).flatten();
    let params = params.ok_or_else(|| {
        failed(
            "it asks for more memory than this version gives",
            "Use the version of Pyrite that exported it.",
        )
    })?;
    let mut key = Zeroizing::new([0u8; 32]);
    scrypt::scrypt(passphrase.as_bytes(), salt, &params, key.as_mut_slice())
        .map_err(|_| failed("scrypt failed", "Report this."))?;
    Ok(Xaes::new(&Key::new(*key)))
}

/// Takes the body apart.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn escrow(mut self) -> Option<Escrow> {
        let (uuid, counter, created) = (self.array()?, self.u64()?, self.u64()?);
        let mut groups = Vec::new();
        for _ in 0..self.u32()? {
            let id = self.array()?;
            let len = usize::try_from(self.u32()?).ok()?;
            groups.push((id, std::str::from_utf8(self.take(len)?).ok()?.to_owned()));
        }
        let mut keys = Vec::new();
        for _ in 0..self.u32()? {
            keys.push(self.key()?);
        }
        self.0.is_empty().then_some(Escrow { uuid, counter, created, groups, keys })
    }

    fn key(&mut self) -> Option<(KeyInfo, Option<Key>)> {
        let (id, group, version) = (KeyId::from_bytes(self.array()?), self.array()?, self.u32()?);
        let [purpose, slot, state, present] = self.array()?;
        let info = KeyInfo {
            id,
            group,
            purpose: *KeyPurpose::ALL.get(usize::from(purpose))?,
            version,
            state: *KeyState::ALL.get(usize::from(state))?,
            slot: *Slot::ALL.get(usize::from(slot))?,
        };
        let key = match present {
            0 => None,
            1 => Some(Key::new(*Zeroizing::new(self.array()?))),
            _ => return None,
        };
        Some((info, key))
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        self.take(LEN)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
#[path = "escrow_tests.rs"]
mod tests;
