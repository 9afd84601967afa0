//! Patterns: LIKE and ILIKE; regular expressions have a module of their own.

use super::regex::{self, Regex};
use super::{Context, EvaluateError, MAX_TEXT};
use zeroize::Zeroizing;

/// What kind of pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Like,
    LikeCaseless,
    Regex,
    RegexCaseless,
}

/// A pattern that is ready.
pub(super) enum Matcher {
    Like(Vec<Step>),
    LikeCaseless(Vec<Step>),
    Regex(Regex),
}

/// A part of a LIKE pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `%`
    Any,
    /// `_`
    One,
    Char(char),
}

/// A pattern may hold what is searched for.
impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Matcher")
    }
}

impl Matcher {
    pub fn compile(kind: Kind, pattern: &str, context: Context<'_>) -> Result<Matcher, EvaluateError> {
        Ok(match kind {
            Kind::Like => Matcher::Like(steps(pattern)?),
            Kind::LikeCaseless => Matcher::LikeCaseless(steps(&context.collation.lower(pattern)?)?),
            Kind::Regex => Matcher::Regex(regex::compile(pattern, false, context.collation)?),
            Kind::RegexCaseless => Matcher::Regex(regex::compile(pattern, true, context.collation)?),
        })
    }

    pub fn is_match(&self, text: &str, context: Context<'_>) -> Result<bool, EvaluateError> {
        match self {
            Matcher::Like(steps) => Ok(like(text, steps)),
            // In UTF-8 PostgreSQL lowers both sides.
            Matcher::LikeCaseless(steps) => Ok(like(&context.collation.lower(text)?, steps)),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

/// # Errors
/// PostgreSQL complains of an escape character at the end only when it gets so far, which depends on the value.
fn steps(pattern: &str) -> Result<Vec<Step>, EvaluateError> {
    let mut list = Vec::with_capacity(pattern.len().min(MAX_TEXT));
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        list.push(match c {
            '%' if list.last() == Some(&Step::Any) => continue,
            '%' => Step::Any,
            '_' => Step::One,
            '\\' => match characters.next() {
                Some(c) => Step::Char(c),
                None => {
                    return Err(EvaluateError::unsupported(
                        "a LIKE pattern that ends with its escape character",
                    ));
                }
            },
            c => Step::Char(c),
        });
    }
    Ok(list)
}

/// What comes of a stretch between two `%`.
enum Outcome {
    Match(usize),
    Mismatch,
    /// The text ended too early.
    Short,
}

/// Matches the steps up to the next `%` at one place.
fn stretch(text: &[char], at: usize, steps: &[Step]) -> Outcome {
    for (n, step) in steps.iter().enumerate() {
        match (text.get(at + n), step) {
            (None, _) => return Outcome::Short,
            (Some(c), Step::Char(wanted)) if wanted != c => return Outcome::Mismatch,
            _ => {}
        }
    }
    Outcome::Match(at + steps.len())
}

/// Whether all of `text` matches. `%` takes as little as it can; that is enough, since what follows it up to the
/// next `%` may stand anywhere.
fn like(text: &str, steps: &[Step]) -> bool {
    let text: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
    let mut parts = steps.split(|step| *step == Step::Any);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&[Step]> = parts.collect();
    let Outcome::Match(mut at) = stretch(&text, 0, first) else { return false };
    let Some((last, middle)) = rest.split_last() else { return at == text.len() };
    for part in middle {
        at = loop {
            match stretch(&text, at, part) {
                Outcome::Match(end) => break end,
                Outcome::Mismatch => at += 1,
                Outcome::Short => return false,
            }
        };
    }
    let start = text.len().checked_sub(last.len()).filter(|start| *start >= at);
    start.is_some_and(|start| matches!(stretch(&text, start, last), Outcome::Match(_)))
}
