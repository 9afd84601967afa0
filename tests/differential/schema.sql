CREATE TABLE customers (
    id integer PRIMARY KEY,
    email varchar(254) UNIQUE,
    name text NOT NULL,
    phone text,
    birthday date,
    balance numeric(10,2),
    vip boolean,
    plan text DEFAULT 'basic',
    visits integer NOT NULL DEFAULT 0
);
CREATE TABLE vehicles (
    vin char(17) PRIMARY KEY,
    owner_email varchar(254),
    customer_id integer,
    model text,
    price numeric(12,2),
    odometer bigint,
    sold timestamptz
);
CREATE TABLE every (
    id integer PRIMARY KEY,
    c_text text,
    c_varchar varchar(20),
    c_char char(8),
    c_int2 smallint,
    c_int4 integer,
    c_int8 bigint,
    c_float4 real,
    c_float8 double precision,
    c_numeric numeric(12,3),
    c_bool boolean,
    c_date date,
    c_time time,
    c_timestamp timestamp,
    c_timestamptz timestamptz,
    c_uuid uuid,
    c_json json,
    c_jsonb jsonb,
    c_bytea bytea
);
CREATE TABLE shorts (
    id integer PRIMARY KEY,
    s_char char,
    s_char3 char(3),
    s_varchar varchar,
    s_time0 time(0),
    s_timestamp3 timestamp(3),
    s_timestamptz1 timestamptz(1),
    s_numeric numeric,
    s_numeric5 numeric(5)
);
CREATE TABLE plainly (
    id integer PRIMARY KEY,
    label text,
    amount integer,
    email text
);
CREATE TABLE events (
    id integer NOT NULL,
    region text NOT NULL,
    secret text,
    seen integer
) PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu');
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us');
CREATE SCHEMA archive;
CREATE TABLE archive.customers (
    id integer PRIMARY KEY,
    email text,
    reason text
);
CREATE TABLE archive.ledger (
    id integer PRIMARY KEY,
    iban text,
    cents bigint
);
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Odd ""Table" (
    id integer PRIMARY KEY,
    "E-Mail" text,
    "select" text
);
CREATE VIEW customer_view AS SELECT id, email, name AS full_name, plan FROM customers;
CREATE VIEW rich_view AS SELECT c.id, c.email, v.vin, v.model FROM customers c JOIN vehicles v ON v.customer_id = c.id;
CREATE VIEW plain_view AS SELECT id, label FROM plainly;
CREATE TABLE ranked (
    id integer PRIMARY KEY,
    team integer,
    r_text text,
    r_varchar varchar(20),
    r_char char(6),
    r_int2 smallint,
    r_int4 integer,
    r_int8 bigint,
    r_float4 real,
    r_float8 double precision,
    r_numeric numeric,
    r_price numeric(10,2),
    r_bool boolean,
    r_date date,
    r_time time,
    r_timestamp timestamp,
    r_timestamptz timestamptz,
    r_uuid uuid,
    r_bytea bytea
);
CREATE VIEW ranked_view AS SELECT id, r_text AS shown_text, team FROM ranked;
