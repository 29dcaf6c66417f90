//! The pages of operators and auditors, and the way to become the first operator.

#![expect(clippy::result_large_err, reason = "what goes wrong here is an answer, and it goes straight out")]

mod accounts;
mod apps;
mod audit;
mod keys;
mod overview;
mod proposals;
mod set_up;
mod settings;
mod staff;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use keyward_authority::{ActionError, Desk};
use keyward_rules::grant::{Action, NotAllowed, Proof};
use keyward_rules::id::AccountId;
use keyward_rules::staff::Role;

use super::confirm::{Asking, Ceremony, ask_one, one_factor};
use super::field::{Field, Kind};
use super::layout::{message, problem};
use super::person::{Posted, SignedIn};
use crate::api::reason;
use crate::fields::Fields;
use crate::route::{AndPost as _, get, post};
use crate::shell::Shell;

/// Somebody with a role, signed in.
pub struct Officer(pub SignedIn);

impl Officer {
    /// A desk for what they do in their role.
    pub fn desk(&self) -> Result<Desk<'_>, Response> {
        desk(&self.0)
    }

    /// Whether they act, and not only look.
    pub fn acts(&self) -> bool {
        self.0.role == Some(Role::Operator)
    }
}

impl FromRequestParts<Shell> for Officer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Response> {
        let person = SignedIn::from_request_parts(parts, shell).await?;
        desk(&person).map(drop)?;
        Ok(Self(person))
    }
}

/// The desk of a person's role; for everybody else there is no such page.
fn desk(person: &SignedIn) -> Result<Desk<'_>, Response> {
    person.staff_desk().ok_or_else(nothing_here)
}

fn nothing_here() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped, or the page may have moved.",
    )
}

/// The desk of an operator who is about to act: an auditor is told so before any form is shown.
fn acting<'p>(person: &'p SignedIn, action: Action) -> Result<Desk<'p>, Response> {
    let desk = desk(person)?;
    if person.role == Some(Role::Operator) {
        return Ok(desk);
    }
    let actor = desk.actor.clone();
    Err(problem(NotAllowed { actor, action }.into()))
}

/// The reason's field, for the audit log.
fn why_field(fields: &Fields, error: &str) -> String {
    let hint = "For the audit log; the holder does not see it. Up to 200 characters.";
    Field::new("why", "Why", Kind::Text).hint(hint).error(error).value(fields.get("why")).html()
}

/// The proof and the reason of a freeze; `asking` makes its page, with what is wrong with the reason.
async fn reasoned(
    posted: &Posted,
    asking: impl Fn(&Fields, &str) -> Asking,
) -> Result<(Proof, String), Response> {
    let (person, fields) = (posted.person.clone(), Fields(posted.fields.without(&["why"])));
    let Some(why) = reason(posted.fields.get("why")) else {
        let asking = asking(&posted.fields, "Say why, on one line.");
        return Err(ask_one(&person, &asking, &fields, "").await);
    };
    match one_factor(&Posted { person, fields }, &asking(&posted.fields, "")).await {
        Ceremony::Proven(proof) => Ok((proof, why.to_owned())),
        Ceremony::Page(answer) => Err(answer),
    }
}

/// The account that a path names.
fn account_id(text: &str) -> Result<AccountId, Response> {
    text.parse().map_err(|_| problem(ActionError::NoAccount))
}

/// All of them.
pub fn router() -> Router<Shell> {
    Router::new()
        .route("/set-up", get(set_up::show).and_post(set_up::take))
        .route("/operations", get(overview::show))
        .route("/operations/accounts", get(accounts::list))
        .route("/operations/accounts/{id}", get(accounts::show))
        .route("/operations/accounts/{id}/freeze", get(accounts::show_freeze).and_post(accounts::freeze))
        .route("/operations/keys", get(keys::list))
        .route("/operations/keys/{id}", get(keys::show))
        .route("/operations/keys/{id}/freeze", get(keys::show_freeze).and_post(keys::freeze))
        .route("/operations/audit", get(audit::list))
        .route("/operations/audit/{n}/proof", get(audit::proof))
        .route("/operations/staff", get(staff::list))
        .route("/operations/staff/invite", get(staff::show_invite).and_post(staff::invite))
        .route("/operations/staff/{id}/revoke", get(staff::show_revoke).and_post(staff::revoke))
        .route("/operations/settings", get(settings::show).and_post(settings::change))
        .route("/operations/proposals", get(proposals::list))
        .route("/operations/proposals/new", get(proposals::show_new).and_post(proposals::make))
        .route("/operations/proposals/{id}", get(proposals::show))
        .route(
            "/operations/proposals/{id}/approve",
            get(proposals::show_approve).and_post(proposals::approve),
        )
        .route("/operations/proposals/{id}/carry-out", post(proposals::carry_out))
        .route("/operations/proposals/{id}/cancel", get(proposals::show_cancel).and_post(proposals::cancel))
        .merge(apps::router())
}
