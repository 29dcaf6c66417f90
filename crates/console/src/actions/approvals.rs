//! What a master decides about requests of keys. The page of approvals leads here with those that were selected;
//! without any, the page lists those that wait.

use askama::Template;
use async_trait::async_trait;
use axum::http::StatusCode;
use keyward_authority::ActionError;
use keyward_authority::approvals::{ApprovalSet, ApproveRequests, RefuseRequests};
use keyward_authority::questions::list_approvals;
use keyward_rules::id::ApprovalId;
use keyward_rules::limits::APPROVALS_PER_ACTION;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;
use utoipa_axum::router::OpenApiRouter;

use super::exposed::{Exposed, FormStep, Inputs, Operation, Question, Wanted};
use super::handlers::{operation_of, page_of};
use crate::api::{Caller, Given, PasskeyAnswer, Problem, StepUp, parsed_id};
use crate::fields::Fields;
use crate::pages::person::SignedIn;
use crate::route::Routes;
use crate::shell::Shell;

/// Where all of it begins and ends.
const LIST: &str = "/approvals";

/// The pages.
pub fn pages(routes: Routes) -> Routes {
    page_of::<RefuseRequests>(page_of::<ApproveRequests>(routes))
}

/// The operations.
pub fn operations(api: OpenApiRouter<Shell>) -> OpenApiRouter<Shell> {
    operation_of::<RefuseRequests>(operation_of::<ApproveRequests>(api))
}

const fn operation(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    answers: &'static str,
) -> Operation {
    Operation {
        method: HttpMethod::Post,
        path,
        id,
        tag: "approvals",
        summary,
        about: "",
        status: StatusCode::OK,
        answers,
    }
}

/// Requests to approve.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestsToApprove {
    /// 1 to 100 numbers of approvals, each of which waits. All of them are approved, or none.
    approvals: Vec<String>,
    /// The answer to the challenge, whose `approves` lists the requests.
    #[serde(default)]
    step_up: Option<StepUp>,
}

/// Requests to refuse.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestsToRefuse {
    /// 1 to 100 numbers of approvals, each of which waits, or is approved and not used. All of them are refused, or none.
    approvals: Vec<String>,
    /// A code of the authenticator, a recovery code, or the password. With neither this nor `passkey`, the answer is 403
    /// `factor_required`, and `approves` lists the requests.
    #[serde(default)]
    factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer, for the same request.
    #[serde(default)]
    passkey: Option<PasskeyAnswer>,
}

/// The requests that were decided.
#[derive(Serialize, ToSchema)]
pub struct DecidedRequests {
    /// The numbers of their approvals.
    decided: Vec<String>,
}

impl DecidedRequests {
    fn of(ids: &[ApprovalId]) -> Self {
        Self { decided: ids.iter().map(ToString::to_string).collect() }
    }
}

/// The approvals of a body, or why there are none or too many of them.
fn some(ids: &[String]) -> Result<ApprovalSet, Problem> {
    let ids = ids.iter().map(|id| parsed_id(id)).collect::<Result<Vec<ApprovalId>, _>>()?;
    ApprovalSet::new(ids).ok_or_else(|| {
        let text = format!("name 1 to {APPROVALS_PER_ACTION} approvals");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_approvals", text)
    })
}

/// The form that lists those that wait.
#[derive(Template)]
#[template(path = "selected_requests.html")]
struct Choices {
    /// The number, and what it asks for.
    requests: Vec<(String, String)>,
}

/// Reads the requests that a form selects.
async fn selected<A>(
    person: &SignedIn,
    fields: &Fields,
    (what, effect): (&str, &str),
    action: fn(ApprovalSet) -> A,
) -> Result<FormStep<A>, ActionError> {
    let ids: Result<Vec<ApprovalId>, _> = fields.all("approval").map(str::parse::<ApprovalId>).collect();
    let ids = ids.map_err(|_| ActionError::NoApproval)?;
    let Some(set) = ApprovalSet::new(ids.iter().copied()) else {
        let found = list_approvals(&person.own_context(), person.id(), None, 1).await?;
        let choice = |one: &keyward_rules::approval::RequestApproval| (one.id.to_string(), one.in_words());
        let requests = found.waiting.iter().map(choice).collect();
        let error = match (fields.0.is_empty(), ids.is_empty()) {
            (true, _) => String::new(),
            (false, true) => "Select at least one request.".to_owned(),
            (false, false) => format!("Select at most {APPROVALS_PER_ACTION} requests."),
        };
        return Ok(FormStep::Inputs(Inputs {
            words: vec![what.to_owned()],
            html: Choices { requests }.render().unwrap_or_default(),
            error,
            back: LIST.to_owned(),
        }));
    };
    Ok(FormStep::Proof(Wanted {
        words: vec![effect.to_owned()],
        carried: set.ids().map(|id| ("approval", id.to_string())).collect(),
        action: action(set),
        back: LIST.to_owned(),
        then: LIST.to_owned(),
    }))
}

#[async_trait]
impl Exposed for ApproveRequests {
    const PAGE: Question = Question {
        path: "/approvals/approve",
        title: "Approve requests",
        button: "Approve",
        danger: false,
        part: "approvals",
    };
    const OPERATION: Operation =
        operation("/api/v1/approvals/approve", "approvals_approve", "Approve requests", "Approved");
    type Body = RequestsToApprove;
    type Answer = DecidedRequests;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let about = (
            "Select the requests to approve. The next page asks for a code by mail and a second factor.",
            "You can take an approval back until it is used.",
        );
        selected(person, fields, about, ApproveRequests).await
    }

    fn of_body(_: &Caller, _: &str, body: RequestsToApprove) -> Result<(Self, Given), Problem> {
        Ok((Self(some(&body.approvals)?), Given::step_up(body.step_up)))
    }

    fn answer(decided: Vec<ApprovalId>) -> DecidedRequests {
        DecidedRequests::of(&decided)
    }
}

#[async_trait]
impl Exposed for RefuseRequests {
    const PAGE: Question = Question {
        path: "/approvals/refuse",
        title: "Refuse requests",
        button: "Refuse",
        danger: true,
        part: "approvals",
    };
    const OPERATION: Operation =
        operation("/api/v1/approvals/refuse", "approvals_refuse", "Refuse requests", "Refused");
    type Body = RequestsToRefuse;
    type Answer = DecidedRequests;

    async fn of_form(person: &SignedIn, _: &str, fields: &Fields) -> Result<FormStep<Self>, ActionError> {
        let about = (
            "Select the requests to refuse. The next page asks for one factor.",
            "Nothing happens. The same request can be made again when its 24 hours are over.",
        );
        selected(person, fields, about, RefuseRequests).await
    }

    fn of_body(_: &Caller, _: &str, body: RequestsToRefuse) -> Result<(Self, Given), Problem> {
        Ok((Self(some(&body.approvals)?), Given::factor(body.factor, body.passkey)))
    }

    fn answer(decided: Vec<ApprovalId>) -> DecidedRequests {
        DecidedRequests::of(&decided)
    }
}
