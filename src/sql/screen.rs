//! The first look at a text: can it reach anything encrypted, and what else may it change?
//!
//! Most statements end here, so this is cheap; and never wrong towards "no".

use std::ops::Range;

use super::lexer::{self, Kind, Tokens};
use crate::catalog::Catalog;

/// What a text may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// May reach something encrypted: needs planning.
    pub touches: bool,
    /// May change search path, settings, temporary tables or role.
    pub environment: bool,
    /// May change the catalog.
    pub catalog: bool,
    /// May end a transaction (and with it, undo what SET LOCAL or DDL did).
    pub transaction_end: bool,
    /// May make or remove prepared statements or cursors by name.
    pub names: bool,
}

impl Screen {
    const ALL: Screen =
        Screen { touches: true, environment: true, catalog: true, transaction_end: true, names: true };

    /// The proof that the text may be forwarded as it is, if it may.
    pub fn cleared(&self) -> Option<super::plan::Cleared> {
        (!self.touches).then(super::plan::Cleared::new)
    }
}

/// Looks at a text's bytes.
pub fn screen(catalog: &Catalog, text: &[u8]) -> Screen {
    let names = catalog.may_name_protected(text);
    let Ok(readable) = std::str::from_utf8(text) else {
        // Effects cannot be told; whether it names anything can.
        return Screen { touches: names || may_run_names(text), ..Screen::ALL };
    };
    let Ok(list) = lexer::tokenize(text, true) else {
        return Screen { touches: names || may_run_names(text), ..Screen::ALL };
    };
    let tokens = Tokens { text: readable, list, standard_strings: true };
    let mut screen = Screen { touches: names, ..Screen::default() };
    for range in super::script::split(&tokens) {
        effects(catalog, &tokens, range, &mut screen);
    }
    // Without standard_conforming_strings the text may be cut elsewhere than here.
    if memchr::memchr_iter(b'\\', text).any(|at| text.get(at + 1) == Some(&b'\'')) {
        let touches = screen.touches || may_run_names(text);
        return Screen { touches, ..Screen::ALL };
    }
    screen
}

/// Whether the text holds a statement that runs another by its name.
fn may_run_names(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    [&b"execute"[..], b"fetch"].iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// No word that a statement's effects are told by is longer.
const LONGEST_KEYWORD: usize = 16;

/// A word in lower case, without taking memory; empty if it is too long.
fn keyword<'b>(raw: &str, buffer: &'b mut [u8; LONGEST_KEYWORD]) -> &'b str {
    let Some(lower) = buffer.get_mut(..raw.len()) else {
        return "";
    };
    lower.copy_from_slice(raw.as_bytes());
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).unwrap_or_default()
}

fn effects(catalog: &Catalog, tokens: &Tokens<'_>, range: Range<usize>, screen: &mut Screen) {
    let mut buffer = [0; LONGEST_KEYWORD];
    let second = |word| tokens.raw(range.start + 1).eq_ignore_ascii_case(word);
    let first = keyword(tokens.raw(range.start), &mut buffer);
    match first {
        "set" => {
            // Neither constraints' timing nor a transaction's mode is of the environment.
            screen.environment |= !second("constraints") && !second("transaction");
        }
        "discard" => {
            screen.names = true;
            screen.environment = true;
        }
        "reset" | "load" => screen.environment = true,
        "do" | "call" => {
            // Whatever the block does: COMMIT included.
            let touches = screen.touches;
            *screen = Screen { touches, ..Screen::ALL };
        }
        "commit" | "rollback" | "abort" | "end" => screen.transaction_end = true,
        "prepare" => {
            screen.names = true;
            screen.transaction_end |= second("transaction");
        }
        "deallocate" | "declare" | "close" => screen.names = true,
        "create" | "alter" | "drop" => {
            // CREATE TABLE … AS EXECUTE runs a statement by its name.
            screen.touches |= first == "create"
                && range.clone().any(|i| tokens.is_word(i, "as") && tokens.is_word(i + 1, "execute"));
            screen.catalog = true;
            screen.environment |= (range.start..range.end.min(range.start + 6)).any(|i| {
                ["temp", "temporary", "pg_temp", "schema", "role", "database", "user", "system"]
                    .iter()
                    .any(|word| tokens.is_word(i, word))
            }) || first != "create";
        }
        "import" | "reassign" | "refresh" | "grant" | "revoke" => screen.catalog = true,
        "execute" => {
            // What can be prepared makes no definition.
            screen.touches = true;
            screen.environment = true;
        }
        "fetch" => screen.touches = true,
        "explain" => {
            for index in range.clone() {
                if tokens.is_word(index, "execute") {
                    screen.touches = true;
                    screen.environment = true;
                }
                screen.catalog |= tokens.is_word(index, "create");
            }
        }
        _ => {}
    }
    for index in range.clone() {
        let inserted = || ["insert", "merge"].iter().any(|w| tokens.is_word(index.wrapping_sub(1), w));
        if tokens.is_word(index, "into") && !inserted() {
            screen.catalog = true;
            screen.environment |= ["temp", "temporary", "local"].iter().any(|w| tokens.is_word(index + 1, w));
        }
    }
    if screen.environment {
        return;
    }
    for (name, _) in called_functions(tokens, range) {
        if name == "set_config" || !is_builtin_call(catalog, &name) {
            screen.environment = true;
            return;
        }
    }
}

/// Words that stand before a parenthesis without calling anything.
const NOT_CALLED: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "between",
    "by",
    "case",
    "check",
    "conflict",
    "cube",
    "default",
    "distinct",
    "do",
    "else",
    "except",
    "exclude",
    "exists",
    "explain",
    "filter",
    "from",
    "generated",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "include",
    "inherits",
    "intersect",
    "into",
    "is",
    "join",
    "key",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "nothing",
    "of",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "over",
    "partition",
    "references",
    "returning",
    "rollup",
    "row",
    "select",
    "set",
    "sets",
    "similar",
    "some",
    "temp",
    "then",
    "to",
    "union",
    "unique",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
    "within",
    "xmlelement",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "extract",
    "position",
    "substring",
    "trim",
    "overlay",
    "operator",
    "cast",
    "xmlforest",
    "xmlattributes",
    "treat",
    "normalize",
    "collation",
    // Types with a modifier.
    "varchar",
    "char",
    "character",
    "bpchar",
    "varying",
    "numeric",
    "decimal",
    "dec",
    "float",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "interval",
    "bit",
    "nchar",
    "second",
    "precision",
    "zone",
];

/// Whether a call of this name cannot reach beyond what the planner knows.
pub(super) fn is_builtin_call(catalog: &Catalog, name: &str) -> bool {
    catalog.is_builtin(name)
}

/// Names that stand before a parenthesis as functions do, with their tokens.
pub(super) fn called_functions(tokens: &Tokens<'_>, range: Range<usize>) -> Vec<(String, usize)> {
    let mut calls = Vec::new();
    for index in range.clone().skip(1) {
        if !tokens.is_sign(index, "(") {
            continue;
        }
        let name_at = index - 1;
        let word = matches!(tokens.kind(name_at), Some(Kind::Word));
        if !word && !matches!(tokens.kind(name_at), Some(Kind::Quoted | Kind::UnicodeQuoted)) {
            continue;
        }
        let Some(name) = tokens.name(name_at) else { continue };
        if word && NOT_CALLED.contains(&name.as_str()) && !tokens.is_sign(name_at.wrapping_sub(1), ".") {
            continue;
        }
        // `INTO table (…)`, `alias (…) AS` of a WITH list, `AS alias (…)`, `INDEX … ON table (…)`.
        let mut start = name_at;
        while start >= range.start + 2 && tokens.is_sign(start - 1, ".") {
            start -= 2;
        }
        let before = start.checked_sub(1).filter(|&i| i >= range.start);
        let introduced = before.is_some_and(|b| {
            ["into", "as", "with", "recursive", "table", "copy", "references", "view", "analyze"]
                .iter()
                .any(|w| tokens.is_word(b, w))
        });
        let listed = tokens
            .close(index)
            .is_some_and(|close| tokens.is_word(close + 1, "as") && tokens.is_sign(close + 2, "("));
        if !introduced && !listed {
            calls.push((name, name_at));
        }
    }
    calls
}
