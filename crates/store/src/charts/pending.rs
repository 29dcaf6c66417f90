//! What is on its way into the charts: counts of records, gathered in memory or about to be written.

use std::sync::{Mutex, PoisonError};

use keyward_rules::time::Moment;

use super::gathered::{Gathered, Request, Rows};

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
    pub(super) writing: tokio::sync::Mutex<Writing>,
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
pub(super) struct Writing {
    pub(super) pending: Option<Pending>,
    /// When it was first seen that something was gathered.
    since: Option<Moment>,
}

/// Counts of the records from `from` to `until` that are being written.
pub(super) struct Pending {
    pub(super) until: i64,
    pub(super) from: i64,
    pub(super) rows: Rows,
    pub(super) written: usize,
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

    /// Drops what is gathered: it is counted from the journal.
    pub(super) fn uncover(&self) {
        self.gathering().cover = None;
    }

    /// Gathers from now on, if this process appended nothing after `upto`.
    pub(super) fn cover_from(&self, upto: i64) {
        let mut gathering = self.gathering();
        if gathering.newest.is_none_or(|newest| newest <= upto) {
            gathering.cover = Some(Cover::after(upto));
        }
    }
}

impl Writing {
    /// Takes what was gathered, if it is due.
    pub(super) fn take(&mut self, charts: &Charts, now: Moment, hurry: bool) -> Took {
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

/// What there is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    /// Something is to be written.
    Pending,
    /// Everything is gathered, and none of it is due.
    Nothing,
    /// Records have to be counted from the journal.
    Uncovered,
}
