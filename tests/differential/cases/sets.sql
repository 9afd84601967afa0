-- UNION, INTERSECT and EXCEPT, and joins that merge columns.

--@ case union all
SELECT email FROM customers UNION ALL SELECT owner_email FROM vehicles

--@ case union
SELECT email FROM customers UNION SELECT owner_email FROM vehicles

--@ case union distinct
SELECT email FROM customers UNION DISTINCT SELECT owner_email FROM vehicles

--@ case union with itself
SELECT birthday FROM customers UNION SELECT birthday FROM customers

--@ case union with plain columns
SELECT email, 1 AS n FROM customers UNION SELECT owner_email, 1 FROM vehicles

--@ case union ordered by a plain column
SELECT id, email FROM customers UNION SELECT customer_id, owner_email FROM vehicles WHERE customer_id IS NOT NULL ORDER BY id

--@ case union ordered by an ordinal with a limit
SELECT id, email FROM customers UNION SELECT 10 + customer_id, owner_email FROM vehicles WHERE price = 62000.99 ORDER BY 1 DESC LIMIT 3 OFFSET 1

--@ case union of three
SELECT email FROM customers UNION SELECT owner_email FROM vehicles UNION SELECT email FROM customers WHERE id = 1

--@ case union then union all
SELECT email FROM customers WHERE id < 3 UNION SELECT owner_email FROM vehicles UNION ALL SELECT email FROM customers WHERE id = 1

--@ case union all then union
SELECT email FROM customers UNION ALL SELECT owner_email FROM vehicles UNION SELECT email FROM customers

--@ case parenthesised arms
(SELECT email FROM customers) UNION (SELECT owner_email FROM vehicles)

--@ case parenthesised arms with limits
(SELECT email, id FROM customers ORDER BY id LIMIT 2) UNION (SELECT owner_email, customer_id FROM vehicles WHERE customer_id = 1 LIMIT 1) ORDER BY 2

--@ case nested to the right
SELECT email FROM customers UNION ALL (SELECT owner_email FROM vehicles UNION SELECT email FROM customers WHERE id = 3)

--@ case intersect
SELECT email FROM customers INTERSECT SELECT owner_email FROM vehicles

--@ case intersect all
SELECT owner_email FROM vehicles INTERSECT ALL SELECT owner_email FROM vehicles WHERE model <> 'Heron'

--@ case except
SELECT email FROM customers EXCEPT SELECT owner_email FROM vehicles

--@ case except keeps null
SELECT email FROM customers EXCEPT SELECT email FROM customers WHERE id = 1

--@ case except removes null
SELECT birthday FROM customers EXCEPT SELECT birthday FROM customers WHERE id = 3

--@ case except all
SELECT owner_email FROM vehicles EXCEPT ALL SELECT email FROM customers

--@ case except all with plain columns
SELECT model, price FROM vehicles EXCEPT ALL SELECT model, price FROM vehicles WHERE customer_id = 1

--@ case intersect binds before union
SELECT email FROM customers WHERE id = 3 UNION SELECT email FROM customers INTERSECT SELECT owner_email FROM vehicles

--@ case intersect binds before except
SELECT email FROM customers EXCEPT SELECT owner_email FROM vehicles INTERSECT SELECT email FROM customers WHERE id = 1

--@ case except of except
SELECT email FROM customers EXCEPT SELECT owner_email FROM vehicles EXCEPT SELECT email FROM customers WHERE id = 3

--@ case except of parenthesised union
SELECT email FROM customers EXCEPT (SELECT owner_email FROM vehicles UNION SELECT email FROM customers WHERE id = 3)

--@ case intersect with plain columns ordered
SELECT email, id FROM customers INTERSECT SELECT email, id FROM customers WHERE id > 1 ORDER BY id DESC

--@ case intersect names
SELECT email AS "E mail", id + 0 FROM customers INTERSECT SELECT email, id FROM customers

--@ case except with distinct arms
SELECT DISTINCT birthday FROM customers EXCEPT SELECT DISTINCT birthday FROM customers WHERE id = 1

--@ case except with grouped arms
SELECT birthday, count(*) FROM customers GROUP BY birthday EXCEPT SELECT birthday, count(*) FROM customers WHERE id = 1 GROUP BY birthday

--@ case union with a literal
SELECT email FROM customers UNION SELECT 'someone@else.example'

--@ case union with a literal that is there
SELECT email FROM customers UNION SELECT 'ada.quill@voltmail.example'

--@ case literal first
SELECT 'someone@else.example' AS mail UNION ALL SELECT email FROM customers

--@ case union with a parameter
SELECT email FROM customers UNION SELECT $1
--@ $ ada.quill@voltmail.example

--@ case union with a typed parameter
SELECT email FROM customers UNION SELECT $1
--@ types text
--@ $ bob.zephyr@voltmail.example

--@ case typed parameter first
SELECT $1 AS mail UNION SELECT email FROM customers
--@ types text
--@ $ bob.zephyr@voltmail.example

--@ case text before varchar
SELECT "E-Mail" FROM "Odd Schema"."Odd ""Table" UNION SELECT email FROM customers

--@ case intersect with a literal last
SELECT id, name FROM customers INTERSECT SELECT 1, 'Ada Quillfeather'

--@ case nested except of literals
SELECT name FROM customers EXCEPT (SELECT 'Ada Quillfeather' EXCEPT SELECT name FROM customers WHERE id = 2)

--@ case union all with null
SELECT email, id FROM customers UNION ALL SELECT NULL, 99

--@ case union with null
SELECT email FROM customers UNION SELECT NULL

--@ case except with a literal
SELECT name FROM customers EXCEPT SELECT 'Ada Quillfeather'

--@ case union of numbers with a literal
SELECT c_int4 FROM every UNION SELECT 1977231654

--@ case union of bigints with a small literal
SELECT odometer FROM vehicles UNION SELECT 12

--@ case union of numerics with a literal
SELECT price FROM vehicles UNION SELECT 5
--@ refused all: the scale of the result is not fixed, so equal values print differently

--@ case union all of numerics with a literal
SELECT price FROM vehicles UNION ALL SELECT 5

--@ case union of numerics with one scale
SELECT balance FROM customers UNION SELECT price FROM vehicles
--@ refused all: another key group

--@ case union of text and varchar
SELECT email FROM customers UNION SELECT "E-Mail" FROM "Odd Schema"."Odd ""Table"

--@ case union of chars
SELECT vin FROM vehicles UNION SELECT vin FROM vehicles

--@ case union with an expression
SELECT email FROM customers UNION SELECT label FROM plainly
--@ refused all: a plain column beside an encrypted one

--@ case union of another group
SELECT email FROM customers UNION SELECT name FROM customers
--@ refused all: another key group

--@ case union of floats
SELECT c_float8 FROM every UNION SELECT c_float8 FROM every
--@ refused all: equal values print differently

--@ case union all of floats
SELECT c_float8 FROM every UNION ALL SELECT c_float8 FROM every

--@ case union of a column without search
SELECT phone FROM customers UNION SELECT phone FROM customers
--@ refused all: the column has no equality search

--@ case union in from
SELECT u.mail, count(*) FROM (SELECT email AS mail FROM customers UNION ALL SELECT owner_email FROM vehicles) u GROUP BY u.mail

--@ case union in from with a condition
SELECT u.mail FROM (SELECT email AS mail FROM customers UNION SELECT owner_email FROM vehicles) u WHERE u.mail = 'ada.quill@voltmail.example'

--@ case union in a cte
WITH m AS (SELECT email FROM customers UNION SELECT owner_email FROM vehicles) SELECT count(*), count(m.email) FROM m

--@ case cte before a union
WITH v AS (SELECT owner_email AS mail FROM vehicles) SELECT mail FROM v UNION SELECT email FROM customers

--@ case cte with a column list over a union
WITH m(mail, n) AS (SELECT email, 1 FROM customers INTERSECT SELECT owner_email, 1 FROM vehicles) SELECT mail, n FROM m

--@ case recursive union all
WITH RECURSIVE r AS (SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.email FROM r JOIN customers c ON c.id = r.id + 1) SELECT id, email FROM r

--@ case recursive union
WITH RECURSIVE r AS (SELECT id, email FROM customers WHERE id = 1 UNION SELECT c.id, c.email FROM r JOIN customers c ON c.id = r.id + 1) SELECT id, email FROM r
--@ refused all: rows are compared while the server recurses

--@ case recursive word without recursion
WITH RECURSIVE r AS (SELECT email FROM customers UNION SELECT owner_email FROM vehicles) SELECT email FROM r

--@ case union under in
SELECT id FROM customers WHERE email IN (SELECT owner_email FROM vehicles UNION SELECT email FROM customers WHERE id = 3)

--@ case except under not in
SELECT id FROM customers WHERE email NOT IN (SELECT owner_email FROM vehicles EXCEPT SELECT email FROM customers WHERE id = 1)

--@ case union under any
SELECT id FROM customers WHERE email = ANY (SELECT owner_email FROM vehicles UNION ALL SELECT 'Cleo.Ünal@voltmail.example')

--@ case union under exists
SELECT id FROM customers c WHERE EXISTS (SELECT owner_email FROM vehicles v WHERE v.owner_email = c.email UNION SELECT NULL WHERE c.id = 4)

--@ case union as a value
SELECT id FROM customers WHERE email = (SELECT owner_email FROM vehicles WHERE price = 62000.99 UNION SELECT owner_email FROM vehicles WHERE model = 'Heron')

--@ case constant in a union
SELECT id FROM customers WHERE 'ada.quill@voltmail.example' IN (SELECT owner_email FROM vehicles UNION SELECT email FROM customers c WHERE c.id = 3) AND id < 3

--@ case star under in
SELECT id FROM customers WHERE email IN (SELECT * FROM (SELECT owner_email FROM vehicles) v)

--@ case correlated union
SELECT id, (SELECT count(*) FROM (SELECT v.owner_email FROM vehicles v WHERE v.owner_email = c.email UNION SELECT c.email) u) FROM customers c

--@ case insert from a union
INSERT INTO vehicles (vin, owner_email) SELECT 'A' || id, email FROM customers WHERE id = 1 UNION SELECT 'A1', owner_email FROM vehicles WHERE model = 'Heron'
--@ refused all: an encrypted value computed by the server

--@ case insert from a union of columns
INSERT INTO archive.ledger (id, iban) SELECT id + 10, iban FROM archive.ledger UNION SELECT id + 10, iban FROM archive.ledger
--@ then
SELECT id, iban FROM archive.ledger

--@ case plain union next to encrypted tables
SELECT id FROM customers UNION SELECT customer_id FROM vehicles ORDER BY 1

--@ case plain arms with encrypted conditions
SELECT id FROM customers WHERE email = $1 UNION SELECT id FROM plainly ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case join using
SELECT a.id, b.id, email FROM customers a JOIN customers b USING (email)

--@ case join using star
SELECT * FROM (SELECT id, email FROM customers) a JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email)

--@ case left join using
SELECT email, a.id, b.model FROM customers a LEFT JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email)

--@ case right join using
SELECT email, a.id, b.model FROM customers a RIGHT JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email)

--@ case full join using
SELECT email, a.id, b.model FROM customers a FULL JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email)

--@ case full join using star
SELECT * FROM (SELECT id, email FROM customers) a FULL JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email)

--@ case join using in where
SELECT a.id FROM customers a JOIN customers b USING (email) WHERE email = $1
--@ $ bob.zephyr@voltmail.example

--@ case full join using in where and group by
SELECT email, count(*) FROM customers a FULL JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email) WHERE email IS NOT NULL GROUP BY email

--@ case join using qualified references
SELECT a.email, b.email FROM customers a LEFT JOIN customers b USING (email)

--@ case join using two columns
SELECT id, email, a.name FROM customers a JOIN customers b USING (id, email)

--@ case join using star of one side
SELECT b.* FROM customers a JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email)

--@ case join using three tables
SELECT email, a.id, b.model, c.plan FROM customers a JOIN (SELECT owner_email AS email, model FROM vehicles) b USING (email) JOIN customers c USING (email)

--@ case full join of three tables
SELECT email, a.id, c.id FROM (SELECT id, email FROM customers WHERE id < 3) a FULL JOIN (SELECT owner_email AS email FROM vehicles) b USING (email) FULL JOIN (SELECT id, email FROM customers WHERE id > 1) c USING (email)

--@ case join using a plain column only
SELECT id, a.email FROM customers a JOIN customers b USING (id)

--@ case natural join
SELECT * FROM (SELECT id, email FROM customers) a NATURAL JOIN (SELECT owner_email AS email, model FROM vehicles) b

--@ case natural left join
SELECT email, a.id, model FROM (SELECT id, email FROM customers) a NATURAL LEFT JOIN (SELECT owner_email AS email, model FROM vehicles) b WHERE a.id < 4

--@ case natural join of tables
SELECT id, email, birthday FROM (SELECT id, email FROM customers) a NATURAL INNER JOIN (SELECT email, birthday FROM customers WHERE id < 3) AS b

--@ case join using of another group
SELECT a.id FROM (SELECT id, email AS k FROM customers) a JOIN (SELECT name AS k FROM customers) b USING (k)
--@ refused all: another key group

--@ case join using with an alias
SELECT j.id FROM (customers a JOIN (SELECT owner_email AS email FROM vehicles) b USING (email)) AS j
--@ refused all: the server's columns of the join have one name twice

--@ case sorted union
SELECT r_date FROM ranked WHERE id < 20 UNION SELECT r_date FROM ranked WHERE id > 10 ORDER BY r_date

--@ case sorted union by ordinal with a limit
SELECT r_text, team FROM ranked UNION SELECT r_text, 1 FROM ranked ORDER BY 1 DESC NULLS LAST, 2 LIMIT 9

--@ case sorted union all
SELECT r_int4, 1 AS arm FROM ranked WHERE id < 9 UNION ALL SELECT r_int4, 2 FROM ranked WHERE id > 30 ORDER BY r_int4, arm

--@ case sorted union all of text and varchar
SELECT r_text AS t, id FROM ranked UNION ALL SELECT r_varchar, id FROM ranked ORDER BY t, id

--@ case sorted union of text and varchar
SELECT r_varchar AS t FROM ranked UNION SELECT r_text FROM ranked ORDER BY t

--@ case sorted intersect
SELECT r_text FROM ranked INTERSECT SELECT r_varchar FROM ranked ORDER BY r_text

--@ case sorted except
SELECT r_text, r_bool FROM ranked EXCEPT SELECT r_text, r_bool FROM ranked WHERE id % 3 = 0 ORDER BY r_text, r_bool

--@ case sorted except all
SELECT r_int2 FROM ranked EXCEPT ALL SELECT r_int2 FROM ranked WHERE id % 4 = 0 ORDER BY 1 DESC

--@ case sorted intersect all
SELECT r_int2 FROM ranked WHERE id % 2 = 0 INTERSECT ALL SELECT r_int2 FROM ranked WHERE id % 3 = 0 ORDER BY r_int2

--@ case sorted union with a literal
SELECT r_date FROM ranked UNION SELECT '1969-07-20' ORDER BY r_date

--@ case range over a union
SELECT u.d, count(*) FROM (SELECT r_date AS d FROM ranked UNION ALL SELECT r_date FROM ranked WHERE team = 1) u WHERE u.d > '1990-01-01' GROUP BY u.d ORDER BY u.d

--@ case sorted join using
SELECT r_text, a.id, b.id FROM ranked a JOIN ranked b USING (r_text) WHERE a.id < 12 ORDER BY r_text, a.id, b.id

--@ case sorted full join using
SELECT r_text, a.id, b.n FROM ranked a FULL JOIN (SELECT r_text, count(*) AS n FROM ranked WHERE id > 20 GROUP BY r_text) b USING (r_text) ORDER BY r_text, a.id

--@ case extremes of a full join using
SELECT min(r_text), max(r_text), max(a.id) FROM ranked a FULL JOIN (SELECT r_text FROM ranked WHERE id > 20) b USING (r_text)

--@ case range of a join using
SELECT a.id FROM ranked a RIGHT JOIN ranked b USING (id, r_text) WHERE r_text > 'Zyx' AND id < 30 ORDER BY id
