//! Several proxies on one database: what one does to keys and tables reaches the others, and one that is cut off
//! does no harm.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod changes;
mod churn;
mod lease;
mod restart;
mod roots;

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pyrite::config::{Config, SystemSecrets};
use pyrite::server::Server;

use support::Folder;
use support::message::Message;
use support::observer::Observer;
use support::raw::Client;
use support::server;

/// The key group of the one encrypted column.
pub const CODE: &str = "public.secrets.code";

/// A database with table `secrets (id, code, note)`, for any number of proxies with one root key.
pub struct Fleet {
    pub database: String,
    folder: Folder,
}

/// A proxy in the test process, with a service role of its own, so that it can be cut off.
pub struct Proxy {
    pub server: Server,
    role: String,
    database: String,
}

impl Fleet {
    pub fn start() -> Fleet {
        let database = server::shared().database("fleet");
        let folder = Folder::new("fleet");
        for name in ["root.key", "next.key"] {
            pyrite::keys::generate_root_file(&folder.path().join(name)).unwrap();
        }
        let fleet = Fleet { database, folder };
        fleet.proxy("first").connect().run("CREATE TABLE secrets (id int PRIMARY KEY, code text, note text)");
        fleet
    }

    pub fn root(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration; `keys` is what stands under `[keys]`.
    pub fn config_with(&self, role: &str, keys: &str) -> Config {
        let text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = \"127.0.0.1:{}\"\nworkers = 1\n\n[service]\nuser = \"{role}\"\n\n\
             [keys]\n{keys}\n\n[databases.{}.tables.\"public.secrets\"]\n\
             code = {{ type = \"text\", search = [\"equality\"] }}\n",
            server::shared().port(),
            self.database,
        );
        Config::parse(&text, self.folder.path(), &SystemSecrets).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn config(&self, role: &str) -> Config {
        self.config_with(role, "root = { provider = \"file\", path = \"root.key\" }")
    }

    /// Another proxy. `name` makes its service role's name.
    pub fn proxy(&self, name: &str) -> Proxy {
        let role = self.role(name);
        Proxy::start(self.config(&role), &role, &self.database)
    }

    /// A superuser for one proxy's own connections.
    pub fn role(&self, name: &str) -> String {
        let role = format!("{}_{name}", self.database);
        self.direct().run(&format!("CREATE ROLE {role} LOGIN SUPERUSER"));
        role
    }

    pub fn observer(&self) -> Observer {
        Observer::open(&self.config("postgres"))
    }

    /// A connection past all proxies.
    pub fn direct(&self) -> Client {
        server::shared().connect(&self.database)
    }

    /// Key ids that values are under, as in `pyrite.keys`.
    pub fn key_of(&self, id: u32) -> String {
        let text = format!("SELECT encode(pyrite.key_id(code), 'hex') FROM secrets WHERE id = {id}");
        self.direct().column(&text).swap_remove(0).unwrap()
    }
}

impl Proxy {
    pub fn start(config: Config, role: &str, database: &str) -> Proxy {
        let server = Server::start(config).unwrap_or_else(|error| panic!("{error}"));
        Proxy { server, role: role.to_owned(), database: database.to_owned() }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.server.local_addr().port(), "postgres", &self.database)
    }

    /// Takes the proxy's own connections away; its sessions go on.
    pub fn cut_off(&self) {
        server::shared().connect(&self.database).run(&format!("ALTER ROLE {} NOLOGIN", self.role));
        self.break_line();
    }

    /// Ends the proxy's own connections; it may connect again.
    pub fn break_line(&self) {
        let text = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{}'",
            self.role
        );
        server::shared().connect(&self.database).run(&text);
    }

    pub fn restore(&self) {
        server::shared().connect(&self.database).run(&format!("ALTER ROLE {} LOGIN", self.role));
    }
}

/// The SQLSTATEs of the errors among messages.
pub fn states(messages: &[Message]) -> Vec<String> {
    messages.iter().filter(|message| message.tag == b'E').map(Message::sqlstate).collect()
}

/// Type bytes of messages, notices left out.
pub fn tags(messages: &[Message]) -> String {
    messages.iter().filter(|message| message.tag != b'N').map(|message| message.tag as char).collect()
}

/// Waits for something; tells how long that took.
pub fn within(limit: Duration, what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    began.elapsed()
}
