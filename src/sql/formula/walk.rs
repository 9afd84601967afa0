//! From a syntax tree to a formula, with the tokens that each part takes.

use sqlparser::ast::{BinaryOperator, CaseWhen, CastKind, Expr, Function, Ident, UnaryOperator, Value};

use super::ComputedInput;
use crate::evaluate::{Builder, Formula, Operand, Unbuilt};
use crate::sql::consts::{Extent, Leaf, number_type};
use crate::sql::expr::{Val, ident, object_name};
use crate::sql::function::plain_args;
use crate::sql::parse::index_of;
use crate::sql::planner::{Planner, param_number};
use crate::sql::refuse::{Draft, Planned};
use crate::sql::scope::{self, Found};
use crate::value::{Collation, Datum, Input, Settings, Type};

/// A formula with what it needs.
pub(super) struct Formed {
    pub formula: Formula,
    pub inputs: Vec<ComputedInput>,
    pub collation: Collation,
    pub extent: Extent,
}

/// Why the walk ends.
pub(super) enum Stop {
    /// Beyond formulas, in words if it is worth them.
    Unknown(Option<String>),
    /// PostgreSQL's own error.
    Error(Box<Draft>),
}

impl From<Unbuilt> for Stop {
    fn from(unbuilt: Unbuilt) -> Self {
        match unbuilt {
            Unbuilt::Unknown(what) => Stop::Unknown(Some(format!("it does not know {what}"))),
            Unbuilt::Error(error) => {
                let mut draft = Draft::new(error.sqlstate, error.message);
                draft.hint = error.hint;
                Stop::Error(draft)
            }
        }
    }
}

pub(super) fn beyond<T>(what: &str) -> Result<T, Stop> {
    Err(Stop::Unknown(Some(format!("it does not know {what}"))))
}

/// A part with its tokens.
pub(super) type Part = Result<(Operand, Extent), Stop>;

pub(super) struct Walk<'w, 'a> {
    pub planner: &'w Planner<'a>,
    pub builder: Builder<'w>,
    settings: &'w Settings,
    inputs: Vec<ComputedInput>,
    /// The references of the inputs, as stored names.
    names: Vec<Vec<String>>,
    /// A plain column whose modifier is not known.
    loose: bool,
}

impl Planner<'_> {
    /// The formula of an expression over at least one encrypted column.
    /// Without one, the reason is given where it is worth words.
    pub(super) fn formula_of(&self, expr: &Expr) -> Planned<Result<Formed, Option<String>>> {
        let e = self.environment;
        let settings =
            Settings::from_gucs(&e.date_style, &e.time_zone, &e.bytea_output, &e.extra_float_digits);
        let Ok(settings) = settings else { return Ok(Err(None)) };
        let mut walk = Walk {
            planner: self,
            builder: Builder::new(&settings),
            settings: &settings,
            inputs: Vec::new(),
            names: Vec::new(),
            loose: false,
        };
        let done = walk.part(expr).and_then(|(operand, extent)| {
            let formula = walk.builder.finish(operand)?;
            if walk.loose && formula.passes_on() {
                return beyond("the length or precision of its result");
            }
            Ok((formula, extent))
        });
        match done {
            Ok((formula, extent)) => {
                let inputs = walk.inputs;
                if !inputs.iter().any(|input| matches!(input, ComputedInput::Column(_))) {
                    return Ok(Err(None));
                }
                Ok(match self.collation_of(&formula, &inputs) {
                    Ok(collation) => Ok(Formed { formula, inputs, collation, extent }),
                    Err(reason) => Err(Some(reason)),
                })
            }
            Err(Stop::Unknown(reason)) => Ok(Err(reason)),
            Err(Stop::Error(draft)) => Err(draft.at(index_of(sqlparser::ast::Spanned::span(expr)))),
        }
    }
}

fn join(first: Extent, last: Extent) -> Extent {
    Extent { first: first.first, last: last.last }
}

impl Walk<'_, '_> {
    fn is_sign(&self, at: usize, sign: &str) -> bool {
        self.planner.tokens.is_sign(at, sign)
    }

    pub fn is_word(&self, at: usize, word: &str) -> bool {
        self.planner.tokens.is_word(at, word)
    }

    /// The extent widened to a token behind it, if it is there.
    fn closed(&self, first: usize, last: usize) -> Result<Extent, Stop> {
        if self.is_sign(last + 1, ")") {
            Ok(Extent { first, last: last + 1 })
        } else {
            Err(Stop::Unknown(None))
        }
    }

    /// The extent of `name ( inner … )`: the name stands `back` tokens before the first argument.
    pub fn called(&self, name: &str, first: usize, last: usize, back: usize) -> Result<Extent, Stop> {
        let start = first.checked_sub(back).ok_or(Stop::Unknown(None))?;
        if !(self.is_word(start, name) && self.is_sign(start + 1, "(")) {
            return Err(Stop::Unknown(None));
        }
        self.closed(start, last)
    }

    pub fn part(&mut self, expr: &Expr) -> Part {
        match expr {
            Expr::Identifier(name) => self.column(std::slice::from_ref(name)),
            Expr::CompoundIdentifier(names) => self.column(names),
            Expr::Value(value) => self.value(&value.value, index_of(value.span)),
            Expr::Nested(inner) => {
                let (operand, extent) = self.part(inner)?;
                let widened = self.planner.nested(Some(extent)).ok_or(Stop::Unknown(None))?;
                Ok((operand, widened))
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, format: None, .. } => {
                let (operand, extent) = self.part(expr)?;
                match self.planner.cast(Some(extent)) {
                    Some((cast, widened)) => match cast.ty.filter(|_| !cast.array) {
                        Some(ty) => Ok((self.builder.cast(operand, ty)?, widened)),
                        None => beyond("a cast to this type"),
                    },
                    None => Err(Stop::Unknown(None)),
                }
            }
            Expr::TypedString(typed) if !typed.uses_odbc_syntax => {
                self.typed_string(index_of(typed.value.span))
            }
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::Function(function) => self.function(function),
            Expr::Case { case_token, end_token, operand, conditions, else_result } => {
                let (first, last) = (index_of(case_token.0.span), index_of(end_token.0.span));
                let (Some(first), Some(last)) = (first, last) else { return Err(Stop::Unknown(None)) };
                let operand = self.case(operand.as_deref(), conditions, else_result.as_deref())?;
                Ok((operand, Extent { first, last }))
            }
            other => self.special(other),
        }
    }

    /// Tests and comparisons with a syntax of their own.
    fn special(&mut self, expr: &Expr) -> Part {
        match expr {
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                let negated = matches!(expr, Expr::IsNotNull(_));
                let (operand, extent) = self.part(inner)?;
                let short = if negated { "notnull" } else { "isnull" };
                let extent = match self.is_word(extent.last + 1, short) {
                    true => Extent { last: extent.last + 1, ..extent },
                    false => self.behind(extent, negated, "null")?,
                };
                Ok((self.builder.is_null(operand, negated)?, extent))
            }
            Expr::IsTrue(e) => self.is_bool(e, Some(true), false),
            Expr::IsNotTrue(e) => self.is_bool(e, Some(true), true),
            Expr::IsFalse(e) => self.is_bool(e, Some(false), false),
            Expr::IsNotFalse(e) => self.is_bool(e, Some(false), true),
            Expr::IsUnknown(e) => self.is_bool(e, None, false),
            Expr::IsNotUnknown(e) => self.is_bool(e, None, true),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                let ((left, from), (right, to)) = (self.part(left)?, self.part(right)?);
                let negated = matches!(expr, Expr::IsNotDistinctFrom(..));
                Ok((self.builder.distinct(left, right, negated)?, join(from, to)))
            }
            Expr::InList { expr, list, negated } => {
                let (left, extent) = self.part(expr)?;
                let mut values = Vec::with_capacity(list.len());
                let mut last = extent.last;
                for value in list {
                    let (value, extent) = self.part(value)?;
                    values.push(value);
                    last = extent.last;
                }
                let extent = self.closed(extent.first, last)?;
                Ok((self.builder.in_list(left, values, *negated)?, extent))
            }
            Expr::Between { expr, negated, low, high } => {
                let (value, from) = self.part(expr)?;
                let ((low, before), (high, to)) = (self.part(low)?, self.part(high)?);
                if self.is_word(before.first.wrapping_sub(1), "symmetric") {
                    return beyond("BETWEEN SYMMETRIC");
                }
                let (lower, upper) = if *negated { ("<", ">") } else { (">=", "<=") };
                let lower = self.builder.call(lower, vec![value.clone(), low])?;
                let upper = self.builder.call(upper, vec![value, high])?;
                Ok((self.builder.logic(!*negated, vec![lower, upper])?, join(from, to)))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let sign = if *negated { "!~~" } else { "~~" };
                self.like(sign, "like_escape", expr, pattern, escape_char.as_deref())
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                let sign = if *negated { "!~~*" } else { "~~*" };
                self.like(sign, "like_escape", expr, pattern, escape_char.as_deref())
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                let sign = if *negated { "!~" } else { "~" };
                self.like(sign, "similar_to_escape", expr, pattern, escape_char.as_deref())
            }
            other => self.keyword_call(other),
        }
    }

    /// `IS [NOT] word` behind an extent.
    fn behind(&self, extent: Extent, negated: bool, word: &str) -> Result<Extent, Stop> {
        let is = extent.last + 1;
        let at = if negated { is + 2 } else { is + 1 };
        let there =
            self.is_word(is, "is") && (!negated || self.is_word(is + 1, "not")) && self.is_word(at, word);
        if there { Ok(Extent { last: at, ..extent }) } else { Err(Stop::Unknown(None)) }
    }

    fn is_bool(&mut self, inner: &Expr, wanted: Option<bool>, negated: bool) -> Part {
        let (operand, extent) = self.part(inner)?;
        let word = wanted.map_or("unknown", |wanted| if wanted { "true" } else { "false" });
        let extent = self.behind(extent, negated, word)?;
        Ok((self.builder.is_bool(operand, wanted, negated)?, extent))
    }

    fn like(&mut self, sign: &str, escape: &str, expr: &Expr, pattern: &Expr, by: Option<&Expr>) -> Part {
        let (value, from) = self.part(expr)?;
        let (mut pattern, mut to) = self.part(pattern)?;
        if let Some(by) = by {
            let (by, extent) = self.part(by)?;
            pattern = self.builder.call(escape, vec![pattern, by])?;
            to = extent;
        } else if escape == "similar_to_escape" {
            pattern = self.builder.call(escape, vec![pattern])?;
        }
        Ok((self.builder.call(sign, vec![value, pattern])?, join(from, to)))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        other: Option<&Expr>,
    ) -> Result<Operand, Stop> {
        let operand = match operand {
            Some(operand) => Some(self.part(operand)?.0),
            None => None,
        };
        let mut arms = Vec::with_capacity(conditions.len());
        for when in conditions {
            arms.push((self.part(&when.condition)?.0, self.part(&when.result)?.0));
        }
        let other = match other {
            Some(other) => Some(self.part(other)?.0),
            None => None,
        };
        Ok(self.builder.case(operand, arms, other)?)
    }

    fn unary(&mut self, op: UnaryOperator, inner: &Expr) -> Part {
        if op == UnaryOperator::Not {
            let (operand, extent) = self.part(inner)?;
            let first = extent.first.checked_sub(1).filter(|at| self.is_word(*at, "not"));
            let first = first.ok_or(Stop::Unknown(None))?;
            return Ok((self.builder.not(operand)?, Extent { first, ..extent }));
        }
        let sign = match op {
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
            _ => return beyond("this operator"),
        };
        let number = match inner {
            Expr::Value(value) => match &value.value {
                Value::Number(raw, _) if sign == "-" => index_of(value.span).map(|token| (token, raw)),
                _ => None,
            },
            _ => None,
        };
        // The sign of a number is part of it.
        let (operand, extent) = match number {
            Some((token, raw)) => {
                let extent = Extent { first: token, last: token };
                (self.number(&format!("-{raw}"))?, extent)
            }
            None => {
                let (operand, extent) = self.part(inner)?;
                if operand.ty().is_none() {
                    return beyond("the sign of a constant that has no type");
                }
                (self.builder.call(sign, vec![operand])?, extent)
            }
        };
        let first = extent.first.checked_sub(1).filter(|at| self.is_sign(*at, sign));
        Ok((operand, Extent { first: first.ok_or(Stop::Unknown(None))?, ..extent }))
    }

    fn binary(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Part {
        use BinaryOperator as Op;
        let sign = match op {
            Op::And | Op::Or => {
                let ((left, from), (right, to)) = (self.part(left)?, self.part(right)?);
                return Ok((self.builder.logic(*op == Op::And, vec![left, right])?, join(from, to)));
            }
            Op::Plus => "+",
            Op::Minus => "-",
            Op::Multiply => "*",
            Op::Divide => "/",
            Op::Modulo => "%",
            Op::StringConcat => "||",
            Op::Eq => "=",
            Op::NotEq => "<>",
            Op::Lt => "<",
            Op::LtEq => "<=",
            Op::Gt => ">",
            Op::GtEq => ">=",
            Op::PGRegexMatch => "~",
            Op::PGRegexIMatch => "~*",
            Op::PGRegexNotMatch => "!~",
            Op::PGRegexNotIMatch => "!~*",
            Op::PGLikeMatch => "~~",
            Op::PGILikeMatch => "~~*",
            Op::PGNotLikeMatch => "!~~",
            Op::PGNotILikeMatch => "!~~*",
            Op::PGStartsWith => "^@",
            other => return beyond(&format!("operator {other}")),
        };
        let ((left, from), (right, to)) = (self.part(left)?, self.part(right)?);
        Ok((self.builder.call(sign, vec![left, right])?, join(from, to)))
    }

    fn function(&mut self, function: &Function) -> Part {
        let (parts, first) = object_name(&function.name).map_err(|_| Stop::Unknown(None))?;
        let builtin = match parts.as_slice() {
            [name] => Some(name),
            [schema, name] if schema == "pg_catalog" => Some(name),
            _ => None,
        };
        let foreign = function.uses_odbc_syntax || function.null_treatment.is_some();
        let (Some(name), Some(list), false) = (builtin, plain_args(function), foreign) else {
            return beyond("this form of a function call");
        };
        let open = first + 2 * parts.len() - 1;
        let last = self.planner.tokens.close(open).ok_or(Stop::Unknown(None))?;
        let mut args = Vec::with_capacity(list.len());
        for arg in list {
            args.push(self.part(arg)?.0);
        }
        let keyword = parts.len() == 1;
        let operand = match (name.as_str(), keyword) {
            ("coalesce", true) => self.builder.coalesce(args)?,
            ("greatest", true) => self.builder.extreme(true, args)?,
            ("least", true) => self.builder.extreme(false, args)?,
            ("nullif", true) => match <[Operand; 2]>::try_from(args) {
                Ok([left, right]) => self.builder.null_if(left, right)?,
                Err(_) => return beyond("NULLIF"),
            },
            (name, _) => self.builder.call(name, args)?,
        };
        Ok((operand, Extent { first, last }))
    }

    fn typed_string(&mut self, token: Option<usize>) -> Part {
        let Some(value) = token.and_then(|token| self.planner.typed_literal(token)) else {
            return beyond("this kind of literal");
        };
        let text = self.planner.literal(value.leaf).map_err(Stop::Error)?;
        let ty = value.casts.first().filter(|cast| !cast.array).and_then(|cast| cast.ty);
        let (Some(ty), Some(extent)) = (ty, value.extent) else { return beyond("a literal of this type") };
        Ok((self.builder.cast(Operand::Literal(text), ty)?, extent))
    }

    /// A number has the type that PostgreSQL's lexer gives it.
    fn number(&self, raw: &str) -> Result<Operand, Stop> {
        let ty = number_type(raw);
        let datum = Datum::decode(&ty, Input::Text(raw.as_bytes()), self.settings);
        let datum = datum.map_err(|error| Stop::from(Unbuilt::from(error)))?;
        Ok(Operand::constant(datum, ty))
    }

    fn value(&mut self, value: &Value, token: Option<usize>) -> Part {
        let token = token.ok_or(Stop::Unknown(None))?;
        let operand = match value {
            Value::Number(raw, _) => self.number(raw)?,
            Value::Boolean(value) => Operand::constant(Datum::Bool(*value), Type::Bool),
            Value::Null => Operand::Null,
            Value::SingleQuotedString(_) => {
                Operand::Literal(self.planner.literal(Leaf::Text(token)).map_err(Stop::Error)?)
            }
            Value::Placeholder(raw) => match param_number(raw) {
                Some(number) => self.param(number - 1)?,
                None => return Err(Stop::Unknown(None)),
            },
            _ => return beyond("this kind of literal"),
        };
        Ok((operand, Extent { first: token, last: token }))
    }

    /// A parameter has the type that was announced for it, or that its first use gave it.
    fn param(&self, index: usize) -> Result<Operand, Stop> {
        let held = self.builder.params().find(|(n, _)| *n == index).map(|(_, ty)| ty);
        let announced = self.planner.announced.get(index).copied().unwrap_or(0);
        let ty = match (held, announced) {
            (Some(ty), _) => Some(ty),
            (None, 0 | 705) => match self.planner.params.get(index).and_then(|param| param.inferred) {
                Some((_, true)) => return beyond("an array parameter"),
                inferred => inferred.map(|(ty, _)| ty),
            },
            (None, oid) => match Type::from_oid(oid, -1) {
                Some(ty) => Some(ty),
                None => return beyond("a parameter of this type"),
            },
        };
        Ok(ty.map_or(Operand::Param(index), |ty| Operand::param(index, ty.base())))
    }

    fn column(&mut self, names: &[Ident]) -> Part {
        let first = names.first().and_then(|n| index_of(n.span));
        let last = names.last().and_then(|n| index_of(n.span));
        let place = first.zip(last).map(|(first, last)| Extent { first, last }).ok_or(Stop::Unknown(None))?;
        let mut parts = Vec::with_capacity(names.len());
        for name in names {
            parts.push(ident(name).map_err(Stop::Error)?);
        }
        let found = self.planner.found(&parts).map_err(Stop::Error)?;
        let Found::Column(held, location) = found else {
            return beyond("a value that is no column of a table");
        };
        let passed_on = !held.casts.is_empty() || held.open.is_some() || held.nested.is_some();
        if held.unmanaged.is_some() || passed_on {
            return Err(Stop::Unknown(None));
        }
        if let Some(at) = self.names.iter().position(|name| *name == parts) {
            let ty = match self.inputs.get(at) {
                Some(ComputedInput::Column(column)) => column.column.ty,
                Some(ComputedInput::Plain { ty, .. }) => *ty,
                None => return Err(Stop::Unknown(None)),
            };
            return Ok((Operand::input(at, ty), place));
        }
        let value = self.planner.column_value(held.clone(), location, Some(place));
        let (input, ty) = match value.map_err(|_| Stop::Unknown(None))? {
            Val::Column(value) => {
                let ty = value.column.ty;
                (ComputedInput::Column(value), ty)
            }
            _ if self.planner.is_rewritten(location) => {
                return beyond("a plain column of this join or group");
            }
            _ => {
                let Some(ty) = held.origin.and_then(|origin| self.plain_type(origin)) else {
                    return beyond("the type of a column beside the encrypted one");
                };
                self.loose |= !matches!(ty.base(), Type::Text) && has_modifier(&ty);
                (ComputedInput::Plain { place, ty }, ty)
            }
        };
        self.inputs.push(input);
        self.names.push(parts);
        Ok((Operand::input(self.inputs.len() - 1, ty), place))
    }

    /// The type of a plain column, without its modifier.
    fn plain_type(&self, (table, attnum): (u32, i16)) -> Option<Type> {
        let relation = self.planner.catalog.relation_by_oid(table)?;
        let column = relation.columns.iter().find(|column| column.attnum == attnum)?;
        Type::from_oid(column.type_oid, -1)
    }
}

/// Whether a type can have a modifier.
fn has_modifier(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Varchar(_)
            | Type::Char(_)
            | Type::Numeric(_)
            | Type::Time(_)
            | Type::Timestamp(_)
            | Type::Timestamptz(_)
    )
}

impl Planner<'_> {
    /// What a column reference means.
    fn found(&self, parts: &[String]) -> Planned<Found> {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [name] => scope::bare(&self.frames, name),
            [table, name] => scope::qualified(&self.frames, None, table, name),
            [schema, table, name] | [_, schema, table, name] => {
                scope::qualified(&self.frames, Some(schema), table, name)
            }
            _ => Ok(Found::Plain),
        }
    }
}
