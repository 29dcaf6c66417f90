//! Why the database did not do as asked, in words that an operator can act on. No text holds a stored value, a
//! parameter or a password: what a driver says beyond its message, PostgreSQL's DETAIL above all, is left out.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use deadpool::managed::PoolError;
use rusqlite::ffi;
use tokio_postgres::error::SqlState;

/// How long a write waits for another program's, and for its turn among our own, before it is
/// [`DatabaseError::Locked`].
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Why the database did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// All connections stayed in use.
    #[error("no free connection within {seconds} s{}", after(.last_failure))]
    NoFreeConnection {
        /// How long was waited.
        seconds: u64,
        /// Why connections are missing from the pool, where that is known.
        last_failure: Option<String>,
    },
    /// PostgreSQL cannot be reached, or does not let us in.
    #[error("no connection to PostgreSQL at {server}: {reason}")]
    Connect {
        /// Hosts and ports.
        server: String,
        /// What the network or the server said.
        reason: String,
        /// The same for people who need not know where the database is.
        in_short: &'static str,
    },
    /// The connection ended before the answer came.
    #[error("the connection to PostgreSQL was lost: {reason}")]
    ConnectionLost {
        /// What the server said last.
        reason: String,
    },
    /// No room for what was to be written.
    #[error("the disk of the database is full: {reason}")]
    DiskFull {
        /// What the database said.
        reason: String,
    },
    /// The disk takes nothing, or gives nothing.
    #[error("the disk of the database failed, or became read-only: {reason} (code {code})")]
    Disk {
        /// SQLite's extended code, which says at what.
        code: String,
        /// What the database said.
        reason: String,
    },
    /// Another program holds SQLite's write lock.
    #[error("the database is locked: another program has held its write lock for {seconds} s")]
    Locked {
        /// How long was waited.
        seconds: u64,
    },
    /// Other changes of this process did not end.
    #[error("other changes have been under way for {seconds} s")]
    OthersWrite {
        /// How long was waited.
        seconds: u64,
    },
    /// A unique index refused a row.
    #[error("a unique index refused the row: {reason}")]
    UniqueViolation {
        /// What the database said.
        reason: String,
    },
    /// The database refused a statement for another reason.
    #[error("{reason} (code {code})")]
    Refused {
        /// `SQLSTATE`, or SQLite's extended code.
        code: String,
        /// What the database said.
        reason: String,
    },
    /// A column holds another type than was written.
    #[error("column {column} is {found}, not {expected}")]
    Column {
        /// Its position.
        column: usize,
        /// What it holds.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// A statement and its values do not fit.
    #[error("the statement takes {expected} values and was given {given}")]
    Values {
        /// The highest number in the statement.
        expected: usize,
        /// How many there were.
        given: usize,
    },
    /// The transaction had ended before this statement.
    #[error("the transaction was rolled back, because a statement of it failed")]
    RolledBack,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The thread of the statement panicked, or the program stops.
    #[error("the statement was cut short")]
    CutShort,
    /// What else a driver found wrong.
    #[error("{reason}")]
    Driver {
        /// What it said.
        reason: String,
    },
}

fn after(failure: &Option<String>) -> String {
    failure.as_ref().map(|why| format!("; the last attempt to connect failed: {why}")).unwrap_or_default()
}

impl DatabaseError {
    /// Why the database is out of reach, without its name and place; `None` when it is not.
    #[must_use]
    pub const fn out_of_reach(&self) -> Option<&'static str> {
        if let Self::Connect { in_short, .. } = self {
            Some(in_short)
        } else if let Self::ConnectionLost { .. } = self {
            Some("the connection to it was lost")
        } else if let Self::NoFreeConnection { last_failure: Some(_), .. } = self {
            Some("it cannot be connected to")
        } else {
            None
        }
    }

    /// What a pool says whose connections are waited for so long, and may have been lost for a reason.
    pub(super) fn from_pool(error: PoolError<Self>, wait: Duration, last_failure: Option<String>) -> Self {
        match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(_) => Self::NoFreeConnection { seconds: wait.as_secs(), last_failure },
            PoolError::Closed => Self::Closed,
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Self::CutShort,
        }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        let reason = error.to_string();
        let Some(code) = error.sqlite_error().map(|failure| failure.extended_code) else {
            return Self::Driver { reason };
        };
        match code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => Self::UniqueViolation { reason },
            // The low byte is the kind, the rest a detail of it.
            _ => match code & 0xff {
                ffi::SQLITE_FULL => Self::DiskFull { reason },
                ffi::SQLITE_IOERR | ffi::SQLITE_READONLY => Self::Disk { code: code.to_string(), reason },
                ffi::SQLITE_BUSY => Self::Locked { seconds: BUSY.as_secs() },
                _ => Self::Refused { code: code.to_string(), reason },
            },
        }
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        let reason = reason(&error);
        if error.is_closed() {
            return Self::ConnectionLost { reason };
        }
        let Some(code) = error.code() else { return Self::Driver { reason } };
        match code {
            code if *code == SqlState::UNIQUE_VIOLATION => Self::UniqueViolation { reason },
            code if *code == SqlState::DISK_FULL => Self::DiskFull { reason },
            code if ends_connection(code) => Self::ConnectionLost { reason },
            code => Self::Refused { code: code.code().to_owned(), reason },
        }
    }
}

/// Whether the server, or a pooler in between, ends the connection with this answer.
fn ends_connection(code: &SqlState) -> bool {
    let ends = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_SESSION_TIMEOUT,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    ends.contains(code) || code.code().starts_with("08")
}

/// What is said of a database that says nothing itself.
pub(super) const SILENT: &str = "it does not answer";

/// Why a database cannot be connected to, without its name and place.
pub(super) fn unreached(error: &tokio_postgres::Error) -> &'static str {
    if let Some(code) = error.code() {
        return match code {
            code if *code == SqlState::CANNOT_CONNECT_NOW => "it is starting or stopping",
            code if *code == SqlState::TOO_MANY_CONNECTIONS => "it has no room for another connection",
            _ => "it does not let this program in",
        };
    }
    let network = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match network {
        Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => {
            "it is not there: the connection was refused"
        }
        Some(io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => SILENT,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            "there is no way to it in the network"
        }
        _ => "it cannot be connected to",
    }
}

/// The server's message without its DETAIL, which names values; or else the cause.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(cause)) => match cause.to_string() {
            missing if missing == "password missing" => {
                "the server asks for a password and the URL has none".to_owned()
            }
            other => other,
        },
        (None, None) => error.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::DatabaseError;

    /// An error with its causes, as logs show it.
    pub(crate) fn chain(error: &dyn std::error::Error) -> String {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    #[test]
    fn sqlite_codes_have_words() {
        let failure =
            |code| DatabaseError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        let text = |code| chain(&failure(code));
        assert!(text(13).starts_with("the disk of the database is full: "), "{}", text(13));
        assert_eq!(
            text(5),
            "the database is locked: another program has held its write lock for 10 s",
            "SQLITE_BUSY"
        );
        assert!(text(5 | (2 << 8)).starts_with("the database is locked"), "SQLITE_BUSY_SNAPSHOT");
        assert!(matches!(failure(2067), DatabaseError::UniqueViolation { .. }));
        assert!(matches!(failure(1555), DatabaseError::UniqueViolation { .. }));
        assert!(text(787).ends_with("(code 787)"), "{}", text(787));
    }

    #[test]
    fn a_pool_without_connections_tells_why_there_are_none() {
        let full = DatabaseError::NoFreeConnection { seconds: 5, last_failure: None };
        assert_eq!(full.to_string(), "no free connection within 5 s");
        let why = Some("connection refused".to_owned());
        let down = DatabaseError::NoFreeConnection { seconds: 5, last_failure: why };
        assert_eq!(
            down.to_string(),
            "no free connection within 5 s; the last attempt to connect failed: connection refused"
        );
    }
}
