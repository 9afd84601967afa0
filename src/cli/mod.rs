//! The command line: reads arguments, calls the library, prints. Nothing is decided here.

mod admin;
mod args;
mod check;
mod connect;
mod console;
mod dumps;
mod escrow;
mod failure;
mod init;
mod jobs;
mod keys;
mod output;
mod plan;
mod run;
mod slots;

use std::process::ExitCode;

use clap::Parser as _;

use crate::demo::{self, DemoOptions};
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
        Ok(code) => code,
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(failure::ERROR)
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode, Failure> {
    output::start_log(arguments.log.as_deref(), arguments.command.log_level())?;
    let outcome = match arguments.command {
        Command::Init(options) => init::run(&options),
        Command::Run(options) => run::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Plan(options) => plan::run(&options),
        Command::Keys(options) => keys::run(&options),
        Command::Jobs(options) => jobs::run(&options),
        Command::Admin(options) => admin::run(&options),
        // It reports by itself, on a screen of its own.
        Command::Demo(options) => return Ok(demo::run(DemoOptions { once: options.once })),
    };
    outcome.map(Outcome::exit_code)
}
