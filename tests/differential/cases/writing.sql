-- Writing beyond single rows.

--@ case bulk insert by unnest
INSERT INTO customers (id, email, name, birthday) SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::date[]) RETURNING id, email, name, birthday
--@ $ {50,51}
--@ $ {r50@voltmail.example,NULL}
--@ $ {Row Fifty,Row Fiftyone}
--@ $ {1970-01-01,NULL}
--@ then
SELECT id, email, name, birthday FROM customers WHERE email = 'r50@voltmail.example'

--@ case bulk insert by unnest with names
INSERT INTO customers (id, email, name) SELECT u.i, u.m, u.n FROM unnest($1::int[], $2::varchar[], $3::text[]) AS u (i, m, n) WHERE u.i > 50
--@ $ {50,51}
--@ $ {r50@voltmail.example,r51@voltmail.example}
--@ $ {Row Fifty,Row Fiftyone}
--@ then
SELECT id, email, name FROM customers WHERE id >= 50

--@ case bulk insert of one array
INSERT INTO customers (id, name) SELECT 50, unnest($1::text[]) LIMIT 1
--@ $ {Row Fifty}
--@ then
SELECT name FROM customers WHERE name = 'Row Fifty'

--@ case bulk insert of values that are too long
INSERT INTO customers (id, name, email) SELECT 50, 'n', unnest($1::text[])
--@ $ {aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
--@ modes simple

--@ case insert what is not there yet
INSERT INTO customers (id, email, name) SELECT 60 + v.n, v.m, 'New' FROM (VALUES (1, 'ada.quill@voltmail.example'), (2, $1)) AS v (n, m) WHERE NOT EXISTS (SELECT 1 FROM customers c WHERE c.email = v.m) RETURNING id, email
--@ $ r62@voltmail.example

--@ case insert values of dates by a subquery
INSERT INTO customers (id, name, birthday) SELECT 50, 'n', v.d FROM (VALUES ('1970-01-01'::date)) v (d) RETURNING birthday

--@ case insert values of the wrong type by a subquery
INSERT INTO customers (id, name, birthday) SELECT v.i, 'n', v.d FROM (VALUES (50, '1970-01-01'), (51, NULL)) v (i, d) WHERE v.i > 0

--@ case insert numbers that are rounded
INSERT INTO customers (id, name, balance) SELECT v.i, 'n', v.b FROM (VALUES (50, 1.005), (51, 2)) v (i, b) WHERE v.i > 0 RETURNING balance

--@ case insert by a cte of values
WITH v (i, m) AS (VALUES (50, $1)) INSERT INTO customers (id, name) SELECT i, m FROM v RETURNING id, name
--@ $ Row Fifty

--@ case insert select within a group
INSERT INTO customers (id, name, email) SELECT id + 100, name, NULL FROM customers RETURNING id, name

--@ case insert select with a cast that does nothing
INSERT INTO customers (id, name) SELECT id + 100, name::text FROM customers WHERE id = 1 RETURNING id, name

--@ case insert select of a plain expression
INSERT INTO customers (id, name) SELECT id + 100, label FROM plainly
--@ refused all: a value that only the server knows

--@ case update from values
UPDATE customers SET email = v.m, name = v.n FROM (VALUES (1, $1, 'First'), (2, NULL, 'Second')) AS v (i, m, n) WHERE customers.id = v.i RETURNING customers.id, email, name
--@ $ first@voltmail.example

--@ case update from values by the old value
UPDATE customers SET email = v.new FROM (VALUES ('ada.quill@voltmail.example', 'ada2@voltmail.example')) AS v (old, new) WHERE customers.email = v.old RETURNING id, email

--@ case update from unnest
UPDATE customers SET email = u.m FROM unnest($1::int[], $2::text[]) AS u (i, m) WHERE customers.id = u.i RETURNING id, email
--@ $ {1,2}
--@ $ {u1@voltmail.example,u2@voltmail.example}

--@ case update by case as object mappers do
UPDATE customers SET email = (CASE WHEN (customers.id = 1) THEN $1 WHEN (customers.id = 2) THEN $2 ELSE NULL END)::varchar(254) WHERE customers.id IN (1, 2) RETURNING id, email
--@ $ first@voltmail.example
--@ $ second@voltmail.example

--@ case update of a text by case
UPDATE customers SET name = CASE id WHEN 1 THEN 'First' WHEN 2 THEN $1 ELSE name END RETURNING id, name
--@ $ Second

--@ case update of a date by case
UPDATE customers SET birthday = (CASE WHEN id = 1 THEN '1970-01-01' ELSE NULL END)::date RETURNING id, birthday

--@ case update of a date by case without a cast
UPDATE customers SET birthday = CASE WHEN id = 1 THEN '1970-01-01' END

--@ case update by coalesce
UPDATE customers SET name = COALESCE($1, name), email = COALESCE(NULL, email) WHERE id = 1 RETURNING name, email
--@ $ \N

--@ case update by coalesce behind the column
UPDATE customers SET phone = COALESCE(phone, $1) RETURNING id, phone
--@ $ unknown

--@ case update of a short text by case
UPDATE customers SET email = CASE WHEN id = 1 THEN $1 ELSE email END
--@ $ x
--@ refused text,binary,prepared: a value that is too long must only be an error where it is chosen

--@ case update with a row
UPDATE customers SET (name, email) = ($1, 'row@voltmail.example') WHERE id = 1 RETURNING name, email
--@ $ Rowed

--@ case update with a row of a subquery
UPDATE customers SET (name, email) = (SELECT c.name, c.email FROM customers c WHERE c.id = 3) WHERE id = 4 RETURNING id, name
--@ then
SELECT 1

--@ case self-assignment
UPDATE customers SET name = name, email = customers.email, birthday = (birthday) WHERE id = 1 RETURNING name, email, birthday

--@ case update with default
UPDATE customers SET email = DEFAULT, plan = DEFAULT WHERE id = 1 RETURNING email, plan

--@ case merge
MERGE INTO vehicles v USING customers c ON v.owner_email = c.email WHEN MATCHED AND v.model = 'Heron' THEN DELETE WHEN MATCHED THEN UPDATE SET model = 'merged', price = 1.5
--@ then
SELECT model, price, owner_email FROM vehicles

--@ case merge with insert
MERGE INTO customers c USING (VALUES (1, $1, 'One'), (70, 'r70@voltmail.example', 'Seventy')) AS s (i, m, n) ON c.id = s.i WHEN MATCHED THEN UPDATE SET email = s.m, name = s.n WHEN NOT MATCHED THEN INSERT (id, email, name) VALUES (s.i, s.m, s.n)
--@ $ r1@voltmail.example
--@ then
SELECT id, email, name FROM customers WHERE id IN (1, 70)

--@ case merge by an encrypted column
MERGE INTO customers USING (VALUES ('ada.quill@voltmail.example', 'Ada Two'), ('r71@voltmail.example', 'Seventyone')) AS s (m, n) ON email = m WHEN MATCHED THEN UPDATE SET name = n WHEN NOT MATCHED THEN INSERT (id, email, name) VALUES (71, m, n)
--@ then
SELECT id, email, name FROM customers WHERE id IN (1, 71)

--@ case merge that does nothing
MERGE INTO customers c USING plainly p ON c.id = p.id WHEN MATCHED AND c.email = 'x' THEN DELETE WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN DO NOTHING

--@ case merge from a plain table
MERGE INTO customers c USING plainly p ON c.id = p.id WHEN MATCHED THEN UPDATE SET name = p.label
--@ refused all: a value that only the server knows

--@ case merge with constants
MERGE INTO customers c USING plainly p ON c.id = p.id WHEN MATCHED THEN UPDATE SET name = $1, phone = NULL
--@ $ Merged
--@ then
SELECT id, name, phone FROM customers ORDER BY id

--@ case delete using
DELETE FROM customers c USING vehicles v WHERE v.owner_email = c.email AND v.model = 'Heron' RETURNING c.id, c.email, v.vin

--@ case delete using values
DELETE FROM customers USING (VALUES ($1)) AS v (m) WHERE customers.email = v.m RETURNING id, name
--@ $ bob.zephyr@voltmail.example

--@ case upsert with the excluded row
INSERT INTO customers (id, email, name) VALUES (1, $1, 'Upserted') ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email, name = EXCLUDED.name WHERE customers.email <> EXCLUDED.email RETURNING id, email, name
--@ $ up@voltmail.example

--@ case upsert on an encrypted column in bulk
INSERT INTO customers (id, email, name) SELECT u.i, u.m, 'Bulk' FROM unnest($1::int[], $2::text[]) AS u (i, m) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name RETURNING id, email, name
--@ $ {80,81}
--@ $ {ada.quill@voltmail.example,r81@voltmail.example}

--@ case modify and select in one
WITH moved AS (DELETE FROM customers WHERE email = $1 RETURNING id, email, name), kept AS (INSERT INTO customers (id, email, name) SELECT id + 500, NULL, name FROM moved RETURNING id, name) SELECT moved.email, kept.name, kept.id FROM moved, kept
--@ $ bob.zephyr@voltmail.example

--@ case returning json
INSERT INTO customers (id, email, name) VALUES (50, $1, 'Row Fifty') RETURNING row_to_json(customers)
--@ $ r50@voltmail.example

--@ case returning the row
UPDATE customers SET name = 'Renamed' WHERE id = 1 RETURNING customers

--@ case unique violation
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x')

--@ case not null violation
INSERT INTO customers (id, email, name) SELECT 50, v.m, NULL FROM (VALUES ($1)) v (m)
--@ $ r50@voltmail.example
