-- The number of the newest change and of the newest audit record: one row, taken in every write transaction.
CREATE TABLE head (id BIGINT PRIMARY KEY CHECK (id = 1), n BIGINT NOT NULL, audit BIGINT NOT NULL);
INSERT INTO head (id, n, audit) VALUES (1, 0, 0);

-- Data keys, each wrapped by the master key. The row 0 proves which master key the store was made with.
CREATE TABLE data_keys (id BIGINT PRIMARY KEY, wrapped BYTEA NOT NULL, created_at BIGINT NOT NULL);

CREATE TABLE accounts (
    id BIGINT PRIMARY KEY,
    email TEXT UNIQUE,
    master BIGINT REFERENCES accounts (id),
    sub_name TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (master, sub_name)
);

CREATE TABLE apps (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    ranges TEXT NOT NULL,
    version BIGINT NOT NULL,
    data_key BIGINT NOT NULL,
    seal BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- One row per key, for ever: tombstones keep the id from coming back. "seal" holds the HMAC state and
-- authenticates every column above it; it is emptied when the key ends.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id),
    master BIGINT,
    name TEXT NOT NULL,
    permissions BIGINT NOT NULL,
    binding TEXT NOT NULL,
    environment TEXT NOT NULL,
    state TEXT NOT NULL,
    holds BIGINT NOT NULL,
    ended_at BIGINT,
    expires_at BIGINT,
    passphrase BYTEA NOT NULL,
    version BIGINT NOT NULL,
    data_key BIGINT NOT NULL,
    seal BYTEA,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    last_used_at BIGINT,
    last_used_from TEXT
);
CREATE INDEX keys_by_account ON keys (account);
CREATE UNIQUE INDEX keys_living_name ON keys (account, name) WHERE state IN ('active', 'disabled');
CREATE INDEX keys_idle ON keys (last_used_at, created_at) WHERE state IN ('active', 'disabled');

-- What gateways follow, by number.
CREATE TABLE changes (n BIGINT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, at BIGINT NOT NULL);

-- What happened, by number, in canonical JSON.
CREATE TABLE audit (n BIGINT PRIMARY KEY, at BIGINT NOT NULL, record TEXT NOT NULL);
