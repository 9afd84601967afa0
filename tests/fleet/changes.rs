//! Changes of keys and tables reach all proxies.

use std::time::Duration;

use super::{CODE, Fleet, Proxy, states, tags, within};
use crate::support::raw::Script;
use pyrite::database::Event;
use pyrite::keys::{Change, KeyPurpose};

const INSERT: &str = "INSERT INTO secrets (id, code) VALUES ($1, $2)";
const SECOND: Duration = Duration::from_secs(1);
/// What is promised to happen within a second, on a machine that runs other tests at the same time.
const SOON: Duration = Duration::from_millis(2500);

#[test]
fn a_new_data_key_is_used_by_all_within_a_second() {
    let fleet = Fleet::start();
    let proxies = [fleet.proxy("a"), fleet.proxy("b")];
    let mut clients = proxies.each_ref().map(Proxy::connect);
    for client in &mut clients {
        client.say(Script::new().parse("i", INSERT, &[]).sync());
        assert_eq!(tags(&client.until_ready()), "1Z");
    }
    let observer = fleet.observer();
    let group = observer.group(CODE);
    let added = observer.change(&[Change::AddData { group }]);
    assert!(observer.settle(added.counter()) < SOON);
    let id = observer.active(CODE, KeyPurpose::Data);
    let promoted = observer.change(&[Change::Promote { id }]);
    assert!(observer.settle(promoted.counter()) < SOON);
    for (n, client) in clients.iter_mut().enumerate() {
        let n = (n + 1).to_string();
        client.say(Script::new().bind("", "i", &[Some(&n), Some("magpie")]).execute("", 0).sync());
        assert_eq!(tags(&client.until_ready()), "2CZ", "a prepared statement goes on");
        assert_eq!(fleet.key_of(n.parse().unwrap()), id.to_string());
    }
    for client in &mut clients {
        let found = client.column("SELECT code FROM secrets WHERE code = 'magpie'");
        assert_eq!(found, [Some("magpie".to_string()), Some("magpie".to_string())]);
    }
}

#[test]
fn a_value_is_readable_by_all_at_once() {
    let fleet = Fleet::start();
    let (writer, reader) = (fleet.proxy("writer"), fleet.proxy("reader"));
    let (mut write, mut read) = (writer.connect(), reader.connect());
    write.run("INSERT INTO secrets (id, code) VALUES (1, 'before')");
    assert_eq!(read.column("SELECT code FROM secrets"), [Some("before".to_string())]);
    let observer = fleet.observer();
    // The reader hears nothing of the new key, and is not waited for: as if its notification were late.
    reader.cut_off();
    let group = observer.group(CODE);
    observer.change(&[Change::AddData { group }]);
    observer.change(&[Change::Promote { id: observer.active(CODE, KeyPurpose::Data) }]);
    let wanted = observer.keyring().counter();
    within(5 * SECOND, "the writer uses it", || {
        let text = format!("SELECT count(*) FROM pyrite.proxies WHERE counter = {wanted}");
        fleet.direct().column(&text) >= vec![Some("2".to_string())]
    });
    write.run("INSERT INTO secrets (id, code) VALUES (2, 'after')");
    let all = "SELECT code FROM secrets ORDER BY id";
    assert_eq!(states(&read.query(all)), ["58000"], "the key is nowhere to be had");
    reader.restore();
    // The first attempt succeeds, without waiting for the next poll.
    assert_eq!(read.column(all), [Some("before".to_string()), Some("after".to_string())]);
}

#[test]
fn an_id_that_nobody_knows_is_looked_for_once() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let mut client = proxy.connect();
    client.run("INSERT INTO secrets (id, code) VALUES (1, 'magpie'), (2, 'magpie')");
    fleet.direct().run(
        "UPDATE secrets SET code = overlay(code::bytea PLACING '\\x0102030405060708'::bytea FROM 9 FOR 8)::pyrite.encrypted
         WHERE id = 1",
    );
    let text = "SELECT code FROM secrets ORDER BY id";
    for _ in 0..3 {
        let messages = client.query(text);
        assert_eq!(states(&messages), ["58000"]);
        assert!(client.column("SELECT id FROM secrets").len() == 2, "the session goes on");
    }
    let prepared = Script::new().parse("s", text, &[]).bind("", "s", &[]).execute("", 0).sync();
    client.say(prepared);
    assert_eq!(states(&client.until_ready()), ["58000"]);
    assert_eq!(client.column("SELECT code FROM secrets WHERE id = 2"), [Some("magpie".to_string())]);
}

#[test]
fn ddl_through_one_proxy_is_known_to_the_others_at_once() {
    let fleet = Fleet::start();
    let (one, two) = (fleet.proxy("a"), fleet.proxy("b"));
    let observer = fleet.observer();
    let mut events = observer.database().subscribe();
    let (mut here, mut there) = (one.connect(), two.connect());
    here.run("DROP TABLE secrets");
    here.run("CREATE TABLE secrets (id int PRIMARY KEY, note text, code text)");
    let took = within(SOON, "the other proxy plans with the new table", || {
        // As long as it knows the old one only, the server refuses what it makes of this.
        states(&there.query("INSERT INTO secrets VALUES (1, 'note', 'magpie')")).is_empty()
    });
    assert_eq!(here.column("SELECT code FROM secrets"), [Some("magpie".to_string())], "after {took:?}");
    let heard = observer.run(async { tokio::time::timeout(SOON, events.recv()).await });
    assert_eq!(heard.unwrap().unwrap(), Event::Catalog);
}

#[test]
fn what_happens_to_jobs_is_heard() {
    let fleet = Fleet::start();
    let observer = fleet.observer();
    let mut events = observer.database().subscribe();
    let mut next = || observer.run(async { tokio::time::timeout(SOON, events.recv()).await });
    fleet.direct().run("NOTIFY pyrite, 'jobs'");
    assert_eq!(next().unwrap().unwrap(), Event::Jobs);
    // Behind a transaction pooler notifications do not come through; polling does.
    fleet
        .direct()
        .run("INSERT INTO pyrite.jobs (kind, spec, step, created_by) VALUES ('test', '{}', 'begin', 'test')");
    assert_eq!(next().unwrap().unwrap(), Event::Jobs);
}

#[test]
fn proxies_come_and_go() {
    let fleet = Fleet::start();
    let count = || fleet.direct().column("SELECT count(*) FROM pyrite.proxies").swap_remove(0).unwrap();
    assert_eq!(count(), "0", "the first one stopped cleanly");
    let (one, two) = (fleet.proxy("a"), fleet.proxy("b"));
    assert_eq!(count(), "2");
    let mut client = one.connect();
    client.run("SELECT 1");
    within(SOON, "a session is counted", || {
        fleet.direct().column("SELECT sessions FROM pyrite.proxies ORDER BY sessions DESC LIMIT 1")
            == [Some("1".to_string())]
    });
    fleet.direct().run(
        "INSERT INTO pyrite.proxies (id, address, version, seen_at, counter, drained)
         VALUES (gen_random_uuid(), 'gone', '0', now() - interval '2 days', 1, 1)",
    );
    two.server.shutdown();
    assert_eq!(count(), "2");
    let three = fleet.proxy("c");
    assert_eq!(count(), "2", "who is long gone is swept away");
    drop((client, one, three));
    assert_eq!(count(), "0");
}

#[test]
fn a_proxy_gets_its_line_back() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let mut client = proxy.connect();
    let observer = fleet.observer();
    let group = observer.group(CODE);
    for _ in 0..3 {
        proxy.break_line();
        client.run("CREATE TABLE another (id int); DROP TABLE another");
        client.run("INSERT INTO secrets (id, code) VALUES (1, 'magpie'); DELETE FROM secrets");
        proxy.break_line();
        let keyring = observer.change(&[Change::AddData { group }]);
        assert!(observer.settle(keyring.counter()) < SOON);
        observer.change(&[Change::Abandon { id: observer.active(CODE, KeyPurpose::Data) }]);
    }
}

#[test]
fn another_configuration_is_taken_over() {
    let fleet = Fleet::start();
    let observer = fleet.observer();
    let mut tables = (*observer.database().config()).clone();
    fleet.direct().run("CREATE TABLE more (id int, word pyrite.encrypted)");
    let mut columns = tables.tables.values().next().unwrap().clone();
    let (_, mut column) = columns.pop_first().unwrap();
    column.group = "words".into();
    columns.insert("word".into(), column);
    tables.tables.insert(("public".into(), "more".into()), columns);
    observer.run(observer.database().reconfigure(tables.clone())).unwrap();
    assert!(observer.keyring().group_id("words").is_some());
    let catalog = observer.database().catalog();
    let column = catalog.relation("public", "more").unwrap().column("word").unwrap();
    assert_eq!(column.encrypted.as_ref().unwrap().group_name, "words");
    // One that contradicts what is registered is refused, and the old one stays.
    let mut wrong = tables.clone();
    wrong.tables.values_mut().for_each(|c| c.values_mut().for_each(|c| c.group = "words".into()));
    assert!(observer.run(observer.database().reconfigure(wrong)).is_err());
    assert_eq!(observer.database().config().tables, tables.tables);
}
