//! Envelopes inside rows, arrays and JSON: opened where the shape says, and nowhere else.

use std::fmt::Write as _;
use std::sync::Arc;

use super::TransformError;
use super::tests::{GROUP, OTHER_GROUP, column, seal, slot, transformer};
use crate::sql::plan::{Field, Json, Role, Shape};
use crate::value::{Format, Type};

/// An envelope in the text format of bytea.
fn sealed(ty: Type, group: [u8; 16], text: &str) -> String {
    let envelope = seal(&slot(Role::Store(column(ty, group)), None, &[]), text).unwrap();
    let mut out = "\\x".to_owned();
    envelope.iter().for_each(|byte| write!(out, "{byte:02x}").unwrap());
    out
}

fn envelope(ty: Type) -> Shape {
    Shape::Envelope { column: column(ty, GROUP), casts: Vec::new() }
}

fn opened(shape: &Shape, text: &str) -> Result<String, TransformError> {
    let mut out = Vec::new();
    transformer().open_nested(shape, false, text.as_bytes(), Format::Text, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn in_json(text: &str) -> String {
    text.replace('\\', "\\\\")
}

#[test]
fn parts_are_opened_in_their_places_and_quoted_anew() {
    let name = sealed(Type::Text, GROUP, "a \"b\", {c}");
    let array = Shape::Array(Arc::new(envelope(Type::Text)));
    let quoted = name.replace('\\', "\\\\");
    assert_eq!(opened(&array, &format!("{{\"{quoted}\",NULL}}")).unwrap(), "{\"a \\\"b\\\", {c}\",NULL}");
    let field = |name: &str, shape| Field { name: name.into(), shape };
    let row = Shape::Record(Arc::new(vec![field("n", envelope(Type::Text)), field("x", Shape::Plain)]));
    assert_eq!(opened(&row, &format!("(\"{quoted}\",\"p q\")")).unwrap(), "(\"a \"\"b\"\", {c}\",\"p q\")");
    let json = Shape::Json(Arc::new(row.to_json(false).unwrap()));
    let text = format!("{{\"n\":\"{}\",\n \"x\":1}}", in_json(&name));
    assert_eq!(opened(&json, &text).unwrap(), "{\"n\":\"a \\\"b\\\", {c}\",\n \"x\":1}");
}

#[test]
fn numbers_and_empty_containers_in_json() {
    let value = |ty| Json::Envelope { column: column(ty, GROUP), casts: Vec::new(), jsonb: true };
    let list = Shape::Json(Arc::new(Json::Elements(Arc::new(value(Type::Float8)))));
    let number = in_json(&sealed(Type::Float8, GROUP, "1e-7"));
    assert_eq!(opened(&list, &format!("[\"{number}\", null]")).unwrap(), "[0.0000001, null]");
    for text in ["[]", "{}", "null"] {
        assert_eq!(opened(&list, text).unwrap(), text);
    }
}

#[test]
fn what_only_looks_like_an_envelope_stays() {
    let name = sealed(Type::Text, GROUP, "secret");
    let members = vec![
        (Some("a".to_owned()), Json::Plain),
        (
            Some("b".to_owned()),
            Json::Envelope { column: column(Type::Text, GROUP), casts: Vec::new(), jsonb: false },
        ),
    ];
    let object = Shape::Json(Arc::new(Json::Object(members)));
    let looks = in_json(&name);
    let text = format!("{{\"a\" : \"{looks}\", \"b\" : \"{looks}\"}}");
    assert_eq!(opened(&object, &text).unwrap(), format!("{{\"a\" : \"{looks}\", \"b\" : \"secret\"}}"));
}

#[test]
fn another_shape_or_another_key_is_an_error() {
    let own = in_json(&sealed(Type::Text, GROUP, "x"));
    let other = in_json(&sealed(Type::Text, OTHER_GROUP, "x"));
    let value = Json::Envelope { column: column(Type::Text, GROUP), casts: Vec::new(), jsonb: false };
    let object = Shape::Json(Arc::new(Json::Object(vec![(Some("a".into()), value.clone())])));
    let tuple = Shape::Json(Arc::new(Json::Tuple(vec![value])));
    for (shape, text) in [
        (&object, format!("{{\"a\":\"{other}\"}}")),
        (&object, "{\"a\":\"plain\"}".to_owned()),
        (&object, "{\"a\":5}".to_owned()),
        (&object, format!("{{\"b\":\"{own}\"}}")),
        (&object, format!("[\"{own}\"]")),
        (&object, format!("{{\"a\":\"{own}\"")),
        (&tuple, format!("[\"{own}\",\"{own}\"]")),
        (&Shape::Array(Arc::new(envelope(Type::Text))), "{plain}".to_owned()),
        (&Shape::Record(Arc::new(Vec::new())), "(1,2)".to_owned()),
    ] {
        let error = opened(shape, &text).unwrap_err();
        assert_eq!(error.sqlstate, "XX001", "{text}");
        assert!(!error.message.contains("plain") || error.message.contains("planned"), "{}", error.message);
    }
}
