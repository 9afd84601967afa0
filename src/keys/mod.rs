//! Keyring, root providers, wrapped keys in the database.
