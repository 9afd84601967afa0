//! Pyrite: a PostgreSQL wire-protocol proxy for field-level encryption.
//!
//! A query's way through the tree:
//!
//! 1. [`server`] accepts a client and hands it to a worker; [`session`] relays start-up and authentication.
//! 2. [`wire`] cuts bytes into frames. A statement's text goes to [`sql`], which knows tables from
//!    [`catalog`] and answers with one immutable plan: forward, rewrite, or refuse.
//! 3. [`transform`] is the only place where plaintext ([`value`]) and keys ([`keys`], [`crypto`]) meet: it
//!    seals parameters and literals on the way in and opens result columns on the way out.
//!
//! `wire`, `value` and `crypto` import nothing of ours; `sql` never sees a key; `tests/tidy.rs` checks this.

pub mod admin;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod database;
pub mod demo;
pub mod evaluate;
pub mod jobs;
pub mod keys;
pub mod server;
pub mod session;
pub mod sql;
pub mod transform;
pub mod transport;
pub mod value;
pub mod wire;
