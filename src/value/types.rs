//! The declared types that an encrypted column can have.

use std::fmt;

/// A declared column type, with its modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `text`
    Text,
    /// `varchar(n)`; `None` is `varchar` without a limit. In characters.
    Varchar(Option<u32>),
    /// `char(n)`. In characters. Zero stands for `bpchar` without a length.
    Char(u32),
    /// `int2`
    Int2,
    /// `int4`
    Int4,
    /// `int8`
    Int8,
    /// `float4`
    Float4,
    /// `float8`
    Float8,
    /// `numeric(precision, scale)`; `None` is unconstrained `numeric`.
    Numeric(Option<(u16, i16)>),
    /// `bool`
    Bool,
    /// `date`
    Date,
    /// `time(p) without time zone`; `None` is the full six digits.
    Time(Option<u8>),
    /// `timestamp(p) without time zone`
    Timestamp(Option<u8>),
    /// `timestamp(p) with time zone`
    Timestamptz(Option<u8>),
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `bytea`
    Bytea,
}

/// Values of one family compare with each other, so their equality terms share one canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// text, varchar, char
    Text,
    /// int2, int4, int8, numeric
    Exact,
    /// float4, float8
    Float,
    /// bool
    Bool,
    /// date and timestamp, both without a zone
    Timestamp,
    /// timestamptz
    Timestamptz,
    /// time
    Time,
    /// uuid
    Uuid,
    /// jsonb
    Jsonb,
    /// bytea
    Bytea,
}

/// A type's name or modifier that Pyrite does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// What is wrong, naming the offending text.
    pub message: String,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}

impl TypeError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// PostgreSQL's limit on the length of char(n) and varchar(n).
const MAX_LENGTH: i64 = 10_485_760;
/// atttypmod counts the four bytes of a varlena header for these types.
const VARHDRSZ: i32 = 4;
/// Fractional digits of a second that PostgreSQL keeps.
const MAX_PRECISION: i64 = 6;

impl Type {
    /// Reads a type as it is written in SQL, in any spelling that PostgreSQL knows.
    pub fn parse(text: &str) -> Result<Type, TypeError> {
        let (name, modifiers) = split_modifiers(text)?;
        let ty = plain_type(&name, text)?;
        if modifiers.is_empty() {
            return Ok(match ty {
                // char without a length is char(1); bpchar is the type without one.
                Type::Char(_) if name != "bpchar" => Type::Char(1),
                other => other,
            });
        }
        with_modifiers(ty, &name, &modifiers, text)
    }

    /// The type with this OID and modifier, if it is one of those that can be encrypted.
    pub fn from_oid(oid: u32, typmod: i32) -> Option<Type> {
        let length = u32::try_from(typmod.saturating_sub(VARHDRSZ)).ok().filter(|n| *n > 0);
        let precision = u8::try_from(typmod).ok().filter(|p| *p <= 6);
        Some(match oid {
            16 => Type::Bool,
            17 => Type::Bytea,
            20 => Type::Int8,
            21 => Type::Int2,
            23 => Type::Int4,
            25 => Type::Text,
            114 => Type::Json,
            700 => Type::Float4,
            701 => Type::Float8,
            1042 => Type::Char(length.unwrap_or(0)),
            1043 => Type::Varchar(length),
            1082 => Type::Date,
            1083 => Type::Time(precision),
            1114 => Type::Timestamp(precision),
            1184 => Type::Timestamptz(precision),
            1700 => Type::Numeric(unpack_numeric(typmod)),
            2950 => Type::Uuid,
            3802 => Type::Jsonb,
            _ => return None,
        })
    }

    /// The type's OID.
    pub fn oid(&self) -> u32 {
        self.oids().0
    }

    /// The OID of the array type over it.
    pub fn array_oid(&self) -> u32 {
        self.oids().1
    }

    fn oids(&self) -> (u32, u32) {
        match self {
            Type::Bool => (16, 1000),
            Type::Bytea => (17, 1001),
            Type::Int8 => (20, 1016),
            Type::Int2 => (21, 1005),
            Type::Int4 => (23, 1007),
            Type::Text => (25, 1009),
            Type::Json => (114, 199),
            Type::Float4 => (700, 1021),
            Type::Float8 => (701, 1022),
            Type::Char(_) => (1042, 1014),
            Type::Varchar(_) => (1043, 1015),
            Type::Date => (1082, 1182),
            Type::Time(_) => (1083, 1183),
            Type::Timestamp(_) => (1114, 1115),
            Type::Timestamptz(_) => (1184, 1185),
            Type::Numeric(_) => (1700, 1231),
            Type::Uuid => (2950, 2951),
            Type::Jsonb => (3802, 3807),
        }
    }

    /// `atttypmod`, as RowDescription shows it; -1 for none.
    pub fn typmod(&self) -> i32 {
        let length = |n: u32| i32::try_from(n).unwrap_or(i32::MAX - VARHDRSZ) + VARHDRSZ;
        match self {
            Type::Varchar(Some(n)) => length(*n),
            Type::Char(n) if *n > 0 => length(*n),
            Type::Numeric(Some((precision, scale))) => {
                ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + VARHDRSZ
            }
            Type::Time(Some(p)) | Type::Timestamp(Some(p)) | Type::Timestamptz(Some(p)) => i32::from(*p),
            _ => -1,
        }
    }

    /// `typlen`, as RowDescription shows it; -1 for variable length.
    pub fn typlen(&self) -> i16 {
        match self {
            Type::Bool => 1,
            Type::Int2 => 2,
            Type::Int4 | Type::Float4 | Type::Date => 4,
            Type::Int8 | Type::Float8 | Type::Time(_) | Type::Timestamp(_) | Type::Timestamptz(_) => 8,
            Type::Uuid => 16,
            _ => -1,
        }
    }

    /// Whose values it compares with; `None` for json, which has no equality.
    pub fn family(&self) -> Option<Family> {
        Some(match self {
            Type::Text | Type::Varchar(_) | Type::Char(_) => Family::Text,
            Type::Int2 | Type::Int4 | Type::Int8 | Type::Numeric(_) => Family::Exact,
            Type::Float4 | Type::Float8 => Family::Float,
            Type::Bool => Family::Bool,
            Type::Date | Type::Timestamp(_) => Family::Timestamp,
            Type::Timestamptz(_) => Family::Timestamptz,
            Type::Time(_) => Family::Time,
            Type::Uuid => Family::Uuid,
            Type::Jsonb => Family::Jsonb,
            Type::Bytea => Family::Bytea,
            Type::Json => return None,
        })
    }

    /// The same type without its modifier.
    pub fn base(&self) -> Type {
        match self {
            Type::Varchar(_) => Type::Varchar(None),
            Type::Char(_) => Type::Char(0),
            Type::Numeric(_) => Type::Numeric(None),
            Type::Time(_) => Type::Time(None),
            Type::Timestamp(_) => Type::Timestamp(None),
            Type::Timestamptz(_) => Type::Timestamptz(None),
            other => *other,
        }
    }

    /// The name without a modifier, as it stands in PostgreSQL's messages.
    pub(crate) fn base_name(&self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Varchar(_) => "character varying",
            Type::Char(0) => "bpchar",
            Type::Char(_) => "character",
            Type::Int2 => "smallint",
            Type::Int4 => "integer",
            Type::Int8 => "bigint",
            Type::Float4 => "real",
            Type::Float8 => "double precision",
            Type::Numeric(_) => "numeric",
            Type::Bool => "boolean",
            Type::Date => "date",
            Type::Time(_) => "time without time zone",
            Type::Timestamp(_) => "timestamp without time zone",
            Type::Timestamptz(_) => "timestamp with time zone",
            Type::Uuid => "uuid",
            Type::Json => "json",
            Type::Jsonb => "jsonb",
            Type::Bytea => "bytea",
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.base_name();
        match self {
            Type::Varchar(Some(n)) => write!(f, "{name}({n})"),
            Type::Char(n) if *n > 0 => write!(f, "{name}({n})"),
            Type::Numeric(Some((precision, scale))) => write!(f, "{name}({precision},{scale})"),
            Type::Time(Some(p)) => write!(f, "time({p}) without time zone"),
            Type::Timestamp(Some(p)) => write!(f, "timestamp({p}) without time zone"),
            Type::Timestamptz(Some(p)) => write!(f, "timestamp({p}) with time zone"),
            _ => f.write_str(name),
        }
    }
}

/// Precision and scale from numeric's packed modifier; the scale has eleven bits with sign.
fn unpack_numeric(typmod: i32) -> Option<(u16, i16)> {
    let packed = typmod.checked_sub(VARHDRSZ).filter(|p| *p >= 0)?;
    let precision = u16::try_from(packed >> 16).ok()?;
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    Some((precision, i16::try_from(scale).ok()?))
}

/// Cuts `name(1, 2) rest` into the words of its name and the numbers in the parentheses.
fn split_modifiers(text: &str) -> Result<(String, Vec<i64>), TypeError> {
    let bad = || TypeError::new(format!("cannot read type \"{text}\""));
    let (head, inside, tail) = match text.split_once('(') {
        None => (text, None, ""),
        Some((head, rest)) => {
            let (inside, tail) = rest.split_once(')').ok_or_else(bad)?;
            (head, Some(inside), tail)
        }
    };
    if tail.contains('(') || tail.contains(')') {
        return Err(bad());
    }
    let words: Vec<String> =
        head.split_whitespace().chain(tail.split_whitespace()).map(str::to_ascii_lowercase).collect();
    let joined = words.join(" ");
    let name = joined.strip_prefix("pg_catalog.").unwrap_or(&joined).to_string();
    let mut modifiers = Vec::new();
    if let Some(inside) = inside {
        for part in inside.split(',') {
            modifiers.push(part.trim().parse::<i64>().map_err(|_| bad())?);
        }
    }
    Ok((name, modifiers))
}

/// The type that a name without modifier stands for. char is given as `Char(0)`; see the caller.
fn plain_type(name: &str, text: &str) -> Result<Type, TypeError> {
    Ok(match name {
        "text" => Type::Text,
        "varchar"
        | "character varying"
        | "char varying"
        | "nchar varying"
        | "national character varying"
        | "national char varying" => Type::Varchar(None),
        "char" | "character" | "nchar" | "national character" | "national char" | "bpchar" => Type::Char(0),
        "smallint" | "int2" => Type::Int2,
        "integer" | "int" | "int4" => Type::Int4,
        "bigint" | "int8" => Type::Int8,
        "real" | "float4" => Type::Float4,
        "double precision" | "float8" | "float" => Type::Float8,
        "numeric" | "decimal" | "dec" => Type::Numeric(None),
        "boolean" | "bool" => Type::Bool,
        "date" => Type::Date,
        "time" | "time without time zone" => Type::Time(None),
        "timestamp" | "timestamp without time zone" => Type::Timestamp(None),
        "timestamptz" | "timestamp with time zone" => Type::Timestamptz(None),
        "uuid" => Type::Uuid,
        "json" => Type::Json,
        "jsonb" => Type::Jsonb,
        "bytea" => Type::Bytea,
        _ => return Err(TypeError::new(format!("type \"{text}\" cannot be encrypted"))),
    })
}

fn with_modifiers(ty: Type, name: &str, modifiers: &[i64], text: &str) -> Result<Type, TypeError> {
    let bad = |reason: &str| TypeError::new(format!("type \"{text}\": {reason}"));
    let length = |n: i64| match u32::try_from(n) {
        Ok(n) if n > 0 && i64::from(n) <= MAX_LENGTH => Ok(n),
        _ => Err(bad("the length must be between 1 and 10485760")),
    };
    // PostgreSQL lowers a larger precision to six, with a warning.
    let precision = |p: i64| {
        u8::try_from(p.min(MAX_PRECISION)).map(Some).map_err(|_| bad("the precision must not be negative"))
    };
    match (ty, modifiers) {
        (Type::Varchar(_), [n]) => Ok(Type::Varchar(Some(length(*n)?))),
        (Type::Char(_), [n]) => Ok(Type::Char(length(*n)?)),
        (Type::Time(_), [p]) => Ok(Type::Time(precision(*p)?)),
        (Type::Timestamp(_), [p]) => Ok(Type::Timestamp(precision(*p)?)),
        (Type::Timestamptz(_), [p]) => Ok(Type::Timestamptz(precision(*p)?)),
        (Type::Numeric(_), [p]) => numeric_modifier(*p, 0, bad),
        (Type::Numeric(_), [p, s]) => numeric_modifier(*p, *s, bad),
        (Type::Float8, [bits]) if name == "float" => match bits {
            1..=24 => Ok(Type::Float4),
            25..=53 => Ok(Type::Float8),
            _ => Err(bad("the precision must be between 1 and 53 bits")),
        },
        _ => Err(bad("it takes no such modifier")),
    }
}

fn numeric_modifier(precision: i64, scale: i64, bad: impl Fn(&str) -> TypeError) -> Result<Type, TypeError> {
    let precision = u16::try_from(precision)
        .ok()
        .filter(|p| (1..=1000).contains(p))
        .ok_or_else(|| bad("the precision must be between 1 and 1000"))?;
    let scale = i16::try_from(scale)
        .ok()
        .filter(|s| (-1000..=1000).contains(s))
        .ok_or_else(|| bad("the scale must be between -1000 and 1000"))?;
    Ok(Type::Numeric(Some((precision, scale))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_as_format_type_does() {
        for (text, printed, typmod) in [
            ("varchar(254)", "character varying(254)", 258),
            ("Character  Varying ( 10 )", "character varying(10)", 14),
            ("char", "character(1)", 5),
            ("bpchar", "bpchar", -1),
            ("int", "integer", -1),
            ("decimal(10,2)", "numeric(10,2)", 655_366),
            ("numeric(3)", "numeric(3,0)", 196_612),
            ("numeric(2,-3)", "numeric(2,-3)", ((2 << 16) | (-3 & 0x7ff)) + 4),
            ("timestamp(3) with time zone", "timestamp(3) with time zone", 3),
            ("timestamptz", "timestamp with time zone", -1),
            ("pg_catalog.float8", "double precision", -1),
            ("float(24)", "real", -1),
            ("time(9)", "time(6) without time zone", 6),
        ] {
            let ty = Type::parse(text).expect(text);
            assert_eq!(ty.to_string(), printed, "{text}");
            assert_eq!(ty.typmod(), typmod, "{text}");
            assert_eq!(Type::from_oid(ty.oid(), ty.typmod()), Some(ty), "{text}");
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in [
            "",
            "money",
            "varchar(0)",
            "varchar(1,2)",
            "text(3)",
            "numeric(0)",
            "numeric(1001)",
            "numeric(1,2,3)",
            "varchar(",
            "int[]",
            "timestamp(-1)",
            "char(x)",
            "varchar(10)(2)",
        ] {
            assert!(Type::parse(text).is_err(), "{text}");
        }
    }
}
