//! What must hold for every type and any bytes.

use super::*;

const TYPES: &[&str] = &[
    "text",
    "varchar",
    "varchar(3)",
    "char(3)",
    "bpchar",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "numeric(5,2)",
    "bool",
    "date",
    "time",
    "time(0)",
    "timestamp",
    "timestamptz",
    "timestamptz(3)",
    "uuid",
    "json",
    "jsonb",
    "bytea",
];

/// Pieces from which random text is made, so that some of it means something.
const PIECES: &[&str] = &[
    "1",
    "23",
    "1999",
    "-",
    "+",
    ".",
    ":",
    "/",
    " ",
    "e",
    "inf",
    "nan",
    "Jan",
    "BC",
    "PM",
    "J",
    "T",
    "Z",
    "UTC",
    "\\x",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    "null",
    "true",
    "\\u00e4",
    "ä",
    "infinity",
    "epoch",
    "America/New_York",
    "<A>",
    "5B",
    "0x",
    "p",
    "9999999999",
    "24:00",
    "294276",
    "4714",
    "'",
    "a0eebc99",
];

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(24);
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    fn text(&mut self) -> Vec<u8> {
        let length = self.below(8);
        (0..length).map(|_| PIECES[self.below(PIECES.len())]).collect::<String>().into_bytes()
    }
}

fn same(a: &Datum, b: &Datum) -> bool {
    // NaN is not equal to itself, its plaintext is.
    a.to_plaintext() == b.to_plaintext() && a.ty() == b.ty()
}

/// What decodes must come back from every form.
fn round_trip(value: &Datum, ty: &Type, s: &Settings) {
    let mut binary = Vec::new();
    value.encode(Format::Binary, s, &mut binary).unwrap();
    assert!(same(&Datum::decode(ty, Input::Binary(&binary), s).unwrap(), value), "{ty} binary");
    let mut text = Vec::new();
    value.encode(Format::Text, s, &mut text).unwrap();
    let lossy =
        matches!(value, Datum::Float4(f) if f.is_nan()) || matches!(value, Datum::Float8(f) if f.is_nan());
    let back = Datum::decode(ty, Input::Text(&text), s).unwrap();
    assert!(lossy || same(&back, value), "{ty} text");
    let _ = value.equality_bytes(ty, s);
    for target in TYPES {
        let target = Type::parse(target).unwrap();
        for context in [CastContext::Assignment, CastContext::Explicit] {
            let Ok(cast) = value.clone().cast(&target, context, s) else { continue };
            let plain = cast.to_plaintext();
            assert!(same(&Datum::from_plaintext(&target, plain.as_bytes()).unwrap(), &cast), "{ty} {target}");
            for format in [Format::Text, Format::Binary] {
                let (mut direct, mut through) = (Vec::new(), Vec::new());
                cast.encode(format, s, &mut direct).unwrap();
                write_plaintext(&target, plain.as_bytes(), format, s, &mut through).unwrap();
                assert!(direct == through, "{ty} {target} {format:?}");
            }
        }
    }
}

#[test]
fn no_bytes_panic_and_what_decodes_comes_back() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let settings = [
        Settings::default(),
        Settings::from_gucs("ISO, DMY", "America/New_York", "escape", "3").unwrap(),
        Settings::from_gucs("ISO, YMD", "<+02>-02", "hex", "1").unwrap(),
    ];
    let mut decoded = 0;
    for round in 0..4_000 {
        let s = &settings[round % settings.len()];
        for name in TYPES {
            let ty = Type::parse(name).unwrap();
            let (bytes, text) = (random.bytes(), random.text());
            for input in
                [Input::Binary(&bytes), Input::Text(&bytes), Input::Text(&text), Input::Binary(&text)]
            {
                if let Ok(value) = Datum::decode(&ty, input, s) {
                    decoded += 1;
                    if decoded % 16 == 0 {
                        round_trip(&value, &ty.base(), s);
                    }
                }
                let _ = decode_array(&ty, input, s);
            }
            let _ = Datum::from_plaintext(&ty, &bytes);
            let _ = write_plaintext(&ty, &bytes, Format::Text, s, &mut Vec::new());
            let _ = Type::parse(&String::from_utf8_lossy(&text));
        }
    }
    assert!(decoded > 20_000, "only {decoded}");
}

#[test]
fn debug_output_shows_no_value() {
    let s = Settings::default();
    for (name, text) in
        [("text", "secret"), ("int4", "424242"), ("numeric", "4242.42"), ("date", "1999-12-24")]
    {
        let value = Datum::decode(&Type::parse(name).unwrap(), Input::Text(text.as_bytes()), &s).unwrap();
        let shown = format!("{value:?} {:?} {:?}", value.to_plaintext(), Input::Text(text.as_bytes()));
        assert!(!shown.contains(text), "{shown}");
    }
}
