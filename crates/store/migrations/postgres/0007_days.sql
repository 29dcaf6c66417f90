-- The journal by UTC days, so that a day is dropped whole (docs/decisions/0027). The program makes the days' parts before they
-- begin. "activity_before" has the records from before this step, up to the end of its day. "activity_rest" has those that no
-- part is there for: of clocks that are far off, and of days that were dropped.
CREATE SEQUENCE activity_numbers;
SELECT setval('activity_numbers', nextval(pg_get_serial_sequence('activity', 'id')), false);
ALTER TABLE activity RENAME TO activity_before;
ALTER TABLE activity_before ALTER COLUMN id DROP IDENTITY;
ALTER TABLE activity_before DROP CONSTRAINT activity_pkey;
ALTER TABLE activity_before ALTER COLUMN id SET NOT NULL;
DROP INDEX activity_by_time;
CREATE TABLE activity (
    id BIGINT NOT NULL DEFAULT nextval('activity_numbers'), at BIGINT NOT NULL, request BYTEA NOT NULL, key_id BYTEA, account BIGINT,
    source BYTEA NOT NULL, method TEXT NOT NULL, route TEXT NOT NULL, code TEXT NOT NULL, upstream_status BIGINT,
    bytes_in BIGINT NOT NULL, bytes_out BIGINT NOT NULL, micros BIGINT NOT NULL, PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
ALTER SEQUENCE activity_numbers OWNED BY activity.id;
CREATE INDEX activity_by_number ON activity (id);
CREATE TABLE activity_rest PARTITION OF activity DEFAULT;
DO $$
DECLARE
    day CONSTANT BIGINT := 86400000;
    ends CONSTANT BIGINT := (CAST(FLOOR(EXTRACT(EPOCH FROM now()) / 86400) AS BIGINT) + 1) * day;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM activity_before) THEN
        DROP TABLE activity_before;
        RETURN;
    END IF;
    INSERT INTO activity_rest (id, at, request, key_id, account, source, method, route, code, upstream_status, bytes_in, bytes_out, micros)
        SELECT id, at, request, key_id, account, source, method, route, code, upstream_status, bytes_in, bytes_out, micros
        FROM activity_before WHERE at >= ends;
    DELETE FROM activity_before WHERE at >= ends;
    EXECUTE format('ALTER TABLE activity ATTACH PARTITION activity_before FOR VALUES FROM (MINVALUE) TO (%s)', ends);
END $$;
