\set VERBOSITY verbose
\set SHOW_CONTEXT never
\pset null '(null)'
INSERT INTO people (id, email, name, born, balance, vip, seen, doc) VALUES (1, 'grete.falkner@voltmail.example', 'Grete Falkner', '1971-02-03', 10.5, true, '2022-12-20 08:30+00', '{"a":1}'), (2, NULL, 'Ümit 張偉 🚗', NULL, -0.01, false, NULL, 'null');
INSERT INTO cars VALUES ('SHORTVIN', 'grete.falkner@voltmail.example', 'Kestrel');
SELECT * FROM people ORDER BY id;
\x on
SELECT * FROM people WHERE email = 'grete.falkner@voltmail.example';
\x off
SELECT p.name, c.vin FROM people p JOIN cars c ON c.owner = p.email;
BEGIN; UPDATE people SET name = 'Gone' WHERE id = 1; ROLLBACK;
SELECT name FROM people WHERE born = '1971-02-03' \gdesc
SELECT name FROM people WHERE born = '1971-02-03' \gset
\echo :name
\set mail '''grete.falkner@voltmail.example'''
SELECT id FROM people WHERE email = :mail;
\d plain
\dt plain
INSERT INTO plain VALUES (1, 'copied'), (2, 'out');
COPY plain TO STDOUT;
SELECT * FROM plain ORDER BY id;
DELETE FROM plain;
DELETE FROM people;
DELETE FROM cars;
