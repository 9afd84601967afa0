-- All forms of INSERT into encrypted columns.

--@ case one row of literals
INSERT INTO customers (id, email, name, phone, birthday, balance, vip) VALUES (50, 'new.one@voltmail.example', 'Newby Onefield', '555', '1970-01-01', 9.5, true)
--@ then
SELECT * FROM customers ORDER BY id

--@ case parameters
INSERT INTO customers (id, email, name, phone, birthday, balance, vip, plan, visits) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
--@ $ 50
--@ $ new.one@voltmail.example
--@ $ Newby Onefield
--@ $ 555 0150
--@ $ 1970-01-01
--@ $ 9.499
--@ $ t
--@ $ gold
--@ $ 3
--@ then
SELECT * FROM customers ORDER BY id

--@ case all columns without a list
INSERT INTO customers VALUES (50, 'new.one@voltmail.example', 'Newby Onefield', NULL, NULL, NULL, NULL, 'p', 1)
--@ then
SELECT * FROM customers WHERE id = 50

--@ case fewer values than columns
INSERT INTO customers VALUES (50, 'new.one@voltmail.example', 'Newby Onefield') RETURNING *

--@ case more values than columns
INSERT INTO customers (id, name) VALUES (50, 'Newby Onefield', 1)

--@ case more columns than values
INSERT INTO customers (id, name, email) VALUES (50, 'Newby Onefield')

--@ case several rows
INSERT INTO customers (id, name, email) VALUES (50, 'Row Fifty', 'r50@voltmail.example'), (51, 'Row Fiftyone', NULL), (52, 'Row Fiftytwo', 'r52@voltmail.example')
--@ then
SELECT id, name, email FROM customers ORDER BY id

--@ case several rows of parameters
INSERT INTO customers (id, name, email) VALUES ($1, $2, $3), ($4, $5, $6)
--@ $ 50
--@ $ Row Fifty
--@ $ r50@voltmail.example
--@ $ 51
--@ $ Row Fiftyone
--@ $ \N
--@ then
SELECT id, name, email FROM customers ORDER BY id

--@ case literals and parameters mixed
INSERT INTO customers (id, name, email) VALUES (50, $1, 'r50@voltmail.example'), (51, 'Row Fiftyone', $2)
--@ $ Row Fifty
--@ $ r51@voltmail.example
--@ then
SELECT id, name, email FROM customers ORDER BY id

--@ case rows of differing length
INSERT INTO customers (id, name) VALUES (50, 'a'), (51)

--@ case nulls
INSERT INTO customers (id, email, name, birthday) VALUES (50, NULL, 'x', NULL) RETURNING *

--@ case null parameters
INSERT INTO customers (id, email, name, birthday) VALUES (50, $1, $2, $3) RETURNING *
--@ $ \N
--@ $ x
--@ $ \N

--@ case default keyword
INSERT INTO customers (id, email, name, plan, visits) VALUES (50, DEFAULT, 'x', DEFAULT, DEFAULT) RETURNING *

--@ case default values
INSERT INTO customers DEFAULT VALUES

--@ case null in a NOT NULL column
INSERT INTO customers (id, name) VALUES (50, NULL)

--@ case null parameter in a NOT NULL column
INSERT INTO customers (id, name) VALUES (50, $1)
--@ $ \N

--@ case missing NOT NULL column
INSERT INTO customers (id, email) VALUES (50, 'x@voltmail.example')

--@ case primary key violation
INSERT INTO customers (id, name) VALUES (1, 'x')

--@ case unique violation on an encrypted column
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x')

--@ case unique violation by parameter
INSERT INTO customers (id, email, name) VALUES (50, $1, 'x')
--@ $ ada.quill@voltmail.example

--@ case unique violation on an encrypted primary key
INSERT INTO vehicles (vin, model) VALUES ('5YJ3E1EA7KF317001', 'copy')

--@ case null in an encrypted primary key
INSERT INTO vehicles (vin, model) VALUES (NULL, 'copy')

--@ case empty strings
INSERT INTO every (id, c_text, c_varchar, c_char, c_bytea) VALUES (50, '', '', '', '') RETURNING c_text, c_varchar, c_char, c_bytea

--@ case empty string parameters
INSERT INTO every (id, c_text, c_varchar, c_char, c_bytea) VALUES (50, $1, $2, $3, $4) RETURNING c_text, c_varchar, c_char, c_bytea
--@ $ 
--@ $ 
--@ $ 
--@ $ 

--@ case every type by parameter
INSERT INTO every VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
--@ $ 50
--@ $ plain ordinary text
--@ $ varchar twenty
--@ $ charrr
--@ $ 12
--@ $ 1977231654
--@ $ 881977231654123
--@ $ 1.25
--@ $ 2.718281828459045
--@ $ 31415.926
--@ $ true
--@ $ 1981-04-12
--@ $ 13:14:15.678901
--@ $ 2001-02-03 04:05:06
--@ $ 2001-02-03 04:05:06.789+05:30
--@ $ 8f14e45f-ceea-467f-a9f2-d5a1c4b3e901
--@ $ {"k":  "v" }
--@ $ {"k":  "v", "k": 2 }
--@ $ \\x00ff10deadbeefcafe00
--@ then
SELECT * FROM every WHERE id = 50

--@ case every type null by parameter
INSERT INTO every VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
--@ $ 50
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ $ \N
--@ then
SELECT * FROM every WHERE id = 50

--@ case long value
INSERT INTO customers (id, name) VALUES (50, $1) RETURNING name
--@ $ 0123456789 ünï \*20000

--@ case very long value
INSERT INTO customers (id, phone, name) VALUES (50, $1, 'x')
--@ modes text,binary
--@ $ a megabyte and more of it all, \*100000
--@ then
SELECT phone FROM customers WHERE id = 50

--@ case quotes and backslashes
INSERT INTO customers (id, name, phone) VALUES (50, 'It''s "quoted" \ and $1 $$ -- /* ', E'tab\there\\ \'x\' \u00e9') RETURNING name, phone

--@ case parameter that looks like SQL
INSERT INTO customers (id, name) VALUES (50, $1) RETURNING name
--@ $ '); DROP TABLE customers; -- $1 \\ "

--@ case unicode of all planes
INSERT INTO customers (id, name) VALUES (50, $1) RETURNING name
--@ $ 𝔘𝔫𝔦 ﷽ ‮rtl‬ 🏳️‍🌈 é ñ 漢字 ‍

--@ case control characters
INSERT INTO customers (id, name) VALUES (50, $1) RETURNING name
--@ $ \ttab\nnewline\\backslash

--@ case from a select of plain values
INSERT INTO customers (id, name) SELECT id + 100, 'fixed' FROM plainly

--@ case from a select of the same column
INSERT INTO customers (id, name) SELECT id + 100, name FROM customers
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case from a select within a key group
INSERT INTO customers (id, name, email) SELECT 100, c.name, v.owner_email FROM vehicles v, customers c WHERE v.vin = 'SHORT' AND c.id = 1
--@ then
SELECT id, name, email FROM customers ORDER BY id

--@ case from a select of another key group
INSERT INTO customers (id, name) SELECT id + 100, phone FROM customers WHERE phone IS NOT NULL
--@ refused all: name and phone have different keys

--@ case into plain columns from an encrypted one
INSERT INTO plainly (id, label) SELECT id + 100, name FROM customers
--@ refused all: plaintext would be stored

--@ case from values in a subquery
INSERT INTO plainly (id, label) SELECT * FROM (VALUES (100, 'a'), (101, 'b')) AS v (i, l)

--@ case with an alias
INSERT INTO customers AS c (id, name) VALUES (50, 'x') RETURNING c.id, c.name

--@ case with a schema
INSERT INTO public.customers (id, name) VALUES (50, 'x') RETURNING id

--@ case quoted names
INSERT INTO "customers" ("id", "name") VALUES (50, 'x') RETURNING "id"

--@ case odd names
INSERT INTO "Odd Schema"."Odd ""Table" (id, "E-Mail", "select") VALUES ($1, $2, $3) RETURNING *
--@ $ 5
--@ $ odd@voltmail.example
--@ $ oddly-selected-value

--@ case column that does not exist
INSERT INTO customers (id, nmae) VALUES (50, 'x')

--@ case column twice
INSERT INTO customers (id, name, name) VALUES (50, 'x', 'y')

--@ case table that does not exist
INSERT INTO customer (id, name) VALUES (50, 'x')

--@ case same parameter for two columns
INSERT INTO customers (id, name, phone) VALUES (50, $1, $1) RETURNING name, phone
--@ $ twice used

--@ case same parameter for encrypted and plain
INSERT INTO customers (id, name, plan) VALUES (50, $1, $1) RETURNING name, plan
--@ $ twice used
--@ refused text,binary,prepared: the value would be sent in plaintext too

--@ case overriding
INSERT INTO customers (id, name) OVERRIDING SYSTEM VALUE VALUES (50, 'x') RETURNING id, name

--@ case plain expressions beside encrypted values
INSERT INTO customers (id, name, visits, plan) VALUES (40 + 10, 'x', 2 * 3, upper('gold')) RETURNING id, name, visits, plan

--@ case function of a constant for an encrypted column
INSERT INTO customers (id, name) VALUES (50, upper('x')) RETURNING name
--@ refused all: a function's result would have to be encrypted

--@ case concatenation for an encrypted column
INSERT INTO customers (id, name) VALUES (50, 'a' || 'b') RETURNING name
--@ refused all: an expression's result would have to be encrypted

--@ case current date for an encrypted column
INSERT INTO customers (id, name, birthday) VALUES (50, 'x', CURRENT_DATE)
--@ refused all: an expression's result would have to be encrypted

--@ case into another schema's plain table of that name
INSERT INTO archive.customers VALUES (50, 'plain@archive.example', 'r') RETURNING *

--@ case into an encrypted table of another schema
INSERT INTO archive.ledger VALUES ($1, $2, $3) RETURNING *
--@ $ 50
--@ $ DE89370400440532013000
--@ $ 77001234567890

--@ case shorter types
INSERT INTO shorts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *
--@ $ 50
--@ $ y
--@ $ ab
--@ $ any length at all here
--@ $ 12:34:56.5
--@ $ 2020-12-31 23:59:59.99951
--@ $ 2020-12-31 23:59:59.96+00
--@ $ -0.000000000000000000000001000
--@ $ 99999.4

--@ case many rows from a list of values, as ORMs write them
INSERT INTO customers (id, email, name, birthday, balance) SELECT p0::INTEGER, p1::VARCHAR, p2::TEXT, p3::DATE, p4::NUMERIC(10, 2) FROM (VALUES ($1::INTEGER, $2::VARCHAR, $3::TEXT, $4::DATE, $5::NUMERIC(10, 2), 0), ($6::INTEGER, $7::VARCHAR, $8::TEXT, $9::DATE, $10::NUMERIC(10, 2), 1)) AS imp_sen(p0, p1, p2, p3, p4, sen_counter) ORDER BY sen_counter RETURNING customers.id, customers.id AS id__1
--@ $ 50
--@ $ r50@voltmail.example
--@ $ Row Fifty
--@ $ 1970-01-01
--@ $ 9.505
--@ $ 51
--@ $ \N
--@ $ Row Fiftyone
--@ $ \N
--@ $ -1
--@ then
SELECT id, email, name, birthday, balance FROM customers WHERE id >= 50 ORDER BY id

--@ case a list of values by star
INSERT INTO customers (id, name, phone) SELECT * FROM (VALUES (50, 'Row Fifty', NULL), (51, 'Row Fiftyone', '555')) v
--@ then
SELECT id, name, phone FROM customers WHERE id >= 50 ORDER BY id

--@ case a list of values, qualified and cast in both places
INSERT INTO customers (id, name, birthday) SELECT v.i, CAST(v.n AS varchar(5)), v.d::date FROM (VALUES (50, 'Row Fifty', '1970-01-01'), (51, $1, $2)) AS v(i, n, d)
--@ $ Row Fiftyone
--@ $ 1971-02-03
--@ then
SELECT id, name, birthday FROM customers WHERE id >= 50 ORDER BY id

--@ case a list of texts for a date
INSERT INTO customers (id, name, birthday) SELECT i, n, d FROM (VALUES (50, 'Row Fifty', '1970-01-01')) AS v(i, n, d)

--@ case a list of values with one that the type does not accept
--@ modes simple
INSERT INTO customers (id, name, birthday) SELECT i, n, d::date FROM (VALUES (50, 'Row Fifty', '1970-02-30')) AS v(i, n, d)
--@ case select of values unless the row exists
INSERT INTO customers (id, email, name) SELECT $1, $2, 'Unless' WHERE NOT EXISTS (SELECT 1 FROM customers WHERE email = $3) RETURNING id, email, name
--@ $ 60
--@ $ unless@voltmail.example
--@ $ unless@voltmail.example
--@ then
INSERT INTO customers (id, email, name) SELECT $1, 'unless@voltmail.example', 'Unless' WHERE NOT EXISTS (SELECT 1 FROM customers WHERE email = 'unless@voltmail.example') RETURNING id
--@ $ 61

--@ case values in parentheses
INSERT INTO customers (id, email, name) (VALUES (60, $1, 'Paren'), (61, NULL, 'Paren')) RETURNING id, email
--@ $ paren@voltmail.example
