//! Copies of answers, for the forms that are repeated.

use std::sync::Arc;

use axum::body::{self, Body, Bytes};
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body::Body as _;
use keyward_rules::limits::FORM_ANSWER_BYTES;
use keyward_rules::secret::Secret;
use tokio::sync::watch;

/// The length of a body in bytes, where it is known before the body is read.
pub(super) fn length(body: &Body) -> Option<usize> {
    body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok())
}

/// The answer to the form that came first, once there is one. `None` when it has no copy.
pub(super) async fn first_answer(
    mut first: watch::Receiver<Option<Arc<AnswerCopy>>>,
) -> Option<Arc<AnswerCopy>> {
    first.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
}

/// A copy of an answer, wiped when nobody needs it any more.
pub(super) struct AnswerCopy {
    pub(super) status: StatusCode,
    /// Name and value of each header; `Set-Cookie` holds a session's token.
    pub(super) headers: Vec<(HeaderName, Secret<Vec<u8>>)>,
    /// What layers further out go by: `reframe` makes some pages again.
    pub(super) extensions: Extensions,
    pub(super) body: Secret<Vec<u8>>,
}

/// A body that is read from the copy, so that the copy is wiped only when the last reader is done.
struct CopiedBody(Arc<AnswerCopy>);

impl AsRef<[u8]> for CopiedBody {
    fn as_ref(&self) -> &[u8] {
        self.0.body.expose()
    }
}

/// A response and its copy. There is none of a body that is long, or of unknown length.
pub(super) async fn copied(response: Response) -> (Response, Option<AnswerCopy>) {
    if length(response.body()).is_none_or(|bytes| bytes > FORM_ANSWER_BYTES) {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = body::to_bytes(body, FORM_ANSWER_BYTES).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR.into_response(), None);
    };
    let headers =
        parts.headers.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_bytes().to_vec())));
    let copy = AnswerCopy {
        status: parts.status,
        headers: headers.collect(),
        extensions: parts.extensions.clone(),
        body: Secret::new(body.to_vec()),
    };
    (Response::from_parts(parts, Body::from(body)), Some(copy))
}

impl AnswerCopy {
    /// Whether later repetitions get the answer too. One that says "try again later" is not kept: the next try is handled.
    pub(super) fn lasts(&self) -> bool {
        !self.status.is_server_error() && self.status != StatusCode::TOO_MANY_REQUESTS
    }

    /// Bytes that the copy takes.
    pub(super) fn bytes(&self) -> usize {
        self.headers.iter().map(|(_, value)| value.expose().len()).sum::<usize>() + self.body.expose().len()
    }

    /// The answer once more.
    pub(super) fn repeat(self: Arc<Self>) -> Response {
        let mut response = Response::new(Body::from(Bytes::from_owner(CopiedBody(Arc::clone(&self)))));
        *response.status_mut() = self.status;
        response.extensions_mut().clone_from(&self.extensions);
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_bytes(value.expose()) {
                response.headers_mut().append(name.clone(), value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[tokio::test]
    async fn headers_are_repeated_in_their_order() {
        let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/keys")], "x").into_response();
        for value in ["a=1", "b=2"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        let (response, copy) = copied(response).await;
        let again = Arc::new(copy.unwrap()).repeat();
        assert_eq!((again.status(), again.headers()), (response.status(), response.headers()));
    }
}
