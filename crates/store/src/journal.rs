//! The journal: one record per private request in batches, and the durable pair around money.
//!
//! An intent is on disk before a withdrawal or transfer is forwarded; its outcome completes it. An intent
//! without an outcome at the next start becomes `unknown` and is never forwarded again.

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::sql::{Database, Value, statements};

statements! {
    INSERT_ACTIVITY = "INSERT INTO activity (at, request, key_id, account, source, method, route, code, \
        upstream_status, bytes_in, bytes_out, micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    INSERT_INTENT = "INSERT INTO intents (request, at, key_id, account, route, source, body_hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SETTLE_INTENT = "UPDATE intents SET outcome = $2, upstream_status = $3, settled_at = $4 \
        WHERE request = $1 AND outcome IS NULL";
    OPEN_INTENTS = "SELECT request, route, account FROM intents WHERE outcome IS NULL ORDER BY at";
    ABANDON_INTENTS = "UPDATE intents SET outcome = 'unknown', settled_at = $1 WHERE outcome IS NULL";
    COUNT_INTENTS = "SELECT outcome, COUNT(*) FROM intents GROUP BY outcome";
    COUNT_ACTIVITY = "SELECT COUNT(*) FROM activity";
    HORIZON = "SELECT until_ms FROM horizons WHERE node = $1";
    ADVANCE_HORIZON = "INSERT INTO horizons (node, until_ms) VALUES ($1, $2) \
        ON CONFLICT (node) DO UPDATE SET until_ms = excluded.until_ms WHERE horizons.until_ms < excluded.until_ms";
    DROP_ACTIVITY = "DELETE FROM activity WHERE at < $1";
}

/// One private request, as it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// When it was complete.
    pub at: Moment,
    /// Its id.
    pub request: RequestId,
    /// The key that it claimed, if it named one.
    pub key: Option<KeyId>,
    /// The account, once verified.
    pub account: Option<AccountId>,
    /// Where from.
    pub source: String,
    /// Its method.
    pub method: &'static str,
    /// Its route's path, or `-`.
    pub route: &'static str,
    /// `0`, or the code of the refusal.
    pub code: &'static str,
    /// What the exchange answered, if it was asked.
    pub upstream_status: Option<u16>,
    /// Bytes of the body.
    pub bytes_in: u64,
    /// Bytes of the answer, where known when recorded.
    pub bytes_out: u64,
    /// Microseconds from the complete request to the answer's head.
    pub micros: u64,
}

/// What must be on disk before money moves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// When.
    pub at: Moment,
    /// The request.
    pub request: RequestId,
    /// The key.
    pub key: KeyId,
    /// The account.
    pub account: AccountId,
    /// The route's path.
    pub route: &'static str,
    /// Where from.
    pub source: String,
    /// BLAKE3 of the body.
    pub body_hash: [u8; 32],
}

/// How a durable request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutcomeStatus {
    /// The exchange answered with this status.
    Answered(u16),
    /// Not a byte went upstream.
    NotSent,
    /// It may have taken effect.
    Unknown,
}

/// The end of an intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// The request.
    pub request: RequestId,
    /// How.
    pub status: OutcomeStatus,
    /// When.
    pub at: Moment,
}

/// An intent found open at a start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfinished {
    /// The request's id.
    pub request: String,
    /// The route's path.
    pub route: String,
    /// The account.
    pub account: i64,
}

/// The capability to append to the journal.
#[derive(Clone)]
pub struct Journal {
    pub(crate) database: Database,
}

impl Journal {
    /// Commits everything that waits, in one transaction: intents, outcomes, records.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of the batch is kept.
    pub async fn append(
        &self,
        intents: &[Intent],
        outcomes: &[Outcome],
        records: &[Record],
    ) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        for intent in intents {
            tx.execute(INSERT_INTENT, intent_values(intent)).await?;
        }
        for outcome in outcomes {
            let (word, status) = match outcome.status {
                OutcomeStatus::Answered(status) => ("answered", Some(u64::from(status))),
                OutcomeStatus::NotSent => ("not_sent", None),
                OutcomeStatus::Unknown => ("unknown", None),
            };
            let values = vec![
                outcome.request.to_string().into(),
                word.into(),
                status.into(),
                outcome.at.unix_ms().into(),
            ];
            tx.execute(SETTLE_INTENT, values).await?;
        }
        for record in records {
            tx.execute(INSERT_ACTIVITY, record_values(record)).await?;
        }
        tx.commit().await
    }

    /// Marks every open intent `unknown` and gives them, for the alert. Called once at a start.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn abandon_open(&self, now: Moment) -> Result<Vec<Unfinished>, StoreError> {
        let mut tx = self.database.begin().await?;
        let rows = tx.fetch_all(OPEN_INTENTS, vec![]).await?;
        let open: Result<Vec<_>, StoreError> = rows
            .iter()
            .map(|row| Ok(Unfinished { request: row.text(0)?, route: row.text(1)?, account: row.int(2)? }))
            .collect();
        tx.execute(ABANDON_INTENTS, vec![now.unix_ms().into()]).await?;
        tx.commit().await?;
        open
    }

    /// The moment that no accepted timestamp of a state-changing request exceeds, from the last run.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn horizon(&self, node: &str) -> Result<Option<Moment>, StoreError> {
        let row = self.database.fetch_optional(HORIZON, vec![node.into()]).await?;
        row.map(|row| Ok(Moment::from_unix_ms(u64::try_from(row.int(0)?).unwrap_or(u64::MAX)))).transpose()
    }

    /// Moves the horizon forward, durably; never back.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn advance_horizon(&self, node: &str, until: Moment) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        tx.execute(ADVANCE_HORIZON, vec![node.into(), until.unix_ms().into()]).await?;
        tx.commit().await
    }

    /// Drops records older than `before`; intents stay.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget(&self, before: Moment) -> Result<u64, StoreError> {
        let mut tx = self.database.begin().await?;
        let dropped = tx.execute(DROP_ACTIVITY, vec![before.unix_ms().into()]).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    /// How many intents ended how; the open ones under an empty word.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn intent_counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.database.fetch_all(COUNT_INTENTS, vec![]).await?;
        rows.iter().map(|row| Ok((row.text_or_null(0)?.unwrap_or_default(), row.int(1)?))).collect()
    }

    /// How many requests are recorded.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn record_count(&self) -> Result<i64, StoreError> {
        let row = self.database.fetch_optional(COUNT_ACTIVITY, vec![]).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }
}

fn intent_values(intent: &Intent) -> Vec<Value> {
    vec![
        intent.request.to_string().into(),
        intent.at.unix_ms().into(),
        intent.key.to_string().into(),
        intent.account.as_u64().into(),
        intent.route.into(),
        intent.source.as_str().into(),
        intent.body_hash.as_slice().into(),
    ]
}

fn record_values(record: &Record) -> Vec<Value> {
    vec![
        record.at.unix_ms().into(),
        record.request.to_string().into(),
        record.key.map(|key| key.to_string()).into(),
        record.account.map(AccountId::as_u64).into(),
        record.source.as_str().into(),
        record.method.into(),
        record.route.into(),
        record.code.into(),
        record.upstream_status.map(u64::from).into(),
        record.bytes_in.into(),
        record.bytes_out.into(),
        record.micros.into(),
    ]
}
