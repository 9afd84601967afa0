//! What a query costs: pgbench against the server itself, PgBouncer in session mode, and Pyrite, interleaved.
//!
//! `cargo bench --bench throughput`. `PYRITE_BENCH_SECONDS` (2) is the length of each run, `PYRITE_BENCH_ROUNDS` (5) how often
//! each is repeated, `PYRITE_BENCH_CLIENTS` ("1 8 32") and `PYRITE_BENCH_MODES` ("simple extended prepared") what is run.
//! All run on one machine and share its cores, so only ratios within one run of this program mean anything.

#![allow(missing_docs, reason = "a program for measurements")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for measurements fails by panicking and reports on its standard output"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use support::keeper::Keeper;
use support::pyrite::Pyrite;
use support::raw::Client;
use support::{Folder, server};

const SCALE: u32 = 10;
const LOOKUPS: u32 = 10_000;

/// What pgbench is pointed at.
struct Target {
    name: &'static str,
    port: u16,
    /// The proxy's process, if there is one.
    pid: Option<u32>,
    script: Script,
}

#[derive(Clone, Copy, PartialEq)]
enum Script {
    /// pgbench's own: one row of `pgbench_accounts` by its key.
    SelectOnly,
    /// The same shape on an encrypted column.
    EncryptedLookup,
}

/// One run.
struct Sample {
    /// Transactions a second.
    throughput: f64,
    /// Milliseconds at 50, 95 and 99 %.
    latency: [f64; 3],
    /// Processor time of the proxy per transaction, in microseconds.
    processor: Option<f64>,
}

fn main() {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_string());
    let number = |name: &str, default: &str| setting(name, default).parse::<u32>().expect("a number");
    let (seconds, rounds) = (number("PYRITE_BENCH_SECONDS", "2"), number("PYRITE_BENCH_ROUNDS", "5"));
    let modes = setting("PYRITE_BENCH_MODES", "simple extended prepared");
    let clients = setting("PYRITE_BENCH_CLIENTS", "1 8 32");

    let folder = Folder::new("bench");
    let database = server::shared().database("bench");
    let pyrite = Pyrite::start_untapped(&format!(
        "[databases.{database}.tables.\"public.lookups\"]\nnumber = {{ type = \"int4\", search = [\"equality\"] }}\n"
    ));
    fill(&database, &pyrite, folder.path());
    let bouncer = PgBouncer::start(folder.path());
    let target = |name, port, pid, script| Target { name, port, pid, script };
    let mut targets = vec![target("direct", server::shared().port(), None, Script::SelectOnly)];
    if let Some(bouncer) = &bouncer {
        targets.push(target("PgBouncer", bouncer.port, Some(bouncer.keeper.pid()), Script::SelectOnly));
    }
    targets.push(target("Pyrite", pyrite.port(), Some(pyrite.pid()), Script::SelectOnly));
    targets.push(target(
        "Pyrite, encrypted lookup",
        pyrite.port(),
        Some(pyrite.pid()),
        Script::EncryptedLookup,
    ));

    let mut samples: BTreeMap<(usize, u32, usize), Vec<Sample>> = BTreeMap::new();
    let modes: Vec<&str> = modes.split_whitespace().collect();
    for round in 0..rounds as usize {
        for (mode_index, mode) in modes.iter().enumerate() {
            for count in
                clients.split_whitespace().map(|word| word.parse::<u32>().expect("a number of clients"))
            {
                // Each round begins with another one, so that none always runs on a warm or a tired machine.
                for step in 0..targets.len() {
                    let index = (step + round) % targets.len();
                    let sample = measure(&targets[index], mode, count, seconds, &database, folder.path());
                    samples.entry((mode_index, count, index)).or_default().push(sample);
                }
            }
        }
        eprintln!("round {} of {rounds} done", round + 1);
    }
    report(&modes, &targets, &samples);
}

/// Makes pgbench's tables, and one with an encrypted column, filled through Pyrite.
fn fill(database: &str, pyrite: &Pyrite, folder: &Path) {
    let mut pgbench = server::shared().program("pgbench");
    let port = server::shared().port().to_string();
    let output = pgbench.args(["-i", "-q", "-s", &SCALE.to_string(), "-p", &port, database]).output();
    assert!(output.expect("run pgbench").status.success(), "pgbench cannot fill its tables");
    let mut client = pyrite.connect(database);
    client.run("CREATE TABLE lookups (id int PRIMARY KEY, number int UNIQUE, note text)");
    for start in (1..=LOOKUPS).step_by(500) {
        let rows: Vec<String> = (start..start + 500).map(|n| format!("({n}, {n}, 'note {n}')")).collect();
        client.run(&format!("INSERT INTO lookups VALUES {}", rows.join(", ")));
    }
    server::shared().connect(database).run("VACUUM ANALYZE lookups");
    let script = format!("\\set n random(1, {LOOKUPS})\nSELECT note FROM lookups WHERE number = :n;\n");
    std::fs::write(folder.join("lookup.sql"), script).expect("write a script");
}

/// PgBouncer in session mode.
struct PgBouncer {
    port: u16,
    keeper: Keeper,
}

impl PgBouncer {
    /// Starts one, if it is installed.
    fn start(folder: &Path) -> Option<PgBouncer> {
        let places = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/usr/local/sbin";
        let program =
            std::env::split_paths(&places).map(|path| path.join("pgbouncer")).find(|path| path.exists());
        let Some(program) = program else {
            println!(
                "PgBouncer is not installed; without it there is nothing to compare with (apt-get install pgbouncer)\n"
            );
            return None;
        };
        let own = folder.join("pgbouncer");
        std::fs::create_dir(&own).expect("create a folder");
        let port = support::free_port();
        let server = server::shared().port();
        std::fs::write(own.join("users"), "\"postgres\" \"\"\n").expect("write the user list");
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = session\nmax_client_conn = 200\n\
             default_pool_size = 100\n",
            own.join("users").display()
        );
        let file = own.join("config.ini");
        std::fs::write(&file, config).expect("write the configuration");
        let user = server::unprivileged_user();
        server::give(&own, user);
        let log = own.join("log");
        let keeper = Keeper::start(user, &log, "TERM", None, &[program.to_str()?, file.to_str()?]);
        let deadline = Instant::now() + Duration::from_secs(10);
        while Client::dial(port).is_err() {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(Instant::now() < deadline, "PgBouncer does not start:\n{}", said());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(PgBouncer { port, keeper })
    }
}

fn measure(target: &Target, mode: &str, clients: u32, seconds: u32, database: &str, folder: &Path) -> Sample {
    let logs = folder.join("latencies");
    std::fs::create_dir(&logs).expect("create a folder");
    let before = target.pid.map(processor_time);
    let mut pgbench = server::shared().program("pgbench");
    pgbench.args(["-n", "-M", mode, "-c", &clients.to_string(), "-j", &clients.min(2).to_string()]);
    pgbench.args(["-T", &seconds.to_string(), "-p", &target.port.to_string(), "--log", "--log-prefix"]);
    pgbench.arg(logs.join("t")).args(["--sampling-rate", "0.2"]);
    match target.script {
        Script::SelectOnly => pgbench.arg("-S"),
        Script::EncryptedLookup => pgbench.arg("-f").arg(folder.join("lookup.sql")),
    };
    let output = pgbench.arg(database).output().expect("run pgbench");
    let spent = target.pid.map(processor_time).zip(before).map(|(after, before)| after - before);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {said}{}", target.name, String::from_utf8_lossy(&output.stderr));
    let figure = |prefix: &str| {
        let rest =
            said.lines().find_map(|line| line.strip_prefix(prefix)).expect("a line of pgbench's report");
        rest.split([' ', '/'])
            .find(|word| !word.is_empty())
            .and_then(|word| word.parse::<f64>().ok())
            .expect("a number")
    };
    let transactions = figure("number of transactions actually processed:");
    let latency = percentiles(&logs);
    std::fs::remove_dir_all(&logs).expect("remove the logs");
    Sample {
        throughput: figure("tps ="),
        latency,
        processor: spent.map(|time| time.as_secs_f64() * 1e6 / transactions),
    }
}

/// Processor time of all threads of a process so far.
fn processor_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    let times = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

/// Milliseconds at 50, 95 and 99 % of the transactions in pgbench's logs.
fn percentiles(logs: &Path) -> [f64; 3] {
    let mut all: Vec<u64> = Vec::new();
    for file in std::fs::read_dir(logs).expect("the folder of logs").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a log");
        all.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
    }
    all.sort_unstable();
    [50, 95, 99].map(|percent| {
        let index = (all.len() * percent / 100).min(all.len().saturating_sub(1));
        all.get(index).map_or(f64::NAN, |&us| us as f64 / 1000.0)
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn report(modes: &[&str], targets: &[Target], samples: &BTreeMap<(usize, u32, usize), Vec<Sample>>) {
    println!(
        "\nMedians over all rounds. Throughput is relative to the server without a proxy, round by round.\n"
    );
    println!("| mode | clients | target | throughput | spread | p50 ms | p95 ms | p99 ms | proxy µs/query |");
    println!("|---|---:|---|---:|---:|---:|---:|---:|---:|");
    for (&(mode, clients, index), runs) in samples {
        let direct = &samples[&(mode, clients, 0)];
        let ratios: Vec<f64> =
            runs.iter().zip(direct).map(|(run, base)| run.throughput / base.throughput).collect();
        let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ratios.iter().copied().fold(0.0, f64::max);
        let processor = match targets[index].pid {
            Some(_) => format!("{:.1}", median(runs.iter().filter_map(|run| run.processor))),
            None => "–".to_string(),
        };
        let latency = |at: usize| median(runs.iter().map(|run| run.latency[at]));
        println!(
            "| {} | {clients} | {} | {:.2} | {low:.2}–{high:.2} | {:.3} | {:.3} | {:.3} | {processor} |",
            modes[mode],
            targets[index].name,
            median(ratios.into_iter()),
            latency(0),
            latency(1),
            latency(2),
        );
    }
}
