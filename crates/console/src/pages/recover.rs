//! A lost password: the mail's code and the remaining factor, then another password.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use keyward_authority::ActionError;
use keyward_authority::accounts::{Consent, Reset, ResetForm, ask_to_reset, reset_password};
use keyward_authority::passkeys::{Purpose, offer_any_passkey};
use keyward_rules::account::Email;
use keyward_rules::grant::{Actor, NotApproved};

use super::field::{Field, Kind, html_of};
use super::layout::{Frame, Way, page, page_with, problem, say, sentence};
use super::stops::stops_now;
use crate::fields::Fields;
use crate::shell::Shell;
use crate::who::{EVEN_TIME, From, device_cookie};

#[derive(Template)]
#[template(path = "recover.html")]
struct Page {
    frame: Frame,
    field: String,
}

#[derive(Template)]
#[template(path = "recover_confirm.html")]
struct ConfirmPage {
    frame: Frame,
    challenge: String,
    email: String,
    fields: Vec<String>,
    error: String,
}

/// The keys that stop, before the password is set.
#[derive(Template)]
#[template(path = "recover_stops.html")]
struct StopsPage {
    frame: Frame,
    stops: String,
    hidden: [(&'static str, String); 5],
}

fn form(email: &str, error: &str) -> Page {
    let field = Field::new("email", "E-mail address", Kind::Email).value(email).error(error).focus();
    Page { frame: Frame::bare("Reset your password"), field: field.html() }
}

fn confirm_form(
    email: &str,
    challenge: &str,
    typed: &Fields,
    error: &str,
    password_error: &str,
) -> ConfirmPage {
    let fields = [
        Field::new("mail_code", "Code from the mail", Kind::Eight)
            .hint("Eight digits. The code expires in 10 minutes.")
            .value(typed.get("mail_code"))
            .focus(),
        Field::new("factor", "Authenticator code or recovery code", Kind::Code)
            .hint(
                "Leave it empty to use a passkey, or if your account has neither authenticator nor passkey.",
            )
            .value(typed.get("factor"))
            .optional(),
        Field::new("password", "New password", Kind::NewPassword)
            .hint("At least 12 characters, for example four random words.")
            .error(password_error),
    ];
    ConfirmPage {
        frame: Frame::bare("Reset your password"),
        challenge: challenge.to_owned(),
        email: email.to_owned(),
        fields: html_of(fields),
        error: error.to_owned(),
    }
}

/// The form.
pub async fn show() -> Response {
    page(&form("", ""))
}

/// The address. The answer is the same whether it has an account or not.
pub async fn ask(
    State(shell): State<Shell>,
    From(origin): From,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let typed = fields.get("email").trim();
    let Ok(email) = Email::parse(typed) else {
        let error = "Enter an e-mail address such as name@example.com.";
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(typed, error));
    };
    let context = shell.context(Actor::Visitor(origin));
    let device = device_cookie(&headers);
    let (asked, ()) =
        tokio::join!(ask_to_reset(&context, &email, device.as_ref()), tokio::time::sleep(EVEN_TIME));
    match asked {
        Ok(id) => page(&confirm_form(email.as_str(), &id.to_string(), &Fields::default(), "", "")),
        Err(other) => problem(other),
    }
}

/// A question for a passkey of whichever account, for the script: the same for every address.
pub async fn ask_passkey(State(shell): State<Shell>, From(origin): From, fields: Fields) -> Response {
    let Ok(challenge) = fields.get("challenge").parse() else {
        return problem(NotApproved::Over.into());
    };
    match offer_any_passkey(&shell.context(Actor::Visitor(origin)), &Purpose::Reset(challenge), "reset").await
    {
        Ok(offer) => ([(header::CONTENT_TYPE, "application/json")], offer.to_json()).into_response(),
        Err(other) => problem(other),
    }
}

/// Nobody is signed in whose session could keep a note, so this page tells it itself.
fn changed() -> Response {
    let title = "The password is changed";
    let text = "All sessions have ended. Keys that may withdraw, move funds or manage are held for 24 hours. Sign in with the new password.";
    say(StatusCode::OK, Frame::bare(title), title, text, &Way::to("/sign-in", "Sign in"))
}

/// Code, factor and password.
pub async fn confirm(State(shell): State<Shell>, From(origin): From, fields: Fields) -> Response {
    let context = shell.context(Actor::Visitor(origin));
    let field = |name: &str| fields.get(name).to_owned();
    let form = ResetForm {
        challenge: field("challenge"),
        mail_code: field("mail_code"),
        factor: field("factor"),
        proved: field("proved"),
        passkey: field("passkey"),
        password: field("password"),
    };
    // The keys that stop are shown once code and factor hold, and only then: before, they are nobody's to see.
    let consent = if fields.has("proved") { Consent::Given } else { Consent::Missing };
    let (reset, ()) = tokio::join!(reset_password(&context, &form, consent), tokio::time::sleep(EVEN_TIME));
    let again = |error: &str, password_error: &str| {
        // Nothing was looked at before the password was good enough, so the codes are still to be used.
        let none = Fields::default();
        let typed = if password_error.is_empty() { &none } else { &fields };
        let page = confirm_form(fields.get("email"), &form.challenge, typed, error, password_error);
        page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    match reset {
        Ok(Reset::Done) => changed(),
        Ok(Reset::Stops { proved, names }) => page(&StopsPage {
            frame: Frame::bare("Reset your password"),
            stops: stops_now(&names, shell.now()),
            hidden: [
                ("challenge", form.challenge),
                ("email", fields.get("email").to_owned()),
                ("mail_code", form.mail_code),
                ("password", form.password),
                ("proved", proved),
            ],
        }),
        Err(weak @ (ActionError::Password(_) | ActionError::WeakPassword(_))) => again("", &sentence(&weak)),
        Err(
            wrong @ (ActionError::NotProven(_)
            | ActionError::NotApproved(NotApproved::Wrong | NotApproved::Unreadable)),
        ) => again(&sentence(&wrong), ""),
        Err(other) => problem(other),
    }
}
