-- What is not planned yet is refused with 0A000, and the transaction is aborted. A case leaves this file when it works.

--@ case order by
SELECT id FROM customers ORDER BY email, id
--@ refused all: needs an order term

--@ case order by position
SELECT email, id FROM customers ORDER BY 1, 2
--@ refused all: needs an order term

--@ case less than
SELECT id FROM customers WHERE birthday < '1990-01-01'

--@ case at least a parameter
SELECT id FROM customers WHERE balance >= $1
--@ $ 5

--@ case between
SELECT id FROM customers WHERE birthday BETWEEN '1980-01-01' AND '1990-01-01'

--@ case like
SELECT id FROM customers WHERE email LIKE 'ada%'

--@ case ilike parameter
SELECT id FROM customers WHERE email ILIKE $1
--@ $ ADA%

--@ case regular expression
SELECT id FROM customers WHERE name ~ '^Ada'

--@ case lower
SELECT id FROM customers WHERE lower(email) = lower($1)
--@ $ Ada.Quill@voltmail.example

--@ case min and max
SELECT min(birthday), max(birthday) FROM customers
--@ refused all: needs an order term

--@ case sum
SELECT sum(balance) FROM customers
--@ refused all: aggregates of encrypted values

--@ case length
SELECT id FROM customers WHERE length(name) = 5

--@ case array_agg
SELECT array_agg(name ORDER BY id) FROM customers

--@ case string_agg
SELECT string_agg(name, ',') FROM customers
--@ refused all: aggregates of encrypted values

--@ case json_agg
SELECT json_agg(c ORDER BY c.id) FROM customers c

--@ case whole row
SELECT c FROM customers c

--@ case row_to_json
SELECT row_to_json(c) FROM customers c

--@ case row constructor
SELECT ROW (id, name) FROM customers

--@ case create table as
CREATE TABLE copied AS SELECT name FROM customers
--@ refused all: stored copies

--@ case select into
SELECT name INTO copied FROM customers
--@ refused all: stored copies

--@ case json field
SELECT c_jsonb -> 'a' FROM every
--@ refused all: expressions of encrypted values

--@ case json containment
SELECT id FROM every WHERE c_jsonb @> '{"b": 1}'
--@ refused all: expressions of encrypted values


--@ case column in a table function
SELECT unnest(ARRAY[name]) FROM customers
--@ refused all: expressions of encrypted values

--@ case boolean column as a condition
SELECT id FROM customers WHERE vip

--@ case is true
SELECT id FROM customers WHERE vip IS TRUE

--@ case overlapping plain function in a comparison
SELECT id FROM customers WHERE email = lower('X')
