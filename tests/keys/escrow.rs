//! Escrow files: written from a database, and put back into one.

use std::sync::Arc;

use pyrite::keys::{
    Change, ColumnRegistration, Escrow, Imported, KeyError, KeyPurpose, Keyring, RootNote, change, export,
    import, install, load_or_create, register_columns, reload, stored_root,
};
use tokio_postgres::Client;

use super::cluster::{BACKUP, Cluster, RESTORE, names, opened, root, run, sealed};

const PASSPHRASE: &str = "seven words that nobody else would think of";

fn note() -> RootNote {
    RootNote { provider: "file new.key".to_owned(), wrapped: None }
}

/// A keyring in the middle of both rotations, with a value, and its escrow file.
struct Exported {
    cluster: Arc<Cluster>,
    service: Client,
    keyring: Arc<Keyring>,
    value: Vec<u8>,
    file: Vec<u8>,
    escrow: Escrow,
}

async fn exported(name: &str) -> Exported {
    let cluster = Cluster::get();
    let mut service = cluster.database(name).await;
    install(&mut service).await.unwrap();
    let keyring = load_or_create(&mut service, &root(1), &names(&["g", "h"])).await.unwrap();
    let value = sealed(&keyring, "g", b"v", true);
    let group = keyring.group_id("g").unwrap();
    let add = [Change::AddData { group }, Change::AddIndex { group, purpose: KeyPurpose::Equality }];
    let keyring = change(&mut service, &root(1), &keyring, &add).await.unwrap();
    let second = keyring.data_keys(&group).last().unwrap().id;
    let keyring = change(&mut service, &root(1), &keyring, &[Change::Promote { id: second }]).await.unwrap();
    let file = export(&mut service, &root(1), PASSPHRASE).await.unwrap();
    let escrow = Escrow::open(&file, PASSPHRASE).unwrap();
    Exported { cluster, service, keyring, value, file, escrow }
}

/// The import has all keys, in their states, and a counter above those that were seen.
async fn check(service: &mut Client, byte: u8, exported: &Exported) -> Arc<Keyring> {
    let back = load_or_create(service, &root(byte), &names(&["g", "h"])).await.unwrap();
    assert_eq!((back.uuid(), back.keys()), (exported.keyring.uuid(), exported.keyring.keys()));
    assert!(back.counter() > exported.keyring.counter());
    assert_eq!(opened(&back, "g", &exported.value), b"v");
    assert_eq!(sealed(&back, "g", b"v", true)[24..40], exported.value[24..40]);
    back
}

#[test]
fn a_lost_root_key_is_replaced_with_the_file() {
    run(async {
        let mut e = exported("lost_root").await;
        let lost = load_or_create(&mut e.service, &root(2), &names(&["g"])).await.unwrap_err();
        assert!(matches!(lost, KeyError::WrongRoot { .. }));
        let mut service = e.cluster.connect("lost_root_service", "lost_root").await;
        let done = import(&mut service, &e.escrow, &root(2), &note()).await.unwrap();
        let back = check(&mut service, 2, &e).await;
        assert_eq!(done, Imported::Written { counter: back.counter() });
        assert_eq!(reload(&mut service, &root(2), &e.keyring).await.unwrap().counter(), back.counter());
        let stored = stored_root(&mut service).await.unwrap().unwrap();
        assert_eq!((stored.version, &stored.fingerprint[..]), (2, &root(2).fingerprint()[..]));
        let row =
            service.query_one("SELECT provider FROM pyrite.roots WHERE until IS NULL", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "file new.key");
        // Once more, and under yet another root key: the counter is higher, and the keys are the same.
        let again = import(&mut service, &e.escrow, &root(2), &note()).await.unwrap();
        assert_eq!(again, Imported::Already);
        import(&mut service, &e.escrow, &root(3), &note()).await.unwrap();
        let third = check(&mut service, 3, &e).await;
        assert!(third.counter() > back.counter());
    });
}

#[test]
fn lost_rows_are_put_back_below_columns_that_need_them() {
    run(async {
        let mut e = exported("lost_rows").await;
        e.service.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (c pyrite.encrypted)").await.unwrap();
        let column = ColumnRegistration {
            schema: "s".to_owned(),
            table: "t".to_owned(),
            column: "c".to_owned(),
            declared_type: "text".to_owned(),
            group: "h".to_owned(),
            equality: true,
            search: Vec::new(),
            demanded: Vec::new(),
            collation: None,
        };
        register_columns(&mut e.service, &e.keyring, &[column]).await.unwrap();
        e.service.batch_execute(BACKUP).await.unwrap();
        let mut service = e.cluster.connect("lost_rows_service", "lost_rows").await;
        for (lost, byte) in [
            ("DELETE FROM pyrite.keyring", 1),
            ("DELETE FROM pyrite.keyring; DELETE FROM pyrite.keys", 3),
            ("DELETE FROM pyrite.keys; UPDATE pyrite.groups SET name = name || 'x'", 1),
            (
                "UPDATE pyrite.groups SET name = 'x'||name;
                 UPDATE pyrite.groups SET name = CASE name WHEN 'xg' THEN 'h' ELSE 'g' END",
                2,
            ),
            ("UPDATE pyrite.keys SET wrapped = '\\x00'; UPDATE pyrite.keyring SET manifest = '\\x00'", 1),
            (
                "INSERT INTO pyrite.proxies (id, address, version, counter, drained)
              VALUES (gen_random_uuid(), '', '', 1000, 0); DELETE FROM pyrite.keyring",
                1,
            ),
        ] {
            service.batch_execute(lost).await.unwrap();
            load_or_create(&mut service, &root(1), &names(&["g"])).await.unwrap_err();
            import(&mut service, &e.escrow, &root(byte), &note()).await.unwrap();
            let back = check(&mut service, byte, &e).await;
            assert!(!lost.contains("1000") || back.counter() > 1000);
            service.batch_execute(RESTORE_BELOW_COLUMNS).await.unwrap();
        }
    });
}

/// As [`RESTORE`], where columns refer to groups.
const RESTORE_BELOW_COLUMNS: &str = "DELETE FROM pyrite.keys; DELETE FROM pyrite.keyring;
    UPDATE pyrite.groups SET name = id::text;
    INSERT INTO pyrite.groups SELECT * FROM backup.groups ON CONFLICT (id) DO UPDATE SET name = excluded.name;
    INSERT INTO pyrite.keyring SELECT * FROM backup.keyring;
    INSERT INTO pyrite.keys SELECT * FROM backup.keys";

#[test]
fn nothing_newer_or_other_is_overwritten() {
    run(async {
        let e = exported("overwrite").await;
        let mut service = e.cluster.connect("overwrite_service", "overwrite").await;
        let done = import(&mut service, &e.escrow, &root(1), &note()).await.unwrap();
        assert_eq!(done, Imported::Already, "nothing was lost");
        assert_eq!(reload(&mut service, &root(1), &e.keyring).await.unwrap().counter(), e.keyring.counter());
        service.batch_execute(BACKUP).await.unwrap();

        let group = e.keyring.group_id("g").unwrap();
        let newer = change(&mut service, &root(1), &e.keyring, &[Change::AddData { group }]).await.unwrap();
        for byte in [1, 2] {
            let refused = import(&mut service, &e.escrow, &root(byte), &note()).await.unwrap_err();
            assert!(refused.to_string().contains("newer"), "{refused}");
        }
        // Even if only the row that says so is gone: the newer key is still there.
        service.batch_execute("DELETE FROM pyrite.keyring").await.unwrap();
        let refused = import(&mut service, &e.escrow, &root(1), &note()).await.unwrap_err();
        let newest = newer.data_keys(&group).last().unwrap().id;
        assert!(refused.to_string().contains(&newest.to_string()), "{refused}");
        assert!(refused.hint().unwrap().contains("DELETE FROM pyrite.keys"));
        service.batch_execute(RESTORE).await.unwrap();
        check_nothing_changed(&mut service, &e.keyring).await;

        // Another database's keyring.
        let mut other = e.cluster.database("overwrite_other").await;
        install(&mut other).await.unwrap();
        let theirs = load_or_create(&mut other, &root(1), &names(&["g"])).await.unwrap();
        let refused = import(&mut other, &e.escrow, &root(1), &note()).await.unwrap_err();
        assert!(refused.to_string().contains("the file is of keyring"), "{refused}");
        check_nothing_changed(&mut other, &theirs).await;

        // Columns whose group the file does not have.
        let more = load_or_create(&mut service, &root(1), &names(&["late"])).await.unwrap();
        service.batch_execute("CREATE SCHEMA s; CREATE TABLE s.t (c pyrite.encrypted)").await.unwrap();
        let column = ColumnRegistration {
            schema: "s".to_owned(),
            table: "t".to_owned(),
            column: "c".to_owned(),
            declared_type: "text".to_owned(),
            group: "late".to_owned(),
            equality: true,
            search: Vec::new(),
            demanded: Vec::new(),
            collation: None,
        };
        register_columns(&mut service, &more, &[column]).await.unwrap();
        service.batch_execute("DELETE FROM pyrite.keys; DELETE FROM pyrite.keyring").await.unwrap();
        let refused = import(&mut service, &e.escrow, &root(1), &note()).await.unwrap_err();
        assert!(refused.to_string().contains("\"late\""), "{refused}");
        assert!(e.service.query("SELECT FROM pyrite.keys", &[]).await.unwrap().is_empty());
    });
}

async fn check_nothing_changed(service: &mut Client, keyring: &Keyring) {
    let now = reload(service, &root(1), keyring).await.unwrap();
    assert_eq!((now.counter(), now.keys()), (keyring.counter(), keyring.keys()));
}

#[test]
fn a_database_without_any_of_it_gets_the_keyring_back() {
    run(async {
        let e = exported("vanished").await;
        let mut fresh = e.cluster.database("vanished_fresh").await;
        install(&mut fresh).await.unwrap();
        import(&mut fresh, &e.escrow, &root(5), &note()).await.unwrap();
        check(&mut fresh, 5, &e).await;
    });
}

#[test]
fn the_file_holds_no_key_in_the_clear_and_weak_passphrases_are_refused() {
    run(async {
        let mut e = exported("file_form").await;
        let other = export(&mut e.service, &root(1), PASSPHRASE).await.unwrap();
        let first = &e.file;
        assert_ne!(first[17..], other[17..], "salt and nonce are new each time");
        for name in [&e.keyring.uuid()[..], &e.keyring.keys()[0].id.to_bytes()] {
            assert!(!first.windows(name.len()).any(|window| window == name), "{name:?}");
        }
        for weak in ["", "elevenbytes"] {
            let refused = export(&mut e.service, &root(1), weak).await.unwrap_err();
            assert!(refused.to_string().contains("fewer than 12"), "{refused}");
        }
        let wrong = export(&mut e.service, &root(9), PASSPHRASE).await.unwrap_err();
        assert!(matches!(wrong, KeyError::WrongRoot { .. }));
        let mut empty = e.cluster.database("file_form_empty").await;
        install(&mut empty).await.unwrap();
        let none = export(&mut empty, &root(1), PASSPHRASE).await.unwrap_err();
        assert!(none.to_string().contains("no keyring yet"), "{none}");
    });
}
