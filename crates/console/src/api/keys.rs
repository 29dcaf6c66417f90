//! Keys: the list, one key, and everything that changes one.

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::keys::{
    ChangeAddresses, ChangeFences, EditKey, KeyNamed, Outcome, RotateKey, made_before,
};
use keyward_authority::questions::{
    SignalsView, key_activity, key_limits, key_outlook, key_signals, list_keys, show_key,
};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::address::HostBits;
use keyward_rules::id::KeyId;
use keyward_rules::key::{KeyName, Passphrase};
use keyward_rules::limits::PAGE_MAX;
use keyward_rules::signal::SignalKind;

use super::body::{Asked, Body, Id, limit};
use super::caller::{Caller, Given};
use super::key_forms::{
    Activity, Changed, Edit, KeyPage, Limits, ListQuery, NewAddresses, NewKeyBody, NewLimits, Outlook,
    OutlookQuery, Request, Rotation, Signals, Source, Usual,
};
use super::problem::{Problem, Problems};
use super::views::{Key, NewKey};
use crate::requests::{FieldErrors, NewKeyRequest, read_binding, read_limits, read_tags};

fn unacceptable(code: &'static str, why: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string())
}

fn name_of(text: &str) -> Result<KeyName, Problem> {
    Ok(KeyName::parse(text).map_err(ActionError::from)?)
}

/// List the keys
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = KeyPage), Problems))]
pub async fn list(caller: Caller, Asked(query): Asked<ListQuery>) -> Result<Json<KeyPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let after: Option<KeyId> = match query.cursor.as_deref().map(str::parse).transpose() {
        Ok(after) => after,
        Err(_) => return Err(unacceptable("bad_cursor", "the cursor is not valid")),
    };
    if query.unused_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
        return Err(unacceptable("bad_unused_days", "`unused_days` is 1 to 3650"));
    }
    let now = caller.context().now;
    let (mut keys, _) = list_keys(&caller.context(), caller.acts_for()).await?;
    keys.retain(|key| {
        (key.is_living() || query.ended == Some(true))
            && query.unused_days.is_none_or(|days| key.is_unused(days, now))
            && query.tag.as_ref().is_none_or(|tag| key.tags.contains(tag))
    });
    keys.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
    if let Some(after) = after {
        // A cursor of somebody else's key, or of one that is gone, begins nowhere.
        let at = keys.iter().position(|key| key.id == after).map_or(keys.len(), |at| at + 1);
        keys.drain(..at);
    }
    let more = keys.len() > limit;
    keys.truncate(limit);
    let next = keys.last().filter(|_| more).map(|key| key.id.to_string());
    Ok(Json(KeyPage { keys: Key::all_of(&caller.context(), keys).await?, next }))
}

/// Create a key
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = NewKeyBody, security(("bearer" = [])),
    responses((status = 201, description = "The credentials, shown this once", body = NewKey),
        (status = 200, description = "Made before under the same idempotency key", body = NewKey), Problems))]
pub async fn create(
    caller: Caller,
    Body(mut body): Body<NewKeyBody>,
) -> Result<(StatusCode, Json<NewKey>), Problem> {
    let context = caller.context();
    let given = Given::step_up(body.step_up.take());
    let request = NewKeyRequest::of_body(&context, body).await;
    let request = request.read(caller.acts_for(), context.now).map_err(FieldErrors::first_problem)?;
    if let Some(id) = made_before(&context, &request).await? {
        return Ok((StatusCode::OK, Json(NewKey::made_before(id))));
    }
    match caller.act(request, given).await? {
        Outcome::Made(issued) => Ok((StatusCode::CREATED, Json(NewKey::from(&*issued)))),
        Outcome::MadeBefore(id) => Ok((StatusCode::OK, Json(NewKey::made_before(id)))),
    }
}

/// Show a key
#[utoipa::path(get, path = "/api/v1/keys/{id}", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "The key", body = Key), Problems))]
pub async fn show(caller: Caller, Id(id): Id<KeyId>) -> Result<Json<Key>, Problem> {
    shown(&caller.context(), id).await
}

async fn shown(context: &ActionContext<'_>, id: KeyId) -> Result<Json<Key>, Problem> {
    Ok(Json(Key::of(context, show_key(context, id).await?).await?))
}

/// Rename a key or set its tags
#[utoipa::path(patch, path = "/api/v1/keys/{id}", tag = "keys", request_body = Edit, security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "The key", body = Key), Problems))]
pub async fn edit(caller: Caller, Id(id): Id<KeyId>, Body(body): Body<Edit>) -> Result<Json<Key>, Problem> {
    let edit = EditKey { key: id, name: name_of(&body.name)?, tags: read_tags(&body.tags)? };
    caller.act(edit, Given::nothing()).await?;
    shown(&caller.context(), id).await
}

/// Change the addresses of a key
#[utoipa::path(put, path = "/api/v1/keys/{id}/addresses", tag = "keys", request_body = NewAddresses, security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "Changed", body = Changed), Problems))]
pub async fn addresses(
    caller: Caller,
    Id(id): Id<KeyId>,
    Body(body): Body<NewAddresses>,
) -> Result<Json<Changed>, Problem> {
    let (to, wide) = read_binding(&body.from, HostBits::Refuse)?;
    let change = ChangeAddresses { which: KeyNamed { id, name: body.name }, to, wide };
    let revision = caller.act(change, Given::either(body.factor, body.passkey, body.step_up)).await?;
    Ok(Json(Changed { revision: revision.map(|revision| revision.0) }))
}

/// Show the limits of a key, and what is used of them today
#[utoipa::path(get, path = "/api/v1/keys/{id}/limits", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "The limits", body = Limits), Problems))]
pub async fn show_limits(caller: Caller, Id(id): Id<KeyId>) -> Result<Json<Limits>, Problem> {
    let context = caller.context();
    let limits = key_limits(&context, &*caller.shell.settings().day_sums, id).await?;
    Ok(Json(limits.into()))
}

/// Change the limits of a key
#[utoipa::path(put, path = "/api/v1/keys/{id}/limits", tag = "keys", request_body = NewLimits, security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "Changed", body = Changed), Problems))]
pub async fn limits(
    caller: Caller,
    Id(id): Id<KeyId>,
    Body(body): Body<NewLimits>,
) -> Result<Json<Changed>, Problem> {
    let to = read_limits(Some(&body.limits))?;
    let change = ChangeFences { which: KeyNamed { id, name: body.name }, to };
    let revision = caller.act(change, Given::either(body.factor, body.passkey, body.step_up)).await?;
    Ok(Json(Changed { revision: revision.map(|revision| revision.0) }))
}

/// Show what is usual for a key, and which signals are not told
#[utoipa::path(get, path = "/api/v1/keys/{id}/signals", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "What is usual", body = Signals), Problems))]
pub async fn signals(caller: Caller, Id(id): Id<KeyId>) -> Result<Json<Signals>, Problem> {
    let SignalsView { choices, usual } = key_signals(&caller.context(), id).await?;
    let usual = usual.map(|usual| Usual {
        days: usual.days,
        learned: usual.learned,
        requests: usual.requests,
        refusals: usual.refusals,
        classes: usual.classes,
        hours: usual.hours,
        networks: usual.networks.iter().map(ToString::to_string).collect(),
    });
    Ok(Json(Signals {
        muted: choices.muted.kinds().map(SignalKind::word).collect(),
        burst_from: choices.burst_from,
        refusals_from: choices.refusals_from,
        usual,
    }))
}

/// Rotate a key
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "keys", request_body = Rotation, security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 201, description = "The successor's credentials, shown this once", body = NewKey), Problems))]
pub async fn rotate(
    caller: Caller,
    Id(id): Id<KeyId>,
    Body(body): Body<Rotation>,
) -> Result<(StatusCode, Json<NewKey>), Problem> {
    let rotation = RotateKey {
        key: id,
        name: name_of(&body.name)?,
        passphrase: Passphrase::parse(&body.passphrase)
            .map_err(|wrong| unacceptable("bad_passphrase", wrong))?,
        overlap_ms: body.overlap_hours.unwrap_or(24).saturating_mul(3_600_000),
    };
    let issued = caller.act(rotation, Given::step_up(body.step_up)).await?;
    Ok((StatusCode::CREATED, Json(NewKey::from(&issued))))
}

/// Show a key's last day
#[utoipa::path(get, path = "/api/v1/keys/{id}/activity", tag = "keys", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "Counts and newest requests", body = Activity), Problems))]
pub async fn activity(caller: Caller, Id(id): Id<KeyId>) -> Result<Json<Activity>, Problem> {
    let view = key_activity(&caller.context(), id).await?;
    let (passed, refused) = view.quarters.into_iter().unzip();
    let requests = view.requests.into_iter().map(Request::from);
    let sources = view.sources.into_iter().map(|(from, at)| Source { from, seen_at_ms: at.unix_ms() });
    Ok(Json(Activity {
        since_ms: view.since.unix_ms(),
        passed,
        refused,
        requests: requests.collect(),
        sources: sources.collect(),
    }))
}

/// Show what a key can do, and from where
#[utoipa::path(get, path = "/api/v1/keys/{id}/outlook", tag = "keys", params(("id" = String, Path, description = "The API key"), OutlookQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "What a well-signed request of each kind would get", body = Vec<Outlook>), Problems))]
pub async fn outlook(
    caller: Caller,
    Id(id): Id<KeyId>,
    Asked(query): Asked<OutlookQuery>,
) -> Result<Json<Vec<Outlook>>, Problem> {
    let from = query.from.unwrap_or(caller.holder.origin.address);
    let lines = key_outlook(&caller.context(), caller.shell.routes(), id, from).await?;
    let outlook = lines.into_iter().map(|line| Outlook {
        what: line.what,
        route: line.route,
        code: line.code,
        text: line.text,
        limits: line.limits,
    });
    Ok(Json(outlook.collect()))
}
