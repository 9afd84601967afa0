//! What all sessions share, read-only but for the cancel keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Upstream;

use super::cancel::Cancels;

/// Shared by all workers.
pub(crate) struct Shared {
    /// The server.
    pub upstream: Upstream,
    /// Cancel keys given out.
    pub cancels: Arc<Cancels>,
    /// Databases with encrypted columns configured, by name.
    pub databases: BTreeMap<String, Arc<Protected>>,
    /// Becomes true when the process stops.
    pub stop: tokio::sync::watch::Receiver<bool>,
}

/// A database with encrypted columns configured.
pub(crate) struct Protected {
}
