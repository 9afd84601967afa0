//! What a client sees of protected columns: descriptions, formats, row limits, big values.

use super::{Fixture, NUMBER, OTHER, SECRET, rows, states, tags};
use crate::support::message::Field;
use crate::support::raw::Script;

const INT4: u32 = 23;
const TEXT: u32 = 25;

fn seen(fields: &[Field]) -> Vec<(&str, u32, i32, i16)> {
    fields.iter().map(|field| (field.name.as_str(), field.type_oid, field.typmod, field.format)).collect()
}

#[test]
fn describe_shows_the_declared_types() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let text = "SELECT code, amount, id FROM secrets WHERE amount = $1 AND code = $2 AND id = $3";
    let values = [Some("1"), Some(SECRET), Some("1")];
    client.say(Script::new().parse("s", text, &[]).describe_statement("s").sync());
    let messages = client.until_ready();
    assert_eq!(messages[1].parameters(), [INT4, TEXT, INT4]);
    let declared = [("code", TEXT, -1, 0), ("amount", INT4, -1, 0), ("id", INT4, -1, 0)];
    assert_eq!(seen(&messages[2].fields()), declared);
    // The portal says the formats that Bind asked for.
    let values = values.map(|value| value.map(str::as_bytes));
    let script = Script::new()
        .bind_formats("", "s", &[], &values, &[0, 1, 1])
        .describe_portal("")
        .execute("", 0)
        .sync();
    client.say(script);
    let messages = client.until_ready();
    assert_eq!(
        seen(&messages[1].fields()),
        [("code", TEXT, -1, 0), ("amount", INT4, -1, 1), ("id", INT4, -1, 1)]
    );
    let row = messages[2].values();
    assert_eq!(row, [Some(SECRET.as_bytes().to_vec()), Some(vec![0, 0, 0, 1]), Some(vec![0, 0, 0, 1])]);
}

#[test]
fn describe_before_and_after_a_refusal() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(Script::new().parse("s", "SELECT max(code) FROM secrets", &[]).describe_statement("s").sync());
    assert_eq!(states(&client.until_ready()), ["0A000"]);
    client.say(Script::new().describe_statement("s").sync());
    assert_eq!(states(&client.until_ready()), ["26000"]);
    client.say(Script::new().parse("w", "UPDATE secrets SET code = $1", &[]).describe_statement("w").sync());
    assert_eq!(tags(&client.until_ready()), "1tnZ");
}

#[test]
fn row_limits() {
    let fixture = Fixture::with_rows(5);
    let mut client = fixture.connect();
    let script = Script::new().parse("", "SELECT id, code FROM secrets ORDER BY id", &[]).bind("", "", &[]);
    client.say(script.execute("", 2).execute("", 2).execute("", 2).sync());
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "12DDsDDsDCZ");
    assert!(rows(&messages).iter().all(|row| row[1] == SECRET));
}

#[test]
fn binary_parameters_and_results() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let number = NUMBER.to_be_bytes();
    let values: [Option<&[u8]>; 3] = [Some(&[0, 0, 0, 1]), Some(SECRET.as_bytes()), Some(&number)];
    let text = "INSERT INTO secrets (id, code, amount) VALUES ($1, $2, $3) RETURNING amount, code";
    client.say(
        Script::new()
            .parse("", text, &[INT4, TEXT, INT4])
            .bind_formats("", "", &[1], &values, &[1])
            .execute("", 0)
            .sync(),
    );
    let messages = client.until_ready();
    assert_eq!(messages[2].values(), [Some(number.to_vec()), Some(SECRET.as_bytes().to_vec())]);
    let text = "SELECT code FROM secrets WHERE amount = $1";
    client.say(
        Script::new()
            .parse("", text, &[])
            .bind_formats("", "", &[1], &[Some(&number)], &[])
            .execute("", 0)
            .sync(),
    );
    assert_eq!(rows(&client.until_ready()), [[SECRET]]);
}

#[test]
fn binary_parameters_of_wrong_length() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let text = "INSERT INTO secrets (id, amount) VALUES (1, $1)";
    for (bytes, state) in [(&[0u8, 1][..], "08P01"), (&[0; 5], "22P03"), (&[], "08P01")] {
        client.say(
            Script::new()
                .parse("", text, &[])
                .bind_formats("", "", &[1], &[Some(bytes)], &[])
                .execute("", 0)
                .sync(),
        );
        assert_eq!(states(&client.until_ready()), [state], "{} bytes", bytes.len());
    }
    client.say(
        Script::new()
            .parse("", "INSERT INTO secrets (id, code) VALUES (1, $1)", &[])
            .bind("", "", &[])
            .sync(),
    );
    assert_eq!(states(&client.until_ready()), ["08P01"], "a parameter is missing");
    let script = Script::new().parse("", "INSERT INTO secrets (id, code) VALUES (1, $1)", &[]);
    client.say(script.bind_formats("", "", &[1], &[Some(b"\xff\xfe")], &[]).execute("", 0).sync());
    assert_eq!(states(&client.until_ready()), ["22021"], "not UTF-8");
    assert_eq!(fixture.ids(), [""; 0]);
}

#[test]
fn values_of_many_megabytes() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let value = format!("{SECRET} ").repeat(1 << 19);
    client.say(
        Script::new()
            .parse("", "INSERT INTO secrets (id, code) VALUES (1, $1)", &[])
            .bind("", "", &[Some(&value)])
            .execute("", 0)
            .sync(),
    );
    assert_eq!(tags(&client.until_ready()), "12CZ");
    let messages = client.run("SELECT code, code FROM secrets");
    let row = messages[1].values();
    assert!(
        row.iter().all(|column| column.as_deref() == Some(value.as_bytes())),
        "both columns come back whole"
    );
    client.run(&format!("INSERT INTO secrets (id, code) VALUES (2, '{value}')"));
    let count = client.column(&format!("SELECT count(*) FROM secrets WHERE code = '{value}'"));
    assert_eq!(count, [Some("2".to_string())]);
}

#[test]
fn nulls_and_empty_strings() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let script = Script::new().parse("s", "INSERT INTO secrets VALUES ($1, $2, $3, $4)", &[]);
    let script = script.bind("", "s", &[Some("1"), Some(""), None, None]).execute("", 0);
    client.say(script.bind("", "s", &[Some("2"), None, Some("0"), Some("")]).execute("", 0).sync());
    assert_eq!(tags(&client.until_ready()), "12C2CZ");
    let messages = client.run("SELECT code, amount, note FROM secrets ORDER BY id");
    assert_eq!(messages[1].values(), [Some(vec![]), None, None]);
    assert_eq!(messages[2].values(), [None, Some(b"0".to_vec()), Some(vec![])]);
    let nulls = fixture.direct().column("SELECT count(*) FROM secrets WHERE code IS NULL");
    assert_eq!(nulls, [Some("1".to_string())], "a NULL stays visible to the server");
}

#[test]
fn equal_values_have_unequal_envelopes() {
    let fixture = Fixture::with_rows(4);
    let distinct = fixture.direct().column("SELECT count(DISTINCT code::bytea) FROM secrets");
    assert_eq!(distinct, [Some("4".to_string())]);
    let terms = fixture.direct().column("SELECT count(DISTINCT pyrite.eq(code)) FROM secrets");
    assert_eq!(terms, [Some("1".to_string())]);
}

#[test]
fn a_tampered_value_is_an_error() {
    let fixture = Fixture::with_rows(2);
    // One bit of the last byte, which belongs to the authentication tag.
    fixture.direct().run(
        "UPDATE secrets SET code = set_byte(code::bytea, octet_length(code) - 1, \
         get_byte(code::bytea, octet_length(code) - 1) # 1) WHERE id = 2",
    );
    let mut client = fixture.connect();
    let messages = client.query("SELECT id, code FROM secrets ORDER BY id");
    assert_eq!(states(&messages).len(), 1, "{messages:?}");
    assert!(rows(&messages).iter().all(|row| row[0] == "1"), "{messages:?}");
    assert_eq!(rows(&client.run("SELECT code FROM secrets WHERE id = 1")), [[SECRET]]);
}

#[test]
fn a_value_moved_to_another_column_is_an_error() {
    let fixture = Fixture::with_rows(1);
    fixture.direct().run("UPDATE secrets SET code = amount");
    let mut client = fixture.connect();
    let messages = client.query("SELECT code FROM secrets");
    assert_eq!((states(&messages).len(), rows(&messages).len()), (1, 0), "{messages:?}");
}

#[test]
fn the_server_refuses_plaintext_that_goes_past_the_proxy() {
    let fixture = Fixture::with_rows(1);
    let messages = fixture.direct().query(&format!("INSERT INTO secrets (id, code) VALUES (2, '{OTHER}')"));
    assert_eq!(states(&messages), ["23514"]);
}

#[test]
fn notices_and_notifications_come_through() {
    let fixture = Fixture::with_rows(1);
    let (mut listener, mut speaker) = (fixture.connect(), fixture.connect());
    listener.run("LISTEN news");
    speaker.run("NOTIFY news, 'extra'");
    let messages = listener.run("SELECT code FROM secrets");
    let mut heard = tags(&messages).contains('A');
    if !heard {
        heard = tags(&listener.run("SELECT code FROM secrets")).contains('A');
    }
    assert!(heard, "the notification arrives between other messages");
}
