//! The functions and operators that are known, with the signatures that PostgreSQL has.

use std::sync::Arc;

use super::formula::Formula;
use super::pattern::{Kind, Matcher};
use super::{
    Context, EvaluateError, Evaluated, compare, datetime, float, integer, numeric, similar, strings, text,
    to_char,
};
use crate::value::{Datum, Type};

/// A function or operator with one signature.
pub(super) struct Known {
    pub name: &'static str,
    pub args: &'static [Type],
    pub result: Type,
    run: Run,
}

/// How it is computed.
#[derive(Clone, Copy)]
enum Run {
    /// NULL if an argument is.
    Strict(fn(&[&Datum], Context<'_>) -> Evaluated),
    /// Sees NULLs.
    Open(fn(&[Option<Datum>], Context<'_>) -> Evaluated),
    /// Value and pattern; `true`: negated.
    Pattern(Kind, bool),
    /// Not known here, but among those that a call can mean.
    Blocked,
}

/// A call's function.
#[derive(Clone, Copy)]
pub(super) struct Call(&'static Known);

impl Call {
    pub fn new(known: &'static Known) -> Call {
        Call(known)
    }

    pub fn is(&self, other: &Call) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    /// Whether its result depends on a collation.
    pub fn is_collated(&self) -> bool {
        match self.0.run {
            Run::Pattern(kind, _) => kind != Kind::Like,
            _ => match self.0.name {
                "lower" | "upper" | "initcap" => true,
                "<" | "<=" | ">" | ">=" => matches!(self.0.args, [Type::Text | Type::Char(_), ..]),
                _ => false,
            },
        }
    }

    /// Its name and the types of its arguments.
    pub fn signature(&self) -> (&'static str, &'static [Type]) {
        (self.0.name, self.0.args)
    }

    pub fn run(&self, values: &[Option<Datum>], context: Context<'_>) -> Evaluated {
        let run = match self.0.run {
            Run::Open(run) => return run(values, context),
            run => run,
        };
        let present: Option<Vec<&Datum>> = values.iter().map(Option::as_ref).collect();
        let Some(present) = present else { return Ok(None) };
        match (run, present.as_slice()) {
            (Run::Strict(run), values) => run(values, context),
            (Run::Pattern(kind, negated), [value, pattern]) => {
                let matcher = Matcher::compile(kind, text::str_of(pattern)?, context)?;
                Ok(Some(Datum::Bool(matcher.is_match(text::str_of(value)?, context)? != negated)))
            }
            _ => Err(EvaluateError::new("XX000", "a call has another number of arguments than its function")),
        }
    }

    /// The compiled pattern of a call whose pattern is constant and whose value is not.
    pub fn compiled(
        &self,
        args: &[Formula],
        context: Context<'_>,
    ) -> Result<Option<(Arc<Matcher>, bool)>, EvaluateError> {
        let (Run::Pattern(kind, negated), [value, pattern]) = (self.0.run, args) else { return Ok(None) };
        match (value.constant(), pattern.constant()) {
            (None, Some(Some(pattern))) => {
                Ok(Some((Arc::new(Matcher::compile(kind, text::str_of(pattern)?, context)?), negated)))
            }
            _ => Ok(None),
        }
    }
}

const T: Type = Type::Text;
const C: Type = Type::Char(0);
const I2: Type = Type::Int2;
const I4: Type = Type::Int4;
const I8: Type = Type::Int8;
const F4: Type = Type::Float4;
const F8: Type = Type::Float8;
const N: Type = Type::Numeric(None);
const B: Type = Type::Bool;
const D: Type = Type::Date;
const TM: Type = Type::Time(None);
const TS: Type = Type::Timestamp(None);
const TZ: Type = Type::Timestamptz(None);
const U: Type = Type::Uuid;
const J: Type = Type::Jsonb;
const X: Type = Type::Bytea;

type Strict = fn(&[&Datum], Context<'_>) -> Evaluated;

const fn f(name: &'static str, args: &'static [Type], result: Type, run: Strict) -> Known {
    Known { name, args, result, run: Run::Strict(run) }
}

const fn like(name: &'static str, args: &'static [Type], kind: Kind, negated: bool) -> Known {
    Known { name, args, result: B, run: Run::Pattern(kind, negated) }
}

const fn blocked(name: &'static str, args: &'static [Type]) -> Known {
    Known { name, args, result: T, run: Run::Blocked }
}

impl Known {
    /// Whether it can be computed.
    pub fn is_known(&self) -> bool {
        !matches!(self.run, Run::Blocked)
    }
}

static CONCAT: Known = Known { name: "concat", args: &[], result: T, run: Run::Open(strings::concat) };
static CONCAT_WS: Known =
    Known { name: "concat_ws", args: &[], result: T, run: Run::Open(strings::concat_ws) };

/// A function that takes any number of values of any type.
pub(super) fn variadic(name: &str) -> Option<&'static Known> {
    match name {
        "concat" => Some(&CONCAT),
        "concat_ws" => Some(&CONCAT_WS),
        _ => None,
    }
}

/// Signatures of an operator that compares.
macro_rules! comparison {
    ($list:ident, $sign:literal, $run:path) => {
        static $list: &[Known] = &[
            f($sign, &[T, T], B, $run),
            f($sign, &[C, C], B, $run),
            f($sign, &[I2, I2], B, $run),
            f($sign, &[I2, I4], B, $run),
            f($sign, &[I2, I8], B, $run),
            f($sign, &[I4, I2], B, $run),
            f($sign, &[I4, I4], B, $run),
            f($sign, &[I4, I8], B, $run),
            f($sign, &[I8, I2], B, $run),
            f($sign, &[I8, I4], B, $run),
            f($sign, &[I8, I8], B, $run),
            f($sign, &[F4, F4], B, $run),
            f($sign, &[F4, F8], B, $run),
            f($sign, &[F8, F4], B, $run),
            f($sign, &[F8, F8], B, $run),
            f($sign, &[N, N], B, $run),
            f($sign, &[B, B], B, $run),
            f($sign, &[D, D], B, $run),
            f($sign, &[D, TS], B, $run),
            f($sign, &[D, TZ], B, $run),
            f($sign, &[TS, D], B, $run),
            f($sign, &[TS, TS], B, $run),
            f($sign, &[TS, TZ], B, $run),
            f($sign, &[TZ, D], B, $run),
            f($sign, &[TZ, TS], B, $run),
            f($sign, &[TZ, TZ], B, $run),
            f($sign, &[TM, TM], B, $run),
            f($sign, &[U, U], B, $run),
            f($sign, &[X, X], B, $run),
            f($sign, &[J, J], B, $run),
        ];
    };
}

comparison!(EQUAL, "=", compare::eq);
comparison!(UNEQUAL, "<>", compare::ne);
comparison!(LESS, "<", compare::lt);
comparison!(AT_MOST, "<=", compare::le);
comparison!(GREATER, ">", compare::gt);
comparison!(AT_LEAST, ">=", compare::ge);

static TEXTS: &[Known] = &[
    f("||", &[T, T], T, text::join),
    f("||", &[X, X], X, text::join_bytes),
    f("lower", &[T], T, text::lower),
    f("upper", &[T], T, text::upper),
    f("initcap", &[T], T, text::initcap),
    f("length", &[T], I4, text::length),
    f("length", &[C], I4, text::length),
    f("length", &[X], I4, text::octets),
    f("char_length", &[T], I4, text::length),
    f("char_length", &[C], I4, text::length),
    f("character_length", &[T], I4, text::length),
    f("character_length", &[C], I4, text::length),
    f("octet_length", &[T], I4, text::octets),
    f("octet_length", &[C], I4, text::octets),
    f("octet_length", &[X], I4, text::octets),
    f("bit_length", &[T], I4, text::bits),
    f("bit_length", &[X], I4, text::bits),
    f("substring", &[T, I4], T, text::substring),
    f("substring", &[T, I4, I4], T, text::substring),
    f("substring", &[X, I4], X, text::substring_bytes),
    f("substring", &[X, I4, I4], X, text::substring_bytes),
    f("substr", &[T, I4], T, text::substring),
    f("substr", &[T, I4, I4], T, text::substring),
    f("substr", &[X, I4], X, text::substring_bytes),
    f("substr", &[X, I4, I4], X, text::substring_bytes),
    blocked("substring", &[T, T]),
    blocked("substring", &[T, T, T]),
    f("left", &[T, I4], T, text::left),
    f("right", &[T, I4], T, text::right),
    f("btrim", &[T], T, strings::btrim),
    f("btrim", &[T, T], T, strings::btrim),
    f("ltrim", &[T], T, strings::ltrim),
    f("ltrim", &[T, T], T, strings::ltrim),
    f("rtrim", &[T], T, strings::rtrim),
    f("rtrim", &[T, T], T, strings::rtrim),
    f("replace", &[T, T, T], T, strings::replace),
    f("position", &[T, T], I4, strings::position),
    f("strpos", &[T, T], I4, strings::position),
    f("starts_with", &[T, T], B, strings::starts_with),
    f("^@", &[T, T], B, strings::starts_with),
    f("lpad", &[T, I4], T, strings::lpad),
    f("lpad", &[T, I4, T], T, strings::lpad),
    f("rpad", &[T, I4], T, strings::rpad),
    f("rpad", &[T, I4, T], T, strings::rpad),
    f("repeat", &[T, I4], T, strings::repeat),
    f("reverse", &[T], T, strings::reverse),
    f("split_part", &[T, T, I4], T, strings::split_part),
    f("translate", &[T, T, T], T, strings::translate),
    f("overlay", &[T, T, I4], T, strings::overlay),
    f("overlay", &[T, T, I4, I4], T, strings::overlay),
    f("ascii", &[T], I4, strings::ascii),
    f("chr", &[I4], T, strings::chr),
    f("to_hex", &[I4], T, strings::to_hex),
    f("to_hex", &[I8], T, strings::to_hex),
    f("md5", &[T], T, strings::md5),
    f("md5", &[X], T, strings::md5),
    f("sha256", &[X], X, strings::sha256),
    f("like_escape", &[T, T], T, strings::like_escape),
    like("~~", &[T, T], Kind::Like, false),
    like("~~", &[C, T], Kind::Like, false),
    like("!~~", &[T, T], Kind::Like, true),
    like("!~~", &[C, T], Kind::Like, true),
    like("~~*", &[T, T], Kind::LikeCaseless, false),
    like("~~*", &[C, T], Kind::LikeCaseless, false),
    like("!~~*", &[T, T], Kind::LikeCaseless, true),
    like("!~~*", &[C, T], Kind::LikeCaseless, true),
    like("~", &[T, T], Kind::Regex, false),
    like("~", &[C, T], Kind::Regex, false),
    like("!~", &[T, T], Kind::Regex, true),
    like("!~", &[C, T], Kind::Regex, true),
    like("~*", &[T, T], Kind::RegexCaseless, false),
    like("~*", &[C, T], Kind::RegexCaseless, false),
    like("!~*", &[T, T], Kind::RegexCaseless, true),
    like("!~*", &[C, T], Kind::RegexCaseless, true),
    f("similar_to_escape", &[T], T, similar::plain),
    f("similar_to_escape", &[T, T], T, similar::escaped),
];

/// Signatures of an operator over numbers.
macro_rules! arithmetic {
    ($list:ident, $sign:literal, $integer:path, $float:path, $numeric:path) => {
        static $list: &[Known] = &[
            f($sign, &[I2, I2], I2, $integer),
            f($sign, &[I2, I4], I4, $integer),
            f($sign, &[I2, I8], I8, $integer),
            f($sign, &[I4, I2], I4, $integer),
            f($sign, &[I4, I4], I4, $integer),
            f($sign, &[I4, I8], I8, $integer),
            f($sign, &[I8, I2], I8, $integer),
            f($sign, &[I8, I4], I8, $integer),
            f($sign, &[I8, I8], I8, $integer),
            f($sign, &[F4, F4], F4, $float),
            f($sign, &[F4, F8], F8, $float),
            f($sign, &[F8, F4], F8, $float),
            f($sign, &[F8, F8], F8, $float),
            f($sign, &[N, N], N, $numeric),
        ];
    };
}

arithmetic!(ADD, "+", integer::add, float::add, numeric::add);
arithmetic!(SUBTRACT, "-", integer::subtract, float::subtract, numeric::subtract);
arithmetic!(MULTIPLY, "*", integer::multiply, float::multiply, numeric::multiply);
arithmetic!(DIVIDE, "/", integer::divide, float::divide, numeric::divide);

static NUMBERS: &[Known] = &[
    f("%", &[I2, I2], I2, integer::modulo),
    f("%", &[I4, I4], I4, integer::modulo),
    f("%", &[I8, I8], I8, integer::modulo),
    f("%", &[N, N], N, numeric::modulo),
    f("mod", &[I2, I2], I2, integer::modulo),
    f("mod", &[I4, I4], I4, integer::modulo),
    f("mod", &[I8, I8], I8, integer::modulo),
    f("mod", &[N, N], N, numeric::modulo),
    f("-", &[I2], I2, integer::negate),
    f("-", &[I4], I4, integer::negate),
    f("-", &[I8], I8, integer::negate),
    f("-", &[F4], F4, float::negate),
    f("-", &[F8], F8, float::negate),
    f("-", &[N], N, numeric::negate),
    f("+", &[I2], I2, integer::same),
    f("+", &[I4], I4, integer::same),
    f("+", &[I8], I8, integer::same),
    f("+", &[F4], F4, integer::same),
    f("+", &[F8], F8, integer::same),
    f("+", &[N], N, integer::same),
    f("abs", &[I2], I2, integer::abs),
    f("abs", &[I4], I4, integer::abs),
    f("abs", &[I8], I8, integer::abs),
    f("abs", &[F4], F4, float::abs),
    f("abs", &[F8], F8, float::abs),
    f("abs", &[N], N, numeric::abs),
    f("round", &[N], N, numeric::round),
    f("round", &[N, I4], N, numeric::round),
    f("round", &[F8], F8, float::round),
    f("trunc", &[N], N, numeric::trunc),
    f("trunc", &[N, I4], N, numeric::trunc),
    f("trunc", &[F8], F8, float::trunc),
    f("floor", &[N], N, numeric::floor),
    f("floor", &[F8], F8, float::floor),
    f("ceil", &[N], N, numeric::ceil),
    f("ceil", &[F8], F8, float::ceil),
    f("ceiling", &[N], N, numeric::ceil),
    f("ceiling", &[F8], F8, float::ceil),
    f("sign", &[N], N, numeric::sign),
    f("sign", &[F8], F8, float::sign),
    f("sqrt", &[F8], F8, float::sqrt),
    f("scale", &[N], I4, numeric::scale),
    f("trim_scale", &[N], N, numeric::trim_scale),
];

static MOMENTS: &[Known] = &[
    f("+", &[D, I4], D, datetime::add_days),
    f("+", &[I4, D], D, datetime::add_days),
    f("-", &[D, I4], D, datetime::subtract_days),
    f("-", &[D, D], I4, datetime::days_between),
    f("+", &[D, TM], TS, datetime::date_and_time),
    f("+", &[TM, D], TS, datetime::date_and_time),
    f("date_part", &[T, D], F8, datetime::date_part),
    f("date_part", &[T, TM], F8, datetime::date_part),
    f("date_part", &[T, TS], F8, datetime::date_part),
    f("date_part", &[T, TZ], F8, datetime::date_part),
    f("extract", &[T, D], N, datetime::extract),
    f("extract", &[T, TM], N, datetime::extract),
    f("extract", &[T, TS], N, datetime::extract),
    f("extract", &[T, TZ], N, datetime::extract),
    f("date_trunc", &[T, TS], TS, datetime::truncate),
    f("date_trunc", &[T, TZ], TZ, datetime::truncate),
    f("to_char", &[TS, T], T, to_char::moment),
    f("to_char", &[TZ, T], T, to_char::moment),
];

/// All of them.
pub(super) fn known() -> impl Iterator<Item = &'static Known> {
    [
        EQUAL, UNEQUAL, LESS, AT_MOST, GREATER, AT_LEAST, TEXTS, ADD, SUBTRACT, MULTIPLY, DIVIDE, NUMBERS,
        MOMENTS,
    ]
    .into_iter()
    .flatten()
}
