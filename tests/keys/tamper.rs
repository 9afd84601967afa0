//! Somebody who can write to schema `pyrite`: what they do is detected, and not obeyed.

use std::sync::Arc;

use pyrite::keys::{
    Change, KeyError, KeyPurpose, Keyring, Memory, RootNote, change, export, install, load_or_create, reload,
    rotate_root,
};
use tokio_postgres::Client;

use super::cluster::{BACKUP, Cluster, RESTORE, names, root, run};

/// A keyring with keys in every state and in both slots; schema `old` holds its tables from before, schema
/// `backup` those of now.
async fn start(name: &str) -> (Arc<Cluster>, Client, Arc<Keyring>, Arc<Keyring>) {
    let cluster = Cluster::get();
    let mut service = cluster.database(name).await;
    install(&mut service).await.unwrap();
    let old = load_or_create(&mut service, &root(1), &names(&["g", "h"])).await.unwrap();
    service.batch_execute(&BACKUP.replace("backup", "old")).await.unwrap();
    let (group, purpose) = (old.group_id("g").unwrap(), KeyPurpose::Equality);
    let mut keyring = old.clone();
    for _ in 0..3 {
        let before = keyring.primary(&group, KeyPurpose::Data).unwrap().id;
        keyring = change(&mut service, &root(1), &keyring, &[Change::AddData { group }]).await.unwrap();
        let id = keyring.data_keys(&group).last().unwrap().id;
        let next = [Change::Promote { id }, Change::Retire { id: before }];
        keyring = change(&mut service, &root(1), &keyring, &next).await.unwrap();
    }
    let first = keyring.data_keys(&group).next().unwrap().id;
    let steps =
        [Change::Destroy { id: first }, Change::AddData { group }, Change::AddIndex { group, purpose }];
    keyring = change(&mut service, &root(1), &keyring, &steps).await.unwrap();
    let second = keyring.index_keys(&group, purpose).last().unwrap().id;
    keyring = change(&mut service, &root(1), &keyring, &[Change::SwitchIndex { id: second }]).await.unwrap();
    service.batch_execute(BACKUP).await.unwrap();
    (cluster, service, old, keyring)
}

/// What each use of the stored keyring says.
async fn uses(service: &mut Client, keyring: &Keyring) -> Vec<(&'static str, Result<(), KeyError>)> {
    let group = keyring.group_id("g").unwrap();
    let note = RootNote { provider: "test".to_owned(), wrapped: None };
    let add = [Change::AddIndex { group, purpose: KeyPurpose::Equality }];
    vec![
        ("reload", reload(service, &root(1), keyring).await.map(|_| ())),
        ("load", load_or_create(service, &root(1), &names(&["g"])).await.map(|_| ())),
        ("create", load_or_create(service, &root(1), &names(&["g", "new"])).await.map(|_| ())),
        ("change", change(service, &root(1), keyring, &add).await.map(|_| ())),
        ("rotate", rotate_root(service, &root(1), &root(2), &note, keyring).await.map(|_| ())),
        ("export", export(service, &root(1), "a long passphrase").await.map(|_| ())),
    ]
}

#[test]
fn altered_rows_are_detected_by_every_use() {
    run(async {
        let (_cluster, mut service, _, keyring) = start("altered").await;
        for tampering in [
            "UPDATE pyrite.keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)",
            // Forms that are authentic, in another key's row.
            "UPDATE pyrite.keys k SET wrapped = o.wrapped FROM pyrite.keys o
             WHERE o.id <> k.id AND k.wrapped IS NOT NULL AND o.wrapped IS NOT NULL",
            "UPDATE pyrite.keys SET state = 'retired' WHERE state = 'fading'",
            "UPDATE pyrite.keys SET state = 'fading' WHERE state = 'retired'",
            "UPDATE pyrite.keys SET state = 'retired' WHERE state = 'primary';
             UPDATE pyrite.keys SET state = 'primary' WHERE version = 2 AND purpose = 'data'",
            "UPDATE pyrite.keys SET state = 'destroyed', wrapped = NULL WHERE state = 'retired'",
            // A destroyed key comes back from a backup.
            "UPDATE pyrite.keys k SET state = 'retired', wrapped = o.wrapped FROM old.keys o
             WHERE k.state = 'destroyed' AND o.id = k.id",
            // The rows of before, over those of now.
            "UPDATE pyrite.keys SET state = 'retired' WHERE wrapped IS NOT NULL;
             UPDATE pyrite.keys k SET state = o.state, wrapped = o.wrapped FROM old.keys o WHERE o.id = k.id",
            "UPDATE pyrite.keys SET slot = CASE slot WHEN 'a' THEN 'b' ELSE 'a' END WHERE purpose = 'equality'",
            "UPDATE pyrite.keys SET slot = 'b' WHERE purpose = 'equality' AND state = 'primary'",
            "UPDATE pyrite.keys SET version = version + 10",
            "UPDATE pyrite.keys SET purpose = 'order' WHERE state = 'fading'",
            "UPDATE pyrite.keys SET group_id = (SELECT id FROM pyrite.groups WHERE name = 'h'), version = version + 9
             WHERE state = 'retired'",
            "UPDATE pyrite.keys SET id = '\\x0000000000000000' WHERE state = 'active'",
            "DELETE FROM pyrite.keys WHERE state = 'destroyed'",
            "DELETE FROM pyrite.keys WHERE state = 'retired'",
            "DELETE FROM pyrite.keys WHERE purpose = 'equality'",
            "INSERT INTO pyrite.keys SELECT '\\x0102030405060708', group_id, purpose, 20, 'retired', wrapped
             FROM pyrite.keys WHERE purpose = 'data' AND wrapped IS NOT NULL LIMIT 1",
            "UPDATE pyrite.groups SET name = name || 'x'",
            "UPDATE pyrite.groups SET name = name || 'x';
             UPDATE pyrite.groups SET name = CASE name WHEN 'gx' THEN 'h' ELSE 'g' END",
            "INSERT INTO pyrite.groups VALUES (gen_random_uuid(), 'more')",
            "UPDATE pyrite.keyring SET counter = counter + 1",
            "UPDATE pyrite.keyring SET counter = counter - 1",
            "UPDATE pyrite.keyring SET id = gen_random_uuid()",
            "UPDATE pyrite.keyring SET manifest = '\\x00'",
            "UPDATE pyrite.keyring SET manifest = o.manifest FROM old.keyring o",
            "UPDATE pyrite.keyring SET manifest = o.manifest, counter = o.counter FROM old.keyring o",
            "UPDATE pyrite.keyring SET root_fingerprint = '\\x0000000000000000'",
            "DELETE FROM pyrite.keyring",
        ] {
            service.batch_execute(tampering).await.unwrap();
            for (what, outcome) in uses(&mut service, &keyring).await {
                let refused = match outcome {
                    Err(KeyError::Tampered(_)) => true,
                    Err(KeyError::WrongRoot { .. }) => tampering.contains("root_fingerprint"),
                    Err(KeyError::Schema { .. } | KeyError::Escrow { .. }) => {
                        tampering == "DELETE FROM pyrite.keyring"
                    }
                    _ => false,
                };
                assert!(refused, "{what}: {tampering}: {outcome:?}");
            }
            service.batch_execute(RESTORE).await.unwrap();
            reload(&mut service, &root(1), &keyring).await.unwrap();
        }
    });
}

#[test]
fn a_keyring_is_not_built_anew_where_one_was_in_use() {
    run(async {
        let (_cluster, mut service, _, keyring) = start("rebuilt").await;
        service.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (c pyrite.encrypted)").await.unwrap();
        service
            .batch_execute(
                "INSERT INTO pyrite.proxies (id, address, version, counter, drained)
                 VALUES (gen_random_uuid(), '', '', 3, 3);
                 DELETE FROM pyrite.keyring; DELETE FROM pyrite.keys; DELETE FROM pyrite.groups",
            )
            .await
            .unwrap();
        for (what, outcome) in uses(&mut service, &keyring).await {
            assert!(outcome.is_err(), "{what}");
        }
        assert!(service.query("SELECT FROM pyrite.keyring", &[]).await.unwrap().is_empty());
    });
}

#[test]
fn a_whole_older_keyring_is_not_accepted_again() {
    run(async {
        let (_cluster, mut service, old, keyring) = start("older").await;
        let folder = std::env::temp_dir().join(format!("pyrite-older-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let memory = Memory::new(&folder, "older");
        memory.keep(&keyring).unwrap();
        service.batch_execute(&RESTORE.replace("backup", "old")).await.unwrap();

        // Not by a proxy that runs: neither used, nor built upon.
        for (what, outcome) in uses(&mut service, &keyring).await {
            let expected = !["load", "create", "export"].contains(&what);
            assert_eq!(matches!(outcome, Err(KeyError::RolledBack { .. })), expected, "{what}: {outcome:?}");
            service.batch_execute(&RESTORE.replace("backup", "old")).await.unwrap();
        }
        // One that starts finds it authentic, unless it has a memory ...
        let found = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
        assert_eq!(found.keys(), old.keys());
        let refused = memory.check(&found).unwrap_err();
        assert!(matches!(refused, KeyError::Memory { .. }), "{refused}");
        // ... or another proxy's row tells it.
        service
            .batch_execute(&format!(
                "INSERT INTO pyrite.proxies (id, address, version, counter, drained)
                 VALUES (gen_random_uuid(), '', '', {0}, {0})",
                keyring.counter()
            ))
            .await
            .unwrap();
        for groups in [&["g"][..], &["g", "new"]] {
            let refused = load_or_create(&mut service, &root(1), &names(groups)).await.unwrap_err();
            assert!(matches!(refused, KeyError::RolledBack { .. }), "{refused}");
            assert!(refused.hint().unwrap().contains("pyrite.proxies"));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    });
}

#[test]
fn an_older_keyring_that_was_changed_since_is_not_taken_for_a_newer_one() {
    run(async {
        let (_cluster, mut service, old, keyring) = start("forked").await;
        service.batch_execute(&RESTORE.replace("backup", "old")).await.unwrap();
        // A proxy that knows the old one only goes on from there, until the counters meet.
        assert!(old.counter() < keyring.counter());
        for n in 0.. {
            let more = names(&["g", &format!("more {n}")]);
            let other = load_or_create(&mut service, &root(1), &more).await.unwrap();
            if other.counter() == keyring.counter() {
                break;
            }
            assert!(other.counter() < keyring.counter());
        }
        let refused = reload(&mut service, &root(1), &keyring).await.unwrap_err();
        assert!(matches!(refused, KeyError::Tampered(_)), "{refused}");
        assert!(refused.to_string().contains("another change"), "{refused}");
    });
}

#[test]
fn a_new_root_key_makes_older_keyrings_worthless() {
    run(async {
        let (_cluster, mut service, _, keyring) = start("barrier").await;
        let note = RootNote { provider: "test".to_owned(), wrapped: None };
        rotate_root(&mut service, &root(1), &root(2), &note, &keyring).await.unwrap();
        for schema in ["backup", "old"] {
            service.batch_execute(&RESTORE.replace("backup", schema)).await.unwrap();
            let refused = load_or_create(&mut service, &root(2), &names(&["g"])).await.unwrap_err();
            assert!(matches!(refused, KeyError::WrongRoot { .. }), "{refused}");
        }
    });
}
