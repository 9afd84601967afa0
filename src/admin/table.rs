//! Answers as tables of typed columns, and how their values are written in both formats.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{BufMut as _, BytesMut};
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse};
use pgwire::error::PgWireResult;
use pgwire::types::ToSqlText;
use pgwire::types::format::FormatOptions;
use tokio_postgres::types::{IsNull, ToSql, to_sql_checked};

/// Seconds from the Unix epoch to PostgreSQL's, 2000-01-01.
const EPOCH: i64 = 946_684_800;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// int8
    Int,
    /// text
    Text,
    /// bool
    Bool,
    /// timestamptz
    Time,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: Kind,
}

/// A column with a fixed name.
pub const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name: Cow::Borrowed(name), kind }
}

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// NULL
    Null,
    /// int8
    Int(i64),
    /// text
    Text(String),
    /// bool
    Bool(bool),
    /// timestamptz, as microseconds since PostgreSQL's epoch
    Time(i64),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Int(value)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Cell::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Cell::Text(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(value.to_owned())
    }
}

impl From<SystemTime> for Cell {
    fn from(value: SystemTime) -> Self {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let since = value.duration_since(UNIX_EPOCH).map_or_else(|before| -micros(before.duration()), micros);
        Cell::Time(since.saturating_sub(EPOCH * 1_000_000))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// Rows of one answer; each has as many cells as there are columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// The fields of an answer with these columns.
pub(super) fn fields(columns: &[Column], format: &Format) -> Vec<FieldInfo> {
    let field = |(index, column): (usize, &Column)| {
        let (ty, size) = match column.kind {
            Kind::Int => (Type::INT8, 8),
            Kind::Text => (Type::TEXT, -1),
            Kind::Bool => (Type::BOOL, 1),
            Kind::Time => (Type::TIMESTAMPTZ, 8),
        };
        let format = match format {
            // The number of codes is checked when a portal is bound; asking past their end would panic.
            Format::Individual(codes) => FieldFormat::from(codes.get(index).copied().unwrap_or_default()),
            unified => unified.format_for(index),
        };
        FieldInfo::new(column.name.clone().into_owned(), None, None, ty, format).with_type_size(size)
    };
    columns.iter().enumerate().map(field).collect()
}

impl Table {
    /// As an answer under this command tag.
    pub(super) fn into_response(self, tag: &str, format: &Format) -> PgWireResult<QueryResponse> {
        let schema = Arc::new(fields(&self.columns, format));
        let mut encoder = DataRowEncoder::new(Arc::clone(&schema));
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let padded = row.into_iter().chain(std::iter::repeat(Cell::Null)).take(schema.len());
            for cell in padded {
                encoder.encode_field(&cell)?;
            }
            rows.push(Ok(encoder.take_row()));
        }
        let mut response = QueryResponse::new(schema, futures::stream::iter(rows));
        response.set_command_tag(tag);
        Ok(response)
    }
}

impl ToSql for Cell {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Cell::Null => return Ok(IsNull::Yes),
            Cell::Int(value) | Cell::Time(value) => out.put_i64(*value),
            Cell::Text(text) => out.put_slice(text.as_bytes()),
            Cell::Bool(value) => out.put_u8(u8::from(*value)),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSqlText for Cell {
    fn to_sql_text(
        &self,
        _: &Type,
        out: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Cell::Null => return Ok(IsNull::Yes),
            Cell::Int(value) => out.put_slice(value.to_string().as_bytes()),
            Cell::Text(text) => out.put_slice(super::failure::clean(text).as_bytes()),
            Cell::Bool(value) => out.put_u8(if *value { b't' } else { b'f' }),
            Cell::Time(micros) => out.put_slice(timestamp(*micros).as_bytes()),
        }
        Ok(IsNull::No)
    }
}

/// As PostgreSQL writes it under `DateStyle = ISO` and `TimeZone = UTC`.
pub(super) fn timestamp(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000).saturating_add(EPOCH);
    let fraction = micros.rem_euclid(1_000_000);
    let Ok(time) = jiff::Timestamp::from_second(seconds) else { return "infinity".to_owned() };
    let mut text = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text.push_str("+00");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_postgresql_does() {
        assert_eq!(timestamp(0), "2000-01-01 00:00:00+00");
        assert_eq!(timestamp(1_500_000), "2000-01-01 00:00:01.5+00");
        assert_eq!(timestamp(-1), "1999-12-31 23:59:59.999999+00");
        assert_eq!(Cell::from(UNIX_EPOCH), Cell::Time(-EPOCH * 1_000_000));
    }

    #[test]
    fn formats_beyond_the_codes_are_text() {
        let columns = [column("a", Kind::Int), column("b", Kind::Text)];
        let fields = fields(&columns, &Format::Individual(vec![1]));
        assert_eq!((fields[0].format(), fields[1].format()), (FieldFormat::Binary, FieldFormat::Text));
        assert_eq!((fields[0].datatype(), fields[0].type_size()), (&Type::INT8, 8));
    }

    #[test]
    fn a_short_row_is_filled_up() {
        let table = Table {
            columns: vec![column("a", Kind::Int), column("b", Kind::Text)],
            rows: vec![vec![Cell::Int(1)]],
        };
        assert!(table.into_response("SHOW", &Format::UnifiedText).is_ok());
    }
}
