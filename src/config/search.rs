//! Search kinds of a column, and the collation that its order follows.

use std::ops::Range;

use toml::Spanned;

use super::error::Problems;
use super::resolve::{Groups, NAME_BYTES, check_name, unknown_word};
use crate::value::{Family, Type};

/// All search kinds.
const SEARCH: &[&str] = &["equality", "order", "caseless", "match"];

/// Which terms a column's values carry. Each kind implies equality.
pub(super) struct Kinds {
    pub(super) equality: bool,
    pub(super) order: bool,
    pub(super) caseless: bool,
    pub(super) matching: bool,
}

/// The search kinds of a list.
pub(super) fn kinds(list: &[Spanned<String>], problems: &mut Problems<'_>) -> Kinds {
    let mut seen: Vec<&str> = Vec::new();
    for kind in list {
        let word = kind.get_ref().as_str();
        if seen.contains(&word) {
            problems.add(&kind.span(), format!("search kind `{word}` is given twice"), "keep one");
        } else if !SEARCH.contains(&word) {
            let (message, way_out) = unknown_word("search kind", word, SEARCH, &[]);
            problems.add(&kind.span(), message, way_out);
        }
        seen.push(word);
    }
    let has = |word: &str| seen.contains(&word);
    Kinds {
        equality: SEARCH.iter().any(|kind| has(kind)),
        order: has("order"),
        caseless: has("caseless"),
        matching: has("match"),
    }
}

/// Notes the kinds that the type cannot have.
pub(super) fn check(
    kinds: &Kinds,
    ty: Type,
    list: &[Spanned<String>],
    typed: &Range<usize>,
    problems: &mut Problems<'_>,
) {
    let span =
        |word: &str| list.iter().find(|kind| kind.get_ref() == word).map_or(typed.clone(), Spanned::span);
    if kinds.equality && ty.family().is_none() {
        let span = list.first().map_or_else(|| typed.clone(), Spanned::span);
        let message = format!("`search` on {ty}: PostgreSQL has no equality for this type");
        problems.add(&span, message, "declare jsonb, or leave `search` out");
        return;
    }
    if kinds.order && ty.family() == Some(Family::Jsonb) {
        let message = format!("`order` on {ty}: PostgreSQL's order of this type is of no use to people");
        problems.add(&span("order"), message, "leave \"order\" out");
    }
    if kinds.caseless && ty.family() != Some(Family::Text) {
        let message = format!("`caseless` on {ty}: only text has letters of two cases");
        problems.add(&span("caseless"), message, "leave \"caseless\" out");
    }
    // PostgreSQL matches a character(n) with its padding in some operators and without it in others.
    if kinds.matching && !matches!(ty, Type::Text | Type::Varchar(_)) {
        let message = format!("`match` on {ty}: only text and character varying have patterns to match");
        problems.add(&span("match"), message, "leave \"match\" out, or declare text");
    }
}

/// The name of the collation, as `pg_collation` has it.
pub(super) fn collation(
    name: Option<&Spanned<String>>,
    ty: Type,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let name = name?;
    check_name(name, "collation name", NAME_BYTES, problems);
    if ty.family() != Some(Family::Text) {
        let message = format!("`collation` on {ty}: only text has one");
        problems.add(&name.span(), message, "leave `collation` out");
    }
    (name.get_ref() != "default").then(|| name.get_ref().clone())
}

/// Order terms of one group are under one key, and values can be copied between its columns: they have to be made by the
/// same rules.
pub(super) fn join_order(
    group: &str,
    span: &Range<usize>,
    collation: Option<&str>,
    shown: &str,
    groups: &mut Groups,
    problems: &mut Problems<'_>,
) {
    let new = || (collation.map(str::to_owned), shown.to_owned());
    let (other, first) = groups.ordered.entry(group.to_owned()).or_insert_with(new);
    if other.as_deref() != collation {
        let message =
            format!("{shown} and {first} are in one key group and have order terms, by different collations");
        problems.add(span, message, "give both the same collation, or groups of their own");
    }
}
