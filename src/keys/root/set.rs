//! The root keys that a proxy works with: `keys.root`, `keys.next_root`, and what it has opened with them.
//!
//! An opened root key stays in memory, so that a provider is asked at start-up and when the root key was replaced,
//! and at no other time: while it is away, a running proxy goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_postgres::Client;

use super::RootKey;
use super::source::RootSource;
use super::wrapped::Wrapped;
use crate::config::Config;
use crate::keys::error::KeyError;
use crate::keys::keyring::Keyring;
use crate::keys::store::{self, GroupWish, stored_root};
use crate::keys::stored::{RootNote, StoredRoot, random_uuid};

/// How long a provider that is not needed yet may hold up a start.
const TRIAL: Duration = Duration::from_secs(5);
/// How often a start-up begins anew because another proxy changed the root key under its hands.
const ATTEMPTS: u32 = 5;

/// A root key that a keyring is about to be wrapped by.
#[derive(Clone, Debug)]
pub struct NewRoot {
    /// The key.
    pub key: Arc<RootKey>,
    /// What is written down of it.
    pub note: RootNote,
    /// What each other proxy must list in `pyrite.proxies.roots` to be able to follow.
    pub identity: [u8; 8],
}

/// The configured providers, and the root keys that are open. One for each database.
#[derive(Debug)]
pub struct Roots {
    root: RootSource,
    next: Option<RootSource>,
    open: Mutex<Vec<Open>>,
    /// Identities of the outside providers that have done what they were asked.
    reached: Mutex<BTreeSet<[u8; 8]>>,
}

/// A root key in memory.
#[derive(Debug)]
struct Open {
    key: Arc<RootKey>,
    /// Whether a configured provider holds it as it is.
    direct: bool,
}

impl Roots {
    /// From the configuration; asks nobody yet.
    pub fn new(config: &Config) -> Self {
        Self::from_sources(RootSource::new(&config.root), config.next_root.as_ref().map(RootSource::new))
    }

    /// From the root key's source, and that of the next one.
    pub fn from_sources(root: RootSource, next: Option<RootSource>) -> Self {
        Self { root, next, open: Mutex::default(), reached: Mutex::default() }
    }

    /// At start-up: the root key and the keyring of a database, with all of `groups`; what is missing is created.
    ///
    /// # Errors
    /// As [`Roots::open`] and [`store::load_or_create`].
    pub async fn load_or_create(
        &self,
        client: &mut Client,
        groups: &[GroupWish],
    ) -> Result<(Arc<RootKey>, Arc<Keyring>), KeyError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            // A provider may take its time, so it is asked before anything is locked.
            let (root, outcome) = match stored_root(client).await? {
                Some(stored) => {
                    let root = self.open(&stored).await?;
                    let keyring = store::load_or_create_for(client, &root, groups).await;
                    (root, keyring)
                }
                None => {
                    let uuid = random_uuid()?;
                    let NewRoot { key, note, .. } = self.create(&uuid).await?;
                    let keyring = store::load_or_create_with(client, &key, Some(uuid), &note, groups).await;
                    (key, keyring)
                }
            };
            match outcome {
                // Another proxy created the keyring, or replaced its root key, in the meantime.
                Err(KeyError::WrongRoot { .. }) if attempts < ATTEMPTS => {}
                outcome => return Ok((root, outcome?)),
            }
        }
    }

    /// Loads the keyring again, as [`store::reload`] does; if its root key was replaced, `root` is too. Otherwise no
    /// provider is asked.
    ///
    /// # Errors
    /// As [`Roots::open`] and [`store::reload`]; `root` and `previous` then stay in use.
    pub async fn reload(
        &self,
        client: &mut Client,
        root: &mut Arc<RootKey>,
        previous: &Keyring,
    ) -> Result<Arc<Keyring>, KeyError> {
        match store::reload(client, root, previous).await {
            Err(KeyError::WrongRoot { .. }) => {}
            outcome => return outcome,
        }
        let stored = stored_root(client).await?;
        let stored = stored.ok_or_else(|| KeyError::Tampered("the keyring is gone".to_owned()))?;
        if stored.keyring != previous.uuid() {
            return Err(KeyError::Tampered("it is another keyring than before".to_owned()));
        }
        let new = self.open(&stored).await?;
        let keyring = store::reload(client, &new, previous).await?;
        *root = new;
        Ok(keyring)
    }

    /// The root key of this keyring: from memory, or else from whichever configured provider has it.
    ///
    /// # Errors
    /// Of the provider that should have it; [`KeyError::WrongRoot`] if all that could be had are others.
    pub async fn open(&self, stored: &StoredRoot) -> Result<Arc<RootKey>, KeyError> {
        if let Some(known) = self.known(&stored.fingerprint) {
            return Ok(known);
        }
        let (mut failed, mut given) = (None, None);
        for source in self.sources().filter(|source| fits(source, stored)) {
            match source.open(stored.wrapped.as_deref(), &stored.keyring).await {
                Ok(root) if root.fingerprint()[..] == stored.fingerprint => {
                    self.note_reached(source);
                    let root = self.keep(root, source.is_direct());
                    self.forget_all_but(&stored.fingerprint);
                    return Ok(root);
                }
                Ok(root) => given = given.or(Some(root.fingerprint())),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let wrong = given.map(|given| KeyError::WrongRoot {
            given: super::hex(&given),
            needed: super::hex(&stored.fingerprint),
        });
        Err(failed.or(wrong).unwrap_or_else(|| self.no_provider(stored)))
    }

    /// The error where no configured provider is of the kind that wrapped the stored root key.
    fn no_provider(&self, stored: &StoredRoot) -> KeyError {
        let keeper = match stored.wrapped.as_deref().map(Wrapped::parse) {
            None => "in a file or an environment variable".to_owned(),
            Some(Ok(wrapped)) => format!("wrapped by {}", wrapped.describe()),
            Some(Err(_)) => "wrapped in an unknown form".to_owned(),
        };
        KeyError::Root {
            place: self.root.describe(),
            reason: format!("the root key {} of this database is {keeper}", super::hex(&stored.fingerprint)),
            hint: "Name the provider of this database's root key under keys.root, and one to move to under \
                   keys.next_root."
                .to_owned(),
        }
    }

    /// The root key for a new keyring.
    ///
    /// # Errors
    /// As [`RootSource::create`].
    pub async fn create(&self, keyring: &[u8; 16]) -> Result<NewRoot, KeyError> {
        self.create_from(&self.root, keyring).await
    }

    /// The root key that ROTATE ROOT KEY replaces the stored one by: that of `keys.next_root`, or a fresh one under
    /// the same outside provider.
    ///
    /// # Errors
    /// As [`RootSource::create`]; [`KeyError::Change`] if the configuration names no other root key.
    pub async fn successor(&self, stored: &StoredRoot) -> Result<NewRoot, KeyError> {
        let source = self.next.as_ref().unwrap_or(&self.root);
        let new = self.create_from(source, &stored.keyring).await?;
        if new.key.fingerprint()[..] == stored.fingerprint {
            return Err(KeyError::Change {
                message: format!("the keyring is under the root key from {} already", new.note.provider),
                hint: "Write another root key with `pyrite init`, name it under keys.next_root in every proxy's \
                       configuration, and RELOAD."
                    .to_owned(),
            });
        }
        Ok(new)
    }

    /// Makes sure that this proxy can follow when the root key is replaced: direct providers' keys are loaded into
    /// memory, outside providers are asked to wrap something and open it again. Gives what could not be had, each with
    /// its provider.
    pub async fn prepare(&self, keyring: &[u8; 16]) -> Vec<(String, KeyError)> {
        let mut missing = Vec::new();
        for source in self.sources() {
            let outcome = if source.is_direct() {
                source.open(None, keyring).await.map(|root| {
                    self.keep(root, true);
                })
            } else if self.is_reached(source) {
                Ok(())
            } else {
                source.try_out(keyring, TRIAL).await.map(|()| self.note_reached(source))
            };
            if let Err(error) = outcome {
                missing.push((source.describe(), error));
            }
        }
        missing
    }

    /// For `pyrite.proxies.roots`: fingerprints of the root keys in memory, and identities of the outside providers
    /// that serve this proxy.
    pub fn identities(&self) -> Vec<[u8; 8]> {
        let mut out: Vec<[u8; 8]> = self.held().iter().map(|open| open.key.fingerprint()).collect();
        out.extend(self.reached.lock().unwrap_or_else(PoisonError::into_inner).iter());
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Where the root key is, for people.
    pub fn describe(&self) -> String {
        self.root.describe()
    }

    async fn create_from(&self, source: &RootSource, keyring: &[u8; 16]) -> Result<NewRoot, KeyError> {
        let (key, wrapped) = source.create(keyring).await?;
        self.note_reached(source);
        let identity = match source.is_direct() {
            true => key.fingerprint(),
            false => source.identity()?,
        };
        Ok(NewRoot {
            key: self.keep(key, source.is_direct()),
            note: RootNote { provider: source.describe(), wrapped },
            identity,
        })
    }

    fn note_reached(&self, source: &RootSource) {
        if let Some(identity) = source.outside_identity() {
            self.reached.lock().unwrap_or_else(PoisonError::into_inner).insert(identity);
        }
    }

    fn is_reached(&self, source: &RootSource) -> bool {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        source.outside_identity().is_some_and(|identity| reached.contains(&identity))
    }

    fn sources(&self) -> impl Iterator<Item = &RootSource> {
        std::iter::once(&self.root).chain(&self.next)
    }

    fn known(&self, fingerprint: &[u8]) -> Option<Arc<RootKey>> {
        let known = self.held();
        let known = known.iter().find(|open| open.key.fingerprint()[..] == *fingerprint);
        known.map(|open| open.key.clone())
    }

    fn keep(&self, root: RootKey, direct: bool) -> Arc<RootKey> {
        if let Some(known) = self.known(&root.fingerprint()) {
            return known;
        }
        let key = Arc::new(root);
        self.held().push(Open { key: key.clone(), direct });
        key
    }

    /// A root key that was replaced, and that no configured provider would give again, is wiped.
    fn forget_all_but(&self, fingerprint: &[u8]) {
        self.held().retain(|open| open.direct || open.key.fingerprint()[..] == *fingerprint);
    }

    fn held(&self) -> MutexGuard<'_, Vec<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this provider is of the kind that the stored root key needs.
fn fits(source: &RootSource, stored: &StoredRoot) -> bool {
    match &stored.wrapped {
        None => source.is_direct(),
        Some(bytes) => Wrapped::parse(bytes).is_ok_and(|wrapped| Some(wrapped.provider) == source.kind()),
    }
}
