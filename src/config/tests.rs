//! The whole step, on texts: what is meant, and each mistake with its place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::{
    Admin, AwsKmsKey, ColumnConfig, Config, ConfigError, KEYS, Limits, ObjectChoice, Pkcs11Key, Problem,
    RootKey, SecretError, SecretSource, Secrets, TokenChoice, Upstream, VaultKey,
};
use crate::value::Type;

/// Answers each source with its own name.
struct Named;

impl Secrets for Named {
    fn read(&self, source: &SecretSource) -> Result<Zeroizing<String>, SecretError> {
        match source {
            SecretSource::Environment(name) if name == "MISSING" => Err(SecretError {
                message: "the variable MISSING is not set".into(),
                way_out: "set it".into(),
            }),
            SecretSource::Environment(name) => Ok(Zeroizing::new(format!("from {name}"))),
            SecretSource::File(path) => Ok(Zeroizing::new(format!("from {}", path.display()))),
        }
    }
}

const ROOT: &str = "keys.root = { provider = \"file\", path = \"root.key\" }\n";

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/pyrite"), &Named)
}

fn problems(text: &str) -> Vec<Problem> {
    match parse(text) {
        Err(ConfigError::Invalid { problems, .. }) => problems,
        other => panic!("{text}\n{other:?}"),
    }
}

fn upstream(text: &str) -> Upstream {
    parse(&format!("upstream = \"{text}\"\n{ROOT}")).unwrap().upstream
}

#[test]
fn the_smallest_file_has_a_default_for_all_but_the_root_key() {
    let config = parse(ROOT).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:6432");
    assert_eq!(config.upstream, Upstream::Tcp("127.0.0.1".into(), 5432));
    assert_eq!(config.workers, None);
    assert_eq!(config.limits, Limits { clients: 10_000, candidates: 100_000 });
    assert_eq!(config.service.user, "pyrite");
    assert!(config.service.password.is_none());
    assert_eq!(config.root, RootKey::File(PathBuf::from("/etc/pyrite/root.key")));
    assert_eq!(config.admin, Admin::default());
    assert!(config.databases.is_empty());
}

#[test]
fn a_full_file_means_what_it_says() {
    let config = parse(
        r#"
        listen = "[::]:6433"
        upstream = "db.example.org:5433"
        workers = 0x4
        limits = { clients = 1_000, max_candidates = 5_000 }
        [keys]
        root = { provider = "env", variable = "ROOT" }
        [admin]
        roles = ["ops", "Ann B"]
        [service]
        user = "guard"
        password_file = "pw"
        [databases.shop.tables."public.customers"]
        email = { type = "varchar(254)", search = ["equality"], group = "email" }
        phone = { type = "text", search = [] }
        id_card = "text"
        '"birthDay"' = "date"
        [databases.shop.tables.'"Sales"."2022.q4"']
        buyer = { type = "text", search = ["equality"], group = "email" }
        price = "numeric(10,2)"
        [databases."other db"]
        "#,
    )
    .unwrap();
    assert_eq!(config.listen.to_string(), "[::]:6433");
    assert_eq!(config.upstream, Upstream::Tcp("db.example.org".into(), 5433));
    assert_eq!(config.workers, Some(4));
    assert_eq!(config.limits, Limits { clients: 1000, candidates: 5000 });
    assert_eq!(config.root, RootKey::Environment("ROOT".into()));
    assert_eq!(config.service.user, "guard");
    assert_eq!(config.service.password.as_deref().map(String::as_str), Some("from /etc/pyrite/pw"));
    assert_eq!(config.admin.roles.iter().map(String::as_str).collect::<Vec<_>>(), ["Ann B", "ops"]);
    assert_eq!(config.admin.database.as_deref(), Some("other db"), "the first by name");
    let shop = &config.databases["shop"];
    let customers = &shop.tables[&("public".into(), "customers".into())];
    let email = column(Type::Varchar(Some(254)), true, "email");
    assert_eq!(customers["email"], email);
    assert!(!customers["phone"].equality);
    let id_card = column(Type::Text, false, "public.customers.id_card");
    assert_eq!(customers["id_card"], id_card);
    assert_eq!(customers["birthDay"].group, "public.customers.\"birthDay\"");
    let sales = &shop.tables[&("Sales".into(), "2022.q4".into())];
    assert_eq!(sales["buyer"].group, "email");
    assert_eq!(sales["price"].ty, Type::Numeric(Some((10, 2))));
    assert_eq!(sales["price"].group, "\"Sales\".\"2022.q4\".price");
    assert!(config.databases["other db"].tables.is_empty());
}

#[test]
fn every_search_kind_implies_equality() {
    let all = parse(
        "keys.root = { provider = 'env', variable = 'R' }
        [databases.d.tables.\"public.t\"]
        a = { type = 'text', search = ['order', 'match'], collation = 'de-x-icu' }
        b = { type = 'varchar(9)', search = ['caseless'], collation = 'default' }
        c = { type = 'numeric(9,2)', search = ['equality', 'order'] }",
    );
    let tables = all.unwrap().databases["d"].tables.clone();
    let columns = &tables[&("public".into(), "t".into())];
    let order = |ty, group: &str| ColumnConfig { order: true, ..column(ty, true, group) };
    let a = ColumnConfig {
        matching: true,
        collation: Some("de-x-icu".into()),
        ..order(Type::Text, "public.t.a")
    };
    assert_eq!(columns["a"], a);
    let b = ColumnConfig { caseless: true, ..column(Type::Varchar(Some(9)), true, "public.t.b") };
    assert_eq!(columns["b"], b);
    assert_eq!(columns["c"], order(Type::Numeric(Some((9, 2))), "public.t.c"));
}

fn column(ty: Type, equality: bool, group: &str) -> ColumnConfig {
    ColumnConfig {
        ty,
        equality,
        order: false,
        caseless: false,
        matching: false,
        collation: None,
        group: group.into(),
    }
}

#[test]
fn outside_providers_have_a_default_for_all_that_can_have_one() {
    let root = |text: &str| parse(&format!("keys.root = {{ {text} }}")).unwrap().root;
    let timeout = Duration::from_secs(30);
    let folder = Path::new("/etc/pyrite");
    let typed =
        "provider = 'pkcs11', module = '/usr/lib/hsm.so', slot = 0, key_id = '0aFf', pin_file = 'pin'";
    let pkcs11 = Pkcs11Key {
        module: "/usr/lib/hsm.so".into(),
        token: TokenChoice::Slot(0),
        key: ObjectChoice::Id(vec![0x0A, 0xFF]),
        pin: SecretSource::File(folder.join("pin")),
        timeout,
    };
    assert_eq!(root(typed), RootKey::Pkcs11(pkcs11));
    let typed =
        "provider = 'pkcs11', module = 'hsm.so', token = 'a b', key = 'k', pin_env = 'P', timeout = 5";
    let other = Pkcs11Key {
        module: folder.join("hsm.so"),
        token: TokenChoice::Label("a b".into()),
        key: ObjectChoice::Label("k".into()),
        pin: SecretSource::Environment("P".into()),
        timeout: Duration::from_secs(5),
    };
    assert_eq!(root(typed), RootKey::Pkcs11(other));
    let kms = AwsKmsKey { key: "alias/p".into(), region: None, endpoint: None, profile: None, timeout };
    assert_eq!(root("provider = 'aws-kms', key = 'alias/p'"), RootKey::AwsKms(kms));
    let vault = VaultKey {
        address: "http://127.0.0.1:8200".into(),
        mount: "transit".into(),
        key: "p".into(),
        namespace: None,
        token: SecretSource::File(folder.join("t")),
        ca_file: None,
        timeout,
    };
    let typed = "provider = 'vault', address = 'http://127.0.0.1:8200/', key = 'p', token_file = 't'";
    assert_eq!(root(typed), RootKey::Vault(vault));
    for address in ["https://vault", "https://vault:8200", "https://[fe80::1]:8200", "http://[::1]:8200"] {
        root(&format!("provider = 'vault', address = '{address}', key = 'p', token_file = 't'"));
    }
    let both =
        "keys.root = { provider = 'file', path = 'a' }\nkeys.next_root = { provider = 'file', path = 'b' }";
    assert_eq!(parse(both).unwrap().next_root, Some(RootKey::File(folder.join("b"))));
    assert_eq!(parse(ROOT).unwrap().next_root, None);
    assert_eq!(parse(ROOT).unwrap().state, None);
    let state = parse(&format!("{ROOT}keys.state = 'state'")).unwrap().state;
    assert_eq!(state, Some(folder.join("state")));
}

#[test]
fn an_upstream_is_a_host_or_a_socket() {
    let tcp = |host: &str, port| Upstream::Tcp(host.into(), port);
    let unix = |folder: &str, port| Upstream::Unix(folder.into(), port);
    assert_eq!(upstream("db"), tcp("db", 5432));
    assert_eq!(upstream("10.0.0.1:1"), tcp("10.0.0.1", 1));
    assert_eq!(upstream("[::1]:5433"), tcp("::1", 5433));
    assert_eq!(upstream("[fe80::1]"), tcp("fe80::1", 5432));
    assert_eq!(upstream("/var/run/postgresql"), unix("/var/run/postgresql", 5432));
    assert_eq!(upstream("/var/run/postgresql:5433"), unix("/var/run/postgresql", 5433));
    assert_eq!(upstream("/tmp/.s.PGSQL.5434"), unix("/tmp", 5434));
    assert_eq!(upstream("/.s.PGSQL.5434"), unix("/", 5434));
}

/// A mistake, its line and column, and a word of the message or the way out.
const MISTAKES: &[(&str, usize, usize, &str)] = &[
    ("lisen = \"x\"", 1, 1, "did you mean `listen`?"),
    ("[keys]\n", 1, 2, "there is no root key"),
    ("[keys]\nroot = 1", 2, 8, "a table"),
    ("[keys.root]\nprovider = \"file\"", 2, 12, "add path"),
    ("[keys.root]\npath = \"x\"", 1, 7, "no provider"),
    ("[keys.root]\nprovider = \"vault\"\nkey = \"k\"\ntoken_env = \"T\"", 2, 12, "add address"),
    ("[keys.root]\nprovider = \"fil\"", 2, 12, "did you mean `file`?"),
    ("[keys.root]\nprovider = \"env\"\npath = \"x\"\nvariable = \"A\"", 3, 8, "no use"),
    ("[keys.root]\nprovider = \"env\"\nvariable = \"A=B\"", 3, 12, "does not name a variable"),
    ("[keys.root]\nprovider = \"file\"\npath = 3", 3, 8, "should be a string"),
    ("keys.state = \"\"\n[keys.root]\nprovider = \"file\"\npath = \"x\"", 1, 14, "folder"),
    ("[keys.root]\nprovider = 3", 2, 12, "should be a string"),
    (
        "[keys.root]\nprovider = \"file\"\npath = \"x\"\n[keys.next_root]\npath = \"y\"",
        4,
        7,
        "`keys.next_root` has no provider",
    ),
    ("[keys.root]\nprovider = \"file\"\npath = \"x\"\n[keys.next_rot]", 4, 7, "did you mean `next_root`?"),
    ("[keys.root]\nprovider = \"aws-kms\"\nkey = \"k\"\ntoken = \"hush\"", 4, 9, "no use for this"),
    ("[keys.root]\nprovider = \"aws-kms\"\nkey = \"k\"\ntimeout = 0", 4, 11, "from 1 to 600"),
    ("[keys.root]\nprovider = \"aws-kms\"\nkey = \"k\"\nendpoint = \"http://kms\"", 4, 12, "plain text"),
    (
        "[keys.root]\nprovider = \"vault\"\nkey = \"k\"\ntoken_env = \"T\"\naddress = \"https://hush@v\"",
        5,
        11,
        "not the address",
    ),
    (
        "[keys.root]\nprovider = \"vault\"\nkey = \"../k\"\ntoken_env = \"T\"\naddress = \"https://v\"",
        3,
        7,
        "mount or key",
    ),
    (
        "[keys.root]\nprovider = \"vault\"\nkey = \"k\"\naddress = \"https://v\"",
        2,
        12,
        "where the server's token is",
    ),
    (
        "[keys.root]\nprovider = \"pkcs11\"\nmodule = \"m\"\ntoken = \"t\"\nslot = 0\nkey = \"k\"\npin_env = \"P\"",
        5,
        8,
        "both `token` and `slot`",
    ),
    (
        "[keys.root]\nprovider = \"pkcs11\"\nmodule = \"m\"\nslot = -1\nkey = \"k\"\npin_env = \"P\"",
        4,
        8,
        "from 0 up",
    ),
    (
        "[keys.root]\nprovider = \"pkcs11\"\nmodule = \"m\"\nslot = 0\nkey_id = \"abc\"\npin_env = \"P\"",
        5,
        10,
        "in hexadecimal",
    ),
    ("# é\nlisten = 6432", 2, 10, "should be a string, not an integer"),
    ("listen = \"127.0.0.1\"", 1, 10, "add the port"),
    ("listen = \"*:6432\"", 1, 10, "0.0.0.0"),
    ("listen = \"/tmp\"", 1, 10, "over TCP only"),
    ("upstream = \"postgres://a:b@c/d\"", 1, 12, "host and port only"),
    ("upstream = \"::1\"", 1, 12, "brackets"),
    ("upstream = \"[db]:5432\"", 1, 12, "not the address"),
    ("upstream = \"db:0\"", 1, 12, "1 to 65535"),
    ("upstream = \"db:+1\"", 1, 12, "1 to 65535"),
    ("upstream = \"\"", 1, 12, "not the address"),
    ("upstream = \"a b\"", 1, 12, "not the address"),
    ("upstream = \"a:b:1\"", 1, 12, "not the address"),
    ("upstream = \"localhost:6432\"", 1, 12, "connect to itself"),
    ("workers = 0", 1, 11, "a positive number"),
    ("workers = \"4\"", 1, 11, "without quotes"),
    ("workers = 5000", 1, 11, "from 1 to 1024"),
    ("limits = { client = 1 }", 1, 12, "did you mean `clients`?"),
    ("limits.clients = -1", 1, 18, "a positive number"),
    ("limits.max_candidates = 20_000_000", 1, 25, "from 1 to 10000000"),
    ("[service]\npassword = \"hush\"", 2, 1, "password_file"),
    ("[service]\npassword_file = \"a\"\npassword_env = \"B\"", 3, 16, "both"),
    ("[service]\npassword_env = \"MISSING\"", 2, 16, "not set"),
    ("service.user = \"\"", 1, 16, "role name"),
    ("admin.role = [\"a\"]", 1, 7, "did you mean `roles`?"),
    ("admin.roles = \"a\"", 1, 15, "in brackets"),
    ("admin.roles = [\"a\"]", 1, 16, "database = \"postgres\""),
    ("admin = { roles = [\"a\", \"a\"], database = \"d\" }", 1, 25, "keep one"),
    ("admin = { roles = [\"\"], database = \"d\" }", 1, 20, "role name"),
    ("admin = { roles = [\"a\"], database = \"pyrite\" }", 1, 37, "database of the server"),
    ("[databases.pyrite]", 1, 12, "RENAME TO"),
    ("databases = 3", 1, 13, "should be a table"),
    ("databases.shop = 3", 1, 18, "should be a table"),
    ("databases.\"\" = {}", 1, 11, "database name"),
    ("[databases.shop]\ntable = {}", 2, 1, "did you mean `tables`?"),
    ("[databases.shop]\nenforce = 1", 2, 11, "true or false"),
    ("[databases.shop.tables.customers]\na = \"text\"", 1, 24, "no schema"),
    ("[databases.shop.tables.public.customers]\na = \"text\"", 1, 24, "one pair of quotes"),
    ("[databases.shop.tables.\"public.Customers\"]\na = \"text\"", 1, 24, "two names"),
    ("[databases.shop.tables.\"pg_catalog.pg_class\"]\na = \"text\"", 1, 24, "table of your own"),
    ("[databases.shop.tables.\"pyrite.keys\"]\na = \"text\"", 1, 24, "table of your own"),
    ("[databases.shop.tables.\"public.t\"]", 1, 24, "names no column"),
    (
        "[databases.d.tables.\"public.t\"]\na=\"text\"\n[databases.d.tables.'\"public\".t']\nb=\"text\"",
        1,
        21,
        "two spellings",
    ),
    ("[databases.d.tables.\"public.t\"]\na = \"text\"\n'\"a\"' = \"text\"", 2, 1, "given twice"),
    ("[databases.d.tables.\"public.t\"]\neMail = \"text\"", 2, 1, "two names"),
    ("[databases.d.tables.\"public.t\"]\n\"a.b\" = \"text\"", 2, 1, "several parts"),
    ("[databases.d.tables.\"public.t\"]\na = 1", 2, 5, "a type or a table"),
    ("[databases.d.tables.\"public.t\"]\na = {}", 2, 1, "has no type"),
    ("[databases.d.tables.\"public.t\"]\na = \"money\"", 2, 5, "CREATE TABLE"),
    ("[databases.d.tables.\"public.t\"]\na = { type = 1 }", 2, 14, "should be a string"),
    ("[databases.d.tables.\"public.t\"]\na = { type = \"text\", serach = [] }", 2, 22, "`search`?"),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"text\", search = \"equality\" }",
        2,
        31,
        "in brackets",
    ),
    ("[databases.d.tables.\"public.t\"]\na = { type = \"text\", search = [1] }", 2, 32, "list of strings"),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"text\", search = [\"equalty\"] }",
        2,
        32,
        "`equality`?",
    ),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"jsonb\", search = [\"order\"] }",
        2,
        33,
        "leave \"order\" out",
    ),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"date\", search = [\"equality\", \"caseless\"] }",
        2,
        44,
        "leave \"caseless\" out",
    ),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"char(9)\", search = [\"match\"] }",
        2,
        35,
        "declare text",
    ),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"int4\", collation = \"C\" }",
        2,
        34,
        "leave `collation` out",
    ),
    ("[databases.d.tables.\"public.t\"]\na = { type = \"json\", search = [\"equality\"] }", 2, 32, "jsonb"),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"text\", search = [\"equality\", \"equality\"] }",
        2,
        44,
        "twice",
    ),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"text\", group = \"g\" }\nb = { type = \"int4\", group = \"g\" }",
        3,
        30,
        "public.t.a (text)",
    ),
    (
        "[databases.d.tables.\"public.t\"]\na = { type = \"text\", search = [\"order\"], group = \"g\" }\nb = { type = \"text\", search = [\"order\"], group = \"g\", collation = \"C\" }",
        3,
        50,
        "the same collation",
    ),
    ("[databases.d.tables.\"public.t\"]\na = { type = \"text\", group = \"\" }", 2, 30, "group name"),
];

#[test]
fn every_mistake_has_its_place_and_a_way_out() {
    for (text, line, column, word) in MISTAKES {
        let text = if text.contains("[keys") {
            (*text).to_owned()
        } else {
            format!("{text}\n[keys]\n{}", &ROOT[5..])
        };
        let found = problems(&text);
        let [problem] = found.as_slice() else { panic!("{text}\n{found:#?}") };
        assert_eq!((problem.line, problem.column), (*line, *column), "{text}\n{problem:?}");
        assert!(
            problem.message.contains(word) || problem.way_out.contains(word),
            "{text}\n{problem:?}: {word}"
        );
        assert!(!problem.message.contains("hush"), "a value that may be secret is never shown");
    }
}

#[test]
fn syntax_errors_have_a_place() {
    let found = problems("listen = \"127.0.0.1:1\"\nupstream = \n");
    assert_eq!((found[0].line, found.len()), (2, 1));
    let found = problems("workers = 1\nworkers = 2\n");
    assert_eq!((found[0].line, found[0].column, found[0].way_out.as_str()), (2, 1, "keep one of the two"));
}

#[test]
fn all_mistakes_come_at_once_and_in_order() {
    let found = problems("workers = 0\nlisten = 1\n[databases.d.tables.t]\na = \"text\"\nb = 7\n");
    let places: Vec<_> = found.iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(places, [(1, 1), (1, 11), (2, 10), (3, 21), (5, 5)], "{found:#?}");
    let shown = ConfigError::Invalid { path: Some("a/pyrite.toml".into()), problems: found }.to_string();
    assert!(shown.starts_with("a/pyrite.toml:1:1: there is no root key"), "{shown}");
    assert_eq!(shown.lines().count(), 10, "one line what, one line the way out");
}

#[test]
fn a_group_may_span_types_that_compare() {
    let text = "[databases.d.tables.\"public.t\"]\n\
                a = { type = \"int4\", search = [\"equality\"], group = \"g\" }\n\
                b = { type = \"numeric(5,1)\", search = [\"equality\"], group = \"g\" }\n";
    assert!(parse(&format!("{ROOT}{text}")).is_ok());
}

#[test]
fn every_key_is_documented() {
    let manual = include_str!("../../docs/configuration.md");
    for (section, keys) in KEYS {
        for key in *keys {
            assert!(
                manual.contains(&format!("`{key}`")),
                "docs/configuration.md lacks `{key}` of [{section}]"
            );
        }
    }
}

#[test]
fn a_missing_file_has_a_way_out() {
    let error = Config::load(Path::new("/nonexistent/pyrite.toml")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/pyrite.toml") && error.contains("pyrite init"), "{error}");
}
