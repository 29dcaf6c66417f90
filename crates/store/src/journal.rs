//! The journal: one record per private request in batches, and the durable pair around money.
//!
//! An intent is on disk before a withdrawal or transfer is forwarded; its outcome completes it. An intent
//! without an outcome at the next start becomes `unknown` and is never forwarded again.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use keyward_rules::id::{AccountId, KeyId, RequestId};
use keyward_rules::limits::TIMESTAMP_WINDOW_MS;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::bulk;
use crate::charts::gathered::Request;
use crate::charts::write::Charts;
use crate::error::StoreError;
use crate::open::moment;
use crate::sql::{Database, Row, Value, statements};

statements! {
    INSERT_ACTIVITY = "INSERT INTO activity (at, request, key_id, account, source, method, route, code, \
        upstream_status, bytes_in, bytes_out, micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    INSERT_INTENT = "INSERT INTO intents (request, at, key_id, account, route, source, body_hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SETTLE_INTENT = "UPDATE intents SET outcome = $2, upstream_status = $3, settled_at = $4 \
        WHERE request = $1 AND outcome IS NULL";
    OPEN_INTENTS = "SELECT request, route, account, key_id, at FROM intents WHERE outcome IS NULL ORDER BY at";
    ABANDON_INTENTS = "UPDATE intents SET outcome = 'unknown', settled_at = $1 WHERE outcome IS NULL";
    COUNT_INTENTS = "SELECT outcome, COUNT(*) FROM intents GROUP BY outcome";
    COUNT_ACTIVITY = "SELECT COUNT(*) FROM activity";
    HORIZON = "SELECT until_ms FROM horizons WHERE node = $1";
    ADVANCE_HORIZON = "INSERT INTO horizons (node, until_ms) VALUES ($1, $2) \
        ON CONFLICT (node) DO UPDATE SET until_ms = excluded.until_ms WHERE horizons.until_ms < excluded.until_ms";
    MARKS_SAVED = "SELECT saved FROM horizons WHERE node = $1";
    SET_MARKS_SAVED = "UPDATE horizons SET saved = $2 WHERE node = $1";
    MARKS_OF_NODE = "SELECT key_id, fingerprint, second FROM marks WHERE node = $1";
    INSERT_MARK = "INSERT INTO marks (node, key_id, fingerprint, second) VALUES ($1, $2, $3, $4)";
    DROP_MARKS = "DELETE FROM marks WHERE node = $1";
    DROP_STALE_MARKS = "DELETE FROM marks WHERE second < $1";
}

/// One private request, as it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    pub source: IpAddr,
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
    /// Bytes of the answer's body: its length, or what was handed to the connection of an answer that broke off.
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
    pub source: IpAddr,
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

/// A replay mark as a node that stops hands it to its next start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SavedMark {
    /// The key.
    pub key: KeyId,
    /// From the signature.
    pub fingerprint: u64,
    /// The second of the signed timestamp, since the Unix epoch.
    pub second: u64,
}

/// The marks that a start goes on with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TakenMarks {
    /// Whether they are all: the node stopped cleanly. Otherwise they are those that lay past its horizon.
    pub complete: bool,
    /// The marks.
    pub marks: Vec<SavedMark>,
}

/// An intent found open at a start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfinished {
    /// The request's id.
    pub request: String,
    /// The route's path.
    pub route: String,
    /// The account.
    pub account: AccountId,
    /// The key.
    pub key: KeyId,
    /// When it was passed on.
    pub at: Moment,
}

/// The capability to append to the journal.
#[derive(Clone)]
pub struct Journal {
    pub(crate) database: Database,
    /// Where SQLite keeps it; empty on PostgreSQL.
    pub(crate) file: PathBuf,
    /// What is on its way into the charts.
    pub(crate) charts: Arc<Charts>,
}

/// Milliseconds of a quarter of an hour, in which requests are counted for charts.
pub(crate) const QUARTER_MS: u64 = 15 * 60 * 1_000;

/// Marks that a stop saves at most; with more of them the next start goes by the horizon.
const MARKS: usize = 1_000_000;

/// Appends to the journal. Blocks its thread on SQLite, so it wants one of its own.
pub struct JournalWriter {
    way: Way,
    charts: Arc<Charts>,
}

enum Way {
    Sqlite(Box<rusqlite::Connection>),
    Postgres(Database),
}

impl JournalWriter {
    /// Commits everything that waits, in one transaction: intents, outcomes, records.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of the batch is kept.
    pub async fn append(
        &mut self,
        intents: &[Intent],
        outcomes: &[Outcome],
        records: &[Record],
    ) -> Result<(), StoreError> {
        let batch = bulk::journal::Batch { intents, outcomes, records };
        let span = match &mut self.way {
            Way::Sqlite(connection) => bulk::journal::append_sqlite(connection, batch)?,
            Way::Postgres(database) => match bulk::journal::append_postgres(database, batch).await {
                // Nothing of the batch is kept, and now there is a part for it.
                Err(problem) if problem.is_of_another_part() => {
                    bulk::journal::append_postgres(database, batch).await?
                }
                appended => appended?,
            },
        };
        if let Some(span) = span {
            self.charts.appended(records.iter().filter_map(Request::of), span);
        }
        Ok(())
    }

    /// Keeps marks of a node whose timestamps lie past its horizon, so that its next start knows them one by one.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then none of them is kept.
    pub async fn keep_marks(&mut self, node: &str, marks: &[SavedMark]) -> Result<(), StoreError> {
        match &mut self.way {
            Way::Sqlite(connection) => bulk::journal::keep_marks_sqlite(connection, node, marks),
            Way::Postgres(database) => bulk::journal::keep_marks_postgres(database, node, marks).await,
        }
    }

    /// Saves all marks that a node holds at `now`, when it accepts nothing any more, for [`Journal::take_marks`].
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the next start goes by the horizon.
    pub async fn save_marks(
        &mut self,
        node: &str,
        now: Moment,
        marks: &[SavedMark],
    ) -> Result<(), StoreError> {
        if marks.len() > MARKS {
            return Ok(());
        }
        match &mut self.way {
            Way::Sqlite(connection) => bulk::journal::save_marks_sqlite(connection, (node, now), marks),
            Way::Postgres(database) => bulk::journal::save_marks_postgres(database, (node, now), marks).await,
        }
    }
}

impl Journal {
    /// The one way to append, on a connection of its own.
    ///
    /// # Errors
    /// [`StoreError::Database`] when the file cannot be opened.
    pub fn writer(&self) -> Result<JournalWriter, StoreError> {
        Ok(JournalWriter {
            charts: Arc::clone(&self.charts),
            way: match &self.database {
                Database::Postgres(_) => Way::Postgres(self.database.clone()),
                Database::Sqlite(_) => Way::Sqlite(Box::new(bulk::journal::open(&self.file)?)),
            },
        })
    }

    /// The intents without an outcome, oldest first: after a start those that a crash has left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_intents(&self) -> Result<Vec<Unfinished>, StoreError> {
        let tampered = || StoreError::tampered("intent", "row");
        let rows = self.database.fetch_all(OPEN_INTENTS, vec![]).await?;
        rows.iter()
            .map(|row| {
                Ok(Unfinished {
                    request: row.text(0)?,
                    route: row.text(1)?,
                    account: accounts::id_of(row.int(2)?)?,
                    key: row.text(3)?.parse().map_err(|_| tampered())?,
                    at: moment(row.int(4)?).ok_or_else(tampered)?,
                })
            })
            .collect()
    }

    /// Marks every open intent `unknown`. Called once at a start, when their holders were told.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn abandon_open(&self, now: Moment) -> Result<u64, StoreError> {
        let mut tx = self.database.begin().await?;
        let abandoned = tx.execute(ABANDON_INTENTS, vec![now.unix_ms().into()]).await?;
        tx.commit().await?;
        Ok(abandoned)
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

    /// The marks that the node's last run left: all of them if it stopped cleanly, and if the clock has not stepped back
    /// since, because what was too old to be saved could be fresh again. They count as complete once: this start may
    /// crash. Those that can still be fresh stay for the start after it.
    ///
    /// # Errors
    /// [`StoreError::Database`], and [`StoreError::Tampered`] for marks that cannot be read.
    pub async fn take_marks(&self, node: &str, now: Moment) -> Result<TakenMarks, StoreError> {
        let mut tx = self.database.begin().await?;
        let complete = match tx.fetch_optional(MARKS_SAVED, vec![node.into()]).await? {
            Some(row) => (1..=now.unix_ms()).contains(&u64::try_from(row.int(0)?).unwrap_or(0)),
            None => false,
        };
        tx.execute(DROP_STALE_MARKS, vec![oldest_fresh_second(now).into()]).await?;
        let rows = tx.fetch_all(MARKS_OF_NODE, vec![node.into()]).await?;
        let marks: Result<Vec<SavedMark>, StoreError> = rows.iter().map(mark).collect();
        tx.execute(SET_MARKS_SAVED, vec![node.into(), 0_i64.into()]).await?;
        tx.commit().await?;
        Ok(TakenMarks { complete, marks: marks? })
    }

    /// Drops marks that no fresh timestamp can have any more.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_marks(&self, now: Moment) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        tx.execute(DROP_STALE_MARKS, vec![oldest_fresh_second(now).into()]).await?;
        tx.commit().await
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

/// Marks of earlier seconds cannot be of a fresh timestamp, with a minute to spare for clocks that are set back.
fn oldest_fresh_second(now: Moment) -> u64 {
    now.unix_ms().saturating_sub(TIMESTAMP_WINDOW_MS + 60_000) / 1_000
}

fn mark(row: &Row) -> Result<SavedMark, StoreError> {
    let tampered = || StoreError::tampered("mark", "row");
    let key = row.bytes(0)?.try_into().map(u128::from_be_bytes).map_err(|_| tampered())?;
    Ok(SavedMark {
        key: KeyId::from_u128(key).ok_or_else(tampered)?,
        fingerprint: row.int(1)?.cast_unsigned(),
        second: u64::try_from(row.int(2)?).map_err(|_| tampered())?,
    })
}

pub(crate) fn intent_values(intent: &Intent) -> Vec<Value> {
    vec![
        intent.request.to_string().into(),
        intent.at.unix_ms().into(),
        intent.key.to_string().into(),
        intent.account.as_u64().into(),
        intent.route.into(),
        intent.source.to_string().into(),
        intent.body_hash.as_slice().into(),
    ]
}

pub(crate) fn outcome_values(outcome: &Outcome) -> Vec<Value> {
    let (word, status) = outcome.status.columns();
    vec![
        outcome.request.to_string().into(),
        word.into(),
        status.map(u64::from).into(),
        outcome.at.unix_ms().into(),
    ]
}
