//! Sealing, opening and re-sealing a value allocates nothing but the output's room.

#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use pyrite::crypto::{Key, KeyId};
use pyrite::keys::{CellCipher, KeyInfo, KeyPurpose, KeyState, Keyring, KeyringBuilder, Slot};
use pyrite::transform::{Goal, Resealed, Resealer};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn the_steady_state_allocates_nothing() {
    let group = [1; 16];
    let keyring = KeyringBuilder::new([2; 16])
        .group_with_keys(group, "g", (KeyId(1), Key::new([1; 32])), (KeyId(2), Key::new([2; 32])))
        .build()
        .unwrap();
    let mut cipher = CellCipher::new(Arc::new(keyring));
    let mut envelope = Vec::with_capacity(1024);
    let mut plaintext = Vec::with_capacity(1024);
    let mut round = |counted: bool| {
        let before = ALLOCATIONS.with(Cell::get);
        for _ in 0..1000 {
            envelope.clear();
            plaintext.clear();
            cipher.seal(&group, 1, b"alice@example.com", Some(b"alice@example.com"), &mut envelope).unwrap();
            cipher.open(&group, &envelope, &mut plaintext).unwrap();
            cipher.equality_term(&group, Slot::A, b"alice@example.com").unwrap();
        }
        assert_eq!(plaintext, b"alice@example.com");
        let allocations = ALLOCATIONS.with(Cell::get) - before;
        assert!(!counted || allocations == 0, "{allocations} allocations");
        allocations
    };
    assert!(round(false) > 0, "the counter counts: the first round sets up caches");
    round(true);
}

const GROUP: [u8; 16] = [1; 16];

/// A keyring in which the first data key and the first index key have been replaced.
fn rotated(is_rotated: bool) -> Arc<Keyring> {
    let key = |id: u8, purpose, version, state, slot| {
        (
            KeyInfo { id: KeyId(id.into()), group: GROUP, purpose, version, state, slot },
            Some(Key::new([id; 32])),
        )
    };
    let keys = match is_rotated {
        false => vec![
            key(1, KeyPurpose::Data, 1, KeyState::Primary, Slot::A),
            key(2, KeyPurpose::Equality, 1, KeyState::Primary, Slot::A),
            key(4, KeyPurpose::Equality, 2, KeyState::Active, Slot::B),
        ],
        true => vec![
            key(1, KeyPurpose::Data, 1, KeyState::Fading, Slot::A),
            key(3, KeyPurpose::Data, 2, KeyState::Primary, Slot::A),
            key(2, KeyPurpose::Equality, 1, KeyState::Retired, Slot::A),
            key(4, KeyPurpose::Equality, 2, KeyState::Primary, Slot::B),
        ],
    };
    let builder = KeyringBuilder::new([2; 16]).group(GROUP, "g");
    let builder = keys.into_iter().fold(builder, |builder, (info, bytes)| builder.key(info, bytes));
    Arc::new(builder.build().unwrap())
}

#[test]
fn a_sweep_allocates_nothing_per_value() {
    let mut old = Vec::new();
    let mut cipher = CellCipher::new(rotated(false));
    cipher.seal(&GROUP, 1, b"alice@example.com", Some(b"alice@example.com"), &mut old).unwrap();
    let mut resealer = Resealer::new(rotated(true));
    let mut out = Vec::with_capacity(1024);
    let mut round = |goal, counted: bool| {
        let before = ALLOCATIONS.with(Cell::get);
        for _ in 0..1000 {
            out.clear();
            assert_eq!(resealer.reseal(&GROUP, None, goal, &old, &mut out).unwrap(), Resealed::Changed);
            assert!(resealer.is_current(&GROUP, None, goal, &out));
        }
        let allocations = ALLOCATIONS.with(Cell::get) - before;
        assert!(!counted || allocations == 0, "{goal:?}: {allocations} allocations");
        allocations
    };
    assert!(round(Goal::DataKey, false) > 0, "the first round sets up caches");
    round(Goal::DataKey, true);
    // Taking a term away, too; one that is to be made needs the value's comparison form, and room for it.
    round(Goal::IndexTerms, true);
}
