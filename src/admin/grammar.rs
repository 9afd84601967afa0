//! The console's language: from a text to commands. Names are quoted as in SQL, words in any case.

use std::ops::Range;

use super::chatter::{self, Chatter};
use super::commands::syntax;
use super::failure::Failure;
use crate::config::{display_name, nearest};
use crate::sql::lexer::{Kind, Tokens, tokenize};

/// One command, with what it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// SHOW …
    Show(Show, In),
    /// ROTATE KEY
    RotateKey(Target, Options),
    /// ROTATE INDEX KEY
    RotateIndexKey(Target, Options),
    /// REPAIR
    Repair(Target, Options),
    /// ROTATE ROOT KEY
    RotateRootKey(In),
    /// RETIRE KEY
    RetireKey(String, In),
    /// DESTROY KEY
    DestroyKey(String, In),
    /// PAUSE, RESUME and CANCEL JOB
    Job(Control, i64, In),
    /// RELOAD
    Reload,
    /// EXPLAIN: the statement's bytes in the client's text.
    Explain(Range<usize>, In),
    /// HELP
    Help,
    /// What drivers say by themselves.
    Chatter(Chatter),
}

/// Which database is meant; `None`: the only one, or all.
pub type In = Option<String>;

/// The tables that SHOW knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Configured columns.
    Columns,
    /// The keyring.
    Keys,
    /// Jobs; of one number only.
    Jobs(Option<i64>),
    /// Sessions.
    Clients,
    /// Running proxies.
    Proxies,
    /// Counters.
    Stats,
    /// The configuration.
    Config,
    /// The program.
    Version,
}

/// What is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The group of this column.
    Column {
        /// Schema, if it was written.
        schema: Option<String>,
        /// Table.
        table: String,
        /// Column.
        column: String,
    },
    /// This group.
    Group(String),
    /// Every group.
    All,
}

/// How it is rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Row triggers may run for the sweep's updates.
    pub firing_triggers: bool,
    /// Share of the time, in percent, that the sweep may keep the server busy.
    pub share: Option<u8>,
    /// Rows per second at most.
    pub rate: Option<u32>,
    /// Which database.
    pub database: In,
}

/// What is done to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Stops after its batch.
    Pause,
    /// Goes on.
    Resume,
    /// Ends.
    Cancel,
}

/// A command and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The command.
    pub command: Command,
    /// Byte offset of its first word.
    pub at: usize,
}

/// First words of the console's own commands.
const VERBS: &[&str] = &[
    "show", "rotate", "repair", "retire", "destroy", "pause", "resume", "cancel", "reload", "explain", "help",
];
/// What SHOW shows.
const TABLES: &[&str] =
    &["columns", "keys", "jobs", "job", "clients", "proxies", "stats", "config", "version", "help"];

/// Reads a text of any number of statements. All of them are read before the first is run.
pub fn parse(text: &str) -> Result<Vec<Parsed>, Failure> {
    let list = tokenize(text.as_bytes(), true).map_err(|error| Failure::syntax(error.what).at(error.at))?;
    let tokens = Tokens { text, list, standard_strings: true };
    let mut commands = Vec::new();
    let mut start = 0;
    for end in 0..=tokens.len() {
        if end < tokens.len() && !tokens.is_sign(end, ";") {
            continue;
        }
        if start < end {
            let mut words = Words { tokens: &tokens, at: start, end };
            commands.push(Parsed { command: words.command()?, at: tokens.start(start) });
        }
        start = end + 1;
    }
    Ok(commands)
}

/// The tokens of one statement, read front to back.
pub(super) struct Words<'a> {
    tokens: &'a Tokens<'a>,
    at: usize,
    end: usize,
}

impl Words<'_> {
    fn command(&mut self) -> Result<Command, Failure> {
        let first = self.at;
        let verb = self.next_word().unwrap_or_default();
        let command = match verb.as_str() {
            "show" => self.show()?,
            "rotate" => self.rotate()?,
            "repair" => Command::Repair(self.target("REPAIR")?, self.options()?),
            "retire" => Command::RetireKey(self.key_id("RETIRE KEY")?, self.database()?),
            "destroy" => Command::DestroyKey(self.key_id("DESTROY KEY")?, self.database()?),
            "pause" => self.job(Control::Pause, "PAUSE JOB")?,
            "resume" => self.job(Control::Resume, "RESUME JOB")?,
            "cancel" => self.job(Control::Cancel, "CANCEL JOB")?,
            "reload" => Command::Reload,
            "help" => Command::Help,
            "explain" => return self.explain(),
            _ => {
                self.at = first;
                match chatter::parse(self)? {
                    Some(chatter) => return Ok(Command::Chatter(chatter)),
                    None => return Err(self.unknown_verb(first)),
                }
            }
        };
        self.finish("")?;
        Ok(command)
    }

    fn unknown_verb(&self, first: usize) -> Failure {
        let word = self.tokens.raw(first).to_owned();
        let failure = match nearest(&word.to_ascii_lowercase(), VERBS) {
            Some(near) => Failure::syntax(format!("unknown command {word:?}")).hint(format!(
                "Did you mean {}? {}",
                near.to_uppercase(),
                syntax(&near.to_uppercase())
            )),
            None => Failure::new("0A000", "this is Pyrite's admin console, which runs no SQL")
                .hint("HELP lists its commands. For SQL, connect to a database of the server."),
        };
        failure.at(self.tokens.start(first))
    }

    fn show(&mut self) -> Result<Command, Failure> {
        let at = self.at;
        let word = self.next_word().unwrap_or_default();
        let show = match word.as_str() {
            "columns" => Show::Columns,
            "keys" => Show::Keys,
            "jobs" => Show::Jobs(None),
            "job" => Show::Jobs(Some(self.number("SHOW JOB")?)),
            "clients" => Show::Clients,
            "proxies" => Show::Proxies,
            "stats" => Show::Stats,
            "config" => return Ok(Command::Show(Show::Config, None)),
            "version" => return Ok(Command::Show(Show::Version, None)),
            "help" => return Ok(Command::Help),
            _ => {
                self.at = at;
                return match chatter::show(self)? {
                    Some(chatter) => Ok(Command::Chatter(chatter)),
                    None => Err(self.unknown(at, "SHOW", TABLES)),
                };
            }
        };
        Ok(Command::Show(show, self.database()?))
    }

    fn rotate(&mut self) -> Result<Command, Failure> {
        let at = self.at;
        match self.next_word().unwrap_or_default().as_str() {
            "key" => Ok(Command::RotateKey(self.target("ROTATE KEY")?, self.options()?)),
            "index" => {
                self.expect("key", "ROTATE INDEX KEY")?;
                Ok(Command::RotateIndexKey(self.target("ROTATE INDEX KEY")?, self.options()?))
            }
            "root" => {
                self.expect("key", "ROTATE ROOT KEY")?;
                Ok(Command::RotateRootKey(self.database()?))
            }
            _ => Err(self.unknown(at, "ROTATE", &["key", "index", "root"])),
        }
    }

    fn target(&mut self, command: &str) -> Result<Target, Failure> {
        let at = self.at;
        match self.next_word().unwrap_or_default().as_str() {
            "all" => Ok(Target::All),
            "group" => Ok(Target::Group(self.group(command)?)),
            // `ON GROUP name` and `ON ALL` are natural, too; followed by a dot they are names.
            "on" if self.leads("all") => {
                self.at += 1;
                Ok(Target::All)
            }
            "on" if self.leads("group") => {
                self.at += 1;
                Ok(Target::Group(self.group(command)?))
            }
            "on" => {
                let at = self.at;
                let mut parts = self.dotted(command)?;
                let (column, table) = (parts.pop(), parts.pop());
                let schema = parts.pop();
                match (column, table, parts.is_empty()) {
                    (Some(column), Some(table), true) => Ok(Target::Column { schema, table, column }),
                    (Some(only), None, _) => Err(Failure::syntax(format!(
                        "{} names a table or a column, where both are needed",
                        display_name(&only)
                    ))
                    .hint(syntax(command))
                    .at(self.tokens.start(at))),
                    _ => Err(Failure::syntax("this name has more than three parts")
                        .hint("Write schema.table.column; a dot that belongs to a name needs double quotes.")
                        .at(self.tokens.start(at))),
                }
            }
            _ => Err(self.unknown(at, command, &["on", "group", "all"])),
        }
    }

    /// A group's name: as one name in quotes, or as the parts that its default is made of.
    fn group(&mut self, command: &str) -> Result<String, Failure> {
        if let Some(text) = self.in_range().and_then(|at| self.tokens.string(at)) {
            self.at += 1;
            return Ok(text.to_string());
        }
        let parts = self.dotted(command)?;
        Ok(match parts.as_slice() {
            [only] => only.clone(),
            parts => parts.iter().map(|part| display_name(part)).collect::<Vec<_>>().join("."),
        })
    }

    fn options(&mut self) -> Result<Options, Failure> {
        let mut options = Options::default();
        loop {
            match self.peek_word().as_deref() {
                Some("firing") if !options.firing_triggers => {
                    self.at += 1;
                    self.expect("triggers", "ROTATE")?;
                    options.firing_triggers = true;
                }
                Some("share") if options.share.is_none() => {
                    options.share = Some(self.limited(100, "SHARE is followed by a percentage, 1 to 100")?);
                }
                Some("rate") if options.rate.is_none() => {
                    options.rate =
                        Some(self.limited(u32::MAX, "RATE is followed by rows per second, from 1")?);
                }
                Some("in") if options.database.is_none() => options.database = self.database()?,
                _ => return Ok(options),
            }
        }
    }

    /// The number behind the next word, from 1 to `most`.
    fn limited<T: TryFrom<i64> + PartialOrd>(&mut self, most: T, wrong: &str) -> Result<T, Failure> {
        self.at += 1;
        let at = self.at;
        let number = self.take_number().filter(|number| *number > 0);
        match number.and_then(|number| T::try_from(number).ok()).filter(|number| *number <= most) {
            Some(number) => Ok(number),
            None => {
                self.at = at;
                Err(self.wrong(wrong).hint("Without either, a sweep takes a fifth of the time."))
            }
        }
    }

    /// `IN DATABASE name`, if it is there.
    fn database(&mut self) -> Result<In, Failure> {
        if self.peek_word().as_deref() != Some("in") {
            return Ok(None);
        }
        self.at += 1;
        self.expect("database", "")?;
        match self.in_range().and_then(|at| self.tokens.name(at)) {
            Some(name) => {
                self.at += 1;
                Ok(Some(name))
            }
            None => Err(self.wrong("the name of a database is missing").hint("Write IN DATABASE name.")),
        }
    }

    fn key_id(&mut self, command: &str) -> Result<String, Failure> {
        self.expect("key", command)?;
        let at = self.at;
        let missing = || Failure::syntax("the id of a key is missing");
        let id = match self.in_range().and_then(|at| self.tokens.string(at)) {
            Some(text) => {
                self.at += 1;
                text.to_string()
            }
            // Hexadecimal digits are a word, or a number and a word: whatever stands together.
            None => self.together(),
        };
        let place = self.tokens.start(at);
        if id.is_empty() {
            return Err(self.wrong(missing().message).hint("SHOW KEYS lists them."));
        }
        let id = id.to_ascii_lowercase();
        let id = id.strip_prefix("\\x").unwrap_or(&id);
        if id.len() != 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Failure::new("22P02", "this is not the id of a key")
                .hint("An id has 16 hexadecimal digits; SHOW KEYS lists them.")
                .at(place));
        }
        Ok(id.to_owned())
    }

    fn job(&mut self, control: Control, command: &str) -> Result<Command, Failure> {
        self.expect("job", command)?;
        Ok(Command::Job(control, self.number(command)?, self.database()?))
    }

    fn number(&mut self, command: &str) -> Result<i64, Failure> {
        let number = self.in_range().filter(|at| self.tokens.kind(*at) == Some(Kind::Number));
        match number.and_then(|at| self.tokens.raw(at).parse().ok()) {
            Some(number) => {
                self.at += 1;
                Ok(number)
            }
            None => Err(self.wrong("the number of a job is missing").hint(syntax(command))),
        }
    }

    fn explain(&mut self) -> Result<Command, Failure> {
        let database = self.database()?;
        if self.at >= self.end {
            return Err(self.wrong("there is no statement to explain").hint(syntax("EXPLAIN")));
        }
        let range = self.tokens.start(self.at)..self.tokens.end(self.end - 1);
        Ok(Command::Explain(range, database))
    }

    /// Names with dots between them.
    fn dotted(&mut self, command: &str) -> Result<Vec<String>, Failure> {
        let mut parts = Vec::new();
        loop {
            let Some(name) = self.in_range().and_then(|at| self.tokens.name(at)) else {
                return Err(self.wrong("a name is missing").hint(syntax(command)));
            };
            parts.push(name);
            self.at += 1;
            if !self.in_range().is_some_and(|at| self.tokens.is_sign(at, ".")) {
                return Ok(parts);
            }
            self.at += 1;
        }
    }

    fn together(&mut self) -> String {
        let mut text = String::new();
        let mut end = None;
        while let Some(at) = self.in_range() {
            if end.is_some_and(|end| end != self.tokens.start(at)) {
                break;
            }
            text.push_str(self.tokens.raw(at));
            end = Some(self.tokens.end(at));
            self.at += 1;
        }
        text
    }

    /// The next token, if the statement has one more.
    pub(super) fn in_range(&self) -> Option<usize> {
        (self.at < self.end).then_some(self.at)
    }

    pub(super) fn peek_word(&self) -> Option<String> {
        let at = self.in_range()?;
        (self.tokens.kind(at) == Some(Kind::Word)).then(|| self.tokens.raw(at).to_ascii_lowercase())
    }

    /// Whether this word comes next, and not as the first part of a name.
    fn leads(&self, word: &str) -> bool {
        self.peek_word().as_deref() == Some(word) && !self.tokens.is_sign(self.at + 1, ".")
    }

    /// Takes the next token if it is a word without quotes.
    pub(super) fn next_word(&mut self) -> Option<String> {
        let word = self.peek_word()?;
        self.at += 1;
        Some(word)
    }

    /// Takes this word, if it is the next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.peek_word().as_deref() == Some(word);
        self.at += usize::from(found);
        found
    }

    /// Takes this sign, if it is the next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.in_range().is_some_and(|at| self.tokens.is_sign(at, sign));
        self.at += usize::from(found);
        found
    }

    /// Takes a name, with or without quotes.
    pub(super) fn take_name(&mut self) -> Option<String> {
        let name = self.tokens.name(self.in_range()?)?;
        self.at += 1;
        Some(name)
    }

    /// Takes a string.
    pub(super) fn take_string(&mut self) -> Option<String> {
        let text = self.tokens.string(self.in_range()?)?;
        self.at += 1;
        Some(text.to_string())
    }

    /// Takes whatever comes next, as it was written.
    pub(super) fn take_raw(&mut self) -> Option<&str> {
        let at = self.in_range()?;
        self.at += 1;
        Some(self.tokens.raw(at))
    }

    /// Takes a number.
    pub(super) fn take_number(&mut self) -> Option<i64> {
        let at = self.in_range().filter(|at| self.tokens.kind(*at) == Some(Kind::Number))?;
        let number = self.tokens.raw(at).parse().ok()?;
        self.at += 1;
        Some(number)
    }

    fn expect(&mut self, word: &str, command: &str) -> Result<(), Failure> {
        if self.take(word) {
            return Ok(());
        }
        let hint = if command.is_empty() { "Write IN DATABASE name.".to_owned() } else { syntax(command) };
        Err(self.wrong(format!("{} is missing", word.to_uppercase())).hint(hint))
    }

    /// Nothing more may follow.
    pub(super) fn finish(&self, hint: &str) -> Result<(), Failure> {
        match self.in_range() {
            None => Ok(()),
            Some(_) => {
                let failure = self.wrong("the command goes on where it should end");
                Err(if hint.is_empty() {
                    failure.hint("HELP lists the commands.")
                } else {
                    failure.hint(hint)
                })
            }
        }
    }

    /// A mistake at the next token, or at the end of the statement.
    pub(super) fn wrong(&self, message: impl Into<String>) -> Failure {
        let message = message.into();
        match self.in_range() {
            Some(at) => {
                // A string may be a value that was pasted here by mistake.
                let near = match self.tokens.kind(at) {
                    Some(Kind::Word | Kind::Quoted | Kind::Number | Kind::Punct | Kind::Operator) => {
                        format!("{:?}", self.tokens.raw(at))
                    }
                    _ => "a string".to_owned(),
                };
                Failure::syntax(format!("syntax error at or near {near}: {message}"))
                    .at(self.tokens.start(at))
            }
            None => Failure::syntax(format!("syntax error at end of input: {message}"))
                .at(self.tokens.end(self.end.saturating_sub(1))),
        }
    }

    /// A word that is none of those that may stand here.
    fn unknown(&self, at: usize, command: &str, known: &[&str]) -> Failure {
        let place = Words { tokens: self.tokens, at, end: self.end };
        let typed = place.peek_word().unwrap_or_default();
        let failure = place.wrong(format!("{command} is followed by {}", list(known)));
        match nearest(&typed, known) {
            Some(near) => failure.hint(format!("Did you mean {}?", near.to_uppercase())),
            None => failure.hint(syntax(command)),
        }
    }
}

/// `ON, GROUP or ALL`
fn list(words: &[&str]) -> String {
    let mut upper: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
    match upper.pop() {
        Some(last) if !upper.is_empty() => format!("{} or {last}", upper.join(", ")),
        last => last.unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
mod tests;
