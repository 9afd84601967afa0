-- Text that a type does not accept: PostgreSQL's own SQLSTATE, and nothing is written.

--@ case int2: 'twelve'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ twelve

--@ case int2: '32768'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ 32768

--@ case int2: '-32769'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ -32769

--@ case int2: '1.5'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ 1.5

--@ case int2: ''
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ 

--@ case int2: '0x10x'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ 0x10x

--@ case int2: '1e3'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ 1e3

--@ case int2: '99999999999999999999'
INSERT INTO every (id, c_int2) VALUES (50, $1)
--@ $ 99999999999999999999

--@ case int2 in a comparison
SELECT id FROM every WHERE c_int2 = $1
--@ $ twelve

--@ case int4: 'twelve'
INSERT INTO every (id, c_int4) VALUES (50, $1)
--@ $ twelve

--@ case int4: '2147483648'
INSERT INTO every (id, c_int4) VALUES (50, $1)
--@ $ 2147483648

--@ case int4: '-2147483649'
INSERT INTO every (id, c_int4) VALUES (50, $1)
--@ $ -2147483649

--@ case int4: '12 3'
INSERT INTO every (id, c_int4) VALUES (50, $1)
--@ $ 12 3

--@ case int4: '--1'
INSERT INTO every (id, c_int4) VALUES (50, $1)
--@ $ --1

--@ case int4 in a comparison
SELECT id FROM every WHERE c_int4 = $1
--@ $ twelve

--@ case int8: '9223372036854775808'
INSERT INTO every (id, c_int8) VALUES (50, $1)
--@ $ 9223372036854775808

--@ case int8: '-9223372036854775809'
INSERT INTO every (id, c_int8) VALUES (50, $1)
--@ $ -9223372036854775809

--@ case int8: '1_0'
INSERT INTO every (id, c_int8) VALUES (50, $1)
--@ $ 1_0

--@ case int8 in a comparison
SELECT id FROM every WHERE c_int8 = $1
--@ $ 9223372036854775808

--@ case float4: 'one'
INSERT INTO every (id, c_float4) VALUES (50, $1)
--@ $ one

--@ case float4: '1e39'
INSERT INTO every (id, c_float4) VALUES (50, $1)
--@ $ 1e39

--@ case float4: '1e-50'
INSERT INTO every (id, c_float4) VALUES (50, $1)
--@ $ 1e-50

--@ case float4: '1.5f'
INSERT INTO every (id, c_float4) VALUES (50, $1)
--@ $ 1.5f

--@ case float4: ''
INSERT INTO every (id, c_float4) VALUES (50, $1)
--@ $ 

--@ case float4 in a comparison
SELECT id FROM every WHERE c_float4 = $1
--@ $ one

--@ case float8: 'one'
INSERT INTO every (id, c_float8) VALUES (50, $1)
--@ $ one

--@ case float8: '1e309'
INSERT INTO every (id, c_float8) VALUES (50, $1)
--@ $ 1e309

--@ case float8: '1e-400'
INSERT INTO every (id, c_float8) VALUES (50, $1)
--@ $ 1e-400

--@ case float8: 'nano'
INSERT INTO every (id, c_float8) VALUES (50, $1)
--@ $ nano

--@ case float8 in a comparison
SELECT id FROM every WHERE c_float8 = $1
--@ $ one

--@ case numeric: 'one'
INSERT INTO every (id, c_numeric) VALUES (50, $1)
--@ $ one

--@ case numeric: '1e9'
INSERT INTO every (id, c_numeric) VALUES (50, $1)
--@ $ 1e9

--@ case numeric: '999999999.9995'
INSERT INTO every (id, c_numeric) VALUES (50, $1)
--@ $ 999999999.9995

--@ case numeric: 'Infinity'
INSERT INTO every (id, c_numeric) VALUES (50, $1)
--@ $ Infinity

--@ case numeric: '1.2.3'
INSERT INTO every (id, c_numeric) VALUES (50, $1)
--@ $ 1.2.3

--@ case numeric: ''
INSERT INTO every (id, c_numeric) VALUES (50, $1)
--@ $ 

--@ case numeric in a comparison
SELECT id FROM every WHERE c_numeric = $1
--@ $ one

--@ case bool: 'maybe'
INSERT INTO every (id, c_bool) VALUES (50, $1)
--@ $ maybe

--@ case bool: '2'
INSERT INTO every (id, c_bool) VALUES (50, $1)
--@ $ 2

--@ case bool: 'o'
INSERT INTO every (id, c_bool) VALUES (50, $1)
--@ $ o

--@ case bool: 'tru e'
INSERT INTO every (id, c_bool) VALUES (50, $1)
--@ $ tru e

--@ case bool: ''
INSERT INTO every (id, c_bool) VALUES (50, $1)
--@ $ 

--@ case bool in a comparison
SELECT id FROM every WHERE c_bool = $1
--@ $ maybe

--@ case date: 'yesterdayish'
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ yesterdayish

--@ case date: '2023-02-29'
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ 2023-02-29

--@ case date: '2023-13-01'
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ 2023-13-01

--@ case date: '5874898-01-01'
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ 5874898-01-01

--@ case date: '1999-00-01'
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ 1999-00-01

--@ case date: ''
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ 

--@ case date: '13/13/1999'
INSERT INTO every (id, c_date) VALUES (50, $1)
--@ $ 13/13/1999

--@ case date in a comparison
SELECT id FROM every WHERE c_date = $1
--@ $ yesterdayish

--@ case time: '25:00'
INSERT INTO every (id, c_time) VALUES (50, $1)
--@ $ 25:00

--@ case time: '12:60'
INSERT INTO every (id, c_time) VALUES (50, $1)
--@ $ 12:60

--@ case time: '24:00:01'
INSERT INTO every (id, c_time) VALUES (50, $1)
--@ $ 24:00:01

--@ case time: 'noonish'
INSERT INTO every (id, c_time) VALUES (50, $1)
--@ $ noonish

--@ case time in a comparison
SELECT id FROM every WHERE c_time = $1
--@ $ 25:00

--@ case timestamp: '2023-02-30 00:00'
INSERT INTO every (id, c_timestamp) VALUES (50, $1)
--@ $ 2023-02-30 00:00

--@ case timestamp: '2024-02-29 25:00'
INSERT INTO every (id, c_timestamp) VALUES (50, $1)
--@ $ 2024-02-29 25:00

--@ case timestamp: '294277-01-01'
INSERT INTO every (id, c_timestamp) VALUES (50, $1)
--@ $ 294277-01-01

--@ case timestamp: 'bad'
INSERT INTO every (id, c_timestamp) VALUES (50, $1)
--@ $ bad

--@ case timestamp: 'infinit'
INSERT INTO every (id, c_timestamp) VALUES (50, $1)
--@ $ infinit

--@ case timestamp in a comparison
SELECT id FROM every WHERE c_timestamp = $1
--@ $ 2023-02-30 00:00

--@ case timestamptz: '2023-02-30 00:00+00'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1)
--@ $ 2023-02-30 00:00+00

--@ case timestamptz: '2024-02-29 00:00+99'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1)
--@ $ 2024-02-29 00:00+99

--@ case timestamptz: '2024-02-29 10:00 Nowhere/Town'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1)
--@ $ 2024-02-29 10:00 Nowhere/Town

--@ case timestamptz: 'bad'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1)
--@ $ bad

--@ case timestamptz in a comparison
SELECT id FROM every WHERE c_timestamptz = $1
--@ $ 2023-02-30 00:00+00

--@ case uuid: '8f14e45f-ceea-467f-a9f2-d5a1c4b3e90'
INSERT INTO every (id, c_uuid) VALUES (50, $1)
--@ $ 8f14e45f-ceea-467f-a9f2-d5a1c4b3e90

--@ case uuid: '{8f14e45f-ceea-467f-a9f2-d5a1c4b3e901'
INSERT INTO every (id, c_uuid) VALUES (50, $1)
--@ $ {8f14e45f-ceea-467f-a9f2-d5a1c4b3e901

--@ case uuid: '8f14e45fceea467fa9f2d5a1c4b3e9zz'
INSERT INTO every (id, c_uuid) VALUES (50, $1)
--@ $ 8f14e45fceea467fa9f2d5a1c4b3e9zz

--@ case uuid: '8f14-e45fceea467fa9f2d5a1c4b3e901'
INSERT INTO every (id, c_uuid) VALUES (50, $1)
--@ $ 8f14-e45fceea467fa9f2d5a1c4b3e901

--@ case uuid in a comparison
SELECT id FROM every WHERE c_uuid = $1
--@ $ 8f14e45f-ceea-467f-a9f2-d5a1c4b3e90

--@ case json: '{'
INSERT INTO every (id, c_json) VALUES (50, $1)
--@ $ {

--@ case json: '{"a":}'
INSERT INTO every (id, c_json) VALUES (50, $1)
--@ $ {"a":}

--@ case json: 'tru'
INSERT INTO every (id, c_json) VALUES (50, $1)
--@ $ tru

--@ case json: '[1,]'
INSERT INTO every (id, c_json) VALUES (50, $1)
--@ $ [1,]

--@ case json: ''
INSERT INTO every (id, c_json) VALUES (50, $1)
--@ $ 

--@ case json in a comparison
SELECT id FROM every WHERE c_json = $1
--@ $ {

--@ case jsonb: '{'
INSERT INTO every (id, c_jsonb) VALUES (50, $1)
--@ $ {

--@ case jsonb: '{"a" 1}'
INSERT INTO every (id, c_jsonb) VALUES (50, $1)
--@ $ {"a" 1}

--@ case jsonb: '"\\\\u0000"'
INSERT INTO every (id, c_jsonb) VALUES (50, $1)
--@ $ "\\u0000"

--@ case jsonb: '1 2'
INSERT INTO every (id, c_jsonb) VALUES (50, $1)
--@ $ 1 2

--@ case jsonb in a comparison
SELECT id FROM every WHERE c_jsonb = $1
--@ $ {

--@ case bytea: '\\\\x0'
INSERT INTO every (id, c_bytea) VALUES (50, $1)
--@ $ \\x0

--@ case bytea: '\\\\xzz'
INSERT INTO every (id, c_bytea) VALUES (50, $1)
--@ $ \\xzz

--@ case bytea: '\\\\9'
INSERT INTO every (id, c_bytea) VALUES (50, $1)
--@ $ \\9

--@ case bytea in a comparison
SELECT id FROM every WHERE c_bytea = $1
--@ $ \\x0

--@ case varchar: 'x\\*21'
INSERT INTO every (id, c_varchar) VALUES (50, $1)
--@ $ x\*21

--@ case varchar: 'ünïcödé ünïcödé ünïcödé'
INSERT INTO every (id, c_varchar) VALUES (50, $1)
--@ $ ünïcödé ünïcödé ünïcödé

--@ case varchar in a comparison
SELECT id FROM every WHERE c_varchar = $1
--@ $ x\*21

--@ case char: '123456789'
INSERT INTO every (id, c_char) VALUES (50, $1)
--@ $ 123456789

--@ case char: 'ü\\*9'
INSERT INTO every (id, c_char) VALUES (50, $1)
--@ $ ü\*9

--@ case char in a comparison
SELECT id FROM every WHERE c_char = $1
--@ $ 123456789
