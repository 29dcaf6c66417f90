-- The reviews of an account's keys that were finished: when, with which score, over how many keys, what was answered of each (the
-- text of `rules::review`), and by whom. The newest 60 of an account are kept.
CREATE TABLE reviews (
    account INTEGER NOT NULL REFERENCES accounts (id), at INTEGER NOT NULL, score INTEGER NOT NULL, key_count INTEGER NOT NULL,
    answers TEXT NOT NULL, reviewer TEXT NOT NULL, data_key INTEGER NOT NULL, seal BLOB NOT NULL,
    PRIMARY KEY (account, at)
) WITHOUT ROWID;
