//! Indexes over the terms of a group, and for each the same over the other slot.
//!
//! A copy is named after the OID of its original, so that it is found again behind a crash, and so that sessions can
//! put the original's name in its place in errors. Nothing else is remembered: every look reads what is there.

use std::collections::BTreeSet;

use serde::Deserialize;
use tokio_postgres::Client;

use super::definition::{self, IndexText, Whose};
use super::host::{Host, Tries, run, try_again};
use super::turn::Turn;
use crate::catalog::{COPY_PREFIX, SearchSlot};
use crate::jobs::JobError;

/// `$1`: tables. One row, one column of type text.
const QUERY: &str = r"
SELECT coalesce(json_agg(json_build_object('oid', i.indexrelid::int8, 'table', i.indrelid::int8,
    'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'definition', pg_get_indexdef(i.indexrelid),
    'valid', i.indisvalid AND i.indisready AND i.indislive, 'clustered', i.indisclustered,
    'constraint', EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x')),
    'tablespace', (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
    'table_name', i.indrelid::regclass::text, 'table_kind', r.relkind,
    'comment', obj_description(i.indexrelid, 'pg_class'),
    'targets', (SELECT json_agg(json_build_array(a.attnum, a.attstattarget)) FROM pg_attribute a
       WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0),
    'parent', (SELECT inhparent::int8 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
  ) ORDER BY i.indexrelid), '[]')::text
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = i.indrelid
WHERE i.indrelid = ANY($1::oid[]) AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)";

/// Reads a partition's ancestors and descendants too, since indexes of all of them hang together.
const RELATED: &str = r"
WITH RECURSIVE up AS (
  SELECT unnest($1::oid[]) AS oid
  UNION SELECT h.inhparent FROM up JOIN pg_inherits h ON h.inhrelid = up.oid
), related AS (
  SELECT oid FROM up
  UNION SELECT h.inhrelid FROM related JOIN pg_inherits h ON h.inhparent = related.oid
)
SELECT coalesce(array_agg(r.oid), '{}')::oid[] FROM related r JOIN pg_class c ON c.oid = r.oid
WHERE c.relkind IN ('r', 'p', 'm')";

/// An index, as the catalog has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Index {
    pub(super) oid: u32,
    pub(super) table: u32,
    schema: String,
    pub(super) name: String,
    /// `I`: of a partitioned table.
    kind: char,
    pub(super) definition: String,
    pub(super) valid: bool,
    pub(super) clustered: bool,
    /// Belongs to a constraint.
    pub(super) constraint: bool,
    tablespace: Option<String>,
    pub(super) table_name: String,
    table_kind: char,
    pub(super) comment: Option<String>,
    /// Statistics targets of its columns.
    pub(super) targets: Option<Vec<(i16, i32)>>,
    /// The index of the partitioned table that it belongs to.
    pub(super) parent: Option<u32>,
}

impl Index {
    fn whose<'t>(&'t self, turn: &'t Turn) -> impl Fn(&[String]) -> Whose + 't {
        let table = [self.table];
        move |path| turn.whose(&table, path)
    }

    /// Whether it is over this slot of a column of the group.
    pub(super) fn uses(&self, turn: &Turn, slot: SearchSlot) -> bool {
        definition::uses(&self.definition, &self.whose(turn), slot)
    }

    /// Whether it cannot be told what it is over.
    pub(super) fn is_unclear(&self, turn: &Turn) -> bool {
        let whose = self.whose(turn);
        definition::calls(&self.definition).iter().any(|call| whose(&call.path) == Whose::Unclear)
    }

    /// What a copy of it over the other slot is.
    fn moved(&self, turn: &Turn, to: SearchSlot) -> Option<IndexText> {
        Some(IndexText::parse(&self.definition)?.moved(&self.whose(turn), to))
    }

    fn copy_name(&self) -> String {
        format!("{COPY_PREFIX}{}", self.oid)
    }

    fn is_copy(&self) -> bool {
        self.name.strip_prefix(COPY_PREFIX).is_some_and(|oid| oid.parse::<u32>().is_ok())
    }

    fn is_partitioned(&self) -> bool {
        self.kind == 'I' && self.table_kind == 'p'
    }

    /// Its name with its schema, as SQL.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", super::quoted(&self.schema), super::quoted(&self.name))
    }
}

/// All expression and partial indexes of the group's tables.
pub(super) async fn read(client: &Client, turn: &Turn) -> Result<Vec<Index>, JobError> {
    let doing = "read the indexes of the key group";
    let tables = client.query_one(RELATED, &[&turn.tables()]).await.map_err(JobError::database(doing))?;
    let tables: Vec<u32> = tables.try_get(0).map_err(JobError::database(doing))?;
    let row = client.query_one(QUERY, &[&tables]).await.map_err(JobError::database(doing))?;
    let json: &str = row.try_get(0).map_err(JobError::database(doing))?;
    serde_json::from_str(json).map_err(|error| {
        JobError::refused(format!("cannot {doing}: {error}"), "This is a mistake in Pyrite.")
    })
}

/// Indexes with their copies, as they are at one moment.
#[derive(Debug)]
pub(super) struct Picture<'t> {
    turn: &'t Turn,
    pub(super) indexes: Vec<Index>,
    from: SearchSlot,
    to: SearchSlot,
}

impl<'t> Picture<'t> {
    /// Reads it; `from` and `to` are the turn's, or the other way round to undo it.
    pub(super) async fn read(client: &Client, turn: &'t Turn) -> Result<Self, JobError> {
        Ok(Self { turn, indexes: read(client, turn).await?, from: turn.from, to: turn.to })
    }

    /// Indexes over the old slot that are no partition's part of another.
    pub(super) fn originals(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| {
            index.parent.is_none()
                && !index.is_copy()
                && !index.constraint
                && index.uses(self.turn, self.from)
        })
    }

    /// The copy of an index, valid or not: by its name, or if that one was made anew (REINDEX gives another OID)
    /// by what it is.
    pub(super) fn copy_of(&self, original: &Index) -> Option<&Index> {
        let text = original.moved(self.turn, self.to)?;
        let is_like = |index: &&Index| {
            index.table == original.table
                && index.oid != original.oid
                && IndexText::parse(&index.definition).is_some_and(|found| found.is_like(&text))
        };
        let named = original.copy_name();
        let own = self.indexes.iter().find(|index| index.name == named && is_like(index));
        own.or_else(|| {
            let taken: BTreeSet<String> = self.indexes.iter().map(Index::copy_name).collect();
            let mut free =
                self.indexes.iter().filter(|index| index.is_copy() && !taken.contains(&index.name));
            free.find(is_like)
        })
    }

    /// Parts of an index in the partitions, directly below it.
    pub(super) fn parts(&self, index: &Index) -> impl Iterator<Item = &Index> {
        let oid = index.oid;
        self.indexes.iter().filter(move |part| part.parent == Some(oid))
    }

    /// Each part of `original` with that of `copy` on the same partition, at all levels.
    pub(super) fn pairs(&self, original: &Index, copy: &Index) -> Vec<(Index, Index)> {
        let mut pairs = Vec::new();
        let mut open = vec![(original.clone(), copy.clone())];
        // Each round goes one level down; there are no more levels than indexes.
        while let Some((original, copy)) = open.pop() {
            for part in self.parts(&original) {
                if let Some(other) = self.parts(&copy).find(|other| other.table == part.table) {
                    open.push((part.clone(), other.clone()));
                }
            }
            pairs.push((original, copy));
        }
        pairs
    }

    /// Copies whose original is gone, or no longer the same.
    pub(super) fn orphans(&self) -> Vec<&Index> {
        let kept: BTreeSet<u32> =
            self.indexes.iter().filter_map(|index| Some(self.copy_of(index)?.oid)).collect();
        let copies = self.indexes.iter().filter(|index| index.is_copy() && !kept.contains(&index.oid));
        copies.filter(|index| index.parent.is_none()).collect()
    }
}

/// Makes what is missing, until every index over the old slot has a valid copy over the other.
pub(super) async fn build(host: &mut impl Host, turn: &Turn) -> Result<(), JobError> {
    // Indexes are made and dropped meanwhile: look again after each one.
    loop {
        let picture = Picture::read(host.client(), turn).await?;
        if let Some(orphan) = picture.orphans().first() {
            drop_copy(host, orphan).await?;
            continue;
        }
        let missing = picture.originals().find_map(|original| Task::next(&picture, original));
        let Some(task) = missing else { return Ok(()) };
        host.say(task.status()).await?;
        task.run(host).await?;
    }
}

/// The next thing to do for one copy.
#[derive(Debug)]
enum Task {
    Make { original: Index, name: String, statement: String },
    Drop(Index),
    Attach { parent: Index, part: Index },
}

impl Task {
    /// `None`: the copy is complete.
    fn next(picture: &Picture<'_>, original: &Index) -> Option<Self> {
        let Some(copy) = picture.copy_of(original) else {
            let name = super::quoted(&original.copy_name());
            let statement = original.moved(picture.turn, picture.to)?.statement(&name);
            return Some(Self::Make { original: original.clone(), name: original.copy_name(), statement });
        };
        if !original.is_partitioned() {
            return (!copy.valid).then(|| Self::Drop(copy.clone()));
        }
        for part in picture.parts(original) {
            let attached = picture.parts(copy).find(|other| other.table == part.table);
            if let Some(attached) = attached {
                if let Some(task) = Self::below(picture, part, attached) {
                    return Some(task);
                }
                continue;
            }
            if let Some(task) = Self::next(picture, part) {
                return Some(task);
            }
            let part = picture.copy_of(part)?.clone();
            return Some(Self::Attach { parent: copy.clone(), part });
        }
        None
    }

    /// Behind an attached part of a partition that is partitioned itself.
    fn below(picture: &Picture<'_>, original: &Index, copy: &Index) -> Option<Self> {
        for part in picture.parts(original) {
            match picture.parts(copy).find(|other| other.table == part.table) {
                Some(attached) => {
                    if let Some(task) = Self::below(picture, part, attached) {
                        return Some(task);
                    }
                }
                None => match Self::next(picture, part) {
                    Some(task) => return Some(task),
                    None => {
                        let part = picture.copy_of(part)?.clone();
                        return Some(Self::Attach { parent: copy.clone(), part });
                    }
                },
            }
        }
        None
    }

    fn status(&self) -> String {
        match self {
            Self::Make { original, .. } => format!("making the like of index {}", original.shown()),
            Self::Drop(copy) => format!("dropping {}, which a crash left behind", copy.shown()),
            Self::Attach { parent, .. } => format!("joining the parts of {}", parent.shown()),
        }
    }

    async fn run(&self, host: &mut impl Host) -> Result<(), JobError> {
        match self {
            Self::Make { original, name, statement } => {
                settle(host, original).await?;
                let doing = "make an index over the other slot";
                let client = host.client();
                let there =
                    "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relname = $1 AND n.nspname = $2)";
                let row = client
                    .query_one(there, &[name, &original.schema])
                    .await
                    .map_err(JobError::database(doing))?;
                if row.try_get::<_, bool>(0).map_err(JobError::database(doing))? {
                    // Whoever was at it has finished meanwhile.
                    return Ok(());
                }
                let set = format!(
                    "SET default_tablespace = {}",
                    super::literal(original.tablespace.as_deref().unwrap_or_default())
                );
                client.batch_execute(&set).await.map_err(JobError::database(doing))?;
                if original.is_partitioned() {
                    try_again(host, Tries { doing, what: "copy" }, &[statement.as_str()]).await
                } else {
                    run(host, doing, "copy", statement).await
                }
            }
            Self::Drop(copy) => {
                settle(host, copy).await?;
                drop_copy(host, copy).await
            }
            Self::Attach { parent, part } => {
                let statement = format!("ALTER INDEX {} ATTACH PARTITION {}", parent.shown(), part.shown());
                try_again(host, Tries { doing: "join the parts of an index", what: "attach" }, &[&statement])
                    .await
            }
        }
    }
}

/// Waits for whoever makes an index of this table: the server goes on with it for a while when its client has died.
async fn settle(host: &mut impl Host, index: &Index) -> Result<(), JobError> {
    let doing = "wait for other work on indexes";
    if index.table_kind == 'm' {
        // Cannot be locked by name.
        return Ok(());
    }
    // Stands in nobody's way who reads or writes.
    let lock = format!(
        "BEGIN; SET LOCAL lock_timeout = 0; LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE; COMMIT",
        index.table_name
    );
    let done = host.client().batch_execute(&lock).await.map_err(JobError::database(doing));
    if done.is_err() {
        let _ = host.client().batch_execute("ROLLBACK").await;
    }
    done
}

/// A copy, whatever its original is by now.
pub(super) async fn any(client: &Client, turn: &Turn) -> Result<Option<Index>, JobError> {
    let found = read(client, turn).await?;
    Ok(found.into_iter().find(|index| index.is_copy() && index.parent.is_none()))
}

/// Gives the server statistics of what the copies are over, so that it plans by them as it did by the originals.
pub(super) async fn analyze(host: &mut impl Host, turn: &Turn) -> Result<(), JobError> {
    let picture = Picture::read(host.client(), turn).await?;
    let mut tables: Vec<String> = picture.originals().map(|index| index.table_name.clone()).collect();
    tables.dedup();
    analyze_tables(host, tables).await
}

/// Makes the server's statistics of the group's values anew: they quote values, with the terms that these had.
pub(super) async fn analyze_all(host: &mut impl Host, turn: &Turn) -> Result<(), JobError> {
    let doing = "read the tables of the key group";
    let names = "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY ($1::oid[]) ORDER BY oid";
    let rows = host.client().query(names, &[&turn.tables()]).await.map_err(JobError::database(doing))?;
    let tables: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    analyze_tables(host, tables.map_err(JobError::database(doing))?).await
}

async fn analyze_tables(host: &mut impl Host, tables: Vec<String>) -> Result<(), JobError> {
    for table in tables {
        host.say(format!("analyzing {table}")).await?;
        run(host, "analyze a table", "analyze", &format!("ANALYZE {table}")).await?;
    }
    Ok(())
}

/// Drops a copy if it is still there.
pub(super) async fn drop_copy(host: &mut impl Host, copy: &Index) -> Result<(), JobError> {
    let doing = "drop a copy of an index";
    if copy.is_partitioned() {
        let statement = format!("DROP INDEX IF EXISTS {}", copy.shown());
        return try_again(host, Tries { doing, what: "drop copy" }, &[&statement]).await;
    }
    run(host, doing, "drop copy", &format!("DROP INDEX CONCURRENTLY IF EXISTS {}", copy.shown())).await
}
