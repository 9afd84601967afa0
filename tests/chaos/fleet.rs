//! The processes: a private PostgreSQL, and real proxies in front of it that are started again whenever they end.
//!
//! The server runs with `fsync = off`. Only processes are killed, never the machine: what the server has written
//! stays in the operating system's cache and is there when it recovers from its WAL.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pyrite::demo::postgres::{Options, PrivateServer};

use crate::support::{Folder, free_port};

/// The database that all is about.
pub const DATABASE: &str = "chaos";

/// What a proxy writes when it is ready.
const READY: &str = "accepting connections";
/// So many starts may fail in a row: the server is away for a few seconds at most.
const MOST_FAILED_STARTS: u32 = 200;

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server and its proxies.
pub struct Fleet {
    server: Mutex<PrivateServer>,
    server_port: u16,
    proxies: Vec<Proxy>,
    folder: Folder,
}

impl Fleet {
    /// Starts the server, makes the database, and starts `count` proxies with this configuration of their tables.
    pub fn start(count: usize, tables: &str) -> Fleet {
        let options =
            Options::default().set("deadlock_timeout", "200ms").set("max_prepared_transactions", "4");
        let server = PrivateServer::start(&options).expect("a private PostgreSQL");
        let folder = Folder::new("chaos");
        pyrite::keys::generate_root_file(&folder.path().join("root.key")).expect("a root key");
        let server_port = server.port();
        crate::support::raw::Client::connect(server_port, "postgres", "postgres")
            .run(&format!("CREATE DATABASE {DATABASE}"));
        let proxies = (0..count)
            .map(|number| {
                let port = free_port();
                let config = folder.path().join(format!("pyrite{number}.toml"));
                let text = format!(
                    "listen = \"127.0.0.1:{port}\"\nupstream = \"127.0.0.1:{server_port}\"\nworkers = 1\n\n\
                     [service]\nuser = \"postgres\"\n\n\
                     [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n\n\
                     [admin]\nroles = [\"postgres\"]\n\n{tables}"
                );
                std::fs::write(&config, text).expect("write a configuration");
                Proxy::start(port, config, folder.path().join(format!("pyrite{number}.log")))
            })
            .collect();
        let fleet = Fleet { server: Mutex::new(server), server_port, proxies, folder };
        fleet.wait_until_all_serve();
        fleet
    }

    /// Waits until each proxy serves.
    pub fn wait_until_all_serve(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.proxies.iter().all(Proxy::serves) {
            let said = || self.proxies.iter().map(Proxy::last_words).collect::<Vec<_>>().join("\n");
            assert!(Instant::now() < deadline, "the proxies do not start:\n{}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The server's own port.
    pub fn server_port(&self) -> u16 {
        self.server_port
    }

    /// The proxies.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// SIGKILL to the postmaster and all of its children; then starts it again and waits for the recovery.
    pub fn kill_server(&self, pause: Duration) {
        let mut server = lock(&self.server);
        let text =
            std::fs::read_to_string(server.data_dir().join("postmaster.pid")).expect("a running server");
        let postmaster: i32 = text.lines().next().and_then(|line| line.parse().ok()).expect("its process id");
        // Stopped, it forks no child that we would not see.
        send(postmaster, libc::SIGSTOP);
        let mut all = children(postmaster);
        all.push(postmaster);
        all.iter().for_each(|pid| send(*pid, libc::SIGKILL));
        let deadline = Instant::now() + Duration::from_secs(20);
        while all.iter().any(|pid| runs(*pid)) {
            assert!(Instant::now() < deadline, "the server survives SIGKILL");
            std::thread::sleep(Duration::from_millis(2));
        }
        server.crash();
        std::thread::sleep(pause);
        server.start_again().expect("the server recovers");
    }

    /// What went wrong with proxies that nobody killed, and what is in their logs that must not be.
    pub fn faults(&self, never_logged: &[&str]) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, proxy) in self.proxies.iter().enumerate() {
            faults.extend(lock(&proxy.life).faults.iter().map(|fault| format!("proxy {number}: {fault}")));
            let log = proxy.log();
            for line in log.lines() {
                if line.contains("panicked") {
                    faults.push(format!("proxy {number}: {line}"));
                }
                if never_logged.iter().any(|word| line.contains(word)) {
                    faults.push(format!("proxy {number} logged plaintext"));
                }
            }
        }
        faults
    }

    /// Keeps the logs and the configuration of a run that failed.
    pub fn keep_logs(&self) -> PathBuf {
        let kept = std::env::temp_dir().join(format!("pyrite-chaos-logs-{}", std::process::id()));
        let _ = std::fs::create_dir_all(&kept);
        for file in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|end| end == "log") {
                let _ = std::fs::copy(file.path(), kept.join(file.file_name()));
            }
        }
        let _ = std::fs::copy(lock(&self.server).log_path(), kept.join("server.log"));
        kept
    }
}

/// A proxy that is started again when it ends.
pub struct Proxy {
    port: u16,
    log: PathBuf,
    life: Arc<Mutex<Life>>,
    keeper: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Life {
    child: Option<Child>,
    serves: bool,
    /// We have sent it a SIGKILL; it stays away for this long.
    killed: Option<Duration>,
    failed_starts: u32,
    stop: bool,
    faults: Vec<String>,
}

impl Proxy {
    fn start(port: u16, config: PathBuf, log: PathBuf) -> Proxy {
        let life = Arc::new(Mutex::new(Life::default()));
        let shared = Arc::clone(&life);
        let path = log.clone();
        // The kernel ends a child with the thread that forked it, so this thread lives as long as the proxy does.
        let keeper = std::thread::spawn(move || keep(&shared, &config, &path));
        Proxy { port, log, life, keeper: Some(keeper) }
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it accepts clients.
    pub fn serves(&self) -> bool {
        lock(&self.life).serves
    }

    /// SIGKILL; it is started again after `pause`. Says whether there was a process that lived.
    pub fn kill(&self, pause: Duration) -> bool {
        let mut life = lock(&self.life);
        if life.killed.is_some() {
            return false;
        }
        // Reaped only under the same lock, so the id is still its own.
        let Some(child) = life.child.as_mut() else { return false };
        // One that has ended already, as when the server was away at its start, is not killed.
        let (Ok(None), Ok(pid)) = (child.try_wait(), i32::try_from(child.id())) else { return false };
        life.killed = Some(pause);
        life.serves = false;
        send(pid, libc::SIGKILL);
        true
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        lock(&self.life).stop = true;
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

/// Starts the proxy, waits for its end, and again.
fn keep(life: &Mutex<Life>, config: &Path, log: &Path) {
    loop {
        let from = std::fs::metadata(log).map_or(0, |meta| meta.len());
        let child = launch(config, log);
        {
            let mut life = lock(life);
            life.child = Some(child);
        }
        let Some(pause) = watch(life, log, from) else { return };
        let since = Instant::now();
        while since.elapsed() < pause {
            if lock(life).stop {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn launch(config: &Path, log: &Path) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log).expect("open a proxy's log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyrite"));
    command.arg("run").arg("-c").arg(config).env("PYRITE_LOG", "info").stdin(Stdio::null());
    command.stdout(log.try_clone().expect("duplicate a handle")).stderr(log).process_group(0);
    // SAFETY: a plain system call, which allocates nothing.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    command.spawn().expect("start pyrite")
}

/// Until the process ends: how long to wait before the next; `None`: no next one.
fn watch(life: &Mutex<Life>, log: &Path, from: u64) -> Option<Duration> {
    loop {
        std::thread::sleep(Duration::from_millis(5));
        let mut guard = lock(life);
        let life = &mut *guard;
        let child = life.child.as_mut()?;
        if let Ok(Some(status)) = child.try_wait() {
            life.child = None;
            let served = std::mem::take(&mut life.serves);
            if let Some(pause) = life.killed.take() {
                return Some(pause);
            }
            life.failed_starts += 1;
            if served || life.failed_starts > MOST_FAILED_STARTS {
                let fault = format!("ended by itself ({status}): {}", since(log, from).trim_end());
                life.faults.push(fault);
            }
            return Some(Duration::from_millis(100));
        }
        if life.stop {
            // Orderly, so that a fault in stopping is seen.
            send(i32::try_from(child.id()).ok()?, libc::SIGTERM);
            let deadline = Instant::now() + Duration::from_secs(10);
            while matches!(child.try_wait(), Ok(None)) {
                if Instant::now() > deadline {
                    let _ = child.kill();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            life.child = None;
            return None;
        }
        if !life.serves && life.killed.is_none() && since(log, from).contains(READY) {
            life.serves = true;
            life.failed_starts = 0;
        }
    }
}

/// What was logged from this place on.
fn since(log: &Path, from: u64) -> String {
    let all = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(all.get(from as usize..).unwrap_or_default()).into_owned()
}

fn send(pid: i32, signal: i32) {
    // SAFETY: a plain system call; the ids are those of our own processes.
    unsafe { libc::kill(pid, signal) };
}

/// State and parent of a process.
fn stat(pid: i32) -> Option<(char, i32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn runs(pid: i32) -> bool {
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn children(parent: i32) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").expect("/proc").flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}
