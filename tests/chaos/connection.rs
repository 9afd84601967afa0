//! Connections as applications have them: to any proxy that serves, given up when they break.

use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use tokio::time::{sleep, timeout};
use tokio_postgres::error::Severity;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, Statement};

use crate::fleet::{DATABASE, Fleet};
use crate::random::Random;

/// No statement may take longer, whatever was killed: a session is told, or its connection ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take until a proxy serves again.
const OUTAGE: Duration = Duration::from_secs(90);

/// A parameter.
#[derive(Clone, Debug)]
pub enum Value {
    Int(i64),
    Text(String),
    Null,
}

impl Value {
    fn literal(&self) -> String {
        match self {
            Value::Int(number) => number.to_string(),
            // None of our values has a quote or a backslash in it.
            Value::Text(text) => format!("'{text}'"),
            Value::Null => "NULL".to_owned(),
        }
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Int(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
            Value::Null => Ok(tokio_postgres::types::IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// Why a statement gave no result.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server or the proxy said no; nothing of it happened.
    Refused { sqlstate: String, message: String, constraint: Option<String> },
    /// The connection ended before an answer: it may have happened.
    Lost(String),
    /// No answer at all.
    Hung,
}

impl Failure {
    fn of(error: &tokio_postgres::Error) -> Failure {
        match error.as_db_error() {
            Some(said) if said.parsed_severity() == Some(Severity::Error) => Failure::Refused {
                sqlstate: said.code().code().to_owned(),
                message: said.message().to_owned(),
                constraint: said.constraint().map(str::to_owned),
            },
            Some(said) => Failure::Lost(said.to_string()),
            None => Failure::Lost(error.to_string()),
        }
    }

    /// An application that gets this tries again, with the same statement.
    pub fn asks_to_try_again(&self) -> bool {
        matches!(self, Failure::Refused { sqlstate, .. } if TRY_AGAIN.contains(&sqlstate.as_str()))
    }
}

/// Serialization failure; deadlock; a proxy that could not confirm its keys in time.
const TRY_AGAIN: &[&str] = &["40001", "40P01", "55000"];

/// How a statement is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Literals in the text.
    Simple,
    /// Parsed for this one execution.
    Extended,
    /// Parsed once, and executed again and again while keys change.
    Prepared,
}

impl Protocol {
    /// Any.
    pub fn any(random: &mut Random) -> Protocol {
        [Protocol::Simple, Protocol::Extended, Protocol::Prepared][random.below(3)]
    }
}

/// A result: the fields of each row as text, and how many rows were affected.
#[derive(Debug, Default)]
pub struct Answer {
    pub rows: Vec<Vec<Option<String>>>,
    pub affected: u64,
}

/// A connection through a proxy.
pub struct Connection {
    client: Client,
    /// Its name in `pg_stat_activity`, unlike any other's.
    pub name: String,
    prepared: std::collections::HashMap<String, Statement>,
}

impl Connection {
    /// Connects to one of the proxies, as soon as one serves.
    pub async fn open(fleet: &Fleet, random: &mut Random) -> Result<Connection, Failure> {
        let since = Instant::now();
        loop {
            let proxy = random.below(fleet.proxies().len());
            let name = format!("w{:016x}", random.next());
            let port = fleet.proxies().get(proxy).map_or(0, |proxy| proxy.port());
            if let Ok(Ok(client)) = timeout(Duration::from_secs(10), connect(port, &name)).await {
                return Ok(Connection { client, name, prepared: Default::default() });
            }
            if since.elapsed() > OUTAGE {
                return Err(Failure::Hung);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Connects to a port, with one attempt.
    pub async fn to_port(port: u16) -> Result<Connection, tokio_postgres::Error> {
        let client = connect(port, "check").await?;
        Ok(Connection { client, name: "check".to_owned(), prepared: Default::default() })
    }

    /// Runs one statement.
    pub async fn run(&mut self, protocol: Protocol, sql: &str, values: &[Value]) -> Result<Answer, Failure> {
        match timeout(PATIENCE, self.send(protocol, sql, values)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if self.client.is_closed() => Err(match Failure::of(&error) {
                // Refused, and the connection ended behind that: so it did not happen.
                refused @ Failure::Refused { .. } => refused,
                other => other,
            }),
            Ok(Err(error)) => Err(Failure::of(&error)),
            Err(_) => Err(Failure::Hung),
        }
    }

    /// Whether it can be used no more.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    async fn send(
        &mut self,
        protocol: Protocol,
        sql: &str,
        values: &[Value],
    ) -> Result<Answer, tokio_postgres::Error> {
        if protocol == Protocol::Simple || values.is_empty() {
            return self.simple(sql, values).await;
        }
        let statement = match self.prepared.get(sql).filter(|_| protocol == Protocol::Prepared) {
            Some(known) => known.clone(),
            None => self.client.prepare(sql).await?,
        };
        if protocol == Protocol::Prepared {
            self.prepared.insert(sql.to_owned(), statement.clone());
        }
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        if statement.columns().is_empty() {
            return Ok(Answer {
                affected: self.client.execute(&statement, &values).await?,
                rows: Vec::new(),
            });
        }
        let rows = self.client.query(&statement, &values).await?;
        let rows = rows.iter().map(texts).collect::<Result<Vec<_>, _>>()?;
        Ok(Answer { affected: rows.len() as u64, rows })
    }

    /// Runs statements without waiting for the answers in between: each sent before the one in front of it is
    /// answered. An error: none was sent.
    pub async fn run_all(
        &mut self,
        protocol: Protocol,
        statements: &[(String, Vec<Value>)],
    ) -> Result<Vec<Result<Answer, Failure>>, Failure> {
        let prepare = |(sql, values): &(String, Vec<Value>)| {
            let (client, sql) = (&self.client, sql.clone());
            let wanted = protocol != Protocol::Simple && !values.is_empty();
            async move { if wanted { client.prepare(&sql).await.map(Some) } else { Ok(None) } }
        };
        let prepared = timeout(PATIENCE, try_join_all(statements.iter().map(prepare))).await;
        let prepared = prepared.map_err(|_| Failure::Hung)?.map_err(|error| Failure::of(&error))?;
        let this = &*self;
        let run = statements.iter().zip(&prepared).map(|((sql, values), prepared)| async move {
            match prepared {
                None => this.simple(sql, values).await,
                Some(statement) => {
                    let values: Vec<&(dyn ToSql + Sync)> =
                        values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                    let affected = this.client.execute(statement, &values).await?;
                    Ok(Answer { affected, rows: Vec::new() })
                }
            }
        });
        match timeout(PATIENCE, join_all(run)).await {
            Ok(answers) => {
                Ok(answers.into_iter().map(|answer| answer.map_err(|error| Failure::of(&error))).collect())
            }
            Err(_) => Ok(statements.iter().map(|_| Err(Failure::Hung)).collect()),
        }
    }

    async fn simple(&self, sql: &str, values: &[Value]) -> Result<Answer, tokio_postgres::Error> {
        let mut text = sql.to_owned();
        // From the last one on, so that $1 is not found in $10.
        for (at, value) in values.iter().enumerate().rev() {
            text = text.replace(&format!("${}", at + 1), &value.literal());
        }
        let mut answer = Answer::default();
        for message in self.client.simple_query(&text).await? {
            match message {
                SimpleQueryMessage::Row(row) => {
                    answer.rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::CommandComplete(count) => answer.affected = count,
                _ => {}
            }
        }
        Ok(answer)
    }
}

/// The fields of a row as text; integers come in binary.
fn texts(row: &tokio_postgres::Row) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
    let field = |(at, column): (usize, &tokio_postgres::Column)| match *column.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(at).map(|value| value.map(|number| number.to_string())),
        Type::INT4 => row.try_get::<_, Option<i32>>(at).map(|value| value.map(|number| number.to_string())),
        _ => row.try_get::<_, Option<String>>(at),
    };
    row.columns().iter().enumerate().map(field).collect()
}

async fn connect(port: u16, name: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname(DATABASE).application_name(name);
    config.connect_timeout(Duration::from_secs(5));
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Waits until the server knows nothing more of a broken connection, so that what it left undone stays undone.
pub async fn forgotten(fleet: &Fleet, name: &str) -> Result<(), Failure> {
    let since = Instant::now();
    while since.elapsed() < OUTAGE {
        if let Ok(mut direct) = Connection::to_port(fleet.server_port()).await {
            let sql = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = $1";
            let answer = direct.run(Protocol::Simple, sql, &[Value::Text(name.to_owned())]).await;
            if answer.is_ok_and(|answer| answer.rows == [[Some("0".to_owned())]]) {
                return Ok(());
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    Err(Failure::Hung)
}
