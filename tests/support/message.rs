//! What the server side says, decoded just enough to compare.

use std::fmt;

/// One message from the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Type byte.
    pub tag: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

/// A column of a RowDescription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub table: u32,
    pub attribute: i16,
    pub type_oid: u32,
    pub length: i16,
    pub typmod: i32,
    pub format: i16,
}

/// Reads a message's body from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(n);
        self.0 = tail;
        head
    }
    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().unwrap())
    }
    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap())
    }
    fn text(&mut self) -> String {
        let end = self.0.iter().position(|&b| b == 0).expect("terminated string");
        let text = String::from_utf8_lossy(self.take(end)).into_owned();
        self.take(1);
        text
    }
}

impl Message {
    /// The fields of a RowDescription.
    pub fn fields(&self) -> Vec<Field> {
        assert_eq!(self.tag, b'T', "a RowDescription");
        let mut reader = Reader(&self.body);
        let count = reader.i16();
        let fields = (0..count)
            .map(|_| Field {
                name: reader.text(),
                table: reader.i32() as u32,
                attribute: reader.i16(),
                type_oid: reader.i32() as u32,
                length: reader.i16(),
                typmod: reader.i32(),
                format: reader.i16(),
            })
            .collect();
        assert!(reader.0.is_empty(), "trailing bytes in RowDescription");
        fields
    }

    /// The values of a DataRow.
    pub fn values(&self) -> Vec<Option<Vec<u8>>> {
        assert_eq!(self.tag, b'D', "a DataRow");
        let mut reader = Reader(&self.body);
        let count = reader.i16();
        let values = (0..count)
            .map(|_| match reader.i32() {
                -1 => None,
                n => Some(reader.take(n as usize).to_vec()),
            })
            .collect();
        assert!(reader.0.is_empty(), "trailing bytes in DataRow");
        values
    }

    /// The OIDs of a ParameterDescription.
    pub fn parameters(&self) -> Vec<u32> {
        assert_eq!(self.tag, b't', "a ParameterDescription");
        let mut reader = Reader(&self.body);
        let count = reader.i16();
        (0..count).map(|_| reader.i32() as u32).collect()
    }

    /// A field of an ErrorResponse or NoticeResponse.
    pub fn field(&self, code: u8) -> Option<String> {
        let mut reader = Reader(&self.body);
        while reader.0.first().is_some_and(|&b| b != 0) {
            let this = reader.take(1)[0];
            let text = reader.text();
            if this == code {
                return Some(text);
            }
        }
        None
    }

    /// SQLSTATE of an ErrorResponse.
    pub fn sqlstate(&self) -> String {
        self.field(b'C').unwrap_or_default()
    }

    /// The tag of a CommandComplete, or another text body.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.strip_suffix(&[0]).unwrap_or(&self.body)).into_owned()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tag {
            b'E' => write!(
                f,
                "Error({} {:?} hint {:?})",
                self.sqlstate(),
                self.field(b'M').unwrap_or_default(),
                self.field(b'H')
            ),
            b'N' => write!(f, "Notice({} {:?})", self.sqlstate(), self.field(b'M').unwrap_or_default()),
            b'C' => write!(f, "Complete({})", self.text()),
            b'Z' => write!(f, "Ready({})", self.text()),
            b'T' => {
                write!(f, "Row(")?;
                for field in self.fields() {
                    write!(f, "{} {}:{}/{} ", field.name, field.type_oid, field.typmod, field.format)?;
                }
                write!(f, ")")
            }
            b'D' => {
                write!(f, "Data(")?;
                for value in self.values() {
                    match value {
                        None => write!(f, "NULL, ")?,
                        Some(bytes) => write!(f, "{:?}, ", printable(&bytes))?,
                    }
                }
                write!(f, ")")
            }
            b't' => write!(f, "Parameters({:?})", self.parameters()),
            tag => write!(f, "{}({})", tag as char, printable(&self.body)),
        }
    }
}

/// Bytes for a person to read, cut short.
pub fn printable(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(100)];
    let mut text = match std::str::from_utf8(shown) {
        Ok(text) if !text.chars().any(|c| c.is_control() && c != '\n') => text.to_string(),
        _ => format!("\\x{}", shown.iter().map(|b| format!("{b:02x}")).collect::<String>()),
    };
    if bytes.len() > shown.len() {
        text.push_str(&format!("… {} bytes", bytes.len()));
    }
    text
}
