-- Subqueries and CTEs.

--@ case derived table
SELECT s.email FROM (SELECT email, id FROM customers) s ORDER BY s.id

--@ case derived table with renamed columns
SELECT mail FROM (SELECT email, id FROM customers) s (mail, k) WHERE mail = 'ada.quill@voltmail.example'

--@ case nested derived tables
SELECT * FROM (SELECT * FROM (SELECT id, name FROM customers) a) b ORDER BY id

--@ case in subquery
SELECT id FROM customers WHERE email IN (SELECT owner_email FROM vehicles) ORDER BY id

--@ case not in subquery
SELECT id FROM customers WHERE email NOT IN (SELECT owner_email FROM vehicles WHERE owner_email IS NOT NULL) ORDER BY id

--@ case any subquery
SELECT id FROM customers WHERE email = ANY (SELECT owner_email FROM vehicles) ORDER BY id

--@ case exists correlated
SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM vehicles v WHERE v.owner_email = c.email AND v.model = 'Heron')

--@ case not exists correlated
SELECT c.id FROM customers c WHERE NOT EXISTS (SELECT * FROM vehicles v WHERE v.owner_email = c.email) ORDER BY c.id

--@ case scalar subquery in the select list
SELECT c.id, (SELECT v.vin FROM vehicles v WHERE v.owner_email = c.email AND v.model = 'Kestrel') FROM customers c ORDER BY c.id

--@ case scalar subquery in a comparison
SELECT id FROM customers WHERE email = (SELECT owner_email FROM vehicles WHERE vin = '5YJ3E1EA7KF317003')

--@ case in subquery across groups
SELECT id FROM customers WHERE name IN (SELECT vin FROM vehicles)
--@ refused all: the columns have different keys

--@ case in subquery of a plain table
SELECT id FROM customers WHERE email IN (SELECT email FROM plainly)
--@ refused all: plain values cannot be compared with encrypted ones

--@ case plain in subquery over an encrypted condition
SELECT label FROM plainly WHERE id IN (SELECT id FROM customers WHERE email = $1)
--@ $ ada.quill@voltmail.example

--@ case cte
WITH gold AS (SELECT id, email, name FROM customers WHERE plan = 'gold') SELECT email, name FROM gold

--@ case cte with a condition outside
WITH c AS (SELECT * FROM customers) SELECT id, name FROM c WHERE email = $1
--@ $ ada.quill@voltmail.example

--@ case cte with column names
WITH c (a, b) AS (SELECT id, email FROM customers) SELECT a, b FROM c ORDER BY a

--@ case cte that shadows a table
WITH customers AS (SELECT 1 AS id, 'shadow' AS email) SELECT id, email FROM customers WHERE email = 'shadow'

--@ case two ctes
WITH c AS (SELECT id, email FROM customers), v AS (SELECT owner_email, model FROM vehicles) SELECT c.id, v.model FROM c JOIN v ON v.owner_email = c.email ORDER BY c.id, v.model

--@ case materialized cte
WITH c AS MATERIALIZED (SELECT id, name FROM customers) SELECT name FROM c ORDER BY id

--@ case recursive cte over plain numbers
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT n.i, c.name FROM n JOIN customers c ON c.id = n.i ORDER BY n.i

--@ case data-modifying cte
WITH gone AS (DELETE FROM customers WHERE id = 3 RETURNING id, name) SELECT id, name FROM gone

--@ case inserting cte
WITH added AS (INSERT INTO customers (id, name) VALUES (50, $1) RETURNING id, name) SELECT name, id FROM added
--@ $ Inserted By With

--@ case insert with a cte
WITH s AS (SELECT id + 100 AS id, name FROM customers) INSERT INTO customers (id, name) SELECT id, name FROM s RETURNING id, name

--@ case update with a cte
WITH v AS (SELECT customer_id FROM vehicles WHERE model = 'Heron') UPDATE customers SET phone = 'cte' FROM v WHERE v.customer_id = customers.id RETURNING customers.id, customers.phone

--@ case union all of the same column
SELECT name FROM customers WHERE id = 1 UNION ALL SELECT name FROM customers WHERE id = 2

--@ case union all within a group
SELECT email FROM customers UNION ALL SELECT owner_email FROM vehicles

--@ case union across groups
SELECT name FROM customers UNION ALL SELECT vin FROM vehicles
--@ refused all: one output column with two keys

--@ case union of plain columns of encrypted tables
SELECT id FROM customers UNION SELECT customer_id FROM vehicles ORDER BY 1

--@ case subquery in limit
SELECT email FROM customers ORDER BY id LIMIT (SELECT 2)

--@ case correlated comparison in the select list
SELECT c.id, (SELECT count(*) FROM vehicles v WHERE v.owner_email = c.email) FROM customers c ORDER BY c.id

--@ case values joined
SELECT c.name, v.t FROM customers c JOIN (VALUES (1, 'eins'), (2, 'zwei')) AS v (k, t) ON v.k = c.id ORDER BY c.id
