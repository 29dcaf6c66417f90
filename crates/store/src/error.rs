//! What can go wrong with stored things.

use crate::sql::{DatabaseError, UrlError};

/// A failure of the store; texts never contain values.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not do as asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The database was written by a newer version.
    #[error("the database has schema {found}, this program knows up to {known}; use the newer program")]
    UnknownSchema {
        /// In the database.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// The database was written by an older version, and it was only to be looked at.
    #[error("the database has schema {found}; the next start brings it to {known}")]
    OlderSchema {
        /// In the database.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// Another master key.
    #[error("the master key does not open this store; use the one that it was made with")]
    WrongMasterKey,
    /// A row does not fit its seal or its types: it was altered outside the program.
    #[error("{what} does not verify: it was altered outside the program")]
    Tampered {
        /// Kind and id, no values.
        what: String,
    },
    /// What was seen is not there any more, or is something else.
    #[error(
        "the store was put back to an older state: change number {seen} was seen, and is now missing or different. \
         Nothing is changed or confirmed until an operator has checked it (docs/operating/backup.md, \"A store that went back\")"
    )]
    WentBack {
        /// The number.
        seen: u64,
    },
    /// Something in the database could change or hide what is written.
    #[error(
        "the database has a trigger, rule, policy or view called `{name}`, which this program did not make: it could undo what \
         is written. Find out who made it, and remove it"
    )]
    Foreign {
        /// Its name.
        name: String,
    },
    /// Another gateway serves on the store.
    #[error(
        "another gateway serves on this store: {place}. Stop it first; a gateway that lost its connection counts as stopped \
         after 35 seconds. Several gateways on one store would each accept the same request"
    )]
    NodeRuns {
        /// Where it runs.
        place: String,
    },
    /// The spool belongs to another store.
    #[error(
        "the spool holds records of requests for another store; give each gateway a folder of its own (journal.spool)"
    )]
    OtherStore,
    /// The row changed since it was read.
    #[error("{what} was changed by somebody else at the same time; try again")]
    Conflict {
        /// Kind and id.
        what: String,
    },
    /// The master of a sub-account has taken the membership away since the change was asked for, or the key that asked no longer
    /// administers it.
    #[error("you no longer act for this sub-account; load the page again")]
    NoLongerActs,
    /// A name, address or id that must be unique is taken.
    #[error("{what} exists already")]
    Exists {
        /// Kind.
        what: &'static str,
    },
    /// The location is not one that the store can use.
    #[error("the store's URL must start with postgres:// or name a folder")]
    Location,
    /// The URL has a part that cannot be used.
    #[error("the store's URL cannot be used")]
    Url(#[from] UrlError),
}

impl StoreError {
    /// Why the database is out of reach, in words without its name and place; `None` when it is not.
    #[must_use]
    pub const fn out_of_reach(&self) -> Option<&'static str> {
        if let Self::Database(error) = self { error.out_of_reach() } else { None }
    }

    /// An app whose versions do not hold what must be in force.
    #[must_use]
    pub fn tampered_ranges(app: keyward_rules::id::AppId) -> Self {
        Self::tampered("the ranges of app", app)
    }

    /// Whether the database did not answer, so that nothing is known of the store itself.
    #[must_use]
    pub const fn is_out_of_reach(&self) -> bool {
        matches!(
            self,
            Self::Database(
                DatabaseError::Connect { .. }
                    | DatabaseError::ConnectionLost { .. }
                    | DatabaseError::NoFreeConnection { .. }
            )
        )
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl StoreError {
    /// A row that cannot be what the program wrote.
    pub(crate) fn tampered(kind: &str, id: impl std::fmt::Display) -> Self {
        Self::Tampered { what: format!("{kind} {id}") }
    }

    /// Whether a lock of PostgreSQL was held for too long, or two waited for each other (SQLSTATE 55P03, 40P01).
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Database(DatabaseError::Refused { code, .. }) if code == "55P03" || code == "40P01")
    }

    /// Whether a record's day got its part of the journal while the record was appended without one (SQLSTATE 23514).
    pub(crate) fn is_of_another_part(&self) -> bool {
        matches!(self, Self::Database(DatabaseError::Refused { code, .. }) if code == "23514")
    }

    /// Whether a unique index refused the write.
    pub(crate) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(DatabaseError::UniqueViolation { .. }))
    }
}
