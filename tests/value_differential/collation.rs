//! Collations: the order of texts and their upper and lower case, in every kind of collation that is followed.

use std::path::Path;
use std::process::Command;

use pyrite::value::{Collation, CollationFacts, Provider};

use crate::order::ranks;
use crate::random::Random;
use crate::{Bench, run};

/// Locales of the C library that are made for the test.
const LOCALES: &[&str] = &["en_US", "de_DE", "sv_SE", "tr_TR", "cs_CZ"];

/// Runs this test once more in a process that finds locales of our making, and says whether it is that one.
fn with_locales(test: &str) -> bool {
    if std::env::var_os("LOCPATH").is_some() {
        return true;
    }
    let folder = std::env::temp_dir().join(format!("pyrite-locales-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for locale in LOCALES {
        let made = Command::new("localedef")
            .args(["-i", locale, "-f", "UTF-8"])
            .arg(folder.join(format!("{locale}.UTF-8")))
            .output()
            .expect("this test needs localedef, of package locales");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let own = std::env::current_exe().expect("this program");
    let status = Command::new(own)
        .args(["--exact", &format!("collation::{test}"), "--nocapture"])
        .env("LOCPATH", path(&folder))
        .status();
    let _ = std::fs::remove_dir_all(&folder);
    assert!(status.expect("a run").success(), "see above");
    false
}

fn path(folder: &Path) -> String {
    format!("{}:/usr/lib/locale", folder.display())
}

/// Each collation with what the server says of it.
async fn collations(bench: &Bench) -> Vec<(String, Collation)> {
    for locale in LOCALES {
        let make = format!("CREATE COLLATION \"{locale}\" (provider = libc, locale = '{locale}.UTF-8')");
        bench.client.batch_execute(&make).await.expect("CREATE COLLATION");
    }
    let query = "SELECT collname::text, collprovider::text, coalesce(collcollate, ''), coalesce(collctype, ''), colliculocale,
                        pg_collation_actual_version(oid), collisdeterministic
                 FROM pg_collation
                 WHERE collname IN ('C', 'POSIX', 'ucs_basic', 'C.utf8', 'und-x-icu', 'en-US-x-icu', 'de-x-icu', 'fr-x-icu', 'tr-x-icu',
                                    'lt-x-icu', 'el-x-icu') OR collname = ANY ($1)";
    let rows = bench.client.query(query, &[&LOCALES]).await.expect("collations");
    let opened = rows.iter().map(|row| {
        let provider: String = row.get(1);
        let facts = CollationFacts {
            provider: provider.chars().next().and_then(Provider::from_letter).expect("a provider"),
            collate: row.get(2),
            ctype: row.get(3),
            locale: row.get(4),
            rules: false,
            deterministic: row.get(6),
            version: row.get(5),
            utf8: true,
        };
        (row.get(0), Collation::open(&facts))
    });
    opened.collect()
}

/// Words that differ by case, accents, blanks, punctuation, and characters from everywhere.
fn words(random: &mut Random) -> Vec<String> {
    const PIECES: &[&str] = &[
        "a", "b", "c", "z", "A", "B", "Z", "ä", "Ä", "á", "å", "o", "ö", "ø", "ss", "ß", "i", "I", "ı", "İ",
        "ch", "h", " ", "-", "_", "'", ".", ",", "1", "2", "10", "é", "e\u{301}", "е", "ж", "Ж", "α", "Σ",
        "ς", "中", "文", "字", "あ", "ア", "が", "가", "힣", "א", "ع", "😀", "€", "ﬁ", "œ", "æ", "đ", "ñ",
        "n", "$", "@", "\t", "ไ", "ก",
    ];
    let mut words: Vec<String> = (0..4_000)
        .map(|_| {
            let length = 1 + random.below(6);
            (0..length).map(|_| PIECES[random.below(PIECES.len() as u64) as usize]).collect()
        })
        .collect();
    words.push(String::new());
    words
}

/// Characters of two planes; surrogates and NUL are no text.
fn characters() -> Vec<char> {
    ('\u{1}'..='\u{1FFFF}').collect()
}

/// Compares the order of those texts that are ordered at all, which must be so many.
async fn sorted(bench: &mut Bench, name: &str, collation: &Collation, texts: &[String], least: usize) {
    if collation.order_refusal().is_some() {
        return;
    }
    // What is refused by itself is left out on both sides.
    let mut keyed: Vec<(String, Vec<u8>)> = Vec::new();
    for text in texts {
        match collation.sort_key(text) {
            Ok(key) => keyed.push((text.clone(), key.to_vec())),
            Err(error) => assert_eq!(error.sqlstate, "0A000"),
        }
    }
    assert!(keyed.len() >= least, "{name}: only {} texts have keys", keyed.len());
    let query = format!(
        "SELECT dense_rank() OVER (ORDER BY x COLLATE \"{name}\") FROM unnest($1::text[]) WITH ORDINALITY u(x, n) ORDER BY n"
    );
    let texts: Vec<&str> = keyed.iter().map(|(text, _)| text.as_str()).collect();
    let keys: Vec<&[u8]> = keyed.iter().map(|(_, key)| key.as_slice()).collect();
    let rows = bench.client.query(&query, &[&texts]).await.expect("ranks");
    for ((text, ours), row) in texts.iter().zip(ranks(&keys)).zip(rows) {
        let theirs: i64 = row.get(0);
        bench.compare(&format!("{name} {text:?}"), Err(ours.to_string()), Err(theirs.to_string()));
    }
}

/// Strings of a few characters each, most of them letters and signs of what is written most.
fn random_strings(random: &mut Random, characters: &[String]) -> Vec<String> {
    let strings = (0..30_000).map(|_| {
        let reach = [0x17F, 0x5FF, 0x24FF, characters.len() as u64][random.below(4) as usize];
        let length = 1 + random.below(4);
        (0..length).map(|_| characters[random.below(reach) as usize].as_str()).collect()
    });
    strings.collect()
}

/// Each character before letters: whether two characters differ like letters, accents or cases shows in what
/// follows them.
fn followed(characters: &[String]) -> Vec<String> {
    let written = characters.iter().filter(|c| !("\u{3400}".."\u{FB00}").contains(&c.as_str()));
    written.flat_map(|c| ["a", "A", "á", "z"].map(|letter| format!("{c}{letter}"))).collect()
}

#[test]
fn texts_sort_alike() {
    if !with_locales("texts_sort_alike") {
        return;
    }
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(0xFEDC_BA98_7654_3211);
        let mut followed = Vec::new();
        for (name, collation) in collations(&bench).await {
            if collation.order_refusal().is_none() {
                followed.push(name.clone());
            }
            let texts = words(&mut random);
            sorted(&mut bench, &name, &collation, &texts, 2_000).await;
        }
        followed.sort();
        let mut expected =
            vec!["C", "C.utf8", "POSIX", "cs_CZ", "de_DE", "en_US", "sv_SE", "tr_TR", "ucs_basic"];
        // Only one version of ICU is followed.
        let query = "SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collname = 'und-x-icu'";
        let version: Option<String> = bench.client.query_one(query, &[]).await.expect("a version").get(0);
        if version.as_deref() == Some("153.120") {
            expected.extend(["de-x-icu", "en-US-x-icu", "fr-x-icu", "und-x-icu"]);
        }
        expected.sort_unstable();
        assert_eq!(followed.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        bench.finish(30_000);
    });
}

#[test]
fn characters_sort_alike() {
    if !with_locales("characters_sort_alike") {
        return;
    }
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(0x0F1E_2D3C_4B5A_6978);
        let single: Vec<String> = characters().into_iter().map(String::from).collect();
        for (name, collation) in collations(&bench).await {
            if ["und-x-icu", "en_US", "C.utf8"].contains(&name.as_str()) {
                sorted(&mut bench, &name, &collation, &single, 20_000).await;
                sorted(&mut bench, &name, &collation, &followed(&single), 20_000).await;
                sorted(&mut bench, &name, &collation, &random_strings(&mut random, &single), 1_000).await;
            }
        }
        bench.finish(250_000);
    });
}

#[test]
fn case_is_mapped_alike() {
    if !with_locales("case_is_mapped_alike") {
        return;
    }
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(0xABCD_EF01_2345_6789);
        let mut texts: Vec<String> = characters().into_iter().map(String::from).collect();
        texts.extend(words(&mut random));
        texts.extend(
            ["ΟΔΟΣ", "ΣΑΣ ΣΑ", "straße", "Ìi̇", "İSTANBUL", "hello wORLD o'neill 1st"].map(str::to_owned),
        );
        for (name, collation) in collations(&bench).await {
            assert!(collation.case_refusal().is_none(), "{name}");
            for function in ["lower", "upper", "initcap"] {
                let query = format!(
                    "SELECT {function}(x COLLATE \"{name}\") FROM unnest($1::text[]) WITH ORDINALITY u(x, n) ORDER BY n"
                );
                let rows = bench.client.query(&query, &[&texts]).await.expect(function);
                let mut refused = 0;
                for (text, row) in texts.iter().zip(rows) {
                    let ours = match function {
                        "lower" => collation.lower(text),
                        "upper" => collation.upper(text),
                        _ => collation.initcap(text),
                    };
                    let Ok(ours) = ours else {
                        refused += 1;
                        continue;
                    };
                    let theirs: String = row.get(0);
                    bench.compare(&format!("{function} {name} {text:?}"), Err(ours.to_string()), Err(theirs));
                }
                let unknown = (function == "initcap" && name.ends_with("-icu"))
                    || (function == "upper" && name == "el-x-icu");
                assert!(unknown || refused < 1_000, "{function} {name}: {refused} are refused");
            }
        }
        bench.finish(1_000_000);
    });
}
