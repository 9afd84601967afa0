//! Values too short to be looked for everywhere: a birthday is four bytes, and some hundred megabytes hold any four
//! bytes somewhere. So it is looked for where a thief could use it: in its own customer's row.
//!
//! Chance is measured beside it: in the same rows, how often does the birthday of somebody else turn up?

use std::fs;
use std::io;

use super::super::data::{Customer, Date};
use super::loot::Loot;

/// Bytes of a data page.
const PAGE: usize = 8192;
/// Before the first line pointer.
const PAGE_HEADER: usize = 24;

/// What was found of the birthdays' four bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Birthdays {
    /// Customers whose row was seen, in data files and in the dump.
    pub rows: u32,
    /// Customers with their own birthday in their row.
    pub own: u32,
    /// Customers with somebody else's birthday in their row: what chance makes.
    pub strangers: u32,
    /// Places looked at.
    pub windows: u64,
}

impl Birthdays {
    /// How many hits random bytes would give.
    pub fn expected_by_chance(&self) -> f64 {
        // Each place is compared with both byte orders.
        2.0 * self.windows as f64 / 2_f64.powi(32)
    }

    /// Whether there is no more than chance makes (or made, for the strangers).
    pub fn is_chance(&self) -> bool {
        let chance = self.expected_by_chance().max(f64::from(self.strangers));
        self.rows > 0 && f64::from(self.own) <= chance + 4.0 * chance.sqrt() + 2.0
    }
}

/// Looks for each customer's birthday in the customer's rows.
pub fn birthdays(loot: &Loot, customers: &[Customer]) -> io::Result<Birthdays> {
    let mut seen = vec![Seen::default(); customers.len()];
    let mut windows = 0;
    let mut visit = |id: i64, row: &[u8]| {
        let Some(index) = usize::try_from(id).ok().and_then(|id| id.checked_sub(1)) else { return };
        let (Some(customer), Some(seen)) = (customers.get(index), seen.get_mut(index)) else { return };
        windows += row.len() as u64;
        seen.row = true;
        seen.own |= holds(row, customer.birthday);
        let stranger = (1..customers.len())
            .filter_map(|step| customers.get((index + step) % customers.len()))
            .find(|other| other.birthday != customer.birthday);
        seen.stranger |= stranger.is_some_and(|other| holds(row, other.birthday));
    };
    for page in fs::read(loot.heap())?.chunks_exact(PAGE) {
        rows_of_page(page, &mut visit);
    }
    rows_of_copy(&fs::read(loot.copy())?, &mut visit);
    let count = |is: fn(&Seen) -> bool| seen.iter().filter(|seen| is(seen)).count() as u32;
    Ok(Birthdays {
        rows: count(|seen| seen.row),
        own: count(|seen| seen.own),
        strangers: count(|seen| seen.stranger),
        windows,
    })
}

#[derive(Clone, Copy, Default)]
struct Seen {
    row: bool,
    own: bool,
    stranger: bool,
}

fn holds(row: &[u8], day: Date) -> bool {
    let (low, high) = (day.days().to_le_bytes(), day.days().to_be_bytes());
    row.windows(4).any(|four| four == low || four == high)
}

/// Rows of a heap page whose first column is a `bigint`.
fn rows_of_page(page: &[u8], visit: &mut impl FnMut(i64, &[u8])) {
    let Some(lower) = word(page, 12) else { return };
    for pointer in page.get(PAGE_HEADER..lower).unwrap_or_default().chunks_exact(4) {
        let Some(bits) = pointer.try_into().ok().map(u32::from_le_bytes) else { continue };
        let (offset, length) = (bits as usize & 0x7fff, bits as usize >> 17);
        let Some(tuple) = page.get(offset..offset + length) else { continue };
        let Some(header) = tuple.get(22).map(|header| usize::from(*header)) else { continue };
        if let Some((id, row)) = tuple.get(header..).and_then(|data| data.split_first_chunk::<8>()) {
            visit(i64::from_le_bytes(*id), row);
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

/// Rows of binary COPY whose first column is a `bigint`.
fn rows_of_copy(bytes: &[u8], visit: &mut impl FnMut(i64, &[u8])) {
    let mut rest = bytes.get(19..).unwrap_or_default();
    while let Some((count, fields)) = rest.split_first_chunk::<2>() {
        let Ok(count) = u16::try_from(i16::from_be_bytes(*count)) else { return };
        let mut after = fields;
        for _ in 0..count {
            let Some((length, field)) = after.split_first_chunk::<4>() else { return };
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
            let Some(next) = field.get(length..) else { return };
            after = next;
        }
        let row = fields.get(..fields.len() - after.len()).unwrap_or_default();
        if let Some((id, row)) = row.get(4..).and_then(|row| row.split_first_chunk::<8>()) {
            visit(i64::from_be_bytes(*id), row);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(walk: impl FnOnce(&mut dyn FnMut(i64, &[u8]))) -> Vec<(i64, Vec<u8>)> {
        let mut rows = Vec::new();
        walk(&mut |id, row| rows.push((id, row.to_vec())));
        rows
    }

    #[test]
    fn rows_of_a_page_and_of_a_copy_are_told_apart() {
        let mut page = vec![0; PAGE];
        let tuple: Vec<u8> =
            [vec![0; 22], vec![24, 0], 7_i64.to_le_bytes().to_vec(), b"row".to_vec()].concat();
        page[8000..8000 + tuple.len()].copy_from_slice(&tuple);
        page[12..14].copy_from_slice(&32_u16.to_le_bytes());
        let pointer = 8000 | (1 << 15) | ((tuple.len() as u32) << 17);
        page[24..28].copy_from_slice(&pointer.to_le_bytes());
        let rows = collected(|mut visit| rows_of_page(&page, &mut visit));
        assert_eq!(rows, [(7, b"row".to_vec())]);

        let row = [&[0, 2, 0, 0, 0, 8][..], &9_i64.to_be_bytes(), &[0, 0, 0, 1, b'x']].concat();
        let null = [&[0, 2, 0, 0, 0, 8][..], &10_i64.to_be_bytes(), &[255; 4]].concat();
        let copy = [&[0; 19][..], &row, &null, &[255, 255]].concat();
        let rows = collected(|mut visit| rows_of_copy(&copy, &mut visit));
        assert_eq!(rows, [(9, vec![0, 0, 0, 1, b'x']), (10, vec![255; 4])]);
    }

    #[test]
    fn damaged_files_do_no_harm() {
        for byte in [0, 1, 0x7f, 0xff] {
            let junk = vec![byte; PAGE];
            collected(|mut visit| rows_of_page(&junk, &mut visit));
            collected(|mut visit| rows_of_page(&junk[..10], &mut visit));
            collected(|mut visit| rows_of_copy(&junk, &mut visit));
        }
    }

    #[test]
    fn chance_is_told_from_a_leak() {
        let clean = Birthdays { rows: 10_000, own: 0, strangers: 0, windows: 20_000_000 };
        assert!(clean.is_chance() && clean.expected_by_chance() < 0.01);
        assert!(!Birthdays { own: 10_000, ..clean }.is_chance());
        assert!(!Birthdays { own: 3, ..clean }.is_chance());
        assert!(!Birthdays::default().is_chance(), "no row seen is no finding");
    }
}
