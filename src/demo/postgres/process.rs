//! The server's process: under which account it runs, and that it ends when we do.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ServerError;

/// How long an orderly shutdown may take before it becomes a crash, and a crash before it becomes a kill.
const PATIENCE: Duration = Duration::from_secs(10);

/// An unprivileged account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

impl Account {
    /// The account for a server that root starts, which PostgreSQL refuses to run as; `None` if we are not root.
    pub fn for_server() -> Result<Option<Self>, ServerError> {
        // SAFETY: geteuid has no preconditions.
        if unsafe { libc::geteuid() } != 0 {
            return Ok(None);
        }
        let accounts = std::fs::read_to_string("/etc/passwd")
            .map_err(|error| ServerError::io("reading /etc/passwd", error))?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| find_account(&accounts, name))
            .map(Some)
            .ok_or(ServerError::NoAccount)
    }
}

fn find_account(accounts: &str, name: &str) -> Option<Account> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut ids = line.split(':').skip(2).map(|id| id.parse::<u32>().ok());
    let account = Account { uid: ids.next()??, gid: ids.next()?? };
    (account.uid != 0).then_some(account)
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Disconnect clients, write a checkpoint.
    Fast,
    /// At once, as in a crash.
    Immediate,
}

/// The thread that a server's life depends on.
///
/// The kernel ends a child when the *thread* that forked it ends; a test's or a pool's thread may end long before
/// the process does, so each server has a thread of its own that waits for the order to stop.
pub struct Keeper {
    orders: Sender<Shutdown>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the process.
    pub fn start(mut command: Command) -> Result<Self, ServerError> {
        let (orders, inbox) = mpsc::channel();
        let (report, outcome) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("postgres-keeper".to_owned())
            .spawn(move || {
                let child = command.spawn();
                match child {
                    Ok(child) => {
                        let _ = report.send(Ok(()));
                        keep(child, &inbox);
                    }
                    Err(error) => {
                        let _ = report.send(Err(error));
                    }
                }
            })
            .map_err(|error| ServerError::io("starting a thread", error))?;
        let started = outcome.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        started.map_err(|error| ServerError::io("starting postgres", error))?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Whether the server ended, by itself or because it could not start.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the server and waits for it.
    pub fn stop(mut self, how: Shutdown) {
        self.finish(how);
    }

    fn finish(&mut self, how: Shutdown) {
        if let Some(thread) = self.thread.take() {
            // Fails only if the server has ended already.
            let _ = self.orders.send(how);
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.finish(Shutdown::Immediate);
    }
}

fn keep(mut child: Child, inbox: &mpsc::Receiver<Shutdown>) {
    let how = loop {
        match inbox.recv_timeout(Duration::from_millis(50)) {
            Ok(how) => break how,
            Err(RecvTimeoutError::Disconnected) => break Shutdown::Immediate,
            Err(RecvTimeoutError::Timeout) => {
                if has_exited(&mut child) {
                    return;
                }
            }
        }
    };
    let signals: &[i32] = match how {
        Shutdown::Fast => &[libc::SIGINT, libc::SIGQUIT],
        Shutdown::Immediate => &[libc::SIGQUIT],
    };
    for signal in signals {
        send_signal(&child, *signal);
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if has_exited(&mut child) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn has_exited(child: &mut Child) -> bool {
    // An error means that there is no such child (any more).
    !matches!(child.try_wait(), Ok(None))
}

fn send_signal(child: &Child, signal: i32) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // SAFETY: the child has not been waited for, so the id is still its own.
        unsafe { libc::kill(pid, signal) };
    }
}

/// Makes a command run under `account`, apart from the terminal's signals, and end with us.
pub fn confine(command: &mut Command, account: Option<&Account>) {
    // A Ctrl-C at the terminal is for us; we end the server in our own order.
    command.process_group(0);
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    // SAFETY: the closure makes system calls only, and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            libc::umask(0o077);
            die_with_parent()
        });
    }
}

/// In the child, after it changed its account (which would take the wish back).
#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    // SAFETY: plain system calls.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGQUIT) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> io::Result<()> {
    Ok(())
}

/// Runs a program to its end; its output is in the error if it fails.
pub fn run_to_end(program: &'static str, command: &mut Command) -> Result<Vec<u8>, ServerError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| ServerError::io(format!("starting {program}"), error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let start = text.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
    Err(ServerError::Failed { program, output: text.get(start..).unwrap_or_default().trim_end().to_owned() })
}

/// Another handle of the same open file.
pub fn duplicate(file: &File) -> Result<File, ServerError> {
    file.try_clone().map_err(|error| ServerError::io("duplicating a file handle", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_exact_name_and_never_root() {
        let text = "root:x:0:0::/root:/bin/sh\npostgresql:x:7:8::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n\
                    nobody:x:0:0::/:/bin/false\nbroken:x:abc\n";
        assert_eq!(find_account(text, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find_account(text, "nobody"), None);
        assert_eq!(find_account(text, "broken"), None);
        assert_eq!(find_account(text, "nowhere"), None);
    }
}
