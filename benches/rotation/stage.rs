//! A private server with a table of encrypted values, plain updates of it, and rotations in this process.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pyrite::config::Config;
use pyrite::database::{Database, Databases};
use pyrite::demo::postgres::{Options, PrivateServer};
use pyrite::jobs::{self, JobState, Jobs, Moment, Request, Settings};
use pyrite::keys::generate_root_file;
use pyrite::server::Server;
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};

/// Rows in an INSERT that fills the table.
const FILL: u32 = 1_000;

/// What a superuser does before Pyrite comes.
const PREPARE: &[&str] = &[
    "CREATE ROLE shop LOGIN",
    "CREATE ROLE pyrite LOGIN",
    "CREATE DATABASE shop OWNER shop",
    "GRANT CREATE ON DATABASE shop TO pyrite",
    "GRANT shop TO pyrite",
    "GRANT SET ON PARAMETER session_replication_role TO pyrite",
];

/// The value in the row of this id.
pub fn email(id: i32) -> String {
    format!("someone.{id}@example.org")
}

pub struct Stage {
    server: PrivateServer,
    folder: PathBuf,
}

impl Stage {
    pub async fn new(fsync: &str) -> Self {
        let options =
            Options::default().set("fsync", fsync).set("shared_buffers", "512MB").set("max_wal_size", "4GB");
        let server = tokio::task::spawn_blocking(move || PrivateServer::start(&options)).await;
        let server = server.expect("a thread").expect("a private server");
        let folder = server.folder().to_owned();
        generate_root_file(&folder.join("root.key")).expect("a root key");
        let stage = Self { server, folder };
        let admin = stage.admin("postgres").await;
        for statement in PREPARE {
            admin.batch_execute(statement).await.expect(statement);
        }
        stage
    }

    fn config(&self) -> Config {
        let file = self.folder.join("pyrite.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"127.0.0.1:{}\"\n[service]\nuser = \"pyrite\"\n\
             [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n\
             [databases.shop.tables.\"public.people\"]\n\
             email = {{ type = \"text\", search = [\"equality\"], group = \"mail\" }}\n",
            self.server.port()
        );
        std::fs::write(&file, text).expect("write a configuration");
        Config::load(&file).expect("a configuration")
    }

    /// Past every proxy, as superuser.
    async fn admin(&self, database: &str) -> Client {
        let connected = self.server.connection(database).connect(NoTls).await;
        let (client, connection) = connected.expect("connect to the server");
        tokio::spawn(connection);
        client
    }

    /// A whole proxy.
    pub async fn serve(&self, settings: Settings) -> Server {
        let config = self.config();
        let start = move || Server::start_with(config, Some(settings));
        let server = tokio::task::spawn_blocking(start).await.expect("a thread");
        let server = server.expect("a proxy");
        let grant = "GRANT USAGE ON SCHEMA pyrite TO shop";
        self.admin("shop").await.batch_execute(grant).await.expect(grant);
        server
    }

    /// A database handle to ask for jobs with, which works on none.
    pub async fn watcher(&self) -> Arc<Database> {
        let databases = Databases::open(&self.config()).await.expect("the database opens");
        Arc::clone(databases.get("shop").expect("the database"))
    }

    /// Runs statements through a proxy that is there for them only.
    async fn through_pyrite(&self, statements: impl Iterator<Item = String>) {
        let server = self.serve(Settings::default()).await;
        let login = format!("host=127.0.0.1 port={} user=shop dbname=shop", server.local_addr().port());
        let (client, connection) =
            tokio_postgres::connect(&login, NoTls).await.expect("connect to the proxy");
        tokio::spawn(connection);
        for statement in statements {
            client.batch_execute(&statement).await.expect("a statement");
        }
        drop(client);
        tokio::task::spawn_blocking(move || server.shutdown()).await.expect("the proxy stops");
    }

    /// Makes the table.
    pub async fn fill(&self, rows: u32) {
        let create = ["CREATE TABLE people (id int PRIMARY KEY, email text)".to_owned()];
        let inserts = (0..rows).step_by(FILL as usize).map(|first| {
            let ids = first..rows.min(first + FILL);
            let rows: Vec<String> = ids.map(|id| format!("({id}, '{}')", email(id as i32))).collect();
            format!("INSERT INTO people VALUES {}", rows.join(", "))
        });
        self.through_pyrite(create.into_iter().chain(inserts)).await;
    }

    /// An index over the equality term.
    pub async fn index(&self) {
        self.through_pyrite(["CREATE INDEX people_email ON people (email)".to_owned()].into_iter()).await;
    }

    /// The table as loading leaves it: no dead rows, no room in its pages.
    pub async fn pack(&self) {
        let admin = self.admin("shop").await;
        for statement in ["VACUUM (FULL, ANALYZE) people", "VACUUM pyrite.jobs", "CHECKPOINT"] {
            admin.batch_execute(statement).await.expect(statement);
        }
    }

    /// Updates so far that changed no index, and all updates.
    async fn hot(&self) -> (i64, i64) {
        let admin = self.admin("shop").await;
        // Backends report their counts within a second, and when they end.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let query = "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE relname = 'people'";
        let row = admin.query_one(query, &[]).await.expect(query);
        (row.get(0), row.get(1))
    }

    /// `UPDATE people SET email = email` in batches of so many rows, in the transactions that the sweep makes. Returns
    /// rows per second and the share of HOT updates.
    pub async fn plain_update(&self, rows: u32, batch: f64) -> (f64, f64) {
        let client = self.admin("shop").await;
        let before = self.hot().await;
        let size = "SELECT (pg_relation_size('people') / 8192)::int4";
        let blocks: i32 = client.query_one(size, &[]).await.expect(size).get(0);
        let step = ((batch * f64::from(blocks) / f64::from(rows)).round() as i32).max(1);
        let text =
            "UPDATE ONLY people SET email = email WHERE ctid >= ($1::text)::tid AND ctid < ($2::text)::tid";
        let update = client.prepare(text).await.expect(text);
        let began = Instant::now();
        let mut changed = 0;
        for from in (0..blocks).step_by(step as usize) {
            // New versions of the rows lie behind the last block there was.
            let (low, high) = (format!("({from},0)"), format!("({},0)", blocks.min(from + step)));
            let begin = "BEGIN; SET LOCAL lock_timeout = '20ms'; SET LOCAL synchronous_commit = off";
            client.batch_execute(begin).await.expect(begin);
            changed += client.execute(&update, &[&low, &high]).await.expect(text);
            client.batch_execute("COMMIT").await.expect("COMMIT");
        }
        let took = began.elapsed().as_secs_f64();
        // The last block may have had room for a few new versions, which were then updated again.
        assert!(
            changed >= u64::from(rows) && changed < u64::from(rows) * 101 / 100 + 200,
            "{changed} updates"
        );
        drop(client);
        let after = self.hot().await;
        (changed as f64 / took, (after.0 - before.0) as f64 / (after.1 - before.1) as f64)
    }
}

/// What a rotation took.
#[derive(Clone, Copy)]
pub struct Sweep {
    rows: i64,
    batches: u64,
    /// All passes over the table.
    sweep: Duration,
    /// From the check to the retirement of the old key.
    whole: Duration,
    /// Share of its updates that changed no index.
    pub hot: f64,
}

impl Sweep {
    pub fn rate(&self) -> f64 {
        self.rows as f64 / self.sweep.as_secs_f64()
    }

    pub fn whole_rate(&self) -> f64 {
        self.rows as f64 / self.whole.as_secs_f64()
    }

    pub fn rows_per_batch(&self) -> f64 {
        self.rows as f64 / self.batches as f64
    }
}

/// Works on jobs in this process, with an eye on their commits.
pub struct Runner<'a> {
    stage: &'a Stage,
    jobs: Jobs,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
    batches: Arc<AtomicU64>,
    times: Arc<Mutex<[Option<Instant>; 2]>>,
}

impl<'a> Runner<'a> {
    pub async fn start(stage: &'a Stage) -> Self {
        let database = stage.watcher().await;
        let (batches, times) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new([None, None])));
        let (counter, clock) = (Arc::clone(&batches), Arc::clone(&times));
        let checkpoint = move |point: &jobs::Point| {
            match (point.what, point.moment, point.step) {
                ("batch", Moment::After, _) => drop(counter.fetch_add(1, Ordering::Relaxed)),
                ("step", Moment::After, "sweep") => {
                    counter.store(0, Ordering::Relaxed);
                    clock.lock().expect("times")[0] = Some(Instant::now());
                }
                ("step", Moment::Before, "await transactions") => {
                    clock.lock().expect("times")[1] = Some(Instant::now());
                }
                _ => {}
            }
            std::ops::ControlFlow::Continue(())
        };
        let settings = Settings { checkpoint: Some(Arc::new(checkpoint)), ..Settings::default() };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(jobs::run(Arc::clone(&database), settings, stopped));
        Self { stage, jobs: Jobs::new(database), stop, task, batches, times }
    }

    /// Rotates the data key; `share` as in `ROTATE KEY`.
    pub async fn rotate(&self, share: Option<u8>) -> Sweep {
        let before = self.stage.hot().await;
        let options = jobs::Options { share, ..jobs::Options::default() };
        let ids = self.jobs.submit(Request::RotateKey(super::mail()), options, "bench").await.expect("a job");
        let job = loop {
            let job = self.jobs.get(ids[0]).await.expect("the job");
            if job.state.is_over() {
                break job;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(job.state, JobState::Done, "{job:?}");
        let after = self.stage.hot().await;
        let times = *self.times.lock().expect("times");
        let (began, ended) = times[0].zip(times[1]).expect("the sweep began and ended");
        let (started, finished) = job.started_at.zip(job.finished_at).expect("the job began and ended");
        Sweep {
            rows: job.rows_done,
            batches: self.batches.load(Ordering::Relaxed),
            sweep: ended - began,
            whole: finished.duration_since(started).expect("time goes on"),
            hot: (after.0 - before.0) as f64 / (after.1 - before.1) as f64,
        }
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}
