//! What can go wrong with an envelope, and how it is told to a client.

use super::{KeyId, Slot};

/// An envelope that cannot be made or opened. Holds no value and no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// The bytes are not an envelope; the reason is a constant of ours.
    Malformed(&'static str),
    /// An envelope of a format that this version does not know.
    UnsupportedVersion(u8),
    /// The header names a data key that the keyring does not have. The caller may reload the keyring once.
    UnknownKey(KeyId),
    /// The data key was destroyed on purpose: what it encrypted is gone.
    DestroyedKey(KeyId),
    /// The keyring has no such group, or the group has no key for this purpose.
    UnknownGroup,
    /// The group has no index key that makes terms for this slot (any more).
    UnusedSlot(Slot),
    /// A genuine envelope in a column that uses other keys.
    OtherGroup(KeyId),
    /// The tag does not fit: the envelope was altered, or comes from another keyring.
    Authentication,
    /// The value is longer than an envelope can hold.
    TooLong,
    /// The system's random generator failed.
    Random,
}

impl CryptoError {
    /// SQLSTATE for the client.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Authentication | Self::OtherGroup(_) => "XX001",
            Self::UnsupportedVersion(_) => "0A000",
            Self::UnknownKey(_) | Self::DestroyedKey(_) => "58000",
            Self::UnknownGroup => "XX000",
            Self::UnusedSlot(_) => "55000",
            Self::TooLong => "54000",
            Self::Random => "58030",
        }
    }

    /// The way out.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Malformed(_) => {
                Some("Something wrote to the column around Pyrite, or the stored bytes are damaged.")
            }
            Self::UnsupportedVersion(_) => Some("Upgrade this proxy to the version that wrote the value."),
            Self::UnknownKey(_) => Some(
                "Restore the tables pyrite.keys, pyrite.groups and pyrite.keyring that belong to this data.",
            ),
            Self::DestroyedKey(_) => Some(
                "The key was destroyed by command; only a backup of schema pyrite from before still has it.",
            ),
            Self::UnknownGroup => Some("Restart the proxy so that it creates the keys of new columns."),
            Self::UnusedSlot(_) => {
                Some("The index key was replaced since the statement was prepared: prepare it again.")
            }
            Self::OtherGroup(_) | Self::Authentication => Some(
                "Restore the value from a backup, and find out who can write to the table around Pyrite.",
            ),
            Self::TooLong => Some("A value of an encrypted column has at most 1 GiB less its header."),
            Self::Random => None,
        }
    }
}

impl std::fmt::Display for CryptoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(reason) => write!(f, "not an encrypted value: {reason}"),
            Self::UnsupportedVersion(v) => {
                write!(f, "encrypted value has format version {v}, which this proxy does not know")
            }
            Self::UnknownKey(id) => {
                write!(f, "encrypted value needs data key {id}, which the keyring does not have")
            }
            Self::DestroyedKey(id) => write!(f, "data key {id} of this value was destroyed"),
            Self::UnknownGroup => f.write_str("the keyring has no key for this column's group"),
            Self::UnusedSlot(slot) => {
                write!(f, "no index key makes search terms for slot {} of this column's group", slot.as_str())
            }
            Self::OtherGroup(id) => {
                write!(f, "encrypted value comes from a column with other keys (data key {id})")
            }
            Self::Authentication => f.write_str("encrypted value was altered, or belongs elsewhere"),
            Self::TooLong => f.write_str("value is too long to be encrypted"),
            Self::Random => f.write_str("the operating system's random generator failed"),
        }
    }
}

impl std::error::Error for CryptoError {}
