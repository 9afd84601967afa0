-- DELETE by encrypted columns.

--@ case by an encrypted column
DELETE FROM customers WHERE email = 'ada.quill@voltmail.example'
--@ then
SELECT id FROM customers ORDER BY id

--@ case by a parameter
DELETE FROM customers WHERE email = $1
--@ $ ada.quill@voltmail.example
--@ then
SELECT count(*) FROM customers

--@ case by a list
DELETE FROM customers WHERE name IN ($1, $2) RETURNING id
--@ $ Ada Quillfeather
--@ $ Bob Zephyrine

--@ case by any
DELETE FROM vehicles WHERE vin = ANY($1) RETURNING vin
--@ $ {SHORT,5YJ3E1EA7KF317001}

--@ case all
DELETE FROM vehicles

--@ case none
DELETE FROM customers WHERE email = 'nobody.atall@voltmail.example'

--@ case using another table of the group
DELETE FROM vehicles USING customers c WHERE c.email = vehicles.owner_email AND c.id = 1 RETURNING vehicles.vin

--@ case where null
DELETE FROM customers WHERE email IS NULL RETURNING name

--@ case alias
DELETE FROM customers c WHERE c.email = $1 RETURNING c.id
--@ $ ada.quill@voltmail.example

--@ case by a subquery
DELETE FROM customers WHERE id IN (SELECT customer_id FROM vehicles WHERE vin = '5YJ3E1EA7KF317003') RETURNING id
