//! Third-party apps as operators review them and auditors see them. Verifying, approving and thawing are proposals.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use keyward_authority::apps::{
    self, DemandSuccessors, EnterRanges, FreezeApp, RejectApp, RejectRanges, preview,
};
use keyward_authority::questions::{overseen_app, overseen_apps, review_queue};
use keyward_rules::grant::ActionKind;
use keyward_rules::id::AppId;
use keyward_rules::limits::PAGE_MAX;
use keyward_rules::time::Moment;

use super::app_forms::{
    App, AppKeys, AppPage, AppQuery, Demand, EnteredRanges, OverseenApp, RangeVersion, ReadRanges,
    ReviewQueue, SubmittedRanges, WaitingRanges,
};
use super::apps::picture;
use super::body::{Asked, Body, Id, Ids, Picture, limit};
use super::caller::{Given, StaffMember};
use super::operations::{cursor, why};
use super::operations_views::Freeze;
use super::problem::{Problem, Problems};
use crate::requests::{RangesRequest, bad_ranges};

/// List all apps
#[utoipa::path(get, path = "/api/v1/operations/apps", tag = "operations", params(AppQuery), security(("bearer" = [])),
    responses((status = 200, description = "By id", body = AppPage), Problems))]
pub async fn list(officer: StaffMember, Asked(query): Asked<AppQuery>) -> Result<Json<AppPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let after: Option<AppId> = cursor(query.cursor.as_deref())?;
    let mut found = overseen_apps(&officer.context(), after).await?;
    let more = found.len() > limit || found.len() == PAGE_MAX;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Json(AppPage { apps: found.iter().map(App::from).collect(), next }))
}

/// List the apps and ranges that wait for review
#[utoipa::path(get, path = "/api/v1/operations/apps/queue", tag = "operations", security(("bearer" = [])),
    responses((status = 200, description = "Up to 100 of each", body = ReviewQueue), Problems))]
pub async fn queue(officer: StaffMember) -> Result<Json<ReviewQueue>, Problem> {
    let queue = review_queue(&officer.context()).await?;
    let waiting = queue.versions.into_iter();
    Ok(Json(ReviewQueue {
        apps: queue.apps.iter().map(App::from).collect(),
        ranges: waiting
            .map(|(app, version)| WaitingRanges { app: App::from(&app), version: version.into() })
            .collect(),
    }))
}

/// Show an app without its ranges
#[utoipa::path(get, path = "/api/v1/operations/apps/{id}", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "The app, its keys in numbers", body = OverseenApp), Problems))]
pub async fn show(officer: StaffMember, Id(id): Id<AppId>) -> Result<Json<OverseenApp>, Problem> {
    let view = overseen_app(&officer.context(), id).await?;
    Ok(Json(OverseenApp {
        app: App::from(&view.profile),
        owner: view.profile.owner.to_string(),
        owner_name: view.owner,
        open: view.open,
        keys: view.counts.into(),
        versions: view.versions.into_iter().map(RangeVersion::from).collect(),
    }))
}

/// Show an app's logo
#[utoipa::path(get, path = "/api/v1/operations/apps/{id}/logo", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "The picture", body = Picture, content_type = "image/png"), Problems))]
pub async fn logo(officer: StaffMember, Id(id): Id<AppId>) -> Result<impl IntoResponse, Problem> {
    picture(&officer.context(), id).await
}

/// Show how many keys a freeze or a demand would affect
#[utoipa::path(get, path = "/api/v1/operations/apps/{id}/preview", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "In numbers", body = AppKeys), Problems))]
pub async fn touched(officer: StaffMember, Id(id): Id<AppId>) -> Result<Json<AppKeys>, Problem> {
    Ok(Json(preview(&officer.context(), id).await?.counts.into()))
}

/// Read a version of an app's ranges
///
/// They are confidential: each reading leaves an audit record, and auditors cannot.
#[utoipa::path(post, path = "/api/v1/operations/apps/{id}/ranges/{number}/read", tag = "operations",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The app"), ("number" = u64, Path, description = "The version")),
    responses((status = 200, description = "The ranges, and what the machine noticed", body = ReadRanges), Problems))]
pub async fn read(
    officer: StaffMember,
    Ids(id, number): Ids<AppId, u64>,
) -> Result<Json<ReadRanges>, Problem> {
    Ok(Json(officer.act(apps::ReadRanges { app: id, number }, Given::nothing()).await?.into()))
}

/// Submit ranges on a broker's behalf
#[utoipa::path(post, path = "/api/v1/operations/apps/{id}/ranges", tag = "operations", request_body = EnteredRanges,
    security(("bearer" = [])), params(("id" = String, Path, description = "The app")),
    responses((status = 201, description = "They wait for approval; the broker is told", body = SubmittedRanges), Problems))]
pub async fn enter(
    officer: StaffMember,
    Id(id): Id<AppId>,
    Body(body): Body<EnteredRanges>,
) -> Result<(StatusCode, Json<SubmittedRanges>), Problem> {
    let context = officer.acting(ActionKind::EnterRanges)?;
    let request = RangesRequest { ranges: &body.ranges, note: body.note, overlap_hours: body.overlap_hours };
    let submission = request.read(&context, id).map_err(bad_ranges)?;
    let given = Given::factor(body.factor, body.passkey);
    let number = officer.act(EnterRanges(submission), given).await?;
    Ok((StatusCode::CREATED, Json(SubmittedRanges { number, standing: "submitted" })))
}

/// Reject an app
#[utoipa::path(post, path = "/api/v1/operations/apps/{id}/reject", tag = "operations", request_body = Freeze,
    security(("bearer" = [])), params(("id" = String, Path, description = "The app")),
    responses((status = 204, description = "The broker reads why"), Problems))]
pub async fn reject(
    officer: StaffMember,
    Id(id): Id<AppId>,
    Body(body): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::RejectApp)?;
    let reject = RejectApp { app: id, why: why(&body.why)?.to_owned() };
    officer.act(reject, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reject a version of an app's ranges
#[utoipa::path(post, path = "/api/v1/operations/apps/{id}/ranges/{number}/reject", tag = "operations",
    request_body = Freeze, security(("bearer" = [])),
    params(("id" = String, Path, description = "The app"), ("number" = u64, Path, description = "The version")),
    responses((status = 204, description = "The broker reads why"), Problems))]
pub async fn reject_set(
    officer: StaffMember,
    Ids(id, number): Ids<AppId, u64>,
    Body(body): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::RejectRanges)?;
    let reject = RejectRanges { app: id, number, why: why(&body.why)?.to_owned() };
    officer.act(reject, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Freeze all keys of an app
#[utoipa::path(post, path = "/api/v1/operations/apps/{id}/freeze", tag = "operations", request_body = Freeze,
    security(("bearer" = [])), params(("id" = String, Path, description = "The app")),
    responses((status = 204, description = "None of its keys works; broker and holders are told"), Problems))]
pub async fn freeze(
    officer: StaffMember,
    Id(id): Id<AppId>,
    Body(body): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::FreezeApp)?;
    let freeze = FreezeApp { app: id, why: why(&body.why)?.to_owned() };
    officer.act(freeze, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Demand successors for all keys of an app
#[utoipa::path(post, path = "/api/v1/operations/apps/{id}/demand", tag = "operations", request_body = Demand,
    security(("bearer" = [])), params(("id" = String, Path, description = "The app")),
    responses((status = 204, description = "Broker and holders are told"), Problems))]
pub async fn demand(
    officer: StaffMember,
    Id(id): Id<AppId>,
    Body(body): Body<Demand>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::DemandSuccessors)?;
    let (why, due) = (why(&body.why)?.to_owned(), Moment::from_unix_ms(body.due_ms));
    let demand = DemandSuccessors { app: id, due, why };
    officer.act(demand, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}
