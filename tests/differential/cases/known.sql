-- Forms that proxies are known to get wrong.

--@ case schema-qualified
SELECT public.customers.email FROM public.customers WHERE public.customers.email = 'ada.quill@voltmail.example'

--@ case database-qualified columns of the view
SELECT v.mail FROM (SELECT email AS mail, id FROM customer_view) v WHERE v.mail = $1
--@ $ ada.quill@voltmail.example

--@ case is null
SELECT id FROM customers WHERE email IS NULL

--@ case is not null
SELECT id FROM customers WHERE phone IS NOT NULL AND email IS NOT NULL ORDER BY id

--@ case negative literal
SELECT id FROM customers WHERE balance = -17.05

--@ case negative literal in parentheses
SELECT id FROM customers WHERE balance = (-(17.05))

--@ case negative literal cast
SELECT id FROM customers WHERE balance = (-17.05)::numeric

--@ case negative parameter
SELECT id FROM customers WHERE balance = $1
--@ $ -17.05

--@ case positive sign
SELECT id FROM customers WHERE balance = +1234.50

--@ case parameter with a cast
SELECT id FROM customers WHERE email = $1::text
--@ $ ada.quill@voltmail.example

--@ case parameter with two casts
SELECT id FROM customers WHERE email = ($1::text)::varchar
--@ $ ada.quill@voltmail.example

--@ case cast function around a parameter
SELECT id FROM customers WHERE CAST($1 AS varchar(254)) = email
--@ $ ada.quill@voltmail.example

--@ case in list of literals
SELECT id FROM customers WHERE email IN ('ada.quill@voltmail.example', 'bob.zephyr@voltmail.example', NULL) ORDER BY id

--@ case in list of parameters
SELECT id FROM customers WHERE email IN ($1, $2) ORDER BY id
--@ $ bob.zephyr@voltmail.example
--@ $ ada.quill@voltmail.example

--@ case not in list
SELECT id FROM customers WHERE email NOT IN ('ada.quill@voltmail.example') ORDER BY id

--@ case begin, select, commit
BEGIN; SELECT id, email FROM customers WHERE email = 'ada.quill@voltmail.example'; COMMIT
--@ fresh
--@ modes simple

--@ case begin, insert, rollback
BEGIN; INSERT INTO customers (id, email, name) VALUES (100, 'rb@voltmail.example', 'RB'); SELECT email FROM customers WHERE id = 100; ROLLBACK; SELECT email FROM customers WHERE id = 100
--@ fresh
--@ modes simple

--@ case only the second statement
SELECT 'customers'; SELECT email FROM customers WHERE id = 1
--@ modes simple

--@ case only the last of many
SELECT 1; ; SELECT 2;; SELECT name FROM customers WHERE name = 'Dora Nomailova';
--@ modes simple

--@ case parameters in an odd order
SELECT id FROM customers WHERE id = $2 AND email = $1 AND visits = $3
--@ $ ada.quill@voltmail.example
--@ $ 1
--@ $ 10

--@ case parameters beside literals
SELECT id, $3::text FROM customers WHERE name = 'Ada Quillfeather' AND email = $2 AND id = $1
--@ $ 1
--@ $ ada.quill@voltmail.example
--@ $ three

--@ case parameters with a gap
SELECT id FROM customers WHERE email = $2 AND $1::int = 1
--@ $ 1
--@ $ ada.quill@voltmail.example

--@ case one parameter in two roles
UPDATE customers SET phone = $1 WHERE name = $1 AND phone IS NOT DISTINCT FROM phone
--@ $ Dora Nomailova
--@ refused all: no equality search

--@ case one parameter stored in two columns
INSERT INTO customers (id, name, phone) VALUES (101, $1, $1) RETURNING name, phone
--@ $ Zephyrine

--@ case one parameter compared with two columns
SELECT c.id FROM customers c JOIN vehicles v ON v.customer_id = c.id WHERE c.email = $1 AND v.owner_email = $1 ORDER BY c.id
--@ $ ada.quill@voltmail.example

--@ case one parameter stored and compared
UPDATE customers SET name = $1 WHERE name = $1 RETURNING id
--@ $ Dora Nomailova

--@ case one parameter set and tested for null
SELECT id FROM customers WHERE ($1::text IS NULL OR email = $1) ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case columns of one name in two tables
SELECT a.email, c.email FROM archive.customers a JOIN public.customers c ON c.id = a.id ORDER BY c.id

--@ case columns of one name, one of them compared
SELECT a.email FROM archive.customers a, customers c WHERE c.id = a.id AND c.email = 'ada.quill@voltmail.example' AND a.email = 'old@archive.example'

--@ case an ambiguous name
SELECT email FROM archive.customers, public.customers
--@ modes simple,text

--@ case reserved words as names
SELECT "select", "E-Mail" FROM "Odd Schema"."Odd ""Table" WHERE "E-Mail" = 'ada.quill@voltmail.example'

--@ case reserved words as aliases
SELECT "from"."E-Mail" AS "where" FROM "Odd Schema"."Odd ""Table" AS "from" WHERE "from"."E-Mail" = $1
--@ $ ada.quill@voltmail.example

--@ case names in upper case
SELECT EMAIL, Customers.NAME FROM CUSTOMERS WHERE Email = 'ada.quill@voltmail.example'

--@ case quoted names in lower case
SELECT "email" FROM "customers" WHERE "customers"."email" = 'ada.quill@voltmail.example'

--@ case comments everywhere
SELECT--x
email/**/FROM/* customers */customers--y
WHERE/*email = 'z'*/email='ada.quill@voltmail.example'/* ; */

--@ case comment that looks like an end
SELECT id /* '; DROP TABLE customers; -- */ FROM customers WHERE email = 'ada.quill@voltmail.example' /* ' */

--@ case dollar quotes with a tag
SELECT id FROM customers WHERE email = $q$ada.quill@voltmail.example$q$ AND name <> $$it's$$

--@ case dollar quotes next to a parameter
SELECT id FROM customers WHERE email = $1 AND plan = $x$gold$x$
--@ $ ada.quill@voltmail.example
--@ modes text,binary,prepared

--@ case escape string
SELECT id FROM customers WHERE email = E'ada\x2equill@voltmail.example' AND plan = E'\147old'

--@ case escape string with a quote
SELECT id FROM customers WHERE name <> E'it\'s' AND name <> 'it''s' AND id = 1

--@ case escape string in unicode
SELECT id FROM customers WHERE email = E'Cleo.\u00DCnal@voltmail.example'

--@ case unicode string
SELECT id FROM customers WHERE email = U&'Cleo.\00DCnal@voltmail.example'

--@ case unicode identifier
SELECT U&"em\0061il" FROM U&"customers" WHERE id = 1

--@ case backslashes without standard strings
SET LOCAL standard_conforming_strings = off
--@ modes simple,text
--@ then
SET LOCAL escape_string_warning = off
--@ then
SELECT id FROM customers WHERE email = 'ada\.quill@voltmail.example'
--@ then
SELECT id FROM customers WHERE name = 'it\'s' OR id = 1

--@ case national string
SELECT N'x', email FROM customers WHERE id = 1

--@ case a literal with a question mark and a colon
SELECT id FROM customers WHERE email = 'a?b:c@voltmail.example' OR id = 1

--@ case a literal with a dollar
SELECT id FROM customers WHERE email = '$1' OR name = 'a$1b' OR id = 1

--@ case an empty string
SELECT id FROM customers WHERE phone IS NOT NULL AND name <> '' ORDER BY id

--@ case a long literal
INSERT INTO customers (id, name) VALUES (102, repeat('x', 10)) RETURNING id
--@ refused all: a function's result would have to be encrypted

--@ case a long parameter
INSERT INTO customers (id, name) VALUES (102, $1) RETURNING length($2), name
--@ $ x\*5000
--@ $ y

--@ case literal on the left
SELECT id FROM customers WHERE 'ada.quill@voltmail.example' = email

--@ case row comparison
SELECT id FROM customers WHERE (email, id) = ('ada.quill@voltmail.example', 1)

--@ case row in a list
SELECT id FROM customers WHERE (id, email) IN ((1, 'ada.quill@voltmail.example'), (2, 'x'))

--@ case not equal
SELECT id FROM customers WHERE NOT (email = 'ada.quill@voltmail.example') AND email != 'x' ORDER BY id

--@ case exists
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM vehicles v WHERE v.owner_email = c.email) ORDER BY id

--@ case in a subquery
SELECT id FROM customers WHERE email IN (SELECT owner_email FROM vehicles WHERE model = 'Heron')

--@ case self join
SELECT a.id, b.id FROM customers a JOIN customers b ON a.email = b.email ORDER BY 1

--@ case order by an alias of a plain column
SELECT email AS e, visits AS v FROM customers ORDER BY v, id

--@ case an alias that shadows a column
SELECT plan AS email FROM customers ORDER BY email, id

--@ case an alias that is an encrypted column's name
SELECT id AS email, email AS id FROM customers WHERE id = 1

--@ case count of all and of a column
SELECT count(*), count(email), count(1) FROM customers

--@ case update with itself
UPDATE customers SET email = email WHERE id = 1 RETURNING email

--@ case update from another column of the group
UPDATE vehicles SET owner_email = c.email FROM customers c WHERE c.id = vehicles.customer_id AND vehicles.vin = 'SHORT'

--@ case update of nothing
UPDATE customers SET email = 'none@voltmail.example' WHERE email = 'nobody.atall@voltmail.example'

--@ case delete by an encrypted column
DELETE FROM customers WHERE email = $1 RETURNING id, email
--@ $ bob.zephyr@voltmail.example

--@ case insert of several rows
INSERT INTO customers (id, email, name) VALUES (103, 'a@x.example', 'A'), (104, NULL, 'B'), (105, DEFAULT, 'C') RETURNING id, email

--@ case insert with everything
INSERT INTO customers VALUES (106, 'all@x.example', 'All', '1', '2000-02-29', 1, false, 'p', 7) RETURNING *

--@ case insert with some of the columns in front
INSERT INTO customers VALUES (107, 'some@x.example', 'Some') RETURNING *

--@ case insert in a common table expression
WITH i AS (INSERT INTO customers (id, email, name) VALUES (108, 'cte@x.example', 'Cte') RETURNING id, email) SELECT * FROM i

--@ case upsert
INSERT INTO customers (id, email, name) VALUES (1, 'up@x.example', 'Up') ON CONFLICT (id) DO UPDATE SET email = excluded.email RETURNING id, email

--@ case upsert on an encrypted column
INSERT INTO customers (id, email, name) VALUES (109, 'ada.quill@voltmail.example', 'Up') ON CONFLICT (email) DO UPDATE SET name = excluded.name RETURNING id, name

--@ case duplicate
INSERT INTO customers (id, email, name) VALUES (110, 'ada.quill@voltmail.example', 'Dup')

--@ case missing value
INSERT INTO customers (id, email) VALUES (111, 'x@x.example')

--@ case a value that is too long
UPDATE customers SET email = $1 WHERE id = 1
--@ $ x\*300

--@ case a date that is none
UPDATE customers SET birthday = '2021-02-29' WHERE id = 1
--@ modes simple

--@ case a number beyond the column
SELECT id FROM every WHERE c_int2 = 70000

--@ case a number with a fraction
SELECT id FROM every WHERE c_int4 = 1977231654.0

--@ case a boolean
SELECT id FROM customers WHERE vip = true AND vip <> 'f'

--@ case a view over a view
CREATE VIEW upper_view AS SELECT id, email AS mail, full_name FROM customer_view WHERE id < 3
--@ modes simple,text
--@ then
SELECT mail, full_name FROM upper_view WHERE mail = 'ada.quill@voltmail.example'

--@ case a statement with a trailing semicolon
SELECT email FROM customers WHERE id = 1;

--@ case a statement with blanks around it

   SELECT email FROM customers WHERE id = 1

--@ case a name in a string
SELECT 'customers', 'SELECT email FROM customers', email FROM customers WHERE id = 1

--@ case a table that only looks like it
SELECT id, label FROM plainly WHERE email = 'x'
