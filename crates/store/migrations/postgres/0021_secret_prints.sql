-- Finds a key by its secret alone: a keyed hash of the secret's state. Absent for a key that has ended, and for keys from
-- before until a duty has filled it in. No verdict uses it, so neither the seal nor a mark of the audit log has it.
ALTER TABLE keys ADD COLUMN secret_print BYTEA;
CREATE INDEX keys_by_secret_print ON keys (secret_print) WHERE secret_print IS NOT NULL;
-- Those that the duty has to fill in, so that it need not look through all keys to find none.
CREATE INDEX keys_without_print ON keys (id) WHERE secret_print IS NULL AND state IN ('active', 'disabled');
