//! Composition root: accept, limits, workers.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, watch};

use crate::admin::Console;
use crate::config::Config;
use crate::database::{Databases, OpenError};
use crate::jobs;
use crate::session::{self, Cancels, Roster, Shared};

/// A running proxy. Dropped, it stops.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    console: Option<Arc<Console>>,
}

/// Why the proxy does not start.
#[derive(Debug)]
pub enum ServerError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A protected database cannot be opened.
    Open(OpenError),
    /// A thread or its runtime cannot be made.
    Runtime(std::io::Error),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::Listen { address, source } if source.kind() == std::io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "cannot listen on {address}: the port is taken; stop what listens there, or set another \"listen\" address"
                )
            }
            ServerError::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            ServerError::Open(error) => error.fmt(f),
            ServerError::Runtime(error) => write!(f, "cannot start a worker thread: {error}"),
        }
    }
}

impl std::error::Error for ServerError {}

impl Server {
    /// Starts the proxy and returns when it listens.
    pub fn start(config: Config) -> Result<Server, ServerError> {
        Self::start_with(config, Some(jobs::Settings::default()))
    }

    /// The same, with settings for the jobs that it works on. `None`: it leaves them to other proxies.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(config: Config, settings: Option<jobs::Settings>) -> Result<Server, ServerError> {
        let listen = |source| ServerError::Listen { address: config.listen, source };
        let listener = std::net::TcpListener::bind(config.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (stop, stopped) = watch::channel(false);
        let mut server = Server { address, stop, threads: Vec::new(), console: None };
        let databases = server.open(&config, stopped.clone())?;
        let roster = Arc::new(Roster::default());
        let most_clients = Arc::new(AtomicUsize::new(config.limits.clients));
        let console =
            Console::new(config.clone(), databases.clone(), Arc::clone(&roster), Arc::clone(&most_clients));
        server.console = Some(Arc::clone(&console));
        let shared = Arc::new(Shared {
            upstream: config.upstream.clone(),
            cancels: Arc::new(Cancels::default()),
            console: Arc::clone(&console) as Arc<dyn session::Console>,
            roster,
            databases,
            stop: stopped,
            most_clients,
            clients: AtomicUsize::new(0),
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut workers = Vec::new();
        for n in 0..config.workers.unwrap_or(cores).max(1) {
            let (sender, receiver) = mpsc::unbounded_channel();
            let shared = Arc::clone(&shared);
            workers.push(sender);
            server.spawn(format!("worker-{n}"), move || worker(receiver, shared))?;
        }
        let (databases, stopped) = (shared.databases.clone(), shared.stop.clone());
        if let Some(settings) = settings {
            server.spawn("jobs".into(), move || run_jobs(databases, settings, stopped))?;
        }
        let stopped = shared.stop.clone();
        server.spawn("accept".into(), move || accept(listener, workers, stopped))?;
        Ok(server)
    }

    /// Opens the protected databases on a thread that keeps them fresh from then on.
    fn open(&mut self, config: &Config, mut stop: watch::Receiver<bool>) -> Result<Databases, ServerError> {
        let (sender, opened) = std::sync::mpsc::sync_channel(1);
        let config = config.clone();
        self.spawn("databases".into(), move || async move {
            let opened = Databases::open(&config).await;
            let databases = opened.as_ref().ok().cloned().unwrap_or_default();
            // The receiver waits just below.
            let _ = sender.send(opened);
            let _ = stop.wait_for(|stop| *stop).await;
            databases.close().await;
        })?;
        let ended = |_| ServerError::Runtime(std::io::Error::other("the database thread ended"));
        opened.recv().map_err(ended)?.map_err(ServerError::Open)
    }

    fn spawn<F, T>(&mut self, name: String, body: F) -> Result<(), ServerError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Future<Output = ()>,
    {
        let (sender, ready) = std::sync::mpsc::sync_channel(1);
        // A local runtime runs tasks that stay on its thread by itself, without a set of tasks inside a task:
        // a session that can go on is polled, and nothing else is. It cannot be made on another thread.
        let run =
            move || match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    // The receiver waits just below.
                    let _ = sender.send(Ok(()));
                    runtime.block_on(body());
                }
                Err(error) => {
                    let _ = sender.send(Err(error));
                }
            };
        let thread = std::thread::Builder::new().name(name).spawn(run).map_err(ServerError::Runtime)?;
        self.threads.push(thread);
        let ended = |_| std::io::Error::other("the thread ended");
        ready.recv().map_err(ended).and_then(|made| made).map_err(ServerError::Runtime)
    }

    /// The address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Reads the configuration again, as the console's RELOAD does, and logs what came of it.
    pub async fn reload(&self) {
        let Some(console) = &self.console else { return };
        match console.reload().await {
            Ok(changes) if changes.is_empty() => tracing::info!("the configuration has not changed"),
            Ok(_) => {}
            Err(failure) => {
                let detail = failure.detail.as_deref().map(|text| format!("\n{text}")).unwrap_or_default();
                tracing::error!("{failure}{detail}");
            }
        }
    }

    /// Ends all sessions and waits for them.
    pub fn shutdown(mut self) {
        self.stop_and_join();
    }

    /// Waits until the proxy ends by itself or another thread stops it.
    pub fn wait(mut self) {
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }

    fn stop_and_join(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop_and_join();
    }
}

/// Works on the jobs of all databases, on a thread of its own: sealing a batch takes milliseconds, for which no session
/// and no lease shall wait.
async fn run_jobs(databases: Databases, settings: jobs::Settings, stop: watch::Receiver<bool>) {
    let mut running = tokio::task::JoinSet::new();
    for database in databases.iter() {
        running.spawn_local(jobs::run(Arc::clone(database), settings.clone(), stop.clone()));
    }
    drop(databases);
    while running.join_next().await.is_some() {}
}

/// Hands new sockets to the workers in turn.
async fn accept(
    listener: std::net::TcpListener,
    workers: Vec<mpsc::UnboundedSender<std::net::TcpStream>>,
    mut stop: watch::Receiver<bool>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "cannot listen"),
    };
    let mut turn = workers.iter().cycle();
    loop {
        let socket = tokio::select! {
            socket = listener.accept() => socket.and_then(|(socket, _)| socket.into_std()),
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match socket {
            Ok(socket) => {
                // A worker's receiver lives as long as its thread.
                if let Some(worker) = turn.next() {
                    let _ = worker.send(socket);
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: sessions that end will free some.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

/// One thread's sessions.
async fn worker(mut sockets: mpsc::UnboundedReceiver<std::net::TcpStream>, shared: Arc<Shared>) {
    let mut running = tokio::task::JoinSet::new();
    let mut stop = shared.stop.clone();
    loop {
        tokio::select! {
            socket = sockets.recv() => match socket.map(TcpStream::from_std) {
                Some(Ok(socket)) => {
                    let shared = Arc::clone(&shared);
                    running.spawn_local(async move { session::serve(socket, &shared).await });
                }
                Some(Err(error)) => tracing::warn!(%error, "cannot use a socket"),
                None => break,
            },
            Some(_) = running.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    // They have seen the same signal, and say good-bye to their clients.
    while running.join_next().await.is_some() {}
}
