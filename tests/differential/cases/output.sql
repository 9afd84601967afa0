-- Expressions over encrypted columns in the outermost select list, which the proxy computes.

--@ case concatenation
SELECT id, name || '!' FROM customers ORDER BY id

--@ case concatenation of columns
SELECT email || ' ' || name || ' ' || phone FROM customers

--@ case concatenation with a plain column and a number
SELECT name || ' #' || id || plan FROM customers WHERE id <= 2

--@ case upper and lower
SELECT upper(name), lower(email) AS mail, initcap(email) FROM customers

--@ case parameters in a formula
SELECT name || $1 || id FROM customers WHERE id = $2
--@ $ -suffix-
--@ $ 1

--@ case parameter with a cast
SELECT left(name, $1::int4) FROM customers WHERE id = 2
--@ $ 3

--@ case substring
SELECT substring(name FROM 1 FOR 2), substring(name, 3), substr(name, 2, 3), left(name, 3), right(name, -2) FROM customers

--@ case trims
SELECT trim(name), ltrim(name, 'A'), trim(both 'A' from name), rtrim(name), btrim(name, 'Ae') FROM customers

--@ case lengths
SELECT length(name), char_length(email), octet_length(phone), length(c.name) + 1 FROM customers c

--@ case arithmetic
SELECT balance * 2, balance + 1, balance / 3, -balance, balance % 7, round(balance), round(balance, 1), abs(balance) FROM customers

--@ case arithmetic on integers
SELECT c_int4 + 1, c_int2 - c_int4, c_int8 / 2, c_int2 * 2 FROM every WHERE id = 1

--@ case integer out of range
SELECT c_int4 + 1 FROM every

--@ case division by zero
SELECT c_int4 / (c_int4 - c_int4) FROM every WHERE id = 1

--@ case arithmetic on floats
SELECT c_float4 * 2, c_float8 / 3, c_float4 + c_float8, round(c_float8) FROM every WHERE id = 1

--@ case choice
SELECT CASE WHEN balance > 0 THEN 'rich' WHEN balance IS NULL THEN 'unknown' ELSE 'poor' END FROM customers

--@ case choice with other values
SELECT coalesce(phone, 'none'), coalesce(email, name, 'x') FROM customers

--@ case null-if
SELECT nullif(name, 'Dora Nomailova'), nullif(phone, '') FROM customers

--@ case casts in the middle
SELECT balance::text || ' EUR', birthday::text || '.', c.vip::text || '!' FROM customers c

--@ case cast of an expression
SELECT (name || email)::varchar(10), CAST(upper(name) AS char(5)) FROM customers

--@ case comparison outputs
SELECT name LIKE 'A%', name ILIKE 'a%', name NOT LIKE '%e%', balance > 10, birthday < '1990-01-01', email IN ('x', upper(name)) FROM customers

--@ case returning
UPDATE customers SET visits = visits + 1 WHERE id = 1 RETURNING upper(name), id, visits

--@ case inserting and returning
INSERT INTO customers (id, name, email) VALUES (90, 'New Person', 'n@p.example') RETURNING name || '/' || email AS both_of_them, length(name)

--@ case no rows
SELECT upper(name) || $1 FROM customers WHERE id < 0
--@ $ x

--@ case error in a constant without rows
SELECT length(name) + 'x' FROM customers WHERE id < 0

--@ case not under distinct
SELECT DISTINCT upper(name) FROM customers
--@ refused all: the server would have to tell equal results apart

--@ case ordered by a formula
SELECT upper(name) AS loud FROM customers ORDER BY loud
--@ refused all: the server would have to order by it

--@ case in a subquery
SELECT * FROM (SELECT upper(name) AS loud FROM customers) s
--@ refused all: a computed value cannot travel on

--@ case in exists
SELECT id FROM plainly p WHERE EXISTS (SELECT upper(name) FROM customers c WHERE c.id = p.id)

--@ case joined
SELECT v.model || ': ' || c.name, c.name || v.price FROM customers c JOIN vehicles v ON v.customer_id = c.id

--@ case regular expressions as outputs
SELECT name ~ '^[A-C]', name ~* 'ADA|cleo', name !~ 'x+y?', email ~ '@voltmail\.example$', phone ~ '^\+?[0-9 ]+$', name SIMILAR TO '%(a|e)_%' FROM customers WHERE id <> 3

--@ case parts of dates
SELECT extract(year FROM birthday), date_part('month', birthday), extract(dow from birthday), extract(epoch from birthday), extract(week from birthday) FROM customers

--@ case parts of timestamps
SELECT extract(second FROM c_timestamp), date_part('epoch', c_timestamptz), extract(hour from c_timestamptz), date_trunc('month', c_timestamptz), date_trunc('hour', c_timestamp), extract(minute from c_time), extract(julian from c_timestamp) FROM every WHERE id = 1

--@ case parts of infinite dates
SELECT extract(year FROM c_date), extract(day FROM c_date), date_part('epoch', c_timestamp), date_trunc('day', c_timestamptz) FROM every WHERE id IN (2, 4)

--@ case dates as text
SELECT to_char(birthday, 'DD.MM.YYYY'), to_char(birthday, 'FMDay, DDth FMMonth YYYY'), to_char(c.birthday, 'IYYY-IW "week" Q') FROM customers c

--@ case timestamps as text
SELECT to_char(c_timestamp, 'YYYY-MM-DD"T"HH24:MI:SS.US'), to_char(c_timestamptz, 'HH12:MI AM OF') FROM every

--@ case arithmetic on dates
SELECT birthday + 30, birthday - 1, birthday - c.birthday, birthday - DATE '1980-01-01' FROM customers c

--@ case name or nothing
SELECT greatest(balance, 100), least(birthday, date '1985-01-01') FROM customers

--@ case is distinct and in
SELECT vip IS TRUE, vip IS NOT TRUE, NOT vip, balance IN (1234.50, 7), balance NOT IN (0, 1), balance BETWEEN 0 AND 2000 FROM customers

--@ case padding
SELECT lpad(name, 20, '*'), rpad(phone, 3), repeat(left(name, 1), 3), reverse(email), split_part(email, '@', 2), replace(name, 'a', 'A'), position('l' in name), strpos(name, 'Q'), md5(name) FROM customers

--@ case concat
SELECT concat(name, ' ', email, birthday, vip), concat_ws('|', id, phone, balance) FROM customers

--@ case unknown function
SELECT soundex(name) FROM customers
--@ refused all: a function that Pyrite does not know

--@ case trigraph
SELECT c_char || '|', c_varchar || c_char, length(c_char), octet_length(c_char), c_char = 'charrr', c_char LIKE 'charrr', c_uuid || '', c_jsonb::text || '', c_bytea || '\x00' FROM every

--@ case bound length
SELECT name || repeat('x', $1) FROM customers WHERE id = 1
--@ $ 3
--@ types int4
