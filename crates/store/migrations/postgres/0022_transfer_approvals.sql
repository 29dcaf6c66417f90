-- Transfers by sub-accounts' keys that wait for their master, and what became of them. `transfer` is the text of `rules::approval`.
CREATE TABLE transfer_approvals (
    id BIGINT PRIMARY KEY, account BIGINT NOT NULL REFERENCES accounts (id), master BIGINT NOT NULL REFERENCES accounts (id),
    key_id TEXT NOT NULL, environment TEXT NOT NULL, hash BYTEA NOT NULL, transfer TEXT NOT NULL,
    sub_name TEXT NOT NULL, key_name TEXT NOT NULL, source TEXT,
    made_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, standing TEXT NOT NULL, decided_at BIGINT, decided_by BIGINT,
    used_at BIGINT, used_by TEXT, data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
CREATE INDEX transfer_approvals_by_hash ON transfer_approvals (account, hash);
CREATE INDEX transfer_approvals_by_account ON transfer_approvals (account, made_at);
CREATE INDEX transfer_approvals_by_master ON transfer_approvals (master, made_at, id);
-- What all sub-accounts of a master together may transfer in a UTC day before anybody is asked.
CREATE TABLE transfer_thresholds (
    account BIGINT PRIMARY KEY REFERENCES accounts (id), thresholds TEXT NOT NULL, data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
-- What they have transferred in that way.
CREATE TABLE transfer_sums (
    master BIGINT NOT NULL, environment TEXT NOT NULL, currency TEXT NOT NULL, day BIGINT NOT NULL, amount TEXT NOT NULL,
    PRIMARY KEY (master, environment, currency, day)
);
