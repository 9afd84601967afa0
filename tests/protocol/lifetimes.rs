//! Statements and portals live and die as in the server, and never is one taken for another.

use super::{Fixture, OTHER, SECRET, rows, states, tags};
use crate::support::raw::Script;

const INSERT: &str = "INSERT INTO secrets (id, code) VALUES ($1, $2)";
const SELECT: &str = "SELECT id, code FROM secrets WHERE code = $1";

#[test]
fn a_failed_parse_leaves_the_named_statement_as_it_was() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.say(Script::new().parse("s", INSERT, &[]).sync());
    assert_eq!(tags(&client.until_ready()), "1Z");
    // The server keeps the INSERT. Everything is sent at once, so the proxy cannot have seen the failure when the
    // second Bind comes; still the value must be sealed.
    let script = Script::new()
        .parse("s", "SELECT $1::int, $2::text", &[])
        .sync()
        .bind("", "s", &[Some("1"), Some(SECRET)])
        .execute("", 0)
        .sync();
    client.say(script);
    assert_eq!(states(&client.until_ready()), ["42P05"]);
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "2CZ", "{messages:?}");
    assert_eq!(rows(&client.run("SELECT id, code FROM secrets")), [["1", SECRET]]);
}

#[test]
fn a_failed_parse_of_a_protected_statement_leaves_the_plain_one() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.say(Script::new().parse("s", "SELECT $1::int, $2::text", &[]).sync());
    client.until_ready();
    client.say(
        Script::new()
            .parse("s", INSERT, &[])
            .sync()
            .bind("", "s", &[Some("1"), Some("plain")])
            .execute("", 0)
            .sync(),
    );
    assert_eq!(states(&client.until_ready()), ["42P05"]);
    assert_eq!(rows(&client.until_ready()), [["1", "plain"]]);
    assert_eq!(fixture.ids(), [""; 0]);
}

#[test]
fn a_parse_with_a_syntax_error_makes_no_statement() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.say(
        Script::new()
            .parse("s", "INSERT INTO secrets (id, code) VALUE ($1, $2)", &[])
            .bind("", "s", &[Some("1"), Some(SECRET)])
            .sync(),
    );
    assert_eq!(states(&client.until_ready()), ["42601"]);
    client.say(Script::new().bind("", "s", &[Some("1"), Some(SECRET)]).sync());
    assert_eq!(states(&client.until_ready()), ["26000"]);
}

#[test]
fn a_skipped_parse_makes_no_statement() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let script = Script::new()
        .parse("bad", "SELECT 1/", &[])
        .parse("s", SELECT, &[])
        .sync()
        .bind("", "s", &[Some(SECRET)])
        .execute("", 0)
        .sync();
    client.say(script);
    assert_eq!(states(&client.until_ready()), ["42601"]);
    assert_eq!(states(&client.until_ready()), ["26000"]);
    client.say(Script::new().parse("s", SELECT, &[]).bind("", "s", &[Some(SECRET)]).execute("", 0).sync());
    assert_eq!(rows(&client.until_ready()), [["1", SECRET]]);
}

#[test]
fn a_statement_parsed_in_a_transaction_survives_its_rollback() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.run("BEGIN");
    client.say(Script::new().parse("s", SELECT, &[]).sync());
    client.until_ready();
    client.run("ROLLBACK");
    client.say(Script::new().bind("", "s", &[Some(SECRET)]).execute("", 0).sync());
    assert_eq!(rows(&client.until_ready()), [["1", SECRET]]);
}

#[test]
fn close_ends_statements_and_portals() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(
        Script::new()
            .parse("s", SELECT, &[])
            .bind("p", "s", &[Some(SECRET)])
            .close_portal("p")
            .execute("p", 0)
            .sync(),
    );
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("123EZ", vec!["34000".to_string()]));
    client.say(
        Script::new().close_statement("s").close_statement("never").bind("", "s", &[Some(SECRET)]).sync(),
    );
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("33EZ", vec!["26000".to_string()]));
    // The name is free for another statement.
    client.say(
        Script::new().parse("s", INSERT, &[]).bind("", "s", &[Some("2"), Some(OTHER)]).execute("", 0).sync(),
    );
    assert_eq!(tags(&client.until_ready()), "12CZ");
}

#[test]
fn deallocate_and_discard_end_statements() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    // Names that no message defined may mean something from here on: values of those that have ended may still not
    // go to the server, where the tap would see them.
    client.run("PREPARE x AS SELECT 1");
    for end in ["DEALLOCATE s", "DEALLOCATE ALL", "DISCARD ALL"] {
        client.say(Script::new().parse("s", SELECT, &[]).sync());
        assert_eq!(tags(&client.until_ready()), "1Z", "{end}");
        client.run(end);
        client.say(Script::new().bind("", "s", &[Some(SECRET)]).sync());
        assert_eq!(states(&client.until_ready()), ["26000"], "{end}");
        // Under the same name, now something else: no plan of the old one may be used.
        client.say(
            Script::new()
                .parse("s", INSERT, &[])
                .bind("", "s", &[Some("9"), Some(OTHER)])
                .execute("", 0)
                .close_statement("s")
                .sync(),
        );
        assert_eq!(tags(&client.until_ready()), "12C3Z", "{end}");
        client.run("DELETE FROM secrets WHERE id = 9");
    }
}

#[test]
fn values_for_a_name_that_may_have_meant_a_protected_statement_stay() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.run("PREPARE x (text) AS SELECT $1");
    let late = |name: &str| Script::new().bind("", name, &[Some(SECRET)]).sync();
    client.say(Script::new().parse("closed", SELECT, &[]).close_statement("closed").sync());
    assert_eq!(tags(&client.until_ready()), "13Z");
    client.say(late("closed"));
    assert_eq!(states(&client.until_ready()), ["26000"]);
    // What the server did not take, and what was never sent since something before it was refused.
    let refused = "SELECT id FROM secrets WHERE code COLLATE \"C\" < $1";
    client.say(
        Script::new()
            .parse("skipped", "SELECT 1/", &[])
            .parse("failed", SELECT, &[])
            .sync()
            .parse("refused", refused, &[])
            .parse("unsent", SELECT, &[])
            .sync(),
    );
    assert_eq!(states(&client.until_ready()), ["42601"]);
    assert_eq!(states(&client.until_ready()), ["0A000"]);
    for name in ["failed", "refused", "unsent"] {
        client.say(late(name));
        assert_eq!(states(&client.until_ready()), ["26000"], "{name}");
    }
    // Statements that SQL made take their values by message, as in the server.
    client.say(Script::new().bind("", "x", &[Some("open")]).execute("", 0).sync());
    assert_eq!(rows(&client.until_ready()), [["open"]]);
}

#[test]
fn the_unnamed_statement_is_replaced_and_ends_with_a_simple_query() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(
        Script::new()
            .parse("", INSERT, &[])
            .parse("", SELECT, &[])
            .bind("", "", &[Some(SECRET)])
            .execute("", 0)
            .sync(),
    );
    let messages = client.until_ready();
    assert_eq!(
        (tags(&messages).as_str(), rows(&messages)),
        ("112DCZ", vec![vec!["1".to_string(), SECRET.to_string()]])
    );
    // It lives on after Sync.
    client.say(Script::new().bind("", "", &[Some(SECRET)]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2DCZ");
    client.run("SELECT 1");
    client.say(Script::new().bind("", "", &[Some(SECRET)]).execute("", 0).sync());
    assert_eq!(states(&client.until_ready()), ["26000"]);
}

#[test]
fn portals_end_with_their_transaction() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(Script::new().parse("s", SELECT, &[]).bind("p", "s", &[Some(SECRET)]).sync());
    client.until_ready();
    client.say(Script::new().execute("p", 0).sync());
    assert_eq!(states(&client.until_ready()), ["34000"]);
    client.run("BEGIN");
    client.say(Script::new().bind("p", "s", &[Some(SECRET)]).bind("q", "s", &[Some(OTHER)]).sync());
    client.until_ready();
    client.say(Script::new().execute("p", 0).execute("q", 0).sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), rows(&messages).len()), ("DCCZ", 1));
    client.run("COMMIT");
    client.say(Script::new().describe_portal("p").sync());
    assert_eq!(states(&client.until_ready()), ["34000"]);
}

#[test]
fn a_portal_name_in_use_is_an_error() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.run("BEGIN");
    let script = Script::new()
        .parse("s", SELECT, &[])
        .parse("n", "SELECT id, note FROM secrets", &[])
        .bind("p", "s", &[Some(SECRET)])
        .sync();
    client.say(script.bind("p", "n", &[]).sync());
    assert_eq!(tags(&client.until_ready()), "112Z");
    assert_eq!(states(&client.until_ready()), ["42P03"]);
    client.run("ROLLBACK");
}

#[test]
fn interleaved_portals_keep_their_columns() {
    let fixture = Fixture::with_rows(3);
    let mut client = fixture.connect();
    client.run("BEGIN");
    let script = Script::new()
        .parse("a", "SELECT code FROM secrets ORDER BY id", &[])
        .parse("b", "SELECT note, amount, code FROM secrets ORDER BY id DESC", &[])
        .bind("a", "a", &[])
        .bind("b", "b", &[]);
    client.say(script.execute("a", 1).execute("b", 1).execute("a", 1).execute("b", 0).execute("a", 0).sync());
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "1122DsDsDsDDCDCZ");
    let text = |row: &[&str]| row.iter().map(|value| value.to_string()).collect::<Vec<_>>();
    let expected = vec![
        text(&[SECRET]),
        text(&["note 3", "3", SECRET]),
        text(&[SECRET]),
        text(&["note 2", "2", SECRET]),
        text(&["note 1", "1", SECRET]),
        text(&[SECRET]),
    ];
    assert_eq!(rows(&messages), expected);
    client.run("COMMIT");
}

#[test]
fn two_sessions_do_not_share_names() {
    let fixture = Fixture::with_rows(1);
    let (mut one, mut two) = (fixture.connect(), fixture.connect());
    one.say(Script::new().parse("s", INSERT, &[]).sync());
    two.say(Script::new().parse("s", SELECT, &[]).sync());
    one.until_ready();
    two.until_ready();
    one.say(Script::new().bind("", "s", &[Some("2"), Some(OTHER)]).execute("", 0).sync());
    assert_eq!(tags(&one.until_ready()), "2CZ");
    two.say(Script::new().bind("", "s", &[Some(OTHER)]).execute("", 0).sync());
    assert_eq!(rows(&two.until_ready()), [["2", OTHER]]);
}

#[test]
fn a_statement_planned_before_its_table_was_encrypted_is_not_run() {
    let fixture = Fixture::empty();
    let owner = &mut fixture.direct();
    // As before an operator encrypts it: the configuration names the column, the table still has it plain.
    owner.run("DROP TABLE secrets CASCADE");
    owner.run("CREATE TABLE secrets (id int, code text, amount int, note text)");
    let mut client = fixture.connect();
    // The catalog is polled; until then values are sealed, which a text column would store as text.
    let plain = until(|| {
        client.run("INSERT INTO secrets (id, code) VALUES (0, 'open')");
        let stored = owner.column("SELECT code FROM secrets");
        owner.run("DELETE FROM secrets");
        (stored == [Some("open".to_string())]).then_some(())
    });
    assert!(plain.is_some(), "a column that is still plain is written plainly");
    client.say(Script::new().parse("s", INSERT, &[]).sync());
    assert_eq!(tags(&client.until_ready()), "1Z");
    owner.run("ALTER TABLE secrets ALTER code TYPE pyrite.encrypted USING NULL");
    // Another session sees the new type; from then on the first one may not send the value either.
    let seen = until(|| {
        let outcome = client_sees_encrypted(&fixture);
        outcome.then_some(())
    });
    assert!(seen.is_some(), "the change is noticed within the time of a poll");
    client.say(Script::new().bind("", "s", &[Some("1"), Some(SECRET)]).execute("", 0).sync());
    assert_eq!(states(&client.until_ready()), ["0A000"]);
    client.say(
        Script::new().parse("", INSERT, &[]).bind("", "", &[Some("1"), Some(SECRET)]).execute("", 0).sync(),
    );
    assert_eq!(states(&client.until_ready()), [""; 0]);
    assert_eq!(rows(&client.run("SELECT id, code FROM secrets")), [["1", SECRET]]);
}

/// Whether a new session's answer shows the column as an encrypted one: order is refused there.
fn client_sees_encrypted(fixture: &Fixture) -> bool {
    states(&fixture.connect().query("SELECT id FROM secrets ORDER BY code")) == ["0A000"]
}

/// Tries for some seconds: the catalog is polled once a second.
fn until<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    (0..100).find_map(|_| {
        attempt().or_else(|| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            None
        })
    })
}

#[test]
fn a_prepared_statement_outlives_ddl_that_does_not_concern_it() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.say(Script::new().parse("s", INSERT, &[]).sync());
    client.until_ready();
    client.run("CREATE TABLE unrelated (id int)");
    client.say(Script::new().bind("", "s", &[Some("1"), Some(SECRET)]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "2CZ");
}

#[test]
fn a_prepared_statement_takes_and_shows_no_value_in_another_encoding() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.say(Script::new().parse("w", INSERT, &[]).parse("r", "SELECT id, code FROM secrets", &[]).sync());
    client.until_ready();
    client.run(&format!("INSERT INTO secrets (id, code) VALUES (1, '{SECRET}')"));
    client.run("SET client_encoding TO 'LATIN1'");
    client.say(Script::new().bind("", "w", &[Some("2"), Some(OTHER)]).execute("", 0).sync());
    assert_eq!(states(&client.until_ready()), ["0A000"]);
    client.say(Script::new().bind("", "r", &[]).execute("", 0).sync());
    assert_eq!(states(&client.until_ready()), ["0A000"]);
    client.run("RESET client_encoding");
    client.say(Script::new().bind("", "r", &[]).execute("", 0).sync());
    assert_eq!(rows(&client.until_ready()), [["1", SECRET]]);
}

#[test]
fn settings_that_change_how_values_are_read_are_not_ignored() {
    let fixture = Fixture::with_rows(2);
    let mut client = fixture.connect();
    for setting in ["timezone_abbreviations TO 'Australia'", "array_nulls TO off"] {
        client.run(&format!("SET {setting}"));
        let refused = client.query(&format!("SELECT id FROM secrets WHERE code = '{SECRET}'"));
        assert_eq!(states(&refused), ["0A000"], "{setting}");
        client.run("RESET ALL");
        assert!(!rows(&client.run(&format!("SELECT id FROM secrets WHERE code = '{SECRET}'"))).is_empty());
    }
}
