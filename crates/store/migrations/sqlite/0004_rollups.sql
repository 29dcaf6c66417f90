-- What charts are drawn from, so that a month costs what an hour costs: how many requests of a subject (a key, or an
-- account in its last eight bytes) had which verdict, route, source or latency, in spans of four lengths.
CREATE TABLE rollups (
    subject BLOB NOT NULL, span INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, word TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (subject, span, at, kind, word)
) WITHOUT ROWID;
CREATE INDEX rollups_by_time ON rollups (span, at);
-- Up to which record the journal is rolled up: moved in the transaction that counts.
CREATE TABLE rolled_up (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL);
INSERT INTO rolled_up (id, upto) VALUES (1, 0);
