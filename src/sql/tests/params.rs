//! Parameters: numbers, types, roles; outputs' origins; positions.

use super::{Names, catalog, environment};
use crate::sql::plan::{Output, Plan, Rewrite};
use crate::sql::{Scope, plan_statement};
use std::sync::Arc;

fn rewrite(text: &str, announced: &[u32]) -> Arc<Rewrite> {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    match plan_statement(text, announced, &scope) {
        Plan::Rewrite(plan) => plan,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn parameters_keep_their_numbers_and_types() {
    let plan = rewrite("SELECT 1 FROM customers WHERE id = $1 AND email = $2 AND phone = 'lit'", &[]);
    assert_eq!(plan.slots[0].server_param, 2);
    assert_eq!(plan.slots[1].server_param, 3);
    assert_eq!(plan.params[0].type_oid, None);
    // A comparison with varchar is one with text.
    assert_eq!(plan.params[1].type_oid, Some(25));
    let plan = rewrite("INSERT INTO leads (email) VALUES ($1)", &[]);
    assert_eq!(plan.params[0].type_oid, Some(1043));
    let plan = rewrite("SELECT 1 FROM customers WHERE email IN ($1, $2)", &[]);
    assert_eq!(plan.params[1].type_oid, Some(1043));
    let plan = rewrite("SELECT 1 FROM customers WHERE email = ANY($1)", &[]);
    assert_eq!(plan.params[0].type_oid, Some(1009));
    let plan = rewrite("SELECT 1 FROM devices WHERE serial = $1", &[20]);
    assert_eq!((plan.params[0].type_oid, plan.params[0].announced), (Some(20), 20));
}

#[test]
fn one_parameter_in_several_roles() {
    let plan = rewrite("UPDATE customers SET email = $1 WHERE email = $1 OR email = $1", &[]);
    assert_eq!(plan.slots.len(), 2);
    let numbers: Vec<u16> = plan.slots.iter().map(|s| s.server_param).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(plan.params[0].slots, [0, 1]);
}

#[test]
fn announced_types_must_fit() {
    let (catalog, environment) = (catalog(), environment());
    let refused = |text: &str, oid: u32| super::planned_in(text, &[oid], &catalog, &environment);
    assert!(refused("SELECT 1 FROM devices WHERE owner = $1", 25).starts_with("42883"));
    assert!(refused("INSERT INTO devices (owner) VALUES ($1)", 25).starts_with("42804"));
    assert!(refused("SELECT 1 FROM devices WHERE owner = $1", 600).starts_with("0A000"));
}

#[test]
fn outputs_name_their_origin() {
    let plan = rewrite(
        "SELECT s.email, (SELECT phone FROM customers LIMIT 1) FROM (SELECT * FROM customers) s",
        &[],
    );
    let origins: Vec<_> = plan
        .outputs
        .iter()
        .map(|o| match o {
            Output::Open { origin, .. } => *origin,
            _ => None,
        })
        .collect();
    assert_eq!(origins, [Some((16_000, 3)), None]);
}

#[test]
fn positions_map_back() {
    let text = "SELECT id, 'nö' FROM customers WHERE email = $1";
    let plan = rewrite(text, &[]);
    let at = |server| plan.client_position(text, server, &|_| 2);
    assert_eq!(at(1), Some(1));
    // `customers` stands seven characters further on in what is sent.
    assert_eq!(at(22 + 7), Some(22));
    assert_eq!(plan.client_position(text, 500, &|_| 2), None);
}

#[test]
fn nothing_that_prints_holds_a_value() {
    let text = "SELECT id FROM customers WHERE email = 'hunter2'";
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &Names };
    let plan = plan_statement(text, &[], &scope);
    assert!(!format!("{plan:?}").contains("hunter2"));
    let shown = plan.describe(text);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("‹term of a literal for public.customers.email›"), "{shown}");
}
