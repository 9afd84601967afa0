//! SIMILAR TO: its patterns as regular expressions.

use super::text::{arg, out};
use super::{Context, EvaluateError, Evaluated};
use crate::value::Datum;

/// With a backslash as escape character.
pub(super) fn plain(args: &[&Datum], _: Context<'_>) -> Evaluated {
    out(translated(arg(args, 0)?, Some('\\'))?)
}

/// With another one, or none.
pub(super) fn escaped(args: &[&Datum], _: Context<'_>) -> Evaluated {
    let mut escape = arg(args, 1)?.chars();
    let first = escape.next();
    if escape.next().is_some() {
        return Err(EvaluateError {
            hint: Some("Escape string must be empty or one character.".to_owned()),
            ..EvaluateError::new("22025", "invalid escape string")
        });
    }
    out(translated(arg(args, 0)?, first)?)
}

fn translated(pattern: &str, escape: Option<char>) -> Result<String, EvaluateError> {
    let mut text = String::with_capacity(pattern.len() * 2 + 8);
    text.push_str("^(?:");
    let mut after_escape = false;
    let mut in_brackets = false;
    for c in pattern.chars() {
        if after_escape {
            if c == '"' && !in_brackets {
                return Err(EvaluateError::unsupported("SIMILAR TO with a separator"));
            }
            text.push('\\');
            text.push(c);
            after_escape = false;
        } else if Some(c) == escape {
            after_escape = true;
        } else if in_brackets {
            if c == '\\' {
                text.push('\\');
            }
            text.push(c);
            in_brackets = c != ']';
        } else {
            match c {
                '[' => {
                    text.push('[');
                    in_brackets = true;
                }
                '%' => text.push_str(".*"),
                '_' => text.push('.'),
                '(' => text.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    text.push('\\');
                    text.push(c);
                }
                other => text.push(other),
            }
        }
    }
    text.push_str(")$");
    Ok(text)
}
