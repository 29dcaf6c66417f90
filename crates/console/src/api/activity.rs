//! What keys did: charts and requests.

use std::net::IpAddr;

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::questions::{self, ChartView, Range};
use keyward_authority::{Place, RequestFilter};
use keyward_rules::id::KeyId;
use keyward_rules::limits::DAY_MS;
use keyward_rules::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, Id, limit};
use super::caller::Caller;
use super::key_forms::Request;
use super::problem::{Problem, Problems};

/// Requests in one answer.
const MOST: usize = 1_000;

/// How far back.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChartQuery {
    /// `hour`, `day`, `week` or `month`; a day unless said
    #[serde(default)]
    range: Option<String>,
}

impl ChartQuery {
    fn range(&self) -> Result<Range, Problem> {
        self.range.as_deref().map_or(Ok(Range::Day), str::parse).map_err(|()| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_range", "a range is hour, day, week or month")
        })
    }
}

/// How often something was seen.
#[derive(Serialize, ToSchema)]
pub struct Share {
    /// The code, route or address.
    word: String,
    /// How often.
    count: u64,
}

/// The numbers of a chart, in pieces of equal length, oldest first.
#[derive(Serialize, ToSchema)]
pub struct Chart {
    /// When the first piece began.
    since_ms: u64,
    /// How long each is.
    piece_ms: u64,
    /// Requests that passed.
    passed: Vec<u64>,
    /// Requests with the right signature that were refused.
    refused: Vec<u64>,
    /// Milliseconds within which half were answered, rounded up to a bound; `null` without requests.
    half_ms: Vec<Option<u64>>,
    /// The same for 99 of 100.
    most_ms: Vec<Option<u64>>,
    /// By code, most first.
    verdicts: Vec<Share>,
    /// By route, most first.
    routes: Vec<Share>,
    /// By address, most first; none for an app's key and for an account.
    sources: Vec<Share>,
}

impl From<ChartView> for Chart {
    fn from(view: ChartView) -> Self {
        let shares =
            |list: Vec<(String, u64)>| list.into_iter().map(|(word, count)| Share { word, count }).collect();
        Self {
            since_ms: view.since.unix_ms(),
            piece_ms: view.piece_ms,
            passed: view.pieces.iter().map(|piece| piece.passed).collect(),
            refused: view.pieces.iter().map(|piece| piece.refused).collect(),
            half_ms: view.pieces.iter().map(|piece| piece.half_ms).collect(),
            most_ms: view.pieces.iter().map(|piece| piece.most_ms).collect(),
            verdicts: shares(view.verdicts),
            routes: shares(view.routes),
            sources: shares(view.sources),
        }
    }
}

/// Which requests.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestQuery {
    /// Not before; 31 days ago unless said
    #[serde(default)]
    from_ms: Option<u64>,
    /// Before; now unless said
    #[serde(default)]
    until_ms: Option<u64>,
    /// A code, or `refused` for every one but 0
    #[serde(default)]
    verdict: Option<String>,
    /// A part of the route; every character counts as itself
    #[serde(default)]
    route: Option<String>,
    /// From this address; not for an app's key
    #[serde(default)]
    #[param(value_type = Option<String>)]
    source: Option<IpAddr>,
    /// With an order for this instrument, by its exact name or code
    #[serde(default)]
    instrument: Option<String>,
    /// With an order that has exactly this client id
    #[serde(default)]
    client_id: Option<String>,
    /// With an order, transfer or withdrawal that has exactly this id of the exchange
    #[serde(default)]
    exchange_id: Option<String>,
    /// Only those before this `next` cursor
    #[serde(default)]
    cursor: Option<String>,
    /// At most so many, 1 to 1000
    #[serde(default)]
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Requests, newest first.
#[derive(Serialize, ToSchema)]
pub struct Requests {
    /// The requests.
    requests: Vec<Request>,
    /// The cursor to search on with, if there may be more; a page with fewer than asked for may have one.
    next: Option<String>,
}

/// Show a key's chart
#[utoipa::path(get, path = "/api/v1/keys/{id}/chart", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key"), ChartQuery),
    responses((status = 200, description = "The numbers", body = Chart), Problems))]
pub async fn key_chart(
    caller: Caller,
    Id(id): Id<KeyId>,
    Asked(query): Asked<ChartQuery>,
) -> Result<Json<Chart>, Problem> {
    Ok(Json(questions::key_chart(&caller.context(), id, query.range()?).await?.into()))
}

/// Search a key's requests
#[utoipa::path(get, path = "/api/v1/keys/{id}/requests", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key"), RequestQuery),
    responses((status = 200, description = "Newest first", body = Requests), Problems))]
pub async fn key_requests(
    caller: Caller,
    Id(id): Id<KeyId>,
    Asked(query): Asked<RequestQuery>,
) -> Result<Json<Requests>, Problem> {
    let context = caller.context();
    let limit = limit(query.limit, MOST)?;
    let before: Result<Option<Place>, ()> = query.cursor.as_deref().map(str::parse).transpose();
    let before = before.map_err(|()| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_cursor", "the cursor is not valid")
    })?;
    let filter = RequestFilter {
        from: Moment::from_unix_ms(
            query.from_ms.unwrap_or(context.now.unix_ms().saturating_sub(31 * DAY_MS)),
        ),
        until: Moment::from_unix_ms(query.until_ms.unwrap_or(context.now.unix_ms() + 1)),
        code: query.verdict.unwrap_or_default(),
        route: query.route.unwrap_or_default(),
        source: query.source,
        instrument: query.instrument.unwrap_or_default(),
        client_id: query.client_id.unwrap_or_default(),
        exchange_id: query.exchange_id.unwrap_or_default(),
        before,
    };
    let found = questions::key_requests(&context, id, filter, limit).await?;
    let next = found.next.map(|place| place.to_string());
    let requests = found.rows.into_iter().map(Request::from).collect();
    Ok(Json(Requests { requests, next }))
}

/// Show the chart of all keys
#[utoipa::path(get, path = "/api/v1/account/chart", tag = "account", params(ChartQuery), security(("bearer" = [])),
    responses((status = 200, description = "The numbers", body = Chart), Problems))]
pub async fn account_chart(caller: Caller, Asked(query): Asked<ChartQuery>) -> Result<Json<Chart>, Problem> {
    Ok(Json(questions::account_chart(&caller.context(), caller.acts_for(), query.range()?).await?.into()))
}
