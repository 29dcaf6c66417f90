//! Which gateway serves on the store: one, until there are clusters. Two without shared marks and rates would each accept
//! the same signed withdrawal, and each start would take the other's withdrawals for abandoned ones.

use crate::error::StoreError;
use crate::sql::{Database, statements};

statements! {
    NODE = "SELECT holder, place, renewed_at FROM node WHERE id = 1";
    /// Only as it was read, so that of two that start at once one is refused.
    TAKE_NODE = "INSERT INTO node (id, holder, place, renewed_at) VALUES (1, $1, $2, $3) ON CONFLICT (id) DO UPDATE SET \
        holder = excluded.holder, place = excluded.place, renewed_at = excluded.renewed_at WHERE node.holder = $4";
    RENEW_NODE = "UPDATE node SET renewed_at = $2 WHERE id = 1 AND holder = $1";
    LEAVE_NODE = "DELETE FROM node WHERE id = 1 AND holder = $1";
}

/// A node that has not said for so long that it runs is gone. Longer than any lease of facts, so that it accepts nothing
/// any more by then.
const GONE_MS: u64 = 35_000;

/// A gateway's claim on the store.
#[derive(Clone)]
pub struct NodeClaim {
    pub(crate) database: Database,
    /// Random, of this process alone.
    pub(crate) holder: String,
}

impl NodeClaim {
    /// Claims the store for this process, which runs at `place`. `is_over` says of another's place whether that process is
    /// known to have ended.
    ///
    /// # Errors
    /// [`StoreError::NodeRuns`] when another serves.
    pub async fn take(
        &self,
        place: &str,
        now_ms: u64,
        is_over: impl Fn(&str) -> bool,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock(now_ms).await?;
        let row = self.database.fetch_optional(NODE, vec![]).await?;
        let mut before = String::new();
        if let Some(row) = row {
            let (there, renewed_ms) = (row.text(1)?, u64::try_from(row.int(2)?).unwrap_or(0));
            if now_ms.saturating_sub(renewed_ms) < GONE_MS && !is_over(&there) {
                return Err(StoreError::NodeRuns { place: there });
            }
            before = row.text(0)?;
        }
        let values = vec![self.holder.as_str().into(), place.into(), now_ms.into(), before.into()];
        match self.alone(TAKE_NODE, values).await? {
            1 => Ok(()),
            _ => Err(StoreError::NodeRuns { place: "another that started at the same time".to_owned() }),
        }
    }

    /// Where the gateway runs that serves on the store; `None` when there is none, or it counts as gone. Takes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn holder(&self, now_ms: u64) -> Result<Option<String>, StoreError> {
        let now_ms = self.clock(now_ms).await?;
        let Some(row) = self.database.fetch_optional(NODE, vec![]).await? else { return Ok(None) };
        let (place, renewed_ms) = (row.text(1)?, u64::try_from(row.int(2)?).unwrap_or(0));
        Ok((now_ms.saturating_sub(renewed_ms) < GONE_MS).then_some(place))
    }

    /// Says that this process still serves; whether the claim is still its own.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn renew(&self, now_ms: u64) -> Result<bool, StoreError> {
        let now_ms = self.clock(now_ms).await?;
        Ok(self.alone(RENEW_NODE, vec![self.holder.as_str().into(), now_ms.into()]).await? == 1)
    }

    /// Gives the claim back.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then another waits until this one counts as gone.
    pub async fn leave(&self) -> Result<(), StoreError> {
        self.alone(LEAVE_NODE, vec![self.holder.as_str().into()]).await.map(drop)
    }

    /// The database's clock where it has one, which all nodes share.
    async fn clock(&self, now_ms: u64) -> Result<u64, StoreError> {
        let shown = self.database.clock_ms().await?;
        Ok(shown.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(now_ms))
    }

    async fn alone(&self, sql: &'static str, values: Vec<crate::sql::Value>) -> Result<u64, StoreError> {
        let mut tx = self.database.begin().await?;
        let touched = tx.execute(sql, values).await?;
        tx.commit().await?;
        Ok(touched)
    }
}
