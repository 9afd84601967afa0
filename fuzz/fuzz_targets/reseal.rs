#![no_main]
//! See `entries::reseal`.

#[path = "../entries.rs"]
#[allow(dead_code)] // each target uses one of them
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::reseal(data));
