-- Reading encrypted columns.

--@ case star
SELECT * FROM customers ORDER BY id

--@ case star of every type
SELECT * FROM every ORDER BY id

--@ case star of modified types
SELECT * FROM shorts ORDER BY id

--@ case column list in another order
SELECT name, id, email FROM customers ORDER BY id

--@ case one column, without order
SELECT phone FROM customers

--@ case column alias
SELECT email AS mail, name full_name, id "The Id" FROM customers ORDER BY id

--@ case table alias
SELECT c.email, c.* FROM customers AS c ORDER BY c.id

--@ case aliased columns of a table
SELECT k, m FROM customers AS c (k, m) ORDER BY k

--@ case qualified by schema
SELECT public.customers.email FROM public.customers ORDER BY public.customers.id

--@ case quoted names
SELECT "customers"."email" FROM "public"."customers" ORDER BY "id"

--@ case upper-case names
SELECT EMAIL, NaMe FROM CUSTOMERS ORDER BY ID

--@ case odd names
SELECT "E-Mail", "select" FROM "Odd Schema"."Odd ""Table"

--@ case unicode-escaped identifier
SELECT U&"em\0061il" FROM U&"customer\0073" ORDER BY id

--@ case comments between everything
SELECT /* a ' comment */ email -- the "mail"
  FROM /* nested /* one */ */ customers -- 'x
 ORDER BY id

--@ case limit and offset
SELECT email FROM customers ORDER BY id LIMIT 2 OFFSET 1

--@ case limit parameter
SELECT email FROM customers ORDER BY id LIMIT $1 OFFSET $2
--@ $ 2
--@ $ 0

--@ case fetch first
SELECT email FROM customers ORDER BY id FETCH FIRST 1 ROW ONLY

--@ case no rows
SELECT email, vip FROM customers WHERE id = -1

--@ case plain columns only
SELECT id, plan, visits FROM customers ORDER BY id

--@ case plain expression beside
SELECT id + 1, upper(plan), email, 'const', 1.5, NULL, true FROM customers ORDER BY id

--@ case parameter in the select list
SELECT email, $1::int + id, $2::text FROM customers ORDER BY id
--@ $ 40
--@ $ labelled

--@ case same column twice
SELECT email, email, email AS e2 FROM customers ORDER BY id

--@ case count of rows
SELECT count(*) FROM customers

--@ case count of an encrypted column
SELECT count(email), count(phone), count(*) FROM customers

--@ case existence
SELECT EXISTS (SELECT 1 FROM customers WHERE email = 'ada.quill@voltmail.example')

--@ case is null
SELECT id FROM customers WHERE email IS NULL ORDER BY id

--@ case is not null
SELECT id FROM customers WHERE phone IS NOT NULL ORDER BY id

--@ case null test in the select list
SELECT id, email IS NULL, phone IS NOT NULL AS has_phone FROM customers ORDER BY id

--@ case isnull and notnull
SELECT id FROM customers WHERE birthday ISNULL OR vip NOTNULL ORDER BY id

--@ case for update
SELECT id, email FROM customers WHERE id = 1 FOR UPDATE

--@ case only
SELECT email FROM ONLY customers ORDER BY id

--@ case order by plain column that is not selected
SELECT email FROM customers ORDER BY visits DESC, id

--@ case order by position of a plain column
SELECT id, email FROM customers ORDER BY 1 DESC

--@ case output cast to text
SELECT id, email::text, birthday::text, balance::text FROM customers ORDER BY id

--@ case output cast to varchar
SELECT id, name::varchar(5), CAST(name AS varchar) FROM customers ORDER BY id

--@ case output cast of an int
SELECT id, c_int4::text, c_int4::bigint, c_int2::int, c_numeric::text FROM every ORDER BY id

--@ case output cast of dates
SELECT id, c_date::timestamp, c_timestamp::date, c_timestamptz::text FROM every ORDER BY id

--@ case output cast that fails
SELECT name::int FROM customers WHERE id = 1

--@ case output cast of json
SELECT id, c_json::text, c_jsonb::text, c_jsonb::json FROM every ORDER BY id

--@ case column that does not exist
SELECT emial FROM customers

--@ case table that does not exist
SELECT email FROM customer

--@ case column of another table
SELECT vehicles.email FROM customers

--@ case ambiguous column
SELECT id FROM customers, plainly

--@ case syntax error
SELEC email FROM customers

--@ case syntax error at the end
SELECT email FROM customers WHERE

--@ case missing FROM entry
SELECT c.email FROM customers

--@ case without FROM
SELECT 1 AS one, 'ada' AS name

--@ case empty statement
;

--@ case system column
SELECT tableoid = 'customers'::regclass, email FROM customers ORDER BY id

--@ case values
VALUES (1, 'a'), (2, 'b')

--@ case where on a plain column
SELECT email FROM customers WHERE plan = 'basic' ORDER BY id

--@ case where on a plain parameter
SELECT email, name FROM customers WHERE id = $1
--@ $ 2

--@ case where on a plain parameter of announced type
SELECT email, name FROM customers WHERE id = $1
--@ types int8
--@ $ 2

--@ case plain conditions of all kinds
SELECT email FROM customers WHERE (id BETWEEN 1 AND 3 AND plan LIKE 'b%') OR plan IS NULL OR visits IN (1, 2, 10) ORDER BY id

--@ case case expression over plain columns
SELECT email, CASE WHEN visits > 10 THEN 'often' ELSE plan END FROM customers ORDER BY id

--@ case scalar function of a plain column
SELECT name, coalesce(plan, 'none'), length(plan), greatest(id, visits) FROM customers ORDER BY id

--@ case window over plain columns
SELECT email, row_number() OVER (ORDER BY id), sum(visits) OVER (PARTITION BY plan ORDER BY id) FROM customers ORDER BY id

--@ case group by plain columns
SELECT plan, count(*), sum(visits) FROM customers GROUP BY plan ORDER BY plan

--@ case group by with having
SELECT visits, count(*) FROM customers GROUP BY visits HAVING count(*) > 1 ORDER BY visits

--@ case case result
SELECT CASE WHEN id = 1 THEN name ELSE 'hidden' END FROM customers

--@ case coalesce
SELECT coalesce(phone, 'none') FROM customers

--@ case comparison of two encrypted expressions
SELECT id FROM customers WHERE coalesce(email, '') = ''
