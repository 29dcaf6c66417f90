//! The limits of an account, over all its keys.

use axum::Json;
use keyward_authority::ActionError;
use keyward_authority::accounts::ChangeAccountLimits;
use keyward_authority::questions::account_limits;
use keyward_rules::id::AccountId;

use super::body::{Asked, Body};
use super::caller::{Caller, Given};
use super::key_forms::{Changed, Limits, NewAccountLimits, WhichAccount};
use super::problem::{Problem, Problems};
use crate::requests::read_limits;

/// The account that was named, or the caller's own.
fn named(caller: &Caller, account: Option<&str>) -> Result<AccountId, Problem> {
    account.map_or_else(|| Ok(caller.acts_for()), |id| id.parse().map_err(|_| ActionError::NoAccount.into()))
}

/// Show the limits of an account, and what is used of them today
#[utoipa::path(get, path = "/api/v1/account/limits", tag = "account", params(WhichAccount), security(("bearer" = [])),
    responses((status = 200, description = "The limits", body = Limits), Problems))]
pub async fn show(caller: Caller, Asked(which): Asked<WhichAccount>) -> Result<Json<Limits>, Problem> {
    let account = named(&caller, which.account.as_deref())?;
    let sums = &*caller.shell.settings().day_sums;
    Ok(Json(account_limits(&caller.context(), sums, account).await?.into()))
}

/// Change the limits of an account
#[utoipa::path(put, path = "/api/v1/account/limits", tag = "account", request_body = NewAccountLimits, security(("bearer" = [])),
    responses((status = 200, description = "Changed", body = Changed), Problems))]
pub async fn change(caller: Caller, Body(body): Body<NewAccountLimits>) -> Result<Json<Changed>, Problem> {
    let account = named(&caller, body.account.as_deref())?;
    let change = ChangeAccountLimits { account, to: read_limits(Some(&body.limits))? };
    let revision = caller.act(change, Given::either(body.factor, body.passkey, body.step_up)).await?;
    Ok(Json(Changed { revision: revision.map(|revision| revision.0) }))
}
