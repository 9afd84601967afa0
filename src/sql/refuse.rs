//! Refusals: what is not planned, in PostgreSQL's words where it has any.

use std::sync::Arc;

use super::plan::Refusal;
use crate::catalog::EncryptedColumn;

/// Result of a planning step.
pub(super) type Planned<T> = Result<T, Box<Draft>>;

/// A refusal before its position is known in the client's text: a token index stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub sqlstate: &'static str,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    pub token: Option<usize>,
}

impl Draft {
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Box<Draft> {
        Box::new(Draft { sqlstate, message: message.into(), detail: None, hint: None, token: None })
    }

    pub fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Draft> {
        self.hint = Some(hint.into());
        self
    }

    pub fn at(mut self: Box<Self>, token: Option<usize>) -> Box<Draft> {
        self.token = self.token.or(token);
        self
    }

    /// The refusal, with the token's place as PostgreSQL counts it: characters from 1.
    pub fn finish(self, position: impl Fn(usize) -> Option<u32>) -> Arc<Refusal> {
        Arc::new(Refusal {
            sqlstate: self.sqlstate,
            message: self.message,
            detail: self.detail,
            hint: self.hint,
            position: self.token.and_then(position),
        })
    }
}

/// 0A000: a clause that is not planned over encrypted columns.
pub(super) fn unsupported(clause: impl AsRef<str>, hint: impl Into<String>) -> Box<Draft> {
    Draft::new("0A000", format!("{} is not supported by Pyrite", clause.as_ref())).hint(hint)
}

/// 0A000: an encrypted column where its plaintext would be needed.
pub(super) fn column_in(column: &EncryptedColumn, clause: impl AsRef<str>) -> Box<Draft> {
    unsupported(
        format!("encrypted column {} in {}", full_name(column), clause.as_ref()),
        "An encrypted column can be selected, assigned, tested for NULL, and compared by =, <>, IN, \
         = ANY and IS [NOT] DISTINCT FROM with parameters, literals and columns of its key group.",
    )
}

/// 42703, as PostgreSQL words it.
pub(super) fn no_column(name: &str) -> Box<Draft> {
    Draft::new("42703", format!("column \"{name}\" does not exist"))
}

/// 42P01, as PostgreSQL words it.
pub(super) fn no_relation(name: &str) -> Box<Draft> {
    Draft::new("42P01", format!("relation \"{name}\" does not exist"))
}

/// 0A000: syntax that the parser does not know. It may be PostgreSQL's or an error; nobody can tell here.
pub(super) fn syntax(what: &str) -> Box<Draft> {
    Draft::new("0A000", format!("syntax that Pyrite does not know, or a syntax error: {what}")).hint(
        "The statement names an encrypted table, so it must be understood in full to be forwarded: write it in a plainer form.",
    )
}

pub(super) fn full_name(column: &EncryptedColumn) -> String {
    format!("{}.{}.{}", column.schema, column.table, column.name)
}
