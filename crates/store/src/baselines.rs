//! What is usual for keys: bookkeeping without a grant, because it is learned from requests and changes nothing that a key may do.

use std::collections::BTreeMap;

use keyward_rules::grant::Scope;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::DAY_MS;
use keyward_rules::signal::Baseline;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::reader::Reader;
use crate::sql::{Database, Row, statements};

statements! {
    BASELINE = "SELECT learned FROM baselines WHERE key_id = $1";
    BASELINES_OF_ACCOUNT = "SELECT key_id, learned FROM baselines WHERE key_id IN (SELECT id FROM keys WHERE account = $1) \
        ORDER BY key_id";
    KEEP_BASELINE = "INSERT INTO baselines (key_id, kept_at, learned) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO UPDATE \
        SET kept_at = excluded.kept_at, learned = excluded.learned";
    DROP_BASELINES = "DELETE FROM baselines WHERE key_id IN (SELECT key_id FROM baselines WHERE kept_at < $1 LIMIT $2)";
}

/// For so long a key that is not used keeps what was learned of it: longer than it takes until its use counts as unusual.
const KEPT_MS: u64 = 400 * DAY_MS;
/// Rows that are dropped at once.
const DROPPED: u64 = 1_000;

/// The capability to keep what is usual for keys, and nothing else.
#[derive(Clone)]
pub struct Baselines {
    pub(crate) database: Database,
}

impl Baselines {
    /// What was learned of a key.
    ///
    /// # Errors
    /// [`StoreError::Database`]; [`StoreError::Tampered`] for what this program did not write.
    pub async fn of(&self, key: KeyId) -> Result<Option<Baseline>, StoreError> {
        read(&self.database, key).await
    }

    /// Keeps what was learned of some keys, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing is kept.
    pub async fn keep(&self, learned: &[(KeyId, String)], now: Moment) -> Result<(), StoreError> {
        if learned.is_empty() {
            return Ok(());
        }
        let values = |(key, text): &(KeyId, String)| {
            vec![key.to_string().into(), now.unix_ms().into(), text.as_str().into()]
        };
        let mut tx = self.database.begin().await?;
        tx.execute_each(KEEP_BASELINE, learned.iter().map(values).collect()).await?;
        tx.commit().await
    }

    /// Drops what was learned of keys that nobody has used for long.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tidy(&self, now: Moment) -> Result<(), StoreError> {
        let before = now.unix_ms().saturating_sub(KEPT_MS);
        let mut tx = self.database.begin().await?;
        tx.execute(DROP_BASELINES, vec![before.into(), DROPPED.into()]).await?;
        tx.commit().await
    }
}

impl Reader {
    /// What was learned of a key until it was last kept, some minutes ago.
    ///
    /// # Errors
    /// As [`Baselines::of`].
    pub async fn baseline(&self, key: KeyId) -> Result<Option<Baseline>, StoreError> {
        read(&self.database, key).await
    }

    /// The same of all keys of an account in `scope` that were used. What somebody altered is left out: it is learned anew.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn baselines_of(
        &self,
        scope: Scope,
        account: AccountId,
    ) -> Result<BTreeMap<KeyId, Baseline>, StoreError> {
        if !scope.reaches(account) {
            return Ok(BTreeMap::new());
        }
        let rows = self.database.fetch_all(BASELINES_OF_ACCOUNT, vec![account.as_u64().into()]).await?;
        let read = |row: &Row| Some((row.text(0).ok()?.parse().ok()?, row.text(1).ok()?.parse().ok()?));
        Ok(rows.iter().filter_map(read).collect())
    }
}

async fn read(database: &Database, key: KeyId) -> Result<Option<Baseline>, StoreError> {
    let row: Option<Row> = database.fetch_optional(BASELINE, vec![key.to_string().into()]).await?;
    let learned = row.map(|row| row.text(0)).transpose()?;
    let read = learned.map(|text| text.parse().map_err(|_| StoreError::tampered("baseline", "row")));
    read.transpose()
}
