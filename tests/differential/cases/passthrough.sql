-- Statements that touch nothing encrypted go through as they are.

--@ case do
DO $$ BEGIN RAISE NOTICE 'customers are not touched'; END $$
--@ refused all: a DO body that names an encrypted table

--@ case do without a name
DO $$ DECLARE i int; BEGIN FOR i IN 1..3 LOOP RAISE NOTICE 'i %', i; END LOOP; END $$

--@ case vacuum
--@ fresh
VACUUM plainly

--@ case vacuum of an encrypted table
--@ fresh
VACUUM ANALYZE customers

--@ case analyze
ANALYZE plainly

--@ case catalog
SELECT relname, relkind FROM pg_catalog.pg_class WHERE relname IN ('plainly', 'plain_view') ORDER BY relname

--@ case catalog names an encrypted table in a string
SELECT relname, relkind FROM pg_catalog.pg_class WHERE relname = 'customers' AND relnamespace = 'public'::regnamespace

--@ case information schema
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'plainly' ORDER BY ordinal_position

--@ case generate series
SELECT i, i * i FROM generate_series(1, $1) AS i ORDER BY i
--@ types int4
--@ $ 5

--@ case plain table
SELECT * FROM plainly WHERE label = $1
--@ $ one

--@ case plain insert with everything
INSERT INTO plainly (id, label, amount) VALUES (50, upper('x') || 'y', 2 ^ 3) RETURNING *

--@ case plain update
UPDATE plainly SET label = label || '!' WHERE id = 1 RETURNING label

--@ case plain group by
SELECT label, count(*) FROM plainly GROUP BY ROLLUP (label) ORDER BY label

--@ case plain window
SELECT id, lag(id) OVER w FROM plainly WINDOW w AS (ORDER BY id) ORDER BY id

--@ case syntax that parsers miss
SELECT a[1:2], (ROW (1, 'x')).* FROM (SELECT ARRAY[1, 2, 3]) AS t (a)
--@ modes simple,text,prepared

--@ case table command
TABLE plainly

--@ case plain like
SELECT id FROM plainly WHERE label LIKE 'o%' OR label ~ '^t'

--@ case json functions
SELECT json_agg(label ORDER BY id), jsonb_build_object('a', 1) FROM plainly

--@ case row and array
SELECT ROW (1, 'a'), ARRAY[1, 2, NULL], '{1,2}'::int[]

--@ case explain
EXPLAIN (COSTS OFF) SELECT * FROM plainly

--@ case create, fill and drop a plain table
CREATE TABLE scratch (id serial PRIMARY KEY, note text)
--@ modes simple,text,binary
--@ then
INSERT INTO scratch (note) VALUES ($1) RETURNING id, note
--@ $ noted
--@ then
ALTER TABLE scratch ADD COLUMN more int DEFAULT 7
--@ then
SELECT * FROM scratch
--@ then
DROP TABLE scratch

--@ case notice
CREATE TABLE IF NOT EXISTS plainly (id int)

--@ case prepare and execute of a plain statement
--@ fresh
--@ modes simple
PREPARE p (int) AS SELECT label FROM plainly WHERE id = $1
--@ then
EXECUTE p (1)
--@ then
DEALLOCATE p

--@ case cursor over a plain table
DECLARE c CURSOR FOR SELECT id FROM plainly ORDER BY id
--@ modes simple
--@ then
FETCH 2 FROM c
--@ then
FETCH ALL FROM c
--@ then
CLOSE c

--@ case copy a plain table out
COPY plainly TO STDOUT
--@ modes simple,text

--@ case copy a plain query out
COPY (SELECT id, label FROM plainly ORDER BY id) TO STDOUT (FORMAT csv, HEADER)
--@ modes simple,text

--@ case listen and notify
--@ fresh
--@ modes simple
LISTEN a_channel

--@ case lock
LOCK TABLE plainly IN SHARE MODE

--@ case lock of an encrypted table
LOCK TABLE customers IN SHARE MODE

--@ case truncate
TRUNCATE plainly

--@ case truncate of an encrypted table
TRUNCATE vehicles
--@ then
SELECT count(*) FROM vehicles

--@ case comment
COMMENT ON TABLE plainly IS 'a comment'

--@ case grant
GRANT SELECT ON plainly TO PUBLIC

--@ case plain function
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'
--@ modes simple,text,binary
--@ then
SELECT twice(21)

--@ case discard
--@ fresh
--@ modes simple,text
DISCARD ALL

--@ case division by zero
SELECT 1 / 0

--@ case error in a function
SELECT 'x'::int

--@ case psql: list of tables
SELECT n.nspname AS "Schema", c.relname AS "Name", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'p' THEN 'partitioned table' END AS "Type", pg_catalog.pg_get_userbyid(c.relowner) AS "Owner"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' AND n.nspname <> 'pyrite' AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1, 2

--@ case psql: find a table
SELECT c.oid > 0, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(customers)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3

--@ case psql: columns of a plain table
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_catalog.pg_attribute a
WHERE a.attrelid = 'plainly'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum

--@ case size of an encrypted table is no secret
SELECT pg_relation_size('customers') >= 0

--@ case transaction commands
SAVEPOINT s
--@ then
RELEASE SAVEPOINT s
--@ then
ROLLBACK TO SAVEPOINT never

--@ case isolation level
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
--@ modes simple
--@ then
SELECT id, name FROM customers WHERE id = 1

--@ case definitions around an encrypted table
--@ modes simple
ALTER TABLE customers ADD COLUMN extra text DEFAULT 'none', ADD CHECK (customers.id > 0)
--@ then
CREATE POLICY own ON customers USING (plan = current_user)
--@ then
COMMENT ON COLUMN customers.email IS 'where to write'
--@ then
SELECT id, email, extra FROM customers ORDER BY id
