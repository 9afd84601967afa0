-- Conditions that the proxy decides for each distinct value.

--@ case like
SELECT id FROM customers WHERE email LIKE 'ada%'

--@ case like with a whole secret in the pattern
SELECT id FROM customers WHERE name LIKE '%Quillfeather%'

--@ case like by parameter
SELECT id, email FROM customers WHERE email LIKE $1
--@ $ %voltmail.example

--@ case like with a secret parameter
SELECT id FROM customers WHERE name LIKE $1
--@ $ %Quillfeather

--@ case like finds nothing
SELECT id FROM customers WHERE email LIKE $1
--@ $ nope%

--@ case like null
SELECT id FROM customers WHERE email LIKE NULL

--@ case like by a null parameter
SELECT id FROM customers WHERE email LIKE $1
--@ $ \N

--@ case not of like by a null parameter
SELECT id FROM customers WHERE NOT (email LIKE $1)
--@ $ \N

--@ case not like
SELECT id FROM customers WHERE email NOT LIKE '%ada%'

--@ case not of like
SELECT id FROM customers WHERE NOT email LIKE '%ada%'

--@ case not of like with nothing that matches
SELECT id FROM customers WHERE NOT email LIKE 'nothing'

--@ case like in or
SELECT id FROM customers WHERE email LIKE 'ada%' OR id = 4

--@ case two likes on one column
SELECT id FROM customers WHERE email LIKE '%ada%' OR email LIKE 'bob%'

--@ case likes on two columns
SELECT id FROM customers WHERE email LIKE '%voltmail%' AND phone LIKE '%0102'
--@ refused all: the column has no search kind

--@ case likes on two searchable columns
SELECT id FROM customers WHERE email LIKE '%voltmail%' AND name NOT LIKE 'Ada%'

--@ case like with conditions that narrow
SELECT id FROM customers WHERE plan = 'basic' AND email LIKE '%voltmail%' AND visits > 5 AND id IN (1, 2, 3)

--@ case like with a parameter that narrows
SELECT id FROM customers WHERE plan = $2 AND email LIKE $1 AND visits > $3
--@ $ %voltmail%
--@ $ basic
--@ $ 5

--@ case like narrowed by an encrypted column
SELECT id FROM customers WHERE vip = $1 AND email LIKE '%voltmail%'
--@ $ true

--@ case like narrowed by null tests
SELECT c.id FROM customers c WHERE c.phone IS NOT NULL AND c.plan IS NOT NULL AND (c.email LIKE 'ada%' OR c.visits = 0)

--@ case like in a join condition
SELECT c.id, v.model FROM customers c LEFT JOIN vehicles v ON v.owner_email = c.email AND v.vin LIKE '%7001' ORDER BY c.id, v.model

--@ case like over a join
SELECT c.id, v.model FROM customers c JOIN vehicles v ON v.owner_email = c.email WHERE c.email LIKE 'ada%' AND v.model = 'Heron'

--@ case like on both sides of a self join
SELECT a.id, b.id FROM customers a JOIN customers b ON a.plan = b.plan WHERE a.email LIKE 'bob%' AND b.email LIKE '%voltmail%' AND a.id = 2 AND b.id <> 17 ORDER BY a.id, b.id

--@ case like in case when
SELECT id, CASE WHEN email LIKE 'ada%' THEN 'a' WHEN email NOT LIKE 'ada%' THEN 'b' ELSE 'c' END FROM customers ORDER BY id

--@ case like in a filter
SELECT count(*) FILTER (WHERE email LIKE '%voltmail%'), count(*) FROM customers

--@ case like in a subquery
SELECT id FROM customers WHERE id IN (SELECT customer_id FROM vehicles WHERE owner_email LIKE 'ada%')

--@ case like in exists
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM vehicles v WHERE v.customer_id = c.id AND v.vin LIKE '5YJ%')

--@ case like on an outer column in a subquery
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM vehicles v WHERE v.customer_id = c.id AND c.email LIKE 'bob%')

--@ case like in a cte
WITH x AS (SELECT id, email FROM customers WHERE email LIKE '%voltmail%') SELECT id FROM x WHERE id > 1

--@ case like outside of a cte
WITH x AS (SELECT id, email FROM customers) SELECT id FROM x WHERE email LIKE '%voltmail%'

--@ case like outside of a subquery in from
SELECT s.id FROM (SELECT id, email AS mail FROM customers WHERE id < 3) s WHERE s.mail LIKE '%ada%'

--@ case like is true
SELECT id FROM customers WHERE (email LIKE 'ada%') IS NOT TRUE

--@ case like is unknown
SELECT id FROM customers WHERE (email LIKE 'ada%') IS UNKNOWN

--@ case like on char
SELECT customer_id FROM vehicles WHERE vin LIKE '5YJ%'

--@ case same parameter twice
SELECT id FROM customers WHERE email LIKE $1 OR name LIKE $1
--@ $ %da%

--@ case pattern between plain parameters
SELECT id FROM customers WHERE id = $1 AND email LIKE $2 AND visits = $3
--@ $ 1
--@ $ ada%
--@ $ 10

--@ case like with empty and wild patterns
SELECT id FROM customers WHERE email LIKE '' OR email LIKE '%' ORDER BY id

--@ case like with limit
SELECT id FROM customers WHERE email LIKE '%voltmail%' ORDER BY id LIMIT 1

--@ case like for update
SELECT id FROM customers WHERE email LIKE '%voltmail%' ORDER BY id FOR UPDATE

--@ case update by like
UPDATE customers SET visits = visits + 1 WHERE email LIKE '%voltmail%' RETURNING id, visits
--@ then
SELECT id, visits FROM customers ORDER BY id

--@ case update by like of another value
UPDATE customers SET email = 'new.mail@voltmail.example' WHERE email LIKE 'ada%' AND id = 1
--@ then
SELECT id, email FROM customers ORDER BY id
--@ then
SELECT id FROM customers WHERE email LIKE 'new%'

--@ case delete by like
DELETE FROM customers WHERE name LIKE '%Zephyrine' RETURNING id
--@ then
SELECT id FROM customers ORDER BY id

--@ case delete by not like with using
DELETE FROM customers c USING vehicles v WHERE v.customer_id = c.id AND c.email NOT LIKE 'ada%' RETURNING c.id

--@ case insert select by like
INSERT INTO plainly (id, label) SELECT id + 100, plan FROM customers WHERE email LIKE 'ada%'
--@ then
SELECT * FROM plainly ORDER BY id

--@ case own writes are seen
INSERT INTO customers (id, email, name) VALUES (9, 'ivy@voltmail.example', 'Ivy')
--@ then
SELECT id FROM customers WHERE email LIKE 'ivy%'
--@ then
DELETE FROM customers WHERE email LIKE 'ivy%'
--@ then
SELECT id FROM customers WHERE email LIKE 'ivy%'

--@ case in a repeatable read block
--@ fresh
BEGIN ISOLATION LEVEL REPEATABLE READ
--@ then
SELECT id FROM customers WHERE email LIKE $1 ORDER BY id
--@ $ %voltmail%
--@ then
UPDATE customers SET visits = visits WHERE email LIKE 'bob%'
--@ then
ROLLBACK

--@ case in a serializable block
--@ fresh
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
--@ then
SELECT id FROM customers WHERE email LIKE 'bob%'
--@ then
COMMIT

--@ case alone
--@ fresh
SELECT id, email FROM customers WHERE email LIKE '%voltmail%' ORDER BY id
--@ then
SELECT current_setting('transaction_isolation')
--@ then
SELECT id FROM customers WHERE NOT email LIKE $1
--@ $ ada%

--@ case alone, an error in it
--@ fresh
SELECT 1 / (id - id) FROM customers WHERE email LIKE '%voltmail%'
--@ then
SELECT id FROM customers WHERE email LIKE 'bob%'

--@ case alone, an update
--@ fresh
UPDATE customers SET visits = visits WHERE email LIKE '%voltmail%'
--@ then
DELETE FROM customers WHERE email LIKE 'nobody has this'

--@ case in an aborted block
--@ fresh
BEGIN
--@ then
SELECT 1 / 0
--@ then
SELECT id FROM customers WHERE email LIKE 'ada%'
--@ then
ROLLBACK

--@ case sessions whose default is serializable
--@ fresh
SET default_transaction_isolation = 'serializable'
--@ then
SELECT id FROM customers WHERE email LIKE 'ada%'

--@ case behind other statements in one message
--@ fresh
--@ modes simple
BEGIN; SELECT id FROM customers WHERE email LIKE 'ada%'; COMMIT

--@ case two in one message
--@ fresh
--@ modes simple
SELECT id FROM customers WHERE email LIKE 'ada%'; SELECT id FROM customers WHERE name LIKE 'Bob%'

--@ case like on a column without a search kind
SELECT id FROM customers WHERE phone LIKE '+49%'
--@ refused all: no term to search for

--@ case a boolean column as condition
SELECT id FROM customers WHERE vip ORDER BY id

--@ case not a boolean column
SELECT id FROM customers WHERE NOT vip

--@ case ilike
SELECT id FROM customers WHERE email ILIKE 'CLEO.ü%'

--@ case ilike by parameter
SELECT id FROM customers WHERE email ILIKE $1
--@ $ %ADA.QUILL%

--@ case not ilike
SELECT id FROM customers WHERE email NOT ILIKE '%VOLTMAIL%'

--@ case like with escape
SELECT id FROM customers WHERE email LIKE 'ada!.q%' ESCAPE '!'

--@ case like with a parameter in an expression
SELECT id FROM customers WHERE email LIKE '%' || $1 || '%'
--@ $ zephyr

--@ case similar to
SELECT id FROM customers WHERE email SIMILAR TO '(ada|bob)%'

--@ case regular expression
SELECT id FROM customers WHERE email ~ '^[ab]'

--@ case caseless regular expression
SELECT id FROM customers WHERE email ~* $1
--@ $ ^CLEO

--@ case not a regular expression
SELECT id FROM customers WHERE email !~ 'voltmail' OR name !~* 'ADA'

--@ case starts with
SELECT id FROM customers WHERE starts_with(email, 'bob')

--@ case lower
SELECT id FROM customers WHERE lower(email) = lower($1)
--@ $ ADA.Quill@VoltMail.example

--@ case upper of a cast
SELECT id FROM customers WHERE UPPER(email::text) = UPPER($1)
--@ $ ada.quill@voltmail.example

--@ case upper like upper
SELECT id FROM customers WHERE UPPER(email::text) LIKE UPPER($1)
--@ $ %quill%

--@ case length
SELECT id, length(email) FROM customers WHERE length(email) > 25 ORDER BY id

--@ case year
SELECT id FROM customers WHERE date_part('year', birthday) = 1981

--@ case extract of a parameter
SELECT id FROM customers WHERE EXTRACT(YEAR FROM birthday) = $1
--@ $ 1992

--@ case between on dates
SELECT id FROM customers WHERE birthday BETWEEN '1980-01-01' AND '1985-12-31' ORDER BY id

--@ case less than on numbers
SELECT id FROM customers WHERE balance < 0

--@ case less than by parameter
SELECT id FROM customers WHERE balance >= $1 ORDER BY id
--@ $ 0

--@ case arithmetic in a condition
SELECT id FROM customers WHERE balance * 2 > 1000

--@ case text of a number like
SELECT vin FROM vehicles WHERE price::text LIKE '%.99'

--@ case text of a date like
SELECT id FROM customers WHERE birthday::text LIKE '1981-%'

--@ case substring
SELECT id FROM customers WHERE substring(email from 1 for 3) = 'bob'

--@ case split part
SELECT id FROM customers WHERE split_part(email, '@', 2) = 'voltmail.example' ORDER BY id

--@ case coalesce in a condition
SELECT id FROM customers WHERE coalesce(email, '') LIKE '' OR coalesce(email, 'none') = 'none' ORDER BY id

--@ case coalesce that is true for null
SELECT id FROM customers WHERE coalesce(email, 'ada@x') LIKE 'ada%' ORDER BY id

--@ case not of coalesce
SELECT id FROM customers WHERE NOT (coalesce(email, 'ada@x') LIKE 'ada%') ORDER BY id

--@ case nullif in a condition
SELECT id FROM customers WHERE nullif(name, 'Bob Zephyrine') LIKE '%' ORDER BY id

--@ case not of nullif
SELECT id FROM customers WHERE NOT (nullif(name, 'Bob Zephyrine') LIKE 'x%') ORDER BY id

--@ case numbers of all kinds
SELECT id FROM every WHERE c_int4 > 5 AND c_int8 <> 0 AND c_float8 > 0 ORDER BY id

--@ case uuid and time
SELECT id FROM every WHERE c_uuid::text LIKE '8f%' AND c_time > '12:00'

--@ case having
SELECT name, count(*) FROM customers GROUP BY name, id HAVING max(id) > 2 AND name LIKE 'D%'

--@ case order of an expression over a condition
SELECT id FROM customers ORDER BY (email LIKE 'bob%'), id
--@ refused all: a condition in ORDER BY

--@ case update set case
UPDATE customers SET plan = CASE WHEN email LIKE 'ada%' THEN 'x' ELSE 'y' END
--@ then
SELECT id, plan FROM customers ORDER BY id

--@ case two columns in one condition
SELECT id FROM customers WHERE name || email LIKE '%a%'
--@ refused all: two encrypted columns in one condition

--@ case unscaled numeric by its text
SELECT id FROM shorts WHERE s_numeric::text LIKE '123%'
--@ refused all: equal values are written in several ways

--@ case pattern in a column
SELECT c.id FROM customers c JOIN plainly p ON c.email LIKE p.label
--@ refused all: another column in the condition
