//! Dumps and restores, with the program in front: what a backup is good for after rotations, and without its
//! root key.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by panicking

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pyrite::config::Config;
use pyrite::database::Databases;
use pyrite::demo::postgres::{Options, PrivateServer};
use pyrite::jobs::{self, JobState, Jobs, Request, Target};
use pyrite::keys::{Change, KeyPurpose, Keyring, RootNote, RootSource, change, load_or_create, rotate_root};
use pyrite::server::Server;
use pyrite::transform::{Goal, Resealed, Resealer, stale_sql};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

const GROUP: &str = "people";

/// A server of its own, and a folder for configurations, root keys and dumps.
struct Site {
    server: PrivateServer,
    folder: PathBuf,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Site {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("pyrite-backup-{name}-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        for byte in [1, 2] {
            let path = folder.join(format!("root{byte}.key"));
            std::fs::write(&path, format!("pyrite-root-1:{}\n", format!("{byte:02x}").repeat(32))).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let server = PrivateServer::start(&Options::default()).unwrap();
        Self { server, folder }
    }

    /// The configuration of a proxy in front of `database`, with this root key.
    fn config(&self, database: &str, root: u8) -> Config {
        let path = self.folder.join(format!("{database}-{root}.toml"));
        let text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"127.0.0.1:{}\"\nworkers = 1\nservice.user = \"{}\"\n\
             keys.root = {{ provider = \"file\", path = \"root{root}.key\" }}\n\
             [databases.{database}.tables.\"public.people\"]\n\
             email = {{ type = \"varchar(254)\", search = [\"equality\"], group = \"{GROUP}\" }}\n\
             note = {{ type = \"text\", group = \"{GROUP}\" }}\n",
            self.server.port(),
            self.server.superuser()
        );
        std::fs::write(&path, text).unwrap();
        Config::load(&path).unwrap()
    }

    fn proxy(&self, database: &str, root: u8) -> Result<Server, String> {
        Server::start(self.config(database, root)).map_err(|error| error.to_string())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.server.bin(name).unwrap_or_else(|| PathBuf::from(name)));
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.server.port().to_string(),
            "-U",
            self.server.superuser(),
        ]);
        command
    }

    fn dump(&self, database: &str, more: &[&str]) -> PathBuf {
        let file = self.folder.join(format!("{database}{}.sql", more.join("")));
        let done = self.program("pg_dump").args(more).arg("-f").arg(&file).arg(database).status().unwrap();
        assert!(done.success());
        file
    }

    fn restore(&self, database: &str, file: &Path) {
        let quiet = ["-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f"];
        let done = self.program("psql").args(quiet).arg(file).stdout(Stdio::null()).status().unwrap();
        assert!(done.success());
    }

    async fn direct(&self, database: &str) -> Client {
        let (client, connection) = self.server.connection(database).connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    async fn create_database(&self, database: &str) {
        let admin = self.direct("postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
    }

    async fn root(&self, byte: u8) -> pyrite::keys::RootKey {
        let provider = self.config("any", byte).root;
        RootSource::new(&provider).open(None, &[0; 16]).await.unwrap()
    }

    /// A database with people in it, written through a proxy.
    async fn shop(&self) {
        self.create_database("shop").await;
        let proxy = self.proxy("shop", 1).unwrap();
        let client = through(&proxy, self, "shop").await;
        client
            .batch_execute("CREATE TABLE people (id int PRIMARY KEY, email varchar(254), note text)")
            .await
            .unwrap();
        for n in 0..20 {
            let insert = format!("INSERT INTO people VALUES ({n}, 'p{n}@example.com', 'note {n}')");
            client.simple_query(&insert).await.unwrap();
        }
        drop(client);
        proxy.shutdown();
    }

    /// The keyring of a database, and its data key in use.
    async fn keyring(&self, client: &mut Client, root: u8) -> Arc<Keyring> {
        let root = self.root(root).await;
        load_or_create(client, &root, &[GROUP.to_owned()]).await.unwrap()
    }

    /// New keys of both kinds, everything swept, the old ones retired.
    async fn rotate(&self, database: &str) {
        let mut client = self.direct(database).await;
        let root = self.root(1).await;
        let keyring = self.keyring(&mut client, 1).await;
        let group = keyring.group_id(GROUP).unwrap();
        let purpose = KeyPurpose::Equality;
        let old = [KeyPurpose::Data, purpose].map(|purpose| keyring.primary(&group, purpose).unwrap().id);
        let add = [Change::AddData { group }, Change::AddIndex { group, purpose }];
        let keyring = change(&mut client, &root, &keyring, &add).await.unwrap();
        let data = keyring.data_keys(&group).last().unwrap().id;
        let index = keyring.index_keys(&group, purpose).last().unwrap().id;
        sweep(&client, &keyring, Goal::IndexTerms).await;
        let next = [Change::Promote { id: data }, Change::SwitchIndex { id: index }];
        let keyring = change(&mut client, &root, &keyring, &next).await.unwrap();
        sweep(&client, &keyring, Goal::DataKey).await;
        let retire = old.map(|id| Change::Retire { id });
        let keyring = change(&mut client, &root, &keyring, &retire).await.unwrap();
        sweep(&client, &keyring, Goal::IndexTerms).await;
    }

    /// Destroys every retired key.
    async fn destroy(&self, database: &str) {
        let mut client = self.direct(database).await;
        let (root, keyring) = (self.root(1).await, self.keyring(&mut client, 1).await);
        let retired = keyring.keys().iter().filter(|key| key.state == pyrite::keys::KeyState::Retired);
        let destroy: Vec<_> = retired.map(|key| Change::Destroy { id: key.id }).collect();
        assert_eq!(destroy.len(), 2);
        change(&mut client, &root, &keyring, &destroy).await.unwrap();
    }
}

/// Brings all values of both columns to the keyring's state. Gives how many there were to change.
async fn sweep(client: &Client, keyring: &Arc<Keyring>, goal: Goal) -> usize {
    client.batch_execute("SET search_path = pg_catalog").await.unwrap();
    let group = keyring.group_id(GROUP).unwrap();
    let mut resealer = Resealer::new(keyring.clone());
    let mut changed = 0;
    for column in ["email", "note"] {
        let stale = stale_sql(keyring, &group, None, goal, column).unwrap();
        let select = format!("SELECT id, {column}::bytea FROM public.people WHERE {stale}");
        for row in client.query(&select, &[]).await.unwrap() {
            let mut new = Vec::new();
            let done = resealer.reseal(&group, None, goal, row.get(1), &mut new).unwrap();
            assert_eq!(done, Resealed::Changed);
            let update = format!("UPDATE public.people SET {column} = $1::bytea WHERE id = $2");
            client.execute(&update, &[&new, &row.get::<_, i32>(0)]).await.unwrap();
            changed += 1;
        }
        assert!(client.query(&select, &[]).await.unwrap().is_empty());
    }
    changed
}

/// REPAIR of everything; done by whichever proxy runs.
async fn repair(config: &Config) {
    let databases = Databases::open(config).await.unwrap();
    let jobs = Jobs::new(databases.get("shop").unwrap().clone());
    let id = jobs.submit(Request::Repair(Target::All), jobs::Options::default(), "test").await.unwrap();
    for _ in 0..600 {
        let job = jobs.get(id[0]).await.unwrap();
        assert!(job.error.is_none() && job.state != JobState::Failed, "{job:?}");
        if job.state == JobState::Done {
            databases.close().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not end: {:?}", jobs.get(id[0]).await);
}

/// A client's connection through a proxy.
async fn through(proxy: &Server, site: &Site, database: &str) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(proxy.local_addr().port());
    config.user(site.server.superuser()).dbname(database);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn one(client: &Client, text: &str) -> Option<String> {
    let messages = client.simple_query(text).await.unwrap();
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// How many of the 20 people a lookup finds.
async fn found(client: &Client) -> usize {
    let mut found = 0;
    for n in 0..20 {
        let id = one(client, &format!("SELECT id FROM people WHERE email = 'p{n}@example.com'")).await;
        found += usize::from(id == Some(n.to_string()));
    }
    found
}

/// How many of the 20 people are read as they were written.
async fn readable(client: &Client) -> usize {
    let messages = client.simple_query("SELECT id, email, note FROM people ORDER BY id").await.unwrap();
    let right = |message: &SimpleQueryMessage| {
        let SimpleQueryMessage::Row(row) = message else { return false };
        let id = row.get(0).unwrap();
        row.get(1) == Some(&format!("p{id}@example.com")[..]) && row.get(2) == Some(&format!("note {id}")[..])
    };
    messages.iter().filter(|message| right(message)).count()
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_dump_works_under_another_name_with_its_root_key_and_with_no_other() {
    run(async {
        let site = Site::new("elsewhere");
        site.shop().await;
        site.rotate("shop").await;
        let dump = site.dump("shop", &[]);
        site.create_database("copy").await;
        site.restore("copy", &dump);

        // With another root key nobody is served, and nothing is changed.
        let refused = site.proxy("copy", 2).err().unwrap();
        assert!(refused.contains("root key does not fit this database"), "{refused}");
        let mut direct = site.direct("copy").await;
        let before = site.keyring(&mut direct, 1).await;

        let proxy = site.proxy("copy", 1).unwrap();
        let client = through(&proxy, &site, "copy").await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 20));
        client.simple_query("INSERT INTO people VALUES (20, 'p20@example.com', 'note 20')").await.unwrap();
        assert_eq!(
            one(&client, "SELECT note FROM people WHERE email = 'p20@example.com'").await.unwrap(),
            "note 20"
        );
        assert_eq!(site.keyring(&mut direct, 1).await.counter(), before.counter());
        proxy.shutdown();

        // The copy's keys go their own way.
        site.rotate("copy").await;
        let proxy = site.proxy("shop", 1).unwrap();
        let client = through(&proxy, &site, "shop").await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 20));
        proxy.shutdown();
    });
}

#[test]
fn nobody_is_served_under_a_wrong_root_key() {
    run(async {
        let site = Site::new("wrong_root");
        site.shop().await;
        let mut config = site.config("shop", 2);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        config.listen = format!("127.0.0.1:{port}").parse().unwrap();
        let clients = std::thread::spawn(move || {
            // Knocks all the while, and counts the bytes of answers.
            use std::io::{Read, Write};
            let until = std::time::Instant::now() + Duration::from_secs(3);
            let mut answers = 0;
            while std::time::Instant::now() < until {
                let Ok(mut socket) = std::net::TcpStream::connect(("127.0.0.1", port)) else { continue };
                socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                let _ = socket.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]);
                answers += socket.read(&mut [0; 1]).unwrap_or(0);
            }
            answers
        });
        let refused = Server::start(config).err().unwrap().to_string();
        assert!(refused.contains("root key does not fit"), "{refused}");
        assert_eq!(clients.join().unwrap(), 0, "somebody was answered");
    });
}

#[test]
fn a_dump_from_before_a_rotation_is_good_until_its_key_is_destroyed() {
    run(async {
        let site = Site::new("before");
        site.shop().await;
        let whole = site.dump("shop", &[]);
        let rows = site.dump("shop", &["--data-only", "--table=people"]);
        site.rotate("shop").await;

        // Whole, into a new database: its keys come with it.
        site.create_database("old").await;
        site.restore("old", &whole);
        let proxy = site.proxy("old", 1).unwrap();
        let client = through(&proxy, &site, "old").await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 20));
        proxy.shutdown();

        // Only the rows, into the database whose keyring has gone on: they can be read, and are not found by
        // terms of a key that is no longer searched, until they are swept.
        let mut direct = site.direct("shop").await;
        direct.batch_execute("TRUNCATE people").await.unwrap();
        site.restore("shop", &rows);
        let proxy = site.proxy("shop", 1).unwrap();
        let client = through(&proxy, &site, "shop").await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 0));
        repair(&site.config("shop", 1)).await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 20));
        let keyring = site.keyring(&mut direct, 1).await;
        for goal in [Goal::DataKey, Goal::IndexTerms] {
            assert_eq!(sweep(&direct, &keyring, goal).await, 0, "{goal:?}");
        }
        proxy.shutdown();

        // Once the key is destroyed, the rows alone are worthless, and said to be.
        site.destroy("shop").await;
        direct.batch_execute("TRUNCATE public.people").await.unwrap();
        site.restore("shop", &rows);
        let proxy = site.proxy("shop", 1).unwrap();
        let client = through(&proxy, &site, "shop").await;
        let error = client.simple_query("SELECT email FROM people").await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "58000");
        assert!(error.message().contains("was destroyed"), "{error}");
        assert_eq!(found(&client).await, 0);
        assert_eq!(one(&client, "SELECT count(*) FROM people").await.unwrap(), "20");
        proxy.shutdown();
    });
}

#[test]
fn whole_dumps_hold_destroyed_keys_until_their_root_key_is_gone() {
    run(async {
        let site = Site::new("shredded");
        site.shop().await;
        let whole = site.dump("shop", &[]);
        site.rotate("shop").await;
        site.destroy("shop").await;
        site.create_database("old").await;
        site.restore("old", &whole);
        let proxy = site.proxy("old", 1).unwrap();
        let client = through(&proxy, &site, "old").await;
        assert_eq!(readable(&client).await, 20, "the dump has the key, wrapped under the same root key");
        proxy.shutdown();

        let mut direct = site.direct("shop").await;
        let keyring = site.keyring(&mut direct, 1).await;
        let note = RootNote { provider: "root2.key".to_owned(), wrapped: None };
        let (old, new) = (site.root(1).await, site.root(2).await);
        rotate_root(&mut direct, &old, &new, &note, &keyring).await.unwrap();
        let proxy = site.proxy("shop", 2).unwrap();
        let client = through(&proxy, &site, "shop").await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 20));
        proxy.shutdown();
        site.create_database("older").await;
        site.restore("older", &whole);
        assert!(site.proxy("older", 2).err().unwrap().contains("does not fit"));
        assert!(site.proxy("shop", 1).err().unwrap().contains("does not fit"));
        site.proxy("older", 1).unwrap().shutdown();
    });
}

#[test]
fn an_older_keyring_restored_over_a_newer_one_is_refused() {
    run(async {
        let site = Site::new("over");
        site.shop().await;
        let keys = ["--data-only", "--table=pyrite.keyring", "--table=pyrite.groups", "--table=pyrite.keys"];
        let dump = site.dump("shop", &keys);
        site.rotate("shop").await;
        let proxy = site.proxy("shop", 1).unwrap();
        let client = through(&proxy, &site, "shop").await;
        let direct = site.direct("shop").await;
        direct
            .batch_execute(
                "BEGIN; CREATE TEMPORARY TABLE c AS TABLE pyrite.columns; DELETE FROM pyrite.columns;
                 DELETE FROM pyrite.keys; DELETE FROM pyrite.keyring; DELETE FROM pyrite.groups; COMMIT",
            )
            .await
            .unwrap();
        site.restore("shop", &dump);
        direct.batch_execute("INSERT INTO pyrite.columns SELECT * FROM c").await.unwrap();
        // A proxy that runs goes on with what it has; what starts now is told by that one's row.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!((readable(&client).await, found(&client).await), (20, 20));
        let refused = site.proxy("shop", 1).err().unwrap();
        assert!(refused.contains("went back"), "{refused}");
        proxy.shutdown();
    });
}

#[test]
fn a_proxy_with_a_memory_is_not_given_an_older_keyring_after_a_restart() {
    run(async {
        let site = Site::new("memory");
        site.shop().await;
        let state = site.folder.join("state");
        std::fs::create_dir(&state).unwrap();
        let mut config = site.config("shop", 1);
        config.state = Some(state.clone());
        let proxy = Server::start(config.clone()).unwrap();
        let direct = site.direct("shop").await;
        direct
            .batch_execute("CREATE TABLE k AS TABLE pyrite.keys; CREATE TABLE r AS TABLE pyrite.keyring")
            .await
            .unwrap();
        // It takes over the rotation while it runs, and remembers it.
        site.rotate("shop").await;
        let counter = direct.query_one("SELECT counter FROM pyrite.keyring", &[]).await.unwrap();
        let counter = format!(" {} ", counter.get::<_, i64>(0));
        let note = state.join("shop.seen");
        for n in 0.. {
            if std::fs::read_to_string(&note).is_ok_and(|text| text.contains(&counter)) {
                break;
            }
            assert!(n < 200, "it is not remembered: {:?}", std::fs::read_to_string(&note));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        proxy.shutdown();

        direct
            .batch_execute(
                "DELETE FROM pyrite.proxies; DELETE FROM pyrite.keys; DELETE FROM pyrite.keyring;
                 INSERT INTO pyrite.keyring SELECT * FROM r; INSERT INTO pyrite.keys SELECT * FROM k",
            )
            .await
            .unwrap();
        let refused = Server::start(config.clone()).err().unwrap().to_string();
        assert!(refused.contains("this proxy has seen change"), "{refused}");
        // What says nothing of the past is believed, and so is whoever removes the note.
        std::fs::remove_file(&note).unwrap();
        direct.batch_execute("DELETE FROM pyrite.proxies").await.unwrap();
        Server::start(config).unwrap().shutdown();
        assert!(note.exists());
    });
}
