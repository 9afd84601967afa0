//! Root key providers: each against the real thing where a package brings it (SoftHSM 2), or against a server with its
//! documented interface (Vault's Transit engine). AWS KMS has a test program of its own, as it needs a feature.

#![allow(missing_docs, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod expect;
mod moving;
mod softhsm;
mod tls;
mod vault;
mod vault_stub;

#[path = "../support/mod.rs"]
mod support;
