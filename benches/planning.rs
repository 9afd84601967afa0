//! What planning a statement for the first time costs, beside sqlparser's bare parse of the same text.
//!
//! `cargo bench --bench planning`. `PYRITE_BENCH_ROUNDS` (2000) is how often each is repeated. Both run turn by turn on one
//! thread; the figures are medians in microseconds. A statement that was seen before costs a look into a table.

#![allow(missing_docs, reason = "a program for measurements")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for measurements fails by panicking and reports on its standard output"
)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use pyrite::catalog::{Catalog, Environment, GroupId};
use pyrite::config::{Config, SecretError, SecretSource, Secrets};
use pyrite::sql::plan::Plan;
use pyrite::sql::{self, LiveNames, Scope};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

const TABLES: &str = r#"
keys.root = { provider = "env", variable = "ROOT" }
[databases.shop.tables."public.customers"]
email = { type = "varchar(254)", search = ["equality"], group = "email" }
name = { type = "text", search = ["equality"] }
born = { type = "date", search = ["equality"] }
[databases.shop.tables."public.vehicles"]
owner_email = { type = "varchar(254)", search = ["equality"], group = "email" }
price = { type = "numeric(12,2)", search = ["equality"] }
"#;

const CATALOG: &str = r#"{
  "path": ["pg_catalog", "public"], "domain": 90001,
  "relations": [
    {"oid": 20001, "schema": "public", "name": "customers", "kind": "r", "columns":
      [["id", 1, 23], ["email", 2, 90001], ["name", 3, 90001], ["born", 4, 90001], ["plan", 5, 25], ["visits", 6, 23]]},
    {"oid": 20002, "schema": "public", "name": "vehicles", "kind": "r", "columns":
      [["vin", 1, 25], ["owner_email", 2, 90001], ["customer_id", 3, 23], ["model", 4, 25], ["price", 5, 90001]]}
  ],
  "builtins": ["lower", "upper", "now", "count", "coalesce", "length", "max"]
}"#;

/// What applications and ORMs send.
const STATEMENTS: &[(&str, &str)] = &[
    ("lookup", "SELECT id, email, name FROM customers WHERE email = $1"),
    (
        "ORM's lookup",
        r#"SELECT "customers"."id", "customers"."email", "customers"."name", "customers"."born", "customers"."plan", "customers"."visits" FROM "customers" WHERE "customers"."email" = $1 ORDER BY "customers"."id" ASC LIMIT $2"#,
    ),
    (
        "join",
        "SELECT c.id, c.name, v.vin, v.price FROM customers c JOIN vehicles v ON v.owner_email = c.email WHERE c.plan = $1 AND c.email IN ($2, $3, $4) ORDER BY c.id LIMIT 20",
    ),
    (
        "insert",
        "INSERT INTO customers (id, email, name, born, plan, visits) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email) DO UPDATE SET name = excluded.name, visits = customers.visits + 1 RETURNING id",
    ),
    (
        "update",
        "UPDATE customers SET email = $1, name = $2, visits = visits + 1 WHERE id = $3 AND email <> $1 RETURNING id, email",
    ),
    (
        "subqueries",
        "WITH recent AS (SELECT customer_id, count(*) AS n FROM vehicles WHERE model = $1 GROUP BY customer_id) SELECT c.email, r.n FROM customers c JOIN recent r ON r.customer_id = c.id WHERE EXISTS (SELECT 1 FROM vehicles v WHERE v.owner_email = c.email) AND c.email = ANY ($2)",
    ),
];

struct NoSecrets;

impl Secrets for NoSecrets {
    fn read(&self, _: &SecretSource) -> Result<zeroize::Zeroizing<String>, SecretError> {
        Err(SecretError { message: "no secrets here".into(), way_out: "none".into() })
    }
}

struct NoNames;

impl LiveNames for NoNames {
    fn protected_statement(&self, _: &str) -> bool {
        false
    }

    fn protected_portal(&self, _: &str) -> bool {
        false
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn main() {
    let rounds = std::env::var("PYRITE_BENCH_ROUNDS").map_or(2000, |text| text.parse().expect("a number"));
    let config = Config::parse(TABLES, Path::new("/"), &NoSecrets).expect("a sound configuration");
    let database = config.databases.into_values().next().expect("a database");
    let group = |name: &str| {
        let mut id = [0; 16];
        id.iter_mut().zip(name.bytes().rev()).for_each(|(to, from)| *to = from);
        Some(GroupId(id).into())
    };
    let catalog = Catalog::from_json(CATALOG, &database, &group).expect("a sound catalog");
    let environment = Environment::with_path(vec!["pg_catalog".into(), "public".into()]);
    let scope = Scope { catalog: &catalog, environment: &environment, names: &NoNames };

    println!("{:16} {:>12} {:>12} {:>8}", "statement", "parse, µs", "plan, µs", "ratio");
    let mut worst = 0.0f64;
    for (name, text) in STATEMENTS {
        let (mut parses, mut plans) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let start = Instant::now();
            black_box(Parser::parse_sql(&PostgreSqlDialect {}, black_box(text)).expect("a tree"));
            parses.push(start.elapsed());
            let start = Instant::now();
            let touches = sql::screen(&catalog, black_box(text).as_bytes()).touches;
            let plan = sql::plan_statement(black_box(text), &[], &scope);
            plans.push(start.elapsed());
            assert!(touches && matches!(black_box(plan), Plan::Rewrite(_)), "{name} is planned");
        }
        let (parse, plan) = (median(parses), median(plans));
        worst = worst.max(plan / parse);
        println!("{name:16} {parse:>12.1} {plan:>12.1} {:>8.2}", plan / parse);
    }
    println!("{:16} {:>34.2}", "worst ratio", worst);
}
