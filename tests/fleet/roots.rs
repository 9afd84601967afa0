//! The root key is replaced under running proxies.

use std::time::Duration;

use super::{CODE, Fleet, Proxy, states, within};
use crate::support::observer::Observer;

const BOTH: &str = "root = { provider = \"file\", path = \"root.key\" }\nnext_root = { provider = \"file\", path = \"next.key\" }";

#[test]
fn proxies_with_both_root_keys_follow() {
    let fleet = Fleet::start();
    let role = fleet.role("both");
    let proxy = Proxy::start(fleet.config_with(&role, BOTH), &role, &fleet.database);
    let observer = Observer::open(&fleet.config_with("postgres", BOTH));
    let mut client = proxy.connect();
    client.run("INSERT INTO secrets (id, code) VALUES (1, 'magpie')");
    let before = observer.database().root_fingerprints();
    assert_eq!(before.len(), 2);
    let change = observer.run(observer.database().rotate_root()).unwrap();
    assert!(change.old != change.new && change.version == 2, "{change:?}");
    assert!(before.contains(&change.old) && before.contains(&change.new));
    let counter = observer.keyring().counter();
    assert!(observer.settle(counter) < Duration::from_millis(2500));
    client.run("INSERT INTO secrets (id, code) VALUES (2, 'magpie')");
    assert_eq!(client.column("SELECT id FROM secrets WHERE code = 'magpie' ORDER BY id").len(), 2);
    // A second time there is nothing to go over to.
    let again = observer.run(observer.database().rotate_root()).unwrap_err();
    assert!(again.to_string().contains("already"), "{again}");
    // The old root key is of no use any more.
    let server = pyrite::server::Server::start(fleet.config("postgres"));
    assert!(server.unwrap_err().to_string().contains("root key"));
    let rows = fleet.direct().column("SELECT count(*) FROM pyrite.proxies");
    assert_eq!(rows, [Some("2".to_string())], "nobody waits for a proxy that did not start");
}

#[test]
fn a_proxy_without_the_new_root_key_is_named() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("old");
    let observer = Observer::open(&fleet.config_with("postgres", BOTH));
    let refused = observer.run(observer.database().rotate_root()).unwrap_err();
    assert_eq!(refused.sqlstate(), "55000");
    assert!(refused.to_string().contains("127.0.0.1:0"), "{refused}");
    assert!(refused.hint().unwrap().contains("next_root"));
    drop(proxy);
    observer.run(observer.database().rotate_root()).unwrap();
}

#[test]
fn a_proxy_that_cannot_follow_goes_on_as_far_as_its_lease_allows() {
    let fleet = Fleet::start();
    let observer = Observer::open(&fleet.config_with("postgres", BOTH));
    let proxy = fleet.proxy("old");
    let mut client = proxy.connect();
    client.run("INSERT INTO secrets (id, code) VALUES (1, 'magpie')");
    // Away while the root key is replaced, so that nobody asks for it.
    proxy.cut_off();
    fleet.direct().run("DELETE FROM pyrite.proxies WHERE id::text NOT IN (SELECT id::text FROM pyrite.proxies ORDER BY started_at LIMIT 1)");
    let counter = {
        observer.run(observer.database().rotate_root()).unwrap();
        observer.keyring().counter()
    };
    proxy.restore();
    let note = "SELECT note FROM pyrite.proxies WHERE note IS NOT NULL";
    within(Duration::from_secs(5), "its row says why", || {
        let notes = fleet.direct().column(note);
        notes.iter().flatten().any(|note| note.contains("root key"))
    });
    assert_eq!(observer.waiting(counter).len(), 1);
    assert!(observer.waiting(counter)[0].why.contains("root key"));
    client.run("INSERT INTO secrets (id, code) VALUES (2, 'magpie')");
    within(Duration::from_secs(12), "its lease ends", || {
        states(&client.query("SELECT id FROM secrets WHERE code = 'magpie'")) == ["55000"]
    });
    assert_eq!(client.column("SELECT code FROM secrets WHERE id = 1"), [Some("magpie".to_string())]);
    // It is in nobody's way for ever.
    assert!(observer.settle(counter) < Duration::from_secs(17));
}

#[test]
fn an_older_keyring_that_was_put_back_is_refused_at_start_up() {
    let fleet = Fleet::start();
    let mut config = fleet.config("postgres");
    config.state = Some(fleet.root(""));
    drop(Observer::open(&config));
    let mut direct = fleet.direct();
    direct
        .run("CREATE TABLE old_keyring AS TABLE pyrite.keyring; CREATE TABLE old_keys AS TABLE pyrite.keys");
    let observer = Observer::open(&config);
    observer.replace_data_key(CODE);
    drop(observer);
    direct.run(
        "BEGIN; DELETE FROM pyrite.keys; INSERT INTO pyrite.keys TABLE old_keys;
         DELETE FROM pyrite.keyring; INSERT INTO pyrite.keyring TABLE old_keyring; DELETE FROM pyrite.proxies; COMMIT",
    );
    let refused = pyrite::server::Server::start(config.clone()).unwrap_err().to_string();
    assert!(refused.contains("keyring"), "{refused}");
    config.state = None;
    drop(pyrite::server::Server::start(config).unwrap());
}

#[test]
fn an_older_keyring_that_is_put_back_is_not_taken_over() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let mut client = proxy.connect();
    let mut direct = fleet.direct();
    direct
        .run("CREATE TABLE old_keyring AS TABLE pyrite.keyring; CREATE TABLE old_keys AS TABLE pyrite.keys");
    let observer = fleet.observer();
    let (_, new) = observer.replace_data_key(CODE);
    drop(observer);
    direct.run(
        "BEGIN; DELETE FROM pyrite.keys; INSERT INTO pyrite.keys TABLE old_keys;
         DELETE FROM pyrite.keyring; INSERT INTO pyrite.keyring TABLE old_keyring; COMMIT",
    );
    client.run("INSERT INTO secrets (id, code) VALUES (1, 'magpie')");
    assert_eq!(fleet.key_of(1), new.to_string());
    within(Duration::from_secs(3), "its row says why", || {
        let notes = fleet.direct().column("SELECT note FROM pyrite.proxies");
        notes.iter().flatten().any(|note| note.contains("went back"))
    });
    within(Duration::from_secs(12), "its lease ends", || {
        states(
            &client.query("INSERT INTO secrets (id, code) VALUES (2, 'x'); DELETE FROM secrets WHERE id = 2"),
        ) == ["55000"]
    });
    assert_eq!(client.column("SELECT code FROM secrets WHERE id = 1"), [Some("magpie".to_string())]);
}
