//! The process's memory is nobody else's.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::keeper::Keeper;
use crate::support::server::{give, unprivileged_user};
use crate::support::{Folder, free_port};

/// Starts a proxy that protects nothing, as a user without special rights; what its limit of core dumps is, and
/// whether another process of that user can read its memory map.
fn observe(options: &[&str]) -> (String, bool) {
    let folder = Folder::new("dumps");
    let user = unprivileged_user();
    // Where that user may run it, whoever owns the build folder.
    let program = folder.path().join("pyrite");
    std::fs::copy(env!("CARGO_BIN_EXE_pyrite"), &program).unwrap();
    let config = folder.path().join("pyrite.toml");
    let port = free_port();
    let text = format!(
        "listen = \"127.0.0.1:{port}\"\n[keys]\nroot = {{ provider = \"env\", variable = \"NONE\" }}\n"
    );
    std::fs::write(&config, text).unwrap();
    give(folder.path(), user);
    let log = folder.path().join("log");
    let mut command = vec![program.to_str().unwrap(), "run", "-c", config.to_str().unwrap()];
    command.extend_from_slice(options);
    let keeper = Keeper::start(user, &log, "TERM", None, &command);
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(keeper.alive() && Instant::now() < deadline, "pyrite does not start:\n{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", keeper.pid())).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let maps = format!("/proc/{}/maps", keeper.pid());
    let mut reader = match user {
        Some(user) => {
            let mut runuser = Command::new("runuser");
            runuser.args(["-u", user, "--", "cat", &maps]);
            runuser
        }
        None => {
            let mut cat = Command::new("cat");
            cat.arg(&maps);
            cat
        }
    };
    let output = reader.output().unwrap();
    (limit.to_owned(), output.status.success() && !output.stdout.is_empty())
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_gets_the_memory_unless_it_is_allowed() {
    let (limit, readable) = observe(&[]);
    let words: Vec<&str> = limit.split_whitespace().skip(4).take(2).collect();
    assert_eq!(words, ["0", "0"], "{limit}");
    assert!(!readable, "another process of the same user reads its memory");
    // The same look does see something where that is allowed.
    assert!(observe(&["--allow-core-dumps"]).1, "the look itself fails");
}
