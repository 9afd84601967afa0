//! Which of several functions or operators of one name a call means: PostgreSQL's rules.

use super::calls::{Known, known};
use crate::value::Type;

/// PostgreSQL's type categories, as far as the types here go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    String,
    Number,
    Bool,
    Date,
    Other,
}

pub(super) fn category(ty: &Type) -> Category {
    match ty {
        Type::Text | Type::Varchar(_) | Type::Char(_) => Category::String,
        Type::Int2 | Type::Int4 | Type::Int8 | Type::Float4 | Type::Float8 | Type::Numeric(_) => {
            Category::Number
        }
        Type::Bool => Category::Bool,
        Type::Date | Type::Time(_) | Type::Timestamp(_) | Type::Timestamptz(_) => Category::Date,
        Type::Uuid | Type::Json | Type::Jsonb | Type::Bytea => Category::Other,
    }
}

/// The type of its category that PostgreSQL prefers.
pub(super) fn is_preferred(ty: &Type) -> bool {
    matches!(ty, Type::Text | Type::Float8 | Type::Bool | Type::Timestamptz(_))
}

/// Whether PostgreSQL casts without being asked. Both without modifiers.
pub(super) fn implicit(from: &Type, to: &Type) -> bool {
    let rank = |ty: &Type| match ty {
        Type::Int2 => 1,
        Type::Int4 => 2,
        Type::Int8 => 3,
        Type::Numeric(_) => 4,
        Type::Float4 => 5,
        Type::Float8 => 6,
        _ => 0,
    };
    let (from, to) = (from.base(), to.base());
    if from == to {
        return true;
    }
    match (category(&from), category(&to)) {
        (Category::String, Category::String) => true,
        (Category::Number, Category::Number) => rank(&from) < rank(&to),
        (Category::Date, Category::Date) => matches!(
            (from, to),
            (Type::Date, Type::Timestamp(_) | Type::Timestamptz(_))
                | (Type::Timestamp(_), Type::Timestamptz(_))
        ),
        _ => false,
    }
}

/// Finds the function or operator for arguments of these types; `None` among them is a constant without a
/// type. No answer: there is none, several fit, or it is one that is not known here.
pub(super) fn resolve(name: &str, types: &[Option<Type>]) -> Option<&'static Known> {
    let types: Vec<Option<Type>> = types.iter().map(|ty| ty.map(|ty| ty.base())).collect();
    let named = || known().filter(|known| known.name == name && known.args.len() == types.len());
    let exactly = |known: &&Known, types: &[Option<Type>]| {
        known.args.iter().zip(types).all(|(arg, ty)| *ty == Some(*arg))
    };
    if let Some(known) = named().find(|known| exactly(known, &types)) {
        return Some(known);
    }
    // An operator takes a constant without a type for one of the other side's.
    let operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
    if let (true, [Some(ty), None] | [None, Some(ty)]) = (operator, types.as_slice()) {
        let both = [Some(*ty), Some(*ty)];
        if let Some(known) = named().find(|known| exactly(known, &both)) {
            return Some(known);
        }
    }
    let fits = |known: &&Known| {
        known.args.iter().zip(&types).all(|(arg, ty)| ty.is_none_or(|ty| implicit(&ty, arg)))
    };
    select(named().filter(fits).collect(), &types)
}

/// Keeps those with the highest score.
fn best(list: Vec<&Known>, score: impl Fn(&Known) -> usize) -> Vec<&Known> {
    let top = list.iter().map(|known| score(known)).max().unwrap_or(0);
    list.into_iter().filter(|known| score(known) == top).collect()
}

fn select(list: Vec<&'static Known>, types: &[Option<Type>]) -> Option<&'static Known> {
    let only = |list: &[&'static Known]| match list {
        [one] => Some(*one),
        _ => None,
    };
    if list.len() < 2 {
        return only(&list);
    }
    let count = |known: &Known, test: &dyn Fn(&Type, &Type) -> bool| {
        known.args.iter().zip(types).filter(|(arg, ty)| ty.is_some_and(|ty| test(arg, &ty))).count()
    };
    let list = best(list, |known| count(known, &|arg, ty| arg == ty));
    if list.len() < 2 {
        return only(&list);
    }
    let list = best(list, |known| {
        count(known, &|arg, ty| arg == ty || (is_preferred(arg) && category(arg) == category(ty)))
    });
    if list.len() < 2 {
        return only(&list);
    }
    let mut list = list;
    for (at, _) in types.iter().enumerate().filter(|(_, ty)| ty.is_none()) {
        let args: Vec<Type> = list.iter().filter_map(|known| known.args.get(at).copied()).collect();
        let chosen = match args.iter().find(|arg| category(arg) == Category::String).or(args.first()) {
            Some(arg) => category(arg),
            None => return None,
        };
        let same = args.iter().all(|arg| category(arg) == chosen);
        if chosen != Category::String && !same {
            return None;
        }
        let preferred = args.iter().any(|arg| category(arg) == chosen && is_preferred(arg));
        list.retain(|known| {
            known.args.get(at).is_some_and(|arg| category(arg) == chosen && (!preferred || is_preferred(arg)))
        });
    }
    if list.len() < 2 {
        return only(&list);
    }
    // If all known types are the same, the unknown ones are taken for it.
    let mut known = types.iter().flatten();
    let first = known.next()?;
    if known.any(|ty| ty != first) {
        return None;
    }
    list.retain(|known| known.args.iter().all(|arg| implicit(first, arg)));
    only(&list)
}

/// The type that several values have in common, as in CASE: `None` among them is a constant without a type.
/// `Err`: they have none.
pub(super) fn common(types: &[Option<Type>]) -> Result<Type, ()> {
    let mut found: Option<Type> = None;
    for ty in types.iter().flatten().map(Type::base) {
        found = Some(match found {
            None => ty,
            Some(held) if held == ty => held,
            Some(held) if category(&held) != category(&ty) || category(&ty) == Category::Other => {
                return Err(());
            }
            Some(held) if !is_preferred(&held) && implicit(&held, &ty) && !implicit(&ty, &held) => ty,
            Some(held) => held,
        });
    }
    let found = found.unwrap_or(Type::Text);
    let fits = types.iter().flatten().all(|ty| implicit(ty, &found));
    if fits { Ok(found) } else { Err(()) }
}
