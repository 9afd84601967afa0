//! PostgreSQL types: text and binary formats to and from typed values and the canonical plaintext.
//!
//! Nothing here knows about keys, SQL or the wire. A value's way: [`Datum::decode`] reads it as the input
//! or receive function of its type does, [`Datum::cast`] brings it to a column's type, modifier included,
//! and [`Datum::to_plaintext`] gives what is encrypted. [`write_plaintext`] is the way back.

mod array;
mod cast;
mod collation;
mod composite;
mod datetime;
mod datum;
mod equality;
mod error;
mod float;
pub mod fold;
mod json;
mod jsonb;
pub(crate) mod moments;
mod numeric;
pub mod order;
mod settings;
mod simple;
mod strings;
mod to_json;
mod types;

pub use array::decode_array;
pub use cast::{CastContext, assignable, explicitly_castable};
pub use collation::{Collation, CollationFacts, Provider, Refusal as CollationRefusal};
pub use composite::{
    ArrayPart, BinaryArray, BinaryField, array_parts, binary_array, record_fields, record_fields_binary,
    write_array_element, write_record_field,
};
pub use datum::{Datum, write_plaintext};
pub use equality::{has_equality, shares_terms};
pub use error::ValueError;
pub use numeric::Numeric;
pub use settings::Settings;
pub use types::{Family, Type, TypeError};

pub(crate) use settings::ByteaOutput;

use zeroize::Zeroizing;

/// What an envelope encrypts: the compact typed form of one non-NULL value.
///
/// It gives back exactly what PostgreSQL would have stored, in text and in binary format.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes over bytes in canonical form.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

/// A value as it arrived from outside: a parameter, a literal, a COPY field.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// Text format; must be UTF-8 to be accepted.
    Text(&'a [u8]),
    /// Binary format of the source type.
    Binary(&'a [u8]),
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Input::Text(b) => write!(f, "Input::Text({} bytes)", b.len()),
            Input::Binary(b) => write!(f, "Input::Binary({} bytes)", b.len()),
        }
    }
}

/// Wire format of a result column or parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Format code 0.
    Text,
    /// Format code 1.
    Binary,
}

#[cfg(test)]
mod tests;
