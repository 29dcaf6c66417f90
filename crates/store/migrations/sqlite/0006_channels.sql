-- Where alerts go beside mail. "target" is sealed together with the columns that say what goes there and when; "failures" and
-- "failing_since" count tries in a row that nothing came of, and "missed" alerts for which there was no room.
CREATE TABLE channels (
    id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id), name TEXT NOT NULL, kind TEXT NOT NULL,
    target BLOB NOT NULL, data_key INTEGER NOT NULL, which TEXT NOT NULL, quiet_from INTEGER, quiet_to INTEGER,
    digest TEXT NOT NULL, made_at INTEGER NOT NULL, paused_at INTEGER, failing_since INTEGER,
    failures INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0, lease_until INTEGER NOT NULL DEFAULT 0,
    missed INTEGER NOT NULL DEFAULT 0, UNIQUE (account, name)
);
CREATE INDEX channels_failing ON channels (failing_since) WHERE paused_at IS NULL;
-- Messages to channels, written in the transaction that causes them. "body" is sealed and goes with the delivery; "gathers"
-- counts the alerts of one that more may be added to.
CREATE TABLE deliveries (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL REFERENCES channels (id), at INTEGER NOT NULL,
    title TEXT NOT NULL, body BLOB, data_key INTEGER NOT NULL, gathers INTEGER NOT NULL, asked_at INTEGER,
    due_at INTEGER NOT NULL, next_at INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'waiting', status INTEGER, word TEXT, tried_at INTEGER
);
CREATE INDEX deliveries_by_channel ON deliveries (channel, n);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'waiting';
CREATE INDEX deliveries_by_time ON deliveries (at);
