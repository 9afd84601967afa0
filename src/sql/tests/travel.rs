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

#[test]
fn constants_become_what_they_meet() {
    for (statement, expected) in [
        (
            "SELECT l.id FROM leads l JOIN (VALUES ($1, 1), ('b', 2)) AS v(mail, n) ON l.email = v.mail",
            "SELECT l.id FROM public.leads l JOIN (VALUES (<store $1::text email>, 1), (<store 'b'::text email>, 2)) AS v(mail, n) ON pyrite.eq(l.email) = pyrite.eq(v.mail)",
        ),
        (
            "WITH v (mail) AS (VALUES ($1), (NULL)) SELECT v.mail FROM v, leads l WHERE l.email = v.mail",
            "WITH v (mail) AS (VALUES (<store $1::text email>), (NULL::pg_catalog.bytea)) SELECT v.mail FROM v, public.leads l WHERE pyrite.eq(l.email) = pyrite.eq(v.mail) => email",
        ),
        (
            "UPDATE leads SET email = v.mail FROM (VALUES (1, $1::text)) AS v(id, mail) WHERE leads.id = v.id",
            "UPDATE public.leads SET email = v.mail FROM (VALUES (1, <store $1::text email>)) AS v(id, mail) WHERE leads.id = v.id",
        ),
        (
            "INSERT INTO leads (id, email) SELECT * FROM unnest($1::int[], $2::text[])",
            "INSERT INTO public.leads (id, email) SELECT * FROM unnest($1::int[], <stores $2::text email>)",
        ),
        (
            "INSERT INTO leads (email) SELECT unnest($1::text[])",
            "INSERT INTO public.leads (email) SELECT unnest(<stores $1::text email>)",
        ),
        (
            "INSERT INTO leads (email) SELECT v.m FROM unnest($1::text[]) AS v(m) WHERE NOT EXISTS (SELECT FROM leads l WHERE l.email = v.m)",
            "INSERT INTO public.leads (email) SELECT v.m FROM unnest(<stores $1::text email>) AS v(m) WHERE NOT EXISTS (SELECT FROM public.leads l WHERE pyrite.eq(l.email) = pyrite.eq(v.m))",
        ),
        (
            "SELECT id FROM leads WHERE email IN (SELECT unnest($1::text[]))",
            "SELECT id FROM public.leads WHERE pyrite.eq(email) IN (SELECT pyrite.eq(unnest(<stores $1::text email>)))",
        ),
        (
            "SELECT id FROM leads WHERE email IN (VALUES ($1), ($2))",
            "SELECT id FROM public.leads WHERE pyrite.eq(email) IN (VALUES (<eq $1::text email>), (<eq $2::text email>))",
        ),
        (
            "SELECT id FROM leads WHERE email = (SELECT $1)",
            "SELECT id FROM public.leads WHERE pyrite.eq(email) = pyrite.eq((SELECT <store $1::text email>))",
        ),
        (
            "SELECT v.n FROM (VALUES ($1, 1)) AS v(mail, n), leads l WHERE l.id = v.n",
            "SELECT v.n FROM (VALUES ($1, 1)) AS v(mail, n), public.leads l WHERE l.id = v.n",
        ),
    ] {
        let plan = planned(statement);
        assert!(plan.contains(expected), "{statement}\n  {plan}\n  {expected}");
    }
}

#[test]
fn constants_are_not_torn() {
    for statement in [
        "SELECT upper(v.m) FROM (VALUES ($1)) v(m) JOIN leads l ON l.email = v.m",
        "SELECT length(v.m) FROM (VALUES ($1)) v(m), leads l WHERE l.email = v.m",
        "SELECT v.m FROM (VALUES ('a')) v(m), leads l WHERE l.email = v.m ORDER BY v.m",
        "SELECT v.m FROM (VALUES ('a')) v(m), leads l WHERE l.source = v.m AND l.email = v.m",
        "SELECT id FROM leads WHERE email = $1 AND source = $1",
        "SELECT id FROM leads WHERE email IN (SELECT unnest($1::text[])) AND source = ANY($1)",
        "WITH v(m) AS (VALUES ('a')) SELECT source FROM leads WHERE source IN (SELECT m FROM v) AND email IN (SELECT m FROM v)",
    ] {
        let plan = planned(statement);
        assert!(plan.starts_with("0A000"), "{statement}\n  {plan}");
    }
}
