//! What can go wrong between Pyrite and a keeper of root keys. Whether trying again may help is part of the type.

use std::time::Duration;

/// Why a provider did not do what it was asked. The text says what it answered, never a key, PIN or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// May be over in a moment: it is tried again while there is time.
    Passing(Passing, String),
    /// Stays until somebody changes something: it is never tried again.
    Final(Final, String),
}

/// Failures that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Nobody answers.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// Too many requests; the provider may say how long to wait.
    Throttled(Option<Duration>),
    /// It answers that it cannot serve now: sealed, starting, on standby, broken inside.
    Unavailable,
}

/// Failures that stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Final {
    /// Pyrite is not let in: wrong or expired PIN, token or credentials.
    Login,
    /// Pyrite is let in, and may not use this key.
    Denied,
    /// There is no key of this name.
    NoSuchKey,
    /// The key is there and was put out of use: disabled, about to be deleted, its old versions closed.
    KeyDisabled,
    /// The key did not wrap what the database holds, or that was altered, or belongs to another keyring.
    WrongKey,
    /// What the configuration says cannot be: no such library, token, engine.
    Setup,
    /// This build of Pyrite has no such provider.
    NotBuilt,
    /// An answer, or what the database holds, has not the form that it must have.
    Malformed,
}

impl Failure {
    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(..))
    }

    /// The reason in words, and what the provider said.
    pub fn reason(&self) -> String {
        let (reason, said) = match self {
            Self::Passing(passing, said) => (passing.as_str(), said),
            Self::Final(last, said) => (last.as_str(), said),
        };
        if said.is_empty() { reason.to_owned() } else { format!("{reason}: {said}") }
    }
}

impl Passing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "it cannot be reached",
            Self::TimedOut => "it does not answer in time",
            Self::Throttled(_) => "it gets too many requests",
            Self::Unavailable => "it cannot serve now",
        }
    }
}

impl Final {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "it does not let Pyrite in",
            Self::Denied => "Pyrite may not use this key",
            Self::NoSuchKey => "it has no such key",
            Self::KeyDisabled => "the key is out of use",
            Self::WrongKey => "this key does not open the root key of this database",
            Self::Setup => "it cannot be used as configured",
            Self::NotBuilt => "this build of Pyrite does not have it",
            Self::Malformed => "its answer makes no sense",
        }
    }
}

/// The one error that comes of it: which provider, why, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    /// The provider and its key.
    pub provider: String,
    /// The last failure.
    pub failure: Failure,
    /// How often it was tried.
    pub attempts: u32,
    /// What to do.
    pub hint: String,
}

impl std::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no root key from {}: {}", self.provider, self.failure.reason())?;
        if self.attempts > 1 { write!(f, " (tried {} times)", self.attempts) } else { Ok(()) }
    }
}

impl std::error::Error for ProviderError {}

/// Cuts what a provider said to what fits a log line.
pub(super) fn said(text: &str) -> String {
    const MOST: usize = 200;
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if out.chars().count() + word.chars().count() >= MOST {
            out.extend(word.chars().take(MOST.saturating_sub(out.chars().count())));
            out.push('…');
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
