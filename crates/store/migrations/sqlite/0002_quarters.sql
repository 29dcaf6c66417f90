-- How many requests of a key passed and were refused in each quarter of an hour since the Unix epoch.
CREATE TABLE quarters (
    key_id BLOB NOT NULL, quarter INTEGER NOT NULL, passed INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (key_id, quarter)
) WITHOUT ROWID;
