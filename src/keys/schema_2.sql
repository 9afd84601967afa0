-- Schema pyrite, version 2: rotation. Runs in one transaction with search_path = pg_catalog.

-- The equality term of slot B, and the ids of the index keys that made either. In an envelope without a term in slot B
-- the range lies behind the header and covers random bytes of the nonce, or of the ciphertext.
CREATE FUNCTION pyrite.eq_b(envelope bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN substr(envelope, 49, 16);

-- A key goes active, primary, fading, retired, destroyed; never back. Index keys have a slot of the envelope.
ALTER TABLE pyrite.keys DROP CONSTRAINT keys_state_check;
ALTER TABLE pyrite.keys
    ADD CONSTRAINT keys_state_check CHECK (state IN ('active', 'primary', 'fading', 'retired', 'destroyed')),
    ADD COLUMN slot text NOT NULL DEFAULT 'a' CHECK (slot IN ('a', 'b')),
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    ADD CHECK (slot = 'a' OR purpose <> 'data');

-- Every root key that ever wrapped this keyring: backups of that time open with it. root_wrapped is the root key
-- itself under a key of an outside provider (PKCS#11, KMS, Vault); NULL where the provider holds the root key.
ALTER TABLE pyrite.keyring
    ADD COLUMN root_version integer NOT NULL DEFAULT 1 CHECK (root_version > 0),
    ADD COLUMN root_wrapped bytea;

CREATE TABLE pyrite.roots (
    version integer PRIMARY KEY CHECK (version > 0),
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 8),
    provider text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    until timestamptz
);

INSERT INTO pyrite.roots (version, fingerprint, provider)
SELECT 1, root_fingerprint, 'unknown' FROM pyrite.keyring;

-- The proxies that serve this database. counter: the keyring in use; drained: nothing that was sealed or planned
-- under an older keyring can reach the server through this proxy any more. roots: fingerprints of the root keys
-- that it holds.
CREATE TABLE pyrite.proxies (
    id uuid PRIMARY KEY,
    address text NOT NULL,
    version text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    counter bigint NOT NULL,
    drained bigint NOT NULL,
    sessions integer NOT NULL DEFAULT 0,
    roots bytea[] NOT NULL DEFAULT '{}',
    note text
);

-- What rewrites values. A job belongs to the proxy that holds its lease; another one takes it over when that ends.
-- spec: what was asked for. cursor: where the current step stands; changes in the transaction of each batch.
CREATE TABLE pyrite.jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    spec jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'paused', 'cancelling', 'cancelled', 'done', 'failed')),
    step text NOT NULL,
    cursor jsonb NOT NULL DEFAULT '{}',
    rows_done bigint NOT NULL DEFAULT 0,
    rows_total bigint,
    status text NOT NULL DEFAULT '',
    error text,
    holder uuid,
    leased_until timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
