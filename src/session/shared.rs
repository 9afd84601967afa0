//! What all sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Upstream;
use crate::database::Databases;

use super::cancel::Cancels;
use super::console::Console;
use super::roster::Roster;

/// Shared by all workers.
pub(crate) struct Shared {
    /// The server.
    pub upstream: Upstream,
    /// Cancel keys given out.
    pub cancels: Arc<Cancels>,
    /// Databases with encrypted columns configured, by name.
    pub databases: Databases,
    /// What serves the database `pyrite`.
    pub console: Arc<dyn Console>,
    /// Who is connected.
    pub roster: Arc<Roster>,
    /// Becomes true when the process stops.
    pub stop: tokio::sync::watch::Receiver<bool>,
    /// How many sessions there may be; RELOAD changes it.
    pub most_clients: Arc<AtomicUsize>,
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
        (before < self.most_clients.load(Ordering::Relaxed)).then_some(admission)
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
