//! Cancel requests: the client holds a key of ours, the server one of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::Upstream;
use crate::transport::Link;
use crate::wire::build;

use super::startup::dial;

/// How long the server may take to act on a cancel request.
const PATIENCE: Duration = Duration::from_secs(10);

/// The keys given out, by our process id.
#[derive(Debug, Default)]
pub(crate) struct Cancels(Mutex<HashMap<u32, Target>>);

struct Target {
    secret: Vec<u8>,
    server_pid: u32,
    server_secret: Vec<u8>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}

/// A registered key; gone when dropped.
#[derive(Debug)]
pub(crate) struct CancelKey {
    registry: Arc<Cancels>,
    /// Process id that the client sees.
    pub pid: u32,
}

impl Drop for CancelKey {
    fn drop(&mut self) {
        self.registry.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.pid);
    }
}

impl Cancels {
    /// Makes a key of ours for the server's; it has the same length, as the client asked for it by its
    /// protocol version.
    pub(crate) fn register(
        self: &Arc<Self>,
        server_pid: u32,
        server_secret: &[u8],
    ) -> Result<(CancelKey, Vec<u8>), getrandom::Error> {
        let mut secret = vec![0; server_secret.len().max(4)];
        getrandom::fill(&mut secret)?;
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pid = getrandom::u32()? >> 1;
        while pid == 0 || keys.contains_key(&pid) {
            pid = getrandom::u32()? >> 1;
        }
        let target = Target { secret: secret.clone(), server_pid, server_secret: server_secret.to_vec() };
        keys.insert(pid, target);
        drop(keys);
        Ok((CancelKey { registry: Arc::clone(self), pid }, secret))
    }

    /// The server's key for ours, if the secret is right.
    fn find(&self, pid: u32, secret: &[u8]) -> Option<(u32, Vec<u8>)> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let target = keys.get(&pid)?;
        // Compared in full whatever differs, so that time tells nothing of the secret.
        let differing = target.secret.iter().zip(secret).fold(0, |sum, (a, b)| sum | (a ^ b));
        if target.secret.len() != secret.len() || differing != 0 {
            return None;
        }
        Some((target.server_pid, target.server_secret.clone()))
    }

    /// Passes a cancel request on and waits until the server has taken it. The client gets no answer.
    pub(crate) async fn forward(&self, upstream: &Upstream, pid: u32, secret: &[u8]) {
        let Some((server_pid, server_secret)) = self.find(pid, secret) else {
            tracing::debug!("cancel request with an unknown key");
            return;
        };
        let send = async {
            let mut link = Link::new(dial(upstream).await?);
            link.outbox.buffer().extend_from_slice(&build::cancel_request(server_pid, &server_secret));
            link.flush().await?;
            link.fill().await
        };
        if !matches!(tokio::time::timeout(PATIENCE, send).await, Ok(Ok(_))) {
            tracing::warn!("a cancel request could not be passed to the server");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_only_with_their_secret_and_while_they_live() {
        let registry = Arc::new(Cancels::default());
        let (key, secret) = registry.register(7, &[1, 2, 3, 4]).unwrap();
        assert_eq!(registry.find(key.pid, &secret), Some((7, vec![1, 2, 3, 4])));
        assert_eq!(registry.find(key.pid, &secret[..3]), None);
        assert_eq!(registry.find(key.pid, &[secret.as_slice(), &[0]].concat()), None);
        let mut other = secret.clone();
        other[0] ^= 1;
        assert_eq!(registry.find(key.pid, &other), None);
        let (long, secret) = registry.register(8, &[5; 32]).unwrap();
        assert_eq!(secret.len(), 32);
        let pid = long.pid;
        drop(long);
        assert_eq!(registry.find(pid, &secret), None);
    }
}
