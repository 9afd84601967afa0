//! A keyring that moves from provider to provider under running proxies, and a provider that goes away under one.

use std::path::Path;
use std::time::{Duration, Instant};

use pyrite::config::{Config, SystemSecrets};
use pyrite::database::Databases;
use pyrite::keys::generate_root_file;
use pyrite::server::Server;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::expect::{private_file, run};
use crate::softhsm::with_token;
use crate::support::{Folder, server};
use crate::vault_stub::{Fault, TOKEN, Vault};

/// Where the providers of this test are, and the database that it protects.
struct Places<'a> {
    folder: &'a Path,
    database: String,
}

impl Places<'_> {
    fn new(folder: &Path) -> Places<'_> {
        let database = server::shared().database("moving");
        Places { folder, database }
    }

    /// A configuration with these lines in section `keys`.
    fn config(&self, keys: &str) -> Config {
        let text = format!(
            "listen = '127.0.0.1:0'\nupstream = '127.0.0.1:{}'\nworkers = 1\n[service]\nuser = 'postgres'\n\
             [keys]\n{keys}\n[databases.{}.tables.'public.people']\nemail = {{ type = 'text', search = ['equality'] }}\n",
            server::shared().port(),
            self.database
        );
        Config::parse(&text, self.folder, &SystemSecrets).unwrap_or_else(|error| panic!("{text}\n{error}"))
    }

    fn vault(&self, vault: &Vault) -> String {
        private_file(&self.folder.join("token"), TOKEN);
        let address = vault.address();
        format!(
            "{{ provider = 'vault', address = '{address}', key = 'pyrite', token_file = 'token', timeout = 2 }}"
        )
    }

    /// What the database itself says, past any proxy.
    async fn stored(&self, query: &str) -> Vec<String> {
        rows(&connect(server::shared().port(), &self.database).await, query).await
    }
}

async fn connect(port: u16, database: &str) -> Client {
    let login = format!("host=127.0.0.1 port={port} user=postgres dbname={database}");
    let (client, connection) = tokio_postgres::connect(&login, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The first column of each row.
async fn rows(client: &Client, query: &str) -> Vec<String> {
    let answer = client.simple_query(query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    answer
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            _ => None,
        })
        .collect()
}

/// A proxy that serves, and a second one that changes the root key under it.
struct Phase {
    serving: Server,
    other: Databases,
    client: Client,
}

impl Phase {
    async fn start(places: &Places<'_>, keys: &str) -> Phase {
        let serving = Server::start(places.config(keys)).unwrap_or_else(|error| panic!("{keys}: {error}"));
        let other =
            Databases::open(&places.config(keys)).await.unwrap_or_else(|error| panic!("{keys}: {error}"));
        let client = connect(serving.local_addr().port(), &places.database).await;
        Phase { serving, other, client }
    }

    /// Replaces the root key; then both proxies still write, read and find everything.
    async fn rotate(&self, places: &Places<'_>, provider: &str) {
        let change = self.other.get(&places.database).unwrap().rotate_root().await;
        let change = change.unwrap_or_else(|error| panic!("to {provider}: {error} {:?}", error.hint()));
        assert_ne!(change.old, change.new, "{provider}");
        assert!(change.provider.starts_with(provider), "{provider}: {change:?}");
        let noted = places.stored("SELECT provider FROM pyrite.roots ORDER BY version DESC LIMIT 1").await;
        assert!(noted[0].starts_with(provider), "{noted:?}");
        let wrapped = places.stored("SELECT root_wrapped IS NOT NULL FROM pyrite.keyring").await;
        assert_eq!(wrapped, [if provider == "file" { "f" } else { "t" }], "{provider}");
        self.follow(places).await;
        self.works(provider).await;
    }

    /// Waits until the serving proxy says that it uses the keyring of now.
    async fn follow(&self, places: &Places<'_>) {
        let query = "SELECT count(*) FROM pyrite.proxies p, pyrite.keyring k WHERE p.counter < k.counter";
        let deadline = Instant::now() + Duration::from_secs(10);
        while places.stored(query).await != ["0"] {
            assert!(Instant::now() < deadline, "a proxy does not follow");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn works(&self, name: &str) {
        let insert = format!("INSERT INTO people (email) VALUES ('{name}@example.org')");
        self.client.simple_query(&insert).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let query = format!("SELECT email FROM people WHERE email = '{name}@example.org'");
        assert!(!rows(&self.client, &query).await.is_empty(), "{name}");
        for email in rows(&self.client, "SELECT email FROM people").await {
            assert!(email.ends_with("@example.org"), "{email}");
        }
    }

    async fn end(self) {
        self.other.close().await;
        drop(self.client);
        tokio::task::spawn_blocking(|| self.serving.shutdown()).await.unwrap();
    }
}

#[test]
fn a_keyring_moves_from_a_file_through_every_provider_and_back() {
    with_token("moving::a_keyring_moves_from_a_file_through_every_provider_and_back", |token| {
        token.generate("pyrite", &[]);
        let folder = Folder::new("moving");
        let places = Places::new(folder.path());
        for name in ["first.key", "last.key"] {
            generate_root_file(&folder.path().join(name)).unwrap();
        }
        let first = "{ provider = 'file', path = 'first.key' }";
        let last = "{ provider = 'file', path = 'last.key' }";
        let token = token.config(&[]);
        let vault = Vault::start();
        let transit = places.vault(&vault);
        run(async {
            let phase = Phase::start(&places, &format!("root = {first}\nnext_root = {token}")).await;
            phase.client.simple_query("CREATE TABLE people (id serial, email text)").await.unwrap();
            phase.works("first").await;
            phase.rotate(&places, "PKCS#11").await;
            phase.end().await;

            let phase = Phase::start(&places, &format!("root = {token}\nnext_root = {transit}")).await;
            phase.rotate(&places, "Vault").await;
            // Once more without another change: a fresh root key under a newer version of the same key.
            vault.state().keys.get_mut("pyrite").unwrap().rotate();
            phase.rotate(&places, "Vault").await;
            vault.state().keys.get_mut("pyrite").unwrap().min_decryption_version = 2;
            phase.end().await;

            let phase = Phase::start(&places, &format!("root = {transit}\nnext_root = {last}")).await;
            phase.rotate(&places, "file").await;
            phase.end().await;

            let phase = Phase::start(&places, &format!("root = {last}")).await;
            let all = rows(&phase.client, "SELECT email FROM people ORDER BY id").await;
            let names =
                ["first", "PKCS#11", "Vault", "Vault", "file"].map(|name| format!("{name}@example.org"));
            assert_eq!(all, names);
            let again = phase.other.get(&places.database).unwrap().rotate_root().await.unwrap_err();
            assert!(again.hint().is_some_and(|hint| hint.contains("next_root")), "{again}");
            phase.end().await;

            let refused = Databases::open(&places.config(&format!("root = {first}"))).await.err().unwrap();
            assert!(refused.to_string().contains("does not fit this database"), "{refused}");
            let refused = Databases::open(&places.config(&format!("root = {transit}"))).await.err().unwrap();
            assert!(refused.to_string().contains("in a file or an environment variable"), "{refused}");
        });
    });
}

#[test]
fn a_running_proxy_does_not_miss_its_provider() {
    let folder = Folder::new("away");
    let places = Places::new(folder.path());
    let vault = Vault::start();
    let keys = format!("root = {}", places.vault(&vault));
    run(async {
        let phase = Phase::start(&places, &keys).await;
        phase.client.simple_query("CREATE TABLE people (id serial, email text)").await.unwrap();
        phase.works("before").await;
        let asked = vault.requests();
        for fault in [Fault::Sealed, Fault::Hangs, Fault::HangsUp] {
            vault.fail(fault);
            // Values, DDL and with it the catalog, sessions, and changes of the keyring: all without the provider.
            phase.works("during").await;
            phase.client.simple_query("ALTER TABLE people ADD COLUMN note text; SELECT 1").await.unwrap();
            phase.client.simple_query("ALTER TABLE people DROP COLUMN note").await.unwrap();
            let database = phase.other.get(&places.database).unwrap();
            let group = database.keyring().groups().next().unwrap().0;
            database.change_keys(vec![pyrite::keys::Change::AddData { group }]).await.unwrap();
            phase.follow(&places).await;
            let another = connect(phase.serving.local_addr().port(), &places.database).await;
            assert!(!rows(&another, "SELECT email FROM people").await.is_empty());
        }
        assert_eq!(vault.requests(), asked, "the provider was asked again");

        // Only a start needs it: refused before any client is served, with the way out.
        vault.fail(Fault::Sealed);
        let refused = Databases::open(&places.config(&keys)).await.err().unwrap();
        assert!(refused.to_string().contains("Vault is sealed"), "{refused}");
        vault.fail(Fault::None);
        Databases::open(&places.config(&keys)).await.unwrap().close().await;
        phase.works("after").await;
        phase.end().await;
    });
}

#[test]
fn a_proxy_that_could_not_follow_keeps_the_root_key_where_it_is() {
    let folder = Folder::new("lacking");
    let places = Places::new(folder.path());
    generate_root_file(&folder.path().join("root.key")).unwrap();
    let vault = Vault::start();
    let keys =
        format!("root = {{ provider = 'file', path = 'root.key' }}\nnext_root = {}", places.vault(&vault));
    run(async {
        // It starts all the same: what it needs now is there.
        vault.fail(Fault::Sealed);
        let lacking = Databases::open(&places.config(&keys)).await.unwrap();
        vault.fail(Fault::None);
        let able = Databases::open(&places.config(&keys)).await.unwrap();
        let before = places.stored("SELECT encode(root_fingerprint, 'hex') FROM pyrite.keyring").await;
        let refused = able.get(&places.database).unwrap().rotate_root().await.unwrap_err();
        assert!(refused.hint().is_some(), "{refused}");
        let after = places.stored("SELECT encode(root_fingerprint, 'hex') FROM pyrite.keyring").await;
        assert_eq!(before, after, "{refused}");

        lacking.get(&places.database).unwrap().set_roots(&places.config(&keys)).await;
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(error) = able.get(&places.database).unwrap().rotate_root().await {
            assert!(Instant::now() < deadline, "{error}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let wanted = able.get(&places.database).unwrap().keyring().counter();
        while lacking.get(&places.database).unwrap().keyring().counter() < wanted {
            assert!(Instant::now() < deadline, "the other proxy does not follow");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        able.close().await;
        lacking.close().await;
    });
}
