//! Tests of the cell cipher.

use super::*;
use crate::crypto::Key;
use crate::keys::{KeyInfo, KeyPurpose, KeyState, KeyringBuilder};

const EMAIL: GroupBytes = [1; 16];
const PHONE: GroupBytes = [2; 16];

fn builder() -> KeyringBuilder {
    KeyringBuilder::new([9; 16])
        .group_with_keys(EMAIL, "email", (KeyId(10), Key::new([10; 32])), (KeyId(11), Key::new([11; 32])))
        .group_with_keys(PHONE, "phone", (KeyId(20), Key::new([20; 32])), (KeyId(21), Key::new([21; 32])))
}

fn cipher() -> CellCipher {
    CellCipher::new(Arc::new(builder().build().unwrap()))
}

fn sealed(cipher: &mut CellCipher, group: &GroupBytes, plaintext: &[u8], equality: bool) -> Vec<u8> {
    let mut out = b"before".to_vec();
    cipher.seal(group, 7, plaintext, equality.then_some(plaintext), &mut out).unwrap();
    assert!(out.starts_with(b"before"));
    out.split_off(6)
}

#[test]
fn values_come_back_and_terms_are_in_their_place() {
    let mut cipher = cipher();
    for plaintext in [&b""[..], b"a", b"alice@example.com", &[0; 100_000]] {
        for equality in [false, true] {
            let envelope = sealed(&mut cipher, &EMAIL, plaintext, equality);
            let mut out = b"before".to_vec();
            assert_eq!(cipher.open(&EMAIL, &envelope, &mut out), Ok(7));
            assert_eq!(out, [b"before", plaintext].concat());
            let term = cipher.equality_term(&EMAIL, Slot::A, plaintext).unwrap();
            let at = envelope::EQUALITY_OFFSET;
            assert_eq!(envelope[at..at + 16] == term, equality);
        }
    }
}

#[test]
fn equal_values_have_equal_terms_and_different_envelopes() {
    let mut cipher = cipher();
    let (one, two) = (sealed(&mut cipher, &EMAIL, b"x", true), sealed(&mut cipher, &EMAIL, b"x", true));
    assert_eq!(one[24..40], two[24..40]);
    assert_eq!(one[40..52], two[40..52], "both in one epoch");
    assert_ne!(one[52..], two[52..]);
    let (mine, other) = (
        cipher.equality_term(&EMAIL, Slot::A, b"x").unwrap(),
        cipher.equality_term(&PHONE, Slot::A, b"x").unwrap(),
    );
    assert_ne!(mine, other);
}

#[test]
fn without_a_term_the_place_of_the_term_never_repeats() {
    let mut cipher = cipher();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10_000 {
        let envelope = sealed(&mut cipher, &EMAIL, b"", false);
        assert!(seen.insert(envelope[24..40].to_vec()));
    }
}

#[test]
fn a_value_in_another_column_is_an_error() {
    let mut cipher = cipher();
    let envelope = sealed(&mut cipher, &EMAIL, b"secret", true);
    let mut out = b"before".to_vec();
    assert_eq!(cipher.open(&PHONE, &envelope, &mut out), Err(CryptoError::OtherGroup(KeyId(10))));
    assert_eq!(cipher.open(&[3; 16], &envelope, &mut out), Err(CryptoError::UnknownGroup));

    // Even where the other keyring has the same key under the same id.
    let other = KeyringBuilder::new([8; 16]).group_with_keys(
        EMAIL,
        "email",
        (KeyId(10), Key::new([10; 32])),
        (KeyId(11), Key::new([11; 32])),
    );
    let mut other = CellCipher::new(Arc::new(other.build().unwrap()));
    assert_eq!(other.open(&EMAIL, &envelope, &mut out), Err(CryptoError::Authentication));
    assert_eq!(out, b"before");
}

#[test]
fn each_altered_bit_is_an_error() {
    let mut cipher = cipher();
    let envelope = sealed(&mut cipher, &EMAIL, b"secret", true);
    for bit in 0..8 * envelope.len() {
        let mut altered = envelope.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let mut out = Vec::new();
        assert!(cipher.open(&EMAIL, &altered, &mut out).is_err(), "bit {bit}");
        assert!(out.is_empty());
    }
    for len in 0..envelope.len() {
        assert!(cipher.open(&EMAIL, &envelope[..len], &mut Vec::new()).is_err());
    }
}

#[test]
fn an_unknown_key_is_named_and_found_after_a_reload() {
    let rotated = KeyInfo {
        id: KeyId(12),
        group: EMAIL,
        purpose: KeyPurpose::Data,
        version: 2,
        state: KeyState::Primary,
        slot: Slot::A,
    };
    let retired = KeyInfo { id: KeyId(10), version: 1, state: KeyState::Retired, ..rotated.clone() };
    let equality = KeyInfo { id: KeyId(11), version: 1, purpose: KeyPurpose::Equality, ..rotated.clone() };
    let newer = |retired_bytes| {
        KeyringBuilder::new([9; 16])
            .group(EMAIL, "email")
            .key(rotated.clone(), Some(Key::new([12; 32])))
            .key(equality.clone(), Some(Key::new([11; 32])))
            .key(retired_bytes, Some(Key::new([10; 32])))
            .build()
            .map(Arc::new)
            .unwrap()
    };
    let mut old = cipher();
    let mut new = CellCipher::new(newer(retired.clone()));
    let (before, after) = (sealed(&mut old, &EMAIL, b"v", true), sealed(&mut new, &EMAIL, b"v", true));
    assert_eq!(old.open(&EMAIL, &after, &mut Vec::new()), Err(CryptoError::UnknownKey(KeyId(12))));
    assert_eq!(new.open(&EMAIL, &before, &mut Vec::new()), Ok(7));
    old.set_keyring(newer(retired.clone()));
    assert_eq!(old.open(&EMAIL, &after, &mut Vec::new()), Ok(7));
    assert_eq!(before[24..40], after[24..40], "the equality key did not change");

    let destroyed = KeyInfo { state: KeyState::Destroyed, ..retired };
    old.set_keyring(newer(destroyed));
    assert_eq!(old.open(&EMAIL, &before, &mut Vec::new()), Err(CryptoError::DestroyedKey(KeyId(10))));
}

#[test]
fn an_epoch_ends_with_time_and_with_use() {
    let began = Instant::now();
    let mut slot = None;
    let first = Epoch::current(&mut slot, began).unwrap().first;
    assert_eq!(Epoch::current(&mut slot, began + EPOCH / 2).unwrap().first, first);
    let second = Epoch::current(&mut slot, began + EPOCH).unwrap().first;
    assert_ne!(first, second);
    slot.as_mut().unwrap().values = EPOCH_VALUES;
    assert_ne!(Epoch::current(&mut slot, began + EPOCH).unwrap().first, second);
}

#[test]
fn second_halves_are_used_once_and_depend_on_the_clock() {
    let began = Instant::now();
    let mut pool = Pool::<HALF_LEN>::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10 * POOL_VALUES {
        assert!(seen.insert(pool.draw(began).unwrap()));
    }
    pool.draw(began).unwrap();
    pool.draw(began).unwrap();
    assert_eq!(pool.left, POOL_VALUES - 2);
    pool.draw(began + POOL_LIFE).unwrap();
    assert_eq!(pool.left, POOL_VALUES - 1, "old bytes are thrown away");

    let random = [0x5A; HALF_LEN];
    let (one, two) = (stir(&random, Duration::from_nanos(1)), stir(&random, Duration::from_nanos(2)));
    assert_ne!(one, two);
    assert_eq!(stir(&random, Duration::ZERO), random);
}

#[test]
fn the_read_cache_is_bounded_and_right() {
    let mut cipher = cipher();
    let mut envelopes = Vec::new();
    for n in 0..4 * READ_SLOTS {
        cipher.sealer.epoch = None;
        envelopes.push(sealed(&mut cipher, if n % 2 == 0 { &EMAIL } else { &PHONE }, &[n as u8], true));
    }
    for round in 0..2 {
        for (n, envelope) in envelopes.iter().enumerate() {
            let group = if n % 2 == 0 { &EMAIL } else { &PHONE };
            let mut out = Vec::new();
            assert_eq!(cipher.open(group, envelope, &mut out), Ok(7), "round {round}");
            assert_eq!(out, [n as u8]);
        }
    }
    assert_eq!(cipher.read.slots.len(), READ_SLOTS);
    let bytes = READ_SLOTS * std::mem::size_of::<Option<ReadSlot>>();
    assert!(bytes <= 40 * 1024, "a session's cache takes {bytes} bytes");
}

#[test]
fn nothing_secret_is_printed() {
    assert_eq!(format!("{:?}", cipher()), "CellCipher(Keyring(2 groups, 4 keys))");
}

#[test]
fn keys_that_would_write_to_one_place_make_no_keyring() {
    use crate::keys::KeyringError;
    let key = |id, version, purpose, state, slot| KeyInfo {
        id: KeyId(id),
        group: EMAIL,
        purpose,
        version,
        state,
        slot,
    };
    let with = |info: KeyInfo| builder().key(info, Some(Key::new([12; 32]))).build().map(|_| ());
    let index = KeyPurpose::Equality;
    for state in KeyState::ALL {
        let second = with(key(12, 2, index, state, Slot::A));
        let expected = match state {
            KeyState::Primary => Err(KeyringError::TwoPrimaries("email".to_owned(), index)),
            state if state.is_written() => Err(KeyringError::SlotTaken("email".to_owned(), index, Slot::A)),
            _ => Ok(()),
        };
        assert_eq!(second, expected, "{state:?}");
        let other_slot = with(key(12, 2, index, state, Slot::B));
        assert_eq!(other_slot.is_ok(), state != KeyState::Primary, "{state:?}");
    }
    let retired = KeyState::Retired;
    for wrong in [key(0, 2, index, retired, Slot::A), key(12, 2, KeyPurpose::Data, retired, Slot::B)] {
        assert_eq!(with(wrong.clone()), Err(KeyringError::Misplaced(wrong.id)));
    }
    assert!(matches!(with(key(11, 2, index, retired, Slot::A)), Err(KeyringError::Duplicate(_))));
    assert!(matches!(with(key(12, 1, index, retired, Slot::A)), Err(KeyringError::Duplicate(_))));
}
