//! A private server, a service role with plain rights, and as many proxies as a test wants, in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyrite::config::Config;
use pyrite::database::{Database, Databases};
use pyrite::demo::postgres::{Options, PrivateServer};
use pyrite::jobs::{self, JobRow, JobState, Jobs, Request, Settings};
use pyrite::keys::{KeyPurpose, KeyState, generate_root_file};
use pyrite::server::Server;
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};

/// What is encrypted; each test makes the tables that it needs.
const TABLES: &str = r#"
[databases.shop.tables."public.people"]
email = { type = "text", search = ["equality"], group = "mail" }
note  = { type = "text", group = "mail" }
[databases.shop.tables."public.events"]
email = { type = "text", search = ["equality"], group = "mail" }
[databases.shop.tables."public.other"]
phone = { type = "text", search = ["equality"], group = "phone" }
[databases.shop.tables."public.wide"]
email = { type = "text", search = ["equality"], group = "mail" }
phone = { type = "text", search = ["equality"], group = "phone" }
note  = { type = "text", group = "mail" }
[databases.shop.tables."public.tree"]
email = { type = "text", search = ["equality"], group = "mail" }
[databases.shop.tables."public.parent"]
email = { type = "text", search = ["equality"], group = "mail" }
"#;

/// What a superuser does before Pyrite comes.
const PREPARE: &[&str] = &[
    "CREATE ROLE shop LOGIN",
    "CREATE ROLE pyrite LOGIN",
    "CREATE DATABASE shop OWNER shop",
    "GRANT CREATE ON DATABASE shop TO pyrite",
    "GRANT shop TO pyrite",
    "GRANT SET ON PARAMETER session_replication_role TO pyrite",
];

pub struct Stage {
    pub server: PrivateServer,
    folder: PathBuf,
}

/// A proxy without a listener: catalog, keys and jobs.
pub struct Proxy {
    pub database: Arc<Database>,
    pub jobs: Jobs,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Stage {
    /// A server with roles and an empty database.
    pub async fn new() -> Self {
        let server = tokio::task::spawn_blocking(|| {
            // Commits are counted here, not made durable: processes are killed, not the machine.
            PrivateServer::start(
                &Options::default().set("fsync", "off").set("max_prepared_transactions", "5"),
            )
        });
        let server = server.await.unwrap().unwrap();
        let folder = server.folder().to_owned();
        generate_root_file(&folder.join("root.key")).unwrap();
        let stage = Self { server, folder };
        let admin = stage.admin("postgres").await;
        for statement in PREPARE {
            admin.batch_execute(statement).await.unwrap();
        }
        stage
    }

    fn config(&self) -> Config {
        let file = self.folder.join("pyrite.toml");
        let text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"127.0.0.1:{}\"\n[service]\nuser = \"pyrite\"\n\
             [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n{TABLES}",
            self.server.port()
        );
        std::fs::write(&file, text).unwrap();
        Config::load(&file).unwrap()
    }

    /// Past every proxy, as superuser.
    pub async fn admin(&self, database: &str) -> Client {
        let (client, connection) = self.server.connection(database).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A whole proxy, which works on jobs too.
    pub async fn serve(&self) -> Server {
        let config = self.config();
        let server = tokio::task::spawn_blocking(move || Server::start(config)).await.unwrap();
        let server = server.unwrap();
        self.admin("shop").await.batch_execute("GRANT USAGE ON SCHEMA pyrite TO shop").await.unwrap();
        server
    }

    /// An application's connection.
    pub async fn app(&self, server: &Server) -> Client {
        let login = format!("host=127.0.0.1 port={} user=shop dbname=shop", server.local_addr().port());
        let (client, connection) = tokio_postgres::connect(&login, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// A proxy that is there for jobs only.
    pub async fn proxy(&self, settings: Settings) -> Proxy {
        let databases = Databases::open(&self.config()).await.unwrap();
        let database = Arc::clone(databases.get("shop").unwrap());
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(jobs::run(Arc::clone(&database), settings, stopped));
        Proxy { jobs: Jobs::new(Arc::clone(&database)), database, stop, task }
    }

    /// Nothing else than one data key in use, and no value under another one.
    pub async fn assert_rotated(&self, database: &Database, group: &str, versions: u32) {
        let keyring = database.confirm().await.unwrap();
        let group = keyring.group_id(group).unwrap();
        let keys: Vec<_> = keyring.data_keys(&group).collect();
        let primary = keyring.primary(&group, KeyPurpose::Data).unwrap();
        assert_eq!(primary.version, versions, "{keys:?}");
        assert!(keys.iter().all(|key| key.id == primary.id || key.state == KeyState::Retired), "{keys:?}");
    }

    /// Spares the test the time until others take a proxy for dead, which the tests of the fleet measure.
    async fn forget(&self, id: &str) {
        let admin = self.admin("shop").await;
        admin.execute("DELETE FROM pyrite.proxies WHERE id = $1::text::uuid", &[&id]).await.unwrap();
        let free = "UPDATE pyrite.jobs SET leased_until = now() WHERE holder = $1::text::uuid";
        admin.execute(free, &[&id]).await.unwrap();
    }

    /// Values under a data key that is no longer the primary one, per column of whatever table, seen past the proxy.
    pub async fn stale(&self) -> Vec<(String, i64)> {
        let admin = self.admin("shop").await;
        let query = "SELECT format('%s.%I', a.attrelid::regclass, a.attname), format(
                CASE WHEN a.atttypid = 'pyrite.encrypted'::regtype
                    THEN 'SELECT count(*) FROM ONLY %1$s AS t JOIN pyrite.keys k ON k.id = pyrite.key_id(t.%2$I) WHERE k.state <> ''primary'''
                    ELSE 'SELECT count(*) FROM %1$s AS t, unnest(t.%2$I) AS e JOIN pyrite.keys k ON k.id = pyrite.key_id(e) WHERE k.state <> ''primary''' END,
                a.attrelid::regclass, a.attname), c.relkind::text
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.atttypid IN ('pyrite.encrypted'::regtype, 'pyrite.encrypted[]'::regtype) AND NOT a.attisdropped
              AND (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated) AND c.relpersistence <> 't' ORDER BY 1";
        let mut found = Vec::new();
        for column in admin.query(query, &[]).await.unwrap() {
            let count: &str = column.get(1);
            // A materialized view has no children.
            let count =
                if column.get::<_, &str>(2) == "m" { count.replace("ONLY ", "") } else { count.to_owned() };
            let n: i64 = admin.query_one(&count, &[]).await.unwrap().get(0);
            if n > 0 {
                found.push((column.get(0), n));
            }
        }
        found
    }

    /// Values of a column that are not under this key, seen past the proxy.
    pub async fn others_than(&self, table: &str, column: &str, key: [u8; 8]) -> i64 {
        let admin = self.admin("shop").await;
        let query = format!("SELECT count(*) FROM {table} WHERE pyrite.key_id({column}) <> $1");
        admin.query_one(&query, &[&&key[..]]).await.unwrap().get(0)
    }
}

impl Proxy {
    /// As SIGKILL would end it: nothing is given back.
    pub async fn kill(self, stage: &Stage) {
        if !self.task.is_finished() {
            self.task.abort();
            let _ = self.task.await;
        }
        let id = self.database.proxy_id().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        drop(self.jobs);
        drop(self.database);
        stage.forget(&id).await;
    }

    /// Ends it in order.
    pub async fn stop(self, stage: &Stage) {
        self.stop.send_replace(true);
        self.kill(stage).await;
    }

    /// Waits for the end of its runner, which a checkpoint brings about.
    pub async fn ended(&mut self) {
        tokio::time::timeout(Duration::from_secs(60), &mut self.task)
            .await
            .expect("a checkpoint was passed")
            .unwrap();
    }

    /// Submits and waits.
    pub async fn complete(&self, request: Request) -> JobRow {
        let ids = self.jobs.submit(request, jobs::Options::default(), "test").await.unwrap();
        settled(&self.jobs, ids[0]).await
    }
}

/// Waits until a job is over.
pub async fn settled(jobs: &Jobs, id: i64) -> JobRow {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        // The server may be away.
        if let Ok(job) = jobs.get(id).await {
            if job.state.is_over() {
                return job;
            }
            assert!(Instant::now() < deadline, "{job:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same, and it must have ended well.
pub async fn done(jobs: &Jobs, id: i64) -> JobRow {
    let job = settled(jobs, id).await;
    assert_eq!(job.state, JobState::Done, "{job:?}");
    job
}
