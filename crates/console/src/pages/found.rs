//! A found key: anybody pastes it, signed in or not, and hears nothing of what it was.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyward_authority::leaks::take_found;
use keyward_rules::grant::Actor;
use keyward_rules::limits::LEAK_TEXT_BYTES;

use super::field::{Field, Kind};
use super::layout::{Frame, Way, page, page_with, problem, say};
use crate::fields::Fields;
use crate::shell::Shell;
use crate::who::{EVEN_TIME, From};

#[derive(Template)]
#[template(path = "found.html")]
struct Page {
    frame: Frame,
    field: String,
}

fn form(error: &str) -> Page {
    let field = Field::new("text", "What you found", Kind::Area)
        .hint("The secret, with the API key if it stands beside it. A few lines around them do no harm.")
        .error(error)
        .focus();
    Page { frame: Frame::bare("Report a found key"), field: field.html() }
}

/// The form.
pub async fn show() -> Response {
    page(&form(""))
}

/// The text. The answer is the same, after the same time, whatever it holds. What was pasted is not shown again.
pub async fn take(State(shell): State<Shell>, From(origin): From, fields: Fields) -> Response {
    let text = fields.get("text");
    let error = if text.trim().is_empty() {
        "Paste the secret that you found."
    } else if text.len() > LEAK_TEXT_BYTES {
        "Paste at most 16 KiB: the secret and a few lines around it."
    } else {
        ""
    };
    if !error.is_empty() {
        return page_with(StatusCode::UNPROCESSABLE_ENTITY, &form(error));
    }
    let context = shell.context(Actor::Visitor(origin));
    let (taken, ()) = tokio::join!(take_found(&context, text), tokio::time::sleep(EVEN_TIME));
    match taken {
        Ok(()) => {
            let title = "Thank you";
            let text = "If this is a key of this deployment, it is stopped now and its owner is told. If you found it in a public \
                place, its owner has to remove it there.";
            say(StatusCode::OK, Frame::bare(title), title, text, &Way::to("/found", "Report another key"))
        }
        Err(other) => problem(other),
    }
}
