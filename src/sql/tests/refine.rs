//! Conditions that the session decides on: what candidates are read from, and that no constant leaves in any text.

use super::{Names, Scope, catalog, planned_in, render};
use crate::catalog::Environment;
use crate::sql::plan::{Plan, Script};
use crate::sql::{plan_script, plan_statement};

/// With the settings that values are read under.
fn environment() -> Environment {
    let text = r#"{"path": ["pg_catalog", "public"], "standard_conforming_strings": "on", "date_style": "ISO, MDY",
        "time_zone": "UTC", "bytea_output": "hex", "extra_float_digits": "1"}"#;
    Environment::from_json(text).expect("an environment")
}

/// Each statement is refused with a message that has this in it.
fn refused(cases: &[(&str, &str)]) {
    for (text, clause) in cases {
        let got = planned_in(text, &[], &catalog(), &environment());
        assert!(got.starts_with("0A000") && got.contains(clause), "{text}: {got}");
    }
}

/// The candidates' query of each refinement, up to what all have in common.
fn candidates(text: &str) -> Vec<String> {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    let Plan::Rewrite(plan) = plan_statement(text, &[], &scope) else { panic!("{text} is not rewritten") };
    let shown = plan.refinements.iter().map(|r| render(&r.candidates, &plan.slots, text));
    shown.map(|text| text.split_once(" FROM ").expect("FROM").1.to_owned()).collect()
}

#[test]
fn candidates_are_read_from_the_relation_that_is_named() {
    for (text, expected) in [
        ("SELECT 1 FROM customers WHERE email LIKE $1", "public.customers AS t WHERE t.email IS NOT NULL"),
        ("SELECT 1 FROM contacts c WHERE c.mail LIKE $1", "public.contacts AS t WHERE t.mail IS NOT NULL"),
        (
            "WITH x AS (SELECT email AS e FROM leads) SELECT 1 FROM x WHERE e LIKE $1",
            "public.leads AS t WHERE t.email IS NOT NULL",
        ),
    ] {
        assert_eq!(candidates(text), [expected], "{text}");
    }
}

#[test]
fn conditions_on_the_same_table_narrow() {
    for (text, expected) in [
        ("id = 5 AND email LIKE 'a%'", "(id = 5)"),
        ("email LIKE 'a%' AND c.id > $1 AND c.name IS NOT NULL", "(c.id > $1) AND (c.name IS NOT NULL)"),
        (
            "(c.email LIKE 'a%' OR id = 3) AND (id IN (1, -2) AND name = 'x'::text)",
            "(id IN (1, -2)) AND (name = 'x'::text)",
        ),
        ("phone = '1' AND email LIKE 'a%'", "(pyrite.eq(phone) = <eq '1' phone>)"),
        ("id = ANY($1) AND email LIKE 'a%'", "(id = ANY($1))"),
    ] {
        let text = format!("SELECT 1 FROM customers c WHERE {text}");
        let expected = format!("public.customers AS c WHERE c.email IS NOT NULL AND {expected}");
        assert_eq!(candidates(&text), [expected], "{text}");
    }
}

#[test]
fn what_could_mean_something_else_or_fail_does_not_narrow() {
    for text in [
        // Of another table, of both, of an outer query.
        "SELECT 1 FROM customers c, orders o WHERE o.id = 5 AND c.email LIKE 'a%'",
        "SELECT 1 FROM customers c, orders o WHERE o.id = c.id AND c.email LIKE 'a%'",
        "SELECT 1 FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE o.id = 5 AND c.email LIKE 'a%')",
        // Functions, casts of columns, what is under OR.
        "SELECT 1 FROM customers c WHERE now() > 'x' AND c.id::text = '5' AND c.email LIKE 'a%'",
        "SELECT 1 FROM customers c WHERE c.id = 5 OR c.email LIKE 'a%'",
        // Renamed columns.
        "SELECT 1 FROM customers AS c (a, b, d) WHERE a = 5 AND d LIKE 'a%'",
        // In a join's condition.
        "SELECT 1 FROM orders o LEFT JOIN customers c ON c.id = 5 AND c.email LIKE 'a%'",
    ] {
        let expected = "public.customers AS t WHERE t.email IS NOT NULL";
        assert_eq!(candidates(text), [expected], "{text}");
    }
}

#[test]
fn one_condition_that_is_decided_does_not_narrow_another() {
    // Its constant would leave as it is.
    let text = "SELECT 1 FROM devices WHERE serial > 77 AND owner::text LIKE '8f%'";
    for query in candidates(text) {
        assert!(!query.contains("77") && !query.contains("8f"), "{query}");
    }
}

#[test]
fn no_pattern_is_in_any_text() {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    for condition in [
        "email LIKE '%canary%'",
        "NOT (lower(email) = lower('canary'))",
        "phone ILIKE '%canary%' OR id = 1",
        "CASE WHEN email LIKE 'canary' THEN true END",
        "email LIKE 'canary' || '%' AND phone LIKE 'canary%'",
        "length(email) > 777001 AND id = 1",
    ] {
        let text = format!("SELECT id FROM customers WHERE {condition}");
        let Script::Rewrite(plan) = plan_script(&text, &scope) else { panic!("{text} is not rewritten") };
        assert!(plan.statements.iter().all(|s| s.refusal.is_none()), "{text}: {:?}", plan.statements);
        let mut sent = render(&plan.pieces, &plan.slots, &text);
        for refinement in &plan.refinements {
            sent.push_str(&render(&refinement.candidates, &plan.slots, &text));
        }
        assert!(!sent.contains("canary") && !sent.contains("777001"), "{sent}");
    }
}

#[test]
fn parameters_of_patterns_are_not_sent() {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    let text = "SELECT id FROM customers WHERE email LIKE $1 AND id = $2";
    let Plan::Rewrite(plan) = plan_statement(text, &[], &scope) else { panic!("not rewritten") };
    let hidden: Vec<bool> = plan.params.iter().map(|param| param.hidden).collect();
    assert_eq!(hidden, [true, false]);
    assert_eq!(plan.refinements[0].params, [2]);
    assert!(plan.refinements[0].reads);
    // Both plain and in a pattern: it would be sent.
    refused(&[("SELECT id FROM customers WHERE email LIKE $1 AND name = $1", "$1")]);
}

#[test]
fn refusals_say_the_way_out() {
    refused(&[
        ("SELECT id FROM customers WHERE note LIKE 'a%'", "cannot be searched"),
        ("SELECT id FROM customers WHERE email || phone LIKE 'a%'", "together with another column"),
        ("SELECT id FROM customers WHERE email LIKE name", "together with another column"),
        ("CREATE INDEX i ON customers (id) WHERE email LIKE 'a%'", ""),
        ("CREATE VIEW w AS SELECT id FROM customers WHERE email LIKE 'a%'", ""),
    ]);
}
