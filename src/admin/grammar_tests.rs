//! Every command, and what is said of what is none.

use super::*;
use crate::admin::commands::COMMANDS;

fn one(text: &str) -> Command {
    let mut commands = parse(text).unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
    assert_eq!(commands.len(), 1, "{text}");
    commands.remove(0).command
}

fn fails(text: &str) -> Failure {
    parse(text).map(|commands| panic!("{text}: {commands:?}")).unwrap_err()
}

fn column(schema: Option<&str>, table: &str, column: &str) -> Target {
    Target::Column { schema: schema.map(Into::into), table: table.into(), column: column.into() }
}

#[test]
fn every_command_of_the_table_is_read() {
    for usage in COMMANDS {
        let optional = |text: &str| {
            let cut = text.replace("[schema.]", "").replace(" [FIRING TRIGGERS] [SHARE n] [RATE n]", "");
            cut.replace(" [IN DATABASE name]", "").replace("| GROUP name | ALL", "")
        };
        let full = |text: &str| text.replace(['[', ']'], "").replace("| GROUP name | ALL", "");
        for text in [optional(usage.syntax), full(usage.syntax)] {
            let text = text.replace(" n", " 7").replace(" 7ame", " name");
            let text = text.replace("KEY id", "KEY 0123456789abcdef").replace("statement", "SELECT 1");
            let first = parse(&text).unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
            let again = parse(&format!("  {} ;", text.to_lowercase())).unwrap();
            if !usage.syntax.starts_with("EXPLAIN") {
                assert_eq!(first[0].command, again[0].command, "{text}");
            }
            assert!(!matches!(first[0].command, Command::Chatter(_)), "{text}");
        }
        assert!(!usage.says.is_empty());
    }
}

#[test]
fn names_are_those_of_sql() {
    let options = Options::default();
    let rotate = |target| Command::RotateKey(target, options.clone());
    assert_eq!(one("rotate key on Customers.eMail"), rotate(column(None, "customers", "email")));
    assert_eq!(
        one("ROTATE KEY ON \"Sales\".\"a.b\".\"x\"\"y\";"),
        rotate(column(Some("Sales"), "a.b", "x\"y"))
    );
    assert_eq!(one("ROTATE KEY GROUP email"), rotate(Target::Group("email".into())));
    assert_eq!(one("ROTATE KEY GROUP 'E mail'"), rotate(Target::Group("E mail".into())));
    assert_eq!(
        one("ROTATE KEY GROUP public.customers.\"eMail\""),
        rotate(Target::Group("public.customers.\"eMail\"".into()))
    );
    assert_eq!(one("ROTATE KEY ON GROUP email"), rotate(Target::Group("email".into())));
    assert_eq!(one("ROTATE KEY ON ALL;"), rotate(Target::All));
    assert_eq!(one("ROTATE KEY ON all.\"group\""), rotate(column(None, "all", "group")));
    assert_eq!(one("ROTATE KEY ON group.a"), rotate(column(None, "group", "a")));
    assert_eq!(one("ROTATE /* all */ KEY -- of them\n ALL"), rotate(Target::All));
    assert_eq!(
        one("ROTATE INDEX KEY ALL IN DATABASE \"Shop\" FIRING TRIGGERS rate 500 SHARE 100"),
        Command::RotateIndexKey(
            Target::All,
            Options {
                firing_triggers: true,
                share: Some(100),
                rate: Some(500),
                database: Some("Shop".into())
            }
        )
    );
}

#[test]
fn key_ids_are_read_however_they_begin() {
    for id in ["0123456789abcdef", "12e5678901234567", "abcdef0123456789", "1111111111111111", "0x1"] {
        let read = parse(&format!("DESTROY KEY {id} IN DATABASE shop"));
        let quoted = parse(&format!("DESTROY KEY '\\x{id}'"));
        if id.len() != 16 {
            assert_eq!((read.unwrap_err().sqlstate, quoted.unwrap_err().sqlstate), ("22P02", "22P02"));
            continue;
        }
        assert_eq!(read.unwrap()[0].command, Command::DestroyKey(id.into(), Some("shop".into())));
        assert_eq!(quoted.unwrap()[0].command, Command::DestroyKey(id.into(), None));
    }
    assert!(fails("RETIRE KEY").hint.unwrap().contains("SHOW KEYS"));
}

#[test]
fn several_statements_are_read_before_any_is_run() {
    let commands = parse("; SHOW KEYS;; HELP ;").unwrap();
    assert_eq!(commands.len(), 2);
    assert_eq!((commands[0].at, commands[1].at), (2, 14));
    assert_eq!(fails("SHOW KEYS; SHOW KEY").at, Some(16));
    assert!(parse(" -- nothing\n;").unwrap().is_empty());
}

#[test]
fn explain_keeps_the_statement_as_it_was_written() {
    let text = "EXPLAIN IN DATABASE shop SELECT  'a;b' /* c */ ; SHOW KEYS";
    let commands = parse(text).unwrap();
    let Command::Explain(range, database) = &commands[0].command else { panic!("{commands:?}") };
    assert_eq!((&text[range.clone()], database.as_deref()), ("SELECT  'a;b'", Some("shop")));
    assert!(fails("EXPLAIN ;").message.contains("no statement"));
}

#[test]
fn mistakes_have_a_place_and_a_way_out() {
    let cases = [
        ("SHOW KEY", 5, "Did you mean KEYS?"),
        ("SHOW COLUMN", 5, "Did you mean COLUMNS?"),
        ("SHOW", 4, "SHOW COLUMNS"),
        ("ROTAT KEY ALL", 0, "Did you mean ROTATE?"),
        ("ROTATE KEYS ALL", 7, "Did you mean KEY?"),
        ("ROTATE KEY", 10, "It is written: ROTATE KEY ON"),
        ("ROTATE KEY customers.email", 11, "It is written"),
        ("ROTATE KEY ON customers", 14, "table.column"),
        ("ROTATE KEY ON a.b.c.d", 14, "double quotes"),
        ("ROTATE KEY ON a.", 16, "It is written"),
        ("ROTATE KEY ALL FIRING", 21, "It is written"),
        ("ROTATE KEY ALL AND MORE", 15, "HELP"),
        ("ROTATE KEY ALL SHARE 0", 21, "1 to 100"),
        ("ROTATE KEY ALL SHARE 101", 21, "1 to 100"),
        ("ROTATE KEY ALL SHARE half", 21, "1 to 100"),
        ("ROTATE KEY ALL RATE", 19, "rows per second"),
        ("ROTATE KEY ALL RATE 4294967296", 20, "rows per second"),
        ("ROTATE KEY ALL SHARE 5 SHARE 6", 23, "HELP"),
        ("ROTATE INDEX ALL", 13, "It is written: ROTATE INDEX KEY"),
        ("SHOW KEYS IN shop", 13, "IN DATABASE name"),
        ("SHOW KEYS IN DATABASE 'shop'", 22, "IN DATABASE name"),
        ("PAUSE 3", 6, "It is written: PAUSE JOB n"),
        ("PAUSE JOB three", 10, "It is written: PAUSE JOB n"),
        ("PAUSE JOB 99999999999999999999", 10, "It is written: PAUSE JOB n"),
        ("DESTROY KEY 123", 12, "16 hexadecimal digits"),
        ("RELOAD NOW", 7, "HELP"),
        ("INSERT INTO t VALUES (1)", 0, "runs no SQL"),
        ("SELECT * FROM customers", 7, "runs no SQL"),
        ("SELECT 1 FROM t", 9, "connect to a database"),
        ("SET ROLE postgres", 0, "works for the role"),
    ];
    for (text, at, word) in cases {
        let failure = fails(text);
        let shown = format!("{} {}", failure.message, failure.hint.clone().unwrap_or_default());
        assert!(shown.contains(word), "{text}: {failure:?}");
        assert!(failure.hint.is_some(), "{text}: {failure:?}");
        assert!(failure.at.unwrap_or(0) == at, "{text}: {failure:?}");
    }
    let failure = fails("SHOW KEYS 'hush'");
    assert!(!failure.message.contains("hush"), "{failure:?}");
    assert_eq!(fails("SHOW 'x").sqlstate, "42601");
}

#[test]
fn what_drivers_say_is_understood() {
    use crate::admin::chatter::Question;
    for text in [
        "BEGIN",
        "begin isolation level serializable",
        "START TRANSACTION READ ONLY",
        "COMMIT",
        "ROLLBACK",
        "SET extra_float_digits = 3",
        "SET application_name TO 'x y'",
        "set client_encoding to 'UTF8'",
        "SET DateStyle = 'ISO, DMY'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET TIME ZONE 'Europe/Berlin'",
        "SHOW transaction isolation level",
        "SHOW TIME ZONE",
        "SHOW ALL",
        "show standard_conforming_strings",
        "DISCARD ALL",
        "DEALLOCATE \"p1\"",
        "RESET ALL",
        "UNLISTEN *",
        "CLOSE ALL",
        "SELECT 1",
        "select pg_catalog.version()",
        "SELECT current_schema()",
        "SELECT current_setting('server_version'), 'x' AS \"Y\"",
        "SELECT pg_advisory_unlock_all()",
    ] {
        assert!(matches!(one(text), Command::Chatter(_)), "{text}");
    }
    let Command::Chatter(Chatter::Select(items)) = one("SELECT version() AS v, 1") else { panic!() };
    assert_eq!(items, [("v".into(), Question::Version), ("?column?".into(), Question::Number(1))]);
    assert_eq!(fails("SET client_encoding = 'LATIN1'").sqlstate, "0A000");
    assert_eq!(fails("SET server_version = '16'").sqlstate, "55P02");
    assert_eq!(fails("SET lock_timeuot = 1").hint.unwrap(), "Did you mean lock_timeout?");
}
