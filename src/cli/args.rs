//! What can be typed.

mod console;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(super) use console::{
    Admin, ConsoleOptions, Escrow, Jobs, JobsCommand, Keys, KeysCommand, OneJob, OneKey, Rotate,
};

/// PostgreSQL proxy that encrypts the columns you name.
///
/// An application connects to Pyrite instead of to its server and changes nothing else. Named columns are
/// encrypted before they reach the server and decrypted on the way back, so that a stolen copy of the
/// database is worthless.
#[derive(Debug, Parser)]
#[command(name = "pyrite", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Arguments {
    /// What to log to standard error: error, warn, info, debug, trace, or per module as in
    /// `warn,pyrite::session=debug`. The variable PYRITE_LOG does the same.
    #[arg(long, global = true, value_name = "FILTER")]
    pub(super) log: Option<String>,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  pyrite demo                                  see it at work on a PostgreSQL of its own
  pyrite init --database shop                  write pyrite.toml and root.key
  pyrite check                                 compare configuration and database
  pyrite run                                   serve, as pyrite.toml says
  pyrite plan \"SELECT * FROM customers WHERE email = 'a@b.c'\"
                                               show what would be sent, and why

  pyrite keys rotate customers.email           new key, all values encrypted anew, while it runs
  pyrite jobs                                  how far rotations are
  pyrite admin 'SHOW CLIENTS'                  any command of a running proxy's console

Exit status: 0 success; 1 check, plan or demo found something, or a job failed; 2 error.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(Init),
    Run(Run),
    Check(Check),
    Plan(Plan),
    Keys(Keys),
    Jobs(Jobs),
    Admin(Admin),
    Demo(Demo),
}

impl Command {
    /// What is logged if nothing else is asked for.
    pub(super) fn log_level(&self) -> &'static str {
        match self {
            Command::Run(_) => "info",
            // Its tables are configured before it creates them, which is worth no warning.
            Command::Demo(_) => "error",
            _ => "warn",
        }
    }
}

/// Writes a commented pyrite.toml and a root key, and prints the SQL that prepares the server.
///
/// Nothing that exists is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite init
  pyrite init --config /etc/pyrite/pyrite.toml --upstream db.internal:5432 --database shop")]
pub(super) struct Init {
    /// The configuration to write; the root key goes to `root.key` beside it.
    #[arg(short, long, value_name = "FILE", default_value = "pyrite.toml")]
    pub(super) config: PathBuf,
    /// Where Pyrite shall listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6432")]
    pub(super) listen: String,
    /// The PostgreSQL server: host:port, or the folder of its Unix socket.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5432")]
    pub(super) upstream: String,
    /// The database whose columns shall be encrypted.
    #[arg(long, value_name = "NAME", default_value = "shop")]
    pub(super) database: String,
}

/// Serves applications until SIGINT or SIGTERM.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite run
  pyrite run -c /etc/pyrite/pyrite.toml --log debug
  psql -h 127.0.0.1 -p 6432 shop               an application's connection")]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) file: ConfigFile,

    /// Let the system write core dumps and debuggers attach. Both show keys and plaintext.
    #[arg(long)]
    pub(super) allow_core_dumps: bool,
}

/// Compares configuration and database, column by column, and changes nothing.
///
/// Connects to every configured database as the service role. Exit status 0: everything is protected;
/// 1: something is not; 2: it could not be found out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite check
  pyrite check -c /etc/pyrite/pyrite.toml && systemctl start pyrite")]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) file: ConfigFile,

    /// Look at every value, not at a sample: reads all encrypted tables
    #[arg(long)]
    pub(super) values: bool,
}

/// Shows what would be sent for a statement, and why; runs nothing.
///
/// Exit status 0: forwarded or rewritten; 1: refused; 2: error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite plan \"SELECT id FROM customers WHERE email = $1\"
  pyrite plan --simple \"INSERT INTO customers (email) VALUES ('a@b.c')\"
  echo 'SELECT 1' | pyrite plan -d shop -")]
pub(super) struct Plan {
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// The database; not needed if the configuration names one only.
    #[arg(short, long, value_name = "NAME")]
    pub(super) database: Option<String>,
    /// Names resolve under this search_path instead of the database's default. Schemas that the service role
    /// has no USAGE on are passed over, as PostgreSQL does.
    #[arg(long, value_name = "SCHEMAS")]
    pub(super) search_path: Option<String>,
    /// Plan as a simple query (several statements, literals in place) instead of an extended one.
    #[arg(long)]
    pub(super) simple: bool,
    /// The statement, or `-` for standard input, which keeps its literals out of the shell's history.
    #[arg(value_name = "SQL")]
    pub(super) sql: String,
}

/// Shows it all on a private PostgreSQL: an application, a theft, and what the thief has.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  pyrite demo                                  stays up with a psql command to try, until Ctrl-C
  pyrite demo --once                           ends by itself; status 0 if nothing was found")]
pub(super) struct Demo {
    /// End after the report instead of staying up.
    #[arg(long)]
    pub(super) once: bool,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// The configuration file.
    #[arg(short, long, global = true, value_name = "FILE", default_value = "pyrite.toml")]
    pub(super) config: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Arguments;

    #[test]
    fn the_commands_are_consistent_and_each_has_an_example() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let help = sub.clone().render_long_help().to_string();
            assert!(help.contains(&format!("pyrite {}", sub.get_name())), "{help}");
            assert!(sub.get_about().is_some_and(|about| about.to_string().len() > 20));
        }
    }
}
