-- The one root key, wrapped by the master key that "master_key" names.
CREATE TABLE root_key (
    id INTEGER PRIMARY KEY CHECK (id = 1), master_key TEXT NOT NULL, wrapped BLOB NOT NULL, wrapped_at INTEGER NOT NULL
);
