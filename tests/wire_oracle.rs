//! Our reading and writing of messages against an independent implementation, pgwire: what it writes we read
//! alike, and what we write it reads alike. Seeded, so that a failure repeats.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

use bytes::{Bytes, BytesMut};
use pgwire::messages::data::{FieldDescription, RowDescription};
use pgwire::messages::extendedquery as theirs;
use pgwire::messages::response::ErrorResponse;
use pgwire::messages::simplequery::Query;
use pgwire::messages::{DecodeContext, Message};

use pyrite::wire::frame::{self, Header};
use pyrite::wire::{backend, build, frontend, single_string};

const ROUNDS: u32 = 2_000;

/// xorshift64*: enough to vary messages.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit).unwrap()
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 8] = ["a", "Zq", "é", "車", " ", "\"", "$1", "\n"];
        (0..self.below(9)).map(|_| PARTS[self.below(8)]).collect()
    }

    fn name(&mut self) -> Option<String> {
        Some(self.text()).filter(|name| !name.is_empty())
    }

    fn value(&mut self) -> Option<Bytes> {
        (self.below(4) > 0).then(|| (0..self.below(40)).map(|_| self.below(256) as u8).collect())
    }

    fn list<T>(&mut self, most: u64, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| item(self)).collect()
    }
}

fn encoded(message: &impl Message) -> BytesMut {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

/// Cuts the one frame that the bytes are.
fn body(bytes: &[u8], limit: impl Fn(u8) -> Option<u32>) -> (u8, &[u8]) {
    let header = Header::read(bytes, limit).unwrap().expect("a whole header");
    assert_eq!(header.size, bytes.len(), "the frame ends with the bytes");
    (header.tag, &bytes[5..])
}

fn name_bytes(name: &Option<String>) -> &[u8] {
    name.as_deref().unwrap_or_default().as_bytes()
}

#[test]
fn what_pgwire_writes_for_a_client_we_read_alike() {
    let mut random = Random(7);
    for _ in 0..ROUNDS {
        let parse =
            theirs::Parse::new(random.name(), random.text(), random.list(5, |r| r.below(9999) as u32));
        let bytes = encoded(&parse);
        let (tag, bytes) = body(&bytes, frame::client_limit);
        let ours = frontend::Parse::parse(bytes).unwrap();
        assert_eq!((tag, ours.name, ours.text), (b'P', name_bytes(&parse.name), parse.query.as_bytes()));
        assert_eq!(ours.oids().collect::<Vec<_>>(), parse.type_oids);

        let values = random.list(6, Random::value);
        let formats = match random.below(3) {
            0 => Vec::new(),
            1 => vec![1],
            _ => values.iter().map(|_| random.below(2) as i16).collect(),
        };
        let results = random.list(4, |r| r.below(2) as i16);
        let bind = theirs::Bind::new(random.name(), random.name(), formats, values, results);
        let bytes = encoded(&bind);
        let ours = frontend::Bind::parse(body(&bytes, frame::client_limit).1).unwrap();
        assert_eq!(
            (ours.portal, ours.statement),
            (name_bytes(&bind.portal_name), name_bytes(&bind.statement_name))
        );
        let seen: Vec<_> = ours.values().map(|value| value.map(Bytes::copy_from_slice)).collect();
        assert_eq!(seen, bind.parameters);
        assert_eq!(ours.formats.iter().collect::<Vec<_>>(), bind.parameter_format_codes);
        assert_eq!(ours.results.iter().collect::<Vec<_>>(), bind.result_column_format_codes);

        let execute = theirs::Execute::new(random.name(), random.below(100) as i32);
        let bytes = encoded(&execute);
        let ours = frontend::execute(body(&bytes, frame::client_limit).1).unwrap();
        assert_eq!(ours, (name_bytes(&execute.name), execute.max_rows));

        let query = Query::new(random.text());
        let bytes = encoded(&query);
        assert_eq!(single_string(body(&bytes, frame::client_limit).1).unwrap(), query.query.as_bytes());
    }
}

#[test]
fn what_pgwire_writes_for_a_server_we_read_alike() {
    let mut random = Random(11);
    for _ in 0..ROUNDS {
        let rows = RowDescription::new(random.list(5, |r| {
            FieldDescription::new(
                r.text(),
                r.below(70_000) as i32,
                r.below(100) as i16,
                r.below(5_000) as u32,
                r.below(9) as i16 - 1,
                r.below(300) as i32 - 1,
                r.below(2) as i16,
            )
        }));
        let bytes = encoded(&rows);
        let ours = backend::RowDescription::parse(body(&bytes, frame::server_limit).1).unwrap();
        assert_eq!(ours.count(), rows.fields.len());
        for (ours, theirs) in ours.fields().zip(&rows.fields) {
            assert_eq!(ours.name, theirs.name.as_bytes());
            assert_eq!((ours.table as i32, ours.attnum), (theirs.table_id, theirs.column_id));
            assert_eq!((ours.type_oid, ours.typlen), (theirs.type_id, theirs.type_size));
            assert_eq!((ours.typmod, ours.format), (theirs.type_modifier, theirs.format_code));
        }

        let error = ErrorResponse::new(random.list(5, |r| (b"SVCMDH"[r.below(6)], r.text())));
        let bytes = encoded(&error);
        let ours = backend::Fields::parse(body(&bytes, frame::server_limit).1).unwrap();
        let seen: Vec<_> = ours.iter().collect();
        let meant: Vec<_> = error.fields.iter().map(|(kind, text)| (*kind, text.as_bytes())).collect();
        assert_eq!(seen, meant);
    }
}

#[test]
fn what_we_write_pgwire_reads_alike() {
    let mut random = Random(13);
    let context = DecodeContext::default();
    for _ in 0..ROUNDS {
        let (name, text) = (random.text(), random.text());
        let oids = random.list(5, |r| r.below(9_999) as u32);
        let mut out = Vec::new();
        build::parse(&mut out, name.as_bytes(), |out| out.extend_from_slice(text.as_bytes()), &oids);
        let theirs = theirs::Parse::decode(&mut BytesMut::from(&out[..]), &context).unwrap().unwrap();
        assert_eq!((theirs.name.unwrap_or_default(), theirs.query, theirs.type_oids), (name, text, oids));

        let (message, hint) = (random.text(), random.text());
        let mut out = Vec::new();
        build::error(&mut out, &build::Report::fatal("0A000", &message).hint(&hint));
        let theirs = ErrorResponse::decode(&mut BytesMut::from(&out[..]), &context).unwrap().unwrap();
        let field = |kind: u8| theirs.fields.iter().find(|(k, _)| *k == kind).map(|(_, text)| text.as_str());
        assert_eq!(field(b'S'), Some("FATAL"));
        assert_eq!(field(b'C'), Some("0A000"));
        assert_eq!((field(b'M'), field(b'H')), (Some(&*message), Some(&*hint)));
    }
}
