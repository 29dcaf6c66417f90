-- The end that a key's holder gave it, which rotations keep, and when the key was last bound no more.
ALTER TABLE key_notes ADD COLUMN own_end INTEGER;
ALTER TABLE key_notes ADD COLUMN unbound_at INTEGER;
-- Until now a key's row alone had its end. A policy's end is a whole number of days after the key was made, and a holder's end
-- is at midnight. An end that an overlap set is neither.
INSERT INTO key_notes (key_id, own_end)
    SELECT id, expires_at FROM keys
    WHERE expires_at IS NOT NULL AND state IN ('active', 'disabled')
        AND (expires_at <= created_at OR (expires_at - created_at) % 86400000 <> 0)
        AND NOT EXISTS (
            SELECT 1 FROM key_notes AS noted WHERE noted.key_id = keys.id AND noted.overlap_until = keys.expires_at
        )
    ON CONFLICT (key_id) DO UPDATE SET own_end = excluded.own_end;
