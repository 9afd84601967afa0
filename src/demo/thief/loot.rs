//! What the thief carried off, and how.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::postgres::{PrivateServer, ServerError};

/// Bytes of a page of the WAL.
const WAL_PAGE: usize = 8192;
/// Flag of a page whose header is long: the first of a segment.
const WAL_LONG_HEADER: u8 = 2;

/// What kind of file something was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// Tables, indexes and statistics.
    Tables,
    /// The write-ahead log.
    Wal,
    /// The server's log.
    Log,
    /// Dumps made with the server's own tools.
    Dumps,
    /// Any other file of the server.
    Other,
}

impl Place {
    /// All places.
    pub const ALL: [Place; 5] = [Place::Tables, Place::Wal, Place::Log, Place::Dumps, Place::Other];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Place::Tables => "data files",
            Place::Wal => "WAL",
            Place::Log => "server log",
            Place::Dumps => "dumps",
            Place::Other => "other files",
        }
    }
}

/// A stolen file.
#[derive(Clone, Debug)]
pub struct Stolen {
    /// Where the copy is.
    pub path: PathBuf,
    /// What it is.
    pub place: Place,
    /// Its size.
    pub length: u64,
}

/// Everything stolen.
pub struct Loot {
    files: Vec<Stolen>,
    /// The customers' table among the data files.
    heap: PathBuf,
    /// The customers in the format of binary COPY.
    copy: PathBuf,
}

/// Why the theft did not succeed. It is the demonstration that fails then.
#[derive(Debug)]
pub enum TheftError {
    /// A statement failed.
    Sql(tokio_postgres::Error),
    /// A file could not be copied.
    Io(io::Error),
    /// `pg_dump` failed.
    Dump(String),
    /// The server's folder could not be used.
    Server(ServerError),
}

impl std::fmt::Display for TheftError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql(error) => match error.as_db_error() {
                Some(server) => write!(f, "dumping: {}", server.message()),
                None => write!(f, "dumping: {error}"),
            },
            Self::Io(error) => write!(f, "copying files: {error}"),
            Self::Server(error) => error.fmt(f),
            Self::Dump(output) => write!(f, "pg_dump: {output}"),
        }
    }
}

impl From<tokio_postgres::Error> for TheftError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<ServerError> for TheftError {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for TheftError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Loot {
    /// Takes everything there is to take from a running server: its files, its logs, and dumps of its tables.
    pub async fn steal(server: &PrivateServer, database: &str) -> Result<Self, TheftError> {
        // The server writes COPY's files itself, so they must lie where it may write.
        let dumps = server.create_dir("dumps")?;
        let (client, connection) = server.connection(database).connect(tokio_postgres::NoTls).await?;
        let driver = tokio::spawn(connection);
        let outcome = dump_tables(&client, &dumps).await;
        let heap = match outcome {
            Ok(()) => client
                .query_one("SELECT pg_relation_filepath('public.customers')", &[])
                .await
                .and_then(|row| row.try_get(0)),
            Err(error) => Err(error),
        };
        drop(client);
        driver.abort();
        let heap: String = heap?;
        pg_dump(server, database, &dumps)?;

        let stolen = server.folder().join("stolen");
        copy_tree(&server.data_dir(), &stolen.join("data"))?;
        copy_tree(&dumps, &stolen.join("dumps"))?;
        fs::copy(server.log_path(), stolen.join("server.log"))?;
        join_wal(&stolen.join("data/pg_wal"))?;
        let mut files = Vec::new();
        collect(&stolen, &stolen, &mut files)?;
        let copy = stolen.join("dumps/customers.binary");
        Ok(Self { files, heap: stolen.join("data").join(heap), copy })
    }

    /// All of a folder, for a search in any files.
    #[cfg(test)]
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        collect(folder, folder, &mut files)?;
        Ok(Self { files, heap: folder.join("heap"), copy: folder.join("copy") })
    }

    /// Every file.
    pub fn files(&self) -> &[Stolen] {
        &self.files
    }

    /// The customers' table, as pages; large tables go on in `.1`, `.2` ….
    pub fn heap(&self) -> &Path {
        &self.heap
    }

    /// The customers in the format of binary COPY.
    pub fn copy(&self) -> &Path {
        &self.copy
    }

    /// Bytes in a kind of files.
    pub fn bytes_in(&self, place: Place) -> u64 {
        self.files.iter().filter(|file| file.place == place).map(|file| file.length).sum()
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.length).sum()
    }
}

async fn dump_tables(client: &tokio_postgres::Client, dumps: &Path) -> Result<(), tokio_postgres::Error> {
    // ANALYZE makes statistics with the commonest values; CHECKPOINT writes all pages.
    client.batch_execute("ANALYZE").await?;
    client.batch_execute("CHECKPOINT").await?;
    let folder = dumps.to_string_lossy().replace('\'', "''");
    for table in ["customers", "sales"] {
        for format in ["text", "csv", "binary"] {
            let sql = format!("COPY public.{table} TO '{folder}/{table}.{format}' (FORMAT {format})");
            client.batch_execute(&sql).await?;
        }
    }
    Ok(())
}

/// Some packages of server binaries have no `pg_dump`; then COPY's dumps are all there is.
fn pg_dump(server: &PrivateServer, database: &str, dumps: &Path) -> Result<(), TheftError> {
    let Some(program) = server.bin("pg_dump") else { return Ok(()) };
    for (name, extra) in [("dump.sql", &[][..]), ("dump-inserts.sql", &["--inserts"])] {
        let output = Command::new(&program)
            .args(["--host=127.0.0.1", "--no-password", "--format=plain"])
            .arg(format!("--port={}", server.port()))
            .arg(format!("--username={}", server.superuser()))
            .args(extra)
            .arg(database)
            .output()?;
        if !output.status.success() {
            return Err(TheftError::Dump(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        fs::write(dumps.join(name), output.stdout)?;
    }
    Ok(())
}

/// Puts the WAL's segments together, without the header of each page: a header may stand in the middle of a
/// record, and so in the middle of a value.
fn join_wal(folder: &Path) -> io::Result<()> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            segments.push(path);
        }
    }
    segments.sort();
    let mut joined = io::BufWriter::new(fs::File::create(folder.join("joined"))?);
    for path in segments {
        for page in fs::read(&path)?.chunks(WAL_PAGE) {
            joined.write_all(page.get(wal_header(page)..).unwrap_or_default())?;
        }
        fs::remove_file(path)?;
    }
    joined.flush()
}

/// Length of a WAL page's header; 0 of a page that was never written.
fn wal_header(page: &[u8]) -> usize {
    let Some([magic_low, magic_high, info, _]) = page.first_chunk::<4>() else { return 0 };
    match (magic_low, magic_high, info & WAL_LONG_HEADER) {
        (0, 0, _) => 0,
        (_, _, 0) => 24,
        _ => 40,
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        let copied = if kind.is_dir() {
            copy_tree(&entry.path(), &target)
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).map(drop)
        } else {
            Ok(())
        };
        match copied {
            // A running server removes files under our hands.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<Stolen>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        if meta.is_dir() {
            collect(root, &path, files)?;
        } else if meta.is_file() {
            let place = place_of(path.strip_prefix(root).unwrap_or(&path));
            files.push(Stolen { path, place, length: meta.len() });
        }
    }
    Ok(())
}

fn place_of(path: &Path) -> Place {
    let path = path.to_string_lossy();
    if path == "server.log" {
        Place::Log
    } else if path.starts_with("dumps") {
        Place::Dumps
    } else if path.starts_with("data/pg_wal") {
        Place::Wal
    } else if path.starts_with("data/base") || path.starts_with("data/global") {
        Place::Tables
    } else {
        Place::Other
    }
}
