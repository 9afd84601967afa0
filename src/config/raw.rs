//! The file as it was typed: sections, keys and their positions, with the shapes of values checked and
//! nothing yet decided about their meaning.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problems, nearest};

/// Every key of every section; the documentation is checked against it.
pub const KEYS: &[(&str, &[&str])] = &[
    ("", TOP),
    ("keys", ROOT_SECTION),
    ("keys.root", ROOT),
    ("keys.next_root", ROOT),
    ("service", SERVICE),
    ("limits", LIMITS),
    ("admin", ADMIN),
    ("databases.NAME", DATABASE),
    ("databases.NAME.tables.\"SCHEMA.TABLE\".COLUMN", COLUMN),
];

const TOP: &[&str] = &["listen", "upstream", "workers", "keys", "service", "limits", "admin", "databases"];
const ROOT_SECTION: &[&str] = &["root", "next_root", "state"];
/// Of all providers together; each has a use for some of them.
const ROOT: &[&str] = &[
    "provider",
    "path",
    "variable",
    "module",
    "token",
    "slot",
    "key",
    "key_id",
    "pin_file",
    "pin_env",
    "region",
    "endpoint",
    "profile",
    "address",
    "mount",
    "namespace",
    "token_file",
    "token_env",
    "ca_file",
    "timeout",
];
/// Those of them that are numbers.
const ROOT_NUMBERS: &[&str] = &["slot", "timeout"];
const SERVICE: &[&str] = &["user", "password_file", "password_env"];
const LIMITS: &[&str] = &["clients", "max_candidates"];
const ADMIN: &[&str] = &["roles", "database"];
const DATABASE: &[&str] = &["enforce", "tables"];
const COLUMN: &[&str] = &["type", "search", "group", "collation"];

/// The file, by sections.
pub(super) struct RawConfig {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) upstream: Option<Spanned<String>>,
    pub(super) workers: Option<Spanned<u64>>,
    pub(super) max_clients: Option<Spanned<u64>>,
    pub(super) max_candidates: Option<Spanned<u64>>,
    pub(super) service: RawService,
    pub(super) root: Option<RawRoot>,
    pub(super) admin: RawAdmin,
    pub(super) next_root: Option<RawRoot>,
    pub(super) state: Option<Spanned<String>>,
    pub(super) databases: Vec<RawDatabase>,
}

/// Section `admin`.
#[derive(Default)]
pub(super) struct RawAdmin {
    pub(super) roles: Vec<Spanned<String>>,
    pub(super) database: Option<Spanned<String>>,
}

/// Section `service`.
#[derive(Default)]
pub(super) struct RawService {
    pub(super) user: Option<Spanned<String>>,
    pub(super) password_file: Option<Spanned<String>>,
    pub(super) password_env: Option<Spanned<String>>,
}

/// Key `root` or `next_root` of section `keys`.
pub(super) struct RawRoot {
    pub(super) name: &'static str,
    pub(super) span: Range<usize>,
    pub(super) provider: Option<Spanned<String>>,
    pub(super) texts: Vec<(&'static str, Spanned<String>)>,
    pub(super) numbers: Vec<(&'static str, Spanned<u64>)>,
    /// Keys whose value is of the wrong kind, which has been noted.
    pub(super) mistyped: Vec<&'static str>,
}

/// A section `databases.NAME`.
pub(super) struct RawDatabase {
    pub(super) name: Spanned<String>,
    pub(super) enforce: Option<Spanned<bool>>,
    pub(super) tables: Vec<RawTable>,
}

/// A section `databases.NAME.tables."SCHEMA.TABLE"`.
pub(super) struct RawTable {
    pub(super) name: Spanned<String>,
    pub(super) columns: Vec<RawColumn>,
}

/// One column of a table.
pub(super) struct RawColumn {
    pub(super) name: Spanned<String>,
    pub(super) ty: Option<Spanned<String>>,
    pub(super) search: Vec<Spanned<String>>,
    pub(super) group: Option<Spanned<String>>,
    pub(super) collation: Option<Spanned<String>>,
}

impl RawConfig {
    /// Reads the text. Syntax errors end the reading; all else is collected.
    pub(super) fn read(text: &str, problems: &mut Problems<'_>) -> Option<Self> {
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let duplicate = error.message().starts_with("duplicate key");
                let way_out =
                    if duplicate { "keep one of the two" } else { "see https://toml.io for the syntax" };
                problems.add(&span, format!("not valid TOML: {}", error.message()), way_out);
                return None;
            }
        };
        let top = Section { path: String::new(), table: document.get_ref() };
        top.refuse_unknown(TOP, problems);
        let (root, next_root, state) = keys(&top, problems);
        let [max_clients, max_candidates] = limits(&top, problems);
        Some(Self {
            listen: top.string("listen", problems),
            upstream: top.string("upstream", problems),
            workers: top.count("workers", problems),
            max_clients,
            max_candidates,
            service: service(&top, problems),
            root,
            next_root,
            state,
            admin: admin(&top, problems),
            databases: databases(&top, problems),
        })
    }
}

/// Clients, then candidates.
fn limits(top: &Section<'_, '_>, problems: &mut Problems<'_>) -> [Option<Spanned<u64>>; 2] {
    let Some((_, section)) = top.section("limits", problems) else { return [None, None] };
    section.refuse_unknown(LIMITS, problems);
    [section.count("clients", problems), section.count("max_candidates", problems)]
}

fn admin(top: &Section<'_, '_>, problems: &mut Problems<'_>) -> RawAdmin {
    let Some((_, section)) = top.section("admin", problems) else { return RawAdmin::default() };
    section.refuse_unknown(ADMIN, problems);
    RawAdmin { roles: section.strings("roles", problems), database: section.string("database", problems) }
}

fn service(top: &Section<'_, '_>, problems: &mut Problems<'_>) -> RawService {
    let Some((_, section)) = top.section("service", problems) else { return RawService::default() };
    section.refuse_unknown(SERVICE, problems);
    RawService {
        user: section.string("user", problems),
        password_file: section.string("password_file", problems),
        password_env: section.string("password_env", problems),
    }
}

/// `root`, `next_root` and `state` of section `keys`.
type RawKeys = (Option<RawRoot>, Option<RawRoot>, Option<Spanned<String>>);

fn keys(top: &Section<'_, '_>, problems: &mut Problems<'_>) -> RawKeys {
    let missing = |span: Range<usize>, problems: &mut Problems<'_>| {
        let message = "there is no root key: section [keys] with `root` is missing";
        let way_out = "write [keys] and root = { provider = \"file\", path = \"root.key\" }; \
                       `pyrite init` writes both files";
        problems.add(&span, message, way_out);
    };
    let Some((key, _)) = top.table.get_key_value("keys") else {
        missing(0..0, problems);
        return (None, None, None);
    };
    let Some((_, keys)) = top.section("keys", problems) else { return (None, None, None) };
    keys.refuse_unknown(ROOT_SECTION, problems);
    if !keys.table.contains_key("root") {
        missing(key.span(), problems);
    }
    let state = keys.string("state", problems);
    (root(&keys, "root", problems), root(&keys, "next_root", problems), state)
}

fn root(keys: &Section<'_, '_>, name: &'static str, problems: &mut Problems<'_>) -> Option<RawRoot> {
    let (span, section) = keys.section(name, problems)?;
    section.refuse_unknown(ROOT, problems);
    let provider = section.string("provider", problems);
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for key in ROOT.iter().copied().filter(|key| *key != "provider") {
        if ROOT_NUMBERS.contains(&key) {
            numbers.extend(section.number(key, problems).map(|value| (key, value)));
        } else {
            texts.extend(section.string(key, problems).map(|value| (key, value)));
        }
    }
    let read = |key: &str| {
        (key == "provider" && provider.is_some())
            || texts.iter().any(|(known, _)| *known == key)
            || numbers.iter().any(|(known, _)| *known == key)
    };
    let mistyped =
        ROOT.iter().copied().filter(|key| section.table.contains_key(*key) && !read(key)).collect();
    Some(RawRoot { name, span, provider, texts, numbers, mistyped })
}

fn databases(top: &Section<'_, '_>, problems: &mut Problems<'_>) -> Vec<RawDatabase> {
    let Some((_, section)) = top.section("databases", problems) else { return Vec::new() };
    let mut databases = Vec::new();
    for (name, database) in section.sections(problems) {
        database.refuse_unknown(DATABASE, problems);
        let enforce = database.switch("enforce", problems);
        let tables = database.section("tables", problems).map(|(_, tables)| tables);
        let tables = tables.iter().flat_map(|tables| tables.sections(problems)).collect::<Vec<_>>();
        let tables = tables
            .into_iter()
            .filter(|(name, table)| !nests_too_deep(name, table, problems))
            .collect::<Vec<_>>();
        let tables = tables
            .into_iter()
            .map(|(name, table)| {
                if table.table.is_empty() {
                    let message = format!("table `{name}` names no column");
                    let way_out = "name the columns to encrypt, as in email = \"text\"";
                    problems.add(&name.span(), message, way_out);
                }
                RawTable { columns: columns(&table, problems), name }
            })
            .collect();
        databases.push(RawDatabase { name, enforce, tables });
    }
    databases
}

fn columns(table: &Section<'_, '_>, problems: &mut Problems<'_>) -> Vec<RawColumn> {
    let mut columns = Vec::new();
    for (key, value) in table.table {
        let name = Spanned::new(key.span(), key.get_ref().to_string());
        match value.get_ref() {
            DeValue::String(ty) => columns.push(RawColumn {
                name,
                ty: Some(Spanned::new(value.span(), ty.to_string())),
                search: Vec::new(),
                group: None,
                collation: None,
            }),
            DeValue::Table(inner) => {
                let section = Section { path: table.child(name.get_ref()), table: inner };
                section.refuse_unknown(COLUMN, problems);
                let ty = section.string("type", problems);
                if ty.is_none() && !inner.contains_key("type") {
                    problems.add(
                        &key.span(),
                        format!("column `{name}` has no type"),
                        "give the type that the application sees, as in type = \"varchar(254)\"",
                    );
                }
                columns.push(RawColumn {
                    ty,
                    search: section.strings("search", problems),
                    group: section.string("group", problems),
                    collation: section.string("collation", problems),
                    name,
                });
            }
            other => problems.add(
                &value.span(),
                format!("column `{name}` should be a type or a table, not {}", kind(other)),
                format!(
                    "write {name} = \"text\", or {name} = {{ type = \"text\", search = [\"equality\"] }}"
                ),
            ),
        }
    }
    columns
}

/// Whether a header's dot was left outside the quotes, as in `[databases.shop.tables.public.customers]`,
/// which TOML reads as a table `public` with a column `customers`.
fn nests_too_deep(name: &Spanned<String>, table: &Section<'_, '_>, problems: &mut Problems<'_>) -> bool {
    if name.get_ref().contains('.') {
        return false;
    }
    let deeper = table
        .table
        .iter()
        .find(|(_, value)| matches!(value.get_ref(), DeValue::Table(inner) if !inner.contains_key("type")));
    if let Some((inner, _)) = deeper {
        problems.add(
            &name.span(),
            format!("`{name}` and `{inner}` are schema and table of one name, and TOML reads them as two"),
            format!("write one pair of quotes around both: [databases.NAME.tables.\"{name}.{inner}\"]"),
        );
    }
    deeper.is_some()
}

/// A table of the file, and where in it.
struct Section<'a, 'i> {
    path: String,
    table: &'a DeTable<'i>,
}

impl<'a, 'i> Section<'a, 'i> {
    fn child(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn refuse_unknown(&self, known: &[&str], problems: &mut Problems<'_>) {
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let place = match self.path.as_str() {
                "" => "at the top of the file".to_owned(),
                path => format!("in [{path}]"),
            };
            let way_out = match nearest(key.get_ref(), known) {
                _ if key.get_ref().as_ref() == "password" => {
                    "a password does not belong in this file: use password_file or password_env".to_owned()
                }
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            problems.add(&key.span(), format!("unknown key `{key}` {place}"), way_out);
        }
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'i>>, expected: &str, problems: &mut Problems<'_>) {
        problems.add(
            &value.span(),
            format!("`{}` should be {expected}, not {}", self.child(key), kind(value.get_ref())),
            match expected {
                "a string" => format!("write {key} = \"…\", in quotes"),
                "a list of strings" => format!("write {key} = [\"…\"], in brackets and quotes"),
                "a table" => format!("write {key} = {{ … }}, or a section [{}]", self.child(key)),
                "true or false" => format!("write {key} = true, without quotes"),
                "a number" => format!("write {key} = 4, without quotes, from 0 up"),
                _ => format!("write {key} = 4, without quotes, from 1 up"),
            },
        );
    }

    fn string(&self, key: &str, problems: &mut Problems<'_>) -> Option<Spanned<String>> {
        let value = self.table.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Spanned::new(value.span(), text.to_string())),
            _ => {
                self.wrong(key, value, "a string", problems);
                None
            }
        }
    }

    fn switch(&self, key: &str, problems: &mut Problems<'_>) -> Option<Spanned<bool>> {
        let value = self.table.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(on) => Some(Spanned::new(value.span(), *on)),
            _ => {
                self.wrong(key, value, "true or false", problems);
                None
            }
        }
    }

    fn strings(&self, key: &str, problems: &mut Problems<'_>) -> Vec<Spanned<String>> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, value, "a list of strings", problems);
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => strings.push(Spanned::new(item.span(), text.to_string())),
                _ => self.wrong(key, item, "a list of strings", problems),
            }
        }
        strings
    }

    fn count(&self, key: &str, problems: &mut Problems<'_>) -> Option<Spanned<u64>> {
        let value = self.table.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        match number {
            Some(number) if number > 0 => Some(Spanned::new(value.span(), number)),
            _ => {
                self.wrong(key, value, "a positive number", problems);
                None
            }
        }
    }

    /// Like [`Section::count`], from 0.
    fn number(&self, key: &str, problems: &mut Problems<'_>) -> Option<Spanned<u64>> {
        let value = self.table.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(key, value, "a number", problems);
        }
        number.map(|number| Spanned::new(value.span(), number))
    }

    fn section(&self, key: &str, problems: &mut Problems<'_>) -> Option<(Range<usize>, Section<'a, 'i>)> {
        let (name, value) = self.table.get_key_value(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some((name.span(), Section { path: self.child(key), table })),
            _ => {
                self.wrong(key, value, "a table", problems);
                None
            }
        }
    }

    /// All entries, each of which must be a table.
    fn sections(&self, problems: &mut Problems<'_>) -> Vec<(Spanned<String>, Section<'a, 'i>)> {
        let mut sections = Vec::new();
        for key in self.table.keys() {
            if let Some((span, section)) = self.section(key.get_ref(), problems) {
                sections.push((Spanned::new(span, key.get_ref().to_string()), section));
            }
        }
        sections
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
