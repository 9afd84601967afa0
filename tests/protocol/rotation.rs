//! Keys change under prepared statements and open portals, and clients see nothing of it.

use super::{Fixture, OTHER, SECRET, rows, states, tags};
use crate::support::observer::Observer;
use crate::support::raw::{Client, Script};
use pyrite::keys::{Change, KeyId};

const CODE: &str = "public.secrets.code";
const INSERT: &str = "INSERT INTO secrets (id, code) VALUES ($1, $2)";
const SELECT: &str = "SELECT id, code FROM secrets WHERE code = $1";

/// A table whose values have both terms, and statements that were prepared while the old one was searched.
struct Rotation {
    observer: Observer,
    old: KeyId,
    new: KeyId,
    client: Client,
    fixture: Fixture,
}

impl Rotation {
    fn begin(statements: &[(&str, &str)]) -> Rotation {
        let fixture = Fixture::empty();
        let observer = Observer::open(&fixture.pyrite.config());
        let (old, new) = observer.add_index_key(CODE);
        let mut client = fixture.connect();
        for id in 1..=3 {
            client.run(&format!("INSERT INTO secrets (id, code) VALUES ({id}, '{SECRET}')"));
        }
        for (name, text) in statements {
            client.say(Script::new().parse(name, text, &[]).sync());
            assert_eq!(tags(&client.until_ready()), "1Z");
        }
        Rotation { observer, old, new, client, fixture }
    }

    /// From now on the other term is searched.
    fn switch(&self) {
        self.observer.change_everywhere(&[Change::SwitchIndex { id: self.new }]);
    }
}

fn find(script: Script, statement: &str) -> Script {
    script.bind("", statement, &[Some(SECRET)]).execute("", 0)
}

#[test]
fn a_statement_is_prepared_again_unseen() {
    let mut rotation = Rotation::begin(&[("s", SELECT), ("i", INSERT)]);
    rotation.switch();
    let client = &mut rotation.client;
    for _ in 0..2 {
        client.say(find(Script::new(), "s").sync());
        let messages = client.until_ready();
        assert_eq!((tags(&messages).as_str(), rows(&messages).len()), ("2DDDCZ", 3));
    }
    client.say(Script::new().describe_statement("s").sync());
    assert_eq!(tags(&client.until_ready()), "tTZ");
    client.say(Script::new().bind("", "i", &[Some("4"), Some(SECRET)]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2CZ");
    client.say(find(Script::new(), "s").close_statement("s").bind("", "s", &[Some(SECRET)]).sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("2DDDDC3EZ", vec!["26000".to_string()]));
    // Nothing else is left on the server.
    assert_eq!(client.column("SELECT name FROM pg_prepared_statements"), [Some("i".to_string())]);
}

#[test]
fn the_search_goes_by_the_new_term() {
    let mut rotation = Rotation::begin(&[("s", SELECT)]);
    rotation.client.run("BEGIN; COMMIT");
    rotation.observer.change_everywhere(&[Change::SwitchIndex { id: rotation.new }]);
    rotation.observer.change_everywhere(&[Change::Retire { id: rotation.old }]);
    let client = &mut rotation.client;
    client.run(&format!("INSERT INTO secrets (id, code) VALUES (4, '{SECRET}')"));
    client.say(find(Script::new(), "s").sync());
    assert_eq!(rows(&client.until_ready()).len(), 4, "the fourth has no old term");
    let old = "SELECT count(DISTINCT pyrite.eq(code)) FROM secrets";
    assert_eq!(rotation.fixture.direct().column(old), [Some("2".to_string())]);
}

#[test]
fn in_pipelines() {
    let mut rotation = Rotation::begin(&[("s", SELECT)]);
    rotation.switch();
    let client = &mut rotation.client;
    let twice = |script| find(find(script, "s"), "s").sync();
    client.say(twice(twice(Script::new().query("SELECT 1"))));
    assert_eq!(tags(&client.until_ready()), "TDCZ");
    assert_eq!(tags(&client.until_ready()), "2DDDC2DDDCZ");
    assert_eq!(tags(&client.until_ready()), "2DDDC2DDDCZ");
}

#[test]
fn the_unnamed_statement() {
    let mut rotation = Rotation::begin(&[("", SELECT)]);
    rotation.switch();
    let client = &mut rotation.client;
    client.say(find(Script::new(), "").sync());
    assert_eq!(tags(&client.until_ready()), "2DDDCZ");
    client.say(find(Script::new(), "").sync());
    assert_eq!(tags(&client.until_ready()), "2DDDCZ");
}

#[test]
fn portals_of_the_old_statement_live_on() {
    let mut rotation = Rotation::begin(&[("s", SELECT)]);
    rotation.client.run("BEGIN");
    rotation.client.say(Script::new().bind("p", "s", &[Some(SECRET)]).execute("p", 1).sync());
    assert_eq!(tags(&rotation.client.until_ready()), "2DsZ");
    // The open portal pins the keyring.
    let counter = rotation.observer.change(&[Change::SwitchIndex { id: rotation.new }]).counter();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let waiting = rotation.observer.waiting(counter);
    assert!(waiting.len() == 1 && waiting[0].why.contains("portal under way"), "{waiting:?}");
    let client = &mut rotation.client;
    client.say(Script::new().bind("q", "s", &[Some(SECRET)]).execute("q", 0).execute("p", 0).sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), rows(&messages).len()), ("2DDDCDDCZ", 5));
    // Both have run to their end: nothing can come of them, though the transaction is open.
    rotation.observer.settle(counter);
    rotation.client.run("COMMIT");
}

#[test]
fn in_an_aborted_transaction() {
    let mut rotation = Rotation::begin(&[("s", SELECT), ("i", INSERT)]);
    rotation.client.run("BEGIN");
    rotation.client.query("SELECT 1/0");
    rotation.switch();
    let client = &mut rotation.client;
    client.say(find(Script::new(), "s").sync());
    assert_eq!(states(&client.until_ready()), ["25P02"]);
    for _ in 0..2 {
        client.say(Script::new().bind("", "i", &[Some("7"), Some(OTHER)]).execute("", 0).sync());
        assert_eq!(states(&client.until_ready()), ["25P02"]);
    }
    client.run("ROLLBACK");
    client.say(Script::new().bind("", "i", &[Some("8"), Some(OTHER)]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2CZ");
    client.say(find(Script::new(), "s").sync());
    assert_eq!(tags(&client.until_ready()), "2DDDCZ");
}

#[test]
fn a_rollback_just_before_it() {
    let mut rotation = Rotation::begin(&[("s", SELECT), ("r", "ROLLBACK")]);
    rotation.client.run("BEGIN");
    rotation.client.query("SELECT 1/0");
    rotation.switch();
    let client = &mut rotation.client;
    // In one run of messages: when the Bind is looked at, the transaction block is an aborted one.
    client.say(find(Script::new().bind("", "r", &[]).execute("", 0), "s").sync());
    assert_eq!(tags(&client.until_ready()), "2C2DDDCZ");
}

#[test]
fn what_the_server_skipped_did_not_happen() {
    let mut rotation = Rotation::begin(&[("s", SELECT)]);
    rotation.switch();
    let client = &mut rotation.client;
    client.say(find(Script::new().parse("bad", "SELECT 1/", &[]), "s").sync());
    assert_eq!(states(&client.until_ready()), ["42601"]);
    client.say(find(Script::new(), "s").sync());
    assert_eq!(tags(&client.until_ready()), "2DDDCZ");
}

#[test]
fn a_value_that_is_refused_leaves_the_statement_usable() {
    let mut rotation = Rotation::begin(&[("a", "SELECT id FROM secrets WHERE amount = $1 AND code = $2")]);
    rotation.switch();
    let client = &mut rotation.client;
    client.say(Script::new().bind("", "a", &[Some("no number"), Some(SECRET)]).execute("", 0).sync());
    assert_eq!(states(&client.until_ready()), ["22P02"]);
    client.say(Script::new().bind("", "a", &[Some("1"), Some(SECRET)]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2CZ");
}

#[test]
fn a_deallocated_statement_does_not_come_back() {
    let mut rotation = Rotation::begin(&[("s", SELECT)]);
    rotation.client.run("DEALLOCATE s");
    rotation.switch();
    let client = &mut rotation.client;
    client.say(find(Script::new(), "s").sync());
    assert_eq!(states(&client.until_ready()), ["26000"]);
    client.say(Script::new().parse("s", SELECT, &[]).sync());
    assert_eq!(tags(&client.until_ready()), "1Z");
}

#[test]
fn a_sealed_value_pins_its_keyring_until_it_has_run() {
    let mut rotation = Rotation::begin(&[("i", INSERT)]);
    rotation.client.run("BEGIN");
    rotation.client.say(Script::new().bind("p", "i", &[Some("9"), Some(OTHER)]).flush());
    assert_eq!(tags(&rotation.client.next(1)), "2");
    let counter = rotation.observer.change(&[Change::SwitchIndex { id: rotation.new }]).counter();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(rotation.observer.waiting(counter).len(), 1);
    rotation.client.say(Script::new().execute("p", 0).sync());
    assert_eq!(tags(&rotation.client.until_ready()), "CZ");
    rotation.observer.settle(counter);
    rotation.client.run("COMMIT");
}

#[test]
fn the_twin_of_a_unique_index_is_not_seen() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.run("CREATE UNIQUE INDEX secrets_code_key ON secrets (code)");
    let observer = Observer::open(&fixture.pyrite.config());
    observer.add_index_key(CODE);
    client.run(&format!("INSERT INTO secrets (id, code) VALUES (1, '{SECRET}')"));
    // As a rotation makes it; and the first index is made blind, as if the other session came between.
    let mut direct = fixture.direct();
    let oid = direct.column("SELECT 'secrets_code_key'::regclass::oid").swap_remove(0).unwrap();
    direct.run(&format!("CREATE UNIQUE INDEX pyrite_new_{oid} ON secrets (pyrite.eq_b(code))"));
    direct.run(
        "UPDATE secrets SET code = overlay(code::bytea PLACING decode(repeat('00', 16), 'hex') FROM 25 FOR 16)",
    );
    // Until the proxy has seen the new index, it knows no other name for it.
    client.run("CREATE TABLE unrelated (id int)");
    let again = Script::new()
        .parse("i", INSERT, &[])
        .parse("u", &format!("{INSERT} ON CONFLICT (code) DO NOTHING"), &[])
        .bind("", "i", &[Some("2"), Some(SECRET)])
        .execute("", 0)
        .sync()
        .bind("", "u", &[Some("2"), Some(SECRET)])
        .execute("", 0)
        .sync();
    client.say(again);
    let plain = client.until_ready();
    assert_eq!(states(&plain), ["23505"]);
    let error = plain.iter().find(|message| message.tag == b'E').unwrap();
    let shown = String::from_utf8_lossy(&error.body).into_owned();
    assert!(shown.contains("\"secrets_code_key\"") && !shown.contains("pyrite"), "{shown}");
    assert!(shown.contains("Key (code) already exists"), "{shown}");
    let race = client.until_ready();
    assert_eq!(states(&race), ["40001"]);
    let script = format!(
        "INSERT INTO secrets (id, code) VALUES (3, '{OTHER}') ON CONFLICT (code) DO NOTHING;
         INSERT INTO secrets (id, code) VALUES (2, '{SECRET}')"
    );
    assert_eq!(states(&client.query(&script)), ["23505"]);
    assert_eq!(states(&client.query(&format!("{script} ON CONFLICT (code) DO NOTHING"))), ["40001"]);
}
