//! Keys that this proxy learns from others, and changes that it makes for all.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use tokio_postgres::Client;

use crate::keys::{self, Change, KeyError, KeyId, Keyring, RootKey};

use super::{Database, RefreshError};

/// Ids remembered as unknown.
const MISSING: usize = 256;

/// Ids of data keys that were found in values and are in no keyring.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Counter of the keyring that lacks them.
    epoch: u64,
    ids: VecDeque<KeyId>,
}

impl Missing {
    fn knows(&self, epoch: u64, id: KeyId) -> bool {
        self.epoch == epoch && self.ids.contains(&id)
    }

    fn add(&mut self, epoch: u64, id: KeyId) {
        if self.epoch != epoch {
            self.ids.clear();
            self.epoch = epoch;
        }
        if self.ids.len() >= MISSING {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
    }
}

impl Database {
    /// Whether the data key of a value that was just read is not known here, and could be known to another proxy
    /// already.
    pub fn may_learn(&self, id: KeyId) -> bool {
        if self.snapshot().keyring.has_data_key(id) {
            return true;
        }
        !self.missing.lock().unwrap_or_else(PoisonError::into_inner).knows(self.epoch(), id)
    }

    /// Looks for a data key that another proxy has added: once for each id, as whoever can write to a table could
    /// ask for any number of them.
    ///
    /// # Errors
    /// Pyrite's own connection to the database is away, or the keyring cannot be opened.
    pub async fn learn(&self, id: KeyId) -> Result<(), RefreshError> {
        let keyring = self.confirm().await?;
        if !keyring.has_data_key(id) {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            missing.add(keyring.counter(), id);
        }
        Ok(())
    }
}

impl Database {
    /// Fingerprints of the root keys at hand; the first is the one in use.
    pub fn root_fingerprints(&self) -> Vec<[u8; 8]> {
        self.roots.load().iter().map(|root| root.fingerprint()).collect()
    }

    fn root(&self) -> Result<Arc<RootKey>, RefreshError> {
        self.roots.load().first().cloned().ok_or_else(RefreshError::no_keyring)
    }

    /// Makes changes to the keys, all or none. Returns when this proxy uses the result; [`Database::all_drained`]
    /// tells when all do.
    ///
    /// # Errors
    /// A key's state does not allow the change; the server refuses it; or this proxy cannot take the result over
    /// (the change is made then all the same).
    pub async fn change_keys(&self, changes: Vec<Change>) -> Result<Arc<Keyring>, RefreshError> {
        // On a connection of its own: while it waits for a lock, the lease has to be extended.
        let connected = self.connect().await;
        let mut client = connected.map_err(|e| RefreshError::server("connect to the database", &e))?;
        let changed = keys::change(&mut client, &*self.root()?, &self.keyring(), &changes).await;
        let counter = changed.map_err(|e| RefreshError::from(&e))?.counter();
        let keyring = self.confirm().await?;
        if keyring.counter() < counter {
            return Err(RefreshError::behind(counter, keyring.counter()));
        }
        Ok(keyring)
    }

    /// Loads the keyring, under whichever root key at hand it is wrapped by now.
    pub(super) async fn reload(&self, client: &mut Client) -> Result<Arc<Keyring>, RefreshError> {
        let current = self.keyring();
        let roots = self.roots.load_full();
        let mut outcome = Err(RefreshError::no_keyring());
        for (at, root) in roots.iter().enumerate() {
            match keys::reload(client, root, &current).await {
                Ok(keyring) => {
                    if at > 0 {
                        let mut roots = roots.to_vec();
                        roots.rotate_left(at);
                        self.roots.store(Arc::new(roots));
                    }
                    return Ok(keyring);
                }
                Err(error @ KeyError::WrongRoot { .. }) => outcome = Err((&error).into()),
                Err(error) => return Err((&error).into()),
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_looked_for_once_under_each_keyring() {
        let mut missing = Missing::default();
        assert!(!missing.knows(1, KeyId(7)));
        missing.add(1, KeyId(7));
        assert!(missing.knows(1, KeyId(7)) && !missing.knows(2, KeyId(7)));
        missing.add(2, KeyId(8));
        assert!(!missing.knows(2, KeyId(7)), "looked for again under the new one");
        (0..=MISSING as u64).for_each(|id| missing.add(2, KeyId(100 + id)));
        assert!(missing.ids.len() == MISSING && !missing.knows(2, KeyId(8)));
    }
}
