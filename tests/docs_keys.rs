//! docs/keys.md, run as written: each block of commands, in order, against a private server and a proxy in front
//! of it. After each section the application must still read and find what it wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by panicking

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pyrite::demo::postgres::{Options, PrivateServer};

/// Rows of the table.
const CUSTOMERS: usize = 20;

/// A block of the document, and the heading that it stands under.
struct Block {
    heading: String,
    language: String,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let (mut found, mut heading) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let (heading, language) = (heading.clone(), language.to_owned());
                open = Some(Block { heading, language, text: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {
                if let Some(text) = line.strip_prefix('#') {
                    heading = text.trim_start_matches(['#', ' ']).to_owned();
                }
            }
        }
    }
    assert!(open.is_none(), "a block has no end");
    found
}

/// The site that the document describes.
struct Site {
    server: PrivateServer,
    folder: PathBuf,
    port: u16,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.shell("systemctl stop pyrite");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts and stops the one service there is, as an administrator would.
const SYSTEMCTL: &str = r#"#!/bin/sh
stop() {
    [ -f proxy.pid ] || return 0
    kill "$(cat proxy.pid)"
    while kill -0 "$(cat proxy.pid)" 2>/dev/null; do sleep 0.05; done
    rm proxy.pid
}
start() {
    # Behind a shell that ends, so that whoever waits for this script does not wait for the proxy.
    (pyrite run >> proxy.log 2>&1 < /dev/null & echo $! > proxy.pid)
    for _ in $(seq 300); do
        pyrite admin 'SHOW VERSION' > /dev/null 2>&1 && return 0
        kill -0 "$(cat proxy.pid)" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
[ "$2" = pyrite ] || exit 2
case "$1" in
    start) start ;;
    stop) stop ;;
    restart) stop && start ;;
esac
"#;

impl Site {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("pyrite-docs-keys-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("bin")).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let site = Self { server: PrivateServer::start(&Options::default()).unwrap(), folder, port };
        let systemctl = site.folder.join("bin/systemctl");
        std::fs::write(&systemctl, SYSTEMCTL).unwrap();
        std::fs::set_permissions(&systemctl, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pyrite"), site.folder.join("bin/pyrite")).unwrap();
        for program in ["psql", "pg_dump", "createdb"] {
            if let Some(path) = site.server.bin(program) {
                std::os::unix::fs::symlink(path, site.folder.join("bin").join(program)).unwrap();
            }
        }
        site.set_up();
        site
    }

    /// What is there before the document begins.
    fn set_up(&self) {
        let (user, server) = (self.server.superuser(), self.server.port());
        self.must(&format!("pyrite init --listen 127.0.0.1:{} --upstream 127.0.0.1:{server}", self.port));
        let path = self.folder.join("pyrite.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("user = \"pyrite\"", &format!("user = \"{user}\""));
        let text = text.replace("# roles = [\"postgres\"]", &format!("roles = [\"{user}\"]"));
        let text = format!(
            "{text}\n[databases.shop.tables.\"public.customers\"]\n\
             email = {{ type = \"varchar(254)\", search = [\"equality\"] }}\nphone = \"text\"\n"
        );
        std::fs::write(&path, text).unwrap();
        self.must("createdb shop && psql -q -d shop -c 'CREATE ROLE app LOGIN'");
        self.must("systemctl start pyrite");
        let create = "CREATE TABLE customers (id int PRIMARY KEY, email varchar(254) UNIQUE, phone text)";
        self.through(create);
        for n in 0..CUSTOMERS {
            self.through(&format!("INSERT INTO customers VALUES ({n}, 'c{n}@example.com', '+49 {n}')"));
        }
    }

    /// Runs a script in the site's folder.
    fn shell(&self, script: &str) -> Output {
        let path = format!("{}:{}", self.folder.join("bin").display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(&self.folder)
            .env("PATH", path)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.server.port().to_string())
            .env("PGUSER", self.server.superuser())
            .env_remove("PYRITE_LOG")
            .output()
            .unwrap()
    }

    /// Runs a script that has to succeed. Gives what it printed.
    fn must(&self, script: &str) -> String {
        let Output { status, stdout, stderr } = self.shell(script);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let log = std::fs::read_to_string(self.folder.join("proxy.log")).unwrap_or_default();
        assert!(status.success(), "{script}\n{}{}\nproxy: {log}", text(&stdout), text(&stderr));
        text(&stdout)
    }

    /// Runs SQL as the application does.
    fn through(&self, sql: &str) -> String {
        let quoted = sql.replace('\'', "'\\''");
        self.must(&format!("psql -p {} -d shop -X -q -At -v ON_ERROR_STOP=1 -c '{quoted}'", self.port))
    }

    /// Runs SQL in the console.
    fn console(&self, path: &Path, sql: &str) {
        std::fs::write(path, sql).unwrap();
        self.must(&format!("psql -p {} -d pyrite -X -v ON_ERROR_STOP=1 -f '{}'", self.port, path.display()));
    }

    fn check(&self, heading: &str) {
        let rows = self.through("SELECT id, email, phone FROM customers ORDER BY id");
        let expected: String = (0..CUSTOMERS).map(|n| format!("{n}|c{n}@example.com|+49 {n}\n")).collect();
        assert_eq!(rows, expected, "after {heading}");
        for n in [0, CUSTOMERS - 1] {
            let found = self.through(&format!("SELECT id FROM customers WHERE email = 'c{n}@example.com'"));
            assert_eq!(found, format!("{n}\n"), "after {heading}");
        }
    }

    /// Keys in these states, by purpose.
    fn keys(&self, purpose: &str, states: &[&str]) -> usize {
        let list = self.must("pyrite keys list --format csv");
        let is = |line: &&str| {
            line.contains(&format!(",{purpose},"))
                && states.iter().any(|state| line.contains(&format!(",{state},")))
        };
        list.lines().filter(is).count()
    }
}

#[test]
fn the_document_does_what_it_says() {
    let document = include_str!("../docs/keys.md");
    let site = Site::new();
    site.check("the beginning");
    let blocks = blocks(document);
    let mut run = 0;
    for (n, block) in blocks.iter().enumerate() {
        match block.language.as_str() {
            "sh" => drop(site.must(&block.text)),
            "sql" => site.console(&site.folder.join("block.sql"), &block.text),
            "text" => continue,
            other => panic!("under {}: a block of {other}, which nobody runs", block.heading),
        }
        run += 1;
        let is_last = blocks.get(n + 1).is_none_or(|next| next.heading != block.heading);
        if is_last {
            site.check(&block.heading);
            said(&site, &block.heading);
        }
    }
    assert!(run > 15, "{run} blocks were run");
    assert!(document.matches("\n```").count() == 2 * blocks.len(), "all blocks were seen");
}

/// What else a section promises.
fn said(site: &Site, heading: &str) {
    let old = ["active", "fading", "retired"];
    match heading {
        "A calendar" => {
            assert_eq!(site.keys("data", &["primary"]), 2, "a group each for email and phone");
            assert_eq!(site.keys("data", &["destroyed"]), 2);
            assert_eq!(site.keys("data", &old) + site.keys("equality", &old), 0);
            let versions = site.must("psql -d shop -At -c 'SELECT count(*) FROM pyrite.roots'");
            assert_eq!(versions, "2\n");
        }
        "A data key" => assert_eq!(site.keys("data", &["destroyed"]), 3),
        "An index key" => assert_eq!(site.keys("equality", &old), 0),
        "The root key" => {
            assert_eq!(site.keys("data", &old) + site.keys("equality", &old), 0);
            let versions = site.must("psql -d shop -At -c 'SELECT count(*) FROM pyrite.roots'");
            assert_eq!(versions, "3\n");
        }
        "Rows of an old dump go back into the table" => {
            let terms = "psql -d shop -At -c 'SELECT count(DISTINCT substr(email, 17, 8)) FROM customers'";
            let terms = site.must(terms);
            assert_eq!(terms, "1\n", "all values have terms of one key");
        }
        _ => {}
    }
}
