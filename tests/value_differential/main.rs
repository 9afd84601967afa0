//! Every type of `pyrite::value` against a real server: the same inputs must give the same text, the same
//! binary form and the same SQLSTATE, under many settings.

// A failing test is to panic, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod binary;
mod casts;
mod collation;
mod equality;
#[rustfmt::skip]
mod formulas;
#[rustfmt::skip]
mod inputs;
mod mutants;
mod order;
mod random;
mod server;

use std::fmt::Write as _;

use pyrite::value::{Datum, Format, Input, Settings, Type, ValueError};
use server::Server;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type as PgType};
use tokio_postgres::{Client, Statement};

/// Text and binary form, or the SQLSTATE.
type Answer = Result<(String, Vec<u8>), String>;

/// Binary parameters and results of any type, as they are.
#[derive(Debug, Clone)]
struct Raw(Vec<u8>);

impl ToSql for Raw {
    fn to_sql(
        &self,
        _: &PgType,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
    fn accepts(_: &PgType) -> bool {
        true
    }
    tokio_postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &PgType, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Raw(raw.to_vec()))
    }
    fn accepts(_: &PgType) -> bool {
        true
    }
}

/// The server side: functions that give a value's forms, or the SQLSTATE of the failure.
const HELPERS: &str = r"
CREATE FUNCTION send_name(ty text) RETURNS text LANGUAGE sql AS
$$ SELECT typsend::text FROM pg_type WHERE oid = ty::regtype $$;
CREATE FUNCTION shown(expression text, ty text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE t text; b bytea;
BEGIN
  EXECUTE format('SELECT format(''%%s'', x), %s(x) FROM (SELECT %s AS x OFFSET 0) q', send_name(ty), expression)
    INTO t, b;
  RETURN ARRAY[t, encode(b, 'hex'), NULL];
EXCEPTION WHEN OTHERS THEN RETURN ARRAY[NULL, NULL, SQLSTATE];
END $$;
CREATE FUNCTION stored(target regclass, ty text, expression text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE t text; b bytea;
BEGIN
  EXECUTE format('INSERT INTO %s SELECT %s RETURNING format(''%%s'', c), %s(c)', target, expression, send_name(ty))
    INTO t, b;
  RETURN ARRAY[t, encode(b, 'hex'), NULL];
EXCEPTION WHEN OTHERS THEN RETURN ARRAY[NULL, NULL, SQLSTATE];
END $$;
CREATE FUNCTION equal(a text, b text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
  EXECUTE format('SELECT ((%s) = (%s))::text', a, b) INTO r;
  RETURN r;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
";

struct Bench {
    client: Client,
    shown: Statement,
    settings: Settings,
    wrong: String,
    compared: usize,
    _server: Server,
}

fn quoted(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn unhex(text: &str) -> Vec<u8> {
    let nibble = |b: u8| char::from(b).to_digit(16).expect("hex") as u8;
    text.as_bytes().chunks(2).map(|p| nibble(p[0]) << 4 | nibble(p[1])).collect()
}

fn forms(value: Result<Datum, ValueError>, s: &Settings) -> Answer {
    let value = value.map_err(|e| e.sqlstate.to_string())?;
    let mut text = Vec::new();
    let mut binary = Vec::new();
    value.encode(Format::Text, s, &mut text).map_err(|e| e.sqlstate.to_string())?;
    value.encode(Format::Binary, s, &mut binary).map_err(|e| e.sqlstate.to_string())?;
    Ok((String::from_utf8(text).expect("text form"), binary))
}

impl Bench {
    async fn start() -> Bench {
        let server = Server::start();
        let client = server.connect().await;
        client.batch_execute(HELPERS).await.expect("helpers");
        let shown = client.prepare("SELECT shown($1, $2)").await.expect("prepare");
        let settings = Settings::default();
        let mut bench = Bench { client, shown, settings, wrong: String::new(), compared: 0, _server: server };
        bench.set("ISO, MDY", "UTC", "hex", "1").await;
        bench
    }

    async fn set(&mut self, style: &str, zone: &str, bytea: &str, digits: &str) {
        let text = format!(
            "SET DateStyle = '{style}'; SET TimeZone = '{zone}'; SET bytea_output = {bytea};
             SET extra_float_digits = {digits}"
        );
        self.client.batch_execute(&text).await.expect("SET");
        let row =
            self.client.query_one("SELECT current_setting('DateStyle'), current_setting('TimeZone')", &[]);
        let row = row.await.expect("SHOW");
        self.settings = Settings::from_gucs(row.get(0), row.get(1), bytea, digits).expect("settings");
    }

    async fn expression(&self, expression: &str, ty: &str) -> Answer {
        let row = self.client.query_one(&self.shown, &[&expression, &ty]).await.expect("shown");
        answer(row.get(0))
    }

    fn compare(&mut self, what: &str, ours: Answer, theirs: Answer) {
        self.compared += 1;
        if ours != theirs {
            let _ = writeln!(self.wrong, "{what}\n    ours   {ours:?}\n    theirs {theirs:?}");
        }
    }

    fn finish(self, least: usize) {
        assert!(self.compared >= least, "only {} comparisons", self.compared);
        let count = self.wrong.matches("    ours ").count();
        assert!(self.wrong.is_empty(), "{count} of {} differ:\n{}", self.compared, self.wrong);
    }
}

fn answer(parts: Vec<Option<String>>) -> Answer {
    match parts.as_slice() {
        [Some(text), Some(binary), None] => Ok((text.clone(), unhex(binary))),
        [_, _, Some(state)] => Err(state.clone()),
        _ => Err("NULL".to_string()),
    }
}

fn ty(name: &str) -> Type {
    Type::parse(name).expect(name)
}

/// Runs one test body on a runtime of its own.
fn run<F: Future>(body: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(body)
}

async fn text_inputs(bench: &mut Bench, types: &[&str]) {
    for (name, tables) in inputs::BY_TYPE {
        if !types.is_empty() && !types.contains(name) {
            continue;
        }
        for text in tables.iter().flat_map(|t| t.iter()) {
            let ours = Datum::decode(&ty(name), Input::Text(text.as_bytes()), &bench.settings);
            let ours = forms(ours, &bench.settings);
            let theirs = bench.expression(&format!("{}::{name}", quoted(text)), name).await;
            let what = format!("{name} {text:?} under {:?}", bench.settings);
            bench.compare(&what, ours, theirs);
        }
    }
}

#[test]
fn text_input_of_every_type() {
    run(async {
        let mut bench = Bench::start().await;
        text_inputs(&mut bench, &[]).await;
        bench.finish(1_500);
    });
}

#[test]
fn text_input_under_other_settings() {
    const MOMENTS: &[&str] = &["date", "time", "timestamp", "timestamptz"];
    run(async {
        let mut bench = Bench::start().await;
        for (style, zone) in [
            ("ISO, DMY", "America/New_York"),
            ("ISO, YMD", "Europe/Dublin"),
            ("SQL, MDY", "Europe/Moscow"),
            ("SQL, DMY", "Asia/Kolkata"),
            ("Postgres, MDY", "America/Los_Angeles"),
            ("Postgres, DMY", "Australia/Lord_Howe"),
            ("Postgres, YMD", "-3.5"),
            ("German, DMY", "Pacific/Apia"),
            ("SQL, YMD", "<+02>-02"),
            ("German, YMD", "FOO5BAR"),
            ("ISO, MDY", "Etc/GMT+5"),
        ] {
            bench.set(style, zone, "hex", "1").await;
            text_inputs(&mut bench, MOMENTS).await;
        }
        for digits in ["3", "0", "-1", "-5", "-15"] {
            bench.set("ISO, MDY", "UTC", "escape", digits).await;
            text_inputs(&mut bench, &["float4", "float8", "bytea"]).await;
        }
        bench.finish(10_000);
    });
}

#[test]
fn type_names_and_modifiers() {
    run(async {
        let mut bench = Bench::start().await;
        for (i, name) in inputs::TYPE_NAMES.iter().enumerate() {
            let ours = match Type::parse(name) {
                Ok(ty) => {
                    assert_eq!(Type::from_oid(ty.oid(), ty.typmod()), Some(ty), "{name}");
                    let ids = format!("{} {} {} {}", ty.oid(), ty.array_oid(), ty.typmod(), ty.typlen());
                    Ok((format!("{ty} {ids}"), Vec::new()))
                }
                Err(_) => Err(String::new()),
            };
            let created = bench.client.batch_execute(&format!("CREATE TABLE n{i} (c {name})")).await;
            let query = format!(
                "SELECT format_type(atttypid, atttypmod) || ' ' || concat_ws(' ', atttypid, typarray, atttypmod, typlen)
                 FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = to_regclass('n{i}') AND attname = 'c'"
            );
            let row = bench.client.query_opt(&query, &[]).await.expect("catalog");
            let theirs = row.map(|r| (r.get(0), Vec::new())).ok_or(String::new());
            assert_eq!(created.is_ok(), theirs.is_ok());
            bench.compare(name, ours, theirs);
        }
        bench.finish(50);
    });
}

#[test]
fn words_for_the_clock_are_refused() {
    let s = Settings::default();
    for name in ["date", "timestamp", "timestamptz"] {
        for text in ["now", " TODAY ", "tomorrow", "yesterday", "today 12:00", "2000-01-01 now"] {
            let error = Datum::decode(&ty(name), Input::Text(text.as_bytes()), &s).expect_err(text);
            assert_eq!(error.sqlstate, "0A000", "{name} {text}");
            assert!(error.hint.is_some());
        }
    }
    let now = Datum::decode(&ty("time"), Input::Text(b"now"), &s);
    assert_eq!(now.expect_err("now").sqlstate, "0A000");
}
