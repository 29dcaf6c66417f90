-- The Merkle tree over the audit records: the hash of every full subtree, by its number (rules/src/log/tree.rs).
CREATE TABLE audit_hashes (i BIGINT PRIMARY KEY, hash BYTEA NOT NULL);
-- Which accounts a record concerns, masters of sub-accounts included: a holder's trail is one range of it.
CREATE TABLE audit_accounts (account BIGINT NOT NULL, n BIGINT NOT NULL, PRIMARY KEY (account, n));
CREATE INDEX audit_accounts_by_record ON audit_accounts (n);
-- What was signed: the note says that the log had "size" records and which root.
CREATE TABLE audit_checkpoints (size BIGINT PRIMARY KEY, at BIGINT NOT NULL, note TEXT NOT NULL);
