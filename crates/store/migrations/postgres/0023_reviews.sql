-- The reviews of an account's keys that were finished: when, with which score, over how many keys, what was answered of each (the
-- text of `rules::review`), and by whom. The newest 60 of an account are kept.
CREATE TABLE reviews (
    account BIGINT NOT NULL REFERENCES accounts (id), at BIGINT NOT NULL, score BIGINT NOT NULL, key_count BIGINT NOT NULL,
    answers TEXT NOT NULL, reviewer TEXT NOT NULL, data_key BIGINT NOT NULL, seal BYTEA NOT NULL,
    PRIMARY KEY (account, at)
);
