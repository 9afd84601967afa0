//! Declared types in a statement's text.

use super::lexer::Tokens;
use super::parse;
use crate::value::Type;

/// A type that an expression is cast to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CastType {
    /// The type, or the element's; `None` if Pyrite does not know it.
    pub ty: Option<Type>,
    /// Whether it is an array of it.
    pub array: bool,
}

/// Reads the type that starts at token `start`; returns it and the index behind it.
pub(super) fn at(tokens: &Tokens<'_>, start: usize) -> Option<(CastType, usize)> {
    let (parsed, behind) = parse::data_type(tokens, start)?;
    let array = matches!(parsed, sqlparser::ast::DataType::Array(_));
    let mut end = behind;
    if array {
        end = (start..behind).find(|&i| tokens.is_sign(i, "[") || tokens.is_word(i, "array"))?;
    }
    Some((CastType { ty: parse_range(tokens, start, end), array }, behind))
}

/// The type that the tokens `start..end` spell.
fn parse_range(tokens: &Tokens<'_>, start: usize, end: usize) -> Option<Type> {
    let mut text = String::new();
    let mut index = start;
    // Types of ours are PostgreSQL's own.
    if tokens.name(index).as_deref() == Some("pg_catalog") && tokens.is_sign(index + 1, ".") {
        index += 2;
    }
    while index < end {
        let name = tokens.name(index);
        let word = match &name {
            Some(name) if tokens.raw(index).starts_with('"') => canonical(name),
            Some(name) => name.as_str(),
            None => tokens.raw(index),
        };
        if !text.is_empty() && name.is_some() {
            text.push(' ');
        }
        text.push_str(word);
        index += 1;
    }
    Type::parse(&text).ok()
}

/// `"varchar"` is the catalog's own name; `"char"` is another type than `char`.
fn canonical(quoted: &str) -> &str {
    if quoted == "char" { "\"char\"" } else { quoted }
}

/// A type's name without modifier, as PostgreSQL's messages have it.
pub(super) fn message_name(ty: Type) -> &'static str {
    ty.base_name()
}
