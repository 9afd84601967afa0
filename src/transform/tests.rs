//! The whole way of a value: sealed as a parameter, found again by its term, opened as a result.

use std::sync::Arc;

use super::{TransformError, Transformer};
use crate::catalog::{EncryptedColumn, GroupId, SearchKinds, SearchSlot};
use crate::crypto::{Key, KeyId};
use crate::keys::{Keyring, KeyringBuilder};
use crate::sql::plan::{Role, Slot, Source};
use crate::value::{Format, Input, Settings, Type};

pub(super) const GROUP: [u8; 16] = [1; 16];
pub(super) const OTHER_GROUP: [u8; 16] = [2; 16];

fn keyring() -> Arc<Keyring> {
    let key = |byte| Key::new([byte; 32]);
    let built = KeyringBuilder::new([9; 16])
        .group_with_keys(GROUP, "one", (KeyId(11), key(1)), (KeyId(12), key(2)))
        .group_with_keys(OTHER_GROUP, "two", (KeyId(21), key(3)), (KeyId(22), key(4)))
        .build();
    Arc::new(built.unwrap())
}

pub(super) fn transformer() -> Transformer {
    Transformer::new(keyring(), Ok(Settings::default()))
}

pub(super) fn column(ty: Type, group: [u8; 16]) -> Arc<EncryptedColumn> {
    let name = |text: &str| text.to_owned();
    Arc::new(EncryptedColumn {
        table_oid: 20000,
        schema: name("public"),
        table: name("t"),
        name: name("c"),
        attnum: 1,
        ty,
        group: GroupId(group),
        group_name: name("g"),
        equality: ty.family().is_some(),
        order: false,
        caseless: false,
        matching: false,
        complete: SearchKinds::default(),
        collation: crate::value::Collation::c(),
        slot: SearchSlot::A,
    })
}

pub(super) fn slot(role: Role, source_type: Option<Type>, casts: &[Type]) -> Slot {
    Slot { source: Source::Param(0), source_type, casts: casts.to_vec(), role, server_param: 1 }
}

pub(super) fn seal(slot: &Slot, text: &str) -> Result<Vec<u8>, TransformError> {
    let mut out = Vec::new();
    let present = transformer().seal_slot(slot, Some(Input::Text(text.as_bytes())), &mut out)?;
    assert!(present);
    Ok(out)
}

fn open_text(column: &EncryptedColumn, casts: &[Type], envelope: &[u8]) -> Result<String, TransformError> {
    let mut out = Vec::new();
    transformer().open(column, casts, envelope, Format::Text, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_memory_of_a_long_value_is_given_back() {
    let column = column(Type::Text, GROUP);
    let store = slot(Role::Store(Arc::clone(&column)), None, &[]);
    let mut transformer = transformer();
    let mut capacity = |text: &str| {
        let (envelope, mut out) = (seal(&store, text).unwrap(), Vec::new());
        transformer.open(&column, &[], &envelope, Format::Text, &mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        transformer.plaintext.capacity()
    };
    assert!(capacity(&"x".repeat(1 << 22)) >= 1 << 22);
    // All of it would be wiped again with each of those that follow.
    assert!(capacity("short") <= super::KEPT);
    let kept = capacity(&"x".repeat(super::KEPT / 2));
    assert_eq!(capacity("short"), kept, "that much is not worth giving back");
}

#[test]
fn what_is_stored_comes_back_for_every_type() {
    let values = [
        (Type::Text, "Ærøskøbing 🚗"),
        (Type::Text, ""),
        (Type::Varchar(Some(4)), "abcd"),
        (Type::Char(4), "ab  "),
        (Type::Int2, "-32768"),
        (Type::Int4, "-5"),
        (Type::Int8, "9223372036854775807"),
        (Type::Float4, "1.1"),
        (Type::Float8, "-Infinity"),
        (Type::Numeric(Some((10, 2))), "1.50"),
        (Type::Numeric(None), "1.5000"),
        (Type::Bool, "t"),
        (Type::Date, "1987-06-05"),
        (Type::Time(None), "04:05:06.789"),
        (Type::Timestamp(None), "1987-06-05 04:05:06"),
        (Type::Timestamptz(None), "1987-06-05 04:05:06+00"),
        (Type::Uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (Type::Json, "{\"b\":1,  \"a\":2}"),
        (Type::Jsonb, "{\"a\": 2, \"b\": 1}"),
        (Type::Bytea, "\\x00ff"),
    ];
    for (ty, text) in values {
        let column = column(ty, GROUP);
        let envelope = seal(&slot(Role::Store(column.clone()), None, &[]), text).unwrap();
        assert_eq!(open_text(&column, &[], &envelope).unwrap(), text, "{ty}");
        if text.len() > 3 {
            let hit = envelope.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!hit, "{ty}: plaintext in the envelope");
        }
    }
}

#[test]
fn a_stored_value_carries_the_term_that_a_lookup_asks_for() {
    let column = column(Type::Int8, GROUP);
    let envelope = seal(&slot(Role::Store(column.clone()), None, &[]), "7").unwrap();
    let term = seal(&slot(Role::Equality(column.clone()), Some(Type::Numeric(None)), &[]), "7.00").unwrap();
    assert_eq!(envelope[24..40], term);
    let other = seal(&slot(Role::Equality(column), None, &[]), "8").unwrap();
    assert_ne!(term, other);
}

#[test]
fn groups_do_not_share_terms() {
    let mine = slot(Role::Equality(column(Type::Text, GROUP)), None, &[]);
    let yours = slot(Role::Equality(column(Type::Text, OTHER_GROUP)), None, &[]);
    assert_ne!(seal(&mine, "same").unwrap(), seal(&yours, "same").unwrap());
}

#[test]
fn arrays_become_arrays_of_terms_with_their_nulls() {
    let column = column(Type::Text, GROUP);
    let array = seal(&slot(Role::EqualityArray(column.clone()), None, &[]), "{a,NULL,\"b c\"}").unwrap();
    let term = seal(&slot(Role::Equality(column), None, &[]), "b c").unwrap();
    assert_eq!(array.len(), 12 + 8 + (4 + 16) + 4 + (4 + 16));
    assert_eq!(array[array.len() - 16..], term);
}

#[test]
fn null_seals_to_null() {
    let slot = slot(Role::Store(column(Type::Text, GROUP)), None, &[]);
    let mut out = Vec::new();
    assert!(!transformer().seal_slot(&slot, None, &mut out).unwrap());
    assert!(out.is_empty());
}

#[test]
fn a_value_that_the_type_does_not_accept_has_postgres_sqlstate_and_stays_unnamed() {
    for (ty, text, sqlstate) in [
        (Type::Int4, "canary", "22P02"),
        (Type::Int2, "40000", "22003"),
        (Type::Varchar(Some(3)), "canary", "22001"),
        (Type::Date, "1987-02-30", "22008"),
        (Type::Numeric(Some((4, 2))), "12345", "22003"),
    ] {
        let error = seal(&slot(Role::Store(column(ty, GROUP)), None, &[]), text).unwrap_err();
        assert_eq!(error.sqlstate, sqlstate, "{ty}");
        assert!(!format!("{error} {error:?}").contains(text), "{ty}: the error holds the value");
    }
}

#[test]
fn explicit_casts_are_applied_before_the_value_is_stored() {
    let column = column(Type::Text, GROUP);
    let cut = slot(Role::Store(column.clone()), Some(Type::Text), &[Type::Varchar(Some(2))]);
    let envelope = seal(&cut, "abcdef").unwrap();
    assert_eq!(open_text(&column, &[], &envelope).unwrap(), "ab");
}

#[test]
fn casts_at_the_output_are_applied_to_the_opened_value() {
    let column = column(Type::Numeric(Some((10, 2))), GROUP);
    let envelope = seal(&slot(Role::Store(column.clone()), None, &[]), "2.50").unwrap();
    assert_eq!(open_text(&column, &[Type::Int4], &envelope).unwrap(), "3");
    assert_eq!(open_text(&column, &[Type::Text], &envelope).unwrap(), "2.50");
}

#[test]
fn an_altered_or_moved_envelope_is_an_error() {
    let mine = column(Type::Text, GROUP);
    let envelope = seal(&slot(Role::Store(mine.clone()), None, &[]), "value").unwrap();
    for at in 0..envelope.len() {
        let mut altered = envelope.clone();
        altered[at] ^= 1;
        assert!(open_text(&mine, &[], &altered).is_err(), "byte {at}");
    }
    assert!(open_text(&column(Type::Text, OTHER_GROUP), &[], &envelope).is_err());
    let error = open_text(&column(Type::Bytea, GROUP), &[], &envelope).unwrap_err();
    assert_eq!(error.sqlstate, "XX001");
}

#[test]
fn settings_that_cannot_be_followed_refuse_every_value() {
    let settings = Settings::from_gucs("ISO, MDY", "Not/AZone", "hex", "1");
    let mut transformer = Transformer::new(keyring(), settings);
    let slot = slot(Role::Store(column(Type::Text, GROUP)), None, &[]);
    let error = transformer.seal_slot(&slot, Some(Input::Text(b"x")), &mut Vec::new()).unwrap_err();
    assert_eq!(error.sqlstate, "0A000");
}
