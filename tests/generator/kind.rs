//! Types of columns, and the values that lie in them.

use crate::random::Random;
use crate::support::canary::Canary;

/// A type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    Text,
    Varchar,
    Int,
    Bigint,
    Numeric,
    Date,
    Timestamp,
    Timestamptz,
    Bool,
    Uuid,
}

/// Kinds that can be compared with one another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Family {
    Strings,
    Numbers,
    Days,
    Moments,
    Instants,
    Truths,
    Names,
}

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::Text,
        Kind::Varchar,
        Kind::Int,
        Kind::Bigint,
        Kind::Numeric,
        Kind::Date,
        Kind::Timestamp,
        Kind::Timestamptz,
        Kind::Bool,
        Kind::Uuid,
    ];

    /// As SQL and the configuration name it.
    pub fn sql(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Varchar => "varchar(40)",
            Kind::Int => "integer",
            Kind::Bigint => "bigint",
            Kind::Numeric => "numeric(14,2)",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Timestamptz => "timestamptz",
            Kind::Bool => "boolean",
            Kind::Uuid => "uuid",
        }
    }

    pub fn family(self) -> Family {
        match self {
            Kind::Text | Kind::Varchar => Family::Strings,
            Kind::Int | Kind::Bigint | Kind::Numeric => Family::Numbers,
            Kind::Date => Family::Days,
            Kind::Timestamp => Family::Moments,
            Kind::Timestamptz => Family::Instants,
            Kind::Bool => Family::Truths,
            Kind::Uuid => Family::Names,
        }
    }

    /// Whether its literals stand without quotes.
    pub fn is_bare(self) -> bool {
        matches!(self, Kind::Int | Kind::Bigint | Kind::Numeric | Kind::Bool)
    }

    /// Its values: few, so that they meet often. Those of secret columns are no others' values.
    pub fn values(self, secret: bool) -> &'static [&'static str] {
        match (self.family(), secret) {
            (Family::Strings, true) => &[
                "Amber-Harbor",
                "amber-harbor",
                "Amber-Haven",
                "Brisk-Falcon",
                "brisk falcon",
                "Çedar-Über",
                "zinc_yard%7",
                "O'Neil-Quill",
                " padded-out ",
                "",
            ],
            (Family::Strings, false) => &["maple", "Maple", "oak", "birch", "o'hara", "äsche", "m%ple", ""],
            (Family::Numbers, true) if self == Kind::Numeric => {
                &["48151623.42", "48151623.40", "31526374.00", "-20475869.10", "0.00"]
            }
            (Family::Numbers, true) if self == Kind::Bigint => {
                &["9182736450123", "-8273645091234", "31526374", "19384756", "0"]
            }
            (Family::Numbers, true) => &["19384756", "-20475869", "31526374", "42630517", "0"],
            (Family::Numbers, false) if self == Kind::Numeric => &["1.50", "2.00", "-3.25", "0.00", "17.00"],
            (Family::Numbers, false) => &["1", "2", "-3", "0", "17"],
            (Family::Days, true) => &["1987-06-05", "1969-07-20", "2000-02-29", "1987-06-06"],
            (Family::Days, false) => &["2021-01-01", "2021-12-31", "2022-06-15"],
            (Family::Moments, true) => &[
                "1987-06-05 04:05:06.789",
                "1969-07-20 20:17:40",
                "2000-02-29 00:00:00",
                "1987-06-05 04:05:06",
            ],
            (Family::Moments, false) => {
                &["2021-01-01 00:00:00", "2021-12-31 23:59:59", "2022-06-15 12:00:00"]
            }
            (Family::Instants, true) => &[
                "1987-06-05 04:05:06.789+00",
                "1969-07-20 20:17:40+00",
                "2000-02-29 00:00:00+00",
                "1987-06-05 06:05:06.789+02",
            ],
            (Family::Instants, false) => &["2021-01-01 00:00:00+00", "2021-12-31 23:59:59+00"],
            (Family::Truths, _) => &["true", "false"],
            (Family::Names, true) => &[
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                "b1ffcd00-0d1c-4f09-8c7e-7cc0ce491b22",
                "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12",
            ],
            (Family::Names, false) => {
                &["11111111-2222-4333-8444-555555555555", "66666666-7777-4888-9999-aaaaaaaaaaaa"]
            }
        }
    }

    pub fn any_value(self, secret: bool, random: &mut Random) -> &'static str {
        random.pick(self.values(secret)).copied().unwrap_or_default()
    }
}

/// What must not reach the server.
pub fn canaries() -> Vec<Canary> {
    let mut all: Vec<Canary> = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Bool) {
        // Short ones would turn up by chance.
        for value in kind.values(true).iter().filter(|value| value.len() >= 6) {
            let canary = match value.parse() {
                Ok(number) => Canary::Integer(number),
                Err(_) => Canary::Text((*value).to_owned()),
            };
            if !all.contains(&canary) {
                all.push(canary);
            }
        }
    }
    all
}
