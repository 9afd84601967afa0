//! A private PostgreSQL for the length of a test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

/// Runs until it is dropped.
pub struct Server {
    folder: PathBuf,
    process: Child,
}

/// The folder with `initdb` and `postgres`: that of `PATH`, or the newest that the system's packages have.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(entries) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = entries.flatten().map(|e| e.path().join("bin")).collect();
        versions.sort();
        folders.extend(versions.into_iter().rev());
    }
    let complete = |f: &&PathBuf| f.join("initdb").exists() && f.join("postgres").exists();
    folders.iter().find(complete).cloned().expect("this test needs PostgreSQL's initdb and postgres")
}

/// PostgreSQL refuses to run as root; then it runs as its packages' user.
fn command(program: &Path) -> Command {
    // SAFETY: geteuid has no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

impl Server {
    /// Creates a cluster in a folder of its own and starts it on a socket there.
    pub fn start() -> Server {
        let bin = binaries();
        let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.subsec_nanos());
        let folder = std::env::temp_dir().join(format!("pyrite-value-{}-{nanos}", std::process::id()));
        std::fs::create_dir(&folder).expect("temporary folder");
        if unsafe { libc::geteuid() } == 0 {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status();
            assert!(owned.is_ok_and(|s| s.success()), "cannot give the folder to user postgres");
        }
        let data = folder.join("data");
        let made = command(&bin.join("initdb"))
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .output()
            .expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let process = command(&bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&folder)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=panic"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres");
        Server { folder, process }
    }

    /// A connection as superuser.
    pub async fn connect(&self) -> Client {
        let config = format!("host={} user=postgres dbname=postgres", self.folder.display());
        let started = Instant::now();
        loop {
            match tokio_postgres::connect(&config, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    return client;
                }
                Err(error) if started.elapsed() > Duration::from_secs(30) => panic!("{error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid"));
        let pid = pid.ok().and_then(|text| text.lines().next()?.parse::<i32>().ok());
        if let Some(pid) = pid {
            // SAFETY: signals the server that this test started, by the id that it wrote itself.
            unsafe { libc::kill(pid, libc::SIGQUIT) };
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
