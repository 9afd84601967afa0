-- Schema pyrite, version 3: order, caseless and match terms. Runs in one transaction with search_path = pg_catalog.
--
-- These terms are found by the directory behind the equality terms: an entry of 16 bytes for each, in the order of the
-- bits in byte 7 (from 0), with offset and length in its last 8 bytes. The functions are not STRICT, since a CASE in a
-- STRICT function is not inlined; NULL gives NULL all the same, and so does an envelope without the term. Bytes are cut
-- out before they are looked at: get_byte alone would fetch the whole of a value in TOAST.

-- The order term: comparing it is comparing the values.
CREATE FUNCTION pyrite.ord(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 4) <> 0 THEN substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1), 4), 'hex'))::bit(32)::integer,
        ('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1), 4), 'hex'))::bit(32)::integer)
END;

CREATE FUNCTION pyrite.ord_b(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 8) <> 0 THEN substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 4)::bit(8))::integer, 4), 'hex'))::bit(32)::integer,
        ('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 4)::bit(8))::integer, 4), 'hex'))::bit(32)::integer)
END;

-- Its beginning, which fits an entry of an index.
CREATE FUNCTION pyrite.ord_head(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 4) <> 0 THEN substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1), 4), 'hex'))::bit(32)::integer,
        least(('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1), 4), 'hex'))::bit(32)::integer, 504))
END;

CREATE FUNCTION pyrite.ord_head_b(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 8) <> 0 THEN substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 4)::bit(8))::integer, 4), 'hex'))::bit(32)::integer,
        least(('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 4)::bit(8))::integer, 4), 'hex'))::bit(32)::integer, 504))
END;

-- The caseless term: the same for texts that differ only in case.
CREATE FUNCTION pyrite.eq_caseless(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 16) <> 0 THEN substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 12)::bit(8))::integer, 4), 'hex'))::bit(32)::integer,
        ('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 12)::bit(8))::integer, 4), 'hex'))::bit(32)::integer)
END;

CREATE FUNCTION pyrite.eq_caseless_b(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 32) <> 0 THEN substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 28)::bit(8))::integer, 4), 'hex'))::bit(32)::integer,
        ('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 28)::bit(8))::integer, 4), 'hex'))::bit(32)::integer)
END;

-- The match terms, for a GIN index: tokens of three bytes. Not inlined, because of the subquery; an index serves it all
-- the same.
CREATE FUNCTION pyrite.match(envelope bytea) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 64) <> 0 THEN ARRAY(
    SELECT get_byte(tokens, n) * 65536 + get_byte(tokens, n + 1) * 256 + get_byte(tokens, n + 2)
    FROM (SELECT substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 60)::bit(8))::integer, 4), 'hex'))::bit(32)::integer,
        ('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 60)::bit(8))::integer, 4), 'hex'))::bit(32)::integer) AS tokens OFFSET 0) AS term,
        generate_series(0, octet_length(tokens) - 3, 3) AS n)
END;

CREATE FUNCTION pyrite.match_b(envelope bytea) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (get_byte(substr(envelope, 8, 1), 0) & 128) <> 0 THEN ARRAY(
    SELECT get_byte(tokens, n) * 65536 + get_byte(tokens, n + 1) * 256 + get_byte(tokens, n + 2)
    FROM (SELECT substr(envelope,
        1 + ('x' || encode(substr(envelope, 41 + 8 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 124)::bit(8))::integer, 4), 'hex'))::bit(32)::integer,
        ('x' || encode(substr(envelope, 41 + 12 + 24 * ((get_byte(substr(envelope, 8, 1), 0) >> 1) & 1)
            + 16 * bit_count((get_byte(substr(envelope, 8, 1), 0) & 124)::bit(8))::integer, 4), 'hex'))::bit(32)::integer) AS tokens OFFSET 0) AS term,
        generate_series(0, octet_length(tokens) - 3, 3) AS n)
END;

-- Whether a value has a term of this kind, in either slot. A table's CHECK by one of these is what tells proxies that
-- no value is without it, so that a search by it misses nothing.
CREATE FUNCTION pyrite.has_order(envelope bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (get_byte(substr(envelope, 8, 1), 0) & 12) <> 0;

CREATE FUNCTION pyrite.has_caseless(envelope bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (get_byte(substr(envelope, 8, 1), 0) & 48) <> 0;

CREATE FUNCTION pyrite.has_match(envelope bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (get_byte(substr(envelope, 8, 1), 0) & 192) <> 0;

-- The search kinds beside equality that are configured; by whose rules order terms of text were made, and under which
-- key: terms by other rules do not compare with them.
ALTER TABLE pyrite.columns
    ADD COLUMN search text[] NOT NULL DEFAULT '{}',
    ADD COLUMN collation_identity text,
    ADD COLUMN order_key bytea;
