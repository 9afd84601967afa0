//! The little application in tokio-postgres, which prepares and describes each statement and speaks binary.

use std::fmt::Write;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};

use super::Pair;

const GRETE: &str = "grete.falkner@voltmail.example";

/// Connects and runs; gives back all that the driver saw.
async fn application(port: u16, database: &str) -> String {
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname(database);
    let (mut client, connection) = config.connect(NoTls).await.expect("connect");
    let connection = tokio::spawn(connection);
    let mut out = String::new();
    insert(&client, &mut out).await;
    lookups(&client, &mut out).await;
    errors(&mut client, &mut out).await;
    together(&client, &mut out).await;
    for message in client.simple_query("DELETE FROM people; DELETE FROM cars").await.expect("clean up") {
        writeln!(out, "{message:?}").unwrap();
    }
    drop(client);
    connection.await.expect("the connection's task").expect("the connection ends well");
    out
}

/// What is inserted: id, e-mail, name, vip, score, serial, photo, note.
type Person = (
    i32,
    Option<&'static str>,
    &'static str,
    Option<bool>,
    Option<f64>,
    Option<i64>,
    Option<&'static [u8]>,
    Option<&'static str>,
);

async fn insert(client: &Client, out: &mut String) {
    let text = "INSERT INTO people (id, email, name, vip, score, serial, photo, note) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let statement = client.prepare(text).await.expect("prepare");
    writeln!(out, "{:?}", statement.params()).unwrap();
    let rows: [Person; 3] = [
        (
            1,
            Some(GRETE),
            "Grete Falkner",
            Some(true),
            Some(0.1),
            Some(8_123_456_789_012_345),
            Some(b"\x00\xff\\"),
            Some("plain"),
        ),
        (
            2,
            Some("ümit@voltmail.example"),
            "Ümit 張偉 🚗",
            Some(false),
            Some(f64::INFINITY),
            Some(-1),
            Some(b""),
            None,
        ),
        (3, None, "", None, None, None, None, Some("")),
    ];
    for row in &rows {
        let values: [&(dyn ToSql + Sync); 8] =
            [&row.0, &row.1, &row.2, &row.3, &row.4, &row.5, &row.6, &row.7];
        writeln!(out, "{}", client.execute(&statement, &values).await.expect("insert")).unwrap();
    }
    let car = "INSERT INTO cars VALUES ($1, $2, 'Kestrel') RETURNING vin, owner";
    show(out, &client.query(car, &[&"SHORTVIN", &GRETE]).await.expect("insert a car"));
}

async fn lookups(client: &Client, out: &mut String) {
    let columns = "id, email, name, vip, score, serial, photo, note";
    show(out, &client.query(&format!("SELECT {columns} FROM people ORDER BY id"), &[]).await.expect("all"));
    let by: [(&str, &(dyn ToSql + Sync)); 7] = [
        ("email", &GRETE),
        ("name", &"Grete Falkner"),
        ("vip", &false),
        ("score", &0.1f64),
        ("serial", &8_123_456_789_012_345i64),
        ("photo", &b"\x00\xff\\".as_slice()),
        ("email", &None::<String>),
    ];
    for (column, value) in by {
        let text = format!("SELECT {columns} FROM people WHERE {column} = $1");
        show(out, &client.query(&text, &[value]).await.expect("look up"));
    }
    let list = vec![Some(GRETE), None, Some("nobody")];
    show(out, &client.query("SELECT id FROM people WHERE email = ANY($1)", &[&list]).await.expect("any"));
    show(
        out,
        &client
            .query("SELECT p.id, c.vin FROM people p JOIN cars c ON c.owner = p.email", &[])
            .await
            .expect("join"),
    );
    let typed =
        client.query_typed("SELECT id, name FROM people WHERE email = $1", &[(&GRETE, Type::TEXT)]).await;
    show(out, &typed.expect("announced types"));
    let update = "UPDATE people SET name = $1 WHERE email = $2 RETURNING name";
    show(out, &client.query(update, &[&"Grete Falkner-Wu", &GRETE]).await.expect("update"));
}

async fn errors(client: &mut Client, out: &mut String) {
    let duplicate = "INSERT INTO people (id, email, name) VALUES (9, $1, 'again')";
    let null = "INSERT INTO people (id, name) VALUES (9, $1)";
    for (text, value) in
        [(duplicate, Some(GRETE.to_string())), (null, None), (duplicate, Some("x".repeat(121)))]
    {
        let error = client.execute(text, &[&value]).await.expect_err("an error");
        let error = error.as_db_error().expect("an error of the database");
        writeln!(out, "{:?} {:?} {:?}", error.code(), error.constraint(), error.column()).unwrap();
    }
    let transaction = client.transaction().await.expect("begin");
    let gone = transaction.query("DELETE FROM people WHERE email = $1 RETURNING id, name", &[&GRETE]).await;
    show(out, &gone.expect("delete"));
    transaction.rollback().await.expect("roll back");
    let transaction = client.transaction().await.expect("begin");
    let portal = transaction.bind("SELECT id, name FROM people ORDER BY id", &[]).await.expect("bind");
    while let rows @ [_, ..] = transaction.query_portal(&portal, 2).await.expect("some rows").as_slice() {
        show(out, rows);
    }
}

/// Many at once on one connection: the driver pipelines them.
async fn together(client: &Client, out: &mut String) {
    let text = "SELECT name FROM people WHERE email = $1";
    let (grete, umit) = (GRETE.to_string(), "ümit@voltmail.example".to_string());
    let (one, two) = ([&grete as &(dyn ToSql + Sync)], [&umit as &(dyn ToSql + Sync)]);
    let (a, b, c) =
        tokio::join!(client.query(text, &one), client.query(text, &two), client.query("SELECT 1", &[]));
    for rows in [a, b, c] {
        show(out, &rows.expect("pipelined"));
    }
}

fn show(out: &mut String, rows: &[Row]) {
    for row in rows {
        let columns: Vec<String> =
            row.columns().iter().map(|c| format!("{} {}", c.name(), c.type_())).collect();
        let values: Vec<String> = (0..row.len()).map(|i| value(row, i)).collect();
        writeln!(out, "{columns:?} {values:?}").unwrap();
    }
    writeln!(out, "{} rows", rows.len()).unwrap();
}

fn value(row: &Row, index: usize) -> String {
    let ty = row.columns()[index].type_();
    match *ty {
        Type::INT4 => format!("{:?}", row.get::<_, Option<i32>>(index)),
        Type::INT8 => format!("{:?}", row.get::<_, Option<i64>>(index)),
        Type::FLOAT8 => format!("{:?}", row.get::<_, Option<f64>>(index)),
        Type::BOOL => format!("{:?}", row.get::<_, Option<bool>>(index)),
        Type::BYTEA => format!("{:?}", row.get::<_, Option<Vec<u8>>>(index)),
        _ => format!("{:?}", row.get::<_, Option<String>>(index)),
    }
}

#[test]
fn tokio_postgres_client() {
    let pair = Pair::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let [expected, actual] =
        pair.sides().map(|(port, database)| runtime.block_on(application(port, database)));
    assert!(expected.contains("Grete Falkner"));
    assert_eq!(expected, actual);
}
