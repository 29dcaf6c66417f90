-- From which addresses a key was used, and when last: for the end of a rotation, and for its page.
CREATE TABLE sources (
    key_id BYTEA NOT NULL, source BYTEA NOT NULL, seen_at BIGINT NOT NULL, PRIMARY KEY (key_id, source)
);
CREATE INDEX sources_by_time ON sources (seen_at);
