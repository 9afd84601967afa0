//! What commands answer, apart from jobs.

use std::time::{Duration, Instant};

use crate::Stage;
use crate::support::message::Message;
use crate::support::raw::{Client, Script};

/// Rows of a command that must succeed, by column name.
pub struct Rows(pub Vec<Vec<(String, Option<String>)>>);

impl Rows {
    pub fn of(client: &mut Client, command: &str) -> Rows {
        let messages = client.run(command);
        let header = messages.iter().find(|message| message.tag == b'T').expect("rows");
        let names: Vec<String> = header.fields().into_iter().map(|field| field.name).collect();
        let rows = messages.iter().filter(|message| message.tag == b'D').map(|row| {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            names.iter().cloned().zip(row.values().into_iter().map(|value| value.map(text))).collect()
        });
        Rows(rows.collect())
    }

    pub fn column(&self, name: &str) -> Vec<Option<&str>> {
        let cell = |row: &'_ Vec<(String, Option<String>)>| {
            let found = row.iter().position(|(known, _)| known == name);
            found.unwrap_or_else(|| panic!("no column {name}"))
        };
        self.0.iter().map(|row| row[cell(row)].1.as_deref()).collect()
    }

    pub fn find(&self, name: &str, value: &str) -> Rows {
        let fits = |row: &&Vec<(String, Option<String>)>| {
            row.iter().any(|(known, cell)| known == name && cell.as_deref() == Some(value))
        };
        Rows(self.0.iter().filter(fits).cloned().collect())
    }

    pub fn one(&self, name: &str) -> &str {
        assert_eq!(self.0.len(), 1, "one row");
        self.column(name)[0].unwrap_or("NULL")
    }
}

fn error(client: &mut Client, command: &str) -> Message {
    let messages = client.query(command);
    messages.into_iter().find(|message| message.tag == b'E').expect("an error")
}

#[test]
fn columns_say_what_is_protected() {
    let stage = Stage::start();
    let rows = Rows::of(&mut stage.console(), "SHOW COLUMNS");
    let email = rows.find("column", "email");
    assert_eq!(
        (email.one("table"), email.one("key_group"), email.one("search")),
        ("customers", "email", "equality")
    );
    assert_eq!((email.one("protected"), email.one("note")), ("t", "NULL"));
    let phone = rows.find("column", "phone");
    assert_eq!((phone.one("protected"), phone.one("search")), ("f", "NULL"));
    assert!(phone.one("note").contains("does not exist"), "{}", phone.one("note"));
}

#[test]
fn keys_are_listed_without_their_bytes() {
    let stage = Stage::start();
    let mut client = stage.console();
    let rows = Rows::of(&mut client, "show keys");
    let email = rows.find("key_group", "email");
    assert_eq!(email.column("purpose"), [Some("data"), Some("equality")]);
    assert_eq!(email.column("state"), [Some("primary"), Some("primary")]);
    assert_eq!(email.column("slot"), [None, Some("a")]);
    for (id, created) in email.column("id").into_iter().zip(email.column("created_at")) {
        assert_eq!(id.unwrap().len(), 16);
        assert!(created.unwrap().ends_with("+00"));
    }
    let root = rows.find("purpose", "root");
    assert_eq!((root.one("version"), root.one("state"), root.one("id").len()), ("1", "primary", 16));
    let database = format!("SHOW KEYS IN DATABASE {}", stage.database);
    assert_eq!(Rows::of(&mut client, &database).0.len(), rows.0.len());
    assert_eq!(error(&mut client, "SHOW KEYS IN DATABASE nowhere").sqlstate(), "3D000");
    let all = format!(
        "{:?}",
        client.run("SHOW KEYS; SHOW CONFIG; SHOW COLUMNS; SHOW PROXIES; SHOW STATS; SHOW CLIENTS")
    );
    let key = std::fs::read_to_string(stage.pyrite.config_file().with_file_name("root.key")).unwrap();
    let key = key.trim().rsplit(':').next().unwrap();
    assert_eq!(key.len(), 64);
    assert!(!all.contains(&key[..16]), "no part of the root key is shown");
}

#[test]
fn proxies_show_this_one() {
    let stage = Stage::start();
    let mut client = stage.console();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let rows = Rows::of(&mut client, "SHOW PROXIES").find("this", "t");
        if rows.0.len() == 1 && rows.one("alive") == "t" && rows.one("keyring") == rows.one("drained") {
            assert!(rows.one("keyring").parse::<u64>().unwrap() > 0);
            assert_eq!(rows.one("database"), stage.database);
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", rows.0);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn clients_and_stats_count_what_was_done() {
    let stage = Stage::start();
    let mut console = stage.console();
    let before = Rows::of(&mut console, "SHOW STATS").find("database", &stage.database);
    let count = |rows: &Rows, name: &str| rows.one(name).parse::<i64>().unwrap();
    let mut client = stage.pyrite.connect(&stage.database);
    client.run("INSERT INTO customers VALUES (1, 'a@b.example'), (2, NULL)");
    let script = Script::new().parse("", "SELECT email FROM customers WHERE email = $1", &[]);
    client.say(script.bind("", "", &[Some("a@b.example")]).execute("", 0).sync());
    client.until_ready();
    client.run("SELECT 1");
    assert_eq!(client.query("SELECT sum(length(email)) FROM customers")[0].tag, b'E');
    client.run("BEGIN");
    // What a session shows is written a moment after its answer.
    let deadline = Instant::now() + Duration::from_secs(10);
    let rows = loop {
        let rows = Rows::of(&mut console, "SHOW CLIENTS").find("database", &stage.database);
        if rows.one("state") == "idle in transaction" {
            break rows;
        }
        assert!(Instant::now() < deadline, "{:?}", rows.0);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(rows.one("role"), "postgres");
    // One sealed to be stored, one to be looked up; one opened.
    assert_eq!((count(&rows, "sealed"), count(&rows, "opened"), count(&rows, "errors")), (2, 1, 1));
    assert_eq!(count(&rows, "statements"), 5);
    drop(client);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !Rows::of(&mut console, "SHOW CLIENTS").find("database", &stage.database).0.is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    let after = Rows::of(&mut console, "SHOW STATS").find("database", &stage.database);
    let grown = |name| count(&after, name) - count(&before, name);
    assert_eq!(["sealed", "opened", "refused", "rewritten", "sessions"].map(grown), [2, 1, 1, 2, 1]);
    assert!(grown("bytes_received") > 100 && grown("bytes_sent") > 100);
    let own = Rows::of(&mut console, "SHOW CLIENTS").find("database", "pyrite");
    assert_eq!((own.one("role"), own.one("state")), ("postgres", "active"));
}

#[test]
fn explain_shows_the_plan_and_runs_nothing() {
    let stage = Stage::start();
    let mut client = stage.console();
    let plan = |client: &mut Client, text: &str| {
        client.column(text).into_iter().flatten().collect::<Vec<_>>().join("\n")
    };
    let text = plan(&mut client, "EXPLAIN SELECT id FROM customers WHERE email = $1; SHOW VERSION");
    assert!(text.contains("pyrite.eq(") && text.contains("term of $1"), "{text}");
    let text = plan(&mut client, "EXPLAIN INSERT INTO customers VALUES (7, 'not run')");
    assert!(text.contains("a literal") && !text.contains("not run"), "{text}");
    let text = plan(&mut client, "EXPLAIN SELECT 1");
    assert!(text.to_lowercase().contains("forward"), "{text}");
    let mut direct = stage.pyrite.connect(&stage.database);
    assert_eq!(direct.column("SELECT count(*) FROM customers"), [Some("0".into())]);
}

#[test]
fn reload_applies_what_it_can_and_names_the_rest() {
    let stage = Stage::start();
    let mut console = stage.console();
    assert!(Rows::of(&mut console, "RELOAD").0.is_empty(), "nothing has changed");
    let mut client = stage.pyrite.connect(&stage.database);
    client.run("SELECT 1");
    stage.edit(
        "phone = \"text\"",
        &format!(
            "phone = \"text\"\n[databases.{}.tables.\"public.notes\"]\n\
             body = {{ type = \"text\", group = \"notes\" }}",
            stage.database
        ),
    );
    stage.edit("upstream =", "workers = 3\nlimits.clients = 77\nupstream =");
    stage.edit("roles = [\"postgres\"]", "roles = [\"postgres\", \"auditor\"]");
    let rows = Rows::of(&mut console, "RELOAD");
    let outcome = |key: &str| rows.find("key", key).one("outcome").to_owned();
    assert_eq!(outcome("workers"), "needs a restart");
    for key in ["limits.clients", "admin", &format!("databases.{}", stage.database)] {
        assert_eq!(outcome(key), "applied", "{key}");
    }
    assert_eq!(rows.0.len(), 4);
    let config = Rows::of(&mut console, "SHOW CONFIG");
    assert_eq!(config.find("key", "limits.clients").one("value"), "77");
    assert_eq!(config.find("key", "admin.roles").one("value"), "auditor, postgres");
    assert_eq!(config.find("key", "workers").0[0][1].1, None, "the one in use");
    // The new column has keys, and sessions that were there already encrypt it.
    let keys = Rows::of(&mut console, "SHOW KEYS").find("key_group", "notes");
    assert_eq!(keys.column("purpose"), [Some("data"), Some("equality")]);
    client.run("CREATE TABLE notes (id int, body text)");
    client.run("INSERT INTO notes VALUES (1, 'canary of a note')");
    assert_eq!(client.column("SELECT body FROM notes"), [Some("canary of a note".into())]);
    let mut direct = crate::support::server::shared().connect(&stage.database);
    assert_eq!(
        direct.column("SELECT pg_catalog.encode(pg_catalog.substr(body::bytea, 1, 4), 'hex') FROM notes"),
        [Some("ff505952".into())]
    );
}

#[test]
fn reload_says_which_root_key_cannot_be_used_and_tries_it_again() {
    let stage = Stage::start();
    let mut console = stage.console();
    let next = stage.pyrite.config_file().with_file_name("next.key");
    stage.edit("[admin]", "[keys.next_root]\nprovider = \"file\"\npath = \"next.key\"\n[admin]");
    for _ in 0..2 {
        let rows = Rows::of(&mut console, "RELOAD").find("key", "keys.next_root");
        let outcome = rows.one("outcome");
        assert!(outcome.starts_with("cannot be used: ") && outcome.contains("next.key"), "{outcome}");
    }
    pyrite::keys::generate_root_file(&next).unwrap();
    assert!(Rows::of(&mut console, "RELOAD").0.is_empty(), "nothing was typed anew, and all is well");
    assert_eq!(Rows::of(&mut console, "ROTATE ROOT KEY").one("version"), "2");
}

#[test]
fn a_bad_configuration_changes_nothing() {
    let stage = Stage::start();
    let mut console = stage.console();
    stage.edit("roles = [\"postgres\"]", "roles = [\"auditor\"]\nrols = []");
    let failure = error(&mut console, "RELOAD");
    assert_eq!(failure.sqlstate(), "F0000");
    let detail = failure.field(b'D').unwrap();
    assert!(detail.contains("pyrite.toml:") && detail.contains("did you mean `roles`?"), "{detail}");
    assert_eq!(Rows::of(&mut console, "SHOW CONFIG").find("key", "admin.roles").one("value"), "postgres");
    drop(stage.console());
    // By signal, too; then the roles are others.
    stage.edit("rols = []\n", "");
    // SAFETY: the process is a child of this one's keeper, and alive.
    assert_eq!(unsafe { libc::kill(stage.pyrite.pid() as i32, libc::SIGHUP) }, 0);
    let deadline = Instant::now() + Duration::from_secs(10);
    let settings = [("user", "postgres"), ("database", "pyrite")];
    while Client::try_connect(stage.pyrite.port(), &settings).is_ok() {
        assert!(Instant::now() < deadline, "{}", stage.pyrite.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn help_names_every_command_and_the_manual_too() {
    let stage = Stage::start();
    let help = stage.console().column("HELP");
    let commands: Vec<String> = help.into_iter().flatten().collect();
    let known: Vec<String> =
        pyrite::admin::commands::COMMANDS.iter().map(|usage| usage.syntax.into()).collect();
    assert_eq!(commands, known);
    // A bar inside a table's cell has a backslash before it.
    let manual = include_str!("../../docs/admin.md").replace("\\|", "|");
    for usage in pyrite::admin::commands::COMMANDS {
        assert!(manual.contains(usage.syntax), "docs/admin.md lacks {:?}", usage.syntax);
        assert!(manual.contains(usage.says), "docs/admin.md says something else of {:?}", usage.syntax);
    }
}

#[test]
fn with_several_databases_the_command_says_which() {
    let server = crate::support::server::shared();
    let (first, second) = (server.database("one"), server.database("two"));
    let tables = |name: &str| {
        format!("[databases.{name}.tables.\"public.t\"]\nc = {{ type = \"text\", group = \"g\" }}\n")
    };
    let pyrite = crate::support::pyrite::Pyrite::start(&format!(
        "[admin]\nroles = [\"postgres\"]\n{}{}",
        tables(&first),
        tables(&second)
    ));
    for database in [&first, &second] {
        pyrite.connect(database).run("CREATE TABLE t (c text)");
    }
    let mut client = pyrite.connect("pyrite");
    let databases = |rows: &Rows| {
        let mut names: Vec<String> =
            rows.column("database").into_iter().flatten().map(str::to_owned).collect();
        names.dedup();
        names
    };
    assert_eq!(databases(&Rows::of(&mut client, "SHOW KEYS")), [first.clone(), second.clone()]);
    assert_eq!(
        databases(&Rows::of(&mut client, &format!("SHOW COLUMNS IN DATABASE {second}"))),
        [second.as_str()]
    );
    let refused = error(&mut client, "ROTATE KEY ALL");
    assert_eq!(refused.sqlstate(), "3D000");
    let hint = refused.field(b'H').unwrap();
    assert!(hint.contains(&first) && hint.contains(&second) && hint.contains("IN DATABASE"), "{hint}");
    assert_eq!(error(&mut client, "EXPLAIN SELECT c FROM t").sqlstate(), "3D000");
    let started = Rows::of(&mut client, &format!("ROTATE KEY GROUP g IN DATABASE {second}"));
    assert_eq!(started.one("database"), second);
    assert_eq!(databases(&Rows::of(&mut client, "SHOW JOBS")), [second]);
}
