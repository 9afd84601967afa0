//! The built program, started in front of a database of the private server, behind a leak tap.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::canary::Canary;
use super::keeper::Keeper;
use super::raw::Client;
use super::tap::Tap;
use super::{Folder, server};

/// A running `pyrite run`.
pub struct Pyrite {
    port: u16,
    tap: Option<Tap>,
    log: PathBuf,
    keeper: Keeper,
    folder: Folder,
}

impl Pyrite {
    /// Starts one behind a leak tap. `tables` is what follows the first lines of pyrite.toml: `[databases.…]`.
    pub fn start(tables: &str) -> Pyrite {
        Self::launch(tables, Some(Tap::start(server::shared().port())))
    }

    /// Starts one behind a tap of the caller's, which may lead elsewhere than to the server itself.
    pub fn start_behind(tables: &str, tap: Tap) -> Pyrite {
        Self::launch(tables, Some(tap))
    }

    /// Starts one that speaks with the server itself, for measurements.
    pub fn start_untapped(tables: &str) -> Pyrite {
        Self::launch(tables, None)
    }

    fn launch(tables: &str, tap: Option<Tap>) -> Pyrite {
        let server = server::shared();
        let folder = Folder::new("proxy");
        let port = super::free_port();
        write_root_key(&folder.path().join("root.key"));
        let config = folder.path().join("pyrite.toml");
        let text = format!(
            "listen = \"127.0.0.1:{port}\"\nupstream = \"127.0.0.1:{}\"\n\n\
             [service]\nuser = \"postgres\"\n\n\
             [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n\n{tables}",
            tap.as_ref().map_or(server.port(), Tap::port)
        );
        std::fs::write(&config, text).expect("write pyrite.toml");
        let log = folder.path().join("log");
        let config = config.to_str().expect("a path in UTF-8");
        let run = [env!("CARGO_BIN_EXE_pyrite"), "run", "-c", config];
        // With PYRITE_TEST_PLAIN=1 there is no proxy: a test that is only about what PostgreSQL does must pass then, too.
        let plain = std::env::var_os("PYRITE_TEST_PLAIN").is_some();
        let port = if plain { server.port() } else { port };
        let keeper = Keeper::start(
            None,
            &log,
            "TERM",
            Some(folder.path()),
            if plain { &["sleep", "9999"] } else { &run },
        );
        let pyrite = Pyrite { port, tap, log, keeper, folder };
        pyrite.wait();
        pyrite
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if Instant::now() > deadline || !self.keeper.alive() {
                panic!("pyrite does not start:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its configuration.
    pub fn config(&self) -> pyrite::config::Config {
        let path = self.folder.path().join("pyrite.toml");
        pyrite::config::Config::load(&path).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("pyrite.toml")
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The proxy's process id.
    pub fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    /// Whether the process runs.
    pub fn alive(&self) -> bool {
        self.keeper.alive()
    }

    /// A client's connection through Pyrite.
    pub fn connect(&self, database: &str) -> Client {
        Client::connect(self.port, "postgres", database)
    }

    /// These values must not reach the server or the log.
    pub fn watch(&self, canaries: &[Canary]) {
        self.tap().watch(canaries);
    }

    /// The tap behind it.
    pub fn tap(&self) -> &Tap {
        self.tap.as_ref().expect("started with a tap")
    }

    /// What it logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What leaked so far: to the server, or to the proxy's log.
    pub fn leaks(&self) -> Vec<String> {
        let Some(tap) = &self.tap else { return Vec::new() };
        let mut leaks = tap.hits();
        leaks.extend(tap.search(self.log().as_bytes()).into_iter().map(|leak| format!("{leak} in the log")));
        leaks
    }
}

impl Drop for Pyrite {
    fn drop(&mut self) {
        let leaks = self.leaks();
        let alive = self.alive();
        if std::thread::panicking() {
            // The test has failed already; this may say why.
            eprintln!("pyrite's log:\n{}\nleaks: {leaks:?}", self.log());
            return;
        }
        assert!(leaks.is_empty(), "plaintext left the proxy: {leaks:#?}");
        assert!(alive, "pyrite ended by itself:\n{}", self.log());
        let log = self.log();
        assert!(!log.contains("panicked"), "pyrite panicked:\n{log}");
    }
}

/// A root key file as the program wants it.
fn write_root_key(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut key = [0u8; 32];
    getrandom::fill(&mut key).expect("random bytes");
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(path, format!("pyrite-root-1:{text}\n")).expect("write the root key");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("chmod the root key");
}
