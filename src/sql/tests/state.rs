//! PREPARE and EXECUTE, cursors, COPY, new tables, and what the parser does not know.

use super::super::plan::{CopyDirection, Cursor, Naming, Output, Plan, Rewrite, Script};
use super::super::{LiveNames, Scope, plan_script, plan_statement};
use super::{catalog, check, environment, outputs, refused, render, scripted};
use std::sync::Arc;

/// A session in which `p` is prepared as this, and `c` is a cursor over its outputs.
struct Session(Arc<Rewrite>);

impl LiveNames for Session {
    fn protected_statement(&self, name: &str) -> bool {
        ["p", "stale"].contains(&name)
    }

    fn protected_portal(&self, _: &str) -> bool {
        false
    }

    fn prepared(&self, name: &str) -> Option<Arc<Rewrite>> {
        (name == "p").then(|| Arc::clone(&self.0))
    }

    fn cursor(&self, name: &str) -> Option<Arc<Cursor>> {
        (name == "c").then(|| Arc::new(Cursor { outputs: self.0.outputs.clone(), binary: true }))
    }
}

/// What comes of a script behind `PREPARE p … AS inner`.
fn behind(inner: &str, types: &[u32], text: &str) -> String {
    let (catalog, environment) = (catalog(), environment());
    let names = super::Names;
    let scope = Scope { catalog: &catalog, environment: &environment, names: &names };
    let Plan::Rewrite(rewrite) = plan_statement(inner, types, &scope) else { panic!("{inner} is planned") };
    let names = Session(rewrite);
    let scope = Scope { catalog: &catalog, environment: &environment, names: &names };
    match plan_script(text, &scope) {
        Script::Forward => "forward".to_owned(),
        Script::Rewrite(plan) => {
            let mut out = render(&plan.pieces, &plan.slots, text);
            for statement in &plan.statements {
                if let Some(refusal) = &statement.refusal {
                    out.push_str(&format!(" !{} {}", refusal.sqlstate, refusal.message));
                }
                if !statement.outputs.is_empty() {
                    out.push_str(&format!(" => {}", outputs(&statement.outputs)));
                }
            }
            out
        }
    }
}

#[test]
fn prepare_gives_literals_parameters_of_their_own() {
    assert_eq!(
        scripted(
            "PREPARE q (int, text) AS SELECT id FROM leads WHERE id = $1 AND email = $2 AND email <> 'x'"
        ),
        "PREPARE q (int, pg_catalog.bytea, pg_catalog.bytea) AS SELECT id FROM public.leads WHERE id = $1 AND pyrite.eq(email) = $2 \
         AND pyrite.eq(email) <> $3"
    );
    assert_eq!(
        scripted("PREPARE q AS SELECT id FROM leads WHERE source = $1 OR email = ANY ($2)"),
        "PREPARE q (unknown, pg_catalog.bytea[]) AS SELECT id FROM public.leads WHERE source = $1 OR pyrite.eq(email) = ANY ($2)"
    );
    assert_eq!(scripted("PREPARE q AS SELECT 'leads'"), "PREPARE q AS SELECT 'leads'");
}

#[test]
fn execute_seals_its_arguments() {
    let lookup = "SELECT id, email FROM leads WHERE email = $1 AND id = $2 AND email <> 'x'";
    assert_eq!(
        behind(lookup, &[], "EXECUTE p ('secret', 1 + 2)"),
        "EXECUTE p (<eq 'secret' email>, 1 + 2, <eq 'x' email>) => - email"
    );
    assert_eq!(
        behind(lookup, &[], "EXECUTE p (NULL, $$2$$)"),
        "EXECUTE p (NULL, $$2$$, <eq 'x' email>) => - email"
    );
    assert_eq!(
        behind(lookup, &[1043], "EXECUTE p ('a'::varchar(3), 1)"),
        "EXECUTE p (<eq 'a'::character varying(3)::character varying email>, 1, <eq 'x' email>) => - email"
    );
    for (text, expected) in [
        ("EXECUTE p ('secret' || 'er', 1)", "!0A000"),
        ("EXECUTE p (now(), 1)", "!0A000"),
        ("EXECUTE p ('secret')", "!42601"),
        ("EXECUTE p ('secret', 1, 2)", "!42601"),
        ("EXECUTE stale ('secret')", "!0A000"),
        ("CREATE TABLE t AS EXECUTE p ('secret', 1)", "!0A000"),
        ("EXPLAIN ANALYZE CREATE TABLE t AS EXECUTE p ('secret', 1)", "!0A000"),
    ] {
        let got = behind(lookup, &[], text);
        assert!(got.contains(expected) && !got.contains("secret"), "{text}: {got}");
    }
    assert_eq!(behind(lookup, &[], "EXECUTE other ('x')"), "forward");
}

#[test]
fn names_change_within_a_text() {
    let lookup = "SELECT email FROM leads WHERE email = $1";
    let got = behind(lookup, &[], "DEALLOCATE p; EXECUTE p ('x')");
    assert_eq!(got, "DEALLOCATE p; EXECUTE p ('x')");
    let got = behind(lookup, &[], "PREPARE p AS SELECT $1; EXECUTE p ('x')");
    assert_eq!(got, "PREPARE p AS SELECT $1; EXECUTE p ('x')");
    let got = scripted("PREPARE q AS SELECT id FROM leads WHERE email = $1; EXECUTE q ('x')");
    assert!(got.ends_with("; EXECUTE q (<eq 'x' email>)"), "{got}");
    let got = scripted(
        "CREATE VIEW w AS SELECT email AS mail FROM leads; SELECT 1; SELECT mail FROM w WHERE mail = 'x'",
    );
    assert!(got.contains("!0A000") && !got.contains("'x'"), "{got}");
    let got = scripted("DECLARE d CURSOR FOR SELECT email FROM leads; FETCH d; CLOSE d; FETCH d");
    assert_eq!(got, "DECLARE d CURSOR FOR SELECT email FROM public.leads; FETCH d; CLOSE d; FETCH d");
}

#[test]
fn cursors_open_what_is_fetched() {
    let select = "SELECT id, email FROM leads";
    assert_eq!(behind(select, &[], "FETCH 2 FROM c"), "FETCH 2 FROM c => - email");
    assert_eq!(behind(select, &[], "FETCH ALL other"), "forward");
    check(&[(
        "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM leads WHERE email = $1",
        "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM public.leads WHERE pyrite.eq(email) = <eq $1 email>",
    )]);
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &super::Names };
    let text = "DECLARE c BINARY CURSOR FOR TABLE leads";
    let Plan::Rewrite(plan) = plan_statement(text, &[], &scope) else { panic!("it is planned") };
    match &plan.special.naming {
        Some(Naming::Declare { name, cursor: Some(cursor), hold: false }) => {
            assert_eq!(
                (name.as_str(), cursor.binary, outputs(&cursor.outputs).as_str()),
                ("c", true, "- email -")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn copy_knows_its_columns() {
    let (catalog, environment) = (catalog(), environment());
    let scope = Scope { catalog: &catalog, environment: &environment, names: &super::Names };
    let plan = |text: &str| match plan_statement(text, &[], &scope) {
        Plan::Rewrite(plan) => plan.special.copy.clone(),
        Plan::Forward => None,
        Plan::Refuse(refusal) => panic!("{text}: {}", refusal.message),
    };
    let copy =
        plan("COPY leads (source, email) FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (email))").unwrap();
    assert_eq!(copy.direction, CopyDirection::FromClient);
    let columns: Vec<_> =
        copy.columns.iter().map(|c| (c.name.as_str(), c.value != Output::Plain, c.force_null)).collect();
    assert_eq!(columns, [("source", false, false), ("email", true, true)]);
    assert!(plan("COPY leads (id, source) FROM STDIN").is_none(), "only plain columns");
    assert!(plan("COPY (SELECT id FROM leads WHERE source = 'x') TO STDOUT").is_none());
    let hopeless = plan("COPY leads (nothing) FROM STDIN").unwrap();
    assert!(hopeless.columns.is_empty(), "the server refuses it; should it not, no data is sent");
    refused(&[
        ("COPY leads TO '/tmp/x'", "0A000", "file or program"),
        ("COPY leads FROM PROGRAM 'x'", "0A000", "file or program"),
        ("COPY leads FROM STDIN (ENCODING latin1)", "0A000", "encoding"),
        ("COPY leads FROM STDIN (ON_ERROR ignore)", "0A000", "on_error"),
    ]);
    assert!(
        scripted("COPY leads FROM STDIN WHERE email = 'x'")
            .ends_with("WHERE pyrite.eq(email) = <eq 'x' email>")
    );
}

#[test]
fn new_tables_take_plain_columns_only() {
    check(&[
        (
            "CREATE TABLE t AS SELECT id FROM leads WHERE email = $1 WITH NO DATA",
            "CREATE TABLE t AS SELECT id FROM public.leads WHERE pyrite.eq(email) = <eq $1 email> WITH NO DATA",
        ),
        ("SELECT id INTO TEMP t FROM leads", "SELECT id INTO TEMP t FROM public.leads"),
    ]);
    refused(&[
        ("CREATE TEMP TABLE t AS SELECT email FROM leads", "0A000", "CREATE TABLE AS"),
        ("CREATE TABLE t AS TABLE leads", "0A000", "CREATE TABLE AS"),
        ("SELECT email INTO t FROM leads", "0A000", "SELECT INTO"),
        ("SELECT id INTO leads FROM leads", "0A000", "of a configured table"),
    ]);
}

#[test]
fn syntax_that_the_parser_does_not_know() {
    check(&[
        (
            "UPDATE leads SET email = $1 WHERE CURRENT OF c",
            "UPDATE public.leads SET email = <store $1 email> WHERE CURRENT OF c",
        ),
        ("SELECT id FROM leads * WHERE id = 1", "SELECT id FROM public.leads * WHERE id = 1"),
        (
            "SELECT id FROM ONLY (leads) FOR NO KEY UPDATE OF leads NOWAIT",
            "SELECT id FROM ONLY (public.leads) FOR NO KEY UPDATE OF leads NOWAIT",
        ),
        (
            "SELECT id FROM leads TABLESAMPLE system (5) REPEATABLE ($1) WHERE email = $2",
            "SELECT id FROM public.leads TABLESAMPLE system (5) REPEATABLE ($1) WHERE pyrite.eq(email) = <eq $2 email>",
        ),
        (
            "SELECT id FROM leads WHERE email OPERATOR(pg_catalog.=) $1",
            "SELECT id FROM public.leads WHERE pyrite.eq(email) OPERATOR(pg_catalog.=) <eq $1 email>",
        ),
        (
            "SELECT id, inet '1.2.3.4' FROM leads WHERE email = $1",
            "SELECT id, inet '1.2.3.4' FROM public.leads WHERE pyrite.eq(email) = <eq $1 email>",
        ),
    ]);
    check(&[
        (
            "SELECT id FROM leads WHERE 'x'::text IS NULL OR email = 'x'",
            "SELECT id FROM public.leads WHERE ''::text IS NULL OR pyrite.eq(email) = <eq 'x' email>",
        ),
        ("INSERT INTO leads TABLE leads", "INSERT INTO public.leads TABLE public.leads"),
    ]);
    refused(&[
        ("SELECT id FROM leads WHERE email OPERATOR(mine.=) $1", "0A000", ""),
        ("SELECT id FROM leads TABLESAMPLE system (f('leads'))", "0A000", ""),
    ]);
}
