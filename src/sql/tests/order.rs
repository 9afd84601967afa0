//! Comparisons and sort keys by order terms.

use super::{check, refused};

#[test]
fn comparisons() {
    check(&[
        (
            "SELECT id FROM people WHERE born < $1",
            "SELECT id FROM public.people WHERE pyrite.ord(born) < <ord $1 born>",
        ),
        (
            "SELECT id FROM people WHERE '2000-01-01' >= born",
            "SELECT id FROM public.people WHERE <ord '2000-01-01' born> >= pyrite.ord(born)",
        ),
        (
            "SELECT id FROM people p WHERE p.name > $1::text",
            "SELECT id FROM public.people p WHERE (pyrite.ord_head(p.name), pyrite.ord(p.name)) > (<head $1::text name>, <ord $1::text name>)",
        ),
        (
            "SELECT id FROM people WHERE (name) <= 'x'",
            "SELECT id FROM public.people WHERE ((pyrite.ord_head(name), pyrite.ord(name))) <= (<head 'x' name>, <ord 'x' name>)",
        ),
        (
            "SELECT id FROM people WHERE score BETWEEN 1 AND 2.5",
            "SELECT id FROM public.people WHERE (pyrite.ord_head(score), pyrite.ord(score)) BETWEEN (<head '1' score>, <ord '1' score>) AND (<head '2.5' score>, <ord '2.5' score>)",
        ),
        (
            "SELECT id FROM people WHERE born NOT BETWEEN $1 AND $2",
            "SELECT id FROM public.people WHERE pyrite.ord(born) NOT BETWEEN <ord $1 born> AND <ord $2 born>",
        ),
        (
            "SELECT id FROM people WHERE name < NULL",
            "SELECT id FROM public.people WHERE (pyrite.ord_head(name), pyrite.ord(name)) < (NULL, NULL)",
        ),
        (
            "SELECT 1 FROM people a JOIN people b ON a.born < b.born",
            "SELECT 1 FROM public.people a JOIN public.people b ON pyrite.ord(a.born) < pyrite.ord(b.born)",
        ),
        (
            "SELECT id FROM people WHERE COALESCE(name, 'x') < 'y'",
            "SELECT id FROM public.people WHERE COALESCE(pyrite.ord(name), <ord 'x' name>) < <ord 'y' name>",
        ),
        (
            "SELECT id FROM people WHERE name < (SELECT p.name FROM people p WHERE p.id = 1)",
            "SELECT id FROM public.people WHERE pyrite.ord(name) < pyrite.ord((SELECT p.name FROM public.people p WHERE p.id = 1))",
        ),
    ]);
}

#[test]
fn rows() {
    check(&[
        (
            "SELECT id FROM people WHERE (born, id) < ($1, $2)",
            "SELECT id FROM public.people WHERE (pyrite.ord(born), id) < (<ord $1 born>, $2)",
        ),
        (
            "SELECT id FROM people WHERE (name, id) > ('x', 5)",
            "SELECT id FROM public.people WHERE (pyrite.ord_head(name), pyrite.ord(name), id) > (<head 'x' name>, <ord 'x' name>, 5)",
        ),
        (
            "SELECT id FROM people WHERE (CAST(name AS text), id) > ($1, 5)",
            "SELECT id FROM public.people WHERE ((pyrite.ord(name) ), id) > (<ord $1 name>, 5)",
        ),
        (
            "SELECT id FROM people WHERE ROW(born, id) < ROW($1, 2)",
            "SELECT id FROM public.people WHERE ROW(pyrite.ord(born), id) < ROW(<ord $1 born>, 2)",
        ),
    ]);
}

#[test]
fn arrays_and_subqueries() {
    check(&[
        (
            "SELECT id FROM people WHERE born < ANY($1)",
            "SELECT id FROM public.people WHERE pyrite.ord(born) < ANY(<ord[] $1 born>)",
        ),
        (
            "SELECT id FROM people WHERE name >= ALL(ARRAY['a', $1])",
            "SELECT id FROM public.people WHERE pyrite.ord(name) >= ALL(ARRAY[<ord 'a' name>, <ord $1 name>]::pg_catalog.bytea[])",
        ),
        (
            "SELECT id FROM people WHERE born > ALL(SELECT p.born FROM people p)",
            "SELECT id FROM public.people WHERE pyrite.ord(born) > ALL(SELECT pyrite.ord(p.born) FROM public.people p)",
        ),
    ]);
}

#[test]
fn sort_keys() {
    check(&[
        (
            "SELECT id FROM people ORDER BY born DESC NULLS LAST, id",
            "SELECT id FROM public.people ORDER BY pyrite.ord(born) DESC NULLS LAST, id",
        ),
        (
            "SELECT id, name AS n FROM people p ORDER BY n DESC, 1 LIMIT 3",
            "SELECT id, name AS n FROM public.people p ORDER BY pyrite.ord_head(name) DESC, pyrite.ord(name) DESC, 1 LIMIT 3 => - name",
        ),
        (
            "SELECT id, p.name FROM people p ORDER BY 2 USING >",
            "SELECT id, p.name FROM public.people p ORDER BY pyrite.ord_head(p.name) USING >, pyrite.ord(p.name) USING > => - name",
        ),
        (
            "SELECT id FROM people p ORDER BY p.name NULLS FIRST, (name), name::text DESC",
            "SELECT id FROM public.people p ORDER BY pyrite.ord_head(p.name) NULLS FIRST, pyrite.ord(p.name) NULLS FIRST, (pyrite.ord(name)), pyrite.ord(name) DESC",
        ),
        (
            "SELECT id FROM people ORDER BY COALESCE(born, $1)",
            "SELECT id FROM public.people ORDER BY COALESCE(pyrite.ord(born), <ord $1 born>)",
        ),
        (
            "SELECT q.name FROM (SELECT name FROM people ORDER BY born LIMIT 5) q ORDER BY q.name",
            "SELECT q.name FROM (SELECT name FROM public.people ORDER BY pyrite.ord(born) LIMIT 5) q ORDER BY pyrite.ord_head(q.name), pyrite.ord(q.name) => name",
        ),
        (
            "SELECT row_number() OVER (PARTITION BY id ORDER BY name DESC ROWS 1 PRECEDING) FROM people",
            "SELECT row_number() OVER (PARTITION BY id ORDER BY pyrite.ord_head(name) DESC, pyrite.ord(name) DESC ROWS 1 PRECEDING) FROM public.people",
        ),
        (
            "SELECT array_agg(id ORDER BY born, name) FROM people",
            "SELECT array_agg(id ORDER BY pyrite.ord(born), pyrite.ord_head(name), pyrite.ord(name)) FROM public.people",
        ),
        ("SELECT id FROM people ORDER BY id", "SELECT id FROM public.people ORDER BY id"),
    ]);
}

#[test]
fn values_chosen_by_order() {
    check(&[
        (
            "SELECT max(born) AS m, min(id) FROM people",
            "SELECT ((max(CASE WHEN born IS NOT NULL THEN ARRAY[pyrite.ord(born), (born)::pg_catalog.bytea] END))[2]::pyrite.encrypted) AS m, min(id) FROM public.people => born -",
        ),
        (
            "SELECT max(born) AS m FROM people",
            "SELECT (SELECT (born) AS m FROM public.people WHERE born IS NOT NULL ORDER BY pyrite.ord(born) DESC LIMIT 1) AS \"m\" => born",
        ),
        (
            "SELECT min(p.name) FROM people p WHERE p.name > $1 OR id < 5 LIMIT 1",
            "SELECT (SELECT (p.name) FROM public.people p WHERE ((pyrite.ord_head(p.name), pyrite.ord(p.name)) > (<head $1 name>, <ord $1 name>) OR id < 5) AND (p.name IS NOT NULL) ORDER BY pyrite.ord_head(p.name), pyrite.ord(p.name) LIMIT 1) AS \"min\" LIMIT 1 => name",
        ),
        (
            "SELECT id FROM people a WHERE born = (SELECT max(b.born) FROM people b WHERE b.id = a.id)",
            "SELECT id FROM public.people a WHERE pyrite.eq(born) = pyrite.eq((SELECT (SELECT (b.born) FROM public.people b WHERE (b.id = a.id) AND (b.born IS NOT NULL) ORDER BY pyrite.ord(b.born) DESC LIMIT 1) AS \"max\"))",
        ),
        (
            "SELECT min(name) FILTER (WHERE id > 3) AS m FROM people HAVING min(name) > 'a'",
            "SELECT ((min(CASE WHEN name IS NOT NULL THEN ARRAY[pyrite.ord(name), (name)::pg_catalog.bytea] END) FILTER (WHERE id > 3))[2]::pyrite.encrypted) AS m FROM public.people HAVING pyrite.ord(((min(CASE WHEN name IS NOT NULL THEN ARRAY[pyrite.ord(name), (name)::pg_catalog.bytea] END))[2]::pyrite.encrypted)) > <ord 'a' name> => name",
        ),
        (
            "SELECT id, max(born) AS m FROM people GROUP BY id ORDER BY m DESC, 1",
            "SELECT id, ((max(CASE WHEN born IS NOT NULL THEN ARRAY[pyrite.ord(born), (born)::pg_catalog.bytea] END))[2]::pyrite.encrypted) AS m FROM public.people GROUP BY id ORDER BY pyrite.ord(((max(CASE WHEN born IS NOT NULL THEN ARRAY[pyrite.ord(born), (born)::pg_catalog.bytea] END))[2]::pyrite.encrypted)) DESC, 1 => - born",
        ),
        (
            "SELECT greatest(born, $1) AS g FROM people",
            "SELECT ((greatest(CASE WHEN born IS NOT NULL THEN ARRAY[pyrite.ord(born), (born)::pg_catalog.bytea] END, (CASE WHEN <store $1 born> IS NOT NULL THEN ARRAY[<ord $1 born>::pg_catalog.bytea, <store $1 born>::pg_catalog.bytea] END)))[2]::pyrite.encrypted) AS g FROM public.people => born",
        ),
    ]);
}

#[test]
fn refusals() {
    refused(&[
        ("SELECT id FROM customers WHERE birthday < $1", "0A000", "has no order search"),
        ("SELECT id FROM customers ORDER BY birthday", "0A000", "has no order search"),
        ("SELECT birthday FROM customers ORDER BY 1", "0A000", "has no order search"),
        ("SELECT id FROM people WHERE nick < $1", "0A000", "do not all have order terms yet"),
        ("SELECT id FROM people WHERE born < now()", "0A000", "with an expression"),
        ("SELECT id FROM people WHERE name < born::text", "0A000", "a cast"),
        ("SELECT max(score) FROM people", "0A000", "print differently"),
        (
            "SELECT sum(id) OVER (ORDER BY born RANGE '1 day' PRECEDING) FROM people",
            "0A000",
            "a RANGE frame with an offset",
        ),
        ("SELECT COALESCE(name, 'x') AS n FROM people ORDER BY n", "0A000", "by the name or number"),
        ("SELECT id FROM people ORDER BY name COLLATE \"C\"", "0A000", "COLLATE"),
        ("SELECT id FROM people ORDER BY name USING ~<~", "0A000", "ORDER BY USING this operator"),
    ]);
    check(&[("SELECT id FROM people WHERE born < 5", "42883 operator does not exist: date < integer")]);
}
