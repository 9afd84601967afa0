-- GROUP BY, DISTINCT, aggregates and windows over encrypted columns.

--@ case group by column
SELECT birthday, count(*) FROM customers GROUP BY birthday

--@ case group by qualified
SELECT c.birthday, count(*), min(c.id) FROM customers c GROUP BY c.birthday

--@ case group by ordinal
SELECT owner_email, count(*) FROM vehicles GROUP BY 1

--@ case group by ordinal behind another
SELECT count(*), owner_email FROM vehicles GROUP BY 2

--@ case group by alias
SELECT owner_email AS owner, count(*) FROM vehicles GROUP BY owner

--@ case group by input before alias
SELECT model AS price, price AS p, count(*) FROM vehicles GROUP BY price, model

--@ case group by parenthesised
SELECT price, count(*) FROM vehicles GROUP BY (price)

--@ case group by row
SELECT price, model, count(*) FROM vehicles GROUP BY (price, model)

--@ case group by without showing the key
SELECT count(*) FROM customers GROUP BY birthday

--@ case group by two encrypted columns
SELECT owner_email, price, count(*) FROM vehicles GROUP BY owner_email, price

--@ case group by encrypted and plain
SELECT model, price, count(*) AS n FROM vehicles GROUP BY model, price ORDER BY model, n

--@ case group by order by plain aggregate
SELECT price, count(*) AS n FROM vehicles GROUP BY price ORDER BY n DESC, min(customer_id)

--@ case key with a cast at the output
SELECT price::text, birthday::varchar, count(*) FROM vehicles v JOIN customers c ON c.id = v.customer_id GROUP BY price, birthday

--@ case key with an alias at the output
SELECT birthday AS born, count(*) FROM customers GROUP BY birthday

--@ case key twice
SELECT birthday, birthday AS again, count(*) FROM customers GROUP BY birthday

--@ case char key
SELECT vin, count(*) FROM vehicles GROUP BY vin

--@ case text key with unicode
SELECT name, count(*) FROM customers GROUP BY name

--@ case boolean key
SELECT vip, count(*) FROM customers GROUP BY vip

--@ case having compares the key with a literal
SELECT owner_email, count(*) FROM vehicles GROUP BY owner_email HAVING owner_email = 'ada.quill@voltmail.example'

--@ case having compares the key with a parameter
SELECT birthday, count(*) FROM customers GROUP BY birthday HAVING birthday = $1
--@ $ 1981-04-12

--@ case having in
SELECT price FROM vehicles GROUP BY price HAVING price IN (41990.00, $1) AND count(*) > 1
--@ $ 62000.99

--@ case having null test
SELECT birthday, count(*) FROM customers GROUP BY birthday HAVING birthday IS NOT NULL

--@ case having null test of the null group
SELECT count(*) FROM customers GROUP BY birthday HAVING birthday IS NULL

--@ case having aggregate
SELECT price FROM vehicles GROUP BY price HAVING count(*) > 1 AND count(DISTINCT owner_email) = 2

--@ case having without group by
SELECT count(email) FROM customers HAVING count(DISTINCT birthday) = 2

--@ case key in an expression of the select list
SELECT birthday = '1981-04-12', birthday IS NULL, count(*) FROM customers GROUP BY birthday

--@ case key under case
SELECT CASE WHEN birthday = $1 THEN 'same' ELSE 'other' END, count(*) FROM customers GROUP BY birthday
--@ $ 1981-04-12

--@ case key under coalesce
SELECT COALESCE(owner_email, 'nobody'), count(*) FROM vehicles GROUP BY owner_email

--@ case group by an output under coalesce
SELECT COALESCE(owner_email, 'nobody'), count(*) FROM vehicles GROUP BY 1
--@ refused all: the server cannot group by an expression of encrypted values

--@ case ungrouped column
SELECT birthday, email FROM customers GROUP BY birthday

--@ case ungrouped plain column
SELECT id FROM customers GROUP BY birthday

--@ case aggregates of the key
SELECT count(birthday), count(DISTINCT birthday) FROM customers GROUP BY birthday

--@ case aggregate with filter
SELECT model, count(*) FILTER (WHERE owner_email = 'ada.quill@voltmail.example') FROM vehicles GROUP BY model

--@ case aggregate with filter on the key
SELECT price, count(*) FILTER (WHERE price = 41990.00) FROM vehicles GROUP BY price

--@ case plain primary key brings encrypted columns
SELECT id, email, birthday, count(*) FROM customers GROUP BY id

--@ case plain primary key in a join
SELECT c.id, c.email, count(v.vin) FROM customers c LEFT JOIN vehicles v ON v.owner_email = c.email GROUP BY c.id

--@ case plain primary key and an encrypted key
SELECT id, email, birthday FROM customers GROUP BY id, birthday

--@ case rollup
SELECT birthday, count(*) FROM customers GROUP BY ROLLUP (birthday)

--@ case rollup tells totals from the null group
SELECT birthday, GROUPING(birthday), count(*) FROM customers GROUP BY ROLLUP (birthday)

--@ case rollup of two
SELECT owner_email, model, count(*), GROUPING(owner_email, model) FROM vehicles GROUP BY ROLLUP (owner_email, model)

--@ case cube
SELECT owner_email, price, count(*) FROM vehicles GROUP BY CUBE (owner_email, price)

--@ case grouping sets
SELECT owner_email, model, count(*) FROM vehicles GROUP BY GROUPING SETS ((owner_email), (model), ())

--@ case grouping sets with having
SELECT owner_email, model, count(*) FROM vehicles GROUP BY GROUPING SETS ((owner_email), (model)) HAVING owner_email = 'ada.quill@voltmail.example' OR GROUPING(owner_email) = 1

--@ case grouping sets by ordinals
SELECT owner_email, model, count(*) FROM vehicles GROUP BY GROUPING SETS ((1), (2), (1, 2))

--@ case group by distinct
SELECT owner_email, count(*) FROM vehicles GROUP BY DISTINCT ROLLUP (owner_email), ROLLUP (owner_email)

--@ case null test under rollup
SELECT birthday IS NULL, count(*) FROM customers GROUP BY ROLLUP (birthday)

--@ case numeric without scale as a key that is not shown
SELECT count(*) FROM shorts GROUP BY s_numeric

--@ case numeric without scale as a key that is shown
SELECT s_numeric, count(*) FROM shorts GROUP BY s_numeric
--@ refused all: equal values print differently

--@ case float as a key that is shown
SELECT c_float8, count(*) FROM every GROUP BY c_float8
--@ refused all: equal values print differently

--@ case float as a key that is compared
SELECT count(*) FROM every GROUP BY c_float8 HAVING c_float8 IS NOT NULL

--@ case jsonb distinct
SELECT DISTINCT c_jsonb FROM every
--@ refused all: equal values print differently

--@ case json has no equality
SELECT c_json FROM every GROUP BY c_json

--@ case all types as keys
SELECT c_text, c_varchar, c_char, c_int2, c_int4, c_int8, c_numeric, c_bool, c_date, c_time, c_timestamp, c_timestamptz, c_uuid, c_bytea FROM every GROUP BY c_text, c_varchar, c_char, c_int2, c_int4, c_int8, c_numeric, c_bool, c_date, c_time, c_timestamp, c_timestamptz, c_uuid, c_bytea

--@ case modified types as keys
SELECT s_char, s_char3, s_varchar, s_time0, s_timestamp3, s_timestamptz1, s_numeric5 FROM shorts GROUP BY 1, 2, 3, 4, 5, 6, 7

--@ case key without a search
SELECT phone, count(*) FROM customers GROUP BY phone
--@ refused all: the column has no equality search

--@ case group by in a subquery
SELECT s.birthday, s.n FROM (SELECT birthday, count(*) AS n FROM customers GROUP BY birthday) s WHERE s.birthday = '1981-04-12'

--@ case group by of a subquery
SELECT s.mail, count(*) FROM (SELECT owner_email AS mail FROM vehicles) s GROUP BY s.mail

--@ case group by in a cte
WITH g AS (SELECT owner_email, count(*) AS n FROM vehicles GROUP BY owner_email) SELECT c.id, g.n FROM customers c JOIN g ON g.owner_email = c.email

--@ case group by of a cte
WITH v AS (SELECT owner_email AS mail, price FROM vehicles) SELECT mail, count(price) FROM v GROUP BY mail

--@ case group by over a view
SELECT full_name, count(*) FROM customer_view GROUP BY full_name

--@ case group by over a join
SELECT c.email, count(*) FROM customers c JOIN vehicles v ON v.owner_email = c.email GROUP BY c.email

--@ case group by on the other side of a join
SELECT v.owner_email, count(*) FROM customers c LEFT JOIN vehicles v ON v.owner_email = c.email GROUP BY v.owner_email

--@ case grouped subquery in in
SELECT id FROM customers WHERE email IN (SELECT owner_email FROM vehicles GROUP BY owner_email HAVING count(*) > 1)

--@ case grouped subquery as a value
SELECT id FROM customers WHERE birthday = (SELECT birthday FROM customers GROUP BY birthday HAVING count(*) > 1)

--@ case correlated reference to a key
SELECT owner_email, (SELECT count(*) FROM customers c WHERE c.email = v.owner_email) FROM vehicles v GROUP BY owner_email

--@ case correlated reference in exists under having
SELECT owner_email FROM vehicles v GROUP BY owner_email HAVING EXISTS (SELECT 1 FROM customers c WHERE c.email = v.owner_email AND c.id = 1)

--@ case correlated reference shows the key
SELECT (SELECT v.owner_email) AS mail, count(*) FROM vehicles v GROUP BY owner_email

--@ case correlated reference before grouping
SELECT count(*) FROM vehicles v WHERE EXISTS (SELECT 1 FROM customers c WHERE c.email = v.owner_email) GROUP BY v.price

--@ case correlated reference in an aggregate's argument
SELECT v.price, count((SELECT 1 FROM customers c WHERE c.email = v.owner_email)) FROM vehicles v GROUP BY v.price

--@ case group by in insert select
INSERT INTO vehicles (vin, owner_email) SELECT 'NEWVIN', owner_email FROM vehicles WHERE model = 'Wren' GROUP BY owner_email
--@ then
SELECT vin, owner_email FROM vehicles WHERE vin = 'NEWVIN'

--@ case group by in exists
SELECT id FROM customers c WHERE EXISTS (SELECT owner_email FROM vehicles v WHERE v.owner_email = c.email GROUP BY owner_email HAVING count(*) = 2)

--@ case star of a grouped subquery
SELECT * FROM (SELECT birthday, count(*) AS n FROM customers GROUP BY birthday) s

--@ case star as the select list of a grouped query
SELECT * FROM (SELECT birthday, vip FROM customers) s GROUP BY birthday, vip

--@ case distinct
SELECT DISTINCT birthday FROM customers

--@ case distinct of several
SELECT DISTINCT owner_email, price FROM vehicles

--@ case distinct with plain columns
SELECT DISTINCT model, price FROM vehicles ORDER BY model

--@ case distinct star
SELECT DISTINCT * FROM (SELECT price, model FROM vehicles) s

--@ case distinct with an alias and a cast
SELECT DISTINCT price AS p, birthday::text FROM vehicles v LEFT JOIN customers c ON c.id = v.customer_id

--@ case distinct with a constant
SELECT DISTINCT 'x' AS x, price FROM vehicles

--@ case distinct of a grouped query
SELECT DISTINCT price, count(*) FROM vehicles GROUP BY price, model

--@ case distinct in a subquery
SELECT id FROM customers WHERE email IN (SELECT DISTINCT owner_email FROM vehicles)

--@ case distinct of a subquery
SELECT DISTINCT mail FROM (SELECT owner_email AS mail FROM vehicles) s

--@ case distinct with limit
SELECT count(*) FROM (SELECT DISTINCT birthday FROM customers LIMIT 2) s

--@ case distinct over an expression
SELECT DISTINCT COALESCE(birthday, '2000-01-01') FROM customers
--@ refused all: the server cannot compare expressions of encrypted values

--@ case distinct without a search
SELECT DISTINCT phone FROM customers
--@ refused all: the column has no equality search

--@ case distinct over an outer join
SELECT DISTINCT c.birthday, v.model FROM customers c LEFT JOIN vehicles v ON v.owner_email = c.email

--@ case distinct on
SELECT count(*) FROM (SELECT DISTINCT ON (birthday) id FROM customers) s

--@ case distinct on an alias
SELECT count(*) FROM (SELECT DISTINCT ON (born) birthday AS born, 1 AS one FROM customers) s

--@ case distinct on an ordinal
SELECT count(*) FROM (SELECT DISTINCT ON (1, 2) birthday, vip FROM customers) s

--@ case distinct on shows the key
SELECT DISTINCT ON (birthday) birthday FROM customers

--@ case distinct on plain with encrypted output
SELECT DISTINCT ON (model) model, price FROM vehicles WHERE model <> 'Kestrel' ORDER BY model

--@ case count distinct
SELECT count(DISTINCT birthday), count(DISTINCT owner_email) FROM customers, vehicles

--@ case count distinct of a row
SELECT count(DISTINCT (owner_email, model)) FROM vehicles

--@ case count distinct with filter
SELECT count(DISTINCT owner_email) FILTER (WHERE price = 41990) FROM vehicles

--@ case count distinct of floats and jsonb
SELECT count(DISTINCT c_float8), count(DISTINCT c_jsonb), count(DISTINCT c_float4) FROM every

--@ case count all distinct
SELECT count(ALL birthday), count(birthday) FILTER (WHERE vip = true) FROM customers

--@ case bool_and and bool_or
SELECT bool_and(vip), bool_or(vip), every(vip) FROM customers

--@ case bool_and of groups
SELECT birthday, bool_and(vip), bool_or(vip) FROM customers GROUP BY birthday

--@ case bool_or as a window function
SELECT id, bool_or(vip) OVER (PARTITION BY birthday) FROM customers

--@ case sum
SELECT sum(balance) FROM customers
--@ refused all: the server cannot add encrypted values

--@ case avg of groups
SELECT birthday, avg(balance) FROM customers GROUP BY birthday
--@ refused all: the server cannot add encrypted values

--@ case partition by
SELECT id, count(*) OVER (PARTITION BY birthday) FROM customers

--@ case partition by with an order
SELECT id, row_number() OVER (PARTITION BY birthday, vip ORDER BY id), rank() OVER (PARTITION BY birthday ORDER BY visits) FROM customers ORDER BY id

--@ case partition by in a named window
SELECT id, count(*) OVER w, sum(visits) OVER w FROM customers WINDOW w AS (PARTITION BY birthday)

--@ case partition by the key of a grouped query
SELECT price, count(*), sum(count(*)) OVER (PARTITION BY price) FROM vehicles GROUP BY price, model

--@ case lag and lead
SELECT id, lag(email) OVER (ORDER BY id), lead(email) OVER (ORDER BY id) FROM customers

--@ case lag with offset and default
SELECT id, lag(email, 2, 'nobody') OVER (ORDER BY id), lead(birthday, 1, '2000-01-01') OVER (ORDER BY id) FROM customers

--@ case lag with a parameter as default
SELECT id, lag(name, 1, $1) OVER (ORDER BY id) FROM customers
--@ $ nobody

--@ case lag with another column as default
SELECT id, lag(email, 1, email) OVER (ORDER BY id) AS before FROM customers

--@ case first and last value
SELECT id, first_value(name) OVER w, last_value(name) OVER w, nth_value(name, 2) OVER w FROM customers WINDOW w AS (ORDER BY id)

--@ case lag in a subquery
SELECT s.id, s.before FROM (SELECT id, lag(email) OVER (ORDER BY id) AS before FROM customers) s WHERE s.before = 'ada.quill@voltmail.example'

--@ case lag over a grouped query
SELECT model, price, lag(price) OVER (ORDER BY model, min(customer_id)) FROM vehicles GROUP BY model, price

--@ case lag in a comparison
SELECT id, lag(birthday) OVER (ORDER BY id) = birthday FROM customers

--@ case lag with a cast
SELECT id, lag(birthday) OVER (ORDER BY id)::text FROM customers

--@ case window over plain values of an encrypted table
SELECT id, lag(visits) OVER (ORDER BY id), first_value(plan) OVER (ORDER BY id) FROM customers

--@ case encrypted primary key brings the other columns
SELECT vin, model, price, owner_email, count(*) FROM vehicles GROUP BY vin

--@ case encrypted primary key in a join
SELECT v.vin, v.model, v.owner_email, count(c.id) FROM vehicles v LEFT JOIN customers c ON c.id = v.customer_id GROUP BY v.vin HAVING v.model <> 'Wren' AND v.owner_email IS NOT NULL ORDER BY v.model, v.customer_id

--@ case encrypted primary key and a star
SELECT v.* FROM vehicles v GROUP BY v.vin

--@ case encrypted primary key and terms of other columns
SELECT vin, owner_email = 'ada.quill@voltmail.example' FROM vehicles GROUP BY vin

--@ case encrypted primary key and grouping sets
SELECT vin, model FROM vehicles GROUP BY ROLLUP (vin)

--@ case encrypted unique column that is no primary key
SELECT email, id FROM customers GROUP BY email
--@ refused all: whether it is the primary key is not known

--@ case sorted groups
SELECT r_date, count(*) FROM ranked GROUP BY r_date ORDER BY r_date

--@ case sorted groups downwards
SELECT r_text, count(*) FROM ranked GROUP BY r_text ORDER BY 1 DESC NULLS LAST LIMIT 5

--@ case sorted groups by alias
SELECT r_varchar AS v, count(*) FROM ranked GROUP BY v ORDER BY v NULLS FIRST

--@ case sorted groups by another expression first
SELECT r_int4, count(*) AS n FROM ranked GROUP BY r_int4 ORDER BY n DESC, r_int4

--@ case having a range of the key
SELECT r_int4, count(*) FROM ranked GROUP BY r_int4 HAVING r_int4 > $1 AND r_int4 <= 1977100200 ORDER BY r_int4
--@ $ 0

--@ case having a range of an aggregate
SELECT team, max(r_date) FROM ranked GROUP BY team HAVING max(r_date) > '1999-01-01' ORDER BY team

--@ case extremes of the key
SELECT r_int4, min(r_int4), max(r_int4) FROM ranked GROUP BY r_int4 ORDER BY r_int4

--@ case extremes in groups
SELECT r_date, min(r_text), max(r_price) FROM ranked GROUP BY r_date ORDER BY r_date

--@ case extreme of extremes
SELECT r_bool, max(max(r_date)) OVER () FROM ranked GROUP BY r_bool ORDER BY r_bool
--@ refused all: one extreme inside of another

--@ case sorted rollup
SELECT r_bool, r_price, count(*) FROM ranked GROUP BY ROLLUP (r_bool, r_price) ORDER BY GROUPING(r_bool), r_bool, GROUPING(r_price), r_price

--@ case rank over groups
SELECT r_int2, rank() OVER (ORDER BY r_int2 DESC) FROM ranked GROUP BY r_int2 ORDER BY r_int2

--@ case sorted distinct
SELECT DISTINCT r_text FROM ranked ORDER BY r_text

--@ case sorted distinct of several
SELECT DISTINCT team, r_date FROM ranked ORDER BY r_date DESC, team

--@ case sorted distinct by ordinal with a limit
SELECT DISTINCT r_price, r_bool FROM ranked ORDER BY 2, 1 LIMIT 7 OFFSET 2

--@ case distinct on in order
SELECT DISTINCT ON (r_date) r_date, id FROM ranked ORDER BY r_date, id

--@ case distinct on an alias in order
SELECT DISTINCT ON (t) r_text AS t, id, r_price FROM ranked ORDER BY t DESC, id

--@ case distinct on ordinals in order
SELECT DISTINCT ON (1, 2) team, r_text, id FROM ranked ORDER BY 1, 2, id

--@ case distinct on qualified in order
SELECT DISTINCT ON (x.r_int4) x.r_int4, x.id FROM ranked x ORDER BY x.r_int4 NULLS FIRST, x.id DESC

--@ case distinct extremes
SELECT count(DISTINCT r_text), min(r_text), max(r_varchar) FROM ranked

--@ case float groups in order
SELECT count(*) FROM ranked GROUP BY r_float8 ORDER BY r_float8

--@ case partition and order by encrypted columns
SELECT id, row_number() OVER (PARTITION BY r_bool ORDER BY r_date, id), first_value(r_text) OVER (PARTITION BY r_bool ORDER BY r_price NULLS FIRST, id) FROM ranked ORDER BY id

--@ case correlated range of a key
SELECT r_int2, (SELECT count(*) FROM ranked i WHERE i.r_int2 < o.r_int2) FROM ranked o GROUP BY r_int2 ORDER BY r_int2

--@ case distinct over a window function with a literal
SELECT DISTINCT lag(email, 1, 'ada.quill@voltmail.example') OVER (ORDER BY id) FROM customers
--@ refused all: its text, with the literal, would have to be written twice

--@ case distinct over a subquery with a literal
SELECT DISTINCT (SELECT c.email FROM customers c WHERE c.email = 'ada.quill@voltmail.example') FROM customers
--@ refused all: its text, with the literal, would have to be written twice

--@ case distinct on a window function with a literal
SELECT DISTINCT ON (1) lag(email, 1, 'ada.quill@voltmail.example') OVER (ORDER BY id) FROM customers
--@ refused all: its text, with the literal, would have to be written twice

--@ case group by a subquery with a literal
SELECT (SELECT c.email FROM customers c WHERE c.email = 'ada.quill@voltmail.example'), count(*) FROM customers GROUP BY 1
--@ refused all: its text, with the literal, would have to be written twice

--@ case arrays of groups
SELECT birthday, array_agg(name ORDER BY id) FROM customers GROUP BY birthday HAVING birthday IS NOT NULL

--@ case json of groups
SELECT json_agg(json_build_object('n', name) ORDER BY id) FROM customers GROUP BY birthday

--@ case rows of keys
SELECT ROW(birthday, count(*)), json_build_object('day', birthday, 'n', count(*)) FROM customers GROUP BY birthday

--@ case arrays over a window
SELECT id, array_agg(email) OVER (PARTITION BY birthday ORDER BY id) FROM customers ORDER BY id

--@ case string_agg
SELECT string_agg(name, ',') FROM customers GROUP BY birthday
--@ refused all: the server cannot join encrypted values

--@ case view over groups
CREATE VIEW per_day AS SELECT birthday, count(*) AS n FROM customers GROUP BY birthday
--@ then
SELECT birthday, n FROM per_day WHERE birthday = '1981-04-12'

--@ case view over distinct
CREATE VIEW owners AS SELECT DISTINCT owner_email FROM vehicles
--@ then
SELECT count(*), count(owner_email) FROM owners
--@ then
SELECT owner_email FROM owners

--@ case view over a union
CREATE VIEW mails AS SELECT email FROM customers UNION SELECT owner_email FROM vehicles
--@ then
SELECT id FROM customers WHERE email IN (SELECT email FROM mails) AND id < 3
--@ then
SELECT email FROM mails
