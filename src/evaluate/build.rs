//! Puts formulas together, with the types that PostgreSQL gives to each part.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::EvaluateError;
use super::calls::Call;
use super::formula::{Formula, Node};
use super::resolve::{self, Category, category};
use crate::value::{CastContext, Datum, Input, Settings, Type, explicitly_castable, has_equality};

/// Most parts of a formula.
const MAX_PARTS: usize = 2_000;

/// A part of a formula whose type may be open.
#[derive(Clone)]
pub enum Operand {
    /// Has a type.
    Typed(Formula),
    /// A string literal without a type.
    Literal(Zeroizing<String>),
    /// A client's parameter, from 0, without a type.
    Param(usize),
    /// NULL without a type.
    Null,
}

/// It may hold a literal.
impl std::fmt::Debug for Operand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Operand::Typed(formula) => formula.fmt(f),
            Operand::Literal(text) => write!(f, "Literal({} bytes)", text.len()),
            Operand::Param(n) => write!(f, "Param({n})"),
            Operand::Null => f.write_str("Null"),
        }
    }
}

impl Operand {
    /// A value of the row.
    pub fn input(number: usize, ty: Type) -> Operand {
        Operand::Typed(Formula::new(Node::Input(number), ty))
    }

    /// A parameter of a known type.
    pub fn param(number: usize, ty: Type) -> Operand {
        Operand::Typed(Formula::new(Node::Param(number), ty))
    }

    /// A constant that the syntax gives a type.
    pub fn constant(value: Datum, ty: Type) -> Operand {
        Operand::Typed(Formula::new(Node::Constant(Some(value)), ty))
    }

    /// Its type, if it has one.
    pub fn ty(&self) -> Option<Type> {
        match self {
            Operand::Typed(formula) => Some(formula.ty),
            _ => None,
        }
    }
}

/// Why there is no formula.
#[derive(Clone, Debug)]
pub enum Unbuilt {
    /// Something that is not known exactly; in words.
    Unknown(String),
    /// An error that PostgreSQL finds in the statement itself.
    Error(EvaluateError),
}

impl From<EvaluateError> for Unbuilt {
    fn from(error: EvaluateError) -> Self {
        Unbuilt::Error(error)
    }
}

impl From<crate::value::ValueError> for Unbuilt {
    fn from(error: crate::value::ValueError) -> Self {
        Unbuilt::Error(error.into())
    }
}

/// What building gives.
pub type Built = Result<Operand, Unbuilt>;

pub(super) fn unknown<T>(what: impl Into<String>) -> Result<T, Unbuilt> {
    Err(Unbuilt::Unknown(what.into()))
}

/// Builds one formula.
#[derive(Debug)]
pub struct Builder<'a> {
    settings: &'a Settings,
    /// The types that its parameters have got so far.
    params: BTreeMap<usize, Type>,
    parts: usize,
}

impl<'a> Builder<'a> {
    /// `settings` are those that literals are read with.
    pub fn new(settings: &'a Settings) -> Builder<'a> {
        Builder { settings, params: BTreeMap::new(), parts: 0 }
    }

    /// The parameters that got a type here.
    pub fn params(&self) -> impl Iterator<Item = (usize, Type)> + '_ {
        self.params.iter().map(|(n, ty)| (*n, *ty))
    }

    fn typed(&mut self, node: Node, ty: Type) -> Built {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return unknown("an expression of this size");
        }
        Ok(Operand::Typed(Formula::new(node, ty)))
    }

    /// The finished formula: what is left without a type is text.
    pub fn finish(&mut self, operand: Operand) -> Result<Formula, Unbuilt> {
        match operand.ty() {
            Some(_) => self.coerce_as_is(operand),
            None => self.coerce(operand, Type::Text),
        }
    }

    fn coerce_as_is(&mut self, operand: Operand) -> Result<Formula, Unbuilt> {
        match operand {
            Operand::Typed(formula) => Ok(formula),
            other => self.coerce(other, Type::Text),
        }
    }

    /// Brings an operand to a type, as an argument of that type is.
    pub(super) fn coerce(&mut self, operand: Operand, ty: Type) -> Result<Formula, Unbuilt> {
        match operand {
            Operand::Typed(formula) if formula.ty.base() == ty.base() => Ok(formula),
            Operand::Typed(formula) => {
                let kept = matches!(
                    (formula.ty, ty),
                    (Type::Varchar(_) | Type::Text, Type::Text | Type::Varchar(None))
                );
                if kept && !matches!(formula.node, Node::Cast(_)) {
                    return Ok(Formula { ty, ..formula });
                }
                Ok(Formula::new(Node::Cast(Box::new(formula)), ty))
            }
            Operand::Literal(text) => {
                let datum = Datum::decode(&ty.base(), Input::Text(text.as_bytes()), self.settings)?;
                Ok(Formula::new(Node::Constant(Some(datum)), ty.base()))
            }
            Operand::Null => Ok(Formula::new(Node::Constant(None), ty.base())),
            Operand::Param(n) => {
                let held = *self.params.entry(n).or_insert(ty.base());
                if held != ty.base() {
                    return unknown(format!("parameter ${} with two types", n + 1));
                }
                Ok(Formula::new(Node::Param(n), held))
            }
        }
    }

    /// An explicit cast.
    pub fn cast(&mut self, operand: Operand, ty: Type) -> Built {
        let formula = match operand {
            Operand::Typed(formula) => {
                if !explicitly_castable(&formula.ty, &ty) {
                    return unknown(format!("a cast of {} to {}", formula.ty.base(), ty.base()));
                }
                formula
            }
            Operand::Literal(text) => {
                let datum = Datum::decode(&ty.base(), Input::Text(text.as_bytes()), self.settings)?;
                let datum = datum.cast(&ty, CastContext::Explicit, self.settings)?;
                return self.typed(Node::Constant(Some(datum)), ty);
            }
            open => {
                let formula = self.coerce(open, ty)?;
                if formula.ty == ty {
                    return Ok(Operand::Typed(formula));
                }
                formula
            }
        };
        self.typed(Node::Cast(Box::new(formula)), ty)
    }

    /// A function by its name in pg_catalog, or an operator by its sign.
    pub fn call(&mut self, name: &str, args: Vec<Operand>) -> Built {
        match name {
            "||" => return self.concatenation(args),
            "concat" | "concat_ws" => return self.variadic(name, args),
            _ => {}
        }
        let types: Vec<Option<Type>> = args.iter().map(Operand::ty).collect();
        let open = types.iter().any(Option::is_none);
        let moment = types.iter().flatten().any(|ty| category(ty) == Category::Date);
        if open && moment && matches!(name, "+" | "-" | "*" | "/") {
            // There are operators for intervals, too.
            return unknown("arithmetic of a date or time with a literal that has no type");
        }
        if types.iter().all(Option::is_none) && !types.is_empty() && !is_text_function(name) {
            return unknown(describe(name, &types));
        }
        let Some(known) = resolve::resolve(name, &types).filter(|known| known.is_known()) else {
            return unknown(describe(name, &types));
        };
        if matches!(name, "date_part" | "extract" | "date_trunc" | "to_char") {
            // There are such functions of intervals, too.
            let open = |(ty, arg): (&Option<Type>, &Type)| ty.is_none() && category(arg) != Category::String;
            if types.iter().zip(known.args).any(open) {
                return unknown(describe(name, &types));
            }
        }
        let mut formulas = Vec::with_capacity(args.len());
        for (arg, ty) in args.into_iter().zip(known.args) {
            formulas.push(self.coerce(arg, *ty)?);
        }
        self.typed(Node::Call(Call::new(known), formulas), known.result)
    }

    /// `||`: text with text, or with anything; bytes with bytes.
    fn concatenation(&mut self, args: Vec<Operand>) -> Built {
        let Ok([left, right]) = <[Operand; 2]>::try_from(args) else { return unknown("operator ||") };
        let string = |ty: &Type| category(ty) == Category::String;
        let (left, right) = match (left.ty(), right.ty()) {
            (Some(Type::Bytea), Some(Type::Bytea) | None) | (None, Some(Type::Bytea)) => {
                let args = vec![self.coerce(left, Type::Bytea)?, self.coerce(right, Type::Bytea)?];
                return match resolve::resolve("||", &[Some(Type::Bytea), Some(Type::Bytea)]) {
                    Some(known) => self.typed(Node::Call(Call::new(known), args), Type::Bytea),
                    None => unknown("operator ||"),
                };
            }
            (None, None) => (left, right),
            (Some(l), None) if string(&l) => (left, right),
            (None, Some(r)) if string(&r) => (left, right),
            (Some(l), Some(r)) if string(&l) && string(&r) => (left, right),
            (Some(l), Some(_)) if string(&l) => (left, self.cast(right, Type::Text)?),
            (Some(_), Some(r)) if string(&r) => (self.cast(left, Type::Text)?, right),
            // jsonb has an operator of its own.
            (Some(l), None) if l != Type::Jsonb => (self.cast(left, Type::Text)?, right),
            (None, Some(r)) if r != Type::Jsonb => (left, self.cast(right, Type::Text)?),
            (l, r) => return unknown(describe("||", &[l, r])),
        };
        let args = vec![self.coerce(left, Type::Text)?, self.coerce(right, Type::Text)?];
        match resolve::resolve("||", &[Some(Type::Text), Some(Type::Text)]) {
            Some(known) => self.typed(Node::Call(Call::new(known), args), Type::Text),
            None => unknown("operator ||"),
        }
    }

    /// Functions that take any number of values of any type.
    fn variadic(&mut self, name: &str, args: Vec<Operand>) -> Built {
        let least = if name == "concat" { 1 } else { 2 };
        let Some(known) = super::calls::variadic(name).filter(|_| args.len() >= least) else {
            return unknown(describe(name, &[]));
        };
        let mut formulas = Vec::with_capacity(args.len());
        for (n, arg) in args.into_iter().enumerate() {
            if matches!(arg, Operand::Param(_)) && (name == "concat" || n > 0) {
                // PostgreSQL cannot tell its type either.
                return unknown(format!("a parameter without a type in function {name}"));
            }
            let first = name == "concat_ws" && n == 0;
            formulas.push(if first { self.coerce(arg, Type::Text)? } else { self.finish(arg)? });
        }
        self.typed(Node::Call(Call::new(known), formulas), Type::Text)
    }

    fn boolean(&mut self, operand: Operand, clause: &str) -> Result<Formula, Unbuilt> {
        match operand.ty() {
            None | Some(Type::Bool) => self.coerce(operand, Type::Bool),
            Some(ty) => Err(EvaluateError::new(
                "42804",
                format!("argument of {clause} must be type boolean, not type {}", ty.base()),
            )
            .into()),
        }
    }

    /// AND (`all`) or OR.
    pub fn logic(&mut self, all: bool, parts: Vec<Operand>) -> Built {
        let clause = if all { "AND" } else { "OR" };
        let mut list = Vec::with_capacity(parts.len());
        for part in parts {
            list.push(self.boolean(part, clause)?);
        }
        self.typed(Node::Logic(all, list), Type::Bool)
    }

    /// NOT.
    pub fn not(&mut self, operand: Operand) -> Built {
        let inner = self.boolean(operand, "NOT")?;
        self.typed(Node::Not(Box::new(inner)), Type::Bool)
    }

    /// IS NULL, or IS NOT NULL.
    pub fn is_null(&mut self, operand: Operand, negated: bool) -> Built {
        if matches!(operand, Operand::Param(_)) {
            return unknown("IS NULL of a parameter without a type");
        }
        let inner = self.finish(operand)?;
        self.typed(Node::IsNull(Box::new(inner), negated), Type::Bool)
    }

    /// IS TRUE, IS FALSE, IS UNKNOWN (`None`); negated or not.
    pub fn is_bool(&mut self, operand: Operand, wanted: Option<bool>, negated: bool) -> Built {
        let inner = self.boolean(operand, "IS TRUE, IS FALSE or IS UNKNOWN")?;
        self.typed(Node::IsBool(Box::new(inner), wanted, negated), Type::Bool)
    }

    /// Both sides of an operator that compares, brought to the types that it takes.
    fn compared(&mut self, sign: &str, left: Operand, right: Operand) -> Result<[Formula; 2], Unbuilt> {
        match self.call(sign, vec![left, right])? {
            Operand::Typed(Formula { node: Node::Call(_, args), .. }) => match <[Formula; 2]>::try_from(args)
            {
                Ok(pair) => Ok(pair),
                Err(_) => unknown(format!("operator {sign}")),
            },
            _ => unknown(format!("operator {sign}")),
        }
    }

    /// IN with a list; negated or not. Constants without a type get the one that all have in common.
    pub fn in_list(&mut self, left: Operand, list: Vec<Operand>, negated: bool) -> Built {
        let mut types = vec![left.ty()];
        types.extend(list.iter().map(Operand::ty));
        let common = if list.len() > 1 { resolve::common(&types).ok() } else { None };
        let sign = if negated { "<>" } else { "=" };
        let mut tests = Vec::with_capacity(list.len());
        for value in list {
            let value = match (value.ty(), common) {
                (None, Some(ty)) => Operand::Typed(self.coerce(value, ty)?),
                _ => value,
            };
            tests.push(self.call(sign, vec![left.clone(), value])?);
        }
        self.logic(negated, tests)
    }

    /// IS DISTINCT FROM, or IS NOT DISTINCT FROM.
    pub fn distinct(&mut self, left: Operand, right: Operand, negated: bool) -> Built {
        let pair = self.compared("=", left, right)?;
        self.typed(Node::Distinct(Box::new(pair), negated), Type::Bool)
    }

    /// NULLIF.
    pub fn null_if(&mut self, left: Operand, right: Operand) -> Built {
        let pair = self.compared("=", left, right)?;
        let ty = pair[0].ty;
        self.typed(Node::NullIf(Box::new(pair)), ty)
    }

    /// Values brought to a type that they have in common. It has a modifier if all have the same one.
    fn unified(&mut self, list: Vec<Operand>, clause: &str) -> Result<(Vec<Formula>, Type), Unbuilt> {
        let types: Vec<Option<Type>> = list.iter().map(Operand::ty).collect();
        let Ok(base) = resolve::common(&types) else {
            return unknown(format!("{clause} over values of different types"));
        };
        let same =
            types.first().copied().flatten().filter(|first| types.iter().all(|ty| *ty == Some(*first)));
        let mut formulas = Vec::with_capacity(list.len());
        for operand in list {
            formulas.push(self.coerce(operand, base)?);
        }
        Ok((formulas, same.unwrap_or(base)))
    }

    /// COALESCE.
    pub fn coalesce(&mut self, list: Vec<Operand>) -> Built {
        let (formulas, ty) = self.unified(list, "COALESCE")?;
        self.typed(Node::Coalesce(formulas), ty)
    }

    /// GREATEST, or LEAST.
    pub fn extreme(&mut self, greatest: bool, list: Vec<Operand>) -> Built {
        let clause = if greatest { "GREATEST" } else { "LEAST" };
        let (formulas, ty) = self.unified(list, clause)?;
        if !has_equality(&ty, &ty) || matches!(ty, Type::Jsonb) {
            return unknown(format!("{clause} of type {ty}"));
        }
        self.typed(Node::Extreme(greatest, formulas), ty)
    }

    /// CASE; without ELSE it is NULL.
    pub fn case(
        &mut self,
        operand: Option<Operand>,
        arms: Vec<(Operand, Operand)>,
        other: Option<Operand>,
    ) -> Built {
        let mut conditions = Vec::with_capacity(arms.len());
        let mut results = vec![other.unwrap_or(Operand::Null)];
        // A constant that is compared is text.
        let operand = match operand {
            Some(operand) => Some(Operand::Typed(self.finish(operand)?)),
            None => None,
        };
        for (when, then) in arms {
            let condition = match &operand {
                Some(operand) => self.call("=", vec![operand.clone(), when])?,
                None => when,
            };
            conditions.push(self.boolean(condition, "CASE/WHEN")?);
            results.push(then);
        }
        let (results, ty) = self.unified(results, "CASE")?;
        let mut results = results.into_iter();
        let Some(other) = results.next() else { return unknown("CASE") };
        self.typed(Node::Case(conditions.into_iter().zip(results).collect(), Box::new(other)), ty)
    }
}

/// Whether a call without any type means text.
fn is_text_function(name: &str) -> bool {
    matches!(name, "=" | "<>" | "<" | "<=" | ">" | ">=" | "like_escape" | "similar_to_escape" | "~~" | "!~~")
        || matches!(
            name,
            "lower" | "upper" | "initcap" | "replace" | "concat" | "concat_ws" | "reverse" | "md5"
        )
        || matches!(name, "btrim" | "ltrim" | "rtrim" | "length" | "char_length" | "character_length")
        || matches!(name, "left" | "right" | "repeat" | "lpad" | "rpad" | "split_part" | "translate")
        || matches!(name, "starts_with" | "ascii" | "position" | "strpos")
}

/// `function lower(integer)`, `operator text + unknown`.
fn describe(name: &str, types: &[Option<Type>]) -> String {
    let shown: Vec<String> =
        types.iter().map(|ty| ty.map_or("unknown".to_owned(), |ty| ty.base().to_string())).collect();
    match shown.as_slice() {
        [left, right] if !name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            format!("operator {left} {name} {right}")
        }
        _ => format!("function {name}({})", shown.join(", ")),
    }
}
