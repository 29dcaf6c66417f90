//! Question: what did a key or an account do, over an hour to a month?

use std::collections::BTreeMap;
use std::str::FromStr;

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::time::Moment;
use keyward_store::{Charted, Counted, LATENCIES_MS, Rollup, Span};

use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError};

/// How far a chart reaches back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// 60 minutes.
    Hour,
    /// 96 quarters of an hour.
    Day,
    /// 168 hours.
    Week,
    /// 31 days in pieces of six hours.
    Month,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word in queries.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    const fn span(self) -> Span {
        match self {
            Self::Hour => Span::Minute,
            Self::Day => Span::Quarter,
            Self::Week => Span::Hour,
            Self::Month => Span::QuarterDay,
        }
    }
}

impl FromStr for Range {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|range| range.word() == text).ok_or(())
    }
}

/// One piece of a chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Piece {
    /// Requests that passed.
    pub passed: u64,
    /// Requests with the right signature that were refused.
    pub refused: u64,
    /// Milliseconds within which half of them were answered, by the bounds of [`LATENCIES_MS`].
    pub half_ms: Option<u64>,
    /// Milliseconds within which 99 of 100 were.
    pub most_ms: Option<u64>,
}

/// A chart's numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChartView {
    /// When the first piece began.
    pub since: Moment,
    /// How long each is.
    pub piece_ms: u64,
    /// All of them, oldest first.
    pub pieces: Vec<Piece>,
    /// Requests by code, most first.
    pub verdicts: Vec<(String, u64)>,
    /// By route, most first.
    pub routes: Vec<(String, u64)>,
    /// By address, most first; none for an app's key.
    pub sources: Vec<(String, u64)>,
}

impl ChartView {
    /// Requests that passed and that were refused, over all pieces.
    #[must_use]
    pub fn sums(&self) -> (u64, u64) {
        let pieces = self.pieces.iter();
        pieces.fold((0, 0), |(passed, refused), piece| (passed + piece.passed, refused + piece.refused))
    }
}

/// Lines of a list of routes or addresses.
const LINES: usize = 20;

/// The chart of a key within the actor's scope.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn key_chart(
    context: &ActionContext<'_>,
    id: KeyId,
    range: Range,
) -> Result<ChartView, ActionError> {
    let reader = &context.authority.access.reader;
    let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let mut chart = chart(context, Charted::Key(id), range).await?;
    if shows_addresses(&key.binding) {
        let activity = &context.authority.access.activity;
        chart.sources = activity.top_sources(Charted::Key(id), range.span(), chart.since, LINES).await?;
    }
    Ok(chart)
}

/// The chart of all keys of an account within the actor's scope, without addresses: an app's could be among them.
///
/// # Errors
/// [`ActionError::NoAccount`].
#[crate::boxed]
pub async fn account_chart(
    context: &ActionContext<'_>,
    account: AccountId,
    range: Range,
) -> Result<ChartView, ActionError> {
    if !context.actor.scope().reaches(account) {
        return Err(ActionError::NoAccount);
    }
    chart(context, Charted::Account(account), range).await
}

async fn chart(
    context: &ActionContext<'_>,
    subject: Charted,
    range: Range,
) -> Result<ChartView, ActionError> {
    let span = range.span();
    let last = context.now.unix_ms() / span.ms();
    let since = Moment::from_unix_ms(last.saturating_sub(span.pieces() - 1) * span.ms());
    let counts = context.authority.access.activity.rollups(subject, span, since).await?;
    Ok(draw(&counts, since, span))
}

fn draw(counts: &[Rollup], since: Moment, span: Span) -> ChartView {
    let many = usize::try_from(span.pieces()).unwrap_or(0);
    let mut pieces = vec![Piece::default(); many];
    let mut latencies: BTreeMap<usize, BTreeMap<u64, u64>> = BTreeMap::new();
    let mut sums: [BTreeMap<&str, u64>; 2] = [BTreeMap::new(), BTreeMap::new()];
    let [verdicts, routes] = &mut sums;
    for one in counts {
        let at = usize::try_from(one.at.ms_since(since) / span.ms()).unwrap_or(usize::MAX);
        let Some(piece) = pieces.get_mut(at) else { continue };
        match one.counted {
            Counted::Verdict => {
                if one.word == "0" {
                    piece.passed += one.count
                } else {
                    piece.refused += one.count
                }
                *verdicts.entry(&one.word).or_default() += one.count;
            }
            Counted::Route => *routes.entry(&one.word).or_default() += one.count,
            Counted::Source => {}
            Counted::Latency => {
                // "more" lies beyond the last bound; it is drawn at the double of it.
                let most = LATENCIES_MS.last().copied().unwrap_or(0) * 2;
                let bound = one.word.parse().unwrap_or(most);
                *latencies.entry(at).or_default().entry(bound).or_default() += one.count;
            }
        }
    }
    for (at, bounds) in latencies {
        if let Some(piece) = pieces.get_mut(at) {
            (piece.half_ms, piece.most_ms) = (within(&bounds, 50), within(&bounds, 99));
        }
    }
    let [verdicts, routes] = sums.map(most_first);
    ChartView { since, piece_ms: span.ms(), pieces, verdicts, routes, sources: Vec::new() }
}

/// The bound within which so many of 100 lie.
fn within(bounds: &BTreeMap<u64, u64>, percent: u64) -> Option<u64> {
    let total: u64 = bounds.values().sum();
    let mut seen = 0;
    bounds.iter().find_map(|(bound, count)| {
        seen += count;
        (seen * 100 >= total * percent).then_some(*bound)
    })
}

fn most_first(sums: BTreeMap<&str, u64>) -> Vec<(String, u64)> {
    let mut list: Vec<(String, u64)> =
        sums.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
    list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    list.truncate(LINES);
    list
}

#[cfg(test)]
mod tests {
    use super::{draw, within};
    use keyward_rules::time::Moment;
    use keyward_store::{Counted, Rollup, Span};
    use std::collections::BTreeMap;

    #[test]
    fn percentiles_are_the_bounds_that_were_enough() {
        let bounds = BTreeMap::from([(1, 98), (5, 1), (2_000, 1)]);
        assert_eq!(
            (within(&bounds, 50), within(&bounds, 99), within(&bounds, 100)),
            (Some(1), Some(5), Some(2_000))
        );
        assert_eq!(within(&BTreeMap::new(), 50), None);
    }

    #[test]
    fn counts_fall_into_their_pieces() {
        let one = |at: u64, counted, word: &str, count| Rollup {
            at: Moment::from_unix_ms(at),
            counted,
            word: word.to_owned(),
            count,
        };
        let counts = [
            one(60_000, Counted::Verdict, "0", 3),
            one(60_000, Counted::Verdict, "50110", 1),
            one(60_000, Counted::Latency, "2", 4),
            one(120_000, Counted::Verdict, "0", 2),
            one(120_000, Counted::Route, "GET /a", 2),
            one(60_000 * 100, Counted::Verdict, "0", 9),
        ];
        let chart = draw(&counts, Moment::from_unix_ms(60_000), Span::Minute);
        assert_eq!(chart.pieces.len(), 60);
        assert_eq!(
            (chart.pieces[0].passed, chart.pieces[0].refused, chart.pieces[0].half_ms),
            (3, 1, Some(2))
        );
        assert_eq!((chart.pieces[1].passed, chart.pieces[1].most_ms), (2, None));
        assert_eq!(chart.verdicts, [("0".to_owned(), 5), ("50110".to_owned(), 1)]);
        assert_eq!(chart.routes, [("GET /a".to_owned(), 2)]);
    }
}
