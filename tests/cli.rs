//! The program from outside: exit status, what it prints, and where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by panicking

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use pyrite::demo::postgres::{Options, PrivateServer};

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pyrite-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pyrite(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_pyrite"))
        .args(arguments)
        .env_remove("PYRITE_LOG")
        .output()
        .expect("start pyrite");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("no signal"), text(stdout), text(stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// One server for all tests of this file; it ends with the process.
fn server() -> &'static PrivateServer {
    static SERVER: OnceLock<PrivateServer> = OnceLock::new();
    SERVER.get_or_init(|| PrivateServer::start(&Options::default()).expect("a private PostgreSQL"))
}

fn sql(database: &str, statements: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = server().connection(database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(statements).await.unwrap();
    });
}

fn config(upstream: &str, user: &str, rest: &str) -> String {
    format!(
        "listen = \"127.0.0.1:1\"\nupstream = \"{upstream}\"\nservice.user = \"{user}\"\n\
         keys.root = {{ provider = \"file\", path = \"root.key\" }}\n{rest}"
    )
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [&["--help"][..], &["check", "--help"]] {
        let (status, out, err) = pyrite(arguments);
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(out.contains("Examples:") && out.contains("--log"), "{out}");
    }
    let (status, out, _) = pyrite(&["--version"]);
    assert_eq!((status, out.trim()), (0, concat!("pyrite ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn usage_errors_have_status_2() {
    for arguments in [&["chek"][..], &["check", "--confg"], &[], &["--log", "a=b=c", "check"]] {
        let (status, out, err) = pyrite(arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(!err.is_empty());
    }
}

#[test]
fn mistakes_of_the_configuration_come_with_their_place() {
    let folder = Folder::new("mistakes");
    let file = folder.file("bad.toml", "workers = 0\n[databases.shop.tables.customers]\na = \"text\"\n");
    let (status, out, err) = pyrite(&["check", "-c", path(&file)]);
    assert_eq!((status, out.as_str()), (2, ""));
    for part in ["bad.toml:1:1: there is no root key", "bad.toml:1:11: ", "bad.toml:2:24: ", "pyrite init"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let (status, _, err) = pyrite(&["check", "-c", path(&folder.0.join("absent.toml"))]);
    assert!(status == 2 && err.contains("absent.toml") && err.contains("pyrite init"), "{err}");
}

#[test]
fn a_server_that_is_away_is_named() {
    let folder = Folder::new("away");
    let file = folder.file("a.toml", &config("127.0.0.1:9", "pyrite", "databases.shop = {}"));
    let (status, _, err) = pyrite(&["check", "-c", path(&file)]);
    assert_eq!(status, 2);
    assert!(err.contains("127.0.0.1:9") && err.contains("`upstream`"), "{err}");
}

#[test]
fn init_writes_a_configuration_and_a_key_and_overwrites_nothing() {
    let folder = Folder::new("init");
    let file = folder.0.join("pyrite.toml");
    let key = folder.0.join("root.key");
    let (status, out, err) = pyrite(&["init", "--config", path(&file), "--database", "shop"]);
    assert_eq!((status, err.as_str()), (0, ""));
    for part in
        ["CREATE ROLE pyrite LOGIN;", "GRANT CONNECT, CREATE ON DATABASE shop", "USAGE ON SCHEMA pyrite"]
    {
        assert!(out.contains(part), "{out}");
    }
    let first = (std::fs::read(&file).unwrap(), std::fs::read(&key).unwrap());
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let key_text = String::from_utf8(first.1.clone()).unwrap();
    assert!(!out.contains(key_text.trim()), "the key is not shown");
    let config = pyrite::config::Config::load(&file).unwrap();
    assert!(pyrite::keys::RootSource::new(&config.root).identity().is_ok());

    let (status, _, err) = pyrite(&["init", "--config", path(&file)]);
    assert!(status == 2 && err.contains("root.key exists"), "{err}");
    let other = folder.0.join("other.toml");
    assert_eq!(pyrite(&["init", "--config", path(&other)]).0, 2, "the key is there already");
    assert!(!other.exists());
    assert_eq!((std::fs::read(&file).unwrap(), std::fs::read(&key).unwrap()), first);

    std::fs::remove_file(&key).unwrap();
    let (status, _, err) = pyrite(&["init", "--config", path(&file)]);
    assert!(status == 2 && err.contains("not overwritten") && !key.exists(), "{err}");
    let (status, _, err) = pyrite(&["init", "--config", path(&other), "--listen", "nowhere"]);
    assert!(status == 2 && err.contains("`nowhere`") && !other.exists(), "{err}");
}

#[test]
fn run_serves_until_sigterm_and_says_so_if_the_port_is_taken() {
    let folder = Folder::new("run");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let upstream = format!("127.0.0.1:{}", server().port());
    let text = config(&upstream, "postgres", "").replace("127.0.0.1:1\"", &format!("127.0.0.1:{port}\""));
    let file = folder.file("a.toml", &text);
    let (status, _, err) = pyrite(&["run", "-c", path(&file)]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains(&port.to_string()) && err.contains("taken"), "{err}");

    drop(taken);
    let mut child = Command::new(env!("CARGO_BIN_EXE_pyrite"))
        .args(["run", "-c", path(&file)])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("start pyrite");
    let mut log = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
    let ready = log.by_ref().find(|line| line.contains("accepting connections")).expect("a line of the log");
    assert!(ready.contains(&port.to_string()), "{ready}");
    std::net::TcpStream::connect(("127.0.0.1", port)).expect("a listening port");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(log.any(|line| line.contains("SIGTERM")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn check_says_what_is_protected_and_what_is_not() {
    let upstream = format!("127.0.0.1:{}", server().port());
    sql(
        "postgres",
        "CREATE ROLE pyrite_check LOGIN; CREATE ROLE app_check LOGIN; CREATE ROLE owner_check LOGIN",
    );
    sql("postgres", "CREATE DATABASE check_shop TEMPLATE template0 ENCODING 'UTF8'");
    // Only what `check` looks at; what the domain accepts is another test's matter.
    sql(
        "check_shop",
        "CREATE SCHEMA pyrite; CREATE DOMAIN pyrite.encrypted AS bytea;
         CREATE FUNCTION pyrite.eq(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT substr($1, 1, 16)';
         GRANT USAGE ON SCHEMA pyrite TO owner_check;
         CREATE TABLE customers (id int, email pyrite.encrypted, \"Phone\" pyrite.encrypted, born date, city text,
            shout text GENERATED ALWAYS AS (upper(city)) STORED);
         ALTER TABLE customers OWNER TO owner_check; GRANT SELECT ON customers TO app_check;
         CREATE UNIQUE INDEX customers_email_key ON customers (pyrite.eq(email));
         CREATE TABLE forgotten (secret pyrite.encrypted);
         CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER watch BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION nothing()",
    );
    let folder = Folder::new("check");
    let columns = r#"
        [databases.check_shop.tables."public.customers"]
        email = { type = "varchar(254)", search = ["equality"] }
        '"Phone"' = { type = "text", search = ["equality"] }
        born = "date"
        city = "varchar(10)"
        street = "text"
        [databases.check_shop.tables."public.orders"]
        iban = "text"
    "#;
    let file = folder.file("a.toml", &config(&upstream, "pyrite_check", columns));
    let (status, out, err) = pyrite(&["check", "-c", path(&file)]);
    assert_eq!((status, err.as_str()), (1, ""), "{out}");
    for part in [
        "database check_shop: PostgreSQL ",
        "encrypted, equality by index customers_email_key",
        "\"Phone\"  text                    encrypted, equality without an index",
        "CREATE INDEX ON public.customers (pyrite.eq(\"Phone\"));",
        "STILL PLAIN: copy",
        "STILL PLAIN, and of type text, not character varying(10)",
        "no such column",
        "public.orders\n  ! this table does not exist",
        "triggers run in the server and see envelopes, not values: watch",
        "generated columns run in the server and see envelopes, not values: shout",
        "GRANT USAGE ON SCHEMA pyrite TO app_check;",
        "! public.forgotten.secret is encrypted, but",
        "2 of 6 configured columns are encrypted",
    ] {
        assert!(out.contains(part), "lacks {part:?}:\n{out}");
    }
    assert!(!out.contains("owner_check"), "it has its grant:\n{out}");

    let wrong = folder.file("wrong.toml", &config(&upstream, "nobody_here", columns));
    let (status, _, err) = pyrite(&["check", "-c", path(&wrong)]);
    assert!(status == 2 && err.contains("[service]"), "{err}");
    let other = config(&upstream, "pyrite_check", "databases.not_there = {}");
    let (status, _, err) = pyrite(&["check", "-c", path(&folder.file("other.toml", &other))]);
    assert!(status == 2 && err.contains("[databases.NAME]"), "{err}");
}

#[test]
fn plan_shows_what_would_be_sent_and_refusals_have_status_1() {
    let upstream = format!("127.0.0.1:{}", server().port());
    sql("postgres", "CREATE ROLE pyrite_plan LOGIN");
    sql("postgres", "CREATE DATABASE plan_shop TEMPLATE template0 ENCODING 'UTF8'");
    sql(
        "plan_shop",
        "CREATE SCHEMA pyrite; CREATE DOMAIN pyrite.encrypted AS bytea; CREATE SCHEMA other;
         CREATE TABLE customers (id int, email pyrite.encrypted); CREATE TABLE other.customers (id int, email text);
         GRANT USAGE ON SCHEMA other TO pyrite_plan",
    );
    let folder = Folder::new("plan");
    let columns = "[databases.plan_shop.tables.\"public.customers\"]\n\
                   email = { type = \"text\", search = [\"equality\"] }\nphone = \"text\"\n";
    let file = folder.file("a.toml", &config(&upstream, "pyrite_plan", columns));
    let plan = |arguments: &[&str]| pyrite(&[&["plan", "-c", path(&file)], arguments].concat());

    let (status, out, err) =
        plan(&["SELECT id FROM customers WHERE email = 'canary@example.org' AND id = $1"]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.contains("pyrite.eq(") && out.contains("public.customers.email"), "{out}");
    assert!(!out.contains("canary"), "a value is not shown: {out}");
    assert!(out.contains("note: public.customers.phone: "), "{out}");

    let (status, out, _) = plan(&["SELECT now(), id FROM other.customers"]);
    assert!(status == 0 && out.contains("forwarded as it came"), "{out}");
    let (status, out, _) = plan(&["--search-path", "other", "SELECT email FROM customers WHERE email < 'x'"]);
    assert!(
        status == 0 && out.replace('"', "").contains("other.customers") && !out.contains("pyrite"),
        "{out}"
    );
    let (status, out, _) = plan(&["SELECT id FROM customers ORDER BY email || 'canary'"]);
    assert!(status == 1 && out.contains("refused") && out.contains("0A000"), "{out}");
    assert!(!out.contains("canary"), "{out}");
    let (status, out, _) = plan(&["--simple", "SELECT 1; SELECT email FROM customers ORDER BY email"]);
    assert!(status == 1 && out.contains("statement 2: refused"), "{out}");
    let (status, _, err) = plan(&["-d", "elsewhere", "SELECT 1"]);
    assert!(status == 2 && err.contains("plan_shop"), "{err}");
}

/// A `pyrite run` that ends with its owner.
struct Running(std::process::Child);

impl Running {
    /// Returns when it accepts connections.
    fn start(file: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pyrite"))
            .args(["run", "-c", path(file)])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("start pyrite");
        let mut log = BufReader::new(child.stderr.take().expect("its log")).lines().map_while(Result::ok);
        let mut seen = Vec::new();
        let ready = log.by_ref().any(|line| {
            seen.push(line);
            seen.iter().any(|line| line.contains("accepting connections"))
        });
        // Its log must be read on, or it would wait for a reader.
        std::thread::spawn(move || log.count());
        assert!(ready, "{}", seen.join("\n"));
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_way_from_init_to_a_protected_table_is_as_the_readme_says() {
    let folder = Folder::new("way");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (upstream, listen) = (format!("127.0.0.1:{}", server().port()), format!("127.0.0.1:{port}"));
    let file = folder.0.join("pyrite.toml");
    let options =
        ["--config", path(&file), "--upstream", &upstream, "--listen", &listen, "--database", "way_shop"];
    let (status, out, err) = pyrite(&[&["init"], &options[..]].concat());
    assert_eq!((status, err.as_str()), (0, ""));
    sql("postgres", "CREATE DATABASE way_shop TEMPLATE template0 ENCODING 'UTF8'");
    // Its own words, but for the password, which this server does not ask for.
    let (administrator, later) = out.split_once("and, when").expect("two parts");
    let statements = |part: &str| {
        let lines = part.lines().map(str::trim).filter(|line| line.ends_with(';'));
        lines.collect::<Vec<_>>().join("\n")
    };
    // The role that owns the application's tables is there before Pyrite comes.
    sql("way_shop", &format!("CREATE ROLE table_owner;\n{}", statements(administrator)));
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str(
        "[databases.way_shop.tables.\"public.customers\"]\n\
         email = { type = \"varchar(254)\", search = [\"equality\"] }\nid_card = \"text\"\n",
    );
    std::fs::write(&file, text).unwrap();

    let (status, out, _) = pyrite(&["check", "-c", path(&file)]);
    assert!(status == 1 && out.contains("this table does not exist"), "{out}");
    let running = Running::start(&file);
    sql(
        "way_shop",
        &format!(
            "CREATE ROLE application_role LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO application_role;\n{}",
            statements(later)
        ),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let login = format!("host=127.0.0.1 port={port} user=application_role dbname=way_shop");
        let (client, connection) = tokio_postgres::connect(&login, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let table = "CREATE TABLE customers (id int PRIMARY KEY, email varchar(254) UNIQUE, id_card text)";
        client.batch_execute(table).await.unwrap();
        let insert = "INSERT INTO customers VALUES ($1, $2, $3)";
        client.execute(insert, &[&7, &"ada@example.org", &"N1234"]).await.unwrap();
        let select = "SELECT id, id_card FROM customers WHERE email = $1";
        let row = client.query_one(select, &[&"ada@example.org"]).await.unwrap();
        assert_eq!((row.get::<_, i32>(0), row.get::<_, String>(1)), (7, "N1234".to_owned()));
        let again = client.execute(insert, &[&8, &"ada@example.org", &"x"]).await.unwrap_err();
        assert_eq!(again.code().map(|code| code.code()), Some("23505"), "UNIQUE holds");
    });
    let (status, out, err) = pyrite(&["check", "-c", path(&file)]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("2 of 2 configured columns are encrypted; nothing is missing"), "{out}");
    assert!(out.contains("encrypted, equality by index customers_email_key"), "{out}");

    // A column that comes later, as the README tells it.
    drop(running);
    sql("way_shop", "ALTER TABLE customers ADD COLUMN phone pyrite.encrypted");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}phone = \"varchar(20)\"\n")).unwrap();
    let running = Running::start(&file);
    runtime.block_on(async {
        let login = format!("host=127.0.0.1 port={port} user=application_role dbname=way_shop");
        let (client, connection) = tokio_postgres::connect(&login, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let update = "UPDATE customers SET phone = $1 WHERE id = 7 RETURNING phone";
        let row = client.query_one(update, &[&"+46 8 1234"]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), "+46 8 1234");
    });
    sql(
        "way_shop",
        "DO $$ BEGIN ASSERT (SELECT pyrite.is_envelope(phone) FROM customers WHERE id = 7); END $$",
    );

    // The key is what opens it: another one does not.
    drop(running);
    let key = folder.0.join("root.key");
    let other = folder.0.join("other");
    std::fs::create_dir(&other).unwrap();
    assert_eq!(pyrite(&["init", "--config", path(&other.join("pyrite.toml"))]).0, 0);
    std::fs::copy(other.join("root.key"), &key).unwrap();
    let (status, _, err) = pyrite(&["run", "-c", path(&file)]);
    assert!(status == 2 && err.contains("root key"), "{err}");
}

#[test]
fn a_password_file_that_others_can_read_is_refused() {
    let folder = Folder::new("password");
    let password = folder.file("pw", "hunter2-canary\n");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = config("127.0.0.1:9", "pyrite", "service.password_file = \"pw\"\ndatabases.shop = {}");
    let (status, _, err) = pyrite(&["check", "-c", path(&folder.file("a.toml", &text))]);
    assert_eq!(status, 2);
    assert!(err.contains("0644") && err.contains("chmod 600") && !err.contains("canary"), "{err}");
}
