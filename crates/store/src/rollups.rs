//! The journal rolled up for charts: counts by verdict, route, source and latency, in spans of four lengths.
//!
//! Appending stays cheap: a duty reads what was appended since, counts it, and moves its mark in the same
//! transaction, so that nothing is counted twice. With several gateways on PostgreSQL a record that commits long after
//! it was numbered may be left out of the charts; the journal has it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::time::Moment;

use crate::activity::{Activity, address};
use crate::error::StoreError;
use crate::journal::Journal;
use crate::sql::{Row, Value, statements};

statements! {
    /// Takes the row until the commit, so that of two callers the second counts what the first left.
    ROLLED_UPTO = "UPDATE rolled_up SET upto = upto WHERE id = 1 RETURNING upto";
    NEWEST_RECORD = "SELECT COALESCE(MAX(id), 0) FROM activity";
    RECORDS_AFTER = "SELECT id, at, key_id, account, source, method, route, code, micros FROM activity \
        WHERE id > $1 AND at <= $2 ORDER BY id LIMIT $3";
    COUNT_ROLLUP = "INSERT INTO rollups (subject, span, at, kind, word, count) VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (subject, span, at, kind, word) DO UPDATE SET count = rollups.count + excluded.count";
    SET_ROLLED = "UPDATE rolled_up SET upto = $1 WHERE id = 1";
    DROP_ROLLUPS = "DELETE FROM rollups WHERE span = $1 AND at < $2";
    /// Addresses come by themselves, because there may be many.
    ROLLUPS = "SELECT at, kind, word, count FROM rollups WHERE subject = $1 AND span = $2 AND at >= $3 \
        AND kind <> 'source' ORDER BY at";
    TOP_SOURCES = "SELECT word, CAST(SUM(count) AS BIGINT) FROM rollups WHERE subject = $1 AND span = $2 AND at >= $3 \
        AND kind = 'source' GROUP BY word ORDER BY 2 DESC, word LIMIT $4";
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

impl Counted {
    const ALL: [Self; 4] = [Self::Verdict, Self::Route, Self::Source, Self::Latency];

    const fn word(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Route => "route",
            Self::Source => "source",
            Self::Latency => "latency",
        }
    }
}

/// Upper bounds of the latency counts, in milliseconds.
pub const LATENCIES_MS: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/// Addresses that are counted apart in one span and batch; the others together.
const SOURCES: usize = 64;
/// Records that are younger wait, because transactions under way may still add earlier numbers.
const SETTLE_MS: u64 = 1_000;

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

type Place = ([u8; 16], u64, u64, Counted, String);

/// The word of a latency.
fn bucket(micros: u64) -> String {
    let bound = LATENCIES_MS.iter().find(|bound| micros <= **bound * 1_000);
    bound.map_or_else(|| "more".to_owned(), u64::to_string)
}

/// An address as it is counted: IPv6 by /64, because one household has that many.
fn source_word(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{}/64", std::net::Ipv6Addr::from(v6.to_bits() >> 64 << 64)),
    }
}

/// Counts one record in every place that it belongs to.
fn count(
    counts: &mut BTreeMap<Place, u64>,
    sources: &mut BTreeMap<([u8; 16], u64, u64), usize>,
    row: &Row,
) -> Result<(), StoreError> {
    let (Some(key), Some(account)) = (row.bytes_or_null(2)?, row.int_or_null(3)?) else { return Ok(()) };
    let Ok(key) = <[u8; 16]>::try_from(key) else { return Ok(()) };
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let (at, account) = (number(row.int(1)?), u128::from(number(account)).to_be_bytes());
    let source = source_word(address(&row.bytes(4)?)?);
    let route = format!("{} {}", row.text(5)?, row.text(6)?);
    let (code, latency) = (row.text(7)?, bucket(number(row.int(8)?)));
    for subject in [key, account] {
        for span in Span::ALL {
            let began = at / span.ms() * span.ms();
            let mut add = |counted, word: &str| {
                *counts.entry((subject, span.ms(), began, counted, word.to_owned())).or_default() += 1;
            };
            add(Counted::Verdict, &code);
            add(Counted::Route, &route);
            add(Counted::Latency, &latency);
            let place = (subject, span.ms(), began, Counted::Source, source.clone());
            if counts.contains_key(&place) {
                *counts.entry(place).or_default() += 1;
                continue;
            }
            let seen = sources.entry((subject, span.ms(), began)).or_default();
            *seen += 1;
            let word = if *seen > SOURCES { "others".to_owned() } else { source.clone() };
            *counts.entry((subject, span.ms(), began, Counted::Source, word)).or_default() += 1;
        }
    }
    Ok(())
}

impl Journal {
    /// Counts up to `most` records that were appended since the last call; gives how many.
    ///
    /// # Errors
    /// [`StoreError`]; then none of them is counted.
    pub async fn roll_up(&self, now: Moment, most: u32) -> Result<u64, StoreError> {
        let settled = now.unix_ms().saturating_sub(SETTLE_MS);
        let mut tx = self.database.begin().await?;
        let one = |row: Option<Row>| row.map_or(Ok(0), |row| row.int(0));
        let mut upto = one(tx.fetch_optional(ROLLED_UPTO, vec![]).await?)?;
        // When every record was forgotten, SQLite numbers from 1 again.
        if upto > one(tx.fetch_optional(NEWEST_RECORD, vec![]).await?)? {
            upto = 0;
        }
        let values = vec![upto.into(), settled.into(), i64::from(most).into()];
        let rows = tx.fetch_all(RECORDS_AFTER, values).await?;
        let Some(last) = rows.last() else { return Ok(0) };
        let last = last.int(0)?;
        let (mut counts, mut sources) = (BTreeMap::new(), BTreeMap::new());
        for row in &rows {
            count(&mut counts, &mut sources, row)?;
        }
        for ((subject, span, at, counted, word), count) in counts {
            let values: Vec<Value> = vec![
                subject.as_slice().into(),
                span.into(),
                at.into(),
                counted.word().into(),
                word.into(),
                count.into(),
            ];
            tx.execute(COUNT_ROLLUP, values).await?;
        }
        tx.execute(SET_ROLLED, vec![last.into()]).await?;
        tx.commit().await?;
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }

    /// Drops counts that no chart reaches back to.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_rollups(&self, now: Moment) -> Result<(), StoreError> {
        let mut tx = self.database.begin().await?;
        for span in Span::ALL {
            let before = now.unix_ms().saturating_sub(span.ms() * (span.pieces() + 2));
            tx.execute(DROP_ROLLUPS, vec![span.ms().into(), before.into()]).await?;
        }
        tx.commit().await
    }
}

impl Activity {
    /// The addresses that a subject was used from most, with how often; who may see them is decided before.
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
        let (bytes, limit) = (subject.bytes(), i64::try_from(limit).unwrap_or(0));
        let values = vec![bytes.as_slice().into(), span.ms().into(), since.unix_ms().into(), limit.into()];
        let rows = self.database.fetch_all(TOP_SOURCES, values).await?;
        rows.iter().map(|row| Ok((row.text(0)?, u64::try_from(row.int(1)?).unwrap_or(0)))).collect()
    }

    /// The counts of a subject but for its addresses in pieces of `span` since `since`, oldest first; who may see it is decided before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rollups(
        &self,
        subject: Subject,
        span: Span,
        since: Moment,
    ) -> Result<Vec<Rollup>, StoreError> {
        let bytes = subject.bytes();
        let values = vec![bytes.as_slice().into(), span.ms().into(), since.unix_ms().into()];
        let rows = self.database.fetch_all(ROLLUPS, values).await?;
        let tampered = || StoreError::tampered("rollup", "row");
        let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
        rows.iter()
            .map(|row| {
                let word = row.text(1)?;
                Ok(Rollup {
                    at: Moment::from_unix_ms(number(row.int(0)?)?),
                    counted: Counted::ALL.into_iter().find(|one| one.word() == word).ok_or_else(tampered)?,
                    word: row.text(2)?,
                    count: number(row.int(3)?)?,
                })
            })
            .collect()
    }
}
