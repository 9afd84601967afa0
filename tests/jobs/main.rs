//! Jobs against a real PostgreSQL, as a role with plain rights.

// Helpers outside of test functions fail like these do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod definitions;
mod endings;
mod faults;
mod rotation;
mod stage;
mod tables;
mod upheaval;

/// A test's runtime: the server's own threads have theirs.
fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}
