//! Letters whose case mapping depends on the version of Unicode that a server has.
//!
//! Unicode never changes a pair of letters that exists, but adds new ones, some of them to letters that had
//! no partner before. All versions since 10.0 (2017: glibc 2.27, ICU 60) agree on everything else.

use crate::value::ValueError;

/// Where pairs have been added since Unicode 10.0.
const RECENT: &[(char, char)] = &[
    ('\u{019B}', '\u{019B}'),
    ('\u{0264}', '\u{0264}'),
    ('\u{0282}', '\u{0282}'),
    // Georgian got capitals.
    ('\u{10D0}', '\u{10FF}'),
    ('\u{1C89}', '\u{1CBF}'),
    ('\u{1D8E}', '\u{1D8E}'),
    ('\u{2C2F}', '\u{2C2F}'),
    ('\u{2C5F}', '\u{2C5F}'),
    ('\u{A794}', '\u{A794}'),
    ('\u{A7AE}', '\u{A7FF}'),
    ('\u{AB4B}', '\u{AB4C}'),
    ('\u{AB6C}', '\u{AB6D}'),
    ('\u{10570}', '\u{105BF}'),
    ('\u{10D50}', '\u{10D8F}'),
    ('\u{16E40}', '\u{16E7F}'),
    ('\u{16EA0}', '\u{16EDF}'),
    ('\u{1DF00}', '\u{1DFFF}'),
];

/// Whether servers may map this letter differently.
pub(super) fn is_recent(c: char) -> bool {
    c > '\u{017F}' && RECENT.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

pub(super) fn refusal() -> ValueError {
    ValueError::unsupported(
        "a text holds a letter whose upper or lower case depends on the server's version of Unicode",
        "Apply upper or lower in the application.",
    )
}
