//! EXPLAIN: the plan of a statement, as a new session would get it. Nothing is run.

use std::ops::Range;
use std::time::Duration;

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::Failure;
use super::grammar::In;
use super::run::Context;
use super::show::server;
use super::table::Cell;
use crate::catalog::{ENVIRONMENT_QUERY, Environment};
use crate::database::Database;
use crate::sql::{self, LiveNames, Scope, plan::Plan};

/// How long the server may take to accept a connection.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Nothing is prepared or open in a session that has only just begun.
struct NoNames;

impl LiveNames for NoNames {
    fn protected_statement(&self, _: &str) -> bool {
        false
    }

    fn protected_portal(&self, _: &str) -> bool {
        false
    }
}

/// The lines of the plan. Literals that would be sealed are not repeated in what is said of them.
pub(super) async fn rows(
    context: &Context<'_>,
    statement: &Range<usize>,
    wanted: &In,
) -> Result<Vec<Vec<Cell>>, Failure> {
    let database = context.database(wanted)?;
    let text = context.text.get(statement.clone()).unwrap_or_default();
    let catalog = database.catalog();
    let plan = if sql::screen(&catalog, text.as_bytes()).touches {
        let environment = environment(&database).await?;
        let scope = Scope { catalog: &catalog, environment: &environment, names: &NoNames };
        sql::plan_statement(text, &[], &scope)
    } else {
        // The session does not even parse such a text.
        Plan::Forward
    };
    Ok(plan.describe(text).lines().map(|line| vec![line.into()]).collect())
}

/// What names mean in a new session of the service role under the database's own settings.
async fn environment(database: &Database) -> Result<Environment, Failure> {
    let mut login = database.login().clone();
    login.options("").connect_timeout(TIMEOUT);
    let failed = |error: tokio_postgres::Error| server(database.name(), &error);
    let (client, connection) = login.connect(NoTls).await.map_err(failed)?;
    tokio::spawn(connection);
    let messages = client.simple_query(ENVIRONMENT_QUERY).await.map_err(failed)?;
    let json = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Environment::from_json(json.unwrap_or_default())
        .map_err(|error| Failure::new("58000", format!("the session's settings cannot be read: {error}")))
}
