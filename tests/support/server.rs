//! One private PostgreSQL per test process, with a database for each test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

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
        if let Some(user) = user {
            let chown = Command::new("chown").arg(user).arg(&folder).status();
            assert!(chown.is_ok_and(|status| status.success()), "give the server's folder to {user}");
        }
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
        let mut command = Command::new(self.bin.join(name));
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

/// PostgreSQL refuses to run as root; there it runs as its usual user.
fn unprivileged_user() -> Option<&'static str> {
    // SAFETY: geteuid has no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    root.then_some("postgres")
}

/// The folder of the newest server on this machine.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("PYRITE_TEST_PG_BIN") {
        return folder.into();
    }
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    found.sort_by_key(|path| {
        let version = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    found.extend(
        std::env::var_os("PATH").iter().flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>()),
    );
    found.retain(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    // Folders of PATH come last, so a server that the user chose to have there wins.
    found.pop().expect("no PostgreSQL server on this machine: run ./test, which installs one")
}
