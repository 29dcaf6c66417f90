//! What a chart shows: the counts of one subject, piece by piece.

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::time::Moment;

use super::span::Span;
use super::statements::CHART;
use super::tallies::{Tallies, Tally};
use crate::activity::Activity;
use crate::error::StoreError;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Counted {
    /// By code: `0`, or that of the refusal.
    Verdict,
    /// By method and route.
    Route,
    /// By address.
    Source,
    /// By the least of [`LATENCIES_MS`](super::LATENCIES_MS) that was enough, or `more`.
    Latency,
}

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
