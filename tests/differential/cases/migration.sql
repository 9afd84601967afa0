-- Scripts that make a configured table and go on with it.

--@ case table, index and rows in one query
--@ modes simple
CREATE TABLE newsletter (id integer, email varchar(254), topic text); CREATE UNIQUE INDEX ON newsletter (email); CREATE INDEX newsletter_id ON newsletter (id); INSERT INTO newsletter VALUES (1, 'news@voltmail.example', 'Aerated gravel'), (2, NULL, 'Aerated gravel'); SELECT * FROM newsletter ORDER BY id; SELECT id FROM newsletter WHERE email = 'news@voltmail.example'
--@ then
INSERT INTO newsletter (id, email) VALUES (3, 'news@voltmail.example')

--@ case dropped and made again
--@ modes simple
--@ setup
CREATE TABLE newsletter (id integer, email varchar(254))
--@ then
DROP TABLE newsletter; CREATE TABLE IF NOT EXISTS newsletter (email varchar(254) UNIQUE, id serial PRIMARY KEY, topic text); ALTER TABLE newsletter ADD CONSTRAINT positive CHECK (id > 0); INSERT INTO newsletter (email) VALUES ('news@voltmail.example') RETURNING id, email, topic
--@ then
SELECT * FROM newsletter

--@ case plain and configured tables
--@ modes simple
CREATE TABLE topics (id integer PRIMARY KEY, label text); CREATE TABLE newsletter (topic_id integer REFERENCES topics, email varchar(254)); INSERT INTO topics VALUES (1, 'gravel'); INSERT INTO newsletter VALUES (1, 'news@voltmail.example'); SELECT t.label, n.email FROM newsletter n JOIN topics t ON t.id = n.topic_id WHERE n.email = 'news@voltmail.example'

--@ case rows of another table
--@ modes simple
CREATE TABLE newsletter (id integer, email varchar(254)); INSERT INTO newsletter SELECT id, email FROM customers WHERE id < 4; SELECT c.id, n.email FROM customers c JOIN newsletter n ON n.email = c.email ORDER BY c.id

--@ case undone in the same query
--@ fresh
--@ modes simple
BEGIN; CREATE TABLE newsletter (email varchar(254)); ROLLBACK; SELECT 1
--@ then
SELECT email FROM newsletter

--@ case index behind a search path
--@ modes simple
SET LOCAL search_path = public; CREATE INDEX ON customers (birthday)
--@ refused simple: the setting is not known when the query is planned

--@ case index on a table that does not exist
--@ modes simple
CREATE INDEX ON newsletter (email)
