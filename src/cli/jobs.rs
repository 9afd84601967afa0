//! `pyrite jobs`, and following a job to its end.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::args::{Jobs, JobsCommand, OneJob};
use super::connect::block_on;
use super::console::progress::Progress;
use super::console::table::{self, Style};
use super::console::{Console, Refusal, in_database, prompt, refused};
use super::failure::{Failure, Outcome};
use super::output::{self, print};

/// How often a bar on a terminal is drawn anew.
const REDRAW: Duration = Duration::from_millis(500);
/// How often a line is printed elsewhere, unless something has changed.
const LINE: Duration = Duration::from_secs(5);
/// How long the proxy may be away before nothing is followed any more.
const AWAY: Duration = Duration::from_secs(60);

/// What `pyrite jobs` shows: SHOW JOBS has more.
const COLUMNS: &[&str] =
    &["database", "job", "kind", "target", "state", "step", "rows_done", "rows_total", "status", "error"];

pub(super) fn run(options: &Jobs) -> Result<Outcome, Failure> {
    block_on(async {
        let mut console = Console::connect(&options.console).await?;
        let command = |verb: &str, one: &OneJob| {
            format!("{verb} {}{}", one.job, in_database(one.database.database.as_deref()))
        };
        match &options.command {
            None => list(&console, None, Style::Table).await,
            Some(JobsCommand::List { database, format }) => {
                list(&console, database.database.as_deref(), *format).await
            }
            Some(JobsCommand::Show(one)) => show(&console, &command("SHOW JOB", one)).await,
            Some(JobsCommand::Follow(one)) => {
                follow(&mut console, &[one.job], one.database.database.as_deref()).await
            }
            Some(JobsCommand::Pause(one)) => control(&console, &command("PAUSE JOB", one)).await,
            Some(JobsCommand::Resume(one)) => control(&console, &command("RESUME JOB", one)).await,
            Some(JobsCommand::Cancel(one)) => control(&console, &command("CANCEL JOB", one)).await,
        }
    })
}

async fn list(console: &Console, database: Option<&str>, style: Style) -> Result<Outcome, Failure> {
    let command = format!("SHOW JOBS{}", in_database(database));
    let shown = match style {
        Style::Table => table::some_columns(console.client(), &command, COLUMNS).await,
        other => table::run(console.client(), &command, other).await,
    };
    match shown {
        Ok(text) => print(&text).map(|()| Outcome::Fine),
        Err(error) => refused(console.refusal(&command, &error)),
    }
}

async fn show(console: &Console, command: &str) -> Result<Outcome, Failure> {
    match table::upright(console.client(), command).await {
        Ok(text) => print(&text).map(|()| Outcome::Fine),
        Err(error) => refused(console.refusal(command, &error)),
    }
}

async fn control(console: &Console, command: &str) -> Result<Outcome, Failure> {
    let rows = match console.rows(command).await {
        Ok(rows) => rows,
        Err(refusal) => return refused(refusal),
    };
    for row in rows {
        let (job, state) = (row.try_get::<_, i64>("job"), row.try_get::<_, &str>("state"));
        if let (Ok(job), Ok(state)) = (job, state) {
            print(&format!("job {job}: {state}\n"))?;
        }
    }
    Ok(Outcome::Fine)
}

/// Follows jobs to their ends, one after the other. Ctrl-C leaves them to the proxies.
pub(super) async fn follow(
    console: &mut Console,
    jobs: &[i64],
    database: Option<&str>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Fine;
    for job in jobs {
        tokio::select! {
            followed = follow_one(console, *job, database) => outcome = outcome.and(followed?),
            signal = tokio::signal::ctrl_c() => {
                signal.map_err(|error| Failure::new(format!("cannot await Ctrl-C: {error}"), ""))?;
                let all = jobs.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
                let goes = if jobs.len() == 1 { "job {} goes on" } else { "jobs {} go on" };
                let command = format!("pyrite jobs follow {job}");
                output::note(&format!("\n{} without this command; {command} shows it again", goes.replace("{}", &all)));
                return Ok(Outcome::Interrupted);
            }
        }
    }
    Ok(outcome)
}

async fn follow_one(console: &mut Console, job: i64, database: Option<&str>) -> Result<Outcome, Failure> {
    let command = format!("SHOW JOB {job}{}", in_database(database));
    let mut display = Display::new();
    let mut away: Option<Instant> = None;
    loop {
        match console.rows(&command).await {
            Ok(rows) => {
                away = None;
                let row =
                    rows.first().ok_or_else(|| Failure::new("the console does not show the job", ""))?;
                let progress = Progress::of(row).map_err(|error| {
                    Failure::new(format!("the console's answer cannot be read: {error}"), "")
                })?;
                display.show(&progress);
                if progress.is_over() {
                    return Ok(display.end(&progress));
                }
            }
            Err(Refusal::Refused) => return Ok(Outcome::Findings),
            // The job is in the database: it does not end with the proxy.
            Err(Refusal::Lost(failure)) => {
                let since = *away.get_or_insert_with(|| {
                    display.say("the proxy is away; the job waits for it, or goes on in another one");
                    Instant::now()
                });
                if since.elapsed() > AWAY {
                    return Err(failure);
                }
                // Its error is that of the next attempt.
                let _ = console.again().await;
            }
        }
        tokio::time::sleep(REDRAW).await;
    }
}

/// Where progress is shown.
struct Display {
    terminal: bool,
    printed: Option<(Instant, String)>,
}

impl Display {
    fn new() -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { terminal, printed: None }
    }

    fn show(&mut self, progress: &Progress) {
        if self.terminal {
            let mut err = std::io::stderr().lock();
            // Nothing is lost if the terminal is gone.
            let _ = write!(err, "\r\x1b[K{}", progress.bar(prompt::width()));
            let _ = err.flush();
            return;
        }
        let changed = format!("{} {}", progress.state, progress.step);
        let due =
            self.printed.as_ref().is_none_or(|(when, before)| *before != changed || when.elapsed() >= LINE);
        if due {
            output::note(&progress.line());
            self.printed = Some((Instant::now(), changed));
        }
    }

    fn say(&self, text: &str) {
        output::note(&format!("{}{text}", if self.terminal { "\n" } else { "" }));
    }

    fn end(&self, progress: &Progress) -> Outcome {
        if self.terminal {
            self.say("");
        }
        if progress.state == "done" {
            return Outcome::Fine;
        }
        let Progress { job, state, .. } = progress;
        match &progress.error {
            Some(error) => output::note(&format!("job {job} {state}: {error}")),
            None => output::note(&format!("job {job} was {state}")),
        }
        if state == "failed" {
            output::note(&format!("when that is mended, let it go on: pyrite jobs resume {job}"));
        }
        Outcome::Findings
    }
}
