-- Settings that change what a statement means or how values look.

--@ case DateStyle SQL, DMY
--@ setup
SET LOCAL DateStyle = 'SQL, DMY'
--@ then
SELECT id, c_date, c_timestamp, c_timestamptz FROM every ORDER BY id

--@ case DateStyle SQL, MDY
--@ setup
SET LOCAL DateStyle = 'SQL, MDY'
--@ then
SELECT id, c_date, c_timestamp, c_timestamptz FROM every ORDER BY id

--@ case DateStyle German
--@ setup
SET LOCAL DateStyle = 'German'
--@ then
SELECT id, c_date, c_timestamp, c_timestamptz FROM every ORDER BY id

--@ case DateStyle Postgres, DMY
--@ setup
SET LOCAL DateStyle = 'Postgres, DMY'
--@ then
SELECT id, c_date, c_timestamp, c_timestamptz FROM every ORDER BY id

--@ case DateStyle for input, day first
--@ setup
SET LOCAL DateStyle = 'ISO, DMY'
--@ then
INSERT INTO every (id, c_date, c_timestamp) VALUES (50, $1, $2) RETURNING c_date, c_timestamp
--@ $ 03/04/2024
--@ $ 03/04/2024 10:00

--@ case DateStyle for input, year first
--@ setup
SET LOCAL DateStyle = 'ISO, YMD'
--@ then
INSERT INTO every (id, c_date) VALUES (50, '24-03-04') RETURNING c_date

--@ case DateStyle in a comparison
--@ setup
SET LOCAL DateStyle = 'ISO, DMY'
--@ then
SELECT id FROM customers WHERE birthday = '12/04/1981' ORDER BY id

--@ case TimeZone for output
--@ setup
SET LOCAL TimeZone = 'America/St_Johns'
--@ then
SELECT id, c_timestamptz, c_timestamp FROM every ORDER BY id

--@ case TimeZone for input
--@ setup
SET LOCAL TimeZone = 'Asia/Kathmandu'
--@ then
INSERT INTO every (id, c_timestamptz) VALUES (50, '2024-06-01 12:00') RETURNING c_timestamptz

--@ case TimeZone as an offset
--@ setup
SET LOCAL TIME ZONE -7
--@ then
SELECT sold FROM vehicles ORDER BY model, vin IS NULL, customer_id
--@ then
SELECT id FROM every WHERE c_timestamptz = '2024-02-29 04:14:15.678901'

--@ case TimeZone as an interval
--@ setup
SET LOCAL TIME ZONE INTERVAL '+05:45' HOUR TO MINUTE
--@ then
SELECT id, c_timestamptz FROM every ORDER BY id

--@ case TimeZone in POSIX form
--@ setup
SET LOCAL TimeZone = 'XYZ-3:30'
--@ then
SELECT id, c_timestamptz FROM every ORDER BY id

--@ case TimeZone is rolled back
--@ setup
SAVEPOINT s
--@ setup
SET LOCAL TimeZone = 'Asia/Tokyo'
--@ setup
ROLLBACK TO SAVEPOINT s
--@ then
SELECT id, c_timestamptz FROM every ORDER BY id

--@ case bytea_output escape
--@ setup
SET LOCAL bytea_output = 'escape'
--@ then
SELECT id, c_bytea, c_bytea::text FROM every ORDER BY id

--@ case extra_float_digits 0
--@ setup
SET LOCAL extra_float_digits = 0
--@ then
SELECT id, c_float4, c_float8 FROM every ORDER BY id

--@ case extra_float_digits -5
--@ setup
SET LOCAL extra_float_digits = -5
--@ then
SELECT id, c_float4, c_float8 FROM every ORDER BY id

--@ case extra_float_digits 3
--@ setup
SET LOCAL extra_float_digits = 3
--@ then
SELECT id, c_float4, c_float8 FROM every ORDER BY id

--@ case set by a function
--@ setup
SELECT set_config('TimeZone', 'Asia/Tokyo', true)
--@ then
SELECT id, c_timestamptz FROM every ORDER BY id

--@ case IntervalStyle does not matter
--@ setup
SET LOCAL IntervalStyle = 'sql_standard'
--@ then
SELECT id, c_time FROM every ORDER BY id

--@ case standard_conforming_strings off
--@ setup
SET LOCAL standard_conforming_strings = off
--@ setup
SET LOCAL escape_string_warning = off
--@ then
SELECT id FROM customers WHERE name = 'Ada\x20Quillfeather'

--@ case search_path to another schema
--@ setup
SET LOCAL search_path = archive, public
--@ then
SELECT * FROM customers ORDER BY id

--@ case search_path to another encrypted table
--@ setup
SET LOCAL search_path = archive
--@ then
SELECT * FROM ledger WHERE iban = 'DE89370400440532013000'

--@ case search_path without the table
--@ setup
SET LOCAL search_path = archive
--@ then
SELECT * FROM vehicles

--@ case search_path back by rollback
--@ setup
SAVEPOINT s
--@ setup
SET LOCAL search_path = archive
--@ setup
ROLLBACK TO s
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case search_path set by a function
--@ setup
SELECT set_config('search_path', 'archive', true)
--@ then
SELECT * FROM customers ORDER BY id

--@ case search_path with quoted names
--@ setup
SET LOCAL search_path = "Odd Schema", "$user", public
--@ then
SELECT * FROM "Odd ""Table", customers ORDER BY customers.id

--@ case search_path empty
--@ setup
SET LOCAL search_path = ''
--@ then
SELECT id FROM customers

--@ case search_path empty, qualified
--@ setup
SET LOCAL search_path = ''
--@ then
SELECT id, name FROM public.customers WHERE name = 'Ada Quillfeather'

--@ case search_path set for the session
--@ fresh
--@ setup
SET search_path = archive, public
--@ then
SELECT id, email, reason FROM customers ORDER BY id
--@ then
RESET search_path
--@ then
SELECT id, email, name FROM customers ORDER BY id

--@ case search_path rolled back with its transaction
--@ fresh
--@ setup
BEGIN
--@ setup
SET search_path = archive
--@ setup
ROLLBACK
--@ then
SELECT id, email, name FROM customers ORDER BY id

--@ case temporary table shadows
--@ setup
CREATE TEMPORARY TABLE customers (id int, email text, shadow boolean) ON COMMIT DROP
--@ setup
INSERT INTO customers VALUES (1, 'temporary', true)
--@ then
SELECT * FROM customers
--@ then
SELECT id, name FROM public.customers ORDER BY id

--@ case temporary table shadows until it is dropped
--@ setup
CREATE TEMPORARY TABLE customers (id int, email text)
--@ then
SELECT email FROM customers
--@ setup
DROP TABLE pg_temp.customers
--@ then
SELECT email FROM customers ORDER BY id

--@ case temporary table shadows until rollback
--@ setup
SAVEPOINT s
--@ setup
CREATE TEMPORARY TABLE customers (id int, email text)
--@ setup
ROLLBACK TO s
--@ then
SELECT email FROM customers ORDER BY id

--@ case pg_temp last in the path
--@ setup
CREATE TEMPORARY TABLE customers (id int, email text) ON COMMIT DROP
--@ setup
SET LOCAL search_path = public, pg_temp
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case show
SHOW search_path

--@ case current setting
SELECT current_setting('DateStyle'), current_setting('TimeZone')

--@ case role
--@ setup
SET LOCAL ROLE pg_read_all_data
--@ then
SELECT current_user

--@ case client_encoding LATIN1, values within
--@ fresh
--@ setup
SET client_encoding = 'LATIN1'
--@ then
SELECT id, vip, c_int4 FROM every, (SELECT true AS vip) v ORDER BY id
--@ refused all: text would have to be converted
