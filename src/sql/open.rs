//! Columns of constants: what VALUES lists, subqueries and unnest bring. What becomes of the constants is told by
//! what the column meets: an encrypted column makes envelopes of them, anything else leaves them as they are.
//! Envelopes carry their terms, so the same column can be compared, stored and selected.

use std::cell::Cell;
use std::sync::Arc;

use sqlparser::ast::{Distinct, Expr, GroupByExpr, OrderBy, OrderByKind, Select, Value};

use super::consts::{Const, Extent, Leaf, element_of};
use super::edits::Part;
use super::expr::{ColumnVal, Val, ident};
use super::planner::{Mode, Planner};
use super::query::Outputs;
use super::refuse::{Draft, Planned, full_name, unsupported};
use super::types::{CastType, message_name};
use crate::catalog::{EncryptedColumn, SearchKinds};
use crate::sql::plan::Role;
use crate::value::{self, Type};

/// A column of constants.
#[derive(Clone, Debug)]
pub(super) struct OpenColumn {
    cells: Cells,
    /// The type that PostgreSQL gives the column; `None`: several, or one that Pyrite does not know.
    ty: Option<Type>,
    state: State,
}

/// The constants.
#[derive(Clone, Debug)]
enum Cells {
    Each {
        values: Vec<Const>,
        nulls: Vec<Extent>,
    },
    /// One array with all of them.
    Array(Const),
}

/// What is known of the column's use.
#[derive(Clone, Debug)]
enum State {
    Undecided,
    Plain,
    Sealed(Sealed),
    /// Only compared with this column: terms are enough.
    Compared(Arc<EncryptedColumn>),
}

/// A column that has become one of envelopes.
#[derive(Clone, Debug)]
struct Sealed {
    /// What its envelopes are: keys of the column that it met, and the type of the constants.
    column: Arc<EncryptedColumn>,
    /// The column that they are stored in, which may cut or round them.
    target: Option<Arc<EncryptedColumn>>,
    /// They are compared or shown as well.
    read: Cell<bool>,
}

/// A reference to such a column.
#[derive(Clone, Debug)]
pub(super) struct OpenVal {
    pub id: usize,
    pub place: Option<Extent>,
    pub extent: Option<Extent>,
    pub casts: Vec<CastType>,
    pub cast_tokens: Vec<Extent>,
}

impl OpenVal {
    /// The column itself, at this place.
    pub fn new(id: usize, place: Option<Extent>) -> Self {
        Self { id, place, extent: place, casts: Vec::new(), cast_tokens: Vec::new() }
    }

    fn first(&self) -> Option<usize> {
        self.extent.map(|e| e.first)
    }

    fn into_column(self, column: Arc<EncryptedColumn>) -> ColumnVal {
        let OpenVal { place, extent, casts, cast_tokens, .. } = self;
        ColumnVal {
            column,
            origin: None,
            place,
            extent,
            casts,
            cast_tokens,
            shown: None,
            written: None,
            grouped: None,
        }
    }
}

/// Both an encrypted and a plain use.
fn torn() -> Box<Draft> {
    unsupported(
        "a column of constants for both an encrypted column and a plain expression",
        "Give the values twice, as two columns.",
    )
}

impl Planner<'_> {
    /// A column of these values, if all of them are constants; else they are settled as plain.
    pub fn open_column(&mut self, list: Vec<Val>, clause: &str) -> Planned<Val> {
        let constant = |value: &Val| matches!(value, Val::Const(_) | Val::Null { .. });
        let open = self.mode != Mode::View && list.iter().all(constant);
        if !open || list.iter().all(|value| matches!(value, Val::Null { .. })) {
            list.into_iter().try_for_each(|value| self.settle_plain(value, clause))?;
            return Ok(Val::Plain);
        }
        let (mut values, mut nulls) = (Vec::new(), Vec::new());
        for value in list {
            match value {
                Val::Const(value) => values.push(value),
                Val::Null { extent, .. } => nulls.extend(extent),
                _ => {}
            }
        }
        let ty = self.common_type(&values);
        for value in &values {
            // Its type is settled here, whatever a later use would give it.
            self.infer_param(value, ty, false);
        }
        Ok(self.push_open(Cells::Each { values, nulls }, ty))
    }

    /// The column that unnest makes of an array of constants; `None`: it is none.
    pub fn open_array(&mut self, value: &Val, place: Option<Extent>) -> Option<Val> {
        let Val::Const(constant) = value else { return None };
        let ty = match constant.casts.last() {
            Some(cast) => cast.ty.filter(|_| cast.array),
            None => self.announced_element(constant),
        }?;
        if self.mode == Mode::View {
            return None;
        }
        self.infer_param(constant, Some(ty), true);
        let Val::Open(value) = self.push_open(Cells::Array(constant.clone()), Some(ty)) else { return None };
        Some(Val::Open(OpenVal { place, extent: place, ..value }))
    }

    fn push_open(&mut self, cells: Cells, ty: Option<Type>) -> Val {
        self.open.push(OpenColumn { cells, ty, state: State::Undecided });
        Val::Open(OpenVal::new(self.open.len() - 1, None))
    }

    /// The type of a column of these, as PostgreSQL resolves it.
    fn common_type(&self, values: &[Const]) -> Option<Type> {
        let mut common = None;
        for value in values {
            let known = !value.casts.is_empty() || value.ty.is_some() || self.is_announced(value);
            match self.const_type(value).map(|ty| ty.base()) {
                Some(ty) => match common {
                    Some(other) => common = Some(wider(other, ty)?),
                    None => common = Some(ty),
                },
                None if known => return None,
                _ => {}
            }
        }
        Some(common.unwrap_or(Type::Text))
    }

    /// What a choice beside an encrypted column chooses from.
    pub fn open_choice(&mut self, values: Vec<Val>) -> Planned<Vec<Val>> {
        let other = values.iter().find_map(|value| value.column().map(|c| Arc::clone(&c.column)));
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            out.push(match (value, &other) {
                (Val::Open(value), Some(other)) => Val::Column(self.open_beside(value, other)?),
                (Val::Open(value), None) => {
                    self.open_plain(&value)?;
                    Val::Plain
                }
                (value, _) => value,
            });
        }
        Ok(out)
    }

    /// Whether the client announced the constant's type.
    fn is_announced(&self, value: &Const) -> bool {
        self.announced_type(value).is_some()
    }

    fn announced_type(&self, value: &Const) -> Option<u32> {
        let Leaf::Param(index) = value.leaf else { return None };
        self.announced.get(index).copied().filter(|oid| !matches!(oid, 0 | 705))
    }

    fn announced_element(&self, value: &Const) -> Option<Type> {
        element_of(self.announced_type(value)?)
    }

    /// Gives a parameter its type, if nothing has yet.
    fn infer_param(&mut self, value: &Const, ty: Option<Type>, array: bool) {
        let Leaf::Param(index) = value.leaf else { return };
        let ty = value.casts.first().map_or(ty, |cast| cast.ty);
        if let (Some(ty), false, Some(param)) = (ty, self.is_announced(value), self.params.get_mut(index)) {
            param.inferred.get_or_insert((ty, array));
        }
    }

    /// The column of constants that has become this encrypted one.
    pub fn open_of(&self, column: &Arc<EncryptedColumn>) -> Option<usize> {
        self.open.iter().position(
            |open| matches!(&open.state, State::Sealed(sealed) if Arc::ptr_eq(&sealed.column, column)),
        )
    }

    /// Constants in outputs become columns of them.
    pub fn open_outputs(&mut self, outputs: &mut Outputs) -> Planned<()> {
        for column in &mut outputs.columns {
            if matches!(column.value, Val::Const(_)) {
                let value = std::mem::replace(&mut column.value, Val::Plain);
                column.value = self.open_column(vec![value], "a subquery")?;
            }
        }
        Ok(())
    }

    /// Itself, or the encrypted column that it has become.
    pub fn resolved(&self, value: Val) -> Val {
        let Val::Open(value) = value else { return value };
        match self.open.get(value.id).map(|open| &open.state) {
            Some(State::Sealed(sealed)) => {
                sealed.read.set(true);
                let column = Arc::clone(&sealed.column);
                Val::Column(value.into_column(column))
            }
            _ => Val::Open(value),
        }
    }

    /// Takes such a column for a plain one.
    pub fn open_plain(&mut self, value: &OpenVal) -> Planned<()> {
        match self.open.get_mut(value.id).map(|open| &mut open.state) {
            Some(State::Sealed(_) | State::Compared(_)) => Err(torn().at(value.first())),
            Some(state) => {
                *state = State::Plain;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Outputs that are sorted, grouped or compared are decided here: what is not encrypted yet stays plain.
    pub fn decide_outputs(
        &mut self,
        outputs: &mut Outputs,
        which: impl Fn(usize, &str) -> bool,
    ) -> Planned<()> {
        for (n, column) in outputs.columns.iter_mut().enumerate() {
            if which(n, &column.name) && matches!(column.value, Val::Open(_)) {
                let value = std::mem::replace(&mut column.value, Val::Plain);
                column.value = self.resolved(value);
                if let Val::Open(value) = &column.value {
                    self.open_plain(value)?;
                }
            }
        }
        Ok(())
    }

    /// Columns of constants among the outputs are decided before anything sorts or groups by them.
    pub fn decide(&mut self, select: &Select, order: Option<&OrderBy>, outputs: &mut Outputs) -> Planned<()> {
        let mut entries: Vec<&Expr> = Vec::new();
        match &select.group_by {
            GroupByExpr::Expressions(list, _) => entries.extend(list),
            GroupByExpr::All(_) => {}
        }
        match &select.distinct {
            Some(Distinct::Distinct) => return self.decide_outputs(outputs, |_, _| true),
            Some(Distinct::On(list)) => entries.extend(list),
            _ => {}
        }
        if let Some(OrderByKind::Expressions(list)) = order.map(|order| &order.kind) {
            entries.extend(list.iter().map(|entry| &entry.expr));
        }
        self.decide_outputs(outputs, |n, name| {
            entries.iter().any(|entry| match entry {
                Expr::Identifier(entry) => ident(entry).is_ok_and(|entry| entry == name),
                Expr::Value(value) => {
                    matches!(&value.value, Value::Number(number, _) if number.parse() == Ok(n + 1))
                }
                Expr::Nested(_) => true,
                _ => false,
            })
        })
    }

    /// The column of constants as one that is compared with `other`, or chosen from beside it.
    pub fn open_beside(&mut self, value: OpenVal, other: &EncryptedColumn) -> Planned<ColumnVal> {
        let first = value.first();
        let Some(open) = self.open.get_mut(value.id) else { return Err(torn()) };
        match &mut open.state {
            State::Plain | State::Compared(_) => Err(torn().at(first)),
            State::Sealed(sealed) => {
                sealed.read.set(true);
                let column = Arc::clone(&sealed.column);
                Ok(value.into_column(column))
            }
            State::Undecided => {
                let ty = open.ty.ok_or_else(|| mixed(other).at(first))?;
                let outer = value.casts.last().map_or(Some(ty), |cast| cast.ty.filter(|_| !cast.array));
                if let Some(outer) = outer.filter(|outer| !value::has_equality(&other.ty, outer)) {
                    return Err(Draft::new(
                        "42883",
                        format!(
                            "operator does not exist: {} = {}",
                            message_name(other.ty),
                            message_name(outer)
                        ),
                    )
                    .at(first));
                }
                let column = Arc::new(of_constants(other, ty));
                let sealed = Sealed { column: Arc::clone(&column), target: None, read: Cell::new(true) };
                open.state = State::Sealed(sealed);
                Ok(value.into_column(column))
            }
        }
    }

    /// A column of constants that nothing but this comparison sees: `IN (VALUES …)`.
    pub fn open_compared(&mut self, value: &OpenVal, other: &Arc<EncryptedColumn>) -> Planned<()> {
        // The checks, and the error for types that do not compare.
        self.open_beside(value.clone(), other)?;
        if !other.equality {
            return Err(unsupported(
                format!("IN on encrypted column {}, which has no equality search,", full_name(other)),
                "Add \"equality\" to the column's search list in the configuration.",
            ));
        }
        if let Some(open) = self.open.get_mut(value.id) {
            open.state = State::Compared(Arc::clone(other));
        }
        Ok(())
    }

    /// The column of constants goes into an encrypted one.
    pub fn open_stored(&mut self, value: OpenVal, target: &Arc<EncryptedColumn>) -> Planned<()> {
        let first = value.first();
        if !value.casts.is_empty() {
            // Each cast is one more step on the way of every constant.
            self.open_casts(&value, target)?;
        }
        let Some(open) = self.open.get_mut(value.id) else { return Err(torn()) };
        let ty = open.ty.ok_or_else(|| mixed(target).at(first))?;
        if !value::assignable(&ty, &target.ty) {
            return Err(Draft::new(
                "42804",
                format!(
                    "column \"{}\" is of type {} but expression is of type {}",
                    target.name,
                    message_name(target.ty),
                    message_name(ty)
                ),
            )
            .hint("You will need to rewrite or cast the expression.")
            .at(first));
        }
        match &mut open.state {
            State::Plain | State::Compared(_) => Err(torn().at(first)),
            State::Undecided => {
                let column = Arc::new(of_constants(target, ty));
                open.state = State::Sealed(Sealed {
                    column,
                    target: Some(Arc::clone(target)),
                    read: Cell::new(false),
                });
                Ok(())
            }
            State::Sealed(sealed) => {
                let same = sealed.target.as_ref().is_none_or(|other| other.ty == target.ty);
                if sealed.column.group != target.group || sealed.column.equality != target.equality || !same {
                    return Err(torn().at(first));
                }
                sealed.target = Some(Arc::clone(target));
                Ok(())
            }
        }
    }

    /// Casts on the way into an encrypted column are done by the proxy, on each constant.
    fn open_casts(&mut self, value: &OpenVal, target: &EncryptedColumn) -> Planned<()> {
        let refuse = || {
            unsupported(
                format!("this cast of a column of constants for encrypted column {}", full_name(target)),
                "Cast each constant, or leave the cast out.",
            )
        };
        let undecided = self.open.get(value.id).is_some_and(|open| matches!(open.state, State::Undecided));
        let known = value.casts.iter().all(|cast| !cast.array && cast.ty.is_some());
        if !undecided || !known {
            return Err(refuse().at(value.first()));
        }
        let inferred = self.open.get(value.id).and_then(|open| open.ty);
        if let Some(open) = self.open.get_mut(value.id) {
            let own = CastType { ty: inferred, array: false };
            match &mut open.cells {
                Cells::Each { values, .. } => {
                    for constant in values {
                        if constant.casts.is_empty() && constant.ty.is_none() {
                            constant.casts.push(own.clone());
                        }
                        constant.casts.extend(value.casts.iter().cloned());
                    }
                }
                Cells::Array(constant) => {
                    constant.casts.extend(value.casts.iter().map(|c| CastType { ty: c.ty, array: true }));
                }
            }
            open.ty = value.casts.last().and_then(|cast| cast.ty);
        }
        for extent in &value.cast_tokens {
            self.replace(*extent, Vec::new());
        }
        Ok(())
    }

    /// At the end: constants of plain columns stay, those of others become envelopes.
    pub fn settle_open(&mut self) -> Planned<()> {
        for open in std::mem::take(&mut self.open) {
            match open.state {
                State::Sealed(sealed) => self.seal_open(open.cells, open.ty, &sealed)?,
                State::Compared(column) => self.seal_constants(open.cells, open.ty, &column, false)?,
                State::Plain | State::Undecided => match open.cells {
                    Cells::Each { values, .. } => values.iter().for_each(|value| self.plain_const(value)),
                    Cells::Array(value) => self.plain_const(&value),
                },
            }
        }
        Ok(())
    }

    fn seal_open(&mut self, cells: Cells, ty: Option<Type>, sealed: &Sealed) -> Planned<()> {
        let column = match &sealed.target {
            Some(target) if sealed.read.get() && !keeps(ty, &target.ty) => {
                return Err(unsupported(
                    format!(
                        "constants that are stored in encrypted column {} and compared or shown as well",
                        full_name(target)
                    ),
                    "Give the values twice, as two columns, or cast them to the column's type.",
                ));
            }
            Some(target) => target,
            None => &sealed.column,
        };
        self.seal_constants(cells, ty, column, true)
    }

    /// The constants become envelopes of this column, or terms.
    fn seal_constants(
        &mut self,
        cells: Cells,
        ty: Option<Type>,
        column: &Arc<EncryptedColumn>,
        stored: bool,
    ) -> Planned<()> {
        match cells {
            Cells::Each { values, nulls } => {
                for extent in nulls {
                    // Alone in its column it would be a text.
                    self.replace(extent, vec![Part::Text("NULL::pg_catalog.bytea".to_owned())]);
                }
                for mut value in values {
                    let own = value.casts.is_empty() && value.ty.is_none() && !self.is_announced(&value);
                    let other = self.const_type(&value).is_some_and(|own| Some(own.base()) != ty);
                    if own || other {
                        value.casts.push(CastType { ty, array: false });
                    }
                    let role = if stored { Role::Store } else { Role::Equality };
                    self.seal(value, role(Arc::clone(column)))?;
                }
            }
            Cells::Array(value) => {
                let role = if stored { Role::StoreArray } else { Role::EqualityArray };
                self.seal(value, role(Arc::clone(column)))?;
            }
        }
        Ok(())
    }
}

/// The type that a list of values of these two has, if PostgreSQL finds one without being asked.
fn wider(left: Type, right: Type) -> Option<Type> {
    let rank = |ty: Type| match ty {
        Type::Int2 => Some(1),
        Type::Int4 => Some(2),
        Type::Int8 => Some(3),
        Type::Numeric(_) => Some(4),
        _ => None,
    };
    match (rank(left), rank(right)) {
        _ if left == right => Some(left),
        (Some(l), Some(r)) => Some(if l < r { right } else { left }),
        _ => None,
    }
}

/// What envelopes of constants of this type are beside an encrypted column: comparable with it, and no more.
fn of_constants(other: &EncryptedColumn, ty: Type) -> EncryptedColumn {
    EncryptedColumn {
        ty,
        order: false,
        caseless: false,
        matching: false,
        complete: SearchKinds::default(),
        ..other.clone()
    }
}

/// Whether storing a value of a type in a column leaves it as it is (or is an error).
fn keeps(ty: Option<Type>, target: &Type) -> bool {
    let text = |ty: &Type| matches!(ty, Type::Text | Type::Varchar(_));
    ty.is_some_and(|ty| (text(&ty) && text(target)) || (ty == *target && ty == ty.base()))
}

fn mixed(target: &EncryptedColumn) -> Box<Draft> {
    unsupported(
        format!("a column of constants of several types for encrypted column {}", full_name(target)),
        "Cast each value to the column's type.",
    )
}
