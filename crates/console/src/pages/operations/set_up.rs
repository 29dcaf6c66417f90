//! The set-up link: whoever opens it, signed in with two factors, becomes an operator.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::PendingAction;
use keyward_authority::operators::TakeSetUp;
use keyward_rules::grant::{ActionKind, TwoFactor};

use crate::fields::Fields;
use crate::pages::confirm::{Confirmation, act};
use crate::pages::layout::{Frame, message, page, told};
use crate::pages::note::Note;
use crate::pages::person::{Posted, SignedIn};

#[derive(Template)]
#[template(path = "operations/set_up.html")]
struct Page<'p> {
    frame: Frame,
    csrf: &'p str,
    two_factor: bool,
}

/// The page. The token stands behind `#` and is put into the form by the browser: no log and no other site sees it.
pub async fn show(person: SignedIn) -> Response {
    let two_factor = person.account.two_factor == TwoFactor::On;
    page(&Page { frame: Frame::of(&person, "", "Become an operator"), csrf: &person.csrf, two_factor })
}

fn asking(pending: &PendingAction, token: &str, choice: &str) -> Confirmation {
    let hidden =
        |name: &str, value: &str| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
    Confirmation {
        title: "Become an operator?",
        action: "/set-up".to_owned(),
        button: "Become an operator",
        danger: false,
        back: "/keys".to_owned(),
        part: "",
        words: pending.words.clone(),
        extra: format!("{}{}", hidden("token", token), hidden("operators", choice)),
    }
}

/// Takes the place.
pub async fn take(posted: Posted) -> Response {
    let (person, fields) = (&posted.person, &posted.fields);
    let token = fields.get("token").trim();
    // What goes into the page again is of the alphabet of tokens.
    if token.is_empty()
        || !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    {
        let text = "Open the whole link that was printed when Keyward started, or paste the part after “#”.";
        return message(StatusCode::UNPROCESSABLE_ENTITY, "This is not a set-up link", text);
    }
    let alone = fields.get("operators") == "1";
    let kept = Posted { person: person.clone(), fields: Fields(fields.without(&["token", "operators"])) };
    let asking = |pending: &PendingAction| asking(pending, token, if alone { "1" } else { "2" });
    match act(&kept, &person.own_context(), TakeSetUp { token: token.to_owned(), alone }, asking).await {
        Ok(()) => told(person, "/operations", Note::Done(ActionKind::TakeSetUp)).await,
        Err(halted) => halted.into(),
    }
}
