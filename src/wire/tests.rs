//! Any bytes in: a message or an error out, and what is read is exactly what was written.

use super::backend::{self, Fields, RowDescription};
use super::frame::{self, Header};
use super::frontend::{self, Bind, Parse, Target};
use super::startup::{self, Opening};
use super::{build, single_string};

/// xorshift64*: seeded, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let n = (self.next() as usize) % (most + 1);
        // Small numbers and NULs make counts and strings that get far into a parser.
        (0..n)
            .map(|_| if self.next().is_multiple_of(3) { self.next() as u8 } else { (self.next() % 5) as u8 })
            .collect()
    }
}

fn every_parser(body: &[u8]) {
    let _ = Parse::parse(body).map(|p| p.oids().count());
    if let Ok(bind) = Bind::parse(body) {
        assert_eq!(bind.values().count(), bind.count());
    }
    let _ = Target::parse(body);
    let _ = frontend::execute(body);
    let _ = frontend::function_call(body);
    let _ = frontend::bind_names(body);
    let _ = single_string(body);
    if let Ok(row) = RowDescription::parse(body) {
        assert_eq!(row.fields().count(), row.count());
    }
    let _ = backend::data_row(body).map(|v| v.count());
    let _ = Fields::parse(body).map(|f| (f.iter().count(), f.is_fatal(), f.sqlstate().len()));
    let _ = backend::parameter_description(body).map(|o| o.count());
    let _ = backend::parameter_status(body);
    let _ = backend::key_data(body);
    let _ = backend::ready_for_query(body);
    let _ = backend::authentication(body);
    let _ = startup::parse(body);
    let _ = startup::packet_size(body);
    let _ = Header::read(body, frame::client_limit);
    let _ = Header::read(body, frame::server_limit);
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(0x5eed);
    for _ in 0..100_000 {
        every_parser(&random.bytes(80));
    }
}

fn good_bodies() -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut add = |fill: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        fill(&mut out);
        bodies.push(out.split_off(frame::HEADER));
    };
    add(&|out| build::parse(out, b"s1", |t| t.extend_from_slice(b"SELECT $1"), &[25, 0]));
    add(&|out| build::bind_plain(out, b"p", b"s"));
    add(&|out| {
        build::frame(out, b'B', |out| {
            build::cstr(out, b"p");
            build::cstr(out, b"s");
            build::count(out, 2);
            out.extend_from_slice(&[0, 0, 0, 1]);
            build::count(out, 2);
            build::value(out, Some(b"abc"));
            build::value(out, None);
            build::count(out, 1);
            out.extend_from_slice(&[0, 1]);
        })
    });
    add(&|out| build::execute(out, b"p"));
    add(&|out| build::statement(out, b'D', b"s"));
    add(&|out| {
        build::frame(out, b'T', |out| {
            build::count(out, 1);
            build::cstr(out, b"email");
            out.extend_from_slice(&[0, 0, 64, 0, 0, 3, 0, 0, 0, 17, 255, 255, 255, 255, 255, 255, 0, 0]);
        })
    });
    add(&|out| {
        build::frame(out, b'D', |out| {
            build::count(out, 2);
            build::value(out, Some(b"x"));
            build::value(out, None);
        })
    });
    add(&|out| build::error(out, &build::Report::fatal("08P01", "m").hint("h")));
    add(&|out| build::key_data(out, 7, &[1; 32]));
    bodies
}

#[test]
fn damaged_messages_never_panic() {
    let mut random = Random(42);
    for body in good_bodies() {
        every_parser(&body);
        for cut in 0..body.len() {
            every_parser(&body[..cut]);
        }
        for _ in 0..5_000 {
            let mut bad = body.clone();
            for _ in 0..=random.next() % 3 {
                let at = (random.next() as usize) % bad.len();
                bad[at] = random.next() as u8;
            }
            if random.next().is_multiple_of(4) {
                bad.extend(random.bytes(6));
            }
            every_parser(&bad);
        }
    }
}

#[test]
fn messages_are_read_exactly() {
    let bodies = good_bodies();
    let parse = Parse::parse(&bodies[0]).unwrap();
    assert_eq!((parse.name, parse.text), (&b"s1"[..], &b"SELECT $1"[..]));
    assert_eq!(parse.oids().collect::<Vec<_>>(), [25, 0]);
    let bind = Bind::parse(&bodies[2]).unwrap();
    assert_eq!(bind.values().collect::<Vec<_>>(), [Some(&b"abc"[..]), None]);
    assert_eq!((bind.formats.code(0), bind.formats.code(1), bind.results.code(9)), (0, 1, 1));
    let row = RowDescription::parse(&bodies[5]).unwrap();
    let field = row.fields().next().unwrap();
    assert_eq!((field.name, field.table, field.attnum, field.type_oid), (&b"email"[..], 16384, 3, 17));
    let fields = Fields::parse(&bodies[7]).unwrap();
    assert!(fields.is_fatal());
    assert_eq!((fields.sqlstate(), fields.get(b'H')), (&b"08P01"[..], Some(&b"h"[..])));
}

#[test]
fn what_is_missing_or_left_over_is_an_error() {
    for (n, body) in good_bodies().iter().enumerate() {
        let ok = |b: &[u8]| match n {
            0 => Parse::parse(b).is_ok(),
            1 | 2 => Bind::parse(b).is_ok(),
            3 => frontend::execute(b).is_ok(),
            4 => Target::parse(b).is_ok(),
            5 => RowDescription::parse(b).is_ok(),
            6 => backend::data_row(b).is_ok(),
            7 => Fields::parse(b).is_ok(),
            _ => backend::key_data(b).is_ok(),
        };
        assert!(ok(body), "message {n}");
        if n == 8 {
            continue; // any length is a key
        }
        assert!(!ok(&body[..body.len() - 1]), "message {n} cut short");
        assert!(!ok(&[body.as_slice(), &[0]].concat()), "message {n} with a byte more");
    }
    assert!(single_string(b"SELECT 1\0SELECT 2\0").is_err(), "two statements in one Query");
}

#[test]
fn lengths_are_checked_at_the_header() {
    let read = |bytes: &[u8]| Header::read(bytes, frame::client_limit);
    assert_eq!(read(b"Q"), Ok(None));
    assert_eq!(read(&[b'Q', 0, 0, 0]), Ok(None));
    assert_eq!(read(&[b'Q', 0, 0, 0, 4]), Ok(Some(Header { tag: b'Q', size: 5 })));
    assert!(read(&[b'Q', 0, 0, 0, 3]).is_err());
    assert!(read(&[b'Q', 0x40, 0, 0, 0]).is_err());
    assert!(read(&[b'S', 0, 0, 0x27, 0x11]).is_err(), "a Sync of 10,001 bytes");
    assert!(read(b"!").is_err());
    assert!(startup::packet_size(&[0, 0, 0x27, 0x11]).is_err());
    assert!(startup::packet_size(&[0, 0, 0, 7]).is_err());
    assert!(Header::read(&[b'p', 0, 1, 0, 0], frame::client_authentication_limit).is_err());
}

#[test]
fn opening_packets() {
    let packet = |code: u32, rest: &[u8]| {
        let mut out = (8 + rest.len() as u32).to_be_bytes().to_vec();
        out.extend_from_slice(&code.to_be_bytes());
        out.extend_from_slice(rest);
        out
    };
    let code = |n: u32| (1234 << 16) | n;
    assert_eq!(startup::parse(&packet(code(5679), b"")), Ok(Opening::Ssl));
    assert_eq!(startup::parse(&packet(code(5680), b"")), Ok(Opening::Gss));
    assert!(startup::parse(&packet(code(5679), b"x")).is_err());
    let cancel = packet(code(5678), &[0, 0, 0, 9, 1, 2, 3, 4]);
    assert_eq!(startup::parse(&cancel), Ok(Opening::Cancel { pid: 9, secret: &[1, 2, 3, 4] }));
    assert_eq!(build::cancel_request(9, &[1, 2, 3, 4]), cancel);
    assert!(startup::parse(&packet(code(5678), &[0, 0, 0, 9])).is_err());
    let start = packet(3 << 16 | 2, b"user\0ann\0replication\0off\0\0");
    let Ok(Opening::Startup(s)) = startup::parse(&start) else { panic!("not a startup packet") };
    assert_eq!((s.minor, s.user, s.database, s.replication), (2, &b"ann"[..], &b"ann"[..], false));
    let start = packet(3 << 16, b"user\0ann\0database\0shop\0replication\0database\0\0");
    let Ok(Opening::Startup(s)) = startup::parse(&start) else { panic!("not a startup packet") };
    assert_eq!((s.database, s.replication), (&b"shop"[..], true));
    assert!(startup::parse(&packet(3 << 16, b"user\0ann\0\0x")).is_err(), "bytes after the end");
    assert!(startup::parse(&packet(3 << 16, b"user\0ann\0")).is_err(), "no end");
    assert_eq!(startup::parse(&packet(2 << 16, b"")), Ok(Opening::Unsupported { major: 2, minor: 0 }));
}
