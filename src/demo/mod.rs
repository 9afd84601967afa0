//! The demonstration: an application, a theft, and what the thief has.

pub mod data;
pub mod postgres;
mod shop;
mod sql_types;
mod thief;
