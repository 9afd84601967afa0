//! Values with encrypted columns inside them: whole rows, records, arrays, and JSON made of them. They can be
//! selected, passed on by subqueries, taken apart, and put into one another; each envelope is opened at the end.

use sqlparser::ast::{
    AccessExpr, DataType, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Subscript, WindowType,
};

use super::consts::{Const, Extent, Leaf};
use super::edits::Part;
use super::expr::{Choice, ColumnVal, Val, ident, object_name};
use super::parse::index_of;
use super::plan::{Field, Json, Output, Shape};
use super::planner::Planner;
use super::refuse::{Planned, column_in, full_name, syntax, unsupported};
use super::scope::{self, ScopeColumn};
use crate::value::{self, Type};
use std::sync::Arc;

/// A value with envelopes inside it.
#[derive(Clone, Debug)]
pub(super) struct Nested {
    pub shape: Shape,
    /// Cast to text.
    pub as_text: bool,
    /// Type OID and modifier, where the server's is another one.
    pub shown: Option<(u32, i32)>,
    /// Its tokens, if they are known.
    pub extent: Option<Extent>,
    /// An encrypted column in it, for messages and for whoever asks whether there is any.
    pub first: Box<ColumnVal>,
}

impl Nested {
    /// A value of this shape; `None` if nothing in it is encrypted.
    pub fn new(shape: Shape, shown: Option<(u32, i32)>, extent: Option<Extent>) -> Option<Nested> {
        let first = Box::new(ColumnVal {
            column: Arc::clone(shape.column()?),
            origin: None,
            place: None,
            extent,
            casts: Vec::new(),
            cast_tokens: Vec::new(),
            shown: None,
            written: None,
            grouped: None,
        });
        Some(Nested { shape, as_text: false, shown, extent, first })
    }

    /// What RowDescription and DataRow need.
    pub fn output(self) -> Output {
        Output::Nested { shape: self.shape, as_text: self.as_text, shown: self.shown }
    }
}

/// A shape as a value.
fn nested(shape: Shape, shown: Option<(u32, i32)>, extent: Option<Extent>) -> Val {
    Nested::new(shape, shown, extent).map_or(Val::Plain, Val::Nested)
}

/// Functions that put values into JSON, and whether into jsonb.
fn json_function(name: &str) -> Option<(&'static str, bool)> {
    Some(match name {
        "to_json" => ("to", false),
        "to_jsonb" => ("to", true),
        "row_to_json" | "array_to_json" => ("pretty", false),
        "array_agg" => ("collect", false),
        "json_agg" => ("agg", false),
        "jsonb_agg" => ("agg", true),
        "json_build_array" => ("array", false),
        "jsonb_build_array" => ("array", true),
        "json_build_object" => ("object", false),
        "jsonb_build_object" => ("object", true),
        "json_object_agg" => ("members", false),
        "jsonb_object_agg" => ("members", true),
        _ => return None,
    })
}

/// The refusal of jsonb whose members could not be told apart.
fn keys_unknown(column: &ColumnVal) -> Box<super::refuse::Draft> {
    unsupported(
        format!(
            "a jsonb object with computed keys and encrypted column {} beside other values",
            full_name(&column.column)
        ),
        "Write the keys as string literals.",
    )
    .at(column.extent.map(|e| e.first))
}

impl Planner<'_> {
    /// What a value holds as a part of another one. Casts of encrypted columns are taken out of the text.
    pub fn part_of(&mut self, value: Val) -> Planned<Shape> {
        Ok(match self.resolved(value) {
            Val::Column(mut value) => {
                self.represent(&mut value, "GROUP BY")?;
                let casts = self.output_casts(&value)?;
                self.remove_casts(&value);
                Shape::Envelope { column: value.column, casts }
            }
            Val::Nested(value) if !value.as_text => value.shape,
            Val::Choice(choice) => match self.choice_output(choice)? {
                Output::Open { column, casts, .. } => Shape::Envelope { column, casts },
                Output::Nested { shape, as_text: false, .. } => shape,
                _ => Shape::Plain,
            },
            other => {
                self.settle_plain(other, "a row, an array or JSON")?;
                Shape::Plain
            }
        })
    }

    /// The casts of a column at an output, if the proxy can do them.
    pub fn output_casts(&self, value: &ColumnVal) -> Planned<Vec<Type>> {
        let mut casts = Vec::with_capacity(value.casts.len());
        let mut from = value.column.ty;
        for cast in &value.casts {
            match cast.ty {
                Some(ty) if !cast.array && value::explicitly_castable(&from, &ty) => {
                    casts.push(ty);
                    from = ty;
                }
                _ => {
                    return Err(unsupported(
                        format!("this cast of encrypted column {}", full_name(&value.column)),
                        "Select the column as it is and convert it in the application.",
                    )
                    .at(value.extent.map(|e| e.first)));
                }
            }
        }
        Ok(casts)
    }

    /// A relation's name as a value: the row of its columns.
    pub fn whole_row(&mut self, columns: &[ScopeColumn], place: Option<Extent>) -> Planned<Val> {
        let fields = self.row_fields(columns, place)?;
        Ok(nested(Shape::Record(Arc::new(fields)), None, place))
    }

    fn row_fields(&mut self, columns: &[ScopeColumn], place: Option<Extent>) -> Planned<Vec<Field>> {
        let mut fields = Vec::with_capacity(columns.len());
        for column in columns {
            let value = self.held(column.held.clone(), None).map_err(|d| d.at(place.map(|e| e.first)))?;
            let shape = self.part_of(value)?;
            fields.push(Field { name: column.name.clone(), shape });
        }
        Ok(fields)
    }

    /// `ROW (…)` or `(…, …)`. A record of nothing encrypted is plain.
    pub fn record(&mut self, values: Vec<Val>, extent: Option<Extent>) -> Planned<Val> {
        let mut fields = Vec::with_capacity(values.len());
        for (n, value) in values.into_iter().enumerate() {
            fields.push(Field { name: format!("f{}", n + 1), shape: self.part_of(value)? });
        }
        Ok(nested(Shape::Record(Arc::new(fields)), None, extent))
    }

    /// `ARRAY[…]`: its elements have one type, as the alternatives of CASE have.
    pub fn array(&mut self, values: Vec<Val>, extent: Option<Extent>) -> Planned<Val> {
        let Some(first) = values.iter().find_map(Val::column).cloned() else {
            values.into_iter().try_for_each(|value| self.settle_plain(value, "ARRAY"))?;
            return Ok(Val::Plain);
        };
        if values.iter().any(|value| matches!(value, Val::Nested(_))) {
            let mut shapes = Vec::with_capacity(values.len());
            for value in values {
                shapes.push(self.part_of(value)?);
            }
            // One without the column's modifier takes it from the others.
            if let Some(bare) = shapes.iter().find(|shape| is_bare(shape)).cloned() {
                let like = |shape: &Shape| shape.column() == bare.column();
                shapes.iter_mut().filter(|shape| like(shape)).for_each(|shape| *shape = bare.clone());
            }
            return match shapes.split_first() {
                // A further dimension.
                Some((Shape::Array(element), rest))
                    if rest.iter().all(|s| s == &Shape::Array(element.clone())) =>
                {
                    let shown = array_type(element);
                    Ok(nested(Shape::Array(Arc::clone(element)), shown, extent))
                }
                Some((first, rest)) if rest.iter().all(|s| s == first) => {
                    Ok(nested(Shape::Array(Arc::new(first.clone())), None, extent))
                }
                _ => Err(column_in(&first.column, "an array of differing values")),
            };
        }
        let nullable = values.iter().any(|value| matches!(value, Val::Null { .. }));
        let mut values = values;
        self.represent_all(&mut values, "ARRAY")?;
        let values = values.into_iter().flat_map(Val::alternatives).collect();
        let element =
            self.part_of(Val::Choice(Choice { values, coalesce: false, nullable, ..Choice::default() }))?;
        let shown = array_type(&element);
        Ok(nested(Shape::Array(Arc::new(element)), shown, extent))
    }

    /// `ARRAY(SELECT …)`, its query's only column.
    pub fn array_of_query(&mut self, value: Val, extent: Option<Extent>) -> Planned<Val> {
        let element = self.part_of(value)?;
        let (element, shown) = match element {
            Shape::Array(inner) => (Shape::Array(Arc::clone(&inner)), array_type(&inner)),
            other => {
                let shown = array_type(&other);
                (Shape::Array(Arc::new(other)), shown)
            }
        };
        Ok(nested(element, shown, extent))
    }

    /// `array_agg(…)`, which has no modifier.
    fn collected(&mut self, mut values: Vec<Val>, extent: Option<Extent>) -> Planned<Val> {
        let value = values.pop().unwrap_or(Val::Plain);
        if value.column().is_none() {
            self.settle_plain(value, "array_agg")?;
            return Ok(Val::Plain);
        }
        Ok(match self.array_of_query(value, extent)? {
            Val::Nested(mut array) => {
                array.shown = array.shown.map(|(oid, _)| (oid, -1));
                Val::Nested(array)
            }
            other => other,
        })
    }

    /// A cast of such a value.
    pub fn cast_nested(&mut self, mut value: Nested, data_type: &DataType) -> Planned<Val> {
        let extent = value.extent;
        let ty = Type::parse(&data_type.to_string()).ok();
        value.extent = self.cast(extent).map(|(_, extent)| extent);
        value.first.extent = value.extent;
        match (&value.shape, ty) {
            (_, Some(Type::Text | Type::Varchar(None))) => {
                value.as_text = true;
                // The server's type is the cast's.
                value.shown = None;
                return Ok(Val::Nested(value));
            }
            (Shape::Json(json), Some(Type::Jsonb)) if !value.as_text => {
                let json = Json::clone(json).into_jsonb().ok_or_else(|| keys_unknown(&value.first))?;
                value.shape = Shape::Json(Arc::new(json));
                return Ok(Val::Nested(value));
            }
            (Shape::Json(_), Some(Type::Json)) if !value.as_text => return Ok(Val::Nested(value)),
            _ => {}
        }
        Err(column_in(&value.first.column, "this cast of a row, an array or JSON")
            .at(extent.map(|e| e.first)))
    }

    /// COALESCE or CASE with such values: all are alike, or hold nothing.
    pub fn nested_choice(&mut self, values: Vec<Val>, clause: &str) -> Planned<Val> {
        let mut found: Option<Nested> = None;
        let mut others = Vec::new();
        for value in values {
            match value {
                Val::Nested(value) => match &found {
                    Some(first) if first.shape != value.shape || first.as_text != value.as_text => {
                        return Err(column_in(
                            &value.first.column,
                            format!("{clause} with differing values"),
                        )
                        .at(value.extent.map(|e| e.first)));
                    }
                    Some(_) => {}
                    None => found = Some(value),
                },
                other => others.push(other),
            }
        }
        let Some(mut found) = found else { return Ok(Val::Plain) };
        for value in others {
            match value {
                Val::Null { extent, cast } => self.null(extent, cast)?,
                Val::Const(value) if self.is_empty(&value) => self.empty(value, &found.shape)?,
                other => {
                    return Err(unsupported(
                        format!(
                            "{clause} of a row, an array or JSON with encrypted column {} in it, and another value",
                            full_name(&found.first.column)
                        ),
                        "Only NULL, '[]' and '{}' can stand beside it.",
                    )
                    .at(other.column().and_then(|c| c.extent).or(found.extent).map(|e| e.first)));
                }
            }
        }
        found.extent = None;
        found.first.extent = None;
        Ok(Val::Nested(found))
    }

    /// Whether a constant is an array or object of nothing.
    fn is_empty(&self, value: &Const) -> bool {
        let Leaf::Text(token) = value.leaf else { return false };
        let text = self.tokens.string(token);
        text.is_some_and(|text| matches!(text.trim(), "[]" | "{}" | "null"))
    }

    /// An empty array is one of envelopes, whatever it was cast to.
    fn empty(&mut self, value: Const, shape: &Shape) -> Planned<()> {
        match (shape, value.extent) {
            (Shape::Array(_), Some(extent)) if !value.casts.is_empty() => {
                self.replace(extent, vec![Part::Text("'{}'".to_owned())]);
            }
            (Shape::Array(_), None) => return Err(syntax("an empty array")),
            _ => {}
        }
        Ok(())
    }

    /// A part of such a value: a field of a record, or an element of an array.
    pub fn nested_access(
        &mut self,
        value: &Nested,
        field: Option<&str>,
        extent: Option<Extent>,
    ) -> Planned<Val> {
        let refuse = || {
            column_in(&value.first.column, "a subscript or field selection").at(value.extent.map(|e| e.first))
        };
        let part = match (&value.shape, field) {
            _ if value.as_text => return Err(refuse()),
            (Shape::Record(fields), Some(name)) => {
                let mut named = fields.iter().filter(|f| f.name == name);
                match (named.next(), named.next()) {
                    (Some(found), None) => found.shape.clone(),
                    _ => return Err(refuse()),
                }
            }
            (Shape::Array(element), None) => Shape::clone(element),
            _ => return Err(refuse()),
        };
        Ok(match part {
            Shape::Envelope { column, casts } => {
                let casts = casts.into_iter().map(|ty| super::types::CastType { ty: Some(ty), array: false });
                Val::Column(ColumnVal {
                    column,
                    origin: None,
                    place: extent,
                    extent,
                    casts: casts.collect(),
                    cast_tokens: Vec::new(),
                    shown: None,
                    written: None,
                    grouped: None,
                })
            }
            other => nested(other, None, extent),
        })
    }

    /// Subscripts and fields, step by step.
    pub fn nested_steps(&mut self, root: Val, chain: &[AccessExpr]) -> Planned<Val> {
        let mut value = root;
        for step in chain {
            let Val::Nested(outer) = &value else {
                self.settle_plain(value, "a subscript or field selection")?;
                return Ok(Val::Plain);
            };
            let behind = outer.extent.map(|e| e.last + 1);
            value = match step {
                AccessExpr::Dot(Expr::Identifier(name)) => {
                    let last = index_of(name.span);
                    let extent = outer.extent.zip(last).map(|(e, last)| Extent { first: e.first, last });
                    let name = ident(name)?;
                    self.nested_access(outer, Some(&name), extent)?
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    let outer = outer.clone();
                    self.plain(index, "a subscript")?;
                    let close = behind.and_then(|open| self.close_bracket(open));
                    let extent = outer.extent.zip(close).map(|(e, last)| Extent { first: e.first, last });
                    self.nested_access(&outer, None, extent)?
                }
                _ => return Err(syntax("a subscript")),
            };
        }
        Ok(value)
    }

    /// A call of a function that puts values into JSON, a row or an array; `None`: it is none of them, and nothing
    /// was read.
    pub fn nesting_function(&mut self, function: &Function, name: &str, bare: bool) -> Planned<Option<Val>> {
        if !bare {
            return Ok(None);
        }
        let extent = self.whole_call(function);
        if let (true, FunctionArguments::Subquery(query)) = (name == "array", &function.args) {
            let mut outputs = self.query(query)?;
            return Ok(Some(match outputs.columns.pop() {
                Some(column) if outputs.columns.is_empty() => self.array_of_query(column.value, extent)?,
                _ => return Err(syntax("ARRAY (SELECT …)").at(extent.map(|e| e.first))),
            }));
        }
        let json = json_function(name);
        if json.is_none() && name != "row" {
            return Ok(None);
        }
        let FunctionArguments::List(list) = &function.args else { return Ok(None) };
        let mut values = Vec::with_capacity(list.args.len());
        for arg in &list.args {
            self.argument(arg, name == "row", &mut values)?;
        }
        if matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct))
            && let Some(column) = values.iter().find_map(Val::column)
        {
            return Err(column_in(&column.column, format!("DISTINCT in {name}"))
                .at(column.extent.or(extent).map(|e| e.first)));
        }
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(list) => {
                    self.sort_list(list, None, "ORDER BY")?;
                }
                _ => return Err(syntax("a clause of a function call")),
            }
        }
        if !function.within_group.is_empty() || !matches!(function.parameters, FunctionArguments::None) {
            return Err(syntax("a function call").at(extent.map(|e| e.first)));
        }
        if let Some(filter) = &function.filter {
            self.condition(filter, "FILTER")?;
        }
        if let Some(WindowType::WindowSpec(spec)) = &function.over {
            self.window(spec)?;
        }
        Ok(Some(match json {
            Some(("collect", _)) => self.collected(values, extent)?,
            Some((kind, jsonb)) => self.json(kind, jsonb, values, extent)?,
            None => self.record(values, extent)?,
        }))
    }

    /// An argument's value; `t.*` in ROW is each of its columns.
    fn argument(&mut self, arg: &FunctionArg, row: bool, values: &mut Vec<Val>) -> Planned<()> {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
            arg;
        match arg {
            FunctionArgExpr::Expr(expr) => values.push(self.expr(expr)?),
            FunctionArgExpr::QualifiedWildcard(name) => {
                let (parts, token) = object_name(name)?;
                let table = parts.last().map(String::as_str).unwrap_or_default();
                let (_, _, item) = scope::item(&self.frames, None, table).map_err(|d| d.at(Some(token)))?;
                let (columns, open) = (item.columns.clone(), item.open);
                if open && item.holds_encrypted() {
                    return Err(syntax("a wildcard").at(Some(token)));
                }
                let place = Some(Extent { first: token, last: token });
                if row {
                    for column in columns {
                        values.push(self.held(column.held, None).map_err(|d| d.at(Some(token)))?);
                    }
                } else {
                    values.push(self.whole_row(&columns, place)?);
                }
            }
            _ => return Err(syntax("a wildcard")),
        }
        Ok(())
    }

    /// JSON of these values.
    fn json(&mut self, kind: &str, jsonb: bool, values: Vec<Val>, extent: Option<Extent>) -> Planned<Val> {
        let Some(first) = values.iter().find_map(Val::column).cloned() else {
            values.into_iter().try_for_each(|value| self.settle_plain(value, "JSON"))?;
            return Ok(Val::Plain);
        };
        let mut names = Vec::with_capacity(values.len());
        let mut parts = Vec::with_capacity(values.len());
        for value in values {
            names.push(match &value {
                Val::Const(Const { leaf: Leaf::Text(token), .. }) => {
                    self.tokens.string(*token).map(|text| text.to_string())
                }
                _ => None,
            });
            let shape = self.part_of(value)?;
            parts.push(shape.to_json(jsonb).ok_or_else(|| keys_unknown(&first))?);
        }
        let misplaced = |clause: &str| column_in(&first.column, clause).at(first.extent.map(|e| e.first));
        let json = match kind {
            "to" | "pretty" => {
                let mut parts = parts.into_iter();
                let value = parts.next().unwrap_or(Json::Plain);
                if parts.any(|part| part.holds_envelopes()) {
                    return Err(misplaced("an argument of a JSON function"));
                }
                value
            }
            "agg" => Json::Elements(Arc::new(parts.into_iter().next().unwrap_or(Json::Plain))),
            "array" => Json::Tuple(parts),
            _ => {
                let mut members = Vec::with_capacity(parts.len() / 2);
                let mut parts = parts.into_iter();
                for name in names.into_iter().step_by(2) {
                    let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
                        return Err(syntax("a JSON object").at(extent.map(|e| e.first)));
                    };
                    if key.holds_envelopes() {
                        return Err(misplaced("the key of a JSON object"));
                    }
                    members.push((name, value));
                }
                match (kind, members.pop()) {
                    ("members", Some((_, value))) => Json::Members(Arc::new(value)),
                    (_, last) => {
                        members.extend(last);
                        let object = Json::Object(members);
                        if jsonb { object.into_jsonb().ok_or_else(|| keys_unknown(&first))? } else { object }
                    }
                }
            }
        };
        Ok(nested(Shape::Json(Arc::new(json)), None, extent))
    }

    /// The tokens of a call, up to the parenthesis that closes its arguments.
    pub fn whole_call(&self, function: &Function) -> Option<Extent> {
        let (parts, first) = object_name(&function.name).ok()?;
        let bare = function.filter.is_none() && function.over.is_none() && function.within_group.is_empty();
        let open = first + parts.len() * 2 - 1;
        (bare && self.tokens.is_sign(open, "(")).then_some(())?;
        Some(Extent { first, last: self.tokens.close(open)? })
    }

    /// Several values at once, as a row or array has them.
    pub fn values_of<'e>(&mut self, list: impl IntoIterator<Item = &'e Expr>) -> Planned<Vec<Val>> {
        list.into_iter().map(|expr| self.expr(expr)).collect()
    }
}

/// Whether it is an array of values that have lost their column's modifier, and nothing else.
fn is_bare(shape: &Shape) -> bool {
    let Shape::Array(element) = shape else { return false };
    matches!(element.as_ref(), Shape::Envelope { column, casts } if *casts == [column.ty.base()])
}

/// OID and modifier of an array of such elements, where that is not the server's.
fn array_type(element: &Shape) -> Option<(u32, i32)> {
    match element {
        Shape::Envelope { column, casts } => {
            let ty = casts.last().unwrap_or(&column.ty);
            Some((ty.array_oid(), ty.typmod()))
        }
        _ => None,
    }
}
