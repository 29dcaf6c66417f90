//! Last use: bookkeeping without a grant, because a request that passed every check is its own authority.

use std::net::IpAddr;

use keyward_rules::id::KeyId;
use keyward_rules::time::Moment;
use tokio_postgres::types::Type;

use crate::error::StoreError;
use crate::sql::postgres::{Transaction, Typed};
use crate::sql::{Database, Transact, Value, statements};

statements! {
    /// Never moves backwards, so that batches of several nodes may arrive in any order.
    TOUCH_KEY = "INSERT INTO uses (key_id, used_at, used_from) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO UPDATE \
        SET used_at = excluded.used_at, used_from = excluded.used_from WHERE uses.used_at < excluded.used_at";
}

/// [`TOUCH_KEY`] for many: each parameter is a column.
const TOUCH_KEYS: &str = "INSERT INTO uses (key_id, used_at, used_from) SELECT * FROM UNNEST($1, $2, $3) \
    ON CONFLICT (key_id) DO UPDATE SET used_at = excluded.used_at, used_from = excluded.used_from \
    WHERE uses.used_at < excluded.used_at";

async fn touch_columns(tx: &mut Transaction, batch: &[LastUse]) -> Result<(), StoreError> {
    let ids: Vec<String> = batch.iter().map(|one| one.key.to_string()).collect();
    let at: Vec<i64> = batch.iter().map(|one| i64::try_from(one.at.unix_ms()).unwrap_or(i64::MAX)).collect();
    let sources: Vec<String> = batch.iter().map(|one| one.from.to_string()).collect();
    let columns: [Typed<'_>; 3] =
        [(&ids, Type::TEXT_ARRAY), (&at, Type::INT8_ARRAY), (&sources, Type::TEXT_ARRAY)];
    tx.execute_typed(TOUCH_KEYS, &columns).await?;
    Ok(())
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
    /// Records a batch in one transaction, each key once; cheapest in the order of the keys.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then none of the batch is recorded.
    pub async fn record(&self, batch: &[LastUse]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let values = |one: &LastUse| -> Vec<Value> {
            vec![one.key.to_string().into(), one.at.unix_ms().into(), one.from.to_string().into()]
        };
        let mut tx = self.database.begin().await?;
        if let Transact::Postgres(tx) = &mut tx {
            touch_columns(tx, batch).await?;
        } else {
            tx.execute_each(TOUCH_KEY, batch.iter().map(values).collect()).await?;
        }
        tx.commit().await
    }
}
