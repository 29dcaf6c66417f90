//! The statements of the charts; `bulk` adds with some of them, past the adapter.

use crate::sql::statements;

statements! {
    /// Takes the row until the commit.
    ROLLED_UP = "UPDATE rolled_up SET upto = upto WHERE id = 1 RETURNING upto, until, written";
    SET_ROLLED_UP = "UPDATE rolled_up SET upto = $1, until = $2, written = $3 WHERE id = 1";
    NEWEST_RECORD = "SELECT COALESCE(MAX(id), 0) FROM activity";
    RECORDS_AFTER = "SELECT id, at, key_id, account, source, method, route, code, micros FROM activity \
        WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3";
    TALLIES_OF = "SELECT counts FROM charts WHERE span = $1 AND at = $2 AND subject = $3";
    SET_TALLIES = "INSERT INTO charts (span, at, subject, counts) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (span, at, subject) DO UPDATE SET counts = excluded.counts";
    COUNT_QUARTER = "INSERT INTO quarters (key_id, quarter, passed, refused) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (key_id, quarter) DO UPDATE SET passed = quarters.passed + excluded.passed, \
        refused = quarters.refused + excluded.refused";
    SEE_SOURCE = "INSERT INTO sources (key_id, source, seen_at) VALUES ($1, $2, $3) \
        ON CONFLICT (key_id, source) DO UPDATE SET seen_at = excluded.seen_at WHERE sources.seen_at < excluded.seen_at";
    DROP_CHARTS = "DELETE FROM charts WHERE span = $1 AND at < $2";
    /// The pieces of a chart lie among those of others, so each is looked up by itself: of length $1, from $2 to $3. CROSS JOIN
    /// keeps SQLite from reading all charts of the length instead.
    CHART = "SELECT charts.at, charts.counts FROM (WITH RECURSIVE pieces (at) AS (SELECT CAST($2 AS BIGINT) UNION ALL \
        SELECT at + CAST($1 AS BIGINT) FROM pieces WHERE at + CAST($1 AS BIGINT) <= CAST($3 AS BIGINT)) \
        SELECT at FROM pieces) AS pieces CROSS JOIN charts WHERE charts.span = CAST($1 AS BIGINT) AND charts.at = pieces.at AND charts.subject = $4 ORDER BY 1";
}
