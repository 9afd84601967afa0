//! Tests of the planner over a hand-made catalog.
