//! Requests that the master account decides about: those that wait, those that were decided, and the thresholds of transfers.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::approvals::ChangeThresholds;
use keyward_authority::questions::{UsedThreshold, list_approvals, transfer_thresholds};
use keyward_rules::approval::{RequestApproval, Standing, Thresholds, Wanted};
use keyward_rules::limits::PAGE_MAX;
use keyward_rules::time::Moment;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, Body, PasskeyAnswer, StepUp, limit};
use super::caller::{Caller, Given};
use super::problem::{Problem, Problems};
use crate::pages::approval_place;

/// Which requests.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApprovalQuery {
    /// Of those that were decided, only older ones than this `next` cursor
    #[serde(default)]
    cursor: Option<String>,
    /// Of those that were decided, at most so many, 1 to 100
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

/// What a key asks for: a transfer by a key of a sub-account, or a change that a key of the master account may not make by itself.
/// Times are Unix milliseconds.
#[derive(Serialize, ToSchema)]
pub struct WaitingRequest {
    /// The number of its approval, which its client was answered with.
    id: String,
    /// `waiting`, `approved`, `refused`, `used` or `expired`.
    state: &'static str,
    /// In words.
    words: String,
    /// `transfer`, or the word of the action that a change is: `key.issue`, `key.widen` or `sub_account.loosen`.
    action: String,
    /// Of a transfer: the currency.
    currency: Option<String>,
    /// Of a transfer: the exact amount.
    amount: Option<String>,
    /// Of a transfer: `funding` or `trading`.
    from: Option<&'static str>,
    /// Of a transfer: `funding` or `trading`.
    to: Option<&'static str>,
    /// Of a transfer: OKX's type, `0` within the sub-account, `3` to the master account, `4` to another sub-account.
    r#type: Option<&'static str>,
    /// The sub-account whose key asks, or which would change.
    sub_account: String,
    /// The key that asks.
    api_key: String,
    /// The key's name.
    key_name: String,
    /// From which address it was asked; empty for a key of an app.
    source: String,
    /// `live` or `demo`.
    environment: &'static str,
    /// When it was asked for.
    asked_at_ms: u64,
    /// Until when it can be decided; once approved, until when it can be used.
    expires_at_ms: u64,
    /// When it was approved or refused.
    decided_at_ms: Option<u64>,
    /// When it was used.
    used_at_ms: Option<u64>,
}

impl WaitingRequest {
    fn of(approval: &RequestApproval, now: Moment) -> Self {
        let (transfer, asker) = (approval.wanted.transfer(), &approval.asker);
        let action = match &approval.wanted {
            Wanted::Transfer(_) => "transfer".to_owned(),
            Wanted::Change(change) => change.action.to_string(),
        };
        let (decided, used) = match approval.standing {
            Standing::Waiting => (None, None),
            Standing::Approved(at, _) | Standing::Refused(at, _) => (Some(at), None),
            Standing::Used((at, _), (used, _)) => (Some(at), Some(used)),
        };
        Self {
            id: approval.id.to_string(),
            state: approval.state(now).word(),
            words: approval.in_words(),
            action,
            currency: transfer.map(|transfer| transfer.currency.to_string()),
            amount: transfer.map(|transfer| transfer.amount.to_string()),
            from: transfer.map(|transfer| transfer.from.word()),
            to: transfer.map(|transfer| transfer.to.word()),
            r#type: transfer.map(|transfer| transfer.direction.number()),
            sub_account: asker.sub_account.clone(),
            api_key: approval.key.to_string(),
            key_name: asker.key_name.clone(),
            source: asker.source.map(|source| source.to_string()).unwrap_or_default(),
            environment: approval.environment.word(),
            asked_at_ms: approval.made_at.unix_ms(),
            expires_at_ms: approval.expires_at.unix_ms(),
            decided_at_ms: decided.map(Moment::unix_ms),
            used_at_ms: used.map(Moment::unix_ms),
        }
    }
}

/// Requests that the account decides about.
#[derive(Serialize, ToSchema)]
pub struct ApprovalPage {
    /// Those that wait, oldest first, at most 100.
    waiting: Vec<WaitingRequest>,
    /// How many wait in all.
    count: u64,
    /// Those that were decided or have expired, newest first.
    settled: Vec<WaitingRequest>,
    /// The cursor of the next page of these, if there is one.
    next: Option<String>,
}

/// List requests that wait for approval, and what became of others
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", params(ApprovalQuery), security(("bearer" = [])),
    responses((status = 200, description = "Waiting ones first", body = ApprovalPage), Problems))]
pub async fn list(caller: Caller, Asked(query): Asked<ApprovalQuery>) -> Result<Json<ApprovalPage>, Problem> {
    let before = match query.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        None => None,
        Some(cursor) => Some(approval_place::place(cursor).ok_or_else(|| {
            let text = "`cursor` is the `next` of an earlier answer";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_cursor", text)
        })?),
    };
    let limit = limit(query.limit, PAGE_MAX)?;
    let context = caller.context();
    let found = list_approvals(&context, caller.id(), before, limit).await?;
    let all = |list: &[RequestApproval]| {
        list.iter().map(|one| WaitingRequest::of(one, context.now)).collect::<Vec<_>>()
    };
    Ok(Json(ApprovalPage {
        waiting: all(&found.waiting),
        count: found.count,
        settled: all(&found.settled),
        next: found.older.map(approval_place::text_of),
    }))
}

/// Thresholds, and what is used of them today.
#[derive(Serialize, ToSchema)]
pub struct TransferThresholds {
    /// One for each currency that has one, over all sub-accounts together.
    thresholds: Vec<TransferThreshold>,
}

/// A threshold.
#[derive(Serialize, ToSchema)]
pub struct TransferThreshold {
    /// The currency.
    currency: String,
    /// What may pass in a UTC day without asking.
    limit: String,
    /// What has passed today in live trading.
    used: String,
    /// What has passed today in demo trading.
    used_demo: String,
}

impl From<UsedThreshold> for TransferThreshold {
    fn from(of: UsedThreshold) -> Self {
        Self {
            currency: of.currency,
            limit: of.limit.to_string(),
            used: of.used.to_string(),
            used_demo: of.used_demo.to_string(),
        }
    }
}

/// Other thresholds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewThresholds {
    /// All thresholds from now on, an amount for each currency, such as `{"USDT": "100"}`. A currency that is left out has none:
    /// every transfer of it is asked for.
    thresholds: BTreeMap<String, String>,
    /// For lower ones: a code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer
    /// is 403 `factor_required`.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
    /// For any other change: the answer to the challenge.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// Show how much sub-accounts may transfer without asking
#[utoipa::path(get, path = "/api/v1/approvals/thresholds", tag = "approvals", security(("bearer" = [])),
    responses((status = 200, description = "The thresholds", body = TransferThresholds), Problems))]
pub async fn show_thresholds(caller: Caller) -> Result<Json<TransferThresholds>, Problem> {
    let (_, all) = transfer_thresholds(&caller.context(), caller.id()).await?;
    Ok(Json(TransferThresholds { thresholds: all.into_iter().map(TransferThreshold::from).collect() }))
}

/// Change how much sub-accounts may transfer without asking
#[utoipa::path(put, path = "/api/v1/approvals/thresholds", tag = "approvals", request_body = NewThresholds,
    security(("bearer" = [])), responses((status = 200, description = "Changed", body = TransferThresholds), Problems))]
pub async fn change_thresholds(
    caller: Caller,
    Body(body): Body<NewThresholds>,
) -> Result<Json<TransferThresholds>, Problem> {
    let entries = body.thresholds.iter().map(|(currency, amount)| (currency.as_str(), amount.as_str()));
    let to = Thresholds::new(entries).map_err(ActionError::from)?;
    let change = ChangeThresholds { account: caller.id(), to };
    caller.act(change, Given::either(body.factor, body.passkey, body.step_up)).await?;
    show_thresholds(caller).await
}
