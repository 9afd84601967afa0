//! The client as pgwire's handlers see it: what it has prepared, and a place for the answers.

use std::any::Any;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::BytesMut;
use futures::Sink;
use pgwire::api::portal::Portal;
use pgwire::api::stmt::StoredStatement;
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, PgWireConnectionState, SessionExtensions};
use pgwire::error::PgWireError;
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::startup::SecretKey;
use pgwire::messages::{PgWireBackendMessage, ProtocolVersion};

use super::handler::Prepared;

/// One session with the console.
pub(super) struct Client {
    address: SocketAddr,
    state: PgWireConnectionState,
    status: TransactionStatus,
    version: ProtocolVersion,
    metadata: HashMap<String, String>,
    extensions: SessionExtensions,
    /// Statements and portals.
    pub store: Store,
    /// Messages for the client.
    pub answers: BytesMut,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            state: PgWireConnectionState::ReadyForQuery,
            status: TransactionStatus::Idle,
            version: ProtocolVersion::PROTOCOL3_0,
            metadata: HashMap::new(),
            extensions: SessionExtensions::new(),
            store: Store::default(),
            answers: BytesMut::new(),
        }
    }

    /// Appends a message.
    pub fn say(&mut self, message: PgWireBackendMessage) -> Result<(), PgWireError> {
        message.encode(&mut self.answers)
    }
}

impl Sink<PgWireBackendMessage> for Client {
    type Error = PgWireError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PgWireError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, item: PgWireBackendMessage) -> Result<(), PgWireError> {
        self.get_mut().say(item)
    }

    /// They are written to the socket when the request is dealt with.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PgWireError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), PgWireError>> {
        Poll::Ready(Ok(()))
    }
}

impl ClientInfo for Client {
    fn socket_addr(&self) -> SocketAddr {
        self.address
    }

    fn is_secure(&self) -> bool {
        false
    }

    fn protocol_version(&self) -> ProtocolVersion {
        self.version
    }

    fn set_protocol_version(&mut self, version: ProtocolVersion) {
        self.version = version;
    }

    fn pid_and_secret_key(&self) -> (i32, SecretKey) {
        (0, SecretKey::default())
    }

    fn set_pid_and_secret_key(&mut self, _: i32, _: SecretKey) {}

    fn state(&self) -> PgWireConnectionState {
        self.state
    }

    fn set_state(&mut self, state: PgWireConnectionState) {
        self.state = state;
    }

    fn transaction_status(&self) -> TransactionStatus {
        self.status
    }

    fn set_transaction_status(&mut self, status: TransactionStatus) {
        self.status = status;
    }

    fn metadata(&self) -> &HashMap<String, String> {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut HashMap<String, String> {
        &mut self.metadata
    }

    fn session_extensions(&self) -> &SessionExtensions {
        &self.extensions
    }
}

impl ClientPortalStore for Client {
    type PortalStore = Store;

    fn portal_store(&self) -> &Store {
        &self.store
    }
}

/// Prepared statements and portals by name.
#[derive(Default)]
pub(super) struct Store(Mutex<Names>);

#[derive(Default)]
struct Names {
    statements: HashMap<String, Entry<StoredStatement<Prepared>>>,
    portals: HashMap<String, Entry<Portal<Prepared>>>,
}

impl Store {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many names are in use.
    pub fn len(&self) -> usize {
        let names = self.names();
        names.statements.len() + names.portals.len()
    }
}

impl PortalStore for Store {
    type Statement = Prepared;

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn put_statement(&self, statement: Arc<StoredStatement<Prepared>>) {
        self.names().statements.insert(statement.id.clone(), Entry::Value(statement));
    }

    fn put_empty_statement(&self, name: &str) {
        self.names().statements.insert(name.to_owned(), Entry::Empty);
    }

    fn rm_statement(&self, name: &str) {
        self.names().statements.remove(name);
    }

    fn get_statement(&self, name: &str) -> Option<Entry<StoredStatement<Prepared>>> {
        self.names().statements.get(name).cloned()
    }

    fn put_portal(&self, portal: Arc<Portal<Prepared>>) {
        self.names().portals.insert(portal.name.clone(), Entry::Value(portal));
    }

    fn put_empty_portal(&self, name: &str) {
        self.names().portals.insert(name.to_owned(), Entry::Empty);
    }

    fn rm_portal(&self, name: &str) {
        self.names().portals.remove(name);
    }

    fn clear_portals(&self) {
        self.names().portals.clear();
    }

    fn get_portal(&self, name: &str) -> Option<Entry<Portal<Prepared>>> {
        self.names().portals.get(name).cloned()
    }
}
