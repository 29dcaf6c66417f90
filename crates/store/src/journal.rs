//! The journal: one record per private request in batches, and the durable pair around money.
//!
//! An intent is on disk before a withdrawal or transfer is forwarded; its outcome completes it. An intent
//! without an outcome at the next start becomes `unknown` and is never forwarded again.

pub(crate) mod record;
pub(crate) mod statements;

use std::path::PathBuf;
use std::sync::Arc;

use keyward_rules::fence::{Decimal, SumOf, SumOwner};
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::TIMESTAMP_WINDOW_MS;
use keyward_rules::time::Moment;

use crate::accounts;
use crate::bulk;
use crate::charts::gathered::Request;
use crate::charts::pending::Charts;
use crate::error::StoreError;
use crate::sql::{Database, Row, moment};
use statements::{
    ABANDON_INTENTS, ADVANCE_HORIZON, COUNT_ACTIVITY, COUNT_INTENTS, DROP_OLD_RESERVED, DROP_STALE_MARKS,
    HORIZON, MARKS_OF_NODE, MARKS_SAVED, OPEN_INTENTS, RESERVED_SINCE, SET_MARKS_SAVED,
};

pub use crate::bulk::journal::JournalBatch;
use record::OF_ACCOUNT;
pub use record::{Intent, Outcome, OutcomeStatus, Record, Released, Reserved, SavedReplayEntry, Taken};
pub(crate) use statements::STATEMENTS;

/// The marks that a start goes on with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplaySnapshot {
    /// Whether they are all: the node stopped cleanly. Otherwise they are those that lay past its horizon.
    pub complete: bool,
    /// The entries.
    pub entries: Vec<SavedReplayEntry>,
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

/// Marks that a stop saves at most; with more of them the next start goes by the horizon.
const MARKS: usize = 1_000_000;

/// Appends to the journal. Blocks its thread on SQLite, so it wants one of its own.
pub struct JournalWriter {
    way: Way,
    charts: Arc<Charts>,
}

enum Way {
    Sqlite { connection: Box<rusqlite::Connection>, _checkpoints: bulk::journal::Checkpoints },
    Postgres(Database),
}

impl JournalWriter {
    /// [`Self::commit`] of intents, outcomes and records.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of them is kept.
    pub async fn append(
        &mut self,
        intents: &[Intent],
        outcomes: &[Outcome],
        records: &[Record],
    ) -> Result<(), StoreError> {
        self.commit(JournalBatch { intents, outcomes, records, ..JournalBatch::default() }).await
    }

    /// Commits everything that waits, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing of the batch is kept.
    pub async fn commit(&mut self, batch: JournalBatch<'_>) -> Result<(), StoreError> {
        let span = match &mut self.way {
            Way::Sqlite { connection, .. } => bulk::journal::append_sqlite(connection, batch)?,
            Way::Postgres(database) => match bulk::journal::append_postgres(database, batch).await {
                // Nothing of the batch is kept, and now there is a part for it.
                Err(problem) if problem.is_of_another_part() => {
                    bulk::journal::append_postgres(database, batch).await?
                }
                appended => appended?,
            },
        };
        if let Some(span) = span {
            self.charts.appended(batch.records.iter().filter_map(Request::of), span);
        }
        Ok(())
    }

    /// Keeps marks of a node whose timestamps lie past its horizon, so that its next start knows them one by one.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then none of them is kept.
    pub async fn keep_marks(&mut self, node: &str, marks: &[SavedReplayEntry]) -> Result<(), StoreError> {
        match &mut self.way {
            Way::Sqlite { connection, .. } => bulk::journal::keep_marks_sqlite(connection, node, marks),
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
        marks: &[SavedReplayEntry],
    ) -> Result<(), StoreError> {
        if marks.len() > MARKS {
            return Ok(());
        }
        match &mut self.way {
            Way::Sqlite { connection, .. } => {
                bulk::journal::save_marks_sqlite(connection, (node, now), marks)
            }
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
                Database::Sqlite(_) => {
                    let (connection, checkpoints) = bulk::journal::open(&self.file)?;
                    Way::Sqlite { connection: Box::new(connection), _checkpoints: checkpoints }
                }
            },
        })
    }

    /// What requests took from the sums of `day` and later ones.
    ///
    /// # Errors
    /// [`StoreError`]; also for a row that cannot be read, because a sum without it would be too small.
    pub async fn taken(&self, day: u64) -> Result<Vec<Taken>, StoreError> {
        let rows = self.database.fetch_all(RESERVED_SINCE, vec![day.into()]).await?;
        rows.iter().map(taken).collect()
    }

    /// Drops what was taken from the sums of earlier days.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_reserved(&self, before: u64) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        tx.execute(DROP_OLD_RESERVED, vec![before.into()]).await?;
        tx.commit().await
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
    pub async fn take_marks(&self, node: &str, now: Moment) -> Result<ReplaySnapshot, StoreError> {
        let mut tx = self.database.begin().await?;
        let complete = match tx.fetch_optional(MARKS_SAVED, vec![node.into()]).await? {
            Some(row) => (1..=now.unix_ms()).contains(&u64::try_from(row.int(0)?).unwrap_or(0)),
            None => false,
        };
        tx.execute(DROP_STALE_MARKS, vec![oldest_fresh_second(now).into()]).await?;
        let rows = tx.fetch_all(MARKS_OF_NODE, vec![node.into()]).await?;
        let marks: Result<Vec<SavedReplayEntry>, StoreError> = rows.iter().map(mark).collect();
        tx.execute(SET_MARKS_SAVED, vec![node.into(), 0_i64.into()]).await?;
        tx.commit().await?;
        Ok(ReplaySnapshot { complete, entries: marks? })
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

fn taken(row: &Row) -> Result<Taken, StoreError> {
    let tampered = || StoreError::tampered("reservation", "row");
    let name = row.text(2)?;
    Ok(Taken {
        owner: SumOwner::parse(&row.text(0)?).ok_or_else(tampered)?,
        day: u64::try_from(row.int(1)?).map_err(|_| tampered())?,
        of: SumOf::parse(name.strip_prefix(OF_ACCOUNT).unwrap_or(&name)).ok_or_else(tampered)?,
        amount: Decimal::parse(&row.text(3)?).ok_or_else(tampered)?,
    })
}

fn mark(row: &Row) -> Result<SavedReplayEntry, StoreError> {
    let tampered = || StoreError::tampered("mark", "row");
    let key = row.bytes(0)?.try_into().map(u128::from_be_bytes).map_err(|_| tampered())?;
    Ok(SavedReplayEntry {
        key: KeyId::from_u128(key).ok_or_else(tampered)?,
        fingerprint: row.int(1)?.cast_unsigned(),
        second: u64::try_from(row.int(2)?).map_err(|_| tampered())?,
    })
}
