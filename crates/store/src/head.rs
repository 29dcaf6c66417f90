//! The row that counts: the numbers of the newest change and of the newest audit record.
//!
//! Owns: the statements that take the next number and write what has it, and the channel on which changes are told.
//! Leaves to others: when (`writer`, `log`, `bulk`).

use crate::sql::statements;

statements! {
    /// Takes the next number of the feed; holds the row until commit, so numbers appear in commit order.
    NEXT_CHANGE = "UPDATE head SET n = n + 1 WHERE id = 1 RETURNING n";
    /// Waits for other changes, and keeps them off. On SQLite BEGIN does.
    TAKE_TURN = "UPDATE head SET n = n WHERE id = 1 RETURNING n, audit";
    NEXT_AUDIT = "UPDATE head SET audit = audit + 1 WHERE id = 1 RETURNING audit";
    INSERT_CHANGE = "INSERT INTO changes (n, kind, subject, at) VALUES ($1, $2, $3, $4)";
    INSERT_AUDIT = "INSERT INTO audit (n, at, record) VALUES ($1, $2, $3)";
}

/// PostgreSQL's channel; a notice says only that something changed.
pub(crate) const CHANNEL: &str = "keyward_changes";
