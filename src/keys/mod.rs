//! Keyring, root providers, wrapped keys in the database.
//!
//! Root key -> data keys and index keys, one set per key group. The root key never enters the database; the
//! others lie in `pyrite.keys`, wrapped. In memory they are an immutable [`Keyring`]; each session seals and
//! opens values with a [`CellCipher`] of its own.

mod cell;
mod keyring;

pub use cell::CellCipher;
pub use keyring::{GroupBytes, KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder, KeyringError};
