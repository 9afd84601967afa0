//! Strings: case, length, parts.

use zeroize::Zeroizing;

use super::{Context, EvaluateError, Evaluated, MAX_TEXT};
use crate::value::Datum;

/// A string's text.
pub(super) fn str_of(datum: &Datum) -> Result<&str, EvaluateError> {
    match datum {
        Datum::Text(text) | Datum::Varchar(text) | Datum::Char { text, .. } => Ok(text),
        _ => Err(wrong("text")),
    }
}

/// The text of an argument.
pub(super) fn arg<'a>(args: &[&'a Datum], at: usize) -> Result<&'a str, EvaluateError> {
    str_of(datum(args, at)?)
}

/// An argument.
pub(super) fn datum<'a>(args: &[&'a Datum], at: usize) -> Result<&'a Datum, EvaluateError> {
    args.get(at).copied().ok_or_else(|| wrong("any type"))
}

/// A number that fits int4.
pub(super) fn int(args: &[&Datum], at: usize) -> Result<i64, EvaluateError> {
    match datum(args, at)? {
        Datum::Int2(n) => Ok((*n).into()),
        Datum::Int4(n) => Ok((*n).into()),
        Datum::Int8(n) => Ok(*n),
        _ => Err(wrong("integer")),
    }
}

/// The bytes of an argument.
pub(super) fn bytes<'a>(args: &[&'a Datum], at: usize) -> Result<&'a [u8], EvaluateError> {
    match datum(args, at)? {
        Datum::Bytea(bytes) => Ok(bytes),
        other => Ok(str_of(other)?.as_bytes()),
    }
}

/// Types are resolved before: this is an error of ours.
pub(super) fn wrong(what: &str) -> EvaluateError {
    EvaluateError::new("XX000", format!("a formula's value is not of type {what}"))
}

/// A text as a value; one that is too long is refused.
pub(super) fn out(text: String) -> Evaluated {
    // Whatever happens, it is wiped.
    let text = Zeroizing::new(text);
    if text.len() > MAX_TEXT {
        return Err(too_long());
    }
    Ok(Some(Datum::Text(text)))
}

pub(super) fn too_long() -> EvaluateError {
    EvaluateError::unsupported("a text of more than 64 MB")
}

pub(super) fn number(value: usize) -> Evaluated {
    let value = i32::try_from(value).map_err(|_| EvaluateError::new("22003", "integer out of range"))?;
    Ok(Some(Datum::Int4(value)))
}

pub(super) fn join(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (left, right) = (arg(args, 0)?, arg(args, 1)?);
    let mut text = String::with_capacity(left.len() + right.len());
    text.push_str(left);
    text.push_str(right);
    out(text)
}

pub(super) fn join_bytes(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let joined = [bytes(args, 0)?, bytes(args, 1)?].concat();
    if joined.len() > MAX_TEXT {
        return Err(too_long());
    }
    Ok(Some(Datum::Bytea(Zeroizing::new(joined))))
}

pub(super) fn lower(args: &[&Datum], context: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Text(context.collation.lower(arg(args, 0)?)?)))
}

pub(super) fn upper(args: &[&Datum], context: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Text(context.collation.upper(arg(args, 0)?)?)))
}

pub(super) fn initcap(args: &[&Datum], context: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Text(context.collation.initcap(arg(args, 0)?)?)))
}

/// In characters; the padding of `char` does not count.
pub(super) fn length(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match datum(args, 0)? {
        Datum::Char { text, .. } => number(text.trim_end_matches(' ').chars().count()),
        other => number(str_of(other)?.chars().count()),
    }
}

pub(super) fn octets(args: &[&Datum], _: Context<'_>) -> Evaluated {
    number(bytes(args, 0)?.len())
}

pub(super) fn bits(args: &[&Datum], _: Context<'_>) -> Evaluated {
    number(bytes(args, 0)?.len().saturating_mul(8))
}

/// The part that begins at place `start` (from 1) and has `length` places: from 0, end exclusive.
pub(super) fn range(start: i64, length: Option<i64>) -> Result<(usize, usize), EvaluateError> {
    let end = match length {
        None => i64::MAX,
        Some(length) if length < 0 => {
            return Err(EvaluateError::new("22011", "negative substring length not allowed"));
        }
        Some(length) => start.saturating_add(length).max(1),
    };
    let from = start.max(1) - 1;
    let place = |n: i64| usize::try_from(n).unwrap_or(0);
    Ok((place(from), place((end - 1).max(from))))
}

fn wanted(args: &[&Datum]) -> Result<(usize, usize), EvaluateError> {
    let length = if args.len() > 2 { Some(int(args, 2)?) } else { None };
    range(int(args, 1)?, length)
}

/// The characters `from..to`.
pub(super) fn slice(text: &str, from: usize, to: usize) -> String {
    text.chars().skip(from).take(to.saturating_sub(from)).collect()
}

pub(super) fn substring(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (from, to) = wanted(args)?;
    out(slice(arg(args, 0)?, from, to))
}

pub(super) fn substring_bytes(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (from, to) = wanted(args)?;
    let source = bytes(args, 0)?;
    let part = source.get(from.min(source.len())..to.min(source.len())).unwrap_or_default();
    Ok(Some(Datum::Bytea(Zeroizing::new(part.to_vec()))))
}

/// So many characters of `text` as `n` says: negative ones are left out.
fn count(text: &str, n: i64) -> usize {
    let all = text.chars().count();
    let places = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    if n < 0 { all.saturating_sub(places) } else { places.min(all) }
}

pub(super) fn left(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let text = arg(args, 0)?;
    out(slice(text, 0, count(text, int(args, 1)?)))
}

pub(super) fn right(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let text = arg(args, 0)?;
    let keep = count(text, int(args, 1)?);
    let all = text.chars().count();
    out(slice(text, all - keep.min(all), all))
}
