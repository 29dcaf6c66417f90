-- How many requests of a key passed and were refused in each quarter of an hour since the Unix epoch.
CREATE TABLE quarters (
    key_id BYTEA NOT NULL, quarter BIGINT NOT NULL, passed BIGINT NOT NULL, refused BIGINT NOT NULL,
    PRIMARY KEY (key_id, quarter)
);
