-- The Merkle tree over the audit records: the hash of every full subtree, by its number (rules/src/log/tree.rs).
CREATE TABLE audit_hashes (i INTEGER PRIMARY KEY, hash BLOB NOT NULL);
-- Which accounts a record concerns, masters of sub-accounts included: a holder's trail is one range of it.
CREATE TABLE audit_accounts (account INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (account, n)) WITHOUT ROWID;
CREATE INDEX audit_accounts_by_record ON audit_accounts (n);
-- What was signed: the note says that the log had "size" records and which root.
CREATE TABLE audit_checkpoints (size INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT NOT NULL);
