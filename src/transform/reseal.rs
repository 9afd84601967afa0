//! Bringing stored values to the keyring's present state: what a sweep does to each value.
//!
//! Two goals, since two kinds of key rotate: [`Goal::DataKey`] encrypts anew and keeps the terms byte by byte;
//! [`Goal::IndexTerms`] gives the terms of the index keys that are written now, and takes away the others.
//! Whether a value needs it is told by its header, here ([`Resealer::is_current`]) and on the server
//! ([`stale_sql`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::TransformError;
use super::search::{ValueForms, term_kinds};
use crate::catalog::{EncryptedColumn, SearchKinds};
use crate::crypto::{CryptoError, Envelope, TermKind};
use crate::keys::{CellCipher, GroupBytes, KeyId, KeyInfo, KeyPurpose, Keyring, NewTerms, Slot};
use crate::value::{Collation, Datum, Settings, Type};

/// What of a value shall be as the keyring has it now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// Encrypted under the group's primary data key. Terms stay as they are.
    DataKey,
    /// A term under each index key that is written, and no other.
    IndexTerms,
}

/// What was done to a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resealed {
    /// A new envelope was appended.
    Changed,
    /// It was as it should be; nothing was appended.
    Already,
}

/// Seals stored values anew, one after another.
pub struct Resealer {
    cipher: CellCipher,
    plaintext: Zeroizing<Vec<u8>>,
    settings: Settings,
}

impl Resealer {
    /// Towards the state of this keyring.
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self {
            cipher: CellCipher::new(keyring),
            plaintext: Zeroizing::new(Vec::new()),
            // No stored value depends on them: what is compared is the instant, not its spelling.
            settings: Settings::default(),
        }
    }

    /// Goes over to another snapshot of the keyring.
    pub fn set_keyring(&mut self, keyring: Arc<Keyring>) {
        self.cipher.set_keyring(keyring);
    }

    /// Whether a value is as it should be, as far as its header tells. What is no envelope is not.
    pub fn is_current(
        &self,
        group: &GroupBytes,
        column: Option<&EncryptedColumn>,
        goal: Goal,
        envelope: &[u8],
    ) -> bool {
        let parsed = Envelope::parse(envelope);
        parsed.is_ok_and(|envelope| is_current(self.cipher.keyring(), group, column, goal, &envelope))
    }

    /// Appends the value's new envelope to `out`, if it needs one. `column` is `None` in a table that no
    /// configuration names, such as a copy made by CREATE TABLE AS: the envelope's own type serves then, terms are
    /// given only to a value that has some, and one that no key of the group has sealed stays as it is. On an error
    /// `out` is as before.
    ///
    /// # Errors
    /// XX001 for a value that is damaged, or in a column of this group and under the keys of another; 58000 if its key
    /// is unknown or destroyed.
    pub fn reseal(
        &mut self,
        group: &GroupBytes,
        column: Option<&EncryptedColumn>,
        goal: Goal,
        envelope: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Resealed, TransformError> {
        let fail = |error: CryptoError| crypto_error(column, &error);
        let old = Envelope::parse(envelope).map_err(fail)?;
        if is_current(self.cipher.keyring(), group, column, goal, &old) {
            return Ok(Resealed::Already);
        }
        if column.is_none() && !is_of(self.cipher.keyring(), group, &old) {
            return Ok(Resealed::Already);
        }
        super::wipe(&mut self.plaintext);
        let tag = self.cipher.open(group, envelope, &mut self.plaintext).map_err(fail)?;
        let kinds = kinds_of(column);
        let forms = match goal {
            Goal::IndexTerms if self.cipher.lacks_term(group, term_kinds(kinds), &old).map_err(fail)? => {
                forms(column, tag, &self.plaintext, &self.settings)?
            }
            _ => ValueForms::default(),
        };
        let terms = match goal {
            Goal::DataKey => NewTerms::Keep,
            Goal::IndexTerms => NewTerms::Renew(term_kinds(kinds), forms.forms()),
        };
        self.cipher.reseal(group, &old, &self.plaintext, terms, out).map_err(fail)?;
        Ok(Resealed::Changed)
    }

    /// The same for each element of an array in binary format, as a column of type `pyrite.encrypted[]` holds
    /// them. NULLs, dimensions and bounds stay.
    ///
    /// # Errors
    /// As for [`Resealer::reseal`]; XX001 for what is no array.
    pub fn reseal_array(
        &mut self,
        group: &GroupBytes,
        column: Option<&EncryptedColumn>,
        goal: Goal,
        array: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Resealed, TransformError> {
        let start = out.len();
        let resealed = self.reseal_elements(group, column, goal, array, out);
        if !matches!(resealed, Ok(Resealed::Changed)) {
            out.truncate(start);
        }
        resealed
    }

    fn reseal_elements(
        &mut self,
        group: &GroupBytes,
        column: Option<&EncryptedColumn>,
        goal: Goal,
        array: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Resealed, TransformError> {
        let (head, mut rest) = split_array(array).ok_or_else(no_array)?;
        out.extend_from_slice(head);
        let mut done = Resealed::Already;
        while !rest.is_empty() {
            let (len, behind) = rest.split_first_chunk::<4>().ok_or_else(no_array)?;
            out.extend_from_slice(len);
            rest = behind;
            let Ok(len) = usize::try_from(i32::from_be_bytes(*len)) else { continue };
            let (element, behind) = rest.split_at_checked(len).ok_or_else(no_array)?;
            rest = behind;
            let at = out.len();
            match self.reseal(group, column, goal, element, out)? {
                Resealed::Already => out.extend_from_slice(element),
                Resealed::Changed => {
                    done = Resealed::Changed;
                    let len = i32::try_from(out.len() - at).map_err(|_| no_array())?;
                    if let Some(place) = out.get_mut(at - 4..at) {
                        place.copy_from_slice(&len.to_be_bytes());
                    }
                }
            }
        }
        Ok(done)
    }
}

impl std::fmt::Debug for Resealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resealer({:?})", self.cipher)
    }
}

/// Whether values of this place have terms: by the column's declaration, else as each is found.
fn wants_terms(column: Option<&EncryptedColumn>, has_terms: bool) -> bool {
    has_terms || column.is_some_and(|column| column.equality)
}

/// Whether a value says that a key of the group has sealed it.
fn is_of(keyring: &Keyring, group: &GroupBytes, envelope: &Envelope<'_>) -> bool {
    keyring.data_keys(group).any(|key| key.id == envelope.data_key())
}

fn is_current(
    keyring: &Keyring,
    group: &GroupBytes,
    column: Option<&EncryptedColumn>,
    goal: Goal,
    envelope: &Envelope<'_>,
) -> bool {
    match goal {
        Goal::DataKey => keyring.primary_data_key(group) == Some(envelope.data_key()),
        Goal::IndexTerms if !wants_terms(column, envelope.has_terms()) => true,
        Goal::IndexTerms => {
            let kinds = kinds_of(column);
            RENEWED.into_iter().flat_map(|kind| Slot::ALL.map(|slot| (kind, slot))).all(|(kind, slot)| {
                let term = envelope.term(kind, slot);
                term.map(|term| term.key) == expected_key(keyring, group, kinds, kind, slot)
            })
        }
    }
}

/// The kinds of terms that a sweep brings to the present keys, in the order of an envelope.
const RENEWED: [TermKind; 4] = [TermKind::Equality, TermKind::Order, TermKind::Caseless, TermKind::Match];

/// The further search kinds of this place. Where no configuration says what a column holds, nothing is searched by
/// them, and no collation is known to make an order term by.
fn kinds_of(column: Option<&EncryptedColumn>) -> SearchKinds {
    column.map(EncryptedColumn::kinds).unwrap_or_default()
}

/// The index key that a term of this kind and slot names in values that are written now.
fn expected_key(
    keyring: &Keyring,
    group: &GroupBytes,
    kinds: SearchKinds,
    kind: TermKind,
    slot: Slot,
) -> Option<KeyId> {
    if !term_kinds(kinds).has(kind) {
        return None;
    }
    match (keyring.term_key(group, kind, slot), kind, slot) {
        (None, TermKind::Equality, Slot::A) => Some(KeyId::NONE),
        (key, _, _) => key,
    }
}

/// What the value's terms are made of. For equality that depends on the type and not on its modifier, so the envelope's
/// tag serves where no declaration is at hand.
fn forms(
    column: Option<&EncryptedColumn>,
    tag: u8,
    plaintext: &[u8],
    settings: &Settings,
) -> Result<ValueForms, TransformError> {
    let ty = match column {
        Some(column) if super::encoding_tag(&column.ty) != tag => {
            return Err(TransformError::wrong_type(column));
        }
        Some(column) => column.ty,
        None => type_of_tag(tag).ok_or_else(|| unknown_tag(tag))?,
    };
    let datum = Datum::from_plaintext(&ty, plaintext)?;
    match column {
        Some(column) => Ok(ValueForms::of(&ty, &column.collation, column.kinds(), &datum, settings)?),
        None => Ok(ValueForms::of(&ty, &Collation::c(), SearchKinds::default(), &datum, settings)?),
    }
}

/// The type without modifier that has this tag; the inverse of [`super::encoding_tag`].
fn type_of_tag(tag: u8) -> Option<Type> {
    let types = [
        Type::Text,
        Type::Char(0),
        Type::Int2,
        Type::Int4,
        Type::Int8,
        Type::Float4,
        Type::Float8,
        Type::Numeric(None),
        Type::Bool,
        Type::Date,
        Type::Time(None),
        Type::Timestamp(None),
        Type::Timestamptz(None),
        Type::Uuid,
        Type::Json,
        Type::Jsonb,
        Type::Bytea,
    ];
    types.into_iter().find(|ty| super::encoding_tag(ty) == tag)
}

/// Dimensions and element type of a binary array, and its elements.
fn split_array(array: &[u8]) -> Option<(&[u8], &[u8])> {
    let dimensions = usize::try_from(i32::from_be_bytes(*array.first_chunk()?)).ok()?;
    // 6 is the most that the server allows.
    (dimensions <= 6).then(|| array.split_at_checked(12 + 8 * dimensions)).flatten()
}

fn no_array() -> TransformError {
    TransformError {
        sqlstate: "XX001",
        message: "a stored array of encrypted values cannot be read".to_owned(),
        hint: None,
    }
}

fn unknown_tag(tag: u8) -> TransformError {
    TransformError {
        sqlstate: "0A000",
        message: format!("an encrypted value is of type number {tag}, which this proxy does not know"),
        hint: Some("Upgrade this proxy to the version that wrote the value.".to_owned()),
    }
}

fn crypto_error(column: Option<&EncryptedColumn>, error: &CryptoError) -> TransformError {
    match column {
        Some(column) => TransformError::crypto(column, error),
        None => TransformError {
            sqlstate: error.sqlstate(),
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
        },
    }
}

/// SQL text of a condition: is `expression`, an envelope, not yet as the goal wants it? NULL is not stale. It
/// says the same as [`Resealer::is_current`] of each well-formed envelope, and reads the first bytes only of a
/// long one. For sessions with `search_path = pg_catalog`.
///
/// # Errors
/// The keyring has no such group.
pub fn stale_sql(
    keyring: &Keyring,
    group: &GroupBytes,
    column: Option<&EncryptedColumn>,
    goal: Goal,
    expression: &str,
) -> Result<String, TransformError> {
    let unknown = || crypto_error(column, &CryptoError::UnknownGroup);
    let primary = keyring.primary_data_key(group).ok_or_else(unknown)?;
    if goal == Goal::DataKey {
        return Ok(format!("(pyrite.key_id({expression}) <> {})", literal(primary)));
    }
    let kinds = kinds_of(column);
    let expected: Vec<(TermKind, Slot, KeyId)> = RENEWED
        .into_iter()
        .flat_map(|kind| Slot::ALL.map(|slot| (kind, slot)))
        .filter_map(|(kind, slot)| Some((kind, slot, expected_key(keyring, group, kinds, kind, slot)?)))
        .collect();
    let bits = expected.iter().fold(0u8, |bits, (kind, slot, _)| bits | bit(*kind, *slot));
    // Where just these terms are present, the ids of their keys are in known places.
    let wrong: Vec<String> = (expected.iter())
        .map(|(kind, slot, key)| {
            let at = key_place(bits, *kind, *slot);
            format!("substr({expression}, {at}, 8) <> {}", literal(*key))
        })
        .collect();
    let present = present_bits(expression);
    let stale = format!("{present} <> {bits} OR {}", wrong.join(" OR "));
    if column.is_some_and(|column| column.equality) {
        return Ok(format!("({stale})"));
    }
    Ok(format!("(substr({expression}, 7, 2) <> '\\x0000'::bytea AND ({stale}))"))
}

/// SQL text of a condition: does `expression`, an envelope, need this key? It was encrypted under this data key,
/// or carries a term that this index key made. For sessions with `search_path = pg_catalog`.
pub fn uses_key_sql(key: &KeyInfo, expression: &str) -> String {
    let id = literal(key.id);
    match key.purpose {
        KeyPurpose::Data => format!("(pyrite.key_id({expression}) = {id})"),
        KeyPurpose::Equality => uses_term(TermKind::Equality, key, expression),
        KeyPurpose::Order => uses_term(TermKind::Order, key, expression),
        KeyPurpose::Caseless => uses_term(TermKind::Caseless, key, expression),
        KeyPurpose::Match => uses_term(TermKind::Match, key, expression),
        // No term of these is written.
        KeyPurpose::Identity => "false".to_owned(),
    }
}

/// Whether a term names this index key: for each set of terms that can come before it, there is one place for the id.
fn uses_term(kind: TermKind, key: &KeyInfo, expression: &str) -> String {
    let (present, own) = (present_bits(expression), bit(kind, key.slot));
    let id = literal(key.id);
    let below = own - 1;
    let mut places: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    // Any term requires that of equality in slot A.
    for before in (0..own).filter(|before| own == 1 || before & 1 == 1) {
        places.entry(key_place(before | own, kind, key.slot)).or_default().push(before.to_string());
    }
    let one = places.len() == 1;
    let cases: Vec<String> = (places.iter())
        .map(|(at, before)| match one {
            true => format!("substr({expression}, {at}, 8) = {id}"),
            false => {
                let which = format!("({present} & {below}) IN ({})", before.join(", "));
                format!("({which} AND substr({expression}, {at}, 8) = {id})")
            }
        })
        .collect();
    // Without the bit, the place of the id is one of random bytes.
    let cases = cases.join(" OR ");
    let cases = if one { cases } else { format!("({cases})") };
    format!("(({present} & {own}) <> 0 AND {cases})")
}

fn literal(key: KeyId) -> String {
    format!("'\\x{key}'::bytea")
}

/// The bit of a term among those present, in their low byte.
fn bit(kind: TermKind, slot: Slot) -> u8 {
    1u8.checked_shl(2 * (kind as u32) + (slot as u32)).unwrap_or(0)
}

/// Where the id of a term's index key begins, counted from 1, in an envelope with just these terms.
fn key_place(present: u8, kind: TermKind, slot: Slot) -> u32 {
    let before = present & (bit(kind, slot) - 1);
    let equalities = (before & 3).count_ones();
    // Blocks of equality have the term in them, the others an entry of the directory.
    17 + 24 * equalities + 16 * (before.count_ones() - equalities)
}

/// The low byte of the terms present. Cut out before it is looked at: `get_byte` alone would fetch the whole of
/// a value in TOAST.
fn present_bits(expression: &str) -> String {
    format!("get_byte(substr({expression}, 8, 1), 0)")
}

#[cfg(test)]
#[path = "reseal_tests.rs"]
mod tests;
