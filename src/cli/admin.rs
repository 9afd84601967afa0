//! `pyrite admin`: any command of the console.

use super::args::Admin;
use super::connect::block_on;
use super::console::{Console, refused, table};
use super::failure::{Failure, Outcome};
use super::output::print;

pub(super) fn run(options: &Admin) -> Result<Outcome, Failure> {
    let command = options.command.join(" ");
    block_on(async {
        let console = Console::connect(&options.console).await?;
        match table::run(console.client(), &command, options.format).await {
            Ok(text) => print(&text).map(|()| Outcome::Fine),
            Err(error) => refused(console.refusal(&command, &error)),
        }
    })
}
