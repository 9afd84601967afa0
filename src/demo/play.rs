//! The play from its first step to the verdict.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::DemoError;
use super::data::{Customer, Data};
use super::postgres::PrivateServer;
use super::proxy::Files;
use super::report::{self, Findings};
use super::screen::{Look, Screen, cut, grouped, size, time};
use super::shop::extra_customers;
use super::stage::{self, Act, Theft};
use super::thief::{Column, SHORTEST, Searcher, Stopped, birthdays, known_values, root_key, self_test};
use crate::server::Server;

/// Same data each time.
const SEED: u64 = 202_212;

/// Columns of the row that is shown.
const SHOWN: [&str; 8] =
    ["name", "email", "phone", "id_number", "birthday", "address", "iban", "charge_card"];

/// How large the play is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Customers.
    pub customers: u32,
    /// Sales.
    pub sales: u32,
}

/// What stands between the shop and the server: Pyrite (or, in a test, nothing).
pub struct Front {
    /// Where the shop connects, on 127.0.0.1.
    pub port: u16,
    /// The operator's files; a test without Pyrite has none.
    pub files: Option<Files>,
    /// Keeps it running.
    pub running: Option<Server>,
}

impl Front {
    /// Ends Pyrite's sessions in an orderly way.
    fn end(self) {
        if let Some(running) = self.running {
            running.shutdown();
        }
    }
}

/// What is left standing after the play.
pub struct Stage {
    /// Whether nothing was found, the control was found, and all answers were right.
    pub success: bool,
    /// Ends before the server that it stands before.
    pub front: Front,
    /// The server behind it.
    pub guarded: PrivateServer,
}

impl Stage {
    /// Ends everything: first what stands in front, then the server. Returns whether the play succeeded.
    pub fn end(self) -> bool {
        self.front.end();
        self.success
    }
}

/// Both searches, and what is to be said of them.
struct Search {
    alone: Findings,
    guarded: Findings,
    needles: usize,
    by_chance: f64,
    /// Forms planted and found.
    tested: (u32, u32),
    /// Whether the root key is in what was stolen.
    root_key: bool,
    took: Duration,
}

/// Plays it. `front` puts up what stands before the server.
pub async fn play(
    screen: &mut Screen,
    scale: Size,
    cancel: Arc<AtomicBool>,
    front: impl AsyncFnOnce(&PrivateServer) -> Result<Front, DemoError>,
) -> Result<Stage, DemoError> {
    let started = Instant::now();
    let data = Data::generate(SEED, scale.customers, scale.sales);
    screen.begin("starting two private PostgreSQL servers");
    let (guarded, alone, took) = stage::start_servers().await?;
    let version = guarded.version().trim_start_matches("postgres (").replacen(')', "", 1);
    let version = version.split(" (").next().unwrap_or_default();
    screen.step(Look::Plain, format_args!("{version} ({})", cut(guarded.origin(), 66)), &[]);
    screen.step(Look::Plain, "two private servers ready, one to go behind Pyrite", &[time(took)]);

    screen.begin("starting Pyrite");
    let before = Instant::now();
    let front = front(&guarded).await?;
    screen.step(
        Look::Plain,
        format_args!("Pyrite ready on 127.0.0.1:{}", front.port),
        &[time(before.elapsed())],
    );

    screen.columns("An application at work", ["through Pyrite", "directly"]);
    screen.begin("the application works through Pyrite");
    let through = stage::act(front.port, &data).await?;
    screen.clear();
    screen.begin("the same directly, for comparison");
    let direct = stage::act(alone.port(), &data).await?;
    show_act(screen, &data, &through, &direct);

    screen.heading("The theft: data files, WAL, server log, and dumps by pg_dump and COPY");
    screen.begin("copying everything that the servers keep");
    let (stolen, control) = (stage::steal(&guarded).await?, stage::steal(&alone).await?);
    screen.step(
        Look::Plain,
        format_args!("{} copied from behind Pyrite", size(stolen.loot.bytes())),
        &[time(stolen.took)],
    );
    screen.line(screen.paint(Look::Dim, format_args!("   {}", report::loot(&stolen.loot))));
    show_row(screen, &data, &front, &guarded).await?;

    screen.heading("The search: every value that the application ever stored");
    screen.begin("searching");
    let (bytes, customers) = (stolen.loot.bytes() + control.loot.bytes(), data.customers.clone());
    let mut columns = known_values(&data, &extra_customers(&data));
    if let Some(files) = &front.files {
        columns.push(root_key(&files.root_key).map_err(|error| not_searched(Stopped::Io(error)))?);
    }
    let search = search(columns, customers, front.files.is_some(), stolen, control, cancel).await?;
    screen.clear();
    report::findings(screen, &search.alone, &search.guarded);
    show_notes(screen, &search, bytes);
    let success = verdict(screen, &search, &through, &direct);
    screen.line(format_args!("   All of this took {}.", time(started.elapsed())));
    Ok(Stage { success, front, guarded })
}

fn show_act(screen: &mut Screen, data: &Data, through: &Act, direct: &Act) {
    screen.step(Look::Plain, "tables and indexes created", &[time(through.created), time(direct.created)]);
    let what = format!(
        "{} customers and {} sales stored",
        grouped(data.customers.len() as u64),
        grouped(data.sales.len() as u64)
    );
    screen.step(Look::Plain, what, &[time(through.loaded), time(direct.loaded)]);
    let asked = grouped(through.answers.asked());
    let took = [time(through.answers.took()), time(direct.answers.took())];
    screen.step(Look::Plain, format_args!("{asked} statements; of these, each on average:"), &took);
    report::statements(screen, &through.answers, &direct.answers);
    if cfg!(debug_assertions) {
        let note = "   (a build without optimisation: Pyrite's times say little)";
        screen.line(screen.paint(Look::Dim, note));
    }
}

/// The customer that is shown: still as the generator made it, and with more than ASCII in the name.
fn shown(data: &Data) -> Option<&Customer> {
    // Untouched by the statements, which change and delete evenly spread samples that start with the first one.
    let plain_width = |text: &str| text.chars().all(|sign| sign < '\u{250}') && !text.is_ascii();
    data.customers.iter().rev().find(|customer| customer.phone.is_some() && plain_width(&customer.name))
}

async fn show_row(
    screen: &mut Screen,
    data: &Data,
    front: &Front,
    guarded: &PrivateServer,
) -> Result<(), DemoError> {
    let Some(customer) = shown(data) else { return Ok(()) };
    let mut through = tokio_postgres::Config::new();
    through.host("127.0.0.1").port(front.port).user(stage::SHOP_USER).dbname(stage::DATABASE);
    let application = stage::row_as_text(&through, "customers", &SHOWN, customer.id).await?;
    let thief =
        stage::row_as_text(&guarded.connection(stage::DATABASE), "customers", &SHOWN, customer.id).await?;
    screen.heading(format_args!("One customer, seen twice (id {})", customer.id));
    report::both_views(screen, &SHOWN, &application, &thief);
    Ok(())
}

async fn search(
    columns: Vec<Column>,
    customers: Vec<Customer>,
    with_root_key: bool,
    stolen: Theft,
    control: Theft,
    cancel: Arc<AtomicBool>,
) -> Result<Search, DemoError> {
    let work = move || -> Result<Search, DemoError> {
        let started = Instant::now();
        let searcher = Searcher::new(&columns);
        let one = |theft: &Theft| -> Result<Findings, DemoError> {
            let columns = searcher.search(&theft.loot, &cancel).map_err(not_searched)?;
            let birthdays =
                birthdays(&theft.loot, &customers).map_err(|error| not_searched(Stopped::Io(error)))?;
            Ok(Findings { columns, birthdays })
        };
        let (mut guarded, mut alone) = (one(&stolen)?, one(&control)?);
        // It is the last column, and no value of the application's: not one for the control to have.
        let mut root_key = false;
        if with_root_key {
            root_key = guarded.columns.pop().is_some_and(|column| column.found > 0);
            alone.columns.pop();
        }
        Ok(Search {
            alone,
            guarded,
            needles: searcher.needles(),
            by_chance: searcher.expected_by_chance(stolen.loot.bytes()),
            tested: self_test(&searcher, &columns),
            root_key,
            took: started.elapsed(),
        })
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(DemoError::Broken("the search's thread failed".to_owned())))
}

fn not_searched(stopped: Stopped) -> DemoError {
    match stopped {
        Stopped::Cancelled => DemoError::Interrupted,
        Stopped::Io(error) => DemoError::Broken(format!("reading what was stolen: {error}")),
    }
}

fn show_notes(screen: &mut Screen, search: &Search, bytes: u64) {
    let birthdays = &search.guarded.birthdays;
    let notes = [
        format!(
            "Each value as text in UTF-8, UTF-16, hex and base64, and numbers in binary: {} needles",
            grouped(search.needles as u64)
        ),
        format!(
            "of {} bytes or more, in the {} of both thefts, in {}. Chance makes {} hits.",
            SHORTEST,
            size(bytes),
            time(search.took),
            if search.by_chance < 1e-5 { "< 0.00001".to_owned() } else { format!("{:.5}", search.by_chance) }
        ),
        format!("Without Pyrite they lie in: {}.", report::places(&search.alone)),
        format!("Self-test of the search: {} forms planted, {} found.", search.tested.1, search.tested.0),
        "¹ Four bytes turn up anywhere by chance, so they count in their own customer's row only,".to_owned(),
        format!(
            "  in {} rows, {}: {:.3} expected by chance; of another customer's birthday, {} seen.",
            grouped(birthdays.rows),
            size(birthdays.windows),
            birthdays.expected_by_chance(),
            birthdays.strangers
        ),
        "In the clear by choice: ids, models, dates of sale. What encryption leaves visible: which"
            .to_owned(),
        "values of a searchable column are equal, how long values are, where there is none (NULL)."
            .to_owned(),
    ];
    for note in notes {
        screen.line(screen.paint(Look::Dim, format_args!("   {note}")));
    }
}

fn verdict(screen: &mut Screen, search: &Search, through: &Act, direct: &Act) -> bool {
    let checks = [
        (search.guarded.nothing(), "nothing found in what was stolen from behind Pyrite"),
        (!search.root_key, "the root key is not among it either"),
        (search.alone.everything(), "every value found in the control, so the search works"),
        (search.tested.0 == search.tested.1 && search.tested.1 > 0, "every planted form found"),
        (through.answers.all_right(), "all answers right through Pyrite"),
        (direct.answers.all_right(), "all answers right without it"),
    ];
    screen.heading("Verdict");
    for (holds, text) in checks {
        let mark = if holds { screen.paint(Look::Good, "yes") } else { screen.paint(Look::Bad, "NO ") };
        screen.line(format_args!("   {mark}  {text}"));
    }
    checks.iter().all(|(holds, _)| *holds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    async fn played(
        customers: u32,
        front: impl AsyncFnOnce(&PrivateServer) -> Result<Front, DemoError>,
    ) -> (bool, String) {
        let page = Page::default();
        let mut screen = Screen::plain(Box::new(page.clone()));
        let scale = Size { customers, sales: customers };
        let outcome = play(&mut screen, scale, Arc::default(), front).await;
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let success = outcome.unwrap_or_else(|error| panic!("{text}\n{error}")).end();
        for line in text.lines() {
            assert!(line.chars().count() <= 96, "{line}");
        }
        assert!(!text.contains('\x1b'));
        (success, text)
    }

    /// Without Pyrite the thief finds everything, and the play says so.
    #[tokio::test]
    async fn without_protection_the_play_fails() {
        let nothing =
            async |server: &PrivateServer| Ok(Front { port: server.port(), files: None, running: None });
        let (success, text) = played(400, nothing).await;
        assert!(!success, "{text}");
        assert!(text.contains("NO   nothing found in what was stolen"), "{text}");
        for good in [
            "yes  every value found in the control",
            "yes  every planted form",
            "yes  all answers right without",
        ] {
            assert!(text.contains(good), "{text}");
        }
    }

    /// With Pyrite the thief has nothing, and the application everything.
    #[tokio::test]
    async fn behind_pyrite_the_play_succeeds() {
        let (success, text) = played(300, super::super::proxy::start).await;
        assert!(success, "{text}");
    }
}
