-- Order: comparisons, sort keys, and values chosen by order, for every type.

--@ case text: sorted
SELECT id, r_text FROM ranked ORDER BY r_text, id

--@ case text: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_text DESC NULLS LAST, id DESC

--@ case text: less, a literal
SELECT id FROM ranked WHERE r_text < 'Brixton Quay' ORDER BY id

--@ case text: at least, a parameter
SELECT id, r_text FROM ranked WHERE r_text >= $1 ORDER BY r_text, id
--@ $ Brixton Quay

--@ case text: between
SELECT id FROM ranked WHERE r_text NOT BETWEEN $1 AND 'Brixton Quay' ORDER BY id
--@ $ Brixton Quay

--@ case text: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_text > b.r_text AND a.team <= b.team ORDER BY 1, 2

--@ case text: least and greatest
SELECT min(r_text), max(r_text) FROM ranked

--@ case text: of each team
SELECT team, max(r_text) AS top FROM ranked GROUP BY team ORDER BY team

--@ case varchar: sorted
SELECT id, r_varchar FROM ranked ORDER BY r_varchar, id

--@ case varchar: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_varchar DESC NULLS LAST, id DESC

--@ case varchar: less, a literal
SELECT id FROM ranked WHERE r_varchar < 'amberley' ORDER BY id

--@ case varchar: at least, a parameter
SELECT id, r_varchar FROM ranked WHERE r_varchar >= $1 ORDER BY r_varchar, id
--@ $ amberley

--@ case varchar: between
SELECT id FROM ranked WHERE r_varchar NOT BETWEEN $1 AND 'amberley' ORDER BY id
--@ $ amberley

--@ case varchar: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_varchar > b.r_varchar AND a.team <= b.team ORDER BY 1, 2

--@ case varchar: least and greatest
SELECT min(r_varchar), max(r_varchar) FROM ranked

--@ case varchar: of each team
SELECT team, max(r_varchar) AS top FROM ranked GROUP BY team ORDER BY team

--@ case char: sorted
SELECT id, r_char FROM ranked ORDER BY r_char, id

--@ case char: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_char DESC NULLS LAST, id DESC

--@ case char: less, a literal
SELECT id FROM ranked WHERE r_char < 'Brixto' ORDER BY id

--@ case char: at least, a parameter
SELECT id, r_char FROM ranked WHERE r_char >= $1 ORDER BY r_char, id
--@ $ Brixto

--@ case char: between
SELECT id FROM ranked WHERE r_char NOT BETWEEN $1 AND 'Brixto' ORDER BY id
--@ $ Brixto

--@ case char: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_char > b.r_char AND a.team <= b.team ORDER BY 1, 2

--@ case char: least and greatest
SELECT min(r_char), max(r_char) FROM ranked

--@ case char: of each team
SELECT team, max(r_char) AS top FROM ranked GROUP BY team ORDER BY team

--@ case int2: sorted
SELECT id, r_int2 FROM ranked ORDER BY r_int2, id

--@ case int2: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_int2 DESC NULLS LAST, id DESC

--@ case int2: less, a literal
SELECT id FROM ranked WHERE r_int2 < '5' ORDER BY id

--@ case int2: at least, a parameter
SELECT id, r_int2 FROM ranked WHERE r_int2 >= $1 ORDER BY r_int2, id
--@ $ 5

--@ case int2: between
SELECT id FROM ranked WHERE r_int2 NOT BETWEEN $1 AND '5' ORDER BY id
--@ $ 5

--@ case int2: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_int2 > b.r_int2 AND a.team <= b.team ORDER BY 1, 2

--@ case int2: least and greatest
SELECT min(r_int2), max(r_int2) FROM ranked

--@ case int2: of each team
SELECT team, max(r_int2) AS top FROM ranked GROUP BY team ORDER BY team

--@ case int4: sorted
SELECT id, r_int4 FROM ranked ORDER BY r_int4, id

--@ case int4: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_int4 DESC NULLS LAST, id DESC

--@ case int4: less, a literal
SELECT id FROM ranked WHERE r_int4 < '1000' ORDER BY id

--@ case int4: at least, a parameter
SELECT id, r_int4 FROM ranked WHERE r_int4 >= $1 ORDER BY r_int4, id
--@ $ 1000

--@ case int4: between
SELECT id FROM ranked WHERE r_int4 NOT BETWEEN $1 AND '1000' ORDER BY id
--@ $ 1000

--@ case int4: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_int4 > b.r_int4 AND a.team <= b.team ORDER BY 1, 2

--@ case int4: least and greatest
SELECT min(r_int4), max(r_int4) FROM ranked

--@ case int4: of each team
SELECT team, max(r_int4) AS top FROM ranked GROUP BY team ORDER BY team

--@ case int8: sorted
SELECT id, r_int8 FROM ranked ORDER BY r_int8, id

--@ case int8: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_int8 DESC NULLS LAST, id DESC

--@ case int8: less, a literal
SELECT id FROM ranked WHERE r_int8 < '880019771002003' ORDER BY id

--@ case int8: at least, a parameter
SELECT id, r_int8 FROM ranked WHERE r_int8 >= $1 ORDER BY r_int8, id
--@ $ 880019771002003

--@ case int8: between
SELECT id FROM ranked WHERE r_int8 NOT BETWEEN $1 AND '880019771002003' ORDER BY id
--@ $ 880019771002003

--@ case int8: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_int8 > b.r_int8 AND a.team <= b.team ORDER BY 1, 2

--@ case int8: least and greatest
SELECT min(r_int8), max(r_int8) FROM ranked

--@ case int8: of each team
SELECT team, max(r_int8) AS top FROM ranked GROUP BY team ORDER BY team

--@ case float4: sorted
SELECT id, r_float4 FROM ranked ORDER BY r_float4, id

--@ case float4: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_float4 DESC NULLS LAST, id DESC

--@ case float4: less, a literal
SELECT id FROM ranked WHERE r_float4 < '1.5' ORDER BY id

--@ case float4: at least, a parameter
SELECT id, r_float4 FROM ranked WHERE r_float4 >= $1 ORDER BY r_float4, id
--@ $ 1.5

--@ case float4: between
SELECT id FROM ranked WHERE r_float4 NOT BETWEEN $1 AND '1.5' ORDER BY id
--@ $ 1.5

--@ case float4: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_float4 > b.r_float4 AND a.team <= b.team ORDER BY 1, 2

--@ case float8: sorted
SELECT id, r_float8 FROM ranked ORDER BY r_float8, id

--@ case float8: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_float8 DESC NULLS LAST, id DESC

--@ case float8: less, a literal
SELECT id FROM ranked WHERE r_float8 < '0.1' ORDER BY id

--@ case float8: at least, a parameter
SELECT id, r_float8 FROM ranked WHERE r_float8 >= $1 ORDER BY r_float8, id
--@ $ 0.1

--@ case float8: between
SELECT id FROM ranked WHERE r_float8 NOT BETWEEN $1 AND '0.1' ORDER BY id
--@ $ 0.1

--@ case float8: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_float8 > b.r_float8 AND a.team <= b.team ORDER BY 1, 2

--@ case numeric: sorted
SELECT id, r_numeric FROM ranked ORDER BY r_numeric, id

--@ case numeric: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_numeric DESC NULLS LAST, id DESC

--@ case numeric: less, a literal
SELECT id FROM ranked WHERE r_numeric < '31415.92653' ORDER BY id

--@ case numeric: at least, a parameter
SELECT id, r_numeric FROM ranked WHERE r_numeric >= $1 ORDER BY r_numeric, id
--@ $ 31415.92653

--@ case numeric: between
SELECT id FROM ranked WHERE r_numeric NOT BETWEEN $1 AND '31415.92653' ORDER BY id
--@ $ 31415.92653

--@ case numeric: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_numeric > b.r_numeric AND a.team <= b.team ORDER BY 1, 2

--@ case price: sorted
SELECT id, r_price FROM ranked ORDER BY r_price, id

--@ case price: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_price DESC NULLS LAST, id DESC

--@ case price: less, a literal
SELECT id FROM ranked WHERE r_price < '19.99' ORDER BY id

--@ case price: at least, a parameter
SELECT id, r_price FROM ranked WHERE r_price >= $1 ORDER BY r_price, id
--@ $ 19.99

--@ case price: between
SELECT id FROM ranked WHERE r_price NOT BETWEEN $1 AND '19.99' ORDER BY id
--@ $ 19.99

--@ case price: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_price > b.r_price AND a.team <= b.team ORDER BY 1, 2

--@ case price: least and greatest
SELECT min(r_price), max(r_price) FROM ranked

--@ case price: of each team
SELECT team, max(r_price) AS top FROM ranked GROUP BY team ORDER BY team

--@ case bool: sorted
SELECT id, r_bool FROM ranked ORDER BY r_bool, id

--@ case bool: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_bool DESC NULLS LAST, id DESC

--@ case bool: less, a literal
SELECT id FROM ranked WHERE r_bool < 'true' ORDER BY id

--@ case bool: at least, a parameter
SELECT id, r_bool FROM ranked WHERE r_bool >= $1 ORDER BY r_bool, id
--@ $ true

--@ case bool: between
SELECT id FROM ranked WHERE r_bool NOT BETWEEN $1 AND 'true' ORDER BY id
--@ $ true

--@ case bool: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_bool > b.r_bool AND a.team <= b.team ORDER BY 1, 2

--@ case date: sorted
SELECT id, r_date FROM ranked ORDER BY r_date, id

--@ case date: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_date DESC NULLS LAST, id DESC

--@ case date: less, a literal
SELECT id FROM ranked WHERE r_date < '1999-12-31' ORDER BY id

--@ case date: at least, a parameter
SELECT id, r_date FROM ranked WHERE r_date >= $1 ORDER BY r_date, id
--@ $ 1999-12-31

--@ case date: between
SELECT id FROM ranked WHERE r_date NOT BETWEEN $1 AND '1999-12-31' ORDER BY id
--@ $ 1999-12-31

--@ case date: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_date > b.r_date AND a.team <= b.team ORDER BY 1, 2

--@ case date: least and greatest
SELECT min(r_date), max(r_date) FROM ranked

--@ case date: of each team
SELECT team, max(r_date) AS top FROM ranked GROUP BY team ORDER BY team

--@ case time: sorted
SELECT id, r_time FROM ranked ORDER BY r_time, id

--@ case time: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_time DESC NULLS LAST, id DESC

--@ case time: less, a literal
SELECT id FROM ranked WHERE r_time < '12:34:56.789' ORDER BY id

--@ case time: at least, a parameter
SELECT id, r_time FROM ranked WHERE r_time >= $1 ORDER BY r_time, id
--@ $ 12:34:56.789

--@ case time: between
SELECT id FROM ranked WHERE r_time NOT BETWEEN $1 AND '12:34:56.789' ORDER BY id
--@ $ 12:34:56.789

--@ case time: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_time > b.r_time AND a.team <= b.team ORDER BY 1, 2

--@ case time: least and greatest
SELECT min(r_time), max(r_time) FROM ranked

--@ case time: of each team
SELECT team, max(r_time) AS top FROM ranked GROUP BY team ORDER BY team

--@ case timestamp: sorted
SELECT id, r_timestamp FROM ranked ORDER BY r_timestamp, id

--@ case timestamp: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_timestamp DESC NULLS LAST, id DESC

--@ case timestamp: less, a literal
SELECT id FROM ranked WHERE r_timestamp < '1977-03-05 06:07:08.9' ORDER BY id

--@ case timestamp: at least, a parameter
SELECT id, r_timestamp FROM ranked WHERE r_timestamp >= $1 ORDER BY r_timestamp, id
--@ $ 1977-03-05 06:07:08.9

--@ case timestamp: between
SELECT id FROM ranked WHERE r_timestamp NOT BETWEEN $1 AND '1977-03-05 06:07:08.9' ORDER BY id
--@ $ 1977-03-05 06:07:08.9

--@ case timestamp: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_timestamp > b.r_timestamp AND a.team <= b.team ORDER BY 1, 2

--@ case timestamp: least and greatest
SELECT min(r_timestamp), max(r_timestamp) FROM ranked

--@ case timestamp: of each team
SELECT team, max(r_timestamp) AS top FROM ranked GROUP BY team ORDER BY team

--@ case timestamptz: sorted
SELECT id, r_timestamptz FROM ranked ORDER BY r_timestamptz, id

--@ case timestamptz: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_timestamptz DESC NULLS LAST, id DESC

--@ case timestamptz: less, a literal
SELECT id FROM ranked WHERE r_timestamptz < '2000-01-01 00:00+00' ORDER BY id

--@ case timestamptz: at least, a parameter
SELECT id, r_timestamptz FROM ranked WHERE r_timestamptz >= $1 ORDER BY r_timestamptz, id
--@ $ 2000-01-01 00:00+00

--@ case timestamptz: between
SELECT id FROM ranked WHERE r_timestamptz NOT BETWEEN $1 AND '2000-01-01 00:00+00' ORDER BY id
--@ $ 2000-01-01 00:00+00

--@ case timestamptz: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_timestamptz > b.r_timestamptz AND a.team <= b.team ORDER BY 1, 2

--@ case timestamptz: least and greatest
SELECT min(r_timestamptz), max(r_timestamptz) FROM ranked

--@ case timestamptz: of each team
SELECT team, max(r_timestamptz) AS top FROM ranked GROUP BY team ORDER BY team

--@ case uuid: sorted
SELECT id, r_uuid FROM ranked ORDER BY r_uuid, id

--@ case uuid: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_uuid DESC NULLS LAST, id DESC

--@ case uuid: less, a literal
SELECT id FROM ranked WHERE r_uuid < '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977' ORDER BY id

--@ case uuid: at least, a parameter
SELECT id, r_uuid FROM ranked WHERE r_uuid >= $1 ORDER BY r_uuid, id
--@ $ 1f14e45f-ceea-467f-a9f2-d5a1c4b3e977

--@ case uuid: between
SELECT id FROM ranked WHERE r_uuid NOT BETWEEN $1 AND '1f14e45f-ceea-467f-a9f2-d5a1c4b3e977' ORDER BY id
--@ $ 1f14e45f-ceea-467f-a9f2-d5a1c4b3e977

--@ case uuid: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_uuid > b.r_uuid AND a.team <= b.team ORDER BY 1, 2

--@ case bytea: sorted
SELECT id, r_bytea FROM ranked ORDER BY r_bytea, id

--@ case bytea: sorted downwards, NULLs last
SELECT id FROM ranked ORDER BY r_bytea DESC NULLS LAST, id DESC

--@ case bytea: less, a literal
SELECT id FROM ranked WHERE r_bytea < '\xff' ORDER BY id

--@ case bytea: at least, a parameter
SELECT id, r_bytea FROM ranked WHERE r_bytea >= $1 ORDER BY r_bytea, id
--@ $ \\xff

--@ case bytea: between
SELECT id FROM ranked WHERE r_bytea NOT BETWEEN $1 AND '\xff' ORDER BY id
--@ $ \\xff

--@ case bytea: each pair
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.r_bytea > b.r_bytea AND a.team <= b.team ORDER BY 1, 2

--@ case mixed: integer column, wide constants
SELECT id FROM ranked WHERE r_int4 < 3000000000 AND r_int2 > -40000 ORDER BY id

--@ case mixed: integer column, fractions
SELECT id FROM ranked WHERE r_int4 > 4.5 AND r_int8 <= 41.99 OR r_int2 >= -0.5 ORDER BY id

--@ case mixed: integer column, numeric parameter
SELECT id FROM ranked WHERE r_int4 > $1 ORDER BY id
--@ $ 4.5
--@ types numeric

--@ case mixed: integer column, float parameter
SELECT id FROM ranked WHERE r_int4 >= $1 ORDER BY id
--@ $ -4.5
--@ types float8

--@ case mixed: integer column, NaN
SELECT id FROM ranked WHERE r_int4 < 'NaN'::numeric ORDER BY id

--@ case mixed: numeric column, integers
SELECT id FROM ranked WHERE r_numeric > 1 AND r_price <= 100 ORDER BY id

--@ case mixed: float column, numbers
SELECT id FROM ranked WHERE r_float4 < 0.1 OR r_float8 > 2 ORDER BY id

--@ case mixed: date column, timestamp
SELECT id FROM ranked WHERE r_date < timestamp '1999-12-31 12:00' ORDER BY id

--@ case mixed: timestamp column, date
SELECT id FROM ranked WHERE r_timestamp >= date '2000-01-01' ORDER BY id

--@ case mixed: timestamptz column, timestamp
SELECT id FROM ranked WHERE r_timestamptz >= timestamp '2000-01-01 00:00' ORDER BY id

--@ case mixed: text and varchar columns
SELECT a.id, b.id FROM ranked a, ranked b WHERE a.r_text < b.r_varchar AND a.team = 1 ORDER BY 1, 2

--@ case no such operator
SELECT id FROM ranked WHERE r_date < 5

--@ case no such operator, text
SELECT id FROM ranked WHERE r_text < r_int4

--@ case a bad constant
SELECT id FROM ranked WHERE r_date < 'never'
--@ modes simple

--@ case null constant
SELECT id FROM ranked WHERE r_text < NULL OR r_int4 > NULL::int

--@ case null parameter
SELECT id FROM ranked WHERE r_text < $1
--@ $ \N

--@ case not less
SELECT id FROM ranked WHERE NOT (r_text < 'a') ORDER BY id

--@ case less in an output
SELECT id, r_text < 'a', r_int4 BETWEEN 0 AND 100 FROM ranked ORDER BY id

--@ case casts on both sides
SELECT id FROM ranked WHERE r_varchar::text < $1::varchar ORDER BY id
--@ $ b

--@ case cast in function form
SELECT id FROM ranked WHERE CAST(r_varchar AS text) >= CAST($1 AS text) ORDER BY id
--@ $ b

--@ case parentheses
SELECT id FROM ranked WHERE (r_text) < ('b') AND ((r_int4)) > (5) ORDER BY id

--@ case constant first
SELECT id FROM ranked WHERE 'b' > r_text AND 5 <= r_int4 ORDER BY id

--@ case constant between columns
SELECT id FROM ranked WHERE 'b' BETWEEN r_text AND r_varchar ORDER BY id

--@ case coalesce
SELECT id FROM ranked WHERE COALESCE(r_text, r_varchar) < 'b' ORDER BY id

--@ case coalesce with a constant
SELECT id FROM ranked WHERE COALESCE(r_text, 'zz') > 'b' ORDER BY COALESCE(r_text, 'zz'), id

--@ case case as a sort key
SELECT id FROM ranked ORDER BY CASE WHEN team = 1 THEN r_text ELSE r_varchar END DESC, id

--@ case keyset, fixed size
SELECT id, r_int4 FROM ranked WHERE (r_int4, id) > ($1, $2) ORDER BY r_int4, id LIMIT 5
--@ $ 42
--@ $ 7

--@ case keyset, text
SELECT id, r_text FROM ranked WHERE (r_text, id) < ($1, 20) ORDER BY r_text DESC, id DESC LIMIT 5
--@ $ amberley

--@ case keyset, two encrypted columns
SELECT id FROM ranked WHERE (r_date, r_text, id) >= ('1999-12-31', 'a', 3) ORDER BY r_date, r_text, id

--@ case keyset, as rows
SELECT id FROM ranked WHERE ROW(r_text, id) > ROW($1, 5) ORDER BY r_text, id
--@ $ a

--@ case keyset, parentheses
SELECT id FROM ranked WHERE ((r_text), id) > ('a', 5) ORDER BY r_text, id

--@ case any of an array parameter
SELECT id FROM ranked WHERE r_int4 < ANY($1) ORDER BY id
--@ $ {5,1000,NULL}
--@ types int4[]

--@ case all of an array parameter
SELECT id FROM ranked WHERE r_text > ALL($1) ORDER BY id
--@ $ {A,a}
--@ types text[]

--@ case any of an array
SELECT id FROM ranked WHERE r_date >= ANY(ARRAY['2000-01-01', $1]::date[]) ORDER BY id
--@ $ infinity

--@ case all of a subquery
SELECT id FROM ranked WHERE r_date >= ALL(SELECT r.r_date FROM ranked r WHERE r.r_date IS NOT NULL AND r.team = 2) ORDER BY id

--@ case scalar subquery
SELECT id FROM ranked WHERE r_text > (SELECT r.r_text FROM ranked r WHERE r.id = 5) ORDER BY id

--@ case subquery for the greatest
SELECT id FROM ranked a WHERE r_date = (SELECT max(b.r_date) FROM ranked b WHERE b.team = a.team) ORDER BY id

--@ case by ordinal
SELECT r_text, id FROM ranked ORDER BY 1 DESC, 2

--@ case by ordinal in parentheses
SELECT r_text, id FROM ranked ORDER BY (1), 2

--@ case by alias
SELECT r_date AS born, id FROM ranked ORDER BY born NULLS FIRST, id

--@ case by an alias over a column of the same name
SELECT id AS r_text FROM ranked ORDER BY r_text

--@ case by star ordinal
SELECT * FROM ranked ORDER BY 3, id

--@ case using
SELECT id, r_text FROM ranked ORDER BY r_text USING >, id USING <

--@ case several keys
SELECT id FROM ranked ORDER BY team, r_bool DESC, r_price NULLS FIRST, r_varchar DESC NULLS LAST, id

--@ case casts and comments
SELECT id FROM ranked ORDER BY r_varchar::text /* up */ ASC -- or down
, id

--@ case limit and offset
SELECT r_text FROM ranked ORDER BY r_text, id LIMIT 5 OFFSET 3

--@ case with ties
SELECT r_bool, r_price FROM ranked ORDER BY r_price FETCH FIRST 3 ROWS WITH TIES

--@ case not in the output
SELECT team FROM ranked ORDER BY r_uuid, id

--@ case in a subquery
SELECT count(*) FROM (SELECT id FROM ranked ORDER BY r_text LIMIT 7) q

--@ case over a subquery
SELECT q.t, q.id FROM (SELECT r_text AS t, id FROM ranked) q ORDER BY q.t, id

--@ case over a CTE
WITH q AS (SELECT r_date AS d, id FROM ranked WHERE r_date > '1990-01-01') SELECT id, d FROM q ORDER BY d DESC, id

--@ case over a view
SELECT id FROM ranked_view WHERE shown_text >= 'a' ORDER BY shown_text, id

--@ case joined
SELECT a.id, b.id FROM ranked a JOIN ranked b ON a.team = b.team AND a.r_date < b.r_date WHERE a.r_text < 'b' ORDER BY a.r_date, b.r_text, a.id, b.id

--@ case update by range
UPDATE ranked SET team = 9 WHERE r_date < '1990-01-01' RETURNING id

--@ case delete by range
DELETE FROM ranked WHERE r_text BETWEEN 'a' AND 'b' RETURNING id, r_text

--@ case written and found
INSERT INTO ranked (id, r_text, r_int4) VALUES (100, $1, 77) RETURNING id, r_text < 'z'
--@ $ brand new

--@ case window
SELECT id, row_number() OVER (ORDER BY r_text, id), rank() OVER (PARTITION BY team ORDER BY r_price DESC) FROM ranked ORDER BY id

--@ case window with peers
SELECT id, count(*) OVER (ORDER BY r_text), sum(id) OVER (ORDER BY r_date DESC GROUPS 1 PRECEDING) FROM ranked ORDER BY id

--@ case window by name
SELECT id, ntile(4) OVER w FROM ranked WINDOW w AS (ORDER BY r_int8 NULLS FIRST, id) ORDER BY id

--@ case greatest of a window
SELECT id, max(r_date) OVER (PARTITION BY team) FROM ranked ORDER BY id

--@ case range frame with an offset
SELECT sum(id) OVER (ORDER BY r_date RANGE BETWEEN '1 day' PRECEDING AND CURRENT ROW) FROM ranked
--@ refused all: offsets from an encrypted value

--@ case aggregate in order
SELECT team, array_agg(id ORDER BY r_text DESC, id) FROM ranked GROUP BY team ORDER BY team

--@ case string aggregate in order
SELECT string_agg(id::text, ',' ORDER BY r_date, id) FROM ranked

--@ case filtered
SELECT max(r_text) FILTER (WHERE team = 2), min(r_price) FILTER (WHERE id > 1000) FROM ranked

--@ case greatest in HAVING
SELECT team FROM ranked GROUP BY team HAVING max(r_text) > 'a' AND min(r_int4) < 5 ORDER BY team

--@ case by the greatest
SELECT team FROM ranked GROUP BY team ORDER BY max(r_price) DESC, team

--@ case distinct greatest
SELECT max(DISTINCT r_text) FROM ranked

--@ case greatest of nothing
SELECT max(r_text), min(r_int4) FROM ranked WHERE id < 0

--@ case greatest of text without order
SELECT max(phone) FROM customers
--@ refused all: the column has no order terms

--@ case greatest of numerics that print differently
SELECT max(r_numeric) FROM ranked
--@ refused all: which of 1.0 and 1.00 is shown is not known

--@ case GREATEST and LEAST
SELECT id, GREATEST(r_text, r_text), LEAST(r_date, r_date) FROM ranked ORDER BY id

--@ case GREATEST with a constant
SELECT id, GREATEST(r_date, '1999-01-01'), LEAST(r_text, $1, NULL) FROM ranked ORDER BY id
--@ $ b

--@ case percentile
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY r_int4), percentile_disc(0.9) WITHIN GROUP (ORDER BY r_text DESC) FROM ranked

--@ case percentile, interpolated
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r_float8) FROM ranked
--@ refused all: the value between two is not known to the server

--@ case no order terms
SELECT id FROM customers WHERE birthday < '1990-01-01'

--@ case sorted without order terms
SELECT id FROM customers ORDER BY email, id
--@ refused all: the column has no order terms

--@ case jsonb
SELECT id FROM every ORDER BY c_jsonb
--@ refused all: jsonb has no order terms

--@ case json
SELECT id FROM every ORDER BY c_json

--@ case another collation
SELECT id FROM ranked ORDER BY r_text COLLATE "C", id
--@ refused all: a collation that is not the column's

--@ case compared with an expression
SELECT id FROM ranked WHERE r_date < now()
--@ refused all: a value that only the server knows
--@ case distinct, sorted
SELECT DISTINCT r_text FROM ranked ORDER BY r_text DESC

--@ case distinct, sorted by one of two
SELECT DISTINCT r_date, team FROM ranked ORDER BY r_date, team

--@ case distinct on, sorted
SELECT DISTINCT ON (r_bool) r_bool, id FROM ranked ORDER BY r_bool, id

--@ case the latest of each
SELECT DISTINCT ON (r_varchar) r_varchar, r_date, id FROM ranked ORDER BY r_varchar, r_date DESC, id

--@ case grouped and sorted
SELECT r_text, count(*) FROM ranked GROUP BY r_text ORDER BY r_text

--@ case grouped and sorted by ordinal, downwards
SELECT count(*), r_date FROM ranked GROUP BY 2 ORDER BY 2 DESC NULLS LAST

--@ case grouped, with a range of the key
SELECT r_text, count(*) FROM ranked GROUP BY r_text HAVING r_text > 'a' ORDER BY 2, r_text

--@ case grouped, with the greatest of another
SELECT r_bool, max(r_date), min(r_text) FROM ranked GROUP BY r_bool ORDER BY r_bool, max(r_date)

--@ case union all, sorted
SELECT r_text AS t, id FROM ranked WHERE team = 1 UNION ALL SELECT r_text, id FROM ranked WHERE team = 2 ORDER BY t, id

--@ case union, sorted by number
SELECT r_date FROM ranked WHERE team = 1 UNION SELECT r_date FROM ranked WHERE team = 2 ORDER BY 1 DESC LIMIT 4

--@ case over a union
SELECT max(q.t) FROM (SELECT r_text AS t FROM ranked UNION ALL SELECT r_text FROM ranked) q

--@ case in, under a range
SELECT id FROM ranked WHERE r_text IN ('a', 'A', 'aa') AND r_text < 'aa' ORDER BY r_text, id

--@ case the greatest with a condition
SELECT max(r_text) AS top FROM ranked WHERE team = 2 OR r_text < 'b'

--@ case the least through a join
SELECT min(a.r_date) FROM ranked a JOIN ranked b ON b.id = a.id + 1 WHERE b.team = 1

--@ case the greatest in an insert
INSERT INTO ranked (id, r_text) SELECT 101, max(r_text) FROM ranked RETURNING r_text

--@ case the greatest, locked
SELECT max(r_text) FROM ranked FOR UPDATE

--@ case row number of pages
SELECT * FROM (SELECT id, r_price, row_number() OVER (ORDER BY r_price DESC, id) AS n FROM ranked) q WHERE q.n BETWEEN 3 AND 6 ORDER BY q.n

--@ case sorted by a subquery
SELECT a.id FROM ranked a ORDER BY (SELECT b.r_text FROM ranked b WHERE b.id = a.id + 1), a.id

--@ case in a lateral subquery
SELECT t.team, q.r_date FROM (SELECT DISTINCT team FROM ranked) t, LATERAL (SELECT r.r_date FROM ranked r WHERE r.team = t.team ORDER BY r.r_date DESC NULLS LAST LIMIT 1) q ORDER BY t.team

--@ case two statements
SELECT id FROM ranked WHERE r_int4 > 40 ORDER BY id; SELECT id FROM ranked WHERE r_int4 < 40 ORDER BY id
--@ modes simple

--@ case the same parameter twice
SELECT id FROM ranked WHERE r_text > $1 AND r_text <> $1 ORDER BY id
--@ $ a

--@ case an index for order
CREATE INDEX ranked_by_date ON ranked (r_date)
--@ then
SELECT id FROM ranked WHERE r_date > '1999-01-01' ORDER BY r_date, id

--@ case the greatest of a key of the group
SELECT max(r_date), min(r_text), count(*) FROM ranked GROUP BY r_date, r_text ORDER BY 1, 2

--@ case no least boolean
SELECT min(r_bool) FROM ranked

--@ case no greatest uuid
SELECT team, max(r_uuid) FROM ranked GROUP BY team

--@ case no greatest bytea
SELECT max(r_bytea) FROM ranked

--@ case the greatest as a function of a schema
SELECT pg_catalog.max(r_date) AS d, PG_CATALOG.MIN(r_text) FROM ranked

--@ case union, sorted and cut
SELECT r_text, team FROM ranked WHERE team = 1 UNION SELECT r_varchar, team FROM ranked ORDER BY 1, 2 FETCH FIRST 3 ROWS ONLY

--@ case distinct on a column of a view
SELECT DISTINCT ON (v.shown_text) r.r_date FROM ranked_view v RIGHT JOIN ranked r ON v.id = r.id ORDER BY v.shown_text, v.id, r.id

--@ case in the greatest
SELECT id FROM ranked WHERE r_text IN (SELECT max(r_text) FROM ranked WHERE team = 1) ORDER BY id

--@ case above any least
SELECT id FROM ranked WHERE r_date > ALL (SELECT min(r_date) FROM ranked WHERE r_date > '1900-01-01') ORDER BY id

--@ case the greatest of a group beside its key
SELECT r_text, GREATEST(r_text, r_text), max(r_text) OVER () FROM ranked GROUP BY r_text ORDER BY r_text

--@ case exists with a range
SELECT id FROM ranked a WHERE EXISTS (SELECT FROM ranked b WHERE b.r_int4 > a.r_int4 AND b.team <> a.team) ORDER BY id

--@ case by the alias of the greatest
SELECT team, max(r_text) AS top, min(r_date) FROM ranked GROUP BY team ORDER BY top DESC, 3, team

--@ case by the number of the least, with a condition on it
SELECT team, min(r_price) AS least FROM ranked GROUP BY team HAVING min(r_price) < 100 ORDER BY 2 NULLS FIRST

