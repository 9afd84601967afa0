//! The leak tap: a relay between Pyrite and the server that looks for plaintext in all that is sent to the server.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use aho_corasick::AhoCorasick;

use super::canary::Canary;

/// A running tap.
pub struct Tap {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    search: RwLock<Option<Search>>,
    canaries: Mutex<Vec<Canary>>,
    hits: Mutex<BTreeSet<String>>,
    bytes: AtomicU64,
    away: AtomicBool,
    stop: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

/// A searcher for all forms of all canaries, ignoring the case of ASCII letters.
struct Search {
    patterns: AhoCorasick,
    labels: Vec<String>,
    longest: usize,
}

impl Tap {
    /// Starts a relay to a port on 127.0.0.1.
    pub fn start(server: u16) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind the tap");
        let port = listener.local_addr().expect("bound address").port();
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.stop.load(Ordering::Acquire) {
                    return;
                }
                accepting.relay(client, server);
            }
        });
        Tap { port, shared }
    }

    /// Where Pyrite finds its "server".
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on this value must not be sent to the server.
    pub fn watch(&self, canaries: &[Canary]) {
        let mut all = self.shared.canaries.lock().unwrap();
        all.extend_from_slice(canaries);
        let forms: Vec<_> = all.iter().flat_map(Canary::forms).collect();
        let patterns = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(forms.iter().map(|form| &form.bytes))
            .expect("build the searcher");
        let longest = forms.iter().map(|form| form.bytes.len()).max().unwrap_or(0);
        let labels = forms.into_iter().map(|form| form.label).collect();
        *self.shared.search.write().unwrap() = Some(Search { patterns, labels, longest });
    }

    /// What is sent from now on is not looked at, or is again.
    pub fn look_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::Release);
    }

    /// What was found so far, by canary and encoding.
    pub fn hits(&self) -> Vec<String> {
        self.shared.hits.lock().unwrap().iter().cloned().collect()
    }

    /// What of a file's or other data's content is a canary.
    pub fn search(&self, data: &[u8]) -> Vec<String> {
        let guard = self.shared.search.read().unwrap();
        let Some(search) = guard.as_ref() else { return Vec::new() };
        let found = search.patterns.find_overlapping_iter(data);
        found.map(|found| search.labels[found.pattern().as_usize()].clone()).collect()
    }

    /// How many bytes went to the server.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn relay(self: &Arc<Self>, client: TcpStream, server: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (Ok(from_client), Ok(to_client)) = (client.try_clone(), client.try_clone()) else { return };
        let (Ok(to_server), Ok(from_server)) = (server.try_clone(), server.try_clone()) else { return };
        self.streams.lock().unwrap().extend([client, server]);
        let shared = self.clone();
        std::thread::spawn(move || copy(from_client, to_server, Some(&shared)));
        std::thread::spawn(move || copy(from_server, to_client, None));
    }

    /// Looks through what came, with the end of what came before.
    fn scan(&self, tail: &mut Vec<u8>, data: &[u8]) {
        self.bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        if self.away.load(Ordering::Acquire) {
            return tail.clear();
        }
        let guard = self.search.read().unwrap();
        let Some(search) = guard.as_ref() else { return };
        let old = tail.len();
        tail.extend_from_slice(data);
        for found in search.patterns.find_overlapping_iter(&tail[..]) {
            if found.end() > old {
                self.hits.lock().unwrap().insert(search.labels[found.pattern().as_usize()].clone());
            }
        }
        let keep = search.longest.saturating_sub(1).min(tail.len());
        tail.drain(..tail.len() - keep);
    }
}

/// Copies until the end; scans before it forwards, so that a hit is known when the answer is.
fn copy(mut from: TcpStream, mut to: TcpStream, scan: Option<&Shared>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut tail = Vec::new();
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if let Some(shared) = scan {
            shared.scan(&mut tail, &buffer[..n]);
        }
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
