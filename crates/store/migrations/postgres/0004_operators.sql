-- Who works for the deployment. Sealed: a row that was written past the program is no role. Rows can be removed, or put
-- back as they once were; the audit log shows what was.
CREATE TABLE roles (
    account BIGINT PRIMARY KEY REFERENCES accounts (id), role TEXT NOT NULL, granted_at BIGINT NOT NULL,
    data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
-- Links that offer the first operators' places, by the hash of their token under the deployment's key; each
-- is good once.
CREATE TABLE set_up_links (token BYTEA PRIMARY KEY, made_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT);
-- Changes that take more than one operator. Sealed with their standing; "words" are the lines that approvers read.
CREATE TABLE proposals (
    id BIGINT PRIMARY KEY, change TEXT NOT NULL, words TEXT NOT NULL, hash BYTEA NOT NULL, needed BIGINT NOT NULL,
    requester BIGINT NOT NULL REFERENCES accounts (id), made_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
    standing TEXT NOT NULL, settled_at BIGINT, settled_by BIGINT, data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
CREATE TABLE approvals (
    proposal BIGINT NOT NULL REFERENCES proposals (id), account BIGINT NOT NULL REFERENCES accounts (id), at BIGINT NOT NULL,
    hash BYTEA NOT NULL, data_key BIGINT NOT NULL, seal BYTEA NOT NULL, PRIMARY KEY (proposal, account)
);
-- Policies that operators set, above those of the configuration file. Sealed.
CREATE TABLE policies (
    name TEXT PRIMARY KEY, value TEXT NOT NULL, set_at BIGINT NOT NULL, set_by BIGINT NOT NULL,
    data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
-- Since when an operator holds all keys of the account.
ALTER TABLE accounts ADD COLUMN frozen_at BIGINT;
