//! What applications do while all this happens: writers who remember, and readers who compare.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use crate::connection::{Connection, Failure, Protocol, Value, forgotten};
use crate::fleet::{Fleet, lock};
use crate::ledger::{Change, Key, Ledger, Open, Row, Table};
use crate::random::Random;
use crate::together;

/// Rows that each writer has in each table.
pub const ROWS: i64 = 60;
/// Attempts at a statement that is to be tried again.
pub const ATTEMPTS: u32 = 200;

/// What the tasks share.
pub struct World {
    pub fleet: Arc<Fleet>,
    pub ledger: Mutex<Ledger>,
    pub stop: AtomicBool,
    /// The last rotations come to their end, and no more are begun.
    pub finishing: AtomicBool,
    pub counts: Counts,
    /// What must not have happened.
    pub faults: Mutex<Vec<String>>,
}

/// How much was done.
#[derive(Default)]
pub struct Counts {
    pub writes: AtomicU64,
    pub maybes: AtomicU64,
    pub lookups: AtomicU64,
    pub again: AtomicU64,
    pub duplicates: AtomicU64,
}

impl World {
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Notes a fault, and ends the run: what follows from it says nothing more.
    pub fn fault(&self, what: String) {
        lock(&self.faults).push(what);
        self.stop.store(true, Ordering::SeqCst);
    }
}

pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One writer: owns every `of`th row of each table, and the values that it makes.
pub async fn write(world: Arc<World>, me: i64, of: i64, mut random: Random) {
    let mut made = 0u64;
    let mut connection = None;
    while !world.stopped() {
        let table = *random.pick(&Table::ALL).unwrap_or(&Table::Accounts);
        let key = Key { table, id: random.below(ROWS as usize) as i64 * of + me };
        made += 1;
        if random.chance(30) {
            together::write(&world, &mut connection, &mut random, (me, of), &mut made).await;
            sleep(random.millis(0..4)).await;
            continue;
        }
        let value = value(&world, &mut random, (me, of), table, made);
        let (sql, values, change) = statement(&world, key, value, &mut random);
        let open = lock(&world.ledger).begin(vec![change]);
        let outcome = attempt(&world, &mut connection, &mut random, &sql, &values).await;
        conclude(&world, &mut connection, &mut random, open, outcome).await;
        if random.chance(15) {
            try_duplicate(&world, &mut connection, &mut random, table, me).await;
        }
        sleep(random.millis(0..4)).await;
    }
}

/// A value that the table has not got. One for contacts may be that of an account, so that there is something to join.
pub fn value(world: &World, random: &mut Random, (me, of): (i64, i64), table: Table, made: u64) -> String {
    let fresh = format!("w{me}n{made}");
    if table != Table::Contacts || random.chance(50) {
        return fresh;
    }
    let key = Key { table: Table::Accounts, id: random.below(ROWS as usize) as i64 * of + me };
    let ledger = lock(&world.ledger);
    let account = ledger.row(key).and_then(|seen| seen.what);
    account.map(|row| row.value).filter(|value| ledger.is_new(table, value)).unwrap_or(fresh)
}

/// A write, and what it leaves.
pub fn statement(
    world: &World,
    key: Key,
    value: String,
    random: &mut Random,
) -> (String, Vec<Value>, Change) {
    let Key { table, id } = key;
    let (name, column) = (table.name(), table.value());
    let before = lock(&world.ledger).row(key).and_then(|seen| seen.what);
    let note = random.chance(70).then(|| format!("note {} of {value}", "x".repeat(random.below(300))));
    let note_value = note.clone().map_or(Value::Null, Value::Text);
    let region = table.region(id);
    let Some(before) = before else {
        let row = Row { value: value.clone(), note, revision: 1 };
        let (columns, places) = match region {
            Some(_) => (format!("id, {column}, note, revision, region"), "$1, $2, $3, 1, $4"),
            None => (format!("id, {column}, note, revision"), "$1, $2, $3, 1"),
        };
        let mut values = vec![Value::Int(id), Value::Text(value), note_value];
        values.extend(region.map(Value::Int));
        return (
            format!("INSERT INTO {name} ({columns}) VALUES ({places})"),
            values,
            Change { key, to: Some(row) },
        );
    };
    let revision = before.revision + 1;
    match random.below(10) {
        0 => (format!("DELETE FROM {name} WHERE id = $1"), vec![Value::Int(id)], Change { key, to: None }),
        1..=3 => {
            // By the encrypted value itself.
            let to = Row { value: before.value.clone(), note: note.clone(), revision };
            (
                format!("UPDATE {name} SET note = $1, revision = revision + 1 WHERE {column} = $2"),
                vec![note_value, Value::Text(before.value)],
                Change { key, to: Some(to) },
            )
        }
        4..=6 => {
            let to = Row { value: before.value.clone(), note: note.clone(), revision };
            let (target, more) = match region {
                Some(_) => (format!("region, {column}"), ", region"),
                None => (column.to_owned(), ""),
            };
            let place = if region.is_some() { ", $4" } else { "" };
            let mut values = vec![Value::Int(id), Value::Text(before.value), note_value];
            values.extend(region.map(Value::Int));
            (
                format!(
                    "INSERT INTO {name} (id, {column}, note, revision{more}) VALUES ($1, $2, $3, 1{place})
                     ON CONFLICT ({target}) DO UPDATE SET note = EXCLUDED.note, revision = {name}.revision + 1"
                ),
                values,
                Change { key, to: Some(to) },
            )
        }
        7 => {
            // Leaves the encrypted values where they are.
            let to = Row { revision, ..before };
            (
                format!("UPDATE {name} SET revision = revision + 1 WHERE id = $1"),
                vec![Value::Int(id)],
                Change { key, to: Some(to) },
            )
        }
        _ => {
            let to = Row { value: value.clone(), note: before.note, revision };
            (
                format!("UPDATE {name} SET {column} = $1, revision = revision + 1 WHERE id = $2"),
                vec![Value::Text(value), Value::Int(id)],
                Change { key, to: Some(to) },
            )
        }
    }
}

/// Sends a statement until it is done, refused for good, or lost.
pub async fn attempt(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    sql: &str,
    values: &[Value],
) -> Result<u64, (Failure, String)> {
    for _ in 0..ATTEMPTS {
        if connection.as_ref().is_none_or(Connection::is_closed) {
            *connection = match Connection::open(&world.fleet, random).await {
                Ok(opened) => Some(opened),
                Err(failure) => return Err((failure, String::new())),
            };
        }
        let Some(open) = connection.as_mut() else { continue };
        let protocol = Protocol::any(random);
        match open.run(protocol, sql, values).await {
            Ok(answer) => return Ok(answer.affected),
            Err(failure) if failure.asks_to_try_again() => {
                count(&world.counts.again);
                sleep(random.millis(5..60)).await;
            }
            Err(failure) => {
                let name = open.name.clone();
                if !matches!(failure, Failure::Refused { .. }) {
                    *connection = None;
                }
                return Err((failure, name));
            }
        }
    }
    Err((Failure::Hung, String::new()))
}

/// Writes down what became of a write.
pub async fn conclude(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    open: Open,
    outcome: Result<u64, (Failure, String)>,
) {
    match outcome {
        Ok(n) if n == open.changes.len() as u64 => {
            count(&world.counts.writes);
            lock(&world.ledger).settle(open, true);
        }
        Ok(n) => {
            world.fault(format!("a write affected {n} rows: {open:?}"));
            lock(&world.ledger).settle(open, n > 0);
        }
        Err((Failure::Refused { sqlstate, message, .. }, _)) if is_outage(&sqlstate) => {
            let _ = message;
            lock(&world.ledger).settle(open, false);
        }
        Err((Failure::Lost(why), name)) => {
            count(&world.counts.maybes);
            let happened = find_out(world, connection, random, &open, &name).await;
            match happened {
                Some(happened) => lock(&world.ledger).settle(open, happened),
                None => {
                    world.fault(format!(
                        "what a lost write ({why}) left is neither before nor after: {open:?}"
                    ));
                    lock(&world.ledger).settle(open, false);
                }
            }
        }
        Err((failure, _)) => {
            world.fault(format!("a write failed with {failure:?}: {open:?}"));
            lock(&world.ledger).settle(open, false);
        }
    }
}

/// The server is going, coming, or away; the statement was not executed.
fn is_outage(sqlstate: &str) -> bool {
    matches!(sqlstate, "57P01" | "57P02" | "57P03" | "58000" | "08006" | "08001" | "53300")
}

/// Reads the rows whose write was lost: `Some(true)` if all of it happened, `Some(false)` if nothing did.
async fn find_out(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    open: &Open,
    name: &str,
) -> Option<bool> {
    if let Err(failure) = forgotten(&world.fleet, name).await {
        world.fault(format!("the server does not forget a broken connection: {failure:?}"));
        return Some(false);
    }
    let mut all = None;
    for (change, before) in open.changes.iter().zip(&open.before) {
        let happened = find_out_one(world, connection, random, change, before).await?;
        if all.is_some_and(|all| all != happened) {
            return None;
        }
        all = Some(happened);
    }
    all
}

async fn find_out_one(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    change: &Change,
    before: &Option<Row>,
) -> Option<bool> {
    let Key { table, id } = change.key;
    let sql = format!("SELECT {}, note, revision FROM {} WHERE id = $1", table.value(), table.name());
    for _ in 0..ATTEMPTS {
        if connection.as_ref().is_none_or(Connection::is_closed) {
            *connection = Connection::open(&world.fleet, random).await.ok();
        }
        let Some(reader) = connection.as_mut() else { continue };
        match reader.run(Protocol::Extended, &sql, &[Value::Int(id)]).await {
            Ok(answer) => {
                let found: Vec<Row> = answer.rows.iter().filter_map(|row| read_row(row)).collect();
                let is = |wanted: &Option<Row>| match wanted {
                    Some(row) => found.len() == 1 && found.first() == Some(row),
                    None => found.is_empty(),
                };
                return if is(&change.to) {
                    Some(true)
                } else if is(before) {
                    Some(false)
                } else {
                    None
                };
            }
            Err(_) => {
                *connection = None;
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    None
}

fn read_row(fields: &[Option<String>]) -> Option<Row> {
    let [value, note, revision] = fields else { return None };
    Some(Row { value: value.clone()?, note: note.clone(), revision: revision.as_deref()?.parse().ok()? })
}

/// Writes a value that is there already: the constraint must hold at every instant.
async fn try_duplicate(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    table: Table,
    me: i64,
) {
    let Some((key, seen)) = lock(&world.ledger).any_row(random, table) else { return };
    let (name, column) = (table.name(), table.value());
    // A row that nobody has, so that nothing else refuses it.
    let id = -1 - me;
    let mut values = vec![Value::Int(id), Value::Text(seen.what.value.clone())];
    let more = match table.region(key.id) {
        Some(region) => {
            values.push(Value::Int(region));
            (", region", ", $3")
        }
        None => ("", ""),
    };
    let sql = format!("INSERT INTO {name} (id, {column}, revision{}) VALUES ($1, $2, 0{})", more.0, more.1);
    match attempt(world, connection, random, &sql, &values).await {
        Err((Failure::Refused { sqlstate, constraint, .. }, _)) if sqlstate == "23505" => {
            count(&world.counts.duplicates);
            if lock(&world.ledger).still(key, &seen) && !named(table, constraint.as_deref()) {
                world.fault(format!("a duplicate in {name} is refused by {constraint:?}"));
            }
        }
        Ok(_) if lock(&world.ledger).still(key, &seen) => {
            world.fault(format!("{name} has a value twice: {key:?}"));
        }
        // It was free by then, or may have been written before the connection was lost.
        Ok(_) | Err((Failure::Lost(_), _)) => {
            let sql = format!("DELETE FROM {name} WHERE id = $1");
            for _ in 0..ATTEMPTS {
                if attempt(world, connection, random, &sql, &[Value::Int(id)]).await.is_ok() {
                    return;
                }
            }
        }
        Err(_) => {}
    }
}

/// Whether an error names the table's constraint; a partition has one of its own.
fn named(table: Table, constraint: Option<&str>) -> bool {
    let constraint = constraint.unwrap_or_default();
    constraint == table.constraint() || table == Table::Orders && constraint.starts_with("orders_")
}

/// One reader: whatever is settled must be found, exactly.
pub async fn read(world: Arc<World>, mut random: Random) {
    let mut connection = None;
    while !world.stopped() {
        let table = *random.pick(&Table::ALL).unwrap_or(&Table::Accounts);
        match random.below(5) {
            4 => find_joined(&world, &mut connection, &mut random).await,
            0 => find_absent(&world, &mut connection, &mut random, table).await,
            1 => find_by_id(&world, &mut connection, &mut random, table).await,
            _ => find_value(&world, &mut connection, &mut random, table).await,
        }
        sleep(random.millis(0..3)).await;
    }
}

async fn ask(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    sql: &str,
    values: &[Value],
) -> Option<Vec<Vec<Option<String>>>> {
    if connection.as_ref().is_none_or(Connection::is_closed) {
        *connection = Connection::open(&world.fleet, random).await.ok();
    }
    let reader = connection.as_mut()?;
    match reader.run(Protocol::any(random), sql, values).await {
        Ok(answer) => {
            count(&world.counts.lookups);
            Some(answer.rows)
        }
        Err(Failure::Hung) => {
            world.fault(format!("no answer to {sql}"));
            None
        }
        Err(Failure::Lost(_)) => {
            *connection = None;
            None
        }
        Err(failure @ Failure::Refused { .. }) if failure.asks_to_try_again() => {
            count(&world.counts.again);
            None
        }
        Err(Failure::Refused { sqlstate, .. }) if is_outage(&sqlstate) => None,
        Err(failure) => {
            world.fault(format!("{sql} is refused: {failure:?}"));
            None
        }
    }
}

async fn find_value(world: &World, connection: &mut Option<Connection>, random: &mut Random, table: Table) {
    let Some((key, seen)) = lock(&world.ledger).any_row(random, table) else { return };
    let (name, column) = (table.name(), table.value());
    let condition = match random.below(3) {
        0 => format!("t.{column} = $1"),
        1 => format!("t.{column} IN ($1, 'nobody has this')"),
        _ => format!("EXISTS (SELECT FROM {name} o WHERE o.{column} = t.{column} AND o.{column} = $1)"),
    };
    let sql = format!("SELECT t.{column}, t.note, t.revision FROM {name} t WHERE {condition}");
    let Some(rows) = ask(world, connection, random, &sql, &[Value::Text(seen.what.value.clone())]).await
    else {
        return;
    };
    if lock(&world.ledger).still(key, &seen) {
        let found: Vec<Row> = rows.iter().filter_map(|row| read_row(row)).collect();
        if found != [seen.what.clone()] {
            world.fault(format!("{key:?} is {:?}, and {condition} finds {found:?}", seen.what));
        }
    }
}

/// An account, and the contact that has its value, by a join of the two tables.
async fn find_joined(world: &World, connection: &mut Option<Connection>, random: &mut Random) {
    let Some((key, seen)) = lock(&world.ledger).any_row(random, Table::Accounts) else { return };
    let value = seen.what.value.clone();
    let Some(holder) = lock(&world.ledger).holder(Table::Contacts, &value) else { return };
    let (join, by) = match random.below(3) {
        0 => ("JOIN contacts c ON c.email = a.email WHERE a.id = $1", Value::Int(key.id)),
        1 => (", contacts c WHERE a.email = c.email AND a.email = $1", Value::Text(value.clone())),
        _ => (
            "LEFT JOIN contacts c ON c.email = a.email AND c.id >= 0 WHERE a.email = $1",
            Value::Text(value.clone()),
        ),
    };
    let sql = format!("SELECT c.id, a.note FROM accounts a {join}");
    let Some(rows) = ask(world, connection, random, &sql, &[by]).await else { return };
    let ledger = lock(&world.ledger);
    if ledger.still(key, &seen) && ledger.still_held(Table::Contacts, &value, &holder) {
        // A writer that tries a duplicate has row numbers of its own; an outer join gives a row without a number.
        let found = rows.iter().filter_map(|row| row.first()?.as_deref()).filter(|id| !id.starts_with('-'));
        let found: Vec<String> = found.map(str::to_owned).collect();
        let expected: Vec<String> = holder.what.iter().map(i64::to_string).collect();
        let notes = rows.iter().all(|row| row.get(1) == Some(&seen.what.note));
        if found != expected || !notes {
            drop(ledger);
            world.fault(format!("{key:?}, {value}: {expected:?} expected of {join}, {rows:?} found"));
        }
    }
}

async fn find_by_id(world: &World, connection: &mut Option<Connection>, random: &mut Random, table: Table) {
    let Some((key, seen)) = lock(&world.ledger).any_row(random, table) else { return };
    let sql = format!("SELECT {}, note, revision FROM {} WHERE id = $1", table.value(), table.name());
    let Some(rows) = ask(world, connection, random, &sql, &[Value::Int(key.id)]).await else { return };
    if lock(&world.ledger).still(key, &seen) {
        let found: Vec<Row> = rows.iter().filter_map(|row| read_row(row)).collect();
        if found != [seen.what.clone()] {
            world.fault(format!("{key:?} is {:?}, and reads as {found:?}", seen.what));
        }
    }
}

async fn find_absent(world: &World, connection: &mut Option<Connection>, random: &mut Random, table: Table) {
    let Some((value, seen)) = lock(&world.ledger).any_absent(random, table) else { return };
    let sql = format!("SELECT id FROM {} WHERE {} = $1", table.name(), table.value());
    let Some(rows) = ask(world, connection, random, &sql, &[Value::Text(value.clone())]).await else {
        return;
    };
    if !rows.is_empty() && lock(&world.ledger).still_held(table, &value, &seen) {
        // A writer that tries a duplicate has row numbers of its own.
        let own = rows.iter().all(|row| matches!(row.as_slice(), [Some(id)] if id.starts_with('-')));
        if !own {
            world.fault(format!("{} has {value}, which was deleted: {rows:?}", table.name()));
        }
    }
}
