//! PostgreSQL's syntax that the parser does not know, in words that it knows. Tokens keep their places, and only
//! the parser is shown the change: the server gets what the client wrote.
//!
//! A form belongs here only if leaving it out changes neither which columns a statement reads and writes nor
//! what it does with their values.

use super::lexer::{Kind, Tokens};

/// What the parser is shown in place of some tokens.
pub(super) struct Normal {
    /// Words, and signs.
    pub shown: &'static [&'static str],
    /// The first token behind.
    pub end: usize,
}

/// Longest word that begins such a form.
const LONGEST: usize = 12;

/// Types whose literals the parser takes for a column with an alias.
const TYPES: &[&str] = &[
    "box",
    "cid",
    "cidr",
    "circle",
    "inet",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "oid",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "regclass",
    "regconfig",
    "regproc",
    "regrole",
    "regtype",
    "tid",
    "tsquery",
    "tsvector",
    "xid",
    "xid8",
    "xml",
];

/// The form that begins at token `index`, if one does.
pub(super) fn at(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    let raw = tokens.raw(index);
    if tokens.kind(index) != Some(Kind::Word) {
        return sign(tokens, index);
    }
    let mut buffer = [0; LONGEST];
    let lower = buffer.get_mut(..raw.len())?;
    lower.copy_from_slice(raw.as_bytes());
    lower.make_ascii_lowercase();
    let word = std::str::from_utf8(lower).ok()?;
    let is = |ahead: usize, word: &str| tokens.is_word(index + ahead, word);
    let skip = |count: usize| Some(Normal { shown: &[], end: index + count });
    match word {
        "only" if only(tokens, index) => skip(if tokens.is_sign(index + 1, "(") { 2 } else { 1 }),
        "isnull" => Some(Normal { shown: &["IS", "NULL"], end: index + 1 }),
        "notnull" => Some(Normal { shown: &["IS", "NOT", "NULL"], end: index + 1 }),
        "overriding" if (is(1, "system") || is(1, "user")) && is(2, "value") => skip(3),
        "where" => conflict_predicate(tokens, index.checked_sub(1)?).and_then(|range| skip(range.len())),
        "table" if table_command(tokens, index) => {
            Some(Normal { shown: &["SELECT", "*", "FROM"], end: index + 1 })
        }
        "current" if is(1, "of") && tokens.is_word(index.checked_sub(1)?, "where") => {
            tokens.name(index + 2)?;
            Some(Normal { shown: &["TRUE"], end: index + 3 })
        }
        // It only tells whether grouping sets repeat.
        "distinct" | "all"
            if before(tokens, index, &["by"]) && tokens.is_word(index.checked_sub(2)?, "group") =>
        {
            skip(1)
        }
        // Both ways round is the same two comparisons; formulas look at the word themselves.
        "symmetric" | "asymmetric" if before(tokens, index, &["between"]) => skip(1),
        "variadic" if before(tokens, index, &["(", ","]) => skip(1),
        "for" => locking(tokens, index),
        "of" if locked(tokens, index) => Some(Normal { shown: &[], end: name_list(tokens, index + 1)? }),
        "tablesample" => sample(tokens, index),
        "exclude" => exclusion(tokens, index),
        "operator" => operator(tokens, index),
        "into" => into_target(tokens, index),
        _ if TYPES.contains(&word) && is_text(tokens, index + 1) => {
            let named =
                ["as", "."].iter().any(|sign| tokens.raw(index.wrapping_sub(1)).eq_ignore_ascii_case(sign));
            if named { None } else { skip(1) }
        }
        _ => None,
    }
}

fn is_text(tokens: &Tokens<'_>, index: usize) -> bool {
    matches!(tokens.kind(index), Some(Kind::Str | Kind::Escaped | Kind::UnicodeStr | Kind::Dollar))
}

/// Whether one of these signs or words stands before a token.
fn before(tokens: &Tokens<'_>, index: usize, list: &[&str]) -> bool {
    index.checked_sub(1).is_some_and(|b| list.iter().any(|sign| tokens.raw(b).eq_ignore_ascii_case(sign)))
}

/// Forms that begin with a sign.
fn sign(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    match tokens.raw(index) {
        "*" => {
            // `FROM t *`: with the table's descendants, as without it.
            let name = index.checked_sub(1)?;
            let start = if before(tokens, name, &["."]) { name.checked_sub(2)? } else { name };
            let table =
                tokens.name(name).is_some() && before(tokens, start, &["from", "join", "update", "only"]);
            let word = ["select", "distinct", "all"].iter().any(|word| tokens.is_word(name, word));
            (table && !word).then_some(Normal { shown: &[], end: index + 1 })
        }
        "[" => subscript(tokens, index),
        ")" => {
            // Of `ONLY (t)`.
            let name = index.checked_sub(1)?;
            let start = if before(tokens, name, &["."]) { name.checked_sub(2)? } else { name };
            let open = start.checked_sub(1).filter(|&open| tokens.is_sign(open, "("))?;
            let nested =
                open.checked_sub(1).is_some_and(|word| tokens.is_word(word, "only") && only(tokens, word));
            nested.then_some(Normal { shown: &[], end: index + 1 })
        }
        _ => None,
    }
}

/// ONLY before a table's name. It changes neither names nor columns.
fn only(tokens: &Tokens<'_>, index: usize) -> bool {
    let named = tokens.name(index + 1).is_some() && !tokens.is_word(index + 1, "as");
    let open = index + 1;
    let end = if tokens.is_sign(open + 2, ".") { open + 4 } else { open + 2 };
    let nested = tokens.is_sign(open, "(") && tokens.name(open + 1).is_some() && tokens.is_sign(end, ")");
    before(tokens, index, &[",", "from", "join", "update", "using", "into"]) && (named || nested)
}

/// `TABLE t`, which is `SELECT * FROM t`.
fn table_command(tokens: &Tokens<'_>, index: usize) -> bool {
    const BEFORE: &[&str] = &[
        "(",
        ";",
        ")",
        "union",
        "all",
        "except",
        "intersect",
        "distinct",
        "explain",
        "analyze",
        "verbose",
        "for",
        "as",
    ];
    let inserted = || {
        let name = index.checked_sub(1)?;
        let start = if before(tokens, name, &["."]) { name.checked_sub(2)? } else { name };
        before(tokens, start, &["into"]).then_some(())
    };
    tokens.name(index + 1).is_some() && (index == 0 || before(tokens, index, BEFORE) || inserted().is_some())
}

/// The tokens of `WHERE …` up to DO in `ON CONFLICT (…) WHERE … DO`, if `close` is that parenthesis.
pub fn conflict_predicate(tokens: &Tokens<'_>, close: usize) -> Option<std::ops::Range<usize>> {
    if !(tokens.is_sign(close, ")") && tokens.is_word(close + 1, "where")) {
        return None;
    }
    let mut depth = 0usize;
    let mut open = close;
    loop {
        if tokens.is_sign(open, ")") {
            depth += 1;
        } else if tokens.is_sign(open, "(") {
            depth -= 1;
            if depth == 0 {
                break;
            }
        }
        open = open.checked_sub(1)?;
    }
    if !(tokens.is_word(open.checked_sub(1)?, "conflict") && tokens.is_word(open.checked_sub(2)?, "on")) {
        return None;
    }
    let mut depth = 0usize;
    for index in close + 1..tokens.len() {
        if tokens.is_sign(index, "(") {
            depth += 1;
        } else if tokens.is_sign(index, ")") {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 && tokens.is_word(index, "do") {
            return Some(close + 1..index);
        }
    }
    None
}

/// `FOR NO KEY UPDATE` and `FOR KEY SHARE` lock as FOR UPDATE and FOR SHARE do, for what is planned here.
fn locking(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    let is = |ahead: usize, word: &str| tokens.is_word(index + ahead, word);
    if is(1, "no") && is(2, "key") && is(3, "update") {
        return Some(Normal { shown: &["FOR", "UPDATE"], end: index + 4 });
    }
    (is(1, "key") && is(2, "share")).then_some(Normal { shown: &["FOR", "SHARE"], end: index + 3 })
}

/// `OF t` of a locking clause.
fn locked(tokens: &Tokens<'_>, index: usize) -> bool {
    let key = index.checked_sub(2).is_some_and(|b| ["for", "key"].iter().any(|word| tokens.is_word(b, word)));
    key && before(tokens, index, &["update", "share"])
}

/// Behind a list of names.
fn name_list(tokens: &Tokens<'_>, mut at: usize) -> Option<usize> {
    loop {
        tokens.name(at)?;
        at += 1;
        if !tokens.is_sign(at, ",") {
            return Some(at);
        }
        at += 1;
    }
}

/// `TABLESAMPLE method (…) [REPEATABLE (…)]`, with numbers.
fn sample(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    let mut at = index + 1;
    tokens.name(at)?;
    at += if tokens.is_sign(at + 1, ".") { 3 } else { 1 };
    let mut end = numbers(tokens, at)?;
    if tokens.is_word(end, "repeatable") {
        end = numbers(tokens, end + 1)?;
    }
    Some(Normal { shown: &[], end })
}

/// Behind numbers or parameters in parentheses.
fn numbers(tokens: &Tokens<'_>, open: usize) -> Option<usize> {
    let close = tokens.close(open).filter(|_| tokens.is_sign(open, "("))?;
    let plain = |at: usize| {
        matches!(tokens.kind(at), Some(Kind::Number | Kind::Param)) || [",", "-"].contains(&tokens.raw(at))
    };
    (open + 1..close).all(plain).then_some(close + 1)
}

/// `EXCLUDE …` of a window's frame.
fn exclusion(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    let is = |ahead: usize, word: &str| tokens.is_word(index + ahead, word);
    let frame = before(tokens, index, &["following", "preceding", "row"]);
    let count = match () {
        () if !frame => return None,
        () if is(1, "current") && is(2, "row") => 3,
        () if is(1, "no") && is(2, "others") => 3,
        () if is(1, "group") || is(1, "ties") => 2,
        () => return None,
    };
    Some(Normal { shown: &[], end: index + count })
}

/// `OPERATOR(pg_catalog.=)`
fn operator(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    const KNOWN: &[&str] = &["=", "<>", "<", "<=", ">", ">=", "||", "+", "-", "/", "%", "~~", "!~~"];
    let builtin = tokens.is_sign(index + 1, "(")
        && tokens.name(index + 2).as_deref() == Some("pg_catalog")
        && tokens.is_sign(index + 3, ".")
        && tokens.is_sign(index + 5, ")");
    let sign = KNOWN.iter().position(|sign| builtin && tokens.is_sign(index + 4, sign))?;
    Some(Normal { shown: KNOWN.get(sign..=sign)?, end: index + 6 })
}

/// The name of `SELECT … INTO [TEMP] [TABLE] t`, which is looked at by itself.
pub(super) fn into_target(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    if before(tokens, index, &["insert", "merge"]) {
        return None;
    }
    let mut at = index + 1;
    while ["local", "global", "temporary", "temp", "unlogged", "table"]
        .iter()
        .any(|word| tokens.is_word(at, word))
    {
        at += 1;
    }
    tokens.name(at)?;
    let end = if tokens.is_sign(at + 1, ".") { at + 3 } else { at + 1 };
    Some(Normal { shown: &[], end })
}

/// An array's element or a slice as the target of an assignment of UPDATE: `SET a[1] = …`.
fn subscript(tokens: &Tokens<'_>, index: usize) -> Option<Normal> {
    let name = index.checked_sub(1)?;
    tokens.name(name)?;
    let mut end = index;
    while tokens.is_sign(end, "[") {
        end = (end + 1..tokens.len()).find(|&at| tokens.is_sign(at, "]"))? + 1;
        // What is computed there is not looked at.
        let simple = |at: usize| {
            matches!(tokens.kind(at), Some(Kind::Number | Kind::Param))
                || ["[", "]", ":"].contains(&tokens.raw(at))
        };
        if !(index..end).all(simple) {
            return None;
        }
    }
    if !tokens.is_sign(end, "=") || !target(tokens, name) {
        return None;
    }
    Some(Normal { shown: &[], end })
}

/// Whether a name is the target of an assignment: SET is before it, outside of parentheses, and commas only
/// divide assignments there.
fn target(tokens: &Tokens<'_>, name: usize) -> bool {
    if before(tokens, name, &["set"]) {
        return true;
    }
    if !before(tokens, name, &[","]) {
        return false;
    }
    let mut depth = 0usize;
    for at in (0..name).rev() {
        match tokens.raw(at) {
            ")" | "]" => depth += 1,
            "(" | "[" => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => return false,
            },
            _ if depth > 0 => {}
            raw if raw.eq_ignore_ascii_case("set") => return true,
            raw if ["where", "from", "select", "returning", "by"]
                .iter()
                .any(|w| raw.eq_ignore_ascii_case(w)) =>
            {
                return false;
            }
            _ => {}
        }
    }
    false
}
