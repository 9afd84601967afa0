//! Jobs: started, shown, controlled and followed, by the console and by the command line.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Stage;
use crate::commands::Rows;
use crate::support::raw::Client;

/// A stage with values to rewrite.
fn filled(rows: usize) -> Stage {
    let stage = Stage::start();
    let mut client = stage.pyrite.connect(&stage.database);
    let values: Vec<String> = (0..rows).map(|n| format!("({n}, 'person{n}@canary.example')")).collect();
    for chunk in values.chunks(500) {
        client.run(&format!("INSERT INTO customers VALUES {}", chunk.join(", ")));
    }
    stage
}

/// Waits until a job is in this state.
fn wait(client: &mut Client, job: &str, state: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let rows = Rows::of(client, &format!("SHOW JOB {job}"));
        if rows.one("state") == state {
            return;
        }
        let over = matches!(rows.one("state"), "done" | "failed" | "cancelled");
        assert!(!over && Instant::now() < deadline, "{:?}", rows.0);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn states(client: &mut Client, purpose: &str) -> Vec<(String, String)> {
    let rows = Rows::of(client, "SHOW KEYS").find("key_group", "email").find("purpose", purpose);
    let pairs = rows.column("version").into_iter().zip(rows.column("state"));
    pairs.map(|(version, state)| (version.unwrap().to_owned(), state.unwrap().to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(version, state)| ((*version).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn a_rotation_is_started_shown_and_done() {
    let stage = filled(200);
    let mut client = stage.console();
    let messages = client.run("ROTATE KEY ON customers.email");
    let notice = messages.iter().find(|message| message.tag == b'N').expect("a notice how to follow it");
    let text = notice.field(b'M').unwrap();
    let row = messages.iter().find(|message| message.tag == b'D').unwrap().values();
    let job = String::from_utf8(row[0].clone().unwrap()).unwrap();
    assert!(text.contains(&format!("SHOW JOB {job}")), "{text}");
    assert_eq!(messages.iter().find(|m| m.tag == b'C').unwrap().text(), "ROTATE KEY 1");
    wait(&mut client, &job, "done");
    let rows = Rows::of(&mut client, "SHOW JOBS");
    assert_eq!(
        (rows.one("kind"), rows.one("target"), rows.one("created_by")),
        ("rotate key", "email", "postgres")
    );
    assert_eq!(rows.one("rows_done"), "200");
    assert_eq!(states(&mut client, "data"), pairs(&[("1", "retired"), ("2", "primary")]));
    let mut direct = stage.pyrite.connect(&stage.database);
    assert_eq!(
        direct.column("SELECT email FROM customers WHERE email = 'person7@canary.example'"),
        [Some("person7@canary.example".into())]
    );
}

#[test]
fn what_cannot_be_started_says_why() {
    let stage = filled(1);
    let mut client = stage.console();
    let mut refused = |command: &str| {
        let messages = client.query(command);
        let error =
            messages.iter().find(|message| message.tag == b'E').unwrap_or_else(|| panic!("{command}"));
        assert!(error.field(b'H').is_some_and(|hint| !hint.is_empty()), "{command}: {error:?}");
        error.sqlstate()
    };
    assert_eq!(refused("ROTATE KEY ON customers.nothing"), "42704");
    assert_eq!(refused("ROTATE KEY GROUP nothing"), "42704");
    assert_eq!(refused("DESTROY KEY 0123456789abcdef"), "42704");
    assert_eq!(refused("PAUSE JOB 99"), "42704");
    assert_eq!(refused("SHOW JOB 99"), "42704");
    assert_eq!(refused("ROTATE ROOT KEY"), "55000");
    let primary = Rows::of(&mut client, "SHOW KEYS").find("purpose", "data").find("key_group", "email");
    let command = format!("DESTROY KEY {}", primary.one("id"));
    let messages = client.query(&command);
    assert!(messages.iter().any(|message| message.tag == b'E'), "the key in use: {messages:?}");
}

#[test]
fn the_command_line_rotates_and_destroys() {
    let stage = filled(100);
    let (status, text) =
        stage.line(&["keys", "rotate", "customers.email", "--share", "90", "--rate", "100000"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("job 1 rotate key email: done") && text.contains("100/100 values"), "{text}");
    let (status, text) = stage.line(&["jobs"]);
    assert!(status == Some(0) && text.contains("rotate key") && text.contains("done"), "{text}");
    let (status, text) = stage.line(&["jobs", "show", "1"]);
    assert!(status == Some(0) && text.contains("created_by") && text.contains("postgres"), "{text}");
    let retired = Rows::of(&mut stage.console(), "SHOW KEYS").find("state", "retired");
    let (status, text) = stage.line(&["keys", "destroy", retired.one("id"), "--yes"]);
    assert!(status == Some(0) && text.contains("backups"), "{text}");
    assert_eq!(states(&mut stage.console(), "data"), pairs(&[("1", "destroyed"), ("2", "primary")]));
    let (status, text) = stage.line(&["keys", "rotate", "customers.nothing"]);
    assert!(status == Some(1) && text.contains("42704"), "{text}");
    let (status, text) = stage.line(&["jobs", "follow", "77"]);
    assert!(status == Some(1) && text.contains("77"), "{text}");
    let (status, text) = stage.line(&["keys", "rotate", "--all", "--detach"]);
    assert!(status == Some(0) && text.lines().any(|line| line.starts_with("job ")), "{text}");
}

/// A command line that runs on.
fn spawn(stage: &Stage, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyrite"));
    command.args(arguments).arg("-c").arg(stage.pyrite.config_file()).env_remove("PGUSER");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("run pyrite")
}

fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("wait for pyrite");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn jobs_are_paused_resumed_and_cancelled_while_they_are_followed() {
    let stage = filled(20_000);
    let mut client = stage.console();
    let start = client.column("ROTATE KEY ON customers.email");
    let job = start[0].clone().unwrap();
    assert_eq!(Rows::of(&mut client, &format!("PAUSE JOB {job}")).one("state"), "paused");
    let following = spawn(&stage, &["jobs", "follow", &job]);
    let interrupted = spawn(&stage, &["jobs", "follow", &job]);
    std::thread::sleep(Duration::from_secs(1));
    // SAFETY: the process is a child of this one, and not waited for yet.
    assert_eq!(unsafe { libc::kill(interrupted.id() as i32, libc::SIGINT) }, 0);
    let (status, text) = ended(interrupted);
    assert!(status == Some(130) && text.contains("goes on") && text.contains("paused"), "{status:?} {text}");
    let (status, text) = stage.line(&["jobs", "resume", &job]);
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = ended(following);
    assert!(status == Some(0) && text.contains("done"), "{status:?} {text}");
    // A cancelled one has status 1.
    let job = client.column("ROTATE KEY GROUP email")[0].clone().unwrap();
    client.run(&format!("PAUSE JOB {job}"));
    let following = spawn(&stage, &["jobs", "follow", &job]);
    std::thread::sleep(Duration::from_millis(500));
    client.run(&format!("CANCEL JOB {job}"));
    let (status, text) = ended(following);
    assert!(status == Some(1) && text.contains("cancelled"), "{status:?} {text}");
    let again = client.query(&format!("RESUME JOB {job}"));
    assert!(again.iter().any(|message| message.tag == b'E'), "{again:?}");
}

#[test]
fn the_root_key_moves_to_the_next_one() {
    let stage = filled(10);
    let mut client = stage.console();
    let before = Rows::of(&mut client, "SHOW KEYS").find("purpose", "root");
    let next = stage.pyrite.config_file().with_file_name("next.key");
    pyrite::keys::generate_root_file(&next).unwrap();
    stage.edit("[keys]\n", "[keys]\nnext_root = { provider = \"file\", path = \"next.key\" }\n");
    let rows = Rows::of(&mut client, "RELOAD");
    assert_eq!((rows.one("key"), rows.one("outcome")), ("keys.next_root", "applied"));
    let deadline = Instant::now() + Duration::from_secs(10);
    // This proxy's row has to name the new root key first, which it does when it next says that it lives.
    let text = loop {
        let (status, text) = stage.line(&["keys", "rotate-root"]);
        if status == Some(0) {
            break text;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(200));
    };
    let roots = Rows::of(&mut client, "SHOW KEYS").find("purpose", "root");
    assert_eq!(roots.column("state"), [Some("former"), Some("primary")]);
    assert_eq!(roots.column("id")[0], before.column("id")[0]);
    assert!(text.contains(roots.column("id")[1].unwrap()), "{text}");
    let mut direct = stage.pyrite.connect(&stage.database);
    assert_eq!(
        direct.column("SELECT count(*) FROM customers WHERE email = 'person7@canary.example'"),
        [Some("1".into())]
    );
}
