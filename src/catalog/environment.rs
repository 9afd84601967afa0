//! What names and texts mean in one session: search path, temporary relations, settings.

use std::collections::HashMap;

use super::load::{self, RawRelation};
use super::{CatalogError, Relation};

/// The answer to [`super::ENVIRONMENT_QUERY`] in one session.
#[derive(Clone, Debug)]
pub struct Environment {
    path: Vec<String>,
    temporary: HashMap<String, Relation>,
    /// `search_path` as set.
    pub search_path: String,
    /// `DateStyle`
    pub date_style: String,
    /// `TimeZone`
    pub time_zone: String,
    /// `IntervalStyle`
    pub interval_style: String,
    /// `bytea_output`
    pub bytea_output: String,
    /// `extra_float_digits`
    pub extra_float_digits: String,
    /// `timezone_abbreviations`
    pub timezone_abbreviations: String,
    /// `array_nulls`
    pub array_nulls: bool,
    /// `client_encoding`
    pub client_encoding: String,
    /// `standard_conforming_strings`
    pub standard_conforming_strings: bool,
    /// `default_transaction_isolation`
    pub default_isolation: String,
    /// `current_user`
    pub current_user: String,
    /// `session_user`
    pub session_user: String,
}

#[derive(serde::Deserialize)]
struct Raw {
    path: Vec<String>,
    #[serde(default)]
    search_path: String,
    #[serde(default)]
    temporary: Option<Vec<RawRelation>>,
    #[serde(default)]
    domain: Option<u32>,
    #[serde(default)]
    date_style: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    interval_style: String,
    #[serde(default)]
    bytea_output: String,
    #[serde(default)]
    extra_float_digits: String,
    #[serde(default)]
    timezone_abbreviations: String,
    #[serde(default)]
    array_nulls: String,
    #[serde(default)]
    standard_conforming_strings: String,
    #[serde(default)]
    client_encoding: String,
    #[serde(default)]
    default_isolation: String,
    #[serde(default)]
    current_user: String,
    #[serde(default)]
    session_user: String,
}

impl Environment {
    /// Reads the answer to [`super::ENVIRONMENT_QUERY`].
    pub fn from_json(json: &str) -> Result<Environment, CatalogError> {
        let raw: Raw = serde_json::from_str(json).map_err(CatalogError::json)?;
        let mut temporary = HashMap::new();
        for relation in raw.temporary.unwrap_or_default() {
            let mut relation = load::plain_relation(relation, raw.domain);
            if relation.kind == 'v' {
                // Its lineage would need planning of its own; nothing is known of what it shows.
                relation.unusable = Some("it is a temporary view".to_owned());
            }
            temporary.insert(relation.name.clone(), relation);
        }
        Ok(Environment {
            path: raw.path,
            temporary,
            search_path: raw.search_path,
            date_style: raw.date_style,
            time_zone: raw.time_zone,
            interval_style: raw.interval_style,
            bytea_output: raw.bytea_output,
            extra_float_digits: raw.extra_float_digits,
            timezone_abbreviations: raw.timezone_abbreviations,
            array_nulls: raw.array_nulls != "off",
            client_encoding: raw.client_encoding,
            standard_conforming_strings: raw.standard_conforming_strings != "off",
            default_isolation: raw.default_isolation,
            current_user: raw.current_user,
            session_user: raw.session_user,
        })
    }

    /// An environment without temporary relations: for definitions read from the catalog.
    pub fn with_path(path: Vec<String>) -> Environment {
        Environment {
            path,
            temporary: HashMap::new(),
            search_path: String::new(),
            date_style: "ISO, MDY".to_owned(),
            time_zone: "UTC".to_owned(),
            interval_style: "postgres".to_owned(),
            bytea_output: "hex".to_owned(),
            extra_float_digits: "1".to_owned(),
            timezone_abbreviations: "Default".to_owned(),
            array_nulls: true,
            client_encoding: "UTF8".to_owned(),
            standard_conforming_strings: true,
            default_isolation: String::new(),
            current_user: String::new(),
            session_user: String::new(),
        }
    }

    /// Schemas in the order in which names are looked up, implicit ones included.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// A temporary relation of the session.
    pub fn temporary(&self, name: &str) -> Option<&Relation> {
        self.temporary.get(name)
    }

    /// The schema in which an unqualified CREATE makes its object.
    pub fn creation_schema(&self) -> Option<&str> {
        self.path.iter().map(String::as_str).find(|s| *s != "pg_catalog" && !s.starts_with("pg_temp_"))
    }
}
