-- Casts on parameters and literals, typed literals, negative numbers.

--@ case cast of a parameter to varchar
SELECT id FROM customers WHERE email = $1::varchar
--@ $ ada.quill@voltmail.example

--@ case cast of a parameter to text
SELECT id FROM customers WHERE email = CAST($1 AS text)
--@ $ ada.quill@voltmail.example

--@ case cast of a parameter to a short varchar
SELECT id FROM customers WHERE name = $1::varchar(3)
--@ $ Ada Quillfeather

--@ case cast of a literal
SELECT id FROM customers WHERE email = 'ada.quill@voltmail.example'::text

--@ case cast of a literal to varchar
SELECT id FROM customers WHERE email = 'ada.quill@voltmail.example'::character varying

--@ case double cast
SELECT id FROM customers WHERE email = ('ada.quill@voltmail.example'::text)::varchar(100)

--@ case cast to char pads nothing
SELECT id FROM customers WHERE name = 'Ada Quillfeather'::char(30)

--@ case cast of an integer literal
SELECT id FROM every WHERE c_int8 = 881977231654123::bigint

--@ case cast of a string to an integer
SELECT id FROM every WHERE c_int4 = '1977231654'::int

--@ case negative with a cast
SELECT id FROM every WHERE c_int2 = -32768::int

--@ case cast of a parenthesised negative
SELECT id FROM every WHERE c_int2 = (-32768)::smallint

--@ case negative with blanks
SELECT id FROM customers WHERE balance = - 17.05

--@ case positive sign
SELECT id FROM every WHERE c_int2 = +12

--@ case numeric literal with exponent
SELECT id FROM every WHERE c_numeric = 3.1415926e4

--@ case numeric literal without a leading digit
SELECT id FROM every WHERE c_numeric = .001

--@ case typed timestamp literal
SELECT id FROM every WHERE c_timestamp = TIMESTAMP '2024-02-29 13:14:15.678901'

--@ case typed timestamptz literal
SELECT id FROM every WHERE c_timestamptz = TIMESTAMP WITH TIME ZONE '2024-02-29 13:14:15.678901+02'

--@ case typed time literal
SELECT id FROM every WHERE c_time = TIME '13:14:15.678901'

--@ case typed text literal
SELECT id FROM customers WHERE email = text 'ada.quill@voltmail.example'

--@ case typed uuid literal
SELECT id FROM every WHERE c_uuid = uuid '8f14e45f-ceea-467f-a9f2-d5a1c4b3e901'

--@ case typed jsonb literal
SELECT id FROM every WHERE c_jsonb = jsonb '{"b": 1, "a": [1, 2.50]}'

--@ case date column with a timestamp
SELECT id FROM customers WHERE birthday = TIMESTAMP '1981-04-12 00:00:00' ORDER BY id

--@ case date column with a timestamp in the day
SELECT id FROM customers WHERE birthday = TIMESTAMP '1981-04-12 10:00:00' ORDER BY id

--@ case insert with casts
INSERT INTO customers (id, email, name, birthday, balance) VALUES ($1::int, $2::varchar, CAST($3 AS text), $4::date, $5::numeric) RETURNING *
--@ $ 50
--@ $ cast.away@voltmail.example
--@ $ Casta Wayfarer
--@ $ 2000-01-31
--@ $ 12.345

--@ case insert with a cast to text of a date
INSERT INTO customers (id, name, birthday) VALUES (50, 'x', '2000-01-31'::text)

--@ case insert of a number into text
INSERT INTO customers (id, name) VALUES (50, 12345) RETURNING name

--@ case insert of a boolean into text
INSERT INTO customers (id, name) VALUES (50, true) RETURNING name

--@ case insert of text into a number
INSERT INTO every (id, c_int4) VALUES (50, 'twelve'::text)

--@ case insert of a numeric into an integer rounds
INSERT INTO every (id, c_int4, c_int2, c_int8) VALUES (50, 2.5, -2.5, 1e3) RETURNING c_int4, c_int2, c_int8

--@ case insert of a float into a numeric
INSERT INTO every (id, c_numeric) VALUES (50, 1.0005::float8) RETURNING c_numeric

--@ case insert of a date into a timestamp
INSERT INTO every (id, c_timestamp, c_timestamptz) VALUES (50, DATE '2020-02-02', TIMESTAMP '2020-02-02 02:02:02') RETURNING c_timestamp, c_timestamptz

--@ case insert of a timestamp into a date
INSERT INTO every (id, c_date, c_time) VALUES (50, TIMESTAMP '2020-02-02 02:02:02', TIMESTAMP '2020-02-02 02:02:02') RETURNING c_date, c_time

--@ case update with a cast
UPDATE customers SET name = $1::varchar(5) WHERE id = 1 RETURNING name
--@ $ Longer Than Five

--@ case parameter announced as int4 stored in text
INSERT INTO customers (id, name) VALUES (50, $1) RETURNING name
--@ types int4
--@ $ 77

--@ case parameter announced as int4 stored in int8
INSERT INTO every (id, c_int8) VALUES (50, $1) RETURNING c_int8
--@ types int4
--@ $ 77

--@ case parameter announced as text stored in a date
INSERT INTO customers (id, name, birthday) VALUES (50, 'x', $1)
--@ types text
--@ $ 2000-01-31

--@ case parameter announced as text cast to date
INSERT INTO customers (id, name, birthday) VALUES (50, 'x', $1::date) RETURNING birthday
--@ types text
--@ $ 2000-01-31

--@ case parameter announced as unknown
INSERT INTO customers (id, name, birthday) VALUES (50, 'x', $1) RETURNING birthday
--@ types unknown
--@ $ 2000-01-31

--@ case quoted type name
SELECT id FROM customers WHERE email = $1::"varchar"
--@ $ ada.quill@voltmail.example

--@ case type of pg_catalog
SELECT id FROM customers WHERE email = $1::pg_catalog.varchar
--@ $ ada.quill@voltmail.example
