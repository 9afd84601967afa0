//! Values as PostgreSQL's to_json and to_jsonb write them (src/backend/utils/adt/json.c, jsonb.c).

use zeroize::Zeroizing;

use super::settings::DateStyle;
use super::{Datum, Numeric, Settings, ValueError, jsonb};

impl Datum {
    /// Appends the value as a JSON value, in the style of jsonb or of json.
    pub fn write_json(&self, as_jsonb: bool, s: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match self {
            Datum::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Datum::Int2(_) | Datum::Int4(_) | Datum::Int8(_) => self.write_text(s, out),
            Datum::Float4(_) | Datum::Float8(_) | Datum::Numeric(_) => self.write_number(as_jsonb, s, out)?,
            Datum::Json(text) if as_jsonb => {
                out.extend_from_slice(Zeroizing::new(jsonb::normalise(text)?).as_bytes());
            }
            Datum::Json(text) | Datum::Jsonb(text) => out.extend_from_slice(text.as_bytes()),
            Datum::Date(_) | Datum::Timestamp(_) | Datum::Timestamptz(_) => self.write_moment(s, out),
            other => {
                let mut text = Zeroizing::new(Vec::new());
                other.write_text(s, &mut text);
                let text = std::str::from_utf8(&text).map_err(|_| ValueError::syntax("json"))?;
                jsonb::write_string(text, out);
            }
        }
        Ok(())
    }

    /// A number, or a string where JSON has no such number.
    fn write_number(&self, as_jsonb: bool, s: &Settings, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let mut text = Zeroizing::new(Vec::new());
        self.write_text(s, &mut text);
        if text.iter().any(|b| matches!(b, b'N' | b'n')) {
            out.push(b'"');
            out.extend_from_slice(&text);
            out.push(b'"');
        } else if as_jsonb {
            let text = std::str::from_utf8(&text).map_err(|_| ValueError::syntax("jsonb"))?;
            Numeric::parse(text)?.write_text(out);
        } else {
            out.extend_from_slice(&text);
        }
        Ok(())
    }

    /// Dates and times are in the format of XML Schema, whatever DateStyle is.
    fn write_moment(&self, s: &Settings, out: &mut Vec<u8>) {
        let iso = Settings { date_style: DateStyle::Iso, ..s.clone() };
        let mut text = Zeroizing::new(Vec::new());
        self.write_text(&iso, &mut text);
        let (moment, era) = match text.strip_suffix(b" BC") {
            Some(moment) => (moment, &b" BC"[..]),
            None => (text.as_slice(), &b""[..]),
        };
        out.push(b'"');
        match moment.iter().position(|b| *b == b' ') {
            Some(at) => {
                let (date, time) = moment.split_at(at);
                out.extend_from_slice(date);
                out.push(b'T');
                out.extend_from_slice(time.get(1..).unwrap_or_default());
                // The zone has its minutes even if they are none.
                let zone = time.iter().position(|b| matches!(b, b'+' | b'-'));
                if zone.is_some_and(|zone| !time.get(zone..).unwrap_or_default().contains(&b':')) {
                    out.extend_from_slice(b":00");
                }
            }
            None => out.extend_from_slice(moment),
        }
        out.extend_from_slice(era);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    fn json(ty: Type, text: &str, as_jsonb: bool) -> String {
        let s = Settings::from_gucs("German, DMY", "Asia/Kolkata", "hex", "1").unwrap();
        let mut out = Vec::new();
        Datum::from_text(&ty, text, &s).unwrap().write_json(as_jsonb, &s, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_the_server_does() {
        for (ty, text, expected) in [
            (Type::Text, "a\"b\\\n\u{1}ä", "\"a\\\"b\\\\\\n\\u0001ä\""),
            (Type::Int4, "-5", "-5"),
            (Type::Numeric(None), "1.50", "1.50"),
            (Type::Numeric(None), "NaN", "\"NaN\""),
            (Type::Float8, "-Infinity", "\"-Infinity\""),
            (Type::Float8, "1e-300", "1e-300"),
            (Type::Bool, "t", "true"),
            (Type::Date, "29.02.2024", "\"2024-02-29\""),
            (Type::Date, "infinity", "\"infinity\""),
            (Type::Timestamp(None), "2024-02-29 13:14:15.6789", "\"2024-02-29T13:14:15.6789\""),
            (Type::Timestamptz(None), "2024-02-29 13:14:15+00", "\"2024-02-29T18:44:15+05:30\""),
            (Type::Time(None), "13:14:15", "\"13:14:15\""),
            (Type::Json, "{\"b\": 1,  \"a\":2}", "{\"b\": 1,  \"a\":2}"),
            (Type::Bytea, "\\x00ff", "\"\\\\x00ff\""),
        ] {
            assert_eq!(json(ty, text, false), expected, "{ty} {text}");
        }
        assert_eq!(json(Type::Float8, "1e-7", true), "0.0000001");
        assert_eq!(json(Type::Json, "{\"b\": 1,  \"a\":2}", true), "{\"a\": 2, \"b\": 1}");
        let utc = Settings::default();
        let mut out = Vec::new();
        let value = Datum::from_text(&Type::Timestamptz(None), "0044-03-15 12:00:00+00 BC", &utc).unwrap();
        value.write_json(false, &utc, &mut out).unwrap();
        assert_eq!(out, b"\"0044-03-15T12:00:00+00:00 BC\"");
    }
}
