//! The fold under which caseless and match terms are made, and the pieces of a folded text.
//!
//! It is coarser than lower() and upper() of any collation: texts that either of them makes equal fold to the same. So
//! it narrows a search without missing anything, and who searches decides on the values. It goes character by character,
//! so the fold of a part of a text is a part of the text's fold. Marks above and below letters are left out (upper() of a
//! Greek locale drops accents, lower() of a Lithuanian one adds a dot), and all kinds of i are one letter (Turkish).
//!
//! Stored terms are made of it, so it can never change for a character that has a fold now.

use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

/// Marks that are left out.
const MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36F}';
/// Written below a Greek vowel, and as a letter of its own in capitals.
const IOTA_BELOW: char = '\u{345}';
const IOTA: char = '\u{3B9}';
/// Syllables without case that would fall apart into letters.
const HANGUL: std::ops::RangeInclusive<char> = '\u{AC00}'..='\u{D7A3}';
/// The Armenian letters yiwn and vew: capitals of the ligature of ech and yiwn have either.
const YIWN: char = '\u{582}';
const VEW: char = '\u{57E}';
/// A letter becomes at most a capital ligature, its letters, and those without marks.
const ROUNDS: usize = 4;

/// The symbols before and behind a text; no character is these.
const START: u32 = 0x11_0000;
const END: u32 = 0x11_0001;
/// Symbols of a piece.
const PIECE: usize = 3;

/// Appends the fold of a text.
pub fn fold(text: &str, out: &mut String) {
    // Of the longest folds, so that no part of the text is left behind in a buffer that was too small.
    out.reserve(text.len().saturating_mul(2));
    for c in text.chars() {
        match c {
            '\0'..='\x7F' => out.push(c.to_ascii_lowercase()),
            _ => fold_char(c, out),
        }
    }
}

fn fold_char(c: char, out: &mut String) {
    let mut now = Vec::with_capacity(4);
    decompose(c, &mut now);
    for _ in 0..ROUNDS {
        let mut next = Vec::with_capacity(now.len());
        for letter in &now {
            for upper in letter.to_uppercase() {
                for lower in upper.to_lowercase() {
                    decompose(lower, &mut next);
                }
            }
        }
        if next == now {
            break;
        }
        now = next;
    }
    out.extend(now);
}

/// The letter without its marks.
fn decompose(c: char, out: &mut Vec<char>) {
    match c {
        IOTA_BELOW => return out.push(IOTA),
        YIWN => return out.push(VEW),
        _ if MARKS.contains(&c) => return,
        _ if HANGUL.contains(&c) => return out.push(c),
        _ => {}
    }
    match CanonicalDecompositionBorrowed::new().decompose(c) {
        Decomposed::Default => out.push(c),
        // Each step comes nearer to characters without a decomposition.
        Decomposed::Singleton(other) => decompose(other, out),
        Decomposed::Expansion(first, second) => {
            decompose(first, out);
            decompose(second, out);
        }
    }
}

/// A part of a pattern that stands for itself.
#[derive(Clone, Copy)]
pub struct Literal<'a> {
    /// The characters.
    pub text: &'a str,
    /// Whether what matches begins with it.
    pub starts: bool,
    /// Whether what matches ends with it.
    pub ends: bool,
}

impl std::fmt::Debug for Literal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Literal({} bytes, starts {}, ends {})", self.text.len(), self.starts, self.ends)
    }
}

/// Appends the pieces of a stored text: each three symbols that follow one another, its start and end being symbols, too.
/// No text is without a piece.
pub fn pieces(text: &str, out: &mut Vec<[u32; PIECE]>) {
    literal_pieces(&Literal { text, starts: true, ends: true }, out);
}

/// Appends the pieces that a text must have to match this part of a pattern. None, if it is too short to tell.
pub fn literal_pieces(literal: &Literal<'_>, out: &mut Vec<[u32; PIECE]>) {
    let mut folded = zeroize::Zeroizing::new(String::new());
    fold(literal.text, &mut folded);
    let start = literal.starts.then_some(START);
    let end = literal.ends.then_some(END);
    let symbols: zeroize::Zeroizing<Vec<u32>> =
        zeroize::Zeroizing::new(start.into_iter().chain(folded.chars().map(u32::from)).chain(end).collect());
    if let [START, END] = symbols.as_slice() {
        // Nothing is left of it.
        out.push([START, END, END]);
    }
    out.extend(symbols.windows(PIECE).filter_map(|window| <[u32; PIECE]>::try_from(window).ok()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        fold(text, &mut out);
        out
    }

    fn pieces_of(literal: Literal<'_>) -> Vec<[u32; PIECE]> {
        let mut out = Vec::new();
        literal_pieces(&literal, &mut out);
        out
    }

    /// Full mappings are ICU's, simple ones the C library's: these are chosen by length.
    #[test]
    fn every_character_folds_like_its_capital_and_its_small_letter() {
        for c in '\0'..=char::MAX {
            let fold = folded(&c.to_string());
            for mapped in [c.to_uppercase().collect::<String>(), c.to_lowercase().collect()] {
                assert_eq!(folded(&mapped), fold, "U+{:04X} and {mapped:?}", u32::from(c));
            }
            assert_eq!(folded(&fold), fold, "U+{:04X} twice", u32::from(c));
        }
    }

    #[test]
    fn what_locales_do_of_their_own_makes_no_difference() {
        let alike = [
            ("I", "ı"),
            ("İ", "i"),
            ("i̇̀", "Ì"),
            ("STRASSE", "straße"),
            ("STRAẞE", "strasse"),
            ("ΆΛΦΑ", "ΑΛΦΑ"),
            ("ᾳ", "ΑΙ"),
            ("ᾳ", "ᾼ"),
            ("ΌΣΟΣ", "όσος"),
            ("և", "ԵՎ"),
            ("և", "ԵՒ"),
            ("K", "k"),
            ("ﬁ", "FI"),
            ("ŉ", "ʼN"),
            ("ǅ", "ǆ"),
            ("ΐ", "Ϊ́"),
        ];
        for (left, right) in alike {
            assert_eq!(folded(left), folded(right), "{left} {right}");
        }
        assert_ne!(folded("한글"), folded("하늘"));
        assert_ne!(folded("straße"), folded("strase"));
    }

    /// A later Unicode must not give other folds to values that are stored.
    #[test]
    fn the_fold_is_pinned() {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        // What Unicode 16 has; beyond, characters may still come into being.
        for c in ('\0'..='\u{1FFFF}').filter(|c| c.is_alphabetic()) {
            for byte in folded(&c.to_string()).bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
            }
        }
        assert_eq!(hash, 11_378_126_636_801_355_532, "the fold of some letter has changed");
    }

    #[test]
    fn a_text_has_the_pieces_of_each_of_its_parts() {
        let texts = ["", "a", "ab", "Ananas", "Straße 12, MÜNCHEN", "ΌΣΟΣ", "日本語テキスト", "a\u{300}bc"];
        for text in texts {
            let mut all = Vec::new();
            pieces(text, &mut all);
            assert!(!all.is_empty());
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            for (n, from) in places.iter().enumerate() {
                for to in &places[n..] {
                    let part = &text[*from..*to];
                    for changed in [part.to_owned(), part.to_uppercase(), part.to_lowercase()] {
                        let literal = Literal { text: &changed, starts: *from == 0, ends: *to == text.len() };
                        let found = pieces_of(literal);
                        assert!(found.iter().all(|piece| all.contains(piece)), "{text}: {literal:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn three_characters_are_enough() {
        for literal in ["abc", "a b", "語テキ", "%_\\"] {
            assert_eq!(pieces_of(Literal { text: literal, starts: false, ends: false }).len(), 1);
        }
        assert!(pieces_of(Literal { text: "ab", starts: false, ends: false }).is_empty());
        assert_eq!(pieces_of(Literal { text: "ab", starts: true, ends: false }).len(), 1);
        assert_eq!(pieces_of(Literal { text: "", starts: true, ends: true }).len(), 1);
        assert!(pieces_of(Literal { text: "", starts: true, ends: false }).is_empty());
    }
}
