//! Signing in and out.

use askama::Template;
use axum::extract::{Query as Asked, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use keyward_authority::questions::Presence;
use keyward_authority::sign_in::{
    Door, Presented, end_session, present_factor as check_factor, present_password,
};
use keyward_authority::{ActionError, SessionKind, Stage};
use keyward_rules::grant::Actor;
use keyward_rules::person::Token;

use super::field::{Field, Kind};
use super::layout::{Frame, Query, go, page, page_with, problem, sentence};
use super::person::Posted;
use crate::fields::Fields;
use crate::shell::Shell;
use crate::who::{
    EVEN_TIME, From, clear_session, device_cookie, session, session_cookie, set_device, set_session,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    fields: Vec<String>,
    error: String,
    sandbox: bool,
}

#[derive(Template)]
#[template(path = "factor.html")]
struct FactorPage {
    frame: Frame,
    field: String,
}

fn form(shell: &Shell, email: &str, error: &str, note: &str) -> Page {
    let fields = vec![
        Field::new("email", "E-mail address", Kind::Email).value(email).focus().html(),
        Field::new("password", "Password", Kind::Password).html(),
    ];
    let sandbox = shell.settings().mail.is_some();
    Page { frame: Frame::bare("Sign in").note(note), fields, error: error.to_owned(), sandbox }
}

/// The form.
pub async fn show(State(shell): State<Shell>, Asked(query): Asked<Query>) -> Response {
    page(&form(&shell, "", "", &query.note))
}

/// Address and password.
pub async fn present(
    State(shell): State<Shell>,
    From(origin): From,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let desk = shell.desk(Actor::Visitor(origin));
    let presented = Presented {
        email: fields.get("email").to_owned(),
        password: fields.get("password").to_owned(),
        device: device_cookie(&headers),
        kind: SessionKind::Pages,
    };
    let (answer, ()) = tokio::join!(present_password(&desk, presented), tokio::time::sleep(EVEN_TIME));
    match answer {
        Ok(Door::SecondFactorDue(token)) => with_cookies(go("/sign-in/factor"), &token, None),
        Ok(Door::Open(token, device)) => with_cookies(go("/keys"), &token, Some(&device)),
        Err(wrong @ (ActionError::NotSignedIn | ActionError::Busy)) => {
            // The address is not shown again: the answer is the same for all of them.
            page_with(StatusCode::UNAUTHORIZED, &form(&shell, "", &sentence(&wrong), ""))
        }
        Err(other) => problem(other),
    }
}

fn with_cookies(answer: Response, session: &Token, device: Option<&Token>) -> Response {
    let first = (header::SET_COOKIE, set_session(session));
    match device {
        Some(device) => {
            (AppendHeaders([first, (header::SET_COOKIE, set_device(device))]), answer).into_response()
        }
        None => (AppendHeaders([first]), answer).into_response(),
    }
}

/// Signs a browser in right after registering.
pub fn signed_in(to: &str, session: &Token, device: &Token) -> Response {
    with_cookies(go(to), session, Some(device))
}

fn factor_form(error: &str) -> FactorPage {
    let field = Field::new("code", "Code", Kind::Code)
        .hint("Six digits from your authenticator, or one of your recovery codes.")
        .error(error)
        .focus();
    FactorPage { frame: Frame::bare("Second factor"), field: field.html() }
}

/// The second form.
pub async fn show_factor() -> Response {
    page(&factor_form(""))
}

/// The second factor.
pub async fn present_factor(
    State(shell): State<Shell>,
    From(origin): From,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let Some(token) = session_cookie(&headers) else { return go("/sign-in") };
    let half = match session(&shell, origin.clone(), &token, Presence::Acting).await {
        Ok(Some(found)) => found.record,
        Ok(None) => return go("/sign-in"),
        Err(other) => return problem(other),
    };
    match half.stage {
        Stage::Full => return go("/keys"),
        Stage::Password => {}
    }
    let desk = shell.desk(Actor::Visitor(origin));
    match check_factor(&desk, &half, fields.get("code"), device_cookie(&headers)).await {
        Ok((token, device)) => with_cookies(go("/keys"), &token, Some(&device)),
        Err(wrong @ ActionError::NotProven(_)) => {
            page_with(StatusCode::UNAUTHORIZED, &factor_form(&sentence(&wrong)))
        }
        Err(ActionError::NoSession) => go("/sign-in"),
        Err(other) => problem(other),
    }
}

/// Out.
pub async fn sign_out(posted: Posted) -> Response {
    let person = &posted.person;
    match end_session(&person.desk(), person.id(), person.holder.session).await {
        Ok(()) | Err(ActionError::NoSession) => {
            (AppendHeaders([(header::SET_COOKIE, clear_session())]), go("/sign-in")).into_response()
        }
        Err(other) => problem(other),
    }
}
