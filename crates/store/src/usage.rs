//! Last use: bookkeeping without a grant, because a request that passed every check is its own authority.

use std::net::IpAddr;

use keyward_rules::id::KeyId;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::sql::{Database, statements};

statements! {
    /// Never moves backwards, so that batches of several nodes may arrive in any order.
    TOUCH_KEY = "UPDATE keys SET last_used_at = $2, last_used_from = $3 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
}

/// One key's freshest use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastUse {
    /// Which key.
    pub key: KeyId,
    /// When.
    pub at: Moment,
    /// From which address.
    pub from: IpAddr,
}

/// The capability to record last uses, and nothing else.
#[derive(Clone)]
pub struct Usage {
    pub(crate) database: Database,
}

impl Usage {
    /// Records a batch in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then none of the batch is recorded.
    pub async fn record(&self, batch: &[LastUse]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut tx = self.database.begin().await?;
        for one in batch {
            let values =
                vec![one.key.to_string().into(), one.at.unix_ms().into(), one.from.to_string().into()];
            tx.execute(TOUCH_KEY, values).await?;
        }
        tx.commit().await
    }
}
