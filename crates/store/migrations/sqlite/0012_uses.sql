-- When and from where a key was last used. Apart from the keys' own rows, which are ten times as long: with many keys in use
-- this is written more often than everything else together.
CREATE TABLE uses (
    key_id TEXT PRIMARY KEY, used_at INTEGER NOT NULL, used_from TEXT
) WITHOUT ROWID;
INSERT INTO uses (key_id, used_at, used_from)
    SELECT id, last_used_at, last_used_from FROM keys WHERE last_used_at IS NOT NULL;
DROP INDEX keys_idle;
ALTER TABLE keys DROP COLUMN last_used_at;
ALTER TABLE keys DROP COLUMN last_used_from;
