//! An application: prepared queries at a fixed rate over several connections.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

const CONNECTIONS: u32 = 8;

/// What its queries took, in a stretch of time.
pub struct Window {
    /// All queries; then lookups by key, lookups by encrypted value, updates.
    pub kinds: [Figures; 4],
}

/// Milliseconds, and queries per second.
pub struct Figures {
    pub median: f64,
    pub mean: f64,
    pub p99: f64,
    pub throughput: f64,
}

/// What each query took: its kind, microseconds.
type Samples = Arc<Mutex<Vec<(usize, f64)>>>;

pub struct Application {
    samples: Samples,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Application {
    /// `rate`: queries per second of all connections together; ids are below `rows`.
    pub async fn start(port: u16, rate: u32, rows: u32) -> Self {
        let samples = Samples::default();
        let (stop, stopped) = watch::channel(false);
        let period = Duration::from_secs_f64(f64::from(CONNECTIONS) / f64::from(rate));
        let mut tasks = Vec::new();
        for n in 0..CONNECTIONS {
            let login = format!("host=127.0.0.1 port={port} user=shop dbname=shop");
            let (client, connection) = tokio_postgres::connect(&login, NoTls).await.expect("connect");
            tokio::spawn(connection);
            let first = tokio::time::Instant::now() + period * n / CONNECTIONS;
            let (samples, stopped) = (Arc::clone(&samples), stopped.clone());
            tasks.push(tokio::spawn(ask(client, samples, stopped, period, first, (n, rows))));
        }
        Self { samples, stop, tasks }
    }

    /// What its queries take in the time that follows.
    pub async fn watch(&self, length: Duration) -> Window {
        self.samples.lock().expect("samples").clear();
        let began = Instant::now();
        tokio::time::sleep(length).await;
        let elapsed = began.elapsed().as_secs_f64();
        let samples = std::mem::take(&mut *self.samples.lock().expect("samples"));
        let of = |kind: Option<usize>| {
            let wanted = samples.iter().filter(|sample| kind.is_none_or(|kind| kind == sample.0));
            let mut times: Vec<f64> = wanted.map(|sample| sample.1 / 1000.0).collect();
            times.sort_by(f64::total_cmp);
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
            let mean = times.iter().sum::<f64>() / times.len() as f64;
            Figures { median: at(0.5), mean, p99: at(0.99), throughput: times.len() as f64 / elapsed }
        };
        Window { kinds: [of(None), of(Some(0)), of(Some(1)), of(Some(2))] }
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            task.await.expect("the application's queries succeed");
        }
    }
}

async fn ask(
    client: tokio_postgres::Client,
    samples: Samples,
    stopped: watch::Receiver<bool>,
    period: Duration,
    first: tokio::time::Instant,
    (seed, rows): (u32, u32),
) {
    let by_key = client.prepare("SELECT email FROM people WHERE id = $1").await.expect("prepare");
    let by_value = client.prepare("SELECT id FROM people WHERE email = $1").await.expect("prepare");
    let update = client.prepare("UPDATE people SET email = $2 WHERE id = $1").await.expect("prepare");
    let mut random = u64::from(seed) + 1;
    let mut due = first;
    for n in 0usize.. {
        if *stopped.borrow() {
            return;
        }
        // What waits behind a slow query of its connection is slow too.
        let late = due < tokio::time::Instant::now();
        tokio::time::sleep_until(due).await;
        let began = if late { due.into_std() } else { Instant::now() };
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = ((random >> 33) % u64::from(rows)) as i32;
        let email = super::stage::email(id);
        let kind = [0, 1, 0, 1, 2][n % 5];
        match kind {
            0 => {
                let row = client.query_one(&by_key, &[&id]).await.expect("a lookup by key");
                assert_eq!(row.get::<_, &str>(0), email);
            }
            1 => {
                let row = client.query_one(&by_value, &[&email]).await.expect("a lookup by value");
                assert_eq!(row.get::<_, i32>(0), id);
            }
            _ => assert_eq!(client.execute(&update, &[&id, &email]).await.expect("an update"), 1),
        }
        let took = began.elapsed().as_secs_f64() * 1e6;
        samples.lock().expect("samples").push((kind, took));
        due += period;
    }
}
