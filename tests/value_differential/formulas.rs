//! Formulas against the server: thousands of calls with seeded arguments must have the same type, the same value and
//! the same SQLSTATE. What a formula does not know, or refuses with 0A000, is no answer and is only counted.

use pyrite::evaluate::{Builder, Context, EvaluateError, Operand, Unbuilt};
use pyrite::value::{Collation, Datum, Format, Input, Type};

use crate::random::Random;
use crate::{Bench, quoted, run, ty};

/// Gives value, type and SQLSTATE of each expression.
const HELPER: &str = r"
CREATE FUNCTION computed(expression text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE t text; n text;
BEGIN
  EXECUTE format('SELECT CASE WHEN x IS NOT NULL THEN format(''%%s'', x) END, pg_typeof(x)::text FROM (SELECT %s AS x OFFSET 0) q',
    expression) INTO t, n;
  RETURN ARRAY[t, n, NULL];
EXCEPTION WHEN OTHERS THEN RETURN ARRAY[NULL, NULL, SQLSTATE];
END $$;
";

const NUMBERS: &str = "int2|int4|int8|numeric|float4|float8";
const MOMENTS: &str = "date|timestamp|timestamptz";
const STRINGS: &str = "text|varchar|char(6)";

/// What is called: the name that a formula knows, how it is written in SQL, and for each argument the types that it
/// is tried with. `?` is a literal without a type; behind a colon stands where the values come from.
const FORMS: &[(&str, &str, &[&str])] = &[
    ("+", "(#) + (#)", &[NUMBERS, NUMBERS]),
    ("-", "(#) - (#)", &[NUMBERS, NUMBERS]),
    ("*", "(#) * (#)", &[NUMBERS, NUMBERS]),
    ("/", "(#) / (#)", &[NUMBERS, NUMBERS]),
    ("/", "(#) / (#)", &["numeric", "numeric"]),
    ("%", "(#) % (#)", &[NUMBERS, NUMBERS]),
    ("%", "(#) % (#)", &["numeric", "numeric"]),
    ("+", "(#) + (#)", &[NUMBERS, "?:numeric"]),
    ("*", "(#) * (#)", &["?:int4", NUMBERS]),
    ("-", "- (#)", &[NUMBERS]),
    ("abs", "abs(#)", &[NUMBERS]),
    ("sign", "sign(#)", &[NUMBERS]),
    ("floor", "floor(#)", &[NUMBERS]),
    ("ceil", "ceil(#)", &[NUMBERS]),
    ("round", "round(#)", &[NUMBERS]),
    ("round", "round(#, #)", &["numeric", "int4:small"]),
    ("trunc", "trunc(#)", &[NUMBERS]),
    ("trunc", "trunc(#, #)", &["numeric", "int4:small"]),
    ("sqrt", "sqrt(#)", &["float8|int4"]),
    ("scale", "scale(#)", &["numeric"]),
    ("trim_scale", "trim_scale(#)", &["numeric"]),
    ("=", "(#) = (#)", &[NUMBERS, NUMBERS]),
    ("<", "(#) < (#)", &[NUMBERS, NUMBERS]),
    (">=", "(#) >= (#)", &[MOMENTS, MOMENTS]),
    ("<>", "(#) <> (#)", &[MOMENTS, "?:date"]),
    ("<=", "(#) <= (#)", &[STRINGS, STRINGS]),
    ("=", "(#) = (#)", &[STRINGS, STRINGS]),
    ("=", "(#) = (#)", &["char(6)", "?:text"]),
    (">", "(#) > (#)", &["time|uuid|bytea|bool", "?:text"]),
    ("||", "(#) || (#)", &["text|varchar|char(6)|int4|date|bool|uuid|?:text", STRINGS]),
    ("||", "(#) || (#)", &[STRINGS, "text|numeric|float8|timestamptz|bytea|?:text"]),
    ("||", "(#) || (#)", &["bytea|int8|date", "bytea|?:bytea"]),
    ("lower", "lower(#)", &["text|varchar|char(6)|?:text"]),
    ("upper", "upper(#)", &[STRINGS]),
    ("initcap", "initcap(#)", &[STRINGS]),
    ("length", "length(#)", &["text|varchar|char(6)|bytea|?:text|int4"]),
    ("octet_length", "octet_length(#)", &["text|char(6)|bytea"]),
    ("bit_length", "bit_length(#)", &["text|bytea"]),
    ("reverse", "reverse(#)", &[STRINGS]),
    ("ascii", "ascii(#)", &[STRINGS]),
    ("md5", "md5(#)", &["text|bytea|char(6)"]),
    ("sha256", "sha256(#)", &["bytea"]),
    ("chr", "chr(#)", &["int4:codes"]),
    ("to_hex", "to_hex(#)", &["int2|int4|int8"]),
    ("left", "left(#, #)", &[STRINGS, "int4:small|int2:small"]),
    ("right", "right(#, #)", &[STRINGS, "int4:small"]),
    ("repeat", "repeat(#, #)", &["text", "int4:small"]),
    ("substring", "substring(#, #)", &["text|varchar|char(6)|bytea", "int4:small|?:small"]),
    ("substring", "substring(#, #, #)", &["text|char(6)|bytea", "int4:small|int4", "int4:small|int4"]),
    ("substr", "substr(#, #, #)", &["text|?:text", "int4:small", "int4:small"]),
    ("overlay", "overlay(# placing # from # for #)", &["text", "text", "int4:small", "int4:small"]),
    ("btrim", "btrim(#)", &[STRINGS]),
    ("btrim", "btrim(#, #)", &[STRINGS, "text|?:text"]),
    ("ltrim", "ltrim(#, #)", &["text", "text"]),
    ("rtrim", "rtrim(#, #)", &["text", "text"]),
    ("replace", "replace(#, #, #)", &["text|varchar", "text:short", "text|?:short"]),
    ("translate", "translate(#, #, #)", &["text", "text:short", "text:short"]),
    ("position", "position(# in #)", &["text:short", "text|varchar"]),
    ("strpos", "strpos(#, #)", &["text", "text:short"]),
    ("starts_with", "starts_with(#, #)", &["text", "text:short"]),
    ("lpad", "lpad(#, #, #)", &["text|char(6)", "int4:small", "text:short"]),
    ("rpad", "rpad(#, #)", &["text", "int4:small"]),
    ("split_part", "split_part(#, #, #)", &["text", "text:short", "int4:small"]),
    ("concat", "concat(#, #, #)", &["text|bool|date", "numeric|char(6)|?:text", "bytea|float8|uuid"]),
    ("concat_ws", "concat_ws(#, #, #)", &["text", "text|int4", "bool|?:text"]),
    ("~~", "(#) LIKE (#)", &["text|varchar|char(6)", "?:like"]),
    ("!~~*", "(#) NOT ILIKE (#)", &["text|char(6)", "?:like"]),
    ("~", "(#) ~ (#)", &["text|varchar|char(6)", "?:regex"]),
    ("~*", "(#) ~* (#)", &["text", "?:regex"]),
    ("!~", "(#) !~ (#)", &["text", "?:regex"]),
    ("+", "(#) + (#)", &["date", "int4:small|int2|int4"]),
    ("-", "(#) - (#)", &["date", "int4:small|date|int4"]),
    ("+", "(#) + (#)", &["date|time", "time|date"]),
    ("date_part", "date_part(#, #)", &["?:unit", "date|timestamp|timestamptz|time"]),
    ("extract", "extract(# from #)", &["?:unit", "date|timestamp|timestamptz|time"]),
    ("date_trunc", "date_trunc(#, #)", &["?:unit", MOMENTS]),
    ("to_char", "to_char(#, #)", &[MOMENTS, "?:template"]),
];

const TEXTS: &[&str] = &[
    "", "a", "abc", "ABC abc", "  pad  ", "äöü ÄÖÜ", "张三", "a%b_c", "x\\y", "aaaaaa", "one,two,,three", "tab\there",
    "line\nbreak", "O'Neil-Smith jr.", "42", "-1", "ada.quill@voltmail.example", "Straße 12b", "e\u{301}", "🚗",
];

/// Values to choose from.
fn pool(name: &str) -> &'static [&'static str] {
    match name {
        "text" | "varchar" => TEXTS,
        "char(6)" => &["", "a", "abc", "ab cd", "ABCDEF", "ä ö"],
        "short" => &["", "a", "ab", ",", "@", "aä", "b_", " "],
        "int2" => &["0", "1", "-1", "7", "-32768", "32767"],
        "int4" => &["0", "1", "-1", "10", "-2147483648", "2147483647", "65536"],
        "int8" => &["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "3000000000"],
        "small" => &["0", "1", "2", "3", "5", "9", "-1", "-2", "-7"],
        "codes" => &["65", "228", "128663", "0", "-5", "55296", "1114112"],
        "numeric" => &[
            "0", "1", "-1", "0.5", "-0.005", "3.14159", "10000", "9999.9999", "12345678901234567890.123456789", "1e-20",
            "7.00", "1e30", "NaN", "Infinity", "-Infinity", "0.000", "99999999999999999999", "2.5", "-2.5", "33333",
        ],
        "float4" => &["0", "-0", "1.5", "-2.5", "3e38", "1e-45", "NaN", "Infinity", "0.1"],
        "float8" => &["0", "-0", "2.5", "-3.5", "1e308", "5e-324", "NaN", "-Infinity", "0.1", "123456.789"],
        "bool" => &["t", "f"],
        "date" => &["2024-02-29", "1999-12-31", "2000-01-01", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31"],
        "time" => &["00:00", "13:14:15.678901", "23:59:59.999999", "24:00"],
        "timestamp" => &[
            "2024-02-29 13:14:15.678901", "1999-12-31 23:59:59.5", "0001-01-01 00:00", "0100-06-01 12:00 BC", "infinity",
            "294276-12-31 23:59:59", "2021-01-03 04:05:06",
        ],
        "timestamptz" => &[
            "2024-03-31 00:30:00+00", "2024-10-27 01:30:00+00", "1999-12-31 23:30:00+00", "-infinity", "1890-01-01 00:00+00",
            "0044-03-15 12:00:00+00 BC",
        ],
        "uuid" => &["8f14e45f-ceea-467f-a9f2-d5a1c4b3e901", "00000000-0000-0000-0000-000000000000"],
        "bytea" => &["", "\\x00ff", "\\x616263", "\\xdeadbeef00"],
        "like" => &[
            "%", "a%", "%c", "_b_", "%b%", "a\\%b\\_c", "", "%%a", "_", "%ä%", "ABC%", "%\\\\%", "a%a", "%,%,%", "__%", "张_",
        ],
        "regex" => &[
            "^a", "c$", "a.c", "[a-c]+", "^[[:alpha:] ]*$", "\\d+", "(one|two),", "a{2,3}", "\\mab", "b\\M", "(?i)ABC", "^$",
            "x\\\\y", "[^a-z]", "(?n)^b", "a|b|", "\\s", "***=a%b", "[]a]", "[a\\]]", "ä", "\\u00e4", "(a)(b)?", "a**",
            "(a", "[b-a]", "\\1", "(?=a)", "a{,2}", "a{1", "\\yabc\\y", "^(?:a|b)*$", "\\.", "[.@]", "e.",
        ],
        "unit" => &[
            "year", "month", "day", "hour", "minute", "second", "milliseconds", "microseconds", "week", "quarter", "decade",
            "century", "millennium", "julian", "isoyear", "dow", "isodow", "doy", "epoch", "timezone", "timezone_hour",
            "timezone_minute", "nonsense", "YEAR",
        ],
        "template" => &[
            "YYYY-MM-DD", "DD.MM.YY HH24:MI:SS", "FMDay, DDth FMMonth YYYY", "Dy Mon DD", "day|DAY|Day", "month MONTH Month",
            "IYYY-\"W\"IW-ID IDDD", "Q WW W D DDD J CC", "HH:MI:SS.MS AM a.m. p.m. PM", "US FF3 SSSS", "Y,YYY YYY YY Y BC b.c.",
            "RM rm FMRM", "TZH:TZM OF", "plain text \"YYYY\" \\\"", "yyyy-mm-dd hh24", "DDth ddTH MIth", "FMYYYY FMMM FMDD", "",
            "TMDay", "YYYYMMDDHH24MISS", "IYY IY I",
        ],
        other => panic!("no values of {other}"),
    }
}

/// An argument: as SQL, and as an operand with its value.
struct Argument {
    sql: String,
    ty: Option<Type>,
    text: Option<&'static str>,
}

fn argument(choices: &str, random: &mut Random) -> Argument {
    let list: Vec<&str> = choices.split('|').collect();
    let choice = list[random.below(list.len() as u64) as usize];
    let (name, values) = choice.split_once(':').unwrap_or((choice, choice));
    let values = pool(values);
    let text = values[random.below(values.len() as u64) as usize];
    if name == "?" {
        return Argument { sql: quoted(text), ty: None, text: Some(text) };
    }
    let text = (random.below(40) != 0).then_some(text);
    let value = text.map_or("NULL".to_owned(), quoted);
    Argument { sql: format!("{value}::{name}"), ty: Some(ty(name)), text }
}

type Outcome = Result<(Option<String>, String), String>;

/// The type as `pg_typeof` shows it.
fn shown(ty: Type) -> String {
    match ty.base() {
        Type::Char(_) => "character".to_owned(),
        base => base.to_string(),
    }
}

/// Our answer; `None`: a formula does not know it.
fn ours(name: &str, arguments: &[Argument], bench: &Bench, collation: &Collation) -> Option<Outcome> {
    let settings = &bench.settings;
    let context = Context { settings, collation };
    let refused = |error: EvaluateError| (error.sqlstate != "0A000").then(|| Err(error.sqlstate.to_owned()));
    let mut builder = Builder::new(settings);
    let mut inputs = Vec::new();
    let mut operands = Vec::new();
    for argument in arguments {
        let Some(ty) = argument.ty else {
            operands.push(Operand::Literal(argument.text.expect("a literal").to_owned().into()));
            continue;
        };
        let value = argument.text.map(|text| {
            let value = Datum::decode(&ty.base(), Input::Text(text.as_bytes()), settings).expect("value");
            value.cast(&ty, pyrite::value::CastContext::Explicit, settings).expect("modifier")
        });
        operands.push(Operand::input(inputs.len(), ty));
        inputs.push(value);
    }
    if name == "position" {
        operands.reverse();
    }
    let built = builder.call(name, operands).and_then(|operand| builder.finish(operand));
    let formula = match built {
        Ok(formula) => formula,
        Err(Unbuilt::Unknown(_)) => return None,
        Err(Unbuilt::Error(error)) => return refused(error),
    };
    match formula.prepare(&[], context).and_then(|ready| ready.evaluate(&inputs, context)) {
        Ok(value) => {
            let text = value.map(|value| {
                let mut text = Vec::new();
                value.encode(Format::Text, settings, &mut text).expect("text form");
                String::from_utf8(text).expect("UTF-8")
            });
            Some(Ok((text, shown(formula.ty()))))
        }
        Err(error) => refused(error),
    }
}

async fn theirs(bench: &Bench, expressions: &[String]) -> Vec<Outcome> {
    let query = "SELECT computed(e) FROM unnest($1::text[]) WITH ORDINALITY u(e, n) ORDER BY n";
    let rows = bench.client.query(query, &[&expressions]).await.expect("computed");
    let outcome = |row: &tokio_postgres::Row| {
        let parts: Vec<Option<String>> = row.get(0);
        match parts.as_slice() {
            [value, Some(ty), None] => Ok((value.clone(), ty.clone())),
            [_, _, Some(sqlstate)] => Err(sqlstate.clone()),
            other => panic!("{other:?}"),
        }
    };
    rows.iter().map(outcome).collect()
}

#[test]
fn formulas_give_what_the_server_gives() {
    run(async {
        let mut bench = Bench::start().await;
        bench.client.batch_execute(HELPER).await.expect("helper");
        let collation = Collation::c();
        let mut random = Random(0x5DEE_CE66_D1CE_4E5B);
        let mut unknown = std::collections::BTreeMap::<&str, usize>::new();
        let mut wrong = Vec::new();
        let mut compared = 0;
        for zone in ["UTC", "Europe/Berlin", "America/St_Johns"] {
            bench.set("ISO, MDY", zone, "hex", "1").await;
            for (name, template, kinds) in FORMS {
                let calls: Vec<Vec<Argument>> = (0..45)
                    .map(|_| kinds.iter().map(|choices| argument(choices, &mut random)).collect())
                    .collect();
                let sql = |arguments: &Vec<Argument>| {
                    let mut parts = template.split('#');
                    let mut text = parts.next().unwrap_or_default().to_owned();
                    for (argument, part) in arguments.iter().zip(parts) {
                        text.push_str(&argument.sql);
                        text.push_str(part);
                    }
                    // EXTRACT takes a string, but no escape string.
                    if *name == "extract" { text.replacen("(E'", "('", 1) } else { text }
                };
                let expressions: Vec<String> = calls.iter().map(sql).collect();
                let answers = theirs(&bench, &expressions).await;
                for ((arguments, expression), theirs) in calls.iter().zip(&expressions).zip(answers) {
                    match ours(name, arguments, &bench, &collation) {
                        Some(ours) if ours == theirs => compared += 1,
                        Some(ours) => wrong.push(format!("{expression} ({zone})\n    {ours:?}\n    {theirs:?}")),
                        None => *unknown.entry(name).or_default() += 1,
                    }
                }
            }
        }
        let known = format!("{compared} calls alike; without an answer: {unknown:?}");
        assert!(wrong.is_empty(), "{} of them differ:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
        assert!(compared > 6_000, "only {known}");
    });
}
