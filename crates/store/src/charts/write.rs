//! From what was gathered to the store, in short transactions: an intent must never wait long for the file.
//!
//! The store's mark says up to which record counts are written. What was appended after it is either in memory
//! ([`Cover`]) or counted from the journal, page by page, until that has caught up.

use std::sync::{Arc, Mutex, PoisonError};

use keyward_rules::time::Moment;

use super::gathered::{Gathered, Request, Rows};
use super::{NEWEST_RECORD, RECORDS_AFTER, ROLLED_UP, SET_ROLLED_UP};
use crate::bulk;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::sql::Transact;

/// Rows written in one transaction.
const SLICE: usize = 500;
/// Records counted from the journal at once.
const PAGE: u64 = 2_000;
/// Counts wait for so long, while they are few.
const SOON_MS: u64 = 3_000;
const FEW: usize = 2_000;
/// Counts never wait longer.
const LATE_MS: u64 = 60_000;
/// Past this no more is gathered: what follows is counted from the journal.
const FULL: usize = 250_000;

/// What is on its way into the charts; one for a journal.
#[derive(Default)]
pub(crate) struct Charts {
    gathering: Mutex<Gathering>,
    /// Those who write take turns.
    writing: tokio::sync::Mutex<Writing>,
}

#[derive(Default)]
struct Gathering {
    /// The newest record that was appended by this process.
    newest: Option<i64>,
    cover: Option<Cover>,
}

/// The records that are counted in memory: all from `from`, which is not one of them, up to `until`.
struct Cover {
    from: i64,
    until: i64,
    gathered: Gathered,
    full: bool,
}

#[derive(Default)]
struct Writing {
    pending: Option<Pending>,
    /// When it was first seen that something was gathered.
    since: Option<Moment>,
}

/// Counts of the records from `from` to `until` that are being written.
struct Pending {
    until: i64,
    from: i64,
    rows: Rows,
    written: usize,
}

/// What a call has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rolled {
    /// Something, and there may be more.
    More,
    /// There was nothing to do, or nothing that is due.
    Nothing,
}

impl Cover {
    fn after(from: i64) -> Self {
        Self { from, until: from, gathered: Gathered::default(), full: false }
    }
}

impl Charts {
    fn gathering(&self) -> std::sync::MutexGuard<'_, Gathering> {
        // A panic in between loses counts of memory, which are counted again after the next start.
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what is counted of records that were appended, with the numbers of the first and the last. Where others are
    /// missing before them, or they are known already, everything is counted from the journal instead.
    pub(crate) fn appended(&self, requests: impl IntoIterator<Item = Request>, (first, newest): (i64, i64)) {
        let mut gathering = self.gathering();
        gathering.newest = Some(newest);
        if gathering.cover.as_ref().is_some_and(|cover| !cover.full && first != cover.until + 1) {
            gathering.cover = None;
        }
        let Some(cover) = gathering.cover.as_mut().filter(|cover| !cover.full) else { return };
        requests.into_iter().for_each(|request| cover.gathered.add(request));
        cover.until = newest;
        cover.full = cover.gathered.size() >= FULL;
    }

    /// Gathers from now on, if this process appended nothing after `upto`.
    fn cover_from(&self, upto: i64) {
        let mut gathering = self.gathering();
        if gathering.newest.is_none_or(|newest| newest <= upto) {
            gathering.cover = Some(Cover::after(upto));
        }
    }
}

impl Writing {
    /// Takes what was gathered, if it is due.
    fn take(&mut self, charts: &Charts, now: Moment, hurry: bool) -> Took {
        let mut gathering = charts.gathering();
        let Some(cover) = &gathering.cover else { return Took::Uncovered };
        let size = cover.gathered.size();
        if cover.until == cover.from {
            self.since = None;
            return Took::Nothing;
        }
        let waited = now.ms_since(*self.since.get_or_insert(now));
        let due = hurry || cover.full || waited >= LATE_MS || waited >= SOON_MS && size <= FEW;
        if !due {
            return Took::Nothing;
        }
        self.since = None;
        let Some(taken) = gathering.cover.take() else { return Took::Uncovered };
        if !taken.full {
            gathering.cover = Some(Cover::after(taken.until));
        }
        drop(gathering);
        let rows = taken.gathered.rows();
        self.pending = Some(Pending { until: taken.until, from: taken.from, rows, written: 0 });
        Took::Pending
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Took {
    /// Something is to be written.
    Pending,
    /// Everything is gathered, and none of it is due.
    Nothing,
    /// Records have to be counted from the journal.
    Uncovered,
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
                charts.gathering().cover = None;
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
}
