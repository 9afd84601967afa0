//! Formulas over plain values: what PostgreSQL's functions and operators give, computed without PostgreSQL.
//!
//! A [`Builder`] puts a formula together from operands and resolves each call as PostgreSQL does. A call that
//! it does not know exactly is [`Unbuilt`]: nobody guesses. [`Formula::prepare`] puts parameters in, and
//! computes what depends on nothing else; [`Formula::evaluate`] gives the value for one row.
//!
//! Nothing here knows of SQL text, keys or columns.

mod build;
mod calls;
mod compare;
mod datetime;
mod float;
mod fold;
mod formula;
mod integer;
mod numeric;
mod pattern;
mod regex;
mod resolve;
mod similar;
mod strings;
mod text;
mod to_char;

pub use build::{Builder, Operand, Unbuilt};
pub use formula::{Formula, Inputs};

use crate::value::{Collation, Datum, Settings, ValueError};

/// What a formula gives for a row; `None` is NULL.
pub type Evaluated = Result<Option<Datum>, EvaluateError>;

/// An error that PostgreSQL would give for these values. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluateError {
    /// Five characters, as PostgreSQL would report them.
    pub sqlstate: &'static str,
    /// Names the function or type and the rule, not the value.
    pub message: String,
    /// The way out, if there is one.
    pub hint: Option<String>,
}

impl EvaluateError {
    pub(crate) fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), hint: None }
    }

    /// 0A000: something that cannot be computed exactly.
    pub(crate) fn unsupported(what: impl AsRef<str>) -> Self {
        Self::new("0A000", format!("{} is not supported by Pyrite on encrypted columns", what.as_ref()))
    }
}

impl From<ValueError> for EvaluateError {
    fn from(error: ValueError) -> Self {
        Self { sqlstate: error.sqlstate, message: error.message, hint: error.hint }
    }
}

impl std::fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluateError {}

/// What a computation depends on beside its inputs.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The session's settings.
    pub settings: &'a Settings,
    /// How strings are ordered and change case.
    pub collation: &'a Collation,
}

/// Longest text that a formula makes, in bytes: PostgreSQL's own limit is 1 GB.
const MAX_TEXT: usize = 64 << 20;
