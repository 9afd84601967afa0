//! The server's temporary folder, which goes when we go, however we go.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::ServerError;
use super::process::Account;

/// Longest path of a folder that leaves room for the name of a Unix socket in it.
const PATH_LIMIT: usize = 70;

/// How much of a log goes into an error.
const TAIL: u64 = 4096;

/// Waits for the end of its input, which comes with our end, and removes the folder; a word means that all is done.
/// The server may still be writing its last files, so it looks again.
const CLEANER: &str = r#"
trap '' HUP INT TERM
read -r word && exit 0
for turn in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$1"
    sleep 0.2
    [ -e "$1" ] || exit 0
done
"#;

/// A folder that is removed when dropped, and also when this process is killed or ends without dropping it.
pub struct Folder {
    path: PathBuf,
    account: Option<Account>,
    cleaner: Child,
}

impl Folder {
    /// Makes a folder `prefix-XXXXXX` that only we, and the server's account, can enter.
    pub fn create(prefix: &str, account: Option<&Account>) -> Result<Self, ServerError> {
        let path = make_temporary(&temporary_folder(), prefix)?;
        let cleaner = match start_cleaner(&path) {
            Ok(cleaner) => cleaner,
            Err(error) => {
                let _ = fs::remove_dir(&path);
                return Err(ServerError::io("starting sh", error));
            }
        };
        let folder = Self { path, account: account.copied(), cleaner };
        if account.is_some() {
            // The other account passes through to what is its own, and sees nothing else.
            fs::set_permissions(&folder.path, Permissions::from_mode(0o711)).map_err(|error| {
                ServerError::io(format!("opening {} to pass", folder.path.display()), error)
            })?;
        }
        Ok(folder)
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
        // A backend that is just ending may still make a file.
        for _ in 0..20 {
            match fs::remove_dir_all(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => break,
            }
        }
        // Told to go if the folder is gone; otherwise the end of its input has it try once more.
        if let Some(mut input) = self.cleaner.stdin.take()
            && !self.path.exists()
        {
            let _ = input.write_all(b"done\n");
        }
        let _ = self.cleaner.wait();
    }
}

fn start_cleaner(path: &Path) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", CLEANER, "cleaner"])
        .arg(path)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

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
    fn a_folder_goes_with_its_process() {
        let mut folder = Folder::create("pyrite-killed", None).unwrap();
        folder.create_dir("data").unwrap();
        folder.write_file("data/file", b"content").unwrap();
        // What the kernel does when we end.
        drop(folder.cleaner.stdin.take());
        assert!(folder.cleaner.wait().unwrap().success());
        assert!(!folder.path().exists());
    }
}
