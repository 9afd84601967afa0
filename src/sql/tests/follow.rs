//! Scripts whose statements use what earlier ones made.

use super::scripted;

const VEHICLES: &str = "DO $pyrite$ BEGIN EXECUTE E'CREATE TABLE public.vehicles (vin pyrite.encrypted, n int4) '; EXECUTE E'ALTER TABLE public.vehicles ALTER COLUMN vin SET STORAGE EXTERNAL'; END $pyrite$";
const CREATE: &str = "CREATE TABLE vehicles (vin varchar(17), n int4)";

/// What a script becomes behind the CREATE TABLE.
fn behind_create(rest: &str) -> String {
    let got = scripted(&format!("{CREATE};{rest}"));
    let (created, rest) = got.split_once(';').map_or((got.as_str(), ""), |_| got.split_at(VEHICLES.len()));
    assert_eq!(created, VEHICLES);
    rest.strip_prefix(';').expect("a semicolon").to_owned()
}

#[test]
fn a_table_is_used_behind_its_creation() {
    for (text, expected) in [
        (
            "create index on vehicles(vin); create unique index on vehicles (vin)",
            "create index vehicles_vin_idx on public.vehicles(pyrite.eq(vin)); create unique index vehicles_vin_idx1 on public.vehicles (pyrite.eq(vin))",
        ),
        ("INSERT INTO vehicles VALUES ('v', 1)", "INSERT INTO public.vehicles VALUES (<store 'v' vin>, 1)"),
        (
            "SELECT * FROM vehicles WHERE vin = 'v'",
            "SELECT * FROM public.vehicles WHERE pyrite.eq(vin) = <eq 'v' vin>",
        ),
        ("SELECT email FROM customers", "SELECT email FROM public.customers"),
        (
            "ALTER TABLE vehicles ADD CONSTRAINT p PRIMARY KEY (n); SELECT vin FROM vehicles",
            "ALTER TABLE vehicles ADD CONSTRAINT p PRIMARY KEY (n); SELECT vin FROM public.vehicles",
        ),
        (
            "DROP TABLE vehicles; CREATE TABLE vehicles (vin varchar(17), n int4)",
            &format!("DROP TABLE vehicles; {VEHICLES}"),
        ),
        (
            "CREATE TABLE depots (id serial, v int REFERENCES orders); CREATE INDEX ON depots (v); INSERT INTO vehicles SELECT 'v', id FROM depots",
            "CREATE TABLE depots (id serial, v int REFERENCES orders); CREATE INDEX ON depots (v); INSERT INTO public.vehicles SELECT <store 'v' vin>, id FROM depots",
        ),
    ] {
        assert_eq!(behind_create(text), expected, "{text}");
    }
}

#[test]
fn migrations_of_several_tables_are_planned() {
    let got = scripted(
        "BEGIN; SET lock_timeout = '1s'; DROP TABLE IF EXISTS vehicles, leads CASCADE; \
         CREATE TABLE vehicles (vin varchar(17) UNIQUE); CREATE TABLE leads (id int, email varchar(254)); \
         CREATE INDEX ON leads (email); GRANT SELECT ON leads TO bob; INSERT INTO leads VALUES (1, 'l'); COMMIT",
    );
    assert!(!got.contains('!'), "{got}");
    assert_eq!(got.matches("pyrite.encrypted").count(), 2, "{got}");
    assert!(got.contains("(pyrite.eq(email))") && got.contains("<store 'l' email>"), "{got}");
}

#[test]
fn what_is_not_followed_is_refused() {
    for script in [
        "SET search_path = other; CREATE INDEX ON customers (email)",
        "SET search_path = public; CREATE TABLE other.customers (email text)",
        "SET search_path = other; ALTER TABLE customers ADD x int",
        "CREATE SCHEMA s; CREATE TABLE vehicles (vin varchar(17))",
        "CREATE TEMP TABLE customers (email text); INSERT INTO customers VALUES ('x')",
        "BEGIN; DROP TABLE customers; ROLLBACK; SELECT email FROM customers",
        "ALTER TABLE orders RENAME TO o; INSERT INTO leads (email) VALUES ('x')",
        "ALTER TABLE customers ADD CONSTRAINT c CHECK (id > 0), ADD x text; CREATE INDEX ON customers (phone)",
        "CREATE TABLE t AS SELECT 1; CREATE INDEX ON customers (email)",
        "CREATE TABLE t () INHERITS (customers); CREATE INDEX ON customers (email)",
        "CREATE TABLE other.leads (LIKE orders); INSERT INTO other.leads VALUES ('x')",
        "CREATE TABLE t (e pyrite.encrypted); INSERT INTO leads (email) SELECT e FROM t",
        "DROP TABLE customers; INSERT INTO customers (email) VALUES ('x')",
        "CREATE INDEX ON vehicles (vin)",
    ] {
        let got = scripted(script);
        assert!(got.contains('!'), "{script}\n{got}");
        let forwarded = got.matches("refused_by_pyrite").count();
        assert_eq!(forwarded, got.matches('!').count(), "{got}");
    }
    // What carries no value goes.
    let got = scripted("SET search_path = other; TRUNCATE customers; SELECT 'customers'");
    assert_eq!(got, "forward");
}

#[test]
fn the_description_shows_each_statement() {
    let (catalog, environment) = (super::catalog(), super::environment());
    let scope = crate::sql::Scope { catalog: &catalog, environment: &environment, names: &super::Names };
    let text = "CREATE TABLE vehicles (vin varchar(17)); CREATE INDEX ON vehicles (vin); SET ROLE bob; DELETE FROM vehicles";
    let shown = crate::sql::plan_script(text, &scope).describe(text);
    for part in ["vin pyrite.encrypted", "(pyrite.eq(vin))", "refused", "Send the statements one by one."] {
        assert!(shown.contains(part), "{shown}");
    }
}
