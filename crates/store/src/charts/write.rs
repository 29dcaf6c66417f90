//! From what was gathered to the store, in short transactions: an intent must never wait long for the file.
//!
//! The store's mark says up to which record counts are written. What was appended after it is either in memory
//! ([`super::pending`]) or counted from the journal, page by page, until that has caught up.

use std::sync::Arc;

use keyward_rules::time::Moment;

use super::gathered::{Gathered, Request};
use super::pending::{Pending, Took};
use super::span::Span;
use super::statements::{DROP_CHARTS, NEWEST_RECORD, RECORDS_AFTER, ROLLED_UP, SET_ROLLED_UP};
use crate::bulk;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::sql::Transact;

/// Rows written in one transaction.
const SLICE: usize = 500;
/// Records counted from the journal at once.
const PAGE: u64 = 2_000;

/// What a call has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rolled {
    /// Something, and there may be more.
    More,
    /// There was nothing to do, or nothing that is due.
    Nothing,
}

impl Journal {
    /// Writes all counts, and counts what was not gathered.
    ///
    /// # Errors
    /// [`StoreError`]; what is missing is written by the next call.
    pub async fn roll_up(&self, now: Moment) -> Result<(), StoreError> {
        while self.roll_up_some(now, true).await? == Rolled::More {}
        Ok(())
    }

    /// Does a part of the work, in a short transaction: at once what `hurry` asks for, otherwise what has waited long enough.
    ///
    /// # Errors
    /// [`StoreError`]; it is done again by the next call.
    pub async fn roll_up_some(&self, now: Moment, hurry: bool) -> Result<Rolled, StoreError> {
        let charts = Arc::clone(&self.charts);
        let mut writing = charts.writing.lock().await;
        if let Some(pending) = &mut writing.pending {
            let done = self.write(pending).await;
            if !matches!(done, Ok(false)) {
                // What was not written is counted again from the journal, by the store's mark.
                writing.pending = None;
            }
            if done.is_err() {
                charts.uncover();
            }
            return done.map(|_| Rolled::More);
        }
        match writing.take(&charts, now, hurry) {
            Took::Pending => Ok(Rolled::More),
            Took::Nothing => Ok(Rolled::Nothing),
            Took::Uncovered => {
                let (pending, upto) = self.count_again().await?;
                if pending.is_none() {
                    charts.cover_from(upto);
                }
                writing.pending = pending;
                Ok(if writing.pending.is_some() { Rolled::More } else { Rolled::Nothing })
            }
        }
    }

    /// Writes the next slice; whether it was the last.
    async fn write(&self, pending: &mut Pending) -> Result<bool, StoreError> {
        let slice = pending.rows.slice(pending.written, SLICE);
        let written = pending.written + slice.count();
        // Fewer than were written before are found where the journal has forgotten their records since.
        let done = written >= pending.rows.count();
        let mut tx = self.database.begin().await?;
        bulk::charts::add(&mut tx, &slice).await?;
        let mark = if done {
            [pending.until, 0, 0]
        } else {
            [pending.from, pending.until, i64::try_from(written).unwrap_or(i64::MAX)]
        };
        tx.execute(SET_ROLLED_UP, mark.map(Into::into).to_vec()).await?;
        tx.commit().await?;
        pending.written = written;
        Ok(done)
    }

    /// Counts the next records after the store's mark from the journal; and the mark.
    async fn count_again(&self) -> Result<(Option<Pending>, i64), StoreError> {
        let mut tx = self.database.begin().await?;
        let mark = tx.fetch_optional(ROLLED_UP, vec![]).await?;
        let mark = mark.ok_or_else(|| StoreError::tampered("rolled_up", "row"))?;
        let (mut from, until, written) = (mark.int(0)?, mark.int(1)?, mark.int(2)?);
        let newest = tx.fetch_optional(NEWEST_RECORD, vec![]).await?.map_or(Ok(0), |row| row.int(0))?;
        // When every record was forgotten, SQLite numbers from 1 again.
        if self.database.reuses_numbers() && from > newest || until > 0 && until < from {
            from = 0;
        }
        let interrupted = until > 0;
        let (mut gathered, mut last) = (Gathered::default(), from);
        while let Some(upto) =
            self.gather(&mut tx, &mut gathered, (last, if interrupted { until } else { newest })).await?
        {
            last = upto;
            if !interrupted {
                break;
            }
        }
        if last == from && !interrupted {
            return Ok((None, from));
        }
        let until = if interrupted { until } else { last };
        let written = usize::try_from(written).unwrap_or(0);
        Ok((Some(Pending { until, from, rows: gathered.rows(), written }), until))
    }

    /// Counts a page of records; gives the last of them.
    async fn gather(
        &self,
        tx: &mut Transact,
        gathered: &mut Gathered,
        (after, upto): (i64, i64),
    ) -> Result<Option<i64>, StoreError> {
        let rows = tx.fetch_all(RECORDS_AFTER, vec![after.into(), upto.into(), PAGE.into()]).await?;
        for row in &rows {
            if let Some(request) = Request::of_row(row)? {
                gathered.add(request);
            }
        }
        rows.last().map(|row| row.int(0)).transpose()
    }

    /// Drops counts that no chart reaches back to.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_charts(&self, now: Moment) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        for span in Span::ALL {
            let before = now.unix_ms().saturating_sub(span.ms() * (span.pieces() + 2));
            tx.execute(DROP_CHARTS, vec![span.ms().into(), before.into()]).await?;
        }
        tx.commit().await
    }
}
