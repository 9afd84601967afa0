-- RETURNING of encrypted columns.

--@ case insert returning star
INSERT INTO customers (id, name, email) VALUES (50, 'Newby Onefield', 'new.one@voltmail.example') RETURNING *

--@ case insert returning one
INSERT INTO customers (id, name, email) VALUES ($1, $2, $3) RETURNING email
--@ $ 50
--@ $ Newby Onefield
--@ $ new.one@voltmail.example

--@ case insert returning with alias and expression
INSERT INTO customers (id, name) VALUES (50, 'Newby Onefield') RETURNING id * 2 AS double, name AS called, plan

--@ case insert of several rows
INSERT INTO customers (id, name) VALUES (50, 'a'), (51, 'b') RETURNING id, name

--@ case update returning
UPDATE customers SET phone = '555' WHERE id IN (1, 2) RETURNING id, phone, name

--@ case update returning star
UPDATE customers SET visits = visits + 1 WHERE id = 1 RETURNING *

--@ case delete returning
DELETE FROM customers WHERE id = 3 RETURNING *

--@ case returning with cast
UPDATE customers SET birthday = '1999-09-09' WHERE id = 1 RETURNING birthday::text

--@ case returning a comparison
UPDATE customers SET name = 'Renamed' WHERE id = 1 RETURNING name = 'Renamed' AS same

--@ case returning a null test
UPDATE customers SET phone = NULL WHERE id = 1 RETURNING phone IS NULL

--@ case returning plain columns only
INSERT INTO customers (id, name) VALUES (50, 'Newby Onefield') RETURNING id, visits

--@ case returning qualified
UPDATE customers c SET phone = '1' WHERE id = 1 RETURNING c.email, c.*
