//! A formula and its evaluation.

use std::sync::Arc;

use super::calls::Call;
use super::pattern::Matcher;
use super::resolve::{Category, category};
use super::{Context, EvaluateError, Evaluated, compare};
use crate::value::{CastContext, Datum, Type};

/// The values of a row, in the order of the formula's inputs; `None` is NULL.
pub type Inputs<'a> = &'a [Option<Datum>];

/// An expression with its type.
#[derive(Clone)]
pub struct Formula {
    pub(super) node: Node,
    pub(super) ty: Type,
}

#[derive(Clone)]
pub(super) enum Node {
    /// A value of the row.
    Input(usize),
    /// A client's parameter, from 0.
    Param(usize),
    /// Known from the start.
    Constant(Option<Datum>),
    /// Brought to the formula's type.
    Cast(Box<Formula>),
    /// A function or operator.
    Call(Call, Vec<Formula>),
    /// Compared with a pattern that is known; negated or not.
    Match(Box<Formula>, Arc<Matcher>, bool),
    /// AND (true) or OR (false).
    Logic(bool, Vec<Formula>),
    Not(Box<Formula>),
    /// IS NULL, or IS NOT NULL.
    IsNull(Box<Formula>, bool),
    /// IS TRUE, IS FALSE, IS UNKNOWN; negated or not.
    IsBool(Box<Formula>, Option<bool>, bool),
    /// IS DISTINCT FROM, or IS NOT DISTINCT FROM.
    Distinct(Box<[Formula; 2]>, bool),
    /// Conditions with results, then ELSE.
    Case(Vec<(Formula, Formula)>, Box<Formula>),
    Coalesce(Vec<Formula>),
    /// The first (as result), and whether both are equal.
    NullIf(Box<[Formula; 2]>),
    /// GREATEST (true) or LEAST.
    Extreme(bool, Vec<Formula>),
}

/// It may hold literals.
impl std::fmt::Debug for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Formula({})", self.ty)
    }
}

/// Formulas of two plans of one text are alike if they have the same form: the text says the rest.
impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty && self.same(other)
    }
}

impl Eq for Formula {}

impl Formula {
    pub(super) fn new(node: Node, ty: Type) -> Self {
        Self { node, ty }
    }

    /// The type of the result, with its modifier.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// The formulas that it is made of.
    pub(super) fn parts(&self) -> Vec<&Formula> {
        match &self.node {
            Node::Input(_) | Node::Param(_) | Node::Constant(_) => Vec::new(),
            Node::Cast(a) | Node::Not(a) | Node::IsNull(a, _) | Node::IsBool(a, ..) => vec![a],
            Node::Match(a, ..) => vec![a],
            Node::Call(_, list) | Node::Logic(_, list) | Node::Coalesce(list) | Node::Extreme(_, list) => {
                list.iter().collect()
            }
            Node::Distinct(pair, _) | Node::NullIf(pair) => pair.iter().collect(),
            Node::Case(arms, other) => {
                arms.iter().flat_map(|(when, then)| [when, then]).chain([&**other]).collect()
            }
        }
    }

    fn same(&self, other: &Self) -> bool {
        let here = match (&self.node, &other.node) {
            (Node::Input(a), Node::Input(b)) | (Node::Param(a), Node::Param(b)) => a == b,
            (Node::Constant(a), Node::Constant(b)) => a == b,
            (Node::Call(a, _), Node::Call(b, _)) => a.is(b),
            (Node::Match(_, a, n), Node::Match(_, b, m)) => Arc::ptr_eq(a, b) && n == m,
            (Node::Logic(a, _), Node::Logic(b, _)) | (Node::Extreme(a, _), Node::Extreme(b, _)) => a == b,
            (Node::IsNull(_, a), Node::IsNull(_, b)) | (Node::Distinct(_, a), Node::Distinct(_, b)) => a == b,
            (Node::IsBool(_, a, n), Node::IsBool(_, b, m)) => a == b && n == m,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        };
        let (mine, theirs) = (self.parts(), other.parts());
        here && mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(a, b)| *a == b)
    }

    /// Calls `visit` with each parameter and its type.
    pub fn params(&self, visit: &mut dyn FnMut(usize, Type)) {
        match self.node {
            Node::Param(n) => visit(n, self.ty),
            _ => self.parts().into_iter().for_each(|part| part.params(visit)),
        }
    }

    /// Whether its result is one of its parts', whose modifier it may have.
    pub fn passes_on(&self) -> bool {
        !matches!(self.node, Node::Cast(_) | Node::Call(..))
    }

    /// Whether values that are equal give the same result, for all that can be known: not where a part depends on
    /// how a value is written.
    pub fn by_value(&self) -> bool {
        let written = |ty: &Type| {
            matches!(
                ty,
                Type::Numeric(None) | Type::Float4 | Type::Float8 | Type::Json | Type::Jsonb | Type::Char(_)
            )
        };
        let exposed = match &self.node {
            Node::Cast(inner) => {
                written(&inner.ty) && !matches!(self.ty, Type::Numeric(_) | Type::Float4 | Type::Float8)
            }
            Node::Call(call, args) => {
                let comparison = matches!(call.signature().0, "=" | "<>" | "<" | "<=" | ">" | ">=");
                !comparison && args.iter().any(|arg| written(&arg.ty))
            }
            Node::Match(inner, ..) => written(&inner.ty),
            _ => false,
        };
        !exposed && self.parts().into_iter().all(Formula::by_value)
    }

    /// For each part that depends on a collation, the inputs that it is derived from.
    pub fn collated_inputs(&self) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        self.find_collated(&mut found);
        found
    }

    fn find_collated(&self, found: &mut Vec<Vec<usize>>) {
        let text = |ty: &Type| category(ty) == Category::String;
        let depends = match &self.node {
            Node::Call(call, _) => call.is_collated(),
            Node::Extreme(..) => text(&self.ty),
            _ => false,
        };
        if depends {
            let mut inputs = Vec::new();
            self.text_inputs(&mut inputs);
            found.push(inputs);
        }
        self.parts().into_iter().for_each(|part| part.find_collated(found));
    }

    fn text_inputs(&self, found: &mut Vec<usize>) {
        if let (Node::Input(n), Category::String) = (&self.node, category(&self.ty)) {
            found.push(*n);
        }
        self.parts().into_iter().for_each(|part| part.text_inputs(found));
    }

    /// Whether it uses a value of the row.
    pub fn has_inputs(&self) -> bool {
        matches!(self.node, Node::Input(_)) || self.parts().into_iter().any(Formula::has_inputs)
    }

    /// The value for these inputs. Parameters have been put in before, by [`Formula::prepare`].
    ///
    /// # Errors
    /// What PostgreSQL would say of these values.
    pub fn evaluate(&self, inputs: Inputs<'_>, context: Context<'_>) -> Evaluated {
        let value = |part: &Formula| part.evaluate(inputs, context);
        match &self.node {
            Node::Input(n) => Ok(inputs.get(*n).ok_or_else(missing)?.clone()),
            Node::Param(_) => Err(missing()),
            Node::Constant(value) => Ok(value.clone()),
            Node::Cast(inner) => match value(inner)? {
                Some(datum) => cast(datum, &self.ty, context),
                None => Ok(None),
            },
            Node::Call(call, args) => {
                let mut values = Vec::with_capacity(args.len());
                for arg in args {
                    values.push(value(arg)?);
                }
                call.run(&values, context)
            }
            Node::Match(inner, matcher, negated) => {
                let Some(datum) = value(inner)? else { return Ok(None) };
                Ok(Some(Datum::Bool(matcher.is_match(super::text::str_of(&datum)?, context)? != *negated)))
            }
            Node::Logic(all, list) => {
                let mut unknown = false;
                for part in list {
                    match value(part)? {
                        Some(Datum::Bool(b)) if b != *all => return Ok(Some(Datum::Bool(b))),
                        None => unknown = true,
                        _ => {}
                    }
                }
                Ok((!unknown).then_some(Datum::Bool(*all)))
            }
            Node::Not(inner) => Ok(truth(value(inner)?).map(|b| Datum::Bool(!b))),
            Node::IsNull(inner, negated) => Ok(Some(Datum::Bool(value(inner)?.is_none() != *negated))),
            Node::IsBool(inner, wanted, negated) => {
                Ok(Some(Datum::Bool((truth(value(inner)?) == *wanted) != *negated)))
            }
            Node::Distinct(pair, negated) => {
                let [left, right] = &**pair;
                let distinct = match (value(left)?, value(right)?) {
                    (None, None) => false,
                    (Some(left), Some(right)) => !compare::equal(&left, &right, context)?,
                    _ => true,
                };
                Ok(Some(Datum::Bool(distinct != *negated)))
            }
            Node::Case(arms, other) => {
                for (when, then) in arms {
                    if truth(value(when)?) == Some(true) {
                        return value(then);
                    }
                }
                value(other)
            }
            Node::Coalesce(list) => {
                for part in list {
                    if let Some(datum) = value(part)? {
                        return Ok(Some(datum));
                    }
                }
                Ok(None)
            }
            Node::NullIf(pair) => {
                let [left, right] = &**pair;
                match (value(left)?, value(right)?) {
                    (Some(left), Some(right)) if compare::equal(&left, &right, context)? => Ok(None),
                    (left, _) => Ok(left),
                }
            }
            Node::Extreme(greatest, list) => {
                let mut best: Option<Datum> = None;
                for part in list {
                    let Some(datum) = value(part)? else { continue };
                    let better = match &best {
                        None => true,
                        Some(held) if *greatest => compare::order(&datum, held, context)?.is_gt(),
                        Some(held) => compare::order(&datum, held, context)?.is_lt(),
                    };
                    if better {
                        best = Some(datum);
                    }
                }
                Ok(best)
            }
        }
    }
}

/// A value in another type. An infinite timestamp has no time of day: NULL, as the server gives it.
pub(super) fn cast(datum: Datum, ty: &Type, context: Context<'_>) -> Evaluated {
    let infinite =
        matches!(datum, Datum::Timestamp(i64::MIN | i64::MAX) | Datum::Timestamptz(i64::MIN | i64::MAX));
    if infinite && matches!(ty, Type::Time(_)) {
        return Ok(None);
    }
    Ok(Some(datum.cast(ty, CastContext::Explicit, context.settings)?))
}

fn truth(value: Option<Datum>) -> Option<bool> {
    match value {
        Some(Datum::Bool(b)) => Some(b),
        _ => None,
    }
}

/// The plan and the row do not fit together.
fn missing() -> EvaluateError {
    EvaluateError::new("XX000", "a formula's input is missing")
}
