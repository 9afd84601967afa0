//! `pyrite keys export` and `import`: escrow files, made and read on this machine. They work on the database itself,
//! with the configured root key: a passphrase or a file of keys has no business on a proxy's wire, and an import is for
//! the day on which no proxy can start.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tokio_postgres::Client;
use zeroize::Zeroizing;

use super::args::Escrow as Options;
use super::connect::{block_on, connect};
use super::console::prompt;
use super::failure::{Failure, Outcome};
use super::output::{note, print};
use crate::config::{Config, SecretSource, Secrets as _, SystemSecrets, display_name};
use crate::keys::{self, Escrow, Imported, KeyState, RootNote, Roots};

/// The variable that a passphrase may be in.
const VARIABLE: &str = "PYRITE_ESCROW_PASSPHRASE";
/// Longest file that is read: far more than the keys of a database take.
const MAX_BYTES: u64 = 64 << 20;

pub(super) fn export(config: &Path, options: &Options) -> Result<Outcome, Failure> {
    let config = Config::load(config)?;
    let database = database(&config, options.database.database.as_deref())?;
    let passphrase = passphrase(options, true)?;
    let file = block_on(async {
        let mut client = connect(&config, database).await?;
        let roots = Roots::new(&config);
        let stored = keys::stored_root(&mut client).await?.ok_or_else(|| {
            Failure::new(
                format!("database {} has no keyring", display_name(database)),
                "`pyrite run` makes one when it starts",
            )
        })?;
        let root = roots.open(&stored).await?;
        Ok(keys::export(&mut client, &root, &passphrase).await?)
    })?;
    write(&options.path, &file)?;
    print(&format!(
        "Wrote the keys of database {} to {}.\n\
         Whoever has this file and the passphrase has all keys: keep the two apart, and neither beside a copy of the\n\
         database. Keys that are made later are not in it: export again after each rotation.\n",
        display_name(database),
        options.path.display()
    ))?;
    Ok(Outcome::Fine)
}

pub(super) fn import(config: &Path, options: &Options) -> Result<Outcome, Failure> {
    let config = Config::load(config)?;
    let database = database(&config, options.database.database.as_deref())?;
    let file = read(&options.path)?;
    let escrow = Escrow::open(&file, &*passphrase(options, false)?)?;
    let usable = escrow.keys().filter(|key| key.state != KeyState::Destroyed).count();
    let (groups, counter) = (escrow.groups().count(), escrow.counter());
    let imported = block_on(async {
        let mut client = connect(&config, database).await?;
        keys::install(&mut client).await?;
        put_back(&mut client, &config, &escrow).await
    })?;
    let shown = display_name(database);
    match imported {
        Imported::Written { counter: now } => print(&format!(
            "Put {usable} keys of {groups} groups back into database {shown}, as keyring {now} (the file had {counter}).\n\
             Proxies that hold the configured root key take it over by themselves; others need a restart.\n"
        ))?,
        Imported::Already => print(&format!("Database {shown} has these {usable} keys already.\n"))?,
    }
    Ok(Outcome::Fine)
}

/// Under the root key that the database has, if it can be opened, or else under the configured one.
async fn put_back(client: &mut Client, config: &Config, escrow: &Escrow) -> Result<Imported, Failure> {
    let roots = Roots::new(config);
    if let Some(stored) = keys::stored_root(client).await? {
        match roots.open(&stored).await {
            Ok(root) => {
                let note = RootNote { provider: roots.describe(), wrapped: stored.wrapped };
                return Ok(keys::import(client, escrow, &root, &note).await?);
            }
            Err(error) => note(&format!("the root key of this database's keyring is not to be had: {error}")),
        }
    }
    let new = roots.create(&escrow.keyring()).await?;
    Ok(keys::import(client, escrow, &new.key, &new.note).await?)
}

/// The database that is meant.
fn database<'a>(config: &'a Config, wanted: Option<&str>) -> Result<&'a str, Failure> {
    let names = config.databases.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = match wanted {
        Some(wanted) => config.databases.get_key_value(wanted).map(|(name, _)| name),
        None if config.databases.len() > 1 => {
            let what = "the configuration protects several databases";
            return Err(Failure::new(what, format!("add --database with one of: {names}")));
        }
        None => config.databases.keys().next(),
    };
    found.map(String::as_str).ok_or_else(|| {
        Failure::new("the configuration does not protect this database", format!("it protects: {names}"))
    })
}

/// From a file, the environment, or whoever sits at the terminal, who is asked `twice` for a new one.
fn passphrase(options: &Options, twice: bool) -> Result<Zeroizing<String>, Failure> {
    let secret =
        |source| SystemSecrets.read(&source).map_err(|error| Failure::new(error.message, error.way_out));
    if let Some(path) = &options.passphrase_file {
        return secret(SecretSource::File(path.clone()));
    }
    if std::env::var_os(VARIABLE).is_some() {
        return secret(SecretSource::Environment(VARIABLE.to_owned()));
    }
    if !std::io::stdin().is_terminal() {
        let what = "nobody is there to type a passphrase";
        return Err(Failure::new(what, format!("use --passphrase-file, or the variable {VARIABLE}")));
    }
    let first = prompt::secret("Passphrase of the escrow file: ")?;
    if twice && *prompt::secret("The same again: ")? != *first {
        return Err(Failure::new("these were two passphrases", "try again"));
    }
    Ok(first)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = made.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| {
        let way_out = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "nothing is overwritten: name another file",
            _ => "check the folder, its permissions and space",
        };
        Failure::new(format!("cannot write {}: {error}", path.display()), way_out)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| {
        Failure::new(format!("cannot read {}: {error}", path.display()), "check the path and its permissions")
    })?;
    Ok(bytes)
}
