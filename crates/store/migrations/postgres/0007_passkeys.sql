-- Passkeys. "handle" is what the authenticator calls its credential; "credential" is sealed and holds the public key;
-- "counter" is the authenticator's own count of uses, which only grows.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY, account BIGINT NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, handle BYTEA NOT NULL UNIQUE,
    credential BYTEA NOT NULL, data_key BIGINT NOT NULL, counter BIGINT NOT NULL, created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_account ON passkeys (account, created_at);
-- Questions to authenticators that wait for their one answer. "bound" says for what; "state" is sealed. An answer takes the row away.
CREATE TABLE passkey_ceremonies (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, bound TEXT NOT NULL, account BIGINT, state BYTEA NOT NULL, data_key BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_ceremonies_by_owner ON passkey_ceremonies (owner, expires_at);
