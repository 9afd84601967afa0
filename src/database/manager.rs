//! The task that keeps one database's snapshots fresh, and tells other proxies which keyring is in use here.

use std::future::pending;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::connect::{CHANNEL, Line};
use super::open::{parse_catalog, read_catalog, register, report};
use super::row::{self, News, Row};
use super::{Database, Event, LEASE, RefreshError, Snapshot};
use crate::config;
use crate::keys::Keyring;

/// How often the database is asked whether its keyring or its catalog changed.
const POLL: Duration = Duration::from_secs(1);
/// A poll looks for DDL again if the last look was this long ago: in the next round, that is.
const SOON: Duration = Duration::from_millis(900);
/// Looking for DDL takes at most one part in this many of the server's time, however large the catalog is.
const POLL_SHARE: u32 = 50;
/// The same when another proxy says that there was DDL.
const HURRY_SHARE: u32 = 5;
/// Between answers to what others say or ask for.
const BREATH: Duration = Duration::from_millis(5);
/// How long the server may take for one answer; a connection that is slower is given up. Shorter than the lease,
/// so that there is time for another attempt.
const PATIENCE: Duration = Duration::from_secs(4);
/// The same for the whole catalog.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// Between attempts to get a lost connection back: at first, and at most.
const BACKOFF: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];
/// Rounds in which a keyring that goes on changing is followed before the next poll has to do.
const ROUNDS: usize = 5;
/// How often rows of proxies that are long gone are removed.
const SWEEP: Duration = Duration::from_secs(600);
/// Between log lines that say the same.
const REPEAT: Duration = Duration::from_secs(60);

type Reply = oneshot::Sender<Result<(), RefreshError>>;

/// What is asked of a manager.
pub(super) enum Request {
    /// Read the catalog anew.
    Refresh(Reply),
    /// Make sure that the keyring in use is the newest.
    Confirm(Reply),
    /// Use another configuration of the tables.
    Configure(Box<config::Database>, Reply),
    /// The proxy stops: take its row away.
    Close(Reply),
}

enum Wake {
    Request(Option<Request>),
    Heard(Option<String>),
    Nudge,
    Time,
}

/// What is asked for at one time, done at once for all who asked.
#[derive(Default)]
struct Work {
    refresh: Vec<Reply>,
    confirm: Vec<Reply>,
    configure: Vec<(config::Database, Reply)>,
    close: Vec<Reply>,
}

pub(super) struct Manager {
    database: Weak<Database>,
    nudge: Arc<Notify>,
    line: Option<Line>,
    backoff: Duration,
    next_attempt: Instant,
    /// Of the catalog in use.
    fingerprint: String,
    next_look: Instant,
    /// When the last look ended, and how long it took.
    looked: (Instant, Duration),
    jobs: Option<String>,
    /// Counter and digest of the manifest as last seen.
    seal: Option<(u64, String)>,
    /// Since when others have known that this proxy runs: when the last poll that said so was sent.
    announced: Option<Instant>,
    swept: Option<Instant>,
    /// Why the newest keyring cannot be used.
    trouble: Option<String>,
    logged: Option<(Instant, String)>,
    closed: bool,
}

impl Manager {
    /// `announced`: when the proxy's row was written first.
    pub(super) fn new(
        database: &Arc<Database>,
        line: Line,
        fingerprint: String,
        announced: Instant,
    ) -> Manager {
        Manager {
            database: Arc::downgrade(database),
            nudge: Arc::clone(&database.nudge),
            line: Some(line),
            backoff: Duration::ZERO,
            next_attempt: Instant::now(),
            fingerprint,
            next_look: Instant::now() + POLL,
            looked: (Instant::now(), Duration::ZERO),
            jobs: None,
            seal: None,
            announced: Some(announced),
            swept: None,
            trouble: None,
            logged: None,
            closed: false,
        }
    }

    /// Serves requests and polls, until the last handle of the database is gone.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        loop {
            let wake = self.wait(&mut requests).await;
            let Some(database) = self.database.upgrade() else { return };
            let mut work = Work::default();
            let timed = matches!(wake, Wake::Time | Wake::Request(_));
            if matches!(wake, Wake::Nudge) {
                // Somebody waits for what this proxy has to say: a connection that is lost is not waited for as long.
                self.next_attempt = self.next_attempt.min(Instant::now() + BACKOFF[0]);
            }
            match wake {
                Wake::Request(Some(request)) => work.add(request),
                Wake::Request(None) => return,
                Wake::Heard(Some(payload)) => self.hear(&database, &payload),
                Wake::Heard(None) => self.line = None,
                Wake::Nudge | Wake::Time => {}
            }
            while let Ok(request) = requests.try_recv() {
                work.add(request);
            }
            while let Some(payload) = self.line.as_mut().and_then(|line| line.heard.try_recv().ok()) {
                self.hear(&database, &payload);
            }
            let asked = !timed || !work.confirm.is_empty();
            self.work(&database, work).await;
            if asked {
                // Anybody can notify, and store values with ids that nobody knows.
                sleep(BREATH).await;
            }
        }
    }

    async fn wait(&mut self, requests: &mut mpsc::Receiver<Request>) -> Wake {
        let pause = match self.line {
            Some(_) => POLL,
            None => self.next_attempt.saturating_duration_since(Instant::now()),
        };
        let heard = async {
            match &mut self.line {
                Some(line) => line.heard.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            request = requests.recv() => Wake::Request(request),
            heard = heard => Wake::Heard(heard),
            () = self.nudge.notified() => Wake::Nudge,
            () = sleep(pause) => Wake::Time,
        }
    }

    /// Another proxy has changed something.
    fn hear(&mut self, database: &Database, payload: &str) {
        match payload {
            "catalog" => {
                let (ended, took) = self.looked;
                self.next_look = self.next_look.min(ended + took * HURRY_SHARE);
            }
            "jobs" => {
                // Nobody may be listening.
                let _ = database.events.send(Event::Jobs);
            }
            // A new keyring is seen by every poll.
            _ => {}
        }
    }

    async fn work(&mut self, database: &Database, work: Work) {
        if !work.close.is_empty() {
            let outcome = self.close(database).await;
            work.close.into_iter().for_each(|reply| answer(reply, &outcome));
        }
        if self.closed {
            let outcome = Err(RefreshError::stopped(database.name()));
            let configure = work.configure.into_iter().map(|(_, reply)| reply);
            work.confirm
                .into_iter()
                .chain(work.refresh)
                .chain(configure)
                .for_each(|reply| answer(reply, &outcome));
            return;
        }
        let before = database.catalog().version();
        let urgent = !work.confirm.is_empty() || !work.refresh.is_empty() || !work.configure.is_empty();
        let confirmed = match self.connected(database, urgent).await {
            Ok(()) => self.confirm(database).await,
            Err(error) => Err(error),
        };
        match &confirmed {
            Err(error) => self.log(database, error),
            Ok(()) if self.logged.take().is_some() => {
                tracing::info!(database = database.name(), "the keyring is confirmed again");
            }
            Ok(()) => {}
        }
        work.confirm.into_iter().for_each(|reply| answer(reply, &confirmed));
        for (tables, reply) in work.configure {
            let outcome = self.configure(database, tables).await;
            answer(reply, &outcome);
        }
        if work.refresh.is_empty() {
            return;
        }
        // A session's DDL: its answer waits for the new catalog.
        let outcome = match self.line {
            Some(_) => self.refresh(database).await,
            None => confirmed,
        };
        work.refresh.into_iter().for_each(|reply| answer(reply, &outcome));
        if outcome.is_ok() && database.catalog().version() != before {
            self.tell("catalog").await;
        }
    }

    /// Goes over to another configuration; the old one stays if that fails.
    async fn configure(&mut self, database: &Database, tables: config::Database) -> Result<(), RefreshError> {
        let before = database.config.swap(Arc::new(tables));
        let outcome = self.refresh(database).await;
        if outcome.is_err() {
            database.config.store(before);
        }
        outcome
    }

    /// Makes sure that there is a connection; one attempt, if it is time for one or somebody waits for it.
    async fn connected(&mut self, database: &Database, urgent: bool) -> Result<(), RefreshError> {
        if self.line.as_ref().is_some_and(|line| !line.client.is_closed()) {
            return Ok(());
        }
        self.line = None;
        let now = Instant::now();
        if now < self.next_attempt {
            if !urgent {
                return Err(RefreshError::away());
            }
            // Somebody waits for it, who need not wait as long.
            sleep(BACKOFF[0].min(self.next_attempt - now)).await;
        }
        let outcome = timeout(PATIENCE, Line::open(database.login())).await;
        match outcome {
            Ok(Ok(line)) => {
                self.line = Some(line);
                self.backoff = Duration::ZERO;
                // What was said meanwhile was not heard.
                self.next_look = Instant::now();
                return Ok(());
            }
            Ok(Err(error)) => self.log(database, &RefreshError::server("connect to the database", &error)),
            Err(_) => self.log(database, &RefreshError::slow("connect to the database")),
        }
        self.backoff = (self.backoff * 2).clamp(BACKOFF[0], BACKOFF[1]);
        self.next_attempt = Instant::now() + self.backoff;
        Err(RefreshError::away())
    }

    /// Tells others which keyring is in use here, takes over a newer one, and extends the lease.
    pub(super) async fn confirm(&mut self, database: &Database) -> Result<(), RefreshError> {
        for _ in 0..ROUNDS {
            let asked = Instant::now();
            let in_use = database.snapshot().keyring.counter();
            let news = self.exchange(database, in_use).await?;
            let seal = (news.counter, news.seal);
            if news.counter != in_use || self.seal.as_ref().is_some_and(|known| *known != seal) {
                self.adopt(database).await?;
                self.seal = Some(seal);
                continue;
            }
            self.seal = Some(seal);
            // Who counts proxies must not have overlooked this one: the row that was there until this poll's
            // own came into sight must have been fresh all the time.
            let before = self.announced.replace(asked);
            if before.is_some_and(|before| before.elapsed() < LEASE) {
                database.lease.confirm(asked);
                return match news.catalog {
                    Some(catalog) if catalog != self.fingerprint => self.refresh(database).await,
                    _ => Ok(()),
                };
            }
        }
        Err(RefreshError::restless())
    }

    /// Writes the proxy's row and reads what is new.
    async fn exchange(&mut self, database: &Database, in_use: u64) -> Result<News, RefreshError> {
        // A proxy that cannot follow, and whose lease is over, is in nobody's way.
        let seen = self.trouble.is_none() || database.lease.holds();
        if !seen {
            self.announced = None;
        }
        let row = Row {
            id: database.proxy,
            address: database.address.clone(),
            counter: in_use,
            drained: database.pins.oldest(in_use),
            sessions: database.pins.sessions(),
            roots: database.root_fingerprints(),
            note: self.trouble.clone(),
            seen,
        };
        let began = Instant::now();
        let look = began >= self.next_look;
        let sweep = self.swept.is_none_or(|swept| began.saturating_duration_since(swept) >= SWEEP);
        let Some(line) = &self.line else { return Err(RefreshError::away()) };
        let patience = if look { PATIENCE + self.looked.1 * 2 } else { PATIENCE };
        let outcome = timeout(patience, row.exchange(&line.client, look, sweep)).await;
        if look {
            let took = began.elapsed();
            self.looked = (Instant::now(), took);
            self.next_look = Instant::now() + SOON.max(took * POLL_SHARE);
        }
        let Ok(outcome) = outcome else {
            self.line = None;
            return Err(RefreshError::slow("poll pyrite.keyring"));
        };
        let news = outcome?;
        if sweep {
            self.swept = Some(began);
        }
        if self.jobs.as_ref() != Some(&news.jobs) && self.jobs.replace(news.jobs.clone()).is_some() {
            // Nobody may be listening.
            let _ = database.events.send(Event::Jobs);
        }
        Ok(news)
    }

    /// Takes over the keyring in the database. What cannot be used is said in the proxy's row.
    async fn adopt(&mut self, database: &Database) -> Result<(), RefreshError> {
        let Some(line) = &mut self.line else { return Err(RefreshError::away()) };
        // A provider of root keys may be asked, and take its time.
        let outcome = timeout(LONG_PATIENCE, database.reload(&mut line.client)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(RefreshError::slow("read the keyring")));
        let keyring = match outcome {
            Ok(keyring) => keyring,
            Err(error) => {
                if !line.client.is_closed() {
                    self.trouble = Some(error.to_string());
                }
                return Err(error);
            }
        };
        self.read(database, keyring).await?;
        self.trouble = None;
        Ok(())
    }

    /// Reads the catalog anew, under the keyring in use.
    async fn refresh(&mut self, database: &Database) -> Result<(), RefreshError> {
        self.read(database, database.keyring()).await
    }

    /// Reads the catalog with this keyring's search slots, and publishes both.
    async fn read(&mut self, database: &Database, keyring: Arc<Keyring>) -> Result<(), RefreshError> {
        let Some(line) = &mut self.line else { return Err(RefreshError::away()) };
        let config = database.config();
        let Ok(outcome) = timeout(LONG_PATIENCE, read_catalog(&line.client, &config)).await else {
            self.line = None;
            return Err(RefreshError::slow("read the catalog"));
        };
        let (fingerprint, json) = outcome?;
        let before = database.snapshot();
        let catalog = parse_catalog(&json, &config, &keyring)?;
        let changed = catalog.version() != before.catalog.version();
        if changed {
            register(&mut line.client, &keyring, &catalog).await.map_err(|e| RefreshError::from(&e))?;
            report(database.name(), &catalog, before.catalog.unprotected());
        }
        self.fingerprint = fingerprint;
        if changed || !Arc::ptr_eq(&keyring, &before.keyring) {
            let catalog = if changed { Arc::new(catalog) } else { Arc::clone(&before.catalog) };
            database.publish(Snapshot { catalog, keyring });
        }
        Ok(())
    }

    /// Tells other proxies. Those that do not hear it will see it when they poll.
    async fn tell(&self, what: &str) {
        let Some(line) = &self.line else { return };
        let text = format!("NOTIFY {CHANNEL}, '{what}'");
        match timeout(PATIENCE, line.client.batch_execute(&text)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "other proxies were not told of a change"),
            Err(_) => tracing::debug!("other proxies were not told of a change in time"),
        }
    }

    async fn close(&mut self, database: &Database) -> Result<(), RefreshError> {
        self.closed = true;
        self.connected(database, true).await?;
        let Some(line) = &self.line else { return Err(RefreshError::away()) };
        let doing = "write to pyrite.proxies";
        match timeout(PATIENCE, row::remove(&line.client, &database.proxy)).await {
            Ok(outcome) => outcome.map_err(|e| RefreshError::server(doing, &e)),
            Err(_) => Err(RefreshError::slow(doing)),
        }
    }

    /// Says why polling fails: each reason once, and again from time to time.
    fn log(&mut self, database: &Database, error: &RefreshError) {
        let text = error.to_string();
        let now = Instant::now();
        if self.logged.as_ref().is_some_and(|(at, said)| *said == text && now - *at < REPEAT) {
            return;
        }
        let left = database.lease.left().as_secs();
        tracing::warn!(
            database = database.name(),
            lease_seconds_left = left,
            "the keyring in use cannot be confirmed: {text}"
        );
        self.logged = Some((now, text));
    }
}

impl Work {
    fn add(&mut self, request: Request) {
        match request {
            Request::Refresh(reply) => self.refresh.push(reply),
            Request::Confirm(reply) => self.confirm.push(reply),
            Request::Configure(tables, reply) => self.configure.push((*tables, reply)),
            Request::Close(reply) => self.close.push(reply),
        }
    }
}

fn answer(reply: Reply, outcome: &Result<(), RefreshError>) {
    // Who asked may be gone.
    let _ = reply.send(outcome.clone());
}
