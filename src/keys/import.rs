//! Puts an escrow file's keyring back into a database whose root key, or whose rows in schema `pyrite`, are lost.

use tokio_postgres::{Client, Transaction};

use super::error::KeyError;
use super::escrow::Escrow;
use super::keyring::KeyringBuilder;
use super::root::{RootKey, hex};
use super::store::note_root;
use super::stored::{RootNote, Stored, StoredKey, begin, hex_uuid, lock, read, seen_by_proxies};

/// What [`import`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    /// The keyring is that of the file, under this counter.
    Written {
        /// The new counter; above each that was seen.
        counter: u64,
    },
    /// The database has this keyring already, and it is whole.
    Already,
}

/// Writes the keyring of an escrow file under `root`, in one transaction. Values are not touched.
///
/// # Errors
/// [`KeyError::Escrow`] if that would lose keys: the database has another keyring, a newer one, or keys or
/// groups in use that the file does not have.
pub async fn import(
    client: &mut Client,
    escrow: &Escrow,
    root: &RootKey,
    note: &RootNote,
) -> Result<Imported, KeyError> {
    let doing = "import the keyring";
    let transaction = begin(client, doing).await?;
    lock(&transaction).await?;
    let before = read_what_is_left(&transaction).await?;
    if let Some(stored) = &before {
        let whole = stored.open(root).is_ok();
        if whole && stored.uuid == escrow.uuid && has_same_keys(stored, escrow) {
            return Ok(Imported::Already);
        }
        check_replaceable(stored, escrow, whole)?;
    }
    check_leftovers(&transaction, escrow).await?;

    let mut stored = Stored::empty(escrow.uuid, root, note);
    stored.groups = escrow.groups.clone();
    for (info, key) in &escrow.keys {
        let wrapped = key.as_ref().map(|key| root.wrap(&escrow.uuid, info, key)).transpose()?;
        stored.keys.push(StoredKey { info: info.clone(), wrapped });
    }
    let seen = before.as_ref().map_or(0, |stored| stored.counter);
    stored.counter = escrow.counter.max(seen).max(seen_by_proxies(&transaction).await?);
    stored.root.version = next_root_version(&transaction).await?;
    clear(&transaction, escrow).await?;
    note_root(&transaction, stored.root.version, root, &note.provider).await?;
    let keyring = stored.save(&transaction, root, None).await?;
    transaction.commit().await.map_err(KeyError::database(doing))?;
    Ok(Imported::Written { counter: keyring.counter() })
}

/// The stored keyring, whether or not its rows make sense; `None` without a row in `pyrite.keyring`.
async fn read_what_is_left(transaction: &Transaction<'_>) -> Result<Option<Stored>, KeyError> {
    read(transaction).await.map_err(|error| match error {
        // To be put right by hand first: what it says of itself decides whether it may be replaced.
        KeyError::Tampered(what) => KeyError::Escrow {
            message: format!("the rows of schema pyrite are no keyring: {what}"),
            hint: format!("If they are beyond repair, keep a copy and remove them: {REMOVE}"),
        },
        other => other,
    })
}

const REMOVE: &str = "DELETE FROM pyrite.keys; DELETE FROM pyrite.keyring;";

/// Refuses to replace what the file cannot give back.
fn check_replaceable(stored: &Stored, escrow: &Escrow, whole: bool) -> Result<(), KeyError> {
    let refuse = |message: String| {
        let hint = match whole {
            true => {
                "The root key opens the keyring of this database: there is nothing to put back.".to_owned()
            }
            false => format!(
                "Look for a newer escrow file or a dump. If what is there is of no use without its root key, keep \
                 a copy and remove it, then import again: {REMOVE}"
            ),
        };
        Err(KeyError::Escrow { message, hint })
    };
    if stored.uuid != escrow.uuid {
        return refuse(format!(
            "this database has keyring {}, and the file is of keyring {}",
            hex_uuid(&stored.uuid),
            hex_uuid(&escrow.uuid)
        ));
    }
    // An import or a new root key counts as a change, and leaves the keys as they were.
    if stored.counter > escrow.counter && !has_same_keys(stored, escrow) {
        return refuse(format!(
            "the keyring of this database is newer (change {}) than the file (change {})",
            stored.counter, escrow.counter
        ));
    }
    Ok(())
}

/// Whether both have the same groups, and the same keys in the same states.
fn has_same_keys(stored: &Stored, escrow: &Escrow) -> bool {
    let mut mine: Vec<_> = stored.keys.iter().map(|key| &key.info).collect();
    let mut theirs: Vec<_> = escrow.keys().collect();
    mine.sort_by_key(|info| info.id);
    theirs.sort_by_key(|info| info.id);
    let (mut groups, mut their_groups) = (stored.groups.clone(), escrow.groups.clone());
    groups.sort();
    their_groups.sort();
    mine == theirs && groups == their_groups
}

/// Refuses where there are keys that the file does not have, or columns that are registered with such groups; and
/// checks that the file's keys make a keyring.
async fn check_leftovers(transaction: &Transaction<'_>, escrow: &Escrow) -> Result<(), KeyError> {
    let fail = || KeyError::database("look for what the file does not have");
    let query = "SELECT id FROM pyrite.keys WHERE state <> 'destroyed'";
    for row in transaction.query(query, &[]).await.map_err(fail())? {
        let id: &[u8] = row.try_get(0).map_err(fail())?;
        if !escrow.keys().any(|known| known.id.to_bytes() == *id) {
            return Err(KeyError::Escrow {
                message: format!("the file does not have key {} of this database", hex(id)),
                hint: format!(
                    "Values may need it. Look for a newer escrow file or a dump. If it is of no use without its root \
                     key, keep a copy and remove it, then import again: {REMOVE}"
                ),
            });
        }
    }
    let query =
        "SELECT uuid_send(g.id), g.name, EXISTS (SELECT FROM pyrite.columns c WHERE c.group_id = g.id)
                 FROM pyrite.groups g";
    for row in transaction.query(query, &[]).await.map_err(fail())? {
        let (id, name): (&[u8], &str) = (row.try_get(0).map_err(fail())?, row.try_get(1).map_err(fail())?);
        let used: bool = row.try_get(2).map_err(fail())?;
        if used && !escrow.groups().any(|(known, _)| known[..] == *id) {
            return Err(KeyError::Escrow {
                message: format!("columns use the keys of group \"{name}\", which the file does not have"),
                hint: "The file is older than those columns, or of another database. Look for a newer one."
                    .to_owned(),
            });
        }
    }
    let mut builder = KeyringBuilder::new(escrow.uuid);
    for (id, name) in escrow.groups() {
        builder = builder.group(id, name);
    }
    for (info, key) in &escrow.keys {
        builder = builder.key(info.clone(), key.clone());
    }
    builder.build()?;
    Ok(())
}

async fn next_root_version(transaction: &Transaction<'_>) -> Result<u32, KeyError> {
    let doing = "read the history of root keys";
    let query = "SELECT coalesce(max(version), 0) + 1 FROM pyrite.roots";
    let row = transaction.query_one(query, &[]).await.map_err(KeyError::database(doing))?;
    Ok(u32::try_from(row.try_get::<_, i32>(0).map_err(KeyError::database(doing))?).unwrap_or(1))
}

/// Makes room: of groups, those stay whose columns refer to them, under the names that the file gives.
async fn clear(transaction: &Transaction<'_>, escrow: &Escrow) -> Result<(), KeyError> {
    let doing = "remove what is left of the keyring";
    let fail = || KeyError::database(doing);
    transaction
        .batch_execute(
            "DELETE FROM pyrite.keys; DELETE FROM pyrite.keyring;
             DELETE FROM pyrite.groups g WHERE NOT EXISTS (SELECT FROM pyrite.columns c WHERE c.group_id = g.id)",
        )
        .await
        .map_err(fail())?;
    // Out of each other's way first: names are unique.
    transaction.batch_execute("UPDATE pyrite.groups SET name = id::text").await.map_err(fail())?;
    for (id, name) in escrow.groups() {
        let statement = "INSERT INTO pyrite.groups (id, name) VALUES (encode($1, 'hex')::uuid, $2)
                         ON CONFLICT (id) DO UPDATE SET name = excluded.name";
        transaction.execute(statement, &[&&id[..], &name]).await.map_err(fail())?;
    }
    Ok(())
}
