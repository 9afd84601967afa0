//! A proxy that is cut off from the keyring writes and searches nothing until it has it back.

use std::time::{Duration, Instant};

use super::{CODE, Fleet, states, tags, within};
use crate::support::raw::Script;
use pyrite::database::{LEASE, MARGIN};
use pyrite::keys::Change;

const INSERT: &str = "INSERT INTO secrets (id, code) VALUES ($1, $2)";

#[test]
fn nothing_is_sealed_or_searched_without_a_lease() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let (mut client, mut waiting) = (proxy.connect(), proxy.connect());
    client.run("INSERT INTO secrets (id, code, note) VALUES (1, 'magpie', 'plain')");
    client.say(Script::new().parse("i", INSERT, &[]).parse("r", "SELECT code FROM secrets", &[]).sync());
    client.until_ready();
    waiting.run("BEGIN");
    waiting.say(Script::new().parse("i", INSERT, &[]).bind("p", "i", &[Some("5"), Some("late")]).sync());
    assert_eq!(tags(&waiting.until_ready()), "12Z");

    let observer = fleet.observer();
    let began = Instant::now();
    proxy.cut_off();
    let bind = |id| Script::new().bind("", "i", &[Some(id), Some("magpie")]).execute("", 0).sync();
    client.say(bind("2"));
    assert_eq!(tags(&client.until_ready()), "2CZ", "the lease still holds");
    let changed = observer.change(&[Change::AddData { group: observer.group(CODE) }]).counter();
    within(LEASE + Duration::from_secs(2), "sealing is refused", || {
        client.say(bind("3"));
        let messages = client.until_ready();
        client.run("DELETE FROM secrets WHERE id = 3");
        let refused = states(&messages) == ["55000"];
        assert!(refused || tags(&messages) == "2CZ", "{messages:?}");
        if refused {
            let text = format!("{messages:?}");
            assert!(text.contains("lost touch") && text.contains("Try again"), "{text}");
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
        refused
    });
    assert!(began.elapsed() > LEASE - Duration::from_secs(3), "{:?}", began.elapsed());
    for refused in [
        "INSERT INTO secrets (id, code) VALUES (4, 'magpie')",
        "UPDATE secrets SET code = 'magpie'",
        "SELECT id FROM secrets WHERE code = 'magpie'",
        "SELECT a.id FROM secrets a JOIN secrets b ON a.code = b.code",
    ] {
        assert_eq!(states(&client.query(refused)), ["55000"], "{refused}");
    }
    waiting.say(Script::new().execute("p", 0).sync());
    assert_eq!(states(&waiting.until_ready()), ["55000"], "what was sealed before is not sent any more");
    // Reading needs no lease, and neither does what is not encrypted.
    assert_eq!(client.column("SELECT code FROM secrets WHERE id = 1"), [Some("magpie".to_string())]);
    client.say(Script::new().bind("", "r", &[]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2DDCZ");
    client.run("INSERT INTO secrets (id, note) VALUES (6, 'plain')");

    // Others wait for the lease and the margin, and then no longer.
    let left = observer.settle(changed);
    let total = began.elapsed();
    assert!(total > LEASE + MARGIN - Duration::from_secs(2), "{left:?}, {total:?}");

    let mut again = proxy.connect();
    proxy.restore();
    let took = within(Duration::from_secs(4), "sealing goes on", || {
        states(&again.query("INSERT INTO secrets (id, code) VALUES (7, 'back')")).is_empty()
    });
    // It says so as soon as the statement that was held for it is done.
    within(Duration::from_secs(2), &format!("it has taken over the keyring, {took:?} later"), || {
        observer.waiting(changed).is_empty()
    });
    client.say(bind("8"));
    assert_eq!(tags(&client.until_ready()), "2CZ");
}

#[test]
fn a_portal_that_was_bound_before_a_lapse_does_not_run_after_it() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let (mut client, mut other) = (proxy.connect(), proxy.connect());
    client.run("BEGIN");
    client.say(Script::new().parse("i", INSERT, &[]).bind("p", "i", &[Some("1"), Some("late")]).sync());
    assert_eq!(tags(&client.until_ready()), "12Z");
    proxy.cut_off();
    let query = "SELECT id FROM secrets WHERE code = 'magpie'";
    within(LEASE + Duration::from_secs(2), "the lease ends", || states(&other.query(query)) == ["55000"]);
    proxy.restore();
    within(Duration::from_secs(4), "the lease is back", || states(&other.query(query)).is_empty());
    client.say(Script::new().execute("p", 0).sync());
    let messages = client.until_ready();
    assert_eq!(states(&messages), ["55000"]);
    assert!(format!("{messages:?}").contains("bound before"), "{messages:?}");
    client.run("ROLLBACK");
    client.say(Script::new().bind("", "i", &[Some("1"), Some("now")]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2CZ");
}

#[test]
fn a_statement_is_held_while_the_keyring_is_confirmed_again() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let (mut client, mut other, mut third) = (proxy.connect(), proxy.connect(), proxy.connect());
    client.say(Script::new().parse("i", INSERT, &[]).sync());
    client.until_ready();
    let query = "SELECT id FROM secrets WHERE code = 'magpie'";
    proxy.cut_off();
    within(LEASE + Duration::from_secs(2), "the lease ends", || states(&other.query(query)) == ["55000"]);
    // By now the attempts to connect are far apart: the first statements do not wait for the next one, let alone hear
    // of what is over.
    proxy.restore();
    client.say(Script::new().bind("", "i", &[Some("1"), Some("magpie")]).execute("", 0).sync());
    other.say(Script::new().query(query));
    third.say(Script::new().parse("", query, &[]).bind("", "", &[]).execute("", 0).sync());
    for client in [&mut client, &mut other, &mut third] {
        assert_eq!(states(&client.until_ready()), [""; 0]);
    }
    assert_eq!(client.column(query), [Some("1".to_string())]);
}

#[test]
fn a_session_that_ends_with_something_under_way_is_waited_for() {
    let fleet = Fleet::start();
    let proxy = fleet.proxy("a");
    let observer = fleet.observer();
    let mut client = proxy.connect();
    client.run("BEGIN");
    client.say(Script::new().parse("i", INSERT, &[]).bind("p", "i", &[Some("1"), Some("late")]).sync());
    client.until_ready();
    let changed = observer.change(&[Change::AddData { group: observer.group(CODE) }]).counter();
    drop(client);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(observer.waiting(changed).len(), 1, "the server may not have read all of it");
    assert!(observer.settle(changed) < Duration::from_secs(6));
}
