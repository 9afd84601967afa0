//! What all sessions share, read-only but for the cancel keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Upstream;
use crate::database::Databases;

use super::cancel::Cancels;

/// Shared by all workers.
pub(crate) struct Shared {
    /// The server.
    pub upstream: Upstream,
    /// Cancel keys given out.
    pub cancels: Arc<Cancels>,
    /// Databases with encrypted columns configured, by name.
    pub databases: Databases,
    /// Becomes true when the process stops.
    pub stop: tokio::sync::watch::Receiver<bool>,
    /// How many sessions there may be.
    pub most_clients: usize,
    /// How many there are.
    pub clients: AtomicUsize,
}

/// A place among the sessions; given back when dropped.
pub(crate) struct Admission<'a>(&'a AtomicUsize);

impl Shared {
    /// Takes a place for a session, if there is one.
    pub(crate) fn admit(&self) -> Option<Admission<'_>> {
        let before = self.clients.fetch_add(1, Ordering::Relaxed);
        let admission = Admission(&self.clients);
        (before < self.most_clients).then_some(admission)
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
