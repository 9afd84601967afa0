//! GROUP BY, DISTINCT, set operations and merged joins: what the server gets.

use super::*;

#[test]
fn groups() {
    check(&[
        (
            "SELECT email, count(*) FROM customers GROUP BY email",
            "SELECT (pg_catalog.min(ARRAY[email]))[1] AS \"email\", count(*) FROM public.customers GROUP BY pyrite.eq(email) => email -",
        ),
        (
            "SELECT count(*), email AS e FROM customers c GROUP BY 2 HAVING c.email = $1",
            "SELECT count(*), (pg_catalog.min(ARRAY[email]))[1] AS e FROM public.customers c GROUP BY pyrite.eq(email) HAVING pyrite.eq(c.email) = <eq $1 email> => - email",
        ),
        (
            "SELECT email AS e FROM customers GROUP BY e",
            "SELECT (pg_catalog.min(ARRAY[email]))[1] AS e FROM public.customers GROUP BY pyrite.eq(email) => email",
        ),
        (
            "SELECT count(email), count(DISTINCT phone) FROM customers GROUP BY birthday",
            "SELECT count(email), count(DISTINCT pyrite.eq(phone)) FROM public.customers GROUP BY pyrite.eq(birthday)",
        ),
        (
            "SELECT email FROM customers GROUP BY ROLLUP (email)",
            "SELECT (CASE WHEN GROUPING(pyrite.eq(email)) = 0 THEN (pg_catalog.min(ARRAY[email]))[1] END) AS \"email\" FROM public.customers GROUP BY ROLLUP (pyrite.eq(email)) => email",
        ),
        (
            "SELECT (SELECT count(*) FROM leads l WHERE l.email = c.email) FROM customers c GROUP BY c.email",
            "SELECT (SELECT count(*) FROM public.leads l WHERE pyrite.eq(l.email) = pyrite.eq((pg_catalog.min(ARRAY[c.email]))[1])) FROM public.customers c GROUP BY pyrite.eq(c.email)",
        ),
        // The primary key brings the others; no representative is wanted.
        (
            "SELECT id, email FROM customers GROUP BY id",
            "SELECT id, email FROM public.customers GROUP BY id => - email",
        ),
        (
            "SELECT DISTINCT id, email FROM customers ORDER BY id",
            "SELECT DISTINCT ON (1, pyrite.eq(email)) id, email FROM public.customers ORDER BY id => - email",
        ),
        (
            "SELECT DISTINCT ON (email, 2) email, birthday FROM customers",
            "SELECT DISTINCT ON (pyrite.eq(email), pyrite.eq(birthday)) email, birthday FROM public.customers => email birthday",
        ),
        (
            "SELECT row_number() OVER (PARTITION BY email) FROM customers",
            "SELECT row_number() OVER (PARTITION BY pyrite.eq(email)) FROM public.customers",
        ),
        (
            "SELECT lag(phone, 1, 'x') OVER (ORDER BY id) FROM customers",
            "SELECT lag(phone, 1, <store 'x' phone>) OVER (ORDER BY id) FROM public.customers => phone",
        ),
        (
            "SELECT bool_and(active) FROM customers",
            "SELECT bool_and(pyrite.eq(active) = <eq 'true' active>) FROM public.customers",
        ),
    ]);
}

#[test]
fn sets() {
    check(&[
        (
            "SELECT email FROM customers UNION SELECT email FROM leads",
            "SELECT DISTINCT ON (pyrite.eq(pyrite_set.pyrite_column_1)) pyrite_set.pyrite_column_1 AS \"email\" FROM (SELECT email FROM public.customers UNION ALL SELECT email FROM public.leads) AS pyrite_set(pyrite_column_1) => email",
        ),
        (
            "SELECT email FROM customers EXCEPT SELECT 'x'",
            "SELECT (pg_catalog.min(ARRAY[pyrite_set.pyrite_column_1]))[1] AS \"email\" FROM (SELECT email, 0 FROM public.customers UNION ALL SELECT <store 'x' email>, 1) AS pyrite_set(pyrite_column_1, pyrite_side) GROUP BY pyrite.eq(pyrite_set.pyrite_column_1) HAVING pg_catalog.max(pyrite_set.pyrite_side) = 0 => email",
        ),
        (
            "SELECT id FROM customers WHERE email IN (SELECT email FROM leads UNION SELECT email FROM customers)",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) IN (SELECT pyrite.eq(pyrite_set.pyrite_column) FROM (SELECT DISTINCT ON (pyrite.eq(pyrite_set.pyrite_column_1)) pyrite_set.pyrite_column_1 AS \"email\" FROM (SELECT email FROM public.leads UNION ALL SELECT email FROM public.customers) AS pyrite_set(pyrite_column_1)) AS pyrite_set(pyrite_column))",
        ),
        // Nothing encrypted comes out: as it was.
        (
            "SELECT id FROM customers WHERE email = 'a' UNION SELECT id FROM orders",
            "SELECT id FROM public.customers WHERE pyrite.eq(email) = <eq 'a' email> UNION SELECT id FROM orders",
        ),
    ]);
}

#[test]
fn merged_joins() {
    check(&[
        (
            "SELECT email, c.id FROM customers c JOIN leads l USING (email)",
            "SELECT c.email, c.id FROM public.customers c JOIN public.leads l ON pyrite.eq(c.email) = pyrite.eq(l.email) => email -",
        ),
        (
            "SELECT email FROM customers c RIGHT JOIN leads USING (email) WHERE email = 'a'",
            "SELECT leads.email FROM public.customers c RIGHT JOIN public.leads ON pyrite.eq(c.email) = pyrite.eq(leads.email) WHERE pyrite.eq(leads.email) = <eq 'a' email> => email",
        ),
        (
            "SELECT email FROM customers c FULL JOIN leads l USING (email) GROUP BY email",
            "SELECT (pg_catalog.min(ARRAY[COALESCE(c.email, l.email)]))[1] AS \"email\" FROM public.customers c FULL JOIN public.leads l ON pyrite.eq(c.email) = pyrite.eq(l.email) GROUP BY pyrite.eq(COALESCE(c.email, l.email)) => email",
        ),
        (
            "SELECT l.* FROM customers c NATURAL LEFT JOIN leads l WHERE c.id = 1",
            "SELECT l.* FROM public.customers c  LEFT JOIN public.leads l ON c.id = l.id AND pyrite.eq(c.email) = pyrite.eq(l.email) WHERE c.id = 1 => - email -",
        ),
    ]);
}

#[test]
fn what_grouping_refuses() {
    refused(&[
        ("SELECT note FROM customers GROUP BY note", "0A000", "no equality search"),
        ("SELECT DISTINCT note FROM customers", "0A000", "no equality search"),
        ("SELECT note FROM customers UNION SELECT note FROM customers", "0A000", "no equality search"),
        ("SELECT email FROM customers UNION SELECT phone FROM customers", "0A000", "another key group"),
        ("SELECT email FROM customers UNION ALL SELECT name FROM customers", "0A000", "UNION"),
        ("SELECT serial FROM devices UNION SELECT 'x'::text", "0A000", "a constant of another type"),
        ("SELECT lower(email) FROM customers GROUP BY 1", "0A000", "function lower"),
        ("SELECT email::date FROM customers GROUP BY 1", "0A000", "under an expression"),
        ("SELECT sum(serial) FROM devices", "0A000", "function sum"),
        (
            "WITH RECURSIVE r AS (SELECT email FROM customers UNION SELECT email FROM r) SELECT * FROM r",
            "0A000",
            "recursive UNION",
        ),
        (
            "SELECT (SELECT count(c.email) FROM leads l) FROM customers c GROUP BY c.email",
            "0A000",
            "a subquery's aggregate",
        ),
        ("SELECT j.id FROM (customers c JOIN leads l USING (email)) j", "0A000", "an alias for a join"),
        (
            "SELECT 1 FROM customers c JOIN (SELECT 'x' AS email) x USING (email)",
            "0A000",
            "column of constants",
        ),
    ]);
}
