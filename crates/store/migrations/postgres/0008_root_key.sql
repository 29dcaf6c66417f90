-- The one root key, wrapped by the master key that "master_key" names.
CREATE TABLE root_key (
    id BIGINT PRIMARY KEY CHECK (id = 1), master_key TEXT NOT NULL, wrapped BYTEA NOT NULL, wrapped_at BIGINT NOT NULL
);
-- What stands in "policies", all of it together: a row that is taken away is missed.
CREATE TABLE policies_head (id BIGINT PRIMARY KEY CHECK (id = 1), data_key BIGINT NOT NULL, seal BYTEA NOT NULL);
