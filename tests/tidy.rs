//! The house rules that a compiler does not check: who may use whom, sizes, words, links.

#![allow(clippy::panic)] // a test ends by panicking

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file of code, in lines: what one can hold in the head.
const MAX_LINES: usize = 600;

/// Tables of test inputs, one a line: these are not read from top to bottom.
const TABLES: &[&str] = &["tests/value_differential/inputs.rs"];

/// What each room may use of the others. A room that is not named here fails the test.
const MAY_USE: &[(&str, &[&str])] = &[
    // Pure: bytes in, bytes out.
    ("wire", &[]),
    ("value", &[]),
    ("evaluate", &["value"]),
    ("crypto", &[]),
    ("config", &["value"]),
    ("transport", &["wire"]),
    // Never sees a key: neither `keys` nor `crypto` nor `transform`.
    ("catalog", &["config", "sql", "value"]),
    ("sql", &["catalog", "config", "evaluate", "value"]),
    // Sees keys and wrapped keys, never a value.
    ("keys", &["config", "crypto"]),
    // The only place where plaintext and keys meet.
    ("transform", &["catalog", "crypto", "evaluate", "keys", "sql", "value"]),
    // Rewrites stored values: key rotation and what else sweeps.
    ("jobs", &["catalog", "config", "database", "keys", "sql", "transform"]),
    // The console: speaks to operators, holds no key.
    (
        "admin",
        &["catalog", "config", "database", "jobs", "keys", "session", "sql", "transport", "value", "wire"],
    ),
    // Catalog and keyring of each database, kept fresh.
    ("database", &["catalog", "config", "keys"]),
    ("session", &["catalog", "config", "database", "keys", "sql", "transform", "transport", "value", "wire"]),
    ("server", &["admin", "catalog", "config", "database", "jobs", "keys", "session", "transport", "wire"]),
    ("demo", &["config", "keys", "server"]),
    ("cli", &["catalog", "config", "database", "demo", "keys", "server", "sql", "value"]),
    ("main", &["cli"]),
    ("lib", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with one of these extensions, in order.
fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    fn walk(path: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if !["target", "node_modules", ".venv"].iter().any(|skip| name == *skip) {
                    walk(&path, extensions, found);
                }
            } else if path.extension().is_some_and(|end| extensions.iter().any(|known| end == *known)) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), extensions, &mut found);
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", shown(path)))
}

/// The code of a file up to its unit tests, without comments.
fn code(path: &Path) -> String {
    let text = read(path);
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem == "tests" || stem.ends_with("_tests") || path.components().any(|part| part.as_os_str() == "tests")
}

/// The rooms that a piece of code names as `crate::room` or in `crate::{…}`.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut used = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            used.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (index, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    used.insert(word(&group[index..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    used
}

#[test]
fn imports_are_found() {
    let used =
        rooms_used("use crate::wire::Frame;\nuse crate::{\n    keys::{A, B}, sql,\n};\ncrate::value::x()");
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["keys", "sql", "value", "wire"]);
}

#[test]
fn rooms_use_only_what_they_may() {
    let mut broken = Vec::new();
    for path in files("src", &["rs"]).iter().filter(|path| !is_test(path)) {
        let relative = shown(path);
        let room =
            relative.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            broken.push(format!("{relative}: the room `{room}` has no line in MAY_USE"));
            continue;
        };
        for used in rooms_used(&code(path)) {
            let is_room = MAY_USE.iter().any(|(name, _)| *name == used);
            if is_room && used != room && !allowed.contains(&used.as_str()) {
                broken.push(format!("{relative} uses `{used}`"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn plaintext_and_keys_meet_in_one_room() {
    for (room, allowed) in MAY_USE {
        let both = allowed.contains(&"value") && allowed.contains(&"crypto");
        assert_eq!(both, *room == "transform", "{room}");
    }
}

#[test]
fn files_have_a_size_that_can_be_read() {
    let mut long = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz"] {
        for path in files(folder, &["rs"]) {
            let lines = read(&path).lines().count();
            if lines > MAX_LINES && !TABLES.contains(&shown(&path).as_str()) {
                long.push(format!("{}: {lines} lines, more than {MAX_LINES}", shown(&path)));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    // Put together here, so that this file passes its own test.
    let anywhere = [["to", "do!"], ["unimple", "mented!"], ["FIX", "ME"], ["#[ign", "ore"], ["db", "g!("]];
    let in_src =
        [["print", "ln!("], ["allow(clippy::", "all"], ["allow(clippy::", "unwrap"], ["allow(", "warnings"]];
    let mut found = Vec::new();
    for path in ["src", "tests", "benches", "fuzz"].iter().flat_map(|folder| files(folder, &["rs"])) {
        let text = read(&path);
        let words = anywhere.iter().chain(in_src.iter().filter(|_| path.starts_with(root().join("src"))));
        for word in words.map(|parts| parts.concat()) {
            for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains(&word)) {
                let to_standard_error = word.starts_with("print") && line.contains(&format!("e{word}"));
                if !to_standard_error {
                    found.push(format!("{}:{}: {word}", shown(&path), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    for path in files("src", &["rs"]).iter().filter(|path| !is_test(path)) {
        assert!(
            read(path).starts_with("//! "),
            "{} does not begin with a line of documentation",
            shown(path)
        );
    }
}

#[test]
fn lints_are_on() {
    let manifest = read(&root().join("Cargo.toml"));
    for lint in ["missing_docs", "unwrap_used", "expect_used", "panic", "dbg_macro", "print_stdout"] {
        assert!(manifest.contains(&format!("{lint} = \"warn\"")), "Cargo.toml no longer has the lint {lint}");
    }
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut documents = files("docs", &["md"]);
    documents.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let mut broken = Vec::new();
    for document in documents {
        let text = read(&document);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            if !document.parent().unwrap_or(root()).join(file).exists() {
                broken.push(format!("{}: {target}", shown(&document)));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
