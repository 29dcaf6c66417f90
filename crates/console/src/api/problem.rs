//! Problem documents (RFC 9457), made in this file alone.

use super::body::PasskeyQuestion;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyward_authority::{ActionError, ErrorKind};
use keyward_rules::grant::{NotApproved, NotProven};
use keyward_rules::key::{KeyRefusal, LifeRefusal};
use keyward_rules::proposal::NotPassed;
use serde::Serialize;
use tracing::error;
use utoipa::{IntoResponses, ToSchema};

/// What went wrong, for a program (`code`) and for a person (`detail`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// `about:blank`: the status says the kind, `code` the cause.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status's name.
    title: &'static str,
    /// The status.
    status: u16,
    /// A stable word for programs.
    code: &'static str,
    /// A sentence for people.
    detail: String,
    /// With `step_up_required`: the challenge to answer, whose code was sent by mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// With `step_up_required` and `factor_required`: what is being approved, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    approves: Option<Vec<String>>,
    /// With `step_up_required` and `factor_required`, where the account has passkeys: the question that one may answer
    /// instead of `factor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyQuestion>,
    /// Seconds after which it is worth another try; a header of the answer.
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// A problem document on its way out.
#[derive(Debug)]
pub struct Problem(Box<Document>);

/// The problems that every operation may answer with.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "names the statuses in the document; the answers are made by `Problem`")]
pub enum Problems {
    /// The request cannot be read
    #[response(status = 400, content_type = "application/problem+json")]
    Bad(Document),
    /// No session, or not yet a full one
    #[response(status = 401, content_type = "application/problem+json")]
    Nobody(Document),
    /// Another proof is needed
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Document),
    /// Nothing of that name
    #[response(status = 404, content_type = "application/problem+json")]
    Missing(Document),
    /// It is not in a state for that, or the name is taken
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Document),
    /// The body is too large
    #[response(status = 413, content_type = "application/problem+json")]
    Large(Document),
    /// The body is not JSON
    #[response(status = 415, content_type = "application/problem+json")]
    Media(Document),
    /// A value is not acceptable
    #[response(status = 422, content_type = "application/problem+json")]
    Unacceptable(Document),
    /// Too many tries
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Document),
    /// The store did not answer
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Document),
}

impl Problem {
    /// A problem with a code and a sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Document {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            challenge: None,
            approves: None,
            passkey: None,
            retry_after_s: None,
        }))
    }

    /// A step-up is due, and its code is on the way.
    pub fn step_up(challenge: String, approves: Vec<String>, passkey: Option<PasskeyQuestion>) -> Self {
        let detail = "a code was sent by mail: send the same request again with `step_up`";
        let mut problem = Self::new(StatusCode::FORBIDDEN, "step_up_required", detail);
        problem.0.challenge = Some(challenge);
        problem.0.approves = Some(approves);
        problem.0.passkey = passkey;
        problem
    }

    /// One factor is due.
    pub fn factor(approves: Vec<String>, passkey: Option<PasskeyQuestion>) -> Self {
        let detail = "send the same request again with `factor`, or with a passkey's answer as `passkey`";
        let mut problem = Self::new(StatusCode::FORBIDDEN, "factor_required", detail);
        problem.0.approves = Some(approves);
        problem.0.passkey = passkey;
        problem
    }

    /// No full session.
    pub fn nobody() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "send the token of POST /api/v1/session as a bearer token",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(&*self.0)).into_response();
        // `Json` sets its own type first.
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after_s {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

impl From<ActionError> for Problem {
    fn from(problem: ActionError) -> Self {
        use StatusCode as S;
        let (status, code) = match &problem {
            ActionError::NotAllowed(_) => (S::FORBIDDEN, "not_allowed"),
            ActionError::NotProven(NotProven::Wrong) => (S::FORBIDDEN, "factor_wrong"),
            ActionError::NotProven(NotProven::Paused) => (S::TOO_MANY_REQUESTS, "factor_paused"),
            ActionError::NotApproved(NotApproved::Wrong) => (S::FORBIDDEN, "code_wrong"),
            ActionError::NotProven(NotProven::Unreadable) => (S::UNPROCESSABLE_ENTITY, "factor_unreadable"),
            ActionError::NotApproved(NotApproved::Unreadable) => (S::UNPROCESSABLE_ENTITY, "code_unreadable"),
            ActionError::NotApproved(NotApproved::Over) => (S::FORBIDDEN, "challenge_over"),
            ActionError::NotApproved(NotApproved::OtherIntent) => {
                (S::FORBIDDEN, "challenge_for_something_else")
            }
            ActionError::NotSignedIn | ActionError::PasskeyRefused => (S::UNAUTHORIZED, "not_signed_in"),
            ActionError::NotAPasskey => (S::UNPROCESSABLE_ENTITY, "bad_passkey"),
            ActionError::TooManyPasskeys => (S::CONFLICT, "too_many_passkeys"),
            ActionError::NoPasskey => (S::NOT_FOUND, "no_passkey"),
            ActionError::NoPasskeysHere => (S::CONFLICT, "no_passkeys_here"),
            ActionError::TooManyCodes { .. } | ActionError::TooManyQuestions => {
                (S::TOO_MANY_REQUESTS, "too_many_codes")
            }
            ActionError::Busy => (S::TOO_MANY_REQUESTS, "busy"),
            ActionError::Searching => (S::TOO_MANY_REQUESTS, "searching"),
            ActionError::TooManySearches => (S::TOO_MANY_REQUESTS, "too_many_searches"),
            ActionError::TwoFactorOff => (S::CONFLICT, "two_factor_off"),
            ActionError::Cooling => (S::CONFLICT, "cooling"),
            ActionError::NotTheName => (S::UNPROCESSABLE_ENTITY, "name_mismatch"),
            ActionError::Key(KeyRefusal::TooMany) => (S::CONFLICT, "too_many_keys"),
            ActionError::Key(KeyRefusal::NameTaken | KeyRefusal::NameAlike) => (S::CONFLICT, "name_taken"),
            ActionError::Key(KeyRefusal::PassphraseTaken) => (S::CONFLICT, "passphrase_taken"),
            ActionError::Key(_) => (S::UNPROCESSABLE_ENTITY, "key_refused"),
            ActionError::Name(_) => (S::UNPROCESSABLE_ENTITY, "bad_name"),
            ActionError::Addresses(_) => (S::UNPROCESSABLE_ENTITY, "bad_addresses"),
            ActionError::Life(LifeRefusal::Ended) => (S::CONFLICT, "key_ended"),
            ActionError::Life(LifeRefusal::Already(_)) | ActionError::Unchanged => (S::CONFLICT, "unchanged"),
            ActionError::Password(_) | ActionError::WeakPassword(_) => {
                (S::UNPROCESSABLE_ENTITY, "weak_password")
            }
            ActionError::Tags => (S::UNPROCESSABLE_ENTITY, "bad_tags"),
            ActionError::Logo(_) => (S::UNPROCESSABLE_ENTITY, "bad_logo"),
            ActionError::Phrase => (S::UNPROCESSABLE_ENTITY, "bad_phrase"),
            ActionError::Overlap => (S::UNPROCESSABLE_ENTITY, "bad_overlap"),
            ActionError::Rotated => (S::CONFLICT, "rotated_already"),
            ActionError::BoundToApp => (S::CONFLICT, "bound_to_app"),
            ActionError::OtherRequest => (S::CONFLICT, "idempotency_mismatch"),
            ActionError::Frozen => (S::CONFLICT, "frozen"),
            ActionError::Proposal(NotPassed::Settled) => (S::CONFLICT, "settled"),
            ActionError::Proposal(NotPassed::Over) => (S::CONFLICT, "proposal_over"),
            ActionError::Proposal(NotPassed::Changed) => (S::CONFLICT, "proposal_changed"),
            ActionError::Proposal(NotPassed::OwnProposal) => (S::FORBIDDEN, "own_proposal"),
            ActionError::Proposal(NotPassed::NotAnOperator) => (S::FORBIDDEN, "not_an_operator"),
            ActionError::Proposal(NotPassed::Twice) => (S::CONFLICT, "approved_already"),
            ActionError::Proposal(NotPassed::NotEnough { .. }) => (S::CONFLICT, "approvals_missing"),
            ActionError::NoProposal => (S::NOT_FOUND, "no_proposal"),
            ActionError::ProposedAlready(_) => (S::CONFLICT, "proposed_already"),
            ActionError::TooManyProposals => (S::TOO_MANY_REQUESTS, "too_many_proposals"),
            ActionError::OtherWay(_) => (S::CONFLICT, "other_way"),
            ActionError::NoVersion => (S::NOT_FOUND, "no_version"),
            ActionError::AppClosed => (S::CONFLICT, "app_closed"),
            ActionError::TooManyApps => (S::CONFLICT, "too_many_apps"),
            ActionError::NoReason => (S::UNPROCESSABLE_ENTITY, "bad_reason"),
            ActionError::AtTheHost => (S::CONFLICT, "at_the_host"),
            ActionError::NotProposed(_) => (S::CONFLICT, "not_proposed"),
            ActionError::NoSetUpLink => (S::FORBIDDEN, "no_set_up_link"),
            ActionError::SetUpIsOver => (S::CONFLICT, "set_up_is_over"),
            ActionError::TooFewOperators => (S::CONFLICT, "too_few_operators"),
            ActionError::Target(_) => (S::UNPROCESSABLE_ENTITY, "bad_target"),
            ActionError::QuietHours(_) => (S::UNPROCESSABLE_ENTITY, "bad_quiet_hours"),
            ActionError::ChannelNameTaken => (S::CONFLICT, "name_taken"),
            ActionError::TooManyChannels => (S::CONFLICT, "too_many_channels"),
            ActionError::TooManyTests => (S::TOO_MANY_REQUESTS, "too_many_tests"),
            ActionError::ChannelAltered => (S::CONFLICT, "channel_altered"),
            ActionError::NoChannel => (S::NOT_FOUND, "no_channel"),
            ActionError::NoMessage => (S::NOT_FOUND, "no_message"),
            ActionError::NoKey => (S::NOT_FOUND, "no_key"),
            ActionError::NoAccount => (S::NOT_FOUND, "no_account"),
            ActionError::NoSession => (S::NOT_FOUND, "no_session"),
            ActionError::NoRecord => (S::NOT_FOUND, "no_record"),
            ActionError::NotYetSigned => (S::CONFLICT, "not_yet_signed"),
            ActionError::NoApp => (S::NOT_FOUND, "no_app"),
            ActionError::Store(_) if problem.kind() == ErrorKind::Refused => (S::CONFLICT, "conflict"),
            ActionError::Store(_) => {
                error!(problem = problem.for_the_log(), "the API could not do what was asked");
                (S::SERVICE_UNAVAILABLE, "store")
            }
        };
        let mut made = Self::new(status, code, problem.for_people());
        if let ActionError::TooManyCodes { wait_ms, .. } = problem {
            made.0.retry_after_s = Some(wait_ms.div_ceil(1_000));
        }
        made
    }
}

/// Under `/api/v1`, but nothing there.
pub async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_route", "there is no such route; /api/v1/openapi.json lists them")
}

/// The route is there, the method is not.
pub async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "this route does not take that method")
}
