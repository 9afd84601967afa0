//! CREATE TABLE of a configured table.
//!
//! Encrypted columns get the domain `pyrite.encrypted`; UNIQUE and PRIMARY KEY on them become unique
//! expression indexes of the names that PostgreSQL would give the constraints. As this takes several
//! statements where the client sent one, they go inside one DO block.

use std::fmt::Write as _;
use std::ops::Range;

use super::Scope;
use super::edits::{Edits, Part};
use super::indexes;
use super::lexer::Tokens;
use super::planner::{Finished, Mode, Planner, quote_identifier};
use super::refuse::{Draft, Planned, syntax, unsupported};
use super::statement::Outcome;
use super::types;
use crate::catalog::{Catalog, Environment, PlannedColumns};
use crate::config::ColumnConfig;

/// Schema and name of the table that a CREATE TABLE makes; the name's tokens behind them.
pub(super) fn table_name(
    tokens: &Tokens<'_>,
    mut at: usize,
    environment: &Environment,
) -> ((String, String), Range<usize>) {
    if tokens.is_word(at, "if") && tokens.is_word(at + 1, "not") && tokens.is_word(at + 2, "exists") {
        at += 3;
    }
    let first = tokens.name(at).unwrap_or_default();
    if tokens.is_sign(at + 1, ".") {
        return ((first, tokens.name(at + 2).unwrap_or_default()), at..at + 3);
    }
    let schema = environment.creation_schema().unwrap_or_default().to_owned();
    ((schema, first), at..at + 1)
}

/// A unique constraint over at least one encrypted column.
struct Unique {
    name: Option<String>,
    columns: Vec<String>,
    primary: bool,
}

/// The statement as it is taken apart.
struct Table<'a> {
    tokens: &'a Tokens<'a>,
    catalog: &'a Catalog,
    configured: &'a PlannedColumns,
    schema: String,
    name: String,
    uniques: Vec<Unique>,
    /// Encrypted columns that the statement makes.
    encrypted: Vec<String>,
}

/// Plans CREATE TABLE of a configured table.
pub(super) fn table(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
    mode: Mode,
) -> Planned<Outcome> {
    let keyword = (range.start..range.end).find(|&i| tokens.is_word(i, "table")).unwrap_or(range.start);
    let ((schema, name), name_tokens) = table_name(tokens, keyword + 1, scope.environment);
    let Some(configured) = scope.catalog.configured(&schema, &name) else { return Ok(Outcome::Forward) };
    // Checks parameters, which CREATE TABLE cannot have.
    let planner = Planner::new(tokens, range.clone(), scope.catalog, scope.environment, mode, &[])?;
    if !planner.params.is_empty() {
        return Err(Draft::new("42P02", "there is no parameter $1"));
    }
    let open = name_tokens.end;
    let Some(close) = tokens.close(open).filter(|_| tokens.is_sign(open, "(")) else {
        return Err(unsupported(
            format!("this form of CREATE TABLE for configured table {schema}.{name}"),
            "Write the columns out.",
        )
        .at(Some(open)));
    };
    super::utility::references(tokens, range.clone(), false, scope)?;
    super::guard::inherited(tokens, open..range.end, configured, scope)?;
    let mut table = Table {
        tokens,
        catalog: scope.catalog,
        configured,
        schema: schema.clone(),
        name: name.clone(),
        uniques: Vec::new(),
        encrypted: Vec::new(),
    };
    let mut elements = Vec::new();
    for element in split_commas(tokens, open + 1..close) {
        elements.extend(table.element(element)?);
    }
    for index in close + 1..range.end {
        if tokens.name(index).is_some_and(|n| table.encrypted.contains(&n)) {
            return Err(unsupported(
                "an encrypted column behind CREATE TABLE's column list",
                "Partition and \
                 cluster by plain columns.",
            )
            .at(Some(index)));
        }
    }
    let qualified = format!("{}.{}", quote_identifier(&schema), quote_identifier(&name));
    let head = slice(tokens, range.start..name_tokens.start);
    let tail = if close + 1 < range.end { slice(tokens, close + 1..range.end) } else { "" };
    let create = format!("{head} {qualified} ({}) {tail}", elements.join(", "));
    let idempotent = tokens.is_word(keyword + 1, "if");
    let names = table.index_names();
    let block = table.block(&create, &qualified, &names, idempotent);
    let whole = tokens.start(range.start)..tokens.end(range.end - 1);
    let mut edits = Edits::default();
    edits.replace(whole.clone(), vec![Part::Text(block)]);
    let Some(pieces) = edits.pieces(whole) else { return Err(syntax("CREATE TABLE")) };
    let made = names.into_iter().map(|name| (schema.clone(), name)).collect();
    let (slots, params, outputs) = (Vec::new(), Vec::new(), Vec::new());
    let special = super::plan::Special::default();
    let refinements = Vec::new();
    let done =
        Finished { pieces, slots, params, outputs, refinements, indexes: made, unchanged: false, special };
    Ok(Outcome::Rewrite(Box::new(done), Some("CREATE TABLE")))
}

/// The client's text of some tokens.
fn slice<'t>(tokens: &Tokens<'t>, range: Range<usize>) -> &'t str {
    let end = range.end.checked_sub(1).map_or(0, |last| tokens.end(last));
    tokens.text.get(tokens.start(range.start)..end).unwrap_or("")
}

/// Token ranges between commas outside of parentheses.
pub(super) fn split_commas(tokens: &Tokens<'_>, range: Range<usize>) -> Vec<Range<usize>> {
    let mut list = Vec::new();
    let mut start = range.start;
    let mut depth = 0usize;
    for index in range.clone() {
        match tokens.raw(index) {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                list.push(start..index);
                start = index + 1;
            }
            _ => {}
        }
    }
    if start < range.end {
        list.push(start..range.end);
    }
    list
}

/// A literal that reads the same whatever standard_conforming_strings is.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The name that PostgreSQL would choose for an index or constraint without one.
pub(super) fn free_name(
    catalog: &Catalog,
    schema: &str,
    table: &str,
    columns: &[String],
    label: &str,
) -> String {
    let mut name = index_name(table, columns, label);
    let mut number = 0;
    while catalog.is_taken(schema, &name) {
        number += 1;
        name = index_name(table, columns, &format!("{label}{number}"));
    }
    name
}

/// The name from its parts; the longer one is cut to make it fit.
fn index_name(table: &str, columns: &[String], label: &str) -> String {
    let mut first = table.to_owned();
    let mut second = columns.join("_");
    let separators = if second.is_empty() { 1 } else { 2 };
    let room = 63usize.saturating_sub(label.len() + separators);
    while first.len() + second.len() > room {
        let longer = if first.len() > second.len() { &mut first } else { &mut second };
        if longer.pop().is_none() {
            break;
        }
    }
    if second.is_empty() { format!("{first}_{label}") } else { format!("{first}_{second}_{label}") }
}

impl Table<'_> {
    fn is_word(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.tokens.is_word(at, word))
    }

    /// One entry of the column list; `None` if nothing of it is left.
    fn element(&mut self, range: Range<usize>) -> Planned<Option<String>> {
        let at = range.start;
        if self.is_word(at, &["constraint", "unique", "primary", "check", "foreign", "exclude"]) {
            return self.constraint(range);
        }
        if self.tokens.is_word(at, "like") {
            return Ok(Some(slice(self.tokens, range).to_owned()));
        }
        let name = self.tokens.name(at).unwrap_or_default();
        let Some(configured) = self.configured.get(&name) else {
            self.no_encrypted(range.clone(), "a column's definition")?;
            return Ok(Some(slice(self.tokens, range).to_owned()));
        };
        let Some((ty, behind)) = types::at(self.tokens, at + 1) else {
            return Err(syntax("a column's type").at(Some(at + 1)));
        };
        if ty.array || ty.ty != Some(configured.ty) {
            return Err(unsupported(
                format!("column {name} with another type than the configured {}", configured.ty),
                "Make the statement and the configuration agree.",
            )
            .at(Some(at + 1)));
        }
        self.encrypted.push(name.clone());
        let options = self.options(&name, configured, behind..range.end)?;
        let column = slice(self.tokens, at..at + 1);
        Ok(Some(format!("{column} pyrite.encrypted{options}{}", indexes::demands(&name, configured))))
    }

    /// What follows an encrypted column's type.
    fn options(&mut self, column: &str, configured: &ColumnConfig, range: Range<usize>) -> Planned<String> {
        let equality = configured.equality;
        let mut text = String::new();
        let mut constraint = None;
        let mut at = range.start;
        while at < range.end {
            let raw = self.tokens.raw(at).to_ascii_lowercase();
            match raw.as_str() {
                "constraint" => {
                    constraint = self.tokens.name(at + 1);
                    at += 2;
                    continue;
                }
                "not" if self.tokens.is_word(at + 1, "null") => {
                    text.push_str(" NOT NULL");
                    at += 2;
                }
                "null" => {
                    text.push_str(" NULL");
                    at += 1;
                }
                "default" if self.tokens.is_word(at + 1, "null") => at += 2,
                "collate" => {
                    let end = if self.tokens.is_sign(at + 2, ".") { at + 4 } else { at + 2 };
                    indexes::collate_fits(self.tokens.name(end - 1).as_deref(), column, configured)
                        .map_err(|draft| draft.at(Some(at)))?;
                    at = end;
                }
                "storage" | "compression" => at += 2,
                "unique" | "primary" => {
                    let primary = raw == "primary";
                    if primary && !text.contains("NOT NULL") {
                        text.push_str(" NOT NULL");
                    }
                    self.unique(constraint.clone(), vec![column.to_owned()], primary, equality, at)?;
                    at += if primary { 2 } else { 1 };
                }
                "default" => {
                    return Err(unsupported(
                        format!("DEFAULT on encrypted column {column}"),
                        "A default would keep an envelope under today's keys; let the application give the value.",
                    )
                    .at(Some(at)));
                }
                _ => {
                    return Err(unsupported(
                        format!("{} on encrypted column {column}", raw.to_uppercase()),
                        "The server cannot look into the value: leave it to the application.",
                    )
                    .at(Some(at)));
                }
            }
            constraint = None;
        }
        Ok(text)
    }

    fn unique(
        &mut self,
        name: Option<String>,
        columns: Vec<String>,
        primary: bool,
        equality: bool,
        at: usize,
    ) -> Planned<()> {
        if !equality {
            return Err(unsupported(
                format!("uniqueness of encrypted column {} without equality search", columns.join(", ")),
                "Add \"equality\" to the column's search list in the configuration.",
            )
            .at(Some(at)));
        }
        for group in columns.iter().filter_map(|column| Some(&self.configured.get(column)?.group)) {
            at_rest(self.catalog, group).map_err(|draft| draft.at(Some(at)))?;
        }
        self.uniques.push(Unique { name, columns, primary });
        Ok(())
    }

    /// The function that a column of this group is searched by.
    fn equality_function(&self, group: &str) -> &'static str {
        let slot = self.catalog.key_group(group).map(|group| group.slot);
        slot.unwrap_or_default().equality_function()
    }

    /// Refuses an encrypted column's name in a clause that needs its value.
    fn no_encrypted(&self, range: Range<usize>, clause: &str) -> Planned<()> {
        let mut depth = 0usize;
        let mut foreign = false;
        for index in range {
            // Only in parentheses are words names of this table's columns (KEY is one outside of them), and
            // not in those of a referenced table.
            match self.tokens.raw(index) {
                "(" => depth += 1,
                ")" => {
                    depth = depth.saturating_sub(1);
                    foreign &= depth > 0;
                }
                _ if depth == 0 => foreign |= self.tokens.is_word(index, "references"),
                _ => {}
            }
            if depth == 0 || foreign {
                continue;
            }
            if self.tokens.name(index).is_some_and(|n| self.configured.contains_key(&n)) {
                return Err(unsupported(
                    format!("encrypted column {} in {clause}", self.tokens.raw(index)),
                    "The server cannot look into the value: leave it to the application.",
                )
                .at(Some(index)));
            }
        }
        Ok(())
    }

    /// A table constraint. UNIQUE and PRIMARY KEY over an encrypted column become indexes.
    fn constraint(&mut self, range: Range<usize>) -> Planned<Option<String>> {
        let mut at = range.start;
        let mut name = None;
        if self.tokens.is_word(at, "constraint") {
            name = self.tokens.name(at + 1);
            at += 2;
        }
        let primary = self.tokens.is_word(at, "primary");
        let open = at + if primary { 2 } else { 1 };
        let whole = slice(self.tokens, range.clone()).to_owned();
        if !(primary || self.tokens.is_word(at, "unique")) || !self.tokens.is_sign(open, "(") {
            self.no_encrypted(range, "a table constraint")?;
            return Ok(Some(whole));
        }
        let Some(close) = self.tokens.close(open) else { return Err(syntax("a constraint").at(Some(at))) };
        let mut columns = Vec::new();
        let mut equality = true;
        let mut touches = false;
        for column in split_commas(self.tokens, open + 1..close) {
            let Some(name) = self.tokens.name(column.start) else {
                return Err(syntax("a constraint").at(Some(column.start)));
            };
            if let Some(configured) = self.configured.get(&name) {
                touches = true;
                equality &= configured.equality;
            }
            columns.push(name);
        }
        if !touches {
            self.no_encrypted(close + 1..range.end, "a table constraint")?;
            return Ok(Some(whole));
        }
        if close + 1 < range.end {
            return Err(unsupported(
                "an option of a unique constraint on an encrypted column",
                "It becomes an index: only plain UNIQUE and PRIMARY KEY can.",
            )
            .at(Some(close + 1)));
        }
        self.unique(name, columns, primary, equality, at)?;
        Ok(None)
    }

    /// The names of the indexes that stand for unique constraints, one each.
    fn index_names(&self) -> Vec<String> {
        let names = self.uniques.iter().map(|unique| {
            unique.name.clone().unwrap_or_else(|| match unique.primary {
                true => free_name(self.catalog, &self.schema, &self.name, &[], "pkey"),
                false => free_name(self.catalog, &self.schema, &self.name, &unique.columns, "key"),
            })
        });
        names.collect()
    }

    /// The index for order beside one for uniqueness, if a column of it has order terms.
    fn order_index(&self, unique: &Unique, name: &str, table: &str, condition: &str) -> Option<String> {
        let configured = |column: &String| self.configured.get(column);
        unique.columns.iter().filter_map(configured).find(|column| column.order)?;
        let columns = unique.columns.iter().map(|column| {
            let quoted = quote_identifier(column);
            let Some(found) = self.configured.get(column) else { return quoted };
            let slot = self.catalog.key_group(&found.group).map(|group| group.slot).unwrap_or_default();
            format!("{}({quoted})", indexes::order_function(found.order, &found.ty, slot))
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let name = quote_identifier(&indexes::companion(self.catalog, &self.schema, name));
        Some(format!("CREATE INDEX {condition}{name} ON {table} ({columns})"))
    }

    /// The DO block that makes the table, its storage and its indexes.
    fn block(&self, create: &str, table: &str, names: &[String], idempotent: bool) -> String {
        let mut statements = vec![create.to_owned()];
        let condition = if idempotent { "IF NOT EXISTS " } else { "" };
        for column in &self.encrypted {
            let column = quote_identifier(column);
            statements.push(format!("ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL"));
        }
        for (unique, name) in self.uniques.iter().zip(names) {
            let mut columns = Vec::new();
            for column in &unique.columns {
                let quoted = quote_identifier(column);
                let configured = self.configured.get(column);
                columns.push(match configured {
                    Some(column) => format!("{}({quoted})", self.equality_function(&column.group)),
                    None => quoted.clone(),
                });
                if unique.primary {
                    statements.push(format!("ALTER TABLE {table} ALTER COLUMN {quoted} SET NOT NULL"));
                }
            }
            statements.push(format!(
                "CREATE UNIQUE INDEX {condition}{} ON {table} ({})",
                quote_identifier(name),
                columns.join(", ")
            ));
            statements.extend(self.order_index(unique, name, table, condition));
        }
        do_block(&statements)
    }
}

/// Statements that stand for one of the client's, in a block that is one for the server, too.
pub(super) fn do_block(statements: &[String]) -> String {
    let mut body = String::from("BEGIN ");
    for statement in statements {
        let _ = write!(body, "EXECUTE {}; ", literal(statement));
    }
    body.push_str("END");
    let mut tag = "$pyrite$".to_owned();
    while body.contains(&tag) {
        tag.insert(1, '_');
    }
    format!("DO {tag} {body} {tag}")
}

/// Refuses a new index while the index key of its group is rotated. Over the term that is searched now it would have
/// to be made anew at once; over the other one no statement of the application would use it yet.
pub(super) fn at_rest(catalog: &Catalog, group: &str) -> Planned<()> {
    if !catalog.key_group(group).is_some_and(|group| group.rotating) {
        return Ok(());
    }
    Err(Draft::new(
        "55006",
        format!("the index key of group {group} is being rotated: no index is made over it"),
    )
    .hint(
        "Try again when the job is done, or cancel it: SHOW JOBS on the console (database pyrite) names it.",
    ))
}
