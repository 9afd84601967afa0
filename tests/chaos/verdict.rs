//! What must be true in the end.

use crate::connection::{Connection, Protocol, Value};
use crate::fleet::lock;
use crate::ledger::{Row, Table};
use crate::rotations::direct;
use crate::workload::World;

/// Compares everything, through each proxy and past them.
pub async fn check(world: &World) {
    world.fleet.wait_until_all_serve();
    for proxy in world.fleet.proxies() {
        for table in Table::ALL {
            through(world, proxy.port(), table).await;
        }
    }
    for table in Table::ALL {
        past(world, table).await;
    }
}

async fn through(world: &World, port: u16, table: Table) {
    let Ok(mut connection) = Connection::to_port(port).await else {
        return world.fault(format!("port {port} does not serve"));
    };
    let (name, column) = (table.name(), table.value());
    let expected = lock(&world.ledger).rows(table);
    let sql = format!("SELECT id, {column}, note, revision FROM {name} WHERE id >= 0");
    let rows = match connection.run(Protocol::Simple, &sql, &[]).await {
        Ok(answer) => answer.rows,
        Err(failure) => return world.fault(format!("{name} cannot be read: {failure:?}")),
    };
    let mut found = std::collections::BTreeMap::new();
    for row in &rows {
        if let [Some(id), Some(value), note, Some(revision)] = row.as_slice() {
            let row = Row {
                value: value.clone(),
                note: note.clone(),
                revision: revision.parse().unwrap_or_default(),
            };
            if found.insert(id.parse::<i64>().unwrap_or_default(), row).is_some() {
                world.fault(format!("{name} has row {id} twice"));
            }
        }
    }
    if found != expected {
        let wrong: Vec<_> = expected.iter().filter(|(id, row)| found.get(id) != Some(row)).take(5).collect();
        world.fault(format!(
            "{name}: {} rows expected, {} found; among the wrong ones: {wrong:?}",
            expected.len(),
            found.len()
        ));
    }
    for row in expected.values() {
        let sql = format!("SELECT count(*) FROM {name} WHERE {column} = $1");
        let answer = connection.run(Protocol::Prepared, &sql, &[Value::Text(row.value.clone())]).await;
        match answer {
            Ok(answer) if answer.rows == [[Some("1".to_owned())]] => {}
            other => return world.fault(format!("{name}: {:?} is not found once: {other:?}", row.value)),
        }
    }
}

/// No value under a retired data key, no term of a retired index key, no value twice by its term; and what keeps it so is
/// there, under its own name.
async fn past(world: &World, table: Table) {
    let (name, column) = (table.name(), table.value());
    let queries = [
        format!(
            "SELECT count(*)::text FROM {name} t, pyrite.keys k
             WHERE k.state IN ('retired', 'destroyed') AND (pyrite.key_id(t.{column}) = k.id OR pyrite.key_id(t.note) = k.id)"
        ),
        format!(
            "SELECT count(*)::text FROM {name} t, pyrite.keys k WHERE k.state = 'retired' AND k.purpose = 'equality'
             AND (substr(t.{column}, 17, 8) = k.id OR get_byte(t.{column}, 7) & 2 <> 0 AND substr(t.{column}, 41, 8) = k.id)"
        ),
        format!(
            "SELECT count(*)::text FROM (SELECT FROM {name} t, pyrite.keys k
             WHERE k.state = 'primary' AND k.purpose = 'equality' AND t.{column} IS NOT NULL
             GROUP BY CASE k.slot WHEN 'a' THEN pyrite.eq(t.{column}) ELSE pyrite.eq_b(t.{column}) END, k.id
             HAVING count(*) > 1) AS twice"
        ),
        "SELECT count(*)::text FROM pyrite.keys WHERE state IN ('active', 'fading')".to_owned(),
        format!(
            "SELECT count(*)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE (i.indrelid = '{name}'::regclass OR i.indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = '{name}'::regclass))
               AND (NOT i.indisvalid OR c.relname LIKE 'pyrite%')"
        ),
    ];
    for query in queries {
        expect(world, 0, &query).await;
    }
    let constraint = table.constraint();
    let holds = "i.indisunique AND i.indisvalid AND i.indisready AND i.indislive";
    let query = format!(
        "SELECT count(*)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = '{name}'::regclass AND c.relname = '{constraint}' AND {holds}"
    );
    expect(world, 1, &query).await;
    if table == Table::Orders {
        let query = format!(
            "SELECT count(*)::text FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid
             WHERE h.inhparent = '{constraint}'::regclass AND {holds}"
        );
        expect(world, 3, &query).await;
    }
}

async fn expect(world: &World, n: u32, query: &str) {
    match direct(&world.fleet, query).await {
        Some(rows) if rows == [[Some(n.to_string())]] => {}
        other => world.fault(format!("{other:?} instead of {n}: {query}")),
    }
}
