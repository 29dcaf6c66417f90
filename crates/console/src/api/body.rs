//! JSON bodies and queries, read strictly: unknown members are errors, and errors are problem documents.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use keyward_rules::limits::PAGE_DEFAULT;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::shell::Shell;

/// What is said of a body that an operation does not take for its size.
const TOO_LARGE: &str = "the body is larger than this operation takes";

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shell> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shell: &Shell) -> Result<Self, Problem> {
        let bytes = json_bytes(request, shell).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| unreadable(&error))
    }
}

/// The bytes of a body that says that it is JSON, for what is signed as it was sent.
pub struct JsonBytes(pub Bytes);

impl FromRequest<Shell> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, shell: &Shell) -> Result<Self, Problem> {
        json_bytes(request, shell).await.map(Self)
    }
}

/// The bytes of a body that says that it is JSON.
async fn json_bytes(request: Request, shell: &Shell) -> Result<Bytes, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(is_json) {
        let detail = "send the body as application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail));
    }
    Bytes::from_request(request, shell).await.map_err(|refused| match refused.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE),
        _ => Problem::new(StatusCode::BAD_REQUEST, "not_json", "the body is not JSON"),
    })
}

/// Whether a content type is JSON: `application/json` or a type that builds on it, with any parameters.
fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn unreadable(error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_body",
            "the body is JSON, but not of the form that the document describes",
        ),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::new(StatusCode::BAD_REQUEST, "not_json", "the body is not JSON")
        }
    }
}

/// The bytes of a picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Picture(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Picture {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !matches!(kind, Some("image/png" | "image/jpeg")) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_a_picture",
                "send the picture as image/png or image/jpeg",
            ));
        }
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", TOO_LARGE))
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

/// An id in its one spelling; anything else names nothing.
pub fn parsed_id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, "not_found", "not found"))
}

/// An id in the path.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        parsed_id(&text.map(|Path(text)| text).unwrap_or_default()).map(Self)
    }
}

/// Two ids in the path, each in its one spelling.
pub struct Ids<A, B>(pub A, pub B);

impl<S, A, B> FromRequestParts<S> for Ids<A, B>
where
    S: Send + Sync,
    A: std::str::FromStr,
    B: std::str::FromStr + ToString,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(StatusCode::NOT_FOUND, "not_found", "not found");
        let found = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((one, two)) = found.map_err(|_| missing())?;
        let second: B = two.parse().map_err(|_| missing())?;
        // `01` and `+1` are other spellings of a number.
        if second.to_string() != two {
            return Err(missing());
        }
        Ok(Self(one.parse().map_err(|_| missing())?, second))
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

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_known_by_its_type() {
        for yes in [
            "application/json",
            "Application/JSON; charset=utf-8",
            " application/json ",
            "application/vnd.api+json",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        for no in ["", "text/json", "application/jsonp", "application/x-www-form-urlencoded", "text/x+json"] {
            assert!(!is_json(no), "{no}");
        }
    }
}
