//! Expressions over encrypted columns that the proxy computes: what the server gets, and what is refused.

use std::sync::Arc;

use super::{Names, catalog, planned_in};
use crate::catalog::Environment;
use crate::sql::plan::{Plan, Rewrite};
use crate::sql::{Scope, plan_statement};

/// Literals are read by the session's settings.
fn environment() -> Environment {
    let json = r#"{"path": ["pg_catalog", "public"], "standard_conforming_strings": "on", "date_style": "ISO, MDY",
        "time_zone": "UTC", "bytea_output": "hex", "extra_float_digits": "1"}"#;
    Environment::from_json(json).expect("an environment")
}

fn planned(text: &str) -> String {
    planned_in(text, &[], &catalog(), &environment())
}

fn rewrite(text: &str) -> Arc<Rewrite> {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    match plan_statement(text, &[], &scope) {
        Plan::Rewrite(plan) => plan,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn outputs_become_their_inputs() {
    for (text, expected) in [
        ("SELECT upper(email) FROM customers", "SELECT email AS \"upper\" FROM public.customers => =text"),
        (
            "SELECT c.email || c.phone || c.id AS x FROM customers c",
            "SELECT ROW(c.email, c.phone, c.id) AS x FROM public.customers c => =text",
        ),
        (
            "SELECT email || ' ' || email FROM customers",
            "SELECT email AS \"?column?\" FROM public.customers => =text",
        ),
        (
            "SELECT CAST ( lower ( email ) AS varchar(3) ) mail FROM customers",
            "SELECT email mail FROM public.customers => =character varying(3)",
        ),
        (
            "UPDATE customers SET id = 1 RETURNING trim(both ' ' from phone)",
            "UPDATE public.customers SET id = 1 RETURNING phone AS \"btrim\" => =text",
        ),
    ] {
        assert_eq!(planned(text), expected, "{text}");
    }
}

/// A literal beside an encrypted column is as secret as the column.
#[test]
fn literals_of_formulas_are_not_sent() {
    for text in [
        "SELECT email || 'secret' FROM customers",
        "SELECT position('secret' in email) FROM customers",
        "SELECT email ~ 'secret', upper(email) LIKE '%secret%' FROM customers",
        "SELECT nullif(upper(email), 'secret'), email IN ('x', lower('secret')) FROM customers",
        "SELECT EXISTS (SELECT email || 'secret' FROM customers)",
    ] {
        let sent = planned(text);
        assert!(!sent.contains("secret") && !sent.starts_with("0A000"), "{sent}");
    }
}

#[test]
fn parameters_of_formulas_stay_here() {
    let plan = rewrite("SELECT email || $1 || left(phone, $2) FROM customers WHERE id = $3");
    let shown: Vec<_> = plan.params.iter().map(|p| (p.type_oid, p.hidden, p.slots.len())).collect();
    assert_eq!(shown, [(Some(25), true, 0), (Some(23), true, 0), (None, false, 0)]);
    let both = "SELECT email || $1 FROM customers WHERE id::text = $1";
    assert!(planned(both).starts_with("0A000 parameter $1 for both"), "{}", planned(both));
}

#[test]
fn where_no_formula_serves_the_statement_is_refused() {
    for text in [
        "SELECT DISTINCT upper(email) FROM customers",
        "SELECT upper(email) FROM customers ORDER BY 1",
        "SELECT upper(email) AS u FROM customers ORDER BY u",
        "SELECT u FROM (SELECT upper(email) AS u FROM customers) s",
        "SELECT (SELECT upper(email) FROM customers LIMIT 1)",
        "SELECT upper(email) FROM customers UNION SELECT 'x'",
        "SELECT soundex(email) FROM customers",
        "SELECT email || random() FROM customers",
        "SELECT substring(email FROM 'a.c') FROM customers",
        "SELECT upper(email COLLATE \"C\") FROM customers",
        "INSERT INTO customers (email) SELECT upper(email) FROM customers",
        "SELECT max(upper(email)) FROM customers",
        "CREATE VIEW v AS SELECT upper(email) AS u FROM customers",
    ] {
        assert!(planned(text).starts_with("0A000"), "{text}\n  {}", planned(text));
    }
}

/// What PostgreSQL finds wrong with a literal it finds when it reads the statement.
#[test]
fn errors_of_literals_come_with_the_plan() {
    for (text, sqlstate) in [
        ("SELECT length(email) + 'x' FROM customers", "22P02"),
        ("SELECT length(email) > '99999999999' FROM customers", "22003"),
        ("SELECT email || '2020-13-01'::date FROM customers", "22008"),
    ] {
        assert!(planned(text).starts_with(sqlstate), "{text}\n  {}", planned(text));
    }
}
