//! Alerts.

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::questions::{list_alerts, mark_alerts_seen};
use keyward_rules::limits::PAGE_MAX;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, Body, limit};
use super::caller::Caller;
use super::problem::{Problem, Problems};
use super::views::Alert;

/// Which alerts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertQuery {
    /// Only those before this `next` cursor
    #[serde(default)]
    cursor: Option<i64>,
    /// At most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// A page of alerts, newest first.
#[derive(Serialize, ToSchema)]
pub struct AlertPage {
    /// The alerts.
    alerts: Vec<Alert>,
    /// The cursor of the next page, if there may be one.
    next: Option<i64>,
}

/// Up to which alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The newest alert that was looked at.
    upto: i64,
}

/// List the alerts
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(AlertQuery), security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = AlertPage), Problems))]
pub async fn list(caller: Caller, Asked(query): Asked<AlertQuery>) -> Result<Json<AlertPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let views = list_alerts(&caller.context(), caller.id(), query.cursor, limit).await?;
    let next = views.last().map(|view| view.id).filter(|_| views.len() == limit);
    Ok(Json(AlertPage { alerts: views.into_iter().map(Alert::from).collect(), next }))
}

/// Mark alerts as seen
#[utoipa::path(post, path = "/api/v1/alerts/seen", tag = "alerts", request_body = Seen, security(("bearer" = [])),
    responses((status = 204, description = "Marked"), Problems))]
pub async fn seen(caller: Caller, Body(body): Body<Seen>) -> Result<StatusCode, Problem> {
    mark_alerts_seen(&caller.context(), caller.id(), body.upto).await?;
    Ok(StatusCode::NO_CONTENT)
}
