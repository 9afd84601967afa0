//! Changes of the stored keyring: each transition, refused ones, several proxies at once, and the root key.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use pyrite::keys::{
    Change, KeyError, KeyId, KeyPurpose, KeyState, Keyring, RootNote, Slot, change, install, load_or_create,
    reload, rotate_root, stored_root,
};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::cluster::{Cluster, names, opened, root, run, sealed};

/// A database with a keyring of one group.
async fn start(name: &str) -> (Arc<Cluster>, Client, Arc<Keyring>) {
    let cluster = Cluster::get();
    let mut service = cluster.database(name).await;
    install(&mut service).await.unwrap();
    let keyring = load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap();
    (cluster, service, keyring)
}

/// Version, state and slot of the keys of group `g`.
fn states(keyring: &Keyring, purpose: KeyPurpose) -> Vec<(u32, KeyState, Slot)> {
    let group = keyring.group_id("g").unwrap();
    keyring.index_keys(&group, purpose).map(|key| (key.version, key.state, key.slot)).collect()
}

fn id(keyring: &Keyring, purpose: KeyPurpose, version: u32) -> KeyId {
    keyring.keys().iter().find(|key| key.purpose == purpose && key.version == version).unwrap().id
}

use KeyState::{Active, Destroyed, Fading, Primary, Retired};
use Slot::{A, B};

#[test]
fn a_data_key_goes_through_its_life_and_each_step_can_be_repeated() {
    run(async {
        let (_cluster, mut service, mut keyring) = start("data_life").await;
        let group = keyring.group_id("g").unwrap();
        let value = sealed(&keyring, "g", b"v", true);
        let first = id(&keyring, KeyPurpose::Data, 1);
        let mut second = None;
        type Step = fn(KeyId, Option<KeyId>, [u8; 16]) -> Change;
        type States = [(u32, KeyState, Slot); 2];
        let steps: [(Step, States); 4] = [
            (|_, _, group| Change::AddData { group }, [(1, Primary, A), (2, Active, A)]),
            (|_, second, _| Change::Promote { id: second.unwrap() }, [(1, Fading, A), (2, Primary, A)]),
            (|first, _, _| Change::Retire { id: first }, [(1, Retired, A), (2, Primary, A)]),
            (|first, _, _| Change::Destroy { id: first }, [(1, Destroyed, A), (2, Primary, A)]),
        ];
        for (step, expected) in steps {
            let step = step(first, second, group);
            let before = keyring.counter();
            keyring = change(&mut service, &root(1), &keyring, &[step]).await.unwrap();
            assert_eq!(states(&keyring, KeyPurpose::Data), expected, "{step:?}");
            assert_eq!(keyring.counter(), before + 1);
            let again = change(&mut service, &root(1), &keyring, &[step, step]).await.unwrap();
            assert_eq!(
                (again.counter(), again.keys()),
                (keyring.counter(), keyring.keys()),
                "{step:?} again"
            );
            let reloaded = reload(&mut service, &root(1), &keyring).await.unwrap();
            assert_eq!((reloaded.counter(), reloaded.keys()), (keyring.counter(), keyring.keys()));
            if !expected.contains(&(1, Destroyed, A)) {
                assert_eq!(opened(&keyring, "g", &value), b"v");
            }
            second = Some(id(&keyring, KeyPurpose::Data, 2));
            let sealed = sealed(&keyring, "g", b"v", true);
            let by = pyrite::crypto::Envelope::parse(&sealed).unwrap().data_key();
            assert_eq!(keyring.key(by).unwrap().state, Primary);
            assert_eq!(sealed[24..40], value[24..40], "the term is under the index key");
        }
        let wrapped = service.query_one("SELECT wrapped FROM pyrite.keys WHERE state = 'destroyed'", &[]);
        assert_eq!(wrapped.await.unwrap().get::<_, Option<Vec<u8>>>(0), None);
    });
}

#[test]
fn index_keys_take_the_slots_in_turn() {
    run(async {
        let (_cluster, mut service, mut keyring) = start("index_life").await;
        let (group, purpose) = (keyring.group_id("g").unwrap(), KeyPurpose::Equality);
        assert_eq!(keyring.search_slot(&group, purpose), Some(A));
        let mut expected = vec![(1, Primary, A)];
        for (old, slot) in [(1, B), (2, A), (3, B)] {
            let add = Change::AddIndex { group, purpose };
            keyring = change(&mut service, &root(1), &keyring, &[add]).await.unwrap();
            expected.push((old + 1, Active, slot));
            assert_eq!(states(&keyring, purpose), expected);
            assert_eq!(keyring.search_slot(&group, purpose), Some(slot.other()), "not yet searched");
            let again = change(&mut service, &root(1), &keyring, &[add]).await.unwrap();
            assert_eq!(again.keys(), keyring.keys());

            let (old_id, new_id) = (id(&keyring, purpose, old), id(&keyring, purpose, old + 1));
            let switch = Change::SwitchIndex { id: new_id };
            keyring = change(&mut service, &root(1), &keyring, &[switch, switch]).await.unwrap();
            let count = expected.len();
            expected[count - 2].1 = Fading;
            expected[count - 1].1 = Primary;
            assert_eq!(states(&keyring, purpose), expected);
            assert_eq!(keyring.search_slot(&group, purpose), Some(slot));
            let taken = change(&mut service, &root(1), &keyring, &[add]).await.unwrap_err();
            assert!(taken.to_string().contains("slot"), "{taken}");

            let retire = Change::Retire { id: old_id };
            keyring = change(&mut service, &root(1), &keyring, &[retire, retire]).await.unwrap();
            expected[count - 2].1 = Retired;
            assert_eq!(states(&keyring, purpose), expected);
        }
        // A key that was never searched can be given up, and its slot is free again.
        let keyring =
            change(&mut service, &root(1), &keyring, &[Change::AddIndex { group, purpose }]).await.unwrap();
        let given_up = id(&keyring, purpose, 5);
        let abandon = Change::Abandon { id: given_up };
        let keyring = change(&mut service, &root(1), &keyring, &[abandon, abandon]).await.unwrap();
        assert_eq!(keyring.key(given_up).unwrap().state, Retired);
        let keyring =
            change(&mut service, &root(1), &keyring, &[Change::AddIndex { group, purpose }]).await.unwrap();
        assert_eq!(states(&keyring, purpose).last(), Some(&(6, Active, A)));
    });
}

#[test]
fn impossible_changes_are_refused_and_nothing_is_done() {
    run(async {
        let (_cluster, mut service, keyring) = start("impossible").await;
        let group = keyring.group_id("g").unwrap();
        let (data, index) = (id(&keyring, KeyPurpose::Data, 1), id(&keyring, KeyPurpose::Equality, 1));
        let keyring = change(&mut service, &root(1), &keyring, &[Change::AddData { group }]).await.unwrap();
        let active = id(&keyring, KeyPurpose::Data, 2);
        for (wrong, word) in [
            (Change::AddData { group: [0; 16] }, "no key for data"),
            (Change::AddIndex { group, purpose: KeyPurpose::Data }, "no index key"),
            (Change::AddIndex { group, purpose: KeyPurpose::Order }, "no key for order"),
            (Change::Promote { id: index }, "is for equality"),
            (Change::SwitchIndex { id: active }, "is for data"),
            (Change::Promote { id: KeyId(1) }, "has no key 0000000000000001"),
            (Change::Retire { id: data }, "in use"),
            (Change::Retire { id: active }, "not yet in use"),
            (Change::Destroy { id: data }, "only a retired key"),
            (Change::Destroy { id: active }, "only a retired key"),
            (Change::Abandon { id: data }, "has been in use"),
        ] {
            // The first would be possible, and is not done either.
            let changes = [Change::Promote { id: active }, wrong];
            let alone =
                matches!(wrong, Change::Retire { .. } | Change::Destroy { .. } | Change::Abandon { .. });
            let changes = if alone { &changes[1..] } else { &changes };
            let refused = change(&mut service, &root(1), &keyring, changes).await.unwrap_err();
            assert!(matches!(refused, KeyError::Change { .. }), "{wrong:?}: {refused}");
            assert!(refused.to_string().contains(word), "{wrong:?}: {refused}");
            assert_eq!(refused.sqlstate(), "55000");
            assert!(refused.hint().is_some());
            let now = reload(&mut service, &root(1), &keyring).await.unwrap();
            assert_eq!((now.counter(), now.keys()), (keyring.counter(), keyring.keys()), "{wrong:?}");
        }
        // What has faded never comes back.
        let keyring =
            change(&mut service, &root(1), &keyring, &[Change::Promote { id: active }]).await.unwrap();
        let refused = change(&mut service, &root(1), &keyring, &[Change::Promote { id: data }]).await;
        assert!(refused.unwrap_err().to_string().contains("is fading"));
        let keyring = change(&mut service, &root(1), &keyring, &[Change::Retire { id: data }]).await.unwrap();
        let refused =
            change(&mut service, &root(1), &keyring, &[Change::Promote { id: data }]).await.unwrap_err();
        assert!(refused.to_string().contains("is retired"), "{refused}");
        let wrong = change(&mut service, &root(2), &keyring, &[Change::AddData { group }]).await.unwrap_err();
        assert!(matches!(wrong, KeyError::WrongRoot { .. }), "{wrong}");
    });
}

#[test]
fn proxies_that_change_the_keyring_at_once_wait_for_each_other() {
    run(async {
        let (cluster, mut one, keyring) = start("at_once").await;
        let group = keyring.group_id("g").unwrap();
        let mut two = cluster.connect("at_once_service", "at_once").await;
        let mut three = cluster.connect("at_once_service", "at_once").await;
        let (root, add) = (root(1), [Change::AddData { group }]);
        let index = [Change::AddIndex { group, purpose: KeyPurpose::Equality }];
        let (a, b, c) = tokio::join!(
            change(&mut one, &root, &keyring, &add),
            change(&mut two, &root, &keyring, &add),
            change(&mut three, &root, &keyring, &index),
        );
        let last = [a.unwrap(), b.unwrap(), c.unwrap()].into_iter().max_by_key(|k| k.counter()).unwrap();
        assert_eq!(last.counter(), keyring.counter() + 2, "two changes, and one that was done already");
        assert_eq!(states(&last, KeyPurpose::Data), [(1, Primary, A), (2, Active, A)]);
        assert_eq!(states(&last, KeyPurpose::Equality), [(1, Primary, A), (2, Active, B)]);
        // A reader is not held up by one that changes, and sees all of it or nothing.
        one.batch_execute("BEGIN; LOCK TABLE pyrite.keyring IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(5), reload(&mut two, &root, &last)).await;
        assert_eq!(read.unwrap().unwrap().counter(), last.counter());
        one.batch_execute("ROLLBACK").await.unwrap();
    });
}

/// Payloads on channel `pyrite`.
async fn listen(cluster: &Cluster, database: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
    let (client, mut connection) = tokio_postgres::Config::new()
        .host_path(&cluster.folder)
        .user("admin")
        .dbname(database)
        .connect(NoTls)
        .await
        .unwrap();
    let (send, receive) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(note) = message
                && send.send(format!("{} {}", note.channel(), note.payload())).is_err()
            {
                return;
            }
        }
    });
    client.batch_execute("LISTEN pyrite").await.unwrap();
    (client, receive)
}

#[test]
fn every_change_is_announced_and_nothing_else_is() {
    run(async {
        let (cluster, mut service, keyring) = start("announced").await;
        let (_client, mut heard) = listen(&cluster, "announced").await;
        let group = keyring.group_id("g").unwrap();
        let mut next = async || tokio::time::timeout(Duration::from_secs(5), heard.recv()).await;
        let more = load_or_create(&mut service, &root(1), &names(&["g", "h"])).await.unwrap();
        assert_eq!(next().await.unwrap().unwrap(), "pyrite keyring");
        let more = change(&mut service, &root(1), &more, &[Change::AddData { group }]).await.unwrap();
        assert_eq!(next().await.unwrap().unwrap(), "pyrite keyring");
        // Done already, and refused.
        change(&mut service, &root(1), &more, &[Change::AddData { group }]).await.unwrap();
        change(&mut service, &root(1), &more, &[Change::Retire { id: KeyId(1) }]).await.unwrap_err();
        let note = RootNote { provider: "test".to_owned(), wrapped: None };
        rotate_root(&mut service, &root(1), &root(2), &note, &more).await.unwrap();
        assert_eq!(next().await.unwrap().unwrap(), "pyrite keyring");
        service.batch_execute("NOTIFY pyrite, 'end'").await.unwrap();
        assert_eq!(next().await.unwrap().unwrap(), "pyrite end", "nothing in between");
    });
}

#[test]
fn the_root_key_is_replaced_without_touching_values() {
    run(async {
        let (_cluster, mut service, keyring) = start("new_root").await;
        let group = keyring.group_id("g").unwrap();
        let value = sealed(&keyring, "g", b"v", true);
        let data = id(&keyring, KeyPurpose::Data, 1);
        let keyring = change(&mut service, &root(1), &keyring, &[Change::AddData { group }]).await.unwrap();
        let second = id(&keyring, KeyPurpose::Data, 2);
        let destroy =
            [Change::Promote { id: second }, Change::Retire { id: data }, Change::Destroy { id: data }];
        let keyring = change(&mut service, &root(1), &keyring, &destroy).await.unwrap();
        let value = (value, sealed(&keyring, "g", b"w", true));

        let note = RootNote { provider: "file next.key".to_owned(), wrapped: Some(b"wrapped".to_vec()) };
        let same = rotate_root(&mut service, &root(1), &root(1), &note, &keyring).await.unwrap_err();
        assert!(matches!(same, KeyError::Change { .. }), "{same}");
        let wrong = rotate_root(&mut service, &root(3), &root(2), &note, &keyring).await.unwrap_err();
        assert!(matches!(wrong, KeyError::WrongRoot { .. }), "{wrong}");

        let rotated = rotate_root(&mut service, &root(1), &root(2), &note, &keyring).await.unwrap();
        assert_eq!((rotated.counter(), rotated.keys()), (keyring.counter() + 1, keyring.keys()));
        assert_eq!(opened(&rotated, "g", &value.1), b"w");
        assert_eq!(sealed(&rotated, "g", b"w", true)[24..40], value.1[24..40]);
        let again = rotate_root(&mut service, &root(1), &root(2), &note, &rotated).await.unwrap();
        assert_eq!(again.counter(), rotated.counter(), "done already");
        let old = reload(&mut service, &root(1), &keyring).await.unwrap_err();
        assert!(matches!(old, KeyError::WrongRoot { .. }), "{old}");
        assert_eq!(reload(&mut service, &root(2), &keyring).await.unwrap().counter(), rotated.counter());

        let stored = stored_root(&mut service).await.unwrap().unwrap();
        assert_eq!((stored.version, stored.wrapped.as_deref()), (2, Some(&b"wrapped"[..])));
        assert_eq!((stored.keyring, &stored.fingerprint[..]), (keyring.uuid(), &root(2).fingerprint()[..]));
        assert!(!format!("{stored:?}").contains("119"), "{stored:?}");
        let history = service
            .query("SELECT version, fingerprint, provider, until IS NULL FROM pyrite.roots ORDER BY 1", &[])
            .await
            .unwrap();
        let history: Vec<(i32, Vec<u8>, String, bool)> =
            history.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
        let expected = [
            (1, root(1).fingerprint().to_vec(), "unknown".to_owned(), false),
            (2, root(2).fingerprint().to_vec(), "file next.key".to_owned(), true),
        ];
        assert_eq!(history, expected);
        // And back, with a change of the keys in between.
        let changed = change(&mut service, &root(2), &rotated, &[Change::AddData { group }]).await.unwrap();
        let plain = RootNote { wrapped: None, ..note };
        let back = rotate_root(&mut service, &root(2), &root(1), &plain, &changed).await.unwrap();
        assert_eq!(opened(&back, "g", &value.1), b"w");
        assert_eq!(stored_root(&mut service).await.unwrap().unwrap().wrapped, None);
    });
}

#[test]
fn a_change_that_fails_on_the_way_leaves_nothing_behind() {
    run(async {
        let (cluster, mut service, keyring) = start("half_done").await;
        let group = keyring.group_id("g").unwrap();
        let note = RootNote { provider: "test".to_owned(), wrapped: None };
        let rows = "SELECT (SELECT string_agg(k::text, ',' ORDER BY id) FROM pyrite.keys k)
                           || (SELECT string_agg(r::text, ',' ORDER BY version) FROM pyrite.roots r)
                           || (SELECT r::text FROM pyrite.keyring r)";
        let before: String = service.query_one(rows, &[]).await.unwrap().get(0);
        service
            .batch_execute(
                "CREATE FUNCTION pyrite.stop() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN RAISE EXCEPTION 'power cut'; END $$;
                 CREATE TRIGGER stop BEFORE UPDATE ON pyrite.keyring FOR EACH ROW EXECUTE FUNCTION pyrite.stop()",
            )
            .await
            .unwrap();
        let (mut heard_by, mut heard) = listen(&cluster, "half_done").await;
        let changed = change(&mut service, &root(1), &keyring, &[Change::AddData { group }]).await;
        assert!(changed.unwrap_err().to_string().contains("power cut"));
        let rotated = rotate_root(&mut service, &root(1), &root(2), &note, &keyring).await;
        assert!(rotated.unwrap_err().to_string().contains("power cut"));
        assert_eq!(service.query_one(rows, &[]).await.unwrap().get::<_, String>(0), before);
        service.batch_execute("DROP TRIGGER stop ON pyrite.keyring").await.unwrap();

        // Whoever cannot get the lock gives up, well before a lease ends, and says what it waited for.
        let other = heard_by.transaction().await.unwrap();
        other.batch_execute("LOCK TABLE pyrite.keyring IN SHARE MODE").await.unwrap();
        let (root_key, add) = (root(1), [Change::AddData { group }]);
        let waited = change(&mut service, &root_key, &keyring, &add);
        let waited = tokio::time::timeout(Duration::from_secs(9), waited).await.unwrap().unwrap_err();
        assert!(waited.to_string().contains("lock the keyring"), "{waited}");
        other.rollback().await.unwrap();
        change(&mut service, &root(1), &keyring, &[Change::AddData { group }]).await.unwrap();
        let first = tokio::time::timeout(Duration::from_secs(5), heard.recv()).await.unwrap();
        assert_eq!(first.unwrap(), "pyrite keyring");
        assert!(heard.try_recv().is_err(), "only the change that was made is announced");
    });
}
