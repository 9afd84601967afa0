//! An application with a connection through each proxy, which knows what every answer must be.

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage, Statement};

use super::fleet::Fleet;

const PEOPLE: i32 = 150;
const EVENTS: i32 = 120;

pub struct Application {
    runtime: Runtime,
    client: Client,
    other: Client,
    number: i32,
    /// Made before the rotation, and used all the time.
    prepared: Option<Statement>,
}

fn email(n: i32) -> String {
    format!("p{n}@example.org")
}

async fn connect(port: u16) -> Client {
    let options = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
    let (client, connection) = tokio_postgres::connect(&options, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Application {
    /// Works through this proxy, and looks on through the other.
    pub fn connect(fleet: &Fleet, proxy: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, other) = runtime
            .block_on(async { (connect(fleet.port(proxy)).await, connect(fleet.port(1 - proxy)).await) });
        Self { runtime, client, other, number: i32::try_from(proxy).unwrap(), prepared: None }
    }

    pub fn run(&mut self, sql: &str) {
        self.runtime
            .block_on(self.client.batch_execute(sql))
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The first column of each row.
    pub fn column(&mut self, sql: &str) -> Vec<String> {
        let messages = self
            .runtime
            .block_on(self.client.simple_query(sql))
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let value = |message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        messages.into_iter().filter_map(value).collect()
    }

    /// Whether a statement is no error.
    pub fn takes(&mut self, sql: &str) -> bool {
        self.runtime.block_on(self.client.batch_execute(sql)).is_ok()
    }

    pub fn refused(&mut self, sql: &str) -> Error {
        self.runtime.block_on(self.client.batch_execute(sql)).expect_err(sql)
    }

    /// Tables, indexes, a view and rows, all through the proxy.
    pub fn create(&mut self) {
        for sql in [
            "CREATE TABLE people (id int PRIMARY KEY, email varchar(100) UNIQUE, nick text, city text, note text, UNIQUE (city, email))",
            "CREATE INDEX people_nick_idx ON people (nick)",
            "CREATE INDEX partial ON people (email, id) WHERE city IS NOT NULL",
            "CREATE TABLE events (id int, email varchar(100), region text) PARTITION BY LIST (region)",
            "CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu')",
            "CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us')",
            "CREATE UNIQUE INDEX events_key ON events (region, email)",
            "CREATE VIEW pairs AS SELECT p.id, e.id AS event, p.email FROM people p JOIN events e ON p.email = e.email",
        ] {
            self.run(sql);
        }
        self.runtime.block_on(async {
            let insert = "INSERT INTO people (id, email, nick, city) VALUES ($1, $2, $3, $4)";
            for n in 1..=PEOPLE {
                let (nick, city) = (format!("n{}", n % 9), format!("c{}", n % 4));
                self.client.execute(insert, &[&n, &email(n), &nick, &city]).await.unwrap();
            }
            let insert = "INSERT INTO events (id, email, region) VALUES ($1, $2, $3)";
            for n in 1..=EVENTS {
                let region = if n % 2 == 0 { "eu" } else { "us" };
                self.client.execute(insert, &[&n, &email(n), &region]).await.unwrap();
            }
        });
    }

    /// Upserts these names with others doing the same; 40001 says to try again. Returns how often it did.
    pub fn race(&mut self, names: std::ops::Range<i32>) -> usize {
        let upsert = "INSERT INTO people (id, email, note) VALUES ($1, $2, 'raced') ON CONFLICT (email) DO UPDATE \
                      SET note = 'again' RETURNING email";
        let Self { runtime, client, number, .. } = self;
        runtime.block_on(async {
            let mut again = 0;
            for n in names {
                loop {
                    match client.query_one(upsert, &[&(n * 2 + *number), &email(n)]).await {
                        Ok(row) => break assert_eq!(row.get::<_, String>(0), email(n)),
                        Err(error) if error.code().is_some_and(|code| code.code() == "40001") => again += 1,
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
            again
        })
    }

    /// Asks everything, of both proxies; leaves the tables as they were.
    pub fn check(&mut self) {
        let Self { runtime, client, other, number, prepared } = self;
        runtime.block_on(async {
            if prepared.is_none() {
                *prepared = Some(client.prepare("SELECT id FROM people WHERE email = $1").await.unwrap());
            }
            for n in [1, 77, PEOPLE] {
                let rows = client.query(prepared.as_ref().unwrap(), &[&email(n)]).await.unwrap();
                assert_eq!(ids(&rows), [n], "by a statement prepared before");
            }
            for client in [&*client, &*other] {
                lookups(client).await;
                conflicts(client).await;
            }
            across(client, other, 1_000 + *number).await;
        });
    }
}

fn ids(rows: &[tokio_postgres::Row]) -> Vec<i32> {
    rows.iter().map(|row| row.get(0)).collect()
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

async fn lookups(client: &Client) {
    let simple =
        client.simple_query(&format!("SELECT id FROM people WHERE email = '{}'", email(42))).await.unwrap();
    let found = simple.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    assert_eq!(found.collect::<Vec<_>>(), ["42"]);
    let some = "SELECT id FROM people WHERE email IN ($1, $2, 'p3@example.org', 'nobody') ORDER BY id";
    assert_eq!(ids(&client.query(some, &[&email(149), &email(2)]).await.unwrap()), [2, 3, 149]);
    let any = "SELECT id FROM people WHERE email = ANY ($1) ORDER BY id";
    assert_eq!(ids(&client.query(any, &[&vec![email(7), "x".to_owned(), email(5)]]).await.unwrap()), [5, 7]);
    let none = "SELECT id FROM people WHERE email <> ALL ($1) AND id < 4 ORDER BY id";
    assert_eq!(ids(&client.query(none, &[&vec![email(2)]]).await.unwrap()), [1, 3]);
    let joined = "SELECT count(*) FROM people p JOIN events e ON p.email = e.email";
    assert_eq!(count(client, joined).await, i64::from(EVENTS));
    assert_eq!(count(client, "SELECT count(*) FROM pairs").await, i64::from(EVENTS));
    let through = "SELECT id, event, email FROM pairs WHERE email = $1";
    let row = client.query_one(through, &[&email(11)]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (11, 11, email(11)));
    let within = "SELECT count(*) FROM people WHERE email IN (SELECT email FROM events WHERE region = 'eu')";
    assert_eq!(count(client, within).await, i64::from(EVENTS / 2));
    assert_eq!(count(client, "SELECT count(*) FROM people WHERE nick = 'n4'").await, 17);
    let part = "SELECT id FROM events WHERE region = 'us' AND email = $1";
    assert_eq!(ids(&client.query(part, &[&email(33)]).await.unwrap()), [33]);
}

async fn conflicts(client: &Client) {
    let twice =
        client.execute("INSERT INTO people (id, email) VALUES (999, $1)", &[&email(9)]).await.unwrap_err();
    let twice = twice.as_db_error().unwrap();
    assert_eq!((twice.code().code(), twice.constraint()), ("23505", Some("people_email_key")));
    let event = "INSERT INTO events (id, email, region) VALUES (999, $1, 'us')";
    let twice = client.execute(event, &[&email(33)]).await.unwrap_err();
    assert_eq!(twice.code().unwrap().code(), "23505");

    for target in ["(email)", "ON CONSTRAINT people_email_key"] {
        let upsert = format!(
            "INSERT INTO people (id, email, note) VALUES (999, $1, $2) ON CONFLICT {target} DO UPDATE SET note = excluded.note \
             RETURNING id, email"
        );
        let row = client
            .query_one(&upsert, &[&email(9), &target])
            .await
            .unwrap_or_else(|e| panic!("{upsert}: {e:?}"));
        assert_eq!((row.get(0), row.get(1)), (9, email(9)));
    }
    let both =
        "INSERT INTO people (id, email, city) VALUES (999, $1, 'c1') ON CONFLICT (city, email) DO NOTHING";
    assert_eq!(client.execute(both, &[&email(9)]).await.unwrap(), 0);
    let any = "INSERT INTO people (id, email) VALUES (999, $1) ON CONFLICT DO NOTHING";
    assert_eq!(client.execute(any, &[&email(9)]).await.unwrap(), 0);
    let event = "INSERT INTO events (id, email, region) VALUES (999, $1, 'us') ON CONFLICT (region, email) DO UPDATE \
                 SET id = events.id RETURNING id";
    assert_eq!(ids(&client.query(event, &[&email(33)]).await.unwrap()), [33]);
    assert_eq!(count(client, "SELECT count(*) FROM people").await, i64::from(PEOPLE));
}

/// What one proxy writes the other finds at once, and neither lets it in twice.
async fn across(one: &Client, other: &Client, id: i32) {
    let find = "SELECT id FROM people WHERE email = $1";
    let insert = "INSERT INTO people (id, email, city) VALUES ($1, $2, 'c9')";
    assert_eq!(one.execute(insert, &[&id, &email(id)]).await.unwrap(), 1);
    assert_eq!(ids(&other.query(find, &[&email(id)]).await.unwrap()), [id]);
    let twice = other.execute(insert, &[&(id + 1), &email(id)]).await.unwrap_err();
    assert_eq!(twice.code().unwrap().code(), "23505");
    let change = "UPDATE people SET email = $1 WHERE email = $2";
    assert_eq!(other.execute(change, &[&email(-id), &email(id)]).await.unwrap(), 1);
    assert!(one.query(find, &[&email(id)]).await.unwrap().is_empty());
    assert_eq!(ids(&one.query(find, &[&email(-id)]).await.unwrap()), [id]);
    assert_eq!(one.execute("DELETE FROM people WHERE email = $1", &[&email(-id)]).await.unwrap(), 1);
}
