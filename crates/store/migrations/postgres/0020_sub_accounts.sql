-- Sub-accounts as their masters set them up, the people who administer them, and open invitations to do so.
CREATE TABLE sub_accounts (
    account BIGINT PRIMARY KEY REFERENCES accounts (id), label TEXT NOT NULL, permissions BIGINT NOT NULL, rate_cap BIGINT, frozen_at BIGINT,
    data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
CREATE TABLE members (
    sub_account BIGINT NOT NULL REFERENCES accounts (id), account BIGINT NOT NULL REFERENCES accounts (id), since BIGINT NOT NULL,
    data_key BIGINT NOT NULL, seal BYTEA NOT NULL, PRIMARY KEY (sub_account, account)
);
CREATE INDEX members_by_account ON members (account);
CREATE TABLE invitations (
    sub_account BIGINT NOT NULL REFERENCES accounts (id), email TEXT NOT NULL, until BIGINT NOT NULL,
    data_key BIGINT NOT NULL, seal BYTEA NOT NULL, PRIMARY KEY (sub_account, email)
);
CREATE INDEX invitations_by_email ON invitations (email);
