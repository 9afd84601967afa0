//! Keyring, root providers, wrapped keys in the database.
//!
//! Root key -> data keys and index keys, one set per key group. The root key never enters the database; the
//! others lie in `pyrite.keys`, wrapped. In memory they are an immutable [`Keyring`]; each session seals and
//! opens values with a [`CellCipher`] of its own.
//!
//! At start-up: [`Roots::new`], [`install`], [`load_or_create`], [`register_columns`]; later [`reload`].

mod cell;
mod change;
mod columns;
mod error;
mod escrow;
mod import;
mod keyring;
mod memory;
mod root;
mod schema;
mod store;
mod stored;
mod terms;

pub use cell::{CellCipher, NewTerms};
pub use change::{Change, change, rotate_root};
pub use columns::{ColumnRegistration, RegisteredColumn, register_columns, registered_columns};
pub use error::KeyError;
pub use escrow::{Escrow, export};
pub use import::{Imported, import};
pub use keyring::{GroupBytes, KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder, KeyringError};
pub use memory::Memory;
pub use root::{
    Failure, Final, NewRoot, Passing, ProviderError, RootKey, RootSource, Roots, generate_root_file,
};
pub use schema::{Installed, grants, install, latest_version};
pub use store::{GroupWish, load_or_create, load_or_create_for, load_or_create_with, reload, stored_root};
pub use stored::{RootNote, StoredRoot};
pub use terms::{Forms, TermKinds};

/// Names of keys and places of terms, for rooms that do not use `crypto`.
pub use crate::crypto::{KeyId, Piece, Slot, TermKind};
