//! The console's answers to requests of both protocols, through pgwire's handlers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::{Sink, SinkExt as _};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{FieldInfo, Response, Tag};
use pgwire::api::stmt::QueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{NoticeResponse, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;

use super::chatter::{Chatter, Question};
use super::failure::{Failure, clean};
use super::grammar::{Command, Parsed, parse};
use super::run::{Answer, Context};
use super::table::{Cell, Column, Kind, Table, fields};
use super::{Console, SERVER_VERSION};
use crate::config::CONSOLE;
use crate::session::{Count, Visitor};

/// A statement that was parsed by message.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    text: Arc<str>,
    parsed: Arc<Parsed>,
}

/// Answers one session.
pub(super) struct Handler {
    pub console: Arc<Console>,
    pub visitor: Arc<Visitor>,
    /// Settings that the client chose.
    settings: Mutex<BTreeMap<&'static str, String>>,
}

impl Handler {
    pub fn new(console: Arc<Console>, visitor: Arc<Visitor>) -> Self {
        let settings = BTreeMap::from([("application_name", visitor.application.clone())]);
        Self { console, visitor, settings: Mutex::new(settings) }
    }

    /// The value of a setting.
    pub fn setting(&self, name: &'static str) -> String {
        let chosen = self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        chosen.unwrap_or_else(|| match name {
            "server_version" => SERVER_VERSION.to_owned(),
            "session_authorization" => self.visitor.role.clone(),
            _ => {
                let known = super::chatter::SETTINGS.iter().find(|(known, _)| *known == name);
                known.map_or_else(String::new, |(_, value)| (*value).to_owned())
            }
        })
    }

    fn choose(&self, name: &'static str, value: &str) {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).insert(name, value.to_owned());
    }

    /// Runs one command, and says by messages of their own what does not fit into its answer.
    async fn run<C>(
        &self,
        client: &mut C,
        text: &str,
        parsed: &Parsed,
        format: &Format,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = client.transaction_status();
        self.visitor.seat.count(Count::Forwarded, 1);
        if let Err(failure) = permitted(&parsed.command, status) {
            return Err(failure.at(parsed.at).to_error(text));
        }
        let Command::Chatter(chatter) = &parsed.command else {
            let context = Context { console: &self.console, visitor: &self.visitor, text };
            let outcome = context.run(&parsed.command).await.map_err(|failure| failure.to_error(text))?;
            for notice in &outcome.notices {
                client.feed(PgWireBackendMessage::NoticeResponse(notice_of(notice))).await?;
            }
            let Answer { table, tag } = outcome.answer;
            return Ok(Response::Query(table.into_response(tag, format)?));
        };
        match chatter {
            Chatter::Begin => Ok(Response::TransactionStart(Tag::new("BEGIN"))),
            // What a failed block did not do is not done by COMMIT.
            Chatter::Commit if status != TransactionStatus::Error => {
                Ok(Response::TransactionEnd(Tag::new("COMMIT")))
            }
            Chatter::Commit | Chatter::Rollback => Ok(Response::TransactionEnd(Tag::new("ROLLBACK"))),
            Chatter::Nothing(tag) => Ok(Response::Execution(Tag::new(tag))),
            Chatter::Set(name, value) => {
                if *name == "application_name" {
                    self.choose(name, value);
                    let status = ParameterStatus::new((*name).to_owned(), clean(value));
                    client.feed(PgWireBackendMessage::ParameterStatus(status)).await?;
                }
                Ok(Response::Execution(Tag::new("SET")))
            }
            Chatter::Setting(_) | Chatter::Settings | Chatter::Select(_) => {
                let tag = if matches!(chatter, Chatter::Select(_)) { "SELECT" } else { "SHOW" };
                Ok(Response::Query(self.answer(chatter).into_response(tag, format)?))
            }
        }
    }

    fn answer(&self, chatter: &Chatter) -> Table {
        let columns = chatter_columns(chatter).unwrap_or_default();
        let rows = match chatter {
            Chatter::Setting(name) => vec![vec![self.setting(name).into()]],
            Chatter::Settings => super::chatter::SETTINGS
                .iter()
                .map(|(name, _)| vec![Cell::from(*name), self.setting(name).into()])
                .collect(),
            Chatter::Select(items) => {
                vec![items.iter().map(|(_, question)| self.reply(question)).collect()]
            }
            _ => Vec::new(),
        };
        Table { columns, rows }
    }

    fn reply(&self, question: &Question) -> Cell {
        match question {
            Question::Number(number) => Cell::Int(*number),
            Question::Text(text) => text.as_str().into(),
            Question::Version => format!("PostgreSQL {SERVER_VERSION}, admin console").into(),
            Question::Database => CONSOLE.into(),
            Question::User => self.visitor.role.as_str().into(),
            Question::Null => Cell::Null,
            Question::False => Cell::Bool(false),
            Question::Now => std::time::SystemTime::now().into(),
            Question::Setting(name) => self.setting(name).into(),
        }
    }
}

/// Whether a command may run in this state of the transaction block.
fn permitted(command: &Command, status: TransactionStatus) -> Result<(), Failure> {
    match (status, command) {
        (_, Command::Chatter(Chatter::Commit | Chatter::Rollback)) => Ok(()),
        (TransactionStatus::Error, _) => {
            let message = "current transaction is aborted, commands ignored until end of transaction block";
            Err(Failure::new("25P02", message).hint("End it with ROLLBACK."))
        }
        (TransactionStatus::Transaction, command) if command.acts() => {
            let message = "a command that changes something cannot run inside a transaction block";
            Err(Failure::new("25001", message)
                .hint("It could not be rolled back. Switch the connection to autocommit."))
        }
        _ => Ok(()),
    }
}

fn notice_of(text: &str) -> NoticeResponse {
    let field = |kind, text: &str| (kind, clean(text));
    NoticeResponse::new(vec![
        field(b'S', "NOTICE"),
        field(b'V', "NOTICE"),
        field(b'C', "00000"),
        field(b'M', text),
    ])
}

/// The columns of an answer; `None` if there are no rows.
fn columns(command: &Command) -> Option<Vec<Column>> {
    match command {
        Command::Chatter(chatter) => chatter_columns(chatter),
        other => super::run::columns(other),
    }
}

fn chatter_columns(chatter: &Chatter) -> Option<Vec<Column>> {
    let text = |name: &str| Column { name: name.to_owned().into(), kind: Kind::Text };
    Some(match chatter {
        Chatter::Setting(name) => vec![text(name)],
        Chatter::Settings => vec![text("name"), text("setting")],
        Chatter::Select(items) => {
            let kind = |question: &Question| match question {
                Question::Number(_) => Kind::Int,
                Question::False => Kind::Bool,
                Question::Now => Kind::Time,
                _ => Kind::Text,
            };
            let column = |(name, question): &(String, Question)| Column {
                name: name.clone().into(),
                kind: kind(question),
            };
            items.iter().map(column).collect()
        }
        _ => return None,
    })
}

#[async_trait]
impl SimpleQueryHandler for Handler {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let commands = parse(query).map_err(|failure| failure.to_error(query))?;
        if commands.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let before = client.transaction_status();
        let mut responses = Vec::with_capacity(commands.len());
        for parsed in &commands {
            match self.run(client, query, parsed, &Format::UnifiedText).await {
                Ok(response) => {
                    // Those behind it are run before pgwire has seen this one's end.
                    match response {
                        Response::TransactionStart(_) => {
                            client.set_transaction_status(TransactionStatus::Transaction)
                        }
                        Response::TransactionEnd(_) => client.set_transaction_status(TransactionStatus::Idle),
                        _ => {}
                    }
                    responses.push(response);
                }
                Err(error) => {
                    self.visitor.seat.count(Count::Errors, 1);
                    responses.push(Response::Error(Box::new(error.into())));
                    break;
                }
            }
        }
        client.set_transaction_status(before);
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handler {
    type Statement = Prepared;
    type QueryParser = Parser;

    fn query_parser(&self) -> Arc<Parser> {
        Arc::new(Parser)
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Prepared>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let Prepared { text, parsed } = &portal.statement.statement;
        self.run(client, text, parsed, &portal.result_column_format).await
    }
}

/// Reads statements of Parse messages.
pub(super) struct Parser;

impl Prepared {
    /// How many columns its answer has; `None`: no rows.
    pub fn width(&self) -> Option<usize> {
        columns(&self.parsed.command).map(|columns| columns.len())
    }
}

#[async_trait]
impl QueryParser for Parser {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, _: &C, sql: &str, _: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut commands = parse(sql).map_err(|failure| failure.to_error(sql))?;
        let second = commands.get(1).map(|second| second.at);
        if let Some(at) = second {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(Failure::syntax(message).hint("Send them one by one.").at(at).to_error(sql));
        }
        let parsed = commands.pop();
        Ok(parsed.map(|parsed| Prepared { text: sql.into(), parsed: Arc::new(parsed) }))
    }

    fn get_parameter_types(&self, _: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(Vec::new())
    }

    fn get_result_schema(
        &self,
        statement: &Prepared,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        let columns = columns(&statement.parsed.command).unwrap_or_default();
        Ok(fields(&columns, format.unwrap_or(&Format::UnifiedText)))
    }
}
