//! Binary input, good and bad, and arrays.

use pyrite::value::{Datum, Format, Input, Settings, Type, decode_array};

use crate::random::Random;
use crate::{Answer, Bench, Raw, answer, forms, inputs, quoted, run, ty};

/// The binary form of an array of one dimension.
pub fn array(element: &Type, values: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [1, 0, element.oid() as i32, values.len() as i32, 1] {
        out.extend(word.to_be_bytes());
    }
    for value in values {
        out.extend((value.len() as i32).to_be_bytes());
        out.extend(value);
    }
    out
}

/// Good values of a type, and what can be made of them by damage.
fn samples(name: &str, tables: &[&[&str]], random: &mut Random) -> Vec<Vec<u8>> {
    let s = Settings::default();
    let mut good: Vec<Vec<u8>> = Vec::new();
    for text in tables.iter().flat_map(|t| t.iter()) {
        if let Ok(value) = Datum::decode(&ty(name), Input::Text(text.as_bytes()), &s) {
            let mut out = Vec::new();
            value.encode(Format::Binary, &s, &mut out).expect("binary");
            good.push(out);
        }
    }
    good.sort();
    good.dedup();
    let mut all = good.clone();
    for value in &good {
        all.push(value.get(..value.len().saturating_sub(1)).unwrap_or_default().to_vec());
        all.push([value.as_slice(), &[0]].concat());
        for _ in 0..4 {
            let mut damaged = value.clone();
            if let Some(at) = (random.next() as usize).checked_rem(damaged.len()) {
                damaged[at] = random.next() as u8;
            }
            all.push(damaged);
        }
    }
    for length in [0, 1, 2, 4, 8, 12, 16] {
        for _ in 0..20 {
            all.push((0..length).map(|_| random.next() as u8).collect());
        }
    }
    for extreme in [i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 86_400_000_000, 86_400_000_001, -1] {
        all.push(extreme.to_be_bytes().to_vec());
    }
    for extreme in [i32::MAX, i32::MIN, i32::MAX - 1, -2_451_545, -2_451_546, 2_145_031_948, 2_145_031_949] {
        all.push(extreme.to_be_bytes().to_vec());
    }
    // Numerics with hidden digits, zeros at the ends and specials with digits.
    for header in [
        [2u16, 0, 0, 1],
        [2, 1, 0, 0],
        [1, 0, 0x4000, 0],
        [1, 0, 0xC000, 0],
        [0, 5, 0xD000, 32],
        [3, 0, 0, 5],
        [1, 0x7fff, 0, 0],
        [1, 0x8000, 0, 0x3fff],
    ] {
        for digits in [[0u16, 1, 9999], [1, 2345, 6789], [9999, 9999, 10_000]] {
            let words = header.iter().chain(digits.iter().take(header[0].into()));
            all.push(words.flat_map(|w| w.to_be_bytes()).collect());
        }
    }
    all
}

#[test]
fn binary_input_of_every_type() {
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(42);
        for (name, tables) in inputs::BY_TYPE {
            let query =
                format!("SELECT format('%s', $1::{name}), {}($1::{name})", send_name(&bench, name).await);
            let query = bench.client.prepare(&query).await.expect("prepare");
            for bytes in samples(name, tables, &mut random) {
                let ours = Datum::decode(&ty(name), Input::Binary(&bytes), &bench.settings);
                let theirs: Answer = match bench.client.query_one(&query, &[&Raw(bytes.clone())]).await {
                    Ok(row) => Ok((row.get(0), row.get(1))),
                    Err(error) => Err(error.code().map_or(error.to_string(), |c| c.code().to_string())),
                };
                let ours = forms(ours, &bench.settings);
                bench.compare(&format!("binary {name} {bytes:?}"), ours, theirs);
            }
        }
        bench.finish(4_000);
    });
}

async fn send_name(bench: &Bench, name: &str) -> String {
    bench.client.query_one("SELECT send_name($1)", &[&name]).await.expect("send_name").get(0)
}

const ARRAYS: &[&str] = &[
    "{}",
    " { } ",
    "{1}",
    "{1,2,3}",
    "{ 1 , 2 }",
    "{1,NULL,3}",
    "{null}",
    "{\"null\"}",
    "{\"1\",\"2\"}",
    "{{1,2},{3,4}}",
    "{{1},{2}}",
    "{{1,2},{3}}",
    "{{1},2}",
    "{1,{2}}",
    "{{}}",
    "{{},{}}",
    "{1,}",
    "{,1}",
    "{1,,2}",
    "{",
    "}",
    "",
    "1",
    "{1}}",
    "{1} x",
    "{1} ",
    "[1:2]={1,2}",
    "[0:1]={1,2}",
    "[1:3]={1,2}",
    "[2]={1,2}",
    "[1:2][1:1]={{1},{2}}",
    "[1:2]{1,2}",
    "[2:1]={1}",
    "[-1:0]={1,2}",
    "[1:1]={}",
    "{{{{{{1}}}}}}",
    "{{{{{{{1}}}}}}}",
    "{1 2}",
    "{\"1\"2}",
    "{1\"2\"}",
    "{\\1}",
    "{\"\\1\"}",
    "{a\\ }",
    "{\" \"}",
    "{  a b  }",
    "{\"a,b\",\"c}d\"}",
    "{NULL }",
    "{nULL}",
    "{\\NULL}",
    "{N\\ULL}",
    "{1;2}",
    "{\"1\" }",
    "{ \"1\"}",
    "{\"a\" b}",
    "{{1,2}{3,4}}",
    "{{1,2},}",
    "{1}{2}",
    "{ä,ö}",
    "{\"\"}",
    "{'a'}",
    "[1:2] = {1,2}",
    "[1:2]={1,2,3}",
    "{\\\\}",
    "{\"\\\\\"}",
    "{\"\\\"\"}",
    "{\"}",
    "{\\}",
];

#[test]
fn arrays_in_text() {
    run(async {
        let mut bench = Bench::start().await;
        for name in ["int4", "text", "numeric"] {
            for text in ARRAYS {
                let ours = decode_array(&ty(name), Input::Text(text.as_bytes()), &bench.settings);
                let ours =
                    ours.map(|items| shown(&items, &bench.settings)).map_err(|e| e.sqlstate.to_string());
                let expression = format!(
                    "(SELECT string_agg(coalesce(format('<%s>', x), 'NULL'), ',') FROM unnest({}::{name}[]) x)",
                    quoted(text)
                );
                let expression = expression.replace(
                    "coalesce(format('<%s>', x), 'NULL')",
                    "CASE WHEN x IS NULL THEN 'NULL' ELSE format('<%s>', x) END",
                );
                let theirs = bench.expression(&format!("coalesce({expression}, '')"), "text").await;
                bench.compare(
                    &format!("{name}[] {text:?}"),
                    ours.map(|t| (t.clone(), t.into_bytes())),
                    theirs,
                );
            }
        }
        bench.finish(100);
    });
}

fn shown(items: &[Option<Datum>], s: &Settings) -> String {
    let show = |item: &Option<Datum>| match item {
        None => "NULL".to_string(),
        Some(value) => format!("<{}>", forms(Ok(value.clone()), s).expect("forms").0),
    };
    items.iter().map(show).collect::<Vec<_>>().join(",")
}

#[test]
fn nesting_of_json_is_bounded_where_the_server_gives_up() {
    run(async {
        let mut bench = Bench::start().await;
        for depth in [10, 1_000, 3_000] {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let ours = forms(
                Datum::decode(&Type::Jsonb, Input::Text(text.as_bytes()), &bench.settings),
                &bench.settings,
            );
            let row = bench
                .client
                .query_one("SELECT shown($1, 'jsonb')", &[&format!("'{text}'::jsonb")])
                .await
                .expect("shown");
            bench.compare(&format!("depth {depth}"), ours, answer(row.get(0)));
        }
        let text = "[".repeat(200_000);
        let ours = forms(
            Datum::decode(&Type::Jsonb, Input::Text(text.as_bytes()), &bench.settings),
            &bench.settings,
        );
        let row = bench
            .client
            .query_one("SELECT shown($1, 'jsonb')", &[&format!("'{text}'::jsonb")])
            .await
            .expect("shown");
        bench.compare("depth 200000", ours, answer(row.get(0)));
        bench.finish(4);
    });
}
