//! A server that is not to be trusted: it changes, leaves out, repeats and invents messages. Pyrite must live, show
//! no value that was not stored in that column, send nothing in plaintext, and leave other sessions alone.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod enforce;
mod forger;
mod lies;
mod messages;

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::time::Duration;

use forger::{Forger, Lie, VICTIM};
use support::canary::Canary;
use support::message::Message;
use support::pyrite::Pyrite;
use support::raw::{Client, Script};
use support::server;
use support::tap::Tap;

/// Values that must not leave the proxy, nor come back in another column.
pub const CODES: [&str; 3] = ["canary-of-the-coal-mine", "magpie-with-the-mirror", "raven-over-the-river"];
/// Values of the other encrypted column.
pub const AMOUNTS: [&str; 3] = ["1918273645", "1828374655", "1737465564"];

/// A table `secrets (id, code, amount, note)` behind a Pyrite whose server lies.
pub struct Fixture {
    pub database: String,
    pub pyrite: Pyrite,
    forger: Forger,
}

impl Fixture {
    /// `settings` stands under `[databases.NAME]`.
    pub fn start(settings: &str) -> Fixture {
        let database = server::shared().database("upstream");
        let forger = Forger::start(server::shared().port());
        let pyrite = Pyrite::start_behind(
            &format!(
                "[databases.{database}]\n{settings}\n\
                 [databases.{database}.tables.\"public.secrets\"]\n\
                 code = {{ type = \"text\", search = [\"equality\", \"order\"] }}\n\
                 amount = {{ type = \"int4\", search = [\"equality\"] }}\n"
            ),
            Tap::start(forger.port()),
        );
        pyrite.watch(&CODES.map(|code| Canary::Text(code.into())));
        pyrite.watch(&AMOUNTS.map(|amount| Canary::Integer(amount.parse().unwrap())));
        let mut client = pyrite.connect(&database);
        client.run("CREATE TABLE secrets (id int PRIMARY KEY, code text, amount int, note text)");
        for (id, (code, amount)) in CODES.iter().zip(AMOUNTS).enumerate() {
            client.run(&format!("INSERT INTO secrets VALUES ({id}, '{code}', {amount}, 'plain {id}')"));
        }
        client.run(&format!(
            "DO $$BEGIN IF to_regrole('{VICTIM}') IS NULL THEN CREATE ROLE {VICTIM} LOGIN SUPERUSER; END IF; END$$"
        ));
        Fixture { database, pyrite, forger }
    }

    /// A session that is told this.
    pub fn deceived(&self, lie: Lie) -> Client {
        self.forger.tell(lie);
        let client = Client::connect(self.pyrite.port(), VICTIM, &self.database);
        // What is left out leaves the client waiting.
        client.patience(Duration::from_millis(400));
        client
    }

    /// Others are served, and get the truth.
    pub fn still_works(&self, case: &str) {
        assert!(self.pyrite.alive(), "{case}: the process ended:\n{}", self.pyrite.log());
        let codes = self.pyrite.connect(&self.database).column("SELECT code FROM secrets ORDER BY id");
        assert_eq!(codes.into_iter().flatten().collect::<Vec<_>>(), CODES, "{case}");
        let leaks = self.pyrite.leaks();
        assert!(leaks.is_empty(), "{case}: {leaks:?}");
    }
}

/// What a client does: everything that makes Pyrite look at answers.
pub fn session(client: &mut Client) -> Vec<Message> {
    let by_code = Script::new()
        .parse("s", "SELECT code, amount, id FROM secrets WHERE code = $1", &[])
        .describe_statement("s")
        .bind("", "s", &[Some(CODES[0])])
        .describe_portal("")
        .execute("", 0)
        .sync();
    let unplanned = Script::new().parse("", "SELECT note FROM others", &[]).bind("", "", &[]).execute("", 0);
    let scripts = [
        Script::new().query("SELECT code, amount, note FROM secrets ORDER BY id"),
        by_code,
        Script::new().query("SELECT id, code FROM secrets WHERE code LIKE 'canary%'"),
        Script::new().query("COPY secrets (id, code) TO STDOUT"),
        unplanned.sync(),
        Script::new()
            .query("BEGIN; DECLARE c CURSOR FOR SELECT code, amount FROM secrets; FETCH ALL FROM c; COMMIT"),
        Script::new().query("INSERT INTO secrets VALUES (0, 'raven-over-the-river', 1737465564, 'again')"),
        Script::new().query("SELECT upper(code), amount + 0 FROM secrets"),
    ];
    let mut seen = Vec::new();
    for script in scripts {
        if client.send(&script.0).is_err() || !until_ready(client, &mut seen) {
            break;
        }
    }
    seen
}

/// Reads up to ReadyForQuery; false if there is none.
fn until_ready(client: &mut Client, seen: &mut Vec<Message>) -> bool {
    loop {
        match client.read() {
            Ok(message) => {
                let ready = message.tag == b'Z';
                seen.push(message);
                if ready {
                    return true;
                }
            }
            Err(error) => {
                let usual = [
                    io::ErrorKind::UnexpectedEof,
                    io::ErrorKind::ConnectionReset,
                    io::ErrorKind::WouldBlock,
                    io::ErrorKind::TimedOut,
                    // Bytes that pass unread, as those of an unplanned statement's answer, may be anything.
                    io::ErrorKind::Other,
                ];
                assert!(usual.contains(&error.kind()), "{error}");
                return false;
            }
        }
    }
}
