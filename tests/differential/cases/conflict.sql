-- ON CONFLICT.

--@ case do nothing without a target
INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING

--@ case do nothing on a plain key
INSERT INTO customers (id, name) VALUES (1, 'x'), (50, 'y') ON CONFLICT (id) DO NOTHING RETURNING id, name

--@ case do nothing on an encrypted column
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x') ON CONFLICT (email) DO NOTHING RETURNING id

--@ case do nothing on an encrypted column, no conflict
INSERT INTO customers (id, email, name) VALUES (50, $1, $2) ON CONFLICT (email) DO NOTHING RETURNING id, email
--@ $ new.one@voltmail.example
--@ $ Newby

--@ case update with excluded on a plain key
INSERT INTO customers (id, email, name) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email, name = excluded.name RETURNING *
--@ $ 1
--@ $ changed.ada@voltmail.example
--@ $ Ada Changed

--@ case update with excluded on an encrypted key
INSERT INTO customers (id, email, name, visits) VALUES (50, $1, $2, 1) ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name, visits = customers.visits + EXCLUDED.visits RETURNING id, name, visits
--@ $ ada.quill@voltmail.example
--@ $ Ada Changed

--@ case update with a constant
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x') ON CONFLICT (email) DO UPDATE SET phone = 'conflicted' RETURNING id, phone

--@ case update with a condition
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x') ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name WHERE customers.name = 'Ada Quillfeather' RETURNING id, name

--@ case update with a condition that is false
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x') ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name WHERE customers.name = EXCLUDED.name RETURNING id, name

--@ case on conflict of an encrypted primary key
INSERT INTO vehicles (vin, model) VALUES ('SHORT', 'again'), ('FRESHVIN', 'new') ON CONFLICT (vin) DO UPDATE SET model = EXCLUDED.model RETURNING vin, model

--@ case two rows of one statement conflict
INSERT INTO customers (id, email, name) VALUES (50, 'dup@voltmail.example', 'x'), (51, 'dup@voltmail.example', 'y') ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name

--@ case on constraint of a plain key
INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT customers_pkey DO NOTHING

--@ case on constraint of an encrypted key
INSERT INTO customers (id, email, name) VALUES (50, 'ada.quill@voltmail.example', 'x') ON CONFLICT ON CONSTRAINT customers_email_key DO NOTHING

--@ case no such index
INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (name) DO NOTHING

--@ case multi-column update
INSERT INTO customers (id, email, name) VALUES (1, 'multi@voltmail.example', 'Multi') ON CONFLICT (id) DO UPDATE SET (email, name) = (EXCLUDED.email, EXCLUDED.name) RETURNING email, name

--@ case with an alias
INSERT INTO customers AS c (id, name) VALUES (1, 'Aliased') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, visits = c.visits + 1 RETURNING c.name, c.visits
