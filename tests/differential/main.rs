//! Differential test: the same statements to plain PostgreSQL and to Pyrite; the answers must be the same bytes.
//!
//! Cases are data, in `cases/*.sql`; `cases/README.md` has their format. Each runs over the simple protocol, the extended
//! protocol with text, the extended protocol with binary formats, and as a prepared statement. Every word given on the command
//! line (`cargo test --test differential -- insert`) is a filter on "category: name". With `PYRITE_DIFFERENTIAL=plain` both
//! sides are plain PostgreSQL, which shows whether a new case itself is deterministic.

#![allow(missing_docs, reason = "a test program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test program fails by panicking and reports on its standard output"
)]

mod answer;
mod corpus;
mod run;

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use corpus::Case;
use run::{Sides, Verdict};

fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential");
    let cases = corpus::load(&folder.join("cases"));
    let chosen: Vec<&Case> = cases
        .iter()
        .filter(|case| filters.is_empty() || filters.iter().any(|word| case.title().contains(word.as_str())))
        .collect();

    let mut sides = Sides::start(&folder);
    let mut table: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut statements = 0;
    for case in &chosen {
        statements += case.compared();
        let verdict = sides.run(case);
        let row = table.entry(&case.category).or_default();
        match verdict {
            Verdict::Same => row[0] += 1,
            Verdict::Different(report) => {
                row[1] += 1;
                println!("{report}");
            }
            Verdict::Refused => row[2] += 1,
        }
    }

    print_table(&table);
    println!("{} cases, {statements} statements, each in up to four protocol modes", chosen.len());
    let leaks = sides.finish(filters.is_empty());
    for leak in &leaks {
        println!("{leak}");
    }
    let different: usize = table.values().map(|row| row[1]).sum();
    if chosen.is_empty() {
        println!("no case matches {filters:?}");
    }
    match different == 0 && leaks.is_empty() && !chosen.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn print_table(table: &BTreeMap<&str, [usize; 3]>) {
    println!("{:16} {:>6} {:>10} {:>8} {:>6}", "category", "same", "different", "refused", "total");
    let mut sum = [0; 3];
    for (category, row) in table {
        let [same, different, refused] = row;
        println!("{category:16} {same:>6} {different:>10} {refused:>8} {:>6}", row.iter().sum::<usize>());
        (0..3).for_each(|i| sum[i] += row[i]);
    }
    println!("{:16} {:>6} {:>10} {:>8} {:>6}", "all", sum[0], sum[1], sum[2], sum.iter().sum::<usize>());
}
