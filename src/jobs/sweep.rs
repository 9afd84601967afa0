//! The sweep: rewrites every value of a group that is not as it should be, batch by batch.
//!
//! Tables are read in ranges of blocks, so that no primary key is needed. An update is guarded by the value that was
//! read, so a concurrent write wins; the batch and the note of how far the sweep has come are one transaction. Rows that
//! move while it runs are found by the next pass; the end is proved by a count in one snapshot, elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::context::Context;
use super::outlook::{Behind, Outlook};
use super::places::{Relation, Wanted, quoted};
use super::throttle::{MOST_ROWS, Throttle};
use super::tid::{Raw, Tid};
use super::types::Moment;
use super::{JobError, places};
use crate::keys::{GroupBytes, Keyring};
use crate::transform::{Goal, Resealed, Resealer};

/// How long an update waits for a row that somebody else has locked. Far below the server's `deadlock_timeout`, so that
/// a deadlock with an application is ours to lose.
const ROW_LOCK: &str = "20ms";
/// How long the note of a batch waits for the job's own row.
const NOTE_LOCK: &str = "1s";
/// Between looks at a standby that is behind.
const CATCH_UP: Duration = Duration::from_millis(500);
/// Between passes, times their number: rows that others have locked are not free at once.
const BETWEEN_PASSES: Duration = Duration::from_millis(50);
const LONGEST_BETWEEN: Duration = Duration::from_secs(5);
/// Passes that change something and come to no end: an application that writes older values all the time.
const MOST_PASSES: u32 = 1_000;

/// How far a sweep has come, as in the column `cursor`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    #[serde(default)]
    pass: u32,
    /// The relation that is being swept; those with smaller OIDs are done in this pass.
    #[serde(default)]
    relation: u32,
    /// Its file: another one means that all rows have moved.
    #[serde(default)]
    file: u32,
    /// The block to go on with.
    #[serde(default)]
    block: u32,
    /// This pass changed or skipped something, so another one is needed.
    #[serde(default)]
    dirty: bool,
    /// Rows per second lately.
    #[serde(default)]
    rate: f64,
}

/// Rows of a relation that are to be rewritten.
#[derive(Default)]
struct Batch {
    tids: Vec<Tid>,
    /// Per column: what was read, and what is written.
    old: Vec<Vec<Option<Raw>>>,
    new: Vec<Vec<Option<Raw>>>,
    /// The block behind the last one that was read.
    next: u32,
    /// Values that cannot be opened: how many, and the first one's place and error.
    broken: u64,
    first_broken: Option<String>,
}

/// What a sweep works with, for one relation.
struct Target<'a> {
    relation: &'a Relation,
    goal: Goal,
    group: GroupBytes,
    read: Statement,
    update: Statement,
    lock: Statement,
}

/// Runs passes until one finds nothing to do.
pub(super) async fn run(context: &mut Context, group: GroupBytes, goal: Goal) -> Result<(), JobError> {
    let reader = context.connect().await?;
    prepare_session(&reader, false).await?;
    prepare_session(context.client_ref(), context.silences()).await?;
    context.announce_writer().await?;
    let mut cursor: Cursor = context.cursor();
    let (share, rate) = context.speed();
    let mut throttle = Throttle::new(share, rate, context.settings().batch_time);
    let mut changing = 0;
    loop {
        let before = context.rows_done();
        let catalog = context.database_ref().refresh().await?;
        let keyring = context.database_ref().keyring();
        let relations = places::find(context.client_ref(), &catalog, &group).await?;
        let mut state = State {
            keyring,
            goal,
            group,
            throttle: &mut throttle,
            reader: &reader,
            behind: Behind::default(),
        };
        let from = cursor.relation;
        let todo: Vec<&Relation> = relations.iter().filter(|r| r.is_swept() && r.oid >= from).collect();
        for (at, relation) in todo.iter().enumerate() {
            if cursor.pass == 0 {
                state.behind = behind(state.reader, todo.get(at + 1..).unwrap_or_default()).await?;
            }
            match sweep(context, &mut state, relation, &mut cursor).await {
                // Dropped or changed while it was swept: the next pass sees what is there.
                Err(error) if is_gone(&error) => {
                    let _ = context.client_ref().batch_execute("ROLLBACK").await;
                    cursor.dirty = true;
                }
                other => other?,
            }
        }
        let again = cursor.dirty;
        cursor = Cursor { pass: cursor.pass + 1, rate: cursor.rate, ..Cursor::default() };
        context.save(&cursor).await?;
        if !again {
            return refresh_views(context, &relations, group, goal).await;
        }
        changing += u32::from(context.rows_done() > before);
        if changing >= MOST_PASSES {
            return Err(JobError::refused(
                format!("after {MOST_PASSES} passes there are still values to rewrite"),
                "Look for what writes older values (restores, replication into the tables), and RESUME the job.",
            ));
        }
        if context.rows_done() == before {
            context.tell("waiting for rows that others have locked".to_owned()).await?;
        }
        tokio::time::sleep((BETWEEN_PASSES * cursor.pass).min(LONGEST_BETWEEN)).await;
    }
}

struct State<'a> {
    keyring: Arc<Keyring>,
    goal: Goal,
    group: GroupBytes,
    throttle: &'a mut Throttle,
    reader: &'a Client,
    /// The relations behind this one. Later passes expect nothing of them.
    behind: Behind,
}

/// `search_path` comes with the login.
async fn prepare_session(client: &Client, silent: bool) -> Result<(), JobError> {
    // Joins by tid must stay joins by tid, however small the tables are.
    let settings =
        "SET row_security = off; SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
        SET plan_cache_mode = force_generic_plan; SET idle_in_transaction_session_timeout = '60s'";
    client.batch_execute(settings).await.map_err(JobError::database("prepare a sweep"))?;
    if silent {
        let setting = "SET session_replication_role = replica";
        client.batch_execute(setting).await.map_err(JobError::database("keep triggers from firing"))?;
    }
    Ok(())
}

async fn sweep(
    context: &mut Context,
    state: &mut State<'_>,
    relation: &Relation,
    cursor: &mut Cursor,
) -> Result<(), JobError> {
    let (file, mut blocks, density) = size(state.reader, relation).await?;
    if (cursor.relation, cursor.file) != (relation.oid, file) {
        *cursor = Cursor { relation: relation.oid, file, block: 0, ..cursor.clone() };
    }
    let target = target(context, state, relation).await?;
    let mut resealer = Resealer::new(Arc::clone(&state.keyring));
    let mut batch = read(state, &target, &mut resealer, cursor.block, blocks).await?;
    let mut outlook = Outlook::new(density.filter(|_| cursor.pass == 0));
    let mut since = (Instant::now(), context.rows_done());
    loop {
        let began = Instant::now();
        let next_block = batch.next;
        outlook.saw(next_block.saturating_sub(cursor.block), batch.tids.len());
        cursor.block = next_block;
        cursor.dirty |= !batch.tids.is_empty();
        // Rows of this batch are not done yet.
        let rows = i64::try_from(batch.tids.len()).unwrap_or(0);
        context.left(rows + state.behind.left(&outlook, blocks.saturating_sub(next_block)));
        // The next batch is read and sealed while this one is written.
        let more = next_block < blocks;
        let (written, next) = tokio::join!(write(context, &target, &batch, cursor), async {
            match more {
                true => read(state, &target, &mut resealer, next_block, blocks).await.map(Some),
                false => Ok(None),
            }
        });
        let written = written?;
        if let Some(broken) = &batch.first_broken {
            return Err(JobError::refused(
                format!("stored values cannot be opened, {} so far; the first: {broken}", batch.broken),
                "Restore them from a backup or set them to NULL, and RESUME the job.",
            ));
        }
        let took = began.elapsed();
        let rest = state.throttle.batch(written, took, context.pulse().take_waited_for());
        if rest > Duration::ZERO {
            tokio::time::sleep(rest).await;
        }
        let elapsed = since.0.elapsed();
        if elapsed >= Duration::from_secs(1) {
            cursor.rate = (context.rows_done() - since.1) as f64 / elapsed.as_secs_f64();
            since = (Instant::now(), context.rows_done());
        }
        catch_up(context).await?;
        match next? {
            Some(next) => batch = next,
            None => {
                // The table may have grown.
                let now = size(state.reader, relation).await?;
                if now.0 != file || now.1 <= next_block {
                    return Ok(());
                }
                blocks = now.1;
                outlook = Outlook::new(None);
                batch = read(state, &target, &mut resealer, next_block, blocks).await?;
            }
        }
    }
}

/// Waits while a standby is too far behind.
async fn catch_up(context: &mut Context) -> Result<(), JobError> {
    while context.pulse().lag() > context.settings().most_lag {
        let lag = context.pulse().lag() >> 20;
        context.tell(format!("waiting for a standby that is {lag} MiB behind")).await?;
        tokio::time::sleep(CATCH_UP).await;
    }
    Ok(())
}

/// File and blocks of a relation, and rows per block by the statistics, if there are any.
async fn size(client: &Client, relation: &Relation) -> Result<(u32, u32, Option<f32>), JobError> {
    let fail = || JobError::database("look at the size of a table");
    let query = "SELECT pg_relation_filenode(oid), (pg_relation_size(oid) / current_setting('block_size')::int8)::int8,
        CASE WHEN relpages > 0 AND reltuples >= 0 THEN (reltuples / relpages)::float4 END FROM pg_class WHERE oid = $1";
    let Some(row) = client.query_opt(query, &[&relation.oid]).await.map_err(fail())? else {
        return Err(JobError::Again);
    };
    let file: Option<u32> = row.try_get(0).map_err(fail())?;
    let blocks: i64 = row.try_get(1).map_err(fail())?;
    let density = row.try_get(2).map_err(fail())?;
    Ok((file.unwrap_or(0), u32::try_from(blocks).unwrap_or(u32::MAX), density))
}

/// What the statistics say of these relations.
async fn behind(client: &Client, relations: &[&Relation]) -> Result<Behind, JobError> {
    let oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
    let query = "SELECT coalesce(sum(reltuples) FILTER (WHERE known), 0)::int8,
            (coalesce(sum(pg_relation_size(oid)) FILTER (WHERE NOT known), 0) / current_setting('block_size')::int8)::int8
        FROM (SELECT oid, reltuples, relpages > 0 AND reltuples >= 0 AS known FROM pg_class WHERE oid = ANY ($1)) AS c";
    let fail = || JobError::database("look at the size of tables");
    let row = client.query_one(query, &[&oids]).await.map_err(fail())?;
    let blocks: i64 = row.try_get(1).map_err(fail())?;
    Ok(Behind { rows: row.try_get(0).map_err(fail())?, blocks: u64::try_from(blocks).unwrap_or(0) })
}

async fn target<'a>(
    context: &Context,
    state: &State<'_>,
    relation: &'a Relation,
) -> Result<Target<'a>, JobError> {
    let mut conditions = Vec::new();
    for place in &relation.places {
        conditions.push(place.condition(&state.keyring, &state.group, Wanted::Stale(state.goal))?);
    }
    let columns: Vec<String> = relation.places.iter().map(|place| quoted(&place.name)).collect();
    let read = format!(
        "SELECT ctid, {} FROM ONLY {} WHERE ctid >= ($1::text)::tid AND ctid < ($2::text)::tid AND ({}) LIMIT {MOST_ROWS}",
        columns.join(", "),
        relation.name,
        conditions.join(" OR "),
    );
    let update = update_text(relation);
    let lock = format!(
        "SELECT t.ctid FROM ONLY {} AS t WHERE t.ctid = ANY ($1::tid[]) FOR NO KEY UPDATE SKIP LOCKED",
        relation.name
    );
    let fail = || JobError::database("prepare a sweep");
    Ok(Target {
        relation,
        goal: state.goal,
        group: state.group,
        read: state.reader.prepare(&read).await.map_err(fail())?,
        update: context.client_ref().prepare(&update).await.map_err(fail())?,
        lock: context.client_ref().prepare(&lock).await.map_err(fail())?,
    })
}

/// All rows of a batch at once, or one row: the elements of arrays would be mixed up in an array of arrays.
fn update_text(relation: &Relation) -> String {
    let (mut sets, mut arrays, mut names, mut guards) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let one = is_row_wise(relation);
    for (at, place) in relation.places.iter().enumerate() {
        let column = quoted(&place.name);
        let (old, new) = (2 + 2 * at, 3 + 2 * at);
        let (old_value, new_value) = if one {
            (format!("${old}"), format!("${new}"))
        } else {
            (format!("v.o{at}"), format!("v.n{at}"))
        };
        sets.push(format!("{column} = {new_value}"));
        arrays.push(format!("${old}::bytea[], ${new}::bytea[]"));
        names.push(format!("o{at}, n{at}"));
        guards.push(format!("t.{column} IS NOT DISTINCT FROM {old_value}"));
    }
    let (sets, guards) = (sets.join(", "), guards.join(" AND "));
    match one {
        true => format!("UPDATE ONLY {} AS t SET {sets} WHERE t.ctid = $1 AND {guards}", relation.name),
        false => format!(
            "UPDATE ONLY {} AS t SET {sets} FROM unnest($1::tid[], {}) AS v(tid, {}) WHERE t.ctid = v.tid AND {guards}",
            relation.name,
            arrays.join(", "),
            names.join(", "),
        ),
    }
}

fn is_row_wise(relation: &Relation) -> bool {
    relation.places.iter().any(|place| place.is_array)
}

/// Reads the rows of the next blocks that are to be rewritten, and seals them anew.
async fn read(
    state: &State<'_>,
    target: &Target<'_>,
    resealer: &mut Resealer,
    from: u32,
    end: u32,
) -> Result<Batch, JobError> {
    let fail = || JobError::database("read values");
    let mut to = from.saturating_add(state.throttle.blocks()).min(end.max(from.saturating_add(1)));
    let (low, high) = (format!("({from},0)"), format!("({to},0)"));
    let rows = state.reader.query(&target.read, &[&low, &high]).await.map_err(fail())?;
    let columns = target.relation.places.len();
    let mut batch =
        Batch { old: vec![Vec::new(); columns], new: vec![Vec::new(); columns], ..Batch::default() };
    let mut tids = Vec::with_capacity(rows.len());
    for row in &rows {
        tids.push(row.try_get::<_, Tid>(0).map_err(fail())?);
    }
    if rows.len() == MOST_ROWS {
        // There may be more in these blocks: go on with the last one's block, which the next read repeats.
        let last = tids.last().map_or(from, |tid| tid.block);
        to = if last > from { last } else { from.saturating_add(1) };
    }
    for (row, tid) in rows.iter().zip(tids) {
        seal_row(target, resealer, row, tid, &mut batch).map_err(fail())?;
    }
    batch.next = to;
    Ok(batch)
}

fn seal_row(
    target: &Target<'_>,
    resealer: &mut Resealer,
    row: &tokio_postgres::Row,
    tid: Tid,
    batch: &mut Batch,
) -> Result<(), tokio_postgres::Error> {
    let mut changes = Vec::with_capacity(target.relation.places.len());
    for (at, place) in target.relation.places.iter().enumerate() {
        let Some(Raw(old)) = row.try_get::<_, Option<Raw>>(at + 1)? else {
            changes.push((None, None));
            continue;
        };
        let mut new = Vec::with_capacity(old.len() + 64);
        let column = place.column.as_deref();
        let sealed = match place.is_array {
            true => resealer.reseal_array(&target.group, column, target.goal, &old, &mut new),
            false => resealer.reseal(&target.group, column, target.goal, &old, &mut new),
        };
        let new = match sealed {
            Ok(Resealed::Changed) => new,
            Ok(Resealed::Already) => old.clone(),
            Err(error) => {
                batch.broken += 1;
                let place = format!(
                    "{}.{} at ctid {tid}: {}",
                    target.relation.name,
                    quoted(&place.name),
                    error.message
                );
                batch.first_broken.get_or_insert(place);
                return Ok(());
            }
        };
        changes.push((Some(Raw(old)), Some(Raw(new))));
    }
    batch.tids.push(tid);
    for ((old, new), (olds, news)) in changes.into_iter().zip(batch.old.iter_mut().zip(batch.new.iter_mut()))
    {
        olds.push(old);
        news.push(new);
    }
    Ok(())
}

/// Writes a batch and how far the sweep has come, in one transaction. Returns the number of rows changed.
async fn write(
    context: &mut Context,
    target: &Target<'_>,
    batch: &Batch,
    cursor: &Cursor,
) -> Result<usize, JobError> {
    if batch.tids.is_empty() {
        context.note(cursor).await?;
        return Ok(0);
    }
    match write_rows(context, target, batch, cursor, false).await {
        // Somebody has locked one of the rows: leave those out, the next pass comes back for them.
        Err(error) if matches!(error.server_code(), Some("55P03" | "40P01")) => {
            context
                .client_ref()
                .batch_execute("ROLLBACK")
                .await
                .map_err(JobError::database("undo a batch"))?;
            write_rows(context, target, batch, cursor, true).await
        }
        other => other,
    }
}

async fn write_rows(
    context: &mut Context,
    target: &Target<'_>,
    batch: &Batch,
    cursor: &Cursor,
    skip_locked: bool,
) -> Result<usize, JobError> {
    let fail = || JobError::database("rewrite values");
    // A crash may lose the last batches whole, with their notes: they are done again. Whatever says that all is done is
    // committed synchronously, and behind them.
    let begin = format!("BEGIN; SET LOCAL lock_timeout = '{ROW_LOCK}'; SET LOCAL synchronous_commit = off");
    let client = context.client_ref();
    let begin = client.batch_execute(&begin);
    let changed = if skip_locked {
        begin.await.map_err(fail())?;
        let tids = unlocked(client, target, batch).await.map_err(fail())?;
        update(client, target, batch, &tids).await.map_err(fail())?
    } else {
        // Both are under way at once, in this order; if the first fails, so does the second.
        let (begun, changed) = futures::future::join(begin, update(client, target, batch, &batch.tids)).await;
        begun.map_err(fail())?;
        changed.map_err(fail())?
    };
    // Whoever renews the lease or pauses the job holds its row until that is on disk, which may take longer.
    let patience = format!("SET LOCAL lock_timeout = '{NOTE_LOCK}'");
    context.client_ref().batch_execute(&patience).await.map_err(fail())?;
    context.note_within(cursor, i64::try_from(changed).unwrap_or(0)).await?;
    context.mark("batch", Moment::Before)?;
    context.client_ref().batch_execute("COMMIT").await.map_err(fail())?;
    context.mark("batch", Moment::After)?;
    Ok(usize::try_from(changed).unwrap_or(0))
}

/// Locks the rows of a batch that nobody else has locked. In the others' stead: a place where no row is, which the guard
/// passes over.
async fn unlocked(
    client: &Client,
    target: &Target<'_>,
    batch: &Batch,
) -> Result<Vec<Tid>, tokio_postgres::Error> {
    let mut free = std::collections::HashSet::new();
    for row in client.query(&target.lock, &[&batch.tids]).await? {
        let tid: Tid = row.try_get(0)?;
        free.insert((tid.block, tid.offset));
    }
    let nowhere = Tid { block: u32::MAX - 1, offset: 1 };
    let keep = |tid: &Tid| if free.contains(&(tid.block, tid.offset)) { *tid } else { nowhere };
    Ok(batch.tids.iter().map(keep).collect())
}

async fn update(
    client: &Client,
    target: &Target<'_>,
    batch: &Batch,
    tids: &Vec<Tid>,
) -> Result<u64, tokio_postgres::Error> {
    if !is_row_wise(target.relation) {
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![tids];
        for (old, new) in batch.old.iter().zip(&batch.new) {
            parameters.push(old);
            parameters.push(new);
        }
        return client.execute(&target.update, &parameters).await;
    }
    let mut changed = 0;
    for (at, tid) in tids.iter().enumerate() {
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![tid];
        for column in batch.old.iter().zip(&batch.new) {
            if let (Some(old), Some(new)) = (column.0.get(at), column.1.get(at)) {
                parameters.push(old);
                parameters.push(new);
            }
        }
        changed += client.execute(&target.update, &parameters).await?;
    }
    Ok(changed)
}

/// Materialized views are made of what was swept.
async fn refresh_views(
    context: &mut Context,
    relations: &[Relation],
    group: GroupBytes,
    goal: Goal,
) -> Result<(), JobError> {
    let keyring = context.database_ref().keyring();
    let views: Vec<Relation> = relations.iter().filter(|relation| relation.kind == 'm').cloned().collect();
    if places::count(context.client_ref(), &keyring, &group, &views, &[Wanted::Stale(goal)]).await?.is_empty()
    {
        return Ok(());
    }
    for (name, statement) in super::obstacles::refreshes(context.client_ref(), &views).await? {
        context.tell(format!("refreshing {name}")).await?;
        context.mark("refresh", Moment::Before)?;
        context
            .client_ref()
            .batch_execute(&statement)
            .await
            .map_err(JobError::database("refresh a materialized view"))?;
        context.mark("refresh", Moment::After)?;
    }
    Ok(())
}

/// Whether a table or column that was there is no longer there, or has changed.
fn is_gone(error: &JobError) -> bool {
    matches!(error, JobError::Again)
        || matches!(error.server_code(), Some("42P01" | "42703" | "0A000" | "42804"))
}
