//! Sealing and opening a value allocates nothing but the output's room.

#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use pyrite::crypto::{Key, KeyId};
use pyrite::keys::{CellCipher, KeyringBuilder};

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
            cipher.equality_term(&group, pyrite::keys::Slot::A, b"alice@example.com").unwrap();
        }
        assert_eq!(plaintext, b"alice@example.com");
        let allocations = ALLOCATIONS.with(Cell::get) - before;
        assert!(!counted || allocations == 0, "{allocations} allocations");
        allocations
    };
    assert!(round(false) > 0, "the counter counts: the first round sets up caches");
    round(true);
}
