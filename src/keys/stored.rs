//! The rows of the keyring's tables: read, checked, and written back.
//!
//! Whoever can write to these tables can put nothing in them that is believed: a wrapped key opens only under
//! its own id, group, purpose and version, and the manifest, authenticated under the root key, covers which
//! groups and keys there are, the state and slot of each, and a counter of changes.

use hmac::digest::Digest as _;
use sha2::Sha256;
use tokio_postgres::{Client, GenericClient, IsolationLevel, Row, Transaction};

use super::error::KeyError;
use super::keyring::{GroupBytes, KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder};
use super::root::{RootKey, field, hex};
use crate::crypto::{Key, KeyId, Slot, fill_random};

/// What the tables hold.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) uuid: [u8; 16],
    pub(super) counter: u64,
    pub(super) root: StoredRoot,
    pub(super) groups: Vec<(GroupBytes, String)>,
    pub(super) keys: Vec<StoredKey>,
    seal: Vec<u8>,
}

#[derive(Clone, PartialEq)]
pub(super) struct StoredKey {
    pub(super) info: KeyInfo,
    pub(super) wrapped: Option<Vec<u8>>,
}

/// What the database says of the root key that wraps its keyring.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRoot {
    /// The keyring's random identity.
    pub keyring: [u8; 16],
    /// Counts the root keys that this keyring has had, from 1.
    pub version: u32,
    /// Which root key it is.
    pub fingerprint: Vec<u8>,
    /// The root key itself, wrapped by an outside provider; `None` where the provider holds it.
    pub wrapped: Option<Vec<u8>>,
}

impl std::fmt::Debug for StoredRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredRoot(version {}, {})", self.version, hex(&self.fingerprint))
    }
}

/// What is written down of a root key beside the keys that it wraps.
#[derive(Clone, PartialEq, Eq)]
pub struct RootNote {
    /// Where it comes from, for people: `pyrite.roots` keeps this text.
    pub provider: String,
    /// The root key itself, wrapped by an outside provider; `None` where the provider holds it.
    pub wrapped: Option<Vec<u8>>,
}

impl std::fmt::Debug for RootNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RootNote({:?}, wrapped: {})", self.provider, self.wrapped.is_some())
    }
}

impl Stored {
    /// A keyring without groups.
    pub(super) fn empty(uuid: [u8; 16], root: &RootKey, note: &RootNote) -> Self {
        Self {
            uuid,
            counter: 0,
            root: StoredRoot {
                keyring: uuid,
                version: 1,
                fingerprint: root.fingerprint().to_vec(),
                wrapped: note.wrapped.clone(),
            },
            groups: Vec::new(),
            keys: Vec::new(),
            seal: Vec::new(),
        }
    }

    /// Checks that it is whole and unaltered, and opens the keys.
    pub(super) fn open(&self, root: &RootKey) -> Result<Keyring, KeyError> {
        let mut builder = KeyringBuilder::new(self.uuid).counter(self.counter).seal(&self.seal);
        for (id, name) in &self.groups {
            builder = builder.group(*id, name.as_str());
        }
        for (info, bytes) in self.unwrap(root)? {
            builder = builder.key(info, bytes);
        }
        Ok(builder.build()?)
    }

    /// The same, without putting the keyring together.
    pub(super) fn unwrap(&self, root: &RootKey) -> Result<Vec<(KeyInfo, Option<Key>)>, KeyError> {
        if self.root.fingerprint != root.fingerprint() {
            return Err(KeyError::WrongRoot {
                given: hex(&root.fingerprint()),
                needed: hex(&self.root.fingerprint),
            });
        }
        if !root.verify_manifest(&self.manifest(), &self.seal) {
            return Err(KeyError::Tampered(
                "its groups, keys, states or counter do not fit the manifest".to_owned(),
            ));
        }
        let open = |key: &StoredKey| {
            let bytes = match &key.wrapped {
                Some(wrapped) if key.info.state != KeyState::Destroyed => {
                    let opened = root.unwrap(&self.uuid, &key.info, wrapped);
                    Some(opened.map_err(|_| {
                        KeyError::Tampered(format!("the wrapped form of key {} was altered", key.info.id))
                    })?)
                }
                _ => None,
            };
            Ok((key.info.clone(), bytes))
        };
        self.keys.iter().map(open).collect()
    }

    /// All that the seal covers, in an order of its own.
    fn manifest(&self) -> Vec<u8> {
        let mut out = Vec::new();
        field(&mut out, b"pyrite manifest 1");
        field(&mut out, &self.uuid);
        field(&mut out, &self.counter.to_be_bytes());
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort();
        field(&mut out, &(groups.len() as u64).to_be_bytes());
        for (id, name) in groups {
            field(&mut out, id);
            field(&mut out, name.as_bytes());
        }
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort_by_key(|key| key.info.id);
        field(&mut out, &(keys.len() as u64).to_be_bytes());
        for StoredKey { info, wrapped } in keys {
            field(&mut out, &info.id.to_bytes());
            field(&mut out, &info.group);
            field(&mut out, info.label().as_bytes());
            field(&mut out, &info.version.to_be_bytes());
            field(&mut out, info.state.as_str().as_bytes());
            // A key wrapped twice (as when the root key is replaced) has one form that counts.
            let wrapped = wrapped.as_ref().map(Sha256::digest);
            field(&mut out, wrapped.as_ref().map_or(&[][..], |digest| digest.as_slice()));
        }
        out
    }

    /// Adds a new random key.
    pub(super) fn add_key(
        &mut self,
        root: &RootKey,
        group: GroupBytes,
        purpose: KeyPurpose,
        state: KeyState,
        slot: Slot,
    ) -> Result<KeyId, KeyError> {
        let of_its_kind =
            self.keys.iter().filter(|key| key.info.group == group && key.info.purpose == purpose);
        let version = of_its_kind.map(|key| key.info.version).max().unwrap_or(0).saturating_add(1);
        let info = KeyInfo { id: random_id()?, group, purpose, version, state, slot };
        let id = info.id;
        let wrapped = root.wrap(&self.uuid, &info, &Key::generate()?)?;
        self.keys.push(StoredKey { info, wrapped: Some(wrapped) });
        Ok(id)
    }

    /// Writes what differs from `before` (all, if that is `None`) under the next counter and a new seal, tells
    /// the proxies, and returns the keyring. Groups that are there already may stay. The caller holds [`lock`] and
    /// commits.
    pub(super) async fn save(
        &mut self,
        transaction: &Transaction<'_>,
        root: &RootKey,
        before: Option<&Stored>,
    ) -> Result<Keyring, KeyError> {
        self.counter = self.counter.saturating_add(1);
        self.seal = root.seal_manifest(&self.manifest());
        // Before anything is written: what makes no keyring must not be stored.
        let keyring = self.open(root)?;
        self.save_groups(transaction, before).await?;
        self.save_keys(transaction, before).await?;
        self.save_keyring(transaction, before.is_none()).await?;
        transaction.batch_execute("NOTIFY pyrite, 'keyring'").await.map_err(KeyError::database(CHANGING))?;
        Ok(keyring)
    }

    async fn save_groups(
        &self,
        transaction: &Transaction<'_>,
        before: Option<&Stored>,
    ) -> Result<(), KeyError> {
        let known = before.map_or(&[][..], |before| &before.groups);
        for (id, name) in self.groups.iter().filter(|group| !known.contains(group)) {
            let statement = "INSERT INTO pyrite.groups (id, name) VALUES (encode($1, 'hex')::uuid, $2)
                             ON CONFLICT (id) DO NOTHING";
            transaction.execute(statement, &[&&id[..], name]).await.map_err(KeyError::database(CHANGING))?;
        }
        Ok(())
    }

    async fn save_keys(
        &self,
        transaction: &Transaction<'_>,
        before: Option<&Stored>,
    ) -> Result<(), KeyError> {
        let known = before.map_or(&[][..], |before| &before.keys);
        let mut changed: Vec<_> = self.keys.iter().filter(|key| !known.contains(key)).collect();
        // An index allows one primary at a time: the old one has to step down first.
        changed.sort_by_key(|key| key.info.state == KeyState::Primary);
        for StoredKey { info, wrapped } in changed {
            let version = i32::try_from(info.version).unwrap_or(i32::MAX);
            transaction
                .execute(
                    "INSERT INTO pyrite.keys (id, group_id, purpose, version, state, slot, wrapped)
                     VALUES ($1, encode($2, 'hex')::uuid, $3, $4, $5, $6, $7)
                     ON CONFLICT (id) DO UPDATE
                     SET state = excluded.state, wrapped = excluded.wrapped, changed_at = now()",
                    &[
                        &&info.id.to_bytes()[..],
                        &&info.group[..],
                        &info.purpose.as_str(),
                        &version,
                        &info.state.as_str(),
                        &info.slot.as_str(),
                        wrapped,
                    ],
                )
                .await
                .map_err(KeyError::database(CHANGING))?;
        }
        Ok(())
    }

    async fn save_keyring(&self, transaction: &Transaction<'_>, is_new: bool) -> Result<(), KeyError> {
        let counter = i64::try_from(self.counter).unwrap_or(i64::MAX);
        let version = i32::try_from(self.root.version).unwrap_or(i32::MAX);
        let statement = match is_new {
            true => {
                "INSERT INTO pyrite.keyring (id, root_fingerprint, counter, manifest, root_version, root_wrapped)
                 VALUES (encode($1, 'hex')::uuid, $2, $3, $4, $5, $6)"
            }
            false => {
                "UPDATE pyrite.keyring SET root_fingerprint = $2, counter = $3, manifest = $4, root_version = $5,
                        root_wrapped = $6
                 WHERE id = encode($1, 'hex')::uuid"
            }
        };
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&&self.uuid[..], &self.root.fingerprint, &counter, &self.seal, &version, &self.root.wrapped];
        let rows = transaction.execute(statement, &values).await.map_err(KeyError::database(CHANGING))?;
        match rows {
            1 => Ok(()),
            _ => Err(KeyError::Tampered("its row in pyrite.keyring cannot be written".to_owned())),
        }
    }
}

const CHANGING: &str = "change the keyring";

/// Reads all tables in one snapshot, without a lock.
pub(super) async fn read_snapshot(client: &mut Client) -> Result<Option<Stored>, KeyError> {
    let doing = "read the keyring";
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .map_err(KeyError::database(doing))?;
    settle(&transaction, doing).await?;
    let stored = read(&transaction).await?;
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(stored)
}

/// A transaction that sees what others committed before each statement, whatever the role's default is: what is
/// read behind a lock must be what its last holder left.
pub(super) async fn begin<'a>(
    client: &'a mut Client,
    doing: &'static str,
) -> Result<Transaction<'a>, KeyError> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = builder.start().await.map_err(KeyError::database(doing))?;
    settle(&transaction, doing).await?;
    Ok(transaction)
}

/// Lets one transaction at a time change the keyring. Readers are not held up.
pub(super) async fn lock(transaction: &Transaction<'_>) -> Result<(), KeyError> {
    // A lock on the table, not an advisory one: those any role could take, and keep proxies from starting. It is
    // held for milliseconds; who waits longer gives up before its lease ends.
    transaction
        .batch_execute("SET LOCAL lock_timeout = '5s'; LOCK TABLE pyrite.keyring IN SHARE ROW EXCLUSIVE MODE")
        .await
        .map_err(KeyError::database("lock the keyring"))
}

/// No name in our statements may mean something else because of the role's or database's settings.
async fn settle(transaction: &Transaction<'_>, doing: &'static str) -> Result<(), KeyError> {
    transaction
        .batch_execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '30s'")
        .await
        .map_err(KeyError::database(doing))
}

pub(super) async fn read(transaction: &Transaction<'_>) -> Result<Option<Stored>, KeyError> {
    let fail = || KeyError::database("read the keyring");
    let query = "SELECT uuid_send(id), root_fingerprint, counter, manifest, root_version, root_wrapped
                 FROM pyrite.keyring";
    let Some(row) = transaction.query_opt(query, &[]).await.map_err(fail())? else { return Ok(None) };
    let uuid = bytes16(&row, 0)?;
    let mut stored = Stored {
        uuid,
        counter: u64::try_from(row.try_get::<_, i64>(2).map_err(fail())?)
            .map_err(|_| KeyError::Tampered("its counter is negative".to_owned()))?,
        root: StoredRoot {
            keyring: uuid,
            version: u32::try_from(row.try_get::<_, i32>(4).map_err(fail())?)
                .map_err(|_| KeyError::Tampered("its root key's version is negative".to_owned()))?,
            fingerprint: row.try_get(1).map_err(fail())?,
            wrapped: row.try_get(5).map_err(fail())?,
        },
        groups: Vec::new(),
        keys: Vec::new(),
        seal: row.try_get(3).map_err(fail())?,
    };
    let query = "SELECT uuid_send(id), name FROM pyrite.groups";
    for row in transaction.query(query, &[]).await.map_err(fail())? {
        stored.groups.push((bytes16(&row, 0)?, row.try_get(1).map_err(fail())?));
    }
    let query = "SELECT id, uuid_send(group_id), purpose, version, state, slot, wrapped FROM pyrite.keys";
    for row in transaction.query(query, &[]).await.map_err(fail())? {
        stored.keys.push(read_key(&row)?);
    }
    Ok(Some(stored))
}

/// The highest counter that a proxy says to have in use.
pub(super) async fn seen_by_proxies(client: &impl GenericClient) -> Result<u64, KeyError> {
    let doing = "ask what the proxies have seen";
    let query = "SELECT pg_catalog.max(counter) FROM pyrite.proxies";
    let row = client.query_one(query, &[]).await.map_err(KeyError::database(doing))?;
    let seen: Option<i64> = row.try_get(0).map_err(KeyError::database(doing))?;
    Ok(seen.and_then(|seen| u64::try_from(seen).ok()).unwrap_or(0))
}

fn read_key(row: &Row) -> Result<StoredKey, KeyError> {
    let fail = || KeyError::database("read the keyring");
    let wrong = |what: &str| KeyError::Tampered(format!("a key has an unknown {what}"));
    let id: &[u8] = row.try_get(0).map_err(fail())?;
    let id = KeyId::from_bytes(id.try_into().map_err(|_| wrong("form of id"))?);
    let info = KeyInfo {
        id,
        group: bytes16(row, 1)?,
        purpose: KeyPurpose::parse(row.try_get(2).map_err(fail())?).ok_or_else(|| wrong("purpose"))?,
        version: u32::try_from(row.try_get::<_, i32>(3).map_err(fail())?).map_err(|_| wrong("version"))?,
        state: KeyState::parse(row.try_get(4).map_err(fail())?).ok_or_else(|| wrong("state"))?,
        slot: Slot::parse(row.try_get(5).map_err(fail())?).ok_or_else(|| wrong("slot"))?,
    };
    Ok(StoredKey { info, wrapped: row.try_get(6).map_err(fail())? })
}

pub(super) fn bytes16(row: &Row, index: usize) -> Result<[u8; 16], KeyError> {
    let bytes: &[u8] = row.try_get(index).map_err(KeyError::database("read an id"))?;
    bytes.try_into().map_err(|_| KeyError::Tampered("an id has the wrong length".to_owned()))
}

/// As PostgreSQL prints a UUID.
pub(super) fn hex_uuid(uuid: &[u8; 16]) -> String {
    let digits = hex(uuid);
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default());
    parts.join("-")
}

/// A version 4 UUID.
pub(super) fn random_uuid() -> Result<[u8; 16], KeyError> {
    let mut uuid = [0u8; 16];
    fill_random(&mut uuid)?;
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    Ok(uuid)
}

fn random_id() -> Result<KeyId, KeyError> {
    let mut id = [0u8; 8];
    fill_random(&mut id)?;
    Ok(KeyId::from_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by an independent program: stored keyrings have seals over these bytes, so they must never change.
    #[test]
    fn the_manifest_is_pinned() {
        let key = |id, group, purpose, version, state, slot, wrapped: Option<&[u8]>| StoredKey {
            info: KeyInfo { id: KeyId(id), group: [group; 16], purpose, version, state, slot },
            wrapped: wrapped.map(<[u8]>::to_vec),
        };
        use KeyPurpose::{Data, Equality};
        use KeyState::{Active, Destroyed, Primary, Retired};
        let mut stored = Stored {
            uuid: [9; 16],
            counter: 7,
            root: StoredRoot { keyring: [9; 16], version: 3, fingerprint: vec![1], wrapped: None },
            groups: vec![([2; 16], "phone".to_owned()), ([1; 16], "email".to_owned())],
            keys: vec![
                key(20, 1, Data, 1, Retired, Slot::A, Some(b"w20")),
                key(10, 1, Data, 2, Primary, Slot::A, Some(b"w10")),
                key(11, 1, Equality, 1, Primary, Slot::A, Some(b"w11")),
                key(5, 2, Data, 1, Destroyed, Slot::A, None),
            ],
            seal: Vec::new(),
        };
        let digest = |stored: &Stored| hex(&Sha256::digest(stored.manifest()));
        // As it was before index keys had slots.
        assert_eq!(digest(&stored), "d23b99f0ac8a19fa2f48456290e282e07b2329828d4c6af9078a0d2511a323e4");
        stored.keys.push(key(12, 1, Equality, 2, Active, Slot::B, Some(b"w12")));
        assert_eq!(digest(&stored), "dcec8a4746fbd6aee8932a51a2d136b8e96961077130371eedd3cfec7827a653");
    }

    #[test]
    fn a_uuid_is_printed_as_postgres_does() {
        let uuid: [u8; 16] = std::array::from_fn(|n| u8::try_from(n * 16 + 1).unwrap());
        assert_eq!(hex_uuid(&uuid), "01112131-4151-6171-8191-a1b1c1d1e1f1");
    }
}
