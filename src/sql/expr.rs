//! Expressions: what each one holds, and what becomes of values that meet encrypted columns.

use std::sync::Arc;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, ObjectName, Spanned, Subscript, UnaryOperator, Value,
    WindowType,
};

use super::consts::{Const, Extent, Leaf, number_type};
use super::edits::Part;
use super::parse::index_of;
use super::plan::Role;
use super::planner::{Mode, Planner, param_number};
use super::refuse::{Draft, Planned, column_in, full_name, syntax, unsupported};
use super::scope::{self, Found, Held};
use super::types::{self, CastType, message_name};
use crate::catalog::EncryptedColumn;
use crate::value::{self, Family, Type};

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
}

/// Functions of pg_catalog that run SQL or read relations named by their arguments.
const RUNS_SQL: &[&str] = &[
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
];

/// Whether a builtin function runs SQL that it is given.
pub(super) fn runs_sql(name: &str) -> bool {
    RUNS_SQL.contains(&name)
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
        parts.push(ident(part)?);
    }
    match first {
        Some(first) if !parts.is_empty() => Ok((parts, first)),
        _ => Err(syntax("a name")),
    }
}

impl Planner<'_> {
    /// Walks an expression that must hold nothing encrypted.
    pub fn plain(&mut self, expr: &Expr, clause: &str) -> Planned<()> {
        let value = self.expr(expr)?;
        self.settle_plain(value, clause)
    }

    /// Walks a condition.
    pub fn condition(&mut self, expr: &Expr, clause: &str) -> Planned<()> {
        match self.expr(expr)? {
            Val::Column(value) if value.column.ty == Type::Bool => Err(unsupported(
                format!("encrypted column {} as a condition in {clause}", full_name(&value.column)),
                "Compare it: `column = true`.",
            )
            .at(value.extent.map(|e| e.first))),
            value => self.settle_plain(value, clause),
        }
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
        }
    }

    fn plain_all<'e>(&mut self, list: impl IntoIterator<Item = &'e Expr>, clause: &str) -> Planned<Val> {
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
                    Val::Plain => {}
                    Val::Const(value) => value.extent = self.nested(value.extent),
                    Val::Column(value) => value.extent = self.nested(value.extent),
                    Val::Null { extent, .. } => *extent = self.nested(*extent),
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
            Expr::Between { expr, low, high, .. } => self.plain_all([&**expr, low, high], "BETWEEN"),
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
            Expr::Case { operand, conditions, else_result, .. } => {
                if let Some(operand) = operand {
                    self.plain(operand, "CASE")?;
                }
                for when in conditions {
                    self.condition(&when.condition, "CASE")?;
                    self.plain(&when.result, "CASE")?;
                }
                self.plain_all(else_result.as_deref(), "CASE")
            }
            Expr::Tuple(list) => self.plain_all(list, "a row constructor"),
            Expr::Array(array) => self.plain_all(&array.elem, "ARRAY"),
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

    fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Planned<Val> {
        self.plain(root, "a subscript or field selection")?;
        for step in chain {
            match step {
                AccessExpr::Dot(Expr::Identifier(_)) => {}
                AccessExpr::Subscript(Subscript::Index { index }) => self.plain(index, "a subscript")?,
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride: None }) => {
                    self.plain_all(lower_bound.iter().chain(upper_bound), "a subscript")?;
                }
                _ => return Err(syntax("a subscript")),
            }
        }
        Ok(Val::Plain)
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
        let extent = match &value {
            Val::Plain => return Ok(Val::Plain),
            Val::Const(value) => value.extent,
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
                if inner.first == outer.first {
                    value.cast_tokens.push(Extent { first: inner.last + 1, last: outer.last });
                } else {
                    // CAST(…AS type): the parentheses stay.
                    value.cast_tokens.push(Extent { first: outer.first, last: outer.first });
                    value.cast_tokens.push(Extent { first: inner.last + 1, last: outer.last - 1 });
                }
                value.casts.push(ty);
                value.extent = Some(outer);
                Val::Column(value)
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
            if let (Leaf::Number(token, negative), true) = (value.leaf, value.casts.is_empty()) {
                let negative = negative != (*op == UnaryOperator::Minus);
                let extent = sign.zip(value.extent).map(|(first, e)| Extent { first, last: e.last });
                let expected = if *op == UnaryOperator::Minus { "-" } else { "+" };
                let extent = extent.filter(|e| self.tokens.is_sign(e.first, expected));
                let leaf = Leaf::Number(token, negative);
                return Ok(Val::Const(Const { leaf, ty: value.ty, casts: Vec::new(), extent }));
            }
        }
        self.settle_plain(value, "an operator")?;
        Ok(Val::Plain)
    }

    fn null_test(&mut self, inner: &Expr) -> Planned<Val> {
        let value = self.expr(inner)?;
        match value {
            Val::Const(Const { leaf: Leaf::Param(index), extent: Some(extent), .. }) => {
                if let Some(param) = self.params.get_mut(index) {
                    param.null_tests.push(extent);
                }
            }
            Val::Const(value) => self.plain_const(&value),
            _ => {}
        }
        Ok(Val::Plain)
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Planned<Val> {
        match op {
            BinaryOperator::Eq | BinaryOperator::NotEq => self.compare(left, right, "=")?,
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

    /// Equality in any form.
    fn compare(&mut self, left: &Expr, right: &Expr, clause: &str) -> Planned<()> {
        if let (Some(lefts), Some(rights)) = (row(left), row(right)) {
            if lefts.len() == rights.len() {
                for (left, right) in lefts.iter().zip(rights) {
                    self.compare(left, right, clause)?;
                }
                return Ok(());
            }
        }
        let left = self.expr(left)?;
        let right = self.expr(right)?;
        self.equate(left, right, clause)
    }

    /// Both sides of an equality become terms, or both stay plain.
    pub fn equate(&mut self, left: Val, right: Val, clause: &str) -> Planned<()> {
        match (left, right) {
            (Val::Column(left), Val::Column(right)) => {
                self.comparable(&left.column, &right.column, left.extent)?;
                self.term(left, clause)?;
                self.term(right, clause)
            }
            (Val::Column(column), other) | (other, Val::Column(column)) => {
                let operator = column.extent.map(|e| e.last + 1);
                let target = column.column.clone();
                let place = column.extent.map(|e| e.first);
                self.term(column, clause)?;
                match other {
                    Val::Const(value) => self.seal_equal(value, &target, operator),
                    Val::Null { extent, cast } => self.null(extent, cast),
                    _ => Err(unsupported(
                        format!(
                            "the comparison of encrypted column {} with an expression",
                            full_name(&target)
                        ),
                        "Compare it with a parameter, a literal, or a column of its key group.",
                    )
                    .at(place)),
                }
            }
            (left, right) => {
                self.settle_plain(left, clause)?;
                self.settle_plain(right, clause)
            }
        }
    }

    /// NULL has no plaintext, but its cast would not fit an envelope or a term.
    pub fn null(&mut self, extent: Option<Extent>, cast: bool) -> Planned<()> {
        match extent {
            Some(extent) if cast => {
                self.replace(extent, vec![Part::Text("NULL".to_owned())]);
                Ok(())
            }
            None if cast => Err(syntax("a cast of NULL")),
            _ => Ok(()),
        }
    }

    fn comparable(
        &self,
        left: &EncryptedColumn,
        right: &EncryptedColumn,
        place: Option<Extent>,
    ) -> Planned<()> {
        if left.group != right.group {
            return Err(unsupported(
                format!(
                    "the comparison of {} with {}, which are in different key groups,",
                    full_name(left),
                    full_name(right)
                ),
                "Declare both columns with one group in the configuration, and encrypt them anew.",
            )
            .at(place.map(|e| e.first)));
        }
        if !value::has_equality(&left.ty, &right.ty) {
            return Err(Draft::new(
                "42883",
                format!("operator does not exist: {} = {}", message_name(left.ty), message_name(right.ty)),
            )
            .at(place.map(|e| e.last + 1)));
        }
        if !value::shares_terms(&left.ty, &right.ty) {
            return Err(unsupported(
                format!("the comparison of {} with {}", full_name(left), full_name(right)),
                "Declare both columns with types of one family.",
            )
            .at(place.map(|e| e.first)));
        }
        Ok(())
    }

    /// Turns an encrypted column into its equality term.
    pub fn term(&mut self, value: ColumnVal, clause: &str) -> Planned<()> {
        let first = value.extent.map(|e| e.first);
        let column = &value.column;
        if column.ty.family().is_none() {
            return Err(Draft::new("42883", "operator does not exist: json = json").at(first));
        }
        if !column.equality {
            return Err(unsupported(
                format!("{clause} on encrypted column {}, which has no equality search,", full_name(column)),
                "Add \"equality\" to the column's search list in the configuration.",
            )
            .at(first));
        }
        let text = |ty: Option<Type>| matches!(ty, Some(Type::Text | Type::Varchar(None)));
        let harmless = column.ty.family() == Some(Family::Text)
            && !matches!(column.ty, Type::Char(_))
            && value.casts.iter().all(|cast| !cast.array && text(cast.ty));
        if !value.casts.is_empty() && !harmless {
            return Err(column_in(column, format!("a cast under {clause}")).at(first));
        }
        let Some(place) = value.place else {
            return Err(column_in(column, clause).at(first));
        };
        self.wrap(place, "pyrite.eq");
        self.remove_casts(&value);
        Ok(())
    }

    /// Takes the casts of a column out of the text.
    pub fn remove_casts(&mut self, value: &ColumnVal) {
        for extent in &value.cast_tokens {
            self.replace(*extent, Vec::new());
        }
    }

    fn in_list(&mut self, left: &Expr, list: &[Expr]) -> Planned<()> {
        if let Some(lefts) = row(left) {
            return self.in_rows(lefts, list);
        }
        match self.expr(left)? {
            Val::Column(column) => {
                let target = column.clone();
                self.term(column, "IN")?;
                for expr in list {
                    let value = self.expr(expr)?;
                    self.equate_with(&target, value, "IN")?;
                }
                Ok(())
            }
            left => {
                let mut values = Vec::with_capacity(list.len());
                for expr in list {
                    values.push(self.expr(expr)?);
                }
                if let ([Val::Column(_)], Some(right)) = (values.as_slice(), values.first().cloned()) {
                    return self.equate(left, right, "IN");
                }
                self.settle_plain(left, "IN")?;
                values.into_iter().try_for_each(|value| self.settle_plain(value, "IN"))
            }
        }
    }

    /// Row values: each position is compared by itself.
    fn in_rows(&mut self, lefts: &[Expr], list: &[Expr]) -> Planned<()> {
        let mut values = Vec::with_capacity(lefts.len());
        for left in lefts {
            values.push(self.expr(left)?);
        }
        for value in &values {
            match value {
                Val::Column(column) => self.term(column.clone(), "IN")?,
                other => self.settle_plain(other.clone(), "IN")?,
            }
        }
        for entry in list {
            let Some(rights) = row(entry).filter(|rights| rights.len() == lefts.len()) else {
                return Err(syntax("a row comparison"));
            };
            for (left, right) in values.iter().zip(rights) {
                let right = self.expr(right)?;
                match left {
                    Val::Column(column) => self.equate_with(column, right, "IN")?,
                    _ => self.settle_plain(right, "IN")?,
                }
            }
        }
        Ok(())
    }

    /// The right side of an equality whose left side already is a term.
    pub fn equate_with(&mut self, left: &ColumnVal, right: Val, clause: &str) -> Planned<()> {
        match right {
            Val::Column(right) => {
                self.comparable(&left.column, &right.column, right.extent)?;
                self.term(right, clause)
            }
            Val::Const(value) => {
                let operator = left.extent.map(|e| e.last + 1);
                self.seal_equal(value, &left.column.clone(), operator)
            }
            Val::Null { extent, cast } => self.null(extent, cast),
            Val::Plain => Err(unsupported(
                format!("the comparison of encrypted column {} with an expression", full_name(&left.column)),
                "Compare it with a parameter, a literal, or a column of its key group.",
            )
            .at(left.extent.map(|e| e.first))),
        }
    }

    fn any_all(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Planned<()> {
        let clause = "ANY or ALL";
        let left = self.expr(left)?;
        let equality = matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq);
        if let Expr::Subquery(query) = right {
            if equality {
                return self.in_subquery(left, query);
            }
            let outputs = self.query(query)?;
            self.settle_plain(left, clause)?;
            return self.settle_outputs(outputs, clause);
        }
        let Val::Column(column) = left else {
            self.settle_plain(left, clause)?;
            return self.plain(right, clause);
        };
        if !equality {
            return Err(column_in(&column.column, format!("operator {op} ANY or ALL"))
                .at(column.extent.map(|e| e.first)));
        }
        let target = column.clone();
        self.term(column, clause)?;
        self.any_array(&target, right)
    }

    /// The array that an encrypted column is compared with.
    fn any_array(&mut self, column: &ColumnVal, right: &Expr) -> Planned<()> {
        let (array, cast) = array_of(right);
        if let Some(array) = array {
            for element in array {
                let value = self.expr(element)?;
                self.equate_with(column, value, "ANY or ALL")?;
            }
            return self.array_cast(array, cast, right);
        }
        match self.expr(right)? {
            Val::Const(value) => {
                let role = Role::EqualityArray(column.column.clone());
                let element = value.outer_type();
                if let Some(ty) = element.filter(|ty| !value::has_equality(&column.column.ty, ty)) {
                    return Err(Draft::new(
                        "42883",
                        format!(
                            "operator does not exist: {} = {}",
                            message_name(column.column.ty),
                            message_name(ty)
                        ),
                    )
                    .at(column.extent.map(|e| e.last + 1)));
                }
                self.seal(value, role)
            }
            Val::Null { extent, cast } => self.null(extent, cast),
            other => {
                self.settle_plain(other, "ANY or ALL")?;
                Err(unsupported(
                    format!("= ANY of an expression on encrypted column {}", full_name(&column.column)),
                    "Pass the array as a parameter, or as ARRAY[…] of parameters and literals.",
                )
                .at(column.extent.map(|e| e.first)))
            }
        }
    }

    /// The elements are terms now: the array's type has to be theirs.
    fn array_cast(&mut self, elements: &[Expr], cast: bool, right: &Expr) -> Planned<()> {
        let first = index_of(right.span());
        let open = elements.first().and_then(|e| index_of(e.span())).or(first).and_then(|from| {
            (from.saturating_sub(16)..=from + 2).rev().find(|&i| self.tokens.is_sign(i, "["))
        });
        let close = open.and_then(|open| self.close_bracket(open));
        let Some(close) = close else { return Err(syntax("ARRAY")) };
        let ty = "::pg_catalog.bytea[]";
        if !cast {
            self.edits.after(self.tokens.end(close), ty);
            return Ok(());
        }
        match types::at(self.tokens, close + 2).filter(|_| self.tokens.is_sign(close + 1, "::")) {
            Some((_, behind)) => {
                let extent = Extent { first: close + 1, last: behind.saturating_sub(1) };
                self.replace(extent, vec![Part::Text(ty.to_owned())]);
                Ok(())
            }
            None => Err(unsupported("this form of an array", "Write it as ARRAY[…] or ARRAY[…]::type[].")),
        }
    }

    fn close_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for index in open..self.range.end {
            match self.tokens.raw(index) {
                "[" => depth += 1,
                "]" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
        None
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
        let found = match parts.as_slice() {
            [name] => scope::bare(&self.frames, name),
            [table, name] => scope::qualified(&self.frames, None, table, name),
            [schema, table, name] => scope::qualified(&self.frames, Some(schema), table, name),
            [_, schema, table, name] => scope::qualified(&self.frames, Some(schema), table, name),
            _ => Err(syntax("a name")),
        };
        match found.map_err(|draft| draft.at(first))? {
            Found::Plain | Found::Row { encrypted: false } => Ok(Val::Plain),
            Found::Row { encrypted: true } => {
                Err(unsupported("a whole row with encrypted columns as a value", "Name the columns.")
                    .at(first))
            }
            Found::Column(held) => {
                let place = first.zip(last).map(|(first, last)| Extent { first, last });
                self.held(held, place)
            }
        }
    }

    /// A column's value at this place.
    pub fn held(&mut self, held: Held, place: Option<Extent>) -> Planned<Val> {
        if let Some(reason) = held.unmanaged {
            return Err(unsupported(
                format!("a column of type pyrite.encrypted that cannot be opened: {reason}; its use"),
                "Add the column to the configuration, or leave it out of the statement.",
            )
            .at(place.map(|e| e.first)));
        }
        let Some(column) = held.encrypted else { return Ok(Val::Plain) };
        Ok(Val::Column(ColumnVal {
            column,
            origin: held.origin,
            place,
            extent: place,
            casts: Vec::new(),
            cast_tokens: Vec::new(),
        }))
    }

    fn function(&mut self, function: &sqlparser::ast::Function) -> Planned<Val> {
        let (parts, token) = object_name(&function.name)?;
        let name = parts.last().cloned().unwrap_or_default();
        if function.uses_odbc_syntax || function.null_treatment.is_some() {
            return Err(syntax("a function call").at(Some(token)));
        }
        // A view may compare terms that the proxy wrote into its definition: no constant is in it.
        let own = self.mode == Mode::View && matches!(parts.as_slice(), [schema, _] if schema == "pyrite");
        if own {
            return Ok(Val::Plain);
        }
        self.known_function(&name, token)?;
        let clause = format!("function {name}");
        self.function_args(&function.parameters, &name, &clause)?;
        self.function_args(&function.args, &name, &clause)?;
        for order in &function.within_group {
            self.plain(&order.expr, "ORDER BY")?;
        }
        if let Some(filter) = &function.filter {
            self.condition(filter, "FILTER")?;
        }
        if let Some(WindowType::WindowSpec(spec)) = &function.over {
            self.window(spec)?;
        }
        Ok(Val::Plain)
    }

    /// Functions that reach encrypted tables behind the planner's back are refused.
    pub fn known_function(&mut self, name: &str, token: usize) -> Planned<()> {
        if runs_sql(name) || self.catalog.is_sensitive_function(name) {
            self.protected = true;
            return Err(unsupported(
                format!("function {name}, which can reach encrypted tables,"),
                "Run its statements directly.",
            )
            .at(Some(token)));
        }
        Ok(())
    }

    fn function_args(&mut self, args: &FunctionArguments, name: &str, clause: &str) -> Planned<()> {
        let list = match args {
            FunctionArguments::None => return Ok(()),
            FunctionArguments::Subquery(query) => {
                let outputs = self.query(query)?;
                return self.settle_outputs(outputs, clause);
            }
            FunctionArguments::List(list) => list,
        };
        let distinct = matches!(list.duplicate_treatment, Some(sqlparser::ast::DuplicateTreatment::Distinct));
        for arg in &list.args {
            self.function_arg(arg, name == "count" && !distinct, clause)?;
        }
        for part in &list.clauses {
            match part {
                FunctionArgumentClause::OrderBy(list) => {
                    for order in list {
                        self.plain(&order.expr, "ORDER BY")?;
                    }
                }
                FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => {}
                _ => return Err(syntax("a clause of a function call")),
            }
        }
        Ok(())
    }

    fn function_arg(&mut self, arg: &FunctionArg, counts: bool, clause: &str) -> Planned<()> {
        let (FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } | FunctionArg::Unnamed(arg)) =
            arg;
        match arg {
            FunctionArgExpr::Wildcard => Ok(()),
            FunctionArgExpr::Expr(expr) if counts => match self.expr(expr)? {
                // An envelope is NULL exactly where its value is.
                Val::Column(_) => Ok(()),
                value => self.settle_plain(value, clause),
            },
            FunctionArgExpr::Expr(expr) => self.plain(expr, clause),
            FunctionArgExpr::QualifiedWildcard(name) => {
                let (parts, token) = object_name(name)?;
                let table = parts.last().map(String::as_str).unwrap_or_default();
                let (_, _, item) = scope::item(&self.frames, None, table).map_err(|d| d.at(Some(token)))?;
                if item.holds_encrypted() {
                    return Err(unsupported(
                        format!("a whole row with encrypted columns in {clause}"),
                        "Name the columns.",
                    )
                    .at(Some(token)));
                }
                Ok(())
            }
            FunctionArgExpr::WildcardWithOptions(_) => Err(syntax("a wildcard")),
        }
    }

    /// A window's PARTITION BY, ORDER BY and frame.
    pub fn window(&mut self, spec: &sqlparser::ast::WindowSpec) -> Planned<()> {
        use sqlparser::ast::WindowFrameBound as Bound;
        for expr in &spec.partition_by {
            self.plain(expr, "PARTITION BY")?;
        }
        for order in &spec.order_by {
            self.plain(&order.expr, "a window's ORDER BY")?;
        }
        if let Some(frame) = &spec.window_frame {
            for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()].into_iter().flatten() {
                if let Bound::Preceding(Some(expr)) | Bound::Following(Some(expr)) = bound {
                    self.plain(expr, "a window's frame")?;
                }
            }
        }
        Ok(())
    }
}

/// The entries of a row value.
fn row(expr: &Expr) -> Option<&[Expr]> {
    match expr {
        Expr::Tuple(list) => Some(list),
        _ => None,
    }
}

/// The elements of ARRAY[…], with a cast on it or without.
fn array_of(expr: &Expr) -> (Option<&[Expr]>, bool) {
    match expr {
        Expr::Array(array) if array.named => (Some(&array.elem), false),
        Expr::Nested(inner) => array_of(inner),
        Expr::Cast { expr, .. } => match array_of(expr) {
            (Some(list), false) => (Some(list), true),
            _ => (None, false),
        },
        _ => (None, false),
    }
}
