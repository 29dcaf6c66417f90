-- The journal: one record per private request, and the durable pair around money.
CREATE TABLE activity (
    at BIGINT NOT NULL, request TEXT NOT NULL, key_id TEXT, account BIGINT, source TEXT NOT NULL,
    method TEXT NOT NULL, route TEXT NOT NULL, code TEXT NOT NULL, upstream_status BIGINT,
    bytes_in BIGINT NOT NULL, bytes_out BIGINT NOT NULL, micros BIGINT NOT NULL
);
CREATE INDEX activity_by_key ON activity (key_id, at);
CREATE INDEX activity_by_time ON activity (at);
CREATE TABLE intents (
    request TEXT PRIMARY KEY, at BIGINT NOT NULL, key_id TEXT NOT NULL, account BIGINT NOT NULL, route TEXT NOT NULL,
    source TEXT NOT NULL, body_hash BYTEA NOT NULL, outcome TEXT, upstream_status BIGINT, settled_at BIGINT
);
CREATE INDEX intents_open ON intents (at) WHERE outcome IS NULL;

-- No accepted timestamp of a state-changing request exceeds this, per gateway node.
CREATE TABLE horizons (node TEXT PRIMARY KEY, until_ms BIGINT NOT NULL);
