//! Ways around the general adapter where rows come by the hundred thousand or questions by the hundred a second:
//! all keys at a start, many keys at once, the journal's records, the look-out for changes. Beside `sql` these
//! are the only files that name a database.

pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod watch;

use rusqlite::OpenFlags;

/// For connections that one thread uses: SQLite's own locks would cost a fifth of a load.
const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// A statement of the registry for SQLite's own interface, where `$2` would be a name, numbered by where it first
/// stands, and `?2` is the second value.
fn numbered(sql: &str) -> String {
    sql.replace('$', "?")
}
