//! `column = value` over all pairs.

use pyrite::value::{CastContext, Datum, Input, Type, has_equality, shares_terms};

use crate::{Bench, quoted, run, ty};

const VALUES: &[(&str, &[&str])] = &[
    ("text", &["", "a", "a ", "a  ", "A", "ä", "abc", "abc  "]),
    ("varchar", &["", "a", "a ", "abc", "ä"]),
    ("varchar(3)", &["a", "a  ", "abc"]),
    ("char(3)", &["", "a", "a ", "abc", "ä"]),
    ("char(5)", &["a", "abc", "abc "]),
    ("int2", &["0", "1", "-1", "32767"]),
    ("int4", &["0", "1", "-1", "32767", "16777217", "2147483647"]),
    ("int8", &["0", "1", "3000000000", "9007199254740992", "9007199254740993", "9223372036854775807"]),
    (
        "numeric",
        &[
            "0",
            "0.00",
            "1",
            "1.0",
            "1.00",
            "-1",
            "0.1",
            "2.5",
            "16777217",
            "9007199254740993",
            "NaN",
            "inf",
            "-inf",
            "1e400",
            "10000",
            "1e4",
        ],
    ),
    ("numeric(6,2)", &["0", "1", "0.1", "2.5", "2.51", "NaN", "1000"]),
    ("numeric(15,4)", &["0.1", "1.0001", "99999999999.9999", "2.51"]),
    ("numeric(3,-2)", &["0", "1000", "99900"]),
    ("float4", &["0", "-0", "1", "0.1", "2.5", "16777216", "NaN", "inf", "-inf", "1e-45", "1e38"]),
    (
        "float8",
        &[
            "0",
            "-0",
            "1",
            "1.5",
            "0.1",
            "0.10000000149011612",
            "2.5",
            "2.51",
            "16777217",
            "9007199254740992",
            "9007199254740994",
            "9.223372036854775807e18",
            "1e19",
            "NaN",
            "inf",
            "-inf",
            "1000",
            "99900",
            "99999999999.9999",
            "1e300",
            "32768",
        ],
    ),
    ("bool", &["t", "f"]),
    (
        "date",
        &[
            "2000-01-01",
            "2021-03-14",
            "2021-11-07",
            "infinity",
            "-infinity",
            "5874897-01-01",
            "294277-01-01",
            "4714-11-24 BC",
            "2021-07-01",
            "2011-12-30",
            "2011-12-31",
        ],
    ),
    (
        "timestamp",
        &[
            "2000-01-01",
            "2000-01-01 00:00:00.000001",
            "2021-03-14 02:30",
            "2021-03-14 03:30",
            "2021-11-07 01:30",
            "2021-07-01 00:00",
            "infinity",
            "-infinity",
            "294276-12-31",
            "4714-11-24 BC",
            "2011-12-30 12:00",
        ],
    ),
    (
        "timestamptz",
        &[
            "2000-01-01",
            "2000-01-01 05:00Z",
            "2021-03-14 07:30Z",
            "2021-11-07 05:30Z",
            "2021-11-07 06:30Z",
            "2021-07-01 04:00Z",
            "2021-07-01",
            "infinity",
            "-infinity",
            "294276-12-31",
            "2011-12-31 12:00+14",
            "2011-12-30 10:00Z",
        ],
    ),
    ("time", &["00:00", "24:00", "12:00:00.5"]),
    (
        "uuid",
        &[
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}",
            "00000000-0000-0000-0000-000000000000",
        ],
    ),
    ("json", &["1"]),
    (
        "jsonb",
        &[
            "1",
            "1.0",
            "1e0",
            "[1]",
            "[1.00]",
            "[[1]]",
            "\"1\"",
            "null",
            "true",
            "false",
            "{}",
            "[]",
            "{\"a\":1,\"b\":2}",
            "{\"b\":2.0,\"a\":1}",
            "{\"a\":1}",
            "{\"a\":[1,{\"b\":0.0}]}",
            "{\"a\":[1.0,{\"b\":-0}]}",
            "0",
            "-0.0",
            "\"a\"",
            "\"\\u0061\"",
            "[1,2]",
            "[[1],2]",
            "[[],[]]",
            "[[[]]]",
        ],
    ),
    ("bytea", &["", "\\x00", "\\xff", "\\000", "abc"]),
];

pub struct Value {
    pub name: &'static str,
    pub ty: Type,
    pub datum: Datum,
    pub expression: String,
}

pub fn values(bench: &Bench) -> Vec<Value> {
    let s = &bench.settings;
    let pairs = VALUES.iter().flat_map(|(name, texts)| texts.iter().map(move |text| (*name, *text)));
    pairs
        .map(|(name, text)| {
            let datum = Datum::decode(&ty(name), Input::Text(text.as_bytes()), s).expect(text);
            let datum = datum.cast(&ty(name), CastContext::Explicit, s).expect(text);
            let expression = format!("{}::{name}", quoted(text));
            Value { name, ty: ty(name), datum, expression }
        })
        .collect()
}

/// Comparisons that the terms of the column cannot decide.
fn may_be_undecided(column: &Type, value: &Type) -> bool {
    matches!(
        (column, value),
        (Type::Varchar(_), Type::Char(_))
            | (Type::Int8 | Type::Numeric(None), Type::Float4 | Type::Float8)
            | (Type::Date | Type::Timestamp(_), Type::Timestamptz(_))
    )
}

#[test]
fn equality_over_all_pairs() {
    run(async {
        let mut bench = Bench::start().await;
        let mut decided = 0;
        for zone in ["America/New_York", "Pacific/Apia"] {
            bench.set("ISO, MDY", zone, "hex", "1").await;
            decided += all_pairs(&mut bench).await;
        }
        assert!(decided > 4_000, "only {decided} comparisons");
        bench.finish(0);
    });
}

async fn all_pairs(bench: &mut Bench) -> usize {
    let s = bench.settings.clone();
    let values = values(bench);
    let equal =
        bench.client.prepare("SELECT equal(a, b) FROM unnest($1::text[]) b, (SELECT $2::text AS a) q");
    let equal = equal.await.expect("prepare");
    let expressions: Vec<&str> = values.iter().map(|v| v.expression.as_str()).collect();
    let mut decided = 0;
    for column in &values {
        let rows = bench.client.query(&equal, &[&expressions, &column.expression]).await.expect("equal");
        for (value, row) in values.iter().zip(rows) {
            let theirs: String = row.get(0);
            decided += usize::from(check(bench, column, value, &theirs, &s));
        }
    }
    decided
}

/// Compares one pair; whether it was decided.
fn check(
    bench: &mut Bench,
    column: &Value,
    value: &Value,
    theirs: &str,
    s: &pyrite::value::Settings,
) -> bool {
    let what = format!("{} {} = {} {}", column.name, column.expression, value.name, value.expression);
    let exists = has_equality(&column.ty, &value.ty);
    if theirs == "42883" || !exists {
        bench.compare(&what, Err(exists.to_string()), Err((theirs != "42883").to_string()));
        return false;
    }
    if theirs.len() == 5 && theirs != "false" {
        // The server fails on a conversion; so do we, or we refuse or answer.
        return false;
    }
    let ours = value.datum.equality_bytes(&column.ty, s);
    let stored = column.datum.equality_bytes(&column.ty, s);
    if shares_terms(&column.ty, &value.ty) {
        let other = value.datum.equality_bytes(&value.ty, s);
        let joined = matches!((&stored, &other), (Ok(a), Ok(b)) if a == b);
        bench.compare(&format!("join {what}"), Err(joined.to_string()), Err(theirs.to_string()));
    }
    match (stored, ours) {
        (Ok(stored), Ok(bytes)) => {
            bench.compare(&what, Err((stored == bytes).to_string()), Err(theirs.to_string()));
            true
        }
        (Ok(_), Err(error)) if error.sqlstate == "0A000" && may_be_undecided(&column.ty, &value.ty) => false,
        (stored, ours) => {
            bench.compare(&what, Err(format!("{stored:?} {ours:?}")), Err(theirs.to_string()));
            false
        }
    }
}
