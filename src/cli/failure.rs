//! How a command ends.

use std::process::ExitCode;

/// Exit status of everything that could not be done.
pub(super) const ERROR: u8 = 2;
/// Exit status of what Ctrl-C ended, as shells have it.
const INTERRUPTED: u8 = 130;

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Status 0.
    Fine,
    /// Status 1: it found something that should not be.
    Findings,
    /// Status 2: part of it could not be done, which has been printed.
    Incomplete,
    /// Status 130: Ctrl-C, while the job goes on.
    Interrupted,
}

impl Outcome {
    pub(super) fn exit_code(self) -> ExitCode {
        match self {
            Outcome::Fine => ExitCode::SUCCESS,
            Outcome::Findings => ExitCode::FAILURE,
            Outcome::Incomplete => ExitCode::from(ERROR),
            Outcome::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }

    /// The worse of two.
    pub(super) fn and(self, other: Outcome) -> Outcome {
        let rank = |outcome| match outcome {
            Outcome::Fine => 0,
            Outcome::Findings => 1,
            Outcome::Incomplete => 2,
            Outcome::Interrupted => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Why a command could not do its work: what, and the way out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) what: String,
    pub(super) way_out: String,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { what: what.into(), way_out: way_out.into() }
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        // Each mistake brings its own way out.
        Self::new(error.to_string(), "")
    }
}

impl From<crate::keys::KeyError> for Failure {
    fn from(error: crate::keys::KeyError) -> Self {
        let way_out = error.hint().unwrap_or_default();
        Self::new(error.to_string(), way_out)
    }
}
