//! What a server answered to one statement, in a form that can be compared.

use std::fmt;

use crate::support::message::{Message, printable};

/// The messages, reduced to what must be equal.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer(Vec<Part>);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Column names, types and formats. The table's OID is another in each database; whether there is one is not.
    Columns(Vec<(String, bool, i16, u32, i16, i32, i16)>),
    Row(Vec<Option<Vec<u8>>>),
    /// SQLSTATE, and the names of schema, table, column and constraint.
    Error(String, [Option<String>; 4]),
    Notice(String),
    Parameters(Vec<u32>),
    Other(u8, Vec<u8>),
}

/// Objects that a user makes, such as a table's row type, have other OIDs in each database.
const FIRST_USER_OID: u32 = 16384;

impl Answer {
    /// Reduces messages; rows are sorted unless their order is defined.
    pub fn new(messages: &[Message], ordered: bool) -> Answer {
        let mut parts: Vec<Part> = messages.iter().map(part).collect();
        if !ordered {
            let is_row = |part: &Part| matches!(part, Part::Row(_));
            for rows in parts.chunk_by_mut(|a, b| is_row(a) == is_row(b)) {
                if rows.first().is_some_and(is_row) {
                    rows.sort();
                }
            }
        }
        Answer(parts)
    }

    /// The SQLSTATE of the first error.
    pub fn error(&self) -> Option<&str> {
        self.0.iter().find_map(|part| match part {
            Part::Error(state, _) => Some(state.as_str()),
            _ => None,
        })
    }

    /// Lines that show where this and another answer part.
    pub fn difference(&self, other: &Answer) -> String {
        let mut text = String::new();
        let common = self.0.iter().zip(&other.0).take_while(|(a, b)| a == b).count();
        for (label, answer) in [("expected", self), ("got", other)] {
            let rest = &answer.0[common..];
            for part in rest.iter().take(4) {
                text.push_str(&format!("    {label:8}  {part:?}\n"));
            }
            if rest.is_empty() {
                text.push_str(&format!("    {label:8}  nothing more\n"));
            }
        }
        text
    }
}

fn part(message: &Message) -> Part {
    match message.tag {
        b'T' => Part::Columns(
            message
                .fields()
                .into_iter()
                .map(|f| {
                    (
                        f.name,
                        f.table != 0,
                        f.attribute,
                        f.type_oid.min(FIRST_USER_OID),
                        f.length,
                        f.typmod,
                        f.format,
                    )
                })
                .collect(),
        ),
        b'D' => Part::Row(message.values()),
        b'E' => Part::Error(message.sqlstate(), [b's', b't', b'c', b'n'].map(|code| message.field(code))),
        b'N' => Part::Notice(message.sqlstate()),
        b't' => Part::Parameters(message.parameters()),
        tag => Part::Other(tag, message.body.clone()),
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Columns(columns) => {
                write!(f, "columns")?;
                for (name, table, attribute, oid, length, typmod, format) in columns {
                    let table = if *table { "of a table" } else { "no table" };
                    write!(
                        f,
                        " [{name} oid {oid} len {length} typmod {typmod} format {format}, {table}, attribute {attribute}]"
                    )?;
                }
                Ok(())
            }
            Part::Row(values) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|v| v.as_ref().map_or("NULL".into(), |bytes| printable(bytes)))
                    .collect();
                write!(f, "row {}", values.join(" | "))
            }
            Part::Error(state, names) => {
                write!(f, "error {state} {:?}", names.iter().flatten().collect::<Vec<_>>())
            }
            Part::Notice(state) => write!(f, "notice {state}"),
            Part::Parameters(oids) => write!(f, "parameters {oids:?}"),
            Part::Other(tag, body) => write!(f, "{} {}", *tag as char, printable(body)),
        }
    }
}
