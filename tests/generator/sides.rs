//! Plain PostgreSQL and Pyrite, and one statement to both.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::answer::Answer;
use crate::node::{Node, Written};
use crate::random::Random;
use crate::support::message::Message;
use crate::support::pyrite::Pyrite;
use crate::support::raw::{Client, Script, Value};
use crate::support::server;
use crate::world::{Table, World};

/// How a statement is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Simple,
    Text,
    Binary,
    /// Between others, in one message.
    Script,
    /// By SQL's PREPARE and EXECUTE.
    Execute,
    /// A named statement, run twice.
    Prepared,
    /// By SQL's DECLARE and FETCH.
    Cursor,
    /// As a view that is read.
    View,
    /// A few rows at a time.
    Portions,
    /// COPY (…) TO STDOUT.
    Copy,
}

impl Mode {
    /// How a statement can be sent that reads, or one that writes.
    pub fn any(random: &mut Random, reads: bool) -> Mode {
        use Mode::{Binary, Copy, Cursor, Execute, Portions, Prepared, Script, Simple, Text, View};
        const ALL: [Mode; 20] = [
            Simple, Simple, Simple, Text, Text, Text, Text, Binary, Binary, Binary, Binary, Script, Execute,
            // What follows only reads.
            Prepared, Prepared, Prepared, Cursor, View, Portions, Copy,
        ];
        ALL[random.below(if reads { 20 } else { 13 })]
    }

    /// Whether there are parameters in it.
    pub fn has_params(self) -> bool {
        use Mode::{Binary, Execute, Portions, Prepared, Text};
        matches!(self, Text | Binary | Execute | Prepared | Portions)
    }

    /// Whether rows that come in any order cannot be compared in it.
    fn needs_order(self) -> bool {
        matches!(self, Mode::Portions | Mode::Copy)
    }
}

/// A statement with what is needed to run it.
#[derive(Clone, Debug)]
pub struct Trial {
    /// What sort of statement it is.
    pub form: &'static str,
    pub node: Node,
    pub mode: Mode,
    /// What it writes to.
    pub table: Option<Table>,
    /// It stays, if it is the same on both sides.
    pub commit: bool,
}

/// What came of it.
pub enum Verdict {
    /// Equal; the SQLSTATE, if it is an error.
    Same(Option<String>),
    /// Pyrite's words.
    Refused(String),
    /// How they differ, and the SQLSTATE on the plain side, if it is an error.
    Different(String, Option<String>),
    /// What the tap has seen for the first time.
    Leak(Vec<String>),
}

struct Side {
    port: u16,
    database: String,
    client: Client,
}

/// Both sides, with one world.
pub struct Sides {
    plain: Side,
    pyrite: Side,
    proxy: Pyrite,
    oracle: Client,
    binary: HashMap<(u32, String), Option<Vec<u8>>>,
    leaks: HashSet<String>,
}

impl Sides {
    /// Makes the world on both sides.
    pub fn start(world: &World) -> Result<Sides, String> {
        let server = server::shared();
        let (plain, database) = (create("plain", &world.locale), create("generated", &world.locale));
        let proxy = Pyrite::start(&world.config.replace("DATABASE", &database));
        proxy.watch(&world.canaries);
        let mut sides = Sides {
            oracle: server.connect(&plain),
            plain: Side::open(server.port(), plain),
            pyrite: Side::open(proxy.port(), database),
            proxy,
            binary: HashMap::new(),
            leaks: HashSet::new(),
        };
        for statement in &world.setup {
            let (expected, actual) =
                (sides.plain.client.query(statement), sides.pyrite.client.query(statement));
            if Answer::new(&expected, true) != Answer::new(&actual, true) {
                return Err(format!("{statement}\n{expected:?}\n{actual:?}"));
            }
        }
        Ok(sides)
    }

    /// Runs a statement on both sides.
    pub fn run(&mut self, trial: &Trial) -> Verdict {
        let verdict = self.judge(trial);
        let keep = trial.commit && matches!(verdict, Verdict::Same(None));
        for side in [&mut self.plain, &mut self.pyrite] {
            side.end(if keep { "COMMIT" } else { "ROLLBACK" });
        }
        let new: Vec<String> =
            self.proxy.leaks().into_iter().filter(|leak| self.leaks.insert(leak.clone())).collect();
        if !new.is_empty() {
            return Verdict::Leak(new);
        }
        verdict
    }

    fn judge(&mut self, trial: &Trial) -> Verdict {
        let written = trial.node.write(trial.mode.has_params());
        let (expected, _) = match self.answer(true, &written, trial.mode) {
            Ok(answer) => answer,
            Err(error) => return Verdict::Different(format!("the plain side: {error}"), None),
        };
        let (actual, said) = match self.answer(false, &written, trial.mode) {
            Ok(answer) => answer,
            Err(error) => {
                self.pyrite.reopen();
                // Where other statements have run behind the one whose rows cannot be shown, the session ends.
                return match trial.mode == Mode::Portions && error.contains("Error(0A000") {
                    true => Verdict::Refused("a row, with other statements behind it".to_owned()),
                    false => Verdict::Different(error, expected.error().map(str::to_owned)),
                };
            }
        };
        if expected == actual {
            let state = expected.error().map(str::to_owned);
            if let (None, Some(table)) = (&state, &trial.table)
                && let Some(difference) = self.compare_tables(table)
            {
                return Verdict::Different(difference, None);
            }
            return Verdict::Same(state);
        }
        if actual.error() == Some("0A000") && expected.error() != Some("0A000") {
            let after = self.pyrite.client.query("SELECT 1");
            if Answer::new(&after, true).error() != Some("25P02") {
                let how = format!("after a refusal the transaction goes on: {after:?}");
                return Verdict::Different(how, expected.error().map(str::to_owned));
            }
            return Verdict::Refused(said);
        }
        let how = format!("{}    said      {said}\n", expected.difference(&actual));
        Verdict::Different(how, expected.error().map(str::to_owned))
    }

    /// What a write has left.
    fn compare_tables(&mut self, table: &Table) -> Option<String> {
        let text = format!("SELECT * FROM {} ORDER BY id", table.name);
        let (expected, actual) = (self.plain.client.query(&text), self.pyrite.client.query(&text));
        let (expected, actual) = (Answer::new(&expected, true), Answer::new(&actual, true));
        (expected != actual)
            .then(|| format!("  what it left in {}:\n{}", table.name, expected.difference(&actual)))
    }

    /// The answer, and the words of the error in it.
    fn answer(&mut self, plain: bool, written: &Written, mode: Mode) -> Result<(Answer, String), String> {
        let side = if plain { &mut self.plain } else { &mut self.pyrite };
        side.exchange(Script::new().query("BEGIN"))?;
        let mode = if mode.needs_order() && !written.total { Mode::Text } else { mode };
        let sql = &written.sql;
        let messages = match mode {
            Mode::Simple => side.exchange(Script::new().query(sql))?,
            Mode::Script => side.exchange(Script::new().query(&format!("SELECT 1; {sql}; SELECT 2")))?,
            Mode::Execute => {
                let literal = |value: &Option<String>| match value {
                    Some(value) => format!("'{}'", value.replace('\'', "''")),
                    None => "NULL".to_owned(),
                };
                let values: Vec<String> = written.params.iter().map(literal).collect();
                let values =
                    if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
                let run = format!("EXECUTE e{values}");
                side.each(&["DEALLOCATE ALL".to_owned(), format!("PREPARE e AS {sql}"), run])?
            }
            Mode::Cursor => side.each(&[format!("DECLARE u CURSOR FOR {sql}"), "FETCH ALL u".to_owned()])?,
            Mode::View => {
                side.each(&[format!("CREATE TEMP VIEW w AS {sql}"), "SELECT * FROM w".to_owned()])?
            }
            Mode::Copy => side.exchange(Script::new().query(&format!("COPY ({sql}) TO STDOUT")))?,
            Mode::Portions => {
                let script = Script::new()
                    .parse("", sql, &[])
                    .bind_formats("", "", &[], &values(&written.params), &[])
                    .describe_portal("");
                side.exchange(script.execute("", 2).execute("", 3).execute("", 0).sync())?
            }
            Mode::Text => {
                let script = Script::new()
                    .parse("", &written.sql, &[])
                    .bind_formats("", "", &[], &values(&written.params), &[])
                    .describe_portal("")
                    .execute("", 0)
                    .sync();
                side.exchange(script)?
            }
            Mode::Binary => self.binary(plain, written)?,
            Mode::Prepared => {
                let script = Script::new().close_statement("g").parse("g", &written.sql, &[]);
                let mut messages = side.exchange(script.describe_statement("g").sync())?;
                for _ in 0..2 {
                    let script = Script::new().bind_formats("", "g", &[], &values(&written.params), &[]);
                    messages.extend(side.exchange(script.execute("", 0).sync())?);
                }
                messages
            }
        };
        // The first error is the statement's; others follow from it.
        let said =
            messages.iter().find(|message| message.tag == b'E').and_then(|message| message.field(b'M'));
        Ok((Answer::new(&messages, written.total), said.unwrap_or_default()))
    }

    fn binary(&mut self, plain: bool, written: &Written) -> Result<Vec<Message>, String> {
        let side = if plain { &mut self.plain } else { &mut self.pyrite };
        let script = Script::new().parse("", &written.sql, &[]).describe_statement("").sync();
        let mut messages = side.exchange(script)?;
        let types = messages.iter().find(|message| message.tag == b't').map(Message::parameters);
        let Some(types) = types else { return Ok(messages) };
        let (mut formats, mut values) = (Vec::new(), Vec::new());
        for (value, oid) in written.params.iter().zip(types) {
            let binary = value.as_ref().and_then(|value| {
                let client = &mut self.oracle;
                self.binary
                    .entry((oid, value.clone()))
                    .or_insert_with(|| to_binary(client, oid, value))
                    .clone()
            });
            formats.push(i16::from(binary.is_some()));
            values.push(binary.or_else(|| value.as_ref().map(|value| value.clone().into_bytes())));
        }
        let values: Vec<Value<'_>> = values.iter().map(Option::as_deref).collect();
        let script = Script::new()
            .bind_formats("", "", &formats, &values, &[1])
            .describe_portal("")
            .execute("", 0)
            .sync();
        messages.extend(side.exchange(script)?);
        Ok(messages)
    }

    /// The smallest statement found that still differs, and how; `attempts` at most.
    ///
    /// `state`: the plain side's error. One that gives another says something else.
    pub fn minimise(&mut self, trial: &Trial, state: Option<&str>, attempts: usize) -> (Trial, String) {
        // What is left of a statement may no longer tell what is secret in it.
        self.proxy.tap().look_away(true);
        let smallest = self.minimise_here(trial, state, attempts);
        self.proxy.tap().look_away(false);
        smallest
    }

    fn minimise_here(&mut self, trial: &Trial, state: Option<&str>, attempts: usize) -> (Trial, String) {
        let mut smallest = Trial { commit: false, ..trial.clone() };
        let mut how = String::new();
        let mut left = attempts;
        'smaller: loop {
            for node in smallest.node.smaller() {
                if left == 0 {
                    return (smallest, how);
                }
                left -= 1;
                let next = Trial { node, ..smallest.clone() };
                if let Verdict::Different(report, now) = self.run(&next)
                    && now.as_deref() == state
                {
                    (smallest, how) = (next, report);
                    continue 'smaller;
                }
            }
            return (smallest, how);
        }
    }

    /// Ends the proxy, whose own complaints are the last; and what it had in the server.
    pub fn finish(self) {
        let databases = [self.plain.database.clone(), self.pyrite.database.clone()];
        drop(self);
        let mut client = server::shared().connect("postgres");
        for database in databases {
            client.run(&format!("DROP DATABASE {database} WITH (FORCE)"));
        }
    }
}

impl Side {
    fn open(port: u16, database: String) -> Side {
        let client = Client::connect(port, "postgres", &database);
        Side { port, database, client }
    }

    fn reopen(&mut self) {
        self.client = Client::connect(self.port, "postgres", &self.database);
    }

    fn exchange(&mut self, script: Script) -> Result<Vec<Message>, String> {
        self.client.send(&script.0).map_err(|error| format!("cannot send: {error}"))?;
        let mut messages = Vec::new();
        loop {
            let message = self.client.read().map_err(|error| format!("{error}, after {messages:?}"))?;
            let ready = message.tag == b'Z';
            if message.tag != b'S' {
                messages.push(message);
            }
            if ready {
                return Ok(messages);
            }
        }
    }

    /// Simple queries, one behind the other, until one fails.
    fn each(&mut self, texts: &[String]) -> Result<Vec<Message>, String> {
        let mut messages = Vec::new();
        for text in texts {
            messages.extend(self.exchange(Script::new().query(text))?);
            if messages.iter().any(|message| message.tag == b'E') {
                break;
            }
        }
        Ok(messages)
    }

    fn end(&mut self, how: &str) {
        self.client.run(how);
        // A named statement outlives the transaction, also one whose Parse came through before an error.
        self.client.say(Script::new().close_statement("g").sync());
        self.client.until_ready();
    }
}

/// A new database whose texts are in this order.
fn create(purpose: &str, locale: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{purpose}_world_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let text = format!("CREATE DATABASE {name} TEMPLATE template0 {locale}");
    server::shared().connect("postgres").run(&text);
    name
}

/// Locales of databases that the server has, as CREATE DATABASE takes them.
pub fn locales() -> Vec<String> {
    let mut client = server::shared().connect("postgres");
    let libc = "SELECT collname FROM pg_collation WHERE collprovider = 'c' AND collname IN ('en_US.utf8', 'de_DE.utf8')";
    let mut all: Vec<String> =
        client.column(libc).into_iter().flatten().map(|name| format!("LOCALE '{name}'")).collect();
    for icu in ["en-US", "de-DE"] {
        let text =
            format!("SELECT 1 FROM pg_collation WHERE collprovider = 'i' AND collname = '{icu}-x-icu'");
        if !client.column(&text).is_empty() {
            all.push(format!("LOCALE_PROVIDER icu ICU_LOCALE '{icu}'"));
        }
    }
    all
}

fn values(params: &[Option<String>]) -> Vec<Value<'_>> {
    params.iter().map(|param| param.as_ref().map(String::as_bytes)).collect()
}

/// The binary form of a value, as the server knows it; `None` if it is no value of that type.
fn to_binary(client: &mut Client, oid: u32, value: &str) -> Option<Vec<u8>> {
    let script = Script::new()
        .parse("", "SELECT $1", &[oid])
        .bind_formats("", "", &[], &[Some(value.as_bytes())], &[1])
        .execute("", 0)
        .sync();
    client.say(script);
    let messages = client.until_ready();
    messages.iter().find(|message| message.tag == b'D')?.values().swap_remove(0)
}
