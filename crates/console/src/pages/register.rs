//! Registering: address and password, then the code that proves the address.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::accounts::{ask_to_register, confirm_registration};
use keyward_authority::{ActionError, SessionKind};
use keyward_rules::account::Email;
use keyward_rules::grant::{Actor, NotApproved};

use super::field::{Field, Kind, html_of};
use super::layout::{Frame, page, page_with, problem, sentence};
use super::sign_in::signed_in;
use crate::fields::Fields;
use crate::shell::Shell;
use crate::who::From;

#[derive(Template)]
#[template(path = "register.html")]
struct Page {
    frame: Frame,
    fields: Vec<String>,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
    email: String,
    challenge: String,
    field: String,
    mailbox: bool,
}

fn form(email: &str, email_error: &str, password_error: &str) -> Page {
    let fields = [
        Field::new("email", "E-mail address", Kind::Email).value(email).error(email_error).focus(),
        Field::new("password", "Password", Kind::NewPassword)
            .hint("At least 12 characters, for example four random words.")
            .error(password_error),
    ];
    Page { frame: Frame::bare("Create an account"), fields: html_of(fields) }
}

fn code_form(shell: &Shell, email: &str, challenge: &str, error: &str) -> CodePage {
    let field = Field::new("code", "Code", Kind::Eight)
        .hint("Eight digits. The code expires in 10 minutes.")
        .error(error)
        .focus();
    CodePage {
        frame: Frame::bare("Confirm your address"),
        email: email.to_owned(),
        challenge: challenge.to_owned(),
        field: field.html(),
        mailbox: shell.settings().mail.is_some(),
    }
}

/// The form.
pub async fn show() -> Response {
    page(&form("", "", ""))
}

/// Address and password.
pub async fn ask(State(shell): State<Shell>, From(origin): From, fields: Fields) -> Response {
    let typed = fields.get("email").trim();
    let Ok(email) = Email::parse(typed) else {
        let error = "Enter an e-mail address such as name@example.com.";
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(typed, error, ""));
    };
    let context = shell.context(Actor::Visitor(origin));
    match ask_to_register(&context, &email, fields.get("password")).await {
        Ok(id) => page(&code_form(&shell, email.as_str(), &id.to_string(), "")),
        Err(weak @ (ActionError::Password(_) | ActionError::WeakPassword(_))) => {
            page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(typed, "", &sentence(&weak)))
        }
        Err(other) => problem(other),
    }
}

/// The code.
pub async fn confirm(State(shell): State<Shell>, From(origin): From, fields: Fields) -> Response {
    let context = shell.context(Actor::Visitor(origin));
    let (email, challenge) = (fields.get("email"), fields.get("challenge"));
    match confirm_registration(&context, challenge, fields.get("code"), SessionKind::Pages).await {
        Ok(registered) => signed_in("/security/authenticator", &registered.token, &registered.device),
        Err(wrong @ ActionError::NotApproved(NotApproved::Wrong | NotApproved::Unreadable)) => page_with(
            StatusCode::UNPROCESSABLE_ENTITY,
            &code_form(&shell, email, challenge, &sentence(&wrong)),
        ),
        Err(other) => problem(other),
    }
}
