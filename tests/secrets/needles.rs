//! Keys in every form in which they could leave the process, and the search for them.

use std::collections::BTreeMap;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Keys by their bytes, with what they are.
pub type Keys = BTreeMap<[u8; 32], String>;

/// What is looked for.
pub struct Search {
    labels: Vec<String>,
    needles: Vec<Vec<u8>>,
    automaton: AhoCorasick,
}

/// Parts of a key that give it away: half of it is no coincidence.
fn forms(key: &[u8; 32]) -> Vec<(&'static str, Vec<u8>)> {
    let mut out = Vec::new();
    for half in key.chunks(16) {
        let hex: String = half.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = |separator: &str| half[..12].iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
        out.push(("bytes", half.to_vec()));
        out.push(("bytes, reversed", half.iter().rev().copied().collect()));
        out.push(("upper-case hexadecimal", hex.to_uppercase().into_bytes()));
        out.push(("hexadecimal", hex.into_bytes()));
        out.push(("a list of numbers", list(", ").into_bytes()));
        out.push(("a list of numbers without spaces", list(",").into_bytes()));
        out.push(("escapes", half.escape_ascii().to_string().into_bytes()));
    }
    // However the bytes before it shift the alignment; what depends on neighbours is left out.
    for shift in 0..3 {
        let whole = &key[shift..shift + 27];
        out.push(("base64", STANDARD.encode(whole).into_bytes()));
        out.push(("base64 for URLs", URL_SAFE.encode(whole).into_bytes()));
    }
    out
}

impl Search {
    pub fn new(keys: &Keys) -> Self {
        let mut found = BTreeMap::new();
        for (key, name) in keys {
            for (form, needle) in forms(key) {
                found.entry(needle).or_insert_with(|| format!("{name} as {form}"));
            }
        }
        let (needles, labels): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let automaton = AhoCorasick::new(&needles).unwrap();
        Self { labels, needles, automaton }
    }

    /// Everything that is looked for.
    pub fn needles(&self) -> &[Vec<u8>] {
        &self.needles
    }

    /// What of it is in these bytes.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let found = self.automaton.find_overlapping_iter(bytes);
        found
            .map(|hit| format!("{place}: {} at {}", self.labels[hit.pattern().as_usize()], hit.start()))
            .collect()
    }

    /// The same for all files below a folder, and how many bytes those are.
    pub fn folder(&self, folder: &Path, skip: &[&Path]) -> (Vec<String>, usize) {
        let (mut hits, mut total) = (Vec::new(), 0);
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if skip.contains(&path.as_path()) {
                continue;
            }
            // A running server deletes files under our hands.
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                let (more, bytes) = self.folder(&path, skip);
                hits.extend(more);
                total += bytes;
            } else if kind.is_file() {
                let Ok(bytes) = std::fs::read(&path) else { continue };
                total += bytes.len();
                hits.extend(self.bytes(&path.display().to_string(), &bytes));
            }
        }
        (hits, total)
    }
}
