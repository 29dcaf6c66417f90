-- Maintenance that users have not all been told about yet; "after" is the account up to which they were. There is no text in
-- it: the program makes the words, so a row that somebody plants cannot mail words of theirs.
CREATE TABLE announcements (
    id INTEGER PRIMARY KEY, starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, at INTEGER NOT NULL, after INTEGER NOT NULL
);
