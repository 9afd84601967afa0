//! The copies take the originals' names and places.

use tokio_postgres::Client;

use super::copies::{self, Index, Picture};
use super::host::{Host, Tries, try_again};
use super::redefine;
use super::turn::Turn;
use super::{literal, quoted};
use crate::jobs::JobError;

/// Drops each index over the old slot and gives its name to its copy, one index and its parts at a time, each in one
/// short transaction. By now no statement searches the old slot.
pub(super) async fn all(host: &mut impl Host, turn: &Turn) -> Result<(), JobError> {
    loop {
        // What was made over the old slot since the last look gets its like first.
        copies::build(host, turn).await?;
        redefine::all(host, turn).await?;
        let Some((name, statements)) = next(host.client(), turn).await? else { return Ok(()) };
        host.say(format!("replacing index {name}")).await?;
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        match try_again(host, Tries { doing: "replace an index", what: "swap" }, &statements).await {
            // Somebody was quicker.
            Err(error) if error.server_code() == Some("55000") => {}
            other => other?,
        }
    }
}

/// The next index, and what replaces it.
async fn next(client: &Client, turn: &Turn) -> Result<Option<(String, Vec<String>)>, JobError> {
    let picture = Picture::read(client, turn).await?;
    let Some(original) = picture.originals().next() else { return Ok(None) };
    let Some(copy) = picture.copy_of(original).filter(|copy| copy.valid) else {
        return Err(JobError::refused(
            format!("the like of index {} is gone or invalid", original.shown()),
            "Resume the job: it makes it again.",
        ));
    };
    let mut statements = vec![guard(original, copy), format!("DROP INDEX {}", original.shown())];
    for (original, copy) in picture.pairs(original, copy) {
        statements.extend(succeed(&original, &copy));
    }
    Ok(Some((original.shown(), statements)))
}

/// Fails if the copy is not valid, or the names mean other indexes by now: then the next look finds out.
fn guard(original: &Index, copy: &Index) -> String {
    let body = format!(
        "BEGIN PERFORM FROM pg_index WHERE indexrelid = {copy_oid} AND indisvalid AND {name}::regclass = {copy_oid} \
         AND {old}::regclass = {old_oid}; IF NOT FOUND THEN RAISE object_not_in_prerequisite_state; END IF; END",
        copy_oid = copy.oid,
        name = literal(&copy.shown()),
        old = literal(&original.shown()),
        old_oid = original.oid,
    );
    format!("DO LANGUAGE plpgsql {}", literal(&body))
}

/// What makes a copy the heir of an index that is dropped: its name, comment, statistics targets, clustering.
fn succeed(original: &Index, copy: &Index) -> Vec<String> {
    let mut list = vec![format!("ALTER INDEX {} RENAME TO {}", copy.shown(), quoted(&original.name))];
    let name = original.shown();
    list.extend(
        original.comment.as_deref().map(|text| format!("COMMENT ON INDEX {name} IS {}", literal(text))),
    );
    for (column, target) in original.targets.iter().flatten() {
        list.push(format!("ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}"));
    }
    if original.clustered {
        list.push(format!("ALTER TABLE {} CLUSTER ON {}", original.table_name, quoted(&original.name)));
    }
    list
}

/// Whether a definition still cuts out terms of the old slot.
pub(super) async fn is_done(client: &Client, turn: &Turn) -> Result<bool, JobError> {
    let picture = Picture::read(client, turn).await?;
    Ok(picture.originals().next().is_none() && !redefine::is_left(client, turn, turn.from).await?)
}
