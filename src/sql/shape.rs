//! What a server column holds that has envelopes inside it: arrays, records and JSON.
//!
//! A shape says where in such a value the envelopes are. They are found by that path alone: a text that merely
//! looks like an envelope is not one, and an envelope that is no envelope is an error.

use std::sync::Arc;

use crate::catalog::EncryptedColumn;
use crate::value::Type;

/// A value, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing encrypted: passes as it is.
    Plain,
    /// An envelope of this column: opened, then cast.
    Envelope {
        /// The column whose type and keys it has.
        column: Arc<EncryptedColumn>,
        /// Casts done by the proxy, innermost first.
        casts: Vec<Type>,
    },
    /// An array of any dimensions, whose elements are like this.
    Array(Arc<Shape>),
    /// A record with these fields, in order.
    Record(Arc<Vec<Field>>),
    /// A value of type json or jsonb.
    Json(Arc<Json>),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, as JSON shows it.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
}

/// A JSON value, or a part of one. An empty array or object, or a null, may stand in place of any of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// Nothing encrypted: passes as it is.
    Plain,
    /// A string that is an envelope of this column.
    Envelope {
        /// The column whose type and keys it has.
        column: Arc<EncryptedColumn>,
        /// Casts done by the proxy, innermost first.
        casts: Vec<Type>,
        /// Written as jsonb has it, not as json.
        jsonb: bool,
    },
    /// An array of such values; arrays in it are further dimensions.
    Elements(Arc<Json>),
    /// An array of these, in order.
    Tuple(Vec<Json>),
    /// An object with these members, in order. Names tell them apart where each has one of its own.
    Object(Vec<(Option<String>, Json)>),
    /// An object whose members are all like this.
    Members(Arc<Json>),
}

impl Shape {
    /// Whether there is an envelope in it.
    pub fn holds_envelopes(&self) -> bool {
        match self {
            Shape::Plain => false,
            Shape::Envelope { .. } => true,
            Shape::Array(element) => element.holds_envelopes(),
            Shape::Record(fields) => fields.iter().any(|field| field.shape.holds_envelopes()),
            Shape::Json(json) => json.holds_envelopes(),
        }
    }

    /// The first encrypted column in it.
    pub fn column(&self) -> Option<&Arc<EncryptedColumn>> {
        match self {
            Shape::Plain => None,
            Shape::Envelope { column, .. } => Some(column),
            Shape::Array(element) => element.column(),
            Shape::Record(fields) => fields.iter().find_map(|field| field.shape.column()),
            Shape::Json(json) => json.column(),
        }
    }

    /// What it is as JSON, or as jsonb. `None`: which member is which could not be told any more.
    pub fn to_json(&self, jsonb: bool) -> Option<Json> {
        Some(match self {
            Shape::Plain => Json::Plain,
            Shape::Envelope { column, casts } => {
                Json::Envelope { column: Arc::clone(column), casts: casts.clone(), jsonb }
            }
            Shape::Array(element) => Json::Elements(Arc::new(element.to_json(jsonb)?)),
            Shape::Record(fields) => {
                let members = fields.iter().map(|f| Some((Some(f.name.clone()), f.shape.to_json(jsonb)?)));
                let object = Json::Object(members.collect::<Option<_>>()?);
                if jsonb { object.into_jsonb()? } else { object }
            }
            Shape::Json(json) if jsonb => Json::clone(json).into_jsonb()?,
            Shape::Json(json) => Json::clone(json),
        })
    }
}

impl Json {
    /// Whether there is an envelope in it.
    pub fn holds_envelopes(&self) -> bool {
        self.column().is_some()
    }

    /// The first encrypted column in it.
    pub fn column(&self) -> Option<&Arc<EncryptedColumn>> {
        match self {
            Json::Plain => None,
            Json::Envelope { column, .. } => Some(column),
            Json::Elements(element) | Json::Members(element) => element.column(),
            Json::Tuple(list) => list.iter().find_map(Json::column),
            Json::Object(members) => members.iter().find_map(|(_, value)| value.column()),
        }
    }

    /// The same as jsonb: of members of one name the last stays, and their order is another one. `None`: which
    /// member is which could not be told any more.
    pub fn into_jsonb(self) -> Option<Json> {
        Some(match self {
            Json::Plain => Json::Plain,
            Json::Envelope { column, casts, .. } => Json::Envelope { column, casts, jsonb: true },
            Json::Elements(element) => Json::Elements(Arc::new(Json::clone(&element).into_jsonb()?)),
            Json::Members(element) => Json::Members(Arc::new(Json::clone(&element).into_jsonb()?)),
            Json::Tuple(list) => Json::Tuple(list.into_iter().map(Json::into_jsonb).collect::<Option<_>>()?),
            Json::Object(members) => {
                let mut kept: Vec<(Option<String>, Json)> = Vec::with_capacity(members.len());
                for (name, value) in members {
                    let value = value.into_jsonb()?;
                    kept.retain(|(other, _)| name.is_none() || *other != name);
                    kept.push((name, value));
                }
                match kept.first().map(|(_, value)| value.clone()) {
                    Some(first) if kept.iter().any(|(name, _)| name.is_none()) => {
                        if kept.iter().any(|(_, value)| *value != first) {
                            return None;
                        }
                        Json::Members(Arc::new(first))
                    }
                    _ => Json::Object(kept),
                }
            }
        })
    }

    /// Whether the members of an object are told apart by their names.
    pub fn by_name(members: &[(Option<String>, Json)]) -> bool {
        let mut names: Vec<&str> = members.iter().filter_map(|(name, _)| name.as_deref()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        names.len() == count && count == members.len()
    }
}
