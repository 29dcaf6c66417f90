//! Signing in and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use keyward_authority::passkeys::{Purpose, offer_any_passkey, offer_passkey};
use keyward_authority::questions::Presence;
use keyward_authority::sign_in::{
    Door, EndSession, Presented, present_factor as check_factor, present_passkey, present_passkey_second,
    present_password,
};
use keyward_authority::{Action as _, ActionContext, ActionError, SessionKind, SessionRecord, Stage};
use keyward_rules::grant::{Actor, Origin, Proof};
use keyward_rules::person::Token;

use super::field::{Field, Kind, RecoveryField};
use super::layout::{Frame, go, page, page_with, problem, sentence};
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
    recovery: String,
    /// A question for a passkey, as JSON; empty without one.
    offer: String,
}

fn form(shell: &Shell, email: &str, error: &str) -> Page {
    let address = Field::new("email", "E-mail address", Kind::Door).value(email);
    let password = Field::new("password", "Password", Kind::Password);
    let fields = if email.is_empty() {
        vec![address.focus().html(), password.html()]
    } else {
        vec![address.html(), password.focus().html()]
    };
    let sandbox = shell.settings().mail.is_some();
    Page { frame: Frame::bare("Sign in"), fields, error: error.to_owned(), sandbox }
}

/// The form.
pub async fn show(State(shell): State<Shell>) -> Response {
    page(&form(&shell, "", ""))
}

/// Address and password.
pub async fn present(
    State(shell): State<Shell>,
    From(origin): From,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let context = shell.context(Actor::Visitor(origin));
    let presented = Presented {
        email: fields.get("email").to_owned(),
        password: fields.get("password").to_owned(),
        device: device_cookie(&headers),
        kind: SessionKind::Pages,
    };
    let (answer, ()) = tokio::join!(present_password(&context, presented), tokio::time::sleep(EVEN_TIME));
    match answer {
        Ok(Door::SecondFactorDue(token)) => with_cookies(go("/sign-in/factor"), &token, None),
        Ok(Door::Open(token, device)) => with_cookies(go("/"), &token, Some(&device)),
        Err(wrong @ (ActionError::NotSignedIn | ActionError::Busy)) => {
            // The address stands there as it was typed, whether it has an account or not.
            page_with(StatusCode::UNAUTHORIZED, &form(&shell, fields.get("email"), &sentence(&wrong)))
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

async fn factor_form(
    context: &ActionContext<'_>,
    half: &SessionRecord,
    error: &str,
) -> Result<FactorPage, ActionError> {
    let offer = offer_passkey(context, half.account, &Purpose::SecondFactor(half.id)).await?;
    let field = Field::new("code", "Authenticator code", Kind::Six)
        .hint("Six digits from your authenticator.")
        .error(error)
        .left_open()
        .focus();
    let offer = offer.map(|offer| offer.to_json()).unwrap_or_default();
    let recovery = RecoveryField { open: false }.html();
    Ok(FactorPage { frame: Frame::bare("Second factor"), field: field.html(), recovery, offer })
}

/// The half session of a browser, or where it belongs instead.
async fn half(shell: &Shell, origin: &Origin, headers: &HeaderMap) -> Result<SessionRecord, Response> {
    let token = session_cookie(headers).ok_or_else(|| go("/sign-in"))?;
    let found = session(shell, origin.clone(), &token, Presence::Acting).await.map_err(problem)?;
    let half = found.ok_or_else(|| go("/sign-in"))?.record;
    match half.stage {
        Stage::Full => Err(go("/")),
        Stage::Password => Ok(half),
    }
}

/// The second form.
pub async fn show_factor(State(shell): State<Shell>, From(origin): From, headers: HeaderMap) -> Response {
    let half = match half(&shell, &origin, &headers).await {
        Ok(half) => half,
        Err(answer) => return answer,
    };
    match factor_form(&shell.context(Actor::Visitor(origin)), &half, "").await {
        Ok(form) => page(&form),
        Err(other) => problem(other),
    }
}

/// A question for a passkey of whichever account, for the script.
pub async fn ask_passkey(State(shell): State<Shell>, From(origin): From, fields: Fields) -> Response {
    let lane = if fields.has("field") { "field" } else { "button" };
    match offer_any_passkey(&shell.context(Actor::Visitor(origin)), &Purpose::SignIn, lane).await {
        Ok(offer) => ([(header::CONTENT_TYPE, "application/json")], offer.to_json()).into_response(),
        Err(other) => problem(other),
    }
}

/// A passkey, with nothing else.
pub async fn present_passkey_alone(
    State(shell): State<Shell>,
    From(origin): From,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let context = shell.context(Actor::Visitor(origin));
    let (text, device) = (fields.get("passkey"), device_cookie(&headers));
    let (answer, ()) = tokio::join!(
        present_passkey(&context, text, device, SessionKind::Pages),
        tokio::time::sleep(EVEN_TIME)
    );
    match answer {
        Ok((token, device)) => with_cookies(go("/"), &token, Some(&device)),
        Err(wrong @ ActionError::PasskeyRefused) => {
            page_with(StatusCode::UNAUTHORIZED, &form(&shell, "", &sentence(&wrong)))
        }
        Err(other) => problem(other),
    }
}

/// The second factor.
pub async fn present_factor(
    State(shell): State<Shell>,
    From(origin): From,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let half = match half(&shell, &origin, &headers).await {
        Ok(half) => half,
        Err(answer) => return answer,
    };
    let (context, device) = (shell.context(Actor::Visitor(origin)), device_cookie(&headers));
    let checked = if fields.has("passkey") {
        present_passkey_second(&context, &half, fields.get("passkey"), device).await
    } else {
        let code = if fields.get("code").is_empty() { fields.get("recovery") } else { fields.get("code") };
        check_factor(&context, &half, code, device).await
    };
    match checked {
        Ok((token, device)) => with_cookies(go("/"), &token, Some(&device)),
        Err(wrong @ ActionError::NotProven(_)) => match factor_form(&context, &half, &sentence(&wrong)).await
        {
            Ok(form) => page_with(StatusCode::UNAUTHORIZED, &form),
            Err(other) => problem(other),
        },
        Err(ActionError::NoSession) => go("/sign-in"),
        Err(other) => problem(other),
    }
}

/// Out.
pub async fn sign_out(posted: Posted) -> Response {
    let person = &posted.person;
    let end = EndSession { account: person.id(), session: person.holder.session };
    match end.perform(&person.own_context(), Proof::None).await {
        Ok(()) | Err(ActionError::NoSession) => {
            (AppendHeaders([(header::SET_COOKIE, clear_session())]), go("/sign-in")).into_response()
        }
        Err(other) => problem(other),
    }
}
