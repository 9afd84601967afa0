//! What came of the statements, for people to read.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::sides::Verdict;

/// Counts.
#[derive(Default)]
pub struct Tally {
    /// By form of the statement: same, same error, refused.
    forms: BTreeMap<&'static str, [usize; 3]>,
    /// Pyrite's words, without the names in them.
    refusals: BTreeMap<String, usize>,
    pub faults: usize,
}

impl Tally {
    /// Counts a statement; `false`: it is a fault.
    pub fn add(&mut self, form: &'static str, verdict: &Verdict) -> bool {
        let at = match verdict {
            Verdict::Same(None) => 0,
            Verdict::Same(Some(_)) => 1,
            Verdict::Refused(words) => {
                *self.refusals.entry(without_names(words)).or_default() += 1;
                2
            }
            Verdict::Different(..) | Verdict::Leak(_) => {
                self.faults += 1;
                return false;
            }
        };
        self.forms.entry(form).or_default()[at] += 1;
        true
    }

    fn sums(&self) -> [usize; 3] {
        self.forms.values().fold([0; 3], |sum, row| [sum[0] + row[0], sum[1] + row[1], sum[2] + row[2]])
    }

    /// Whether all is well, and something was looked at.
    pub fn is_good(&self) -> bool {
        self.faults == 0 && self.sums()[0] > 0
    }

    pub fn report(&self, seed: u64) {
        let mut refusals: Vec<(&String, &usize)> = self.refusals.iter().collect();
        refusals.sort_by_key(|(words, count)| (Reverse(**count), (*words).clone()));
        for (words, count) in refusals {
            println!("{count:>6} refused: {words}");
        }
        println!("{:16} {:>7} {:>12} {:>8} {:>7}", "form", "same", "same errors", "refused", "total");
        let row = |name: &str, [same, errors, refused]: [usize; 3]| {
            println!("{name:16} {same:>7} {errors:>12} {refused:>8} {:>7}", same + errors + refused);
        };
        self.forms.iter().for_each(|(name, counts)| row(name, *counts));
        row("all", self.sums());
        println!("seed {seed}: {} different or leaking", self.faults);
    }
}

/// So that what is refused for one reason is counted together.
fn without_names(words: &str) -> String {
    let mut text = String::new();
    for (at, part) in words.split('"').enumerate() {
        text.push_str(if at % 2 == 0 { part } else { "…" });
    }
    // One of the names has a blank in it.
    let text = text.replace("Log Entry", "Log");
    let is_name = |word: &str| word.starts_with("public.");
    let words: Vec<&str> = text.split(' ').map(|word| if is_name(word) { "…" } else { word }).collect();
    words.join(" ")
}
