//! The passkeys of an account.

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::passkeys::{RemovePasskey, RenamePasskey, offer_new_passkey, try_new_passkey};
use keyward_authority::questions::{PasskeyView, list_passkeys, show_passkey};
use keyward_rules::key::KeyName;
use keyward_rules::person::PasskeyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::{Bare, Codes};
use super::body::{Body, Id, PasskeyAnswer, StepUp};
use super::caller::{Caller, Given};
use super::passkey_question::PasskeyQuestion;
use super::problem::{Problem, Problems};

/// A passkey.
#[derive(Serialize, ToSchema)]
pub struct Passkey {
    /// Its id.
    id: String,
    /// What its holder calls it.
    name: String,
    /// Since when.
    created_at_ms: u64,
    /// When it was last used.
    last_used_at_ms: Option<u64>,
}

impl From<PasskeyView> for Passkey {
    fn from(view: PasskeyView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            created_at_ms: view.created_at.unix_ms(),
            last_used_at_ms: view.last_used_at.map(keyward_rules::time::Moment::unix_ms),
        }
    }
}

/// A passkey to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskey {
    /// What to call it: 1 to 50 characters.
    name: String,
    /// The answer to the question of `POST /api/v1/account/passkeys/options`.
    passkey: PasskeyAnswer,
    /// The answer to the challenge; where there is no second factor yet, its `factor` is the password.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// A passkey's name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyName {
    /// 1 to 50 characters.
    name: String,
}

/// List the passkeys
#[utoipa::path(get, path = "/api/v1/account/passkeys", tag = "account", security(("bearer" = [])),
    responses((status = 200, description = "Oldest first", body = Vec<Passkey>), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Vec<Passkey>>, Problem> {
    let all = list_passkeys(&caller.context(), caller.id()).await?;
    Ok(Json(all.into_iter().map(Passkey::from).collect()))
}

/// Get the options for a new passkey
#[utoipa::path(post, path = "/api/v1/account/passkeys/options", tag = "account", security(("bearer" = [])),
    responses((status = 200, description = "The question for the device", body = PasskeyQuestion), Problems))]
pub async fn options(caller: Caller) -> Result<Json<PasskeyQuestion>, Problem> {
    Ok(Json(offer_new_passkey(&caller.context()).await?.into()))
}

/// Add a passkey
#[utoipa::path(post, path = "/api/v1/account/passkeys", tag = "account", request_body = NewPasskey, security(("bearer" = [])),
    responses((status = 201, description = "Added", body = Codes), Problems))]
pub async fn add(caller: Caller, Body(body): Body<NewPasskey>) -> Result<(StatusCode, Json<Codes>), Problem> {
    let enrol = try_new_passkey(&caller.context(), &body.name, &body.passkey.to_json()).await?;
    let added = caller.act(enrol, Given::step_up(body.step_up)).await?;
    Ok((StatusCode::CREATED, Json(Codes { recovery_codes: added.recovery_codes })))
}

/// Rename a passkey
#[utoipa::path(patch, path = "/api/v1/account/passkeys/{id}", tag = "account", request_body = PasskeyName, security(("bearer" = [])),
    params(("id" = String, Path, description = "The passkey's id")),
    responses((status = 200, description = "The passkey", body = Passkey), Problems))]
pub async fn rename(
    caller: Caller,
    Id(id): Id<PasskeyId>,
    Body(body): Body<PasskeyName>,
) -> Result<Json<Passkey>, Problem> {
    let name = KeyName::parse(&body.name).map_err(ActionError::from)?;
    let rename = RenamePasskey { account: caller.id(), passkey: id, name };
    caller.act(rename, Given::nothing()).await?;
    Ok(Json(show_passkey(&caller.context(), caller.id(), id).await?.into()))
}

/// Remove a passkey
#[utoipa::path(delete, path = "/api/v1/account/passkeys/{id}", tag = "account", request_body = Bare, security(("bearer" = [])),
    params(("id" = String, Path, description = "The passkey's id")),
    responses((status = 204, description = "Removed; if it was the last second factor, all keys are held"), Problems))]
pub async fn remove(
    caller: Caller,
    Id(id): Id<PasskeyId>,
    Body(body): Body<Bare>,
) -> Result<StatusCode, Problem> {
    let remove = RemovePasskey { account: caller.id(), passkey: id };
    caller.act(remove, Given::step_up(body.step_up)).await?;
    Ok(StatusCode::NO_CONTENT)
}
