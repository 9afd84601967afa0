//! A server that lies: a relay in front of the real one that changes what is said to clients' sessions. Pyrite's own
//! connections pass as they are.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The role whose sessions are lied to.
pub const VICTIM: &str = "victim";

/// What becomes of one message: its number since the session was let in, type byte, and body.
pub type Lie = Box<dyn FnMut(usize, u8, &[u8]) -> Vec<u8> + Send>;

/// A running relay.
pub struct Forger {
    port: u16,
    lie: Arc<Mutex<Option<Lie>>>,
}

impl Forger {
    /// Starts a relay to a port on 127.0.0.1. It ends with the process.
    pub fn start(server: u16) -> Forger {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind the forger");
        let port = listener.local_addr().expect("bound address").port();
        let lie: Arc<Mutex<Option<Lie>>> = Arc::default();
        let shared = lie.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || relay(client, server, &shared));
            }
        });
        Forger { port, lie }
    }

    /// Where Pyrite finds its "server".
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the next session that logs in is told. It ends with that session.
    pub fn tell(&self, lie: Lie) {
        *self.lie.lock().unwrap() = Some(lie);
    }
}

/// A message as bytes.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn relay(mut client: TcpStream, server: u16, lie: &Mutex<Option<Lie>>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)) else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut start = vec![0; 4096];
    let Ok(n) = client.read(&mut start) else { return };
    if server.write_all(&start[..n]).is_err() {
        return;
    }
    let named = format!("user\0{VICTIM}\0");
    let lie =
        start[..n].windows(named.len()).any(|w| w == named.as_bytes()).then(|| lie.lock().unwrap().take());
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    match lie.flatten() {
        Some(lie) => falsify(&mut server, &mut client, lie),
        None => drop(std::io::copy(&mut server, &mut client)),
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

/// Passes messages on until the first ReadyForQuery, and then what the lie makes of them.
fn falsify(server: &mut TcpStream, client: &mut TcpStream, mut lie: Lie) {
    let (mut count, mut in_session) = (0, false);
    loop {
        let mut head = [0; 5];
        if server.read_exact(&mut head).is_err() {
            return;
        }
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length - 4];
        if server.read_exact(&mut body).is_err() {
            return;
        }
        let told = if in_session {
            count += 1;
            lie(count - 1, head[0], &body)
        } else {
            in_session = head[0] == b'Z';
            message(head[0], &body)
        };
        if client.write_all(&told).is_err() {
            return;
        }
    }
}
