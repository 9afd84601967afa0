//! `ORDER BY value` and `column < value`, against the order of our encodings.

use pyrite::value::{CastContext, Collation, Datum, Input, Settings, Type, order};

use crate::equality::{self, Value};
use crate::random::Random;
use crate::{Bench, run, ty};

fn encoded(column: &Type, value: &Datum, s: &Settings) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    order::encode(column, &Collation::c(), value, s, &mut out).map_err(|e| e.sqlstate.to_owned())?;
    Ok(out)
}

/// The place of each entry in the order of all, equal ones alike.
pub fn ranks<T: Ord>(list: &[T]) -> Vec<i64> {
    let mut distinct: Vec<&T> = list.iter().collect();
    distinct.sort();
    distinct.dedup();
    list.iter().map(|x| distinct.binary_search(&x).map_or(-1, |n| n as i64 + 1)).collect()
}

fn random_texts(name: &str, random: &mut Random) -> Vec<String> {
    let pick = |random: &mut Random, from: &[&str]| from[random.below(from.len() as u64) as usize].to_owned();
    (0..600)
        .map(|_| match name {
            "int2" => (random.next() as i16 >> random.below(15)).to_string(),
            "int4" => (random.next() as i32 >> random.below(31)).to_string(),
            "int8" => (random.next() as i64 >> random.below(63)).to_string(),
            "float4" => format!("{:?}", f32::from_bits(random.next() as u32)),
            "float8" => match random.below(10) {
                0 => pick(random, &["NaN", "inf", "-inf", "-0", "0", "5e-324", "-5e-324"]),
                _ => format!("{:?}", f64::from_bits(random.next())),
            },
            "numeric" | "numeric(20,6)" => {
                let sign = pick(random, &["", "-"]);
                let digits = random.next() >> random.below(64);
                let exponent = match name {
                    "numeric" if random.below(20) == 0 => random.below(700) as i64 - 350,
                    "numeric" => random.below(20) as i64 - 14,
                    _ => -6 - random.below(4) as i64,
                };
                match random.below(40) {
                    0 => "NaN".to_owned(),
                    1 if name == "numeric" => pick(random, &["Infinity", "-Infinity", "0", "0.000"]),
                    _ if name == "numeric" => format!("{sign}{digits}e{exponent}"),
                    _ => format!("{sign}{}e{exponent}", digits >> 8),
                }
            }
            "bool" => pick(random, &["true", "false"]),
            "uuid" => format!("{:016x}{:016x}", random.next() >> (random.below(2) * 60), random.next()),
            "bytea" => {
                let length = random.below(6);
                let bytes: String =
                    (0..length).map(|_| pick(random, &["00", "01", "7f", "80", "ff"])).collect();
                format!("\\x{bytes}")
            }
            "date" => match random.below(20) {
                0 => pick(random, &["infinity", "-infinity", "4714-11-24 BC", "5874897-12-31"]),
                _ => format!(
                    "{:04}-{:02}-{:02}",
                    1 + random.below(4000),
                    1 + random.below(12),
                    1 + random.below(28)
                ),
            },
            "time" => format!(
                "{:02}:{:02}:{}.{}",
                random.below(24),
                random.below(60),
                random.below(60),
                random.below(999)
            ),
            _ if name.starts_with("timestamp") => match random.below(20) {
                0 => pick(random, &["infinity", "-infinity", "4714-11-24 00:00:00 BC", "294276-12-31"]),
                _ => format!(
                    "{}-{:02}-{:02} {:02}:{:02}:00.{:06}",
                    1990 + random.below(60),
                    1 + random.below(12),
                    1 + random.below(28),
                    random.below(24),
                    random.below(60),
                    random.below(1_000_000)
                ),
            },
            _ => {
                let length = random.below(7);
                (0..length)
                    .map(|_| pick(random, &["a", "b", "A", " ", "ä", "ß", "\u{1}", "𝄞", "~", "\u{ffff}"]))
                    .collect()
            }
        })
        .collect()
}

#[test]
fn values_of_one_type_sort_alike() {
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(0x1234_5678_9ABC_DEF1);
        for name in [
            "int2",
            "int4",
            "int8",
            "float4",
            "float8",
            "numeric",
            "numeric(20,6)",
            "bool",
            "uuid",
            "bytea",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "text",
            "varchar(9)",
            "char(6)",
        ] {
            let texts = random_texts(name, &mut random);
            let column = ty(name);
            let values: Vec<Vec<u8>> = texts
                .iter()
                .map(|text| {
                    let datum =
                        Datum::decode(&column, Input::Text(text.as_bytes()), &bench.settings).expect(text);
                    let datum = datum.cast(&column, CastContext::Explicit, &bench.settings).expect(text);
                    encoded(&column, &datum, &bench.settings).expect("an encoding")
                })
                .collect();
            if let Some(longest) = order::longest(&column) {
                assert!(values.iter().all(|bytes| bytes.len() <= longest), "{name}");
            }
            let query = format!(
                "SELECT dense_rank() OVER (ORDER BY x::{name}) FROM unnest($1::text[]) WITH ORDINALITY u(x, n) ORDER BY n"
            );
            let rows = bench.client.query(&query, &[&texts]).await.expect("ranks");
            for ((text, ours), row) in texts.iter().zip(ranks(&values)).zip(rows) {
                let theirs: i64 = row.get(0);
                bench.compare(&format!("{name} {text:?}"), Err(ours.to_string()), Err(theirs.to_string()));
            }
        }
        bench.finish(10_000);
    });
}

const COMPARED: &str = r"
CREATE FUNCTION compared(a text, b text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
  EXECUTE format('SELECT CASE WHEN x < y THEN ''Less'' WHEN x > y THEN ''Greater'' WHEN x <= y AND x >= y THEN ''Equal'' END
                  FROM (SELECT (%s) AS x, (%s) AS y) q', a, b) INTO r;
  RETURN r;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;";

/// Comparisons that the encodings of the column cannot decide.
fn may_be_undecided(column: &Type, value: &Type) -> bool {
    matches!(
        (column, value),
        (Type::Varchar(_), Type::Char(_))
            | (Type::Int8 | Type::Numeric(_), Type::Float4 | Type::Float8)
            | (Type::Date | Type::Timestamp(_), Type::Timestamptz(_))
    )
}

#[test]
fn comparisons_over_all_pairs() {
    run(async {
        let mut bench = Bench::start().await;
        bench.client.batch_execute(COMPARED).await.expect("helper");
        let mut decided = 0;
        for zone in ["America/New_York", "Pacific/Apia"] {
            bench.set("ISO, MDY", zone, "hex", "1").await;
            let values = equality::values(&bench);
            let values: Vec<Value> = values.into_iter().filter(|v| order::supported(&v.ty)).collect();
            let compared = bench
                .client
                .prepare("SELECT compared(a, b) FROM unnest($1::text[]) b, (SELECT $2::text AS a) q")
                .await
                .expect("prepare");
            let expressions: Vec<&str> = values.iter().map(|v| v.expression.as_str()).collect();
            for column in &values {
                let rows = bench
                    .client
                    .query(&compared, &[&expressions, &column.expression])
                    .await
                    .expect("compared");
                for (value, row) in values.iter().zip(rows) {
                    let theirs: String = row.get(0);
                    decided += usize::from(check(&mut bench, column, value, &theirs));
                }
            }
        }
        assert!(decided > 4_000, "only {decided} comparisons");
        bench.finish(0);
    });
}

/// Compares one pair; whether it was decided.
fn check(bench: &mut Bench, column: &Value, value: &Value, theirs: &str) -> bool {
    let what = format!("{} {} <> {} {}", column.name, column.expression, value.name, value.expression);
    let s = bench.settings.clone();
    let stored = encoded(&column.ty, &column.datum, &s).expect("a value of the column");
    let ours = encoded(&column.ty, &value.datum, &s);
    if theirs.len() == 5 && theirs != "Equal" {
        // The server has no such operator, or fails on a conversion; so do we, or we answer.
        let none = matches!(&ours, Err(state) if state == "42883");
        bench.compare(&what, Err(none.to_string()), Err((theirs == "42883").to_string()));
        return false;
    }
    if order::comparable(&column.ty, &value.ty) {
        let other = encoded(&value.ty, &value.datum, &s).expect("a value of its own type");
        bench.compare(
            &format!("join {what}"),
            Err(format!("{:?}", stored.cmp(&other))),
            Err(theirs.to_owned()),
        );
    }
    match ours {
        Ok(bytes) => {
            bench.compare(&what, Err(format!("{:?}", stored.cmp(&bytes))), Err(theirs.to_owned()));
            true
        }
        Err(state) if state == "0A000" && may_be_undecided(&column.ty, &value.ty) => false,
        Err(state) => {
            bench.compare(&what, Err(state), Err(theirs.to_owned()));
            false
        }
    }
}
