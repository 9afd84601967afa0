//! Sort keys by the tables of a C library's locale, in the order that its `strcoll` gives.
//!
//! The library's own sort keys (`strxfrm`) do not agree with it: where a run of characters is weighted backwards
//! (digits and punctuation, on the second level) and others follow, `strcoll` leaves out the last but one of the
//! run. PostgreSQL compares by `strcoll`, so this follows it.

use libc::{c_char, locale_t};

// Items of a locale's LC_COLLATE, as `langinfo.h` numbers them.
const NRULES: i32 = 3 << 16;
const RULESETS: i32 = NRULES + 1;
const TABLE: i32 = NRULES + 2;
const WEIGHTS: i32 = NRULES + 3;
const EXTRA: i32 = NRULES + 4;
const INDIRECT: i32 = NRULES + 5;

const BACKWARD: u8 = 2;
const POSITION: u8 = 4;

/// Between the levels of a key, and behind each element where positions count. No weight is as small.
const SEPARATOR: u8 = 1;
/// Added to the number of an element's place, so that it is larger than a separator.
const PLACE: usize = 2;
/// From here on, a place takes more than a byte.
const FAR: usize = 0xF0;
/// More levels than any locale has.
const MAX_LEVELS: usize = 16;

/// The tables of a locale. They live as long as the locale does, and nothing writes to them.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    levels: usize,
    rules: *const u8,
    table: *const i32,
    weights: *const u8,
    extra: *const u8,
    indirect: *const i32,
}

/// One collating element of a text: a character, or several that are weighted as one.
#[derive(Clone, Copy)]
struct Element {
    /// Which of the locale's sets of rules is for it.
    rule: usize,
    /// Where its weights begin.
    weights: usize,
}

impl Tables {
    /// The tables of a locale; `None` if it has none.
    ///
    /// # Safety
    /// The locale must be valid, and outlive what is returned.
    pub(super) unsafe fn of(locale: locale_t) -> Option<Self> {
        // SAFETY: the items are those of the category, which every locale has.
        let item = |item| unsafe { libc::nl_langinfo_l(item, locale) } as *const c_char;
        // This one is a number, where the others are addresses.
        let levels = item(NRULES) as usize & 0xFFFF_FFFF;
        let tables = Self {
            levels,
            rules: item(RULESETS).cast(),
            table: item(TABLE).cast(),
            weights: item(WEIGHTS).cast(),
            extra: item(EXTRA).cast(),
            indirect: item(INDIRECT).cast(),
        };
        let complete = !(tables.rules.is_null()
            || tables.table.is_null()
            || tables.weights.is_null()
            || tables.extra.is_null()
            || tables.indirect.is_null());
        (complete && (1..=MAX_LEVELS).contains(&levels)).then_some(tables)
    }

    /// Appends the key of a text, which has no zero in it and neither has its key.
    pub(super) fn write_key(&self, text: &str, out: &mut Vec<u8>) {
        let mut elements = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (element, length) = self.element(rest);
            elements.push(element);
            rest = rest.get(length.max(1)..).unwrap_or_default();
        }
        let first = elements.first().map_or(0, |element| element.rule);
        for level in 0..self.levels {
            if self.rule(first, level) & POSITION != 0 {
                self.write_places(&elements, level, out);
            } else {
                self.write_level(&elements, level, out);
            }
            out.push(SEPARATOR);
        }
    }

    /// A level's weights, one behind the other; those of a run of backward elements from its end.
    fn write_level(&self, elements: &[Element], level: usize, out: &mut Vec<u8>) {
        // Where the library believes that a run begins: forward elements without weight count as part of it.
        let mut base = 0;
        let mut at = 0;
        let mut write = |index: usize| {
            let weights = elements.get(index).map_or(&[][..], |element| self.weights(*element, level));
            out.extend_from_slice(weights);
            !weights.is_empty()
        };
        let is_backward = |element: &Element| self.rule(element.rule, level) & BACKWARD != 0;
        while at < elements.len() {
            let run = elements.iter().skip(at).take_while(|element| is_backward(element)).count();
            let end = at + run;
            if run == 0 {
                at += 1;
                if write(end) {
                    base = at;
                }
                continue;
            }
            let followed = end < elements.len();
            write(end - 1);
            // The last but one is left out where a forward element follows.
            let others = if followed { run.saturating_sub(2) } else { run - 1 };
            for index in (base..base + others).rev() {
                write(index);
            }
            at = end;
            if followed {
                write(end);
                at += 1;
            }
            base = at;
        }
    }

    /// A level on which it counts first how many elements without weight stand before one.
    fn write_places(&self, elements: &[Element], level: usize, out: &mut Vec<u8>) {
        let mut place = 1usize;
        for element in elements {
            let weights = self.weights(*element, level);
            if weights.is_empty() {
                place += 1;
                continue;
            }
            match u8::try_from(place + PLACE) {
                Ok(byte) if place < FAR => out.push(byte),
                _ => {
                    // No byte of it may be zero.
                    out.push(0xFF);
                    let digits = [21, 14, 7, 0].map(|shift| ((place >> shift) & 0x7F) as u8 | 0x80);
                    out.extend(digits);
                }
            }
            out.extend_from_slice(weights);
            out.push(SEPARATOR);
            place = 1;
        }
    }

    fn rule(&self, rule: usize, level: usize) -> u8 {
        // SAFETY: an element's number of a set of rules comes from the same tables.
        unsafe { *self.rules.add(rule * self.levels + level) }
    }

    /// An element's weights on a level, each after its count.
    fn weights(&self, element: Element, level: usize) -> &[u8] {
        let mut at = element.weights;
        // SAFETY: there are as many lists as there are levels, as the library relies on too.
        unsafe {
            for _ in 0..level {
                at += 1 + usize::from(*self.weights.add(at));
            }
            std::slice::from_raw_parts(self.weights.add(at + 1), usize::from(*self.weights.add(at)))
        }
    }

    /// The element that a text begins with, and its length in bytes.
    fn element(&self, text: &[u8]) -> (Element, usize) {
        let (Some(&first), rest) = (text.first(), text.get(1..).unwrap_or_default()) else {
            return (found(0), 1);
        };
        // SAFETY: the table has an entry for each byte.
        let entry = unsafe { *self.table.add(usize::from(first)) };
        if entry >= 0 {
            return (found(entry), 1);
        }
        let mut at = entry.unsigned_abs() as usize;
        loop {
            // SAFETY: a list ends with an entry of length 0, which fits every text. An entry has a number of four
            // bytes, a length, and that many bytes, for a range twice; the next begins at a multiple of four.
            let (value, bytes, last) = unsafe {
                let value = self.extra.add(at).cast::<i32>().read_unaligned();
                let length = usize::from(*self.extra.add(at + 4));
                let bytes = std::slice::from_raw_parts(self.extra.add(at + 5), length);
                let last =
                    (value < 0).then(|| std::slice::from_raw_parts(self.extra.add(at + 5 + length), length));
                (value, bytes, last)
            };
            let length = bytes.len();
            let here = rest.get(..length);
            match (last, here) {
                (None, Some(here)) if here == bytes => return (found(value), 1 + length),
                (Some(last), Some(here)) if bytes <= here && here <= last => {
                    let offset = distance(bytes, here);
                    // SAFETY: a range has as many entries there as it has members.
                    let value = unsafe { *self.indirect.add(value.unsigned_abs() as usize + offset) };
                    return (found(value), 1 + length);
                }
                _ => {}
            }
            let size = 1 + length * if last.is_some() { 2 } else { 1 };
            at += 4 + size.next_multiple_of(4);
        }
    }
}

/// A table's entry: number of the rules above, place of the weights below.
fn found(entry: i32) -> Element {
    let entry = entry as u32;
    Element { rule: (entry >> 24) as usize, weights: (entry & 0x00FF_FFFF) as usize }
}

/// How far a member is from the first one of its range: their last bytes differ, counted to the base of 256.
fn distance(first: &[u8], here: &[u8]) -> usize {
    let number = |bytes: &[u8]| bytes.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let equal = first.iter().zip(here).take_while(|(a, b)| a == b).count();
    let tail = |bytes: &[u8]| number(bytes.get(equal..).unwrap_or_default());
    tail(here).saturating_sub(tail(first))
}
