//! Somebody with a role, and what the pages of operations share: the context, the reason and the proof of an action.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use keyward_authority::{Action, ActionContext, ActionError};
use keyward_rules::grant::{ActionKind, NotAllowed};
use keyward_rules::id::AccountId;
use keyward_rules::staff::Role;

use crate::api::reason;
use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, ask_at_once, prove_at_once};
use crate::pages::field::{Field, Kind};
use crate::pages::layout::{message, problem};
use crate::pages::person::{Posted, SignedIn};
use crate::shell::Shell;

/// Somebody with a role, signed in.
pub struct StaffMember(pub SignedIn);

impl StaffMember {
    /// The context of what they do in their role.
    pub fn context(&self) -> Result<ActionContext<'_>, Response> {
        context(&self.0)
    }

    /// Whether they act, and not only look.
    pub fn acts(&self) -> bool {
        self.0.role == Some(Role::Operator)
    }
}

impl FromRequestParts<Shell> for StaffMember {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shell: &Shell) -> Result<Self, Response> {
        let person = SignedIn::from_request_parts(parts, shell).await?;
        context(&person).map(drop)?;
        Ok(Self(person))
    }
}

/// The context of a person's role; for everybody else there is no such page.
pub(super) fn context(person: &SignedIn) -> Result<ActionContext<'_>, Response> {
    person.staff_context().ok_or_else(nothing_here)
}

fn nothing_here() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "Page not found",
        "The address may be mistyped, or the page may have moved.",
    )
}

/// The context of an operator who is about to act: an auditor is told so before any form is shown.
pub(super) fn acting<'p>(person: &'p SignedIn, action: ActionKind) -> Result<ActionContext<'p>, Response> {
    let context = context(person)?;
    if person.role == Some(Role::Operator) {
        return Ok(context);
    }
    Err(problem(NotAllowed::of(&context.actor, action).into()))
}

/// The reason's field, for the audit log.
pub(super) fn why_field(fields: &Fields, error: &str) -> String {
    let hint = "For the audit log; the user does not see it. Up to 200 characters.";
    Field::new("why", "Why", Kind::Text).hint(hint).error(error).value(fields.get("why")).html()
}

/// Does an action that takes a reason: reads the reason, asks for the proof together with it, and performs the action.
/// `asking` makes the page that asks for both, from the fields and what is wrong with the reason.
pub(super) async fn reasoned<A: Action>(
    posted: &Posted,
    context: &ActionContext<'_>,
    asking: impl Fn(&Fields, &str) -> Confirmation,
    action: impl FnOnce(String) -> A,
) -> Result<A::Reply, Response> {
    let (person, fields) = (posted.person.clone(), Fields(posted.fields.without(&["why"])));
    let Some(why) = reason(posted.fields.get("why")) else {
        let asking = asking(&posted.fields, "Say why, on one line.");
        return Err(ask_at_once(&person, &asking, &fields).await);
    };
    let (typed, action) = (Posted { person, fields }, action(why.to_owned()));
    action.judge(context).await.map_err(problem)?;
    let pending = action.plan(context).await.map_err(problem)?;
    let proof = prove_at_once(&typed, context, &asking(&posted.fields, ""), &pending).await?;
    action.perform(context, proof).await.map_err(problem)
}

/// The account that a path names.
pub(super) fn account_id(text: &str) -> Result<AccountId, Response> {
    text.parse().map_err(|_| problem(ActionError::NoAccount))
}
