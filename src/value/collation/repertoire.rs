//! Where the tables of ICU4X 2.4 and those of ICU 72 differ.

/// First and last of each range of characters, in order.
pub(super) const DIFFERENT: &[(char, char)] = &[];
