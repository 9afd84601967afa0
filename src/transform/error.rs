//! What can go wrong where plaintext and keys meet, as the client is told.

use std::fmt;

use crate::catalog::EncryptedColumn;
use crate::crypto::CryptoError;
use crate::value::ValueError;

/// An error of the seal or open step. Holds no value and no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformError {
    /// SQLSTATE, five characters.
    pub sqlstate: &'static str,
    /// Primary message.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

impl TransformError {
    pub(super) fn value(column: &EncryptedColumn, error: &ValueError) -> Self {
        let message = format!("{} (encrypted column {})", error.message, name(column));
        Self { sqlstate: error.sqlstate, message, hint: error.hint.clone() }
    }

    pub(super) fn crypto(column: &EncryptedColumn, error: &CryptoError) -> Self {
        Self {
            sqlstate: error.sqlstate(),
            message: format!("encrypted column {}: {error}", name(column)),
            hint: error.hint().map(str::to_owned),
        }
    }

    pub(super) fn wrong_type(column: &EncryptedColumn) -> Self {
        Self {
            sqlstate: "XX001",
            message: format!(
                "encrypted column {}: the stored value was encrypted as another type than {}",
                name(column),
                column.ty
            ),
            hint: Some("Declare the type that the column had when its values were written.".into()),
        }
    }

    pub(super) fn array_too_long(limit: usize) -> Self {
        Self {
            sqlstate: "54000",
            message: format!("array compared with an encrypted column has more than {limit} elements"),
            hint: Some("Send the values in several statements.".into()),
        }
    }
}

impl From<ValueError> for TransformError {
    fn from(error: ValueError) -> Self {
        Self { sqlstate: error.sqlstate, message: error.message, hint: error.hint }
    }
}

impl From<&ValueError> for TransformError {
    fn from(error: &ValueError) -> Self {
        error.clone().into()
    }
}

impl fmt::Display for TransformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransformError {}

fn name(column: &EncryptedColumn) -> String {
    format!("{}.{}.{}", column.schema, column.table, column.name)
}
