//! One private PostgreSQL per test process, with a database for each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pyrite::demo::postgres::Binaries;

use super::keeper::Keeper;
use super::raw::Client;

/// A private server.
pub struct Server {
    port: u16,
    bin: PathBuf,
    _keeper: Keeper,
}

/// The server of this test process; started by the first that asks.
pub fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// Makes a cluster in a temporary folder and starts it on a free port of the loopback.
    fn start() -> Server {
        let bin = binaries();
        let user = unprivileged_user();
        let folder = std::env::temp_dir().join(format!("pyrite-server-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("create the server's folder");
        give(&folder, user);
        let port = super::free_port();
        let script = format!(
            "'{bin}/initdb' -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >initdb.log 2>&1 && \
             exec '{bin}/postgres' -D data -p {port} -k \"$PWD\" -c listen_addresses=127.0.0.1 -c fsync=off \
             -c max_connections=200 -c timezone=UTC -c log_timezone=UTC -c shared_buffers=32MB",
            bin = bin.display(),
        );
        let script = format!("cd '{}' && {script}", folder.display());
        let log = folder.join("log");
        let keeper = Keeper::start(user, &log, "INT", Some(&folder), &["sh", "-c", &script]);
        let server = Server { port, bin, _keeper: keeper };
        server.wait(&log);
        server
    }

    fn wait(&self, log: &Path) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Client::try_connect(self.port, &[("user", "postgres"), ("database", "postgres")]).is_err() {
            if Instant::now() > deadline || !self._keeper.alive() {
                panic!(
                    "the private PostgreSQL does not start:\n{}",
                    std::fs::read_to_string(log).unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client program of the same version, such as `psql`.
    pub fn program(&self, name: &str) -> Command {
        let beside = self.bin.join(name);
        let mut command = Command::new(if beside.exists() { beside } else { name.into() });
        command.env("PGUSER", "postgres").env("PGHOST", "127.0.0.1").env("PGCONNECT_TIMEOUT", "20");
        command
    }

    /// A superuser's connection, past any proxy.
    pub fn connect(&self, database: &str) -> Client {
        Client::connect(self.port, "postgres", database)
    }

    /// A new empty database with a name of its own.
    pub fn database(&self, purpose: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{purpose}_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.connect("postgres").run(&format!("CREATE DATABASE {name}"));
        name
    }
}

/// Makes a folder the user's own.
pub fn give(folder: &Path, user: Option<&str>) {
    if let Some(user) = user {
        let chown = Command::new("chown").arg(user).arg(folder).status();
        assert!(chown.is_ok_and(|status| status.success()), "give {} to {user}", folder.display());
    }
}

/// PostgreSQL refuses to run as root; there it runs as its usual user.
pub fn unprivileged_user() -> Option<&'static str> {
    // SAFETY: geteuid has no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    let has = |user: &str| {
        std::fs::read_to_string("/etc/passwd")
            .is_ok_and(|text| text.lines().any(|line| line.starts_with(user)))
    };
    root.then(|| if has("postgres:") { "postgres" } else { "nobody" })
}

/// Where `initdb` and `postgres` are; fetched if this machine has none.
fn binaries() -> PathBuf {
    let found = Binaries::find_or_fetch().unwrap_or_else(|error| panic!("{error}"));
    let initdb = found.program("initdb").expect("server binaries come with initdb");
    initdb.parent().expect("a program is in a folder").to_path_buf()
}
