//! A search for about a million needles in some hundred megabytes, in one pass.
//!
//! Each needle is known by seven of its bytes: those that the fewest other needles share. The pass looks at
//! every window of seven bytes; a bitmap turns away almost all, a table finds the needles of the rest, and
//! comparing whole needles decides.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::forms::{Form, Known, SHORTEST, needles, weight};
use super::loot::{Loot, Place};

/// Bits of a hash that index the bitmap: two megabytes, which stay in a processor's cache.
const BITMAP_BITS: u32 = 24;
/// Bits of a hash that index the table.
const TABLE_BITS: u32 = 22;
/// How much of a file is read at once.
const CHUNK: usize = 4 << 20;
/// No needle here.
const NONE: u32 = u32::MAX;

/// A group of values that are reported together.
pub struct Column {
    /// For people.
    pub name: &'static str,
    /// Each once.
    pub values: Vec<Known>,
}

struct Needle {
    /// Where its bytes are in the arena.
    start: u32,
    length: u16,
    /// Where the seven bytes it is known by are, within it.
    window_at: u16,
    /// Lower bits of its window's hash: most of the slot's other needles end here.
    tag: u32,
    /// The next needle in the same slot of the table.
    next: u32,
    value: u32,
    form: Form,
}

/// All needles, ready to be looked for.
pub struct Searcher {
    columns: Vec<(&'static str, u32)>,
    arena: Vec<u8>,
    needles: Vec<Needle>,
    bitmap: Vec<u64>,
    table: Vec<u32>,
    longest: usize,
}

/// What was found of each value: bits of places, and bits of forms.
#[derive(Clone, Copy, Default)]
struct Mark {
    places: u8,
    forms: u16,
}

/// What was found of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// For people.
    pub name: &'static str,
    /// How many values were looked for.
    pub total: u32,
    /// How many were found at all.
    pub found: u32,
    /// How many were found in each place, in the order of [`Place::ALL`].
    pub by_place: [u32; Place::ALL.len()],
    /// How many were found in each form, in the order of [`Form::ALL`].
    pub by_form: [u32; Form::ALL.len()],
}

/// The search was called off.
#[derive(Debug)]
pub enum Stopped {
    /// By the caller.
    Cancelled,
    /// By a file that could not be read.
    Io(io::Error),
}

impl Searcher {
    /// Makes the needles of all values.
    pub fn new(columns: &[Column]) -> Self {
        let mut searcher = Self {
            columns: Vec::new(),
            arena: Vec::new(),
            needles: Vec::new(),
            bitmap: vec![0; 1 << (BITMAP_BITS - 6)],
            table: vec![NONE; 1 << TABLE_BITS],
            longest: SHORTEST,
        };
        let mut value = 0;
        for column in columns {
            for known in &column.values {
                for (form, bytes) in needles(known) {
                    searcher.add(value, form, &bytes);
                }
                value += 1;
            }
            searcher.columns.push((column.name, column.values.len() as u32));
        }
        searcher.index();
        searcher
    }

    /// Number of values.
    pub fn values(&self) -> usize {
        self.columns.iter().map(|(_, count)| *count as usize).sum()
    }

    /// Number of needles.
    pub fn needles(&self) -> usize {
        self.needles.len()
    }

    /// How many hits random bytes would give in a search of so many bytes.
    pub fn expected_by_chance(&self, bytes: u64) -> f64 {
        let each = |needle: &Needle| 0.5_f64.powi(weight(self.bytes_of(needle)).min(1_000) as i32);
        self.needles.iter().map(each).sum::<f64>() * bytes as f64
    }

    fn add(&mut self, value: u32, form: Form, bytes: &[u8]) {
        let (Ok(start), Ok(length)) = (u32::try_from(self.arena.len()), u16::try_from(bytes.len())) else {
            return;
        };
        self.longest = self.longest.max(bytes.len());
        self.arena.extend_from_slice(bytes);
        self.needles.push(Needle { start, length, window_at: 0, tag: 0, next: NONE, value, form });
    }

    fn bytes_of(&self, needle: &Needle) -> &[u8] {
        let start = needle.start as usize;
        self.arena.get(start..start + usize::from(needle.length)).unwrap_or_default()
    }

    /// Chooses each needle's window and enters it into bitmap and table.
    fn index(&mut self) {
        let mut shared = vec![0_u16; 1 << 22];
        for needle in &self.needles {
            for at in candidates(needle.length) {
                if let Some(key) = window(self.bytes_of(needle), at) {
                    let slot = &mut shared[(hash(key) >> 42) as usize];
                    *slot = slot.saturating_add(1);
                }
            }
        }
        for index in 0..self.needles.len() {
            let needle = &self.needles[index];
            let bytes = self.bytes_of(needle);
            let rarest = candidates(needle.length)
                .filter_map(|at| window(bytes, at).map(|key| (shared[(hash(key) >> 42) as usize], at, key)))
                .min();
            let Some((_, at, key)) = rarest else { continue };
            let hash = hash(key);
            let bit = hash >> (64 - BITMAP_BITS);
            self.bitmap[(bit >> 6) as usize] |= 1 << (bit & 63);
            let head = &mut self.table[(hash >> (64 - TABLE_BITS)) as usize];
            let needle = &mut self.needles[index];
            needle.window_at = at as u16;
            needle.tag = hash as u32;
            needle.next = *head;
            *head = index as u32;
        }
    }

    /// Searches everything stolen, on all cores.
    pub fn search(&self, loot: &Loot, cancel: &AtomicBool) -> Result<Vec<Found>, Stopped> {
        let mut work = Vec::new();
        for file in loot.files() {
            for start in (0..file.length.max(1)).step_by(CHUNK) {
                work.push((&file.path, file.place, start));
            }
        }
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<Mark>, Stopped> {
            let mut marks = vec![Mark::default(); self.values()];
            let mut buffer = Vec::new();
            while let Some((path, place, start)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                if cancel.load(Ordering::Relaxed) {
                    return Err(Stopped::Cancelled);
                }
                read_part(path, *start, CHUNK + self.longest, &mut buffer).map_err(Stopped::Io)?;
                self.scan(&buffer, *place, &mut marks);
            }
            Ok(marks)
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let all = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|_| Err(Stopped::Io(io::Error::other("a search thread failed"))))
                })
                .collect::<Result<Vec<_>, _>>()
        })?;
        let mut marks = vec![Mark::default(); self.values()];
        for part in all {
            for (mark, found) in marks.iter_mut().zip(part) {
                mark.places |= found.places;
                mark.forms |= found.forms;
            }
        }
        Ok(self.count(&marks))
    }

    /// Searches bytes in memory.
    pub fn search_bytes(&self, haystack: &[u8]) -> Vec<Found> {
        let mut marks = vec![Mark::default(); self.values()];
        self.scan(haystack, Place::Other, &mut marks);
        self.count(&marks)
    }

    fn scan(&self, haystack: &[u8], place: Place, marks: &mut [Mark]) {
        let mut key = 0;
        for (end, byte) in haystack.iter().enumerate() {
            // The last seven bytes, as `window` reads them.
            key = (key >> 8) | (u64::from(*byte) << 48);
            let hash = hash(key);
            let bit = hash >> (64 - BITMAP_BITS);
            if self.bitmap[(bit >> 6) as usize] & (1 << (bit & 63)) != 0
                && let Some(at) = (end + 1).checked_sub(SHORTEST)
            {
                self.compare(haystack, at, hash, place, marks);
            }
        }
    }

    fn compare(&self, haystack: &[u8], at: usize, hash: u64, place: Place, marks: &mut [Mark]) {
        let mut index = self.table[(hash >> (64 - TABLE_BITS)) as usize];
        while let Some(needle) = self.needles.get(index as usize) {
            index = needle.next;
            if needle.tag != hash as u32 {
                continue;
            }
            let Some(start) = at.checked_sub(usize::from(needle.window_at)) else { continue };
            let there = haystack.get(start..start + usize::from(needle.length));
            if there == Some(self.bytes_of(needle))
                && let Some(mark) = marks.get_mut(needle.value as usize)
            {
                mark.places |= 1 << place as u8;
                mark.forms |= 1 << needle.form as u8;
            }
        }
    }

    fn count(&self, marks: &[Mark]) -> Vec<Found> {
        let mut rest = marks;
        let mut all = Vec::new();
        for (name, total) in &self.columns {
            let (own, others) = rest.split_at_checked(*total as usize).unwrap_or((rest, &[]));
            rest = others;
            let counted = |is: &dyn Fn(&Mark) -> bool| own.iter().filter(|mark| is(mark)).count() as u32;
            all.push(Found {
                name,
                total: *total,
                found: counted(&|mark| mark.places != 0),
                by_place: Place::ALL.map(|place| counted(&|mark| mark.places & (1 << place as u8) != 0)),
                by_form: Form::ALL.map(|form| counted(&|mark| mark.forms & (1 << form as u8) != 0)),
            });
        }
        all
    }
}

/// Where in a needle of this length the window may be.
fn candidates(length: u16) -> impl Iterator<Item = usize> {
    let last = usize::from(length).saturating_sub(SHORTEST);
    [0, last / 4, last / 2, last - last / 4, last].into_iter()
}

fn window(bytes: &[u8], at: usize) -> Option<u64> {
    let seven = bytes.get(at..at + SHORTEST)?;
    let mut eight = [0; 8];
    eight.get_mut(..SHORTEST)?.copy_from_slice(seven);
    Some(u64::from_le_bytes(eight))
}

/// The upper bits depend on all bits of the key; only they are used.
fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn read_part(path: &Path, start: u64, length: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    file.take(length as u64).read_to_end(buffer)?;
    Ok(())
}
