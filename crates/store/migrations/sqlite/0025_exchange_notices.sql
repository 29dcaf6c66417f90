-- A sub-account that its master wants closed has the moment of that until the exchange has answered, and then that of its end.
ALTER TABLE sub_accounts ADD COLUMN closing_at INTEGER;
ALTER TABLE sub_accounts ADD COLUMN closed_at INTEGER;
-- There is a row while the exchange is told of sub-accounts.
CREATE TABLE exchange_told (id INTEGER PRIMARY KEY CHECK (id = 1), since INTEGER NOT NULL);
-- What the exchange is told of sub-accounts: the notices of a master account by number. The newest of each sub-account stays.
-- `frozen` is 1 when the sub-account is frozen after it.
CREATE TABLE exchange_notices (
    master INTEGER NOT NULL REFERENCES accounts (id), number INTEGER NOT NULL,
    sub_account INTEGER NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, kind TEXT NOT NULL, frozen INTEGER NOT NULL,
    at INTEGER NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, due_at INTEGER NOT NULL,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (master, number)
);
CREATE INDEX exchange_notices_waiting ON exchange_notices (due_at) WHERE state = 'waiting';
CREATE INDEX exchange_notices_by_sub_account ON exchange_notices (sub_account, number);
