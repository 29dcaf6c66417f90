//! Checkpoints that were signed.

use keyward_rules::time::Moment;

use super::{CHECKPOINT_COUNT, CHECKPOINTS, INSERT_CHECKPOINT, Log, NEWEST_CHECKPOINT, PAGE, number};
use crate::error::StoreError;
use crate::sql::Row;

fn of_row(row: &Row) -> Result<(u64, String), StoreError> {
    Ok((number(row.int(0)?, "checkpoint")?, row.text(1)?))
}

impl Log {
    /// Size and note of the newest checkpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_checkpoint(&self) -> Result<Option<(u64, String)>, StoreError> {
        self.database.fetch_optional(NEWEST_CHECKPOINT, vec![]).await?.as_ref().map(of_row).transpose()
    }

    /// Up to a page of checkpoints from `size` on, smallest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints(&self, size: u64) -> Result<Vec<(u64, String)>, StoreError> {
        let rows = self.database.fetch_all(CHECKPOINTS, vec![size.into(), PAGE.into()]).await?;
        rows.iter().map(of_row).collect()
    }

    /// How many checkpoints there are, and how many records the newest covers; 0 without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoint_count(&self) -> Result<(u64, u64), StoreError> {
        let row = self.database.fetch_optional(CHECKPOINT_COUNT, vec![]).await?;
        let Some(row) = row else { return Ok((0, 0)) };
        Ok((number(row.int(0)?, "checkpoint")?, number(row.int_or_null(1)?.unwrap_or(0), "checkpoint")?))
    }

    /// Keeps a checkpoint, unless there is one of this size: two nodes sign the same text. Whether it is a new one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keep_checkpoint(&self, size: u64, note: &str, now: Moment) -> Result<bool, StoreError> {
        let mut tx = self.database.begin().await?;
        let values = vec![size.into(), now.unix_ms().into(), note.into()];
        let kept = tx.execute(INSERT_CHECKPOINT, values).await?;
        tx.commit().await?;
        Ok(kept > 0)
    }
}
