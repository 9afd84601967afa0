//! Generated statements: random schemas and random statements about them, to plain PostgreSQL and to Pyrite.
//!
//! Each statement is the same on both sides, or refused by Pyrite (0A000); everything else fails, with the statement
//! made as small as it goes. What was refused is counted by the words of the refusal. A leak tap looks for every value of
//! the encrypted columns.
//!
//! `PYRITE_GENERATOR_STATEMENTS` makes the run longer, `PYRITE_GENERATOR_SEED` another one, and `PYRITE_GENERATOR_WORLD`
//! begins with a later schema. With `PYRITE_GENERATOR_SHOW=1` each statement is printed with its verdict.

#![allow(missing_docs, reason = "a test program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test program fails by panicking and reports on its standard output"
)]

#[path = "../differential/answer.rs"]
mod answer;
mod forms;
mod kind;
mod node;
mod query;
#[path = "../chaos/random.rs"]
#[allow(dead_code, reason = "other tests use all of it")]
mod random;
mod scalar;
mod sides;
#[path = "../support/mod.rs"]
mod support;
mod tally;
mod world;
mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use random::Random;
use scalar::Maker;
use sides::{Mode, Sides, Trial, Verdict};
use tally::Tally;
use world::World;

/// Statements about one schema.
const PER_WORLD: u64 = 150;
/// Differences after which nothing more is to be learnt.
const MOST_FAULTS: usize = 12;
/// Attempts at making a statement smaller.
const ATTEMPTS: usize = 250;
/// Kinds of search that a column may have besides equality, where this version has them.
const SEARCH: [&str; 3] = ["order", "caseless", "match"];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let statements = number("PYRITE_GENERATOR_STATEMENTS", 300);
    let seed = number("PYRITE_GENERATOR_SEED", 1);
    let first = number("PYRITE_GENERATOR_WORLD", 0);
    let kinds: Vec<&'static str> = SEARCH.into_iter().filter(|kind| is_known(kind)).collect();
    let locales = sides::locales();
    let mut tally = Tally::default();
    let mut left = statements;
    for number in first.. {
        if left == 0 || tally.faults >= MOST_FAULTS {
            break;
        }
        let count = left.min(PER_WORLD);
        left -= count;
        run_world(&mut tally, seed, number, count, (&kinds, &locales));
    }
    tally.report(seed);
    match tally.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Whether the configuration takes this kind of search.
fn is_known(kind: &str) -> bool {
    let text = format!(
        "listen = \"127.0.0.1:1\"\nupstream = \"127.0.0.1:2\"\n\
         [keys]\nroot = {{ provider = \"file\", path = \"root.key\" }}\n\
         [databases.d.tables.\"public.t\"]\nc = {{ type = \"text\", search = [\"equality\", \"{kind}\"] }}\n"
    );
    let secrets = pyrite::config::SystemSecrets;
    pyrite::config::Config::parse(&text, std::path::Path::new("/nonexistent"), &secrets).is_ok()
}

fn run_world(
    tally: &mut Tally,
    seed: u64,
    number: u64,
    statements: u64,
    (kinds, locales): (&[&'static str], &[String]),
) {
    let world = World::new(&mut Random::new(seed, 1_000_000 + number), kinds, locales);
    let mut sides = match Sides::start(&world) {
        Ok(sides) => sides,
        Err(report) => {
            println!("FAULT seed {seed}, world {number}, its setup: {report}\n{}", world.config);
            tally.faults += 1;
            return;
        }
    };
    let mut shown = false;
    for statement in 0..statements {
        let trial = trial(&world, Random::new(seed, number * PER_WORLD + statement));
        let verdict = sides.run(&trial);
        if std::env::var_os("PYRITE_GENERATOR_SHOW").is_some() {
            show(&trial, &verdict);
        }
        if tally.add(trial.form, &verdict) {
            continue;
        }
        if !std::mem::replace(&mut shown, true) {
            println!("{}\n{}\n{}", world.locale, world.setup.join(";\n"), world.config);
        }
        println!("FAULT seed {seed}, world {number}, statement {statement}\n  {}", self::statement(&trial));
        complain(&mut sides, &trial, &verdict);
        if tally.faults >= MOST_FAULTS {
            break;
        }
    }
    // The proxy's own last words: leaks, and panics that nobody saw.
    if catch_unwind(AssertUnwindSafe(|| sides.finish())).is_err() && !shown {
        tally.faults += 1;
    }
}

fn trial(world: &World, random: Random) -> Trial {
    let mut maker = Maker::new(world, random);
    if maker.random.chance(72) {
        let mode = Mode::any(&mut maker.random, true);
        let (form, node) = maker.select();
        return Trial { form, node, mode, table: None, commit: false };
    }
    let mode = Mode::any(&mut maker.random, false);
    let commit = maker.random.chance(30);
    let (form, node, table) = maker.write();
    Trial { form, node, mode, table: Some(table), commit }
}

fn show(trial: &Trial, verdict: &Verdict) {
    let verdict = match verdict {
        Verdict::Same(None) => "same".to_owned(),
        Verdict::Same(Some(state)) => format!("same error {state}"),
        Verdict::Refused(words) => format!("refused: {words}"),
        Verdict::Different(..) => "different".to_owned(),
        Verdict::Leak(_) => "leak".to_owned(),
    };
    println!("{verdict}\n    {}", statement(trial));
}

fn statement(trial: &Trial) -> String {
    let written = trial.node.write(trial.mode.has_params());
    format!("{} {:?} ({:?})", written.sql, written.params, trial.mode)
}

fn complain(sides: &mut Sides, trial: &Trial, fault: &Verdict) {
    match fault {
        Verdict::Leak(leaks) => println!("  LEAK {leaks:?}"),
        Verdict::Different(how, state) => {
            println!("  DIFFERENT\n{how}");
            let (smallest, again) = sides.minimise(trial, state.as_deref(), ATTEMPTS);
            if !again.is_empty() {
                println!("  made smaller:\n  {}\n{again}", statement(&smallest));
            }
        }
        _ => {}
    }
}
