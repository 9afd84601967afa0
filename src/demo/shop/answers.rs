//! What came of the statements.

use std::time::{Duration, Instant};

/// Statements of one kind.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they do, for people.
    pub name: &'static str,
    /// How many there were.
    pub asked: u32,
    /// How many answers were right.
    pub right: u32,
    /// How long all of them took.
    pub took: Duration,
    /// What was wrong with the first wrong answer. Never a value.
    pub first_wrong: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// In the order they were asked.
    pub groups: Vec<Group>,
}

impl Answers {
    /// Number of statements.
    pub fn asked(&self) -> u32 {
        self.groups.iter().map(|group| group.asked).sum()
    }

    /// Number of right answers.
    pub fn right(&self) -> u32 {
        self.groups.iter().map(|group| group.right).sum()
    }

    /// Time in statements.
    pub fn took(&self) -> Duration {
        self.groups.iter().map(|group| group.took).sum()
    }

    /// Whether there were statements, and all answers were right.
    pub fn all_right(&self) -> bool {
        self.asked() > 0 && self.asked() == self.right()
    }

    /// Starts the next kind of statements.
    pub(super) fn group(&mut self, name: &'static str) -> Asking<'_> {
        let group = Group { name, asked: 0, right: 0, took: Duration::ZERO, first_wrong: None };
        Asking { answers: self, group, started: Instant::now() }
    }
}

/// Statements of one kind, while they run. Counts itself in when dropped.
pub(super) struct Asking<'a> {
    answers: &'a mut Answers,
    group: Group,
    started: Instant,
}

impl Asking<'_> {
    /// Counts an answer; `right` says whether it is as expected.
    pub fn answer<T>(
        &mut self,
        outcome: Result<T, tokio_postgres::Error>,
        right: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        self.group.asked += 1;
        match outcome {
            Ok(answer) if right(&answer) => {
                self.group.right += 1;
                Some(answer)
            }
            Ok(answer) => {
                self.wrong("the answer differs".to_owned());
                Some(answer)
            }
            Err(error) => {
                self.wrong(told(&error));
                None
            }
        }
    }

    /// Counts an answer that must be an error with this SQLSTATE (and constraint).
    pub fn refusal<T>(
        &mut self,
        outcome: Result<T, tokio_postgres::Error>,
        sqlstate: &str,
        constraint: Option<&str>,
    ) {
        self.group.asked += 1;
        let Err(error) = outcome else {
            return self.wrong(format!("no error, where SQLSTATE {sqlstate} is due"));
        };
        let as_expected = error.as_db_error().is_some_and(|server| {
            server.code().code() == sqlstate
                && constraint.is_none_or(|name| server.constraint() == Some(name))
        });
        if as_expected {
            self.group.right += 1;
        } else {
            self.wrong(format!("where SQLSTATE {sqlstate} is due: {}", told(&error)));
        }
    }

    fn wrong(&mut self, what: String) {
        self.group.first_wrong.get_or_insert(what);
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.group.took = self.started.elapsed();
        self.answers.groups.push(self.group.clone());
    }
}

/// An error without its detail, where PostgreSQL puts values.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{} ({})", server.message(), server.code().code()),
        None => error.to_string(),
    }
}
