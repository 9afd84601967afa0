//! Values that no table of spellings would have: random ones, and all the corners of floats and zones.

use pyrite::value::{CastContext, Datum, Format, Input, Type};

use crate::binary::array;
use crate::{Bench, Raw, run, ty};

/// A small deterministic generator.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Compares the text form of values given in binary.
async fn texts(bench: &mut Bench, name: &str, values: &[Vec<u8>]) {
    let element = ty(name);
    let query = format!(
        "SELECT array_agg(format('%s', x) ORDER BY n) FROM unnest($1::{name}[]) WITH ORDINALITY u(x, n)"
    );
    for chunk in values.chunks(2_000) {
        let row = bench.client.query_one(&query, &[&Raw(array(&element, chunk))]).await.expect("texts");
        let theirs: Vec<String> = row.get(0);
        for (bytes, theirs) in chunk.iter().zip(theirs) {
            let value = Datum::decode(&element, Input::Binary(bytes), &bench.settings).expect("value");
            let mut out = Vec::new();
            value.encode(Format::Text, &bench.settings, &mut out).expect("text");
            let ours = String::from_utf8(out).expect("UTF-8");
            let what = format!("{name} {bytes:?} under {:?}", bench.settings);
            bench.compare(&what, Ok((ours, Vec::new())), Ok((theirs, Vec::new())));
        }
    }
}

#[test]
fn floats_print_alike() {
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut doubles: Vec<f64> = (0..6_000).map(|_| f64::from_bits(random.next())).collect();
        doubles.extend((-1074..1024).map(|e| 2f64.powi(e)));
        for e in -320..309 {
            let power: f64 = format!("1e{e}").parse().expect("float");
            doubles.extend([
                power,
                f64::from_bits(power.to_bits() + 1),
                -f64::from_bits(power.to_bits().saturating_sub(1)),
            ]);
        }
        // Integers whose neighbours' means are short decimals.
        doubles
            .extend((0..4_000).map(|_| (random.below(1 << 20) as f64) * 10f64.powi(random.below(20) as i32)));
        doubles.extend((0..4_000).map(|_| (9_007_199_254_740_992u64 + random.below(1 << 55)) as f64));
        doubles.retain(|d| !d.is_nan());
        let mut singles: Vec<f32> = (0..6_000).map(|_| f32::from_bits(random.next() as u32)).collect();
        singles.extend((-149..128).map(|e| 2f32.powi(e)));
        singles.extend((0..4_000).map(|_| (16_777_216 + random.below(1 << 40)) as f32));
        singles.retain(|d| !d.is_nan());
        let doubles: Vec<Vec<u8>> = doubles.iter().map(|d| d.to_be_bytes().to_vec()).collect();
        let singles: Vec<Vec<u8>> = singles.iter().map(|d| d.to_be_bytes().to_vec()).collect();
        for digits in ["1", "0", "-8", "-15"] {
            bench.set("ISO, MDY", "UTC", "hex", digits).await;
            texts(&mut bench, "float8", &doubles).await;
            texts(&mut bench, "float4", &singles).await;
        }
        bench.finish(50_000);
    });
}

/// Zones whose history is settled, with every kind of change: by half an hour, across the date line, without
/// daylight saving, by two hours.
const ZONES: &[&str] = &[
    "America/New_York",
    "Europe/Berlin",
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Europe/Moscow",
    "America/Caracas",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Antarctica/Troll",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "UTC",
    "America/St_Johns",
];

const MICROS: i64 = 1_000_000;

#[test]
fn timestamps_print_alike_in_every_style_and_zone() {
    run(async {
        let mut bench = Bench::start().await;
        let mut random = Random(7);
        let (first, last) = (-211_813_488_000_000_000i64, 9_223_371_331_200_000_000i64);
        let span = last.abs_diff(first);
        let mut all: Vec<i64> = (0..1_500).map(|_| first.wrapping_add(random.below(span) as i64)).collect();
        // 1970 to 2020, by the second.
        all.extend((0..1_500).map(|_| (random.below(1_577_836_800) as i64 - 946_684_800) * MICROS));
        all.extend([first, last - 1, 0, -1, i64::MAX, i64::MIN]);
        let raw: Vec<Vec<u8>> = all.iter().map(|t| t.to_be_bytes().to_vec()).collect();
        let recent: Vec<Vec<u8>> = all
            .iter()
            .filter(|t| (-946_684_800 * MICROS..631_152_000 * MICROS).contains(*t))
            .map(|t| t.to_be_bytes().to_vec())
            .collect();
        let dates: Vec<Vec<u8>> = (0..1_000)
            .map(|_| (random.below(2_147_483_494) as i32 - 2_451_545).to_be_bytes().to_vec())
            .collect();
        for style in ["ISO", "SQL", "Postgres", "German"] {
            for order in ["MDY", "DMY", "YMD"] {
                bench.set(&format!("{style}, {order}"), "UTC", "hex", "1").await;
                texts(&mut bench, "timestamp", &raw).await;
                texts(&mut bench, "timestamptz", &raw).await;
                texts(&mut bench, "date", &dates).await;
            }
            for zone in ZONES {
                bench.set(&format!("{style}, MDY"), zone, "hex", "1").await;
                texts(&mut bench, "timestamptz", &recent).await;
            }
        }
        bench.finish(100_000);
    });
}

#[test]
fn local_times_become_the_same_instants() {
    run(async {
        let mut bench = Bench::start().await;
        for zone in ZONES {
            bench.set("ISO, MDY", zone, "hex", "1").await;
            // Every quarter of an hour of a few years, each with another kind of change.
            for (from, days) in
                [(-3_000i64, 40), (4_300, 400), (5_300, 110), (5_600, 60), (7_300, 30), (300_000, 200)]
            {
                let locals: Vec<Vec<u8>> =
                    (0..days * 96).map(|n| ((from * 96 + n) * 900 * MICROS).to_be_bytes().to_vec()).collect();
                instants(&mut bench, &locals).await;
            }
        }
        bench.finish(500_000);
    });
}

async fn instants(bench: &mut Bench, locals: &[Vec<u8>]) {
    let query = "SELECT array_agg(timestamptz_send(x::timestamptz) ORDER BY n), array_agg(timestamp_send((x AT TIME ZONE 'UTC')::timestamp) ORDER BY n)
        FROM unnest($1::timestamp[]) WITH ORDINALITY u(x, n)";
    let source = Type::Timestamp(None);
    for chunk in locals.chunks(5_000) {
        let row = bench.client.query_one(query, &[&Raw(array(&source, chunk))]).await.expect("instants");
        let (forth, back): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (row.get(0), row.get(1));
        for ((bytes, forth), back) in chunk.iter().zip(forth).zip(back) {
            let cast = |source: &Type, target: Type| {
                let value = Datum::decode(source, Input::Binary(bytes), &bench.settings).expect("value");
                let value = value.cast(&target, CastContext::Explicit, &bench.settings);
                crate::forms(value, &bench.settings).map(|(_, binary)| (String::new(), binary))
            };
            let ours = cast(&source, Type::Timestamptz(None));
            let ours_back = cast(&Type::Timestamptz(None), source);
            let what = format!("{bytes:?} under {:?}", bench.settings.clone());
            bench.compare(&what, ours, Ok((String::new(), forth)));
            bench.compare(&format!("back {what}"), ours_back, Ok((String::new(), back)));
        }
    }
}
