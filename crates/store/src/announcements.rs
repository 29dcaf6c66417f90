//! Maintenance that all users are told about, a batch at a time.

use keyward_rules::id::AccountId;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::sql::statements;
use crate::writer::Tx;

statements! {
    INSERT_ANNOUNCEMENT = "INSERT INTO announcements (id, starts_at, ends_at, at, after) \
        SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, 0 FROM announcements";
    NEXT_ANNOUNCEMENT = "SELECT id, starts_at, ends_at, at, after FROM announcements ORDER BY id LIMIT 1";
    ANY_ANNOUNCEMENT = "SELECT id FROM announcements LIMIT 1";
    ANNOUNCED_UP_TO = "UPDATE announcements SET after = $2 WHERE id = $1";
    DROP_ANNOUNCEMENT = "DELETE FROM announcements WHERE id = $1";
    USERS_AFTER = "SELECT account FROM people WHERE account > $1 ORDER BY account LIMIT $2";
}

/// Maintenance that users are still to be told about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Announcement {
    id: i64,
    after: i64,
    /// When the maintenance begins.
    pub starts_at: Moment,
    /// When it ends.
    pub ends_at: Moment,
    /// When it was announced.
    pub at: Moment,
}

impl Reader {
    /// Whether users are still to be told about any.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn has_announcement(&self) -> Result<bool, StoreError> {
        Ok(self.database.fetch_optional(ANY_ANNOUNCEMENT, vec![]).await?.is_some())
    }
}

impl Tx {
    /// Writes down that all users are to be told.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn insert_announcement(
        &mut self,
        starts_at: Moment,
        ends_at: Moment,
    ) -> Result<(), StoreError> {
        let values = vec![starts_at.unix_ms().into(), ends_at.unix_ms().into(), self.now().unix_ms().into()];
        self.transact.execute(INSERT_ANNOUNCEMENT, values).await.map(drop)
    }

    /// The oldest one, with the next users to tell, at most `limit`. Without users it is told to all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn announcement(
        &mut self,
        limit: u64,
    ) -> Result<Option<(Announcement, Vec<AccountId>)>, StoreError> {
        let Some(row) = self.transact.fetch_optional(NEXT_ANNOUNCEMENT, vec![]).await? else {
            return Ok(None);
        };
        let tampered = || StoreError::tampered("announcement", "row");
        let moment = |at| {
            row.int(at).and_then(|ms| u64::try_from(ms).map(Moment::from_unix_ms).map_err(|_| tampered()))
        };
        let (starts_at, ends_at, at) = (moment(1)?, moment(2)?, moment(3)?);
        let next = Announcement { id: row.int(0)?, after: row.int(4)?, starts_at, ends_at, at };
        let rows = self.transact.fetch_all(USERS_AFTER, vec![next.after.into(), limit.into()]).await?;
        let users: Result<Vec<AccountId>, StoreError> =
            rows.iter().map(|row| accounts::id_of(row.int(0)?)).collect();
        Ok(Some((next, users?)))
    }

    /// Notes up to which user it was told; `None` when it was told to all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn announced(&mut self, it: Announcement, last: Option<AccountId>) -> Result<(), StoreError> {
        match last {
            Some(last) => {
                let values = vec![it.id.into(), last.as_u64().into()];
                self.transact.execute(ANNOUNCED_UP_TO, values).await.map(drop)
            }
            None => self.transact.execute(DROP_ANNOUNCEMENT, vec![it.id.into()]).await.map(drop),
        }
    }
}
