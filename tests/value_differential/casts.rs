//! Casts between all types, explicit and on assignment.

use pyrite::value::{CastContext, Datum, Input};

use crate::{Bench, answer, forms, quoted, run, ty};

const TARGETS: &[&str] = &[
    "text",
    "varchar",
    "varchar(3)",
    "bpchar",
    "char(1)",
    "char(4)",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric(5,2)",
    "numeric(3,-2)",
    "numeric(2,4)",
    "numeric(4)",
    "bool",
    "date",
    "time",
    "time(0)",
    "time(3)",
    "timestamp",
    "timestamp(0)",
    "timestamp(3)",
    "timestamptz",
    "timestamptz(0)",
    "timestamptz(5)",
    "uuid",
    "json",
    "jsonb",
    "bytea",
];

const SOURCES: &[(&str, &[&str])] = &[
    (
        "text",
        &[
            "",
            "a",
            "abc",
            "abc ",
            "abcd",
            "abcd  ",
            "äöüß",
            "1",
            " 12 ",
            "1.5",
            "123.456",
            "t",
            "on",
            "2020-02-30",
            "2020-01-01",
            "12:34:56.7891239",
            "2020-01-01 12:34:56.789+02",
            "[1, 2]",
            "{\"b\":1,\"a\":2}",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "\\x00ff",
            "NaN",
            "inf",
            "-infinity",
            "1e400",
            "99999999999",
        ],
    ),
    ("varchar", &["", "abc", "abcd", "abc  ", "1", "t"]),
    ("varchar(2)", &["", "abc", "a "]),
    ("char(4)", &["", "a", "abc", "abcd", "1", "t", "[1]", "1.5"]),
    ("bpchar", &["a ", "abc ", "12  "]),
    ("int2", &["0", "1", "-1", "12345", "-32768", "32767"]),
    ("int4", &["0", "1", "-1", "40000", "2147483647", "-2147483648", "16777217", "999"]),
    ("int8", &["0", "1", "3000000000", "9223372036854775807", "-9223372036854775808", "9007199254740993"]),
    (
        "float4",
        &[
            "0", "-0", "1.5", "2.5", "-2.5", "0.1", "1e10", "1e38", "NaN", "inf", "-inf", "123456.7",
            "1e-45", "32767.5",
        ],
    ),
    (
        "float8",
        &[
            "0",
            "-0",
            "0.5",
            "1.5",
            "2.5",
            "-2.5",
            "0.1",
            "1e10",
            "1e300",
            "1e-300",
            "1e-46",
            "3.4028235677973366e38",
            "NaN",
            "inf",
            "-inf",
            "123456789.123456789",
            "9223372036854775807",
            "9223372036854774784",
            "2147483647.5",
            "-2147483648.5",
            "32767.5",
            "-32768.5",
            "123.454999",
            "99999",
            "100000000000000.5",
        ],
    ),
    (
        "numeric",
        &[
            "0",
            "-0.00",
            "0.5",
            "1.5",
            "2.5",
            "-2.5",
            "0.005",
            "999.994",
            "999.995",
            "-999.995",
            "12345",
            "49999",
            "50000",
            "99950",
            "0.00995",
            "0.00994",
            "0.009949",
            "32767.5",
            "-32768.4",
            "-32768.5",
            "2147483647.4",
            "2147483647.5",
            "9223372036854775807.4",
            "9223372036854775807.5",
            "NaN",
            "inf",
            "-inf",
            "1e400",
            "1e-400",
            "1e40",
            "1e-50",
            "3.4028235677973366e38",
            "123456789012345678901234567890.123456789",
        ],
    ),
    ("numeric(6,3)", &["1.5", "1.2345", "999.9994", "-0.0004"]),
    ("bool", &["t", "f"]),
    (
        "date",
        &[
            "2000-01-01",
            "1999-12-31",
            "0044-03-15 BC",
            "5874897-12-31",
            "294277-01-01",
            "294276-12-31",
            "infinity",
            "-infinity",
            "2021-03-14",
            "4714-11-24 BC",
        ],
    ),
    (
        "time",
        &[
            "00:00",
            "24:00",
            "12:34:56.789",
            "23:59:59.9999999",
            "23:59:59.5",
            "23:59:59.9994",
            "00:00:00.0005",
        ],
    ),
    (
        "timestamp",
        &[
            "2000-01-01",
            "1999-12-31 23:59:59.999999",
            "1999-12-31 23:59:59.5",
            "1999-12-31 23:59:58.5",
            "2000-01-01 00:00:00.5",
            "2021-03-14 02:30",
            "2021-11-07 01:30",
            "infinity",
            "-infinity",
            "4714-11-24 BC",
            "294276-12-31 23:59:59",
            "0044-03-15 12:00 BC",
            "1900-01-01 12:34:56.123456",
        ],
    ),
    (
        "timestamptz",
        &[
            "2000-01-01",
            "1999-12-31 23:59:59.999999",
            "2021-03-14 07:30Z",
            "2021-11-07 05:30Z",
            "2021-11-07 06:30Z",
            "infinity",
            "-infinity",
            "4714-11-25 BC",
            "4714-11-24 BC UTC",
            "294276-12-31 23:59:59Z",
            "1900-01-01 12:34:56.123456",
        ],
    ),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("json", &["1", "[1, 2]", "{\"b\":1,\"a\":2,\"b\":3}", "\"\\u0000\"", "\"\\ud800\"", " null ", "1.50"]),
    (
        "jsonb",
        &[
            "1",
            "1.5",
            "2.5",
            "-0.0",
            "1e400",
            "1e50",
            "99999",
            "3000000000",
            "true",
            "false",
            "null",
            "\"1\"",
            "[1]",
            "{}",
            "1e-400",
            "1e39",
            "32767.5",
        ],
    ),
    ("bytea", &["", "\\x00ff41", "abc"]),
];

#[test]
fn casts_between_all_types() {
    run(async {
        let mut bench = Bench::start().await;
        for (i, target) in TARGETS.iter().enumerate() {
            bench.client.batch_execute(&format!("CREATE TABLE t{i} (c {target})")).await.expect("table");
        }
        for (style, zone, digits) in
            [("ISO, MDY", "America/New_York", "1"), ("Postgres, DMY", "Asia/Kolkata", "0")]
        {
            bench.set(style, zone, "hex", digits).await;
            for (source, values) in SOURCES {
                for text in *values {
                    cast_one(&mut bench, source, text).await;
                }
            }
        }
        bench.finish(10_000);
    });
}

async fn cast_one(bench: &mut Bench, source: &str, text: &str) {
    let s = bench.settings.clone();
    let value = Datum::decode(&ty(source), Input::Text(text.as_bytes()), &s).expect("a valid source");
    let value = value.cast(&ty(source), CastContext::Explicit, &s).expect("a valid source");
    let expression = format!("CAST({} AS {source})", quoted(text));
    for (i, target) in TARGETS.iter().enumerate() {
        let ours = forms(value.clone().cast(&ty(target), CastContext::Explicit, &s), &s);
        let theirs = bench.expression(&format!("CAST({expression} AS {target})"), target).await;
        // An infinite timestamp has no time: NULL there, which Pyrite refuses.
        let null = theirs.as_ref().err().is_some_and(|e| e == "NULL") && ours == Err("0A000".to_string());
        if !null {
            bench.compare(&format!("explicit {source} {text:?} -> {target}"), ours, theirs);
        }
        let ours = forms(value.clone().cast(&ty(target), CastContext::Assignment, &s), &s);
        let query = format!("SELECT stored('t{i}', '{target}', {})", quoted(&expression));
        let row = bench.client.query_one(&query, &[]).await.expect("stored");
        let theirs = answer(row.get(0));
        let null = theirs.as_ref().err().is_some_and(|e| e == "NULL") && ours == Err("0A000".to_string());
        if !null {
            bench.compare(&format!("assign {source} {text:?} -> {target}"), ours, theirs);
        }
    }
}
