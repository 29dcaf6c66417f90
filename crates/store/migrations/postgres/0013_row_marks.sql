-- From which audit record on every row that counts has its mark in one: 0 for a store that began that way. Without a number
-- the rows are still to be noted.
CREATE TABLE rows_noted (id BIGINT PRIMARY KEY CHECK (id = 1), since BIGINT);
INSERT INTO rows_noted (id) VALUES (1);
