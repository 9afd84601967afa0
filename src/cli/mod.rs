//! The command line: reads arguments, calls the library, prints. Nothing is decided here.

mod args;
mod check;
mod connect;
mod failure;
mod output;
mod run;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Arguments, Command};
use failure::{Failure, Outcome};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Also `--help` and `--version`, which print to standard output and succeed.
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(failure::ERROR);
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::from(failure::ERROR) };
        }
    };
    match dispatch(arguments) {
        Ok(outcome) => outcome.exit_code(),
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(failure::ERROR)
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<Outcome, Failure> {
    output::start_log(arguments.log.as_deref(), arguments.command.log_level())?;
    match arguments.command {
        Command::Run(options) => run::run(&options),
        Command::Check(options) => check::run(&options),
    }
}
