//! Standard output, standard error and the log.

use std::io::{ErrorKind, Write as _};

use tracing_subscriber::EnvFilter;

use super::failure::Failure;

/// Prints to standard output. A reader that has gone (`pyrite check | head`) is no error: what the command
/// found still decides its exit status.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}"), "is the disk full?"))
        }
        _ => Ok(()),
    }
}

/// Prints a failure to standard error.
pub(super) fn complain(failure: &Failure) {
    let mut err = std::io::stderr().lock();
    // There is nowhere left to report that standard error is gone.
    let _ = writeln!(err, "pyrite: {}", failure.what);
    if !failure.way_out.is_empty() {
        let _ = writeln!(err, "    {}", failure.way_out);
    }
}

/// Prints a line to standard error, beside what standard output is for.
pub(super) fn note(text: &str) {
    // There is nowhere left to report that standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints what a console said to a command, with a mark under the place that it means.
pub(super) fn complain_of(reply: &tokio_postgres::error::DbError, command: &str) {
    let mut text = format!("pyrite: {} (SQLSTATE {})", reply.message(), reply.code().code());
    if let Some(tokio_postgres::error::ErrorPosition::Original(at)) = reply.position() {
        let before = usize::try_from(*at).unwrap_or(1).saturating_sub(1);
        let lines = command.lines().count();
        if lines == 1 {
            text.push_str(&format!("\n    {command}\n    {}^", " ".repeat(before)));
        }
    }
    for more in [reply.detail(), reply.hint()].into_iter().flatten() {
        text.push_str(&format!("\n    {more}"));
    }
    note(&text);
}

/// Logs to standard error: what `--log` says, or PYRITE_LOG, or else `default` for our own modules.
pub(super) fn start_log(option: Option<&str>, default: &str) -> Result<(), Failure> {
    let variable = std::env::var("PYRITE_LOG").ok().filter(|text| !text.is_empty());
    let filter = option.map(str::to_owned).or(variable).unwrap_or_else(|| default.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|_| {
        Failure::new(
            format!("`{filter}` is not a log filter"),
            "write error, warn, info, debug or trace, or per module: warn,pyrite::session=debug",
        )
    })?;
    // Fails only where a logger is set already, which then serves.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    Ok(())
}
