-- What charts are drawn from, so that a month costs what an hour costs: the counts of a subject (a key, or an account in
-- its last eight bytes) in one span of time, as JSON by kind and word. What is written together lies together.
CREATE TABLE charts (
    span BIGINT NOT NULL, at BIGINT NOT NULL, subject BYTEA NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (span, at, subject)
);
INSERT INTO charts (span, at, subject, counts)
    SELECT span, at, subject, json_object_agg(kind, words)::TEXT FROM (
        SELECT span, at, subject, kind, json_object_agg(word, count) AS words FROM rollups GROUP BY span, at, subject, kind
    ) AS kinds GROUP BY span, at, subject;
DROP TABLE rollups;
-- While the counts of the records from "upto" to "until" are being written, "written" says how many of them are.
ALTER TABLE rolled_up ADD COLUMN until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rolled_up ADD COLUMN written BIGINT NOT NULL DEFAULT 0;
