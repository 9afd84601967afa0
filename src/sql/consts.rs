//! Parameters and literals: where they stand, what casts are on them, what they become.

use super::edits::Part;
use super::lexer::Kind;
use super::plan::{Role, Source};
use super::planner::{Mode, Planner, SlotDraft};
use super::refuse::{Draft, Planned, full_name, unsupported};
use super::types::{self, CastType, message_name};
use crate::catalog::EncryptedColumn;
use crate::value::{self, Type};
use std::sync::Arc;

/// Tokens `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub first: usize,
    pub last: usize,
}

/// What a constant is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Client parameter, from 0.
    Param(usize),
    /// A string literal at this token.
    Text(usize),
    /// A number at this token, negated or not.
    Number(usize, bool),
    /// TRUE or FALSE at this token.
    Bool(usize),
}

/// A parameter or literal with its casts.
#[derive(Clone, Debug)]
pub(super) struct Const {
    pub leaf: Leaf,
    /// The type before casts, if the syntax gives it one.
    pub ty: Option<Type>,
    pub casts: Vec<CastType>,
    /// `None`: its place in the text could not be told.
    pub extent: Option<Extent>,
}

impl Const {
    /// The type that the expression has, if any is known.
    pub fn outer_type(&self) -> Option<Type> {
        self.casts.last().map_or(self.ty, |cast| cast.ty)
    }
}

/// The type of a number as PostgreSQL's lexer gives it.
pub(super) fn number_type(raw: &str) -> Type {
    if raw.parse::<i32>().is_ok() {
        Type::Int4
    } else if raw.parse::<i64>().is_ok() {
        Type::Int8
    } else {
        Type::Numeric(None)
    }
}

impl Planner<'_> {
    /// The extent widened by a pair of parentheses.
    pub fn nested(&self, extent: Option<Extent>) -> Option<Extent> {
        let Extent { first, last } = extent?;
        let open = first.checked_sub(1)?;
        (self.tokens.is_sign(open, "(") && self.tokens.is_sign(last + 1, ")"))
            .then_some(Extent { first: open, last: last + 1 })
    }

    /// The extent widened by a cast in either syntax, and the type.
    pub fn cast(&self, extent: Option<Extent>) -> Option<(CastType, Extent)> {
        let Extent { first, last } = extent?;
        if self.tokens.is_sign(last + 1, "::") {
            let (ty, behind) = types::at(self.tokens, last + 2)?;
            return Some((ty, Extent { first, last: behind.checked_sub(1)? }));
        }
        let start = first.checked_sub(2)?;
        if !(self.tokens.is_word(start, "cast")
            && self.tokens.is_sign(start + 1, "(")
            && self.tokens.is_word(last + 1, "as"))
        {
            return None;
        }
        let (ty, behind) = types::at(self.tokens, last + 2)?;
        self.tokens.is_sign(behind, ")").then_some((ty, Extent { first: start, last: behind }))
    }

    /// `type 'literal'`: the type's tokens stand before the literal's.
    pub fn typed_literal(&self, token: usize) -> Option<Const> {
        for start in (token.saturating_sub(10)..token).rev() {
            let Some((ty, behind)) = types::at(self.tokens, start) else { continue };
            // `time` alone also ends before the literal in `timestamp with time zone '…'`.
            let continued = start.checked_sub(1).is_some_and(|before| {
                ["with", "without", "zone", "double", "character", "time", "timestamp", "."]
                    .iter()
                    .any(|word| self.tokens.raw(before).eq_ignore_ascii_case(word))
            });
            if behind == token && !continued {
                return Some(Const {
                    leaf: Leaf::Text(token),
                    ty: None,
                    casts: vec![ty],
                    extent: Some(Extent { first: start, last: token }),
                });
            }
        }
        None
    }

    /// The text and own type of a literal.
    pub(super) fn literal(&self, leaf: Leaf) -> Planned<zeroize::Zeroizing<String>> {
        let (token, value) = match leaf {
            Leaf::Param(_) => return Err(super::refuse::syntax("a parameter as literal")),
            Leaf::Text(token) => (token, self.tokens.string(token)),
            Leaf::Number(token, negative) => {
                let sign = if negative { "-" } else { "" };
                (token, Some(zeroize::Zeroizing::new(format!("{sign}{}", self.tokens.raw(token)))))
            }
            Leaf::Bool(token) => {
                (token, Some(zeroize::Zeroizing::new(self.tokens.raw(token).to_lowercase())))
            }
        };
        let escaped =
            self.tokens.is_word(token + 1, "uescape") && self.tokens.kind(token) == Some(Kind::UnicodeStr);
        match value.filter(|_| !escaped) {
            Some(value) => Ok(value),
            None => Err(Draft::new("22025", "a string literal has an escape that cannot be resolved")
                .hint("Send the value as a parameter.")
                .at(Some(token))),
        }
    }

    /// Makes the constant a slot of this role and puts it in the constant's place.
    pub fn seal(&mut self, value: Const, role: Role) -> Planned<()> {
        let place = value.extent;
        let Some(extent) = place else {
            return Err(unsupported(
                "this form of a value for an encrypted column",
                "Send it as a parameter.",
            ));
        };
        let slot = self.slot(value, role)?;
        self.replace(extent, vec![Part::Slot(slot)]);
        Ok(())
    }

    /// The slot of a constant in this role, which stands nowhere yet.
    pub fn slot(&mut self, value: Const, role: Role) -> Planned<usize> {
        let first = value.extent.map(|e| e.first);
        if self.mode == Mode::View {
            return Err(unsupported(
                "a constant beside an encrypted column in a stored definition",
                "A definition would keep a term of today's keys.",
            ));
        }
        let array = role.is_array();
        let mut casts = Vec::new();
        for cast in &value.casts {
            match cast.ty {
                Some(ty) if cast.array == array => casts.push(ty),
                _ => {
                    return Err(unsupported(
                        "a cast to this type on a value for an encrypted column",
                        "Cast to the column's own type, or leave the cast out.",
                    )
                    .at(first));
                }
            }
        }
        let draft = match value.leaf {
            Leaf::Param(index) => {
                let ty = self.param_type(index, &value, &role, array)?;
                return Ok(self.push_slot(index, ty, casts, role));
            }
            leaf => SlotDraft { source: Source::Literal(self.literal(leaf)?), ty: value.ty, casts, role },
        };
        self.slots.push(draft);
        Ok(self.slots.len() - 1)
    }

    /// A constant that is only tested for NULL. Clients that write parameters into the text send `'x' IS NULL OR c =
    /// 'x'`: no text is NULL, so what it says stays here.
    pub fn unseen_literal(&mut self, value: &Const) {
        let text = |cast: &CastType| {
            !cast.array && matches!(cast.ty, Some(Type::Text | Type::Varchar(_) | Type::Char(_)))
        };
        match value.leaf {
            Leaf::Text(token) if value.casts.iter().all(text) && self.mode != Mode::View => {
                let extent = Extent { first: token, last: token };
                self.replace(extent, vec![Part::Text("''".to_owned())]);
            }
            _ => self.plain_const(value),
        }
    }

    /// The type that a parameter arrives in: announced, or given to it by an earlier use.
    fn param_type(&mut self, index: usize, value: &Const, role: &Role, array: bool) -> Planned<Type> {
        let first = value.extent.map(|e| e.first);
        let announced = self.announced.get(index).copied().unwrap_or(0);
        if announced != 0 && announced != 705 {
            let ty = if array { element_of(announced) } else { Type::from_oid(announced, -1) };
            return match ty {
                Some(ty) => Ok(ty),
                None => Err(mismatch(role, announced).at(first)),
            };
        }
        let inferred = value.casts.first().and_then(|c| c.ty).unwrap_or_else(|| inferred(role));
        let Some(param) = self.params.get_mut(index) else { return Ok(inferred) };
        match *param.inferred.get_or_insert((inferred, array)) {
            (ty, was_array) if was_array == array => Ok(ty),
            _ => Err(Draft::new("42P08", format!("inconsistent types deduced for parameter ${}", index + 1))
                .at(first)),
        }
    }

    fn push_slot(&mut self, param: usize, ty: Type, casts: Vec<Type>, role: Role) -> usize {
        let same = self.slots.iter().position(|slot| {
            matches!(slot.source, Source::Param(p) if p == param)
                && slot.ty == Some(ty)
                && slot.casts == casts
                && slot.role == role
        });
        if let Some(same) = same {
            return same;
        }
        self.slots.push(SlotDraft { source: Source::Param(param), ty: Some(ty), casts, role });
        let slot = self.slots.len() - 1;
        if let Some(param) = self.params.get_mut(param) {
            param.slots.push(slot);
        }
        slot
    }

    /// The term of a constant that is compared with an encrypted column.
    pub fn seal_equal(
        &mut self,
        value: Const,
        column: &Arc<EncryptedColumn>,
        operator: Option<usize>,
    ) -> Planned<()> {
        let own = self.const_type(&value);
        if let Some(ty) = own.filter(|ty| !value::has_equality(&column.ty, ty)) {
            return Err(Draft::new(
                "42883",
                format!("operator does not exist: {} = {}", message_name(column.ty), message_name(ty)),
            )
            .hint(
                "No operator matches the given name and argument types. You might need to add explicit type casts.",
            )
            .at(operator));
        }
        self.seal(value, Role::Equality(column.clone()))
    }

    /// The type that a constant has in the eyes of PostgreSQL; `None`: unknown yet.
    pub fn const_type(&self, value: &Const) -> Option<Type> {
        if let Some(ty) = value.outer_type() {
            return Some(ty);
        }
        let Leaf::Param(index) = value.leaf else { return None };
        match self.announced.get(index).copied().unwrap_or(0) {
            0 | 705 => self.params.get(index).and_then(|p| p.inferred).map(|(ty, _)| ty),
            oid => Type::from_oid(oid, -1),
        }
    }

    /// The envelope of a constant that is assigned to an encrypted column.
    pub fn seal_stored(&mut self, value: Const, column: &Arc<EncryptedColumn>) -> Planned<()> {
        let own = self.const_type(&value);
        if let Some(ty) = own.filter(|ty| !value::assignable(ty, &column.ty)) {
            return Err(Draft::new(
                "42804",
                format!(
                    "column \"{}\" is of type {} but expression is of type {}",
                    column.name,
                    message_name(column.ty),
                    message_name(ty)
                ),
            )
            .hint("You will need to rewrite or cast the expression.")
            .at(value.extent.map(|e| e.first)));
        }
        self.seal(value, Role::Store(column.clone()))
    }
}

/// The type that PostgreSQL gives a parameter without one in this role. `varchar` has no operators of its
/// own: it compares as `text`.
pub(super) fn inferred(role: &Role) -> Type {
    match role {
        Role::Refined(..) => Type::Bytea,
        Role::Store(column) | Role::StoreArray(column) => column.ty,
        Role::Equality(column)
        | Role::EqualityArray(column)
        | Role::OrderWhole(column)
        | Role::OrderHead(column)
        | Role::OrderArray(column)
        | Role::Caseless(column) => match column.ty {
            Type::Varchar(_) => Type::Text,
            other => other,
        },
    }
}

fn mismatch(role: &Role, oid: u32) -> Box<Draft> {
    unsupported(
        format!("a parameter of type OID {oid} for encrypted column {}", full_name(role.column())),
        "Announce the column's own type, or none.",
    )
}

/// The element type of an array type.
pub(super) fn element_of(array: u32) -> Option<Type> {
    let element = match array {
        1000 => 16,
        1001 => 17,
        1016 => 20,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        199 => 114,
        1021 => 700,
        1022 => 701,
        1014 => 1042,
        1015 => 1043,
        1182 => 1082,
        1183 => 1083,
        1115 => 1114,
        1185 => 1184,
        1231 => 1700,
        2951 => 2950,
        3807 => 3802,
        _ => return None,
    };
    Type::from_oid(element, -1)
}
