//! Keys that this proxy learns from others, and changes that it makes for all.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use tokio_postgres::Client;

use crate::config::{self, Config};
use crate::keys::{self, Change, KeyError, KeyId, Keyring};

use super::manager::Request;
use super::{Database, RefreshError, drain};

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

/// What a change of the root key has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootChange {
    /// Fingerprint of the root key before.
    pub old: [u8; 8],
    /// Fingerprint of the one now.
    pub new: [u8; 8],
    /// Counts the root keys of this keyring.
    pub version: u32,
    /// Where the new one is, for people.
    pub provider: String,
}

impl Database {
    /// Root keys and outside providers that this proxy can open the keyring with, as in `pyrite.proxies.roots`.
    pub fn root_fingerprints(&self) -> Vec<[u8; 8]> {
        self.roots.load().identities()
    }

    /// Where the configured root key is, for people.
    pub fn root_provider(&self) -> String {
        self.roots.load().describe()
    }

    /// Makes changes to the keys, all or none. Returns when this proxy uses the result; [`Database::all_drained`]
    /// tells when all do.
    ///
    /// # Errors
    /// A key's state does not allow the change; the server refuses it; or this proxy cannot take the result over
    /// (the change is made then all the same).
    pub async fn change_keys(&self, changes: Vec<Change>) -> Result<Arc<Keyring>, RefreshError> {
        // On a connection of its own: while it waits for a lock, the lease has to be extended.
        let mut client = self.connect_for("change keys").await?;
        let changed = keys::change(&mut client, &self.root.load_full(), &self.keyring(), &changes).await;
        self.follow(changed.map_err(|e| RefreshError::from(&e))?.counter()).await
    }

    /// Wraps all keys by the root key that the configuration names as the next one, or by a fresh one under the same
    /// outside provider. Values are not touched.
    ///
    /// # Errors
    /// There is no other root key, its provider refuses, a running proxy lacks it, or the server refuses.
    pub async fn rotate_root(&self) -> Result<RootChange, RefreshError> {
        let roots = self.roots.load_full();
        let mut client = self.connect_for("change the root key").await?;
        let key_error = |e: KeyError| RefreshError::from(&e);
        let stored = keys::stored_root(&mut client).await.map_err(key_error)?;
        let stored = stored.ok_or_else(RefreshError::no_keyring)?;
        let new = roots.successor(&stored).await.map_err(key_error)?;
        let lacking = drain::lacking_root(&client, &self.proxy, &new.identity).await?;
        if !lacking.is_empty() {
            return Err(RefreshError::lacking_root(&lacking));
        }
        let old = self.root.load_full();
        let rotated = keys::rotate_root(&mut client, &old, &new.key, &new.note, &self.keyring()).await;
        self.follow(rotated.map_err(key_error)?.counter()).await?;
        let version = keys::stored_root(&mut client).await.map_err(key_error)?;
        Ok(RootChange {
            old: old.fingerprint(),
            new: new.key.fingerprint(),
            version: version.map_or(0, |stored| stored.version),
            provider: new.note.provider,
        })
    }

    /// Takes over the providers of root keys from another configuration, or asks the same ones again. What is in
    /// memory stays in use. Gives what cannot be had: the key of the configuration, and why.
    pub async fn set_roots(&self, config: &Config) -> Vec<(&'static str, KeyError)> {
        let roots = keys::Roots::new(config);
        let missing = super::open::prepare(self.name(), &roots, &self.keyring()).await;
        let root = roots.describe();
        self.roots.store(Arc::new(roots));
        self.nudge();
        let key = |provider| if provider == root { "keys.root" } else { "keys.next_root" };
        missing.into_iter().map(|(provider, error)| (key(provider), error)).collect()
    }

    /// Takes over another configuration of the tables. Key groups that are new get keys. Sessions plan by it when this
    /// returns.
    ///
    /// # Errors
    /// The keys cannot be made, or the catalog cannot be read with it; then the old configuration stays.
    pub async fn reconfigure(&self, tables: config::Database) -> Result<(), RefreshError> {
        let mut client = self.connect_for("change the configuration").await?;
        let groups = super::open::groups(&tables);
        let loaded = keys::load_or_create_for(&mut client, &self.root.load_full(), &groups).await;
        let keyring = loaded.map_err(|e| RefreshError::from(&e))?;
        let (_, json) = super::open::read_catalog(&client, &tables).await?;
        super::open::parse_catalog(&json, &tables, &keyring)?;
        self.follow(keyring.counter()).await?;
        self.ask(|reply| Request::Configure(Box::new(tables), reply)).await
    }

    async fn connect_for(&self, doing: &str) -> Result<Client, RefreshError> {
        self.connect().await.map_err(|e| RefreshError::server(&format!("connect to {doing}"), &e))
    }

    /// Waits until this proxy uses the keyring with this counter or a newer one.
    async fn follow(&self, counter: u64) -> Result<Arc<Keyring>, RefreshError> {
        let keyring = self.confirm().await?;
        match keyring.counter() >= counter {
            true => Ok(keyring),
            false => Err(RefreshError::behind(counter, keyring.counter())),
        }
    }

    /// Loads the keyring, under whichever root key at hand it is wrapped by now.
    pub(super) async fn reload(&self, client: &mut Client) -> Result<Arc<Keyring>, RefreshError> {
        let mut root = self.root.load_full();
        let before = root.fingerprint();
        let keyring = self.roots.load_full().reload(client, &mut root, &self.keyring()).await;
        let keyring = keyring.map_err(|e| RefreshError::from(&e))?;
        if root.fingerprint() != before {
            tracing::info!(database = self.name(), "the keyring is under another root key now");
            self.root.store(root);
        }
        Ok(keyring)
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
