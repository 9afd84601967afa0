CREATE TABLE people (id int PRIMARY KEY, email varchar(120) UNIQUE, name text NOT NULL, born date, balance numeric(10,2), vip boolean, score float8, serial bigint, seen timestamptz, key uuid, photo bytea, doc jsonb, note text);
CREATE TABLE cars (vin char(17) PRIMARY KEY, owner varchar(120), model text);
CREATE TABLE plain (id int PRIMARY KEY, label text);
