//! Each message of a session's answers, changed in each way that a program can change it.

use pyrite::wire::backend;

use super::forger::message;
use super::support::message::Message;
use super::{AMOUNTS, CODES, Fixture, session};

/// A way to change one message: type byte, body, and the message before it.
type Change = fn(u8, &[u8], &[u8]) -> Vec<u8>;

const CHANGES: &[(&str, Change)] = &[
    ("left out", |_, _, _| Vec::new()),
    ("twice", |tag, body, _| [message(tag, body), message(tag, body)].concat()),
    ("behind the one before it", |tag, body, before| [before, &message(tag, body)].concat()),
    ("first bit", |tag, body, _| message(tag, &flip(body, 0))),
    ("middle bit", |tag, body, _| message(tag, &flip(body, body.len() / 2))),
    ("last bit", |tag, body, _| message(tag, &flip(body, body.len().saturating_sub(1)))),
    ("half", |tag, body, _| message(tag, &body[..body.len() / 2])),
    ("empty", |tag, _, _| message(tag, &[])),
    ("trailing bytes", |tag, body, _| message(tag, &[body, b"trailing"].concat())),
    ("other type", |_, body, _| message(b'?', body)),
    ("as an error", |_, body, _| message(b'E', body)),
    ("as a row", |_, body, _| message(b'D', body)),
    ("length zero", |tag, body, _| [&[tag, 0, 0, 0, 0][..], body].concat()),
    ("negative length", |tag, body, _| [&[tag, 0xff, 0xff, 0xff, 0xff][..], body].concat()),
    ("a gigabyte", |tag, body, _| [&[tag, 0x3f, 0xff, 0xff, 0xff][..], body].concat()),
    ("behind ReadyForQuery", |tag, body, _| [message(b'Z', b"I"), message(tag, body)].concat()),
    ("behind CommandComplete", |tag, body, _| [message(b'C', b"SELECT 1\0"), message(tag, body)].concat()),
    ("behind a question for a password", |tag, body, _| {
        [message(b'R', &[0, 0, 0, 3]), message(tag, body)].concat()
    }),
    ("behind CopyInResponse", |tag, body, _| {
        [message(b'G', &[0, 0, 2, 0, 0, 0, 0]), message(tag, body)].concat()
    }),
    ("behind CopyOutResponse", |tag, body, _| {
        [message(b'H', &[0, 0, 2, 0, 0, 0, 0]), message(tag, body)].concat()
    }),
    ("behind FunctionCallResponse", |tag, body, _| [message(b'V', &[0xff; 4]), message(tag, body)].concat()),
    ("behind an unseen value", |tag, body, _| {
        let error = b"SERROR\0VERROR\0C22P02\0Minvalid input syntax: \"pyrite_unseen_value\"\0\0";
        [message(b'E', error), message(tag, body)].concat()
    }),
    ("behind another encoding", |tag, body, _| {
        let lies = [&b"client_encoding\0LATIN1\0"[..], b"standard_conforming_strings\0off\0", b"TimeZone\0"];
        [lies.map(|lie| message(b'S', lie)).concat(), message(tag, body)].concat()
    }),
    ("behind a fatal error", |tag, body, _| {
        [message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mgone\0\0"), message(tag, body)].concat()
    }),
];

fn flip(body: &[u8], at: usize) -> Vec<u8> {
    let mut body = body.to_vec();
    if let Some(byte) = body.get_mut(at) {
        *byte ^= 1;
    }
    body
}

/// A row may be missing or come twice, which no proxy can know, but what is shown of an encrypted column was stored
/// in it.
fn only_true_values(case: &str, seen: &[Message]) {
    let known = |text: &str| {
        let upper = CODES.iter().any(|code| code.to_uppercase() == text);
        CODES.contains(&text) || AMOUNTS.contains(&text) || upper
    };
    for row in seen.iter().filter(|message| message.tag == b'D') {
        // The answer to a statement that was not planned passes unread, whatever it is.
        let Ok(values) = backend::data_row(&row.body) else { continue };
        for value in values.flatten() {
            let text = String::from_utf8_lossy(value).into_owned();
            // The plain column is the server's to answer for, and its texts are short. An envelope that passes
            // unopened, since its statement was not planned to have rows, tells the client nothing.
            let harmless = text.len() <= 8 || text.starts_with("\\x");
            assert!(known(&text) || harmless, "{case}: {text:?}");
        }
    }
}

#[test]
fn each_message_changed() {
    let fixture = Fixture::start("");
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = count.clone();
    let mut client = fixture.deceived(Box::new(move |n, tag, body| {
        counter.store(n + 1, std::sync::atomic::Ordering::Relaxed);
        message(tag, body)
    }));
    session(&mut client);
    let count = count.load(std::sync::atomic::Ordering::Relaxed);
    assert!(count > 60, "the session has {count} messages only");
    // A slice in the tests; all of it where somebody asks for that.
    let all = std::env::var_os("PYRITE_UPSTREAM_ALL").is_some();
    for (kind, (name, change)) in CHANGES.iter().enumerate() {
        let step = if all { 1 } else { 5 };
        for at in (kind % step..count).step_by(step) {
            let mut before = Vec::new();
            let mut client = fixture.deceived(Box::new(move |n, tag, body| {
                let told = if n == at { change(tag, body, &before) } else { message(tag, body) };
                before = message(tag, body);
                told
            }));
            only_true_values(&format!("message {at}, {name}"), &session(&mut client));
        }
        fixture.still_works(name);
    }
}
