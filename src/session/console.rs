//! The door to the admin console: who may pass, once the server has checked the password.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use crate::transport::Link;

use super::error::End;
use super::roster::Seat;

/// Somebody whom the server has let in.
pub(crate) struct Visitor {
    /// The role that logged in.
    pub role: String,
    /// What the client calls itself.
    pub application: String,
    /// Where it comes from.
    pub address: SocketAddr,
    /// Its place in the list of sessions.
    pub seat: Arc<Seat>,
}

/// What serves the database `pyrite`.
pub(crate) trait Console: Send + Sync {
    /// The database that a login is relayed to, so that the server checks the password. An error: the console is
    /// closed.
    fn door(&self) -> Result<String, End>;

    /// Whether this role may use the console; asked after the server has let it in.
    fn admits(&self, role: &str) -> Result<(), End>;

    /// Serves one session to its end.
    fn serve<'a>(&'a self, client: &'a mut Link, visitor: Visitor)
    -> Pin<Box<dyn Future<Output = End> + 'a>>;
}
