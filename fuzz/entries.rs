//! What is fuzzed: every parser of bytes that come from outside. Each entry takes any bytes, and panics only if
//! a property does not hold. `fuzz_targets/` gives them to libFuzzer; `tests/fuzz_smoke.rs` to seeded inputs.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use pyrite::catalog::{Catalog, Environment, GroupId};
use pyrite::config::{Config, ConfigError, Database, SecretError, SecretSource, Secrets};
use pyrite::crypto::{Envelope, Key, KeyId};
use pyrite::keys::{CellCipher, KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder, Slot};
use pyrite::sql::plan::{Piece, Plan, Rewrite, Script, Source};
use pyrite::sql::{self, LiveNames, Scope};
use pyrite::transform::{Goal, Resealed, Resealer};
use pyrite::value::{self, CastContext, Datum, Format, Input, Settings, Type};
use pyrite::wire::{backend, frame, frontend, startup};
use zeroize::Zeroizing;

/// An entry point: any bytes, and a panic if a property does not hold.
pub type Entry = fn(&[u8]);

/// All entries by name.
pub const ALL: &[(&str, Entry)] = &[
    ("frames", frames),
    ("startup", startup),
    ("envelope", envelope),
    ("reseal", reseal),
    ("values", values),
    ("config", config),
    ("planner", planner),
    ("console", console),
];

/// A stream of frames in either direction, and the body of each message.
pub fn frames(data: &[u8]) {
    for (limit, body) in [
        (frame::client_limit as fn(u8) -> Option<u32>, client_body as fn(u8, &[u8])),
        (frame::client_authentication_limit, client_body),
        (frame::server_limit, server_body),
        (frame::server_startup_limit, server_body),
    ] {
        let mut rest = data;
        while let Ok(Some(header)) = frame::Header::read(rest, limit) {
            assert!(header.size >= frame::HEADER);
            let Some((whole, after)) = rest.split_at_checked(header.size) else { break };
            body(header.tag, &whole[frame::HEADER..]);
            rest = after;
        }
    }
    // A body also without the luck of a fitting header.
    if let Some((tag, body)) = data.split_first() {
        client_body(*tag, body);
        server_body(*tag, body);
    }
}

fn client_body(tag: u8, body: &[u8]) {
    match tag {
        b'P' => {
            if let Ok(parse) = frontend::Parse::parse(body) {
                assert!(parse.oids().len() * 4 + parse.text.len() + parse.name.len() < body.len());
            }
        }
        b'B' => {
            if let Ok(bind) = frontend::Bind::parse(body) {
                let bytes: usize = bind.values().map(|value| value.map_or(0, <[u8]>::len)).sum();
                assert!(bytes < body.len());
                assert_eq!(bind.values().count(), bind.count());
                let codes = (bind.formats.code(bind.count()), bind.results.code(usize::MAX));
                assert!(!bind.formats.is_empty() || codes.0 == 0);
                assert_eq!(frontend::bind_names(body), Ok((bind.portal, bind.statement)));
            }
        }
        _ => {
            let _ = frontend::bind_names(body);
            let _ = frontend::execute(body);
            let _ = frontend::function_call(body);
        }
    }
}

fn server_body(tag: u8, body: &[u8]) {
    match tag {
        b'T' => {
            if let Ok(row) = backend::RowDescription::parse(body) {
                assert_eq!(row.fields().count(), row.count());
            }
        }
        b'D' => {
            if let Ok(values) = backend::data_row(body) {
                assert_eq!(Ok(values.count()), backend::column_count(body));
            }
        }
        b'E' | b'N' => {
            if let Ok(fields) = backend::Fields::parse(body) {
                assert!(fields.iter().all(|(_, value)| value.len() < body.len()));
                let _ = (fields.is_fatal(), fields.sqlstate());
            }
        }
        _ => {
            let _ = backend::parameter_description(body).map(Iterator::count);
            let _ = backend::parameter_status(body);
            let _ = backend::key_data(body);
            let _ = backend::ready_for_query(body);
            let _ = backend::authentication(body);
        }
    }
}

/// The untyped packet that opens a connection.
pub fn startup(data: &[u8]) {
    if let Ok(Some(size)) = startup::packet_size(data) {
        assert!(size >= 8 && size <= startup::MAX_STARTUP as usize);
        if let Some(packet) = data.get(..size) {
            let _ = startup::parse(packet);
        }
    }
    let _ = startup::parse(data);
}

const GROUP: [u8; 16] = [1; 16];
const OTHER_GROUP: [u8; 16] = [2; 16];

fn cipher() -> CellCipher {
    let keyring = KeyringBuilder::new([9; 16])
        .group_with_keys(GROUP, "one", (KeyId(1), Key::new([1; 32])), (KeyId(2), Key::new([2; 32])))
        .group_with_keys(OTHER_GROUP, "other", (KeyId(3), Key::new([3; 32])), (KeyId(4), Key::new([4; 32])));
    CellCipher::new(Arc::new(keyring.build().expect("a sound keyring")))
}

/// Any bytes as an envelope; and any plaintext, sealed, opened, and with one byte of its envelope changed.
pub fn envelope(data: &[u8]) {
    let mut cipher = cipher();
    let mut out = Vec::new();
    if let Ok(envelope) = Envelope::parse(data) {
        assert!(envelope.plaintext_len() < data.len());
        let _ = (envelope.type_tag(), envelope.data_key(), envelope.first_half());
        assert!(cipher.open(&GROUP, data, &mut out).is_err(), "nobody sealed it");
    }
    let mut sealed = Vec::new();
    let equality = data.first().is_some_and(|byte| byte % 2 == 0).then_some(data);
    cipher.seal(&GROUP, 7, data, equality, &mut sealed).expect("a value of this size can be sealed");
    assert_eq!(cipher.open(&GROUP, &sealed, &mut out), Ok(7));
    assert_eq!(out, data);
    out.clear();
    assert!(cipher.open(&OTHER_GROUP, &sealed, &mut out).is_err(), "moved to another group");
    let place = data.iter().fold(0usize, |sum, byte| sum * 31 % 65_521 + usize::from(*byte)) % sealed.len();
    sealed[place] ^= 1 << (data.len() % 8);
    assert!(cipher.open(&GROUP, &sealed, &mut out).is_err(), "byte {place} was changed");
    assert!(out.is_empty(), "an error leaves nothing");
}

/// The keyring of [`cipher`] after both keys of its first group were replaced.
fn rotated() -> Arc<Keyring> {
    let key = |id: u8, purpose, version, state, slot| {
        (KeyInfo { id: KeyId(id.into()), group: GROUP, purpose, version, state, slot }, Key::new([id; 32]))
    };
    let keys = [
        key(1, KeyPurpose::Data, 1, KeyState::Fading, Slot::A),
        key(5, KeyPurpose::Data, 2, KeyState::Primary, Slot::A),
        key(2, KeyPurpose::Equality, 1, KeyState::Retired, Slot::A),
        key(6, KeyPurpose::Equality, 2, KeyState::Primary, Slot::B),
    ];
    let builder = KeyringBuilder::new([9; 16]).group(GROUP, "one");
    let builder = keys.into_iter().fold(builder, |builder, (info, bytes)| builder.key(info, Some(bytes)));
    Arc::new(builder.build().expect("a sound keyring"))
}

/// Any bytes as a stored value or an array of them; and any plaintext, sealed and then brought to newer keys.
pub fn reseal(data: &[u8]) {
    let (mut cipher, rotated) = (cipher(), rotated());
    let mut resealer = Resealer::new(rotated.clone());
    let array = |element: &[u8]| {
        let len = i32::try_from(element.len()).unwrap_or(0);
        let head: Vec<u8> = [1, 0, 17, 1, 1, len].into_iter().flat_map(i32::to_be_bytes).collect();
        [&head, element].concat()
    };
    let mut sealed = Vec::new();
    let equality = data.first().is_some_and(|byte| byte % 2 == 0).then_some(data);
    cipher.seal(&GROUP, 1, data, equality, &mut sealed).expect("a value of this size can be sealed");
    for goal in [Goal::DataKey, Goal::IndexTerms] {
        let mut out = Vec::new();
        assert!(
            resealer.reseal(&GROUP, None, goal, data, &mut out).is_err() || Envelope::parse(data).is_ok()
        );
        for stored in [data, &array(data)] {
            let done = resealer.reseal_array(&GROUP, None, goal, stored, &mut out);
            assert_eq!(done == Ok(Resealed::Changed), !out.is_empty());
            out.clear();
        }
        // Text that is none has no comparison form.
        let Ok(done) = resealer.reseal(&GROUP, None, goal, &sealed, &mut out) else {
            assert!((std::str::from_utf8(data).is_err() || data.contains(&0)) && out.is_empty());
            continue;
        };
        assert_eq!(done == Resealed::Changed, goal == Goal::DataKey || equality.is_some());
        if done == Resealed::Changed {
            assert!(resealer.is_current(&GROUP, None, goal, &out));
            let mut opened = Vec::new();
            assert_eq!(CellCipher::new(rotated.clone()).open(&GROUP, &out, &mut opened), Ok(1));
            assert_eq!(opened, data);
        }
        let mut whole = Vec::new();
        let again = resealer.reseal_array(&GROUP, None, goal, &array(&sealed), &mut whole);
        assert_eq!(again, Ok(done));
        assert!(whole.is_empty() || whole.len() == out.len() + 24);
    }
}

/// Types that values are read as.
const TYPES: &[&str] = &[
    "text",
    "varchar(5)",
    "varchar",
    "char(4)",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric(6,2)",
    "numeric(3,-1)",
    "bool",
    "date",
    "time",
    "time(2)",
    "timestamp",
    "timestamp(0)",
    "timestamptz",
    "timestamptz(3)",
    "uuid",
    "json",
    "jsonb",
    "bytea",
];

/// Any bytes as a value of a type (first byte) in a format (second byte); what is accepted comes back the same
/// in both formats and through the stored form. Also type names and arrays.
pub fn values(data: &[u8]) {
    let [kind, format, rest @ ..] = data else { return };
    let name = TYPES[usize::from(*kind) % TYPES.len()];
    let ty = Type::parse(name).expect("a known type");
    let settings = Settings::default();
    let input = if format % 2 == 0 { Input::Text(rest) } else { Input::Binary(rest) };
    let _ = value::decode_array(&ty, input, &settings);
    if let Ok(text) = std::str::from_utf8(rest)
        && let Ok(parsed) = Type::parse(text)
    {
        assert_eq!(Type::parse(&parsed.to_string()), Ok(parsed), "a type's name reads back");
        assert_eq!(Type::from_oid(parsed.oid(), parsed.typmod()), Some(parsed));
    }
    let Ok(datum) = Datum::decode(&ty, input, &settings) else { return };
    let _ = datum.equality_bytes(&ty, &settings);
    let Ok(datum) = datum.cast(&ty, CastContext::Assignment, &settings) else { return };
    let plaintext = datum.to_plaintext();
    let stored = Datum::from_plaintext(&ty, plaintext.as_bytes()).expect("what is stored can be read");
    assert!(stored.to_plaintext() == plaintext, "{name}: the stored form");
    for format in [Format::Text, Format::Binary] {
        let (mut out, mut direct) = (Vec::new(), Vec::new());
        if datum.encode(format, &settings, &mut out).is_err() {
            continue;
        }
        value::write_plaintext(&ty, plaintext.as_bytes(), format, &settings, &mut direct)
            .expect("what can be written from a value can be written from its stored form");
        assert!(out == direct, "{name}: two ways to write it in {format:?}");
        let input = if format == Format::Text { Input::Text(&out) } else { Input::Binary(&out) };
        let again = Datum::decode(&ty, input, &settings).expect("what is written can be read");
        let again = again.cast(&ty, CastContext::Assignment, &settings).expect("and assigned");
        assert!(again.to_plaintext() == plaintext, "{name}: through {format:?}");
    }
    // Whatever is in the database under the right key, it is no reason to panic.
    if let Ok(datum) = Datum::from_plaintext(&ty, rest) {
        let _ = datum.encode(Format::Text, &settings, &mut Vec::new());
    }
    let _ = value::write_plaintext(&ty, rest, Format::Text, &settings, &mut Vec::new());
    let _ = value::write_plaintext(&ty, rest, Format::Binary, &settings, &mut Vec::new());
}

/// There is none: a configuration that is fuzzed opens no file.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, _: &SecretSource) -> Result<Zeroizing<String>, SecretError> {
        Err(SecretError { message: "no secrets here".into(), way_out: "none".into() })
    }
}

/// Any text as a configuration: a configuration, or mistakes with a place that is in the text.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse(text, Path::new("/etc/pyrite"), &NoSecrets) {
        Ok(config) => {
            for database in config.databases.values() {
                for ((schema, table), columns) in &database.tables {
                    assert!(!schema.is_empty() && !table.is_empty() && !columns.is_empty());
                    assert!(columns.values().all(|column| !column.equality || column.ty.family().is_some()));
                }
            }
        }
        Err(ConfigError::Invalid { problems, .. }) => {
            assert!(!problems.is_empty(), "a refusal says why");
            let lines = text.matches('\n').count() + 1;
            assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line) && problem.column > 0));
        }
        Err(error) => panic!("{error}"),
    }
}

/// Commands of the admin console: whatever is typed gets commands or an error with a place in the text.
pub fn console(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match pyrite::admin::grammar::parse(text) {
        Ok(commands) => {
            for parsed in commands {
                assert!(text.is_char_boundary(parsed.at));
                if let pyrite::admin::grammar::Command::Explain(range, _) = parsed.command {
                    assert!(text.get(range).is_some_and(|statement| !statement.is_empty()));
                }
            }
        }
        Err(failure) => {
            assert!(!failure.message.is_empty() && failure.sqlstate.len() == 5);
            assert!(failure.at.is_none_or(|at| text.is_char_boundary(at)));
        }
    }
}

/// Columns of the planner's database.
const TABLES: &str = r#"
keys.root = { provider = "env", variable = "ROOT" }
[databases.shop.tables."public.customers"]
email = { type = "varchar(254)", search = ["equality"], group = "email" }
phone = { type = "text", search = ["equality"] }
born = "date"
[databases.shop.tables."public.orders"]
buyer = { type = "text", search = ["equality"], group = "email" }
price = { type = "numeric(10,2)", search = ["equality"] }
[databases.shop.tables.'public."Odd name"']
secret = "text"
"#;

/// What the server would say of that database.
const CATALOG: &str = r#"{
  "path": ["pg_catalog", "public"], "domain": 90001,
  "relations": [
    {"oid": 20001, "schema": "public", "name": "customers", "kind": "r", "columns":
      [["id", 1, 23], ["email", 2, 90001], ["phone", 3, 90001], ["born", 4, 90001], ["city", 5, 25]]},
    {"oid": 20002, "schema": "public", "name": "orders", "kind": "r", "columns":
      [["id", 1, 23], ["buyer", 2, 90001], ["price", 3, 90001], ["note", 4, 25]]},
    {"oid": 20003, "schema": "public", "name": "Odd name", "kind": "r", "columns": [["secret", 1, 90001]]},
    {"oid": 20004, "schema": "public", "name": "plain", "kind": "r", "columns": [["id", 1, 23], ["t", 2, 25]]},
    {"oid": 20005, "schema": "public", "name": "mails", "kind": "v", "columns": [["id", 1, 23], ["email", 2, 90001]],
      "definition": " SELECT customers.id,\n    customers.email\n   FROM public.customers;"}
  ],
  "functions": [{"schema": "public", "name": "peek", "body": "SELECT count(*) FROM customers"}],
  "builtins": ["lower", "upper", "now", "count", "coalesce", "length"]
}"#;

static DATABASE: LazyLock<Database> = LazyLock::new(|| {
    let config = Config::parse(TABLES, Path::new("/"), &NoSecrets).expect("a sound configuration");
    config.databases.into_values().next().unwrap_or_default()
});

static SNAPSHOT: LazyLock<(Catalog, Environment)> = LazyLock::new(|| {
    let group = |name: &str| {
        let mut id = [0; 16];
        id.iter_mut().zip(name.bytes().rev()).for_each(|(to, from)| *to = from);
        Some(GroupId(id).into())
    };
    let catalog = Catalog::from_json(CATALOG, &DATABASE, &group).expect("a sound catalog");
    assert!(catalog.unprotected().is_empty(), "every configured column is encrypted");
    (catalog, Environment::with_path(vec!["pg_catalog".into(), "public".into()]))
});

struct NoNames;

impl LiveNames for NoNames {
    fn protected_statement(&self, _: &str) -> bool {
        false
    }

    fn protected_portal(&self, _: &str) -> bool {
        false
    }
}

/// Any text as a statement and as a script: a plan that fits the text, or a refusal.
pub fn planner(data: &[u8]) {
    let (catalog, environment) = &*SNAPSHOT;
    let _ = sql::screen(catalog, data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let scope = Scope { catalog, environment, names: &NoNames };
    let plan = sql::plan_statement(text, &[25, 0, 1043], &scope);
    let _ = plan.describe(text);
    match &plan {
        Plan::Rewrite(rewrite) => fits(text, rewrite),
        Plan::Refuse(refusal) => assert!(refusal.sqlstate.len() == 5 && !refusal.message.is_empty()),
        _ => {}
    }
    let script = sql::plan_script(text, &scope);
    let _ = script.describe(text);
    if let Script::Rewrite(rewrite) = &script {
        pieces_fit(text, &rewrite.pieces, rewrite.slots.len());
    }
}

/// What the planner makes of a statement: for tests that seeds reach it.
pub fn outcome(text: &str) -> &'static str {
    let (catalog, environment) = &*SNAPSHOT;
    match sql::plan_statement(text, &[], &Scope { catalog, environment, names: &NoNames }) {
        Plan::Rewrite(_) => "rewritten",
        Plan::Refuse(_) => "refused",
        _ => "forwarded",
    }
}

fn fits(text: &str, rewrite: &Rewrite) {
    pieces_fit(text, &rewrite.pieces, rewrite.slots.len());
    for param in &rewrite.params {
        assert!(param.slots.iter().all(|slot| *slot < rewrite.slots.len()));
    }
    let has_number =
        rewrite.slots.iter().all(|s| s.server_param > 0 || matches!(s.source, Source::Literal(_)));
    assert!(has_number, "parameters are counted from 1");
}

fn pieces_fit(text: &str, pieces: &[Piece], slots: usize) {
    for piece in pieces {
        match piece {
            Piece::Source(range) => {
                assert!(text.get(range.clone()).is_some(), "a range of the client's text")
            }
            Piece::Slot(slot) => assert!(*slot < slots),
            Piece::Text(_) => {}
        }
    }
}
