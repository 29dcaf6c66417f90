//! Pages that say one thing, made again in the frame of the person who gets them: navigation, alerts, and the way back.
//!
//! Handlers and the guard answer with a bare page, because some of them know nobody. A stranger keeps that page.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use keyward_rules::id::KeyId;

use super::layout::{Frame, Said, Way, say};
use super::person::{SignedIn, watching};
use crate::shell::Shell;
use crate::who::session_cookie;

/// How long the look for the person may take; then the page stays bare.
const PATIENCE: Duration = Duration::from_secs(2);

/// Puts a bare page into the frame of the person whose full session the request carries.
pub async fn reframe(State(shell): State<Shell>, request: Request, next: Next) -> Response {
    // A part of a page has no frame, and who has no session gets none.
    if request.headers().contains_key("hx-request") || session_cookie(request.headers()).is_none() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let asked = parts.clone();
    let answer = next.run(Request::from_parts(parts, body)).await;
    let Some(said) = answer.extensions().get::<Said>().cloned() else { return answer };
    // The store that has just failed is not asked again.
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        return answer;
    }
    match tokio::time::timeout(PATIENCE, watching(&asked, &shell)).await {
        Ok(Ok(Some(person))) => framed(answer, &person, &asked, &said),
        Ok(Ok(None) | Err(_)) | Err(_) => answer,
    }
}

/// The same answer with another body.
fn framed(answer: Response, person: &SignedIn, asked: &Parts, said: &Said) -> Response {
    let (part, way) = way_back(person, asked.uri.path(), answer.status());
    let frame = Frame::of(person, part, &said.title);
    let page = say(answer.status(), frame, &said.title, &said.text, &way);
    let (mut head, _) = answer.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, page.into_body())
}

/// The part of the navigation that a path belongs to, and the way back to it: to the key itself where it is there.
fn way_back(person: &SignedIn, path: &str, status: StatusCode) -> (&'static str, Way) {
    let mut steps = path.split('/').skip(1);
    match (steps.next().unwrap_or_default(), steps.next().unwrap_or_default()) {
        ("operations", page) if person.role.is_some() => {
            (operators_part(page), Way::to("/operations", "Go to operations"))
        }
        ("apps", _) if person.broker => ("apps", Way::to("/apps", "Go to your apps")),
        ("alerts", _) => ("alerts", Way::to("/alerts", "Go to alerts")),
        ("security", _) => ("security", Way::to("/security", "Go to security")),
        ("trail", _) => ("audit", Way::to("/security", "Go to security")),
        ("keys", id) if status != StatusCode::NOT_FOUND && id.parse::<KeyId>().is_ok() => {
            ("keys", Way::to(&format!("/keys/{id}"), "Go to the key"))
        }
        ("keys", _) => ("keys", Way::to("/keys", "Go to API keys")),
        ("activity", _) => ("activity", Way::to("/keys", "Go to API keys")),
        (_, _) => ("", Way::to("/keys", "Go to API keys")),
    }
}

/// The part of the operators' workspace that a page belongs to.
fn operators_part(page: &str) -> &'static str {
    match page {
        "accounts" => "operations/accounts",
        "apps" => "operations/apps",
        "audit" => "operations/audit",
        "keys" => "operations/keys",
        "proposals" => "operations/proposals",
        "settings" => "operations/settings",
        "staff" => "operations/staff",
        _ => "operations",
    }
}
