//! The only place where plaintext and keys meet: seals parameters and literals, opens result values.
//!
//! One [`Transformer`] belongs to one session. What goes in is described by the plan's slots, what comes
//! out by its outputs; neither knows a key. Errors name the column and never the value.

mod array;
mod compute;
mod copy;
mod error;
mod json;
mod nested;
mod refine;
mod reseal;
mod search;

pub use compute::{ReadyFormula, Sent};
pub use error::TransformError;
pub use refine::Decision;
pub use reseal::{Goal, Resealed, Resealer, stale_sql, uses_key_sql};

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use search::ValueForms;

use crate::catalog::{EncryptedColumn, SearchSlot};
use crate::crypto::CryptoError;
use crate::keys::{self, CellCipher, KeyId, Keyring};
use crate::sql::plan::{Role, Slot, Source};
use crate::value::{self, CastContext, Datum, Format, Input, Settings, Type, ValueError};

/// Memory that is kept from value to value; what a longer one took is given back, as all of it is wiped each time.
const KEPT: usize = 1 << 16;

/// Wipes what the value before left. The memory is kept, if it is not too much.
fn wipe(plaintext: &mut Zeroizing<Vec<u8>>) {
    match plaintext.capacity() > KEPT {
        true => *plaintext = Zeroizing::new(Vec::new()),
        false => plaintext.zeroize(),
    }
}

/// Seals and opens the values of one session.
pub struct Transformer {
    cipher: CellCipher,
    settings: Result<Settings, ValueError>,
    plaintext: Zeroizing<Vec<u8>>,
    /// Values sealed and opened so far.
    done: (u64, u64),
    /// The data key that the last value was under, if it is in no keyring that is known here.
    unknown: Option<KeyId>,
}

impl Transformer {
    /// A transformer over one snapshot of the keyring. `settings` may be an error: the session's settings
    /// cannot be followed, and every value is refused with it until they change.
    pub fn new(keyring: Arc<Keyring>, settings: Result<Settings, ValueError>) -> Self {
        Self {
            cipher: CellCipher::new(keyring),
            settings,
            plaintext: Zeroizing::new(Vec::new()),
            unknown: None,
            done: (0, 0),
        }
    }

    /// How many values it has sealed and opened.
    pub fn done(&self) -> (u64, u64) {
        self.done
    }

    /// Follows a change of the session's settings.
    pub fn set_settings(&mut self, settings: Result<Settings, ValueError>) {
        self.settings = settings;
    }

    /// Follows a change of the keyring.
    pub fn set_keyring(&mut self, keyring: Arc<Keyring>) {
        self.cipher = CellCipher::new(keyring);
    }

    /// Appends the server parameter (binary format) that a slot's value becomes; `Ok(false)`: SQL NULL, and
    /// nothing is appended.
    ///
    /// `input` is the client's parameter, `None` for NULL. A literal has its own text and takes no input.
    ///
    /// # Errors
    /// PostgreSQL's SQLSTATE where the declared type would not accept the value; 0A000 where it cannot be
    /// decided exactly; 58000 where the keys do not serve.
    pub fn seal_slot(
        &mut self,
        slot: &Slot,
        input: Option<Input<'_>>,
        out: &mut Vec<u8>,
    ) -> Result<bool, TransformError> {
        let input = match (&slot.source, input) {
            (Source::Literal(text), _) => Input::Text(text.as_bytes()),
            (Source::Param(_), Some(input)) => input,
            (Source::Param(_) | Source::Candidates, None) | (Source::Candidates, Some(_)) => {
                return Ok(false);
            }
        };
        match &slot.role {
            Role::Store(column) => {
                let datum = self.read(slot, &column.ty, input)?;
                self.store(column, datum, out)?;
            }
            Role::Equality(column) => {
                let datum = self.read(slot, &column.ty, input)?;
                out.extend_from_slice(&self.term(column, &datum)?);
            }
            // The session has found it; no value is sealed.
            Role::Refined(..) => return Ok(false),
            Role::EqualityArray(column) => {
                let terms = self.each(slot, column, input, |this, datum| this.term(column, &datum))?;
                array::write_terms(&terms, out)?;
            }
            Role::StoreArray(column) => {
                let envelopes = self.each(slot, column, input, |this, datum| {
                    let mut envelope = Vec::new();
                    this.store(column, datum, &mut envelope)?;
                    Ok(envelope)
                })?;
                array::write_terms(&envelopes, out)?;
            }
            Role::OrderArray(column) => {
                let terms = self.each(slot, column, input, |this, datum| {
                    let mut term = Vec::new();
                    this.order_term(column, &datum, false, &mut term).map(|()| term)
                })?;
                array::write_terms(&terms, out)?;
            }
            Role::OrderWhole(column) | Role::OrderHead(column) => {
                let datum = self.read(slot, &column.ty, input)?;
                let head = matches!(slot.role, Role::OrderHead(_));
                self.order_term(column, &datum, head, out)?;
            }
            Role::Caseless(column) => {
                let datum = self.read(slot, &column.ty, input)?;
                self.caseless_term(column, &datum, out)?;
            }
        }
        self.done.0 += 1;
        Ok(true)
    }

    /// Opens an envelope of `column`, applies the casts of the output, and appends the value in `format`.
    ///
    /// # Errors
    /// XX001 if the envelope is damaged, moved from a column with other keys, or of another type.
    pub fn open(
        &mut self,
        column: &EncryptedColumn,
        casts: &[Type],
        envelope: &[u8],
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        self.decrypt(column, envelope)?;
        let settings = self.settings.as_ref().map_err(|e| TransformError::value(column, e))?;
        let written = if casts.is_empty() {
            value::write_plaintext(&column.ty, &self.plaintext, format, settings, out)
        } else {
            cast_and_write(&column.ty, &self.plaintext, casts, format, settings, out)
        };
        written.map_err(|e| TransformError::value(column, &e))
    }

    /// Opens an envelope of `column` into the buffer for plaintext.
    fn decrypt(&mut self, column: &EncryptedColumn, envelope: &[u8]) -> Result<(), TransformError> {
        wipe(&mut self.plaintext);
        self.unknown = None;
        let opened = self.cipher.open(&column.group.0, envelope, &mut self.plaintext);
        let tag = opened.map_err(|error| {
            self.unknown = match error {
                CryptoError::UnknownKey(id) => Some(id),
                _ => None,
            };
            TransformError::crypto(column, &error)
        })?;
        if tag != encoding_tag(&column.ty) {
            return Err(TransformError::wrong_type(column));
        }
        self.done.1 += 1;
        Ok(())
    }

    /// The data key that the value which could not be opened just now is under, if it is not known here: another
    /// proxy may have added it.
    pub fn unknown_key(&self) -> Option<KeyId> {
        self.unknown
    }

    /// Reads a slot's input as its source type (unknown: the first cast's, else the column's) and applies
    /// the statement's explicit casts.
    fn read(&self, slot: &Slot, column: &Type, input: Input<'_>) -> Result<Datum, TransformError> {
        let settings = self.settings.as_ref()?;
        let ty = slot.source_type.as_ref().or(slot.casts.first()).unwrap_or(column);
        let mut datum = Datum::decode(ty, input, settings)?;
        for cast in &slot.casts {
            datum = datum.cast(cast, CastContext::Explicit, settings)?;
        }
        Ok(datum)
    }

    fn store(
        &mut self,
        column: &EncryptedColumn,
        datum: Datum,
        out: &mut Vec<u8>,
    ) -> Result<(), TransformError> {
        let settings = self.settings.as_ref()?;
        let datum = datum.cast(&column.ty, CastContext::Assignment, settings)?;
        let forms = match column.equality {
            true => ValueForms::of(&column.ty, &column.collation, column.kinds(), &datum, settings)?,
            false => ValueForms::default(),
        };
        let plaintext = datum.to_plaintext();
        let tag = encoding_tag(&column.ty);
        self.cipher
            .seal_with(&column.group.0, tag, plaintext.as_bytes(), &forms.forms(), out)
            .map_err(|e| TransformError::crypto(column, &e))
    }

    fn term(&self, column: &EncryptedColumn, datum: &Datum) -> Result<[u8; 16], TransformError> {
        let settings = self.settings.as_ref()?;
        let canonical = Zeroizing::new(datum.equality_bytes(&column.ty, settings)?);
        // The one that the statement's text names, whatever is searched by now.
        self.cipher
            .equality_term(&column.group.0, key_slot(column.slot), &canonical)
            .map_err(|e| TransformError::crypto(column, &e))
    }

    /// What becomes of each element of an array. The slot's source type and casts are those of the elements.
    fn each<T>(
        &mut self,
        slot: &Slot,
        column: &EncryptedColumn,
        input: Input<'_>,
        mut become_of: impl FnMut(&mut Self, Datum) -> Result<T, TransformError>,
    ) -> Result<Vec<Option<T>>, TransformError> {
        let settings = self.settings.clone()?;
        let ty = slot.source_type.as_ref().or(slot.casts.first()).unwrap_or(&column.ty);
        let mut out = Vec::new();
        for element in value::decode_array(ty, input, &settings)? {
            let Some(mut datum) = element else {
                out.push(None);
                continue;
            };
            for cast in &slot.casts {
                datum = datum.cast(cast, CastContext::Explicit, &settings)?;
            }
            out.push(Some(become_of(self, datum)?));
        }
        Ok(out)
    }
}

impl std::fmt::Debug for Transformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transformer")
    }
}

/// The slot that a statement's text names, as the keyring has it.
fn key_slot(slot: SearchSlot) -> keys::Slot {
    match slot {
        SearchSlot::A => keys::Slot::A,
        SearchSlot::B => keys::Slot::B,
    }
}

fn cast_and_write(
    ty: &Type,
    plaintext: &[u8],
    casts: &[Type],
    format: Format,
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let mut datum = Datum::from_plaintext(ty, plaintext)?;
    for cast in casts {
        datum = datum.cast(cast, CastContext::Explicit, settings)?;
    }
    datum.encode(format, settings, out)
}

/// The type and encoding tag in an envelope's header. It tells how the plaintext is encoded, not the
/// modifier, so that `ALTER … TYPE varchar(300)` needs no re-encryption. Part of the format: never reuse a
/// number.
pub fn encoding_tag(ty: &Type) -> u8 {
    match ty {
        Type::Text | Type::Varchar(_) => 1,
        Type::Char(_) => 2,
        Type::Int2 => 3,
        Type::Int4 => 4,
        Type::Int8 => 5,
        Type::Float4 => 6,
        Type::Float8 => 7,
        Type::Numeric(_) => 8,
        Type::Bool => 9,
        Type::Date => 10,
        Type::Time(_) => 11,
        Type::Timestamp(_) => 12,
        Type::Timestamptz(_) => 13,
        Type::Uuid => 14,
        Type::Json => 15,
        Type::Jsonb => 16,
        Type::Bytea => 17,
    }
}

#[cfg(test)]
mod nested_tests;
#[cfg(test)]
mod tests;
