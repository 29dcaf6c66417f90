-- Transfers by sub-accounts' keys that wait for their master, and what became of them. `transfer` is the text of `rules::approval`.
CREATE TABLE transfer_approvals (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id), master INTEGER NOT NULL REFERENCES accounts (id),
    key_id TEXT NOT NULL, environment TEXT NOT NULL, hash BLOB NOT NULL, transfer TEXT NOT NULL,
    sub_name TEXT NOT NULL, key_name TEXT NOT NULL, source TEXT,
    made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, standing TEXT NOT NULL, decided_at INTEGER, decided_by INTEGER,
    used_at INTEGER, used_by TEXT, data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
CREATE INDEX transfer_approvals_by_hash ON transfer_approvals (account, hash);
CREATE INDEX transfer_approvals_by_account ON transfer_approvals (account, made_at);
CREATE INDEX transfer_approvals_by_master ON transfer_approvals (master, made_at, id);
-- What all sub-accounts of a master together may transfer in a UTC day before anybody is asked.
CREATE TABLE transfer_thresholds (
    account INTEGER PRIMARY KEY REFERENCES accounts (id), thresholds TEXT NOT NULL, data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
-- What they have transferred in that way.
CREATE TABLE transfer_sums (
    master INTEGER NOT NULL, environment TEXT NOT NULL, currency TEXT NOT NULL, day INTEGER NOT NULL, amount TEXT NOT NULL,
    PRIMARY KEY (master, environment, currency, day)
);
