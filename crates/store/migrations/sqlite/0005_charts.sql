-- What charts are drawn from, so that a month costs what an hour costs: the counts of a subject (a key, or an account in
-- its last eight bytes) in one span of time, as JSON by kind and word. What is written together lies together.
CREATE TABLE charts (
    span INTEGER NOT NULL, at INTEGER NOT NULL, subject BLOB NOT NULL, counts TEXT NOT NULL, PRIMARY KEY (span, at, subject)
) WITHOUT ROWID;
INSERT INTO charts (span, at, subject, counts)
    SELECT span, at, subject, json_group_object(kind, json(words)) FROM (
        SELECT span, at, subject, kind, json_group_object(word, count) AS words FROM rollups GROUP BY span, at, subject, kind
    ) GROUP BY span, at, subject;
DROP TABLE rollups;
-- While the counts of the records from "upto" to "until" are being written, "written" says how many of them are.
ALTER TABLE rolled_up ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rolled_up ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
