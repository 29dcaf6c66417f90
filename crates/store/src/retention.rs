//! How much of the journal is kept: what is too old or too much is dropped.
//!
//! On SQLite records go row by row. On PostgreSQL a day goes whole, as the part that `bulk::days` made for it, and only what has
//! no day of its own goes row by row. Intents, the records around money, stay.

use keyward_rules::time::Moment;

use crate::bulk::days::{self, Oldest};
use crate::charts::span::QUARTER_MS;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::sql::statements;

statements! {
    DROP_SOURCES = "DELETE FROM sources WHERE seen_at < $1";
    DROP_QUARTERS = "DELETE FROM quarters WHERE quarter < $1";
    /// By pages, so that an intent never waits for a long deletion. The bound is said twice, so that PostgreSQL looks at no part
    /// behind it.
    DROP_ACTIVITY = "DELETE FROM activity WHERE at < $1 AND id IN (SELECT id FROM activity WHERE at < $1 ORDER BY at LIMIT $2)";
}

/// What [`Journal::forget_oldest`] has dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forgotten {
    /// So many records, row by row.
    pub records: u64,
    /// So many days, with all their records.
    pub days: u64,
}

impl Forgotten {
    /// Both together.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self { records: self.records + more.records, days: self.days + more.days }
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.records == 0 && self.days == 0
    }
}

impl Journal {
    /// Makes the parts that PostgreSQL keeps the records of today and the next two days in. Gives whether today has its part: it
    /// has none yet where too many records of today were appended without one. SQLite needs none.
    ///
    /// # Errors
    /// [`StoreError::Database`]. Records are appended all the same, and a later call moves them if they are few.
    pub async fn make_parts(&self, now: Moment) -> Result<bool, StoreError> {
        days::make(&self.database, now).await
    }

    /// Drops records older than `before`, up to `most` of them row by row in one short transaction; intents stay. Gives how many
    /// went row by row: fewer than `most` means that none is left. PostgreSQL drops whole UTC days, so those of `before`'s own day
    /// stay until it is over.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget(&self, before: Moment, most: u32) -> Result<u64, StoreError> {
        let rows_before = days::drop_before(&self.database, before).await?;
        let mut tx = self.database.begin().await?;
        let dropped = tx.execute(DROP_ACTIVITY, vec![rows_before.into(), i64::from(most).into()]).await?;
        tx.execute(DROP_SOURCES, vec![before.unix_ms().into()]).await?;
        tx.execute(DROP_QUARTERS, vec![(before.unix_ms() / QUARTER_MS).into()]).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// Drops the oldest records in one short transaction: their whole day where it has a part and is over at `now`, otherwise up
    /// to `most` of them; counts and intents stay. It drops nothing where only today's part is left, or somebody uses the journal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_oldest(&self, now: Moment, most: u32) -> Result<Forgotten, StoreError> {
        let before = match days::drop_oldest(&self.database, now).await? {
            Oldest::Dropped => return Ok(Forgotten { records: 0, days: 1 }),
            Oldest::Kept => return Ok(Forgotten::default()),
            Oldest::Rows { before } => before,
        };
        let mut tx = self.database.begin().await?;
        let records = tx.execute(DROP_ACTIVITY, vec![before.into(), i64::from(most).into()]).await?;
        tx.commit().await?;
        Ok(Forgotten { records, days: 0 })
    }

    /// The bytes that the journal takes of its disk: on SQLite the file without what it has freed and takes again, on PostgreSQL
    /// the records with their indexes.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn used_bytes(&self) -> Result<u64, StoreError> {
        // A text for one database, and so none of the registry.
        const PAGES: &str = "SELECT (page_count - freelist_count) * page_size \
            FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
        if let Some(bytes) = days::used_bytes(&self.database).await? {
            return Ok(bytes);
        }
        let row = self.database.fetch_optional(PAGES, vec![]).await?;
        Ok(u64::try_from(row.map_or(Ok(0), |row| row.int(0))?).unwrap_or(0))
    }
}
