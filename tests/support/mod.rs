//! What the end-to-end tests stand on: a private PostgreSQL, a Pyrite in front of it, a tap between the two
//! that looks for plaintext, and a client that speaks the protocol byte by byte.
//!
//! All of it is safe to run in parallel, and is gone when the test process ends, however it ends.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod canary;
pub mod keeper;
pub mod message;
pub mod observer;
pub mod pyrite;
pub mod raw;
pub mod server;
pub mod tap;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is deleted when dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new empty folder that only this user can read.
    pub fn new(purpose: &str) -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("pyrite-{purpose}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("create a temporary folder");
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    listener.local_addr().expect("bound address").port()
}
