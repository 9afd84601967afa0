//! Strings: searching, replacing, padding, and what makes strings of other things.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::text::{arg, bytes, datum, int, number, out, range, slice, str_of, too_long};
use super::{Context, EvaluateError, Evaluated, MAX_TEXT};
use crate::value::Datum;

/// What a value's output function gives.
fn shown(datum: &Datum, context: Context<'_>) -> Zeroizing<String> {
    let mut bytes = Vec::new();
    datum.write_text(context.settings, &mut bytes);
    // Every text form is UTF-8.
    Zeroizing::new(String::from_utf8(bytes).unwrap_or_default())
}

pub(super) fn concat(values: &[Option<Datum>], context: Context<'_>) -> Evaluated {
    let mut text = String::new();
    for datum in values.iter().flatten() {
        text.push_str(&shown(datum, context));
    }
    out(text)
}

pub(super) fn concat_ws(values: &[Option<Datum>], context: Context<'_>) -> Evaluated {
    let Some((Some(separator), rest)) = values.split_first() else { return Ok(None) };
    let separator = str_of(separator)?;
    let mut text = String::new();
    for (n, datum) in rest.iter().flatten().enumerate() {
        if n > 0 {
            text.push_str(separator);
        }
        text.push_str(&shown(datum, context));
        if text.len() > MAX_TEXT {
            return Err(too_long());
        }
    }
    out(text)
}

fn trim_set<'a>(args: &[&'a Datum]) -> Result<(&'a str, &'a str), EvaluateError> {
    Ok((arg(args, 0)?, if args.len() > 1 { arg(args, 1)? } else { " " }))
}

pub(super) fn btrim(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, set) = trim_set(args)?;
    out(text.trim_matches(|c| set.contains(c)).to_owned())
}

pub(super) fn ltrim(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, set) = trim_set(args)?;
    out(text.trim_start_matches(|c| set.contains(c)).to_owned())
}

pub(super) fn rtrim(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, set) = trim_set(args)?;
    out(text.trim_end_matches(|c| set.contains(c)).to_owned())
}

pub(super) fn replace(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, from, to) = (arg(args, 0)?, arg(args, 1)?, arg(args, 2)?);
    if from.is_empty() {
        return out(text.to_owned());
    }
    let found = text.matches(from).count();
    if text.len().saturating_add(found.saturating_mul(to.len())) > MAX_TEXT {
        return Err(too_long());
    }
    out(text.replace(from, to))
}

pub(super) fn position(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let text = arg(args, 0)?;
    match text.find(arg(args, 1)?) {
        Some(at) => number(text.get(..at).unwrap_or_default().chars().count() + 1),
        None => number(0),
    }
}

pub(super) fn starts_with(args: &[&Datum], _: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Bool(arg(args, 0)?.starts_with(arg(args, 1)?))))
}

/// PostgreSQL refuses results that could need more than 1 GB.
fn requested(characters: i64) -> Result<usize, EvaluateError> {
    if characters.saturating_mul(4).saturating_add(4) > 0x3fff_ffff {
        return Err(EvaluateError::new("54000", "requested length too large"));
    }
    Ok(usize::try_from(characters).unwrap_or(0))
}

/// Text cut to the wanted length, and the filling that it lacks.
fn padding(args: &[&Datum]) -> Result<(String, String), EvaluateError> {
    let text = arg(args, 0)?;
    let fill = if args.len() > 2 { arg(args, 2)? } else { " " };
    let wanted = requested(int(args, 1)?.max(0))?;
    if wanted > MAX_TEXT / 4 {
        return Err(too_long());
    }
    let kept = slice(text, 0, wanted);
    let missing = wanted - kept.chars().count().min(wanted);
    let filling = fill.chars().cycle().take(if fill.is_empty() { 0 } else { missing }).collect();
    Ok((kept, filling))
}

pub(super) fn lpad(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, filling) = padding(args)?;
    out(filling + &text)
}

pub(super) fn rpad(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, filling) = padding(args)?;
    out(text + &filling)
}

pub(super) fn repeat(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, times) = (arg(args, 0)?, int(args, 1)?.max(0));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX).saturating_mul(times).saturating_add(4);
    if length > 0x3fff_ffff {
        return Err(EvaluateError::new("54000", "requested length too large"));
    }
    if length > i64::try_from(MAX_TEXT).unwrap_or(i64::MAX) {
        return Err(too_long());
    }
    // An empty text may be repeated as often as one likes.
    let times = if text.is_empty() { 0 } else { usize::try_from(times).unwrap_or(0) };
    out(text.repeat(times))
}

pub(super) fn reverse(args: &[&Datum], _: Context<'_>) -> Evaluated {
    out(arg(args, 0)?.chars().rev().collect())
}

pub(super) fn split_part(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, delimiter, field) = (arg(args, 0)?, arg(args, 1)?, int(args, 2)?);
    if field == 0 {
        return Err(EvaluateError::new("22023", "field position must not be zero"));
    }
    if text.is_empty() {
        return out(String::new());
    }
    if delimiter.is_empty() {
        return out(if matches!(field, 1 | -1) { text.to_owned() } else { String::new() });
    }
    let parts: Vec<&str> = text.split(delimiter).collect();
    let place = usize::try_from(field.unsigned_abs()).unwrap_or(usize::MAX);
    let at = if field > 0 { place.checked_sub(1) } else { parts.len().checked_sub(place) };
    out(at.and_then(|at| parts.get(at)).copied().unwrap_or_default().to_owned())
}

pub(super) fn translate(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, from, to) = (arg(args, 0)?, arg(args, 1)?, arg(args, 2)?);
    let mut changed = String::with_capacity(text.len());
    for c in text.chars() {
        match from.chars().position(|f| f == c) {
            None => changed.push(c),
            Some(at) => changed.extend(to.chars().nth(at)),
        }
    }
    out(changed)
}

pub(super) fn overlay(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (text, with, start) = (arg(args, 0)?, arg(args, 1)?, int(args, 2)?);
    let length = match args.len() {
        3 => i64::try_from(with.chars().count()).unwrap_or(i64::MAX),
        _ => int(args, 3)?,
    };
    if start <= 0 {
        return Err(EvaluateError::new("22011", "negative substring length not allowed"));
    }
    let behind = start.saturating_add(length);
    if behind > i64::from(i32::MAX) {
        return Err(EvaluateError::new("22003", "integer out of range"));
    }
    let (from, to) = range(1, Some(start - 1))?;
    let mut changed = slice(text, from, to);
    changed.push_str(with);
    let (from, to) = range(behind, None)?;
    changed.push_str(&slice(text, from, to));
    out(changed)
}

pub(super) fn ascii(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let first = arg(args, 0)?.chars().next().map_or(0, u32::from);
    Ok(Some(Datum::Int4(i32::try_from(first).unwrap_or(0))))
}

pub(super) fn chr(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let code = int(args, 0)?;
    match code {
        ..0 => return Err(EvaluateError::new("22023", "character number must be positive")),
        0 => return Err(EvaluateError::new("54000", "null character not permitted")),
        _ => {}
    }
    match u32::try_from(code).ok().and_then(char::from_u32) {
        Some(c) => out(c.to_string()),
        None if code > 0x10_ffff => {
            Err(EvaluateError::new("54000", "requested character too large for encoding"))
        }
        None => Err(EvaluateError::new("54000", "requested character not valid for encoding")),
    }
}

pub(super) fn to_hex(args: &[&Datum], _: Context<'_>) -> Evaluated {
    match datum(args, 0)? {
        Datum::Int4(n) => out(format!("{n:x}")),
        _ => out(format!("{:x}", int(args, 0)?)),
    }
}

pub(super) fn md5(args: &[&Datum], _: Context<'_>) -> Evaluated {
    use md5::Digest as _;
    let digest = md5::Md5::digest(bytes(args, 0)?);
    out(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn sha256(args: &[&Datum], _: Context<'_>) -> Evaluated {
    Ok(Some(Datum::Bytea(Zeroizing::new(Sha256::digest(bytes(args, 0)?).to_vec()))))
}

/// The pattern of LIKE with another escape character, written with a backslash.
pub(super) fn like_escape(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let (pattern, escape) = (arg(args, 0)?, arg(args, 1)?);
    let mut characters = escape.chars();
    let escape = characters.next();
    if characters.next().is_some() {
        return Err(EvaluateError {
            hint: Some("Escape string must be empty or one character.".to_owned()),
            ..EvaluateError::new("22025", "invalid escape string")
        });
    }
    if escape == Some('\\') {
        return out(pattern.to_owned());
    }
    let mut changed = String::with_capacity(pattern.len() * 2);
    let mut escaped = false;
    for c in pattern.chars() {
        if Some(c) == escape && !escaped {
            changed.push('\\');
            escaped = true;
            continue;
        }
        if c == '\\' && !escaped {
            changed.push('\\');
        }
        changed.push(c);
        escaped = false;
    }
    out(changed)
}
