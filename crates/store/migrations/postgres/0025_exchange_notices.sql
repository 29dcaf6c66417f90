-- A sub-account that its master wants closed has the moment of that until the exchange has answered, and then that of its end.
ALTER TABLE sub_accounts ADD COLUMN closing_at BIGINT;
ALTER TABLE sub_accounts ADD COLUMN closed_at BIGINT;
-- There is a row while the exchange is told of sub-accounts.
CREATE TABLE exchange_told (id BIGINT PRIMARY KEY CHECK (id = 1), since BIGINT NOT NULL);
-- What the exchange is told of sub-accounts: the notices of a master account by number. The newest of each sub-account stays.
-- `frozen` is 1 when the sub-account is frozen after it.
CREATE TABLE exchange_notices (
    master BIGINT NOT NULL REFERENCES accounts (id), number BIGINT NOT NULL,
    sub_account BIGINT NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, kind TEXT NOT NULL, frozen BIGINT NOT NULL,
    at BIGINT NOT NULL, state TEXT NOT NULL, tries BIGINT NOT NULL, due_at BIGINT NOT NULL,
    data_key BIGINT NOT NULL, seal BYTEA NOT NULL, PRIMARY KEY (master, number)
);
CREATE INDEX exchange_notices_waiting ON exchange_notices (due_at) WHERE state = 'waiting';
CREATE INDEX exchange_notices_by_sub_account ON exchange_notices (sub_account, number);
