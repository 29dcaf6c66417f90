//! Whether a SQLite file was changed by another connection, for microseconds instead of a question.

use std::path::Path;

use rusqlite::Connection;

use crate::error::StoreError;
use crate::sql::sqlite::{self, Access};

/// The file's version as last seen.
pub(crate) struct Version {
    connection: Connection,
    seen: Option<i64>,
}

/// Starts to look.
pub(crate) fn open(file: &Path) -> Result<Version, StoreError> {
    Ok(Version { connection: sqlite::open(file, Access::Read)?, seen: None })
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
