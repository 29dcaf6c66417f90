//! JSON bodies and queries, read strictly: unknown members are errors, and errors are problem documents.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use keyward_authority::passkeys::Offer;
use keyward_rules::limits::PAGE_DEFAULT;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::problem::Problem;

/// A JSON body.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(_)) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_body",
                "the body is JSON, but not of the form that the document describes",
            )),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send the body as application/json",
            )),
            Err(other) if other.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body has more than 64 KiB"))
            }
            Err(_) => Err(Problem::new(StatusCode::BAD_REQUEST, "not_json", "the body is not JSON")),
        }
    }
}

/// A query.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|_| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad_query",
                "a parameter of the query is not acceptable",
            )
        })
    }
}

/// How long an answer may be: 1 to `most`, and [`PAGE_DEFAULT`] unless asked.
pub fn limit(asked: Option<usize>, most: usize) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(PAGE_DEFAULT);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("`limit` is 1 to {most}");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_limit", detail))
}

/// An id in the path, in its one spelling; anything else names nothing.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing of that name");
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| missing())?;
        text.parse().map(Self).map_err(|_| missing())
    }
}

/// What a step-up asks for, in the second request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUp {
    /// The challenge of the 403 answer.
    pub challenge: String,
    /// The eight digits of the mail.
    pub mail_code: String,
    /// A code of the authenticator, or a recovery code.
    #[serde(default)]
    pub factor: String,
    /// Instead of `factor`: a passkey's answer to the question of the 403 answer.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}

/// A question for a passkey; good for five minutes, for one answer, for nothing but what it came with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyQuestion {
    /// Its id, which the answer names.
    pub ceremony: String,
    /// What the browser asks the passkey: `PublicKeyCredential.parse…OptionsFromJSON` takes it.
    pub options: Value,
}

impl From<Offer> for PasskeyQuestion {
    fn from(offer: Offer) -> Self {
        Self { ceremony: offer.ceremony.to_string(), options: offer.options }
    }
}

/// A passkey's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// To which question.
    ceremony: String,
    /// What the browser made of it: the credential's `toJSON()`.
    credential: Value,
}

impl PasskeyAnswer {
    /// As the authority takes it.
    pub fn to_json(&self) -> String {
        serde_json::json!({ "ceremony": self.ceremony, "credential": self.credential }).to_string()
    }
}
