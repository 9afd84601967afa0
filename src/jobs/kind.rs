//! Kinds of jobs, and the steps of those that are about data keys.

use super::index;

/// What a job does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// New data key.
    RotateKey,
    /// New index key.
    RotateIndexKey,
    /// Values to the present keys.
    Repair,
    /// A fading key becomes a retired one.
    RetireKey,
    /// A retired key loses its bytes.
    DestroyKey,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::RotateKey, Self::RotateIndexKey, Self::Repair, Self::RetireKey, Self::DestroyKey];

    /// As in `pyrite.jobs`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RotateKey => "rotate key",
            Self::RotateIndexKey => "rotate index key",
            Self::Repair => "repair",
            Self::RetireKey => "retire key",
            Self::DestroyKey => "destroy key",
        }
    }

    /// The inverse of [`Kind::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Its steps by name, in order.
    pub fn steps(self) -> Vec<&'static str> {
        match self {
            Self::RotateIndexKey => index::Step::ALL.into_iter().map(index::Step::as_str).collect(),
            _ => self.data_steps().iter().map(|step| step.as_str()).collect(),
        }
    }

    /// Its steps, unless it is about index keys.
    pub(super) fn data_steps(self) -> &'static [DataStep] {
        match self {
            Self::RotateKey => &DataStep::ALL,
            Self::RotateIndexKey => &[],
            Self::Repair => &[
                DataStep::Check,
                DataStep::Sweep,
                DataStep::SweepTerms,
                DataStep::AwaitReaders,
                DataStep::Verify,
                DataStep::Demand,
            ],
            Self::RetireKey => &[DataStep::Check, DataStep::AwaitReaders, DataStep::Verify, DataStep::Retire],
            Self::DestroyKey => {
                &[DataStep::Check, DataStep::AwaitReaders, DataStep::Verify, DataStep::Destroy]
            }
        }
    }
}

/// Steps of jobs about data keys, in the order of a rotation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DataStep {
    /// What stands in the way is named; nothing is done yet.
    Check,
    /// The new key is added.
    AddKey,
    /// All proxies know it.
    AwaitAdded,
    /// All new values are encrypted under it.
    Promote,
    /// No proxy encrypts under the old one any more.
    AwaitPromoted,
    /// Older values are encrypted anew.
    Sweep,
    /// The terms of values are brought to the present index keys.
    SweepTerms,
    /// Transactions that may still copy an older value have ended.
    AwaitReaders,
    /// A scan of everything finds no older value.
    Verify,
    /// Tables demand the terms of their columns' search kinds.
    Demand,
    /// The old key is retired.
    Retire,
    /// The retired key is destroyed.
    Destroy,
}

impl DataStep {
    /// Those of a rotation.
    pub const ALL: [Self; 9] = [
        Self::Check,
        Self::AddKey,
        Self::AwaitAdded,
        Self::Promote,
        Self::AwaitPromoted,
        Self::Sweep,
        Self::AwaitReaders,
        Self::Verify,
        Self::Retire,
    ];

    /// As in `pyrite.jobs`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::AddKey => "add key",
            Self::AwaitAdded => "await new key",
            Self::Promote => "promote",
            Self::AwaitPromoted => "await promotion",
            Self::Sweep => "sweep",
            Self::SweepTerms => "sweep terms",
            Self::AwaitReaders => "await transactions",
            Self::Verify => "verify",
            Self::Demand => "demand terms",
            Self::Retire => "retire",
            Self::Destroy => "destroy",
        }
    }
}
