//! What the statements of one text leave for those behind them, which are planned before any has run.
//!
//! Tables made and dropped are followed exactly; whatever else may change the meaning of a name makes the
//! rest of the text unknown.

use std::borrow::Cow;
use std::ops::Range;

use super::create::{split_commas, table_name};
use super::lexer::Tokens;
use super::plan::Naming;
use super::screen::Screen;
use super::statement::Outcome;
use super::types;
use crate::catalog::{Catalog, Declared, Environment};

/// Settings that change neither names nor values.
const INNOCENT_SETTINGS: &[&str] = &[
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "client_min_messages",
    "check_function_bodies",
    "row_security",
    "default_tablespace",
    "default_table_access_method",
];

/// The state behind the statements so far.
pub(super) struct Following<'a> {
    /// The catalog as they leave it.
    pub catalog: Cow<'a, Catalog>,
    /// Whether that is all that can be said.
    pub unknown: bool,
    /// Names that they give to views, and to what they rename.
    pub made: Vec<String>,
    /// Names of statements and cursors that they make and remove.
    pub names: Vec<Naming>,
    environment: &'a Environment,
}

impl<'a> Following<'a> {
    pub fn new(catalog: &'a Catalog, environment: &'a Environment) -> Self {
        Self {
            catalog: Cow::Borrowed(catalog),
            unknown: false,
            made: Vec::new(),
            names: Vec::new(),
            environment,
        }
    }

    /// Takes in what the statement in tokens `range` does.
    pub fn behind(&mut self, tokens: &Tokens<'_>, range: Range<usize>, outcome: &Outcome, effect: Screen) {
        if let Outcome::Rewrite(done, _) = outcome {
            self.names.extend(done.special.naming.clone());
        }
        if effect.catalog && effect.touches {
            self.made.extend(made_name(tokens, range.clone()));
        }
        if self.unknown || !(effect.environment || effect.catalog || effect.transaction_end) {
            return;
        }
        self.unknown = !self.follow(tokens, range, effect);
        if let Outcome::Rewrite(done, _) = outcome {
            for (schema, name) in &done.indexes {
                self.catalog.to_mut().take_name(schema, name);
            }
        }
    }

    /// Whether everything that the statement changes is known.
    fn follow(&mut self, tokens: &Tokens<'_>, range: Range<usize>, effect: Screen) -> bool {
        let at = range.start + 1;
        let is = |index: usize, words: &[&str]| words.iter().any(|word| tokens.is_word(index, word));
        if is(range.start, &["create"]) {
            let replaced = is(at, &["or"]) && is(at + 1, &["replace"]);
            let at = if replaced { at + 2 } else { at };
            let at = if is(at, &["unlogged", "unique"]) { at + 1 } else { at };
            if is(at, &["table"]) {
                // Functions in a default are not called.
                return self.create_table(tokens, at + 1..range.end);
            }
            return is(at, &["index", "sequence", "type", "trigger", "function", "procedure"]);
        }
        if is(range.start, &["drop"]) {
            return match tokens.raw(at).to_ascii_lowercase().as_str() {
                "table" => self.drop_table(tokens, at + 1..range.end),
                "index" | "sequence" | "trigger" | "function" | "procedure" => true,
                _ => false,
            };
        }
        if is(range.start, &["alter"]) {
            return adds_constraint(tokens, range);
        }
        if is(range.start, &["set"]) {
            let at = if is(at, &["session", "local"]) { at + 1 } else { at };
            return is(at, INNOCENT_SETTINGS);
        }
        // What is undone may be what was followed.
        if is(range.start, &["rollback", "abort", "prepare"]) {
            return matches!(self.catalog, Cow::Borrowed(_)) && !effect.environment;
        }
        !effect.environment
            && (!effect.catalog || is(range.start, &["grant", "revoke", "refresh", "reassign"]))
    }

    /// CREATE TABLE, from behind the keyword.
    fn create_table(&mut self, tokens: &Tokens<'_>, range: Range<usize>) -> bool {
        let ((schema, name), name_tokens) = table_name(tokens, range.start, self.environment);
        let open = name_tokens.end;
        let Some(close) = tokens.close(open).filter(|_| tokens.is_sign(open, "(")) else { return false };
        let derived =
            (close + 1..range.end).any(|i| tokens.is_word(i, "inherits") || tokens.is_word(i, "as"));
        if derived || schema.is_empty() || name.is_empty() || schema.starts_with("pg_temp") {
            return false;
        }
        if self.catalog.relation(&schema, &name).is_none() {
            let columns = columns(tokens, open + 1..close);
            self.catalog.to_mut().create_provisional(&schema, &name, columns);
        }
        true
    }

    /// DROP TABLE, from behind the keyword.
    fn drop_table(&mut self, tokens: &Tokens<'_>, range: Range<usize>) -> bool {
        let mut at = range.start;
        if tokens.is_word(at, "if") && tokens.is_word(at + 1, "exists") {
            at += 2;
        }
        for item in split_commas(tokens, at..range.end) {
            let Some(first) = tokens.name(item.start) else { return false };
            let qualified = tokens.is_sign(item.start + 1, ".");
            let behind = item.start + if qualified { 3 } else { 1 };
            let end = ["cascade", "restrict"].iter().any(|word| tokens.is_word(behind, word));
            if behind < item.end && !end {
                return false;
            }
            let found = if qualified {
                tokens.name(item.start + 2).map(|name| (first, name))
            } else if self.environment.temporary(&first).is_some() {
                None
            } else {
                let mut path = self.environment.path().iter();
                let schema = path.find(|schema| self.catalog.relation(schema, &first).is_some()).cloned();
                // Nothing to drop: an error, or a notice.
                let Some(schema) = schema else { continue };
                Some((schema, first))
            };
            let Some((schema, name)) = found.filter(|(schema, _)| !schema.starts_with("pg_temp")) else {
                return false;
            };
            self.catalog.to_mut().drop_provisional(&schema, &name);
        }
        true
    }
}

/// The name that CREATE VIEW or ALTER … RENAME TO gives.
fn made_name(tokens: &Tokens<'_>, range: Range<usize>) -> Option<String> {
    let keyword = |index: usize| match tokens.is_word(range.start, "create") {
        true => tokens.is_word(index, "view"),
        false => tokens.is_word(index, "to") && tokens.is_word(index.wrapping_sub(1), "rename"),
    };
    let mut at = range.clone().find(|&index| keyword(index))? + 1;
    if tokens.is_word(at, "if") {
        at += 3;
    }
    while tokens.is_sign(at + 1, ".") {
        at += 2;
    }
    tokens.name(at)
}

/// The columns in a CREATE TABLE's parentheses, if they are all written out.
fn columns(tokens: &Tokens<'_>, range: Range<usize>) -> Option<Vec<Declared>> {
    const CONSTRAINTS: &[&str] = &["constraint", "unique", "primary", "check", "foreign", "exclude"];
    if range.clone().any(|i| tokens.name(i).as_deref() == Some("pyrite")) {
        return None;
    }
    let mut list = Vec::new();
    for element in split_commas(tokens, range) {
        let at = element.start;
        if CONSTRAINTS.iter().any(|word| tokens.is_word(at, word)) {
            continue;
        }
        if tokens.is_word(at, "like") {
            return None;
        }
        let name = tokens.name(at)?;
        let oid = types::at(tokens, at + 1).and_then(|(declared, _)| {
            let array = declared.array;
            declared.ty.map(|ty| if array { ty.array_oid() } else { ty.oid() })
        });
        list.push((name, oid.unwrap_or_default()));
    }
    Some(list)
}

/// `ALTER TABLE … ADD CONSTRAINT` and the like, which leave a table's columns alone.
fn adds_constraint(tokens: &Tokens<'_>, range: Range<usize>) -> bool {
    let mut at = range.start + 1;
    if !tokens.is_word(at, "table") || split_commas(tokens, range.clone()).len() != 1 {
        return false;
    }
    at += 1;
    if tokens.is_word(at, "if") {
        at += 2;
    }
    if tokens.is_word(at, "only") {
        at += 1;
    }
    at += if tokens.is_sign(at + 1, ".") { 3 } else { 1 };
    let constraint = ["constraint", "primary", "unique", "foreign", "check"];
    tokens.is_word(at, "add") && constraint.iter().any(|word| tokens.is_word(at + 1, word))
}
