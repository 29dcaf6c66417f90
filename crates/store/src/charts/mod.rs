//! What charts are drawn from: counts by verdict, route, source and latency, in spans of four lengths.
//!
//! Appending to the journal stays cheap: counts are gathered in memory for a while ([`gathered`]) and then written together
//! ([`mod@write`]). A mark in the store says up to which record they are written, so that nothing is counted twice, and what a
//! crash takes from memory is counted again from the journal.

pub(crate) mod gathered;
pub(crate) mod tallies;
pub(crate) mod write;

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::time::Moment;

use crate::activity::Activity;
use crate::error::StoreError;
use crate::journal::Journal;
use crate::sql::statements;
use tallies::{Tallies, Tally};

statements! {
    /// Takes the row until the commit.
    ROLLED_UP = "UPDATE rolled_up SET upto = upto WHERE id = 1 RETURNING upto, until, written";
    SET_ROLLED_UP = "UPDATE rolled_up SET upto = $1, until = $2, written = $3 WHERE id = 1";
    NEWEST_RECORD = "SELECT COALESCE(MAX(id), 0) FROM activity";
    RECORDS_AFTER = "SELECT id, at, key_id, account, source, method, route, code, micros FROM activity \
        WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3";
    TALLIES_OF = "SELECT counts FROM charts WHERE span = $1 AND at = $2 AND subject = $3";
    SET_TALLIES = "INSERT INTO charts (span, at, subject, counts) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (span, at, subject) DO UPDATE SET counts = excluded.counts";
    COUNT_QUARTER = "INSERT INTO quarters (key_id, quarter, passed, refused) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (key_id, quarter) DO UPDATE SET passed = quarters.passed + excluded.passed, \
        refused = quarters.refused + excluded.refused";
    SEE_SOURCE = "INSERT INTO sources (key_id, source, seen_at) VALUES ($1, $2, $3) \
        ON CONFLICT (key_id, source) DO UPDATE SET seen_at = excluded.seen_at WHERE sources.seen_at < excluded.seen_at";
    DROP_CHARTS = "DELETE FROM charts WHERE span = $1 AND at < $2";
    /// The pieces of a chart lie among those of others, so each is looked up by itself: of length $1, from $2 to $3.
    CHART = "SELECT charts.at, charts.counts FROM (WITH RECURSIVE pieces (at) AS (SELECT CAST($2 AS BIGINT) UNION ALL \
        SELECT at + CAST($1 AS BIGINT) FROM pieces WHERE at + CAST($1 AS BIGINT) <= CAST($3 AS BIGINT)) \
        SELECT at FROM pieces) AS pieces JOIN charts ON charts.span = CAST($1 AS BIGINT) AND charts.at = pieces.at AND charts.subject = $4 ORDER BY 1";
}

/// How long the pieces of a chart are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Span {
    /// A minute, for the last hour.
    Minute,
    /// A quarter of an hour, for the last day.
    Quarter,
    /// An hour, for the last week.
    Hour,
    /// Six hours, for the last month.
    QuarterDay,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Quarter, Self::Hour, Self::QuarterDay];

    /// Its milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        match self {
            Self::Minute => 60_000,
            Self::Quarter => 15 * 60_000,
            Self::Hour => 60 * 60_000,
            Self::QuarterDay => 6 * 60 * 60_000,
        }
    }

    /// How many of them a chart has.
    #[must_use]
    pub const fn pieces(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Quarter => 96,
            Self::Hour => 168,
            Self::QuarterDay => 124,
        }
    }

    /// When the span began that `at_ms` lies in.
    const fn began(self, at_ms: u64) -> u64 {
        at_ms / self.ms() * self.ms()
    }
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Counted {
    /// By code: `0`, or that of the refusal.
    Verdict,
    /// By method and route.
    Route,
    /// By address.
    Source,
    /// By the least of [`LATENCIES_MS`] that was enough, or `more`.
    Latency,
}

/// Upper bounds of the latency counts, in milliseconds.
pub const LATENCIES_MS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// One count of a chart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rollup {
    /// When its span began.
    pub at: Moment,
    /// Of what.
    pub counted: Counted,
    /// The code, route, address or bound.
    pub word: String,
    /// How many.
    pub count: u64,
}

/// Whose counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A key's.
    Key(KeyId),
    /// An account's. Its bytes never equal a key's, which hold the version of a UUID where these hold zeros.
    Account(AccountId),
}

impl Subject {
    fn bytes(self) -> [u8; 16] {
        match self {
            Self::Key(key) => key.as_u128().to_be_bytes(),
            Self::Account(account) => u128::from(account.as_u64()).to_be_bytes(),
        }
    }
}

impl Journal {
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

impl Activity {
    /// The addresses that a subject was used from most since the piece that `since` lies in, with how often; who may see them
    /// is decided before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn top_sources(
        &self,
        subject: Subject,
        span: Span,
        since: Moment,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let mut sum = Tally::default();
        for (_, tallies) in self.pieces(subject, span, since).await? {
            sum.add_all(&tallies.source);
        }
        let mut all: Vec<(String, u64)> = sum.iter().map(|(word, count)| (word.to_owned(), count)).collect();
        all.sort_by(|(word, count), (other, more)| more.cmp(count).then_with(|| word.cmp(other)));
        all.truncate(limit);
        Ok(all)
    }

    /// The counts of a subject but for its addresses, in the pieces from that in which `since` lies, oldest first; who may see it
    /// is decided before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rollups(
        &self,
        subject: Subject,
        span: Span,
        since: Moment,
    ) -> Result<Vec<Rollup>, StoreError> {
        let mut all = Vec::new();
        for (at, tallies) in self.pieces(subject, span, since).await? {
            let kinds = [
                (Counted::Verdict, &tallies.verdict),
                (Counted::Route, &tallies.route),
                (Counted::Latency, &tallies.latency),
            ];
            for (counted, tally) in kinds {
                let counts = tally.iter();
                all.extend(counts.map(|(word, count)| Rollup { at, counted, word: word.to_owned(), count }));
            }
        }
        Ok(all)
    }

    async fn pieces(
        &self,
        subject: Subject,
        span: Span,
        since: Moment,
    ) -> Result<Vec<(Moment, Tallies)>, StoreError> {
        let bytes = subject.bytes();
        let first = span.began(since.unix_ms());
        let last = first.saturating_add(span.ms() * (span.pieces() + 1));
        let values = vec![span.ms().into(), first.into(), last.into(), bytes.as_slice().into()];
        let rows = self.database.fetch_all(CHART, values).await?;
        let tampered = || StoreError::tampered("chart", "row");
        rows.iter()
            .map(|row| {
                let at = u64::try_from(row.int(0)?).map_err(|_| tampered())?;
                let tallies = Tallies::read(&row.text(1)?).ok_or_else(tampered)?;
                Ok((Moment::from_unix_ms(at), tallies))
            })
            .collect()
    }
}
