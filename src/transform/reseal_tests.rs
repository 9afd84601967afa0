//! Values on their way through a rotation.

use super::*;
use crate::catalog::{GroupId, SearchKinds, SearchSlot};
use crate::crypto::{Key, envelope};
use crate::keys::{KeyState, KeyringBuilder};
use crate::sql::plan::{Role, Slot as PlanSlot, Source};
use crate::transform::Transformer;
use crate::value::{Collation, Format, Input};

const GROUP: GroupBytes = [1; 16];
const OTHER: GroupBytes = [2; 16];

fn info(id: u64, purpose: KeyPurpose, version: u32, state: KeyState, slot: Slot) -> KeyInfo {
    KeyInfo { id: KeyId(id), group: GROUP, purpose, version, state, slot }
}

/// A keyring with these data keys and index keys; each key's bytes follow from its id.
fn keyring(data: &[(u64, KeyState)], index: &[(u64, KeyState, Slot)]) -> Arc<Keyring> {
    let bytes = |id: u64| Some(Key::new([u8::try_from(id).unwrap(); 32]));
    let mut builder = KeyringBuilder::new([9; 16]).group(GROUP, "g").group_with_keys(
        OTHER,
        "other",
        (KeyId(100), Key::new([100; 32])),
        (KeyId(101), Key::new([101; 32])),
    );
    for (version, (id, state)) in (1..).zip(data) {
        builder = builder.key(info(*id, KeyPurpose::Data, version, *state, Slot::A), bytes(*id));
    }
    for (version, (id, state, slot)) in (1..).zip(index) {
        builder = builder.key(info(*id, KeyPurpose::Equality, version, *state, *slot), bytes(*id));
    }
    Arc::new(builder.build().unwrap())
}

use KeyState::{Active, Fading, Primary, Retired};

/// The states of a group while its index key is replaced, twice.
fn stages() -> Vec<Arc<Keyring>> {
    let data = &[(10, Primary)];
    let stages: [&[(u64, KeyState, Slot)]; 7] = [
        &[(11, Primary, Slot::A)],
        &[(11, Primary, Slot::A), (12, Active, Slot::B)],
        &[(11, Fading, Slot::A), (12, Primary, Slot::B)],
        &[(11, Retired, Slot::A), (12, Primary, Slot::B)],
        &[(11, Retired, Slot::A), (12, Primary, Slot::B), (13, Active, Slot::A)],
        &[(11, Retired, Slot::A), (12, Fading, Slot::B), (13, Primary, Slot::A)],
        &[(11, Retired, Slot::A), (12, Retired, Slot::B), (13, Primary, Slot::A)],
    ];
    stages.map(|index| keyring(data, index)).to_vec()
}

fn column(ty: Type, equality: bool) -> Arc<EncryptedColumn> {
    let name = |text: &str| text.to_owned();
    Arc::new(EncryptedColumn {
        table_oid: 20000,
        schema: name("public"),
        table: name("t"),
        name: name("c"),
        attnum: 1,
        ty,
        group: GroupId(GROUP),
        group_name: name("g"),
        equality,
        order: false,
        caseless: false,
        matching: false,
        complete: SearchKinds::default(),
        collation: Collation::c(),
        slot: SearchSlot::A,
    })
}

fn stored(keyring: &Arc<Keyring>, column: &Arc<EncryptedColumn>, text: &str) -> Vec<u8> {
    let role = Role::Store(column.clone());
    let slot =
        PlanSlot { source: Source::Param(0), source_type: None, casts: Vec::new(), role, server_param: 1 };
    let mut out = Vec::new();
    let mut transformer = Transformer::new(keyring.clone(), Ok(Settings::default()));
    assert!(transformer.seal_slot(&slot, Some(Input::Text(text.as_bytes())), &mut out).unwrap());
    out
}

fn opened(keyring: &Arc<Keyring>, column: &EncryptedColumn, envelope: &[u8]) -> String {
    let mut out = Vec::new();
    let mut transformer = Transformer::new(keyring.clone(), Ok(Settings::default()));
    transformer.open(column, &[], envelope, Format::Text, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The terms of an envelope: index key and bytes, of slot A and slot B.
fn terms(envelope: &[u8]) -> [Option<(KeyId, Vec<u8>)>; 2] {
    let envelope = Envelope::parse(envelope).unwrap();
    Slot::ALL.map(|slot| envelope.term(TermKind::Equality, slot).map(|term| (term.key, term.bytes.to_vec())))
}

fn reseal(
    keyring: &Arc<Keyring>,
    column: Option<&EncryptedColumn>,
    goal: Goal,
    envelope: &[u8],
) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let done = Resealer::new(keyring.clone()).reseal(&GROUP, column, goal, envelope, &mut out).unwrap();
    assert!(out.starts_with(b"before"));
    match done {
        Resealed::Already => assert_eq!(out.len(), 6),
        Resealed::Changed => assert!(out.len() > 6),
    }
    (done == Resealed::Changed).then(|| out.split_off(6))
}

#[test]
fn values_get_and_lose_terms_as_the_index_key_is_replaced() {
    let column = column(Type::Text, true);
    let stages = stages();
    let ids: [[Option<u64>; 2]; 7] = [
        [Some(11), None],
        [Some(11), Some(12)],
        [Some(11), Some(12)],
        [Some(0), Some(12)],
        [Some(13), Some(12)],
        [Some(13), Some(12)],
        [Some(13), None],
    ];
    let mut value = stored(&stages[0], &column, "alice");
    for ((n, keyring), ids) in stages.iter().enumerate().zip(ids) {
        if let Some(renewed) = reseal(keyring, Some(&column), Goal::IndexTerms, &value) {
            assert_ne!(renewed, value);
            value = renewed;
        }
        let fresh = stored(keyring, &column, "alice");
        let resealer = Resealer::new(keyring.clone());
        for (envelope, what) in [(&value, "swept"), (&fresh, "written")] {
            let found = terms(envelope);
            let keys = found.clone().map(|term| term.map(|(key, _)| key.0));
            assert_eq!(keys, ids, "stage {n}, {what}");
            assert_eq!(opened(keyring, &column, envelope), "alice");
            for (slot, term) in Slot::ALL.into_iter().zip(found) {
                let Some((key, bytes)) = term.filter(|(key, _)| *key != KeyId::NONE) else { continue };
                let sought = CellCipher::new(keyring.clone()).equality_term(&GROUP, slot, b"alice").unwrap();
                assert_eq!(bytes, sought, "stage {n}, {what}, key {key}");
            }
            assert!(resealer.is_current(&GROUP, Some(&column), Goal::IndexTerms, envelope));
            assert_eq!(reseal(keyring, Some(&column), Goal::IndexTerms, envelope), None, "a second time");
        }
        // What came before is not current, exactly where the written keys differ.
        for (m, other) in stages.iter().enumerate() {
            let old = stored(other, &column, "alice");
            let same = resealer.is_current(&GROUP, Some(&column), Goal::IndexTerms, &old);
            assert_eq!(same, terms(&old).map(|t| t.map(|(key, _)| key.0)) == ids, "stage {n} of {m}");
        }
    }
}

#[test]
fn fillers_repeat_nowhere_and_are_no_terms() {
    let column = column(Type::Text, true);
    let keyring = &stages()[3];
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let envelope = stored(keyring, &column, "alice");
        assert_eq!(envelope[16..24], [0; 8]);
        assert!(seen.insert(envelope[24..40].to_vec()));
    }
    let cipher = CellCipher::new(keyring.clone());
    let refused = cipher.equality_term(&GROUP, Slot::A, b"alice").unwrap_err();
    assert_eq!((refused.clone(), refused.sqlstate()), (CryptoError::UnusedSlot(Slot::A), "55000"));
    assert!(refused.hint().is_some());
}

#[test]
fn a_new_data_key_keeps_the_terms_byte_by_byte() {
    let column = column(Type::Varchar(Some(20)), true);
    let index = &[(11, Fading, Slot::A), (12, Primary, Slot::B)];
    let old = keyring(&[(10, Primary)], index);
    let new = keyring(&[(10, Fading), (20, Primary)], index);
    for (column, has_terms) in [(column.clone(), true), (super::tests::column(Type::Text, false), false)] {
        let value = stored(&old, &column, "alice");
        let renewed = reseal(&new, Some(&column), Goal::DataKey, &value).unwrap();
        assert_eq!(Envelope::parse(&renewed).unwrap().data_key(), KeyId(20));
        assert_eq!(terms(&renewed), terms(&value));
        assert_eq!(terms(&value)[1].is_some(), has_terms);
        assert_eq!(renewed.len(), value.len());
        assert_eq!(opened(&new, &column, &renewed), "alice");
        assert_eq!(reseal(&new, None, Goal::DataKey, &renewed), None);
        // Both at once: whatever is sealed anew is sealed under the new key.
        let both = keyring(&[(10, Fading), (20, Primary)], &[(11, Retired, Slot::A), (12, Primary, Slot::B)]);
        let renewed = reseal(&both, Some(&column), Goal::IndexTerms, &value);
        assert_eq!(renewed.is_some(), has_terms);
        let key = renewed.map(|renewed| Envelope::parse(&renewed).unwrap().data_key());
        assert_eq!(key, has_terms.then_some(KeyId(20)));
    }
}

#[test]
fn a_value_in_an_unnamed_table_gets_the_same_terms_for_every_type() {
    let values = [
        (Type::Text, "Ærøskøbing"),
        (Type::Varchar(Some(9)), "ab  "),
        (Type::Char(9), "ab  "),
        (Type::Int2, "-5"),
        (Type::Int4, "-5"),
        (Type::Int8, "9223372036854775807"),
        (Type::Float4, "-0"),
        (Type::Float8, "NaN"),
        (Type::Numeric(Some((10, 2))), "1.50"),
        (Type::Bool, "t"),
        (Type::Date, "1987-06-05"),
        (Type::Time(Some(3)), "04:05:06.789"),
        (Type::Timestamp(Some(0)), "1987-06-05 04:05:06"),
        (Type::Timestamptz(None), "1987-06-05 04:05:06+02"),
        (Type::Uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (Type::Jsonb, "{\"a\": 2.0, \"b\": 1}"),
        (Type::Bytea, "\\x00ff"),
    ];
    let stages = stages();
    for (ty, text) in values {
        let column = column(ty, true);
        let old = stored(&stages[0], &column, text);
        let fresh = terms(&stored(&stages[1], &column, text));
        for column in [None, Some(&*column)] {
            let renewed = reseal(&stages[1], column, Goal::IndexTerms, &old).unwrap();
            assert_eq!(terms(&renewed), fresh, "{ty}, declared: {}", column.is_some());
        }
    }
    // Without terms there is nothing to bring up to date, unless the column wants some.
    let bare = stored(&stages[0], &column(Type::Text, false), "x");
    assert_eq!(reseal(&stages[1], None, Goal::IndexTerms, &bare), None);
    assert_eq!(reseal(&stages[1], Some(&column(Type::Text, false)), Goal::IndexTerms, &bare), None);
    let given = reseal(&stages[1], Some(&column(Type::Text, true)), Goal::IndexTerms, &bare).unwrap();
    assert_eq!(terms(&given).map(|term| term.map(|(key, _)| key.0)), [Some(11), Some(12)]);
}

#[test]
fn values_that_cannot_be_read_are_errors_and_leave_nothing() {
    let column = column(Type::Text, true);
    let (old, new) = (
        keyring(&[(10, Primary)], &[(11, Primary, Slot::A)]),
        keyring(&[(20, Primary)], &[(11, Primary, Slot::A)]),
    );
    let value = stored(&old, &column, "alice");
    let mut altered = stored(&new, &column, "alice");
    *altered.last_mut().unwrap() ^= 1;
    altered[15] ^= 7;
    let mut foreign = Vec::new();
    CellCipher::new(new.clone()).seal(&OTHER, 1, b"x", None, &mut foreign).unwrap();
    let mut resealer = Resealer::new(new.clone());
    for (envelope, sqlstate) in
        [(&value, "58000"), (&altered, "58000"), (&foreign, "XX001"), (&b"plain".to_vec(), "XX001")]
    {
        let mut out = b"before".to_vec();
        assert!(!resealer.is_current(&GROUP, Some(&column), Goal::DataKey, envelope));
        let error = resealer.reseal(&GROUP, Some(&column), Goal::DataKey, envelope, &mut out).unwrap_err();
        assert_eq!(error.sqlstate, sqlstate);
        // Where values of any group may lie, one that is not of this group is no concern of it.
        let unnamed = resealer.reseal(&GROUP, None, Goal::DataKey, envelope, &mut out);
        match Envelope::parse(envelope) {
            Ok(_) => assert_eq!(unnamed.unwrap(), Resealed::Already),
            Err(_) => assert_eq!(unnamed.unwrap_err().sqlstate, sqlstate),
        }
        assert_eq!(out, b"before");
    }
    let both = keyring(&[(10, Fading), (20, Primary)], &[(11, Primary, Slot::A)]);
    let mut altered = value.clone();
    *altered.last_mut().unwrap() ^= 1;
    let error = Resealer::new(both).reseal(&GROUP, None, Goal::DataKey, &altered, &mut Vec::new());
    assert_eq!(error.unwrap_err().sqlstate, "XX001");
}

/// As array_send writes it: (element or NULL) each.
fn array(elements: &[Option<&[u8]>]) -> Vec<u8> {
    let words = [1, 1, 16_400, i32::try_from(elements.len()).unwrap(), 1];
    let mut out: Vec<u8> = words.into_iter().flat_map(i32::to_be_bytes).collect();
    for element in elements {
        let len = element.map_or(-1, |element| i32::try_from(element.len()).unwrap());
        out.extend(len.to_be_bytes());
        out.extend(element.unwrap_or_default());
    }
    out
}

#[test]
fn arrays_are_resealed_element_by_element() {
    let column = column(Type::Text, true);
    let stages = stages();
    let (one, two) = (stored(&stages[0], &column, "one"), stored(&stages[1], &column, "two"));
    let old = array(&[Some(&one), None, Some(&two)]);
    let mut resealer = Resealer::new(stages[1].clone());
    let mut out = b"before".to_vec();
    let done = resealer.reseal_array(&GROUP, None, Goal::IndexTerms, &old, &mut out).unwrap();
    assert_eq!(done, Resealed::Changed);
    let new = out.split_off(6);
    let renewed = &new[24..24 + one.len() + 24];
    assert_eq!(opened(&stages[1], &column, renewed), "one");
    assert_eq!(new, array(&[Some(renewed), None, Some(&two)]));
    for current in [&new, &array(&[])] {
        let done = resealer.reseal_array(&GROUP, None, Goal::IndexTerms, current, &mut out).unwrap();
        assert_eq!((done, &out[..]), (Resealed::Already, &b"before"[..]));
    }
    let empty = [0i32, 0, 16_400].into_iter().flat_map(i32::to_be_bytes).collect::<Vec<_>>();
    assert_eq!(
        resealer.reseal_array(&GROUP, None, Goal::DataKey, &empty, &mut out).unwrap(),
        Resealed::Already
    );
    for len in 0..old.len() {
        // Cut within an element, or where one begins: then a whole, shorter list is left.
        let cut = resealer.reseal_array(&GROUP, None, Goal::IndexTerms, &old[..len], &mut out);
        assert!(cut.is_err() || [20, 24 + one.len(), 28 + one.len()].contains(&len), "{len}");
        out.truncate(6);
    }
}

#[test]
fn long_values_do_not_make_short_ones_slow() {
    let column = column(Type::Text, true);
    let stages = stages();
    let mut resealer = Resealer::new(stages[1].clone());
    let mut out = Vec::new();
    for len in [1_000_000, 5] {
        let value = stored(&stages[0], &column, &"x".repeat(len));
        resealer.reseal(&GROUP, None, Goal::IndexTerms, &value, &mut out).unwrap();
    }
    assert!(resealer.plaintext.capacity() <= super::super::KEPT);
    assert_eq!(format!("{resealer:?}"), "Resealer(CellCipher(Keyring(2 groups, 5 keys)))");
}

#[test]
fn every_tag_leads_back_to_its_type() {
    for tag in 0..=u8::MAX {
        match type_of_tag(tag) {
            Some(ty) => assert_eq!(super::super::encoding_tag(&ty), tag),
            None => assert!(!(1..=17).contains(&tag)),
        }
    }
}

#[test]
fn conditions_name_ids_and_read_heads_only() {
    let stages = stages();
    let sql = |keyring: &Arc<Keyring>, column: Option<&EncryptedColumn>, goal| {
        stale_sql(keyring, &GROUP, column, goal, "c").unwrap()
    };
    assert_eq!(sql(&stages[0], None, Goal::DataKey), "(pyrite.key_id(c) <> '\\x000000000000000a'::bytea)");
    let declared = column(Type::Text, true);
    assert_eq!(
        sql(&stages[0], Some(&declared), Goal::IndexTerms),
        "(get_byte(substr(c, 8, 1), 0) <> 1 OR substr(c, 17, 8) <> '\\x000000000000000b'::bytea)"
    );
    assert!(sql(&stages[3], None, Goal::IndexTerms).contains("substr(c, 17, 8) <> '\\x0000000000000000'"));
    assert!(sql(&stages[3], None, Goal::IndexTerms).starts_with("(substr(c, 7, 2) <> '\\x0000'::bytea AND"));
    assert!(stale_sql(&stages[0], &[7; 16], None, Goal::DataKey, "c").is_err());
    let b = info(12, KeyPurpose::Equality, 2, Retired, Slot::B);
    assert!(uses_key_sql(&b, "c").contains("& 2) <> 0 AND substr(c, 41, 8) = '\\x000000000000000c'"));
    assert_eq!(envelope::EQUALITY_OFFSET - 8 + 1, 17);
}
