//! `pyrite keys`: what the console can do with keys, and escrow files.

use std::io::IsTerminal as _;

use super::args::{Keys, KeysCommand, OneKey, Rotate};
use super::connect::block_on;
use super::console::table::{self, Style};
use super::console::{Console, in_database, prompt, refused};
use super::escrow;
use super::failure::{Failure, Outcome};
use super::jobs::follow;
use super::output::{note, print};

pub(super) fn run(options: &Keys) -> Result<Outcome, Failure> {
    let console = &options.console;
    match &options.command {
        KeysCommand::Export(file) => return escrow::export(&console.file.config, file),
        KeysCommand::Import(file) => return escrow::import(&console.file.config, file),
        KeysCommand::Destroy { key, yes } if !yes => sure(key)?,
        _ => {}
    }
    block_on(async {
        let mut console = Console::connect(console).await?;
        match &options.command {
            KeysCommand::List { database, format } => {
                let command = format!("SHOW KEYS{}", in_database(database.database.as_deref()));
                show(&console, &command, *format).await
            }
            KeysCommand::Rotate(rotate) => start_rotation(&mut console, "ROTATE KEY", rotate).await,
            KeysCommand::RotateIndex(rotate) => {
                start_rotation(&mut console, "ROTATE INDEX KEY", rotate).await
            }
            KeysCommand::Repair(repair) => start_rotation(&mut console, "REPAIR", repair).await,
            KeysCommand::RotateRoot(database) => {
                let command = format!("ROTATE ROOT KEY{}", in_database(database.database.as_deref()));
                show(&console, &command, Style::Table).await
            }
            KeysCommand::Retire(key) => start_on_key(&mut console, "RETIRE KEY", key).await,
            KeysCommand::Destroy { key, .. } => start_on_key(&mut console, "DESTROY KEY", key).await,
            // They came first, as they need no proxy.
            KeysCommand::Export(_) | KeysCommand::Import(_) => Ok(Outcome::Fine),
        }
    })
}

/// Asks whether a key shall be destroyed.
fn sure(key: &OneKey) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new("nobody is there to say that the key shall be destroyed", "add --yes"));
    }
    note("A destroyed key is gone: backups made while it was in use cannot be read any more.");
    let answer = prompt::ask("Type the key's id again to destroy it: ")?;
    if answer.trim() == key.id {
        return Ok(());
    }
    Err(Failure::new("the key was not destroyed: that is another id", ""))
}

async fn show(console: &Console, command: &str, style: Style) -> Result<Outcome, Failure> {
    match table::run(console.client(), command, style).await {
        Ok(text) => print(&text).map(|()| Outcome::Fine),
        Err(error) => refused(console.refusal(command, &error)),
    }
}

async fn start_rotation(console: &mut Console, verb: &str, rotate: &Rotate) -> Result<Outcome, Failure> {
    let target = match (&rotate.column, &rotate.group) {
        (Some(column), _) => format!("ON {column}"),
        (None, Some(group)) => format!("GROUP '{}'", group.replace('\'', "''")),
        (None, None) => "ALL".to_owned(),
    };
    let triggers = if rotate.firing_triggers { " FIRING TRIGGERS" } else { "" };
    let option = |name, number: Option<u32>| number.map_or(String::new(), |n| format!(" {name} {n}"));
    let (share, rate) = (option("SHARE", rotate.share.map(u32::from)), option("RATE", rotate.rate));
    let database = rotate.database.database.as_deref();
    let command = format!("{verb} {target}{triggers}{share}{rate}{}", in_database(database));
    start(console, &command, database, rotate.detach).await
}

async fn start_on_key(console: &mut Console, verb: &str, key: &OneKey) -> Result<Outcome, Failure> {
    let database = key.database.database.as_deref();
    let command = format!("{verb} '{}'{}", key.id.replace('\'', "''"), in_database(database));
    start(console, &command, database, key.detach).await
}

/// Starts jobs, and follows them unless they shall be left alone.
async fn start(
    console: &mut Console,
    command: &str,
    database: Option<&str>,
    detach: bool,
) -> Result<Outcome, Failure> {
    let rows = match console.rows(command).await {
        Ok(rows) => rows,
        Err(refusal) => return refused(refusal),
    };
    let jobs: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get("job")).collect();
    let jobs =
        jobs.map_err(|error| Failure::new(format!("the console's answer cannot be read: {error}"), ""))?;
    for job in &jobs {
        print(&format!("job {job}\n"))?;
    }
    if detach { Ok(Outcome::Fine) } else { follow(console, &jobs, database).await }
}
