//! Indexes over order terms: what the server does with ranges, sorted reads and keysets.

use crate::SECRET;
use crate::support::canary::Canary;
use crate::support::pyrite::Pyrite;
use crate::support::raw::Client;
use crate::support::server;

const ROWS: u32 = 360;

/// A table `people (id, born, name)` whose encrypted columns have order terms, and indexes over these.
struct Ordered {
    database: String,
    pyrite: Pyrite,
}

impl Ordered {
    fn start() -> Ordered {
        let database = server::shared().database("order");
        let pyrite = Pyrite::start(&format!(
            "[databases.{database}.tables.\"public.people\"]\n\
             born = {{ type = \"date\", search = [\"order\"] }}\n\
             name = {{ type = \"text\", search = [\"order\"] }}\n"
        ));
        pyrite.watch(&[Canary::Text(SECRET.to_string()), Canary::Text("1977-03-05".to_string())]);
        let ordered = Ordered { database, pyrite };
        let mut client = ordered.connect();
        client.run("CREATE TABLE people (id int PRIMARY KEY, born date, name text)");
        let rows: Vec<String> = (0..ROWS)
            .map(|id| {
                let day = id * 7 % ROWS;
                format!(
                    "({id}, '1977-{:02}-{:02}', '{SECRET} {:03}')",
                    day / 30 + 1,
                    day % 28 + 1,
                    id * 11 % ROWS
                )
            })
            .collect();
        client.run(&format!("INSERT INTO people VALUES {}", rows.join(", ")));
        let mut direct = server::shared().connect(&ordered.database);
        direct.run("CREATE INDEX people_born ON people (pyrite.ord(born), id)");
        direct.run("CREATE INDEX people_name ON people (pyrite.ord_head(name))");
        direct.run("ANALYZE people");
        ordered
    }

    fn connect(&self) -> Client {
        self.pyrite.connect(&self.database)
    }
}

#[test]
fn indexes_serve_ranges_and_sorted_reads() {
    let ordered = Ordered::start();
    let mut client = ordered.connect();
    // The table is small; what matters is that the index can serve.
    client.run("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off");
    for (query, expected) in [
        (
            "SELECT id FROM people WHERE born < '1977-03-05'",
            &["Index Scan using people_born", "Index Cond: ("][..],
        ),
        (
            "SELECT id FROM people WHERE born BETWEEN '1977-03-05' AND '1977-04-01'",
            &["Index Scan using people_born", "Index Cond"],
        ),
        ("SELECT id, born FROM people ORDER BY born LIMIT 5", &["Limit", "Index Scan using people_born"]),
        (
            "SELECT id, born FROM people ORDER BY born DESC, id DESC LIMIT 5",
            &["Limit", "Index Scan Backward using people_born"],
        ),
        (
            "SELECT id FROM people WHERE (born, id) > ('1977-03-05', 7) ORDER BY born, id LIMIT 5",
            &["Limit", "Index Scan using people_born", "Index Cond: (ROW("],
        ),
        (
            "SELECT id FROM people WHERE name >= 'canary-of-the-coal-mine 100' ORDER BY name LIMIT 5",
            &["Limit", "Incremental Sort", "Presorted Key", "Index Scan using people_name", "Index Cond"],
        ),
    ] {
        let plan: Vec<String> = client.column(&format!("EXPLAIN {query}")).into_iter().flatten().collect();
        let plan = plan.join("\n");
        for part in expected {
            assert!(plan.contains(part), "{query}\n{plan}");
        }
        assert!(!plan.contains("Seq Scan"), "{query}\n{plan}");
    }
}

/// The same pages as the values give, over an index that holds heads only.
#[test]
fn keysets_walk_through_all_rows() {
    let ordered = Ordered::start();
    let mut client = ordered.connect();
    let column = |client: &mut Client, text: &str| -> Vec<String> {
        client.column(text).into_iter().map(Option::unwrap_or_default).collect()
    };
    let mut names = Vec::new();
    loop {
        let last = names.last().cloned().unwrap_or_default();
        let page = column(
            &mut client,
            &format!(
                "SELECT name FROM people WHERE (name, id) > ('{last}', 1000) ORDER BY name, id LIMIT 50"
            ),
        );
        if page.is_empty() {
            break;
        }
        names.extend(page);
    }
    let expected: Vec<String> = (0..ROWS).map(|n| format!("{SECRET} {n:03}")).collect();
    assert_eq!(names, expected);
    let born = column(&mut client, "SELECT born FROM people ORDER BY born DESC, id");
    let mut sorted = born.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!(born, sorted);
    assert_eq!(column(&mut client, "SELECT max(name) FROM people"), [format!("{SECRET} {:03}", ROWS - 1)]);
}
