//! What drivers and psql say by themselves when they connect, reset or close a session: transactions, settings,
//! and questions that need no server.

use super::failure::Failure;
use super::grammar::Words;
use crate::config::nearest;

/// One such statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chatter {
    /// BEGIN
    Begin,
    /// COMMIT
    Commit,
    /// ROLLBACK
    Rollback,
    /// Done without doing anything; the command tag.
    Nothing(&'static str),
    /// SET name = value
    Set(&'static str, String),
    /// SHOW name
    Setting(&'static str),
    /// SHOW ALL
    Settings,
    /// SELECT without FROM
    Select(Vec<(String, Question)>),
}

/// One item of a SELECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A number.
    Number(i64),
    /// A string.
    Text(String),
    /// `version()`
    Version,
    /// `current_database()`
    Database,
    /// `current_user`, `session_user`
    User,
    /// `current_schema()`, which there is none of
    Null,
    /// `pg_is_in_recovery()`
    False,
    /// `now()`
    Now,
    /// `current_setting(…)`
    Setting(&'static str),
}

/// Settings that SHOW answers, as PostgreSQL spells them, with their values; an empty value is made when asked for.
pub(super) const SETTINGS: &[(&str, &str)] = &[
    ("application_name", ""),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("DateStyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("in_hot_standby", "off"),
    ("integer_datetimes", "on"),
    ("IntervalStyle", "postgres"),
    ("is_superuser", "off"),
    ("jit", "off"),
    ("lock_timeout", "0"),
    ("max_identifier_length", "63"),
    ("row_security", "on"),
    ("search_path", ""),
    ("server_encoding", "UTF8"),
    ("server_version", ""),
    ("server_version_num", "150000"),
    ("session_authorization", ""),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("TimeZone", "UTC"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "off"),
];

/// Settings that say what this session is, and cannot be chosen.
const FIXED: &[&str] = &[
    "in_hot_standby",
    "integer_datetimes",
    "is_superuser",
    "max_identifier_length",
    "server_encoding",
    "server_version",
    "server_version_num",
    "session_authorization",
];

/// The setting of this name, in any case.
pub(super) fn setting(name: &str) -> Option<&'static str> {
    SETTINGS.iter().map(|(known, _)| *known).find(|known| known.eq_ignore_ascii_case(name))
}

fn unknown_setting(name: &str) -> Failure {
    let names: Vec<&str> = SETTINGS.iter().map(|(name, _)| *name).collect();
    let failure = Failure::new("42704", format!("unrecognized configuration parameter {name:?}"));
    match nearest(name, &names) {
        Some(near) => failure.hint(format!("Did you mean {near}?")),
        None => failure.hint("The console knows the settings that SHOW ALL lists."),
    }
}

/// Reads such a statement; `None` if it is none.
pub(super) fn parse(words: &mut Words<'_>) -> Result<Option<Chatter>, Failure> {
    let Some(first) = words.next_word() else { return Ok(None) };
    let chatter = match first.as_str() {
        "begin" | "start" => Chatter::Begin,
        "commit" | "end" => Chatter::Commit,
        "rollback" | "abort" => Chatter::Rollback,
        "discard" => Chatter::Nothing("DISCARD ALL"),
        "deallocate" => Chatter::Nothing("DEALLOCATE ALL"),
        "reset" => Chatter::Nothing("RESET"),
        "unlisten" => Chatter::Nothing("UNLISTEN"),
        "close" => Chatter::Nothing("CLOSE CURSOR ALL"),
        "set" => return set(words).map(Some),
        "select" => return select(words).map(Some),
        _ => return Ok(None),
    };
    if first == "start" && !words.take("transaction") {
        return Ok(None);
    }
    // Modes of a transaction and names of what is dropped make no difference here.
    while words.take_raw().is_some() {}
    Ok(Some(chatter))
}

/// SHOW of a setting; `None` if it is none.
pub(super) fn show(words: &mut Words<'_>) -> Result<Option<Chatter>, Failure> {
    if words.take("all") {
        return Ok(Some(Chatter::Settings));
    }
    let name = if words.take("time") && words.take("zone") {
        Some("TimeZone")
    } else if words.take("transaction") {
        (words.take("isolation") && words.take("level")).then_some("transaction_isolation")
    } else {
        words.peek_word().as_deref().and_then(setting).inspect(|_| {
            words.take_raw();
        })
    };
    Ok(name.map(Chatter::Setting))
}

fn set(words: &mut Words<'_>) -> Result<Chatter, Failure> {
    let _ = words.take("session") || words.take("local");
    if words.take("role") || words.take("authorization") {
        return Err(Failure::new("0A000", "the console works for the role that logged in")
            .hint("Connect as the role that you mean."));
    }
    if words.take("transaction") || words.take("characteristics") {
        while words.take_raw().is_some() {}
        return Ok(Chatter::Nothing("SET"));
    }
    let place = words.wrong("the name of a setting is missing");
    let name = if words.take("time") {
        words.take("zone");
        "TimeZone"
    } else {
        let name = words.take_name().ok_or(place)?;
        let _ = words.take("to") || words.take_sign("=");
        setting(&name).ok_or_else(|| unknown_setting(&name))?
    };
    let mut value = String::new();
    while words.in_range().is_some() {
        match words.take_string() {
            Some(text) => value.push_str(&text),
            None => value.push_str(words.take_raw().unwrap_or_default()),
        }
    }
    accept(name, &value)?;
    Ok(Chatter::Set(name, value))
}

/// Whether the console can work under this value.
fn accept(name: &'static str, value: &str) -> Result<(), Failure> {
    let lower = value.to_ascii_lowercase();
    let sound = match name {
        _ if lower == "default" => true,
        "client_encoding" => ["utf8", "utf-8", "unicode"].contains(&lower.as_str()),
        "DateStyle" => lower.starts_with("iso"),
        "standard_conforming_strings" => ["on", "true", "yes", "1"].contains(&lower.as_str()),
        "IntervalStyle" => lower == "postgres",
        _ if FIXED.contains(&name) => {
            return Err(Failure::new("55P02", format!("parameter {name:?} cannot be changed"))
                .hint("It says what this session is."));
        }
        _ => true,
    };
    if sound {
        return Ok(());
    }
    let (_, only) = SETTINGS.iter().find(|(known, _)| *known == name).copied().unwrap_or_default();
    Err(Failure::new("0A000", format!("the console has no other value of {name} than {only}"))
        .hint("Leave this setting out for connections to the database pyrite."))
}

fn select(words: &mut Words<'_>) -> Result<Chatter, Failure> {
    let mut items = Vec::new();
    loop {
        let (mut name, question) = item(words)?;
        if words.take("as") {
            name = words.take_name().ok_or_else(|| words.wrong("a name is missing behind AS"))?;
        }
        items.push((name, question));
        if !words.take_sign(",") {
            break;
        }
    }
    words.finish("HELP lists the console's commands. For SQL, connect to a database of the server.")?;
    Ok(Chatter::Select(items))
}

fn item(words: &mut Words<'_>) -> Result<(String, Question), Failure> {
    if let Some(number) = words.take_number() {
        return Ok(("?column?".to_owned(), Question::Number(number)));
    }
    if let Some(text) = words.take_string() {
        return Ok(("?column?".to_owned(), Question::Text(text)));
    }
    let place = words
        .wrong("the console runs no SQL")
        .hint("HELP lists its commands. For SQL, connect to a database of the server.");
    let place = Failure { sqlstate: "0A000", ..place };
    let mut name = words.next_word().ok_or_else(|| place.clone())?;
    if name == "pg_catalog" && words.take_sign(".") {
        name = words.next_word().ok_or_else(|| place.clone())?;
    }
    let call = words.take_sign("(");
    let argument = if call { words.take_string() } else { None };
    if call && !words.take_sign(")") {
        return Err(place);
    }
    let question = match (name.as_str(), call, argument) {
        ("version", true, None) => Question::Version,
        ("current_database", true, None) | ("current_catalog", false, None) => Question::Database,
        ("current_user" | "session_user" | "user" | "current_role", false, None) => Question::User,
        ("current_schema", _, None) | ("pg_advisory_unlock_all", true, None) => Question::Null,
        ("pg_is_in_recovery", true, None) => Question::False,
        ("now", true, None) | ("current_timestamp", false, None) => Question::Now,
        ("current_setting", true, Some(asked)) => {
            Question::Setting(setting(&asked).ok_or_else(|| unknown_setting(&asked))?)
        }
        _ => return Err(place),
    };
    Ok((name, question))
}
