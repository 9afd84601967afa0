//! Where the entries of lists stand, and what they are called.

use sqlparser::ast::{SetExpr, Statement};

use super::super::items::{entries, list_start};
use super::super::lexer::{Tokens, tokenize};
use super::super::names::figure_name;
use super::super::parse;
use super::super::planner::{Mode, Planner};
use super::*;

fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, list: tokenize(text.as_bytes(), true).expect("tokens"), standard_strings: true }
}

/// The entries of the list behind the first token that is this word.
fn listed<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let tokens = tokens(text);
    let keyword = (0..tokens.len()).find(|&i| tokens.is_word(i, word)).expect("the keyword");
    let start = list_start(&tokens, keyword).expect("a list");
    let list = entries(&tokens, start, tokens.len());
    list.into_iter().map(|r| &text[tokens.start(r.start)..tokens.end(r.end - 1)]).collect()
}

#[test]
fn lists_end_where_the_clause_ends() {
    for (text, word, expected) in [
        ("SELECT a, b FROM t", "select", vec!["a", "b"]),
        ("SELECT ALL a", "select", vec!["a"]),
        ("SELECT DISTINCT a, f(b, c) x FROM t", "select", vec!["a", "f(b, c) x"]),
        ("SELECT DISTINCT ON (a, b) c, d[1, 2] FROM t", "select", vec!["c", "d[1, 2]"]),
        ("SELECT FROM t", "select", vec![]),
        (
            "SELECT a IS DISTINCT FROM b, c IS NOT DISTINCT FROM d FROM t",
            "select",
            vec!["a IS DISTINCT FROM b", "c IS NOT DISTINCT FROM d"],
        ),
        (
            "SELECT a AS from, t.order, b AS \"limit\" FROM t",
            "select",
            vec!["a AS from", "t.order", "b AS \"limit\""],
        ),
        (
            "SELECT mode() WITHIN GROUP (ORDER BY a), b GROUP BY c",
            "select",
            vec!["mode() WITHIN GROUP (ORDER BY a)", "b"],
        ),
        ("SELECT (SELECT a, b FROM u), c WHERE d", "select", vec!["(SELECT a, b FROM u)", "c"]),
        ("SELECT a, /* , from */ 'x, from', b UNION SELECT c", "select", vec!["a", "'x, from'", "b"]),
        ("SELECT a, b; SELECT c", "select", vec!["a", "b"]),
        ("INSERT INTO t VALUES (1) RETURNING a, b AS c", "returning", vec!["a", "b AS c"]),
        ("SELECT a FROM t GROUP BY DISTINCT a, ROLLUP (b, c) HAVING d", "group", vec!["a", "ROLLUP (b, c)"]),
        ("SELECT a FROM t ORDER BY a DESC NULLS LAST, 2 LIMIT 3", "order", vec!["a DESC NULLS LAST", "2"]),
        ("SELECT f(a) OVER (PARTITION BY a, b ORDER BY c) FROM t", "partition", vec!["a", "b"]),
        (
            "SELECT f(a) OVER (ORDER BY a, rows ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "order",
            vec!["a", "rows"],
        ),
        ("SELECT f(a) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t", "order", vec!["a"]),
    ] {
        assert_eq!(listed(text, word), expected, "{text}");
    }
}

/// Each select item's expression and alias, and the name that it gets.
fn items(text: &str) -> Vec<(String, Option<String>)> {
    let tokens = tokens(text);
    let Statement::Query(query) = parse::statement(&tokens, 0..tokens.len()).expect("a statement") else {
        panic!("not a query");
    };
    let SetExpr::Select(select) = &*query.body else { panic!("not a SELECT") };
    let (catalog, environment) = (catalog(), environment());
    let planner =
        Planner::new(&tokens, 0..tokens.len(), &catalog, &environment, Mode::Simple, &[]).expect("a planner");
    let keyword = parse::index_of(select.select_token.0.span).expect("a place");
    let shown = |e: super::super::consts::Extent| text[tokens.start(e.first)..tokens.end(e.last)].to_owned();
    let list = planner.items(keyword, &select.projection).expect("items");
    list.into_iter().map(|item| (shown(item.expr), item.alias.map(shown))).collect()
}

#[test]
fn aliases_are_told_from_expressions() {
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        items(
            "SELECT a, b c, d AS e, f + g AS \"H i\", x IS NULL, date '2020-01-01', k COLLATE \"C\" z, * FROM t"
        ),
        [
            ("a".to_owned(), None),
            ("b".to_owned(), some("c")),
            ("d".to_owned(), some("AS e")),
            ("f + g".to_owned(), some("AS \"H i\"")),
            ("x IS NULL".to_owned(), None),
            ("date '2020-01-01'".to_owned(), None),
            ("k COLLATE \"C\"".to_owned(), some("z")),
            ("*".to_owned(), None),
        ]
    );
}

#[test]
fn rewritten_items_keep_their_names() {
    let text = "SELECT a, b AS c, min(d) FROM t";
    let tokens = tokens(text);
    let Statement::Query(query) = parse::statement(&tokens, 0..tokens.len()).expect("a statement") else {
        panic!("not a query");
    };
    let SetExpr::Select(select) = &*query.body else { panic!("not a SELECT") };
    let (catalog, environment) = (catalog(), environment());
    let mut planner =
        Planner::new(&tokens, 0..tokens.len(), &catalog, &environment, Mode::Simple, &[]).expect("a planner");
    let list = planner.items(0, &select.projection).expect("items");
    planner.replace(list[0].expr, vec![super::super::edits::Part::Text("x()".to_owned())]);
    planner.name_item(list[0], "say \"a\"");
    planner.name_item(list[1], "c");
    planner.wrap(list[1].expr, "f");
    planner.name_item(list[2], "min");
    planner.wrap(list[2].expr, "g");
    planner.name_item(list[2], "min");
    planner.wrap(list[2].expr, "h");
    let done = planner.finish(Vec::new()).expect("pieces");
    assert_eq!(
        render(&done.pieces, &done.slots, text),
        "SELECT x() AS \"say \"\"a\"\"\", f(b) AS c, h(g(min(d))) AS \"min\" FROM t"
    );
}

/// What PostgreSQL 15 answered to each of these.
#[test]
fn names_are_the_servers() {
    for (expr, name) in [
        ("t.a", Some("a")),
        ("1", None),
        ("1::int", Some("int4")),
        ("a::int", Some("a")),
        ("CAST(1 AS double precision)", Some("float8")),
        ("1::float(3)", Some("float4")),
        ("'x'::character varying(3)", Some("varchar")),
        ("'x'::char(3)", Some("bpchar")),
        ("now()::timestamp(0) with time zone", Some("now")),
        ("'x'::timestamp(0) with time zone", Some("timestamptz")),
        ("'{}'::int[]", Some("int4")),
        ("date '2020-01-01'", Some("date")),
        ("true", None),
        ("CASE WHEN a THEN b END", Some("case")),
        ("CASE WHEN a THEN b ELSE c END", Some("c")),
        ("CASE WHEN a THEN b ELSE 1::int END", Some("case")),
        ("COALESCE(a, b)", Some("coalesce")),
        ("trim(leading 'x' from a)", Some("ltrim")),
        ("trim(a)", Some("btrim")),
        ("a + b", None),
        ("a IS NULL", None),
        ("NOT a", None),
        ("a COLLATE \"C\"", Some("a")),
        ("(a).b", Some("b")),
        ("a[1]", Some("a")),
        ("(SELECT x FROM t)", Some("x")),
        ("(SELECT 1)", Some("?column?")),
        ("EXISTS (SELECT 1)", Some("exists")),
        ("ARRAY[1, 2]", Some("array")),
        ("a AT TIME ZONE 'UTC'", Some("timezone")),
        ("extract(year from a)", Some("extract")),
        ("pg_catalog.lower(a)", Some("lower")),
        ("interval '1 day'", Some("interval")),
    ] {
        let text = format!("SELECT {expr}");
        let tokens = tokens(&text);
        let Statement::Query(query) = parse::statement(&tokens, 0..tokens.len()).expect(expr) else {
            panic!("not a query");
        };
        let SetExpr::Select(select) = &*query.body else { panic!("not a SELECT") };
        let Some(sqlparser::ast::SelectItem::UnnamedExpr(expr)) = select.projection.first() else {
            panic!("no expression: {text}")
        };
        assert_eq!(figure_name(expr).as_deref(), name, "{text}");
    }
}
