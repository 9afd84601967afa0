-- Forms that PostgreSQL accepts and the parser of the planner does not know, or reads otherwise.

--@ case table
TABLE customers

--@ case table in parentheses
(TABLE customer_view) ORDER BY id

--@ case table only
SELECT id, email FROM ONLY customers WHERE email = $1
--@ $ ada.quill@voltmail.example

--@ case only in parentheses
SELECT id, email FROM ONLY (customers) WHERE id = 1

--@ case descendants
SELECT id, email FROM customers * WHERE id = 2

--@ case descendants with an alias
SELECT c.email FROM customers * AS c WHERE c.id = 2

--@ case update of descendants
UPDATE customers * SET email = 'x@voltmail.example' WHERE id = 2

--@ case delete of descendants
DELETE FROM customers * WHERE email = 'bob.zephyr@voltmail.example'

--@ case for no key update
SELECT email FROM customers WHERE id = 1 FOR NO KEY UPDATE

--@ case for key share
SELECT email FROM customers WHERE id = 1 FOR KEY SHARE NOWAIT

--@ case for update of a table
SELECT c.email, v.vin FROM customers c JOIN vehicles v ON v.customer_id = c.id WHERE c.id = 1 FOR UPDATE OF c SKIP LOCKED

--@ case for share of two tables
SELECT c.email, v.vin FROM customers c JOIN vehicles v ON v.customer_id = c.id WHERE c.id = 1 FOR SHARE OF c, v

--@ case two locking clauses
SELECT c.email, v.vin FROM customers c JOIN vehicles v ON v.customer_id = c.id WHERE c.id = 1 FOR UPDATE OF c FOR SHARE OF v NOWAIT

--@ case tablesample
SELECT count(*) FROM customers TABLESAMPLE system (100) REPEATABLE (7) WHERE email = 'ada.quill@voltmail.example'

--@ case tablesample with an alias
SELECT c.email FROM customers AS c TABLESAMPLE bernoulli (100) WHERE c.id = 1

--@ case variadic
SELECT id, concat_ws('-', VARIADIC ARRAY[plan, 'x']), email FROM customers WHERE id = 1

--@ case window exclusion
SELECT id, email, sum(visits) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM customers ORDER BY id

--@ case window exclusion of others
SELECT id, email, count(*) OVER (ORDER BY visits RANGE UNBOUNDED PRECEDING EXCLUDE TIES) FROM customers ORDER BY id

--@ case operator with a schema
SELECT id FROM customers WHERE email OPERATOR(pg_catalog.=) 'ada.quill@voltmail.example'

--@ case operator with a schema and a parameter
SELECT id FROM customers WHERE $1 OPERATOR(pg_catalog.=) email AND id OPERATOR(pg_catalog.<) 5
--@ $ ada.quill@voltmail.example

--@ case operator with a schema that is unequal
SELECT id FROM customers WHERE email OPERATOR(pg_catalog.<>) 'ada.quill@voltmail.example' ORDER BY id

--@ case typed literals
SELECT id, email, inet '10.0.0.1', macaddr '08:00:2b:01:02:03', point '(1,2)', money '12.50', regclass 'pg_class' FROM customers WHERE id = 1

--@ case isnull and notnull
SELECT id FROM customers WHERE email ISNULL OR (phone NOTNULL AND id = 1) ORDER BY id

--@ case unicode identifier
SELECT U&"\0065mail" FROM customers WHERE U&"em\0061il" = U&'ada.quill\0040voltmail.example'

--@ case escape string
SELECT id FROM customers WHERE email = E'ada.quill\x40voltmail.example'

--@ case dollar quotes
SELECT id FROM customers WHERE email = $mail$ada.quill@voltmail.example$mail$

--@ case strings over two lines
SELECT id FROM customers WHERE email = 'ada.quill'
  '@voltmail.example'

--@ case comments in the middle
SELECT /* one */ id -- two
FROM /* three /* four */ */ customers WHERE email /* five */ = /* six */ 'ada.quill@voltmail.example' -- seven

--@ case fetch first
SELECT id, email FROM customers ORDER BY id FETCH FIRST 2 ROWS ONLY

--@ case fetch first row
SELECT id, email FROM customers ORDER BY id OFFSET 1 ROWS FETCH NEXT ROW ONLY

--@ case fetch with ties
SELECT id, email FROM customers ORDER BY visits FETCH FIRST 2 ROWS WITH TIES

--@ case limit all
SELECT id, email FROM customers ORDER BY id LIMIT ALL OFFSET 2

--@ case is not distinct from
SELECT id FROM customers WHERE email IS NOT DISTINCT FROM NULL

--@ case at time zone
SELECT vin, timestamptz '2020-01-01 00:00+00' AT TIME ZONE 'UTC' FROM vehicles WHERE vin = 'SHORT'

--@ case overlaps
SELECT id, email FROM customers WHERE (date '2020-01-01', date '2020-02-01') OVERLAPS (date '2020-01-15', date '2020-03-01') AND id = 1

--@ case like any
SELECT id, email FROM customers WHERE plan LIKE ANY (ARRAY['g%', 'x']) ORDER BY id

--@ case with ordinality
SELECT c.email, u.n FROM unnest(ARRAY[2, 1]) WITH ORDINALITY AS u(id, n) JOIN customers c ON c.id = u.id ORDER BY u.n

--@ case lateral
SELECT c.email, l.n FROM customers c, LATERAL (SELECT count(*) AS n FROM vehicles v WHERE v.owner_email = c.email) l ORDER BY c.id

--@ case array element of a plain column
CREATE TEMP TABLE arrays (id int, list int[])
--@ modes simple,text
--@ then
INSERT INTO arrays VALUES (1, '{1,2,3}')
--@ then
UPDATE arrays SET list[2] = 5, id = 7 FROM customers WHERE customers.email = 'ada.quill@voltmail.example'
--@ then
SELECT * FROM arrays

--@ case values with names
SELECT c.id, v.what FROM customers c JOIN (VALUES (1, 'one'), (2, 'two')) AS v (id, what) ON v.id = c.id WHERE c.email = 'ada.quill@voltmail.example'

--@ case delete using
DELETE FROM vehicles USING customers WHERE vehicles.owner_email = customers.email AND customers.id = 1 RETURNING vin, customers.email

--@ case overriding
INSERT INTO customers (id, email, name) OVERRIDING USER VALUE VALUES (90, 'o@voltmail.example', 'O') RETURNING id, email

--@ case default values in a row
INSERT INTO customers (id, email, name, plan) VALUES (91, DEFAULT, 'O', DEFAULT) RETURNING id, email, plan

--@ case conflict with a predicate
INSERT INTO customers (id, email, name) VALUES (1, 'x@voltmail.example', 'X') ON CONFLICT (id) WHERE id > 0 DO UPDATE SET name = excluded.name RETURNING name

--@ case conflict on a constraint
INSERT INTO customers (id, email, name) VALUES (1, 'x@voltmail.example', 'X') ON CONFLICT ON CONSTRAINT customers_pkey DO NOTHING

--@ case select all
SELECT ALL id, email FROM customers WHERE id = 1

--@ case an empty select list
SELECT FROM customers WHERE email = 'ada.quill@voltmail.example'

--@ case filter
SELECT count(*) FILTER (WHERE email = 'ada.quill@voltmail.example'), count(email) FILTER (WHERE id > 1) FROM customers

--@ case within group
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY visits) FROM customers WHERE email IS NOT NULL

--@ case grouping sets of plain columns
SELECT plan, visits, count(email) FROM customers GROUP BY GROUPING SETS ((plan), (visits), ()) ORDER BY 1, 2

--@ case recursive
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT r.n, c.email FROM r JOIN customers c ON c.id = r.n ORDER BY r.n

--@ case a search clause
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SEARCH DEPTH FIRST BY n SET o SELECT r.n, c.email FROM r JOIN customers c ON c.id = r.n
--@ refused all: syntax that the parser does not know

--@ case a cycle clause
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) CYCLE n SET c USING p SELECT r.n, c.email FROM r JOIN customers c ON c.id = r.n
--@ refused all: syntax that the parser does not know

--@ case group by distinct
SELECT plan, count(email) FROM customers GROUP BY DISTINCT ROLLUP (plan, plan)

--@ case rows from
SELECT c.email, r.a FROM customers c JOIN ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r (a, b) ON r.a = c.id
--@ refused all: syntax that the parser does not know

--@ case using with an alias
SELECT j.id, c.email FROM customers c JOIN plainly p USING (id) AS j
--@ refused all: syntax that the parser does not know

--@ case fields of a composite
SELECT (c).id FROM customers c

--@ case all fields of a composite
SELECT (c).* FROM customers c
--@ refused all: syntax that the parser does not know

--@ case xml
SELECT xmlelement(name foo, plan) FROM customers WHERE email = 'x'
--@ refused all: syntax that the parser does not know

--@ case a collation behind a cast
SELECT plan::text COLLATE "C" FROM customers WHERE id = 1
--@ refused all: syntax that the parser does not know

--@ case a slice
SELECT (ARRAY[1, 2, 3])[1:2], email FROM customers WHERE id = 1

--@ case json operators
SELECT '{"a": 1}'::jsonb -> 'a', '{"a": 1}'::jsonb @> '{}', email FROM customers WHERE id = 1

--@ case prefix operators
SELECT |/ 25.0, @ -5, email FROM customers WHERE id = 1

--@ case factorless operators
SELECT 5 # 3, 6 & 3, 6 | 1, ~ 1, 1 << 2, email FROM customers WHERE id = 1

--@ case intervals
SELECT interval '1' day, interval '1 02:03' day to minute, email FROM customers WHERE id = 1

--@ case is normalized
SELECT plan IS NORMALIZED, email FROM customers WHERE id = 1

--@ case a negative literal
SELECT id FROM customers WHERE balance = -17.05

--@ case a quoted alias
SELECT email "E", name "select" FROM customers WHERE id = 1

--@ case a keyword as alias
SELECT email AS from_, name value, phone AS order FROM customers WHERE id = 1

--@ case insert a table
INSERT INTO customers (id, email, name) SELECT id + 500, email, name FROM customers WHERE email IS NULL

--@ case insert by table
INSERT INTO archive.customers TABLE archive.customers
--@ modes simple

--@ case symmetric over a plain column
SELECT id, email FROM customers WHERE id BETWEEN SYMMETRIC 3 AND 1

--@ case symmetric over an encrypted column
SELECT id FROM ranked WHERE r_int4 BETWEEN SYMMETRIC 100000 AND -100000 ORDER BY id

--@ case symmetric with parameters
SELECT id FROM ranked WHERE r_text NOT BETWEEN SYMMETRIC $1 AND $2 ORDER BY id
--@ $ z
--@ $ A

--@ case asymmetric over an encrypted column
SELECT id FROM ranked WHERE r_int4 BETWEEN ASYMMETRIC 100000 AND -100000 ORDER BY id

--@ case symmetric in an output
SELECT id, r_int4 BETWEEN SYMMETRIC 5 AND -5 FROM ranked ORDER BY id
