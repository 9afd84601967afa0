-- Schema pyrite, version 1. Runs in one transaction with search_path = pg_catalog, by a role that may create a
-- schema; no superuser, no extension.
--
-- The functions have SQL-standard bodies: they are parsed here, once, so no search_path of a later session can
-- put another function or operator in the place of what is meant. The planner inlines them, so that an index on
-- pyrite.eq(c) serves every query that says pyrite.eq(c). Offsets are those of docs/envelope.md plus one.

-- The equality term of slot A. In an envelope without terms this range covers the random half of the nonce, so
-- the result is like that of no other envelope.
CREATE FUNCTION pyrite.eq(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN substr(envelope, 25, 16);

-- The id of the data key that opens it, as in pyrite.keys.
CREATE FUNCTION pyrite.key_id(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN substr(envelope, 9, 8);

-- Whether the part behind the first equality term is well-formed, where there is more than that term.
CREATE FUNCTION pyrite.has_sane_directory(envelope bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT CASE
        WHEN (get_byte(envelope, 6) & 192) <> 0 OR (get_byte(envelope, 7) & 1) = 0 THEN false
        WHEN octet_length(envelope) < first_term + 40 THEN false
        WHEN entries = 0 THEN true
        ELSE (
            SELECT bool_and(term_length > 0 AND term_offset = expected)
                   AND max(expected + term_length) + 40 <= octet_length(envelope)
            FROM (
                SELECT term_offset, term_length,
                       first_term + coalesce(sum(term_length) OVER (
                           ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS expected
                FROM (
                    SELECT place,
                           get_byte(envelope, place) * 16777216::bigint + get_byte(envelope, place + 1) * 65536
                               + get_byte(envelope, place + 2) * 256 + get_byte(envelope, place + 3) AS term_offset,
                           get_byte(envelope, place + 4) * 16777216::bigint + get_byte(envelope, place + 5) * 65536
                               + get_byte(envelope, place + 6) * 256 + get_byte(envelope, place + 7) AS term_length
                    FROM generate_series(first_term - 16 * entries + 8, first_term - 8, 16) AS place
                ) AS directory
            ) AS checked
        )
    END
    FROM (
        SELECT entries, 40 + 24 * ((get_byte(envelope, 7) >> 1) & 1) + 16 * entries AS first_term
        FROM (
            SELECT bit_count(((get_byte(envelope, 6) * 256 + get_byte(envelope, 7)) >> 2)::bit(16))::integer AS entries
        ) AS counted
    ) AS layout
);

-- Not STRICT: a CASE in a STRICT function is not inlined. NULL gives NULL all the same.
CREATE FUNCTION pyrite.is_envelope(value bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN octet_length(value) < 56 THEN false
    WHEN substr(value, 1, 5) <> '\xff50595201'::bytea THEN false
    WHEN substr(value, 7, 2) = '\x0000'::bytea THEN true
    WHEN substr(value, 7, 2) = '\x0001'::bytea THEN octet_length(value) >= 80
    ELSE pyrite.has_sane_directory(value)
END;

-- The guard: whoever writes around the proxy gets an error instead of leaving plaintext behind.
CREATE DOMAIN pyrite.encrypted AS bytea
    CONSTRAINT written_by_pyrite CHECK (pyrite.is_envelope(VALUE));

COMMENT ON DOMAIN pyrite.encrypted IS 'A value encrypted by Pyrite. Write to this column through the proxy.';

-- One row: which keyring this is, which root key wraps it, and the seal over all groups and keys.
CREATE TABLE pyrite.keyring (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id uuid NOT NULL,
    root_fingerprint bytea NOT NULL,
    counter bigint NOT NULL CHECK (counter > 0),
    manifest bytea NOT NULL
);

-- Columns of one group share keys, and so can be compared and joined.
CREATE TABLE pyrite.groups (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- Data keys and index keys, wrapped by the root key.
CREATE TABLE pyrite.keys (
    id bytea PRIMARY KEY CHECK (octet_length(id) = 8),
    group_id uuid NOT NULL REFERENCES pyrite.groups,
    purpose text NOT NULL CHECK (purpose IN ('data', 'equality', 'order', 'caseless', 'match', 'identity')),
    version integer NOT NULL CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('primary', 'active', 'retired', 'destroyed')),
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (group_id, purpose, version),
    CHECK ((state = 'destroyed') = (wrapped IS NULL))
);

CREATE UNIQUE INDEX keys_one_primary ON pyrite.keys (group_id, purpose) WHERE state = 'primary';

-- What is encrypted in fact. relation_oid tells a renamed column (same OID: the attribute number holds) from a
-- restored table (another OID: the names hold).
CREATE TABLE pyrite.columns (
    relation regclass NOT NULL,
    attnum smallint NOT NULL,
    relation_oid oid NOT NULL,
    column_name name NOT NULL,
    declared_type text NOT NULL,
    group_id uuid NOT NULL REFERENCES pyrite.groups,
    equality boolean NOT NULL,
    state text NOT NULL DEFAULT 'encrypted' CHECK (state IN ('encrypted')),
    PRIMARY KEY (relation, attnum) DEFERRABLE
);
