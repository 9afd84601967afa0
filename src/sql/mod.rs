//! From a statement's text to a plan. One resolver, one unification of types, one plan.

pub mod plan;
