//! Whether a SQLite file was changed by another connection, for microseconds instead of a question.

use std::path::Path;

use rusqlite::Connection;

use super::READ_ONLY;
use crate::error::StoreError;

/// The file's version as last seen.
pub(crate) struct Version {
    connection: Connection,
    seen: Option<i64>,
}

/// Starts to look.
pub(crate) fn open(file: &Path) -> Result<Version, StoreError> {
    let connection = Connection::open_with_flags(file, READ_ONLY)?;
    Ok(Version { connection, seen: None })
}

impl Version {
    /// Whether anything was committed since the last call; the first call says yes, and so does a failure.
    pub(crate) fn has_moved(&mut self) -> bool {
        let look = self.connection.prepare_cached("PRAGMA data_version");
        let now = look.and_then(|mut look| look.query_row([], |row| row.get::<_, i64>(0))).ok();
        let moved = now.is_none() || now != self.seen;
        self.seen = now;
        moved
    }
}
