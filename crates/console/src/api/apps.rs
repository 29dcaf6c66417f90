//! Third-party apps: what their brokers do, and what holders choose from.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use keyward_authority::apps::{
    self, FreezeApp, RangesGo, RegisterApp, SubmitApp, SubmitRanges, WithdrawRanges, check_ranges,
    size_in_words,
};
use keyward_authority::questions::{app_logo, broker_app, broker_apps, open_apps};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::app::{RangeSetError, Size, read_entries};
use keyward_rules::id::AppId;
use keyward_rules::limits::{PAGE_MAX, RANGE_ENTRIES, RANGE_TEXT_BYTES};

use super::app_forms::{
    App, AppChoice, AppChoices, CheckedRanges, ChoiceQuery, EditApp, HistoryQuery, JudgedEntry, NewApp,
    NewRanges, OwnApp, RangeHistory, RangeVersion, RangesToCheck, SubmittedRanges,
};
use super::body::{Asked, Body, Id, Ids, Picture, limit};
use super::caller::{Caller, Given};
use super::key_forms::OneFactor;
use super::problem::{Problem, Problems};
use crate::requests::{AppRequest, FieldErrors, RangesRequest, bad_ranges};

fn unacceptable(code: &'static str, why: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string())
}

/// List your apps
#[utoipa::path(get, path = "/api/v1/apps", tag = "apps", security(("bearer" = [])),
    responses((status = 200, description = "At most ten", body = Vec<App>), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Vec<App>>, Problem> {
    Ok(Json(broker_apps(&caller.context()).await?.iter().map(App::from).collect()))
}

/// Register an app
#[utoipa::path(post, path = "/api/v1/apps", tag = "apps", request_body = NewApp, security(("bearer" = [])),
    responses((status = 201, description = "A draft", body = OwnApp), Problems))]
pub async fn register(
    caller: Caller,
    Body(body): Body<NewApp>,
) -> Result<(StatusCode, Json<OwnApp>), Problem> {
    let app = AppRequest::from(&body).read().map_err(FieldErrors::first_problem)?;
    let register = RegisterApp { owner: caller.id(), app };
    let id = caller.act(register, Given::factor(body.factor, body.passkey)).await?;
    Ok((StatusCode::CREATED, own(&caller, id).await?))
}

/// Show one of your apps
#[utoipa::path(get, path = "/api/v1/apps/{id}", tag = "apps", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "The app, its keys in numbers", body = OwnApp), Problems))]
pub async fn show(caller: Caller, Id(id): Id<AppId>) -> Result<Json<OwnApp>, Problem> {
    own(&caller, id).await
}

async fn own(caller: &Caller, id: AppId) -> Result<Json<OwnApp>, Problem> {
    let view = broker_app(&caller.context(), id).await?;
    Ok(Json(OwnApp { app: App::from(&view.profile), open: view.open, keys: view.counts.into() }))
}

/// Change the description of an app
#[utoipa::path(patch, path = "/api/v1/apps/{id}", tag = "apps", request_body = EditApp, security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "Changed; a verified app is reviewed again", body = OwnApp), Problems))]
pub async fn edit(
    caller: Caller,
    Id(id): Id<AppId>,
    Body(body): Body<EditApp>,
) -> Result<Json<OwnApp>, Problem> {
    let profile = broker_app(&caller.context(), id).await?.profile;
    let to = AppRequest::of_changes(&profile, &body).read().map_err(FieldErrors::first_problem)?;
    caller.act(apps::EditApp { app: id, to }, Given::factor(body.factor, body.passkey)).await?;
    own(&caller, id).await
}

/// Set an app's logo
///
/// The picture is decoded and encoded anew. The factor stands in the header `keyward-factor`, or a passkey's answer as
/// JSON in `keyward-passkey`.
#[utoipa::path(put, path = "/api/v1/apps/{id}/logo", tag = "apps", security(("bearer" = [])),
    request_body(content((Picture = "image/png"), (Picture = "image/jpeg")), description = "At most 512 KiB"),
    params(("id" = String, Path, description = "The app"),
        ("keyward-factor" = Option<String>, Header, description = "A code of the authenticator, a recovery code, or the password"),
        ("keyward-passkey" = Option<String>, Header, description = "Instead of it: a passkey's answer to the question of the 403 answer")),
    responses((status = 200, description = "Set; a verified app is reviewed again", body = OwnApp), Problems))]
pub async fn set_logo(
    caller: Caller,
    Id(id): Id<AppId>,
    headers: HeaderMap,
    Picture(bytes): Picture,
) -> Result<Json<OwnApp>, Problem> {
    let profile = broker_app(&caller.context(), id).await?.profile;
    let to = AppRequest::of_logo(&profile, bytes.into()).read().map_err(FieldErrors::first_problem)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let passkey = match text("keyward-passkey") {
        "" => None,
        answer => {
            Some(serde_json::from_str(answer).map_err(|_| unacceptable("bad_passkey", "not an answer"))?)
        }
    };
    let given = Given::factor(text("keyward-factor").to_owned(), passkey);
    caller.act(apps::EditApp { app: id, to }, given).await?;
    own(&caller, id).await
}

/// Show the logo of your app
#[utoipa::path(get, path = "/api/v1/apps/{id}/logo", tag = "apps", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "The picture", body = Picture, content_type = "image/png"), Problems))]
pub async fn logo(caller: Caller, Id(id): Id<AppId>) -> Result<impl IntoResponse, Problem> {
    broker_app(&caller.context(), id).await?;
    picture(&caller.context(), id).await
}

pub(super) async fn picture(
    context: &ActionContext<'_>,
    id: AppId,
) -> Result<impl IntoResponse + use<>, Problem> {
    Ok(([(header::CONTENT_TYPE, "image/png")], app_logo(context, id).await?))
}

/// Submit an app for review
#[utoipa::path(post, path = "/api/v1/apps/{id}/submit", tag = "apps", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "It waits for operators", body = OwnApp), Problems))]
pub async fn submit(caller: Caller, Id(id): Id<AppId>) -> Result<Json<OwnApp>, Problem> {
    caller.act(SubmitApp(id), Given::nothing()).await?;
    own(&caller, id).await
}

/// Check ranges without saving them
#[utoipa::path(post, path = "/api/v1/apps/{id}/ranges/check", tag = "apps", request_body = RangesToCheck,
    security(("bearer" = [])), params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "Entry by entry", body = CheckedRanges), Problems))]
pub async fn check(
    caller: Caller,
    Id(id): Id<AppId>,
    Body(body): Body<RangesToCheck>,
) -> Result<Json<CheckedRanges>, Problem> {
    let context = caller.context();
    broker_app(&context, id).await?;
    if body.ranges.len() > RANGE_TEXT_BYTES {
        return Err(bad_ranges(RangeSetError::TooLong).into());
    }
    let mut entries = read_entries(&body.ranges, context.authority.settings.private_ranges);
    entries.truncate(RANGE_ENTRIES);
    let entries = entries.into_iter().map(JudgedEntry::from).collect();
    let none = CheckedRanges { entries, refused: None, size: None, becomes: None, change: None };
    let request =
        RangesRequest { ranges: &body.ranges, note: String::new(), overlap_hours: body.overlap_hours };
    let submission = match request.read(&context, id) {
        Ok(submission) => submission,
        Err(wrong) => return Ok(Json(CheckedRanges { refused: Some(wrong.to_string()), ..none })),
    };
    let size = Some(size_in_words(Size::of(submission.ranges.networks())));
    Ok(Json(match check_ranges(&context, &submission).await {
        Ok((go, change)) => {
            CheckedRanges { size, becomes: Some(word(go)), change: Some(change.into()), ..none }
        }
        Err(wrong @ (ActionError::Unchanged | ActionError::OtherWay(_) | ActionError::Frozen)) => {
            CheckedRanges { size, refused: Some(wrong.for_people()), ..none }
        }
        Err(other) => return Err(other.into()),
    }))
}

const fn word(go: RangesGo) -> &'static str {
    match go {
        RangesGo::Narrow => "narrow",
        RangesGo::Widen => "widen",
    }
}

/// Submit ranges
///
/// What only takes away is in force at once and takes one factor; everything else takes a step-up, and operators approve it.
#[utoipa::path(post, path = "/api/v1/apps/{id}/ranges", tag = "apps", request_body = NewRanges, security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 201, description = "In force, or waiting for operators", body = SubmittedRanges), Problems))]
pub async fn submit_set(
    caller: Caller,
    Id(id): Id<AppId>,
    Body(body): Body<NewRanges>,
) -> Result<(StatusCode, Json<SubmittedRanges>), Problem> {
    let context = caller.context();
    broker_app(&context, id).await?;
    let request = RangesRequest { ranges: &body.ranges, note: body.note, overlap_hours: body.overlap_hours };
    let submission = request.read(&context, id).map_err(bad_ranges)?;
    let given = Given::either(body.factor, body.passkey, body.step_up);
    let (number, went) = caller.act(SubmitRanges(submission), given).await?;
    let standing = match went {
        RangesGo::Narrow => "active",
        RangesGo::Widen => "submitted",
    };
    Ok((StatusCode::CREATED, Json(SubmittedRanges { number, standing })))
}

/// List the versions of your app's ranges
#[utoipa::path(get, path = "/api/v1/apps/{id}/ranges", tag = "apps", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app"), HistoryQuery),
    responses((status = 200, description = "Newest first", body = RangeHistory), Problems))]
pub async fn history(
    caller: Caller,
    Id(id): Id<AppId>,
    Asked(query): Asked<HistoryQuery>,
) -> Result<Json<RangeHistory>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let mut versions = broker_app(&caller.context(), id).await?.versions;
    versions.retain(|version| query.cursor.is_none_or(|before| version.number < before));
    let more = versions.len() > limit;
    versions.truncate(limit);
    let next = versions.last().filter(|_| more).map(|version| version.number);
    Ok(Json(RangeHistory { versions: versions.into_iter().map(RangeVersion::from).collect(), next }))
}

/// Withdraw submitted ranges
#[utoipa::path(post, path = "/api/v1/apps/{id}/ranges/{number}/withdraw", tag = "apps", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app"), ("number" = u64, Path, description = "The version")),
    responses((status = 204, description = "Taken back"), Problems))]
pub async fn withdraw(caller: Caller, Ids(id, number): Ids<AppId, u64>) -> Result<StatusCode, Problem> {
    caller.act(WithdrawRanges { app: id, number }, Given::nothing()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Freeze all keys of your app
#[utoipa::path(post, path = "/api/v1/apps/{id}/freeze", tag = "apps", request_body = OneFactor, security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 204, description = "None of its keys works; holders are told"), Problems))]
pub async fn freeze(
    caller: Caller,
    Id(id): Id<AppId>,
    Body(body): Body<OneFactor>,
) -> Result<StatusCode, Problem> {
    let freeze = FreezeApp { app: id, why: String::new() };
    caller.act(freeze, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the apps that a key can be bound to
#[utoipa::path(get, path = "/api/v1/third-party-apps", tag = "keys", params(ChoiceQuery), security(("bearer" = [])),
    responses((status = 200, description = "By name", body = AppChoices), Problems))]
pub async fn choices(caller: Caller, Asked(query): Asked<ChoiceQuery>) -> Result<Json<AppChoices>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let mut cards = open_apps(&caller.context(), &query.q).await?;
    let more = cards.len() > limit;
    cards.truncate(limit);
    Ok(Json(AppChoices { apps: cards.into_iter().map(AppChoice::from).collect(), more }))
}

/// Show the logo of a verified app
#[utoipa::path(get, path = "/api/v1/third-party-apps/{id}/logo", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The app")),
    responses((status = 200, description = "The picture", body = Picture, content_type = "image/png"), Problems))]
pub async fn choice_logo(caller: Caller, Id(id): Id<AppId>) -> Result<impl IntoResponse, Problem> {
    picture(&caller.context(), id).await
}
