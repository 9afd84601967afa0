//! Values on their way through rows, arrays, JSON, subqueries and CTEs.

use super::planned;

/// Statements and what their outputs are; the text behind `=>` is the plan's last part.
fn outputs_are(cases: &[(&str, &str)]) {
    for (statement, expected) in cases {
        let plan = planned(statement);
        assert!(plan.ends_with(expected), "{statement}\n  {plan}\n  {expected}");
    }
}

#[test]
fn rows_arrays_and_json() {
    outputs_are(&[
        ("SELECT c FROM customers c", "(- - email phone birthday note active)"),
        ("SELECT leads FROM leads", "(- email -)"),
        ("SELECT ROW(id, email) FROM leads", "(- email)"),
        ("SELECT ROW(l.*, 1) FROM leads l", "(- email - -)"),
        ("SELECT (id, email) FROM leads", "(- email)"),
        ("SELECT ARRAY[email, email] FROM leads", "[email]"),
        ("SELECT ARRAY(SELECT email FROM leads)", "[email]"),
        ("SELECT row_to_json(l) FROM leads l", "{id: - email: email source: -}"),
        ("SELECT to_jsonb(l) FROM leads l", "{id: - email: email! source: -}"),
        ("SELECT json_agg(l ORDER BY l.id) FROM leads l", "[{id: - email: email source: -}…]"),
        ("SELECT jsonb_agg(email) FILTER (WHERE id > 1) FROM leads", "[email!…]"),
        (
            "SELECT json_build_object('id', id, 'mail', email, 'list', json_build_array(1, email)) FROM leads",
            "{id: - mail: email list: [- email]}",
        ),
        ("SELECT jsonb_build_object('a', email, 'a', id) FROM leads", "{a: -}"),
        ("SELECT json_object_agg(id, email) FROM leads", "{*: email}"),
        ("SELECT row_to_json(s)::jsonb FROM (SELECT id, email AS m FROM leads) s", "{id: - m: email!}"),
        (
            "SELECT COALESCE(json_agg(l), '[]'::json)::text FROM leads l",
            "[{id: - email: email source: -}…]::text",
        ),
        (
            "SELECT json_build_object('l', (SELECT json_agg(l.email) FROM leads l)) FROM orders",
            "{l: [email…]}",
        ),
        ("SELECT (l).email FROM leads l", "email"),
        ("SELECT (ARRAY[email])[1] FROM leads", "email"),
        ("SELECT s.j FROM (SELECT to_json(email) AS j FROM leads) s", "email"),
    ]);
}

#[test]
fn what_is_inside_is_not_looked_at() {
    for statement in [
        "SELECT DISTINCT row_to_json(l) FROM leads l",
        "SELECT l FROM leads l GROUP BY l",
        "SELECT id FROM leads l WHERE l = ROW(1, 'x', 'y')",
        "SELECT row_to_json(l) ->> 'email' FROM leads l",
        "SELECT id FROM leads l ORDER BY row_to_json(l)::text",
        "SELECT json_object_agg(email, id) FROM leads",
        "SELECT jsonb_build_object(id, email, id + 1, id) FROM leads",
        "INSERT INTO orders (id) SELECT to_json(email) FROM leads",
        "SELECT COALESCE(json_agg(l), json_build_array(1)) FROM leads l",
        "SELECT upper(l::text) FROM leads l",
        "SELECT json_agg(DISTINCT email) FROM leads",
    ] {
        let plan = planned(statement);
        assert!(plan.starts_with("0A000"), "{statement}\n  {plan}");
    }
}
