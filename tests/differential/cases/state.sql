-- PREPARE and EXECUTE

--@ case prepare and execute
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p AS SELECT id, email, name FROM customers WHERE email = 'ada.quill@voltmail.example'
--@ then
EXECUTE p
--@ then
EXECUTE p
--@ then
DEALLOCATE p
--@ then
EXECUTE p

--@ case prepare with a parameter
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p AS SELECT id, name FROM customers WHERE email = $1
--@ then
EXECUTE p ('bob.zephyr@voltmail.example')
--@ then
EXECUTE p (NULL)
--@ then
EXECUTE p ('nobody.atall@voltmail.example'::varchar)
--@ then
DEALLOCATE PREPARE p

--@ case prepare with declared types
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p (text, integer, varchar(10)) AS SELECT id, email, phone FROM customers WHERE email = $1 OR id = $2 OR plan = $3
--@ then
EXECUTE p ('bob.zephyr@voltmail.example', 1 + 2, 'gold')
--@ then
EXECUTE p ('x', -7, NULL)
--@ then
DEALLOCATE ALL

--@ case prepare an insert
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p (int, text, text, date, numeric) AS INSERT INTO customers (id, email, name, birthday, balance) VALUES ($1, $2, $3, $4, $5) RETURNING *
--@ then
EXECUTE p (70, 'new@voltmail.example', E'N\'ew', '1999-12-31', 12.5)
--@ then
EXECUTE p (71, NULL, 'Second', NULL, 7)
--@ then
SELECT id FROM customers WHERE birthday = '1999-12-31'
--@ then
DEALLOCATE p

--@ case prepare an insert of a literal
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p AS INSERT INTO customers (id, email, name) VALUES ($1, 'ada.quill@voltmail.example.org', $2)
--@ then
EXECUTE p (70, 'Seventy')
--@ then
SELECT * FROM customers WHERE id = 70

--@ case prepare with one parameter in two roles
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p AS INSERT INTO customers (id, name, phone) VALUES (80, $1, $1) RETURNING name, phone
--@ then
EXECUTE p ('Zephyrine')

--@ case prepare with an array
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p (text[]) AS SELECT id FROM customers WHERE email = ANY ($1)
--@ then
EXECUTE p ('{ada.quill@voltmail.example,bob.zephyr@voltmail.example}')

--@ case execute with a wrong value
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELECT id FROM customers WHERE birthday = $1
--@ then
EXECUTE p ('1981-04-32')

--@ case execute with too few arguments
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELECT id FROM customers WHERE birthday = $1
--@ then
EXECUTE p

--@ case execute with too many arguments
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELECT id FROM customers WHERE birthday = $1
--@ then
EXECUTE p ('2000-01-01', 5)

--@ case execute with an expression
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELECT id FROM customers WHERE name = $1
--@ then
EXECUTE p ('Dora' || ' Nomailova')
--@ refused simple: an expression as value of an encrypted column

--@ case execute what is not there
DEALLOCATE ALL
--@ modes simple
--@ then
EXECUTE p (1)

--@ case prepare twice
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELECT email FROM customers WHERE id = 1
--@ then
PREPARE p AS SELECT name FROM customers WHERE id = 1

--@ case prepare, deallocate, prepare something plain
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p AS SELECT email FROM customers WHERE id = $1
--@ then
DEALLOCATE p
--@ then
PREPARE p AS SELECT label FROM plainly WHERE id = $1
--@ then
EXECUTE p (1)
--@ then
DEALLOCATE p
--@ then
PREPARE p AS SELECT phone FROM customers WHERE id = $1
--@ then
EXECUTE p (1)

--@ case prepare and execute in one text
DEALLOCATE ALL
--@ modes simple
--@ then
DEALLOCATE ALL; PREPARE q AS SELECT email FROM customers WHERE id = $1; EXECUTE q (2); DEALLOCATE q

--@ case prepare plain and execute in one text
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE q AS SELECT label FROM plainly WHERE id = $1; EXECUTE q (2); DEALLOCATE q; SELECT 1

--@ case prepare with a syntax error inside
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELEC email FROM customers
--@ refused simple: a syntax error may be syntax that is not known

--@ case prepare over a column that is not there
DEALLOCATE ALL
--@ modes simple
--@ then
PREPARE p AS SELECT nope FROM customers

--@ case prepare an update
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p (varchar, int) AS UPDATE customers SET email = $1 WHERE id = $2
--@ then
EXECUTE p ('changed@voltmail.example', 1)
--@ then
SELECT id, email FROM customers WHERE email = 'changed@voltmail.example'

--@ case prepare a delete
DEALLOCATE ALL
--@ modes simple,text,binary
--@ then
PREPARE p AS DELETE FROM vehicles WHERE vin = $1
--@ then
EXECUTE p ('SHORT')
--@ then
SELECT count(*) FROM vehicles

--@ case prepare by sql in the extended protocol
DEALLOCATE ALL
--@ modes text
--@ then
PREPARE p AS SELECT id, email FROM customers WHERE id = $1
--@ then
EXECUTE p (1)
--@ then
DEALLOCATE p

--@ case execute with values in the extended protocol
DEALLOCATE ALL
--@ modes text
--@ then
PREPARE p AS SELECT id, email FROM customers WHERE email = $1 AND name <> 'nobody'
--@ then
EXECUTE p ('ada.quill@voltmail.example')
--@ then
EXECUTE p ('bob.zephyr@voltmail.example')
--@ then
EXECUTE p (NULL)

-- cursors

--@ case declare and fetch
DECLARE c CURSOR FOR SELECT id, email, name, birthday FROM customers ORDER BY id
--@ modes simple,text,binary
--@ then
FETCH c
--@ then
FETCH 2 FROM c
--@ then
FETCH ALL IN c
--@ then
FETCH FORWARD ALL FROM c
--@ then
CLOSE c

--@ case a scrollable cursor
DECLARE c SCROLL CURSOR FOR SELECT id, email FROM customers ORDER BY id
--@ modes simple,text,binary
--@ then
FETCH LAST FROM c
--@ then
FETCH PRIOR FROM c
--@ then
FETCH ABSOLUTE 1 FROM c
--@ then
FETCH BACKWARD 1 FROM c
--@ then
FETCH RELATIVE 2 FROM c
--@ then
MOVE FORWARD 1 IN c
--@ then
FETCH NEXT FROM c

--@ case a cursor with a condition
DECLARE c CURSOR FOR SELECT email FROM customers WHERE email = $1
--@ $ ada.quill@voltmail.example
--@ modes simple,text,binary
--@ then
FETCH ALL FROM c

--@ case a binary cursor
DECLARE c BINARY CURSOR FOR SELECT id, birthday, balance, email FROM customers ORDER BY id
--@ modes simple
--@ then
FETCH ALL FROM c

--@ case a binary cursor without scroll
DECLARE c BINARY NO SCROLL CURSOR WITHOUT HOLD FOR SELECT c_int8, c_text, id FROM every ORDER BY id
--@ modes simple
--@ then
FETCH 3 c

--@ case a cursor with casts
DECLARE c CURSOR FOR SELECT id, birthday::text AS day FROM customers ORDER BY id
--@ modes simple,text,binary
--@ then
FETCH ALL c

--@ case a quoted cursor
DECLARE "My Cursor" INSENSITIVE CURSOR FOR SELECT name FROM customers ORDER BY id
--@ modes simple,text,binary
--@ then
FETCH 1 "My Cursor"
--@ then
CLOSE ALL

--@ case a cursor in one text
DECLARE c CURSOR FOR SELECT name, email FROM customers ORDER BY id; FETCH 2 FROM c; CLOSE c
--@ modes simple

--@ case a plain cursor
DECLARE c CURSOR FOR SELECT label FROM plainly ORDER BY id
--@ modes simple,text,binary
--@ then
FETCH ALL FROM c

--@ case a cursor that is not there
FETCH 1 FROM nowhere
--@ modes simple,text

--@ case a cursor that is closed
DECLARE c CURSOR FOR SELECT name FROM customers
--@ modes simple
--@ then
CLOSE c
--@ then
FETCH 1 FROM c

--@ case a cursor that is rolled back
SAVEPOINT s
--@ modes simple
--@ then
DECLARE c CURSOR FOR SELECT name FROM customers ORDER BY id
--@ then
FETCH 1 FROM c
--@ then
ROLLBACK TO s
--@ then
FETCH 1 FROM c

--@ case a cursor that is made anew
DECLARE c CURSOR FOR SELECT name FROM customers ORDER BY id
--@ modes simple
--@ then
CLOSE c
--@ then
DECLARE c CURSOR FOR SELECT label, amount FROM plainly ORDER BY id
--@ then
FETCH ALL FROM c

--@ case a cursor that is held
BEGIN
--@ fresh
--@ modes simple
--@ then
DECLARE c CURSOR WITH HOLD FOR SELECT name, email FROM customers ORDER BY id
--@ then
COMMIT
--@ then
FETCH 2 FROM c
--@ then
DISCARD ALL
--@ then
FETCH 1 FROM c

--@ case a cursor outside a transaction
DECLARE c CURSOR FOR SELECT name FROM customers
--@ fresh
--@ modes simple

--@ case update where current of
DECLARE c CURSOR FOR SELECT id, name FROM customers WHERE id = 2 FOR UPDATE
--@ modes simple,text
--@ then
FETCH 1 FROM c
--@ then
UPDATE customers SET name = 'Current Zephyrine' WHERE CURRENT OF c
--@ then
SELECT name FROM customers WHERE id = 2
--@ then
SELECT id FROM customers WHERE name = 'Current Zephyrine'

--@ case update where current of with returning
DECLARE c CURSOR FOR SELECT id FROM customers WHERE id = 2 FOR UPDATE
--@ modes simple,text
--@ then
FETCH 1 FROM c
--@ then
UPDATE customers AS t SET name = 'Returned', visits = visits + 1 WHERE CURRENT OF c RETURNING t.name, visits

--@ case delete where current of
DECLARE c CURSOR FOR SELECT vin FROM vehicles WHERE vin = 'SHORT'
--@ modes simple
--@ then
FETCH 1 FROM c
--@ then
DELETE FROM vehicles WHERE CURRENT OF c RETURNING vin
--@ then
SELECT count(*) FROM vehicles

-- EXPLAIN

--@ case explain
EXPLAIN (COSTS off) SELECT id FROM customers

--@ case explain verbose
EXPLAIN (COSTS off, VERBOSE) SELECT id, plan FROM customers

--@ case explain analyze
EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, FORMAT json) SELECT email FROM customers

--@ case explain in yaml
EXPLAIN (COSTS off, FORMAT yaml) SELECT email FROM customers

--@ case explain of an update
EXPLAIN (COSTS off) UPDATE customers SET email = 'x'

--@ case explain of a parenthesised query
EXPLAIN (COSTS off) (SELECT email FROM customers)

--@ case explain with old options
EXPLAIN VERBOSE SELECT nope FROM customers

-- transactions, settings, temporary tables

--@ case begin, select and commit in one text
BEGIN; SELECT email FROM customers WHERE id = 1; COMMIT
--@ fresh
--@ modes simple

--@ case only the second statement touches
SELECT 1; SELECT email FROM customers WHERE email = 'ada.quill@voltmail.example'
--@ modes simple

--@ case savepoints
SAVEPOINT one
--@ modes simple,text
--@ then
UPDATE customers SET email = 'one@voltmail.example' WHERE id = 1
--@ then
SAVEPOINT two
--@ then
UPDATE customers SET email = 'two@voltmail.example' WHERE id = 1
--@ then
ROLLBACK TO SAVEPOINT two
--@ then
SELECT email FROM customers WHERE id = 1
--@ then
RELEASE SAVEPOINT one
--@ then
SELECT id FROM customers WHERE email = 'one@voltmail.example'

--@ case a temporary table in front of an encrypted one
CREATE TEMPORARY TABLE customers (id integer, email text)
--@ modes simple,text
--@ then
INSERT INTO customers VALUES (1, 'plain and temporary')
--@ then
SELECT * FROM customers
--@ then
SELECT email FROM public.customers WHERE id = 1
--@ then
DROP TABLE customers
--@ then
SELECT email FROM customers WHERE id = 1

--@ case another schema in front
SET LOCAL search_path = archive, public
--@ modes simple,text
--@ then
SELECT * FROM customers
--@ then
SELECT iban FROM ledger WHERE cents = -1
--@ then
RESET search_path
--@ then
SELECT email FROM customers WHERE id = 1

--@ case another schema by set_config
SELECT set_config('search_path', 'archive', true)
--@ modes simple,text
--@ then
SELECT email FROM customers WHERE id = 1

--@ case discard all
SET search_path = archive
--@ fresh
--@ modes simple
--@ then
SELECT email FROM customers WHERE id = 1
--@ then
DISCARD ALL
--@ then
SELECT email FROM customers WHERE id = 1

--@ case table as in a permanent table
CREATE TABLE copied AS SELECT id, email FROM customers
--@ refused all: a permanent copy of an encrypted column

--@ case table as of plain columns
CREATE TABLE copied AS SELECT id, plan FROM customers
--@ modes simple,text
--@ then
SELECT * FROM copied ORDER BY id

--@ case temporary table as
CREATE TEMP TABLE copied AS SELECT id, email, plan FROM customers
--@ refused all: a copy of an encrypted column

--@ case temporary table as of plain columns
CREATE TEMPORARY TABLE copied (number, what) ON COMMIT DROP AS SELECT id, plan FROM customers WHERE email = 'ada.quill@voltmail.example'
--@ modes simple,text
--@ then
SELECT what FROM copied WHERE number = 1

--@ case select into a temporary table
SELECT id, plan INTO TEMP copied FROM customers WHERE email = 'ada.quill@voltmail.example'
--@ modes simple,text
--@ then
SELECT plan FROM copied ORDER BY id

--@ case select an encrypted column into a temporary table
SELECT id, name INTO TEMPORARY TABLE copied FROM customers
--@ refused all: a copy of an encrypted column

--@ case select into a permanent table
SELECT id, name INTO copied FROM customers
--@ refused all: a permanent copy of an encrypted column

--@ case materialized view
CREATE MATERIALIZED VIEW stored AS SELECT id, email FROM customers
--@ refused all: a stored copy that no rotation reaches

--@ case view in a transaction
CREATE VIEW fresh_view AS SELECT id, email AS mail FROM customers
--@ modes simple,text
--@ then
SELECT mail FROM fresh_view WHERE mail = 'ada.quill@voltmail.example'
--@ then
DROP VIEW fresh_view
