//! Declared types in a statement's text.

use sqlparser::ast::{ArrayElemTypeDef, DataType};

use super::expr::object_name;
use super::lexer::Tokens;
use super::parse;
use super::planner::Planner;
use super::refuse::{Planned, unsupported};
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
    let array = matches!(parsed, DataType::Array(_));
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

/// The type that PostgreSQL gives a list with a value of the first type and then one of the second, where that is known.
pub(super) fn common(first: Type, second: Type) -> Option<Type> {
    /// Each becomes any of those behind it by itself, and none before it.
    fn ladder(ty: Type) -> Option<(u8, u8)> {
        Some(match ty {
            Type::Int2 => (0, 0),
            Type::Int4 => (0, 1),
            Type::Int8 => (0, 2),
            Type::Numeric(_) => (0, 3),
            Type::Float4 => (0, 4),
            Type::Float8 => (0, 5),
            Type::Date => (1, 0),
            Type::Timestamp(_) => (1, 1),
            Type::Timestamptz(_) => (1, 2),
            // These become each other.
            Type::Text | Type::Varchar(_) | Type::Char(_) => (2, 0),
            _ => return None,
        })
    }
    if first.base() == second.base() {
        return Some(first);
    }
    let ((kind, low), (other, high)) = (ladder(first)?, ladder(second)?);
    match kind == other {
        true if high > low => Some(second.base()),
        true => Some(first),
        false => None,
    }
}

/// A type's name without modifier, as PostgreSQL's messages have it.
pub(super) fn message_name(ty: Type) -> &'static str {
    ty.base_name()
}

impl Planner<'_> {
    /// A row of an encrypted table made of text would carry plaintext.
    pub fn no_row_type(&self, data_type: &DataType) -> Planned<()> {
        match data_type {
            DataType::Custom(name, _) => {
                let (parts, token) = object_name(name)?;
                match parts.last() {
                    Some(name) if self.catalog.is_protected_name(name) => Err(unsupported(
                        format!("a cast to the row type of encrypted table {name}"),
                        "Name the columns.",
                    )
                    .at(Some(token))),
                    _ => Ok(()),
                }
            }
            DataType::Array(
                ArrayElemTypeDef::SquareBracket(inner, _) | ArrayElemTypeDef::Qualified(inner, _),
            ) => self.no_row_type(inner),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_several_types_have_the_widest() {
        let cases = [
            (Type::Varchar(Some(40)), Type::Text, Some(Type::Varchar(Some(40)))),
            (Type::Text, Type::Varchar(Some(40)), Some(Type::Text)),
            (Type::Int4, Type::Int8, Some(Type::Int8)),
            (Type::Numeric(Some((14, 2))), Type::Int4, Some(Type::Numeric(Some((14, 2))))),
            (Type::Int4, Type::Numeric(Some((3, 1))), Some(Type::Numeric(None))),
            (Type::Date, Type::Timestamp(Some(3)), Some(Type::Timestamp(None))),
            (Type::Date, Type::Int4, None),
            (Type::Uuid, Type::Uuid, Some(Type::Uuid)),
            (Type::Uuid, Type::Text, None),
        ];
        for (first, second, expected) in cases {
            assert_eq!(common(first, second), expected, "{first} and {second}");
        }
    }
}
