//! Commands that start and control jobs, and the table of jobs.

use std::sync::Arc;

use super::Failure;
use super::grammar::{Command, Control, In, Options, Target};
use super::run::{Answer, Context, Outcome};
use super::show::hex;
use super::table::{Cell, Column, Kind, Table, column};
use crate::config::display_name;
use crate::database::Database;
use crate::jobs::{self, JobError, JobRow, Jobs, Request};
use crate::keys::KeyId;

/// The columns of SHOW JOBS.
pub(super) const JOBS: &[Column] = &[
    column("database", Kind::Text),
    column("job", Kind::Int),
    column("kind", Kind::Text),
    column("target", Kind::Text),
    column("state", Kind::Text),
    column("step", Kind::Text),
    column("rows_done", Kind::Int),
    column("rows_total", Kind::Int),
    column("rows_per_second", Kind::Int),
    column("seconds_left", Kind::Int),
    column("status", Kind::Text),
    column("error", Kind::Text),
    column("proxy", Kind::Text),
    column("created_by", Kind::Text),
    column("created_at", Kind::Time),
    column("started_at", Kind::Time),
    column("updated_at", Kind::Time),
    column("finished_at", Kind::Time),
];
/// The columns of what starts jobs.
const STARTED: &[Column] = &[column("job", Kind::Int), column("database", Kind::Text)];
/// The columns of what controls them.
const CONTROLLED: &[Column] =
    &[column("job", Kind::Int), column("database", Kind::Text), column("state", Kind::Text)];
/// The columns of ROTATE ROOT KEY.
const ROOT: &[Column] = &[
    column("database", Kind::Text),
    column("version", Kind::Int),
    column("id", Kind::Text),
    column("provider", Kind::Text),
];

/// The columns of these commands' answers.
pub(super) fn columns(command: &Command) -> Option<&'static [Column]> {
    match command {
        Command::RotateKey(..)
        | Command::RotateIndexKey(..)
        | Command::Repair(..)
        | Command::RetireKey(..)
        | Command::DestroyKey(..) => Some(STARTED),
        Command::Job(..) => Some(CONTROLLED),
        Command::RotateRootKey(_) => Some(ROOT),
        _ => None,
    }
}

fn failed(error: &JobError) -> Failure {
    let failure = Failure::new(error.sqlstate(), error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Carries such a command out.
pub(super) async fn run(context: &Context<'_>, command: &Command) -> Result<Outcome, Failure> {
    match command {
        Command::RotateKey(target, options) => {
            submit(context, Request::RotateKey(request(target)), options, "ROTATE KEY").await
        }
        Command::RotateIndexKey(target, options) => {
            submit(context, Request::RotateIndexKey(request(target)), options, "ROTATE INDEX KEY").await
        }
        Command::Repair(target, options) => {
            submit(context, Request::Repair(request(target)), options, "REPAIR").await
        }
        Command::RetireKey(id, database) => {
            let options = Options { database: database.clone(), ..Options::default() };
            submit(context, Request::RetireKey(key(id)?), &options, "RETIRE KEY").await
        }
        Command::DestroyKey(id, database) => {
            let options = Options { database: database.clone(), ..Options::default() };
            let mut outcome = submit(context, Request::DestroyKey(key(id)?), &options, "DESTROY KEY").await?;
            outcome.notices.push(
                "backups and standbys keep the wrapped key: it is gone for good only when they are, or when every \
                 root key that wrapped it is destroyed too (SHOW KEYS lists those with purpose root)"
                    .to_owned(),
            );
            Ok(outcome)
        }
        Command::Job(control, number, database) => self::control(context, *control, *number, database).await,
        Command::RotateRootKey(database) => rotate_root(context, database).await,
        // All others are carried out elsewhere.
        Command::Show(..) | Command::Reload | Command::Explain(..) | Command::Help | Command::Chatter(_) => {
            Err(Failure::new("0A000", "this command does nothing here"))
        }
    }
}

fn request(target: &Target) -> jobs::Target {
    match target {
        Target::Column { schema, table, column } => {
            jobs::Target::Column { schema: schema.clone(), table: table.clone(), column: column.clone() }
        }
        Target::Group(name) => jobs::Target::Group(name.clone()),
        Target::All => jobs::Target::All,
    }
}

fn key(id: &str) -> Result<KeyId, Failure> {
    let number = u64::from_str_radix(id, 16);
    let number = number.map_err(|_| Failure::new("22P02", "this is not the id of a key"))?;
    Ok(KeyId::from_bytes(number.to_be_bytes()))
}

async fn submit(
    context: &Context<'_>,
    request: Request,
    options: &Options,
    tag: &'static str,
) -> Result<Outcome, Failure> {
    let database = context.database(&options.database)?;
    let jobs = Jobs::new(Arc::clone(&database));
    let wanted = jobs::Options {
        firing_triggers: options.firing_triggers,
        share: options.share,
        rows_per_second: options.rate,
    };
    let role = &context.visitor.role;
    tracing::info!(role, database = database.name(), command = tag, "asked for at the admin console");
    let numbers = jobs.submit(request, wanted, role).await.map_err(|error| failed(&error))?;
    let rows = numbers.iter().map(|number| vec![Cell::Int(*number), database.name().into()]).collect();
    let notice = match numbers.as_slice() {
        [] => "there is nothing to do".to_owned(),
        [only] => format!("job {only} runs in the background; SHOW JOB {only} shows how far it is"),
        _ => format!("{} jobs run in the background; SHOW JOBS shows how far they are", numbers.len()),
    };
    Ok(Outcome {
        answer: Answer { table: Table { columns: STARTED.to_vec(), rows }, tag },
        notices: vec![notice],
    })
}

async fn control(
    context: &Context<'_>,
    control: Control,
    number: i64,
    wanted: &In,
) -> Result<Outcome, Failure> {
    let database = context.database(wanted)?;
    let jobs = Jobs::new(Arc::clone(&database));
    let (outcome, tag) = match control {
        Control::Pause => (jobs.pause(number).await, "PAUSE JOB"),
        Control::Resume => (jobs.resume(number).await, "RESUME JOB"),
        Control::Cancel => (jobs.cancel(number).await, "CANCEL JOB"),
    };
    outcome.map_err(|error| failed(&error))?;
    let role = &context.visitor.role;
    tracing::info!(
        role,
        database = database.name(),
        job = number,
        command = tag,
        "asked for at the admin console"
    );
    let state = jobs.get(number).await.map_err(|error| failed(&error))?.state.as_str();
    let row = vec![Cell::Int(number), database.name().into(), state.into()];
    Ok(Outcome::table(Table { columns: CONTROLLED.to_vec(), rows: vec![row] }, tag))
}

/// The rows of SHOW JOBS.
pub(super) async fn jobs(
    context: &Context<'_>,
    number: Option<i64>,
    wanted: &In,
) -> Result<Vec<Vec<Cell>>, Failure> {
    let mut rows = Vec::new();
    let databases = match number {
        // Each database counts its jobs by itself.
        Some(_) => vec![context.database(wanted)?],
        None => context.databases(wanted)?,
    };
    for database in databases {
        let jobs = Jobs::new(Arc::clone(&database));
        let found = match number {
            Some(number) => jobs.get(number).await.map(|job| vec![job]),
            None => jobs.list().await,
        };
        let found = found.map_err(|error| failed(&error))?;
        rows.extend(found.iter().map(|job| row(&database, job)));
    }
    Ok(rows)
}

fn row(database: &Database, job: &JobRow) -> Vec<Cell> {
    let whole = |number: f64| Cell::Int(number.round().clamp(0.0, 9e15) as i64);
    let left = job.time_left().map(|left| whole(left.as_secs_f64()));
    vec![
        database.name().into(),
        job.id.into(),
        job.kind.as_str().into(),
        job.target.as_str().into(),
        job.state.as_str().into(),
        job.step.as_str().into(),
        job.rows_done.into(),
        job.rows_total.into(),
        job.rate.map(whole).into(),
        left.into(),
        job.status.as_str().into(),
        job.error.as_deref().into(),
        job.holder.as_deref().into(),
        job.created_by.as_str().into(),
        job.created_at.into(),
        job.started_at.into(),
        job.updated_at.into(),
        job.finished_at.into(),
    ]
}

/// In every database, unless one is named: they share the root key.
async fn rotate_root(context: &Context<'_>, wanted: &In) -> Result<Outcome, Failure> {
    let mut rows = Vec::new();
    for database in context.databases(wanted)? {
        let role = &context.visitor.role;
        tracing::info!(role, database = database.name(), "root key rotation asked for at the admin console");
        let change = database.rotate_root().await.map_err(|error| {
            let done = if rows.is_empty() { "" } else { "; databases before it are done already" };
            let shown = display_name(database.name());
            let failure = Failure::new(error.sqlstate(), format!("database {shown}: {error}{done}"));
            match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })?;
        rows.push(vec![
            database.name().into(),
            Cell::Int(change.version.into()),
            hex(&change.new).into(),
            change.provider.into(),
        ]);
    }
    let table = Table { columns: ROOT.to_vec(), rows };
    let notice = "keys are wrapped by the new root key; backups from before need the old one. Make next_root the root \
                  of the configuration, of every proxy, and keep the old root key as long as such backups are kept"
        .to_owned();
    Ok(Outcome { answer: Answer { table, tag: "ROTATE ROOT KEY" }, notices: vec![notice] })
}
