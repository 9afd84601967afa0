//! The keyring in the database: wrapped keys in `pyrite.keys`, and a manifest over all of them.
//!
//! Whoever can write to these tables can put nothing in them that is believed: a wrapped key opens only under
//! its own id, group, purpose and version, and the manifest, authenticated under the root key, covers which
//! groups and keys there are, the state of each, and a counter of changes.

use std::sync::Arc;

use hmac::digest::Digest as _;
use sha2::Sha256;
use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use super::error::KeyError;
use super::keyring::{GroupBytes, KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder};
use super::root::{RootKey, field, hex};
use crate::crypto::{Key, KeyId, fill_random};

/// The keyring of this database, with a group, a data key and an equality key for each of `groups`; what is
/// missing is created. Any number of proxies may do this at once: all end with the same keyring.
pub async fn load_or_create(
    client: &mut Client,
    root: &RootKey,
    groups: &[String],
) -> Result<Arc<Keyring>, KeyError> {
    if let Some(stored) = read_snapshot(client).await? {
        let keyring = stored.open(root)?;
        if groups.iter().all(|name| keyring.group_id(name).is_some()) {
            return Ok(Arc::new(keyring));
        }
    }
    create_missing(client, root, groups).await.map(Arc::new)
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
    if keyring.uuid() != previous.uuid() {
        return Err(KeyError::Tampered("it is another keyring than before".to_owned()));
    }
    if keyring.counter() < previous.counter() {
        return Err(KeyError::RolledBack { seen: previous.counter(), found: keyring.counter() });
    }
    Ok(Arc::new(keyring))
}

/// What the tables hold.
struct Stored {
    uuid: [u8; 16],
    fingerprint: Vec<u8>,
    counter: u64,
    seal: Vec<u8>,
    groups: Vec<(GroupBytes, String)>,
    keys: Vec<StoredKey>,
}

struct StoredKey {
    info: KeyInfo,
    wrapped: Option<Vec<u8>>,
}

impl Stored {
    /// Checks that it is whole and unaltered, and opens the keys.
    fn open(&self, root: &RootKey) -> Result<Keyring, KeyError> {
        if self.fingerprint != root.fingerprint() {
            return Err(KeyError::WrongRoot {
                given: hex(&root.fingerprint()),
                needed: hex(&self.fingerprint),
            });
        }
        if !root.verify_manifest(&self.manifest(), &self.seal) {
            return Err(KeyError::Tampered(
                "its groups, keys, states or counter do not fit the manifest".to_owned(),
            ));
        }
        let mut builder = KeyringBuilder::new(self.uuid).counter(self.counter);
        for (id, name) in &self.groups {
            builder = builder.group(*id, name.as_str());
        }
        for key in &self.keys {
            let bytes = match &key.wrapped {
                Some(wrapped) if key.info.state != KeyState::Destroyed => {
                    let opened = root.unwrap(&self.uuid, &key.info, wrapped);
                    Some(opened.map_err(|_| {
                        KeyError::Tampered(format!("the wrapped form of key {} was altered", key.info.id))
                    })?)
                }
                _ => None,
            };
            builder = builder.key(key.info.clone(), bytes);
        }
        Ok(builder.build()?)
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
            field(&mut out, info.purpose.as_str().as_bytes());
            field(&mut out, &info.version.to_be_bytes());
            field(&mut out, info.state.as_str().as_bytes());
            // A key wrapped twice (as when the root key is replaced) has one form that counts.
            let wrapped = wrapped.as_ref().map(Sha256::digest);
            field(&mut out, wrapped.as_ref().map_or(&[][..], |digest| digest.as_slice()));
        }
        out
    }
}

/// Reads all tables in one snapshot, without a lock.
async fn read_snapshot(client: &mut Client) -> Result<Option<Stored>, KeyError> {
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

/// No name in our statements may mean something else because of the role's or database's settings.
async fn settle(transaction: &Transaction<'_>, doing: &'static str) -> Result<(), KeyError> {
    transaction
        .batch_execute("SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = '30s'")
        .await
        .map_err(KeyError::database(doing))
}

async fn read(transaction: &Transaction<'_>) -> Result<Option<Stored>, KeyError> {
    let doing = "read the keyring";
    let fail = || KeyError::database(doing);
    let query = "SELECT uuid_send(id), root_fingerprint, counter, manifest FROM pyrite.keyring";
    let Some(row) = transaction.query_opt(query, &[]).await.map_err(fail())? else { return Ok(None) };
    let mut stored = Stored {
        uuid: bytes16(&row, 0)?,
        fingerprint: row.try_get(1).map_err(fail())?,
        counter: u64::try_from(row.try_get::<_, i64>(2).map_err(fail())?)
            .map_err(|_| KeyError::Tampered("its counter is negative".to_owned()))?,
        seal: row.try_get(3).map_err(fail())?,
        groups: Vec::new(),
        keys: Vec::new(),
    };
    let query = "SELECT uuid_send(id), name FROM pyrite.groups";
    for row in transaction.query(query, &[]).await.map_err(fail())? {
        stored.groups.push((bytes16(&row, 0)?, row.try_get(1).map_err(fail())?));
    }
    let query = "SELECT id, uuid_send(group_id), purpose, version, state, wrapped FROM pyrite.keys";
    for row in transaction.query(query, &[]).await.map_err(fail())? {
        stored.keys.push(read_key(&row)?);
    }
    Ok(Some(stored))
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
    };
    Ok(StoredKey { info, wrapped: row.try_get(5).map_err(fail())? })
}

pub(super) fn bytes16(row: &Row, index: usize) -> Result<[u8; 16], KeyError> {
    let bytes: &[u8] = row.try_get(index).map_err(KeyError::database("read an id"))?;
    bytes.try_into().map_err(|_| KeyError::Tampered("an id has the wrong length".to_owned()))
}

/// Creates the keyring if there is none, and the groups that it lacks, in one transaction.
async fn create_missing(client: &mut Client, root: &RootKey, groups: &[String]) -> Result<Keyring, KeyError> {
    let doing = "create keys";
    let transaction = begin(client, doing).await?;
    // A lock on the table, not an advisory one: those any role could take, and keep proxies from starting.
    transaction
        .batch_execute("LOCK TABLE pyrite.keyring IN SHARE ROW EXCLUSIVE MODE")
        .await
        .map_err(KeyError::database("lock the keyring"))?;
    let (mut stored, is_new) = match read(&transaction).await? {
        Some(stored) => {
            // Before anything is sealed anew: what is there must be right.
            stored.open(root)?;
            (stored, false)
        }
        None => (empty(&transaction, root).await?, true),
    };
    for name in groups {
        if !stored.groups.iter().any(|(_, known)| known == name) {
            add_group(&transaction, root, &mut stored, name).await?;
        }
    }
    stored.counter = stored.counter.saturating_add(1);
    stored.seal = root.seal_manifest(&stored.manifest());
    let counter = i64::try_from(stored.counter).unwrap_or(i64::MAX);
    let statement = if is_new {
        "INSERT INTO pyrite.keyring (id, root_fingerprint, counter, manifest)
         VALUES (encode($1, 'hex')::uuid, $2, $3, $4)"
    } else {
        "UPDATE pyrite.keyring SET counter = $3, manifest = $4
         WHERE id = encode($1, 'hex')::uuid AND root_fingerprint = $2"
    };
    transaction
        .execute(statement, &[&&stored.uuid[..], &stored.fingerprint, &counter, &stored.seal])
        .await
        .map_err(KeyError::database(doing))?;
    let keyring = stored.open(root)?;
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(keyring)
}

/// A keyring without groups; refused where encrypted columns show that there was one before.
async fn empty(transaction: &Transaction<'_>, root: &RootKey) -> Result<Stored, KeyError> {
    let doing = "look for encrypted columns";
    let query = "SELECT (SELECT count(*) FROM pyrite.columns) + (SELECT count(*) FROM pyrite.keys)";
    let row = transaction.query_one(query, &[]).await.map_err(KeyError::database(doing))?;
    if row.try_get::<_, i64>(0).map_err(KeyError::database(doing))? > 0 {
        return Err(KeyError::Schema {
            message: "there are encrypted columns or keys in this database, and its keyring is gone"
                .to_owned(),
            hint: "Restore the tables pyrite.keyring, pyrite.groups and pyrite.keys from a backup."
                .to_owned(),
        });
    }
    Ok(Stored {
        uuid: random_uuid()?,
        fingerprint: root.fingerprint().to_vec(),
        counter: 0,
        seal: Vec::new(),
        groups: Vec::new(),
        keys: Vec::new(),
    })
}

async fn add_group(
    transaction: &Transaction<'_>,
    root: &RootKey,
    stored: &mut Stored,
    name: &str,
) -> Result<(), KeyError> {
    let doing = "create the keys of a group";
    let group = random_uuid()?;
    transaction
        .execute(
            "INSERT INTO pyrite.groups (id, name) VALUES (encode($1, 'hex')::uuid, $2)",
            &[&&group[..], &name],
        )
        .await
        .map_err(KeyError::database(doing))?;
    stored.groups.push((group, name.to_owned()));
    for purpose in [KeyPurpose::Data, KeyPurpose::Equality] {
        let info = KeyInfo { id: random_id()?, group, purpose, version: 1, state: KeyState::Primary };
        let wrapped = root.wrap(&stored.uuid, &info, &Key::generate()?)?;
        transaction
            .execute(
                "INSERT INTO pyrite.keys (id, group_id, purpose, version, state, wrapped)
                 VALUES ($1, encode($2, 'hex')::uuid, $3, 1, 'primary', $4)",
                &[&&info.id.to_bytes()[..], &&group[..], &purpose.as_str(), &wrapped],
            )
            .await
            .map_err(KeyError::database(doing))?;
        stored.keys.push(StoredKey { info, wrapped: Some(wrapped) });
    }
    Ok(())
}

/// A version 4 UUID.
fn random_uuid() -> Result<[u8; 16], KeyError> {
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
