//! Any text in, a plan or a refusal out.

use super::{Names, catalog, environment, render};
use crate::sql::plan::{Plan, Script};
use crate::sql::{Scope, plan_script, plan_statement, screen};

const CORPUS: &[&str] = &[
    "SELECT c.*, lower(name) FROM customers c LEFT JOIN leads l ON c.email = l.email WHERE c.email = ANY($1::text[]) AND (id, phone) IN ((1, 'a'))",
    "INSERT INTO leads (id, email) VALUES (1, E'a\\'b'), ($1, $2::varchar) ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING *",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) UPDATE customers SET birthday = date '2020-01-01' FROM t WHERE id = n",
    "CREATE TABLE IF NOT EXISTS vehicles (id int, vin varchar(17) UNIQUE, price numeric(10,2), PRIMARY KEY (id, vin))",
    "SELECT $tag$ customers $tag$, U&\"customers\" /* nested /* */ */ FROM customers -- end",
    "BEGIN; SELECT email::text, CAST(phone AS varchar) FROM customers; COMMIT;",
    "CREATE UNIQUE INDEX CONCURRENTLY ON ONLY customers USING btree (email, lower(name)) WHERE phone IS NOT NULL",
    "EXPLAIN (ANALYZE) SELECT CASE WHEN email = 'x' THEN 1 END FROM customers WHERE -5 = id AND active = true",
];

/// A small generator of numbers; the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn mutate(random: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(chars.len());
        match random.below(6) {
            0 => drop(chars.drain(at..(at + random.below(12)).min(chars.len()))),
            1 => {
                let pool: Vec<char> = "'\"$()[]:;,.*-+\\ \n$1é/E=<".chars().collect();
                chars.insert(at, pool[random.below(pool.len())]);
            }
            2 => chars.truncate(at),
            3 => {
                let other: Vec<char> = CORPUS[random.below(CORPUS.len())].chars().collect();
                let from = random.below(other.len());
                let piece = other[from..(from + random.below(30)).min(other.len())].to_vec();
                chars.splice(at..at, piece);
            }
            4 if at + 1 < chars.len() => chars.swap(at, at + 1),
            _ => {
                let piece = chars[at..(at + 9).min(chars.len())].to_vec();
                chars.splice(at..at, piece);
            }
        }
        if chars.is_empty() {
            chars.push('x');
        }
    }
    chars.into_iter().collect()
}

#[test]
fn any_text_gives_a_plan_or_a_refusal() {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..6_000 {
        let text = mutate(&mut random, CORPUS[round % CORPUS.len()]);
        let _ = screen(&catalog, text.as_bytes());
        if let Plan::Rewrite(plan) = plan_statement(&text, &[], &scope) {
            let _ = render(&plan.pieces, &plan.slots, &text);
            let _ = plan.client_position(&text, random.below(100) as u32, &|_| 4);
        }
        if let Script::Rewrite(plan) = plan_script(&text, &scope) {
            let _ = render(&plan.pieces, &plan.slots, &text);
            for statement in &plan.statements {
                assert!(plan.pieces.get(statement.pieces.clone()).is_some(), "{text}");
            }
        }
    }
}

#[test]
fn large_and_deep_statements_end() {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    let deep = format!("SELECT {}1{} FROM customers", "(".repeat(5000), ")".repeat(5000));
    assert!(matches!(plan_statement(&deep, &[], &scope), Plan::Refuse(r) if r.sqlstate == "54001"));
    let chain = format!("SELECT 1 FROM customers WHERE {} true", "id = 1 OR ".repeat(60_000));
    assert!(matches!(plan_statement(&chain, &[], &scope), Plan::Refuse(r) if r.sqlstate == "54001"));
    let chain = format!("SELECT 1 FROM customers WHERE {} true", "id = 1 OR ".repeat(5_000));
    assert!(matches!(plan_statement(&chain, &[], &scope), Plan::Rewrite(_)));
    let nots = format!("SELECT 1 FROM customers WHERE {} true", "NOT ".repeat(30_000));
    assert!(!matches!(plan_statement(&nots, &[], &scope), Plan::Forward));
    let rows = format!("INSERT INTO leads (id, email) VALUES {}(1, 'x')", "(1, 'x'), ".repeat(3_000));
    assert!(matches!(plan_statement(&rows, &[], &scope), Plan::Rewrite(p) if p.slots.len() == 3_001));
    let nested = format!("SELECT 1 FROM customers WHERE {}email = 'x'{}", "(".repeat(60), ")".repeat(60));
    assert!(matches!(plan_statement(&nested, &[], &scope), Plan::Rewrite(_)));
}
