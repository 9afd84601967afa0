//! The server goes away and comes back, and proxies of their own processes are killed.

use std::time::{Duration, Instant};

use super::{CODE, Fleet, states, tags, within};
use crate::support::keeper::Keeper;
use crate::support::raw::{Client, Script};
use crate::support::{self, server};
use pyrite::database::{LEASE, MARGIN};
use pyrite::keys::Change;

/// A proxy in a process of its own.
struct Process {
    port: u16,
    keeper: Keeper,
    database: String,
}

impl Process {
    fn start(fleet: &Fleet, name: &str) -> Process {
        let port = support::free_port();
        let config = fleet.root(&format!("{name}.toml"));
        let text = format!(
            "listen = \"127.0.0.1:{port}\"\nupstream = \"127.0.0.1:{}\"\n[service]\nuser = \"postgres\"\n\
             [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n\
             [databases.{}.tables.\"public.secrets\"]\ncode = {{ type = \"text\", search = [\"equality\"] }}\n",
            server::shared().port(),
            fleet.database
        );
        std::fs::write(&config, text).unwrap();
        let log = fleet.root(&format!("{name}.log"));
        let run = [env!("CARGO_BIN_EXE_pyrite"), "run", "-c", config.to_str().unwrap()];
        let keeper = Keeper::start(None, &log, "TERM", None, &run);
        let process = Process { port, keeper, database: fleet.database.clone() };
        within(Duration::from_secs(20), "the proxy listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        process
    }

    fn connect(&self) -> Client {
        Client::connect(self.port, "postgres", &self.database)
    }

    fn signal(&self, signal: i32) {
        // SAFETY: signals a process that this test has started.
        assert_eq!(unsafe { libc::kill(self.keeper.pid() as i32, signal) }, 0);
    }
}

#[test]
fn a_killed_proxy_is_waited_for_until_its_lease_is_over() {
    let fleet = Fleet::start();
    let (killed, other) = (Process::start(&fleet, "killed"), Process::start(&fleet, "other"));
    let observer = fleet.observer();
    killed.connect().run("INSERT INTO secrets (id, code) VALUES (1, 'magpie')");
    killed.signal(libc::SIGKILL);
    let began = Instant::now();
    let changed = observer.change(&[Change::AddData { group: observer.group(CODE) }]);
    observer.settle(changed.counter());
    let took = began.elapsed();
    assert!(took > LEASE && took < LEASE + MARGIN + Duration::from_secs(2), "{took:?}");
    assert_eq!(other.connect().column("SELECT code FROM secrets"), [Some("magpie".to_string())]);
}

#[test]
fn a_stopped_proxy_writes_nothing_under_old_keys_when_it_goes_on() {
    let fleet = Fleet::start();
    let (stopped, observer) = (Process::start(&fleet, "stopped"), fleet.observer());
    let mut client = stopped.connect();
    client.run("BEGIN");
    let insert = "INSERT INTO secrets (id, code) VALUES ($1, $2)";
    client.say(Script::new().parse("i", insert, &[]).bind("p", "i", &[Some("1"), Some("late")]).sync());
    assert_eq!(tags(&client.until_ready()), "12Z");
    let mut another = stopped.connect();
    another.say(Script::new().parse("i", insert, &[]).sync());
    another.until_ready();
    stopped.signal(libc::SIGSTOP);
    let (old, _) = observer.replace_data_key(CODE);
    observer.change_everywhere(&[Change::Retire { id: old }]);
    // Waiting for it when it wakes up: a portal of before, and a value that is not sealed yet.
    client.say(Script::new().execute("p", 0).sync());
    another.say(Script::new().bind("", "i", &[Some("2"), Some("fresh")]).execute("", 0).sync());
    stopped.signal(libc::SIGCONT);
    assert_eq!(states(&client.until_ready()), ["55000"]);
    let messages = another.until_ready();
    // Refused, or sealed after the newest keyring was confirmed.
    assert!(states(&messages) == ["55000"] || tags(&messages) == "2CZ", "{messages:?}");
    within(Duration::from_secs(3), "it goes on", || {
        another.say(Script::new().bind("", "i", &[Some("3"), Some("fresh")]).execute("", 0).sync());
        tags(&another.until_ready()) == "2CZ"
    });
    let stale = format!("SELECT count(*) FROM secrets WHERE pyrite.key_id(code) = decode('{old}', 'hex')");
    assert_eq!(fleet.direct().column(&stale), [Some("0".to_string())]);
    stopped.signal(libc::SIGTERM);
    within(Duration::from_secs(10), "its row is gone", || {
        fleet.direct().column("SELECT count(*) FROM pyrite.proxies") == [Some("1".to_string())]
    });
}

/// The job's status and state, asked of the server.
fn job(fleet: &Fleet) -> (String, String) {
    let mut found =
        fleet.direct().column("SELECT state || '|' || status FROM pyrite.jobs ORDER BY id DESC LIMIT 1");
    let line = found.pop().flatten().unwrap_or_default();
    let (state, status) = line.split_once('|').unwrap_or_default();
    (state.to_owned(), status.to_owned())
}

#[test]
fn what_a_killed_proxy_left_in_a_backends_buffer_is_waited_for() {
    let fleet = Fleet::start();
    let (killed, other) = (Process::start(&fleet, "killed"), Process::start(&fleet, "other"));
    let (mut first, mut second) = (fleet.direct(), fleet.direct());
    first.run("CREATE TABLE plain (x int)");
    first.run("INSERT INTO plain VALUES (1)");
    first.run("BEGIN");
    first.run("UPDATE plain SET x = 2");
    second.run("BEGIN");
    second.run("INSERT INTO secrets (id) VALUES (99)");
    // One statement waits for a lock; the other lies behind it in the backend's buffer, a transaction of its own, sealed
    // under the keys of now, and will wait for a lock too.
    let mut client = killed.connect();
    client.run("SELECT id FROM secrets WHERE code = 'warm'");
    let update =
        Script::new().parse("", "UPDATE plain SET x = 3", &[]).bind("", "", &[]).execute("", 0).sync();
    let insert = "INSERT INTO secrets (id, code) VALUES (99, 'ghost')";
    client.say(update.parse("", insert, &[]).bind("", "", &[]).execute("", 0).sync());
    std::thread::sleep(Duration::from_millis(1_500));
    killed.signal(libc::SIGKILL);
    fleet.direct().run(
        "INSERT INTO pyrite.jobs (kind, spec, step, created_by)
         SELECT 'rotate index key', jsonb_build_object('group', replace(id::text, '-', ''), 'name', name), 'check', 'test'
         FROM pyrite.groups",
    );
    within(Duration::from_secs(40), "the job waits for backends", || job(&fleet).1.contains("a proxy died"));
    first.run("ROLLBACK");
    std::thread::sleep(Duration::from_secs(2));
    assert!(job(&fleet).1.contains("a proxy died"), "{:?}", job(&fleet));
    second.run("ROLLBACK");
    within(Duration::from_secs(60), "the job ends", || job(&fleet).0 == "done");
    let mut client = other.connect();
    assert_eq!(client.column("SELECT id FROM secrets WHERE code = 'ghost'"), [Some("99".to_string())]);
}
