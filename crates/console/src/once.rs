//! A form that arrives twice ends where one click ends (docs/decisions/0026-a-form-sent-twice.md).
//!
//! Owns: forms under way, and the answers that are kept for a repetition: who gets them, and for how long.
//! Leaves to others: which routes are such forms (`route`), and what a form does (`pages`). The API does not use it.
//!
//! Invariants:
//! - A form that began is handled to its end, whether its browser waits or not.
//! - An answer is repeated for the same request only: the same form, fields and cookies, from the same source. A form of a
//!   signed-in person also needs its session to be open still.
//! - A copy is wiped after [`FORM_ANSWER_MS`], or earlier when the session sends another form.
//! - Without room in the cache a form is handled as if it were the first. It is never refused.

mod cache;
mod copy;
mod partition;

use std::time::Duration;

use axum::body::{self, Body};
use axum::extract::Request;
use axum::handler::Handler as _;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use keyward_authority::Stage;
use keyward_authority::questions::Presence;
use keyward_rules::limits::FORM_ANSWER_MS;
use keyward_rules::person::SessionId;
use tokio::sync::oneshot;

use self::copy::{copied, first_answer, length};
use self::partition::{Claim, Slot};
use crate::client::{BODY_BYTES, Share};
use crate::guard::PATIENCE;
use crate::handler::Boxed;
use crate::shell::Shell;
use crate::who::{origin, session, session_cookie};

pub use cache::{AnswerCache, FormOf};

/// Handles a form, or repeats the answer to the same form of a moment ago.
pub async fn answer(request: Request, shell: Shell, handler: Boxed, of: FormOf) -> Response {
    let (parts, body) = request.into_parts();
    // Only a body of a known and small size is read here, before anybody looks at who sends it.
    if length(&body).is_none_or(|bytes| bytes > BODY_BYTES) {
        return handle(handler, Request::from_parts(parts, body), shell, None).await;
    }
    let Ok(body) = body::to_bytes(body, BODY_BYTES).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let session = open_session(&shell, &parts, of).await;
    let claim = match (of, session) {
        (FormOf::SignedIn, None) => Claim::Uncached,
        (FormOf::SignedIn, Some(_)) | (FormOf::Visitor, _) => {
            shell.answer_cache().claim(&parts, &body, of, session, shell.now())
        }
    };
    let slot = match claim {
        Claim::First(slot) => Some(slot),
        Claim::Uncached => None,
        Claim::Repeated(first) => match first_answer(first).await {
            Some(kept) if open_session(&shell, &parts, of).await == session => return kept.repeat(),
            Some(_) | None => None,
        },
    };
    handle(handler, Request::from_parts(parts, Body::from(body)), shell, slot).await
}

/// The full session that a request's cookie opens now. A visitor has none; a store that does not answer opens none either.
async fn open_session(shell: &Shell, parts: &Parts, of: FormOf) -> Option<SessionId> {
    if of == FormOf::Visitor {
        return None;
    }
    let token = session_cookie(&parts.headers)?;
    let found = session(shell, origin(parts), &token, Presence::Acting).await.ok()??;
    match found.record.stage {
        Stage::Full => Some(found.record.id),
        Stage::Password => None,
    }
}

/// Handles a form in a task of its own, which goes on when the browser closes its connection. The task counts as a request
/// of its source until the form is handled, and keeps the answer afterwards.
async fn handle(handler: Boxed, request: Request, shell: Shell, slot: Option<Slot>) -> Response {
    let (answered, answer) = oneshot::channel();
    tokio::spawn(async move {
        let share = request.extensions().get::<Share>().cloned();
        let handled = tokio::time::timeout(PATIENCE, handler.call(request, shell.clone())).await;
        let response = handled.unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response());
        drop(share);
        let Some(slot) = slot else {
            let _ = answered.send(response);
            return;
        };
        let (response, copy) = copied(response).await;
        let kept = slot.settle(copy, shell.now());
        let _ = answered.send(response);
        if kept {
            slot.keep_for(tokio::time::sleep(Duration::from_millis(FORM_ANSWER_MS))).await;
        }
    });
    answer.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
