//! What the rotation of a data key costs: rows per second beside a plain UPDATE of the same rows in the same batches, and
//! what an application's queries feel of it.
//!
//! `cargo bench --bench rotation`. `PYRITE_BENCH_ROWS` (1000000) is the table's size, `PYRITE_BENCH_ROUNDS` (3) how often the
//! rates are measured, `PYRITE_BENCH_WINDOWS` (6) and `PYRITE_BENCH_SECONDS` (4) how often and how long the application is
//! watched without and with a rotation, in turn, `PYRITE_BENCH_QUERIES` (1000) its queries per second, `PYRITE_BENCH_THROTTLES`
//! ("default 100:40") under which throttles (share of the time, length of a batch in milliseconds), `PYRITE_BENCH_FSYNC` (on) the
//! server's setting, `PYRITE_BENCH_PARTS` ("rates queries") what is run. All run on one machine and share its cores, so
//! only ratios within one run mean anything.

#![allow(missing_docs, reason = "a program for measurements")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for measurements fails by panicking and reports on its standard output"
)]

#[path = "rotation/application.rs"]
mod application;
#[path = "rotation/stage.rs"]
mod stage;

use std::time::Duration;

use application::{Application, Window};
use pyrite::jobs::{Jobs, Options, Request, Settings, Target};
use stage::{Runner, Stage, Sweep};

/// What one round of rates found, in rows per second.
struct Rates {
    plain: f64,
    plain_hot: f64,
    full: Sweep,
    throttled: Sweep,
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_string())
}

fn number(name: &str, default: u32) -> u32 {
    setting(name, &default.to_string()).parse().expect("a number")
}

fn mail() -> Target {
    Target::Group("mail".to_owned())
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let (rows, rounds) = (number("PYRITE_BENCH_ROWS", 1_000_000), number("PYRITE_BENCH_ROUNDS", 3));
    let parts = setting("PYRITE_BENCH_PARTS", "rates queries");
    let stage = Stage::new(&setting("PYRITE_BENCH_FSYNC", "on")).await;
    stage.fill(rows).await;
    eprintln!("filled with {rows} rows");
    for indexed in [false, true] {
        if indexed {
            stage.index().await;
        }
        if parts.contains("rates") {
            let mut all = Vec::new();
            for round in 0..rounds {
                all.push(rates(&stage, rows).await);
                eprintln!("rates, round {} of {rounds} done", round + 1);
            }
            report_rates(indexed, &all);
        }
    }
    if parts.contains("queries") {
        queries(&stage, rows).await;
    }
}

/// Each begins with the table packed tightly, as loading leaves it.
async fn rates(stage: &Stage, rows: u32) -> Rates {
    let runner = Runner::start(stage).await;
    stage.pack().await;
    let full = runner.rotate(Some(100)).await;
    stage.pack().await;
    let (plain, plain_hot) = stage.plain_update(rows, full.rows_per_batch()).await;
    stage.pack().await;
    let throttled = runner.rotate(None).await;
    runner.stop().await;
    Rates { plain, plain_hot, full, throttled }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn report_rates(indexed: bool, all: &[Rates]) {
    let with = if indexed { "with" } else { "without" };
    println!("\nTable {with} an index on the equality term. Medians; ratios round by round.\n");
    println!("| | rows/s | to the plain UPDATE | spread | rows/s of the whole job | rows per batch | HOT |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let plain = median(all.iter().map(|rates| rates.plain));
    let hot = median(all.iter().map(|rates| rates.plain_hot));
    let batch = median(all.iter().map(|rates| rates.full.rows_per_batch()));
    println!("| plain UPDATE, no rests | {plain:.0} | 1.00 | – | – | {batch:.0} | {:.0} % |", hot * 100.0);
    let line = |name: &str, sweep: &dyn Fn(&Rates) -> Sweep| {
        let ratios: Vec<f64> = all.iter().map(|rates| sweep(rates).rate() / rates.plain).collect();
        println!(
            "| {name} | {:.0} | {:.2} | {:.2}–{:.2} | {:.0} | {:.0} | {:.0} % |",
            median(all.iter().map(|rates| sweep(rates).rate())),
            median(ratios.iter().copied()),
            ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratios.iter().copied().fold(0.0, f64::max),
            median(all.iter().map(|rates| sweep(rates).whole_rate())),
            median(all.iter().map(|rates| sweep(rates).rows_per_batch())),
            median(all.iter().map(|rates| sweep(rates).hot)) * 100.0,
        );
    };
    line("ROTATE KEY, unthrottled", &|rates| rates.full);
    line("ROTATE KEY, default throttle", &|rates| rates.throttled);
}

/// An application through a proxy, without and with a rotation that this proxy works on.
async fn queries(stage: &Stage, rows: u32) {
    for throttle in setting("PYRITE_BENCH_THROTTLES", "default 100:40").split_whitespace() {
        queries_under(stage, rows, throttle).await;
    }
}

/// What a throttle's name means: `default`, or its share and the length of its batches.
fn settings_of(throttle: &str) -> Settings {
    let Some((share, milliseconds)) = throttle.split_once(':') else { return Settings::default() };
    let batch_time = Duration::from_millis(milliseconds.parse().expect("milliseconds"));
    Settings { share: share.parse().expect("a share in percent"), batch_time, ..Settings::default() }
}

async fn queries_under(stage: &Stage, rows: u32, throttle: &str) {
    let server = stage.serve(settings_of(throttle)).await;
    let (windows, seconds) = (number("PYRITE_BENCH_WINDOWS", 6), number("PYRITE_BENCH_SECONDS", 4));
    let rate = number("PYRITE_BENCH_QUERIES", 1_000);
    stage.pack().await;
    let application = Application::start(server.local_addr().port(), rate, rows).await;
    let watcher = stage.watcher().await;
    let mut job = Job { jobs: Jobs::new(watcher), id: None };
    let (mut without, mut with, mut swept) = (Vec::new(), Vec::new(), Vec::new());
    let length = Duration::from_secs(u64::from(seconds));
    while with.len() < windows as usize {
        job.rest().await;
        without.push(application.watch(length).await);
        let before = job.sweep().await;
        let window = application.watch(length).await;
        // Otherwise it has come to its end in this window, which then is neither.
        match job.still_sweeping().await {
            Some(after) => {
                swept.push((after - before) as f64 / length.as_secs_f64());
                with.push(window);
            }
            None => drop(without.pop()),
        }
    }
    job.finish().await;
    report_queries(throttle, &without, &with, median(swept.into_iter()));
    application.stop().await;
    tokio::task::spawn_blocking(move || server.shutdown()).await.expect("the proxy stops");
}

fn report_queries(name: &str, without: &[Window], with: &[Window], swept: f64) {
    println!(
        "\nApplication's queries without and with a rotation (throttle {name}, {swept:.0} rows/s). Medians of {} windows; changes window by window.\n",
        with.len()
    );
    println!(
        "| queries | median ms, without | with | change | mean ms, without | with | change | p99 ms, without | with | per s, without | with |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let kinds = ["all", "lookup by key", "lookup by encrypted value", "update"];
    for (at, kind) in kinds.iter().enumerate() {
        let of = |windows: &[Window], figure: &dyn Fn(&application::Figures) -> f64| {
            median(windows.iter().map(|window| figure(&window.kinds[at])))
        };
        let change = |figure: &dyn Fn(&application::Figures) -> f64| {
            let pairs = without.iter().zip(with);
            let changes = pairs.map(|(a, b)| figure(&b.kinds[at]) / figure(&a.kinds[at]) - 1.0);
            format!("{:+.1} %", 100.0 * median(changes))
        };
        let (middle, mean) = (|f: &application::Figures| f.median, |f: &application::Figures| f.mean);
        let (p99, rate) = (|f: &application::Figures| f.p99, |f: &application::Figures| f.throughput);
        println!(
            "| {kind} | {:.3} | {:.3} | {} | {:.3} | {:.3} | {} | {:.2} | {:.2} | {:.0} | {:.0} |",
            of(without, &middle),
            of(with, &middle),
            change(&middle),
            of(without, &mean),
            of(with, &mean),
            change(&mean),
            of(without, &p99),
            of(with, &p99),
            of(without, &rate),
            of(with, &rate),
        );
    }
}

/// Rotations, one after the other, that can be made to rest.
struct Job {
    jobs: Jobs,
    id: Option<i64>,
}

impl Job {
    /// What is under way when a window begins is not part of it.
    const SETTLE: Duration = Duration::from_millis(500);

    async fn rest(&mut self) {
        if let Some(id) = self.id {
            // It may have ended meanwhile.
            let _ = self.jobs.pause(id).await;
        }
        tokio::time::sleep(Self::SETTLE).await;
    }

    /// Lets it rewrite rows, from the beginning if need be. Returns how many it has rewritten.
    async fn sweep(&mut self) -> i64 {
        let mut seen = None;
        loop {
            match self.id {
                None => {
                    let ids = self.jobs.submit(Request::RotateKey(mail()), Options::default(), "bench").await;
                    self.id = ids.expect("a job").first().copied();
                }
                Some(id) => {
                    let job = self.jobs.get(id).await.expect("the job");
                    assert!(job.error.is_none(), "{job:?}");
                    if job.state.is_over() {
                        self.id = None;
                    } else if job.state == pyrite::jobs::JobState::Paused {
                        self.jobs.resume(id).await.expect("resume the job");
                    } else if job.step == "sweep" {
                        if seen.is_some_and(|seen| job.rows_done > seen) {
                            tokio::time::sleep(Self::SETTLE).await;
                            return self.jobs.get(id).await.expect("the job").rows_done;
                        }
                        seen.get_or_insert(job.rows_done);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn still_sweeping(&self) -> Option<i64> {
        let job = self.jobs.get(self.id?).await.expect("the job");
        (job.step == "sweep" && !job.state.is_over()).then_some(job.rows_done)
    }

    async fn finish(&mut self) {
        let Some(id) = self.id.take() else { return };
        let _ = self.jobs.resume(id).await;
        loop {
            let job = self.jobs.get(id).await.expect("the job");
            if job.state.is_over() {
                return assert!(job.error.is_none(), "{job:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
