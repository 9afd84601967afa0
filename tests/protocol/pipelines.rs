//! Errors and refusals in the middle of pipelines act as the server's own errors do.

use super::{Fixture, NUMBER, OTHER, SECRET, rows, states, tags};
use crate::support::raw::Script;

const INSERT: &str = "INSERT INTO secrets (id, code, amount) VALUES ($1, $2, $3)";
const REFUSED: &str = "SELECT id FROM secrets ORDER BY code";

fn insert(script: Script, id: &str, code: &str, amount: &str) -> Script {
    script.parse("", INSERT, &[]).bind("", "", &[Some(id), Some(code), Some(amount)]).execute("", 0)
}

#[test]
fn a_pipeline_without_errors() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let amount = NUMBER.to_string();
    let script = insert(insert(Script::new(), "1", SECRET, &amount), "2", OTHER, "7").sync();
    client.say(script);
    assert_eq!(tags(&client.until_ready()), "12C12CZ");
    let messages = client.run("SELECT id, code, amount FROM secrets ORDER BY id");
    assert_eq!(rows(&messages), [["1", SECRET, &amount], ["2", OTHER, "7"]]);
    // What lies in the database is an envelope.
    let stored = fixture.direct().column("SELECT encode(code::bytea, 'escape') FROM secrets");
    assert!(stored.iter().flatten().all(|text| !text.contains("canary")), "{stored:?}");
}

#[test]
fn a_refusal_skips_the_rest_up_to_sync() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let script = insert(Script::new(), "1", SECRET, "1");
    let script = script.parse("", REFUSED, &[]).bind("", "", &[]).describe_portal("").execute("", 0);
    let script = insert(script, "2", OTHER, "2").sync();
    // What comes after Sync is a transaction of its own, and works.
    client.say(insert(script, "3", SECRET, "3").sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("12CEZ", vec!["0A000".to_string()]));
    assert!(messages[3].field(b'H').is_some(), "a refusal names the way out: {messages:?}");
    assert_eq!(tags(&client.until_ready()), "12CZ");
    assert_eq!(fixture.ids(), ["3"]);
}

#[test]
fn a_refusal_aborts_a_transaction_block() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.run("BEGIN");
    client.say(insert(Script::new(), "1", SECRET, "1").sync());
    assert_eq!(client.until_ready().last().unwrap().text(), "T");
    client.say(Script::new().parse("", REFUSED, &[]).sync());
    let messages = client.until_ready();
    assert_eq!(
        (states(&messages), messages.last().unwrap().text()),
        (vec!["0A000".to_string()], "E".to_string())
    );
    // In an aborted block everything is 25P02: plain, protected and what would be refused.
    for text in ["SELECT 1", "SELECT code FROM secrets", REFUSED] {
        assert_eq!(states(&client.query(text)), ["25P02"], "{text}");
        client.say(Script::new().parse("", text, &[]).bind("", "", &[]).execute("", 0).sync());
        assert_eq!(states(&client.until_ready()), ["25P02"], "{text}");
    }
    let messages = client.query("COMMIT");
    assert_eq!((messages[0].text(), messages[1].text()), ("ROLLBACK".to_string(), "I".to_string()));
    assert_eq!(fixture.ids(), [""; 0]);
}

#[test]
fn a_refusal_in_a_simple_query_undoes_its_implicit_transaction() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let text = format!("INSERT INTO secrets VALUES (1, '{SECRET}', 1, ''); {REFUSED}; SELECT 1");
    let messages = client.query(&text);
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("CEZ", vec!["0A000".to_string()]));
    assert_eq!(fixture.ids(), [""; 0]);
    assert_eq!(rows(&client.run("SELECT 1")), [["1"]]);
}

#[test]
fn a_value_error_at_bind_skips_the_rest() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let script = insert(Script::new(), "1", SECRET, "1");
    let script = insert(script, "2", OTHER, "twelve");
    client.say(insert(script, "3", OTHER, "3").sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("12C1EZ", vec!["22P02".to_string()]));
    assert_eq!(fixture.ids(), [""; 0]);
    client.run("BEGIN");
    client.say(insert(Script::new(), "4", SECRET, "99999999999").sync());
    let messages = client.until_ready();
    assert_eq!(
        (states(&messages), messages.last().unwrap().text()),
        (vec!["22003".to_string()], "E".to_string())
    );
    client.run("ROLLBACK");
}

#[test]
fn an_error_of_the_server_skips_the_rest() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let script = insert(Script::new(), "2", SECRET, "1");
    let script = insert(script, "1", OTHER, "1"); // violates the key
    client.say(insert(script, "3", OTHER, "3").sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), states(&messages)), ("12C12EZ", vec!["23505".to_string()]));
    assert_eq!(fixture.ids(), ["1"]);
}

#[test]
fn flush_brings_what_is_due() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(Script::new().parse("", "SELECT code FROM secrets WHERE code = $1", &[]).flush());
    assert_eq!(tags(&client.next(1)), "1");
    client.say(Script::new().describe_statement("").flush());
    assert_eq!(tags(&client.next(2)), "tT");
    client.say(Script::new().bind("", "", &[Some(SECRET)]).flush());
    assert_eq!(tags(&client.next(1)), "2");
    client.say(Script::new().execute("", 0).flush());
    assert_eq!(rows(&client.next(2)), [[SECRET]]);
    assert!(client.silent(), "nothing more is due before Sync");
    client.say(Script::new().sync());
    assert_eq!(tags(&client.until_ready()), "Z");
}

#[test]
fn a_refusal_before_flush_is_answered_at_once() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(Script::new().parse("", REFUSED, &[]).flush());
    assert_eq!(states(&client.next(1)), ["0A000"]);
    client.say(Script::new().parse("", "SELECT 1", &[]).flush());
    assert!(client.silent(), "everything is skipped up to Sync");
    client.say(Script::new().sync());
    assert_eq!(tags(&client.until_ready()), "Z");
}

#[test]
fn frames_byte_by_byte() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let script = insert(Script::new(), "1", SECRET, "5").sync().query("SELECT code FROM secrets");
    for byte in script.0 {
        client.send(&[byte]).unwrap();
    }
    assert_eq!(tags(&client.until_ready()), "12CZ");
    assert_eq!(rows(&client.until_ready()), [[SECRET]]);
}

#[test]
fn a_long_pipeline() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    client.say(Script::new().parse("add", INSERT, &[23, 25, 23]).sync());
    client.until_ready();
    let mut script = Script::new();
    for id in 0..2000 {
        let id = id.to_string();
        script = script.bind("", "add", &[Some(&id), Some(SECRET), Some(&id)]).execute("", 0);
    }
    client.say(script.sync());
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "2C".repeat(2000) + "Z");
    let messages = client.run("SELECT code, amount FROM secrets ORDER BY id");
    let expected: Vec<_> = (0..2000).map(|n| vec![SECRET.to_string(), n.to_string()]).collect();
    assert_eq!(rows(&messages), expected);
}

#[test]
fn a_query_in_the_middle_of_a_pipeline() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let script = insert(Script::new(), "1", SECRET, "1").query("SELECT code FROM secrets");
    client.say(insert(script, "2", OTHER, "2").sync());
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "12CTDCZ");
    assert_eq!(tags(&client.until_ready()), "12CZ");
    assert_eq!(fixture.ids(), ["1", "2"]);
}
