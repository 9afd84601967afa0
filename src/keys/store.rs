//! The keyring of a database: created at the first start, loaded at each, and loaded again when it changed.

use std::sync::Arc;

use tokio_postgres::{Client, Transaction};

use super::error::KeyError;
use super::keyring::{KeyPurpose, KeyState, Keyring};
use super::root::RootKey;
use super::stored::{
    RootNote, Stored, StoredRoot, begin, lock, random_uuid, read, read_snapshot, seen_by_proxies,
};
use super::terms::TermKinds;
use crate::crypto::Slot;

/// What the database says of its root key; `None` if it has no keyring yet.
pub async fn stored_root(client: &mut Client) -> Result<Option<StoredRoot>, KeyError> {
    Ok(read_snapshot(client).await?.map(|stored| stored.root))
}

/// A key group that shall be there, and the search kinds beside equality that it shall have keys for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupWish {
    /// Its name in the configuration.
    pub name: String,
    /// Search kinds of its columns.
    pub kinds: TermKinds,
}

impl GroupWish {
    fn purposes(&self) -> impl Iterator<Item = KeyPurpose> {
        let kinds = self.kinds;
        let further = [
            (kinds.order, KeyPurpose::Order),
            (kinds.caseless, KeyPurpose::Caseless),
            (kinds.matching, KeyPurpose::Match),
        ];
        let further = further.into_iter().filter(|(wanted, _)| *wanted).map(|(_, purpose)| purpose);
        [KeyPurpose::Data, KeyPurpose::Equality].into_iter().chain(further)
    }

    fn is_met(&self, keyring: &Keyring) -> bool {
        let Some(group) = keyring.group_id(&self.name) else { return false };
        self.purposes().all(|purpose| keyring.primary(&group, purpose).is_some())
    }
}

/// The keyring of this database, with a group, a data key and an equality key for each of `groups`; what is
/// missing is created. Any number of proxies may do this at once: all end with the same keyring.
pub async fn load_or_create(
    client: &mut Client,
    root: &RootKey,
    groups: &[String],
) -> Result<Arc<Keyring>, KeyError> {
    let wish = |name: &String| GroupWish { name: name.clone(), kinds: TermKinds::default() };
    load_or_create_for(client, root, &groups.iter().map(wish).collect::<Vec<_>>()).await
}

/// The same with keys for the search kinds that are wanted.
///
/// # Errors
/// [`KeyError::Change`] also where a group needs another key while its index keys are being rotated.
pub async fn load_or_create_for(
    client: &mut Client,
    root: &RootKey,
    groups: &[GroupWish],
) -> Result<Arc<Keyring>, KeyError> {
    let note = RootNote { provider: "unknown".to_owned(), wrapped: None };
    load_or_create_with(client, root, None, &note, groups).await
}

/// The same, for a root key of which more is known: the keyring's identity that it was made for, if one was
/// chosen, and what is written down of it if the keyring is created now.
///
/// # Errors
/// [`KeyError::WrongRoot`] also where another proxy created the keyring meanwhile, under another new root key:
/// [`stored_root`] then tells which.
pub async fn load_or_create_with(
    client: &mut Client,
    root: &RootKey,
    uuid: Option<[u8; 16]>,
    note: &RootNote,
    groups: &[GroupWish],
) -> Result<Arc<Keyring>, KeyError> {
    // Asked before the keyring is read: no proxy can have what comes later.
    let seen = seen_by_proxies(client).await?;
    if let Some(stored) = read_snapshot(client).await? {
        let keyring = stored.open(root)?;
        if keyring.counter() < seen {
            // Its tables alone were restored from a dump, or somebody put them back.
            return Err(KeyError::RolledBack { seen, found: keyring.counter() });
        }
        if groups.iter().all(|wish| wish.is_met(&keyring)) {
            return Ok(Arc::new(keyring));
        }
    }
    create_missing(client, root, uuid, note, groups).await.map(Arc::new)
}

/// Loads the keyring again. `previous` is the snapshot in use: an older one than that is not accepted.
pub async fn reload(
    client: &mut Client,
    root: &RootKey,
    previous: &Keyring,
) -> Result<Arc<Keyring>, KeyError> {
    let stored = read_snapshot(client).await?;
    let stored = stored.ok_or_else(|| KeyError::Tampered("the keyring is gone".to_owned()))?;
    let keyring = stored.open(root)?;
    check_follows(&keyring, previous)?;
    Ok(Arc::new(keyring))
}

/// Whether a keyring, itself authentic, may take the place of `previous`.
pub(super) fn check_follows(keyring: &Keyring, previous: &Keyring) -> Result<(), KeyError> {
    if keyring.uuid() != previous.uuid() {
        return Err(KeyError::Tampered("it is another keyring than before".to_owned()));
    }
    if keyring.counter() < previous.counter() {
        return Err(KeyError::RolledBack { seen: previous.counter(), found: keyring.counter() });
    }
    if keyring.counter() == previous.counter() && keyring.seal() != previous.seal() {
        // An older one was put back, and somebody who did not know the newer one changed it.
        return Err(KeyError::Tampered(
            "another change has the number of one that was seen before".to_owned(),
        ));
    }
    Ok(())
}

/// Creates the keyring if there is none, and the groups that it lacks, in one transaction.
async fn create_missing(
    client: &mut Client,
    root: &RootKey,
    uuid: Option<[u8; 16]>,
    note: &RootNote,
    groups: &[GroupWish],
) -> Result<Keyring, KeyError> {
    let doing = "create keys";
    let transaction = begin(client, doing).await?;
    lock(&transaction).await?;
    let before = read(&transaction).await?;
    let mut stored = match &before {
        Some(stored) => {
            // Before anything is sealed anew: what is there must be right.
            stored.open(root)?;
            stored.clone()
        }
        None => {
            check_nothing_lost(&transaction).await?;
            let uuid = uuid.map_or_else(random_uuid, Ok)?;
            note_root(&transaction, 1, root, &note.provider).await?;
            Stored::empty(uuid, root, note)
        }
    };
    for wish in groups {
        let known = stored.groups.iter().find(|(_, known)| *known == wish.name).map(|(id, _)| *id);
        let group = match known {
            Some(group) => group,
            None => {
                let group = random_uuid()?;
                stored.groups.push((group, wish.name.clone()));
                group
            }
        };
        for purpose in wish.purposes() {
            stored.add_first_key(root, group, &wish.name, purpose)?;
        }
    }
    let keyring = stored.save(&transaction, root, before.as_ref()).await?;
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(keyring)
}

impl Stored {
    /// A group's first key for a purpose, if it has none. Index keys of all purposes are in the same slot, so that
    /// they are rotated together.
    fn add_first_key(
        &mut self,
        root: &RootKey,
        group: [u8; 16],
        name: &str,
        purpose: KeyPurpose,
    ) -> Result<(), KeyError> {
        let of = |purpose| {
            let keys = self.keys.iter().map(|key| &key.info);
            keys.filter(move |info| info.group == group && info.purpose == purpose)
        };
        if of(purpose).any(|info| info.state == KeyState::Primary) {
            return Ok(());
        }
        let slot = match purpose {
            KeyPurpose::Data => Slot::A,
            _ => of(KeyPurpose::Equality)
                .find(|info| info.state == KeyState::Primary)
                .map_or(Slot::A, |info| info.slot),
        };
        if of(KeyPurpose::Equality).filter(|info| info.is_written()).count() > 1 {
            return Err(KeyError::Change {
                message: format!(
                    "the index keys of group \"{name}\" are being rotated, and it has none for {} yet",
                    purpose.as_str()
                ),
                hint: "Let the rotation finish under the configuration before; then add the search kind."
                    .to_owned(),
            });
        }
        self.add_key(root, group, purpose, KeyState::Primary, slot).map(drop)
    }
}

/// Refuses to make a new keyring where encrypted columns show that there was one before.
async fn check_nothing_lost(transaction: &Transaction<'_>) -> Result<(), KeyError> {
    let doing = "look for encrypted columns";
    let query = "SELECT (SELECT count(*) FROM pyrite.columns) + (SELECT count(*) FROM pyrite.keys)
                      + (SELECT count(*) FROM pyrite.proxies WHERE counter > 0)";
    let row = transaction.query_one(query, &[]).await.map_err(KeyError::database(doing))?;
    if row.try_get::<_, i64>(0).map_err(KeyError::database(doing))? > 0 {
        return Err(KeyError::Schema {
            message: "this database has encrypted columns, keys or proxies in use, and its keyring is gone"
                .to_owned(),
            hint: "Restore the tables pyrite.keyring, pyrite.groups and pyrite.keys from a backup."
                .to_owned(),
        });
    }
    Ok(())
}

/// Writes down that from now on this root key wraps the keyring, as `version`.
pub(super) async fn note_root(
    transaction: &Transaction<'_>,
    version: u32,
    root: &RootKey,
    provider: &str,
) -> Result<(), KeyError> {
    let doing = "write down the root key's fingerprint";
    let version = i32::try_from(version).unwrap_or(i32::MAX);
    transaction
        .execute("UPDATE pyrite.roots SET until = now() WHERE until IS NULL AND version <> $1", &[&version])
        .await
        .map_err(KeyError::database(doing))?;
    transaction
        .execute(
            "INSERT INTO pyrite.roots (version, fingerprint, provider) VALUES ($1, $2, $3)
             ON CONFLICT (version) DO UPDATE
             SET fingerprint = excluded.fingerprint, provider = excluded.provider, since = now(), until = NULL",
            &[&version, &&root.fingerprint()[..], &provider],
        )
        .await
        .map_err(KeyError::database(doing))?;
    Ok(())
}
