//! The demonstration: an application, a theft, and what the thief has.

pub mod postgres;
