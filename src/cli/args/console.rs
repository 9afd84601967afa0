//! What can be typed for commands that speak with a running proxy.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigFile;
use crate::cli::console::table::Style;

/// Which proxy's console, and who logs in.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConsoleOptions {
    #[command(flatten)]
    pub(in crate::cli) file: ConfigFile,
    /// Host of the proxy; by default `listen` of the configuration.
    #[arg(long, global = true, value_name = "HOST")]
    pub(in crate::cli) host: Option<String>,
    /// Port of the proxy; by default that of `listen`.
    #[arg(long, global = true, value_name = "PORT")]
    pub(in crate::cli) port: Option<u16>,
    /// Role that logs in; by default PGUSER, or the only one under [admin], or the user of this system.
    #[arg(short = 'U', long, global = true, value_name = "ROLE")]
    pub(in crate::cli) user: Option<String>,
    /// File of mode 0600 with its password; by default PGPASSWORD, the file ~/.pgpass, or a question.
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) password_file: Option<PathBuf>,
}

/// Which of several databases.
#[derive(Debug, Args)]
pub(in crate::cli) struct DatabaseOption {
    /// The database; needed only where the configuration protects several.
    #[arg(short, long, value_name = "NAME")]
    pub(in crate::cli) database: Option<String>,
}

/// Runs a command on the admin console of a running proxy. `pyrite admin HELP` lists the commands.
///
/// Exit status 0: done; 1: the console refused; 2: error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite admin 'SHOW CLIENTS'
  pyrite admin --format json 'SHOW STATS'
  pyrite admin RELOAD")]
pub(in crate::cli) struct Admin {
    #[command(flatten)]
    pub(in crate::cli) console: ConsoleOptions,
    /// How answers are printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(in crate::cli) format: Style,
    /// The command, or several with `;` between them.
    #[arg(value_name = "COMMAND", required = true)]
    pub(in crate::cli) command: Vec<String>,
}

/// Lists, rotates, retires and destroys keys, and makes and reads escrow files.
///
/// All but export and import speak with a running proxy. Exit status 0: done; 1: the job failed or was
/// cancelled, or the proxy refused; 2: error; 130: interrupted, and the job goes on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite keys list
  pyrite keys rotate customers.email           follow it to its end
  pyrite keys rotate --all --detach            leave it to the proxies
  pyrite keys destroy 4f1c0ad3b2e98877
  pyrite keys export keys.escrow               wrapped by a passphrase instead of the root key")]
pub(in crate::cli) struct Keys {
    #[command(flatten)]
    pub(in crate::cli) console: ConsoleOptions,
    #[command(subcommand)]
    pub(in crate::cli) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Lists keys, their versions and states.
    List {
        #[command(flatten)]
        database: DatabaseOption,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "table")]
        format: Style,
    },
    /// Gives columns a new data key and encrypts every value anew, online.
    Rotate(Rotate),
    /// Gives columns a new key of equality terms and rebuilds their indexes, online.
    RotateIndex(Rotate),
    /// Brings values of a restored dump to the present keys; no key changes.
    Repair(Rotate),
    /// Wraps all keys anew under `next_root` of the configuration; no value is touched.
    RotateRoot(DatabaseOption),
    /// Ends the use of a key, once a scan finds no value that needs it.
    Retire(OneKey),
    /// Deletes a retired key, once a scan finds no value that needs it. There is no way back.
    Destroy {
        #[command(flatten)]
        key: OneKey,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Writes all keys of a database to a file that a passphrase opens.
    Export(Escrow),
    /// Brings the keys of such a file back into a database, under the configured root key.
    Import(Escrow),
}

/// What is rotated.
#[derive(Debug, Args)]
pub(in crate::cli) struct Rotate {
    /// A column, written as in SQL: customers.email or public.customers."eMail".
    #[arg(value_name = "TABLE.COLUMN", required_unless_present_any = ["group", "all"])]
    pub(in crate::cli) column: Option<String>,
    /// All columns of a key group instead.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["column", "all"])]
    pub(in crate::cli) group: Option<String>,
    /// All columns instead.
    #[arg(long, conflicts_with = "column")]
    pub(in crate::cli) all: bool,
    /// Let the tables' own triggers run, where they cannot be kept from it.
    #[arg(long)]
    pub(in crate::cli) firing_triggers: bool,
    /// Share of the time, in percent, that the sweep may keep the server busy.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(in crate::cli) share: Option<u8>,
    /// Rows rewritten per second at most.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) rate: Option<u32>,
    #[command(flatten)]
    pub(in crate::cli) database: DatabaseOption,
    /// Start it and do not follow.
    #[arg(long)]
    pub(in crate::cli) detach: bool,
}

/// A key by its id.
#[derive(Debug, Args)]
pub(in crate::cli) struct OneKey {
    /// The key's id, as `pyrite keys list` shows it.
    #[arg(value_name = "ID")]
    pub(in crate::cli) id: String,
    #[command(flatten)]
    pub(in crate::cli) database: DatabaseOption,
    /// Start it and do not follow.
    #[arg(long)]
    pub(in crate::cli) detach: bool,
}

/// An escrow file.
#[derive(Debug, Args)]
pub(in crate::cli) struct Escrow {
    /// The file.
    #[arg(value_name = "FILE")]
    pub(in crate::cli) path: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) database: DatabaseOption,
    /// File of mode 0600 with the passphrase; by default PYRITE_ESCROW_PASSPHRASE, or a question.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) passphrase_file: Option<PathBuf>,
}

/// Shows, follows and controls jobs of a running proxy.
///
/// Exit status 0: done; 1: the job failed or was cancelled, or the proxy refused; 2: error; 130: interrupted,
/// and the job goes on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite jobs
  pyrite jobs follow 3
  pyrite jobs pause 3")]
pub(in crate::cli) struct Jobs {
    #[command(flatten)]
    pub(in crate::cli) console: ConsoleOptions,
    #[command(subcommand)]
    pub(in crate::cli) command: Option<JobsCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum JobsCommand {
    /// Lists jobs, the newest first.
    List {
        #[command(flatten)]
        database: DatabaseOption,
        /// How it is printed.
        #[arg(long, value_enum, default_value = "table")]
        format: Style,
    },
    /// Shows all that is known of one.
    Show(OneJob),
    /// Shows how one gets on, to its end.
    Follow(OneJob),
    /// Stops one after its current batch.
    Pause(OneJob),
    /// Lets a paused or failed one go on.
    Resume(OneJob),
    /// Ends one; what it has done stays and is sound.
    Cancel(OneJob),
}

/// A job by its number.
#[derive(Debug, Args)]
pub(in crate::cli) struct OneJob {
    /// The job's number.
    #[arg(value_name = "N")]
    pub(in crate::cli) job: i64,
    #[command(flatten)]
    pub(in crate::cli) database: DatabaseOption,
}
