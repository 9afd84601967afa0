//! Queries and data-modifying statements: text in, text out, or refusal.

use super::{catalog, check, planned_in, refused, scripted};
use crate::catalog::Environment;

#[test]
fn untouched_statements_are_forwarded() {
    for text in [
        "",
        " ; ",
        "SELECT 1",
        "SELECT * FROM orders WHERE id = 1",
        "select weird syntax (( here",
        "SELECT 'customers'",
        "SELECT relname FROM pg_class WHERE relname = 'customers'",
        "SELECT relname FROM pg_class WHERE relname OPERATOR(pg_catalog.~) '^(customers)$' COLLATE pg_catalog.default",
        "SELECT count(*) FROM other.customers",
        "DO $$ BEGIN PERFORM 1; END $$",
        "VACUUM customers",
        "ANALYZE customers(email)",
        "LOCK TABLE customers IN SHARE MODE",
        "TRUNCATE customers",
        "GRANT SELECT (email) ON customers TO bob",
        "DROP TABLE customers",
        "COMMENT ON TABLE customers IS 'who buys'",
        "EXECUTE plain(1)",
        "FETCH NEXT FROM c_plain",
        "INSERT INTO orders (id) VALUES (1)",
        "ALTER TABLE customers ADD COLUMN age int",
        "SELECT * FROM plainview",
        "CREATE TABLE invoices (id int, customer int REFERENCES customers(id))",
        "CREATE INDEX ON customers (name)",
        "/* customers */ SELECT 1",
    ] {
        check(&[(text, "forward")]);
    }
}

#[test]
fn select_lists() {
    check(&[
        ("SELECT id, email FROM customers", "SELECT id, email FROM public.customers => - email"),
        ("SELECT id FROM customers", "SELECT id FROM public.customers"),
        ("SELECT id FROM public.customers", "forward"),
        ("SELECT * FROM customers", "SELECT * FROM public.customers => - - email phone birthday note active"),
        (
            "SELECT c.*, o.id FROM customers c JOIN orders o ON o.customer_id = c.id",
            "SELECT c.*, o.id FROM public.customers c JOIN orders o ON o.customer_id = c.id => - - email phone birthday note active -",
        ),
        ("SELECT \"Email\" FROM customers", "42703 column \"Email\" does not exist"),
        ("SELECT EMAIL FROM CUSTOMERS", "SELECT EMAIL FROM public.CUSTOMERS => email"),
        (
            "SELECT \"email\" FROM \"customers\" -- all",
            "SELECT \"email\" FROM public.\"customers\" -- all => email",
        ),
        ("SELECT customers.email FROM customers", "SELECT customers.email FROM public.customers => email"),
        (
            "SELECT public.customers.email FROM public.customers",
            "SELECT public.customers.email FROM public.customers => email",
        ),
        ("SELECT email::text FROM customers", "SELECT email FROM public.customers => email::text"),
        (
            "SELECT CAST(email AS varchar) v FROM customers",
            "SELECT (email ) v FROM public.customers => email::character varying",
        ),
        (
            "SELECT e FROM (SELECT email AS e FROM customers) s",
            "SELECT e FROM (SELECT email AS e FROM public.customers) s => email",
        ),
        (
            "WITH x AS (SELECT * FROM customers) SELECT phone, id FROM x",
            "WITH x AS (SELECT * FROM public.customers) SELECT phone, id FROM x => phone -",
        ),
        (
            "WITH x(a, b) AS (SELECT id, email FROM customers) SELECT b FROM x",
            "WITH x(a, b) AS (SELECT id, email FROM public.customers) SELECT b FROM x => email",
        ),
        (
            "SELECT (SELECT email FROM customers WHERE id = 1)",
            "SELECT (SELECT email FROM public.customers WHERE id = 1) => email",
        ),
        (
            "SELECT count(email), count(*) FROM customers",
            "SELECT count(email), count(*) FROM public.customers",
        ),
        (
            "SELECT email FROM customers UNION ALL SELECT email FROM leads",
            "SELECT email FROM public.customers UNION ALL SELECT email FROM public.leads => email",
        ),
        (
            "SELECT COALESCE(email, 'none') FROM customers",
            "SELECT COALESCE(email, <store 'none' email>) FROM public.customers => email::character varying",
        ),
        (
            "SELECT COALESCE(c.email, l.email) FROM customers c JOIN leads l ON true",
            "SELECT COALESCE(c.email, l.email) FROM public.customers c JOIN public.leads l ON true => email",
        ),
        (
            "SELECT CASE WHEN id > 3 THEN email END AS e FROM customers",
            "SELECT CASE WHEN id > 3 THEN email END AS e FROM public.customers => email::character varying",
        ),
        (
            "SELECT COALESCE(phone, $1) FROM customers",
            "SELECT COALESCE(phone, <store $1 phone>) FROM public.customers => phone",
        ),
        (
            "SELECT COALESCE(name, 'x'), CASE WHEN id = 1 THEN 'a' ELSE 'b' END FROM customers",
            "SELECT COALESCE(name, 'x'), CASE WHEN id = 1 THEN 'a' ELSE 'b' END FROM public.customers",
        ),
        ("SELECT mail FROM contacts", "SELECT mail FROM public.contacts => email"),
        ("SELECT * FROM contacts2", "SELECT * FROM public.contacts2 => email -"),
        (
            "SELECT email FROM customers_eu ORDER BY id",
            "SELECT email FROM public.customers_eu ORDER BY id => email",
        ),
        (
            "SELECT email FROM customers c, generate_series(1, 3) g ORDER BY g",
            "SELECT email FROM public.customers c, generate_series(1, 3) g ORDER BY g => email",
        ),
        (
            "SELECT * FROM leads, generate_series(1, 3) AS g(n)",
            "SELECT * FROM public.leads, generate_series(1, 3) AS g(n) => - email - -",
        ),
        (
            "EXPLAIN (ANALYZE, COSTS off) SELECT email FROM customers",
            "EXPLAIN (ANALYZE, COSTS off) SELECT email FROM public.customers",
        ),
        ("SELECT email FROM customers FOR UPDATE", "SELECT email FROM public.customers FOR UPDATE => email"),
        (
            "SELECT email FROM customers LIMIT 5 OFFSET 2",
            "SELECT email FROM public.customers LIMIT 5 OFFSET 2 => email",
        ),
        (
            "SELECT DISTINCT ON (id) email FROM customers",
            "SELECT DISTINCT ON (id) email FROM public.customers => email",
        ),
        (
            "SELECT l.email FROM leads l, LATERAL (SELECT c.id FROM customers c WHERE c.email = l.email) x",
            "SELECT l.email FROM public.leads l, LATERAL (SELECT c.id FROM public.customers c WHERE pyrite.eq(c.email) = pyrite.eq(l.email)) x => email",
        ),
    ]);
}

#[test]
fn comparisons() {
    check(&[
        (
            "SELECT id FROM customers WHERE email = $1",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = <eq $1 email>",
        ),
        (
            "SELECT id FROM customers WHERE $1 = email",
            "SELECT id FROM public.customers WHERE <eq $1 email> = pyrite.eq(email)",
        ),
        (
            "SELECT id FROM customers c WHERE c.email <> 'it''s'",
            "SELECT id FROM public.customers c WHERE pyrite.eq(c.email) <> <eq 'it's' email>",
        ),
        (
            "SELECT id FROM customers WHERE email != E'a\\nb'",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) != <eq 'a\nb' email>",
        ),
        (
            "SELECT id FROM customers WHERE (email) = ($1::varchar)",
            "SELECT id FROM public.customers WHERE (pyrite.eq(email)) = <eq $1::character varying email>",
        ),
        (
            "SELECT id FROM customers WHERE email = CAST($1 AS text) AND id = $2",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = <eq $1::text email> AND id = $2",
        ),
        (
            "SELECT id FROM customers WHERE email::text = 'x'::text",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = <eq 'x'::text email>",
        ),
        (
            "SELECT id FROM customers WHERE birthday = date '2020-01-01'",
            "SELECT id FROM public.customers WHERE pyrite.eq(birthday) = <eq '2020-01-01'::date birthday>",
        ),
        (
            "SELECT id FROM customers WHERE birthday = timestamp with time zone '2020-01-01'",
            "SELECT id FROM public.customers WHERE pyrite.eq(birthday) = <eq '2020-01-01'::timestamp with time zone birthday>",
        ),
        (
            "SELECT id FROM ONLY customers WHERE email = 'a'",
            "SELECT id FROM ONLY public.customers WHERE pyrite.eq(email) = <eq 'a' email>",
        ),
        ("TABLE leads", "TABLE public.leads => - email -"),
        (
            "SELECT id FROM customers WHERE email = 'a' UNION TABLE orders",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = <eq 'a' email> UNION TABLE orders",
        ),
        (
            "SELECT id FROM customers WHERE email IN ($1, 'b', NULL)",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) IN (<eq $1 email>, <eq 'b' email>, NULL)",
        ),
        (
            "SELECT id FROM customers WHERE email NOT IN ('a')",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) NOT IN (<eq 'a' email>)",
        ),
        (
            "SELECT id FROM customers WHERE email = ANY($1)",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = ANY(<any $1 email>)",
        ),
        (
            "SELECT id FROM customers WHERE email = ANY($1::text[])",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = ANY(<any $1::text email>)",
        ),
        (
            "SELECT id FROM customers WHERE email <> ALL('{a,b}')",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) <> ALL(<any '{a,b}' email>)",
        ),
        (
            "SELECT id FROM customers WHERE email = ANY(ARRAY['a', $1])",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = ANY(ARRAY[<eq 'a' email>, <eq $1 email>]::pg_catalog.bytea[])",
        ),
        (
            "SELECT id FROM customers WHERE email = ANY(ARRAY['a']::text[])",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = ANY(ARRAY[<eq 'a' email>]::pg_catalog.bytea[])",
        ),
        (
            "SELECT id FROM customers WHERE email = ANY(ARRAY[]::text[])",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = ANY(ARRAY[]::pg_catalog.bytea[])",
        ),
        (
            "SELECT id FROM customers WHERE email IS NULL OR note IS NOT NULL",
            "SELECT id FROM public.customers WHERE email IS NULL OR note IS NOT NULL",
        ),
        (
            "SELECT id FROM customers WHERE email IS NOT DISTINCT FROM $1",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) IS NOT DISTINCT FROM <eq $1 email>",
        ),
        (
            "SELECT id FROM customers WHERE email = NULL::text",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = NULL",
        ),
        (
            "SELECT id FROM customers WHERE active = true",
            "SELECT id FROM public.customers WHERE pyrite.eq(active) = <eq 'true' active>",
        ),
        (
            "SELECT id FROM devices WHERE serial = -5",
            "SELECT id FROM public.devices WHERE pyrite.eq(serial) = <eq '-5' serial>",
        ),
        (
            "SELECT id FROM devices WHERE serial = + 3000000000",
            "SELECT id FROM public.devices WHERE pyrite.eq(serial) = <eq '3000000000' serial>",
        ),
        (
            "SELECT id FROM customers WHERE ($1 IS NULL OR email = $1)",
            "SELECT id FROM public.customers WHERE (<eq $1 email> IS NULL OR pyrite.eq(email) = <eq $1 email>)",
        ),
        (
            "SELECT id FROM customers WHERE (email, id) = ($1, $2)",
            "SELECT id FROM public.customers WHERE (pyrite.eq(email), id) = (<eq $1 email>, $2)",
        ),
        (
            "SELECT id FROM customers WHERE (id, email) IN ((1, 'a'), ($1, $2))",
            "SELECT id FROM public.customers WHERE (id, pyrite.eq(email)) IN ((1, <eq 'a' email>), ($1, <eq $2 email>))",
        ),
        (
            "SELECT c.id FROM customers c JOIN leads l ON c.email = l.email",
            "SELECT c.id FROM public.customers c JOIN public.leads l ON pyrite.eq(c.email) = pyrite.eq(l.email)",
        ),
        (
            "SELECT id FROM customers WHERE email IN (SELECT email FROM leads)",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) IN (SELECT pyrite.eq(email) FROM public.leads)",
        ),
        (
            "SELECT id FROM customers WHERE 'x' NOT IN (SELECT email FROM leads)",
            "SELECT id FROM public.customers WHERE <eq 'x' email> NOT IN (SELECT pyrite.eq(email) FROM public.leads)",
        ),
        (
            "SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM leads l WHERE l.email = c.email)",
            "SELECT id FROM public.customers c WHERE EXISTS (SELECT 1 FROM public.leads l WHERE pyrite.eq(l.email) = pyrite.eq(c.email))",
        ),
        (
            "SELECT id FROM customers WHERE email = (SELECT email FROM leads WHERE id = 3)",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = pyrite.eq((SELECT email FROM public.leads WHERE id = 3))",
        ),
        (
            "SELECT mail FROM contacts WHERE mail = U&'\\0061'",
            "SELECT mail FROM public.contacts WHERE pyrite.eq(mail) = <eq 'a' email> => email",
        ),
        (
            "SELECT id FROM customers WHERE email = $tag$x'y$tag$",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = <eq 'x'y' email>",
        ),
        (
            "SELECT name, count(*) FROM customers GROUP BY name HAVING count(email) > 1",
            "SELECT name, count(*) FROM public.customers GROUP BY name HAVING count(email) > 1",
        ),
        (
            "SELECT email = 'a' AS same FROM customers",
            "SELECT pyrite.eq(email) = <eq 'a' email> AS same FROM public.customers",
        ),
        (
            "SELECT count(*) FILTER (WHERE email = 'a') FROM customers",
            "SELECT count(*) FILTER (WHERE pyrite.eq(email) = <eq 'a' email>) FROM public.customers",
        ),
        (
            "SELECT CASE WHEN email = 'a' THEN 1 ELSE 2 END FROM customers",
            "SELECT CASE WHEN pyrite.eq(email) = <eq 'a' email> THEN 1 ELSE 2 END FROM public.customers",
        ),
    ]);
}

#[test]
fn writes() {
    check(&[
        (
            "INSERT INTO leads (id, email) VALUES (1, $1), (2, 'x'), (3, DEFAULT), (4, NULL) RETURNING *",
            "INSERT INTO public.leads (id, email) VALUES (1, <store $1 email>), (2, <store 'x' email>), (3, DEFAULT), (4, NULL) RETURNING * => - email -",
        ),
        (
            "INSERT INTO leads VALUES ($1, $2, $3)",
            "INSERT INTO public.leads VALUES ($1, <store $2 email>, $3)",
        ),
        (
            "INSERT INTO leads (email) (VALUES ('a'), ($1))",
            "INSERT INTO public.leads (email) (VALUES (<store 'a' email>), (<store $1 email>))",
        ),
        (
            "INSERT INTO leads (email) VALUES ('a') ON CONFLICT (email) WHERE id > 5 DO NOTHING",
            "INSERT INTO public.leads (email) VALUES (<store 'a' email>) ON CONFLICT (pyrite.eq(email)) WHERE id > 5 DO NOTHING",
        ),
        (
            "INSERT INTO leads (email) OVERRIDING SYSTEM VALUE VALUES ('a')",
            "INSERT INTO public.leads (email) OVERRIDING SYSTEM VALUE VALUES (<store 'a' email>)",
        ),
        (
            "INSERT INTO leads (id) VALUES (1) ON CONFLICT ON CONSTRAINT leads_pkey DO NOTHING",
            "INSERT INTO public.leads (id) VALUES (1) ON CONFLICT ON CONSTRAINT leads_pkey DO NOTHING",
        ),
        (
            "INSERT INTO leads (id) VALUES (1) ON CONFLICT ON CONSTRAINT leads_email_key DO NOTHING",
            "INSERT INTO public.leads (id) VALUES (1) ON CONFLICT (pyrite.eq((email)::bytea)) DO NOTHING",
        ),
        (
            "INSERT INTO leads (id) VALUES (1) ON CONFLICT ON CONSTRAINT nope DO NOTHING",
            "42704 constraint \"nope\" for table \"leads\" does not exist",
        ),
        (
            "UPDATE customers SET birthday = '2020-01-01' RETURNING birthday::text -- end",
            "UPDATE public.customers SET birthday = <store '2020-01-01' birthday> RETURNING birthday => birthday::text",
        ),
        ("INSERT INTO leads DEFAULT VALUES", "INSERT INTO public.leads DEFAULT VALUES"),
        (
            "INSERT INTO leads (email) SELECT email FROM customers WHERE id = $1",
            "INSERT INTO public.leads (email) SELECT email FROM public.customers WHERE id = $1",
        ),
        (
            "INSERT INTO leads (id, email) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM leads WHERE email = $2)",
            "INSERT INTO public.leads (id, email) SELECT $1, <store $2 email> WHERE NOT EXISTS (SELECT 1 FROM public.leads WHERE pyrite.eq(email) = <eq $2 email>)",
        ),
        (
            "INSERT INTO leads AS l (email) VALUES ('a') ON CONFLICT (email) DO UPDATE SET email = EXCLUDED.email, source = excluded.source WHERE l.id > 3",
            "INSERT INTO public.leads AS l (email) VALUES (<store 'a' email>) ON CONFLICT (pyrite.eq(email)) DO UPDATE SET email = EXCLUDED.email, source = excluded.source WHERE l.id > 3",
        ),
        (
            "INSERT INTO leads (email) VALUES ($1) ON CONFLICT (id) DO NOTHING",
            "INSERT INTO public.leads (email) VALUES (<store $1 email>) ON CONFLICT (id) DO NOTHING",
        ),
        (
            "UPDATE customers SET email = $1, name = $2 WHERE email = $3",
            "UPDATE public.customers SET email = <store $1 email>, name = $2 WHERE pyrite.eq(email) = <eq $3 email>",
        ),
        (
            "UPDATE customers c SET email = l.email FROM leads l WHERE l.id = c.id RETURNING c.email, l.source",
            "UPDATE public.customers c SET email = l.email FROM public.leads l WHERE l.id = c.id RETURNING c.email, l.source => email -",
        ),
        (
            "UPDATE customers SET (email, name) = ($1, 'n'), note = DEFAULT",
            "UPDATE public.customers SET (email, name) = (<store $1 email>, 'n'), note = DEFAULT",
        ),
        (
            "UPDATE customers SET birthday = '2020-01-01'::date WHERE id = 1",
            "UPDATE public.customers SET birthday = <store '2020-01-01'::date birthday> WHERE id = 1",
        ),
        (
            "DELETE FROM customers USING leads WHERE customers.email = leads.email RETURNING customers.id",
            "DELETE FROM public.customers USING public.leads WHERE pyrite.eq(customers.email) = pyrite.eq(leads.email) RETURNING customers.id",
        ),
        (
            "WITH gone AS (DELETE FROM leads WHERE email = $1 RETURNING *) SELECT * FROM gone",
            "WITH gone AS (DELETE FROM public.leads WHERE pyrite.eq(email) = <eq $1 email> RETURNING *) SELECT * FROM gone => - email -",
        ),
        (
            "WITH new AS (INSERT INTO leads (email) VALUES ($1) RETURNING id) INSERT INTO orders (customer_id) SELECT id FROM new",
            "WITH new AS (INSERT INTO public.leads (email) VALUES (<store $1 email>) RETURNING id) INSERT INTO orders (customer_id) SELECT id FROM new",
        ),
        (
            "INSERT INTO contacts (mail) VALUES ('a')",
            "INSERT INTO public.contacts (mail) VALUES (<store 'a' email>)",
        ),
        ("COPY customers (id, name) FROM STDIN", "COPY public.customers (id, name) FROM STDIN"),
    ]);
}

#[test]
fn refusals() {
    refused(&[
        ("SELECT * FROM customers ORDER BY email", "0A000", "ORDER BY"),
        ("SELECT email AS e FROM customers ORDER BY e", "0A000", "ORDER BY"),
        ("SELECT email FROM customers ORDER BY 1", "0A000", "ORDER BY"),
        ("SELECT id FROM customers WHERE email LIKE 'a%'", "0A000", "LIKE"),
        ("SELECT id FROM customers WHERE email < 'b'", "0A000", "operator <"),
        ("SELECT id FROM customers WHERE email BETWEEN 'a' AND 'b'", "0A000", "BETWEEN"),
        ("SELECT id FROM customers WHERE lower(email) = 'b'", "0A000", "function lower"),
        ("SELECT id FROM customers WHERE email = lower($1)", "0A000", "an expression"),
        ("SELECT id FROM customers WHERE email = $1 || 'x'", "0A000", "an expression"),
        ("SELECT id FROM customers WHERE email = name", "0A000", "an expression"),
        ("SELECT id FROM customers WHERE email = phone", "0A000", "different key groups"),
        ("SELECT id FROM customers WHERE note = 'x'", "0A000", "no equality search"),
        ("SELECT id FROM customers WHERE active", "0A000", "as a condition"),
        ("SELECT id FROM customers WHERE NOT active", "0A000", "as a condition"),
        ("SELECT id FROM customers WHERE email = $1 OR name = $1", "0A000", "parameter $1"),
        ("SELECT email || 'x' FROM customers", "0A000", "operator ||"),
        ("SELECT max(email) FROM customers", "0A000", "function max"),
        ("SELECT count(c.*) FROM customers c", "0A000", "whole row"),
        ("SELECT COALESCE(email, name) FROM customers", "0A000", "COALESCE"),
        ("SELECT COALESCE(email, phone) FROM customers", "0A000", "COALESCE"),
        ("SELECT COALESCE(email, $1) FROM customers", "0A000", "this constant"),
        ("SELECT COALESCE(phone, 5) FROM customers", "0A000", "this constant"),
        ("SELECT lower(COALESCE(email, 'x')) FROM customers", "0A000", "function lower"),
        ("SELECT COALESCE(email, 'x')::text FROM customers", "0A000", "a cast of COALESCE"),
        ("SELECT 1 FROM customers WHERE COALESCE(email, 'x') IS NULL", "0A000", "IS NULL"),
        ("SELECT COALESCE(email, 'x') FROM customers ORDER BY 1", "0A000", "ORDER BY"),
        ("SELECT DISTINCT COALESCE(email, 'x') FROM customers", "0A000", "DISTINCT"),
        ("UPDATE customers SET email = COALESCE(email, $1)", "0A000", "a choice between values"),
        (
            "UPDATE customers SET email = CASE WHEN id = 1 THEN $1 ELSE email END",
            "0A000",
            "a choice between values",
        ),
        ("UPDATE customers SET name = COALESCE($1, email)", "0A000", "not encrypted"),
        ("SELECT * FROM orphans", "0A000", "cannot be opened"),
        ("INSERT INTO orphans (secret) VALUES ('x')", "0A000", "pyrite.encrypted"),
        ("SELECT * FROM domains", "0A000", "public.domains"),
        ("SELECT count_customers()", "0A000", "count_customers"),
        ("SELECT wrapper()", "0A000", "wrapper"),
        ("SELECT query_to_xml('select * from customers', true, true, '')", "0A000", "query_to_xml"),
        ("SELECT harmless('customers')", "0A000", "harmless"),
        ("SELECT nothing FROM customers", "42703", "column \"nothing\" does not exist"),
        ("SELECT email FROM customers, leads", "42702", "column reference \"email\" is ambiguous"),
        ("SELECT x.email FROM customers", "42P01", "missing FROM-clause entry for table \"x\""),
        ("SELECT 1 FROM customers, nowhere", "42P01", "relation \"nowhere\" does not exist"),
        ("SELECT 1 FROM vehicles", "42P01", "relation \"vehicles\" does not exist"),
        ("SELECT id FROM devices WHERE owner = $1::text", "42883", "operator does not exist: uuid = text"),
        (
            "INSERT INTO devices (owner) VALUES ($1::text)",
            "42804",
            "is of type uuid but expression is of type text",
        ),
        (
            "INSERT INTO devices (serial) VALUES (true)",
            "42804",
            "is of type integer but expression is of type boolean",
        ),
        ("INSERT INTO leads (email) VALUES (lower($1))", "0A000", "an expression as value"),
        ("INSERT INTO leads (email) VALUES ('a' || 'b')", "0A000", "an expression as value"),
        ("INSERT INTO leads (source) SELECT email FROM customers", "0A000", "not encrypted"),
        ("INSERT INTO leads (email) SELECT name FROM customers", "0A000", "an expression as value"),
        ("INSERT INTO leads (email) SELECT phone FROM customers", "0A000", "differ in type"),
        (
            "INSERT INTO leads (nope) VALUES (1)",
            "42703",
            "column \"nope\" of relation \"leads\" does not exist",
        ),
        ("INSERT INTO leads (id) VALUES (1, 2)", "42601", "more expressions than target columns"),
        ("UPDATE customers SET name = email", "0A000", "not encrypted"),
        ("UPDATE customers SET email = upper(email)", "0A000", "function upper"),
        ("EXECUTE s_protected('x')", "0A000", "cached plan"),
        ("FETCH ALL IN c_protected", "0A000", "FETCH"),
        ("DO $$ BEGIN DELETE FROM customers; END $$", "0A000", "DO"),
        ("SELEC * FROM customers", "42601", "syntax error at or near \"SELEC\""),
        ("SELECT FROM WHERE customers", "0A000", "syntax"),
        (
            "SELECT id FROM devices WHERE serial = 'x'::uuid",
            "42883",
            "operator does not exist: integer = uuid",
        ),
        ("SELECT NULL::customers FROM orders", "0A000", "row type"),
        ("SELECT 'unterminated FROM customers", "42601", "unterminated quoted string"),
        ("SELECT * INTO t FROM customers", "0A000", "SELECT INTO"),
        ("CREATE TABLE t AS SELECT * FROM customers", "0A000", "CREATE TABLE AS"),
        ("SELECT 1 FROM customers; SELECT 2", "42601", "multiple commands"),
        ("SELECT email 'x' FROM customers", "0A000", "syntax"),
    ]);
}

#[test]
fn names_follow_the_environment() {
    let catalog = catalog();
    let env = |json: &str| Environment::from_json(json).expect("an environment");
    let other = env(r#"{"path": ["pg_catalog", "other", "public"]}"#);
    assert_eq!(
        planned_in("SELECT email FROM customers", &[], &catalog, &other),
        "SELECT email FROM other.customers"
    );
    let shadowed = env(r#"{"path": ["pg_temp_3", "pg_catalog", "public"],
            "temporary": [{"oid": 5, "schema": "pg_temp", "name": "customers", "kind": "r", "columns": [["email", 1, 25]]}]}"#);
    assert_eq!(
        planned_in("SELECT * FROM customers WHERE email = 'a'", &[], &catalog, &shadowed),
        "SELECT * FROM pg_temp.customers WHERE email = 'a'"
    );
    let nowhere = env(r#"{"path": ["pg_catalog"]}"#);
    assert_eq!(
        planned_in("SELECT * FROM customers", &[], &catalog, &nowhere),
        "42P01 relation \"customers\" does not exist"
    );
}

#[test]
fn scripts() {
    assert_eq!(scripted("SELECT 1; SELECT 2"), "forward");
    assert_eq!(
        scripted("BEGIN; SELECT email FROM customers WHERE email = 'a'; COMMIT"),
        "BEGIN; SELECT email FROM public.customers WHERE pyrite.eq(email) = <eq 'a' email>; COMMIT"
    );
    assert_eq!(
        scripted("SELECT 1; SELECT email FROM customers ORDER BY email; SELECT ';'"),
        "SELECT 1; SELECT refused_by_pyrite; SELECT ';' !0A000 ORDER BY on encrypted column public.customers.email, which has no order search, is not supported by Pyrite"
    );
    assert!(scripted("SET search_path = other; SELECT email FROM customers").contains("!0A000"));
    assert!(
        scripted("SELECT email FROM customers WHERE email = $1").contains("!42P02 there is no parameter $1")
    );
    assert_eq!(
        scripted("UPDATE leads SET email='a';;UPDATE leads SET email='b' ;"),
        "UPDATE public.leads SET email=<store 'a' email>;;UPDATE public.leads SET email=<store 'b' email> ;"
    );
}
