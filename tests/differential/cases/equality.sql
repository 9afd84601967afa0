-- Comparing encrypted columns with constants and parameters.

--@ case text literal
SELECT id FROM customers WHERE name = 'Ada Quillfeather'

--@ case varchar literal, selecting it
SELECT id, email FROM customers WHERE email = 'ada.quill@voltmail.example'

--@ case parameter
SELECT id, email FROM customers WHERE email = $1
--@ $ bob.zephyr@voltmail.example

--@ case parameter announced as text
SELECT id FROM customers WHERE email = $1
--@ types text
--@ $ bob.zephyr@voltmail.example

--@ case parameter announced as varchar
SELECT id FROM customers WHERE email = $1
--@ types varchar
--@ $ bob.zephyr@voltmail.example

--@ case parameter on the left
SELECT id FROM customers WHERE $1 = email
--@ $ bob.zephyr@voltmail.example

--@ case no match
SELECT id FROM customers WHERE email = $1
--@ $ nobody.atall@voltmail.example

--@ case null parameter
SELECT id FROM customers WHERE email = $1
--@ $ \N

--@ case null literal
SELECT id FROM customers WHERE email = NULL

--@ case longer than the column
SELECT id FROM customers WHERE email = repeat('x', 1) OR email = $1
--@ $ x\*300

--@ case constant longer than the column
SELECT id FROM customers WHERE email = $1
--@ $ x\*300

--@ case case matters
SELECT id FROM customers WHERE email = 'ADA.quill@voltmail.example'

--@ case trailing blank matters in text
SELECT id FROM customers WHERE name = 'Ada Quillfeather '

--@ case unicode
SELECT id FROM customers WHERE email = $1
--@ $ Cleo.Ünal@voltmail.example

--@ case emoji and ideographs
SELECT id, name FROM customers WHERE name = 'Cleo Ünalçıka 張偉 🚗'

--@ case empty string
SELECT id FROM every WHERE c_text = ''

--@ case empty parameter
SELECT id FROM every WHERE c_text = $1 OR c_varchar = $1
--@ $ 

--@ case not equal
SELECT id FROM customers WHERE email <> $1 ORDER BY id
--@ $ bob.zephyr@voltmail.example

--@ case not equal, the other spelling
SELECT id FROM customers WHERE email != 'bob.zephyr@voltmail.example' ORDER BY id

--@ case not
SELECT id FROM customers WHERE NOT (email = $1) ORDER BY id
--@ $ bob.zephyr@voltmail.example

--@ case in literals
SELECT id FROM customers WHERE email IN ('ada.quill@voltmail.example', 'bob.zephyr@voltmail.example', 'x') ORDER BY id

--@ case in parameters
SELECT id FROM customers WHERE email IN ($1, $2, $3) ORDER BY id
--@ $ ada.quill@voltmail.example
--@ $ nobody.atall@voltmail.example
--@ $ \N

--@ case in one
SELECT id FROM customers WHERE email IN ($1)
--@ $ ada.quill@voltmail.example

--@ case not in
SELECT id FROM customers WHERE email NOT IN ('ada.quill@voltmail.example', 'x') ORDER BY id

--@ case not in with null
SELECT id FROM customers WHERE email NOT IN ('ada.quill@voltmail.example', NULL) ORDER BY id

--@ case any array parameter
SELECT id FROM customers WHERE email = ANY($1) ORDER BY id
--@ $ {ada.quill@voltmail.example,bob.zephyr@voltmail.example,NULL}

--@ case any array parameter with a cast
SELECT id FROM customers WHERE email = ANY($1::text[]) ORDER BY id
--@ $ {"ada.quill@voltmail.example","with \\"quotes\\" and , comma"}

--@ case any array parameter of announced type
SELECT id FROM customers WHERE email = ANY($1) ORDER BY id
--@ types text[]
--@ $ {ada.quill@voltmail.example}

--@ case any empty array
SELECT id FROM customers WHERE email = ANY($1)
--@ $ {}

--@ case any null array
SELECT id FROM customers WHERE email = ANY($1)
--@ $ \N

--@ case any array literal
SELECT id FROM customers WHERE email = ANY('{ada.quill@voltmail.example,bob.zephyr@voltmail.example}') ORDER BY id

--@ case any array constructor
SELECT id FROM customers WHERE email = ANY(ARRAY['ada.quill@voltmail.example', 'bob.zephyr@voltmail.example']) ORDER BY id

--@ case not equal to all
SELECT id FROM customers WHERE email <> ALL($1) ORDER BY id
--@ $ {ada.quill@voltmail.example}

--@ case any of two dimensions
SELECT id FROM customers WHERE email = ANY($1) ORDER BY id
--@ $ {{ada.quill@voltmail.example,x},{y,bob.zephyr@voltmail.example}}

--@ case malformed array
SELECT id FROM customers WHERE email = ANY($1)
--@ $ {ada.quill@voltmail.example

--@ case any int array
SELECT id FROM every WHERE c_int4 = ANY($1) ORDER BY id
--@ $ {1977231654,-2147483648,5}

--@ case distinct from
SELECT id FROM customers WHERE email IS DISTINCT FROM $1 ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case not distinct from
SELECT id FROM customers WHERE email IS NOT DISTINCT FROM $1 ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case not distinct from null parameter
SELECT id FROM customers WHERE email IS NOT DISTINCT FROM $1 ORDER BY id
--@ $ \N

--@ case distinct from null literal
SELECT id FROM customers WHERE email IS DISTINCT FROM NULL ORDER BY id

--@ case conjunction
SELECT id FROM customers WHERE email = $1 AND name = $2 AND visits = $3
--@ $ ada.quill@voltmail.example
--@ $ Ada Quillfeather
--@ $ 10

--@ case disjunction with plain
SELECT id FROM customers WHERE email = $1 OR id = $2 ORDER BY id
--@ $ ada.quill@voltmail.example
--@ $ 4

--@ case same parameter twice
SELECT id FROM customers WHERE email = $1 OR name = $1 ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case same parameter for encrypted and plain columns
SELECT id FROM customers WHERE name = $1 OR plan = $1 ORDER BY id
--@ $ gold
--@ refused text,binary,prepared: the value would be sent in plaintext too

--@ case parameters out of order
SELECT id FROM customers WHERE email = $2 AND visits = $1
--@ $ 10
--@ $ ada.quill@voltmail.example

--@ case comparison in the select list
SELECT id, email = $1 AS hit FROM customers ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case comparison in a case expression
SELECT id, CASE WHEN email = $1 THEN 'me' ELSE 'other' END FROM customers ORDER BY id
--@ $ ada.quill@voltmail.example

--@ case int4
SELECT id FROM every WHERE c_int4 = 1977231654

--@ case int4 parameter
SELECT id FROM every WHERE c_int4 = $1
--@ $ 1977231654

--@ case int4 against an int8 parameter
SELECT id FROM every WHERE c_int4 = $1
--@ types int8
--@ $ 1977231654

--@ case int4 against a large literal
SELECT id FROM every WHERE c_int4 = 3000000000

--@ case int4 against a numeric literal
SELECT id FROM every WHERE c_int4 = 1977231654.0

--@ case int2
SELECT id FROM every WHERE c_int2 = 12

--@ case negative int2
SELECT id FROM every WHERE c_int2 = -32768

--@ case negative int4 without a blank
SELECT id FROM every WHERE c_int4=-2147483648

--@ case int8
SELECT id FROM every WHERE c_int8 = 881977231654123

--@ case int8 minimum
SELECT id FROM every WHERE c_int8 = $1
--@ $ -9223372036854775808

--@ case numeric with other scale
SELECT id FROM every WHERE c_numeric = 31415.9260000

--@ case numeric parameter
SELECT id FROM every WHERE c_numeric = $1
--@ $ 31415.926

--@ case numeric against an integer
SELECT id FROM customers WHERE balance = 0

--@ case negative numeric
SELECT id FROM customers WHERE balance = -17.05

--@ case float8 literal
SELECT id FROM every WHERE c_float8 = 2.718281828459045::float8

--@ case float8 parameter
SELECT id FROM every WHERE c_float8 = $1
--@ $ 2.718281828459045

--@ case float8 infinity
SELECT id FROM every WHERE c_float8 = '-inf'

--@ case float4 parameter
SELECT id FROM every WHERE c_float4 = $1
--@ $ 1.5

--@ case float4 NaN
SELECT id FROM every WHERE c_float4 = 'NaN'

--@ case boolean
SELECT id FROM customers WHERE vip = true ORDER BY id

--@ case boolean parameter
SELECT id FROM customers WHERE vip = $1 ORDER BY id
--@ $ f

--@ case boolean string
SELECT id FROM every WHERE c_bool = 'yes' ORDER BY id

--@ case date literal
SELECT id FROM customers WHERE birthday = '1981-04-12' ORDER BY id

--@ case date parameter
SELECT id, birthday FROM customers WHERE birthday = $1 ORDER BY id
--@ $ 1981-04-12

--@ case date in another spelling
SELECT id FROM customers WHERE birthday = 'April 12, 1981' ORDER BY id

--@ case typed date literal
SELECT id FROM customers WHERE birthday = DATE '1981-04-12' ORDER BY id

--@ case date infinity
SELECT id FROM every WHERE c_date = 'infinity'

--@ case time
SELECT id FROM every WHERE c_time = '13:14:15.678901'

--@ case time in another spelling
SELECT id FROM every WHERE c_time = '12:00 AM'

--@ case timestamp
SELECT id FROM every WHERE c_timestamp = $1
--@ $ 2024-02-29T13:14:15.678901

--@ case timestamptz in another zone
SELECT id FROM every WHERE c_timestamptz = '2024-02-29 11:14:15.678901+00'

--@ case timestamptz with a named zone
SELECT id FROM every WHERE c_timestamptz = '2024-02-29 06:14:15.678901 America/New_York'

--@ case uuid in another spelling
SELECT id FROM every WHERE c_uuid = '{8F14E45FCEEA467FA9F2D5A1C4B3E901}'

--@ case uuid parameter
SELECT id, c_uuid FROM every WHERE c_uuid = $1
--@ $ 8f14e45f-ceea-467f-a9f2-d5a1c4b3e901

--@ case jsonb by value
SELECT id FROM every WHERE c_jsonb = '{"a":[1,2.5],"b":1.0}'

--@ case jsonb parameter
SELECT id FROM every WHERE c_jsonb = $1
--@ $ {"a": [1, 2.5], "b": 1}

--@ case jsonb null
SELECT id FROM every WHERE c_jsonb = 'null'

--@ case json has no equality
SELECT id FROM every WHERE c_json = '{}'

--@ case bytea hex
SELECT id FROM every WHERE c_bytea = '\x00ff10deadbeefcafe00'

--@ case bytea escape
SELECT id FROM every WHERE c_bytea = '''\000\\'

--@ case bytea parameter
SELECT id FROM every WHERE c_bytea = $1
--@ $ \\x00ff10deadbeefcafe00

--@ case char without its padding
SELECT vin, model FROM vehicles WHERE vin = 'SHORT'

--@ case char with other padding
SELECT model FROM vehicles WHERE vin = 'SHORT   '

--@ case char parameter
SELECT model FROM vehicles WHERE vin = $1
--@ $ 5YJ3E1EA7KF317001

--@ case char parameter announced as text
SELECT model FROM vehicles WHERE vin = $1
--@ types text
--@ $ SHORT

--@ case char parameter announced as varchar
SELECT model FROM vehicles WHERE vin = $1
--@ types varchar
--@ $ 5YJ3E1EA7KF317001

--@ case escape string literal
SELECT id FROM customers WHERE name = E'Ada\x20Quillfeather'

--@ case dollar-quoted literal
SELECT id FROM customers WHERE name = $q$Ada Quillfeather$q$

--@ case unicode string literal
SELECT id FROM customers WHERE name = U&'Ada\0020Quillfeather'

--@ case literal in two lines
SELECT id FROM customers WHERE name = 'Ada '
    'Quillfeather'

--@ case literal with a quote
SELECT id FROM customers WHERE name = 'O''Hara'

--@ case parenthesised
SELECT id FROM customers WHERE ((email)) = (('ada.quill@voltmail.example'))

--@ case row comparison
SELECT id FROM customers WHERE (email, visits) = ('ada.quill@voltmail.example', 10)

--@ case type that has no equality with it
SELECT id FROM customers WHERE birthday = 5

--@ case text against an integer
SELECT id FROM customers WHERE name = 5

--@ case parameter of a type that does not fit
SELECT id FROM customers WHERE birthday = $1
--@ types int4
--@ $ 5
