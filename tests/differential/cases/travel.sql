-- Values on their way: rows, arrays, JSON.

--@ case whole row
SELECT c FROM customers c ORDER BY c.id

--@ case whole row by the table's name
SELECT events FROM events ORDER BY id

--@ case whole row of every type
SELECT e FROM every e ORDER BY id

--@ case whole row as text
SELECT e::text FROM every e ORDER BY id

--@ case whole row of a subquery
SELECT s FROM (SELECT id, email, name FROM customers) s ORDER BY s.id

--@ case whole row of a view
SELECT w FROM customer_view w ORDER BY w.id

--@ case whole row next to columns
SELECT c.id, c, c.email FROM customers c WHERE c.id < 3 ORDER BY 1

--@ case row constructor
SELECT ROW(id, name, email, birthday, balance, vip) FROM customers ORDER BY id

--@ case row constructor in short
SELECT (id, name, NULL, 'x"y') FROM customers ORDER BY id

--@ case star in a row
SELECT ROW(c.*, 'end') FROM customers c ORDER BY id

--@ case row with a cast
SELECT ROW(id, balance::text, birthday::timestamp) FROM customers ORDER BY id

--@ case row in a row
SELECT ROW(1, ROW(c.name, c.email), v.price) FROM customers c JOIN vehicles v ON v.customer_id = c.id ORDER BY v.vin::text IS NULL, v.model, c.id

--@ case field of a row
SELECT (c).email, (c).plan FROM customers c ORDER BY c.id

--@ case field of a row in a condition
SELECT c.id FROM customers c WHERE (c).email = $1
--@ $ ada.quill@voltmail.example

--@ case whole row tested for null
SELECT c.id, c IS NULL, c IS NOT NULL FROM customers c ORDER BY c.id

--@ case count of rows
SELECT count(c) FROM customers c

--@ case array of columns
SELECT ARRAY[email, email] FROM customers ORDER BY id

--@ case array of columns and constants
SELECT ARRAY[name, 'x', NULL] FROM customers ORDER BY id

--@ case array of every type
SELECT ARRAY[c_text], ARRAY[c_varchar], ARRAY[c_char], ARRAY[c_int2], ARRAY[c_int8], ARRAY[c_float8], ARRAY[c_numeric], ARRAY[c_bool], ARRAY[c_date], ARRAY[c_timestamptz], ARRAY[c_uuid], ARRAY[c_jsonb], ARRAY[c_bytea] FROM every ORDER BY id

--@ case array of a subquery
SELECT ARRAY(SELECT name FROM customers ORDER BY id)

--@ case correlated array of a subquery
SELECT c.id, ARRAY(SELECT v.price FROM vehicles v WHERE v.customer_id = c.id ORDER BY v.model) FROM customers c ORDER BY c.id

--@ case two dimensions
SELECT ARRAY[ARRAY[email, email], ARRAY[email, NULL]] FROM customers ORDER BY id

--@ case array as text
SELECT ARRAY[name, email]::text FROM customers ORDER BY id
--@ refused all: the columns have different keys

--@ case array of one column as text
SELECT ARRAY[name, name]::text FROM customers ORDER BY id

--@ case element of an array
SELECT (ARRAY[name, name])[2] FROM customers ORDER BY id

--@ case array of rows
SELECT ARRAY[ROW(id, name)] FROM customers ORDER BY id

--@ case row_to_json
SELECT row_to_json(c) FROM customers c ORDER BY c.id

--@ case row_to_json of every type
SELECT row_to_json(e) FROM every e ORDER BY e.id

--@ case row_to_json pretty
SELECT row_to_json(e, true) FROM every e ORDER BY e.id

--@ case to_jsonb of every type
SELECT to_jsonb(e) FROM every e ORDER BY e.id

--@ case json of odd types
SELECT to_json(s), to_jsonb(s) FROM shorts s ORDER BY s.id

--@ case json in another date style
SET LOCAL DateStyle = 'German, DMY'
--@ then
SELECT row_to_json(e) FROM every e ORDER BY e.id
--@ then
SELECT e FROM every e ORDER BY e.id

--@ case json with other settings
SET LOCAL bytea_output = 'escape'
--@ then
SET LOCAL TimeZone = 'Asia/Kolkata'
--@ then
SET LOCAL extra_float_digits = 0
--@ then
SELECT row_to_json(e) FROM every e ORDER BY e.id
--@ then
SELECT to_jsonb(e) FROM every e ORDER BY e.id
--@ then
SELECT e, ARRAY[c_bytea] FROM every e ORDER BY e.id

--@ case to_json of a column
SELECT to_json(name), to_jsonb(balance), to_json(birthday) FROM customers ORDER BY id

--@ case to_json of a cast column
SELECT to_json(balance::text), to_jsonb(birthday::timestamp) FROM customers ORDER BY id

--@ case json_agg of rows
SELECT json_agg(c) FROM (SELECT id, email, name FROM customers ORDER BY id) c

--@ case json_agg in order
SELECT json_agg(c ORDER BY c.id DESC) FROM customers c

--@ case jsonb_agg of a column
SELECT jsonb_agg(balance ORDER BY id) FROM customers

--@ case json_agg with a filter
SELECT json_agg(name ORDER BY id) FILTER (WHERE id > 1) FROM customers

--@ case json_agg of nothing
SELECT json_agg(c) FROM customers c WHERE id < 0

--@ case json_agg or an empty array
SELECT COALESCE(json_agg(c), '[]') FROM customers c WHERE id < 0

--@ case json_agg or an empty array with a cast
SELECT COALESCE(jsonb_agg(c.name ORDER BY c.id), '[]'::jsonb) FROM customers c

--@ case json_agg grouped
SELECT v.model, json_agg(v.price ORDER BY v.vin IS NULL, v.model) FROM vehicles v WHERE v.model <> 'Kestrel' GROUP BY v.model ORDER BY v.model

--@ case json_agg as text
SELECT json_agg(c ORDER BY c.id)::text FROM customers c

--@ case json_build_object
SELECT json_build_object('id', id, 'mail', email, 'since', birthday, 'deep', json_build_object('n', name)) FROM customers ORDER BY id

--@ case jsonb_build_object
SELECT jsonb_build_object('zz', id, 'mail', email, 'b', balance, 'a', vip) FROM customers ORDER BY id

--@ case json_build_object with a computed key
SELECT json_build_object('k' || id, email, 'l', name) FROM customers ORDER BY id

--@ case jsonb_build_object with a computed key
SELECT jsonb_build_object('k' || id, email) FROM customers ORDER BY id

--@ case json_build_array
SELECT json_build_array(id, email, NULL, 'x', name), jsonb_build_array(balance, 1) FROM customers ORDER BY id

--@ case json_object_agg
SELECT json_object_agg(id, email ORDER BY id) FROM customers

--@ case jsonb_object_agg
SELECT jsonb_object_agg(plan, balance) FROM customers WHERE plan IS NOT NULL AND id < 3

--@ case array_to_json
SELECT array_to_json(ARRAY[name, name]) FROM customers ORDER BY id

--@ case array_to_json of two dimensions
SELECT array_to_json(ARRAY[ARRAY[name, name], ARRAY[name, name]]) FROM customers ORDER BY id

--@ case json of a subquery
SELECT json_build_object('id', c.id, 'cars', (SELECT json_agg(json_build_object('vin', v.vin, 'price', v.price) ORDER BY v.model) FROM vehicles v WHERE v.customer_id = c.id)) FROM customers c ORDER BY c.id

--@ case json of a row
SELECT row_to_json(ROW(id, email, name)) FROM customers ORDER BY id

--@ case row_to_json of a subquery
SELECT row_to_json(s) FROM (SELECT id, email AS mail, name FROM customers) s ORDER BY s.id

--@ case json through a subquery
SELECT s.j FROM (SELECT row_to_json(c) AS j FROM customers c WHERE c.id = 2) s

--@ case json through a cte
WITH j AS (SELECT id, jsonb_build_object('n', name) AS doc FROM customers) SELECT doc, id FROM j ORDER BY id

--@ case json cast to jsonb
SELECT row_to_json(e)::jsonb FROM every e ORDER BY e.id

--@ case a text that looks like an envelope
SELECT json_build_object('x', '\xff505952010100', 'n', name) FROM customers ORDER BY id

--@ case a lateral row
SELECT c.id, l FROM customers c LEFT JOIN LATERAL (SELECT v.vin, v.model FROM vehicles v WHERE v.customer_id = c.id) l ON true ORDER BY c.id, l.model

--@ case union all of json
SELECT to_json(name) FROM customers WHERE id = 1 UNION ALL SELECT to_json(name) FROM customers WHERE id = 2

--@ case comparison of json
SELECT id FROM customers c WHERE row_to_json(c)::text = 'x'
--@ refused all: JSON with encrypted values in it is text only behind the proxy

--@ case field of json
SELECT to_jsonb(c) ->> 'email' FROM customers c
--@ refused all: JSON with encrypted values in it is JSON only behind the proxy

--@ case distinct json
SELECT DISTINCT to_jsonb(c) FROM customers c
--@ refused all: distinct over encrypted values

--@ case array_agg
SELECT array_agg(name ORDER BY id), array_agg(balance ORDER BY id) FROM customers

--@ case array_agg of rows
SELECT array_agg(c ORDER BY c.id) FROM (SELECT id, email, vip FROM customers) c

--@ case array_agg in groups
SELECT plan, array_agg(name ORDER BY id), json_agg(email ORDER BY id) FROM customers GROUP BY plan ORDER BY plan

--@ case cast in a subquery
SELECT s.b, s.d FROM (SELECT id, balance::text AS b, birthday::varchar AS d FROM customers) s ORDER BY s.id

--@ case cast in a cte
WITH s AS (SELECT id, email::text AS mail, CAST(name AS varchar) FROM customers) SELECT mail, name FROM s WHERE mail = $1
--@ $ ada.quill@voltmail.example

--@ case cast in a scalar subquery
SELECT (SELECT c.balance::text FROM customers c WHERE c.id = v.customer_id) FROM vehicles v ORDER BY v.model, v.customer_id

--@ case cast in a subquery that may fail
SELECT s.n FROM (SELECT id, balance::int AS n FROM customers) s ORDER BY s.id
--@ refused all: an error in a row that nobody asks for would be missed

--@ case whole row with a cast in it
SELECT s FROM (SELECT id, balance::text AS b FROM customers) s ORDER BY s.id

--@ case coalesce in a subquery
SELECT s.m FROM (SELECT id, COALESCE(phone, name) AS m FROM customers) s ORDER BY s.id
--@ refused all: the columns have different keys

--@ case coalesce with a constant in a subquery
SELECT s.m FROM (SELECT id, COALESCE(name, 'none') AS m FROM customers) s WHERE s.m = 'Dora Nomailova'

--@ case case in a subquery
SELECT s.m FROM (SELECT id, CASE WHEN id > 1 THEN email END AS m FROM customers) s ORDER BY s.id

--@ case case in a comparison
SELECT id FROM customers WHERE CASE WHEN id > 1 THEN email ELSE 'x' END = 'bob.zephyr@voltmail.example'

--@ case case over an encrypted operand
SELECT id, CASE email WHEN 'ada.quill@voltmail.example' THEN 1 WHEN $1 THEN 2 ELSE 3 END FROM customers ORDER BY id
--@ $ bob.zephyr@voltmail.example

--@ case nullif
SELECT id, NULLIF(name, 'Ada Quillfeather'), NULLIF(email, $1), NULLIF(birthday, '1981-04-12') FROM customers ORDER BY id
--@ $ bob.zephyr@voltmail.example

--@ case nullif in a condition
SELECT id FROM customers WHERE NULLIF(name, 'Ada Quillfeather') IS NULL

--@ case nullif of two columns
SELECT c.id, NULLIF(c.email, v.owner_email) FROM customers c JOIN vehicles v ON v.customer_id = c.id ORDER BY c.id, v.model

--@ case nullif of plain values
SELECT NULLIF(plan, 'gold') FROM customers ORDER BY id

--@ case row in a subquery
SELECT id FROM customers WHERE (id, email) IN (SELECT customer_id, owner_email FROM vehicles) ORDER BY id

--@ case row not in a subquery
SELECT id FROM customers WHERE (id, email) NOT IN (SELECT customer_id, owner_email FROM vehicles WHERE customer_id IS NOT NULL) ORDER BY id

--@ case row equals a subquery
SELECT id FROM customers c WHERE (email, id) = (SELECT owner_email, customer_id FROM vehicles v WHERE v.model = 'Heron')

--@ case values joined by an encrypted column
SELECT c.id, v.n FROM customers c JOIN (VALUES ('ada.quill@voltmail.example', 1), ($1, 2), (NULL, 3)) AS v (mail, n) ON v.mail = c.email ORDER BY v.n
--@ $ bob.zephyr@voltmail.example

--@ case values shown and joined
SELECT v.mail, c.id FROM (VALUES ($1), ('nobody')) AS v (mail) LEFT JOIN customers c ON c.email = v.mail ORDER BY c.id
--@ $ bob.zephyr@voltmail.example

--@ case values in a cte
WITH v (mail) AS (VALUES ($1::text), ($2)) SELECT c.id FROM customers c WHERE c.email IN (SELECT mail FROM v) ORDER BY c.id
--@ $ bob.zephyr@voltmail.example
--@ $ ada.quill@voltmail.example

--@ case in values
SELECT id FROM customers WHERE email IN (VALUES ($1), ('ada.quill@voltmail.example')) ORDER BY id
--@ $ bob.zephyr@voltmail.example

--@ case values of numbers
SELECT c.id FROM customers c JOIN (VALUES (-17.05), (1234.5)) AS v (b) ON c.balance = v.b ORDER BY c.id

--@ case values that need rounding
SELECT c.id FROM customers c JOIN (VALUES (-17.051)) AS v (b) ON c.balance = v.b ORDER BY c.id

--@ case values of another type
SELECT c.id FROM customers c JOIN (VALUES ('1981-04-12')) AS v (b) ON c.birthday = v.b

--@ case values of dates
SELECT c.id FROM customers c JOIN (VALUES ('1981-04-12'::date)) AS v (b) ON c.birthday = v.b ORDER BY c.id

--@ case constants of a subquery
SELECT c.id FROM customers c, (SELECT $1::text AS mail) p WHERE c.email = p.mail
--@ $ bob.zephyr@voltmail.example

--@ case constant of a scalar subquery
SELECT id FROM customers WHERE email = (SELECT $1)
--@ $ bob.zephyr@voltmail.example

--@ case unnest in a subquery
SELECT id FROM customers WHERE email IN (SELECT unnest($1::text[])) ORDER BY id
--@ $ {ada.quill@voltmail.example,NULL,bob.zephyr@voltmail.example}

--@ case unnest joined
SELECT c.id, u.o FROM customers c JOIN unnest($1::text[]) WITH ORDINALITY AS u (m, o) ON u.m = c.email ORDER BY u.o
--@ $ {bob.zephyr@voltmail.example,ada.quill@voltmail.example}

--@ case unnest of a literal
SELECT id FROM customers WHERE email IN (SELECT unnest('{ada.quill@voltmail.example,x}'::varchar[]))

--@ case unnest of an empty array
SELECT id FROM customers WHERE email IN (SELECT unnest($1::text[]))
--@ $ {}

--@ case unnest of dates
SELECT id FROM customers WHERE birthday IN (SELECT unnest($1::date[])) ORDER BY id
--@ $ {1981-04-12}

--@ case constants for both
SELECT v.m || '!', c.id FROM (VALUES ($1)) v (m) JOIN customers c ON c.email = v.m
--@ $ bob.zephyr@voltmail.example
--@ refused all: the value would be sent in plaintext too

--@ case the same parameter twice
SELECT id FROM customers WHERE email = $1 OR plan = $1
--@ $ gold
--@ refused text,binary,prepared: the value would be sent in plaintext too

--@ case recursive with an encrypted column
WITH RECURSIVE r AS (SELECT id, email FROM customers WHERE id = 1 UNION ALL SELECT c.id, c.email FROM customers c JOIN r ON c.id = r.id + 1) SELECT email FROM r ORDER BY id

--@ case lateral by an encrypted column
SELECT c.id, l.model FROM customers c, LATERAL (SELECT v.model FROM vehicles v WHERE v.owner_email = c.email ORDER BY v.model LIMIT 1) l ORDER BY c.id

--@ case json of a grouped column
SELECT json_build_object('n', birthday, 'c', count(*)) FROM customers GROUP BY birthday

--@ case row of grouped columns
SELECT ROW(birthday, count(*)), ARRAY[birthday] FROM customers GROUP BY birthday

--@ case whole row beside its key
SELECT c.id, row_to_json(c), count(v.model) FROM customers c LEFT JOIN vehicles v ON v.customer_id = c.id GROUP BY c.id ORDER BY c.id

--@ case window over json
SELECT c.id, json_agg(c.name) OVER (ORDER BY c.id) FROM customers c ORDER BY c.id

--@ case distinct of a cast in a subquery
SELECT DISTINCT s.b FROM (SELECT birthday::text AS b FROM customers) s

--@ case values distinct
SELECT DISTINCT v.m FROM (VALUES ($1), ('x'), ($1)) AS v (m) JOIN customers c ON c.email = v.m
--@ $ bob.zephyr@voltmail.example

--@ case values grouped
SELECT v.m, count(*) FROM (VALUES ('ada.quill@voltmail.example'), ('x')) AS v (m) JOIN vehicles c ON c.owner_email = v.m GROUP BY v.m

--@ case values in using
SELECT c.id FROM customers c JOIN (VALUES ('ada.quill@voltmail.example')) AS v (email) USING (email)
--@ refused all: plain values cannot be compared with encrypted ones

--@ case union of values
SELECT v.m FROM (VALUES ('a')) AS v (m) UNION SELECT email FROM customers
--@ refused all: plain values cannot be compared with encrypted ones
