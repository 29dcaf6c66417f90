-- What requests take from the sums of a key's day: written before a request is forwarded, dropped where the exchange did
-- not take it. What a crash leaves stays, because nobody knows how it ended.
CREATE TABLE reserved (
    request TEXT NOT NULL,
    element BIGINT NOT NULL,
    of TEXT NOT NULL,
    key_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (request, element, of)
);
CREATE INDEX reserved_by_day ON reserved (day);
