-- Text that a type accepts, in its many spellings; stored and read back.

--@ case int2: '\\s12\\s'
INSERT INTO every (id, c_int2) VALUES (50, $1) RETURNING c_int2
--@ $ \s12\s

--@ case int2: '-0'
INSERT INTO every (id, c_int2) VALUES (50, $1) RETURNING c_int2
--@ $ -0

--@ case int2: '+7'
INSERT INTO every (id, c_int2) VALUES (50, $1) RETURNING c_int2
--@ $ +7

--@ case int2: '007'
INSERT INTO every (id, c_int2) VALUES (50, $1) RETURNING c_int2
--@ $ 007

--@ case int4: '\\n42\\t'
INSERT INTO every (id, c_int4) VALUES (50, $1) RETURNING c_int4
--@ $ \n42\t

--@ case int4: '-2147483648'
INSERT INTO every (id, c_int4) VALUES (50, $1) RETURNING c_int4
--@ $ -2147483648

--@ case int4: '+2147483647'
INSERT INTO every (id, c_int4) VALUES (50, $1) RETURNING c_int4
--@ $ +2147483647

--@ case int8: '9223372036854775807'
INSERT INTO every (id, c_int8) VALUES (50, $1) RETURNING c_int8
--@ $ 9223372036854775807

--@ case int8: '-9223372036854775808'
INSERT INTO every (id, c_int8) VALUES (50, $1) RETURNING c_int8
--@ $ -9223372036854775808

--@ case float4: '1e-40'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ 1e-40

--@ case float4: '.5'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ .5

--@ case float4: '5.'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ 5.

--@ case float4: 'inf'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ inf

--@ case float4: '+Infinity'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ +Infinity

--@ case float4: 'nan'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ nan

--@ case float4: '-0'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ -0

--@ case float4: '3.4e38'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ 3.4e38

--@ case float4: '\\s1.5\\s'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ \s1.5\s

--@ case float4: '16777217'
INSERT INTO every (id, c_float4) VALUES (50, $1) RETURNING c_float4
--@ $ 16777217

--@ case float8: '1e308'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 1e308

--@ case float8: '4.9e-324'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 4.9e-324

--@ case float8: '0.1'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 0.1

--@ case float8: '-inf'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ -inf

--@ case float8: '1e+5'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 1e+5

--@ case float8: '123456789.123456789'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 123456789.123456789

--@ case float8: '-0.0'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ -0.0

--@ case float8: '1e15'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 1e15

--@ case float8: '1e16'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 1e16

--@ case float8: '0.0001'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 0.0001

--@ case float8: '0.00001'
INSERT INTO every (id, c_float8) VALUES (50, $1) RETURNING c_float8
--@ $ 0.00001

--@ case numeric: '1'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ 1

--@ case numeric: '1.0005'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ 1.0005

--@ case numeric: '-1.0005'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ -1.0005

--@ case numeric: '1e3'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ 1e3

--@ case numeric: '.5'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ .5

--@ case numeric: '-0'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ -0

--@ case numeric: 'NaN'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ NaN

--@ case numeric: '999999999.9994'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ 999999999.9994

--@ case numeric: '+1.50'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ +1.50

--@ case numeric: '\\s12.5\\s'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ \s12.5\s

--@ case numeric: '123.4567e2'
INSERT INTO every (id, c_numeric) VALUES (50, $1) RETURNING c_numeric
--@ $ 123.4567e2

--@ case bool: 't'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ t

--@ case bool: 'TRUE'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ TRUE

--@ case bool: 'yes'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ yes

--@ case bool: 'on'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ on

--@ case bool: '1'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ 1

--@ case bool: 'f'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ f

--@ case bool: 'off'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ off

--@ case bool: 'n'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ n

--@ case bool: '0'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ 0

--@ case bool: 'fal'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ fal

--@ case bool: '\\strue\\s'
INSERT INTO every (id, c_bool) VALUES (50, $1) RETURNING c_bool
--@ $ \strue\s

--@ case date: '2024-02-29'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 2024-02-29

--@ case date: '20240229'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 20240229

--@ case date: '2024.060'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 2024.060

--@ case date: 'Feb 29 2024'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ Feb 29 2024

--@ case date: '29 Feb 2024'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 29 Feb 2024

--@ case date: 'February 29, 2024'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ February 29, 2024

--@ case date: '2024-Feb-29'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 2024-Feb-29

--@ case date: '99-01-08'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 99-01-08

--@ case date: 'J2451187'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ J2451187

--@ case date: 'January 8, 99 BC'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ January 8, 99 BC

--@ case date: 'epoch'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ epoch

--@ case date: 'infinity'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ infinity

--@ case date: '-infinity'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ -infinity

--@ case date: '5874897-12-31'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 5874897-12-31

--@ case date: '4714-11-24 BC'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 4714-11-24 BC

--@ case date: '1/8/1999'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 1/8/1999

--@ case date: '2024-02-29 10:11:12'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 2024-02-29 10:11:12

--@ case date: '1999-1-8'
INSERT INTO every (id, c_date) VALUES (50, $1) RETURNING c_date
--@ $ 1999-1-8

--@ case time: '04:05'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 04:05

--@ case time: '040506'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 040506

--@ case time: '04:05 PM'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 04:05 PM

--@ case time: '04:05:06.789'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 04:05:06.789

--@ case time: 'allballs'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ allballs

--@ case time: '23:59:60'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 23:59:60

--@ case time: '24:00:00'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 24:00:00

--@ case time: '04:05:06-08'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 04:05:06-08

--@ case time: '12:34:56.1234567'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 12:34:56.1234567

--@ case time: '2003-04-12 04:05:06'
INSERT INTO every (id, c_time) VALUES (50, $1) RETURNING c_time
--@ $ 2003-04-12 04:05:06

--@ case timestamp: '2024-02-29'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 2024-02-29

--@ case timestamp: '2024-02-29T10:11:12'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 2024-02-29T10:11:12

--@ case timestamp: '20240229T101112'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 20240229T101112

--@ case timestamp: '2024-02-29 10:11:12+05'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 2024-02-29 10:11:12+05

--@ case timestamp: 'Feb 29 10:11:12.5 2024'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ Feb 29 10:11:12.5 2024

--@ case timestamp: 'epoch'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ epoch

--@ case timestamp: '-infinity'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ -infinity

--@ case timestamp: '2024-02-29 24:00:00'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 2024-02-29 24:00:00

--@ case timestamp: '1999-01-08 04:05:06 PM'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 1999-01-08 04:05:06 PM

--@ case timestamp: '0044-03-15 12:00 BC'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 0044-03-15 12:00 BC

--@ case timestamp: '1e5'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 1e5

--@ case timestamp: '2024-02-29 10:11:12.9999999'
INSERT INTO every (id, c_timestamp) VALUES (50, $1) RETURNING c_timestamp
--@ $ 2024-02-29 10:11:12.9999999

--@ case timestamptz: '2024-02-29 10:11:12'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12

--@ case timestamptz: '2024-02-29 10:11:12Z'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12Z

--@ case timestamptz: '2024-02-29 10:11:12 UTC'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12 UTC

--@ case timestamptz: '2024-02-29 10:11:12 PST'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12 PST

--@ case timestamptz: '2024-02-29 10:11:12 America/New_York'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12 America/New_York

--@ case timestamptz: '2024-02-29 10:11:12+05:30'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12+05:30

--@ case timestamptz: '2024-02-29 10:11:12-0800'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-02-29 10:11:12-0800

--@ case timestamptz: '2024-07-01 10:11:12 Europe/Berlin'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 2024-07-01 10:11:12 Europe/Berlin

--@ case timestamptz: 'epoch'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ epoch

--@ case timestamptz: 'infinity'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ infinity

--@ case timestamptz: '1900-01-01 00:00:00 Europe/Berlin'
INSERT INTO every (id, c_timestamptz) VALUES (50, $1) RETURNING c_timestamptz
--@ $ 1900-01-01 00:00:00 Europe/Berlin

--@ case uuid: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'
INSERT INTO every (id, c_uuid) VALUES (50, $1) RETURNING c_uuid
--@ $ A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11

--@ case uuid: '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'
INSERT INTO every (id, c_uuid) VALUES (50, $1) RETURNING c_uuid
--@ $ {a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}

--@ case uuid: 'a0eebc999c0b4ef8bb6d6bb9bd380a11'
INSERT INTO every (id, c_uuid) VALUES (50, $1) RETURNING c_uuid
--@ $ a0eebc999c0b4ef8bb6d6bb9bd380a11

--@ case uuid: 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11'
INSERT INTO every (id, c_uuid) VALUES (50, $1) RETURNING c_uuid
--@ $ a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11

--@ case json: '{"b":1,"a":2,"a":3}'
INSERT INTO every (id, c_json) VALUES (50, $1) RETURNING c_json
--@ $ {"b":1,"a":2,"a":3}

--@ case json: ' [1 , 2 ] '
INSERT INTO every (id, c_json) VALUES (50, $1) RETURNING c_json
--@ $  [1 , 2 ] 

--@ case json: '"\\\\u00e9"'
INSERT INTO every (id, c_json) VALUES (50, $1) RETURNING c_json
--@ $ "\\u00e9"

--@ case json: '12345678901234567890.10'
INSERT INTO every (id, c_json) VALUES (50, $1) RETURNING c_json
--@ $ 12345678901234567890.10

--@ case json: 'null'
INSERT INTO every (id, c_json) VALUES (50, $1) RETURNING c_json
--@ $ null

--@ case json: '{"x":"\\\\u0000"}'
INSERT INTO every (id, c_json) VALUES (50, $1) RETURNING c_json
--@ $ {"x":"\\u0000"}

--@ case jsonb: '{"b":1,"a":2,"a":3}'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ {"b":1,"a":2,"a":3}

--@ case jsonb: '[1 , 2.50, 1e3 ]'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ [1 , 2.50, 1e3 ]

--@ case jsonb: '"\\\\u00e9\\\\n"'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ "\\u00e9\\n"

--@ case jsonb: '12345678901234567890.10'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ 12345678901234567890.10

--@ case jsonb: '{"aa":1,"b":2,"c":{"z":[],"y":{}}}'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ {"aa":1,"b":2,"c":{"z":[],"y":{}}}

--@ case jsonb: '-0'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ -0

--@ case jsonb: '1E-3'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ 1E-3

--@ case jsonb: '"tab\\\\t quote\\\\" slash\\\\/"'
INSERT INTO every (id, c_jsonb) VALUES (50, $1) RETURNING c_jsonb
--@ $ "tab\\t quote\\" slash\\/"

--@ case bytea: '\\\\x'
INSERT INTO every (id, c_bytea) VALUES (50, $1) RETURNING c_bytea
--@ $ \\x

--@ case bytea: '\\\\xDEADbeef'
INSERT INTO every (id, c_bytea) VALUES (50, $1) RETURNING c_bytea
--@ $ \\xDEADbeef

--@ case bytea: '\\\\x de ad'
INSERT INTO every (id, c_bytea) VALUES (50, $1) RETURNING c_bytea
--@ $ \\x de ad

--@ case bytea: 'abc\\\\\\\\def'
INSERT INTO every (id, c_bytea) VALUES (50, $1) RETURNING c_bytea
--@ $ abc\\\\def

--@ case bytea: '\\\\000\\\\377'
INSERT INTO every (id, c_bytea) VALUES (50, $1) RETURNING c_bytea
--@ $ \\000\\377

--@ case bytea: 'ünï'
INSERT INTO every (id, c_bytea) VALUES (50, $1) RETURNING c_bytea
--@ $ ünï

--@ case varchar: 'x\\*20'
INSERT INTO every (id, c_varchar) VALUES (50, $1) RETURNING c_varchar
--@ $ x\*20

--@ case varchar: 'exactly twenty chars   \\s\\s'
INSERT INTO every (id, c_varchar) VALUES (50, $1) RETURNING c_varchar
--@ $ exactly twenty chars   \s\s

--@ case varchar: 'ünïcödé ünïcödé üüüü'
INSERT INTO every (id, c_varchar) VALUES (50, $1) RETURNING c_varchar
--@ $ ünïcödé ünïcödé üüüü

--@ case char: '12345678'
INSERT INTO every (id, c_char) VALUES (50, $1) RETURNING c_char
--@ $ 12345678

--@ case char: 'a'
INSERT INTO every (id, c_char) VALUES (50, $1) RETURNING c_char
--@ $ a

--@ case char: '12345678\\s\\s\\s'
INSERT INTO every (id, c_char) VALUES (50, $1) RETURNING c_char
--@ $ 12345678\s\s\s

--@ case char: '\\sa'
INSERT INTO every (id, c_char) VALUES (50, $1) RETURNING c_char
--@ $ \sa

--@ case char: 'ü\\*8'
INSERT INTO every (id, c_char) VALUES (50, $1) RETURNING c_char
--@ $ ü\*8
