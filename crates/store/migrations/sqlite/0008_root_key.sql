-- The one root key, wrapped by the master key that "master_key" names.
CREATE TABLE root_key (
    id INTEGER PRIMARY KEY CHECK (id = 1), master_key TEXT NOT NULL, wrapped BLOB NOT NULL, wrapped_at INTEGER NOT NULL
);
-- What stands in "policies", all of it together: a row that is taken away is missed.
CREATE TABLE policies_head (id INTEGER PRIMARY KEY CHECK (id = 1), data_key INTEGER NOT NULL, seal BLOB NOT NULL);
