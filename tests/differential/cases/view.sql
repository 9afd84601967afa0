-- Views over encrypted tables.

--@ case star
SELECT * FROM customer_view ORDER BY id

--@ case renamed column
SELECT full_name FROM customer_view ORDER BY id

--@ case condition
SELECT id, full_name FROM customer_view WHERE email = $1
--@ $ ada.quill@voltmail.example

--@ case condition on a renamed column
SELECT id FROM customer_view WHERE full_name = 'Ada Quillfeather'

--@ case join in the view
SELECT * FROM rich_view ORDER BY id, model

--@ case condition on the joined view
SELECT model FROM rich_view WHERE vin = '5YJ3E1EA7KF317003'

--@ case join of a view with a table
SELECT w.full_name, v.model FROM customer_view w JOIN vehicles v ON v.owner_email = w.email ORDER BY w.id, v.model

--@ case plain view
SELECT * FROM plain_view ORDER BY id

--@ case insert through a view
INSERT INTO customer_view (id, email, full_name, plan) VALUES ($1, $2, $3, $4) RETURNING *
--@ $ 50
--@ $ new.one@voltmail.example
--@ $ Newby Onefield
--@ $ p

--@ case update through a view
UPDATE customer_view SET full_name = $1 WHERE email = $2 RETURNING id, full_name
--@ $ Viewed Name
--@ $ ada.quill@voltmail.example

--@ case delete through a view
DELETE FROM customer_view WHERE email = $1 RETURNING id
--@ $ ada.quill@voltmail.example

--@ case column that the view has not
SELECT phone FROM customer_view

--@ case plain columns of a view
SELECT id, plan FROM customer_view WHERE plan = 'gold'
