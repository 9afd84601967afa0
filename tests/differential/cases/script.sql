-- Several statements in one simple query.

--@ case two selects
--@ modes simple
SELECT id, email FROM customers WHERE id = 1; SELECT id, vin FROM vehicles WHERE vin = 'SHORT'

--@ case begin, insert, commit
--@ fresh
--@ modes simple
--@ undo DELETE FROM customers WHERE id = 60
BEGIN; INSERT INTO customers (id, email, name) VALUES (60, 'script@voltmail.example', 'Scripted'); SELECT email FROM customers WHERE name = 'Scripted'; COMMIT
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case begin, insert, rollback
--@ fresh
--@ modes simple
BEGIN; INSERT INTO customers (id, email, name) VALUES (60, 'script@voltmail.example', 'Scripted'); ROLLBACK;
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case implicit transaction is undone by an error
--@ fresh
--@ modes simple
INSERT INTO customers (id, name) VALUES (60, 'Scripted'); SELECT 1/0; SELECT id FROM customers
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case input error in the middle
--@ fresh
--@ modes simple
INSERT INTO customers (id, name) VALUES (60, 'Scripted'); INSERT INTO customers (id, name, birthday) VALUES (61, 'y', '2023-02-30'); SELECT 1
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case plain and encrypted mixed
--@ modes simple
SELECT 1; SELECT name FROM customers WHERE email = 'ada.quill@voltmail.example'; SELECT 2; UPDATE customers SET phone = 'p' WHERE id = 1; SELECT 3

--@ case empty statements between
--@ modes simple
;; SELECT email FROM customers WHERE id = 1 ;; ; SELECT 2;

--@ case comments between
--@ modes simple
SELECT email /* ; */ FROM customers WHERE id = 1; -- ; SELECT nothing
SELECT ';' AS semicolon

--@ case semicolons in literals
--@ modes simple
UPDATE customers SET phone = 'a;b' WHERE name = 'Ada Quillfeather'; SELECT phone FROM customers WHERE id = 1; SELECT $$;$$

--@ case savepoints
--@ modes simple
SAVEPOINT a; UPDATE customers SET phone = 'first' WHERE id = 1; ROLLBACK TO a; SELECT phone FROM customers WHERE id = 1

--@ case set and use in one query
--@ modes simple
SET LOCAL search_path = archive; SELECT * FROM customers ORDER BY id
--@ refused simple: the setting is not known when the query is planned

--@ case set and use of a time zone in one query
--@ modes simple
SET LOCAL TimeZone = 'Asia/Tokyo'; SELECT id, c_timestamptz FROM every ORDER BY id
--@ refused simple: the setting is not known when the query is planned

--@ case temporary table made and used in one query
--@ modes simple
CREATE TEMP TABLE customers (id int, email text) ON COMMIT DROP; INSERT INTO customers VALUES (1, 'temp'); SELECT * FROM customers
--@ refused simple: the table is not known when the query is planned

--@ case syntax error in the second
--@ modes simple
SELECT email FROM customers WHERE id = 1; SELEC 2

--@ case two statements in one Parse
--@ modes text,prepared
SELECT email FROM customers; SELECT 1

--@ case script of inserts
--@ fresh
--@ modes simple
--@ undo DELETE FROM customers WHERE id >= 60
INSERT INTO customers (id, name) VALUES (60, 'a'); INSERT INTO customers (id, name) VALUES (61, 'b'); INSERT INTO plainly VALUES (60, 'c', 1, NULL); DELETE FROM plainly WHERE id = 60;
--@ then
SELECT id, name FROM customers WHERE id >= 60 ORDER BY id

--@ case commit in the middle
--@ fresh
--@ modes simple
--@ undo DELETE FROM customers WHERE id >= 60
BEGIN; INSERT INTO customers (id, name) VALUES (60, 'kept'); COMMIT; BEGIN; INSERT INTO customers (id, name) VALUES (61, 'lost'); ROLLBACK
--@ then
SELECT id, name FROM customers WHERE id >= 60 ORDER BY id

--@ case commit of a failed transaction
--@ fresh
--@ modes simple
BEGIN; SELECT name::int FROM customers WHERE id = -1; SELECT 1/0; COMMIT
--@ then
SELECT 1
