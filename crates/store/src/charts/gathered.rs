//! Counts on their way from the journal's records to the store: in memory by key and minute, then as rows to be written.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use super::span::{LATENCIES_MS, QUARTER_MS, Span};
use super::tallies::{OTHERS, SOURCES, Tallies};
use crate::activity::address;
use crate::error::StoreError;
use crate::journal::record::Record;
use crate::sql::Row;

/// Counts of requests whose signature was right, by key: a stranger who knows a key's public id writes nothing into its chart.
#[derive(Default)]
pub(crate) struct Gathered {
    minutes: HashMap<(u128, u64), Minute>,
    /// From which addresses keys were used, and when last: requests that passed, because a refused one uses nothing.
    seen: HashMap<(u128, IpAddr), u64>,
}

/// A method and a path.
type Route = (Cow<'static, str>, Cow<'static, str>);

/// What one key did in one minute.
struct Minute {
    account: u64,
    verdicts: Vec<(Cow<'static, str>, u64)>,
    routes: Vec<(Route, u64)>,
    sources: Vec<(IpAddr, u64)>,
    /// Of addresses that are not counted apart.
    others: u64,
    /// By the place of the bound in [`LATENCIES_MS`]; the last lies beyond all of them.
    latencies: [u64; LATENCIES_MS.len() + 1],
}

/// What is counted of a request.
pub(crate) struct Request {
    at: u64,
    key: u128,
    account: u64,
    source: IpAddr,
    method: Cow<'static, str>,
    route: Cow<'static, str>,
    code: Cow<'static, str>,
    micros: u64,
}

impl Request {
    /// What is counted of a record; `None` where no signature was right.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        Some(Self {
            at: record.at.unix_ms(),
            key: record.key?.as_u128(),
            account: record.account?.as_u64(),
            source: record.source,
            method: record.method.into(),
            route: record.route.into(),
            code: record.code.into(),
            micros: record.micros,
        })
    }

    /// The same of a row of [`super::statements::RECORDS_AFTER`].
    pub(crate) fn of_row(row: &Row) -> Result<Option<Self>, StoreError> {
        let (Some(key), Some(account)) = (row.bytes_or_null(2)?, row.int_or_null(3)?) else {
            return Ok(None);
        };
        let Ok(key) = <[u8; 16]>::try_from(key) else { return Ok(None) };
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        Ok(Some(Self {
            at: number(row.int(1)?),
            key: u128::from_be_bytes(key),
            account: number(account),
            source: address(&row.bytes(4)?)?,
            method: row.text(5)?.into(),
            route: row.text(6)?.into(),
            code: row.text(7)?.into(),
            micros: number(row.int(8)?),
        }))
    }
}

impl Gathered {
    /// How much memory it takes, in pieces of some hundred bytes.
    pub(crate) fn size(&self) -> usize {
        self.minutes.len() + self.seen.len()
    }

    /// Counts a request.
    pub(crate) fn add(&mut self, request: Request) {
        if request.code == "0" {
            let last = self.seen.entry((request.key, request.source)).or_default();
            *last = request.at.max(*last);
        }
        let minute = self.minutes.entry((request.key, Span::Minute.began(request.at)));
        minute.or_insert_with(|| Minute::of(request.account)).add(request);
    }

    /// The rows that it becomes, always in the same order.
    pub(crate) fn rows(self) -> Rows {
        let mut pieces: BTreeMap<Place, Tallies> = BTreeMap::new();
        let mut quarters: BTreeMap<(u128, u64), (u64, u64)> = BTreeMap::new();
        let mut minutes: Vec<_> = self.minutes.into_iter().collect();
        minutes.sort_unstable_by_key(|(place, _)| *place);
        for ((key, at), minute) in minutes {
            let (passed, refused) = quarters.entry((key, at / QUARTER_MS)).or_default();
            for (code, count) in &minute.verdicts {
                *(if code == "0" { &mut *passed } else { &mut *refused }) += count;
            }
            let subjects = [key, u128::from(minute.account)].map(u128::to_be_bytes);
            let tallies = minute.tallies();
            for subject in subjects {
                for span in Span::ALL {
                    pieces.entry((span.ms(), span.began(at), subject)).or_default().add_all(&tallies);
                }
            }
        }
        let mut sources: Vec<_> = self.seen.into_iter().collect();
        sources.sort_unstable();
        Rows { pieces: pieces.into_iter().collect(), quarters: quarters.into_iter().collect(), sources }
    }
}

/// The key of a row of `charts`: length of the span, when it began, whose it is.
pub(crate) type Place = (u64, u64, [u8; 16]);

/// A row of `quarters`: by key and number of the quarter of an hour, requests that passed and that were refused.
pub(crate) type Quarter = ((u128, u64), (u64, u64));

/// Rows to be added to what the store counts.
pub(crate) struct Rows {
    /// Of `charts`.
    pub(crate) pieces: Vec<(Place, Tallies)>,
    /// Of `quarters`.
    pub(crate) quarters: Vec<Quarter>,
    /// Of `sources`: by key and address, when it was last used from there.
    pub(crate) sources: Vec<((u128, IpAddr), u64)>,
}

/// Some of them.
pub(crate) enum Slice<'r> {
    /// Of `charts`.
    Pieces(&'r [(Place, Tallies)]),
    /// Of `quarters`.
    Quarters(&'r [Quarter]),
    /// Of `sources`.
    Sources(&'r [((u128, IpAddr), u64)]),
}

impl Rows {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.pieces.len() + self.quarters.len() + self.sources.len()
    }

    /// Up to `most` rows of one table, without the first `skip` of all.
    pub(crate) fn slice(&self, skip: usize, most: usize) -> Slice<'_> {
        fn part<T>(rows: &[T], skip: usize, most: usize) -> Option<&[T]> {
            rows.get(skip..).filter(|rest| !rest.is_empty()).map(|rest| rest.get(..most).unwrap_or(rest))
        }
        let quarters = skip.saturating_sub(self.pieces.len());
        let sources = quarters.saturating_sub(self.quarters.len());
        let found = part(&self.pieces, skip, most).map(Slice::Pieces);
        let found = found.or_else(|| part(&self.quarters, quarters, most).map(Slice::Quarters));
        found.unwrap_or_else(|| Slice::Sources(part(&self.sources, sources, most).unwrap_or_default()))
    }
}

impl Slice<'_> {
    /// How many rows it has.
    pub(crate) const fn count(&self) -> usize {
        match self {
            Self::Pieces(rows) => rows.len(),
            Self::Quarters(rows) => rows.len(),
            Self::Sources(rows) => rows.len(),
        }
    }
}

impl Minute {
    const fn of(account: u64) -> Self {
        let latencies = [0; LATENCIES_MS.len() + 1];
        Self { account, verdicts: Vec::new(), routes: Vec::new(), sources: Vec::new(), others: 0, latencies }
    }

    fn add(&mut self, request: Request) {
        count(&mut self.verdicts, request.code);
        count(&mut self.routes, (request.method, request.route));
        let source = network(request.source);
        if self.sources.len() < SOURCES || self.sources.iter().any(|(one, _)| *one == source) {
            count(&mut self.sources, source);
        } else {
            self.others += 1;
        }
        let bound = LATENCIES_MS.iter().position(|bound| request.micros <= bound * 1_000);
        if let Some(latency) = self.latencies.get_mut(bound.unwrap_or(LATENCIES_MS.len())) {
            *latency += 1;
        }
    }

    fn tallies(self) -> Tallies {
        let mut tallies = Tallies::default();
        for (code, count) in self.verdicts {
            tallies.verdict.add(code, count);
        }
        for ((method, route), count) in self.routes {
            tallies.route.add(format!("{method} {route}").into(), count);
        }
        let bounds = LATENCIES_MS.iter().map(|bound| Cow::Owned(bound.to_string()));
        for (bound, count) in bounds.chain([Cow::Borrowed("more")]).zip(self.latencies) {
            if count > 0 {
                tallies.latency.add(bound, count);
            }
        }
        for (source, count) in self.sources {
            tallies.source.add(source_word(source).into(), count);
        }
        if self.others > 0 {
            tallies.source.add(OTHERS.into(), self.others);
        }
        tallies
    }
}

fn count<W: PartialEq>(counts: &mut Vec<(W, u64)>, word: W) {
    match counts.iter_mut().find(|(one, _)| *one == word) {
        Some((_, so_far)) => *so_far += 1,
        None => counts.push((word, 1)),
    }
}

/// An address as it is counted: IPv6 by /64, because one household has that many.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from(v6.to_bits() >> 64 << 64).into(),
    }
}

fn source_word(network: IpAddr) -> String {
    match network {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{v6}/64"),
    }
}
