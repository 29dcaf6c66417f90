-- Limits of an account over all its keys: the text of `rules::fence`. Keys have it in their own rows; this one is for new keys.
CREATE TABLE account_limits (
    account INTEGER PRIMARY KEY REFERENCES accounts (id), fences TEXT NOT NULL, data_key INTEGER NOT NULL, seal BLOB NOT NULL
);
