//! docs/sql.md against the differential corpus: each reason for which a case is marked as refused is a row of its
//! table of refusals, and each row of that is the reason of a case. So it can neither forget nor invent one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by panicking

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    std::fs::read_to_string(root().join("docs/sql.md")).expect("docs/sql.md")
}

/// The cells of the tables under a heading, row by row, without the tables' heads.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document.split("\n## ").find(|section| section.lines().next() == Some(heading));
    let section = section.unwrap_or_else(|| panic!("docs/sql.md has no section {heading:?}"));
    let lines: Vec<&str> = section.lines().collect();
    let is_rule = |line: &str| line.starts_with("|---");
    let mut rows = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let head = lines.get(n + 1).is_some_and(|next| is_rule(next));
        if line.starts_with('|') && !is_rule(line) && !head {
            let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
            rows.push(cells.collect());
        }
    }
    assert!(!rows.is_empty(), "{heading} has no table");
    rows
}

fn case_files() -> Vec<PathBuf> {
    let folder = root().join("tests/differential/cases");
    let files = std::fs::read_dir(folder).expect("the cases").flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|end| end == "sql")).collect()
}

/// The reasons that cases give for a refusal.
fn reasons() -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    for path in case_files() {
        let text = std::fs::read_to_string(&path).expect("a case file");
        for line in text.lines().filter_map(|line| line.strip_prefix("--@ refused ")) {
            let (_, reason) = line.split_once(':').unwrap_or_else(|| panic!("{line}: no reason"));
            reasons.insert(reason.trim().to_owned());
        }
    }
    reasons
}

#[test]
fn each_refusal_is_documented_and_each_documented_one_is_tested() {
    let documented: BTreeSet<String> =
        rows(&document(), "What is refused").into_iter().filter_map(|row| row.into_iter().next()).collect();
    let tested = reasons();
    let missing: Vec<&String> = tested.difference(&documented).collect();
    let stale: Vec<&String> = documented.difference(&tested).collect();
    assert!(missing.is_empty(), "refused by cases, and not in docs/sql.md: {missing:#?}");
    assert!(stale.is_empty(), "in docs/sql.md, and refused by no case: {stale:#?}");
}

#[test]
fn each_refusal_has_its_reason_and_a_way_out() {
    for row in rows(&document(), "What is refused") {
        assert!(row.len() == 3 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn each_category_of_cases_is_described() {
    let described: BTreeSet<String> =
        rows(&document(), "What is answered").into_iter().filter_map(|row| row.into_iter().next()).collect();
    let stem = |path: PathBuf| path.file_stem().map(|stem| format!("`{}`", stem.to_string_lossy()));
    let existing: BTreeSet<String> = case_files().into_iter().filter_map(stem).collect();
    assert_eq!(described, existing, "the categories of tests/differential/cases");
}
