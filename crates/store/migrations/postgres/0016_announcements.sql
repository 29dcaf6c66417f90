-- Maintenance that users have not all been told about yet; "after" is the account up to which they were. There is no text in
-- it: the program makes the words, so a row that somebody plants cannot mail words of theirs.
CREATE TABLE announcements (
    id BIGINT PRIMARY KEY, starts_at BIGINT NOT NULL, ends_at BIGINT NOT NULL, at BIGINT NOT NULL, after BIGINT NOT NULL
);
