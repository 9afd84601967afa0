use super::*;
use crate::value::{CastContext, Input};

fn settings() -> Settings {
    Settings::from_gucs("ISO, MDY", "America/New_York", "hex", "1").unwrap()
}

fn datum(ty: &str, text: &str) -> Datum {
    let ty = Type::parse(ty).unwrap();
    let s = settings();
    let datum = Datum::decode(&ty, Input::Text(text.as_bytes()), &s).unwrap();
    datum.cast(&ty, CastContext::Explicit, &s).unwrap()
}

fn bytes(ty: &str, text: &str, column: &str) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    let column = Type::parse(column).unwrap();
    encode(&column, &Collation::c(), &datum(ty, text), &settings(), &mut out).map(|()| out)
}

/// Each of these is less than the next in a comparison with a column of the type.
fn ascending(column: &str, values: &[(&str, &str)]) {
    let encoded: Vec<_> = values.iter().map(|(ty, text)| bytes(ty, text, column).unwrap()).collect();
    for (pair, names) in encoded.windows(2).zip(values.windows(2)) {
        let [a, b] = pair else { continue };
        assert!(a < b, "{column}: {names:?}: {a:02x?} {b:02x?}");
    }
}

#[test]
fn constants_between_integers() {
    ascending(
        "int4",
        &[
            ("numeric", "-3000000000.5"),
            ("int4", "-2147483648"),
            ("numeric", "-1.5"),
            ("int4", "-1"),
            ("float8", "-0.5"),
            ("int8", "0"),
            ("numeric", "0.1"),
            ("int2", "1"),
            ("int4", "2147483647"),
            ("int8", "3000000000"),
        ],
    );
    assert_eq!(bytes("numeric", "7.00", "int4").unwrap(), bytes("int2", "7", "int4").unwrap());
    assert_eq!(bytes("numeric", "NaN", "int2").unwrap(), bytes("int8", "40000", "int2").unwrap());
    assert_eq!(bytes("float8", "1e17", "int8").unwrap_err().sqlstate, "0A000");
    ascending("int8", &[("float8", "-1e19"), ("int8", "-9223372036854775808"), ("float8", "1e300")]);
}

#[test]
fn numerics() {
    ascending(
        "numeric",
        &[
            ("numeric", "-Infinity"),
            ("numeric", "-1e300"),
            ("numeric", "-10001"),
            ("numeric", "-10000"),
            ("numeric", "-1.5"),
            ("int4", "-1"),
            ("numeric", "-1e-300"),
            ("numeric", "0"),
            ("numeric", "1e-300"),
            ("numeric", "0.0001"),
            ("numeric", "1.00"),
            ("numeric", "1.00001"),
            ("numeric", "1.5"),
            ("int8", "10000"),
            ("numeric", "1e300"),
            ("numeric", "Infinity"),
            ("numeric", "NaN"),
        ],
    );
    let wide = bytes("numeric", "-12345678901234567890.123456789", "numeric(29,9)").unwrap();
    assert!(wide.len() <= longest(&Type::Numeric(Some((29, 9)))).unwrap());
    ascending("numeric(6,2)", &[("numeric", "0.10"), ("float8", "0.100001"), ("numeric", "0.11")]);
}

#[test]
fn floats() {
    let places = ["-inf", "-1", "-1e-45", "0", "1e-45", "0.1", "inf", "NaN"].map(|text| ("float4", text));
    ascending("float4", &places);
    ascending("float8", &places);
    ascending("float4", &[("float8", "0.1"), ("float4", "0.1"), ("float8", "0.11")]);
    ascending("float4", &[("float4", "3.4e38"), ("float8", "1e300"), ("float4", "inf")]);
    assert_eq!(bytes("float8", "-0", "float8").unwrap(), bytes("float8", "0", "float8").unwrap());
}

#[test]
fn moments() {
    ascending(
        "date",
        &[
            ("date", "-infinity"),
            ("date", "4714-11-24 BC"),
            ("date", "2020-01-01"),
            ("timestamp", "2020-01-01 00:00:00.000001"),
            ("timestamptz", "2020-01-02 00:00"),
            ("timestamp", "2020-01-02 12:00"),
            ("timestamp", "294276-12-31 23:59"),
            ("date", "5874897-12-31"),
            ("timestamp", "infinity"),
        ],
    );
    ascending("timestamp", &[("timestamp", "294276-12-31"), ("date", "5874897-12-31"), ("date", "infinity")]);
    ascending(
        "timestamptz",
        &[("timestamp", "-infinity"), ("date", "2020-01-01"), ("date", "5874897-12-31")],
    );
    // Local times around here stand for the same instants twice.
    assert_eq!(bytes("timestamptz", "2021-03-14 07:30Z", "timestamp").unwrap_err().sqlstate, "0A000");
    ascending("time", &[("time", "00:00"), ("time", "23:59:59.999999"), ("time", "24:00")]);
}

#[test]
fn texts_of_c() {
    ascending("text", &[("text", ""), ("varchar", "A"), ("text", "a"), ("text", "a "), ("text", "ä")]);
    assert_eq!(bytes("char(5)", "a", "char(3)").unwrap(), b"a");
    assert_eq!(bytes("varchar", "a  ", "char(3)").unwrap(), b"a");
    assert_eq!(bytes("text", "a  ", "char(3)").unwrap(), b"a  ");
    assert_eq!(bytes("char(3)", "a", "varchar").unwrap_err().sqlstate, "0A000");
}

#[test]
fn what_has_no_order() {
    assert_eq!(bytes("jsonb", "1", "jsonb").unwrap_err().sqlstate, "0A000");
    assert_eq!(bytes("text", "1", "int4").unwrap_err().sqlstate, "42883");
    assert!(!supported(&Type::Json));
    assert!(comparable(&Type::Varchar(Some(3)), &Type::Text));
    assert!(!comparable(&Type::Int4, &Type::Int8));
    assert!(!comparable(&Type::Varchar(None), &Type::Char(3)));
    assert!(comparable(&Type::Numeric(None), &Type::Numeric(Some((3, 1)))));
}

/// What is stored is made of these bytes.
#[test]
fn encodings_are_pinned() {
    for (ty, text, expected) in [
        ("int2", "-2", "7ffe"),
        ("int4", "1", "80000001"),
        ("int8", "-1", "7fffffffffffffff"),
        ("numeric", "1234.56", "c005d216e0"),
        ("numeric", "-1234.56", "3ffa2de91fff"),
        ("numeric", "0.00", "80"),
        ("float4", "1.5", "bfc00000"),
        ("float8", "-1.5", "4007ffffffffffff"),
        ("bool", "t", "01"),
        ("date", "2000-01-02", "80000001"),
        ("timestamp", "2000-01-01 00:00:01", "80000000000f4240"),
        ("time", "00:00:01", "00000f4240"),
        ("bytea", "\\x00ff", "00ff"),
        ("char(4)", "ab", "6162"),
    ] {
        let hex: String = bytes(ty, text, ty).unwrap().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, expected, "{ty} {text}");
    }
}
