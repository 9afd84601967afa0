//! Both protocols, byte by byte, and psql.

use crate::Stage;
use crate::support::message::Message;
use crate::support::raw::{Client, Script};

fn tags(messages: &[Message]) -> String {
    messages.iter().filter(|message| message.tag != b'N').map(|message| message.tag as char).collect()
}

fn run(client: &mut Client, script: Script) -> Vec<Message> {
    client.say(script.sync());
    client.until_ready()
}

#[test]
fn the_greeting_is_the_consoles_own() {
    let stage = Stage::start();
    let settings = [("user", "postgres"), ("database", "pyrite"), ("application_name", "probe")];
    let mut client = Client::try_connect(stage.pyrite.port(), &settings).unwrap();
    let said: Vec<String> =
        client.greeting.iter().filter(|m| m.tag == b'S').map(|m| m.text().replace('\0', "=")).collect();
    for expected in
        ["server_version=15.0 (Pyrite ", "client_encoding=UTF8", "TimeZone=UTC", "application_name=probe"]
    {
        assert!(said.iter().any(|text| text.starts_with(expected)), "{expected}: {said:?}");
    }
    assert_eq!(said.iter().filter(|text| text.starts_with("server_version=")).count(), 1);
    assert_ne!(client.key.0, 0);
    assert_eq!(client.column("SHOW application_name"), [Some("probe".into())]);
    client.run("SET application_name = 'other'");
    assert_eq!(client.column("SELECT current_setting('application_name')"), [Some("other".into())]);
}

#[test]
fn simple_queries_of_several_statements() {
    let stage = Stage::start();
    let mut client = stage.console();
    assert_eq!(tags(&client.query("SHOW VERSION; show version ;; SELECT 1, 'x' AS y")), "TDCTDCTDCZ");
    assert_eq!(tags(&client.query("")), "IZ");
    assert_eq!(tags(&client.query(" ; -- nothing")), "IZ");
    // A mistake anywhere keeps all of it from running.
    let messages = client.query("SHOW VERSION; SHOW VERSIONS");
    assert_eq!(tags(&messages), "EZ");
    assert_eq!(messages[0].field(b'P').unwrap(), "20");
    assert_eq!(messages[0].field(b'H').unwrap(), "Did you mean VERSION?");
    let messages = client.query("SHOW VERSION; SHOW COLUMNS IN DATABASE nowhere; SHOW VERSION");
    assert_eq!(tags(&messages), "TDCEZ");
    assert_eq!(messages[3].sqlstate(), "3D000");
    let messages = client.query("SELECT * FROM customers");
    assert_eq!((messages[0].sqlstate().as_str(), messages[1].text().as_str()), ("0A000", "I"));
}

#[test]
fn the_extended_protocol_with_text_and_binary_results() {
    let stage = Stage::start();
    let mut client = stage.console();
    let script = Script::new().parse("s", "SHOW CLIENTS", &[]).describe_statement("s");
    let messages = run(&mut client, script);
    assert_eq!(tags(&messages), "1tTZ");
    let fields = messages[2].fields();
    let types: Vec<(&str, u32, i16)> =
        fields.iter().map(|field| (field.name.as_str(), field.type_oid, field.length)).collect();
    assert_eq!(types[..2], [("session", 20, 8), ("role", 25, -1)]);
    assert_eq!(types[4], ("since", 1184, 8));
    let script = Script::new().bind_formats("p", "s", &[], &[], &[1]).describe_portal("p").execute("p", 0);
    let messages = run(&mut client, script);
    assert_eq!(tags(&messages), "2TDCZ");
    let row = messages[2].values();
    assert_eq!(row[0].as_ref().unwrap().len(), 8);
    let since = i64::from_be_bytes(row[4].clone().unwrap().try_into().unwrap());
    assert!(since > 800_000_000_000_000, "microseconds since 2000: {since}");
    // One format for each column, some of them text.
    let formats: Vec<i16> = (0..fields.len()).map(|n| i16::from(n == 0)).collect();
    let script = Script::new().bind_formats("", "s", &[], &[], &formats).execute("", 0);
    let row = run(&mut client, script)[1].values();
    assert_eq!((row[0].as_ref().unwrap().len(), row[1].as_deref()), (8, Some(&b"postgres"[..])));
    let messages =
        run(&mut client, Script::new().close_statement("s").close_portal("p").close_portal("none"));
    assert_eq!(tags(&messages), "333Z");
    let messages = run(
        &mut client,
        Script::new().parse("", "", &[]).bind("", "", &[]).describe_portal("").execute("", 0),
    );
    assert_eq!(tags(&messages), "12nIZ");
}

#[test]
fn portals_give_rows_in_pieces() {
    let stage = Stage::start();
    let mut client = stage.console();
    let script =
        Script::new().parse("", "HELP", &[]).bind("", "", &[]).execute("", 2).execute("", 3).execute("", 0);
    let messages = run(&mut client, script);
    let tags = tags(&messages);
    assert!(tags.starts_with("12DDsDDDsD") && tags.ends_with("DCZ"), "{tags}");
    for rows in [-1, i32::MAX, i32::MIN] {
        let script = Script::new().parse("", "HELP", &[]).bind("", "", &[]).execute("", rows);
        assert!(self::tags(&run(&mut client, script)).ends_with("DCZ"), "{rows}");
    }
}

#[test]
fn errors_of_the_extended_protocol_skip_to_sync() {
    let stage = Stage::start();
    let mut client = stage.console();
    let formats = |codes: &[i16]| {
        Script::new().parse("", "SHOW CLIENTS", &[]).bind_formats("", "", &[], &[], codes).execute("", 0)
    };
    let cases = [
        (Script::new().parse("", "SHOW NOTHING", &[]).bind("", "", &[]).execute("", 0), "42601"),
        (Script::new().parse("", "HELP; HELP", &[]), "42601"),
        (Script::new().bind("", "absent", &[]).execute("", 0), "26000"),
        (Script::new().execute("absent", 0), "34000"),
        (Script::new().describe_portal("absent"), "34000"),
        (Script::new().describe_statement("absent"), "26000"),
        (Script::new().parse("", "HELP", &[]).bind("", "", &[Some("1")]), "08P01"),
        (Script::new().parse("a", "HELP", &[]).parse("a", "HELP", &[]), "42P05"),
        (Script::new().parse("b", "HELP", &[]).bind("p", "b", &[]).bind("p", "b", &[]), "42P03"),
        (formats(&[1, 1]), "08P01"),
        (formats(&[2]), "22023"),
    ];
    for (script, sqlstate) in cases {
        let messages = run(&mut client, script.query("HELP").execute("", 0));
        let errors: Vec<String> = messages.iter().filter(|m| m.tag == b'E').map(Message::sqlstate).collect();
        assert_eq!(errors, [sqlstate], "{messages:?}");
        assert_eq!(client.column("SHOW VERSION").len(), 1, "the session goes on");
    }
}

#[test]
fn transaction_blocks_are_what_drivers_expect() {
    let stage = Stage::start();
    let mut client = stage.console();
    let state = |messages: Vec<Message>| messages.last().unwrap().text();
    assert_eq!(state(client.run("BEGIN")), "T");
    assert_eq!(state(client.run("SHOW VERSION")), "T");
    let messages = client.query("RELOAD");
    assert_eq!((messages[0].sqlstate().as_str(), state(messages)), ("25001", "E".to_owned()));
    assert_eq!(client.query("SHOW VERSION")[0].sqlstate(), "25P02");
    assert_eq!(client.query("COMMIT")[0].text(), "ROLLBACK");
    assert_eq!(state(client.run("BEGIN; SHOW VERSION; COMMIT")), "I");
    assert_eq!(client.query("BEGIN; RELOAD")[1].sqlstate(), "25001");
    assert_eq!(state(client.run("ROLLBACK")), "I");
}

#[test]
fn broken_messages_end_the_session_and_nothing_else() {
    let stage = Stage::start();
    let empty = |tag| Script::new().message(tag, &[]);
    let cases = [
        empty(b'Q'),
        empty(b'P'),
        empty(b'B'),
        empty(b'D'),
        empty(b'E'),
        empty(b'C'),
        empty(b'?'),
        Script::new().message(b'Q', b"HELP\0HELP\0"),
        Script::new().message(b'Q', b"HELP"),
        Script::new().message(b'Q', b"\xff\xfe\0"),
        Script::new().message(b'S', b"x"),
        Script::new().message(b'D', b"Xname\0"),
        Script::new().message(b'P', b"\0HELP\0\xff\xff"),
        Script::new().message(b'E', b"POSTGRESQL_DEFAULT_NAME\0\0\0\0\0"),
        Script(vec![b'Q', 0x7f, 0xff, 0xff, 0xff]),
    ];
    for script in cases {
        let mut client = stage.console();
        let shown = format!("{:?}", script.0);
        client.say(script);
        let error = client.read().unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!((error.tag, error.field(b'S').as_deref()), (b'E', Some("FATAL")), "{shown}: {error:?}");
        assert!(client.closed(), "{shown}");
    }
    let mut client = stage.console();
    client.say(Script::new().message(b'd', b"data").message(b'c', b"").query("HELP"));
    assert!(tags(&client.until_ready()).ends_with("CZ"), "copy data without a COPY is ignored");
    client.say(Script::new().message(b'F', &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    assert_eq!(client.until_ready()[0].sqlstate(), "0A000");
}

#[test]
fn psql_shows_it_and_says_where_it_is() {
    let stage = Stage::start();
    let (sound, text) = stage.psql(&["-c", "\\conninfo", "-c", "show columns;"]);
    assert!(sound && text.contains("database \"pyrite\"") && text.contains("| customers |"), "{text}");
    let (_, text) = stage.psql(&["-c", "\\dt"]);
    assert!(text.contains("runs no SQL") && text.contains("HELP"), "{text}");
    let (sound, text) = stage.psql(&["-c", "SHOW COLUMN"]);
    assert!(!sound && text.contains("Did you mean COLUMNS?") && text.contains("         ^"), "{text}");
}
