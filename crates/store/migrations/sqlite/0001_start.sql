-- The number of the newest change and of the newest audit record: one row, taken in every write transaction.
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL, audit INTEGER NOT NULL);
INSERT INTO head (id, n, audit) VALUES (1, 0, 0);

-- Data keys, each wrapped by the master key. The row 0 proves which master key the store was made with.
CREATE TABLE data_keys (id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, created_at INTEGER NOT NULL);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    email TEXT UNIQUE,
    master INTEGER REFERENCES accounts (id),
    sub_name TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (master, sub_name)
);

CREATE TABLE apps (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    ranges TEXT NOT NULL,
    version INTEGER NOT NULL,
    data_key INTEGER NOT NULL,
    seal BLOB NOT NULL,
    created_at INTEGER NOT NULL
);

-- One row per key, for ever: tombstones keep the id from coming back. "seal" holds the HMAC state and
-- authenticates every column above it; it is emptied when the key ends.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts (id),
    master INTEGER,
    name TEXT NOT NULL,
    permissions INTEGER NOT NULL,
    binding TEXT NOT NULL,
    environment TEXT NOT NULL,
    state TEXT NOT NULL,
    holds INTEGER NOT NULL,
    ended_at INTEGER,
    expires_at INTEGER,
    passphrase BLOB NOT NULL,
    version INTEGER NOT NULL,
    data_key INTEGER NOT NULL,
    seal BLOB,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    last_used_at INTEGER,
    last_used_from TEXT
);
CREATE INDEX keys_by_account ON keys (account);
CREATE UNIQUE INDEX keys_living_name ON keys (account, name) WHERE state IN ('active', 'disabled');
CREATE INDEX keys_idle ON keys (last_used_at, created_at) WHERE state IN ('active', 'disabled');

-- What gateways follow, by number.
CREATE TABLE changes (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL);

-- What happened, by number, in canonical JSON.
CREATE TABLE audit (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, record TEXT NOT NULL);
