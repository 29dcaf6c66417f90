//! Problem documents (RFC 9457), made in this file alone.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use keyward_authority::{ActionError, ErrorKind};
use serde::Serialize;
use tracing::error;
use utoipa::{IntoResponses, ToSchema};

use super::passkey_question::PasskeyQuestion;

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
        let status = match problem.kind() {
            ErrorKind::Missing => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotSignedIn => StatusCode::UNAUTHORIZED,
            ErrorKind::Unacceptable => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::TooMuch => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Broken => {
                error!(problem = problem.for_the_log(), "the API could not do what was asked");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let mut made = Self::new(status, problem.code(), problem.for_people());
        if let ActionError::TooManyCodes { wait_ms, .. } = problem {
            made.0.retry_after_s = Some(wait_ms.div_ceil(1_000));
        }
        made
    }
}

/// Under `/api/v1`, but nothing there.
pub async fn no_such_route() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no_route",
        "this route does not exist; /api/v1/openapi.json lists them",
    )
}

/// The route is there, the method is not.
pub async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "this route does not take that method")
}
