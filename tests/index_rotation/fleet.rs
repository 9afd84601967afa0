//! A private server, two proxies in front of it that only serve, and a third one for each piece of a job's work.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyrite::config::Config;
use pyrite::database::Databases;
use pyrite::demo::postgres::{Options, PrivateServer};
use pyrite::jobs::{self, Checkpoint, JobError, JobState, Jobs, Request, Settings};
use pyrite::keys::KeyId;
use pyrite::server::Server;
use tokio_postgres::NoTls;

const TABLES: &str = r#"
[databases.postgres.tables."public.people"]
email = { type = "varchar(100)", search = ["equality"], group = "mail" }
nick = { type = "text", search = ["equality"], group = "nick" }
[databases.postgres.tables."public.events"]
email = { type = "varchar(100)", search = ["equality"], group = "mail" }
[databases.postgres.tables."public.later"]
email = { type = "varchar(100)", search = ["equality"], group = "mail" }
"#;

pub struct Fleet {
    proxies: Vec<Server>,
    config: Config,
    file: PathBuf,
    folder: PathBuf,
    server: PrivateServer,
    /// The configuration but for the columns of one test.
    text: String,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.proxies.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Fleet {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With these columns beside those that all tests have.
    pub fn start_with(more: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let server = PrivateServer::start(&Options::default()).unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("pyrite-index-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let key = folder.join("root.key");
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(&key, format!("pyrite-root-1:{hex}\n")).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let file = folder.join("pyrite.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"127.0.0.1:{}\"\nworkers = 1\n[service]\nuser = \"postgres\"\n\
             [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n{TABLES}",
            server.port()
        );
        std::fs::write(&file, format!("{text}{more}")).unwrap();
        let config = Config::load(&file).unwrap();
        let proxies = (0..2).map(|_| Server::start_with(config.clone(), None).unwrap()).collect();
        Self { proxies, config, file, folder, server, text }
    }

    /// Stops the proxies, and starts them with these columns beside those that all tests have.
    pub fn restart_with(&mut self, more: &str) -> Result<(), String> {
        self.proxies.clear();
        std::fs::write(&self.file, format!("{}{more}", self.text)).unwrap();
        self.config = Config::load(&self.file).unwrap();
        for _ in 0..2 {
            let started = Server::start_with(self.config.clone(), None);
            self.proxies.push(started.map_err(|error| format!("{error:?} {error}"))?);
        }
        Ok(())
    }

    /// The one number of a query past the proxies.
    pub fn number(&self, sql: &str) -> i64 {
        self.query(sql)[0].get(0)
    }

    /// Where clients of one of the two proxies connect.
    pub fn port(&self, proxy: usize) -> u16 {
        self.proxies[proxy].local_addr().port()
    }

    fn query(&self, sql: &str) -> Vec<tokio_postgres::Row> {
        block_on(async {
            let (client, connection) = self.server.connection("postgres").connect(NoTls).await.unwrap();
            tokio::spawn(connection);
            client.query(sql, &[]).await.unwrap()
        })
    }

    /// The one value of a query past the proxies.
    pub fn bytes(&self, sql: &str) -> Vec<u8> {
        self.query(sql)[0].get(0)
    }

    /// Runs a statement past the proxies.
    pub fn run(&self, sql: &str) {
        self.query(sql);
    }

    pub fn try_submit(&self, request: Request) -> Result<i64, JobError> {
        block_on(async {
            let databases = Databases::open(&self.config).await.unwrap();
            let database = Arc::clone(databases.get("postgres").unwrap());
            let submitted = Jobs::new(database).submit(request, jobs::Options::default(), "test").await;
            databases.close().await;
            submitted.map(|ids| ids[0])
        })
    }

    pub fn submit(&self, request: Request) -> i64 {
        self.try_submit(request).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn cancel(&self, job: i64) {
        block_on(async {
            let databases = Databases::open(&self.config).await.unwrap();
            Jobs::new(Arc::clone(databases.get("postgres").unwrap())).cancel(job).await.unwrap();
            databases.close().await;
        });
    }

    pub fn state_of(&self, job: i64) -> JobState {
        let rows = self.query(&format!("SELECT state FROM pyrite.jobs WHERE id = {job}"));
        JobState::parse(rows[0].get(0)).unwrap()
    }

    pub fn error_of(&self, job: i64) -> String {
        let rows = self
            .query(&format!("SELECT concat_ws(': ', step, status, error) FROM pyrite.jobs WHERE id = {job}"));
        rows[0].get(0)
    }

    /// A proxy works on the job until it is over, or stopped dead by the checkpoint. Its state then.
    pub fn work(&self, job: i64, checkpoint: Option<Checkpoint>) -> JobState {
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let checkpoint = checkpoint.map(|checkpoint| {
            Arc::new(move |point: &jobs::Point| {
                let flow = checkpoint(point);
                flag.fetch_or(flow.is_break(), Ordering::SeqCst);
                flow
            }) as Checkpoint
        });
        let settings =
            Settings { lease: Duration::from_millis(700), share: 100, checkpoint, ..Settings::default() };
        let worker = Server::start_with(self.config.clone(), Some(settings)).unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let state = self.state_of(job);
            if state.is_over() || stopped.load(Ordering::SeqCst) {
                drop(worker);
                return state;
            }
            assert!(Instant::now() < deadline, "job {job} does not go on: {}", self.error_of(job));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Indexes and views that call a function, by name.
    pub fn names(&self, function: &str) -> Vec<String> {
        let sql = format!(
            "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
               AND strpos(CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) WHEN c.relkind IN ('i', 'I')
                   THEN pg_get_indexdef(c.oid) END, '{function}((') > 0
               AND c.relname NOT LIKE 'people_nick%' ORDER BY 1"
        );
        self.query(&sql).iter().map(|row| row.get(0)).collect()
    }

    /// The terms of group `mail` that are searched now.
    pub fn terms(&self) -> Vec<Vec<u8>> {
        let slot = self.query(
            "SELECT k.slot FROM pyrite.keys k JOIN pyrite.groups g ON g.id = k.group_id
             WHERE g.name = 'mail' AND k.purpose = 'equality' AND k.state = 'primary'",
        );
        let function = if slot[0].get::<_, &str>(0) == "b" { "pyrite.eq_b" } else { "pyrite.eq" };
        let sql = format!("SELECT {function}(email) FROM people UNION SELECT {function}(email) FROM events");
        self.query(&sql).iter().map(|row| row.get(0)).collect()
    }

    pub fn retired_index_keys(&self, group: &str) -> Vec<KeyId> {
        self.retired_keys(group, "equality")
    }

    pub fn retired_keys(&self, group: &str, purpose: &str) -> Vec<KeyId> {
        let rows = self.query(&format!(
            "SELECT k.id FROM pyrite.keys k JOIN pyrite.groups g ON g.id = k.group_id
             WHERE g.name = '{group}' AND k.purpose = '{purpose}' AND k.state = 'retired'"
        ));
        rows.iter().map(|row| KeyId::from_bytes(row.get::<_, &[u8]>(0).try_into().unwrap())).collect()
    }

    /// Files of the database that hold one of these, once dead rows are gone.
    pub fn rewritten_files_with(&self, terms: &[Vec<u8>]) -> Vec<String> {
        let client = ["VACUUM FULL", "CHECKPOINT"];
        client.iter().for_each(|statement| self.run(statement));
        let oid: u32 = self.query("SELECT oid FROM pg_database WHERE datname = current_database()")[0].get(0);
        let finder = aho_corasick::AhoCorasick::new(terms).unwrap();
        let folder = self.server.data_dir().join("base").join(oid.to_string());
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 50);
        let found =
            files.iter().filter(|file| std::fs::read(file).is_ok_and(|bytes| finder.is_match(&bytes)));
        let found: Vec<String> =
            found.map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
        if found.is_empty() {
            return found;
        }
        let nodes = found.join(",");
        let names = self.query(&format!(
            "SELECT oid::regclass::text FROM pg_class WHERE pg_relation_filenode(oid) IN ({nodes})"
        ));
        names.iter().map(|row| row.get(0)).collect()
    }

    /// Exit status of `pyrite check`, and what it finds wrong.
    pub fn check(&self) -> (i32, String) {
        let file = self.file.to_str().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_pyrite"))
            .args(["check", "-c", file, "--values"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let findings: Vec<&str> = text
            .lines()
            .filter(|line| line.trim_start().starts_with('!') && !line.contains("does not exist"))
            .collect();
        let code = output.status.code().unwrap();
        // A table that is configured and not made yet is a finding, too.
        (if findings.is_empty() && code == 1 { 0 } else { code }, findings.join("\n"))
    }
}
