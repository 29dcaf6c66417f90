//! Question: what does a key do?

use std::collections::BTreeMap;

use keyward_rules::id::KeyId;
use keyward_rules::limits::{DAY_MS, SEARCH_ROWS, TAIL_ROWS};
use keyward_rules::orders::Orders;
use keyward_rules::time::Moment;
use keyward_store::{Bounds, Found, Place, Quarter, RequestFilter, RequestRow};

use super::charts::{ChartView, Piece};
use crate::tell::shows_addresses;
use crate::{ActionContext, ActionError, Searching};

/// Requests of a key's page.
const NEWEST: usize = 20;
/// Quarters of an hour in a day.
const QUARTERS: usize = 96;
const QUARTER_MS: u64 = 15 * 60 * 1_000;
/// Searches of one export: a month of a key that never rests.
const EXPORT_WALKS: usize = 16;
/// Bytes of orders in one export: it is made in memory, and several users may wait for theirs at once.
const EXPORT_ORDERS_BYTES: usize = 16 << 20;
/// The method of requests over a socket, and the route of their login.
const SOCKET: &str = "WS";
/// See [`SOCKET`].
const SOCKET_LOGIN: &str = "WS login";

/// One request, as its holder sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRequest {
    /// Its number in the journal.
    pub id: i64,
    /// When.
    pub at: Moment,
    /// From where; for an app's key only whether it was one of the app's servers.
    pub from: String,
    /// Whether the key is bound to an app.
    pub of_app: bool,
    /// Method and route: `GET /api/v5/account/balance`. Over a socket: `WS login`, `WS subscribe`, `WS unsubscribe`, or
    /// `WS` with the route that does the same over HTTP.
    pub what: String,
    /// `0`, or the code of the refusal.
    pub code: String,
    /// Milliseconds to the answer's head.
    pub millis: u64,
    /// The orders, transfers and withdrawals that it asked for, with the exchange's answers; `None` where it asked for none
    /// of these, or what it asked for could not be read.
    pub orders: Option<Orders>,
}

/// A key's last day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActivityView {
    /// All quarters of an hour of the last 24 hours, oldest first: requests that passed, and that were refused.
    pub quarters: Vec<(u64, u64)>,
    /// When the first of them began.
    pub since: Moment,
    /// The newest requests.
    pub requests: Vec<KeyRequest>,
    /// From which addresses it was used and when last, freshest first; none for an app's key.
    pub sources: Vec<(String, Moment)>,
}

impl ActivityView {
    /// The last day as a chart of requests alone.
    #[must_use]
    pub fn chart(&self) -> ChartView {
        let piece =
            |(passed, refused): &(u64, u64)| Piece { passed: *passed, refused: *refused, ..Piece::default() };
        ChartView {
            since: self.since,
            piece_ms: QUARTER_MS,
            pieces: self.quarters.iter().map(piece).collect(),
            verdicts: Vec::new(),
            routes: Vec::new(),
            sources: Vec::new(),
        }
    }
}

/// The last day of a key within the actor's scope, newest requests included.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn key_activity(context: &ActionContext<'_>, id: KeyId) -> Result<ActivityView, ActionError> {
    let access = &context.authority.access;
    let key = access.reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let (since, quarters) = key_counts(context, id).await?;
    let shown = shows_addresses(&key.binding);
    let day_ago = Moment::from_unix_ms(context.now.unix_ms().saturating_sub(DAY_MS));
    let newest = RequestFilter {
        from: day_ago,
        until: context.now.plus_ms(1),
        code: String::new(),
        route: String::new(),
        source: None,
        instrument: String::new(),
        client_id: String::new(),
        exchange_id: String::new(),
        before: None,
    };
    let bounds = Bounds { rows: NEWEST, looked_through: SEARCH_ROWS };
    let requests = access.activity.requests(id, &newest, bounds).await?.rows;
    let sources = match shown {
        true => access.activity.sources(id, u64::try_from(NEWEST).unwrap_or(0)).await?,
        false => Vec::new(),
    };
    let sources = sources.into_iter().map(|(address, at)| (address.to_string(), at)).collect();
    let requests = requests.into_iter().map(|row| as_shown(row, shown)).collect();
    Ok(ActivityView { quarters, since, requests, sources })
}

/// A request as its holder sees it, `shown` saying whether its address is.
pub(super) fn as_shown(row: RequestRow, shown: bool) -> KeyRequest {
    KeyRequest {
        id: row.id,
        at: row.at,
        from: match (shown, row.code.as_str()) {
            (true, _) => row.source.to_string(),
            // The address is looked at after signature, state and holds; only what passed it came from there.
            (
                false,
                "0" | "50101" | "50120" | "50030" | "50035" | "50011" | "50061" | "58119" | "59500" | "90450"
                | "90451" | "90452" | "90453" | "90454",
            ) => "the app's servers".to_owned(),
            (false, "50110") => "elsewhere".to_owned(),
            // Nothing is asked for on a socket before its login held, and the login looked at the address.
            (false, _) if row.method == SOCKET && row.route != SOCKET_LOGIN => "the app's servers".to_owned(),
            (false, _) => "not checked".to_owned(),
        },
        of_app: !shown,
        // A socket's own requests (`WS login`, `WS subscribe`) have the method in the name of their route.
        what: if row.route.starts_with(SOCKET) { row.route } else { format!("{} {}", row.method, row.route) },
        code: row.code,
        millis: row.micros.div_ceil(1_000),
        orders: row.orders.as_deref().and_then(Orders::of_text),
    }
}

/// What was recorded of a key since its holder last looked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewerRequests {
    /// The newest of it, newest first.
    pub requests: Vec<KeyRequest>,
    /// Where to look on from.
    pub upto: i64,
    /// Whether there may have been more than fits.
    pub left_out: bool,
}

/// The requests of a key within the actor's scope that fit, newest first, at most `limit`, and where to search on if
/// there may be more. An app's key is never searched by address: the answer would tell its ranges. One search looks
/// through [`SEARCH_ROWS`] records at most, those of other keys included.
///
/// # Errors
/// [`ActionError::NoKey`]; [`ActionError::Searching`].
#[crate::boxed]
pub async fn key_requests(
    context: &ActionContext<'_>,
    id: KeyId,
    filter: RequestFilter,
    limit: usize,
) -> Result<Found<KeyRequest, Place>, ActionError> {
    let (filter, shown) = searchable(context, id, filter).await?;
    let _search = context.authority.searches.begin(&context.actor)?;
    let bounds = Bounds { rows: limit, looked_through: SEARCH_ROWS };
    let found = context.authority.access.activity.requests(id, &filter, bounds).await?;
    Ok(found.map(|row| as_shown(row, shown)))
}

/// The same for a file: searches on until nothing is left, or `limit` are found, or they have [`EXPORT_ORDERS_BYTES`] of orders,
/// or [`EXPORT_WALKS`] searches were made. What is given with it is to be kept until the file was taken, so that nobody has many
/// of them waiting.
///
/// # Errors
/// As [`key_requests`].
#[crate::boxed]
pub async fn all_key_requests(
    context: &ActionContext<'_>,
    id: KeyId,
    filter: RequestFilter,
    limit: usize,
) -> Result<(Found<KeyRequest, Place>, Searching), ActionError> {
    let (mut filter, shown) = searchable(context, id, filter).await?;
    let search = context.authority.searches.begin(&context.actor)?;
    let mut all = Found { rows: Vec::new(), next: None, looked_through: 0 };
    let mut bytes = 0;
    for _ in 0..EXPORT_WALKS {
        let bounds = Bounds { rows: limit.saturating_sub(all.rows.len()), looked_through: SEARCH_ROWS };
        let found = context.authority.access.activity.requests(id, &filter, bounds).await?;
        bytes += found.rows.iter().filter_map(|row| row.orders.as_ref()).map(String::len).sum::<usize>();
        all.rows.extend(found.rows);
        all.looked_through += found.looked_through;
        all.next = found.next;
        if found.next.is_none() || all.rows.len() >= limit || bytes >= EXPORT_ORDERS_BYTES {
            break;
        }
        filter.before = found.next;
    }
    Ok((all.map(|row| as_shown(row, shown)), search))
}

/// What was recorded of a key within the actor's scope after number `after`, and fits, at most `limit`; for who watches.
///
/// # Errors
/// [`ActionError::NoKey`].
#[crate::boxed]
pub async fn newer_key_requests(
    context: &ActionContext<'_>,
    id: KeyId,
    filter: RequestFilter,
    after: i64,
    limit: usize,
) -> Result<NewerRequests, ActionError> {
    let (filter, shown) = searchable(context, id, filter).await?;
    let bounds = Bounds { rows: limit, looked_through: TAIL_ROWS };
    let newer = context.authority.access.activity.newer(id, &filter, after, bounds).await?;
    let requests = newer.rows.into_iter().map(|row| as_shown(row, shown)).collect();
    Ok(NewerRequests { requests, upto: newer.upto, left_out: newer.left_out })
}

/// The number of the journal's newest record, to watch from.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn newest_record(context: &ActionContext<'_>) -> Result<i64, ActionError> {
    Ok(context.authority.access.activity.newest_record().await?)
}

/// The filter as it may be asked, and whether addresses are shown.
async fn searchable(
    context: &ActionContext<'_>,
    id: KeyId,
    filter: RequestFilter,
) -> Result<(RequestFilter, bool), ActionError> {
    let reader = &context.authority.access.reader;
    let key = reader.key(context.actor.scope(), id).await?.ok_or(ActionError::NoKey)?;
    let shown = shows_addresses(&key.binding);
    Ok((RequestFilter { source: filter.source.filter(|_| shown), ..filter }, shown))
}

/// The counts of the last day of one key; whose key it is was decided before.
async fn key_counts(
    context: &ActionContext<'_>,
    id: KeyId,
) -> Result<(Moment, Vec<(u64, u64)>), ActionError> {
    let since = day_began(context.now);
    let found: Vec<Quarter> = context.authority.access.activity.quarters(id, since).await?;
    Ok((since, spread(&found, since)))
}

/// The counts of the last day of many keys, read with one question: requests that passed and that were refused in each quarter
/// of an hour, oldest first. A key that did nothing is left out. Whose keys they are was decided before.
///
/// # Errors
/// [`ActionError::Store`].
#[crate::boxed]
pub async fn counts_of_keys(
    context: &ActionContext<'_>,
    ids: &[KeyId],
) -> Result<BTreeMap<KeyId, Vec<(u64, u64)>>, ActionError> {
    let since = day_began(context.now);
    let found = context.authority.access.activity.quarters_of_keys(ids, since).await?;
    Ok(found.into_iter().map(|(id, quarters)| (id, spread(&quarters, since))).collect())
}

/// When the first quarter of an hour of the last day began.
fn day_began(now: Moment) -> Moment {
    let first = (now.unix_ms() / QUARTER_MS).saturating_sub(u64::try_from(QUARTERS).unwrap_or(0) - 1);
    Moment::from_unix_ms(first * QUARTER_MS)
}

/// The counts with a place for each quarter of an hour since `since`.
fn spread(found: &[Quarter], since: Moment) -> Vec<(u64, u64)> {
    let mut counts = vec![(0, 0); QUARTERS];
    for quarter in found {
        let at = usize::try_from(quarter.at.ms_since(since) / QUARTER_MS).unwrap_or(usize::MAX);
        if let Some(place) = counts.get_mut(at) {
            *place = (quarter.passed, quarter.refused);
        }
    }
    counts
}
