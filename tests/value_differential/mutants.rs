//! Spellings that nobody thought of: the tables' inputs, cut, joined and stirred by a deterministic generator.

use pyrite::value::{Datum, Input};

use crate::random::Random;
use crate::{Answer, Bench, answer, forms, inputs, quoted, run, ty};

/// What is put in between: delimiters, signs, digits, words that mean something somewhere.
const PIECES: &[&str] = &[
    " ",
    "  ",
    "\t",
    "-",
    "+",
    "/",
    ".",
    ":",
    ",",
    "0",
    "1",
    "9",
    "12",
    "31",
    "1999",
    "2000",
    "e",
    "E",
    "J",
    "T",
    "Z",
    "BC",
    "AD",
    "AM",
    "PM",
    "Jan",
    "may",
    "monday",
    "dst",
    "EST",
    "EDT",
    "MSK",
    "UTC",
    "America/New_York",
    "t",
    "y",
    "m",
    "d",
    "h",
    "mm",
    "s",
    "infinity",
    "epoch",
    "allballs",
    "at",
    "nan",
    "inf",
    "_",
    "x",
    "\\",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    "null",
    "true",
    "\\u0041",
    "\\ud834\\udd1e",
    "ä",
    "(",
    ")",
    ";",
    "00",
    "000000",
    "24:00",
    "23:59:60",
    ".5",
    "-08",
    "+05:30",
    "20000101",
    "040506",
    "\\x",
    "\\001",
    "$",
    "1e5",
    "-0",
];

fn char_boundary(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() as u64 + 1) as usize;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mutate(texts: &[&str], random: &mut Random) -> String {
    let pick = |random: &mut Random| texts[random.below(texts.len() as u64) as usize].to_string();
    let mut text = pick(random);
    for _ in 0..=random.below(3) {
        let at = char_boundary(&text, random);
        match random.below(5) {
            0 => {
                let other = pick(random);
                let cut = char_boundary(&other, random);
                text = format!("{}{}", &text[..at], &other[cut..]);
            }
            1 => {
                let end = char_boundary(&text, random);
                text.replace_range(at.min(end)..at.max(end), "");
            }
            _ => text.insert_str(at, PIECES[random.below(PIECES.len() as u64) as usize]),
        }
    }
    text
}

/// What Pyrite refuses to know: the server's clock, and POSIX zones more than a day away from UTC, which
/// stirring zone names and digits gives now and then.
fn refused(name: &str, ours: &Answer) -> bool {
    let moment = name.starts_with("time") || name == "date";
    moment && ours.as_ref().err().is_some_and(|state| state == "0A000" || state == "22023")
}

#[test]
fn stirred_inputs() {
    // More rounds find more; the default keeps the test short.
    let rounds = std::env::var("PYRITE_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(400u64);
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(0xD1B5_4A32_D192_ED03 ^ rounds);
        for (style, zone) in
            [("ISO, MDY", "America/New_York"), ("SQL, DMY", "Europe/Berlin"), ("German, YMD", "UTC")]
        {
            bench.set(style, zone, "hex", "1").await;
            for (name, tables) in inputs::BY_TYPE {
                let texts: Vec<&str> = tables.iter().flat_map(|t| t.iter().copied()).collect();
                let all: Vec<String> = (0..rounds).map(|_| mutate(&texts, &mut random)).collect();
                let expressions: Vec<String> =
                    all.iter().map(|text| format!("{}::{name}", quoted(text))).collect();
                let query = "SELECT shown(e, $2) FROM unnest($1::text[]) e";
                let rows = bench.client.query(query, &[&expressions, name]).await.expect("shown");
                for (text, row) in all.iter().zip(rows) {
                    let ours = Datum::decode(&ty(name), Input::Text(text.as_bytes()), &bench.settings);
                    let ours = forms(ours, &bench.settings);
                    if refused(name, &ours) {
                        continue;
                    }
                    bench.compare(&format!("{name} {text:?} under {style} {zone}"), ours, answer(row.get(0)));
                }
            }
        }
        bench.finish(20_000);
    });
}
