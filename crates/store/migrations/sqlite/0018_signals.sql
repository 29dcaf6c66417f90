-- What is usual for a key, so that the unusual is noticed: the text of `rules::signal::Baseline`, kept now and then. It is learned
-- from requests, so no audit record has it. Beside it, which signals a key's holder does not want to hear of.
CREATE TABLE baselines (
    key_id TEXT PRIMARY KEY, kept_at INTEGER NOT NULL, learned TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX baselines_old ON baselines (kept_at);
ALTER TABLE key_notes ADD COLUMN muted TEXT NOT NULL DEFAULT '';
