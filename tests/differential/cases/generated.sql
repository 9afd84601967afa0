-- What generated statements have shown to be wrong, each as it was when made small.

--@ case a cast to the column's own type leaves it a column of its table
SELECT name::text, email::varchar(254), balance::numeric(10,2), birthday::date, vip::boolean FROM customers WHERE id = 1

--@ case such a cast twice, and one that is another
SELECT name::text::text, email::varchar(254)::varchar(254), email::text, email::varchar, balance::numeric FROM customers WHERE id = 2

--@ case a parameter in a list with a value of the column's type
SELECT id FROM customers WHERE email IN ($1, 'bob.zephyr@voltmail.example'::varchar(254))
--@ $ ada.quill@voltmail.example

--@ case a parameter in a list with a value of another type of strings
SELECT id FROM customers WHERE email NOT IN ($1, 'bob.zephyr@voltmail.example'::text) OR name IN ($2, 'Bob Zephyrine'::varchar)
--@ $ ada.quill@voltmail.example
--@ $ Ada Quillfeather

--@ case a parameter in a list with a wider number
SELECT id FROM every WHERE c_int4 IN ($1, 1977231655::bigint) OR c_int8 IN ($2, 12.5)
--@ $ 1977231654
--@ $ 881977231654123

--@ case a parameter in a list with a moment
SELECT id FROM customers WHERE birthday IN ($1, '1992-11-30'::timestamp)
--@ $ 1981-04-12
