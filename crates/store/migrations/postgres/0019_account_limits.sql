-- Limits of an account over all its keys: the text of `rules::fence`. Keys have it in their own rows; this one is for new keys.
CREATE TABLE account_limits (
    account BIGINT PRIMARY KEY REFERENCES accounts (id), fences TEXT NOT NULL, data_key BIGINT NOT NULL, seal BYTEA NOT NULL
);
