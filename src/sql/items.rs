//! Where the entries of a list stand in the text: select lists, RETURNING, GROUP BY, ORDER BY. The parser
//! keeps no places of them, so the tokens are split at the commas outside of parentheses.

use std::ops::Range;

use sqlparser::ast::SelectItem;

use super::consts::Extent;
use super::lexer::{Kind, Tokens};
use super::parse::index_of;
use super::planner::Planner;
use super::refuse::{Planned, syntax};

/// An entry of a select list or of RETURNING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// The expression, or the star.
    pub expr: Extent,
    /// AS, if it is written, and the name.
    pub alias: Option<Extent>,
}

/// Words that end a list, all of them reserved: no expression has them outside of parentheses, except where
/// [`ends`] says so.
const ENDS: &[&str] = &[
    "from",
    "where",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "into",
    "returning",
];

/// Whether the word at `index` ends the list that began at `start`.
fn ends(tokens: &Tokens<'_>, start: usize, index: usize) -> bool {
    if !ENDS.iter().any(|word| tokens.is_word(index, word)) {
        return false;
    }
    let before = index.wrapping_sub(1);
    // Any word can be a label behind AS, and a column behind a dot.
    let label = index > start && (tokens.is_word(before, "as") || tokens.is_sign(before, "."));
    // IS [NOT] DISTINCT FROM; WITHIN GROUP (…).
    let distinct = tokens.is_word(before, "distinct")
        && ["is", "not"].iter().any(|word| tokens.is_word(before.wrapping_sub(1), word));
    let within = tokens.is_word(index, "group") && tokens.is_word(before, "within");
    !(label || distinct || within)
}

/// Whether a window's frame begins here: its words are not reserved, but what follows them tells.
fn frame(tokens: &Tokens<'_>, start: usize, index: usize) -> bool {
    let word = ["rows", "range", "groups"].iter().any(|word| tokens.is_word(index, word));
    let before = index.wrapping_sub(1);
    let named = index == start || tokens.is_sign(before, ",") || tokens.is_sign(before, ".");
    let next = ["between", "unbounded", "current"].iter().any(|word| tokens.is_word(index + 1, word));
    let bound = matches!(tokens.kind(index + 1), Some(Kind::Number | Kind::Param | Kind::Str | Kind::Word));
    word && !named && (next || bound)
}

/// The entries of the list that begins at token `start`, as ranges of tokens. Nothing lies behind `end`.
pub(super) fn entries(tokens: &Tokens<'_>, start: usize, end: usize) -> Vec<Range<usize>> {
    let mut list = Vec::new();
    let mut depth = 0usize;
    let mut from = start;
    let mut index = start;
    while index < end {
        let sign = if tokens.kind(index) == Some(Kind::Punct) { tokens.raw(index) } else { "" };
        match sign {
            "(" | "[" => depth += 1,
            ")" | "]" if depth == 0 => break,
            ")" | "]" => depth -= 1,
            ";" => break,
            "," if depth == 0 => {
                list.push(from..index);
                from = index + 1;
            }
            _ if depth == 0 && (ends(tokens, start, index) || frame(tokens, from, index)) => break,
            _ => {}
        }
        index += 1;
    }
    if from < index {
        list.push(from..index);
    }
    list
}

/// The first token of the list behind SELECT (past ALL and DISTINCT), RETURNING, or `GROUP BY` and `ORDER BY`.
pub(super) fn list_start(tokens: &Tokens<'_>, keyword: usize) -> Option<usize> {
    let mut at = keyword + 1;
    if ["group", "order", "partition"].iter().any(|word| tokens.is_word(keyword, word)) {
        if !tokens.is_word(at, "by") {
            return None;
        }
        at += 1;
    } else if !["select", "returning"].iter().any(|word| tokens.is_word(keyword, word)) {
        return None;
    }
    if tokens.is_word(at, "all") {
        at += 1;
    } else if tokens.is_word(at, "distinct") {
        at += 1;
        if tokens.is_word(at, "on") && tokens.is_sign(at + 1, "(") {
            at = tokens.close(at + 1)? + 1;
        }
    }
    Some(at)
}

impl Planner<'_> {
    /// Where the entries of a select list stand. `keyword` is the token of SELECT or RETURNING.
    pub fn items(&self, keyword: usize, list: &[SelectItem]) -> Planned<Vec<Item>> {
        let unknown = || syntax("a select list").at(Some(keyword));
        let start = list_start(self.tokens, keyword).ok_or_else(unknown)?;
        let ranges = entries(self.tokens, start, self.range.end);
        if ranges.len() != list.len() {
            return Err(unknown());
        }
        let items = ranges.into_iter().zip(list).map(|(range, item)| self.item(range, item));
        items.collect::<Option<Vec<Item>>>().ok_or_else(unknown)
    }

    fn item(&self, range: Range<usize>, item: &SelectItem) -> Option<Item> {
        let last = range.end.checked_sub(1).filter(|last| *last >= range.start)?;
        let whole = Extent { first: range.start, last };
        let SelectItem::ExprWithAlias { alias, .. } = item else {
            return Some(Item { expr: whole, alias: None });
        };
        // The name is the entry's last token; all else would be another reading than the parser's.
        let name = index_of(alias.span).filter(|name| *name == last)?;
        let behind = name.checked_sub(1)?;
        let first = if self.tokens.is_word(behind, "as") { behind } else { name };
        let before = first.checked_sub(1).filter(|before| *before >= range.start)?;
        Some(Item {
            expr: Extent { first: range.start, last: before },
            alias: Some(Extent { first, last: name }),
        })
    }

    /// The entries of GROUP BY, ORDER BY or PARTITION BY, each with what belongs to it (ASC, NULLS FIRST).
    /// `keyword` is the token of its first word.
    pub fn list_entries(&self, keyword: usize) -> Planned<Vec<Extent>> {
        let start = list_start(self.tokens, keyword);
        let start = start.ok_or_else(|| syntax("a list of expressions").at(Some(keyword)))?;
        let ranges = entries(self.tokens, start, self.range.end);
        Ok(ranges.into_iter().map(|r| Extent { first: r.start, last: r.end.saturating_sub(1) }).collect())
    }

    /// Adds `AS "name"` to an entry that has no name of its own. Once is enough, twice does no harm.
    pub fn name_item(&mut self, item: Item, name: &str) {
        if item.alias.is_none() {
            let name = name.replace('"', "\"\"");
            self.edits.name(self.tokens.end(item.expr.last), format!(" AS \"{name}\""));
        }
    }
}
