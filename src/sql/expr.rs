//! Expressions: what each one holds, and what becomes of values that meet encrypted columns.

use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Ident, ObjectName, Spanned, UnaryOperator, Value,
};

use super::consts::{Const, Extent, Leaf, number_type};
use super::formula::Computed;
use super::nested::Nested;
use super::open::OpenVal;
use super::order::is_order;
use super::parse::index_of;
use super::passing::row_of;
use super::planner::{Planner, param_number};
use super::refuse::{Planned, column_in, syntax, unsupported};
use super::reserved::RESERVED;
use super::scope::{self, Found, Held};
use super::types::CastType;
use crate::catalog::EncryptedColumn;
use crate::value::Type;

/// What an expression holds.
#[derive(Clone, Debug)]
pub(super) enum Val {
    /// Nothing encrypted, nothing to be sealed.
    Plain,
    /// The envelope of an encrypted column.
    Column(ColumnVal),
    /// A parameter or literal whose use is still open.
    Const(Const),
    /// NULL, with its casts.
    Null { extent: Option<Extent>, cast: bool },
    /// One of several (COALESCE, CASE), none of them plain.
    Choice(Choice),
    /// A row, an array or JSON with envelopes inside it.
    Nested(Nested),
    /// A column of constants whose use is still open.
    Open(OpenVal),
    /// What the server cannot compute, but the proxy can.
    Computed(Box<Computed>),
}

/// What COALESCE or CASE chooses from.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub values: Vec<Val>,
    /// The first one that is not NULL is taken.
    pub coalesce: bool,
    /// NULL is among them.
    pub nullable: bool,
    /// Its tokens, if they are known.
    pub extent: Option<Extent>,
    /// The type that it was cast to.
    pub typed: Option<Type>,
    /// Tokens to be taken out if the cast is done elsewhere.
    pub cast_tokens: Vec<Extent>,
}

impl Val {
    /// The encrypted column in it.
    pub fn column(&self) -> Option<&ColumnVal> {
        match self {
            Val::Column(value) => Some(value),
            Val::Choice(choice) => choice.values.iter().find_map(Val::column),
            Val::Nested(value) => Some(&value.first),
            Val::Computed(computed) => computed.column(),
            _ => None,
        }
    }

    /// Itself, or what it chooses from.
    pub fn alternatives(self) -> Vec<Val> {
        match self {
            Val::Choice(choice) => choice.values,
            other => vec![other],
        }
    }
}

/// An encrypted column's value in an expression.
#[derive(Clone, Debug)]
pub(super) struct ColumnVal {
    pub column: Arc<EncryptedColumn>,
    pub origin: Option<(u32, i16)>,
    /// What `pyrite.eq(…)` goes around; `None` for a column that `*` brings.
    pub place: Option<Extent>,
    /// The place with parentheses and casts.
    pub extent: Option<Extent>,
    pub casts: Vec<CastType>,
    /// Tokens to be taken out if the casts are done elsewhere.
    pub cast_tokens: Vec<Extent>,
    /// As in [`Held::shown`].
    pub shown: Option<(u32, i16)>,
    /// The SQL that stands for the envelope here, where the tokens of its place do not say it.
    pub written: Option<String>,
    /// It is a key of a grouped query: what is to stand for it.
    pub grouped: Option<super::grouping::Representative>,
}

impl ColumnVal {
    /// What a FROM clause above this query would know of it.
    pub fn as_held(&self) -> Held {
        Held {
            encrypted: Some(self.column.clone()),
            origin: self.origin,
            shown: self.shown,
            ..Held::default()
        }
    }
}

/// The name that an identifier stands for.
pub(super) fn ident(ident: &Ident) -> Planned<String> {
    match ident.quote_style {
        None => Ok(cut(ident.value.to_ascii_lowercase())),
        Some('"') => Ok(cut(ident.value.clone())),
        // sqlparser takes a string literal for an alias.
        Some(_) => Err(syntax("a string literal as a name").at(index_of(ident.span))),
    }
}

fn cut(mut name: String) -> String {
    if name.len() > 63 {
        let end = (0..=63).rev().find(|&n| name.is_char_boundary(n)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

/// The parts of a possibly qualified name, and the token of the first.
pub(super) fn object_name(name: &ObjectName) -> Planned<(Vec<String>, usize)> {
    let mut parts = Vec::with_capacity(name.0.len());
    let mut first = None;
    for part in &name.0 {
        let Some(part) = part.as_ident() else { return Err(syntax("a computed name")) };
        first = first.or(index_of(part.span));
        let name = ident(part)?;
        // sqlparser takes words for names that PostgreSQL does not (FROM ONLY t).
        if part.quote_style.is_none() && parts.is_empty() && RESERVED.contains(&name.as_str()) {
            return Err(syntax("a reserved word as a name").at(first));
        }
        parts.push(name);
    }
    match first {
        Some(first) if !parts.is_empty() => Ok((parts, first)),
        _ => Err(syntax("a name")),
    }
}

/// The tokens of a cast around `inner`.
pub(super) fn cast_tokens(inner: Extent, outer: Extent) -> Vec<Extent> {
    if inner.first == outer.first {
        return vec![Extent { first: inner.last + 1, last: outer.last }];
    }
    // CAST(…AS type): the parentheses stay.
    vec![
        Extent { first: outer.first, last: outer.first },
        Extent { first: inner.last + 1, last: outer.last - 1 },
    ]
}

impl Planner<'_> {
    /// Walks an expression that must hold nothing encrypted.
    pub fn plain(&mut self, expr: &Expr, clause: &str) -> Planned<()> {
        let value = self.expr(expr)?;
        self.settle_plain(value, clause)
    }

    /// Takes a value for a plain one, or refuses.
    pub fn settle_plain(&mut self, value: Val, clause: &str) -> Planned<()> {
        match value {
            Val::Plain | Val::Null { .. } => Ok(()),
            Val::Const(value) => {
                self.plain_const(&value);
                Ok(())
            }
            Val::Column(value) => Err(column_in(&value.column, clause).at(value.extent.map(|e| e.first))),
            Val::Open(value) => self.open_plain(&value),
            Val::Nested(value) => {
                Err(column_in(&value.first.column, clause).at(value.extent.map(|e| e.first)))
            }
            Val::Choice(choice) => {
                choice.values.into_iter().try_for_each(|value| self.settle_plain(value, clause))
            }
            Val::Computed(computed) => Err(computed.refusal),
        }
    }

    pub(super) fn plain_all<'e>(
        &mut self,
        list: impl IntoIterator<Item = &'e Expr>,
        clause: &str,
    ) -> Planned<Val> {
        for expr in list {
            self.plain(expr, clause)?;
        }
        Ok(Val::Plain)
    }

    /// What an expression holds. Constants stay open: who calls decides what they become.
    pub fn expr(&mut self, expr: &Expr) -> Planned<Val> {
        match expr {
            Expr::Identifier(name) => self.column_ref(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(names) => self.column_ref(names),
            Expr::Value(value) => self.value(&value.value, index_of(value.span)),
            Expr::Nested(inner) => {
                let mut value = self.expr(inner)?;
                match &mut value {
                    Val::Plain | Val::Computed(_) => {}
                    Val::Choice(value) => value.extent = self.nested(value.extent),
                    Val::Const(value) => value.extent = self.nested(value.extent),
                    Val::Column(value) => value.extent = self.nested(value.extent),
                    Val::Null { extent, .. } => *extent = self.nested(*extent),
                    Val::Nested(value) => value.extent = self.nested(value.extent),
                    Val::Open(value) => value.extent = self.nested(value.extent),
                }
                Ok(value)
            }
            Expr::Cast { kind, expr, data_type, format } => {
                if format.is_some() || !matches!(kind, CastKind::Cast | CastKind::DoubleColon) {
                    return Err(syntax("a cast"));
                }
                let value = self.expr(expr)?;
                self.cast_of(value, data_type)
            }
            Expr::TypedString(typed) => {
                let token = index_of(typed.value.span);
                if typed.uses_odbc_syntax {
                    return Err(syntax("an ODBC literal").at(token));
                }
                Ok(match token.and_then(|token| self.typed_literal(token)) {
                    Some(value) => Val::Const(value),
                    None => Val::Plain,
                })
            }
            Expr::UnaryOp { op, expr } => self.unary(op, expr),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => self.null_test(inner),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.compare(left, right, "IS DISTINCT FROM")?;
                Ok(Val::Plain)
            }
            Expr::InList { expr, list, .. } => {
                self.in_list(expr, list)?;
                Ok(Val::Plain)
            }
            Expr::InSubquery { expr, subquery, .. } => {
                if let Some(lefts) = row_of(expr) {
                    self.rows_of_query(&lefts, subquery, "IN (subquery)")?;
                    return Ok(Val::Plain);
                }
                let left = self.expr(expr)?;
                self.in_subquery(left, subquery)?;
                Ok(Val::Plain)
            }
            Expr::AnyOp { left, compare_op, right, .. } | Expr::AllOp { left, compare_op, right } => {
                self.any_all(left, compare_op, right)?;
                Ok(Val::Plain)
            }
            Expr::Function(function) => self.function(function),
            Expr::Subquery(query) => self.scalar_subquery(query),
            Expr::Exists { subquery, .. } => {
                let outputs = self.query(subquery)?;
                self.settle_ignored(outputs);
                Ok(Val::Plain)
            }
            other => self.other(other),
        }
    }

    /// Expressions in which an encrypted column has no place.
    fn other(&mut self, expr: &Expr) -> Planned<Val> {
        match expr {
            Expr::IsFalse(e)
            | Expr::IsNotFalse(e)
            | Expr::IsTrue(e)
            | Expr::IsNotTrue(e)
            | Expr::IsUnknown(e)
            | Expr::IsNotUnknown(e) => {
                self.condition(e, "IS TRUE, IS FALSE or IS UNKNOWN")?;
                Ok(Val::Plain)
            }
            Expr::Between { expr, low, high, .. } => {
                self.between(expr, low, high)?;
                Ok(Val::Plain)
            }
            Expr::Like { expr, pattern, escape_char, .. } => {
                self.plain_all([&**expr, pattern].into_iter().chain(escape_char.as_deref()), "LIKE")
            }
            Expr::ILike { expr, pattern, escape_char, .. } => {
                self.plain_all([&**expr, pattern].into_iter().chain(escape_char.as_deref()), "ILIKE")
            }
            Expr::SimilarTo { expr, pattern, escape_char, .. } => {
                self.plain_all([&**expr, pattern].into_iter().chain(escape_char.as_deref()), "SIMILAR TO")
            }
            Expr::AtTimeZone { timestamp, time_zone } => {
                self.plain_all([&**timestamp, time_zone], "AT TIME ZONE")
            }
            Expr::Extract { expr, .. } => self.plain_all([&**expr], "EXTRACT"),
            Expr::Ceil { expr, .. } => self.plain_all([&**expr], "function ceil"),
            Expr::Floor { expr, .. } => self.plain_all([&**expr], "function floor"),
            Expr::Position { expr, r#in } => self.plain_all([&**expr, r#in], "POSITION"),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let rest = substring_from.as_deref().into_iter().chain(substring_for.as_deref());
                self.plain_all([&**expr].into_iter().chain(rest), "SUBSTRING")
            }
            Expr::Trim { expr, trim_what, trim_characters, .. } => {
                let rest = trim_what.as_deref().into_iter().chain(trim_characters.iter().flatten());
                self.plain_all([&**expr].into_iter().chain(rest), "TRIM")
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let rest = overlay_for.as_deref();
                self.plain_all([&**expr, overlay_what, overlay_from].into_iter().chain(rest), "OVERLAY")
            }
            Expr::Collate { expr, .. } => self.plain_all([&**expr], "COLLATE"),
            case @ Expr::Case { .. } => self.case(case),
            Expr::Tuple(list) => {
                let values = self.values_of(list)?;
                self.record(values, None)
            }
            Expr::Array(array) => {
                let values = self.values_of(&array.elem)?;
                self.array(values, None)
            }
            Expr::Interval(interval) => self.plain_all([&*interval.value], "INTERVAL"),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                self.plain_all(sets.iter().flatten(), "GROUP BY")
            }
            Expr::IsNormalized { expr, .. } => self.plain_all([&**expr], "IS NORMALIZED"),
            Expr::IsJson { expr, .. } => self.plain_all([&**expr], "IS JSON"),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            other => Err(syntax("an expression").at(index_of(other.span()))),
        }
    }

    fn value(&mut self, value: &Value, token: Option<usize>) -> Planned<Val> {
        let extent = token.map(|t| Extent { first: t, last: t });
        let Some(token) = token else { return Err(syntax("a literal")) };
        let (leaf, ty) = match value {
            Value::Placeholder(raw) => match param_number(raw) {
                Some(number) => (Leaf::Param(number - 1), None),
                None => return Err(syntax("a placeholder").at(Some(token))),
            },
            Value::SingleQuotedString(_) => (Leaf::Text(token), None),
            Value::Number(raw, _) => (Leaf::Number(token, false), Some(number_type(raw))),
            Value::Boolean(_) => (Leaf::Bool(token), Some(Type::Bool)),
            Value::Null => return Ok(Val::Null { extent, cast: false }),
            // N'…' is text whose escapes follow other rules; B'…' is a bit string.
            Value::NationalStringLiteral(_) | Value::HexStringLiteral(_) => return Ok(Val::Plain),
            _ => return Err(syntax("a literal").at(Some(token))),
        };
        Ok(Val::Const(Const { leaf, ty, casts: Vec::new(), extent }))
    }

    fn cast_of(&mut self, value: Val, data_type: &DataType) -> Planned<Val> {
        self.no_row_type(data_type)?;
        let extent = match &value {
            Val::Plain => return Ok(Val::Plain),
            Val::Choice(_) => {
                let Val::Choice(choice) = value else { return Ok(Val::Plain) };
                return self.cast_choice(choice);
            }
            Val::Computed(_) => {
                self.settle_plain(value, "a cast of COALESCE or CASE")?;
                return Ok(Val::Plain);
            }
            Val::Nested(_) => {
                let Val::Nested(value) = value else { return Ok(Val::Plain) };
                return self.cast_nested(value, data_type);
            }
            Val::Const(value) => value.extent,
            Val::Open(value) => value.extent,
            Val::Column(value) => value.extent,
            Val::Null { extent, .. } => *extent,
        };
        let unknown = CastType { ty: None, array: matches!(data_type, DataType::Array(_)) };
        let (ty, widened) = match self.cast(extent) {
            Some((ty, widened)) => (ty, Some(widened)),
            None => (unknown, None),
        };
        Ok(match value {
            Val::Const(mut value) => {
                value.casts.push(ty);
                value.extent = widened;
                Val::Const(value)
            }
            Val::Column(mut value) => {
                let (Some(inner), Some(outer)) = (extent, widened) else {
                    return Err(column_in(&value.column, "a cast").at(extent.map(|e| e.first)));
                };
                value.cast_tokens.extend(cast_tokens(inner, outer));
                value.casts.push(ty);
                value.extent = Some(outer);
                Val::Column(value)
            }
            Val::Open(mut value) => {
                let (Some(inner), Some(outer)) = (extent, widened) else {
                    self.open_plain(&value)?;
                    return Ok(Val::Plain);
                };
                value.cast_tokens.extend(cast_tokens(inner, outer));
                value.casts.push(ty);
                value.extent = Some(outer);
                Val::Open(value)
            }
            _ => Val::Null { extent: widened, cast: true },
        })
    }

    fn unary(&mut self, op: &UnaryOperator, inner: &Expr) -> Planned<Val> {
        if *op == UnaryOperator::Not {
            self.condition(inner, "NOT")?;
            return Ok(Val::Plain);
        }
        let value = self.expr(inner)?;
        if let (Val::Const(value), UnaryOperator::Minus | UnaryOperator::Plus) = (&value, op) {
            let sign = value.extent.and_then(|e| e.first.checked_sub(1));
            if let (Leaf::Number(token, negative), true) = (value.leaf, self.sign_passes(value)) {
                let negative = negative != (*op == UnaryOperator::Minus);
                let extent = sign.zip(value.extent).map(|(first, e)| Extent { first, last: e.last });
                let expected = if *op == UnaryOperator::Minus { "-" } else { "+" };
                let extent = extent.filter(|e| self.tokens.is_sign(e.first, expected));
                let leaf = Leaf::Number(token, negative);
                return Ok(Val::Const(Const { leaf, ty: value.ty, casts: value.casts.clone(), extent }));
            }
        }
        self.settle_plain(value, "an operator")?;
        Ok(Val::Plain)
    }

    /// Whether `-5::int2` is `(-5)::int2`: the number fits each type without its sign.
    fn sign_passes(&self, value: &Const) -> bool {
        let Leaf::Number(token, _) = value.leaf else { return false };
        let number = self.tokens.raw(token).parse::<i64>();
        value.casts.iter().all(|cast| match (cast.ty, &number) {
            _ if cast.array => false,
            (Some(Type::Int2), Ok(number)) => i16::try_from(*number).is_ok(),
            (Some(Type::Int4), Ok(number)) => i32::try_from(*number).is_ok(),
            (Some(Type::Int8 | Type::Numeric(None)), Ok(_)) => true,
            _ => false,
        })
    }

    fn null_test(&mut self, inner: &Expr) -> Planned<Val> {
        let value = self.expr(inner)?;
        match value {
            Val::Column(value) => {
                // A cast would be one of the envelope. Those to text are never errors.
                let text = |cast: &CastType| {
                    matches!(cast.ty, Some(Type::Text | Type::Varchar(None))) && !cast.array
                };
                if value.casts.iter().all(text) {
                    self.remove_casts(&value);
                } else {
                    self.passed_on(&Val::Column(value.clone()))?;
                }
                self.represent_unseen(value)?;
            }
            Val::Const(Const { leaf: Leaf::Param(index), extent: Some(extent), .. }) => {
                if let Some(param) = self.params.get_mut(index) {
                    param.null_tests.push(extent);
                }
            }
            Val::Const(value) => self.unseen_literal(&value),
            Val::Choice(choice) => {
                // Envelopes are NULL where their values are; a constant between them would need sealing.
                let constant = choice.values.iter().any(|v| matches!(v, Val::Const(_)));
                if constant || choice.values.iter().all(|v| v.column().is_none()) {
                    self.settle_plain(Val::Choice(choice), "IS NULL")?;
                } else {
                    self.bare_choice(&choice);
                }
            }
            _ => {}
        }
        Ok(Val::Plain)
    }

    /// A choice between these, or a plain value.
    pub fn choice(&mut self, values: Vec<Val>, coalesce: bool, clause: &str) -> Planned<Val> {
        if values.iter().any(|v| matches!(v, Val::Nested(_))) {
            return self.nested_choice(values, clause);
        }
        let values = self.open_choice(values)?;
        let open = values.iter().all(|v| !matches!(v, Val::Plain | Val::Computed(_)));
        let nullable = values.iter().any(|v| match v {
            Val::Null { .. } => true,
            Val::Choice(inner) => inner.nullable,
            _ => false,
        });
        let nested = values.iter().any(|v| matches!(v, Val::Choice(inner) if inner.coalesce != coalesce));
        if open && !nested {
            let mut values: Vec<Val> = values.into_iter().flat_map(Val::alternatives).collect();
            self.represent_all(&mut values, clause)?;
            return Ok(Val::Choice(Choice { values, coalesce, nullable, ..Choice::default() }));
        }
        values.into_iter().try_for_each(|value| self.settle_plain(value, clause))?;
        Ok(Val::Plain)
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Planned<Val> {
        match op {
            BinaryOperator::Eq | BinaryOperator::NotEq => self.compare(left, right, "=")?,
            op if is_order(op) => self.compare_order(left, op, right)?,
            BinaryOperator::And | BinaryOperator::Or => {
                let clause = if *op == BinaryOperator::And { "AND" } else { "OR" };
                self.condition(left, clause)?;
                self.condition(right, clause)?;
            }
            other => {
                let clause = format!("operator {other}");
                self.plain(left, &clause)?;
                self.plain(right, &clause)?;
            }
        }
        Ok(Val::Plain)
    }

    /// A column reference.
    fn column_ref(&mut self, names: &[Ident]) -> Planned<Val> {
        let first = names.first().and_then(|n| index_of(n.span));
        let last = names.last().and_then(|n| index_of(n.span));
        let mut parts = Vec::with_capacity(names.len());
        for name in names {
            parts.push(ident(name)?);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let found = scope::find(&self.frames, &parts);
        match found.map_err(|draft| draft.at(first))? {
            Found::Plain | Found::Row(None) => Ok(Val::Plain),
            Found::Row(Some(columns)) => {
                let place = first.zip(last).map(|(first, last)| Extent { first, last });
                self.whole_row(&columns, place)
            }
            Found::Column(held, at) => {
                let place = first.zip(last).map(|(first, last)| Extent { first, last });
                self.found_column(held, at, place)
            }
        }
    }

    /// A column's value at this place.
    pub fn held(&self, held: Held, place: Option<Extent>) -> Planned<Val> {
        if let Some(reason) = held.unmanaged {
            return Err(unsupported(
                format!("a column of type pyrite.encrypted that cannot be opened: {reason}; its use"),
                "Add the column to the configuration, or leave it out of the statement.",
            )
            .at(place.map(|e| e.first)));
        }
        if let Some(nested) = held.nested {
            let mut nested = Nested::clone(&nested);
            nested.extent = place;
            nested.first.extent = place;
            return Ok(Val::Nested(nested));
        }
        if let Some(id) = held.open {
            let value = Val::Open(OpenVal::new(id, place));
            return Ok(self.resolved(value));
        }
        let Some(column) = held.encrypted else { return Ok(Val::Plain) };
        Ok(Val::Column(ColumnVal {
            column,
            origin: held.origin,
            place,
            extent: place,
            casts: held.casts,
            cast_tokens: Vec::new(),
            shown: held.shown,
            written: None,
            grouped: None,
        }))
    }
}
