//! The steps of jobs about data keys, and the way from a claimed job to its end.

use super::context::Context;
use super::kind::{DataStep, Kind};
use super::places::{self, Wanted};
use super::types::Moment;
use super::{JobError, demand, index, lockers, obstacles, sweep};
use crate::keys::{Change, GroupBytes, KeyId, KeyInfo, KeyPurpose, KeyState};
use crate::transform::Goal;

/// Sweeps in a row that found nothing to rewrite and still left something. More than one can be needed where
/// materialized views are made of one another.
const MOST_IDLE: u32 = 8;

/// Runs a job from where it stands to its end. Returns its last words.
pub(super) async fn run(context: &mut Context) -> Result<String, JobError> {
    let silences = obstacles::can_silence(context.client_ref()).await;
    context.set_silences(silences);
    let (kind, group) = (context.job().kind, context.job().group);
    if kind == Kind::RotateIndexKey {
        let from = index::Step::parse(&context.job().step).unwrap_or(index::Step::Check);
        index::rotate(context, group, from).await?;
        return Ok("done: all terms are under the new index key, the old one is retired".to_owned());
    }
    let steps = kind.data_steps();
    let from = steps.iter().position(|step| step.as_str() == context.job().step).unwrap_or(0);
    let mut last = String::new();
    for step in steps.get(from..).unwrap_or_default() {
        context.begin(step.as_str()).await?;
        last = perform(context, group, *step).await?.unwrap_or(last);
    }
    Ok(last)
}

/// Gives a job up, as far as is sound. Returns its last words.
pub(super) async fn cancel(context: &mut Context) -> Result<String, JobError> {
    let group = context.job().group;
    match context.job().kind {
        Kind::RotateIndexKey => {
            index::undo(context, group).await?;
            Ok("cancelled: the index key is the one from before".to_owned())
        }
        Kind::RotateKey => {
            let keyring = context.database_ref().confirm().await?;
            let unused: Vec<Change> = of_state(keyring.data_keys(&group), KeyState::Active)
                .into_iter()
                .map(|id| Change::Abandon { id })
                .collect();
            if !unused.is_empty() {
                context.change_keys(unused).await?;
                return Ok("cancelled: the data key is the one from before".to_owned());
            }
            let fading = of_state(keyring.data_keys(&group), KeyState::Fading).len();
            Ok(match fading {
                0 => "cancelled".to_owned(),
                n => format!(
                    "cancelled: new values are under the new key; older keys that stay until the next rotation: {n}"
                ),
            })
        }
        _ => Ok("cancelled: no key was changed".to_owned()),
    }
}

async fn perform(
    context: &mut Context,
    group: GroupBytes,
    step: DataStep,
) -> Result<Option<String>, JobError> {
    match step {
        DataStep::Check => check(context, group).await?,
        DataStep::AddKey => {
            let keyring = context.database_ref().confirm().await?;
            // Left behind by a crash, it would be promoted as well.
            let there = of_state(keyring.data_keys(&group), KeyState::Active);
            if there.is_empty() {
                context.change_keys(vec![Change::AddData { group }]).await?;
            }
        }
        DataStep::AwaitAdded => {
            let counter = context.database_ref().confirm().await?.counter();
            context.await_proxies(counter).await?;
        }
        DataStep::Promote => {
            let keyring = context.database_ref().confirm().await?;
            if let Some(id) = of_state(keyring.data_keys(&group), KeyState::Active).first() {
                context.change_keys(vec![Change::Promote { id: *id }]).await?;
            }
        }
        DataStep::AwaitPromoted => {
            let counter = context.database_ref().confirm().await?.counter();
            context.await_drained(group, counter).await?;
        }
        DataStep::Sweep => sweep::run(context, group, Goal::DataKey).await?,
        DataStep::SweepTerms => sweep::run(context, group, Goal::IndexTerms).await?,
        DataStep::AwaitReaders => {
            let noted = lockers::all(context.client_ref()).await?;
            context.await_transactions(noted).await?;
        }
        DataStep::Verify => return verify(context, group).await,
        DataStep::Demand => {
            demand::all(context, group).await?;
            return Ok(Some("done: all values are under the present keys".to_owned()));
        }
        DataStep::Retire => return retire(context, group).await.map(Some),
        DataStep::Destroy => return destroy(context).await.map(Some),
    }
    Ok(None)
}

async fn check(context: &mut Context, group: GroupBytes) -> Result<(), JobError> {
    let catalog = context.database_ref().refresh().await?;
    let relations = places::find(context.client_ref(), &catalog, &group).await?;
    let firing = context.job().spec.firing_triggers;
    let mut found = obstacles::find(context.client_ref(), &relations, firing).await?;
    if context.job().kind == Kind::RotateKey {
        let keyring = context.database_ref().keyring();
        found.extend(index::with_values(context.client_ref(), &keyring, &group).await?);
    }
    if found.is_empty() { Ok(()) } else { Err(in_the_way(&found)) }
}

/// The refusal that names all obstacles.
pub(super) fn in_the_way(found: &[String]) -> JobError {
    JobError::refused(
        format!("values cannot be rewritten yet: {}", found.join("; ")),
        "Nothing was changed. Clear these out of the way, and try again.",
    )
}

fn of_state<'a>(keys: impl Iterator<Item = &'a KeyInfo>, state: KeyState) -> Vec<KeyId> {
    keys.filter(|key| key.state == state).map(|key| key.id).collect()
}

/// Sweeps until a count in one snapshot, behind all transactions that may have copied an older value, finds none.
pub(super) async fn sweep_until_clean(
    context: &mut Context,
    group: GroupBytes,
    goals: &[Goal],
) -> Result<(), JobError> {
    let mut idle = 0;
    loop {
        let before = context.rows_done();
        for goal in goals {
            sweep::run(context, group, *goal).await?;
        }
        let noted = lockers::all(context.client_ref()).await?;
        context.await_transactions(noted).await?;
        let left = remaining(context, group, goals).await?;
        let Some((first, n)) = left.first() else { return Ok(()) };
        // No row was rewritten, and still there are some: of a materialized view, or of a column that is generated.
        idle = if context.rows_done() == before { idle + 1 } else { 0 };
        if idle >= MOST_IDLE {
            let others = match left.len() {
                1 => String::new(),
                more => format!(" (and {} more columns)", more - 1),
            };
            return Err(JobError::refused(
                format!("{first}{others} gets {n} values of before again each time it is made anew"),
                "Its definition takes them from somewhere else than encrypted columns. Change it, or drop it, and \
                 RESUME the job.",
            ));
        }
    }
}

/// Columns with values that are not as these goals want them, with their numbers.
async fn remaining(
    context: &mut Context,
    group: GroupBytes,
    goals: &[Goal],
) -> Result<Vec<(String, i64)>, JobError> {
    context.tell("scanning everything for values that are left".to_owned()).await?;
    let catalog = context.database_ref().refresh().await?;
    let relations = places::find(context.client_ref(), &catalog, &group).await?;
    let keyring = context.database_ref().keyring();
    let wanted: Vec<Wanted<'_>> = goals.iter().map(|goal| Wanted::Stale(*goal)).collect();
    places::count(context.client_ref(), &keyring, &group, &relations, &wanted).await
}

/// That nothing is left, or what the key is still needed for.
async fn verify(context: &mut Context, group: GroupBytes) -> Result<Option<String>, JobError> {
    let goals: &[Goal] = match context.job().kind {
        Kind::RotateKey => &[Goal::DataKey],
        Kind::Repair => &[Goal::DataKey, Goal::IndexTerms],
        _ => return unused(context, group).await.map(|()| None),
    };
    // Somebody may have copied an older value, or restored one: sweep those too.
    if !remaining(context, group, goals).await?.is_empty() {
        sweep_until_clean(context, group, goals).await?;
    }
    analyze(context, group).await?;
    Ok((context.job().kind == Kind::Repair).then(|| "done: all values are under the present keys".to_owned()))
}

/// The planner's statistics quote values, and would go on with older ones. What cannot be done now, since others have
/// the table locked, comes with the server's next ANALYZE.
async fn analyze(context: &mut Context, group: GroupBytes) -> Result<(), JobError> {
    let catalog = context.database_ref().refresh().await?;
    let relations = places::find(context.client_ref(), &catalog, &group).await?;
    let fail = || JobError::database("renew statistics");
    context.client_ref().batch_execute("SET lock_timeout = '1s'").await.map_err(fail())?;
    context.mark("analyze", Moment::Before)?;
    for relation in relations.iter().filter(|relation| relation.is_swept()) {
        context.tell(format!("analyzing {}", relation.name)).await?;
        if let Err(error) = context.client_ref().batch_execute(&format!("ANALYZE {}", relation.name)).await {
            if error.as_db_error().is_none() {
                return Err(fail()(error));
            }
            tracing::info!(table = relation.name, %error, "statistics were not renewed");
        }
    }
    context.mark("analyze", Moment::After)?;
    context.client_ref().batch_execute("RESET lock_timeout").await.map_err(fail())
}

/// Refuses if a value still needs the job's key.
async fn unused(context: &mut Context, group: GroupBytes) -> Result<(), JobError> {
    context.tell("scanning everything for values that need the key".to_owned()).await?;
    let keyring = context.database_ref().confirm().await?;
    let id = context.job().spec.key();
    let key = id.and_then(|id| keyring.key(id)).cloned();
    let key =
        key.ok_or_else(|| JobError::unknown("the key is no longer there", "SHOW KEYS lists all keys."))?;
    let catalog = context.database_ref().refresh().await?;
    let relations = places::find(context.client_ref(), &catalog, &group).await?;
    if let Some(hidden) = relations.iter().find(|relation| relation.is_temporary || relation.kind == 'f') {
        let what = if hidden.is_temporary { "temporary table" } else { "foreign table" };
        return Err(JobError::refused(
            format!("{what} {} may hold values under key {}, and cannot be looked into", hidden.name, key.id),
            "Drop it, or end the session that made it, and try again.",
        ));
    }
    let defined = index::envelopes(context.client_ref()).await?;
    if let Some((identity, _)) = defined.iter().find(|(_, keys)| keys.contains(&key.id)) {
        return Err(JobError::refused(
            format!("{identity} holds an encrypted value under key {}", key.id),
            "Drop it, REPAIR the key group if rows were made by it, and try again.",
        ));
    }
    let found =
        places::count(context.client_ref(), &keyring, &group, &relations, &[Wanted::Uses(&key)]).await?;
    if found.is_empty() {
        return Ok(());
    }
    let total: i64 = found.iter().map(|(_, n)| n).sum();
    let where_: Vec<String> = found.iter().map(|(column, n)| format!("{n} in {column}")).collect();
    Err(JobError::refused(
        format!("{total} values still need key {}: {}", key.id, where_.join(", ")),
        "REPAIR or ROTATE the key group first: that brings them to the present keys.",
    ))
}

async fn retire(context: &mut Context, group: GroupBytes) -> Result<String, JobError> {
    let keyring = context.database_ref().confirm().await?;
    let ids: Vec<KeyId> = match context.job().spec.key() {
        Some(id) => vec![id],
        None => of_state(keyring.data_keys(&group), KeyState::Fading),
    };
    let changes: Vec<Change> = ids.iter().map(|id| Change::Retire { id: *id }).collect();
    if !changes.is_empty() {
        context.change_keys(changes).await?;
    }
    let ids: Vec<String> = ids.iter().map(KeyId::to_string).collect();
    Ok(match ids.as_slice() {
        // Whoever held this job before has retired it.
        [] => "done: no value is left under an older key, and they are retired".to_owned(),
        [id] => format!("done: no value is left under key {id}, which is retired"),
        ids => format!("done: no value is left under keys {}, which are retired", ids.join(", ")),
    })
}

async fn destroy(context: &mut Context) -> Result<String, JobError> {
    let id = context.job().spec.key();
    let id = id.ok_or_else(|| JobError::unknown("the job names no key", "SHOW KEYS lists all keys."))?;
    let keyring = context.database_ref().confirm().await?;
    if keyring.key(id).is_some_and(|key| key.state != KeyState::Destroyed) {
        context.change_keys(vec![Change::Destroy { id }]).await?;
    }
    let fail = || JobError::database("read the history of root keys");
    let query =
        "SELECT string_agg(version || ' (' || provider || ')', ', ' ORDER BY version) FROM pyrite.roots";
    let roots: Option<String> =
        context.client_ref().query_one(query, &[]).await.map_err(fail())?.try_get(0).map_err(fail())?;
    Ok(format!(
        "done: key {id} is destroyed in this database. Backups made before hold it wrapped, and so does what the server \
         has not vacuumed or overwritten: it is gone for good once these root key versions are destroyed: {}",
        roots.unwrap_or_default()
    ))
}

/// What a key's purpose is called.
pub(super) fn is_data(key: &KeyInfo) -> bool {
    key.purpose == KeyPurpose::Data
}
