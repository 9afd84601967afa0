//! Tests of the escrow file: the pinned format, and what is refused.

use super::*;
use crate::crypto::vectors::unhex;

const PASSPHRASE: &str = "correct horse battery staple";

fn pinned() -> Vec<u8> {
    let text = include_str!("../../tests/vectors/escrow_v1.txt");
    unhex(text.lines().find(|line| !line.starts_with('#')).unwrap())
}

fn salt() -> [u8; SALT_LEN] {
    std::array::from_fn(|n| u8::try_from(n).unwrap())
}

/// Opens what was sealed with [`sealed_body`]; cheap, since N is small.
fn open(file: &[u8]) -> Result<Escrow, KeyError> {
    Escrow::open(file, PASSPHRASE)
}

fn sealed_body(body: &[u8]) -> Vec<u8> {
    let nonce = Nonce::generate().unwrap();
    let mut out = [&MAGIC[..], &[1], &salt()].concat();
    let mut body = body.to_vec();
    let xaes = derive(PASSPHRASE, &salt(), 1).unwrap();
    let tag = xaes.derive(&nonce.first).seal_in_place(&nonce.second, &out, &mut body).unwrap();
    out.extend([&nonce.first[..], &nonce.second, &body, &tag].concat());
    out
}

/// Made by an independent program: files lie in safes, so this must never change.
#[test]
fn the_file_is_pinned() {
    let escrow = open(&pinned()).unwrap();
    assert_eq!((escrow.keyring(), escrow.counter(), escrow.created()), ([9; 16], 7, 1_700_000_000));
    let groups: Vec<_> = escrow.groups().collect();
    assert_eq!(groups, [([1; 16], "email"), ([2; 16], "Straße")]);
    let keys: Vec<_> = escrow
        .keys
        .iter()
        .map(|(info, key)| {
            let byte = key.as_ref().map(|key| key.as_bytes()[0]);
            assert!(key.as_ref().is_none_or(|key| key.as_bytes().iter().all(|other| Some(*other) == byte)));
            (info.id.0, info.group[0], info.version, info.purpose, info.slot, info.state, byte)
        })
        .collect();
    use KeyPurpose::{Data, Equality};
    use KeyState::{Destroyed, Fading, Primary};
    use Slot::{A, B};
    let expected = [
        (10, 1, 1, Data, A, Destroyed, None),
        (12, 1, 2, Data, A, Primary, Some(12)),
        (11, 1, 1, Equality, A, Fading, Some(11)),
        (13, 1, 2, Equality, B, Primary, Some(13)),
        (20, 2, 1, Data, A, Primary, Some(20)),
        (21, 2, 1, Equality, A, Primary, Some(21)),
    ];
    assert_eq!(keys, expected);
    let nonce = Nonce::from_bytes(b"abcdefghijklmnopqrstuvwx");
    assert_eq!(escrow.seal(PASSPHRASE, 10, &salt(), &nonce).unwrap(), pinned());
    assert_eq!(format!("{escrow:?}"), "Escrow(2 groups, 6 keys)");
}

#[test]
fn whatever_is_altered_or_cut_is_refused() {
    let body = open(&pinned()).unwrap().body();
    let file = sealed_body(&body);
    assert!(open(&file).is_ok());
    for at in 0..file.len() {
        let mut altered = file.clone();
        altered[at] ^= 4;
        let error = open(&altered).unwrap_err();
        assert_eq!((error.sqlstate(), error.hint().is_some()), ("22023", true), "byte {at}");
        assert!(open(&file[..at]).is_err(), "{at} bytes");
    }
    let wrong = Escrow::open(&file, "correct horse battery stable").unwrap_err();
    assert!(wrong.to_string().contains("passphrase is wrong"), "{wrong}");
    for (nothing, word) in
        [(&b""[..], "not an escrow"), (b"pyrite-root-1:00", "not an escrow"), (&file[..60], "cut short")]
    {
        assert!(open(nothing).unwrap_err().to_string().contains(word));
    }
    let mut greedy = file.clone();
    greedy[16] = 60;
    assert!(open(&greedy).unwrap_err().to_string().contains("memory"));
}

#[test]
fn authentic_nonsense_is_refused() {
    let body = open(&pinned()).unwrap().body();
    for len in 0..body.len() {
        assert!(open(&sealed_body(&body[..len])).is_err(), "{len} bytes");
    }
    assert!(open(&sealed_body(&[&body[..], b"x"].concat())).is_err());
    // Counts, numbers of purposes and the like that this version does not know, and names that are no text.
    let first_key = 32 + 4 + (20 + 5) + (20 + 7) + 4;
    for at in [32, first_key - 4, first_key + 28, first_key + 29, first_key + 30, first_key + 31, 57] {
        let mut odd = body.to_vec();
        odd[at] = 0xFF;
        assert!(open(&sealed_body(&odd)).is_err(), "byte {at}");
    }
}
