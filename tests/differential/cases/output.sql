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
