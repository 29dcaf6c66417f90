-- What requests take from the sums of a key's day: written before a request is forwarded, dropped where the exchange did
-- not take it. What a crash leaves stays, because nobody knows how it ended.
CREATE TABLE reserved (
    request TEXT NOT NULL,
    element INTEGER NOT NULL,
    of TEXT NOT NULL,
    key_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (request, element, of)
) WITHOUT ROWID;
CREATE INDEX reserved_by_day ON reserved (day);
