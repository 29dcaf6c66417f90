-- The one root key, wrapped by the master key that "master_key" names.
CREATE TABLE root_key (
    id BIGINT PRIMARY KEY CHECK (id = 1), master_key TEXT NOT NULL, wrapped BYTEA NOT NULL, wrapped_at BIGINT NOT NULL
);
