-- Who works for the deployment. Sealed: a row that was written past the program is no role. Rows can be removed, or put
-- back as they once were; the audit log shows what was.
CREATE TABLE roles (
    account INTEGER PRIMARY KEY REFERENCES accounts (id), role TEXT NOT NULL, granted_at INTEGER NOT NULL,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
-- Links that offer the first operators' places, by the hash of their token under the deployment's key; each
-- is good once.
CREATE TABLE set_up_links (token BLOB PRIMARY KEY, made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER);
-- Changes that take more than one operator. Sealed with their standing; "words" are the lines that approvers read.
CREATE TABLE proposals (
    id INTEGER PRIMARY KEY, change TEXT NOT NULL, words TEXT NOT NULL, hash BLOB NOT NULL, needed INTEGER NOT NULL,
    requester INTEGER NOT NULL REFERENCES accounts (id), made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    standing TEXT NOT NULL, settled_at INTEGER, settled_by INTEGER, data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
CREATE TABLE approvals (
    proposal INTEGER NOT NULL REFERENCES proposals (id), account INTEGER NOT NULL REFERENCES accounts (id), at INTEGER NOT NULL,
    hash BLOB NOT NULL, data_key INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (proposal, account)
);
-- Policies that operators set, above those of the configuration file. Sealed.
CREATE TABLE policies (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, set_at INTEGER NOT NULL, set_by INTEGER NOT NULL,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
-- Since when an operator holds all keys of the account.
ALTER TABLE accounts ADD COLUMN frozen_at INTEGER;
