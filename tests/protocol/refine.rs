//! Conditions that the proxy decides on: what the client sees of the queries in between, and what concurrent writers
//! can do to the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Fixture, SECRET, rows, states, tags};
use crate::support::canary::Canary;
use crate::support::pyrite::Pyrite;
use crate::support::raw::{Client, Script};
use crate::support::server;

const LIKE: &str = "SELECT id FROM secrets WHERE code LIKE $1 ORDER BY id";

fn text(message: &crate::support::message::Message) -> String {
    message.text()
}

fn ask(client: &mut Client, pattern: &str) -> Vec<crate::support::message::Message> {
    let script = Script::new().parse("", LIKE, &[]).bind("", "", &[Some(pattern)]).describe_portal("");
    client.say(script.execute("", 0).sync());
    client.until_ready()
}

#[test]
fn nothing_of_it_is_seen() {
    let fixture = Fixture::with_rows(2);
    let mut client = fixture.connect();
    let pattern = format!("%{SECRET}");
    let messages = ask(&mut client, &pattern);
    assert_eq!((tags(&messages).as_str(), text(messages.last().unwrap())), ("12TDDCZ", "I".to_string()));
    // The same in one message each, and outside of any block afterwards.
    assert_eq!(tags(&client.query(&format!("SELECT id FROM secrets WHERE code LIKE '{pattern}'"))), "TDDCZ");
    assert_eq!(client.column("SHOW transaction_isolation"), [Some("read committed".to_string())]);
    // In a block it stays open.
    client.run("BEGIN");
    assert_eq!(text(ask(&mut client, &pattern).last().unwrap()), "T");
    assert_eq!(text(client.run("COMMIT").last().unwrap()), "I");
}

#[test]
fn one_statement_many_patterns() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    client.run("INSERT INTO secrets (id, code) VALUES (2, 'other'), (3, NULL), (4, 'othello')");
    client.say(Script::new().parse("s", LIKE, &[]).sync());
    assert_eq!(tags(&client.until_ready()), "1Z");
    // Three segments in one go, then a portal that stays behind in a block.
    let mut script = Script::new();
    for pattern in ["oth%", "%canary%", "%ell%"] {
        script = script.bind("", "s", &[Some(pattern)]).execute("", 0).sync();
    }
    client.say(script);
    let answers: Vec<_> = (0..3).map(|_| rows(&client.until_ready())).collect();
    assert_eq!(answers, [vec![["2"], ["4"]], vec![["1"]], vec![["4"]]]);
    client.run("BEGIN");
    let script = Script::new().bind("p", "s", &[Some("%")]).bind("q", "s", &[Some("other")]);
    client.say(script.execute("p", 2).execute("q", 0).execute("p", 1).sync());
    let messages = client.until_ready();
    assert_eq!(tags(&messages), "22DDsDCDsZ");
    assert_eq!(rows(&messages), [["1"], ["2"], ["2"], ["4"]]);
    client.run("ROLLBACK");
}

#[test]
fn in_a_pipeline_it_sees_what_went_before() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let insert = "INSERT INTO secrets (id, code) VALUES ($1, $2)";
    let script = Script::new().parse("", insert, &[]).bind("", "", &[Some("1"), Some(SECRET)]).execute("", 0);
    let script = script.parse("", LIKE, &[]).bind("", "", &[Some("canary%")]).execute("", 0);
    let script = script.parse("", "DELETE FROM secrets WHERE code LIKE '%mine'", &[]);
    client.say(script.bind("", "", &[]).execute("", 0).sync());
    let messages = client.until_ready();
    assert_eq!((tags(&messages).as_str(), rows(&messages)), ("12C12DC12CZ", vec![vec!["1".to_string()]]));
    assert_eq!(fixture.ids(), [""; 0]);
}

#[test]
fn a_message_that_writes_first_is_refused_and_undone() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    let text = format!(
        "INSERT INTO secrets (id, code) VALUES (1, '{SECRET}'); SELECT id FROM secrets WHERE code LIKE 'c%'"
    );
    assert_eq!(states(&client.query(&text)), ["40001"]);
    assert_eq!(fixture.ids(), [""; 0]);
}

#[test]
fn an_error_in_the_block_of_ours_leaves_none_behind() {
    let fixture = Fixture::with_rows(1);
    let mut client = fixture.connect();
    let failing = "SELECT 1 / (id - id) FROM secrets WHERE code LIKE $1";
    let script = Script::new().parse("", failing, &[]).bind("", "", &[Some("%")]).execute("", 0);
    client.say(script.sync());
    let messages = client.until_ready();
    assert_eq!(
        (states(&messages), text(messages.last().unwrap())),
        (vec!["22012".to_string()], "I".to_string())
    );
    let messages = client.query("SELECT 1 / (id - id) FROM secrets WHERE code LIKE '%'");
    assert_eq!(
        (states(&messages), text(messages.last().unwrap())),
        (vec!["22012".to_string()], "I".to_string())
    );
    assert_eq!(tags(&ask(&mut client, "%")), "12TDCZ");
}

#[test]
fn the_server_s_errors_on_the_way_are_the_statement_s() {
    let fixture = Fixture::with_rows(1);
    fixture.direct().run("CREATE ROLE nosy LOGIN; GRANT USAGE ON SCHEMA public TO nosy");
    let mut client = Client::connect(fixture.pyrite.port(), "nosy", fixture.database());
    for _ in 0..2 {
        let messages = ask(&mut client, "%");
        assert_eq!(
            (states(&messages), text(messages.last().unwrap())),
            (vec!["42501".to_string()], "I".to_string())
        );
        let messages = client.query("SELECT id FROM secrets WHERE code LIKE '%'");
        assert_eq!(
            (states(&messages), text(messages.last().unwrap())),
            (vec!["42501".to_string()], "I".to_string())
        );
    }
    client.run("BEGIN");
    assert_eq!(text(client.query("SELECT id FROM secrets WHERE code LIKE '%'").last().unwrap()), "E");
    assert_eq!(text(client.query("ROLLBACK").last().unwrap()), "I");
    fixture.direct().run("DROP OWNED BY nosy; DROP ROLE nosy");
}

#[test]
fn a_lock_timeout_on_the_way_ends_the_statement() {
    let fixture = Fixture::with_rows(1);
    let mut blocker = fixture.direct();
    blocker.run("BEGIN; LOCK TABLE secrets");
    let mut client = fixture.connect();
    client.run("SET lock_timeout = '100ms'");
    for _ in 0..2 {
        let messages = client.query("SELECT id FROM secrets WHERE code LIKE '%'");
        assert_eq!(
            (states(&messages), text(messages.last().unwrap())),
            (vec!["55P03".to_string()], "I".to_string())
        );
        let messages = client.query("DELETE FROM secrets WHERE code LIKE '%'");
        assert_eq!(
            (states(&messages), text(messages.last().unwrap())),
            (vec!["55P03".to_string()], "I".to_string())
        );
    }
    blocker.run("ROLLBACK");
    assert_eq!(tags(&ask(&mut client, "%")), "12TDCZ");
}

#[test]
fn too_many_values_are_refused_and_not_answered_in_part() {
    let database = server::shared().database("candidates");
    let pyrite = Pyrite::start(&format!(
        "[limits]\nmax_candidates = 3\n\
         [databases.{database}.tables.\"public.secrets\"]\ncode = {{ type = \"text\", search = [\"equality\"] }}\n"
    ));
    pyrite.watch(&[Canary::Text("gold-dust".to_string())]);
    let mut client = pyrite.connect(&database);
    client.run("CREATE TABLE secrets (id int, code text)");
    client.run("INSERT INTO secrets VALUES (1, 'a'), (2, 'b'), (3, 'gold-dust'), (4, 'b'), (5, NULL)");
    assert_eq!(rows(&ask(&mut client, "%dust")), [["3"]]);
    client.run("INSERT INTO secrets VALUES (6, 'd')");
    for _ in 0..2 {
        let messages = ask(&mut client, "%dust");
        assert_eq!(
            (states(&messages), text(messages.last().unwrap())),
            (vec!["54000".to_string()], "I".to_string())
        );
        assert_eq!(states(&client.query("DELETE FROM secrets WHERE code LIKE 'a'")), ["54000"]);
    }
    // Narrowed by a condition on a plain column, it is within the bound.
    assert_eq!(
        client.column("SELECT id FROM secrets WHERE id > 2 AND code LIKE '%dust'"),
        [Some("3".to_string())]
    );
    client.run("BEGIN");
    assert_eq!(text(client.query("SELECT id FROM secrets WHERE code LIKE '%'").last().unwrap()), "E");
    client.run("ROLLBACK");
}

/// How a reader asks.
#[derive(Clone, Copy)]
struct Reading {
    /// What goes before, each time.
    begin: Option<&'static str>,
    extended: bool,
    /// It may have to try again.
    retries: bool,
}

/// Marked rows at any time, and all rows.
const MARKED: usize = 3;
const ROWS: usize = 40;

/// Moves its mark to another row for as long as the others look, each time with values that were never there before.
fn mover(mut client: Client, mark: usize, next: &AtomicU32, stop: &AtomicBool) {
    let mut at = mark;
    let mut turn = mark;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        // Rows of this mover's own: no two of them meet.
        let to = mark + MARKED * (turn % (ROWS / MARKED));
        if to == at {
            continue;
        }
        let (old, new) = (next.fetch_add(1, Ordering::Relaxed), next.fetch_add(1, Ordering::Relaxed));
        client.run("BEGIN");
        client.run(&format!("UPDATE secrets SET code = 'plain {old}' WHERE id = {at}"));
        client.run(&format!("UPDATE secrets SET code = 'mark {new}' WHERE id = {to}"));
        client.run("COMMIT");
        at = to;
    }
}

fn count(client: &mut Client, condition: &str, reading: Reading) -> Result<usize, Vec<String>> {
    let statement = format!("SELECT count(*) FROM secrets WHERE {condition}");
    if let Some(begin) = reading.begin {
        client.run(begin);
    }
    let messages = if reading.extended {
        client.say(Script::new().parse("", &statement, &[]).bind("", "", &[]).execute("", 0).sync());
        client.until_ready()
    } else {
        client.query(&statement)
    };
    if reading.begin.is_some() {
        client.query("COMMIT");
    }
    let errors = states(&messages);
    if errors.is_empty() { Ok(rows(&messages)[0][0].parse().unwrap()) } else { Err(errors) }
}

#[test]
fn concurrent_writers_hide_no_row_and_show_none_twice() {
    let fixture = Fixture::empty();
    let mut client = fixture.connect();
    for id in 0..ROWS {
        let kind = if id < MARKED { "mark" } else { "plain" };
        client.run(&format!("INSERT INTO secrets (id, code, amount) VALUES ({id}, '{kind} of {id}', 0)"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU32::new(0));
    let movers: Vec<_> = (0..MARKED)
        .map(|mark| {
            let (client, next, stop) = (fixture.connect(), Arc::clone(&next), Arc::clone(&stop));
            std::thread::spawn(move || mover(client, mark, &next, &stop))
        })
        .collect();
    let repeatable = Some("BEGIN ISOLATION LEVEL REPEATABLE READ");
    let readings = [
        Reading { begin: None, extended: false, retries: false },
        Reading { begin: None, extended: true, retries: false },
        Reading { begin: repeatable, extended: false, retries: false },
        Reading { begin: repeatable, extended: true, retries: false },
        Reading { begin: Some("BEGIN"), extended: false, retries: true },
        Reading { begin: Some("BEGIN"), extended: true, retries: true },
    ];
    let conditions = [("code LIKE 'mark%'", MARKED), ("code NOT LIKE 'mark%'", ROWS - MARKED)];
    for reading in readings {
        let deadline = Instant::now() + Duration::from_millis(700);
        let mut answered = 0;
        while Instant::now() < deadline || answered < 5 {
            for (condition, expected) in conditions {
                match count(&mut client, condition, reading) {
                    Ok(found) => {
                        assert_eq!(found, expected, "{condition} after {answered}, {:?}", reading.begin);
                        answered += 1;
                    }
                    Err(errors) => {
                        assert!(reading.retries && errors == ["40001"], "{errors:?} {:?}", reading.begin)
                    }
                }
            }
            assert!(Instant::now() < deadline + Duration::from_secs(60), "not one answer");
        }
    }
    // What is changed fulfils the condition as it is then.
    let mut changed = 0;
    let deadline = Instant::now() + Duration::from_millis(700);
    while Instant::now() < deadline || changed < 5 {
        let messages =
            client.query("UPDATE secrets SET note = 'seen' WHERE code LIKE 'mark%' RETURNING code");
        match states(&messages).as_slice() {
            [] => assert!(rows(&messages).iter().all(|row| row[0].starts_with("mark")), "{messages:?}"),
            errors => assert_eq!(errors, ["40001"]),
        }
        changed += rows(&messages).len();
        assert!(Instant::now() < deadline + Duration::from_secs(60), "nothing could be changed");
    }
    stop.store(true, Ordering::Relaxed);
    movers.into_iter().for_each(|mover| mover.join().unwrap());
    assert!(next.load(Ordering::Relaxed) > 100, "the writers wrote");
}
