//! Raw protocol tests on statements over protected tables: scripted clients that send exactly these bytes.
//!
//! Each test has a database and a Pyrite of its own; its leak tap is checked when the test ends.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod hostile;
mod lifetimes;
mod order;
mod pipelines;
mod refine;
mod results;
mod rotation;

#[path = "../support/mod.rs"]
mod support;

use support::canary::Canary;
use support::message::Message;
use support::pyrite::Pyrite;
use support::raw::Client;
use support::server;

/// A value that must not leave the proxy.
pub const SECRET: &str = "canary-of-the-coal-mine";
/// Another one.
pub const OTHER: &str = "magpie-with-the-mirror";
/// An integer of that kind.
pub const NUMBER: i32 = 1_918_273_645;

/// A table `secrets (id, code, amount, note)` in a database behind a Pyrite; `code` and `amount` are encrypted.
pub struct Fixture {
    database: String,
    /// The proxy.
    pub pyrite: Pyrite,
}

impl Fixture {
    pub fn empty() -> Fixture {
        let database = server::shared().database("protocol");
        let pyrite = Pyrite::start(&format!(
            "[databases.{database}.tables.\"public.secrets\"]\n\
             code = {{ type = \"text\", search = [\"equality\"] }}\n\
             amount = {{ type = \"int4\", search = [\"equality\"] }}\n"
        ));
        pyrite.watch(&[
            Canary::Text(SECRET.to_string()),
            Canary::Text(OTHER.to_string()),
            Canary::Integer(NUMBER.into()),
        ]);
        let fixture = Fixture { database, pyrite };
        let mut client = fixture.connect();
        client.run("CREATE TABLE secrets (id int PRIMARY KEY, code text, amount int, note text)");
        fixture
    }

    /// With rows 1 to `rows`, all of the same code, whose amount and note count.
    pub fn with_rows(rows: u32) -> Fixture {
        let fixture = Fixture::empty();
        let mut client = fixture.connect();
        for id in 1..=rows {
            client.run(&format!("INSERT INTO secrets VALUES ({id}, '{SECRET}', {id}, 'note {id}')"));
        }
        fixture
    }

    pub fn connect(&self) -> Client {
        self.pyrite.connect(&self.database)
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// A connection past the proxy.
    pub fn direct(&self) -> Client {
        server::shared().connect(&self.database)
    }

    /// The ids in the table, as a new session sees them.
    pub fn ids(&self) -> Vec<String> {
        self.connect().column("SELECT id FROM secrets ORDER BY id").into_iter().flatten().collect()
    }
}

/// Type bytes of messages, notices left out.
pub fn tags(messages: &[Message]) -> String {
    messages.iter().filter(|message| message.tag != b'N').map(|message| message.tag as char).collect()
}

/// The SQLSTATEs of the errors among messages.
pub fn states(messages: &[Message]) -> Vec<String> {
    messages.iter().filter(|message| message.tag == b'E').map(Message::sqlstate).collect()
}

/// The rows among messages, as text.
pub fn rows(messages: &[Message]) -> Vec<Vec<String>> {
    let text = |value: Option<Vec<u8>>| {
        value.map_or("NULL".to_string(), |v| String::from_utf8_lossy(&v).into_owned())
    };
    messages
        .iter()
        .filter(|message| message.tag == b'D')
        .map(|message| message.values().into_iter().map(text).collect())
        .collect()
}
