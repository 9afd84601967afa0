//! From what was typed to what is meant: defaults, paths, names, types, key groups.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use zeroize::Zeroizing;

use super::error::{Problems, nearest};
use super::raw::{RawColumn, RawConfig, RawDatabase, RawService, RawTable};
use super::{
    ColumnConfig, Config, Database, Limits, SecretSource, Secrets, Service, Upstream, admin, names, root,
    search,
};
use crate::value::{Family, Type};

/// PostgreSQL's port.
const POSTGRES_PORT: u16 = 5432;
/// More threads than any machine has processors for.
const MAX_WORKERS: u64 = 1024;
/// More clients than one process has ports and descriptors for.
const MAX_CLIENTS: u64 = 100_000;
/// Most distinct values that a condition may be decided on; their terms go to the server as one value.
const MAX_CANDIDATES: u64 = 10_000_000;
/// Longest role, database and group name, as PostgreSQL has it.
pub(super) const NAME_BYTES: usize = 63;
/// Longest path, as Linux has it.
const PATH_BYTES: usize = 4096;
/// Longest key group name: three quoted names with dots, when every byte needs doubling.
const GROUP_BYTES: usize = 400;

/// Decides everything that the file leaves open. `None` if there is a mistake that leaves no answer.
pub(super) fn resolve(
    raw: RawConfig,
    folder: &Path,
    secrets: &dyn Secrets,
    problems: &mut Problems<'_>,
) -> Option<Config> {
    let listen = raw.listen.as_ref().map_or(
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), super::DEFAULT_LISTEN_PORT)),
        |listen| self::listen(listen, problems),
    );
    let upstream =
        raw.upstream.as_ref().map_or(Some(Upstream::Tcp("127.0.0.1".into(), POSTGRES_PORT)), |upstream| {
            self::upstream(upstream, problems)
        });
    if let (Some(listen), Some(upstream)) = (&listen, &upstream) {
        refuse_loop(listen, upstream, raw.upstream.as_ref().or(raw.listen.as_ref()), problems);
    }
    let workers = bounded(raw.workers, MAX_WORKERS, "workers", problems);
    let clients = bounded(raw.max_clients, MAX_CLIENTS, "limits.clients", problems);
    let candidates = bounded(raw.max_candidates, MAX_CANDIDATES, "limits.max_candidates", problems);
    let service = service(raw.service, folder, secrets, problems);
    // Its absence is a mistake that the reading noted.
    let root = raw.root.and_then(|raw| root::resolve(raw, folder, problems));
    if let Some(state) = &raw.state {
        check_name(state, "folder", PATH_BYTES, problems);
    }
    let state = raw.state.map(|state| absolute(folder, state.get_ref()));
    let next_root = raw.next_root.and_then(|raw| root::resolve(raw, folder, problems));
    let admin = admin::resolve(raw.admin, &raw.databases, problems);
    let mut databases = BTreeMap::new();
    for database in raw.databases {
        check_name(&database.name, "database name", NAME_BYTES, problems);
        let name = database.name.get_ref().clone();
        databases.insert(name, self::database(database, problems));
    }
    Some(Config {
        listen: listen?,
        upstream: upstream?,
        workers,
        limits: Limits {
            clients: clients.unwrap_or(Limits::default().clients),
            candidates: candidates.unwrap_or(Limits::default().candidates),
        },
        service: service?,
        root: root?,
        admin,
        path: None,
        next_root,
        state,
        databases,
    })
}

fn listen(listen: &Spanned<String>, problems: &mut Problems<'_>) -> Option<SocketAddr> {
    let text = listen.get_ref();
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    if parsed.is_err() {
        let way_out = if text.parse::<IpAddr>().is_ok() {
            "add the port, as in \"127.0.0.1:6432\"; an IPv6 address needs brackets: \"[::1]:6432\""
        } else if text.starts_with('/') {
            "this version accepts clients over TCP only: write address and port, as in \"127.0.0.1:6432\""
        } else {
            "write an IP address and a port: \"127.0.0.1:6432\", or \"0.0.0.0:6432\" for all interfaces"
        };
        problems.add(&listen.span(), format!("`{text}` is not an address to listen on"), way_out);
    }
    parsed.ok()
}

fn upstream(upstream: &Spanned<String>, problems: &mut Problems<'_>) -> Option<Upstream> {
    parse_upstream(upstream.get_ref())
        .map_err(|way_out| {
            let message = format!("`{upstream}` is not the address of a PostgreSQL server");
            problems.add(&upstream.span(), message, way_out);
        })
        .ok()
}

/// Reads `host`, `host:port`, `[v6]:port`, `/socket/folder`, `/socket/folder:port` or the socket itself.
fn parse_upstream(text: &str) -> Result<Upstream, &'static str> {
    const PORT: &str = "a port is a number from 1 to 65535, as in \"127.0.0.1:5432\"";
    const HOST: &str = "write \"host:port\", \"[IPv6 address]:port\", or the folder of a Unix socket: \
                        \"/var/run/postgresql:5432\"";
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(PORT),
    };
    if text.contains("://") {
        return Err("write host and port only; user, password and database come from the application");
    }
    if text.contains('\0') {
        return Err(HOST);
    }
    if text.starts_with('/') {
        if let Some((folder, number)) = text.rsplit_once("/.s.PGSQL.") {
            let folder = if folder.is_empty() { "/" } else { folder };
            return Ok(Upstream::Unix(folder.into(), port(number)?));
        }
        return match text.rsplit_once(':') {
            Some((folder, number)) => Ok(Upstream::Unix(folder.into(), port(number)?)),
            None => Ok(Upstream::Unix(text.into(), POSTGRES_PORT)),
        };
    }
    let (host, port) = if let Some(inside) = text.strip_prefix('[') {
        let (host, after) = inside.split_once(']').ok_or(HOST)?;
        host.parse::<std::net::Ipv6Addr>().map_err(|_| HOST)?;
        let port = match after.strip_prefix(':') {
            Some(number) => port(number)?,
            None if after.is_empty() => POSTGRES_PORT,
            None => return Err(HOST),
        };
        (host, port)
    } else {
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Err("an IPv6 address needs brackets: \"[::1]:5432\"");
        }
        match text.rsplit_once(':') {
            Some((host, number)) => (host, port(number)?),
            None => (text, POSTGRES_PORT),
        }
    };
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte) || byte >= 0x80;
    let is_v6 = text.starts_with('[');
    if host.is_empty() || !host.bytes().all(sound) || (host.contains(':') && !is_v6) {
        return Err(HOST);
    }
    Ok(Upstream::Tcp(host.to_owned(), port))
}

/// A proxy that is its own server would connect to itself until descriptors run out.
fn refuse_loop(
    listen: &SocketAddr,
    upstream: &Upstream,
    span: Option<&Spanned<String>>,
    problems: &mut Problems<'_>,
) {
    let Upstream::Tcp(host, port) = upstream else { return };
    let local = match host.parse::<IpAddr>() {
        Ok(address) => address == listen.ip() || (address.is_loopback() && listen.ip().is_unspecified()),
        Err(_) => host == "localhost" && (listen.ip().is_loopback() || listen.ip().is_unspecified()),
    };
    if local && *port == listen.port() {
        let span = span.map_or(0..0, Spanned::span);
        let message = "`listen` and `upstream` are the same address: Pyrite would connect to itself";
        problems.add(&span, message, "give Pyrite a port of its own, as in listen = \"127.0.0.1:6432\"");
    }
}

fn bounded(number: Option<Spanned<u64>>, most: u64, key: &str, problems: &mut Problems<'_>) -> Option<usize> {
    let number = number?;
    if *number.get_ref() > most {
        let message = format!("`{key}` is {number}, more than {most}");
        problems.add(&number.span(), message, format!("write a number from 1 to {most}"));
    }
    usize::try_from(*number.get_ref()).ok()
}

pub(super) fn check_name(name: &Spanned<String>, what: &str, most: usize, problems: &mut Problems<'_>) {
    let text = name.get_ref();
    if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
        problems.add(
            &name.span(),
            format!("this {what} is empty, longer than {most} bytes, or has control characters"),
            format!("write the {what} as plain text"),
        );
    }
}

fn service(
    raw: RawService,
    folder: &Path,
    secrets: &dyn Secrets,
    problems: &mut Problems<'_>,
) -> Option<Service> {
    if let Some(user) = &raw.user {
        check_name(user, "role name", NAME_BYTES, problems);
    }
    let user = raw.user.map_or_else(|| super::DEFAULT_SERVICE_USER.to_owned(), Spanned::into_inner);
    let source = match (&raw.password_file, &raw.password_env) {
        (Some(_), Some(variable)) => {
            let message = "both `password_file` and `password_env` are given";
            problems.add(&variable.span(), message, "keep the one that holds the password");
            return None;
        }
        (Some(path), None) => Some((SecretSource::File(absolute(folder, path.get_ref())), path)),
        (None, Some(variable)) => Some((SecretSource::Environment(variable.get_ref().clone()), variable)),
        (None, None) => None,
    };
    let password = match source {
        Some((source, typed)) => Some(password(&source, typed, secrets, problems)?),
        None => None,
    };
    Some(Service { user, password })
}

fn password(
    source: &SecretSource,
    typed: &Spanned<String>,
    secrets: &dyn Secrets,
    problems: &mut Problems<'_>,
) -> Option<Zeroizing<String>> {
    match secrets.read(source) {
        Ok(password) => Some(password),
        Err(error) => {
            problems.add(&typed.span(), error.message, error.way_out);
            None
        }
    }
}

/// Relative paths are relative to the configuration file, wherever the program was started.
fn absolute(folder: &Path, path: &str) -> PathBuf {
    folder.join(path)
}

/// Message and way out for a word that is not known, or not yet.
pub(super) fn unknown_word(what: &str, word: &str, known: &[&str], later: &[&str]) -> (String, String) {
    let way_out = format!("this version has: {}", known.join(", "));
    if later.contains(&word) {
        return (format!("the {what} `{word}` is not in this version"), way_out);
    }
    let way_out = match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => way_out,
    };
    (format!("unknown {what} `{word}`"), way_out)
}

/// What is known of key groups, by name.
#[derive(Default)]
pub(super) struct Groups {
    /// The first column seen of each: what compares with it, and where it stands.
    first: BTreeMap<String, (Option<Family>, Type, String)>,
    /// The first column of ordered text: its collation, and where it stands.
    pub(super) ordered: BTreeMap<String, (Option<String>, String)>,
}

fn database(raw: RawDatabase, problems: &mut Problems<'_>) -> Database {
    let enforce = raw.enforce.is_some_and(|enforce| *enforce.get_ref());
    let mut database = Database { enforce, ..Database::default() };
    let mut groups = Groups::default();
    for table in raw.tables {
        let Some(key) = table_name(&table, problems) else { continue };
        let mut columns = BTreeMap::new();
        for column in table.columns {
            let span = column.name.span();
            let Some((name, column)) = self::column(column, &key, &mut groups, problems) else { continue };
            match columns.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(column);
                }
                Entry::Occupied(entry) => {
                    let message = format!("column {} is given twice", names::display(entry.key()));
                    problems.add(&span, message, "keep one of the two");
                }
            }
        }
        match database.tables.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(columns);
            }
            Entry::Occupied(entry) => {
                let (schema, table_name) = entry.key();
                let shown = format!("{}.{}", names::display(schema), names::display(table_name));
                let message = format!("table {shown} is given twice, in two spellings");
                problems.add(&table.name.span(), message, "keep one section and move the columns there");
            }
        }
    }
    database
}

fn table_name(table: &RawTable, problems: &mut Problems<'_>) -> Option<(String, String)> {
    let key = match names::schema_and_table(table.name.get_ref()) {
        Ok(key) => key,
        Err(error) => {
            problems.add(&table.name.span(), error.message, error.way_out);
            return None;
        }
    };
    let schema = key.0.as_str();
    if schema == "pyrite" || schema == "information_schema" || schema.starts_with("pg_") {
        let message = format!("schema `{schema}` is not one whose columns can be encrypted");
        problems.add(&table.name.span(), message, "name a table of your own");
        return None;
    }
    Some(key)
}

fn column(
    raw: RawColumn,
    table: &(String, String),
    groups: &mut Groups,
    problems: &mut Problems<'_>,
) -> Option<(String, ColumnConfig)> {
    let name = match names::one_part(raw.name.get_ref()) {
        Ok(name) => Some(name),
        Err(error) => {
            problems.add(&raw.name.span(), error.message, error.way_out);
            None
        }
    };
    let kinds = search::kinds(&raw.search, problems);
    let typed = raw.ty?;
    let ty = match Type::parse(typed.get_ref()) {
        Ok(ty) => ty,
        Err(error) => {
            let way_out =
                "types are written as in CREATE TABLE: text, varchar(254), numeric(10,2), timestamptz …";
            problems.add(&typed.span(), error.message, way_out);
            return None;
        }
    };
    search::check(&kinds, ty, &raw.search, &typed.span(), problems);
    let collation = search::collation(raw.collation.as_ref(), ty, problems);
    let name = name?;
    let shown = [table.0.as_str(), table.1.as_str(), name.as_str()].map(names::display).join(".");
    if let Some(group) = &raw.group {
        check_name(group, "group name", GROUP_BYTES, problems);
    }
    let span = raw.group.as_ref().map_or_else(|| raw.name.span(), Spanned::span);
    let group = raw.group.map_or_else(|| shown.clone(), Spanned::into_inner);
    if kinds.order && ty.family() == Some(Family::Text) {
        search::join_order(&group, &span, collation.as_deref(), &shown, groups, problems);
    }
    join_group(&group, &span, ty, shown, groups, problems);
    let search::Kinds { equality, order, caseless, matching } = kinds;
    Some((name, ColumnConfig { ty, equality, order, caseless, matching, collation, group }))
}

/// Columns of one group share keys so that their values compare: they must be of one family.
fn join_group(
    group: &str,
    span: &Range<usize>,
    ty: Type,
    shown: String,
    groups: &mut Groups,
    problems: &mut Problems<'_>,
) {
    match groups.first.entry(group.to_owned()) {
        Entry::Vacant(entry) => {
            entry.insert((ty.family(), ty, shown));
        }
        Entry::Occupied(entry) => {
            let (family, other, first) = entry.get();
            if *family != ty.family() {
                let message = format!(
                    "{shown} ({ty}) and {first} ({other}) are in one key group, but PostgreSQL does not \
                     compare their types by one equality"
                );
                problems.add(span, message, "give one of them another group, or a type of the same family");
            }
        }
    }
}
