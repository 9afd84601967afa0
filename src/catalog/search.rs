//! The further search kinds of a column: which terms its values carry beside the equality term, and the functions
//! that cut them out of an envelope.

use super::{EncryptedColumn, SearchSlot};
use crate::value::{Type, order};

/// Search kinds beside equality, which each of them implies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SearchKinds {
    /// `<`, ORDER BY.
    pub order: bool,
    /// Comparisons after lower() or upper().
    pub caseless: bool,
    /// Patterns.
    pub matching: bool,
}

impl SearchKinds {
    /// All of them.
    pub const ALL: Self = Self { order: true, caseless: true, matching: true };

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Those of these that are not among the others.
    pub fn without(self, others: Self) -> Self {
        Self {
            order: self.order && !others.order,
            caseless: self.caseless && !others.caseless,
            matching: self.matching && !others.matching,
        }
    }

    /// Their names, as in the configuration.
    pub fn names(self) -> Vec<&'static str> {
        let all = [(self.order, "order"), (self.caseless, "caseless"), (self.matching, "match")];
        all.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
    }

    /// The same with the kind of this name; `None` if there is none of this name.
    pub fn with(mut self, name: &str) -> Option<Self> {
        match name {
            "order" => self.order = true,
            "caseless" => self.caseless = true,
            "match" => self.matching = true,
            _ => return None,
        }
        Some(self)
    }
}

/// The functions by whose results a column is compared and sorted: first by the head, if there is one, then by the
/// whole term. The head alone fits an index entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFunctions {
    /// Of the term's bounded beginning; `None` where the whole term is short.
    pub head: Option<&'static str>,
    /// Of the whole term.
    pub whole: &'static str,
}

impl EncryptedColumn {
    /// By whose rules and which version of them its order terms are made; `None` where there are none, and where no
    /// collation has a say.
    pub fn order_rules(&self) -> Option<&str> {
        let follows =
            self.order && order::uses_collation(&self.ty) && self.collation.order_refusal().is_none();
        follows.then(|| self.collation.identity())
    }

    /// The search kinds whose terms each new value gets, as configured.
    pub fn kinds(&self) -> SearchKinds {
        SearchKinds { order: self.order, caseless: self.caseless, matching: self.matching }
    }

    /// The functions that give this column's order; `None` if it has no order terms, or not in all values yet.
    pub fn order_functions(&self) -> Option<OrderFunctions> {
        (self.order && self.complete.order).then(|| self.order_functions_of_slot(self.slot))
    }

    /// The same in a slot, complete or not.
    pub(crate) fn order_functions_of_slot(&self, slot: SearchSlot) -> OrderFunctions {
        slot.order_functions(fits_index(&self.ty))
    }

    /// The function that gives the caseless term; `None` if the column has none, or not in all values yet.
    pub fn caseless_function(&self) -> Option<&'static str> {
        (self.caseless && self.complete.caseless).then(|| self.slot.caseless_function())
    }

    /// The function that gives the array of match tokens; `None` if the column has none, or not in all values yet.
    pub fn match_function(&self) -> Option<&'static str> {
        (self.matching && self.complete.matching).then(|| self.slot.match_function())
    }

    /// What is configured and not yet in all values, which the server therefore cannot search by.
    pub fn incomplete(&self) -> SearchKinds {
        self.kinds().without(self.complete)
    }
}

/// Bytes of an encoding whose term fits the head that an index holds.
const SHORT: usize = 63;

/// Whether an order term of this type is always short enough for an entry of a btree index, several of them even.
pub fn fits_index(ty: &Type) -> bool {
    order::longest(ty).is_some_and(|longest| longest < SHORT)
}

impl SearchSlot {
    /// The functions that cut the order term out of an envelope; with the head where `short` is false.
    pub fn order_functions(self, short: bool) -> OrderFunctions {
        let (head, whole) = match self {
            Self::A => ("pyrite.ord_head", "pyrite.ord"),
            Self::B => ("pyrite.ord_head_b", "pyrite.ord_b"),
        };
        OrderFunctions { head: (!short).then_some(head), whole }
    }

    /// The function that cuts the caseless term out of an envelope.
    pub fn caseless_function(self) -> &'static str {
        match self {
            Self::A => "pyrite.eq_caseless",
            Self::B => "pyrite.eq_caseless_b",
        }
    }

    /// The function that cuts the match tokens out of an envelope.
    pub fn match_function(self) -> &'static str {
        match self {
            Self::A => "pyrite.match",
            Self::B => "pyrite.match_b",
        }
    }
}
