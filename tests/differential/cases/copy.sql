--@ case to stdout
COPY customers TO STDOUT

--@ case to stdout with columns
COPY customers (email, id, birthday) TO STDOUT

--@ case to stdout of every type
COPY every TO STDOUT

--@ case to stdout of short types
COPY public.shorts TO STDOUT

--@ case to stdout csv
COPY every TO STDOUT (FORMAT csv)

--@ case to stdout csv with a header
COPY customers TO STDOUT WITH (FORMAT csv, HEADER, NULL 'null', DELIMITER ';')

--@ case to stdout csv with quotes forced
COPY customers TO STDOUT (FORMAT csv, FORCE_QUOTE (email, plan, phone))

--@ case to stdout csv with all quotes forced
COPY customers TO STDOUT (FORMAT csv, FORCE_QUOTE *, QUOTE '''', ESCAPE '\', HEADER true)

--@ case to stdout csv in odd characters
COPY every TO STDOUT (FORMAT csv, DELIMITER '0', QUOTE 'a', ESCAPE 'f')

--@ case to stdout binary
COPY every TO STDOUT (FORMAT binary)

--@ case to stdout binary of columns
COPY customers (id, email, phone, balance, vip) TO STDOUT (FORMAT 'binary')

--@ case to stdout in the old syntax
COPY customers (id, email) TO STDOUT WITH DELIMITER AS '|' NULL AS 'nothing'

--@ case to stdout csv in the old syntax
COPY customers TO STDOUT CSV HEADER QUOTE AS '''' FORCE QUOTE email, name

--@ case to stdout csv with star in the old syntax
COPY customers TO STDOUT WITH CSV FORCE QUOTE *

--@ case to stdout binary in the old syntax
COPY BINARY customers TO STDOUT

--@ case to stdout binary as the last word
COPY customers TO STDOUT BINARY

--@ case to stdout delimiters
COPY customers (id, email) TO STDOUT USING DELIMITERS ','

--@ case to stdout where stdin is said
COPY customers TO STDIN

--@ case to stdout with a text header
COPY customers (id, email) TO STDOUT (HEADER)

--@ case to stdout with special values
--@ setup
INSERT INTO customers (id, email, name, phone) VALUES (10, E'tab\there', E'line\nfeed', E'back\\slash'), (11, E'\r', '\N', ''), (12, E'a,b"c', '\.', E'\x0b\f\b')
--@ then
COPY (SELECT * FROM customers ORDER BY id) TO STDOUT
--@ then
COPY (SELECT * FROM customers ORDER BY id) TO STDOUT CSV
--@ then
COPY (SELECT phone FROM customers ORDER BY id) TO STDOUT CSV
--@ then
COPY (SELECT name FROM customers ORDER BY id) TO STDOUT CSV

--@ case to stdout with escaped bytea
--@ setup
SET LOCAL bytea_output = 'escape'
--@ then
COPY every (id, c_bytea, c_text) TO STDOUT
--@ then
COPY every (id, c_bytea, c_text) TO STDOUT CSV

--@ case to stdout in other date styles
--@ setup
SET LOCAL DateStyle = 'German'
--@ setup
SET LOCAL TimeZone = 'Asia/Tokyo'
--@ then
COPY every (id, c_date, c_timestamptz) TO STDOUT

--@ case to stdout of plain columns
COPY customers (id, plan, visits) TO STDOUT

--@ case to stdout of a partition
COPY events_eu TO STDOUT

--@ case to stdout of a partitioned table
COPY events TO STDOUT

--@ case to stdout of a view
COPY customer_view TO STDOUT

--@ case to stdout of odd names
COPY "Odd Schema"."Odd ""Table" ("select", "E-Mail") TO STDOUT CSV HEADER

--@ case to stdout of another schema
COPY archive.ledger TO STDOUT

--@ case to stdout of a column that is not there
COPY customers (id, nope) TO STDOUT

--@ case to stdout of a column twice
COPY customers (email, email) TO STDOUT

--@ case query to stdout
COPY (SELECT id, email, name FROM customers WHERE visits > 5) TO STDOUT

--@ case query to stdout csv
COPY (SELECT c.name AS who, v.vin, v.price, v.model FROM customers c JOIN vehicles v ON v.owner_email = c.email) TO STDOUT WITH (FORMAT csv, HEADER)

--@ case query to stdout binary
COPY (SELECT vin, sold, model, odometer FROM vehicles) TO STDOUT (FORMAT binary)

--@ case query with a condition
COPY (SELECT name FROM customers WHERE email = 'ada.quill@voltmail.example') TO STDOUT

--@ case query with casts
COPY (SELECT id, birthday::text, balance::varchar FROM customers) TO STDOUT

--@ case query that lists values
COPY (VALUES (1, 'a'), (2, 'b')) TO STDOUT

--@ case query that counts
COPY (SELECT count(*) FROM customers) TO STDOUT

--@ case query that deletes
COPY (DELETE FROM customers WHERE id = 2 RETURNING id, email) TO STDOUT

--@ case query from a common table expression
COPY (WITH w AS (SELECT email, id FROM customers) SELECT * FROM w) TO STDOUT CSV

--@ case from stdin
COPY customers FROM STDIN
--@ line 20	zoe.quill@voltmail.example	Zoë Zephyrine	+49 170 5550101	1981-04-12	7.5	t	gold	3
--@ line 21	\N	Nomailova	\N	\N	\N	\N	\N	4
--@ line 22		empty			\N	\N	x	5
--@ modes simple,text,binary
--@ then
SELECT * FROM customers WHERE id >= 20

--@ case from stdin and read back
COPY customers (name, id, email, birthday) FROM STDIN
--@ line Ada	30	ada.new@voltmail.example	12/31/1999
--@ line Tab\there\\back\nline\x41\101\	end	31	\N	infinity
--@ modes simple,text,binary
--@ then
SELECT id, email, name, birthday, plan FROM customers WHERE id >= 30 ORDER BY id
--@ then
SELECT id FROM customers WHERE email = 'ada.new@voltmail.example'
--@ then
SELECT id FROM customers WHERE birthday = $1
--@ $ 1999-12-31

--@ case from stdin of every type
COPY every FROM STDIN
--@ line 20	plain ordinary text	varchar twenty	charrr	12	1977231654	881977231654123	1.5	2.718281828459045	31415.926	yes	2024-02-29	13:14:15.678901	2024-02-29 13:14:15.678901	2024-02-29 13:14:15.678901+02	8f14e45f-ceea-467f-a9f2-d5a1c4b3e901	{"b": 1}	{"b": 1,  "a": [1, 2.50]}	\\x00ff10deadbeefcafe00
--@ line 21	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N
--@ modes simple,text,binary
--@ then
SELECT * FROM every WHERE id >= 20 ORDER BY id
--@ then
SELECT id FROM every WHERE c_numeric = 31415.926 AND c_uuid = '8F14E45FCEEA467FA9F2D5A1C4B3E901'

--@ case from stdin csv
COPY customers (id, email, name, plan) FROM STDIN (FORMAT csv)
--@ line 40,"quoted ""mail""","line
--@ line feed",gold
--@ line 41,,"",
--@ line 42,"","a,b",""
--@ modes simple,text,binary
--@ then
SELECT id, email, name, plan FROM customers WHERE id >= 40 ORDER BY id

--@ case from stdin csv with a header
COPY customers (id, email, name) FROM STDIN CSV HEADER
--@ line whatever,is,here
--@ line 43,x@y.example,Xaver
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40

--@ case from stdin csv with a matching header
COPY customers (id, email, name) FROM STDIN (FORMAT csv, HEADER match)
--@ line id,email,name
--@ line 43,x@y.example,Xaver
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40

--@ case from stdin csv with another header
COPY customers (id, email, name) FROM STDIN (FORMAT csv, HEADER match)
--@ line id,mail,name
--@ line 43,x@y.example,Xaver

--@ case from stdin csv with too long a header
COPY customers (id, email, name) FROM STDIN (FORMAT csv, HEADER match)
--@ line id,email,name,phone
--@ line 43,x@y.example,Xaver

--@ case from stdin csv with forced nulls
COPY customers (id, email, name, phone, plan) FROM STDIN (FORMAT csv, NULL 'nil', FORCE_NULL (email, plan), FORCE_NOT_NULL (name, phone))
--@ line 44,"nil",nil,nil,"nil"
--@ line 45,nil,"nil","",nil
--@ modes simple,text,binary
--@ then
SELECT id, email, name, phone, plan FROM customers WHERE id >= 40 ORDER BY id

--@ case from stdin csv in odd characters
COPY customers (id, email, name) FROM STDIN (FORMAT csv, DELIMITER 'x', QUOTE '1', ESCAPE '\', NULL 'n')
--@ line 50x1m\1a\\il1xBob
--@ line 55xnx1Xaverx1
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40 ORDER BY id

--@ case from stdin csv with carriage returns
COPY customers (id, email, name) FROM STDIN CSV
--@ bytes 35302c6140622e6578616d706c652c416e6e0d0a35312c2c226c696e650d0a66656564220d0a
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40 ORDER BY id

--@ case from stdin without a last line end
COPY customers (id, email, name) FROM STDIN
--@ copy 50\tlast@voltmail.example\tLast
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40

--@ case from stdin up to the end marker
COPY customers (id, email, name) FROM STDIN
--@ line 50	first@voltmail.example	First
--@ line \.
--@ line this is ignored
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40

--@ case from stdin with octal and hexadecimal escapes
COPY customers (id, email, name) FROM STDIN
--@ line 50	\141\x62\x	\N
--@ line 51	\\N	\\
--@ modes simple,text,binary

--@ case from stdin binary
COPY events (id, region, secret) FROM STDIN (FORMAT binary)
--@ bytes 5047434f50590aff0d0a00 00000000 00000000
--@ bytes 0003 00000004 00000032 00000002 6575 0000000a 736563726574 2d6e6577
--@ bytes 0003 00000004 00000033 00000002 7573 ffffffff
--@ bytes ffff
--@ modes simple,text,binary
--@ then
SELECT id, region, secret FROM events WHERE id >= 50 ORDER BY id

--@ case from stdin binary with too few fields
COPY events (id, region, secret) FROM STDIN (FORMAT binary)
--@ bytes 5047434f50590aff0d0a00 00000000 00000000
--@ bytes 0002 00000004 00000032 00000002 6575
--@ bytes ffff

--@ case from stdin binary that is not
COPY events (id, region, secret) FROM STDIN (FORMAT binary)
--@ line 1	eu	secret

--@ case from stdin binary with a wrong value
COPY every (id, c_date) FROM STDIN BINARY
--@ bytes 5047434f50590aff0d0a00 00000000 00000000
--@ bytes 0002 00000004 00000032 00000003 000102
--@ bytes ffff

--@ case from stdin nothing
COPY customers FROM STDIN

--@ case from stdin given up
COPY customers (id, email, name) FROM STDIN
--@ line 50	first@voltmail.example	First
--@ gives-up

--@ case from stdin of a bad date
COPY customers (id, name, birthday) FROM STDIN
--@ line 50	good	2000-01-01
--@ line 51	bad	2000-13-41
--@ line 52	never	2000-01-01

--@ case from stdin of a date that is none
COPY customers (id, name, birthday) FROM STDIN
--@ line 51	bad	ada.quill@voltmail.example

--@ case from stdin of a plain value that is bad before an encrypted one
COPY customers (id, name, birthday) FROM STDIN
--@ line fifty	bad	2000-13-41

--@ case from stdin of an encrypted value that is bad before a plain one
COPY customers (birthday, id, name) FROM STDIN
--@ line 2000-13-41	fifty	bad

--@ case from stdin of a bad line before a bad value
COPY customers (id, name, birthday) FROM STDIN
--@ line fifty	bad	2000-01-01
--@ line 51	bad	2000-13-41

--@ case from stdin of too long a value
COPY every (id, c_varchar) FROM STDIN
--@ line 51	this is longer than twenty characters

--@ case from stdin of a number that does not fit
COPY customers (id, name, balance) FROM STDIN
--@ line 51	x	123456789012

--@ case from stdin of too many fields
COPY customers (id, email, name) FROM STDIN
--@ line 51	ada.quill@voltmail.example	Quillfeather	Zephyrine

--@ case from stdin of too few fields
COPY customers (id, email, name) FROM STDIN
--@ line 51	ada.quill@voltmail.example

--@ case from stdin of another delimiter
COPY customers (id, email, name) FROM STDIN
--@ line 51,ada.quill@voltmail.example,Quillfeather

--@ case from stdin csv of too many fields
COPY customers (id, email, name) FROM STDIN CSV
--@ line 51,ada.quill@voltmail.example,Quillfeather,Zephyrine

--@ case from stdin csv with an open quote
COPY customers (id, email, name) FROM STDIN CSV
--@ line 51,"ada.quill@voltmail.example,Quillfeather

--@ case from stdin with mixed line ends
COPY customers (id, email, name) FROM STDIN
--@ bytes 353009610961 0a 353109620962 0d0a

--@ case from stdin of a missing name
COPY customers (id, email) FROM STDIN
--@ line 50	x@voltmail.example

--@ case from stdin of a duplicate mail
COPY customers (id, email, name) FROM STDIN
--@ line 50	ada.quill@voltmail.example	Double

--@ case from stdin of a duplicate key
COPY customers (id, email, name) FROM STDIN
--@ line 1	other@voltmail.example	Double

--@ case from stdin of plain columns
COPY plainly FROM STDIN
--@ line 70	label	5	x@y
--@ modes simple,text,binary
--@ then
SELECT * FROM plainly WHERE id = 70

--@ case from stdin with a condition on a plain column
COPY customers (id, email, name) FROM STDIN WHERE id > 50
--@ line 50	fifty@voltmail.example	Fifty
--@ line 51	fiftyone@voltmail.example	Fiftyone
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40

--@ case from stdin with a condition on an encrypted column
COPY customers (id, email, name) FROM STDIN WHERE email = 'fiftyone@voltmail.example' OR email IS NULL
--@ line 50	fifty@voltmail.example	Fifty
--@ line 51	fiftyone@voltmail.example	Fiftyone
--@ line 52	\N	Fiftytwo
--@ modes simple,text,binary
--@ then
SELECT id, email, name FROM customers WHERE id >= 40 ORDER BY id

--@ case from stdin in a partitioned table
COPY events FROM STDIN
--@ line 50	eu	euro-new	1
--@ line 51	us	us-new	2
--@ modes simple,text,binary
--@ then
SELECT id, region, secret FROM events_us WHERE id >= 50

--@ case from stdin without a partition for it
COPY events FROM STDIN
--@ line 50	eu	euro-new	1
--@ line 51	cn	cn-new	2

--@ case from stdin with freeze
COPY customers (id, email, name) FROM STDIN (FREEZE false)
--@ line 51	fiftyone@voltmail.example	Fiftyone
--@ modes simple,text,binary
--@ then
SELECT email FROM customers WHERE id = 51

--@ case from stdin in utf-8
COPY customers (id, email, name) FROM STDIN (ENCODING 'utf-8')
--@ line 51	übung@voltmail.example	張偉
--@ modes simple,text,binary
--@ then
SELECT email, name FROM customers WHERE id = 51

--@ case from stdin in another encoding
COPY customers (id, email, name) FROM STDIN (ENCODING 'latin1')
--@ line 51	x@voltmail.example	y
--@ refused all: COPY in another encoding

--@ case from stdin of invalid utf-8
COPY customers (id, email, name) FROM STDIN
--@ bytes 353109ff0961 0a

--@ case to a file of the server
COPY customers TO '/nowhere/at/all'
--@ refused all: COPY with a file of the server

--@ case from a file of the server
COPY customers FROM '/nowhere/at/all'
--@ refused all: COPY with a file of the server

--@ case to a program of the server
COPY (SELECT email FROM customers) TO PROGRAM 'false'
--@ refused all: COPY with a file of the server

--@ case of a table that is not there
COPY customer_s TO STDOUT

--@ case with an option that is not there
COPY customers TO STDOUT (FORMAT yaml)

--@ case with two delimiters
COPY customers TO STDOUT (DELIMITER ',', DELIMITER ';')

--@ case with a long delimiter
COPY customers TO STDOUT (DELIMITER ',,')

--@ case with a quote in text
COPY customers TO STDOUT (QUOTE '"')

--@ case several statements
COPY customers (id, email) TO STDOUT; SELECT email FROM customers WHERE id = 1; COPY archive.ledger TO STDOUT CSV
--@ modes simple

--@ case several statements with data
INSERT INTO customers (id, email, name) VALUES (60, 's@voltmail.example', 'S'); COPY customers (id, email, name) FROM STDIN; SELECT id, email FROM customers WHERE id >= 50 ORDER BY id
--@ modes simple
--@ line 61	t@voltmail.example	T
