-- Requests a second that the holder allows the key, below the standard rates; sealed with the rest.
ALTER TABLE keys ADD COLUMN rate_cap INTEGER;
