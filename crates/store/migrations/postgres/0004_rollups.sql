-- What charts are drawn from, so that a month costs what an hour costs: how many requests of a subject (a key, or an
-- account in its last eight bytes) had which verdict, route, source or latency, in spans of four lengths.
CREATE TABLE rollups (
    subject BYTEA NOT NULL, span BIGINT NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL, word TEXT NOT NULL, count BIGINT NOT NULL,
    PRIMARY KEY (subject, span, at, kind, word)
);
CREATE INDEX rollups_by_time ON rollups (span, at);
-- Up to which record the journal is rolled up: moved in the transaction that counts.
CREATE TABLE rolled_up (id BIGINT PRIMARY KEY CHECK (id = 1), upto BIGINT NOT NULL);
INSERT INTO rolled_up (id, upto) VALUES (1, 0);
