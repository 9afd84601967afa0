//! Changes of keys and their states. Each call is one transaction, and all of it happens or nothing: lock,
//! verify, change, count, seal, tell the proxies.

use std::sync::Arc;

use tokio_postgres::Client;

use super::error::KeyError;
use super::keyring::{GroupBytes, KeyInfo, KeyPurpose, KeyState, Keyring};
use super::root::RootKey;
use super::store::{check_follows, note_root};
use super::stored::{RootNote, Stored, StoredKey, begin, lock, read};
use crate::crypto::{KeyId, Slot};

/// One change of the keyring. A change that is done already is no error and changes nothing, so that whoever
/// takes over a rotation can repeat its last step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A new data key, known to all and not yet in use. One that is there in this state serves.
    AddData {
        /// The key group.
        group: GroupBytes,
    },
    /// An active data key comes into use; the one before begins to fade.
    Promote {
        /// The active key.
        id: KeyId,
    },
    /// A new index key in the slot that is free: written, and not yet searched. One that is there in this
    /// state serves.
    AddIndex {
        /// The key group.
        group: GroupBytes,
        /// What the key is for.
        purpose: KeyPurpose,
    },
    /// Lookups go over to an active index key; the one before is still written, and begins to fade.
    SwitchIndex {
        /// The active key.
        id: KeyId,
    },
    /// A fading key goes out of use: no value may need it but to be read.
    Retire {
        /// The fading key.
        id: KeyId,
    },
    /// A retired key is wiped.
    Destroy {
        /// The retired key.
        id: KeyId,
    },
    /// An active key is given up before it was in use. It becomes retired: terms of it may be there already.
    Abandon {
        /// The active key.
        id: KeyId,
    },
}

/// Makes changes to the stored keyring, in their order, all or none. `previous` is the snapshot in use: a stored
/// keyring that is older is not built upon, since its next change could pass for a newer one.
///
/// # Errors
/// [`KeyError::Change`] for a change that the key's state does not allow.
pub async fn change(
    client: &mut Client,
    root: &RootKey,
    previous: &Keyring,
    changes: &[Change],
) -> Result<Arc<Keyring>, KeyError> {
    let doing = "change the keyring";
    let transaction = begin(client, doing).await?;
    lock(&transaction).await?;
    let before = read(&transaction).await?;
    let before = before.ok_or_else(|| KeyError::Tampered("the keyring is gone".to_owned()))?;
    let keyring = before.open(root)?;
    check_follows(&keyring, previous)?;
    let mut stored = before.clone();
    for change in changes {
        stored.apply(root, *change)?;
    }
    if stored.keys == before.keys {
        return Ok(Arc::new(keyring));
    }
    let keyring = stored.save(&transaction, root, Some(&before)).await?;
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(Arc::new(keyring))
}

/// Wraps all keys anew under another root key, in one transaction; values are not touched. Done already (the
/// new root key wraps the keyring) is no error.
pub async fn rotate_root(
    client: &mut Client,
    old: &RootKey,
    new: &RootKey,
    note: &RootNote,
    previous: &Keyring,
) -> Result<Arc<Keyring>, KeyError> {
    let doing = "wrap the keys anew";
    if old.fingerprint() == new.fingerprint() {
        return Err(KeyError::Change {
            message: "the new root key is the one that is in use".to_owned(),
            hint: "Create another root key and name it as `next_root` in section [keys].".to_owned(),
        });
    }
    let transaction = begin(client, doing).await?;
    lock(&transaction).await?;
    let before = read(&transaction).await?;
    let before = before.ok_or_else(|| KeyError::Tampered("the keyring is gone".to_owned()))?;
    if before.root.fingerprint == new.fingerprint() {
        let keyring = before.open(new)?;
        check_follows(&keyring, previous)?;
        return Ok(Arc::new(keyring));
    }
    check_follows(&before.open(old)?, previous)?;
    let mut stored = before.clone();
    for (key, (info, bytes)) in stored.keys.iter_mut().zip(before.unwrap(old)?) {
        key.wrapped = match bytes {
            Some(bytes) => Some(new.wrap(&before.uuid, &info, &bytes)?),
            None => None,
        };
    }
    stored.root.version = before.root.version.saturating_add(1);
    stored.root.fingerprint = new.fingerprint().to_vec();
    stored.root.wrapped = note.wrapped.clone();
    note_root(&transaction, stored.root.version, new, &note.provider).await?;
    let keyring = stored.save(&transaction, new, Some(&before)).await?;
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(Arc::new(keyring))
}

impl Stored {
    fn apply(&mut self, root: &RootKey, change: Change) -> Result<(), KeyError> {
        match change {
            Change::AddData { group } => self.add_data(root, group),
            Change::AddIndex { group, purpose } => self.add_index(root, group, purpose),
            Change::Promote { id } => self.take_over(id, true),
            Change::SwitchIndex { id } => self.take_over(id, false),
            Change::Retire { id } => self.retire(id),
            Change::Destroy { id } => self.destroy(id),
            Change::Abandon { id } => self.abandon(id),
        }
    }

    fn add_data(&mut self, root: &RootKey, group: GroupBytes) -> Result<(), KeyError> {
        self.primary(group, KeyPurpose::Data)?;
        if self.active(group, KeyPurpose::Data).is_none() {
            self.add_key(root, group, KeyPurpose::Data, KeyState::Active, Slot::A)?;
        }
        Ok(())
    }

    fn add_index(&mut self, root: &RootKey, group: GroupBytes, purpose: KeyPurpose) -> Result<(), KeyError> {
        if purpose == KeyPurpose::Data {
            return Err(refused("a data key is no index key", "Add it as a data key."));
        }
        let slot = self.primary(group, purpose)?.slot.other();
        if self.active(group, purpose).is_some() {
            return Ok(());
        }
        let taken = self.keys.iter().map(|key| &key.info).find(|info| {
            info.group == group && info.purpose == purpose && info.slot == slot && info.is_written()
        });
        if let Some(taken) = taken {
            return Err(refused(
                format!("index key {} still has the slot that a new key would need", taken.id),
                "Let the rotation before finish, or resume it; then rotate again.",
            ));
        }
        self.add_key(root, group, purpose, KeyState::Active, slot)?;
        Ok(())
    }

    /// An active key becomes primary, and the primary fades.
    fn take_over(&mut self, id: KeyId, data: bool) -> Result<(), KeyError> {
        let info = self.find(id)?.info.clone();
        if (info.purpose == KeyPurpose::Data) != data {
            return Err(refused(
                format!("key {id} is for {}", info.purpose.as_str()),
                "Data keys are promoted, index keys are switched to.",
            ));
        }
        match info.state {
            KeyState::Primary => Ok(()),
            KeyState::Active => {
                let old = self.primary(info.group, info.purpose)?.id;
                self.find(old)?.info.state = KeyState::Fading;
                self.find(id)?.info.state = KeyState::Primary;
                Ok(())
            }
            KeyState::Fading | KeyState::Retired | KeyState::Destroyed => Err(refused(
                format!("key {id} is {}", info.state.as_str()),
                "A key never comes back into use.",
            )),
        }
    }

    fn retire(&mut self, id: KeyId) -> Result<(), KeyError> {
        let key = self.find(id)?;
        match key.info.state {
            KeyState::Fading => key.info.state = KeyState::Retired,
            KeyState::Retired | KeyState::Destroyed => {}
            KeyState::Primary => {
                return Err(refused(
                    format!("key {id} is in use"),
                    "Rotate it: the new key takes its place.",
                ));
            }
            KeyState::Active => {
                return Err(refused(format!("key {id} is not yet in use"), "Cancel the job that added it."));
            }
        }
        Ok(())
    }

    fn destroy(&mut self, id: KeyId) -> Result<(), KeyError> {
        let key = self.find(id)?;
        match key.info.state {
            KeyState::Retired => {
                key.info.state = KeyState::Destroyed;
                key.wrapped = None;
            }
            KeyState::Destroyed => {}
            state => {
                return Err(refused(
                    format!("key {id} is {}: only a retired key can be destroyed", state.as_str()),
                    "Rotate it and retire it first.",
                ));
            }
        }
        Ok(())
    }

    fn abandon(&mut self, id: KeyId) -> Result<(), KeyError> {
        let key = self.find(id)?;
        match key.info.state {
            KeyState::Active => key.info.state = KeyState::Retired,
            KeyState::Retired | KeyState::Destroyed => {}
            KeyState::Primary | KeyState::Fading => {
                return Err(refused(
                    format!("key {id} is {}: it has been in use", key.info.state.as_str()),
                    "Rotate it: the new key takes its place.",
                ));
            }
        }
        Ok(())
    }

    fn find(&mut self, id: KeyId) -> Result<&mut StoredKey, KeyError> {
        let key = self.keys.iter_mut().find(|key| key.info.id == id);
        key.ok_or_else(|| refused(format!("the keyring has no key {id}"), "`SHOW KEYS` lists all keys."))
    }

    fn active(&self, group: GroupBytes, purpose: KeyPurpose) -> Option<&KeyInfo> {
        self.in_state(group, purpose, KeyState::Active)
    }

    fn primary(&self, group: GroupBytes, purpose: KeyPurpose) -> Result<&KeyInfo, KeyError> {
        self.in_state(group, purpose, KeyState::Primary).ok_or_else(|| {
            let message = format!("the key group has no key for {}", purpose.as_str());
            refused(message, "`SHOW KEYS` lists the groups and their keys.")
        })
    }

    fn in_state(&self, group: GroupBytes, purpose: KeyPurpose, state: KeyState) -> Option<&KeyInfo> {
        let mut infos = self.keys.iter().map(|key| &key.info);
        infos.find(|info| info.group == group && info.purpose == purpose && info.state == state)
    }
}

fn refused(message: impl Into<String>, hint: &str) -> KeyError {
    KeyError::Change { message: message.into(), hint: hint.to_owned() }
}
