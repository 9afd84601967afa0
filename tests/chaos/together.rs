//! Several writes at once: in one transaction, which happens as a whole or not at all, or sent without waiting for
//! the answers in between.

use tokio::time::sleep;

use crate::connection::{Answer, Connection, Failure, Protocol, Value};
use crate::fleet::lock;
use crate::ledger::{Change, Key, Table};
use crate::random::Random;
use crate::workload::{ATTEMPTS, ROWS, World, attempt, conclude, count, statement, value};

type Statement = (String, Vec<Value>);

/// Some of a writer's rows, each of another key and with a value of its own.
pub async fn write(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    writer: (i64, i64),
    made: &mut u64,
) {
    let (me, of) = writer;
    let mut writes: Vec<(Statement, Change)> = Vec::new();
    for _ in 0..2 + random.below(3) {
        let table = *random.pick(&Table::ALL).unwrap_or(&Table::Accounts);
        let key = Key { table, id: random.below(ROWS as usize) as i64 * of + me };
        *made += 1;
        let value = value(world, random, writer, table, *made);
        let (sql, values, change) = statement(world, key, value, random);
        let same = |other: &Change| {
            other.key == key || table == other.key.table && value_of(other) == value_of(&change)
        };
        if !writes.iter().any(|(_, other)| same(other)) {
            writes.push(((sql, values), change));
        }
    }
    let (statements, changes): (Vec<Statement>, Vec<Change>) = writes.into_iter().unzip();
    if random.chance(50) {
        let open = lock(&world.ledger).begin(changes);
        let outcome = transact(world, connection, random, &statements).await;
        conclude(world, connection, random, open, outcome).await;
    } else {
        pipeline(world, connection, random, &statements, changes).await;
    }
}

fn value_of(change: &Change) -> Option<&str> {
    change.to.as_ref().map(|row| row.value.as_str())
}

/// Statements in one transaction, until it is committed, refused for good, or lost.
async fn transact(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    statements: &[Statement],
) -> Result<u64, (Failure, String)> {
    for _ in 0..ATTEMPTS {
        if connection.as_ref().is_none_or(Connection::is_closed) {
            *connection = match Connection::open(&world.fleet, random).await {
                Ok(opened) => Some(opened),
                Err(failure) => return Err((failure, String::new())),
            };
        }
        let Some(open) = connection.as_mut() else { continue };
        let (protocol, at_once) = (Protocol::any(random), random.chance(50));
        let outcome = match at_once {
            true => all_at_once(open, protocol, statements).await,
            false => one_by_one(open, protocol, statements).await,
        };
        let failure = match outcome {
            Ok(affected) => return Ok(affected),
            Err(failure) => failure,
        };
        let name = open.name.clone();
        if !matches!(failure, Failure::Refused { .. })
            || open.run(Protocol::Simple, "ROLLBACK", &[]).await.is_err()
        {
            *connection = None;
        }
        if !failure.asks_to_try_again() {
            return Err((failure, name));
        }
        count(&world.counts.again);
        sleep(random.millis(5..60)).await;
    }
    Err((Failure::Hung, String::new()))
}

async fn one_by_one(
    open: &mut Connection,
    protocol: Protocol,
    statements: &[Statement],
) -> Result<u64, Failure> {
    open.run(Protocol::Simple, "BEGIN", &[]).await?;
    let mut answers = Vec::new();
    for (sql, values) in statements {
        answers.push(open.run(protocol, sql, values).await?);
    }
    open.run(Protocol::Simple, "COMMIT", &[]).await?;
    Ok(affected(&answers))
}

/// The server answers the COMMIT of a transaction that has failed with success, and undoes it: so it counts whether any
/// of them was refused.
async fn all_at_once(
    open: &mut Connection,
    protocol: Protocol,
    statements: &[Statement],
) -> Result<u64, Failure> {
    let plain = |text: &str| (text.to_owned(), Vec::new());
    let mut all = vec![plain("BEGIN")];
    all.extend(statements.iter().cloned());
    all.push(plain("COMMIT"));
    let mut answers = open.run_all(protocol, &all).await?;
    let refused = answers.iter().position(|answer| matches!(answer, Err(Failure::Refused { .. })));
    if let Some(at) = refused {
        return Err(answers.swap_remove(at).err().unwrap_or(Failure::Hung));
    }
    let answers = answers.into_iter().collect::<Result<Vec<Answer>, Failure>>()?;
    Ok(affected(answers.get(1..answers.len() - 1).unwrap_or_default()))
}

/// How many rows, if each statement affected one; a number that none expects otherwise.
fn affected(answers: &[Answer]) -> u64 {
    if answers.iter().all(|answer| answer.affected == 1) { answers.len() as u64 } else { u64::MAX }
}

/// Writes that have nothing to do with one another, each sent before the one in front of it is answered.
async fn pipeline(
    world: &World,
    connection: &mut Option<Connection>,
    random: &mut Random,
    statements: &[Statement],
    changes: Vec<Change>,
) {
    let mut opens: Vec<_> =
        changes.into_iter().map(|change| lock(&world.ledger).begin(vec![change])).collect();
    if connection.as_ref().is_none_or(Connection::is_closed) {
        *connection = Connection::open(&world.fleet, random).await.ok();
    }
    let (name, outcomes) = match connection.as_mut() {
        None => (String::new(), Err(Failure::Hung)),
        Some(open) => (open.name.clone(), open.run_all(Protocol::any(random), statements).await),
    };
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(failure) => statements.iter().map(|_| Err(failure.clone())).collect(),
    };
    if outcomes
        .iter()
        .any(|outcome| matches!(outcome, Err(failure) if !matches!(failure, Failure::Refused { .. })))
    {
        *connection = None;
    }
    for ((outcome, open), (sql, values)) in outcomes.into_iter().zip(opens.drain(..)).zip(statements) {
        let outcome = match outcome {
            Ok(answer) => Ok(answer.affected),
            // That one was not executed; now it is, alone.
            Err(failure) if failure.asks_to_try_again() => {
                count(&world.counts.again);
                attempt(world, connection, random, sql, values).await
            }
            Err(failure) => Err((failure, name.clone())),
        };
        conclude(world, connection, random, open, outcome).await;
    }
}
