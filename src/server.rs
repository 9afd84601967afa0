//! Composition root: accept, limits, workers.
