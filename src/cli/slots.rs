//! Which slot of the envelope each key group is searched by, for commands that hold no keyring.

use std::collections::BTreeMap;

use tokio_postgres::{Client, Error};

use crate::catalog::SearchSlot;

/// Whether the database has what [`QUERY`] reads, and this role may read it.
const READABLE: &str = "
SELECT coalesce((SELECT has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(g.oid, 'SELECT')
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'pyrite'
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'slot' AND NOT a.attisdropped
   JOIN pg_class g ON g.relnamespace = n.oid AND g.relname = 'groups'
   WHERE c.relname = 'keys'), false)";

/// The group, the slot of its primary index key, and whether another key is written as well.
const QUERY: &str = "
SELECT g.name, k.slot, k.id, EXISTS (SELECT FROM pyrite.keys o WHERE o.group_id = k.group_id AND o.purpose = k.purpose
   AND o.state IN ('active', 'fading'))
FROM pyrite.keys k JOIN pyrite.groups g ON g.id = k.group_id
WHERE k.purpose = 'equality' AND k.state = 'primary'";

/// What commands know of a group's index key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexKey {
    /// The slot that is searched.
    pub(super) slot: SearchSlot,
    /// A rotation is under way.
    pub(super) rotating: bool,
    /// Its id, as it stands beside each term; `None`: not known.
    pub(super) id: Option<[u8; 8]>,
}

/// By name of the group. Empty for a database without schema `pyrite`, or with its first version, in which
/// slot A is all there is.
pub(super) async fn read(client: &Client) -> Result<BTreeMap<String, IndexKey>, Error> {
    if !client.query_one(READABLE, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(BTreeMap::new());
    }
    let mut keys = BTreeMap::new();
    for row in client.query(QUERY, &[]).await? {
        let slot = match row.try_get::<_, &str>(1)? {
            "b" => SearchSlot::B,
            _ => SearchSlot::A,
        };
        let id = row.try_get::<_, &[u8]>(2)?.try_into().ok();
        keys.insert(row.try_get(0)?, IndexKey { slot, rotating: row.try_get(3)?, id });
    }
    Ok(keys)
}
