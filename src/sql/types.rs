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
    match ty {
        Type::Text => "text",
        Type::Varchar(_) => "character varying",
        Type::Char(_) => "character",
        Type::Int2 => "smallint",
        Type::Int4 => "integer",
        Type::Int8 => "bigint",
        Type::Float4 => "real",
        Type::Float8 => "double precision",
        Type::Numeric(_) => "numeric",
        Type::Bool => "boolean",
        Type::Date => "date",
        Type::Time(_) => "time without time zone",
        Type::Timestamp(_) => "timestamp without time zone",
        Type::Timestamptz(_) => "timestamp with time zone",
        Type::Uuid => "uuid",
        Type::Json => "json",
        Type::Jsonb => "jsonb",
        Type::Bytea => "bytea",
    }
}

/// Whether PostgreSQL has `=` between two types, implicit casts included.
pub(super) fn has_equality(left: Type, right: Type) -> bool {
    use crate::value::Family;
    match (left.family(), right.family()) {
        (Some(l), Some(r)) if l == r => true,
        (Some(Family::Exact), Some(Family::Float)) | (Some(Family::Float), Some(Family::Exact)) => true,
        (Some(Family::Timestamp), Some(Family::Timestamptz))
        | (Some(Family::Timestamptz), Some(Family::Timestamp)) => true,
        _ => false,
    }
}

/// Whether PostgreSQL has an assignment cast.
pub(super) fn assignable(from: Type, to: Type) -> bool {
    use crate::value::Family;
    let same = from.base() == to.base();
    let json = matches!((from, to), (Type::Json, Type::Jsonb) | (Type::Jsonb, Type::Json));
    let numbers = |f| matches!(f, Some(Family::Exact | Family::Float));
    let times = |f| matches!(f, Some(Family::Timestamp | Family::Timestamptz));
    same || json
        || to.family() == Some(Family::Text)
        || (numbers(from.family()) && numbers(to.family()))
        || (times(from.family()) && times(to.family()))
        || (times(from.family()) && to.family() == Some(Family::Time) && from != Type::Date)
}

/// Whether PostgreSQL has an explicit cast.
pub(super) fn castable(from: Type, to: Type) -> bool {
    use crate::value::Family;
    assignable(from, to)
        || from.family() == Some(Family::Text)
        || matches!((from, to), (Type::Int4, Type::Bool) | (Type::Bool, Type::Int4))
}
