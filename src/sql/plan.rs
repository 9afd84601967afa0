//! The plan of one statement: what is sent, what happens to each parameter and literal, what each output is.

use std::sync::Arc;

pub use super::shape::{Field, Json, Shape};
use crate::catalog::EncryptedColumn;
use crate::evaluate::Formula;
use crate::value::{Collation, Type};

pub use super::refinement::{RefinedPart, Refinement, UNSEEN};

/// The planner's answer for one statement. Immutable; cached by statement text and catalog version.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Touches nothing encrypted: goes as it came.
    Forward,
    /// Touches encrypted columns, and is planned.
    Rewrite(Arc<Rewrite>),
    /// Is not forwarded.
    Refuse(Arc<Refusal>),
}

/// An error of ours in place of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE, five characters.
    pub sqlstate: &'static str,
    /// Primary message; never holds a value.
    pub message: String,
    /// DETAIL, if any.
    pub detail: Option<String>,
    /// The way out.
    pub hint: Option<String>,
    /// Position in the client's text, in characters from 1, as in PostgreSQL's field `P`.
    pub position: Option<u32>,
}

/// A planned statement over encrypted columns.
#[derive(Debug)]
pub struct Rewrite {
    /// The new text, in order.
    pub pieces: Vec<Piece>,
    /// Values to be sealed, in order of first appearance.
    pub slots: Vec<Slot>,
    /// One per client parameter `$1..$n`.
    pub params: Vec<Param>,
    /// One per output column; empty if the statement returns no rows.
    pub outputs: Vec<Output>,
    /// Command tag to show instead of the server's, where the statement went inside a `DO` block of ours
    /// (CREATE TABLE with its indexes). CONTEXT lines of that block are removed from errors and notices.
    pub command_tag: Option<&'static str>,
    /// Predicates that the proxy decides on.
    pub refinements: Vec<Refinement>,
    /// What only some statements have.
    pub special: Special,
}

/// What only some statements have.
#[derive(Clone, Debug, Default)]
pub struct Special {
    /// Data of a COPY that is transformed on its way.
    pub copy: Option<Arc<CopyPlan>>,
    /// A name that it makes or removes when it has run.
    pub naming: Option<Naming>,
    /// Its rows come in binary format even in the simple protocol.
    pub binary: bool,
}

/// What a statement does to the names of statements and cursors. `None` for a name: all of them.
#[derive(Clone, Debug)]
pub enum Naming {
    /// PREPARE; nothing for a statement that touches nothing encrypted.
    Prepare(String, Option<Arc<Prepared>>),
    /// DEALLOCATE
    Deallocate(Option<String>),
    /// DECLARE
    Declare {
        /// The cursor's name.
        name: String,
        /// What it gives, if that is encrypted.
        cursor: Option<Arc<Cursor>>,
        /// It outlives its transaction.
        hold: bool,
    },
    /// CLOSE
    Close(Option<String>),
    /// DISCARD ALL
    Discard,
}

/// A statement that PREPARE names.
pub struct Prepared {
    /// The client's text of it; ranges of `rewrite` are in it. It may hold values.
    pub text: String,
    /// Declared types of its parameters.
    pub types: Vec<u32>,
    /// Its plan.
    pub rewrite: Arc<Rewrite>,
}

/// The text may hold values.
impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({} bytes)", self.text.len())
    }
}

/// A cursor over encrypted columns.
#[derive(Debug)]
pub struct Cursor {
    /// One per output column.
    pub outputs: Vec<Output>,
    /// It was declared BINARY.
    pub binary: bool,
}

impl Special {
    /// Whether values are sealed when it runs, other than those of slots.
    pub fn seals(&self) -> bool {
        self.copy.as_ref().is_some_and(|copy| copy.direction == CopyDirection::FromClient)
    }
}

/// A COPY with encrypted columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyPlan {
    /// Where its data goes.
    pub direction: CopyDirection,
    /// The table's name; empty for a query.
    pub table: String,
    /// How the data is written.
    pub format: CopyFormat,
    /// The first line must hold the columns' names.
    pub header_match: bool,
    /// The columns in order.
    pub columns: Vec<CopyColumn>,
}

/// Where the data of a COPY goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyDirection {
    /// COPY … FROM STDIN
    FromClient,
    /// COPY … TO STDOUT
    ToClient,
}

/// The formats of COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyLayout {
    /// `FORMAT text`
    Text,
    /// `FORMAT csv`
    Csv,
    /// `FORMAT binary`
    Binary,
}

/// What the options of a COPY say of its data, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFormat {
    /// `FORMAT`
    pub layout: CopyLayout,
    /// `DELIMITER`
    pub delimiter: u8,
    /// `QUOTE`
    pub quote: u8,
    /// `ESCAPE`
    pub escape: u8,
    /// `NULL`
    pub null: String,
    /// `DEFAULT`
    pub default: Option<String>,
    /// `HEADER`
    pub header: bool,
}

/// A column of a COPY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyColumn {
    /// Its name.
    pub name: String,
    /// Type OID of a table's column.
    pub type_oid: u32,
    /// What it holds: [`Output::Open`] for an envelope.
    pub value: Output,
    /// `FORCE_QUOTE` holds for it.
    pub force_quote: bool,
    /// `FORCE_NOT_NULL` holds for it.
    pub force_not_null: bool,
    /// `FORCE_NULL` holds for it.
    pub force_null: bool,
}

/// The plan of a simple query's whole text.
#[derive(Clone, Debug)]
pub enum Script {
    /// No statement touches anything encrypted.
    Forward,
    /// At least one is rewritten or refused.
    Rewrite(Arc<ScriptRewrite>),
}

/// A simple query's text with each statement planned.
#[derive(Debug)]
pub struct ScriptRewrite {
    /// The new text, in order; ranges are into the whole client text.
    pub pieces: Vec<Piece>,
    /// Values to be sealed, over all statements.
    pub slots: Vec<Slot>,
    /// One per non-empty statement, in order.
    pub statements: Vec<ScriptStatement>,
    /// Predicates that the proxy decides on, over all statements.
    pub refinements: Vec<Refinement>,
}

/// What to expect of one statement of a script.
#[derive(Clone, Debug)]
pub struct ScriptStatement {
    /// Which of [`ScriptRewrite::pieces`] are this statement's, so that it can be replaced by itself.
    pub pieces: std::ops::Range<usize>,
    /// One per output column; empty where nothing is to be opened.
    pub outputs: Vec<Output>,
    /// As in [`Rewrite::command_tag`].
    pub command_tag: Option<&'static str>,
    /// As in [`Rewrite::special`].
    pub special: Special,
    /// The statement was replaced by [`REFUSED_TEXT`]; this error goes over the server's 42703.
    pub refusal: Option<Arc<Refusal>>,
}

/// Sent in place of a refused statement. It parses and is sure to fail in analysis with 42703 (in an
/// aborted transaction block with 25P02, which is passed on), so that a refusal has exactly the effect of
/// a server error.
pub const REFUSED_TEXT: &str = "SELECT refused_by_pyrite";

/// A part of the rewritten text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The client's bytes `start..end`, unchanged.
    Source(std::ops::Range<usize>),
    /// Text of ours, free of values.
    Text(String),
    /// The slot with this index: a literal in the simple protocol, a placeholder in the extended one.
    Slot(usize),
}

/// One value that the proxy seals, in one role.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Where it comes from.
    pub source: Source,
    /// The type that it has before casts: announced, or that of a typed literal. `None`: unknown, read as
    /// the first cast's type, or else the column's.
    pub source_type: Option<Type>,
    /// Explicit casts in the statement, innermost first.
    pub casts: Vec<Type>,
    /// What it becomes.
    pub role: Role,
    /// Number of the server's parameter (from 1) that carries it in the extended protocol. 0: it is written into the
    /// text, of a simple query or of a statement that takes no parameters.
    pub server_param: u16,
}

/// Where a slot's value comes from.
#[derive(Clone)]
pub enum Source {
    /// The client's parameter with this index, from 0.
    Param(usize),
    /// A literal of the statement, in text form, escapes resolved.
    Literal(zeroize::Zeroizing<String>),
    /// The values that a refinement found.
    Candidates,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Param(n) => write!(f, "Param({n})"),
            Source::Literal(text) => write!(f, "Literal({} bytes)", text.len()),
            Source::Candidates => f.write_str("Candidates"),
        }
    }
}

/// What becomes of a slot's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// An envelope to be stored in this column. Server type `bytea`.
    Store(Arc<EncryptedColumn>),
    /// The equality term of a value compared with this column. Server type `bytea`.
    Equality(Arc<EncryptedColumn>),
    /// An array whose elements become equality terms (`= ANY($1)`). Server type `bytea[]`.
    EqualityArray(Arc<EncryptedColumn>),
    /// An array whose elements become envelopes (`unnest($1)` on its way into this column). Server type `bytea[]`.
    StoreArray(Arc<EncryptedColumn>),
    /// The whole order term of a value compared with this column. Server type `bytea`.
    OrderWhole(Arc<EncryptedColumn>),
    /// The bounded beginning of that term, which an index holds. Server type `bytea`.
    OrderHead(Arc<EncryptedColumn>),
    /// An array whose elements become whole order terms (`< ANY($1)`). Server type `bytea[]`.
    OrderArray(Arc<EncryptedColumn>),
    /// The caseless term of a value compared with this column: what differs only in case has the same. Server type
    /// `bytea`.
    Caseless(Arc<EncryptedColumn>),
    /// What came of the refinement with this index, over this column.
    Refined(Arc<EncryptedColumn>, usize, RefinedPart),
}

impl Role {
    /// The column whose keys serve.
    pub fn column(&self) -> &Arc<EncryptedColumn> {
        match self {
            Role::Store(column)
            | Role::Equality(column)
            | Role::EqualityArray(column)
            | Role::StoreArray(column)
            | Role::OrderWhole(column)
            | Role::OrderHead(column)
            | Role::OrderArray(column)
            | Role::Caseless(column)
            | Role::Refined(column, ..) => column,
        }
    }

    /// Whether the value is an array.
    pub fn is_array(&self) -> bool {
        match self {
            Role::EqualityArray(_) | Role::StoreArray(_) | Role::OrderArray(_) => true,
            Role::Refined(_, _, part) => *part != RefinedPart::OnNull,
            _ => false,
        }
    }
}

/// A client parameter in a rewritten statement.
#[derive(Clone, Debug)]
pub struct Param {
    /// OID to show in ParameterDescription; `None`: as the server says (a plain parameter).
    pub type_oid: Option<u32>,
    /// OID that the client announced in Parse, 0 if none.
    pub announced: u32,
    /// Index of the slots that take its value. Empty: plain, sent as it came in place, unless it is hidden.
    pub slots: Vec<usize>,
    /// Used in formulas alone: the server gets NULL in its place, of type `text`.
    pub hidden: bool,
}

/// An output column of a rewritten statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// As the server sends it.
    Plain,
    /// An envelope of this column: opened, then cast.
    Open {
        /// The column whose type and keys it has.
        column: Arc<EncryptedColumn>,
        /// Casts at the output, innermost first, done by the proxy.
        casts: Vec<Type>,
        /// Table OID and attribute number that RowDescription must show, if it is a direct column.
        origin: Option<(u32, i16)>,
        /// What to show the client there instead, where another expression stands for a direct column.
        shown: Option<(u32, i16)>,
    },
    /// A value with envelopes inside it: each is opened in its place.
    Nested {
        /// Where they are.
        shape: Shape,
        /// It is shown in the text format of its type, as a value of type text.
        as_text: bool,
        /// Type OID and modifier that RowDescription must show; `None`: the server's.
        shown: Option<(u32, i32)>,
    },
    /// Computed by the proxy. The server sends the only input by itself, several as a record.
    Computed(Arc<Computation>),
}

impl Output {
    /// Whether it has to be opened.
    pub fn opens(&self) -> bool {
        !matches!(self, Output::Plain)
    }
}

/// An output that the proxy computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computation {
    /// What is computed; parameters in it are the client's.
    pub formula: Formula,
    /// What the server sends for each of its inputs.
    pub inputs: Vec<Input>,
    /// By whose rules strings are compared and change case.
    pub collation: Collation,
}

/// What the server sends for a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An envelope of this column.
    Encrypted(Arc<EncryptedColumn>),
    /// A value of this type.
    Plain(Type),
}

/// The proof that a text was cleared for the server: only this room makes one.
#[derive(Clone, Copy, Debug)]
pub struct Cleared(());

impl Cleared {
    pub(in crate::sql) fn new() -> Self {
        Self(())
    }
}

impl Plan {
    /// The proof, unless the statement is refused.
    pub fn cleared(&self) -> Option<Cleared> {
        match self {
            Plan::Forward | Plan::Rewrite(_) => Some(Cleared::new()),
            Plan::Refuse(_) => None,
        }
    }
}

impl Script {
    /// The proof; what was refused is no longer in the text.
    pub fn cleared(&self) -> Cleared {
        Cleared::new()
    }
}
