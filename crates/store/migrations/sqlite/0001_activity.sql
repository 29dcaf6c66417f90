-- The journal: one record per private request, and the durable pair around money. Rows come in the order of their
-- time, so the index by time is appended to; an index by key would cost more than the row.
CREATE TABLE activity (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, request BLOB NOT NULL, key_id BLOB, account INTEGER, source BLOB NOT NULL,
    method TEXT NOT NULL, route TEXT NOT NULL, code TEXT NOT NULL, upstream_status INTEGER,
    bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, micros INTEGER NOT NULL
);
CREATE INDEX activity_by_time ON activity (at);
CREATE TABLE intents (
    request TEXT PRIMARY KEY, at INTEGER NOT NULL, key_id TEXT NOT NULL, account INTEGER NOT NULL, route TEXT NOT NULL,
    source TEXT NOT NULL, body_hash BLOB NOT NULL, outcome TEXT, upstream_status INTEGER, settled_at INTEGER
);
CREATE INDEX intents_open ON intents (at) WHERE outcome IS NULL;

-- No accepted timestamp of a state-changing request exceeds "until_ms", per gateway node. "saved" is when a
-- node stopped cleanly, and "marks" then holds all its marks; the next start takes them and sets it to 0.
CREATE TABLE horizons (node TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, saved INTEGER NOT NULL DEFAULT 0);
CREATE TABLE marks (node TEXT NOT NULL, key_id BLOB NOT NULL, fingerprint INTEGER NOT NULL, second INTEGER NOT NULL);
