//! Tests of the envelope: pinned vectors, strictness, every truncation and every flipped bit.

use super::*;
use crate::crypto::Key;
use crate::crypto::vectors::unhex;
use crate::crypto::xaes::Xaes;

const KEYRING: [u8; 16] = *b"keyring uuid 016";
const GROUP: [u8; 16] = *b"group id is here";
const DATA_KEY: KeyId = KeyId(0x0123_4567_89AB_CDEF);

fn scope() -> Scope {
    Scope::new(&KEYRING, &GROUP, "data")
}

fn term(kind: TermKind, slot: Slot, key: u64, bytes: &[u8]) -> Term<'_> {
    Term { kind, slot, key: KeyId(key), bytes }
}

fn nonce() -> Nonce {
    Nonce::from_bytes(b"abcdefghijklmnopqrstuvwx")
}

fn derived() -> Derived {
    Xaes::new(&Key::new([0x42; 32])).derive(&nonce().first)
}

fn sealed(terms: &[Term<'_>], type_tag: u8, plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let header = Header { type_tag, data_key: DATA_KEY, terms };
    let mut out = Vec::new();
    seal(&header, &scope(), &derived(), &nonce(), plaintext, &mut Vec::new(), &mut out)?;
    Ok(out)
}

fn all_terms() -> [Term<'static>; 6] {
    [
        term(TermKind::Equality, Slot::A, 1, b"equality term A."),
        term(TermKind::Equality, Slot::B, 2, b"equality term B."),
        term(TermKind::Order, Slot::A, 3, b"order"),
        term(TermKind::Caseless, Slot::B, 4, b"caseless term B."),
        term(TermKind::Match, Slot::A, 5, b"m"),
        term(TermKind::Identity, Slot::B, 6, b"identity"),
    ]
}

/// Name, terms, type tag, plaintext, for the vectors in `tests/vectors/envelope_v1.txt`.
fn cases() -> Vec<(&'static str, Vec<Term<'static>>, u8, &'static [u8])> {
    let all = all_terms();
    vec![
        ("empty", vec![], 0, b""),
        ("plain", vec![], 9, b"alice@example.com"),
        ("equality", vec![all[0]], 9, b"alice@example.com"),
        ("both-equality-slots", vec![all[0], all[1]], 255, &[0, 255, 128]),
        ("equality-and-order", vec![all[0], all[2]], 1, b"1999-12-31"),
        ("all-kinds", all.to_vec(), 1, b"x"),
    ]
}

#[test]
fn the_format_is_pinned() {
    let pinned = include_str!("../../tests/vectors/envelope_v1.txt");
    let pinned: Vec<(&str, &str)> = pinned
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(':'))
        .collect();
    assert_eq!(pinned.len(), cases().len());
    for ((name, expected), (case, terms, type_tag, plaintext)) in pinned.into_iter().zip(cases()) {
        assert_eq!(name, case);
        let expected = unhex(expected);
        assert_eq!(sealed(&terms, type_tag, plaintext).unwrap(), expected, "{name}");

        let envelope = Envelope::parse(&expected).unwrap();
        assert_eq!(envelope.type_tag(), type_tag);
        assert_eq!(envelope.data_key(), DATA_KEY);
        assert_eq!(envelope.plaintext_len(), plaintext.len());
        let mut found = Vec::new();
        for kind in
            [TermKind::Equality, TermKind::Order, TermKind::Caseless, TermKind::Match, TermKind::Identity]
        {
            found.extend([Slot::A, Slot::B].into_iter().filter_map(|slot| envelope.term(kind, slot)));
        }
        assert_eq!(found, terms, "{name}");
        let mut out = b"before".to_vec();
        envelope.open(&scope(), &derived(), &mut Vec::new(), &mut out).unwrap();
        assert_eq!(out, [b"before", plaintext].concat());
    }
}

#[test]
fn the_equality_term_has_a_fixed_place() {
    for (name, terms, type_tag, plaintext) in cases() {
        let envelope = sealed(&terms, type_tag, plaintext).unwrap();
        let place = &envelope[EQUALITY_OFFSET..EQUALITY_OFFSET + EQUALITY_TERM_LEN];
        if terms.is_empty() {
            assert_eq!(place, &b"abcdefghijklmnopqrstuvwx"[8..], "{name}: the nonce's second half");
        } else {
            assert_eq!(place, b"equality term A.", "{name}");
        }
    }
}

#[test]
fn nothing_altered_is_opened() {
    for (name, terms, type_tag, plaintext) in cases() {
        let envelope = sealed(&terms, type_tag, plaintext).unwrap();
        for bit in 0..8 * envelope.len() {
            let mut altered = envelope.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let mut out = Vec::new();
            let opened = Envelope::parse(&altered)
                .and_then(|envelope| envelope.open(&scope(), &derived(), &mut Vec::new(), &mut out));
            // The first half of the nonce selects the derived cipher, which is a fixed one here.
            let nonce_at = envelope.len() - TAG_LEN - plaintext.len() - NONCE_LEN;
            if (nonce_at..nonce_at + HALF_LEN).contains(&(bit / 8)) {
                assert!(Envelope::parse(&altered).unwrap().first_half() != nonce().first);
                continue;
            }
            assert!(opened.is_err(), "{name}: bit {bit}");
            assert!(out.is_empty());
        }
        for len in 0..envelope.len() {
            let opened = Envelope::parse(&envelope[..len])
                .and_then(|envelope| envelope.open(&scope(), &derived(), &mut Vec::new(), &mut Vec::new()));
            assert!(opened.is_err(), "{name}: cut to {len}");
        }
    }
}

#[test]
fn a_value_is_bound_to_keyring_group_and_purpose() {
    let envelope = sealed(&[], 1, b"x").unwrap();
    let envelope = Envelope::parse(&envelope).unwrap();
    let scopes = [
        Scope::new(&[0; 16], &GROUP, "data"),
        Scope::new(&KEYRING, &[0; 16], "data"),
        Scope::new(&KEYRING, &GROUP, "equality"),
        Scope::new(&GROUP, &KEYRING, "data"),
    ];
    for other in scopes {
        let opened = envelope.open(&other, &derived(), &mut Vec::new(), &mut Vec::new());
        assert_eq!(opened, Err(CryptoError::Authentication));
    }
}

#[test]
fn malformed_envelopes_are_told_apart() {
    let good = sealed(&all_terms()[..3], 1, b"x").unwrap();
    let altered = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Envelope::parse(&bytes).map(|_| ())
    };
    assert_eq!(altered(0, b'a'), Err(CryptoError::Malformed("it does not begin as one")));
    assert_eq!(altered(4, 2), Err(CryptoError::UnsupportedVersion(2)));
    assert_eq!(altered(6, 0x40), Err(CryptoError::Malformed("reserved bits are set")));
    assert_eq!(altered(7, 0b110), Err(CryptoError::Malformed("terms without an equality term")));
    // The directory entry of the order term lies at 16 + 2 * 24.
    assert_eq!(altered(75, 0), Err(CryptoError::Malformed("the directory of terms is inconsistent")));
    assert_eq!(altered(79, 0), Err(CryptoError::Malformed("the directory of terms is inconsistent")));
    assert_eq!(altered(76, 255), Err(CryptoError::Malformed("too short for its terms")));
    assert_eq!(altered(79, 5), Ok(()));
    assert_eq!(
        Envelope::parse(b"alice").map(|_| ()),
        Err(CryptoError::Malformed("it does not begin as one"))
    );
    assert_eq!(Envelope::parse(b"").map(|_| ()), Err(CryptoError::Malformed("too short")));
}

#[test]
fn headers_that_cannot_be_read_back_are_not_written() {
    let all = all_terms();
    let wrong = [
        vec![all[2]],
        vec![all[1]],
        vec![all[1], all[0]],
        vec![all[0], all[0]],
        vec![term(TermKind::Equality, Slot::A, 1, b"short")],
        vec![all[0], term(TermKind::Order, Slot::A, 1, b"")],
    ];
    for terms in wrong {
        assert!(matches!(sealed(&terms, 1, b"x"), Err(CryptoError::Malformed(_))));
    }
}

#[test]
fn any_bytes_parse_or_are_refused() {
    // A deterministic walk over damaged envelopes and noise: no panic, and what parses is consistent.
    let mut stream = crate::crypto::vectors::Shake128::new();
    let good = sealed(&all_terms(), 1, b"some plaintext").unwrap();
    for _ in 0..20_000 {
        let choice = stream.read(4);
        let mut bytes = good[..good.len() * usize::from(choice[0]) / 255].to_vec();
        for _ in 0..choice[1] % 8 {
            let place = stream.read(3);
            let at = usize::from(u16::from_be_bytes([place[0], place[1]])) % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = if at < 5 { *byte } else { place[2] };
            }
        }
        if let Ok(envelope) = Envelope::parse(&bytes) {
            for kind in [TermKind::Equality, TermKind::Order, TermKind::Identity] {
                let found = [Slot::A, Slot::B].map(|slot| envelope.term(kind, slot).is_some());
                let bits =
                    [Slot::A, Slot::B].map(|slot| envelope.present & (1 << bit_index(kind, slot)) != 0);
                assert_eq!(found, bits);
            }
            assert_eq!(envelope.header.len() + NONCE_LEN + envelope.plaintext_len() + TAG_LEN, bytes.len());
        }
    }
}

#[test]
fn resealing_changes_the_key_and_the_terms_that_are_given() {
    let all = all_terms();
    let new_key = KeyId(7);
    let reseal_as = |old: &[u8], equality: Option<&[Term<'_>]>| {
        let mut out = b"before".to_vec();
        let old = Envelope::parse(old).unwrap();
        let done = reseal(
            &old,
            new_key,
            equality,
            &scope(),
            &derived(),
            &nonce(),
            b"new plaintext",
            &mut Vec::new(),
            &mut out,
        );
        assert!(done.is_ok() || out == b"before");
        done.map(|()| out.split_off(6))
    };
    let expected = |terms: &[Term<'_>]| {
        let header = Header { type_tag: 9, data_key: new_key, terms };
        let mut out = Vec::new();
        seal(&header, &scope(), &derived(), &nonce(), b"new plaintext", &mut Vec::new(), &mut out).unwrap();
        out
    };
    let choices = [&[][..], &[all[0]], &[all[0], all[1]], &[all[0], all[2]], &all[..5]];
    // Terms of the further kinds stay.
    for kept in [&[][..], &all[5..]] {
        for old_terms in choices {
            let terms = [old_terms, kept].concat();
            let Ok(old) = sealed(&terms, 9, b"old") else { continue };
            assert_eq!(reseal_as(&old, None).unwrap(), expected(&terms));
            for new_terms in choices {
                let terms = [new_terms, kept].concat();
                match reseal_as(&old, Some(new_terms)) {
                    Ok(new) => assert_eq!(new, expected(&terms)),
                    Err(error) => {
                        assert!(matches!(error, CryptoError::Malformed(_)));
                        assert!(new_terms.is_empty() && !kept.is_empty(), "only without its place");
                    }
                }
            }
            assert!(reseal_as(&old, Some(&[all[1]])).is_err(), "slot B needs slot A");
            assert!(reseal_as(&old, Some(&[all[0], all[5]])).is_err(), "an identity term is not renewed");
        }
    }
}
