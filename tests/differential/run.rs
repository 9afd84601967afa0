//! Runs cases on both sides.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;

use crate::answer::Answer;
use crate::corpus::{Case, MODES, Mode, Step};
use crate::support::canary::Canary;
use crate::support::message::Message;
use crate::support::pyrite::Pyrite;
use crate::support::raw::{Client, Script, Value};
use crate::support::server;
use crate::support::tap::Tap;

/// What came of a case.
pub enum Verdict {
    /// Equal in all modes.
    Same,
    /// Refused in all modes in which it is marked so, equal in the others.
    Refused,
    /// How they differ.
    Different(String),
}

/// One server with a current connection.
struct Side {
    port: u16,
    database: String,
    client: Client,
}

/// Plain PostgreSQL and Pyrite, with the same tables.
pub struct Sides {
    plain: Side,
    pyrite: Side,
    /// Turns text parameters into binary ones.
    oracle: Oracle,
    /// The control: a tap before the plain server must find each canary.
    control: Tap,
    proxy: Option<Pyrite>,
    canaries: Vec<Canary>,
    known_leaks: HashSet<String>,
}

impl Sides {
    /// Starts everything and fills both databases.
    pub fn start(folder: &Path) -> Sides {
        let read =
            |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of the differential test");
        let server = server::shared();
        let (expected, actual) = (server.database("plain"), server.database("pyrite"));
        let canaries: Vec<Canary> =
            read("canaries.txt").lines().filter(|line| !line.is_empty()).map(canary).collect();

        let control = Tap::start(server.port());
        control.watch(&canaries);
        let against_plain = std::env::var("PYRITE_DIFFERENTIAL").is_ok_and(|value| value == "plain");
        let proxy = (!against_plain).then(|| {
            let pyrite = Pyrite::start(&read("columns.toml").replace("DATABASE", &actual));
            pyrite.watch(&canaries);
            pyrite
        });
        let port = proxy.as_ref().map_or(server.port(), Pyrite::port);
        let mut sides = Sides {
            oracle: Oracle { client: server.connect(&expected), cache: HashMap::new() },
            plain: Side::open(control.port(), expected),
            pyrite: Side::open(port, actual),
            control,
            proxy,
            canaries,
            known_leaks: HashSet::new(),
        };
        for file in ["schema.sql", "data.sql"] {
            // Statement by statement: a mistake is then easy to find, and each is a test of its own.
            for statement in read(file).split(";\n").filter(|statement| !statement.trim().is_empty()) {
                sides.plain.client.run(statement);
                sides.pyrite.client.run(statement);
            }
        }
        sides
    }

    /// Runs a case in all of its modes.
    pub fn run(&mut self, case: &Case) -> Verdict {
        let mut report = String::new();
        let mut refused = false;
        for (name, mode) in MODES.iter().filter(|(_, mode)| case.modes.contains(mode)) {
            if case.fresh {
                self.plain.reopen();
                self.pyrite.reopen();
            }
            match self.run_mode(case, *mode) {
                Ok(this) => refused |= this,
                Err(difference) => {
                    let _ =
                        write!(report, "DIFFERENT {} ({name}, {})\n{difference}", case.title(), case.place);
                }
            }
            self.clean_up(case);
            for leak in self.new_leaks() {
                let _ = writeln!(report, "LEAK {} ({name}, {}): {leak}", case.title(), case.place);
            }
        }
        match (report.is_empty(), refused) {
            (false, _) => Verdict::Different(report),
            (true, true) => Verdict::Refused,
            (true, false) => Verdict::Same,
        }
    }

    /// What the tap has found since the last call.
    fn new_leaks(&mut self) -> Vec<String> {
        let Some(proxy) = &self.proxy else { return Vec::new() };
        let mut hits = proxy.tap().hits();
        hits.retain(|hit| self.known_leaks.insert(hit.clone()));
        hits
    }

    /// Whether a step was refused as marked; or how it differed.
    fn run_mode(&mut self, case: &Case, mode: Mode) -> Result<bool, String> {
        if !case.fresh {
            self.plain.client.run("BEGIN");
            self.pyrite.client.run("BEGIN");
        }
        for step in &case.steps {
            if step.setup {
                self.plain.client.run(&step.sql);
                let messages = self.pyrite.client.query(&step.sql);
                if let Some(error) = messages.iter().find(|message| message.tag == b'E') {
                    return Err(format!("  setup {}\n    got       {error:?}\n", step.sql.trim_end()));
                }
                continue;
            }
            let expected = self.plain.answer(step, mode, &mut self.oracle)?;
            let actual = self.pyrite.answer(step, mode, &mut self.oracle).map_err(|error| {
                self.pyrite.reopen();
                format!("  {}\n    {error}\n", step.sql)
            })?;
            let said: Vec<String> = std::mem::take(&mut self.pyrite.client.greeting)
                .iter()
                .filter(|message| message.tag == b'E')
                .map(|message| format!("{message:?}"))
                .collect();
            let marked = step.refused.contains(&mode) && self.proxy.is_some();
            match (marked, actual == expected) {
                (false, true) => {}
                (true, false) if actual.error() == Some("0A000") => return self.after_refusal(case),
                (true, true) => {
                    return Err(format!("  {}\n    is the same: the mark 'refused' is stale\n", step.sql));
                }
                _ => {
                    let said = if said.is_empty() {
                        String::new()
                    } else {
                        format!("    said      {}\n", said.join(", "))
                    };
                    return Err(format!("  {}\n{}{said}", step.sql, expected.difference(&actual)));
                }
            }
        }
        Ok(false)
    }

    /// A refusal aborts the transaction, as an error of the server does.
    fn after_refusal(&mut self, case: &Case) -> Result<bool, String> {
        if !case.fresh {
            let messages = self.pyrite.client.query("SELECT 1");
            if Answer::new(&messages, true).error() != Some("25P02") {
                return Err(format!("  after a refusal the transaction goes on: {messages:?}\n"));
            }
        }
        Ok(true)
    }

    fn clean_up(&mut self, case: &Case) {
        for side in [&mut self.plain, &mut self.pyrite] {
            if case.fresh {
                // Whatever the case left open or set goes with its connection.
                side.reopen();
                case.undo.iter().for_each(|statement| drop(side.client.run(statement)));
            } else {
                side.client.run("ROLLBACK");
                // A named statement outlives the transaction, also one whose Parse came through before an error.
                side.client.say(Script::new().close_statement("case").sync());
                side.client.until_ready();
            }
        }
    }

    /// Complaints of the leak tap; `all` cases ran, so that the control must have seen each canary.
    pub fn finish(self, all: bool) -> Vec<String> {
        let mut complaints = Vec::new();
        if all {
            let seen = self.control.hits();
            for canary in &self.canaries {
                let label = canary.forms().first().map(|form| form.label.clone()).unwrap_or_default();
                if !seen.contains(&label) {
                    complaints.push(format!("NO CONTROL {label}: no case sends this canary"));
                }
            }
        }
        if let Some(proxy) = &self.proxy {
            complaints.extend(proxy.leaks().into_iter().map(|leak| format!("LEAK {leak}")));
            println!(
                "leak tap: {} canaries in {} bytes to the server; {} forms found on the plain side, {} behind Pyrite",
                self.canaries.len(),
                proxy.tap().bytes(),
                self.control.hits().len(),
                proxy.tap().hits().len()
            );
        }
        complaints
    }
}

/// A line of canaries.txt.
fn canary(line: &str) -> Canary {
    match line.parse() {
        Ok(number) => Canary::Integer(number),
        Err(_) => Canary::Text(line.to_string()),
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

    /// Runs one statement. An error is a failure of the test itself.
    fn answer(&mut self, step: &Step, mode: Mode, oracle: &mut Oracle) -> Result<Answer, String> {
        let messages = match mode {
            Mode::Simple => self.exchange_copy(Script::new().query(&inline(step)), step, 7)?,
            Mode::Text => {
                let values: Vec<Value<'_>> =
                    step.params.iter().map(|p| p.as_ref().map(String::as_bytes)).collect();
                let script = Script::new()
                    .parse("", &step.sql, &step.types)
                    .bind_formats("", "", &[], &values, &[])
                    .describe_portal("")
                    .execute("", 0)
                    .sync();
                self.exchange_copy(script, step, 1000)?
            }
            Mode::Binary => self.binary(step, oracle)?,
            Mode::Prepared => self.prepared(step)?,
        };
        let ordered = step.sql.to_ascii_lowercase().contains("order by");
        self.client.greeting = messages.clone();
        Ok(Answer::new(&messages, ordered))
    }

    fn exchange(&mut self, script: Script) -> Result<Vec<Message>, String> {
        self.exchange_copy(script, &Step::default(), 1)
    }

    /// COPY data goes in messages of `size` bytes, when the server asks for it.
    fn exchange_copy(&mut self, script: Script, step: &Step, size: usize) -> Result<Vec<Message>, String> {
        let extended = script.0.first() != Some(&b'Q');
        self.client.send(&script.0).map_err(|error| format!("cannot send: {error}"))?;
        let mut messages = Vec::new();
        loop {
            let message = self.client.read().map_err(|error| format!("{error}, after {messages:?}"))?;
            let ready = message.tag == b'Z';
            let asks = message.tag == b'G';
            if message.tag != b'S' {
                messages.push(message);
            }
            if asks {
                let data = step.copy.as_deref().unwrap_or_default();
                let mut script =
                    data.chunks(size).fold(Script::new(), |script, piece| script.message(b'd', piece));
                script = match step.gives_up {
                    true => script.message(b'f', b"given up\0"),
                    false => script.message(b'c', &[]),
                };
                // The Sync before was ignored.
                script = if extended { script.sync() } else { script };
                self.client.send(&script.0).map_err(|error| format!("cannot send: {error}"))?;
            }
            if ready {
                return Ok(messages);
            }
        }
    }

    fn binary(&mut self, step: &Step, oracle: &mut Oracle) -> Result<Vec<Message>, String> {
        let script = Script::new().parse("", &step.sql, &step.types).describe_statement("").sync();
        let mut messages = self.exchange(script)?;
        let Some(types) = messages.iter().find(|message| message.tag == b't').map(Message::parameters) else {
            return Ok(messages);
        };
        let mut formats = Vec::new();
        let mut values = Vec::new();
        for (value, oid) in step.params.iter().zip(types) {
            let binary = value.as_ref().and_then(|value| oracle.binary(oid, value));
            formats.push(i16::from(binary.is_some()));
            values.push(binary.or_else(|| value.as_ref().map(|value| value.clone().into_bytes())));
        }
        let values: Vec<Value<'_>> = values.iter().map(Option::as_deref).collect();
        let script = Script::new()
            .bind_formats("", "", &formats, &values, &[1])
            .describe_portal("")
            .execute("", 0)
            .sync();
        messages.extend(self.exchange_copy(script, step, 1)?);
        Ok(messages)
    }

    fn prepared(&mut self, step: &Step) -> Result<Vec<Message>, String> {
        let values: Vec<Value<'_>> = step.params.iter().map(|p| p.as_ref().map(String::as_bytes)).collect();
        let script = Script::new().close_statement("case").parse("case", &step.sql, &step.types);
        let mut messages = self.exchange(script.describe_statement("case").sync())?;
        for _ in 0..2 {
            let script = Script::new().bind_formats("", "case", &[], &values, &[]).execute("", 0).sync();
            messages.extend(self.exchange_copy(script, step, 3)?);
        }
        Ok(messages)
    }
}

/// The statement with its parameters written in as literals.
fn inline(step: &Step) -> String {
    let mut out = String::new();
    let mut quote = None;
    let mut rest = step.sql.as_str();
    while let Some(c) = rest.chars().next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '$') if !step.params.is_empty() => {
                let end = rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| n + 1);
                if let Ok(number) = rest[1..end].parse::<usize>() {
                    out.push_str(&literal(step, number - 1));
                    rest = &rest[end..];
                    continue;
                }
            }
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn literal(step: &Step, index: usize) -> String {
    match step.params.get(index) {
        None => format!("${}", index + 1),
        Some(None) => "NULL".to_string(),
        Some(Some(value)) => format!("'{}'", value.replace('\'', "''")),
    }
}

/// A plain server that knows the binary form of everything.
struct Oracle {
    client: Client,
    cache: HashMap<(u32, String), Option<Vec<u8>>>,
}

impl Oracle {
    /// The binary form of a value of a type; `None` if it is not a value of that type.
    fn binary(&mut self, oid: u32, value: &str) -> Option<Vec<u8>> {
        let client = &mut self.client;
        let make = || {
            let script = Script::new()
                .parse("", "SELECT $1", &[oid])
                .bind_formats("", "", &[], &[Some(value.as_bytes())], &[1])
                .execute("", 0)
                .sync();
            client.say(script);
            let messages = client.until_ready();
            let row = messages.iter().find(|message| message.tag == b'D')?;
            row.values().swap_remove(0)
        };
        self.cache.entry((oid, value.to_string())).or_insert_with(make).clone()
    }
}
