use super::*;

fn libc(collate: &str, version: Option<&str>) -> Collation {
    Collation::open(&CollationFacts {
        collate: collate.into(),
        ctype: collate.into(),
        version: version.map(str::to_owned),
        ..CollationFacts::c()
    })
}

fn icu(locale: &str, version: &str) -> Collation {
    Collation::open(&CollationFacts {
        provider: Provider::Icu,
        locale: Some(locale.into()),
        version: Some(version.into()),
        ..CollationFacts::c()
    })
}

#[test]
fn c_maps_ascii_only() {
    let c = Collation::c();
    assert_eq!(c.lower("ÄBC").unwrap().as_str(), "Äbc");
    assert_eq!(c.upper("äbc").unwrap().as_str(), "äBC");
    assert_eq!(c.initcap("hEllo wORLD 1a-b").unwrap().as_str(), "Hello World 1a-B");
    assert_eq!(c.compare("B", "a").unwrap(), std::cmp::Ordering::Less);
    assert_eq!(libc("C.UTF-8", None).identity(), c.identity());
}

#[test]
fn icu_maps_by_language() {
    assert_eq!(icu("en-US", "153.120").upper("straße ﬁ").unwrap().as_str(), "STRASSE FI");
    assert_eq!(icu("tr", "153.120").lower("I").unwrap().as_str(), "ı");
    assert_eq!(icu("und", "153.120").lower("ΟΔΟΣ").unwrap().as_str(), "οδος");
    assert_eq!(icu("und", "153.120").upper("ƛ").unwrap_err().sqlstate, "0A000");
}

#[test]
fn icu_orders_as_its_root_does() {
    let root = icu("en-US", "153.120");
    let mut words = ["b", "a", "B", "A", "á", "ab", "a b", "a-b", "ä", "", "Ab", "10", "9"];
    words.sort_by(|a, b| root.compare(a, b).unwrap());
    assert_eq!(words, ["", "10", "9", "a", "A", "á", "ä", "a b", "a-b", "ab", "Ab", "b", "B"]);
}

/// Stored keys are made of these bytes: another release of the tables needs another identity.
#[test]
fn sort_keys_are_pinned() {
    let mut key = Vec::new();
    icu("und", "153.120").write_key("Zürich 8", &mut key).unwrap();
    let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, PINNED);
}

const PINNED: &str = "5d534d3b2f3904220144960a01dc0c005ac3bc726963682038";

#[test]
fn what_cannot_be_followed_is_refused() {
    for (collation, said) in [
        (libc("en_US.UTF-8", Some("2.17")), "2.17"),
        (libc("en_US.UTF-8", None), "does not say"),
        (icu("en-US", "153.88"), "153.88"),
        (icu("sv", "153.120.42"), "rules of their own"),
        (icu("und-u-ks-level2", "153.120"), "rules of their own"),
    ] {
        let refusal = collation.order_refusal().unwrap();
        assert!(refusal.reason.contains(said), "{refusal:?}");
        assert_eq!(collation.compare("a", "b").unwrap_err().sqlstate, "0A000");
    }
    let other = CollationFacts { deterministic: false, ..CollationFacts::c() };
    assert!(Collation::open(&other).order_refusal().unwrap().reason.contains("nondeterministic"));
    let other = CollationFacts { utf8: false, ..CollationFacts::c() };
    assert!(Collation::open(&other).order_refusal().is_some());
}
