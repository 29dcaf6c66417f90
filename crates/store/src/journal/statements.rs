//! The statements of the journal; `bulk` appends with some of them, past the adapter.

use crate::sql::statements;

statements! {
    INSERT_ACTIVITY = "INSERT INTO activity (at, request, key_id, account, source, method, route, code, \
        upstream_status, bytes_in, bytes_out, micros, orders) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    INSERT_INTENT = "INSERT INTO intents (request, at, key_id, account, route, source, body_hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SETTLE_INTENT = "UPDATE intents SET outcome = $2, upstream_status = $3, settled_at = $4 \
        WHERE request = $1 AND outcome IS NULL";
    INSERT_RESERVED = "INSERT INTO reserved (request, element, of, key_id, day, amount) VALUES ($1, $2, $3, $4, $5, $6)";
    RELEASE = "DELETE FROM reserved WHERE request = $1 AND element = $2";
    RESERVED_SINCE = "SELECT key_id, day, of, amount FROM reserved WHERE day >= $1";
    DROP_OLD_RESERVED = "DELETE FROM reserved WHERE day < $1";
    OPEN_INTENTS = "SELECT request, route, account, key_id, at FROM intents WHERE outcome IS NULL ORDER BY at";
    ABANDON_INTENTS = "UPDATE intents SET outcome = 'unknown', settled_at = $1 WHERE outcome IS NULL";
    COUNT_INTENTS = "SELECT outcome, COUNT(*) FROM intents GROUP BY outcome";
    COUNT_ACTIVITY = "SELECT COUNT(*) FROM activity";
    HORIZON = "SELECT until_ms FROM horizons WHERE node = $1";
    ADVANCE_HORIZON = "INSERT INTO horizons (node, until_ms) VALUES ($1, $2) \
        ON CONFLICT (node) DO UPDATE SET until_ms = excluded.until_ms WHERE horizons.until_ms < excluded.until_ms";
    MARKS_SAVED = "SELECT saved FROM horizons WHERE node = $1";
    SET_MARKS_SAVED = "UPDATE horizons SET saved = $2 WHERE node = $1";
    MARKS_OF_NODE = "SELECT key_id, fingerprint, second FROM marks WHERE node = $1";
    INSERT_MARK = "INSERT INTO marks (node, key_id, fingerprint, second) VALUES ($1, $2, $3, $4)";
    DROP_MARKS = "DELETE FROM marks WHERE node = $1";
    DROP_STALE_MARKS = "DELETE FROM marks WHERE second < $1";
}
