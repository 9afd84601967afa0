//! The declared types that an encrypted column can have.

use std::fmt;

/// A declared column type, with its modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `text`
    Text,
    /// `varchar(n)`; `None` is `varchar` without a limit. In characters.
    Varchar(Option<u32>),
    /// `char(n)`. In characters.
    Char(u32),
    /// `int2`
    Int2,
    /// `int4`
    Int4,
    /// `int8`
    Int8,
    /// `float4`
    Float4,
    /// `float8`
    Float8,
    /// `numeric(precision, scale)`; `None` is unconstrained `numeric`.
    Numeric(Option<(u16, i16)>),
    /// `bool`
    Bool,
    /// `date`
    Date,
    /// `time(p) without time zone`; `None` is the full six digits.
    Time(Option<u8>),
    /// `timestamp(p) without time zone`
    Timestamp(Option<u8>),
    /// `timestamp(p) with time zone`
    Timestamptz(Option<u8>),
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `bytea`
    Bytea,
}

/// Values of one family compare with each other, so their equality terms share one canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// text, varchar, char
    Text,
    /// int2, int4, int8, numeric
    Exact,
    /// float4, float8
    Float,
    /// bool
    Bool,
    /// date and timestamp, both without a zone
    Timestamp,
    /// timestamptz
    Timestamptz,
    /// time
    Time,
    /// uuid
    Uuid,
    /// jsonb
    Jsonb,
    /// bytea
    Bytea,
}

/// A type's name or modifier that Pyrite does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// What is wrong, naming the offending text.
    pub message: String,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}
