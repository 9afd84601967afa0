//! CREATE INDEX on encrypted columns: over their terms. And what CREATE TABLE says of a column's search kinds.
//!
//! | the client's element | over |
//! |---|---|
//! | `c` | the equality term; of a column with order terms a second index, over those |
//! | `lower(c)`, `upper(c)` | the caseless term |
//! | `c gin_trgm_ops`, by gin | the match terms |

use std::fmt::Write as _;
use std::ops::Range;

use super::Scope;
use super::create::{at_rest, do_block, free_name, split_commas};
use super::edits::{Edits, Part};
use super::lexer::Tokens;
use super::plan::Piece;
use super::planner::{Finished, Mode, Planner, quote_identifier};
use super::refuse::{Draft, Planned, no_relation, syntax, unsupported};
use super::statement::Outcome;
use super::utility::relation_at;
use crate::catalog::{Catalog, Column, EncryptedColumn, Relation, SearchKinds, SearchSlot, fits_index};
use crate::config::ColumnConfig;
use crate::value::{Family, Type};

/// Operator classes for patterns over the plain text. An index over a term needs none.
const PATTERN_CLASSES: &[&str] = &["text_pattern_ops", "varchar_pattern_ops", "bpchar_pattern_ops"];
/// What may follow a column in an index.
const DIRECTION: &[&str] = &["asc", "desc", "nulls", "first", "last"];
/// Longest name that the server keeps.
const NAME_BYTES: usize = 63;
/// What is added to an index's name for the one over order terms beside it.
const COMPANION: &str = "_order";

/// The constraints by which a new column's values have the terms of its kinds, all of them: what the catalog goes by.
pub(super) fn demands(name: &str, column: &ColumnConfig) -> String {
    let kinds = SearchKinds { order: column.order, caseless: column.caseless, matching: column.matching };
    let mut text = String::new();
    for kind in kinds.names() {
        let constraint = format!("pyrite_{kind}_{name}");
        if constraint.len() <= NAME_BYTES {
            let _ = write!(text, " CONSTRAINT {}", quote_identifier(&constraint));
        }
        let _ = write!(text, " CHECK (pyrite.has_{kind}({}))", quote_identifier(name));
    }
    text
}

/// Refuses a COLLATE that says another order than the configuration does.
pub(super) fn collate_fits(given: Option<&str>, name: &str, column: &ColumnConfig) -> Planned<()> {
    let configured = column.collation.as_deref().unwrap_or("default");
    if !column.order || column.ty.family() != Some(Family::Text) || given == Some(configured) {
        return Ok(());
    }
    Err(unsupported(
        format!("a collation of column {name} that is not the configured one, \"{configured}\""),
        "Make the statement and the configuration agree: collation = \"…\" names it there.",
    ))
}

/// The function that an index for order is over, for this column of it.
pub(super) fn order_function(order: bool, ty: &Type, slot: SearchSlot) -> &'static str {
    if !order {
        return slot.equality_function();
    }
    let functions = slot.order_functions(fits_index(ty));
    functions.head.unwrap_or(functions.whole)
}

/// A free name for the index over order terms beside another one.
pub(super) fn companion(catalog: &Catalog, schema: &str, name: &str) -> String {
    let named = |suffix: &str| {
        let mut name = name.to_owned();
        while name.len() + suffix.len() > NAME_BYTES && name.pop().is_some() {}
        name + suffix
    };
    let mut found = named(COMPANION);
    let mut number = 0;
    while catalog.is_taken(schema, &found) {
        number += 1;
        found = named(&format!("{COMPANION}{number}"));
    }
    found
}

/// An element of the index that is over an encrypted column: what it becomes.
struct Element {
    range: Range<usize>,
    /// In the index that the client means.
    text: String,
    /// In the one for order beside it; `None`: the same.
    order: Option<String>,
}

/// CREATE INDEX as it is taken apart.
struct Index<'a> {
    tokens: &'a Tokens<'a>,
    relation: &'a Relation,
    unique: bool,
    method: String,
}

/// Plans CREATE INDEX on a protected table.
pub(super) fn index(
    tokens: &Tokens<'_>,
    range: Range<usize>,
    scope: &Scope<'_>,
    mode: Mode,
) -> Planned<Outcome> {
    let bad = || syntax("CREATE INDEX").at(Some(range.start));
    let keyword = range.clone().find(|&i| tokens.is_word(i, "index")).ok_or_else(bad)?;
    let on = (keyword..range.end).find(|&i| tokens.is_word(i, "on")).ok_or_else(bad)?;
    let at = if tokens.is_word(on + 1, "only") { on + 2 } else { on + 1 };
    let (relation, mut open) = relation_at(tokens, at, scope.catalog, scope.environment);
    let Some(relation) = relation else {
        // A table that only the server knows may be a configured one.
        return Err(no_relation(tokens.raw(open.saturating_sub(1))).at(Some(at)));
    };
    if !relation.is_protected() {
        return Ok(Outcome::Forward);
    }
    let method = tokens.is_word(open, "using").then(|| tokens.name(open + 1).unwrap_or_default());
    if method.is_some() {
        open += 2;
    }
    let close = tokens.close(open).filter(|_| tokens.is_sign(open, "(")).ok_or_else(bad)?;
    let planner = Planner::new(tokens, range.clone(), scope.catalog, scope.environment, mode, &[])?;
    if !planner.params.is_empty() {
        return Err(Draft::new("42P02", "there is no parameter $1"));
    }
    let index = Index {
        tokens,
        relation,
        unique: (range.start..keyword).any(|i| tokens.is_word(i, "unique")),
        method: method.unwrap_or_else(|| "btree".to_owned()),
    };
    let mut names = Vec::new();
    let mut elements = Vec::new();
    for element in split_commas(tokens, open + 1..close) {
        names.extend(tokens.name(element.start).filter(|_| !tokens.is_sign(element.start + 1, "(")));
        elements.extend(index.element(element, scope.catalog)?);
    }
    index.predicate(close + 1..range.end)?;
    if elements.is_empty() {
        return Ok(Outcome::Forward);
    }
    let given = (!open_name(tokens, keyword, on)).then_some(on - 1);
    let name = match given.and_then(|at| tokens.name(at)) {
        Some(name) => name,
        None => free_name(scope.catalog, &relation.schema, &relation.name, &names, "idx"),
    };
    let schema = (tokens.name(at).is_some() && !tokens.is_sign(at + 1, ".")).then_some(at);
    let text = Text { tokens, range: range.clone(), on, given, schema: schema.zip(Some(relation)) };
    let whole = tokens.start(range.start)..tokens.end(range.end - 1);
    let mut made = vec![(relation.schema.clone(), name.clone())];
    let (pieces, tag) = if elements.iter().all(|element| element.order.is_none()) {
        let written = given.is_none().then_some(name.as_str());
        (text.pieces(&elements, false, written)?, None)
    } else {
        if let Some(word) = (keyword..on).find(|&i| tokens.is_word(i, "concurrently")) {
            return Err(unsupported(
                "CONCURRENTLY for an index on a column with order terms, which takes two",
                "Leave it out; or make the two past Pyrite: one over pyrite.eq(column), and one over pyrite.ord(column), or \
                 pyrite.ord_head(column) of text, bytea and numeric without a precision.",
            )
            .at(Some(word)));
        }
        let beside = companion(scope.catalog, &relation.schema, &name);
        let render = |pieces: Vec<Piece>| rendered(&pieces, tokens.text);
        let first = render(text.pieces(&elements, false, Some(&name))?);
        let second = render(text.pieces(&elements, true, Some(&beside))?);
        made.push((relation.schema.clone(), beside));
        let mut edits = Edits::default();
        edits.replace(whole.clone(), vec![Part::Text(do_block(&[first, second]))]);
        (edits.pieces(whole).ok_or_else(bad)?, Some("CREATE INDEX"))
    };
    let (slots, params, outputs) = (Vec::new(), Vec::new(), Vec::new());
    let special = Default::default();
    let done = Finished {
        pieces,
        slots,
        params,
        outputs,
        refinements: Vec::new(),
        indexes: made,
        unchanged: false,
        special,
    };
    Ok(Outcome::Rewrite(Box::new(done), tag))
}

/// Where the statement's parts are that are written anew.
struct Text<'a> {
    tokens: &'a Tokens<'a>,
    range: Range<usize>,
    on: usize,
    /// The index's name, if it has one.
    given: Option<usize>,
    /// The table's name where it has no schema, and the table.
    schema: Option<(usize, &'a Relation)>,
}

impl Text<'_> {
    /// The statement with its elements over terms: those of order, or of the others. With this name, if one is given.
    fn pieces(&self, elements: &[Element], order: bool, name: Option<&str>) -> Planned<Vec<Piece>> {
        let tokens = self.tokens;
        let mut edits = Edits::default();
        let token = |at: usize| tokens.start(at)..tokens.end(at);
        match (name.map(quote_identifier), self.given) {
            (Some(name), Some(at)) => edits.replace(token(at), vec![Part::Text(name)]),
            (Some(name), None) => edits.before(tokens.start(self.on), format!("{name} ")),
            (None, _) => {}
        }
        if let Some((at, relation)) = self.schema {
            edits.before(tokens.start(at), format!("{}.", quote_identifier(&relation.schema)));
        }
        if order {
            let unique = (self.range.start..self.on).find(|&i| tokens.is_word(i, "unique"));
            if let Some(at) = unique {
                edits.replace(token(at), Vec::new());
            }
        }
        for element in elements {
            let text = element.order.as_ref().filter(|_| order).unwrap_or(&element.text);
            let span = tokens.start(element.range.start)..tokens.end(element.range.end - 1);
            edits.replace(span, vec![Part::Text(text.clone())]);
        }
        let whole = tokens.start(self.range.start)..tokens.end(self.range.end - 1);
        edits.pieces(whole).ok_or_else(|| syntax("CREATE INDEX").at(Some(self.range.start)))
    }
}

/// The text of pieces that hold no value.
fn rendered(pieces: &[Piece], client: &str) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Source(range) => out.push_str(client.get(range.clone()).unwrap_or_default()),
            Piece::Text(text) => out.push_str(text),
            Piece::Slot(_) => {}
        }
    }
    out
}

impl Index<'_> {
    fn encrypted(&self, index: usize) -> Option<Column> {
        let column = self.tokens.name(index).and_then(|name| self.relation.column(&name).cloned());
        column.filter(|c| c.encrypted.is_some() || c.unmanaged.is_some())
    }

    /// What an element becomes, if it is over an encrypted column.
    fn element(&self, range: Range<usize>, catalog: &Catalog) -> Planned<Option<Element>> {
        let found = range.clone().find_map(|i| self.encrypted(i).map(|column| (i, column)));
        let Some((at, column)) = found else { return Ok(None) };
        let refuse = |hint: &str| {
            unsupported(
                format!("this index on encrypted column {}.{}", self.relation.name, column.name),
                hint,
            )
            .at(Some(at))
        };
        let plain = "An index on exactly a column with equality search can be made, by btree or hash; on lower(column) with \
                     \"caseless\"; by gin with gin_trgm_ops with \"match\".";
        let Some(encrypted) = column.encrypted.as_ref().filter(|encrypted| encrypted.equality) else {
            return Err(refuse(plain));
        };
        at_rest(catalog, &encrypted.group_name).map_err(|draft| draft.at(Some(at)))?;
        let btree = matches!(self.method.as_str(), "btree" | "hash");
        let name = self.tokens.raw(at);
        let element = |function: &str, behind: &str| format!("{function}({name}){behind}");
        if self.method == "gin" && at == range.start && self.is_trigram_class(at + 1..range.end) {
            if !encrypted.matching {
                return Err(refuse("Add \"match\" to the column's search list in the configuration."));
            }
            let text = element(encrypted.slot.match_function(), "");
            return Ok(Some(Element { range, text, order: None }));
        }
        if at == range.start {
            let direction = self.direction(at + 1..range.end).filter(|_| btree);
            let Some(direction) = direction else { return Err(refuse(plain)) };
            let order = encrypted.order && self.method == "btree";
            let function = |column: &EncryptedColumn| order_function(column.order, &column.ty, column.slot);
            let order = order.then(|| element(function(encrypted), &direction));
            return Ok(Some(Element {
                range,
                text: element(encrypted.equality_function(), &direction),
                order,
            }));
        }
        let Some(behind) = self.case_call(range.clone(), at).filter(|_| btree) else {
            return Err(refuse(plain));
        };
        if !encrypted.caseless {
            return Err(refuse("Add \"caseless\" to the column's search list in the configuration."));
        }
        if self.unique {
            return Err(refuse(
                "Uniqueness regardless of case cannot be had: Pyrite's terms take more texts for equal than PostgreSQL \
                 does. Leave UNIQUE out, and keep values in one case in a column that is unique.",
            ));
        }
        let Some(direction) = self.direction(behind..range.end) else { return Err(refuse(plain)) };
        let text = element(encrypted.slot.caseless_function(), &direction);
        Ok(Some(Element { range, text, order: None }))
    }

    /// What of an element's end stays: its direction. `None` if there is something else than that.
    fn direction(&self, mut range: Range<usize>) -> Option<String> {
        let is = |at: usize, words: &[&str]| words.iter().any(|word| self.tokens.is_word(at, word));
        if range.start < range.end && is(range.start, PATTERN_CLASSES) {
            range.start += 1;
        }
        let mut text = String::new();
        for at in range {
            if !is(at, DIRECTION) {
                return None;
            }
            let _ = write!(text, " {}", self.tokens.raw(at));
        }
        Some(text)
    }

    /// Whether this names the operator class of pg_trgm for gin, in whatever schema.
    fn is_trigram_class(&self, range: Range<usize>) -> bool {
        match range.len() {
            1 => self.tokens.is_word(range.start, "gin_trgm_ops"),
            3 => {
                self.tokens.is_sign(range.start + 1, ".")
                    && self.tokens.is_word(range.start + 2, "gin_trgm_ops")
            }
            _ => false,
        }
    }

    /// What is behind `lower(c)` or `upper(c)`, with casts of c to text and one more pair of parentheses at most;
    /// `None` if it is something else.
    fn case_call(&self, range: Range<usize>, column: usize) -> Option<usize> {
        let tokens = self.tokens;
        let outer = tokens.is_sign(range.start, "(");
        let call = range.start + usize::from(outer);
        let close = tokens.close(call + 1).filter(|_| {
            (tokens.is_word(call, "lower") || tokens.is_word(call, "upper")) && tokens.is_sign(call + 1, "(")
        })?;
        let only_casts = (call + 2..close).filter(|&i| i != column).all(|i| {
            let signs = ["(", ")", "::"].iter().any(|sign| tokens.is_sign(i, sign));
            signs || tokens.is_word(i, "text") || tokens.is_word(i, "varchar")
        });
        match outer {
            _ if !only_casts => None,
            false => Some(close + 1),
            true => tokens.is_sign(close + 1, ")").then_some(close + 2),
        }
    }

    /// Refuses an encrypted column in the index's predicate, unless it is only asked for being there.
    fn predicate(&self, range: Range<usize>) -> Planned<()> {
        let tokens = self.tokens;
        for index in range {
            let null_test = tokens.is_word(index + 1, "is")
                && (tokens.is_word(index + 2, "null")
                    || (tokens.is_word(index + 2, "not") && tokens.is_word(index + 3, "null")));
            if let Some(column) = self.encrypted(index).filter(|_| !null_test) {
                return Err(unsupported(
                    format!(
                        "encrypted column {}.{} in an index's predicate",
                        self.relation.name, column.name
                    ),
                    "The predicate would keep a term under today's keys.",
                )
                .at(Some(index)));
            }
        }
        Ok(())
    }
}

/// Whether no name stands between INDEX and ON.
fn open_name(tokens: &Tokens<'_>, keyword: usize, on: usize) -> bool {
    (keyword + 1..on).all(|i| tokens.is_word(i, "concurrently"))
}
