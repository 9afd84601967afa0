//! Values that lookups miss: they have no term of the index key that is searched.
//!
//! A dump of rows from before a rotation of the index key, restored behind it, brings such values: they open, but no
//! comparison finds them. It takes no key to see: each term has the id of its key beside it.

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::catalog::SearchSlot;
use crate::cli::slots::IndexKey;

/// Rows that are looked at in each table, unless all are asked for.
const SAMPLE: u32 = 20_000;

/// What a look at one column's values found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terms {
    /// Values looked at, and those without the term.
    Counted { seen: i64, lacking: i64 },
    /// This role may not read the table.
    Forbidden,
}

/// Looks at the values of a column; at a sample of them, unless `all`.
pub(super) async fn look(
    client: &Client,
    (schema, table): (&str, &str),
    column: &str,
    key: &IndexKey,
    all: bool,
) -> Result<Terms, tokio_postgres::Error> {
    let Some(id) = key.id else { return Ok(Terms::Counted { seen: 0, lacking: 0 }) };
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let relation = format!("{}.{}", quoted(schema), quoted(table));
    let column = quoted(column);
    // A share of the blocks that has about as many rows as wanted; the estimate may be stale, so it is cut off.
    let share = "SELECT least(100, greatest(0.001, 100.0 * $2::int4 / greatest(sum(c.reltuples), 1)))::float4
        FROM pg_class c WHERE c.oid = $1::text::regclass OR c.oid IN (SELECT relid FROM pg_partition_tree($1::text::regclass))";
    let sample = if all {
        String::new()
    } else {
        let wanted = i32::try_from(SAMPLE).unwrap_or(i32::MAX);
        let share: f32 = client.query_one(share, &[&relation, &wanted]).await?.try_get(0)?;
        format!(" TABLESAMPLE SYSTEM ({share})")
    };
    let limit = if all { String::new() } else { format!(" LIMIT {SAMPLE}") };
    let (bit, from) = match key.slot {
        SearchSlot::A => (1, 17),
        SearchSlot::B => (2, 41),
    };
    let query = format!(
        "SELECT count(*), count(*) FILTER (WHERE get_byte(value, 7) & {bit} = 0 OR substr(value, {from}, 8) <> $1::bytea)
         FROM (SELECT {column}::bytea AS value FROM {relation}{sample} WHERE {column} IS NOT NULL{limit}) AS looked_at"
    );
    match client.query_one(&query, &[&id.as_slice()]).await {
        Ok(row) => Ok(Terms::Counted { seen: row.try_get(0)?, lacking: row.try_get(1)? }),
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(Terms::Forbidden),
        Err(error) => Err(error),
    }
}
