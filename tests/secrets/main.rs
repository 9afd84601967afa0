//! Key material stays in the process: not in its logs at the highest level, not in what the console and the command
//! line print, not in errors, not in the server's files, log and dumps; and the process leaves no core dump.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod core_dumps;
mod needles;

#[path = "../support/mod.rs"]
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use needles::{Keys, Search};
use pyrite::crypto::xaes::Xaes;
use pyrite::crypto::{Key, Nonce, kdf};
use pyrite::keys::generate_root_file;
use support::pyrite::Pyrite;
use support::{Folder, server};

const TEST: &str = "no_key_leaves_the_process";
const PASSPHRASE: &str = "corvid-granite-umbrella-seventeen";

#[test]
fn no_key_leaves_the_process() {
    // The proxy takes its log level from the environment of this process.
    if std::env::var("PYRITE_LOG").as_deref() != Ok("trace") {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", TEST, "--nocapture"]).env("PYRITE_LOG", "trace");
        let output = again.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "at the highest log level:\n{said}");
        return;
    }
    let stage = Stage::start();
    let mut keys = stage.harvest();
    let mut printed = stage.look_around();
    for command in [
        &["keys", "rotate", "--all"][..],
        &["keys", "rotate-index", "--all"],
        &["keys", "rotate-root"],
        &["keys", "rotate", "public.people.email"],
    ] {
        let (done, said) = stage.pyrite(command);
        assert!(done, "{command:?}: {said}");
        printed.push((command.join(" "), said));
        keys.extend(stage.harvest());
    }
    assert!(keys.len() > 8, "the keys of before and after: {}", keys.len());
    printed.extend(stage.look_around());
    printed.extend(stage.mistakes());
    stage.sql("CHECKPOINT");

    let search = Search::new(&keys);
    let mut hits = Vec::new();
    for (place, text) in &printed {
        hits.extend(search.bytes(place, text.as_bytes()));
    }
    let log = stage.detailed_log();
    hits.extend(search.bytes("the proxy's log", log.as_bytes()));
    let mut dump = server::shared().program("pg_dump");
    dump.args(["-p", &server::shared().port().to_string(), "-d", &stage.database]);
    let dump = dump.output().unwrap();
    assert!(dump.status.success() && dump.stdout.len() > 4000);
    hits.extend(search.bytes("pg_dump", &dump.stdout));
    // Tables, WAL, and the server's log of every statement.
    let (found, bytes) = search.folder(&server_folder(), &[]);
    hits.extend(found);
    assert!(bytes > 30 << 20, "the server's files were read: {bytes} bytes");
    let roots = ["root.key", "next.key"].map(|name| stage.folder().join(name));
    let (found, _) = search.folder(&stage.folder(), &[&roots[0], &roots[1]]);
    hits.extend(found);
    assert!(hits.is_empty(), "key material outside of the process:\n{}", hits.join("\n"));

    the_search_finds(&search, &roots);
}

/// Each form of each key is found when it is there.
fn the_search_finds(search: &Search, roots: &[PathBuf]) {
    for root in roots {
        assert!(
            !search.bytes("its own file", &std::fs::read(root).unwrap()).is_empty(),
            "{}",
            root.display()
        );
    }
    let folder = Folder::new("planted");
    let mut planted = b"\x00junk\xff".to_vec();
    for needle in search.needles() {
        planted.extend_from_slice(needle);
        planted.extend_from_slice(b"\x00junk\xff");
    }
    std::fs::write(folder.path().join("planted"), &planted).unwrap();
    let (hits, bytes) = search.folder(folder.path(), &[]);
    assert_eq!(bytes, planted.len());
    assert!(hits.len() >= search.needles().len(), "{} of {}", hits.len(), search.needles().len());
}

/// A proxy with a console in front of a server that logs every statement.
struct Stage {
    pyrite: Pyrite,
    database: String,
    next: Folder,
}

impl Stage {
    fn start() -> Self {
        let database = server::shared().database("secrets");
        let next = Folder::new("next");
        let path = next.path().join("next.key");
        generate_root_file(&path).unwrap();
        let pyrite = Pyrite::start_untapped(&format!(
            "next_root = {{ provider = \"file\", path = \"{}\" }}\n[admin]\nroles = [\"postgres\"]\n\
             [databases.{database}.tables.\"public.people\"]\n\
             email = {{ type = \"text\", search = [\"equality\"], group = \"mail\" }}\nnote = \"text\"\n",
            path.display()
        ));
        let stage = Self { pyrite, database, next };
        std::fs::copy(&path, stage.folder().join("next.key")).unwrap();
        stage.sql("ALTER SYSTEM SET log_statement = 'all'");
        stage.sql("ALTER SYSTEM SET log_min_messages = 'debug1'");
        stage.sql("SELECT pg_reload_conf()");
        let mut client = stage.pyrite.connect(&stage.database);
        client.run("CREATE TABLE people (id serial PRIMARY KEY, email text UNIQUE, note text)");
        for number in 0..200 {
            client.run(&format!(
                "INSERT INTO people (email, note) VALUES ('{number}@example.org', 'n {number}')"
            ));
        }
        client.run("SELECT * FROM people WHERE email = '7@example.org'");
        stage
    }

    /// The configuration's own folder, with its log.
    fn folder(&self) -> PathBuf {
        self.pyrite.config_file().parent().unwrap().to_owned()
    }

    /// The proxy's log, which says by an event of low level that it holds those too.
    fn detailed_log(&self) -> String {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", self.pyrite.port())).unwrap();
        // A cancel request for a session that is not there.
        let request = [16u32, 80_877_102, 1, 1].map(u32::to_be_bytes).concat();
        socket.write_all(&request).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.pyrite.log();
            if log.contains("DEBUG pyrite") {
                return log;
            }
            assert!(Instant::now() < deadline, "the log is not at its highest level:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Past the proxy.
    fn sql(&self, statement: &str) {
        server::shared().connect(&self.database).run(statement);
    }

    /// The program with these arguments: whether it succeeded, and all that it printed.
    fn pyrite(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pyrite"));
        command.args(arguments).arg("-c").arg(self.pyrite.config_file());
        command.env("PGUSER", "postgres").env("PYRITE_ESCROW_PASSPHRASE", PASSPHRASE);
        let output = command.output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    }

    /// All that there is to see.
    fn look_around(&self) -> Vec<(String, String)> {
        let shown = ["COLUMNS", "KEYS", "JOBS", "CLIENTS", "PROXIES", "STATS", "CONFIG", "VERSION"];
        let mut commands: Vec<Vec<String>> =
            shown.iter().map(|what| vec!["admin".to_owned(), format!("SHOW {what}")]).collect();
        let select = "SELECT * FROM people WHERE email = 'x@example.org'";
        commands.push(vec!["admin".to_owned(), format!("EXPLAIN {select}")]);
        commands.push(vec!["plan".to_owned(), select.to_owned()]);
        let escrow = self.folder().join(format!("escrow-{}", self.next_number()));
        commands.push(vec!["keys".to_owned(), "export".to_owned(), escrow.display().to_string()]);
        for plain in [&["keys", "list"][..], &["jobs"], &["check"], &["admin", "HELP"]] {
            commands.push(plain.iter().map(|word| (*word).to_owned()).collect());
        }
        let mut printed = Vec::new();
        for command in commands {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let (done, said) = self.pyrite(&words);
            // What is unprotected is found by `check`, which then says so.
            assert!(done || command[0] == "check", "{command:?}: {said}");
            printed.push((command.join(" "), said));
        }
        printed
    }

    fn next_number(&self) -> usize {
        std::fs::read_dir(self.folder()).unwrap().count()
    }

    /// Errors of all kinds: refused commands, a wrong root key, altered rows.
    fn mistakes(&self) -> Vec<(String, String)> {
        let mut printed = Vec::new();
        for command in [
            &["keys", "rotate-root"][..],
            &["keys", "retire", "0123456789abcdef"],
            &["keys", "destroy", "--yes", "0123456789abcdef"],
            &["admin", "SHOW SECRETS"],
        ] {
            let (done, said) = self.pyrite(command);
            assert!(!done, "{command:?}: {said}");
            printed.push((command.join(" "), said));
        }
        let other = self.next.path().join("other.key");
        generate_root_file(&other).unwrap();
        printed.push(("a wrong root key".to_owned(), self.refused_start(&other)));
        self.sql("UPDATE pyrite.keys SET wrapped = set_byte(wrapped, 40, 255 - get_byte(wrapped, 40))");
        printed.push(("altered rows".to_owned(), self.refused_start(&self.next.path().join("next.key"))));
        printed
    }

    /// What another proxy says that does not start with this root key.
    fn refused_start(&self, root: &Path) -> String {
        let config = self.next.path().join("other.toml");
        let text = format!(
            "listen = \"127.0.0.1:{}\"\nupstream = \"127.0.0.1:{}\"\n[service]\nuser = \"postgres\"\n\
             [keys]\nroot = {{ provider = \"file\", path = \"{}\" }}\n\
             [databases.{}.tables.\"public.people\"]\n\
             email = {{ type = \"text\", search = [\"equality\"], group = \"mail\" }}\nnote = \"text\"\n",
            support::free_port(),
            server::shared().port(),
            root.display(),
            self.database
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pyrite"));
        let output = command.arg("run").arg("-c").arg(&config).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && (said.contains("root key") || said.contains("tampered")),
            "{said}"
        );
        said
    }

    /// The root keys, what is derived from them, and every key that they have wrapped in the database.
    fn harvest(&self) -> Keys {
        let mut keys = Keys::new();
        for name in ["root.key", "next.key"] {
            let text = std::fs::read_to_string(self.folder().join(name)).unwrap();
            let root = Key::new(unhex(text.trim().rsplit(':').next().unwrap()).try_into().unwrap());
            keys.insert(*root.as_bytes(), name.to_owned());
            let manifest = kdf::derive(&root, kdf::Purpose::Manifest, b"");
            keys.insert(*manifest.as_bytes(), format!("{name}'s manifest key"));
            let wrap = kdf::derive(&root, kdf::Purpose::Wrap, b"");
            keys.insert(*wrap.as_bytes(), format!("{name}'s wrapping key"));
            keys.extend(self.unwrapped(&Xaes::new(&wrap)));
        }
        assert!(keys.len() > 8, "keys of the database were unwrapped");
        keys
    }

    fn unwrapped(&self, wrap: &Xaes) -> Keys {
        let query = "SELECT encode(uuid_send(r.id), 'hex') || ' ' || encode(uuid_send(k.group_id), 'hex') || ' ' || \
                     k.purpose || ' ' || k.version || ' ' || encode(k.id, 'hex') || ' ' || encode(k.wrapped, 'hex') \
                     FROM pyrite.keys k, pyrite.keyring r WHERE k.wrapped IS NOT NULL";
        let mut psql = server::shared().program("psql");
        psql.args([
            "-X",
            "-A",
            "-t",
            "-p",
            &server::shared().port().to_string(),
            "-d",
            &self.database,
            "-c",
            query,
        ]);
        let output = psql.output().unwrap();
        let mut keys = Keys::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [keyring, group, purpose, version, id, wrapped] = words[..] else { panic!("{line}") };
            let mut binding = Vec::new();
            let version = version.parse::<u32>().unwrap().to_be_bytes();
            for part in [&unhex(keyring)[..], &unhex(group), purpose.as_bytes(), &version, &unhex(id)] {
                binding.extend_from_slice(&(part.len() as u64).to_be_bytes());
                binding.extend_from_slice(part);
            }
            let wrapped = unhex(wrapped);
            let (nonce, rest) = wrapped[1..].split_first_chunk::<24>().unwrap();
            let (body, tag) = rest.split_last_chunk::<16>().unwrap();
            let nonce = Nonce::from_bytes(nonce);
            let mut key: [u8; 32] = body.try_into().unwrap();
            let opened = wrap.derive(&nonce.first).open_in_place(&nonce.second, &binding, &mut key, tag);
            if opened.is_ok() {
                keys.insert(key, format!("the {purpose} key {id}"));
            }
        }
        keys
    }
}

fn server_folder() -> PathBuf {
    std::env::temp_dir().join(format!("pyrite-server-{}", std::process::id()))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
