//! Mistakes in a configuration: where, what, and the way out.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub way_out: String,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file holds mistakes; all of them, in the order of the file.
    Invalid {
        /// Which file, if it came from one.
        path: Option<PathBuf>,
        /// At least one.
        problems: Vec<Problem>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read { path, error } => {
                write!(f, "cannot read the configuration {}: {error}\n    ", path.display())?;
                match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        f.write_str("name it with `-c FILE`, or write one with `pyrite init`")
                    }
                    _ => f.write_str("check the file and its permissions"),
                }
            }
            ConfigError::Invalid { path, problems } => {
                let name = path.as_ref().map_or("pyrite.toml".into(), |path| path.display().to_string());
                for (index, problem) in problems.iter().enumerate() {
                    let Problem { line, column, message, way_out } = problem;
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}{name}:{line}:{column}: {message}\n    {way_out}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Read { error, .. } => Some(error),
            ConfigError::Invalid { .. } => None,
        }
    }
}

/// Collects mistakes, so that one run reports them all.
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<(usize, Problem)>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a mistake at the start of `span`.
    pub(super) fn add(
        &mut self,
        span: &Range<usize>,
        message: impl Into<String>,
        way_out: impl Into<String>,
    ) {
        let (line, column) = position(self.text, span.start);
        self.found
            .push((span.start, Problem { line, column, message: message.into(), way_out: way_out.into() }));
    }

    /// The mistakes in the order of the file; `Ok` if there are none.
    pub(super) fn finish(mut self) -> Result<(), Vec<Problem>> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|(offset, _)| *offset);
        Err(self.found.into_iter().map(|(_, problem)| problem).collect())
    }
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}

/// The word of `known` that `typed` most likely stands for.
pub(crate) fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|word| (distance(typed, word), *word))
        .filter(|(distance, word)| *distance <= 2 && *distance < word.len())
        .min()
        .map(|(_, word)| word)
}

/// Edits between two words; long ones are not worth comparing.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 40 {
        return usize::MAX;
    }
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, pair), before) in right.iter().zip(row.windows(2)).zip(0..) {
            let [diagonal, above] = pair else { continue };
            let left = next.get(before).copied().unwrap_or_default();
            next.push((diagonal + usize::from(a != *b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, position};

    #[test]
    fn positions_count_characters() {
        assert_eq!(position("a\nbc", 3), (2, 2));
        assert_eq!(position("é = 1", 3), (1, 3));
        assert_eq!(position("", 9), (1, 1));
        assert_eq!(position("é", 1), (1, 1), "inside a character");
    }

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(distance("serach", "search"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(nearest("serach", &["type", "search", "group"]), Some("search"));
        assert_eq!(nearest("tpe", &["type", "search", "group"]), Some("type"));
        assert_eq!(nearest("colour", &["type", "search", "group"]), None);
    }
}
