//! What operators do and auditors see.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use keyward_authority::AuditFilter;
use keyward_authority::operators;
use keyward_authority::operators::{
    ApproveProposal, CancelProposal, FreezeAccount, FreezeKey, InviteOperator, ProposeChange, RevokeRole,
    StopKey, TightenPolicy, name_of,
};
use keyward_authority::questions::{prove_record, search_audit};
use keyward_rules::grant::ActionKind;
use keyward_rules::id::{AccountId, KeyId};
use keyward_rules::limits::{PAGE_MAX, WHY_CHARS};
use keyward_rules::policy::Setting;
use keyward_rules::proposal::{Change, ChangeHash, ProposalId};
use keyward_rules::time::Moment;
use keyward_rules::trail::RecordFilter;

use super::body::{Asked, Body, Id, limit};
use super::caller::{Caller, Given, StaffMember};
use super::key_forms::OneFactor;
use super::operations_views::{
    AccountPage, AccountWithKeys, Approve, AuditQuery, Count, Freeze, Invitation, Invite, Member,
    OverseenKey, OverseenKeys, Overview, Policy, Proposal, ProposalPage, Search, Stricter, TakeSetUp, Wish,
};
use super::problem::{Problem, Problems};
use super::trail::{RecordNumber, TrailPage, TrailProof};
use super::views::Key;

fn unacceptable(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
}

pub(super) fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(str::parse).transpose().map_err(|_| unacceptable("bad_cursor", "the cursor is not valid"))
}

/// A reason for the audit log: a line that says something.
pub fn reason(text: &str) -> Option<&str> {
    let text = text.trim();
    let good = (1..=WHY_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    good.then_some(text)
}

pub(super) fn why(text: &str) -> Result<&str, Problem> {
    reason(text).ok_or_else(|| unacceptable("bad_reason", "say why, in up to 200 characters on one line"))
}

/// Become an operator with a set-up link
#[utoipa::path(post, path = "/api/v1/operations/set-up", tag = "operations", request_body = TakeSetUp,
    security(("bearer" = [])), responses((status = 204, description = "An operator now"), Problems))]
pub async fn take_set_up(caller: Caller, Body(body): Body<TakeSetUp>) -> Result<StatusCode, Problem> {
    let taking = operators::TakeSetUp { token: body.token, alone: body.alone };
    caller.act(taking, Given::step_up(body.step_up)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Show the state of the deployment
#[utoipa::path(get, path = "/api/v1/operations", tag = "operations", security(("bearer" = [])),
    responses((status = 200, description = "Counts", body = Overview), Problems))]
pub async fn overview(officer: StaffMember) -> Result<Json<Overview>, Problem> {
    let view = operators::overview(&officer.context()).await?;
    let counts =
        |list: Vec<(String, i64)>| list.into_iter().map(|(state, count)| Count { state, count }).collect();
    Ok(Json(Overview {
        accounts: view.counts.accounts,
        keys: counts(view.counts.keys),
        mails: counts(view.counts.mails),
        events: view.counts.events,
        open_proposals: view.counts.proposals,
        set_up_open: view.set_up_open,
    }))
}

/// Search the accounts
#[utoipa::path(get, path = "/api/v1/operations/accounts", tag = "operations", params(Search), security(("bearer" = [])),
    responses((status = 200, description = "By id", body = AccountPage), Problems))]
pub async fn accounts(
    officer: StaffMember,
    Asked(query): Asked<Search>,
) -> Result<Json<AccountPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let after: Option<AccountId> = cursor(query.cursor.as_deref())?;
    let found = operators::search_accounts(&officer.context(), &query.q, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.record.account.id.to_string());
    Ok(Json(AccountPage { accounts: found.into_iter().map(Into::into).collect(), next }))
}

/// Show an account with its keys
#[utoipa::path(get, path = "/api/v1/operations/accounts/{id}", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "The account", body = AccountWithKeys), Problems))]
pub async fn account(officer: StaffMember, Id(id): Id<AccountId>) -> Result<Json<AccountWithKeys>, Problem> {
    let context = officer.context();
    let (account, keys) = operators::overseen_account(&context, id).await?;
    Ok(Json(AccountWithKeys { account: account.into(), keys: Key::all_of(&context, keys).await? }))
}

/// Freeze an account
#[utoipa::path(post, path = "/api/v1/operations/accounts/{id}/freeze", tag = "operations", request_body = Freeze,
    security(("bearer" = [])), params(("id" = String, Path, description = "The account")),
    responses((status = 204, description = "Frozen, with all its keys"), Problems))]
pub async fn freeze_account(
    officer: StaffMember,
    Id(id): Id<AccountId>,
    Body(body): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::FreezeAccount)?;
    let freeze = FreezeAccount { account: id, why: why(&body.why)?.to_owned() };
    officer.act(freeze, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Search the keys
#[utoipa::path(get, path = "/api/v1/operations/keys", tag = "operations", params(Search), security(("bearer" = [])),
    responses((status = 200, description = "By id", body = OverseenKeys), Problems))]
pub async fn keys(officer: StaffMember, Asked(query): Asked<Search>) -> Result<Json<OverseenKeys>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let after: Option<KeyId> = cursor(query.cursor.as_deref())?;
    let context = officer.context();
    let found = operators::search_keys(&context, &query.q, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|(key, _)| key.id.to_string());
    let mut keys = Vec::with_capacity(found.len());
    for one in found {
        keys.push(OverseenKey::of(&context, one).await?);
    }
    Ok(Json(OverseenKeys { keys, next }))
}

/// Show a key
#[utoipa::path(get, path = "/api/v1/operations/keys/{id}", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The API key")),
    responses((status = 200, description = "The key", body = OverseenKey), Problems))]
pub async fn key(officer: StaffMember, Id(id): Id<KeyId>) -> Result<Json<OverseenKey>, Problem> {
    let context = officer.context();
    let found = operators::overseen_key(&context, id).await?;
    Ok(Json(OverseenKey::of(&context, found).await?))
}

/// Freeze a key
#[utoipa::path(post, path = "/api/v1/operations/keys/{id}/freeze", tag = "operations", request_body = Freeze,
    security(("bearer" = [])), params(("id" = String, Path, description = "The API key")),
    responses((status = 204, description = "Frozen"), Problems))]
pub async fn freeze_key(
    officer: StaffMember,
    Id(id): Id<KeyId>,
    Body(body): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::FreezeKey)?;
    let freeze = FreezeKey { key: id, why: why(&body.why)?.to_owned() };
    officer.act(freeze, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stop a key from trading: it reads and cancels until its user lifts that
#[utoipa::path(post, path = "/api/v1/operations/keys/{id}/stop-trading", tag = "operations", request_body = Freeze,
    security(("bearer" = [])), params(("id" = String, Path, description = "The API key")),
    responses((status = 204, description = "Stopped"), Problems))]
pub async fn stop_key(
    officer: StaffMember,
    Id(id): Id<KeyId>,
    Body(body): Body<Freeze>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::StopTrading)?;
    let stop = StopKey { key: id, why: why(&body.why)?.to_owned() };
    officer.act(stop, Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Search the audit log
#[utoipa::path(get, path = "/api/v1/operations/audit", tag = "operations", params(AuditQuery), security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = TrailPage), Problems))]
pub async fn audit(
    officer: StaffMember,
    Asked(query): Asked<AuditQuery>,
) -> Result<Json<TrailPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let sought = RecordFilter {
        text: query.q,
        action: query.action,
        kind: None,
        from: query.from_ms.map(Moment::from_unix_ms),
        to: query.until_ms.map(Moment::from_unix_ms),
    };
    let filter = AuditFilter { sought, account: cursor(query.account.as_deref())?, before: query.cursor };
    let found = search_audit(&officer.context(), &filter, limit).await?;
    Ok(Json(TrailPage::of(found.rows, found.next)))
}

/// Prove that any record is in the log
#[utoipa::path(get, path = "/api/v1/operations/audit/{n}/proof", tag = "operations", security(("bearer" = [])),
    params(("n" = u64, Path, description = "The record's number")),
    responses((status = 200, description = "Against the newest checkpoint", body = TrailProof), Problems))]
pub async fn audit_proof(
    officer: StaffMember,
    Id(RecordNumber(n)): Id<RecordNumber>,
) -> Result<Json<TrailProof>, Problem> {
    Ok(Json(prove_record(&officer.context(), n).await?.into()))
}

/// List the people with a role
#[utoipa::path(get, path = "/api/v1/operations/staff", tag = "operations", security(("bearer" = [])),
    responses((status = 200, description = "Oldest first", body = Vec<Member>), Problems))]
pub async fn staff(officer: StaffMember) -> Result<Json<Vec<Member>>, Problem> {
    let context = officer.context();
    let mut members = Vec::new();
    for one in operators::staff(&context).await? {
        members.push(Member {
            account: one.account.to_string(),
            name: name_of(&context, one.account).await?,
            role: one.role.word(),
            granted_at_ms: one.granted_at.unix_ms(),
        });
    }
    Ok(Json(members))
}

/// Invite the next operator during set-up
#[utoipa::path(post, path = "/api/v1/operations/invitations", tag = "operations", request_body = Invite,
    security(("bearer" = [])), responses((status = 201, description = "The link", body = Invitation), Problems))]
pub async fn invite(
    officer: StaffMember,
    Body(body): Body<Invite>,
) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let token = officer.act(InviteOperator, Given::step_up(body.step_up)).await?;
    let link = officer.caller.shell.set_up_link(&token);
    Ok((StatusCode::CREATED, Json(Invitation { link })))
}

/// Remove a role
#[utoipa::path(delete, path = "/api/v1/operations/staff/{id}", tag = "operations", request_body = OneFactor,
    security(("bearer" = [])), params(("id" = String, Path, description = "The account")),
    responses((status = 204, description = "Gone"), Problems))]
pub async fn revoke(
    officer: StaffMember,
    Id(id): Id<AccountId>,
    Body(body): Body<OneFactor>,
) -> Result<StatusCode, Problem> {
    officer.act(RevokeRole(id), Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the policies in force
#[utoipa::path(get, path = "/api/v1/operations/policies", tag = "operations", security(("bearer" = [])),
    responses((status = 200, description = "All of them", body = Vec<Policy>), Problems))]
pub async fn policies(officer: StaffMember) -> Result<Json<Vec<Policy>>, Problem> {
    let in_force = operators::policy_in_force(&officer.context()).await?;
    Ok(Json(in_force.settings.into_iter().map(Policy::from).collect()))
}

/// Make a policy stricter
#[utoipa::path(put, path = "/api/v1/operations/policies/{name}", tag = "operations", request_body = Stricter,
    security(("bearer" = [])), params(("name" = String, Path, description = "The policy")),
    responses((status = 204, description = "In force"), Problems))]
pub async fn tighten(
    officer: StaffMember,
    Path(name): Path<String>,
    Body(body): Body<Stricter>,
) -> Result<StatusCode, Problem> {
    officer.acting(ActionKind::TightenPolicy)?;
    let setting =
        Setting::parse(&name, &body.value).map_err(|wrong| unacceptable("bad_policy", &wrong.to_string()))?;
    officer.act(TightenPolicy(setting), Given::factor(body.factor, body.passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the proposals
#[utoipa::path(get, path = "/api/v1/operations/proposals", tag = "operations", params(Search), security(("bearer" = [])),
    responses((status = 200, description = "Newest first; `q` is not used", body = ProposalPage), Problems))]
pub async fn proposals(
    officer: StaffMember,
    Asked(query): Asked<Search>,
) -> Result<Json<ProposalPage>, Problem> {
    let limit = limit(query.limit, PAGE_MAX)?;
    let before: Option<ProposalId> = cursor(query.cursor.as_deref())?;
    let (views, altered) = operators::list_proposals(&officer.context(), before, limit).await?;
    let next = views.last().filter(|_| views.len() == limit).map(|last| last.id.to_string());
    Ok(Json(ProposalPage { proposals: views.into_iter().map(Proposal::from).collect(), next, altered }))
}

/// Propose a change, and apply it if one operator is enough
#[utoipa::path(post, path = "/api/v1/operations/proposals", tag = "operations", request_body = Wish,
    security(("bearer" = [])), responses((status = 201, description = "The proposal", body = Proposal), Problems))]
pub async fn propose(
    officer: StaffMember,
    Body(body): Body<Wish>,
) -> Result<(StatusCode, Json<Proposal>), Problem> {
    officer.acting(ActionKind::Propose)?;
    let change = Change::parse(&body.change)
        .ok_or_else(|| unacceptable("bad_change", "there is no such change; the document lists them"))?;
    let id = officer.act(ProposeChange(change), Given::step_up(body.step_up)).await?;
    let context = officer.context();
    // Of a refusal the view tells: the proposal stays open, and `carry-out` says why.
    let _progress = operators::carry_out_if_complete(&context, id).await;
    Ok((StatusCode::CREATED, Json(operators::show_proposal(&context, id).await?.into())))
}

/// Show a proposal
#[utoipa::path(get, path = "/api/v1/operations/proposals/{id}", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The proposal's number")),
    responses((status = 200, description = "The proposal", body = Proposal), Problems))]
pub async fn proposal(officer: StaffMember, Id(id): Id<ProposalId>) -> Result<Json<Proposal>, Problem> {
    Ok(Json(operators::show_proposal(&officer.context(), id).await?.into()))
}

/// Approve a proposal, and apply it with the last approval
#[utoipa::path(post, path = "/api/v1/operations/proposals/{id}/approve", tag = "operations", request_body = Approve,
    security(("bearer" = [])), params(("id" = String, Path, description = "The proposal's number")),
    responses((status = 200, description = "Approved", body = Proposal), Problems))]
pub async fn approve(
    officer: StaffMember,
    Id(id): Id<ProposalId>,
    Body(body): Body<Approve>,
) -> Result<Json<Proposal>, Problem> {
    officer.acting(ActionKind::Approve)?;
    let read = ChangeHash::parse(&body.hash)
        .ok_or_else(|| unacceptable("bad_hash", "the hash is the proposal's, 64 hexadecimal digits"))?;
    officer.act(ApproveProposal { proposal: id, read }, Given::step_up(body.step_up)).await?;
    let context = officer.context();
    // Of a refusal the view tells: the approval stands, the proposal stays open, and `carry-out` says why.
    let _progress = operators::carry_out_if_complete(&context, id).await;
    Ok(Json(operators::show_proposal(&context, id).await?.into()))
}

/// Apply an approved proposal
#[utoipa::path(post, path = "/api/v1/operations/proposals/{id}/carry-out", tag = "operations", security(("bearer" = [])),
    params(("id" = String, Path, description = "The proposal's number")),
    responses((status = 200, description = "Done", body = Proposal), Problems))]
pub async fn carry_out(officer: StaffMember, Id(id): Id<ProposalId>) -> Result<Json<Proposal>, Problem> {
    let context = officer.acting(ActionKind::Approve)?;
    operators::carry_out(&context, id).await?;
    Ok(Json(operators::show_proposal(&context, id).await?.into()))
}

/// Cancel a proposal
#[utoipa::path(post, path = "/api/v1/operations/proposals/{id}/cancel", tag = "operations", request_body = OneFactor,
    security(("bearer" = [])), params(("id" = String, Path, description = "The proposal's number")),
    responses((status = 200, description = "Cancelled", body = Proposal), Problems))]
pub async fn cancel(
    officer: StaffMember,
    Id(id): Id<ProposalId>,
    Body(body): Body<OneFactor>,
) -> Result<Json<Proposal>, Problem> {
    officer.act(CancelProposal(id), Given::factor(body.factor, body.passkey)).await?;
    Ok(Json(operators::show_proposal(&officer.context(), id).await?.into()))
}
