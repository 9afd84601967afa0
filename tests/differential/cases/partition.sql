-- Partitioned tables with encrypted columns.

--@ case through the parent
SELECT * FROM events ORDER BY id

--@ case through a partition
SELECT id, secret FROM events_eu ORDER BY id

--@ case condition
SELECT id FROM events WHERE secret = $1
--@ $ eurosecret-kappa

--@ case condition on a partition
SELECT id FROM events_us WHERE secret = 'amerosecret-lambda'

--@ case insert through the parent
INSERT INTO events (id, region, secret) VALUES ($1, $2, $3) RETURNING *
--@ $ 9
--@ $ us
--@ $ amerosecret-lambda
--@ then
SELECT id, secret FROM events_us ORDER BY id

--@ case insert into a partition
INSERT INTO events_eu (id, region, secret) VALUES (9, 'eu', 'eurosecret-kappa') RETURNING id, secret

--@ case insert into the wrong partition
INSERT INTO events_eu (id, region, secret) VALUES (9, 'us', 'eurosecret-kappa')

--@ case insert without a partition
INSERT INTO events (id, region, secret) VALUES (9, 'mars', 'x')

--@ case move between partitions
UPDATE events SET region = 'us' WHERE secret = 'eurosecret-kappa' RETURNING *

--@ case delete
DELETE FROM events WHERE secret = 'eurosecret-kappa' RETURNING id

--@ case plain columns
SELECT region, count(*), sum(seen) FROM events GROUP BY region ORDER BY region

--@ case tableoid
SELECT tableoid::regclass::text, id, secret FROM events ORDER BY id
