//! The server's temporary folder, and the removal of folders whose owner was killed.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ServerError;
use super::process::Account;

/// Between the making of a folder and the locking of its lock file nobody may take it for abandoned.
const GRACE: Duration = Duration::from_secs(60);

/// Longest path of a folder that leaves room for the name of a Unix socket in it.
const PATH_LIMIT: usize = 70;

/// How much of a log goes into an error.
const TAIL: u64 = 4096;

/// A folder that is removed when dropped, or by the next one's creation if this process is killed.
pub struct Folder {
    path: PathBuf,
    account: Option<Account>,
    // Held for its lock, which the kernel takes back when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes a folder `prefix-XXXXXX` that only we, and the server's account, can enter.
    pub fn create(prefix: &str, account: Option<&Account>) -> Result<Self, ServerError> {
        let parent = temporary_folder();
        remove_abandoned(&parent, prefix);
        let path = make_temporary(&parent, prefix)?;
        let lock = lock_file(&path)
            .map_err(|error| ServerError::io(format!("making a lock file in {}", path.display()), error))?;
        if account.is_some() {
            // The other account passes through to what is its own, and sees nothing else.
            fs::set_permissions(&path, Permissions::from_mode(0o711))
                .map_err(|error| ServerError::io(format!("opening {} to pass", path.display()), error))?;
        }
        Ok(Self { path, account: account.copied(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder that belongs to the server's account.
    pub fn create_dir(&self, name: &str) -> Result<(), ServerError> {
        let path = self.path.join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .and_then(|()| self.give_away(&path))
            .map_err(|error| ServerError::io(format!("making {}", path.display()), error))
    }

    /// Writes a new file that only the server's account can read.
    pub fn write_file(&self, name: &str, content: &[u8]) -> Result<PathBuf, ServerError> {
        let path = self.path.join(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content))
            .and_then(|()| self.give_away(&path))
            .map_err(|error| ServerError::io(format!("writing {}", path.display()), error))?;
        Ok(path)
    }

    /// Replaces the content of a file that is there, which keeps owner and mode.
    pub fn replace_file(&self, name: &str, content: &[u8]) -> Result<(), ServerError> {
        let path = self.path.join(name);
        fs::write(&path, content)
            .map_err(|error| ServerError::io(format!("writing {}", path.display()), error))
    }

    /// Adds to a file that is there.
    pub fn append(&self, name: &str, text: &str) -> Result<(), ServerError> {
        let path = self.path.join(name);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| ServerError::io(format!("writing {}", path.display()), error))
    }

    /// Opens a log file at its end.
    pub fn open_log(&self, name: &str) -> Result<File, ServerError> {
        let path = self.path.join(name);
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| ServerError::io(format!("opening {}", path.display()), error))
    }

    /// Removes a file, if it is there.
    pub fn remove_file(&self, name: &str) {
        // What cannot be removed now goes with the folder.
        let _ = fs::remove_file(self.path.join(name));
    }

    /// The end of a file, but nothing before `from`.
    pub fn tail(&self, name: &str, from: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.path.join(name))?;
            let start = file.metadata()?.len().saturating_sub(TAIL).max(from);
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(TAIL).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => String::from_utf8_lossy(&bytes).trim_end().to_owned(),
            Err(error) => format!("(its log cannot be read: {error})"),
        }
    }

    fn give_away(&self, path: &Path) -> io::Result<()> {
        match &self.account {
            Some(account) => std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A backend that is just ending may still make a file: once more, then leave it to the next start.
        for _ in 0..20 {
            match fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return,
            }
        }
    }
}

fn temporary_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    if folder.as_os_str().len() <= PATH_LIMIT { folder } else { PathBuf::from("/tmp") }
}

fn make_temporary(parent: &Path, prefix: &str) -> Result<PathBuf, ServerError> {
    let doing = || format!("making a temporary folder in {}", parent.display());
    let template = parent.join(format!("{prefix}-XXXXXX"));
    let template = CString::new(template.as_os_str().as_bytes())
        .map_err(|_| ServerError::io(doing(), io::ErrorKind::InvalidInput.into()))?;
    let mut buffer = template.into_bytes_with_nul();
    // SAFETY: the buffer is a NUL-terminated string of ours, which mkdtemp changes in place.
    let made = unsafe { libc::mkdtemp(buffer.as_mut_ptr().cast()) };
    if made.is_null() {
        return Err(ServerError::io(doing(), io::Error::last_os_error()));
    }
    buffer.pop();
    Ok(PathBuf::from(std::ffi::OsString::from_vec(buffer)))
}

fn lock_file(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("lock"))?;
    if try_lock(&file) { Ok(file) } else { Err(io::ErrorKind::WouldBlock.into()) }
}

fn try_lock(file: &File) -> bool {
    // SAFETY: flock on a descriptor that is open for as long as `file` is borrowed.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

/// Removes the folders of processes that were killed: ours by owner, and with a lock that nobody holds.
fn remove_abandoned(parent: &Path, prefix: &str) {
    // SAFETY: geteuid has no preconditions.
    let me = unsafe { libc::geteuid() };
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().as_bytes().starts_with(format!("{prefix}-").as_bytes()) {
            continue;
        }
        // `symlink_metadata`: never follow a link that somebody else put there.
        let ours = fs::symlink_metadata(entry.path()).is_ok_and(|meta| meta.is_dir() && meta.uid() == me);
        if !ours {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join("lock")) else { continue };
        let settled = lock
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > GRACE));
        if settled && try_lock(&lock) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_folder_goes_with_its_handle() {
        let folder = Folder::create("pyrite-gone", None).unwrap();
        let path = folder.path().to_owned();
        folder.write_file("a", b"b").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_in_use_is_not() {
        let parent = temporary_folder();
        let abandoned = make_temporary(&parent, "pyrite-left").unwrap();
        let in_use = make_temporary(&parent, "pyrite-left").unwrap();
        let young = make_temporary(&parent, "pyrite-left").unwrap();
        drop(lock_file(&young).unwrap());
        let old = SystemTime::now() - GRACE * 2;
        lock_file(&abandoned).unwrap().set_modified(old).unwrap();
        let held = lock_file(&in_use).unwrap();
        held.set_modified(old).unwrap();

        let next = Folder::create("pyrite-left", None).unwrap();
        assert!(!abandoned.exists());
        assert!(in_use.exists() && young.exists() && next.path().exists());
        fs::remove_dir_all(in_use).unwrap();
        fs::remove_dir_all(young).unwrap();
    }
}
