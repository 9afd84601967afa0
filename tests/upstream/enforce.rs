//! `enforce = true`: a configured column that is plain in the database gets nothing, whoever made it so.

use super::support::message::Message;
use super::support::raw::{Client, Script};
use super::support::server;
use super::{CODES, Fixture, until_ready};

/// Makes Pyrite look at the catalog again.
fn refresh(fixture: &Fixture) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        assert!(std::time::Instant::now() < deadline, "the catalog is not read again");
        // Until then the session ends, as the columns are not those that were planned.
        let mut client = fixture.pyrite.connect(&fixture.database);
        client.say(Script::new().query("SELECT code FROM public.secrets"));
        let mut seen = Vec::new();
        until_ready(&mut client, &mut seen);
        if seen.iter().any(|message| message.tag == b'E' && message.sqlstate() == "0A000") {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn refused(client: &mut Client, text: &str) {
    let seen = client.query(text);
    let states: Vec<String> =
        seen.iter().filter(|message| message.tag == b'E').map(Message::sqlstate).collect();
    assert_eq!(states, ["0A000"], "{text}: {seen:?}");
    // In the extended protocol, too.
    client.say(Script::new().parse("", text, &[]).bind("", "", &[]).execute("", 0).sync());
    let seen = client.until_ready();
    assert!(seen.iter().any(|message| message.tag == b'E'), "{text}: {seen:?}");
}

#[test]
fn a_column_made_plain_gets_nothing() {
    let fixture = Fixture::start("enforce = true");
    let mut direct = server::shared().connect(&fixture.database);
    direct.run(
        "DROP TABLE secrets; CREATE TABLE secrets (id int PRIMARY KEY, code text, amount int, note text)",
    );
    refresh(&fixture);
    let mut client = fixture.pyrite.connect(&fixture.database);
    let code = CODES[0];
    refused(&mut client, &format!("INSERT INTO secrets VALUES (1, '{code}', 2, 'x')"));
    refused(&mut client, &format!("UPDATE public.secrets SET code = '{code}'"));
    refused(&mut client, &format!("SELECT id FROM secrets WHERE code = '{code}'"));
    refused(&mut client, &format!("WITH x AS (SELECT '{code}' AS c) SELECT c FROM x, secrets"));
    refused(&mut client, "COPY secrets FROM STDIN");
    client.run("SELECT 1");
    // Encrypted again, it serves again.
    direct.run("DROP TABLE secrets");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let create = "CREATE TABLE secrets (id int PRIMARY KEY, code text, amount int, note text)";
    while client.query(create).iter().any(|message| message.tag == b'E') {
        assert!(std::time::Instant::now() < deadline, "the table cannot be made again");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    client.run(&format!("INSERT INTO secrets VALUES (1, '{code}', 2, 'x')"));
    assert_eq!(client.column("SELECT code FROM secrets"), [Some(code.to_string())]);
}

#[test]
fn no_other_table_takes_the_name() {
    let fixture = Fixture::start("enforce = true");
    let mut client = fixture.pyrite.connect(&fixture.database);
    client.run("CREATE SCHEMA elsewhere");
    client.run("CREATE TABLE elsewhere.secrets (id int, code text)");
    client.run("SET search_path = elsewhere, public");
    let code = CODES[1];
    refused(&mut client, &format!("INSERT INTO secrets VALUES (1, '{code}')"));
    // Who names the schema says which one is meant.
    client.run("INSERT INTO elsewhere.secrets VALUES (1, 'plain')");
    client.run(&format!("INSERT INTO public.secrets VALUES (9, '{code}', 2, 'x')"));
    client.run("SET search_path = public");
    client.run("CREATE TEMP TABLE secrets (id int, code text)");
    refused(&mut client, &format!("INSERT INTO secrets VALUES (1, '{code}')"));
}

#[test]
fn without_it_the_configuration_says_what_shall_be() {
    let fixture = Fixture::start("enforce = false");
    let mut client = fixture.pyrite.connect(&fixture.database);
    client.run("CREATE TEMP TABLE secrets (id int, code text)");
    client.run("INSERT INTO secrets VALUES (1, 'plain')");
    assert_eq!(client.column("SELECT code FROM secrets"), [Some("plain".to_string())]);
}
