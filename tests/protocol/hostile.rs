//! Bytes that no driver sends. Whatever comes, the process lives, other sessions work, and nothing leaks.

use std::io;

use super::{Fixture, SECRET, rows, states, tags};
use crate::support::raw::{
    CANCEL_REQUEST, Client, GSS_REQUEST, PROTOCOL_3_0, SSL_REQUEST, Script, startup, untagged,
};

/// The proxy still serves.
fn still_works(fixture: &Fixture) {
    assert!(fixture.pyrite.alive(), "the process ended:\n{}", fixture.pyrite.log());
    assert_eq!(rows(&fixture.connect().run("SELECT code FROM secrets WHERE id = 1")), [[SECRET]]);
}

/// Everything up to the end of the connection or ReadyForQuery; an error if neither comes.
fn until_end(client: &mut Client) -> io::Result<String> {
    let mut seen = String::new();
    loop {
        match client.read() {
            Ok(message) => {
                seen.push(message.tag as char);
                if message.tag == b'Z' {
                    return Ok(seen);
                }
            }
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
            {
                return Ok(seen + ".");
            }
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn malformed_messages() {
    let fixture = Fixture::with_rows(1);
    let insert = Script::new().parse("s", "INSERT INTO secrets (id, code) VALUES ($1, $2)", &[]).0;
    let raw = |tag: u8, length: i32, body: &[u8]| {
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    };
    let message = |tag: u8, body: &[u8]| raw(tag, body.len() as i32 + 4, body);
    let bind_with = |count: i16, first: i32| {
        let mut body = b"\0s\0\0\0".to_vec();
        body.extend_from_slice(&count.to_be_bytes());
        body.extend_from_slice(&first.to_be_bytes());
        body.extend_from_slice(SECRET.as_bytes());
        body
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("unknown type", message(b'?', b"what")),
        ("type zero", message(0, b"")),
        ("length below four", raw(b'Q', 3, b"")),
        ("length zero", raw(b'Q', 0, b"")),
        ("negative length", raw(b'Q', -1, b"SELECT 1\0")),
        ("huge length", raw(b'Q', i32::MAX, b"SELECT 1\0")),
        ("huge Sync", raw(b'S', i32::MAX, b"")),
        ("empty Query", message(b'Q', b"")),
        ("Query without an end", message(b'Q', b"SELECT code FROM secrets")),
        ("Query with a NUL inside", message(b'Q', b"SELECT 1\0; SELECT code FROM secrets\0")),
        ("Query not in UTF-8", message(b'Q', b"SELECT code FROM secrets WHERE code = '\xff\xfe'\0")),
        ("empty Parse", message(b'P', b"")),
        ("Parse without types", message(b'P', b"\0SELECT code FROM secrets\0")),
        ("Parse with too few types", message(b'P', b"\0SELECT code FROM secrets\0\0\x05\0\0\0\x17")),
        ("Parse with trailing bytes", message(b'P', b"\0SELECT code FROM secrets\0\0\0trailing")),
        ("empty Bind", message(b'B', b"")),
        ("Bind that ends in a name", message(b'B', b"portal")),
        ("Bind with more values than bytes", message(b'B', &bind_with(1000, 4))),
        ("Bind with a value longer than the message", message(b'B', &bind_with(2, i32::MAX))),
        ("Bind with a value of length -2", message(b'B', &bind_with(2, -2))),
        ("Bind with a negative count", message(b'B', &bind_with(-1, 4))),
        ("Bind with trailing bytes", message(b'B', b"\0s\0\0\0\0\0\0\0trailing")),
        ("Bind with an unknown format", message(b'B', b"\0s\0\0\x01\0\x07\0\x02\0\0\0\x011\0\0\0\x011\0\0")),
        ("empty Execute", message(b'E', b"")),
        ("Execute without a limit", message(b'E', b"\0")),
        ("empty Describe", message(b'D', b"")),
        ("Describe of an unknown kind", message(b'D', b"Zs\0")),
        ("empty Close", message(b'C', b"")),
        ("Close of an unknown kind", message(b'C', b"Zs\0")),
        ("Sync with a body", message(b'S', b"body")),
        ("empty FunctionCall", message(b'F', b"")),
        ("password out of turn", message(b'p', b"secret\0")),
        ("CopyData out of turn", message(b'd', b"1\tx\n")),
    ];
    for (name, bytes) in cases {
        let mut client = fixture.connect();
        let mut all = insert.clone();
        all.extend_from_slice(&bytes);
        all.extend_from_slice(&Script::new().sync().0);
        client.send(&all).unwrap();
        client.finish_sending();
        // Like the server: an answer or the end of the connection, but never silence.
        let seen = until_end(&mut client).unwrap_or_else(|error| panic!("{name}: {error}"));
        let harmless = ["CopyData out of turn"].contains(&name);
        assert!(harmless || seen.contains('E') || seen.ends_with('.'), "{name}: {seen}");
    }
    still_works(&fixture);
}

#[test]
fn frames_cut_off_anywhere() {
    let fixture = Fixture::with_rows(1);
    let script = Script::new()
        .parse("", "SELECT code FROM secrets WHERE code = $1", &[])
        .bind("", "", &[Some(SECRET)])
        .describe_portal("")
        .execute("", 0)
        .sync();
    for end in (0..script.0.len()).step_by(7) {
        let mut client = fixture.connect();
        client.send(&script.0[..end]).unwrap();
        client.finish_sending();
        until_end(&mut client).unwrap_or_else(|error| panic!("cut at {end}: {error}"));
    }
    still_works(&fixture);
}

#[test]
fn garbage_at_start() {
    let fixture = Fixture::with_rows(1);
    let number = |n: i32| n.to_be_bytes().to_vec();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("one byte", vec![0]),
        ("length zero", number(0)),
        ("length seven", [number(7), vec![0; 3]].concat()),
        ("length of a gigabyte", [number(1 << 30), vec![0; 64]].concat()),
        ("negative length", [number(-1), vec![0xff; 64]].concat()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("TLS without asking", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        ("protocol 2", startup(0x0002_0000, &[("user", "postgres")])),
        ("protocol 4", startup(0x0004_0000, &[("user", "postgres")])),
        ("no user", startup(PROTOCOL_3_0, &[("database", "postgres")])),
        ("no final NUL", untagged(&[&number(PROTOCOL_3_0)[..], b"user\0postgres\0"].concat())),
        (
            "odd number of strings",
            untagged(&[&number(PROTOCOL_3_0)[..], b"user\0postgres\0database\0\0"].concat()),
        ),
        ("cut off", startup(PROTOCOL_3_0, &[("user", "postgres")])[..12].to_vec()),
        ("short cancel", untagged(&number(CANCEL_REQUEST))),
        ("unknown cancel", untagged(&[number(CANCEL_REQUEST), number(1), number(2)].concat())),
        ("unknown database", startup(PROTOCOL_3_0, &[("user", "postgres"), ("database", "none such")])),
        ("unknown user", startup(PROTOCOL_3_0, &[("user", "nobody"), ("database", "postgres")])),
    ];
    for (name, bytes) in cases {
        let mut client = Client::dial(fixture.pyrite.port()).unwrap();
        client.send(&bytes).unwrap();
        client.finish_sending();
        let seen = until_end(&mut client);
        let seen = seen.unwrap_or_else(|error| match error.kind() {
            // An answer that is no message of ours, as to something that is not our protocol.
            io::ErrorKind::Other => ".".to_string(),
            _ => panic!("{name}: {error}"),
        });
        assert!(seen.ends_with('.') && !seen.contains('Z'), "{name}: {seen}");
    }
    still_works(&fixture);
}

#[test]
fn tls_and_gss_are_declined() {
    let fixture = Fixture::with_rows(1);
    let mut client = Client::dial(fixture.pyrite.port()).unwrap();
    for request in [GSS_REQUEST, SSL_REQUEST] {
        client.send(&untagged(&request.to_be_bytes())).unwrap();
        assert_eq!(client.read_byte().unwrap(), b'N');
    }
    client.send(&startup(PROTOCOL_3_0, &[("user", "postgres"), ("database", "postgres")])).unwrap();
    assert!(tags(&client.until_ready()).starts_with('R'));
}

#[test]
fn bytes_right_after_an_ssl_request() {
    let fixture = Fixture::with_rows(1);
    let mut client = Client::dial(fixture.pyrite.port()).unwrap();
    let mut bytes = untagged(&SSL_REQUEST.to_be_bytes());
    bytes.extend(startup(PROTOCOL_3_0, &[("user", "postgres"), ("database", "postgres")]));
    client.send(&bytes).unwrap();
    assert_eq!(client.read_byte().unwrap(), b'N');
    // Declined, so nothing is encrypted that could be confused with it: the rest is an ordinary start, or an error.
    let seen = until_end(&mut client).unwrap();
    assert!(seen.ends_with('Z') || seen.ends_with("E."), "{seen}");
    still_works(&fixture);
}

#[test]
fn newer_minor_versions_are_negotiated() {
    let fixture = Fixture::with_rows(1);
    let mut client = Client::dial(fixture.pyrite.port()).unwrap();
    let settings = [("user", "postgres"), ("database", "postgres"), ("_pq_.unheard_of", "1")];
    client.send(&startup(PROTOCOL_3_0 + 9, &settings)).unwrap();
    let messages = client.until_ready();
    assert!(tags(&messages).starts_with("vR"), "{messages:?}");
}

#[test]
fn cancel_ends_a_statement() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let (pid, secret) = client.key;
    client.say(Script::new().query("SELECT pg_sleep(60), code FROM secrets"));
    let cancel = |pid: i32, secret: i32| {
        let mut other = Client::dial(fixture.pyrite.port()).unwrap();
        let body = [CANCEL_REQUEST, pid, secret].map(i32::to_be_bytes).concat();
        other.send(&untagged(&body)).unwrap();
        assert!(other.closed(), "a cancel request has no answer");
    };
    std::thread::sleep(std::time::Duration::from_millis(200));
    cancel(pid, secret ^ 1);
    assert!(client.silent(), "a wrong key cancels nothing");
    cancel(pid, secret);
    assert_eq!(states(&client.until_ready()), ["57014"]);
    assert_eq!(rows(&client.run("SELECT code FROM secrets")), [[SECRET]]);
}

#[test]
fn the_cancel_key_is_the_proxys_own() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let pid = client.column("SELECT pg_backend_pid()");
    let own = Some(client.key.0.to_string());
    assert_ne!(pid, [own], "the server's process id would let a client cancel past the proxy");
}

#[test]
fn function_call() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    // int4pl(2, 3), in binary.
    let mut body = 177u32.to_be_bytes().to_vec();
    body.extend_from_slice(&[0, 1, 0, 1, 0, 2, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 3, 0, 1]);
    client.say(Script::new().message(b'F', &body));
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "VZ", "{messages:?}");
    assert_eq!(messages[0].body, [0, 0, 0, 4, 0, 0, 0, 5]);
}

#[test]
fn copy_data_sent_blindly_does_not_pass() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    // A client that does not wait for CopyInResponse. After a refusal its rows must not go on to the server,
    // which would only throw them away.
    let rows = format!("7\t{SECRET}\t7\t\n");
    let script =
        Script::new().query("COPY secrets FROM STDIN").message(b'd', rows.as_bytes()).message(b'c', b"");
    client.say(script.query("SELECT 1"));
    let messages = client.until_ready();
    if states(&messages) == ["0A000"] {
        assert_eq!(tags(&client.until_ready()), "TDCZ");
        assert_eq!(fixture.ids(), ["1"]);
    } else {
        assert_eq!(fixture.ids(), ["1", "7"], "{messages:?}");
    }
}

#[test]
fn copy_of_a_protected_table_in_the_extended_protocol() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client
        .say(Script::new().parse("", "COPY secrets TO STDOUT", &[]).bind("", "", &[]).execute("", 0).sync());
    let messages = client.until_ready();
    // Refused, or decrypted: never envelopes.
    let refused = states(&messages) == ["0A000"];
    let decrypted =
        messages.iter().any(|m| m.tag == b'd' && String::from_utf8_lossy(&m.body).contains(SECRET));
    assert!(refused || decrypted, "{messages:?}");
}

#[test]
fn terminate_ends_the_session() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.say(Script::new().terminate());
    assert!(client.closed());
    still_works(&fixture);
}

#[test]
fn a_client_that_does_not_read_stops_nobody_else() {
    let fixture = Fixture::with_rows(1);
    let mut lazy = fixture.connect();
    lazy.say(
        Script::new().query("SELECT s.code, repeat('x', 10000) FROM secrets s, generate_series(1, 4000)"),
    );
    std::thread::sleep(std::time::Duration::from_millis(300));
    for _ in 0..20 {
        still_works(&fixture);
    }
    assert_eq!(rows(&lazy.until_ready()).len(), 4000);
}

#[test]
fn a_server_that_goes_away_ends_its_session_with_an_error() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let pid = client.column("SELECT pg_backend_pid()").remove(0).unwrap();
    client.say(Script::new().query("SELECT pg_sleep(60), code FROM secrets"));
    std::thread::sleep(std::time::Duration::from_millis(100));
    fixture.direct().run(&format!("SELECT pg_terminate_backend({pid})"));
    let seen = until_end(&mut client).unwrap();
    assert!(seen.ends_with("E."), "{seen}");
    still_works(&fixture);
}
