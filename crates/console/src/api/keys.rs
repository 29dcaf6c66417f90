//! Keys: the list, one key, and everything that changes one.

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::keys::{
    ChangeAddresses, EditKey, IssueKey, KeyNamed, Outcome, RotateKey, made_before, parse_tags,
};
use keyward_authority::questions::{key_activity, key_outlook, list_keys, show_key};
use keyward_authority::{ActionContext, ActionError};
use keyward_rules::address::{AddressSet, Binding, HostBits};
use keyward_rules::id::{AppId, KeyId};
use keyward_rules::key::{Environment, KeyName, KeySpec, Passphrase, RateCap, WideRange};
use keyward_rules::limits::{DAY_MS, PAGE_MAX};
use keyward_rules::permission::{Permission, Permissions};
use keyward_rules::time::Moment;

use super::body::{Asked, Body, Id, limit};
use super::caller::{Caller, Given};
use super::key_forms::{
    Activity, Changed, Edit, KeyPage, ListQuery, NewAddresses, NewKeyBody, Outlook, OutlookQuery, Purpose,
    Reach, Request, Rotation, Source,
};
use super::problem::{Problem, Problems};
use super::views::{Key, NewKey};

fn unacceptable(code: &'static str, why: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, why.to_string())
}

fn binding(reach: &Reach) -> Result<(Binding, WideRange), Problem> {
    match reach {
        Reach::Anywhere {} => Ok((Binding::Anywhere, WideRange::NotAcknowledged)),
        Reach::Addresses { addresses, acknowledge_wide } => {
            if addresses.iter().any(|entry| entry.contains(',')) {
                return Err(unacceptable("bad_addresses", "each address is an entry of its own"));
            }
            let set = AddressSet::parse(&addresses.join(","), HostBits::Refuse).map_err(ActionError::from)?;
            let wide = if *acknowledge_wide { WideRange::Acknowledged } else { WideRange::NotAcknowledged };
            Ok((Binding::Addresses(set), wide))
        }
    }
}

/// Where a new key works from: of `from` and `app` exactly one says it, or the app's key that it replaces.
async fn binding_of(context: &ActionContext<'_>, body: &NewKeyBody) -> Result<(Binding, WideRange), Problem> {
    let other = "say either `from`, for your own software, or `app`, for a third-party app, and the `purpose` that fits";
    match (body.purpose, &body.from, &body.app) {
        (None | Some(Purpose::Trading), Some(reach), None) => binding(reach),
        (None | Some(Purpose::ThirdPartyApp), None, Some(app)) => {
            let app = app.parse().map_err(|_| ActionError::NoApp)?;
            Ok((Binding::App(app), WideRange::NotAcknowledged))
        }
        (None | Some(Purpose::ThirdPartyApp), None, None) => match app_of_replaced(context, body).await? {
            Some(app) => Ok((Binding::App(app), WideRange::NotAcknowledged)),
            None => Err(unacceptable("bad_purpose", other)),
        },
        (Some(Purpose::Trading), _, _)
        | (Some(Purpose::ThirdPartyApp), Some(_), _)
        | (None, Some(_), Some(_)) => Err(unacceptable("bad_purpose", other)),
    }
}

async fn app_of_replaced(context: &ActionContext<'_>, body: &NewKeyBody) -> Result<Option<AppId>, Problem> {
    let Some(old) = body.replaces.as_deref().and_then(|id| id.parse().ok()) else { return Ok(None) };
    Ok(show_key(context, old).await?.app)
}

fn name_of(text: &str) -> Result<KeyName, Problem> {
    Ok(KeyName::parse(text).map_err(ActionError::from)?)
}

fn tags_of(tags: &[String]) -> Result<Vec<String>, Problem> {
    if tags.iter().any(|tag| tag.contains(',')) {
        return Err(ActionError::Tags.into());
    }
    Ok(parse_tags(&tags.join(","))?)
}

async fn wish(context: &ActionContext<'_>, caller: &Caller, body: &NewKeyBody) -> Result<IssueKey, Problem> {
    let rights: Result<Vec<Permission>, _> = body.permissions.iter().map(|word| word.parse()).collect();
    let permissions =
        rights.and_then(Permissions::new).map_err(|wrong| unacceptable("bad_permissions", wrong))?;
    let (binding, wide) = binding_of(context, body).await?;
    let idempotency = body.idempotency_key.clone().unwrap_or_default();
    if body.idempotency_key.is_some() && !(1..=64).contains(&idempotency.len()) {
        return Err(unacceptable("bad_idempotency_key", "an idempotency key has 1 to 64 bytes"));
    }
    let expires_at = match body.ends_after_days {
        None => None,
        Some(days @ 1..=3_650) => {
            let end = context.now.plus_ms(days * DAY_MS).unix_ms();
            Some(Moment::from_unix_ms(end.div_ceil(DAY_MS) * DAY_MS))
        }
        Some(_) => return Err(unacceptable("bad_end", "a key ends after 1 to 3650 days")),
    };
    let cap = body.rate_cap.map(RateCap::new).transpose();
    let replaces = body.replaces.as_deref().map(str::parse).transpose();
    Ok(IssueKey {
        account: caller.id(),
        spec: KeySpec {
            name: name_of(&body.name)?,
            permissions,
            binding,
            wide,
            environment: if body.demo { Environment::Demo } else { Environment::Live },
            expires_at,
            rate_cap: cap.map_err(|wrong| unacceptable("bad_rate_cap", wrong))?,
        },
        passphrase: Passphrase::parse(&body.passphrase)
            .map_err(|wrong| unacceptable("bad_passphrase", wrong))?,
        tags: tags_of(&body.tags)?,
        replaces: replaces.map_err(|_| unacceptable("bad_key", "`replaces` is no API key"))?,
        idempotency,
    })
}

/// List the keys
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = KeyPage), Problems))]
pub async fn list(caller: Caller, Asked(query): Asked<ListQuery>) -> Result<Json<KeyPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let after: Option<KeyId> = match query.cursor.as_deref().map(str::parse).transpose() {
        Ok(after) => after,
        Err(_) => return Err(unacceptable("bad_cursor", "the cursor is not one of ours")),
    };
    let (mut keys, _) = list_keys(&caller.context(), caller.id()).await?;
    keys.retain(|key| {
        (key.is_living() || query.ended == Some(true))
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
    let wish = wish(&context, &caller, &body).await?;
    if let Some(id) = made_before(&context, &wish).await? {
        return Ok((StatusCode::OK, Json(NewKey::made_before(id))));
    }
    match caller.act(wish, Given::step_up(body.step_up.take())).await? {
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

/// Rename a key, set its tags
#[utoipa::path(patch, path = "/api/v1/keys/{id}", tag = "keys", request_body = Edit, security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "The key", body = Key), Problems))]
pub async fn edit(caller: Caller, Id(id): Id<KeyId>, Body(body): Body<Edit>) -> Result<Json<Key>, Problem> {
    let edit = EditKey { key: id, name: name_of(&body.name)?, tags: tags_of(&body.tags)? };
    caller.act(edit, Given::nothing()).await?;
    shown(&caller.context(), id).await
}

/// Change where a key works from
#[utoipa::path(put, path = "/api/v1/keys/{id}/addresses", tag = "keys", request_body = NewAddresses, security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "Changed", body = Changed), Problems))]
pub async fn addresses(
    caller: Caller,
    Id(id): Id<KeyId>,
    Body(body): Body<NewAddresses>,
) -> Result<Json<Changed>, Problem> {
    let (to, wide) = binding(&body.from)?;
    let change = ChangeAddresses { which: KeyNamed { id, name: body.name }, to, wide };
    let revision = caller.act(change, Given::either(body.factor, body.passkey, body.step_up)).await?;
    Ok(Json(Changed { revision: revision.map(|revision| revision.0) }))
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

/// Show what a key can do, from where
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
    });
    Ok(Json(outlook.collect()))
}
