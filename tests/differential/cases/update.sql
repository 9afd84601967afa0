-- UPDATE of encrypted columns.

--@ case literal
UPDATE customers SET email = 'renewed@voltmail.example' WHERE id = 1
--@ then
SELECT * FROM customers ORDER BY id

--@ case parameter
UPDATE customers SET name = $1 WHERE id = $2
--@ $ Renamed Person
--@ $ 1
--@ then
SELECT id, name FROM customers ORDER BY id

--@ case several columns
UPDATE customers SET name = $1, birthday = $2, balance = $3, vip = $4, visits = visits + 1 WHERE id = 2
--@ $ Renamed Person
--@ $ 2001-01-01
--@ $ 1e2
--@ $ true
--@ then
SELECT * FROM customers ORDER BY id

--@ case null
UPDATE customers SET phone = NULL, email = $1 WHERE id = 1 RETURNING phone, email
--@ $ \N

--@ case default
UPDATE customers SET phone = DEFAULT, plan = DEFAULT WHERE id = 1 RETURNING phone, plan

--@ case null in a NOT NULL column
UPDATE customers SET name = NULL WHERE id = 1

--@ case where on an encrypted column
UPDATE customers SET visits = 99 WHERE email = $1
--@ $ ada.quill@voltmail.example
--@ then
SELECT id, visits FROM customers ORDER BY id

--@ case where on the column that is set
UPDATE customers SET email = $1 WHERE email = $2 RETURNING id, email
--@ $ moved.ada@voltmail.example
--@ $ ada.quill@voltmail.example

--@ case all rows
UPDATE customers SET phone = 'same for all'
--@ then
SELECT id, phone FROM customers ORDER BY id

--@ case unique violation
UPDATE customers SET email = 'ada.quill@voltmail.example' WHERE id = 2

--@ case column from itself
UPDATE customers SET name = name, email = email RETURNING id, name, email

--@ case column from another of the group
UPDATE vehicles SET owner_email = c.email FROM customers c WHERE c.id = 2 AND vehicles.vin = 'SHORT' RETURNING vehicles.vin, vehicles.owner_email

--@ case column from another group
UPDATE customers SET name = phone WHERE phone IS NOT NULL
--@ refused all: name and phone have different keys

--@ case plain column from an encrypted one
UPDATE customers SET plan = name
--@ refused all: plaintext would be stored

--@ case multi-column assignment
UPDATE customers SET (name, visits) = ('Multi Assigned', 5) WHERE id = 1 RETURNING name, visits

--@ case row assignment
UPDATE customers SET (name, phone) = ROW ('Row Assigned', $1) WHERE id = 1 RETURNING name, phone
--@ $ 12345

--@ case alias
UPDATE customers AS c SET name = 'Aliased' WHERE c.id = 1 RETURNING c.name

--@ case from a plain table
UPDATE customers SET name = 'From Plainly' FROM plainly p WHERE p.id = customers.id AND p.label = 'one' RETURNING customers.id, customers.name, p.label

--@ case arithmetic on an encrypted column
UPDATE customers SET balance = balance + 1 WHERE id = 1
--@ refused all: arithmetic on an encrypted value

--@ case plain columns only
UPDATE customers SET plan = 'silver', visits = visits * 2 WHERE id = 1 RETURNING plan, visits

--@ case no such column
UPDATE customers SET nmae = 'x'

--@ case qualified target
UPDATE customers SET customers.name = 'x'

--@ case no rows
UPDATE customers SET name = 'x' WHERE id = -1 RETURNING *

--@ case where in
UPDATE customers SET plan = 'grouped' WHERE name IN ('Ada Quillfeather', 'Bob Zephyrine') RETURNING id

--@ case with a subquery on the key
UPDATE customers SET phone = 'from sub' WHERE id IN (SELECT customer_id FROM vehicles WHERE model = 'Heron') RETURNING id, phone

--@ case assigned from a subquery in the group
UPDATE customers SET email = (SELECT owner_email FROM vehicles WHERE vin = 'SHORT') WHERE id = 1 RETURNING email

--@ case every type
UPDATE every SET c_text = $1, c_varchar = $2, c_char = $3, c_int2 = $4, c_int4 = $5, c_int8 = $6, c_float4 = $7, c_float8 = $8, c_numeric = $9, c_bool = $10, c_date = $11, c_time = $12, c_timestamp = $13, c_timestamptz = $14, c_uuid = $15, c_json = $16, c_jsonb = $17, c_bytea = $18 WHERE id = 3 RETURNING *
--@ $ plain ordinary text
--@ $ varchar twenty
--@ $ charrr
--@ $ 12
--@ $ 1977231654
--@ $ 881977231654123
--@ $ 1e-7
--@ $ -0
--@ $ 0
--@ $ off
--@ $ 0001-01-01 BC
--@ $ 23:59:59.999999
--@ $ 4713-01-01 00:00:00 BC
--@ $ 294276-12-31 23:59:59.999999+00
--@ $ A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11
--@ $ "just a string"
--@ $ [true, false, null, 1e5, {"x": ["y"]}]
--@ $ \\x00ff10deadbeefcafe00
