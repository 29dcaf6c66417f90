-- Passkeys. "handle" is what the authenticator calls its credential; "credential" is sealed and holds the public key;
-- "counter" is the authenticator's own count of uses, which only grows.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, handle BLOB NOT NULL UNIQUE,
    credential BLOB NOT NULL, data_key INTEGER NOT NULL, counter INTEGER NOT NULL, created_at INTEGER NOT NULL,
    last_used_at INTEGER
);
CREATE INDEX passkeys_by_account ON passkeys (account, created_at);
-- Questions to authenticators that wait for their one answer. "bound" says for what; "state" is sealed. An answer takes the row away.
CREATE TABLE passkey_ceremonies (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, bound TEXT NOT NULL, account INTEGER, state BLOB NOT NULL, data_key INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX passkey_ceremonies_by_owner ON passkey_ceremonies (owner, expires_at);
