//! What the journal says of a key: counts for its chart, and its newest requests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use keyward_rules::id::KeyId;
use keyward_rules::limits::{ORDER_TEXT_CHARS, SEARCH_SLICE_ROWS};
use keyward_rules::orders::{OrderLine, Orders};
use keyward_rules::time::Moment;

use crate::charts::span::QUARTER_MS;
use crate::error::StoreError;
use crate::overseen::containing;
use crate::search::{Bounds, Found};
use crate::sql::{Database, Row, Value, moment, statements};

statements! {
    QUARTERS_OF_KEY = "SELECT quarter, passed, refused FROM quarters WHERE key_id = $1 AND quarter >= $2 ORDER BY quarter";
    /// The same for many keys, whose ids stand one after the other in $1, which has $2 bytes. The other side of COALESCE is never
    /// asked: it says that $1 is bytes.
    QUARTERS_OF_KEYS = "SELECT quarters.key_id, quarters.quarter, quarters.passed, quarters.refused FROM \
        (WITH RECURSIVE places (at) AS (SELECT CAST(1 AS BIGINT) UNION ALL \
        SELECT at + 16 FROM places WHERE at + 16 < CAST($2 AS BIGINT)) \
        SELECT SUBSTR(COALESCE($1, (SELECT key_id FROM quarters LIMIT 1)), CAST(at AS INTEGER), 16) AS key_id \
        FROM places) AS asked JOIN quarters ON quarters.key_id = asked.key_id AND quarters.quarter >= $3 ORDER BY 1, 2";
    SOURCES_OF_KEY = "SELECT source, seen_at FROM sources WHERE key_id = $1 ORDER BY seen_at DESC LIMIT $2";
    /// The same for many keys as in QUARTERS_OF_KEYS, the freshest $3 of each.
    SOURCES_OF_KEYS = "SELECT key_id, source, seen_at FROM (SELECT sources.key_id, sources.source, sources.seen_at, \
        ROW_NUMBER() OVER (PARTITION BY sources.key_id ORDER BY sources.seen_at DESC, sources.source) AS place FROM \
        (WITH RECURSIVE places (at) AS (SELECT CAST(1 AS BIGINT) UNION ALL \
        SELECT at + 16 FROM places WHERE at + 16 < CAST($2 AS BIGINT)) \
        SELECT SUBSTR(COALESCE($1, (SELECT key_id FROM sources LIMIT 1)), CAST(at AS INTEGER), 16) AS key_id \
        FROM places) AS asked JOIN sources ON sources.key_id = asked.key_id) AS ranked WHERE place <= $3 \
        ORDER BY key_id, seen_at DESC, source";
    BUSY_QUARTERS = "SELECT quarter FROM quarters WHERE key_id = $1 AND quarter >= $2 AND quarter <= $3 \
        ORDER BY quarter DESC LIMIT $4";
    /// When the first record came whose counts are not written yet.
    UNCOUNTED_SINCE = "SELECT at FROM activity WHERE id > (SELECT upto FROM rolled_up WHERE id = 1) ORDER BY id LIMIT 1";
    NEWEST_REQUEST = "SELECT at FROM activity ORDER BY at DESC LIMIT 1";
    /// Up to so many records of whatever key between two places, newest first: how many there are, and the last of them.
    SLICE = "SELECT COUNT(*) OVER (), at, id FROM (SELECT at, id FROM activity WHERE at >= $1 AND at <= $2 \
        AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4) AS slice ORDER BY at, id LIMIT 1";
    /// The journal has no index by key: what lies between two places is looked through. The texts are literals, and an
    /// empty one fits everything. The times are said once more by themselves, so that PostgreSQL looks at no other days.
    /// What is asked of orders is looked for in their text, and compared with them afterwards.
    REQUESTS_OF_KEY = "SELECT id, at, source, method, route, code, upstream_status, micros, orders FROM activity \
        WHERE at >= $2 AND at <= $4 AND (at, id) >= ($2, $3) AND (at, id) < ($4, $5) AND key_id = $1 \
        AND ($6 = '' OR code = $6 OR ($6 = 'refused' AND code <> '0')) \
        AND ($7 = '' OR LOWER(route) LIKE $7 ESCAPE '!') AND ($8 = 0 OR source = $9) \
        AND ($10 = '' OR orders LIKE $10) AND ($11 = '' OR orders LIKE $11) AND ($12 = '' OR orders LIKE $12) \
        ORDER BY at DESC, id DESC LIMIT $13";
}

/// Quarters of an hour that one search walks at most; it says where it stopped.
const QUARTERS_WALKED: u64 = 200;
/// Rows that are read at once: each may have a long text of orders.
pub(crate) const ROWS_TOGETHER: usize = 1_000;
/// Bytes of orders that one search gives at most; it says where it stopped.
const ORDERS_BYTES: usize = 4 << 20;
/// The column of a request's row that has its orders.
const ORDERS: usize = 8;

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
    /// What it asked in orders, transfers and withdrawals, and what the exchange answered to each: a text for
    /// [`Orders::of_text`]. `None` where it asked for none of these, and for records from before they were kept.
    pub orders: Option<String>,
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
        rows.iter().map(|row| quarter(row, 0)).collect()
    }

    /// The same for many keys with one question. Keys without requests are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarters_of_keys(
        &self,
        keys: &[KeyId],
        since: Moment,
    ) -> Result<BTreeMap<KeyId, Vec<Quarter>>, StoreError> {
        let mut found: BTreeMap<KeyId, Vec<Quarter>> = BTreeMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let ids: Vec<u8> = keys.iter().flat_map(|key| key.as_u128().to_be_bytes()).collect();
        let length = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let values = vec![ids.as_slice().into(), length.into(), (since.unix_ms() / QUARTER_MS).into()];
        for row in self.database.fetch_all(QUARTERS_OF_KEYS, values).await? {
            found.entry(key_of(&row.bytes(0)?)?).or_default().push(quarter(&row, 1)?);
        }
        Ok(found)
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

    /// The same for many keys with one question, at most `limit` addresses of each. Keys that were not used are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sources_of_keys(
        &self,
        keys: &[KeyId],
        limit: usize,
    ) -> Result<BTreeMap<KeyId, Vec<(IpAddr, Moment)>>, StoreError> {
        let mut found: BTreeMap<KeyId, Vec<(IpAddr, Moment)>> = BTreeMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let ids: Vec<u8> = keys.iter().flat_map(|key| key.as_u128().to_be_bytes()).collect();
        let length = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let moment = |value: i64| Moment::from_unix_ms(u64::try_from(value).unwrap_or(0));
        let values = vec![ids.as_slice().into(), length.into(), limit.into()];
        for row in self.database.fetch_all(SOURCES_OF_KEYS, values).await? {
            let seen = (address(&row.bytes(1)?)?, moment(row.int(2)?));
            found.entry(key_of(&row.bytes(0)?)?).or_default().push(seen);
        }
        Ok(found)
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

    /// Requests of a key that fit, newest first, within `bounds`, and where to search on if there may be more. Walked
    /// are the quarters of an hour in which the key was busy, and the newest two, at most [`QUARTERS_WALKED`] of them;
    /// what all keys did in them counts as looked through, because the journal has no index by key. A search by instrument or
    /// by an id of an order is one of these: it looks through the same records, and no more. A search whose rows have
    /// [`ORDERS_BYTES`] of orders ends with the row that has the last of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn requests(
        &self,
        key: KeyId,
        filter: &RequestFilter,
        bounds: Bounds,
    ) -> Result<Found<RequestRow, Place>, StoreError> {
        let (stretches, stopped) = self.stretches(key, filter).await?;
        let mut found = Found { rows: Vec::new(), next: stopped, looked_through: 0 };
        let mut room = Room { rows: bounds.rows, bytes: ORDERS_BYTES };
        for (from, until) in stretches {
            let mut before = Place::before(until);
            before = filter.before.map_or(before, |place| place.min(before));
            loop {
                let size = bounds.looked_through.saturating_sub(found.looked_through).min(SEARCH_SLICE_ROWS);
                if size == 0 {
                    return Ok(Found { next: Some(before), ..found });
                }
                let Some((count, last)) = self.slice(from, before, size).await? else { break };
                found.rows.extend(self.between(key, filter, (last, before), &mut room).await?);
                found.looked_through += count;
                if !room.is_left() {
                    let next = found.rows.last().map(Place::of);
                    return Ok(Found { next, ..found });
                }
                if count < size {
                    break;
                }
                before = last;
            }
        }
        Ok(found)
    }

    /// The stretches of time to walk, newest first, each from its first millisecond to before its last; and where to
    /// search on when there are more.
    async fn stretches(
        &self,
        key: KeyId,
        filter: &RequestFilter,
    ) -> Result<(Vec<(u64, u64)>, Option<Place>), StoreError> {
        let end = filter.before.map_or(u64::MAX, |place| place.at.unix_ms());
        let (first, newest) = (filter.from.unix_ms(), filter.until.unix_ms().saturating_sub(1));
        let last = newest.min(end);
        let id = key.as_u128().to_be_bytes();
        let values = vec![
            id.as_slice().into(),
            (first / QUARTER_MS).into(),
            (last / QUARTER_MS).into(),
            QUARTERS_WALKED.into(),
        ];
        let busy = self.database.fetch_all(BUSY_QUARTERS, values).await?;
        let cut = u64::try_from(busy.len()).is_ok_and(|walked| walked == QUARTERS_WALKED);
        let mut quarters: BTreeSet<u64> =
            busy.iter().filter_map(|row| u64::try_from(row.int(0).ok()?).ok()).collect();
        let stopped = quarters.first().filter(|_| cut).map(|quarter| Place::before(quarter * QUARTER_MS));
        // Refused before anything was verified, requests count nowhere; the newest of them are looked for all the same,
        // and a search that goes on ends the quarter in which it stopped.
        quarters.extend([newest / QUARTER_MS, (newest / QUARTER_MS).saturating_sub(1), last / QUARTER_MS]);
        let uncounted = self.database.fetch_optional(UNCOUNTED_SINCE, vec![]).await?;
        if let Some(since) = uncounted.and_then(|row| u64::try_from(row.int(0).ok()?).ok()) {
            // Requests are recorded in the order in which they end, which is nearly that of their times.
            quarters
                .extend((since / QUARTER_MS).saturating_sub(1).max(first / QUARTER_MS)..=last / QUARTER_MS);
        }
        quarters.retain(|quarter| (first / QUARTER_MS..=last / QUARTER_MS).contains(quarter));
        let within = |(oldest, newest): (u64, u64)| {
            let until = (newest + 1).saturating_mul(QUARTER_MS).min(last.saturating_add(1));
            (oldest.saturating_mul(QUARTER_MS).max(first), until)
        };
        Ok((neighbours(&quarters).into_iter().map(within).collect(), stopped))
    }

    /// How many records of whatever key there are from `from` to before `before`, at most `size`, and the oldest of them.
    async fn slice(&self, from: u64, before: Place, size: u64) -> Result<Option<(u64, Place)>, StoreError> {
        let values = vec![from.into(), before.at.unix_ms().into(), before.id.into(), size.into()];
        let Some(row) = self.database.fetch_optional(SLICE, values).await? else { return Ok(None) };
        let number = |value: i64| u64::try_from(value).map_err(|_| StoreError::tampered("activity", "row"));
        let last = Place { at: Moment::from_unix_ms(number(row.int(1)?)?), id: row.int(2)? };
        Ok(Some((number(row.int(0)?)?, last)))
    }

    /// Requests of a key that fit, from one place on to before another, newest first, as far as there is room for them.
    async fn between(
        &self,
        key: KeyId,
        filter: &RequestFilter,
        (from, mut before): (Place, Place),
        room: &mut Room,
    ) -> Result<Vec<RequestRow>, StoreError> {
        let mut fitting = Vec::new();
        loop {
            let most = filter.rows_together(room.rows);
            let rows = self.page(key, filter, (from, before), most).await?;
            let mut read = None;
            for row in &rows {
                if !room.is_left() {
                    break;
                }
                let request = request(row)?;
                read = Some(Place::of(&request));
                if filter.fits(&request) {
                    room.take(&request);
                    fitting.push(request);
                }
            }
            match read.filter(|_| rows.len() >= most && room.is_left()) {
                Some(last) => before = last,
                None => return Ok(fitting),
            }
        }
    }

    /// Up to `limit` of those that the statement lets through.
    async fn page(
        &self,
        key: KeyId,
        filter: &RequestFilter,
        (from, before): (Place, Place),
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let id = key.as_u128().to_be_bytes();
        let mut values: Vec<Value> = vec![id.as_slice().into()];
        for place in [from, before] {
            values.extend([place.at.unix_ms().into(), place.id.into()]);
        }
        values.extend(filter.values());
        values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
        self.database.fetch_all(REQUESTS_OF_KEY, values).await
    }
}

/// What a search may still give.
struct Room {
    rows: usize,
    /// Bytes of orders.
    bytes: usize,
}

impl Room {
    const fn is_left(&self) -> bool {
        self.rows > 0 && self.bytes > 0
    }

    fn take(&mut self, request: &RequestRow) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(request.orders.as_ref().map_or(0, String::len));
    }
}

/// Runs of neighbouring quarters by their oldest and newest, newest first.
fn neighbours(quarters: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for quarter in quarters.iter().rev().copied() {
        match runs.last_mut() {
            Some((oldest, _)) if *oldest == quarter + 1 => *oldest = quarter,
            Some(_) | None => runs.push((quarter, quarter)),
        }
    }
    runs
}

/// A place in the journal: what is older lies before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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

    const fn of(request: &RequestRow) -> Self {
        Self { at: request.at, id: request.id }
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

/// Which requests. What is said of orders is compared exactly, and one and the same order fits all of it.
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
    /// With an order for this instrument, by its name, or by its code where the order has that; empty for all.
    pub instrument: String,
    /// With an order that its client gave this id; empty for all.
    pub client_id: String,
    /// With an order, transfer or withdrawal that the exchange gave this id; empty for all.
    pub exchange_id: String,
    /// Only what is older than where an earlier search stopped.
    pub before: Option<Place>,
}

impl RequestFilter {
    /// Whether it says something of orders.
    fn asks_for_orders(&self) -> bool {
        [&self.instrument, &self.client_id, &self.exchange_id].into_iter().any(|asked| !asked.is_empty())
    }

    /// How many rows to read at once where `limit` are wanted. Of those that a statement lets through, not all may fit.
    pub(crate) fn rows_together(&self, limit: usize) -> usize {
        if self.asks_for_orders() { ROWS_TOGETHER } else { limit.min(ROWS_TOGETHER) }
    }

    /// Whether a request fits that a statement let through: statements look for a part of what is asked for, anywhere in the
    /// text of the orders.
    pub(crate) fn fits(&self, request: &RequestRow) -> bool {
        if !self.asks_for_orders() {
            return true;
        }
        let orders = request.orders.as_deref().and_then(Orders::of_text);
        orders.is_some_and(|orders| orders.lines.iter().any(|line| self.fits_line(line)))
    }

    fn fits_line(&self, line: &OrderLine) -> bool {
        let instrument = [line.instrument.as_deref(), line.instrument_code.as_deref()];
        is_one_of(&self.instrument, &instrument)
            && is_one_of(&self.client_id, &[line.client_id.as_deref()])
            && is_one_of(&self.exchange_id, &[line.exchange_id.as_deref()])
    }

    /// The filter's values as statements take them: code, route, whether an address counts, and which; then what is looked for
    /// in orders.
    pub(crate) fn values(&self) -> [Value; 7] {
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
            sought(&self.instrument).into(),
            sought(&self.client_id).into(),
            sought(&self.exchange_id).into(),
        ]
    }
}

/// Whether a text is one of these; an empty one is not asked for.
fn is_one_of(asked: &str, said: &[Option<&str>]) -> bool {
    asked.is_empty() || said.contains(&Some(asked))
}

/// A pattern that every text of orders with `value` in it fits; empty where nothing is looked for. JSON has several spellings for
/// some characters, and patterns have wildcards, so it is of the longest run of characters that stand for themselves in both.
fn sought(value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
    let longest = value.split(|letter| !plain(letter)).max_by_key(|run| run.len()).unwrap_or_default();
    // No text of an order is longer.
    format!("%{}%", longest.get(..ORDER_TEXT_CHARS).unwrap_or(longest))
}

/// The key in a column.
fn key_of(bytes: &[u8]) -> Result<KeyId, StoreError> {
    let bits = <[u8; 16]>::try_from(bytes).ok().map(u128::from_be_bytes);
    bits.and_then(KeyId::from_u128).ok_or_else(|| StoreError::tampered("activity", "row"))
}

/// The counts of a quarter in three columns from `at` on.
fn quarter(row: &Row, at: usize) -> Result<Quarter, StoreError> {
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    Ok(Quarter {
        at: Moment::from_unix_ms(count(row.int(at)?).saturating_mul(QUARTER_MS)),
        passed: count(row.int(at + 1)?),
        refused: count(row.int(at + 2)?),
    })
}

/// The address in a column.
pub(crate) fn address(bytes: &[u8]) -> Result<IpAddr, StoreError> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(v4), _) => Ok(IpAddr::from(v4)),
        (_, Ok(v6)) => Ok(IpAddr::from(v6)),
        (Err(_), Err(_)) => Err(StoreError::tampered("activity", "row")),
    }
}

/// A request from the first nine columns of its row.
pub(crate) fn request(row: &Row) -> Result<RequestRow, StoreError> {
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
        orders: row.text_or_null(ORDERS)?,
    })
}

#[cfg(test)]
mod tests {
    use keyward_rules::limits::ORDER_TEXT_CHARS;

    use super::{neighbours, sought};

    #[test]
    fn neighbouring_quarters_are_walked_as_one() {
        assert_eq!(neighbours(&[1, 2, 3, 7, 9, 10].into()), [(9, 10), (7, 7), (1, 3)]);
        assert!(neighbours(&[].into()).is_empty());
    }

    #[test]
    fn what_is_sought_in_orders_has_no_wildcard_and_no_character_of_two_spellings() {
        for (value, pattern) in [
            ("", ""),
            ("BTC-USDT", "%BTC-USDT%"),
            ("BTC-USD_UM-SWAP", "%UM-SWAP%"),
            ("0.5", "%0.5%"),
            ("100%", "%100%"),
            ("a\"bc", "%bc%"),
            ("a\\u0062", "%u0062%"),
            ("ab\0é", "%ab%"),
            ("%_!", "%%"),
        ] {
            assert_eq!(sought(value), pattern, "{value:?}");
        }
        let (long, most) = ("x".repeat(100_000), "x".repeat(ORDER_TEXT_CHARS));
        assert_eq!(sought(&long), format!("%{most}%"));
    }
}
