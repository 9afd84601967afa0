//! A formula made ready for rows: parameters put in, constant parts computed once, patterns compiled.

use super::formula::{Formula, Node};
use super::{Context, EvaluateError};
use crate::value::Datum;

impl Formula {
    /// The formula with these parameters in it. What depends on no input is computed now, as PostgreSQL's
    /// planner does, so its errors come now too.
    ///
    /// # Errors
    /// What PostgreSQL would say of the constants, or 0A000 for a pattern that cannot be followed exactly.
    pub fn prepare(&self, params: &[Option<Datum>], context: Context<'_>) -> Result<Formula, EvaluateError> {
        let ready = |part: &Formula| part.prepare(params, context);
        let list = |parts: &[Formula]| parts.iter().map(ready).collect::<Result<Vec<_>, _>>();
        let boxed = |part: &Formula| ready(part).map(Box::new);
        let pair = |pair: &[Formula; 2]| {
            let [left, right] = pair;
            Ok::<_, EvaluateError>(Box::new([ready(left)?, ready(right)?]))
        };
        let node = match &self.node {
            Node::Input(n) => Node::Input(*n),
            Node::Param(n) => Node::Constant(params.get(*n).cloned().flatten()),
            Node::Constant(value) => Node::Constant(value.clone()),
            Node::Cast(inner) => Node::Cast(boxed(inner)?),
            Node::Call(call, args) => {
                let args = list(args)?;
                match call.compiled(&args, context)? {
                    Some((matcher, negated)) => match args.into_iter().next() {
                        Some(first) => Node::Match(Box::new(first), matcher, negated),
                        None => Node::Constant(None),
                    },
                    None => Node::Call(*call, args),
                }
            }
            Node::Match(inner, matcher, negated) => Node::Match(boxed(inner)?, matcher.clone(), *negated),
            Node::Logic(all, parts) => return self.logic(*all, parts, params, context),
            Node::Not(inner) => Node::Not(boxed(inner)?),
            Node::IsNull(inner, negated) => Node::IsNull(boxed(inner)?, *negated),
            Node::IsBool(inner, wanted, negated) => Node::IsBool(boxed(inner)?, *wanted, *negated),
            Node::Distinct(both, negated) => Node::Distinct(pair(both)?, *negated),
            Node::Case(arms, other) => return self.case(arms, other, params, context),
            Node::Coalesce(parts) => {
                let mut kept = Vec::with_capacity(parts.len());
                for part in parts {
                    let part = ready(part)?;
                    match part.constant() {
                        Some(None) => continue,
                        known => {
                            kept.push(part.clone());
                            if known.is_some() {
                                break;
                            }
                        }
                    }
                }
                Node::Coalesce(kept)
            }
            Node::NullIf(both) => Node::NullIf(pair(both)?),
            Node::Extreme(greatest, parts) => Node::Extreme(*greatest, list(parts)?),
        };
        let formula = Formula::new(node, self.ty);
        let constant = formula.parts().iter().all(|part| matches!(part.node, Node::Constant(_)));
        if constant && !matches!(formula.node, Node::Input(_) | Node::Constant(_)) {
            let value = formula.evaluate(&[], context)?;
            return Ok(Formula::new(Node::Constant(value), self.ty));
        }
        Ok(formula)
    }

    /// What comes behind a part that decides is not looked at.
    fn logic(
        &self,
        all: bool,
        parts: &[Formula],
        params: &[Option<Datum>],
        context: Context<'_>,
    ) -> Result<Formula, EvaluateError> {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            let part = part.prepare(params, context)?;
            match part.constant() {
                Some(Some(Datum::Bool(b))) if *b == all => continue,
                Some(Some(_)) => return Ok(part),
                _ => kept.push(part),
            }
        }
        if kept.iter().all(|part| part.constant().is_some()) {
            // Nothing is left but NULLs, if anything.
            let value = kept.is_empty().then_some(Datum::Bool(all));
            return Ok(Formula::new(Node::Constant(value), self.ty));
        }
        Ok(Formula::new(Node::Logic(all, kept), self.ty))
    }

    /// What no condition can lead to is not looked at.
    fn case(
        &self,
        arms: &[(Formula, Formula)],
        other: &Formula,
        params: &[Option<Datum>],
        context: Context<'_>,
    ) -> Result<Formula, EvaluateError> {
        let mut done = Vec::with_capacity(arms.len());
        let mut last = other;
        for (when, then) in arms {
            let when = when.prepare(params, context)?;
            match when.constant() {
                Some(Some(Datum::Bool(true))) => {
                    last = then;
                    break;
                }
                Some(_) => continue,
                None => done.push((when, then.prepare(params, context)?)),
            }
        }
        let last = last.prepare(params, context)?;
        if done.is_empty() {
            return Ok(Formula::new(last.node, self.ty));
        }
        Ok(Formula::new(Node::Case(done, Box::new(last)), self.ty))
    }

    /// The value, if it is known already.
    pub fn constant(&self) -> Option<Option<&Datum>> {
        match &self.node {
            Node::Constant(value) => Some(value.as_ref()),
            _ => None,
        }
    }
}
