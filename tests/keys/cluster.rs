//! A private server, and what the tests of keys do with it again and again.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use pyrite::crypto::Key;
use pyrite::keys::{CellCipher, Keyring, RootKey};
use tokio_postgres::{Client, NoTls};

/// A server of our own on a Unix socket, stopped and deleted with the last test that uses it.
pub struct Cluster {
    pub folder: PathBuf,
    bin: PathBuf,
}

static CLUSTER: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// The one that runs, or a new one.
    pub fn get() -> Arc<Self> {
        let mut shared = CLUSTER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        let cluster = Arc::new(Self::start());
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// One that nobody shares.
    pub fn start() -> Self {
        // One that is being stopped may still have its folder when the next one starts.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("pyrite-keys-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let cluster = Self { folder, bin: bin() };
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(&cluster.folder).status().unwrap().success());
        }
        let data = cluster.folder.join("data");
        cluster.run("initdb", &["-D", data.to_str().unwrap(), "-A", "trust", "-U", "admin", "--no-sync"]);
        let options = format!("-c fsync=off -c listen_addresses='' -k {}", cluster.folder.display());
        let log = cluster.folder.join("log");
        let args = ["-D", data.to_str().unwrap(), "-w", "-o", &options, "-l", log.to_str().unwrap(), "start"];
        cluster.run("pg_ctl", &args);
        cluster
    }

    pub fn run(&self, program: &str, args: &[&str]) {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        let status =
            command.args(args).current_dir(&self.folder).stdout(Stdio::null()).status().expect("it starts");
        assert!(status.success(), "{} failed", program.display());
    }

    pub async fn connect(&self, user: &str, database: &str) -> Client {
        let (client, connection) = tokio_postgres::Config::new()
            .host_path(&self.folder)
            .user(user)
            .dbname(database)
            .connect(NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client
    }

    /// A database of its own with the role `NAME_service`, which may create schemas there, and `NAME_app`.
    pub async fn database(&self, name: &str) -> Client {
        let admin = self.connect("admin", "postgres").await;
        for statement in [
            format!("CREATE ROLE {name}_service LOGIN"),
            format!("CREATE ROLE {name}_app LOGIN"),
            format!("CREATE DATABASE {name}"),
            format!("GRANT CREATE ON DATABASE {name} TO {name}_service"),
            // Settings that must not matter.
            format!("ALTER ROLE {name}_service SET default_transaction_isolation = 'repeatable read'"),
        ] {
            admin.batch_execute(&statement).await.unwrap();
        }
        self.connect(&format!("{name}_service"), name).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run(
            "pg_ctl",
            &["-D", self.folder.join("data").to_str().unwrap(), "-m", "immediate", "-w", "stop"],
        );
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

/// The newest server binaries of this machine.
fn bin() -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()))
        .filter(|folder| {
            ["initdb", "pg_ctl", "pg_dump", "psql"].iter().all(|name| folder.join(name).exists())
        })
        .collect();
    found.sort();
    found.pop().expect("PostgreSQL's server programs (initdb and the like) are installed")
}

pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

pub fn root(byte: u8) -> RootKey {
    RootKey::new(&Key::new([byte; 32]))
}

pub fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn sealed(keyring: &Arc<Keyring>, group: &str, value: &[u8], equality: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let group = keyring.group_id(group).unwrap();
    let mut cipher = CellCipher::new(Arc::clone(keyring));
    cipher.seal(&group, 1, value, equality.then_some(value), &mut out).unwrap();
    out
}

pub fn opened(keyring: &Arc<Keyring>, group: &str, envelope: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let group = keyring.group_id(group).unwrap();
    CellCipher::new(Arc::clone(keyring)).open(&group, envelope, &mut out).unwrap();
    out
}

/// Copies what [`RESTORE`] puts back.
pub const BACKUP: &str = "CREATE SCHEMA backup;
    CREATE TABLE backup.keyring AS TABLE pyrite.keyring;
    CREATE TABLE backup.groups AS TABLE pyrite.groups;
    CREATE TABLE backup.keys AS TABLE pyrite.keys";

pub const RESTORE: &str = "DELETE FROM pyrite.keys; DELETE FROM pyrite.groups; DELETE FROM pyrite.keyring;
    INSERT INTO pyrite.keyring SELECT * FROM backup.keyring;
    INSERT INTO pyrite.groups SELECT * FROM backup.groups;
    INSERT INTO pyrite.keys SELECT * FROM backup.keys";
