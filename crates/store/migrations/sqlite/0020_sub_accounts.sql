-- Sub-accounts as their masters set them up, the people who administer them, and open invitations to do so.
CREATE TABLE sub_accounts (
    account INTEGER PRIMARY KEY REFERENCES accounts (id), label TEXT NOT NULL, permissions INTEGER NOT NULL, rate_cap INTEGER, frozen_at INTEGER,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
CREATE TABLE members (
    sub_account INTEGER NOT NULL REFERENCES accounts (id), account INTEGER NOT NULL REFERENCES accounts (id), since INTEGER NOT NULL,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (sub_account, account)
);
CREATE INDEX members_by_account ON members (account);
CREATE TABLE invitations (
    sub_account INTEGER NOT NULL REFERENCES accounts (id), email TEXT NOT NULL, until INTEGER NOT NULL,
    data_key INTEGER NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (sub_account, email)
);
CREATE INDEX invitations_by_email ON invitations (email);
