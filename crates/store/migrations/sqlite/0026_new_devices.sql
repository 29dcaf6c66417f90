-- A key that was made or loosened on a new device only reads until then. When a device was first seen by its user, and the same
-- in each session that began on it: zero for devices from before this was kept, and for the one that an account was made on.
ALTER TABLE keys ADD COLUMN new_device_until INTEGER;
CREATE INDEX keys_of_new_devices ON keys (new_device_until) WHERE new_device_until IS NOT NULL;
ALTER TABLE devices ADD COLUMN first_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN device_since INTEGER NOT NULL DEFAULT 0;
