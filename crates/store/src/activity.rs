//! What the journal says of a key: counts for its chart, and its newest requests.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use keyward_rules::id::KeyId;
use keyward_rules::time::Moment;

use crate::error::StoreError;
use crate::journal::QUARTER_MS;
use crate::open::moment;
use crate::overseen::containing;
use crate::sql::{Database, Row, Value, statements};

statements! {
    QUARTERS_OF_KEY = "SELECT quarter, passed, refused FROM quarters WHERE key_id = $1 AND quarter >= $2 ORDER BY quarter";
    SOURCES_OF_KEY = "SELECT source, seen_at FROM sources WHERE key_id = $1 ORDER BY seen_at DESC LIMIT $2";
    BUSY_QUARTERS = "SELECT quarter FROM quarters WHERE key_id = $1 AND quarter >= $2 AND quarter <= $3 \
        ORDER BY quarter DESC LIMIT $4";
    NEWEST_REQUEST = "SELECT at FROM activity ORDER BY at DESC LIMIT 1";
    /// The journal has no index by key: only quarters of an hour in which the key was busy are walked. The texts are
    /// literals, and an empty one fits everything.
    REQUESTS_OF_KEY = "SELECT id, at, source, method, route, code, upstream_status, micros FROM activity \
        WHERE at >= $2 AND at < $3 AND key_id = $1 AND ($4 = '' OR code = $4 OR ($4 = 'refused' AND code <> '0')) \
        AND ($5 = '' OR LOWER(route) LIKE $5 ESCAPE '\\') AND ($6 = 0 OR source = $7) AND (at < $8 OR (at = $8 AND id < $9)) \
        ORDER BY at DESC, id DESC LIMIT $10";
}

/// Quarters of an hour that one search walks at most; it says where it stopped.
const QUARTERS_WALKED: u64 = 200;

/// One quarter of an hour of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quarter {
    /// When it began.
    pub at: Moment,
    /// Requests that passed every check.
    pub passed: u64,
    /// Requests with the right signature that were refused.
    pub refused: u64,
}

/// One request of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestRow {
    /// Its number in the journal.
    pub id: i64,
    /// When.
    pub at: Moment,
    /// From which address.
    pub source: IpAddr,
    /// Its method.
    pub method: String,
    /// Its route.
    pub route: String,
    /// `0`, or the code of the refusal.
    pub code: String,
    /// What the exchange answered.
    pub upstream_status: Option<i64>,
    /// Microseconds to the answer's head.
    pub micros: u64,
}

/// The capability to read the journal for people; who may see which key is decided before.
#[derive(Clone)]
pub struct Activity {
    pub(crate) database: Database,
}

impl Activity {
    /// The counts of a key since `since`; quarters without requests are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarters(&self, key: KeyId, since: Moment) -> Result<Vec<Quarter>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let values = vec![id.as_slice().into(), (since.unix_ms() / QUARTER_MS).into()];
        let rows = self.database.fetch_all(QUARTERS_OF_KEY, values).await?;
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        rows.iter()
            .map(|row| {
                Ok(Quarter {
                    at: Moment::from_unix_ms(count(row.int(0)?).saturating_mul(QUARTER_MS)),
                    passed: count(row.int(1)?),
                    refused: count(row.int(2)?),
                })
            })
            .collect()
    }

    /// From which addresses a key was used and when last, freshest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sources(&self, key: KeyId, limit: u64) -> Result<Vec<(IpAddr, Moment)>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let rows = self.database.fetch_all(SOURCES_OF_KEY, vec![id.as_slice().into(), limit.into()]).await?;
        let moment = |value: i64| Moment::from_unix_ms(u64::try_from(value).unwrap_or(0));
        rows.iter().map(|row| Ok((address(&row.bytes(0)?)?, moment(row.int(1)?)))).collect()
    }

    /// When the newest request came; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(&self) -> Result<Option<Moment>, StoreError> {
        let row = self.database.fetch_optional(NEWEST_REQUEST, vec![]).await?;
        let tampered = || StoreError::tampered("activity", "newest");
        row.map(|row| moment(row.int(0)?).ok_or_else(tampered)).transpose()
    }

    /// Requests of a key that fit, newest first, at most `limit`, and where to search on if there may be more. Walked
    /// are the quarters of an hour in which the key was busy, and the newest two, at most [`QUARTERS_WALKED`] of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests(
        &self,
        key: KeyId,
        filter: &RequestFilter,
        limit: usize,
    ) -> Result<(Vec<RequestRow>, Option<Place>), StoreError> {
        let id = key.as_u128().to_be_bytes();
        let end = filter.before.map_or(u64::MAX, |place| place.at.unix_ms());
        let (first, last) = (filter.from.unix_ms(), filter.until.unix_ms().saturating_sub(1).min(end));
        let values = vec![
            id.as_slice().into(),
            (first / QUARTER_MS).into(),
            (last / QUARTER_MS).into(),
            QUARTERS_WALKED.into(),
        ];
        let busy = self.database.fetch_all(BUSY_QUARTERS, values).await?;
        let mut quarters: Vec<u64> =
            busy.iter().filter_map(|row| u64::try_from(row.int(0).ok()?).ok()).collect();
        // Refused before anything was verified, requests count nowhere; the newest of them are looked for all the same.
        quarters.extend([last / QUARTER_MS, (last / QUARTER_MS).saturating_sub(1)]);
        quarters.sort_unstable_by_key(|quarter| std::cmp::Reverse(*quarter));
        quarters.dedup();
        let cut = u64::try_from(busy.len()).is_ok_and(|walked| walked == QUARTERS_WALKED);
        let stopped = quarters.last().filter(|_| cut).map(|quarter| Place::before(quarter * QUARTER_MS));
        let mut found: Vec<RequestRow> = Vec::new();
        for quarter in quarters {
            let from = quarter.saturating_mul(QUARTER_MS).max(first);
            let until = (quarter + 1).saturating_mul(QUARTER_MS).min(last.saturating_add(1));
            let left = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(0);
            if left == 0 {
                let last = found.last();
                return Ok((found.clone(), last.map(|row| Place { at: row.at, id: row.id })));
            }
            let mut values: Vec<Value> = vec![id.as_slice().into(), from.into(), until.into()];
            values.extend(filter.values());
            values.push(left.into());
            let rows = self.database.fetch_all(REQUESTS_OF_KEY, values).await?;
            for row in &rows {
                found.push(request(row)?);
            }
        }
        let full = found.last().filter(|_| found.len() == limit);
        let next = full.map(|row| Place { at: row.at, id: row.id }).or(stopped);
        Ok((found, next))
    }
}

/// A place in the journal: what is older lies before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// When.
    pub at: Moment,
    /// The number of the record among those of that moment.
    pub id: i64,
}

impl Place {
    const fn before(ms: u64) -> Self {
        Self { at: Moment::from_unix_ms(ms), id: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.at.unix_ms(), self.id)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('-').ok_or(())?;
        let place =
            Self { at: Moment::from_unix_ms(at.parse().map_err(|_| ())?), id: id.parse().map_err(|_| ())? };
        if place.id >= 0 && place.to_string() == text { Ok(place) } else { Err(()) }
    }
}

/// Which requests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestFilter {
    /// Not before.
    pub from: Moment,
    /// Before.
    pub until: Moment,
    /// This code; `refused` for every one but `0`; empty for all.
    pub code: String,
    /// A part of the route, literally; empty for all.
    pub route: String,
    /// From this address.
    pub source: Option<IpAddr>,
    /// Only what is older than where an earlier search stopped.
    pub before: Option<Place>,
}

impl RequestFilter {
    fn values(&self) -> [Value; 6] {
        let source = match self.source.map(|address| address.to_canonical()) {
            None => Vec::new(),
            Some(IpAddr::V4(v4)) => v4.octets().to_vec(),
            Some(IpAddr::V6(v6)) => v6.octets().to_vec(),
        };
        let route = if self.route.is_empty() { String::new() } else { containing(&self.route) };
        [
            // PostgreSQL takes no NUL in a text, and no code or route has one.
            self.code.replace('\0', "\u{fffd}").into(),
            route.into(),
            i64::from(self.source.is_some()).into(),
            source.as_slice().into(),
            self.before
                .map_or(i64::MAX, |place| i64::try_from(place.at.unix_ms()).unwrap_or(i64::MAX))
                .into(),
            self.before.map_or(0, |place| place.id).into(),
        ]
    }
}

/// The address in a column.
pub(crate) fn address(bytes: &[u8]) -> Result<IpAddr, StoreError> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Ok(IpAddr::from(v4)),
        (_, Ok(v6)) => Ok(IpAddr::from(v6)),
        (Err(_), Err(_)) => Err(StoreError::tampered("activity", "row")),
    }
}

fn request(row: &Row) -> Result<RequestRow, StoreError> {
    let tampered = || StoreError::tampered("activity", "row");
    let number = |value: i64| u64::try_from(value).map_err(|_| tampered());
    Ok(RequestRow {
        id: row.int(0)?,
        at: Moment::from_unix_ms(number(row.int(1)?)?),
        source: address(&row.bytes(2)?)?,
        method: row.text(3)?,
        route: row.text(4)?,
        code: row.text(5)?,
        upstream_status: row.int_or_null(6)?,
        micros: number(row.int(7)?)?,
    })
}
