-- Joins on and beside encrypted columns.

--@ case on within a key group
SELECT c.id, v.vin FROM customers c JOIN vehicles v ON v.owner_email = c.email ORDER BY c.id, v.model

--@ case the other way round
SELECT c.id, v.model FROM customers c JOIN vehicles v ON c.email = v.owner_email ORDER BY c.id, v.model

--@ case on a plain column
SELECT c.email, v.vin, v.price FROM customers c JOIN vehicles v ON v.customer_id = c.id ORDER BY c.id, v.model

--@ case left join
SELECT c.id, c.name, v.vin, v.price FROM customers c LEFT JOIN vehicles v ON v.owner_email = c.email ORDER BY c.id, v.model

--@ case right join
SELECT c.name, v.model, v.owner_email FROM customers c RIGHT JOIN vehicles v ON v.owner_email = c.email ORDER BY v.model, c.id

--@ case full join
SELECT c.name, v.model FROM customers c FULL JOIN vehicles v ON v.owner_email = c.email ORDER BY c.id, v.model

--@ case cross join
SELECT c.name, p.label FROM customers c CROSS JOIN plainly p ORDER BY c.id, p.id

--@ case comma join with where
SELECT c.id, v.model FROM customers c, vehicles v WHERE c.email = v.owner_email AND v.model = 'Heron'

--@ case comma join with a parameter
SELECT c.id, v.model FROM customers c, vehicles v WHERE c.email = v.owner_email AND c.email = $1 ORDER BY v.model
--@ $ ada.quill@voltmail.example

--@ case star of both
SELECT * FROM customers c JOIN vehicles v ON v.customer_id = c.id ORDER BY c.id, v.model

--@ case star of one
SELECT v.* FROM customers c JOIN vehicles v ON v.customer_id = c.id ORDER BY c.id, v.model

--@ case using a plain column
SELECT * FROM customers JOIN plainly USING (id) ORDER BY id

--@ case using an encrypted column
SELECT c.id, v.model FROM customers c JOIN (SELECT owner_email AS email, model FROM vehicles) v USING (email) ORDER BY c.id, v.model

--@ case natural join with a plain table of plain columns
SELECT c.name FROM customers c NATURAL JOIN (SELECT id FROM plainly) p ORDER BY c.id

--@ case self join
SELECT a.id, b.id FROM customers a JOIN customers b ON a.birthday = b.birthday AND a.id < b.id

--@ case self join of one group
SELECT a.model, b.model FROM vehicles a, vehicles b WHERE a.owner_email = b.owner_email AND a.model < b.model

--@ case across key groups
SELECT c.id FROM customers c JOIN vehicles v ON v.vin = c.name
--@ refused all: the columns have different keys

--@ case encrypted with plain
SELECT c.id FROM customers c JOIN plainly p ON p.email = c.email
--@ refused all: plain values cannot be compared with encrypted ones

--@ case three tables
SELECT c.name, v.model, p.label FROM customers c JOIN vehicles v ON v.owner_email = c.email JOIN plainly p ON p.id = c.id ORDER BY c.id, v.model

--@ case with another schema
SELECT c.name, a.reason, l.iban FROM customers c JOIN archive.customers a ON a.id = c.id JOIN archive.ledger l ON l.id = c.id ORDER BY c.id

--@ case join in parentheses with alias
SELECT j.email, j.vin FROM (customers c JOIN vehicles v ON v.customer_id = c.id) AS j ORDER BY j.model

--@ case lateral
SELECT c.name, v.model FROM customers c, LATERAL (SELECT model FROM vehicles WHERE owner_email = c.email) v ORDER BY c.id, v.model

--@ case not equal join
SELECT c.id, v.model FROM customers c JOIN vehicles v ON v.owner_email <> c.email ORDER BY c.id, v.model, v.customer_id

--@ case coalesce-free null-safe join
SELECT c.id, v.model FROM customers c JOIN vehicles v ON v.owner_email IS NOT DISTINCT FROM c.email ORDER BY c.id, v.model
