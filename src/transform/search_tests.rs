//! Terms of the further search kinds, from the value to the envelope and back.

use std::sync::Arc;

use super::super::{Goal, Resealed, Resealer, Transformer};
use super::*;
use crate::catalog::{GroupId, SearchSlot};
use crate::crypto::{Envelope, Key, KeyId, Slot, TermKind};
use crate::keys::{KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder};
use crate::sql::plan::{Role, Slot as PlanSlot, Source};
use crate::value::Input;

const GROUP: [u8; 16] = [1; 16];
const INDEX: [KeyPurpose; 4] =
    [KeyPurpose::Equality, KeyPurpose::Order, KeyPurpose::Caseless, KeyPurpose::Match];

/// One data key, and index keys for all kinds: these, each with its version, state and slot.
fn keyring(index: &[(u32, KeyState, Slot)]) -> Arc<Keyring> {
    let info = |id, purpose, version, state, slot| KeyInfo {
        id: KeyId(id),
        group: GROUP,
        purpose,
        version,
        state,
        slot,
    };
    let key = |id: u64| Some(Key::new([u8::try_from(id).unwrap(); 32]));
    let mut builder = KeyringBuilder::new([9; 16]).group(GROUP, "g");
    builder = builder.key(info(1, KeyPurpose::Data, 1, KeyState::Primary, Slot::A), key(1));
    for (n, purpose) in (1..).zip(INDEX) {
        for (version, state, slot) in index {
            let id = n * 10 + u64::from(*version);
            builder = builder.key(info(id, purpose, *version, *state, *slot), key(id));
        }
    }
    Arc::new(builder.build().unwrap())
}

fn first() -> Arc<Keyring> {
    keyring(&[(1, KeyState::Primary, Slot::A)])
}

fn column(ty: Type, kinds: SearchKinds, slot: SearchSlot) -> Arc<EncryptedColumn> {
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
        equality: true,
        order: kinds.order,
        caseless: kinds.caseless,
        matching: kinds.matching,
        complete: kinds,
        collation: Collation::c(),
        slot,
    })
}

fn text(kinds: SearchKinds) -> Arc<EncryptedColumn> {
    column(Type::Text, kinds, SearchSlot::A)
}

fn sealed(keyring: &Arc<Keyring>, role: Role, value: &str) -> Vec<u8> {
    let slot =
        PlanSlot { source: Source::Param(0), source_type: None, casts: Vec::new(), role, server_param: 1 };
    let mut out = Vec::new();
    let mut transformer = Transformer::new(Arc::clone(keyring), Ok(Settings::default()));
    assert!(transformer.seal_slot(&slot, Some(Input::Text(value.as_bytes())), &mut out).unwrap());
    out
}

fn term(envelope: &[u8], kind: TermKind, slot: Slot) -> Option<(u64, Vec<u8>)> {
    let term = Envelope::parse(envelope).unwrap().term(kind, slot)?;
    Some((term.key.0, term.bytes.to_vec()))
}

#[test]
fn a_value_carries_what_constants_are_looked_up_by() {
    let (keyring, all) = (first(), text(SearchKinds::ALL));
    let long = format!("Größe {}", "x".repeat(90));
    for value in ["", "a", "Größe XL", long.as_str()] {
        let envelope = sealed(&keyring, Role::Store(all.clone()), value);
        let (key, order) = term(&envelope, TermKind::Order, Slot::A).unwrap();
        assert_eq!((key, &order), (21, &sealed(&keyring, Role::OrderWhole(all.clone()), value)));
        let head = sealed(&keyring, Role::OrderHead(all.clone()), value);
        assert_eq!(head[..], order[..order.len().min(crate::crypto::ORDER_HEAD_LEN)]);
        let (key, caseless) = term(&envelope, TermKind::Caseless, Slot::A).unwrap();
        assert_eq!(
            (key, &caseless),
            (31, &sealed(&keyring, Role::Caseless(all.clone()), &value.to_uppercase()))
        );
        let (key, tokens) = term(&envelope, TermKind::Match, Slot::A).unwrap();
        assert!(key == 41 && !tokens.is_empty() && tokens.chunks_exact(3).remainder().is_empty());
        let stored: Vec<i32> =
            tokens.chunks_exact(3).map(|t| i32::from_be_bytes([0, t[0], t[1], t[2]])).collect();
        let transformer = Transformer::new(Arc::clone(&keyring), Ok(Settings::default()));
        let whole = Literal { text: &value.to_lowercase(), starts: true, ends: true };
        assert_eq!(transformer.match_tokens(&all, &[whole]).unwrap(), stored);
        for slot in [TermKind::Order, TermKind::Caseless, TermKind::Match] {
            assert_eq!(term(&envelope, slot, Slot::B), None);
        }
    }
}

#[test]
fn only_what_is_configured_is_written() {
    let kinds = SearchKinds { caseless: true, ..SearchKinds::default() };
    let envelope = sealed(&first(), Role::Store(text(kinds)), "value");
    assert!(term(&envelope, TermKind::Caseless, Slot::A).is_some());
    assert_eq!(term(&envelope, TermKind::Order, Slot::A), None);
    assert_eq!(term(&envelope, TermKind::Match, Slot::A), None);
}

#[test]
fn a_sweep_gives_and_takes_terms_of_all_kinds() {
    let stages = [
        first(),
        keyring(&[(1, KeyState::Primary, Slot::A), (2, KeyState::Active, Slot::B)]),
        keyring(&[(1, KeyState::Retired, Slot::A), (2, KeyState::Primary, Slot::B)]),
    ];
    let none = text(SearchKinds::default());
    for column in [
        none.clone(),
        text(SearchKinds::ALL),
        column(Type::Int4, SearchKinds { order: true, ..none.kinds() }, SearchSlot::A),
    ] {
        let value = if column.ty == Type::Int4 { "42" } else { "Größe XL" };
        let fresh: Vec<Vec<u8>> =
            stages.iter().map(|keyring| sealed(keyring, Role::Store(column.clone()), value)).collect();
        for (from, old) in fresh.iter().enumerate() {
            for (to, keyring) in stages.iter().enumerate() {
                let mut resealer = Resealer::new(Arc::clone(keyring));
                let current = resealer.is_current(&GROUP, Some(&column), Goal::IndexTerms, old);
                assert_eq!(current, from == to, "from stage {from} to {to}");
                let mut out = Vec::new();
                let done = resealer.reseal(&GROUP, Some(&column), Goal::IndexTerms, old, &mut out).unwrap();
                assert_eq!(done == Resealed::Already, from == to);
                let new = if from == to { old } else { &out };
                assert!(resealer.is_current(&GROUP, Some(&column), Goal::IndexTerms, new));
                for kind in [TermKind::Order, TermKind::Caseless, TermKind::Match] {
                    for slot in Slot::ALL {
                        assert_eq!(term(new, kind, slot), term(&fresh[to], kind, slot), "{kind:?} {slot:?}");
                    }
                }
            }
        }
        // A kind that is added, one that is taken away, and a table that nothing is known of.
        let mut resealer = Resealer::new(first());
        for (target, expected) in [(Some(&none), false), (None, false)] {
            if column.kinds().is_empty() || column.ty == Type::Int4 {
                continue;
            }
            let mut out = Vec::new();
            let target = target.map(|column| &**column);
            resealer.reseal(&GROUP, target, Goal::IndexTerms, &fresh[0], &mut out).unwrap();
            assert_eq!(term(&out, TermKind::Order, Slot::A).is_some(), expected);
            let back = out.clone();
            out.clear();
            resealer.reseal(&GROUP, Some(&column), Goal::IndexTerms, &back, &mut out).unwrap();
            assert_eq!(term(&out, TermKind::Match, Slot::A), term(&fresh[0], TermKind::Match, Slot::A));
        }
    }
}
