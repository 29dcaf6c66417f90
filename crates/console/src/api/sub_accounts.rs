//! Sub-accounts and the people who administer them.

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::questions::{
    InvitationView, SubAccountView, invitations_to, list_sub_accounts, show_account, show_sub_account,
};
use keyward_authority::sub_accounts::LabelSubAccount;
use keyward_rules::id::AccountId;
use keyward_rules::key::{RateCap, TransfersOut};
use keyward_rules::permission::Permission;
use keyward_rules::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Id};
use super::caller::{Caller, Given};
use super::problem::{Problem, Problems};
use crate::actions::label_of;

/// A sub-account.
#[derive(Serialize, ToSchema)]
pub struct SubAccount {
    /// Its id; OKX's `uid`. To act for it, send it in the header `Keyward-Account`.
    id: String,
    /// Its name, which never changes.
    name: String,
    /// What its master calls it; `null` for nothing.
    label: Option<String>,
    /// What its keys may do at most.
    permissions: Vec<&'static str>,
    /// The highest rate cap of a key, in requests a second; `null` where keys need none.
    rate_cap: Option<u16>,
    /// Whether its keys may transfer to other sub-accounts; OKX's `canTransOut`.
    transfer_out: bool,
    /// `active`, `frozen`, `closing` while the exchange has not answered yet, or `closed`.
    state: &'static str,
    /// Since when it is frozen, in milliseconds; `null` when it is not.
    frozen_at_ms: Option<u64>,
    /// Since when it is being closed, in milliseconds; `null` when it is not.
    closing_since_ms: Option<u64>,
    /// When it was closed, in milliseconds; `null` when it is not.
    closed_at_ms: Option<u64>,
    /// Living keys.
    keys: i64,
    /// When it was created, in milliseconds.
    created_at_ms: u64,
}

impl From<SubAccountView> for SubAccount {
    fn from(view: SubAccountView) -> Self {
        let (cap, state) = (view.settings.cap, view.settings.state_word());
        Self {
            id: view.id.to_string(),
            name: view.name.as_str().to_owned(),
            label: view.settings.label.map(|label| label.to_string()),
            permissions: cap.permissions().iter().map(Permission::word).collect(),
            rate_cap: cap.rate().map(RateCap::per_second),
            transfer_out: cap.transfers() == TransfersOut::ToSubAccounts,
            state,
            closing_since_ms: view.settings.life.closing_since().map(Moment::unix_ms),
            closed_at_ms: view.settings.life.closed_at().map(Moment::unix_ms),
            frozen_at_ms: view.settings.frozen_at.map(Moment::unix_ms),
            keys: view.keys,
            created_at_ms: view.created_at.unix_ms(),
        }
    }
}

/// A sub-account with its people.
#[derive(Serialize, ToSchema)]
pub struct SubAccountDetail {
    /// The sub-account.
    sub_account: SubAccount,
    /// Who administers it.
    members: Vec<SubAccountMember>,
    /// Who is invited to.
    invited: Vec<SubAccountInvited>,
}

/// Somebody who administers a sub-account.
#[derive(Serialize, ToSchema)]
pub struct SubAccountMember {
    /// Their address.
    email: String,
    /// Since when, in milliseconds.
    since_ms: u64,
}

/// Somebody who is invited.
#[derive(Serialize, ToSchema)]
pub struct SubAccountInvited {
    /// Their address.
    email: String,
    /// Until when they can accept, in milliseconds.
    until_ms: u64,
}

/// An invitation to the caller.
#[derive(Serialize, ToSchema)]
pub struct SubAccountInvitation {
    /// The sub-account's id.
    sub_account: String,
    /// Its name.
    name: String,
    /// The address of its master.
    master: String,
    /// Until when it can be accepted, in milliseconds.
    until_ms: u64,
}

impl From<InvitationView> for SubAccountInvitation {
    fn from(view: InvitationView) -> Self {
        let (sub_account, name) = (view.sub_account.to_string(), view.name.as_str().to_owned());
        Self { sub_account, name, master: view.master, until_ms: view.until.unix_ms() }
    }
}

/// What a sub-account is called from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLabel {
    /// Up to 50 characters; `null` or an empty text for none.
    label: Option<String>,
}

/// List the sub-accounts
#[utoipa::path(get, path = "/api/v1/sub-accounts", tag = "sub-accounts", security(("bearer" = [])),
    responses((status = 200, description = "Oldest first", body = [SubAccount]), Problems))]
pub async fn list(caller: Caller) -> Result<Json<Vec<SubAccount>>, Problem> {
    let views = list_sub_accounts(&caller.context(), caller.id()).await?;
    Ok(Json(views.into_iter().map(SubAccount::from).collect()))
}

/// Show a sub-account with its members
#[utoipa::path(get, path = "/api/v1/sub-accounts/{id}", tag = "sub-accounts", security(("bearer" = [])),
    params(("id" = String, Path, description = "The sub-account's id")),
    responses((status = 200, description = "The sub-account", body = SubAccountDetail), Problems))]
pub async fn show(caller: Caller, Id(id): Id<AccountId>) -> Result<Json<SubAccountDetail>, Problem> {
    let found = show_sub_account(&caller.context(), id).await?;
    let member = |email, since: Moment| SubAccountMember { email, since_ms: since.unix_ms() };
    Ok(Json(SubAccountDetail {
        sub_account: found.sub_account.into(),
        members: found.members.into_iter().map(|one| member(one.email, one.since)).collect(),
        invited: found
            .invited
            .into_iter()
            .map(|(email, until)| SubAccountInvited { email: email.to_string(), until_ms: until.unix_ms() })
            .collect(),
    }))
}

/// Label a sub-account
#[utoipa::path(put, path = "/api/v1/sub-accounts/{id}", tag = "sub-accounts", request_body = NewLabel, security(("bearer" = [])),
    params(("id" = String, Path, description = "The sub-account's id")),
    responses((status = 204, description = "Labelled"), Problems))]
pub async fn label(
    caller: Caller,
    Id(account): Id<AccountId>,
    Body(body): Body<NewLabel>,
) -> Result<StatusCode, Problem> {
    let label = label_of(body.label.as_deref())?;
    caller.act(LabelSubAccount { account, label }, Given::nothing()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the invitations to administer somebody's sub-account
#[utoipa::path(get, path = "/api/v1/invitations", tag = "sub-accounts", security(("bearer" = [])),
    responses((status = 200, description = "Those that can be accepted", body = [SubAccountInvitation]), Problems))]
pub async fn invitations(caller: Caller) -> Result<Json<Vec<SubAccountInvitation>>, Problem> {
    let account = show_account(&caller.context(), caller.id()).await?;
    let views = invitations_to(&caller.context(), &account.email).await?;
    Ok(Json(views.into_iter().map(SubAccountInvitation::from).collect()))
}
