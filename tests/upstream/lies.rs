//! Well-formed lies, each with a purpose.

use super::forger::message;
use super::support::message::Message;
use super::support::raw::Script;
use super::{AMOUNTS, CODES, Fixture, until_ready};

/// What is done to the values of a row.
type Change = fn(&mut Vec<Option<Vec<u8>>>);

/// The values of a DataRow.
fn values(body: &[u8]) -> Vec<Option<Vec<u8>>> {
    Message { tag: b'D', body: body.to_vec() }.values()
}

/// A DataRow.
fn row(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut body = (values.len() as i16).to_be_bytes().to_vec();
    for value in values {
        match value {
            None => body.extend_from_slice(&(-1i32).to_be_bytes()),
            Some(value) => {
                body.extend_from_slice(&(value.len() as i32).to_be_bytes());
                body.extend_from_slice(value);
            }
        }
    }
    message(b'D', &body)
}

/// What a client gets of one statement when each row of encrypted columns is changed.
fn told(fixture: &Fixture, text: &str, change: Change) -> Vec<Message> {
    let mut client = fixture.deceived(Box::new(move |_, tag, body| {
        let hex = body.windows(2).any(|pair| pair == b"\\x");
        if tag != b'D' || !hex {
            return message(tag, body);
        }
        let mut values = values(body);
        change(&mut values);
        row(&values)
    }));
    client.send(&Script::new().query(text).0).unwrap();
    let mut seen = Vec::new();
    until_ready(&mut client, &mut seen);
    seen
}

fn states(seen: &[Message]) -> Vec<String> {
    seen.iter().filter(|message| message.tag == b'E').map(Message::sqlstate).collect()
}

#[test]
fn values_moved_and_altered() {
    let fixture = Fixture::start("");
    let both = "SELECT code, amount FROM secrets";
    let cases: &[(&str, Change)] = &[
        ("moved to the other column", |values| values.swap(0, 1)),
        ("copied to the other column", |values| values[1] = values[0].clone()),
        ("one digit changed", |values| {
            let value = values[0].as_mut().unwrap();
            let last = value.last_mut().unwrap();
            *last = if *last == b'0' { b'1' } else { b'0' };
        }),
        ("cut short", |values| {
            let value = values[0].as_mut().unwrap();
            value.truncate(value.len() - 2);
        }),
        ("made longer", |values| values[0].as_mut().unwrap().extend_from_slice(b"00")),
        ("plain text in its place", |values| values[0] = Some(b"anything".to_vec())),
        ("no text at all", |values| values[0] = Some(vec![0xff, 0xfe])),
        ("empty", |values| values[0] = Some(Vec::new())),
        ("a column less", |values| values.truncate(1)),
        ("a column more", |values| values.push(None)),
        ("under a key that is not there", |values| {
            // Behind `\x`, magic, version and type stand the eight bytes of the data key's id.
            let value = values[0].as_mut().unwrap();
            value[2 + 2 * 8..2 + 2 * 10].copy_from_slice(b"abcd");
        }),
    ];
    for (name, change) in cases {
        let seen = told(&fixture, both, *change);
        assert!(!states(&seen).is_empty() || seen.last().is_none_or(|m| m.tag != b'Z'), "{name}: {seen:?}");
        let rows = seen.iter().filter(|message| message.tag == b'D');
        for value in rows.flat_map(Message::values).flatten() {
            let value = String::from_utf8_lossy(&value).into_owned();
            assert!(CODES.contains(&value.as_str()) || AMOUNTS.contains(&value.as_str()), "{name}: {value}");
        }
        fixture.still_works(name);
    }
}

#[test]
fn columns_under_another_name_and_origin() {
    let fixture = Fixture::start("");
    // Another origin or type than was planned is an error before any row is opened.
    for (name, at, byte) in [("table", 0, 0x7f), ("attribute", 5, 0x01), ("type", 9, 0x13)] {
        let mut client = fixture.deceived(Box::new(move |_, tag, body| {
            let start = body.windows(5).position(|window| window == b"code\0");
            let (b'T', Some(start)) = (tag, start) else { return message(tag, body) };
            let mut body = body.to_vec();
            body[start + 5 + at] ^= byte;
            message(tag, &body)
        }));
        client.send(&Script::new().query("SELECT code FROM secrets").0).unwrap();
        let mut seen = Vec::new();
        until_ready(&mut client, &mut seen);
        assert!(!states(&seen).is_empty(), "{name}: {seen:?}");
        assert!(seen.iter().all(|message| message.tag != b'D'), "{name}: {seen:?}");
        fixture.still_works(name);
    }
}

/// Pyrite asks the server about the session, on the client's own connection: what if it lies?
#[test]
fn answers_to_questions_of_pyrites_own() {
    let fixture = Fixture::start("");
    let answers: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("no JSON", b"nonsense"),
        ("other JSON", b"[1, 2, 3]"),
        ("deep JSON", &[b'['; 20_000]),
        ("half of it", b"{\"path\": [\"public\""),
        ("not in UTF-8", b"{\"path\": [\"\xff\"]}"),
        ("another schema", b"{\"path\": [\"elsewhere\"], \"client_encoding\": \"UTF8\"}"),
        ("another encoding", b"{\"path\": [\"public\"], \"client_encoding\": \"SJIS\"}"),
    ];
    for (name, answer) in answers {
        let mut client = fixture.deceived(Box::new(move |_, tag, body| {
            let asked = tag == b'D' && body.windows(6).any(|window| window == b"\"path\"");
            if asked { row(&[Some(answer.to_vec())]) } else { message(tag, body) }
        }));
        let mut seen = Vec::new();
        for text in [
            "SET search_path = public",
            "INSERT INTO secrets VALUES (7, 'raven-over-the-river', 1737465564, 'x')",
            "DELETE FROM secrets WHERE id = 7",
        ] {
            client.send(&Script::new().query(text).0).unwrap();
            if !until_ready(&mut client, &mut seen) {
                break;
            }
        }
        fixture.pyrite.connect(&fixture.database).run("DELETE FROM secrets WHERE id = 7");
        fixture.still_works(name);
    }
}

/// Errors without end do not keep Pyrite busy without end.
#[test]
fn a_value_that_is_never_seen() {
    let fixture = Fixture::start("");
    let error = b"SERROR\0VERROR\0C22P02\0Minvalid input syntax: \"pyrite_unseen_value\"\0\0";
    let mut client = fixture.deceived(Box::new(move |_, tag, body| match tag {
        b'C' if body.starts_with(b"UPDATE") => message(b'E', error),
        _ => message(tag, body),
    }));
    client.send(&Script::new().query("UPDATE secrets SET note = 'x' WHERE code LIKE 'canary%'").0).unwrap();
    let mut seen = Vec::new();
    until_ready(&mut client, &mut seen);
    let state = states(&seen);
    assert!(state.is_empty() || state == ["40001"], "{seen:?}");
    fixture.pyrite.connect(&fixture.database).run("UPDATE secrets SET note = 'plain 0' WHERE id = 0");
    fixture.still_works("unseen");
}
