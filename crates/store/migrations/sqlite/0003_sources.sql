-- From which addresses a key was used, and when last: for the end of a rotation, and for its page.
CREATE TABLE sources (
    key_id BLOB NOT NULL, source BLOB NOT NULL, seen_at INTEGER NOT NULL, PRIMARY KEY (key_id, source)
) WITHOUT ROWID;
CREATE INDEX sources_by_time ON sources (seen_at);
