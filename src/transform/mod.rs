//! The only place where plaintext and keys meet.
