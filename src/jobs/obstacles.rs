//! What stands in the way of a sweep, found before anything starts.

use tokio_postgres::Client;

use super::JobError;
use super::places::{Relation, quoted};

/// Whether this connection's role may keep ordinary triggers from firing.
pub(super) async fn can_silence(client: &Client) -> bool {
    // Inside a block that is rolled back, so that nothing stays set.
    let tried = client.batch_execute("BEGIN; SET LOCAL session_replication_role = replica; ROLLBACK").await;
    if tried.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    tried.is_ok()
}

/// Everything that keeps the values of these relations from being rewritten, each with the way out.
pub(super) async fn find(
    client: &Client,
    relations: &[Relation],
    firing_triggers: bool,
) -> Result<Vec<String>, JobError> {
    let mut found = Vec::new();
    let user = me(client).await?;
    for relation in relations.iter().filter(|relation| !relation.is_temporary) {
        let Relation { name, owner, .. } = relation;
        if relation.kind == 'f' {
            found.push(format!(
                "foreign table {name} has encrypted columns: its rows belong to another server; drop it, or rotate there"
            ));
        } else if !relation.is_ours {
            found.push(format!("{name} belongs to role {owner}: GRANT {owner} TO {};", user.name));
        } else if relation.is_forced && !user.bypasses {
            found.push(format!(
                "row security is forced on the owner of {name}: ALTER ROLE {} BYPASSRLS; or ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY;",
                user.name
            ));
        }
    }
    found.extend(composites(client).await?);
    found.extend(unidentified(client, relations).await?);
    if !firing_triggers {
        found.extend(triggers(client, relations, &user).await?);
    }
    Ok(found)
}

/// The role that the connection runs as.
struct Me {
    name: String,
    bypasses: bool,
    version: i32,
}

async fn me(client: &Client) -> Result<Me, JobError> {
    let fail = || JobError::database("look at Pyrite's own role");
    let query = "SELECT quote_ident(current_user), rolsuper OR rolbypassrls, current_setting('server_version_num')::int4
        FROM pg_roles WHERE rolname = current_user";
    let row = client.query_one(query, &[]).await.map_err(fail())?;
    Ok(Me {
        name: row.try_get(0).map_err(fail())?,
        bypasses: row.try_get(1).map_err(fail())?,
        version: row.try_get(2).map_err(fail())?,
    })
}

/// Types that hold envelopes where a sweep does not look.
async fn composites(client: &Client) -> Result<Vec<String>, JobError> {
    let fail = || JobError::database("look for types that hold encrypted values");
    // Composite types, rows of tables among them, domains, ranges and arrays, as deep as they are nested.
    let query = "WITH RECURSIVE holder (type) AS (
            SELECT 'pyrite.encrypted'::regtype::oid
            UNION
            SELECT outer_type FROM holder, LATERAL (
                SELECT typarray FROM pg_type WHERE oid = holder.type AND typarray <> 0
                UNION ALL SELECT oid FROM pg_type WHERE typtype = 'd' AND typbasetype = holder.type
                UNION ALL SELECT rngtypid FROM pg_range WHERE rngsubtype = holder.type
                UNION ALL SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                    WHERE a.atttypid = holder.type AND NOT a.attisdropped AND c.reltype <> 0
            ) AS outside (outer_type))
        SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname), format_type(a.atttypid, NULL)
        FROM holder JOIN pg_attribute a ON a.atttypid = holder.type JOIN pg_class c ON c.oid = a.attrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE holder.type NOT IN ('pyrite.encrypted'::regtype, 'pyrite.encrypted[]'::regtype)
          AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'm', 'f') AND c.relpersistence <> 't'
        ORDER BY 1";
    let rows = client.query(query, &[]).await.map_err(fail())?;
    rows.iter()
        .map(|row| {
            let (column, name): (String, String) =
                (row.try_get(0).map_err(fail())?, row.try_get(1).map_err(fail())?);
            Ok(format!(
                "{column} is of type {name}, which holds encrypted values inside: store them in columns of their own"
            ))
        })
        .collect()
}

/// Tables whose updates are published and that say nothing by which a subscriber could find the row: the server refuses
/// every update of them.
async fn unidentified(client: &Client, relations: &[Relation]) -> Result<Vec<String>, JobError> {
    let fail = || JobError::database("look at publications");
    let oids: Vec<u32> = relations.iter().filter(|r| r.is_swept()).map(|relation| relation.oid).collect();
    let query = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = ANY ($1)
          AND (c.relreplident = 'n' OR c.relreplident = 'd'
               AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))
          AND EXISTS (
              SELECT FROM pg_publication p
              WHERE p.pubupdate AND (p.puballtables OR EXISTS (
                  SELECT FROM pg_publication_tables t
                  WHERE t.pubname = p.pubname AND (t.schemaname, t.tablename) = (n.nspname, c.relname))))
        ORDER BY 1";
    let rows = client.query(query, &[&oids]).await.map_err(fail())?;
    rows.iter()
        .map(|row| {
            let name: String = row.try_get(0).map_err(fail())?;
            Ok(format!(
                "updates of {name} are published and it has no replica identity: ALTER TABLE {name} REPLICA IDENTITY FULL; \
                 or give it a primary key"
            ))
        })
        .collect()
}

/// Triggers and rules that would run for each row that is rewritten.
async fn triggers(client: &Client, relations: &[Relation], user: &Me) -> Result<Vec<String>, JobError> {
    let fail = || JobError::database("look for triggers");
    let silent = can_silence(client).await;
    // Row triggers for UPDATE of any of the columns; with replica in force, those that fire all the same.
    let query = "SELECT quote_ident(tgname), 'trigger', tgenabled::text FROM pg_trigger
        WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 16 <> 0
          AND (cardinality(tgattr::int2[]) = 0 OR tgattr::int2[] && $2)
        UNION ALL
        SELECT quote_ident(rulename), 'rule', ev_enabled::text FROM pg_rewrite
        WHERE ev_class = $1 AND ev_type = '2' AND ev_enabled <> 'D'";
    let mut found = Vec::new();
    for relation in relations.iter().filter(|relation| relation.is_swept()) {
        let columns: Vec<i16> = relation.places.iter().map(|place| place.attnum).collect();
        for row in client.query(query, &[&relation.oid, &columns]).await.map_err(fail())? {
            let (name, what): (String, String) =
                (row.try_get(0).map_err(fail())?, row.try_get(1).map_err(fail())?);
            let enabled: String = row.try_get(2).map_err(fail())?;
            match (silent, enabled.as_str()) {
                (true, "O") | (false, "R") => {}
                (true, _) => found.push(format!(
                    "{what} {name} on {} fires for every session: disable it for the time, or say FIRING TRIGGERS",
                    relation.name
                )),
                (false, _) => found.push(format!(
                    "{what} {name} on {} would run for each row: {}or say FIRING TRIGGERS",
                    relation.name,
                    way_out(user)
                )),
            }
        }
    }
    Ok(found)
}

fn way_out(user: &Me) -> String {
    match user.version >= 150_000 {
        true => format!("GRANT SET ON PARAMETER session_replication_role TO {};, ", user.name),
        // Before PostgreSQL 15 that right could not be given.
        false => "disable it for the time, ".to_owned(),
    }
}

/// Materialized views that may hold older values, with the statement that renews each.
pub(super) async fn refreshes(
    client: &Client,
    relations: &[Relation],
) -> Result<Vec<(String, String)>, JobError> {
    let fail = || JobError::database("look at materialized views");
    let mut found = Vec::new();
    for view in relations.iter().filter(|relation| relation.kind == 'm') {
        let query = "SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1 AND indisunique AND indisvalid
            AND indpred IS NULL AND indexprs IS NULL)";
        let row = client.query_one(query, &[&view.oid]).await.map_err(fail())?;
        let how = if row.try_get(0).map_err(fail())? { "CONCURRENTLY " } else { "" };
        let column = view.places.first().map(|place| quoted(&place.name)).unwrap_or_default();
        tracing::debug!(view = view.name, column, "materialized view with encrypted columns");
        found.push((view.name.clone(), format!("REFRESH MATERIALIZED VIEW {how}{}", view.name)));
    }
    Ok(found)
}
