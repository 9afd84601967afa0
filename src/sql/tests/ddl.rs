//! Definitions through the proxy, and the screen.

use super::{catalog, check, planned, refused};
use crate::sql::{Screen, screen};

#[test]
fn create_table_of_a_configured_table() {
    let text = "CREATE TABLE vehicles (id serial PRIMARY KEY, vin varchar(17) COLLATE \"C\" NOT NULL UNIQUE, price numeric(10,2), owner int REFERENCES customers(id), UNIQUE (id, vin))";
    check(&[(
        text,
        "DO $pyrite$ BEGIN EXECUTE E'CREATE TABLE public.vehicles (id serial PRIMARY KEY, vin pyrite.encrypted NOT NULL, price pyrite.encrypted, owner int REFERENCES customers(id)) '; EXECUTE E'ALTER TABLE public.vehicles ALTER COLUMN vin SET STORAGE EXTERNAL'; EXECUTE E'ALTER TABLE public.vehicles ALTER COLUMN price SET STORAGE EXTERNAL'; EXECUTE E'CREATE UNIQUE INDEX vehicles_vin_key ON public.vehicles (pyrite.eq(vin))'; EXECUTE E'CREATE UNIQUE INDEX vehicles_id_vin_key ON public.vehicles (id, pyrite.eq(vin))'; END $pyrite$",
    )]);
    let text = "create table if not exists public.\"vehicles\" (vin character varying(17) primary key, note text default 'it''s')";
    check(&[(
        text,
        "DO $pyrite$ BEGIN EXECUTE E'create table if not exists public.vehicles (vin pyrite.encrypted NOT NULL, note text default ''it''''s'') '; EXECUTE E'ALTER TABLE public.vehicles ALTER COLUMN vin SET STORAGE EXTERNAL'; EXECUTE E'ALTER TABLE public.vehicles ALTER COLUMN vin SET NOT NULL'; EXECUTE E'CREATE UNIQUE INDEX IF NOT EXISTS vehicles_pkey ON public.vehicles (pyrite.eq(vin))'; END $pyrite$",
    )]);
    check(&[
        ("CREATE TEMP TABLE vehicles (vin text)", "forward"),
        ("CREATE TABLE other.vehicles (vin text)", "forward"),
    ]);
    refused(&[
        (
            "CREATE TABLE vehicles (vin text)",
            "0A000",
            "another type than the configured character varying(17)",
        ),
        ("CREATE TABLE vehicles (vin varchar(17) DEFAULT 'x')", "0A000", "DEFAULT"),
        ("CREATE TABLE vehicles (vin varchar(17) CHECK (vin <> ''))", "0A000", "CHECK"),
        ("CREATE TABLE vehicles (vin varchar(17), CHECK (length(vin) = 17))", "0A000", "a table constraint"),
        ("CREATE TABLE vehicles (vin varchar(17) REFERENCES a(b))", "0A000", "REFERENCES"),
        (
            "CREATE TABLE vehicles (id int CHECK (id > length(vin)), vin varchar(17))",
            "0A000",
            "a column's definition",
        ),
        ("CREATE TABLE vehicles (price numeric(10,2) UNIQUE)", "0A000", "without equality"),
        ("CREATE TABLE vehicles AS SELECT 1", "0A000", "CREATE TABLE AS"),
        ("CREATE TABLE vehicles (vin varchar(17)) PARTITION BY HASH (vin)", "0A000", "behind"),
        ("CREATE TABLE x (e text REFERENCES customers (email))", "0A000", "a foreign key"),
        ("CREATE TABLE x (LIKE customers)", "0A000", "LIKE"),
    ]);
}

#[test]
fn indexes_and_views() {
    check(&[
        (
            "CREATE UNIQUE INDEX ON customers (email)",
            "CREATE UNIQUE INDEX customers_email_idx1 ON public.customers (pyrite.eq(email))",
        ),
        (
            "CREATE INDEX CONCURRENTLY i ON public.customers USING btree (name, email DESC)",
            "CREATE INDEX CONCURRENTLY i ON public.customers USING btree (name, pyrite.eq(email) DESC)",
        ),
        (
            "CREATE VIEW v AS SELECT id, email FROM customers WHERE id > 3",
            "CREATE VIEW v AS SELECT id, email FROM public.customers WHERE id > 3",
        ),
    ]);
    refused(&[
        ("CREATE INDEX ON customers (lower(email))", "0A000", "this index"),
        ("CREATE INDEX ON customers (note)", "0A000", "this index"),
        ("CREATE INDEX ON customers USING gin (email)", "0A000", "this index"),
        ("CREATE INDEX ON customers (id) WHERE email = 'x'", "0A000", "predicate"),
        ("CREATE VIEW v AS SELECT id FROM customers WHERE email = 'x'", "0A000", "stored definition"),
        ("CREATE TEMP VIEW v AS SELECT id, email FROM customers", "0A000", "temporary view"),
        ("CREATE TEMP TABLE t () INHERITS (customers)", "0A000", "temporary child"),
        ("SELECT * FROM U&\"d!0061t!+000061\" UESCAPE '!'", "0A000", "syntax"),
        ("CREATE MATERIALIZED VIEW v AS SELECT id FROM customers", "0A000", "materialized"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM customers'",
            "0A000",
            "CREATE FUNCTION",
        ),
        ("ALTER TABLE customers ALTER COLUMN email TYPE text", "0A000", "ALTER"),
        ("ALTER TABLE customers ADD CONSTRAINT u UNIQUE (phone)", "0A000", "ALTER"),
        ("CREATE POLICY p ON customers USING (email = 'x')", "0A000", "CREATE POLICY"),
    ]);
    assert_eq!(planned("CREATE POLICY p ON customers USING (name = current_user)"), "forward");
}

#[test]
fn definitions_that_reach_encrypted_columns_indirectly() {
    refused(&[
        ("ALTER TABLE customers RENAME TO c2", "0A000", "name of a configured table"),
        ("ALTER TABLE IF EXISTS ONLY public.customers * RENAME TO c2", "0A000", "name of a configured"),
        ("ALTER TABLE customers SET SCHEMA other", "0A000", "name of a configured table"),
        ("ALTER TABLE orders RENAME TO vehicles", "0A000", "name of a configured table"),
        ("ALTER TABLE nobody RENAME TO \"vehicles\"", "0A000", "name of a configured table"),
        ("ALTER MATERIALIZED VIEW m RENAME TO vehicles", "0A000", "name of a configured table"),
        ("ALTER TABLE other.customers SET SCHEMA public", "0A000", "name of a configured table"),
        ("ALTER TABLE other.vehicles SET SCHEMA public", "0A000", "name of a configured table"),
        ("ALTER TABLE customers ADD CHECK (length(customers::text) > 3)", "0A000", "a whole row"),
        ("CREATE POLICY p ON customers USING (customers.* = ROW('x'))", "0A000", "a whole row"),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION f()",
            "0A000",
            "a whole row",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW WHEN (g(new)) EXECUTE FUNCTION f()",
            "0A000",
            "a whole row",
        ),
        ("CREATE INDEX ON customers ((customers.*))", "0A000", "a whole row"),
        ("CREATE INDEX ON customers (hash_record(public.customers))", "0A000", "a whole row"),
        ("CREATE TABLE x PARTITION OF customers (email DEFAULT 'x') DEFAULT", "0A000", "child's definition"),
        ("CREATE TABLE x (CHECK (email <> 'x')) INHERITS (orders, customers)", "0A000", "child's definition"),
        ("CREATE TABLE vehicles (vin varchar(17)) INHERITS (nobody)", "0A000", "from another table"),
        ("CREATE TABLE vehicles (vin varchar(17), LIKE nobody)", "0A000", "from another table"),
        ("CREATE FOREIGN TABLE vehicles (vin varchar(17)) SERVER s", "0A000", "a foreign table"),
        ("CREATE VIEW vehicles AS SELECT id FROM orders", "0A000", "a view of a configured"),
        ("CREATE OR REPLACE VIEW public.vehicles AS SELECT 1", "0A000", "a view of a configured"),
        ("IMPORT FOREIGN SCHEMA x LIMIT TO (vehicles) FROM SERVER s INTO public", "0A000", "IMPORT"),
        ("SELECT id INTO vehicles FROM orders", "0A000", "SELECT INTO"),
        ("CREATE PUBLICATION p FOR TABLE customers WHERE (email = 'x')", "0A000", "CREATE PUBLICATION"),
        ("CREATE STATISTICS s ON (lower(email)) FROM customers", "0A000", "CREATE STATISTICS"),
        ("CREATE INDEX ON vehicles (vin)", "42P01", "relation \"vehicles\" does not exist"),
    ]);
    for text in [
        "ALTER TABLE other.customers RENAME TO c3",
        "ALTER VIEW contacts RENAME TO m",
        "ALTER TABLE customers ADD CHECK (customers.id > 3)",
        "ALTER TABLE customers ADD COLUMN x text DEFAULT 'x'",
        "CREATE POLICY p ON orders USING (id IN (SELECT id FROM customers))",
        "CREATE TRIGGER t BEFORE UPDATE ON customers FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION f('x')",
        "CREATE TABLE x PARTITION OF customers FOR VALUES IN (1)",
        "CREATE INDEX ON customers (name)",
    ] {
        assert_eq!(planned(text), "forward", "{text}");
    }
    let planned =
        planned("CREATE TABLE vehicles (vin varchar(17), n text CHECK (n LIKE 'a%')) INHERITS (orders)");
    assert!(planned.starts_with("DO $pyrite$"), "{planned}");
}

fn look(text: &str) -> Screen {
    screen(&catalog(), text.as_bytes())
}

#[test]
fn the_screen_sees_names_in_any_spelling() {
    for text in [
        "SELECT * FROM Customers",
        "select \"customers\"",
        "SELECT U&\"\\0063ustomers\" FROM x",
        "SELECT count_customers()",
        "SELECT wrapper()",
        "SELECT * FROM contacts2",
        "CREATE TABLE vehicles (vin text)",
        "EXECUTE x",
        "FETCH x",
        "DO $$ begin delete from CUSTOMERS; end $$",
    ] {
        assert!(look(text).touches, "{text}");
    }
    for text in ["SELECT 1", "SELECT * FROM orders", "BEGIN", "SELECT harmless()"] {
        assert!(!look(text).touches, "{text}");
    }
    assert!(screen(&catalog(), b"SELECT '\xff' FROM customers").touches);
}

#[test]
fn the_screen_sees_effects() {
    for text in [
        "SET search_path = x",
        "RESET ALL",
        "DISCARD ALL",
        "SELECT set_config('a', 'b', false)",
        "SELECT harmless()",
        "CREATE TEMP TABLE t (a int)",
        "SELECT 1 INTO TEMP t",
        "DO $$ $$",
        "SELECT 1; SET a = b",
    ] {
        assert!(look(text).environment, "{text}");
    }
    for text in [
        "SELECT lower('A')",
        "INSERT INTO orders (id) VALUES (1)",
        "SELECT count(*) FROM orders o (a, b)",
        "BEGIN",
        "WITH x (a) AS (SELECT 1) SELECT * FROM x",
        "SELECT 'set_config('",
    ] {
        assert!(!look(text).environment || text.contains("o (a"), "{text}");
    }
    assert!(look("ALTER TABLE orders ADD x int").catalog);
    assert!(look("SELECT 1 INTO t").catalog);
    assert!(!look("WITH x AS (INSERT INTO orders (id) VALUES (1)) SELECT 1").catalog);
    for text in ["COMMIT", "ROLLBACK TO x", "END", "PREPARE TRANSACTION 'x'", "SELECT 1; commit"] {
        assert!(look(text).transaction_end, "{text}");
    }
    assert!(!look("BEGIN").transaction_end);
    let all = look("SELECT 'a\\'; commit; --'");
    assert!(all.environment && all.catalog && all.transaction_end);
}

#[test]
fn the_catalog_lists_what_is_not_protected() {
    let catalog = catalog();
    let list: Vec<String> =
        catalog.unprotected().iter().map(|u| format!("{}.{:?}", u.table, u.column)).collect();
    assert_eq!(list, ["ledger.None", "vehicles.None"]);
}
